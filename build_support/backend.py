"""The build backend: scikit-build-core's, to which a compiler is added where the machine has none; no build rules."""

from scikit_build_core.build import *  # noqa: F403
