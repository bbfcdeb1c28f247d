"""Which equation of a recurrent network is wrong, in a learner's own code: the public names, and nothing else."""

from typing import Any

from unrolled.check.results import FileReport, Finding, FunctionReport, Place, Problem

__all__ = ["FileReport", "Finding", "FunctionReport", "Place", "Problem"]


def load_ipython_extension(shell: Any) -> None:
    """Gives a notebook the cell magic `%%check`; this is what `%load_ext unrolled.check` calls."""
    from unrolled.check.magic import load

    load(shell)
