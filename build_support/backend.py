"""The build backend: scikit-build-core's, with a compiler from PyPI where the machine has none; no build rules."""

from __future__ import annotations

import sys
from typing import Any

from scikit_build_core import build as base
from toolchain import ZIG, check_headers, compiler, needs_zig

build_sdist = base.build_sdist
get_requires_for_build_sdist = base.get_requires_for_build_sdist
prepare_metadata_for_build_wheel = base.prepare_metadata_for_build_wheel
prepare_metadata_for_build_editable = base.prepare_metadata_for_build_editable

Settings = dict[str, Any] | None


def _with_compiler(requirements: list[str], config_settings: Settings) -> list[str]:
    check_headers()
    if not needs_zig(config_settings):
        return requirements
    print(f"unrolled: no C++ compiler found, adding {ZIG} to the build requirements", file=sys.stderr)
    return [*requirements, ZIG]


def get_requires_for_build_wheel(config_settings: Settings = None) -> list[str]:
    return _with_compiler(base.get_requires_for_build_wheel(config_settings), config_settings)


def get_requires_for_build_editable(config_settings: Settings = None) -> list[str]:
    return _with_compiler(base.get_requires_for_build_editable(config_settings), config_settings)


def build_wheel(folder: str, config_settings: Settings = None, metadata: str | None = None) -> str:
    with compiler(config_settings):
        return base.build_wheel(folder, config_settings, metadata)


def build_editable(folder: str, config_settings: Settings = None, metadata: str | None = None) -> str:
    with compiler(config_settings):
        return base.build_editable(folder, config_settings, metadata)
