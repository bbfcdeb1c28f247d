"""Which equation of a recurrent network is wrong, in a learner's own code: the public names, and nothing else.

`run` is the way in from Python; `unrolled check` the one from a command line, `%%check` from a notebook.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from unrolled.check.results import FileReport, Finding, FunctionReport, Place, Problem

if TYPE_CHECKING:
    from unrolled.check.judge.run import run

__all__ = ["FileReport", "Finding", "FunctionReport", "Place", "Problem", "run"]


def load_ipython_extension(shell: Any) -> None:
    """Gives a notebook the cell magic `%%check`; this is what `%load_ext unrolled.check` calls."""
    from unrolled.check.magic import load

    load(shell)


def __getattr__(name: str) -> Any:
    """`run` is loaded when it is asked for: parts of this package are loaded without the judge."""
    if name == "run":
        from unrolled.check.judge.run import run

        return run
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
