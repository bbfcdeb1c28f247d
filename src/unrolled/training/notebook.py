"""A run shown in a notebook: a bar and a line of facts, redrawn in place through IPython; decides nothing."""

from __future__ import annotations

import html
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from unrolled.training.facts import facts_of, measured_of
from unrolled.training.report import Report

__all__ = ["NotebookLine", "in_notebook"]


def in_notebook() -> bool:
    """Whether this runs in an IPython that displays for a notebook: one with a kernel, not one in a terminal."""
    if "IPython" not in sys.modules:  # nobody has imported it, so nobody runs in it
        return False
    shell: Any = sys.modules["IPython"].get_ipython()
    return getattr(shell, "kernel", None) is not None


class NotebookLine:
    """A progress bar and the facts beside it; the cell's output does not grow.

    Args:
        title: before the bar.
        refresh: seconds between two drawings: each is a message to the browser.
    """

    def __init__(self, title: str, refresh: float = 0.5) -> None:
        self.title, self.refresh = title, refresh
        self.latest: Report | None = None
        self.validated: Report | None = None
        self.drawn = 0.0
        self.handle: Any = None

    def say(self, event: str, text: str, **values: Any) -> None:
        """Prints the text below."""
        print(text, flush=True)

    @contextmanager
    def held(self) -> Generator[None]:
        """Drawn once more at its end."""
        try:
            yield
        finally:
            self._draw()

    def step(self, report: Report) -> None:
        """Redraws, but not more often than `refresh`."""
        self.latest = report
        if time.perf_counter() - self.drawn >= self.refresh:
            self._draw()

    def report(self, report: Report) -> None:
        """Redraws as well, and keeps the metrics until there are newer ones."""
        if report.validated:
            self.validated = report
        self.step(report)

    def _draw(self) -> None:
        if self.latest is None:
            return
        display: Any = import_module("IPython.display").display

        self.drawn = time.perf_counter()
        picture = self.picture(self.latest)
        if self.handle is None:
            self.handle = display(picture, raw=True, display_id=True)
        else:
            self.handle.update(picture, raw=True)

    def picture(self, report: Report) -> dict[str, str]:
        """Of now, by MIME type: text for where HTML cannot be shown."""
        facts = facts_of(report) | (measured_of(self.validated) if self.validated is not None else {})
        text = "  ".join(f"{name} {value}" for name, value in facts.items())
        place = f"max='{report.total_steps}' value='{report.step}'" if report.total_steps else ""
        words = "&ensp;".join(f"{html.escape(name)}&nbsp;<b>{html.escape(value)}</b>" for name, value in facts.items())
        return {
            "text/plain": f"{self.title}: {text}",
            "text/html": f"<div>{html.escape(self.title)} <progress {place}></progress>&ensp;{words}</div>",
        }
