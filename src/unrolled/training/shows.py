"""Which way of showing a run suits where it runs; shows nothing itself."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from unrolled.training.notebook import NotebookLine, in_notebook
from unrolled.training.progress import LiveDisplay, PlainLines, Show
from unrolled.training.report import Report

__all__ = ["Silent", "choose_show"]

SECONDS_PER_LINE = 2.0


class Silent:
    """Shows nothing."""

    def say(self, event: str, text: str, **values: Any) -> None:
        """Nothing is said."""

    def held(self) -> AbstractContextManager[Any]:
        """Nothing is held."""
        return nullcontext()

    def step(self, report: Report) -> None:
        """Nothing."""

    def report(self, report: Report) -> None:
        """Nothing."""


def choose_show(title: str) -> Show:
    """A live display in a terminal, a line redrawn in place in a notebook, and plain lines where neither is."""
    if in_notebook():
        return NotebookLine(title)
    if sys.stdout.isatty():
        return LiveDisplay(title)
    return PlainLines(every=SECONDS_PER_LINE)
