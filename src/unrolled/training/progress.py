"""How a run shows itself: a live display, plain lines, or JSON lines; decides nothing."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Generator, Iterable
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Protocol, TextIO

from unrolled.training.facts import NATS_PER_CHARACTER, bits, facts_of, measured_of, perplexity, sample_lines
from unrolled.training.metrics import Metrics
from unrolled.training.report import Observer, Report

__all__ = ["JsonLines", "LiveDisplay", "PlainLines", "Recorder", "Show"]


class Show(Observer, Protocol):
    """An observer that also says things once, and may hold the terminal while a run lasts."""

    def say(self, event: str, text: str, **values: Any) -> None:
        """One message: `text` for people, `event` and `values` for programs."""
        ...

    def held(self) -> AbstractContextManager[Any]:
        """Entered while the run lasts."""
        ...


class Recorder:
    """Hands everything on to a show, and every report to `metrics.csv` first."""

    def __init__(self, metrics: Metrics, show: Observer) -> None:
        self.metrics, self.show = metrics, show

    def step(self, report: Report) -> None:
        """Hands it on."""
        self.show.step(report)

    def report(self, report: Report) -> None:
        """Writes a row, then hands it on."""
        self.metrics.append(report)
        self.show.report(report)


class PlainLines:
    """One line for each report, and the samples, for a log or a pipe.

    Args:
        out: where to; the standard output by default.
        every: seconds between two lines at the least; a report that comes sooner is left out.
    """

    def __init__(self, out: TextIO | None = None, every: float = 0.0) -> None:
        self.out, self.every = out or sys.stdout, every
        self.written = -math.inf

    def say(self, event: str, text: str, **values: Any) -> None:
        """Prints the text."""
        print(text, file=self.out, flush=True)

    def held(self) -> AbstractContextManager[Any]:
        """Nothing is held."""
        return nullcontext()

    def step(self, report: Report) -> None:
        """Too often for a line."""

    def report(self, report: Report) -> None:
        """One line of facts, and the sample, indented."""
        now = time.perf_counter()
        if now < self.written + self.every:
            return
        self.written = now
        facts = facts_of(report)
        self.say("report", "  ".join(f"{name} {value}" for name, value in facts.items()))
        if report.sample is not None:
            self.say("sample", "\n".join("    | " + line for line in sample_lines(report.sample)))


class JsonLines:
    """One JSON object for each line, each with its `event`; numbers that are not finite are null."""

    def __init__(self, out: TextIO | None = None) -> None:
        self.out = out or sys.stdout

    def say(self, event: str, text: str, **values: Any) -> None:
        """An event with its values, and the text as `message`."""
        self._line({"event": event, "message": text, **values})

    def held(self) -> AbstractContextManager[Any]:
        """Nothing is held."""
        return nullcontext()

    def step(self, report: Report) -> None:
        """One line per report, not per step."""

    def report(self, report: Report) -> None:
        """All of the report, with perplexity and bits per character."""
        values = {"event": "report", **report.row(), "total_steps": report.total_steps}
        values |= {"seconds_left": report.seconds_left, "sample": report.sample}
        if report.loss_unit == NATS_PER_CHARACTER:
            loss = report.train_loss if report.val_loss is None else report.val_loss
            values |= {"perplexity": perplexity(loss), "bits_per_char": bits(loss)}
        self._line(values)

    def _line(self, values: dict[str, Any]) -> None:
        finite = {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in values.items()}
        print(json.dumps(finite, ensure_ascii=False), file=self.out, flush=True)


class LiveDisplay:
    """A panel that is redrawn in place: a bar, the facts, and the latest sample; messages scroll by above it.

    Args:
        title: of the panel.
        console: a Rich console; a new one on the standard output by default.
        refresh: seconds between two drawings; there is no drawing thread, as the engine's threads need the cores.
    """

    def __init__(self, title: str, console: Any = None, refresh: float = 0.2) -> None:
        from rich.console import Console

        self.title, self.console, self.refresh = title, console or Console(), refresh
        self.latest: Report | None = None
        self.validated: Report | None = None
        self.drawn = 0.0
        self.live: Any = None

    def say(self, event: str, text: str, **values: Any) -> None:
        """Prints the text above the panel."""
        self.console.print(text, markup=False, highlight=False, soft_wrap=True)

    @contextmanager
    def held(self) -> Generator[None]:
        """The live display itself; it is drawn once more at its end."""
        from rich.live import Live

        self.live = Live(console=self.console, auto_refresh=False, vertical_overflow="crop")
        with self.live:
            try:
                yield
            finally:
                self._draw()

    def step(self, report: Report) -> None:
        """Redraws, but not more often than `refresh`."""
        self.latest = report
        self._draw_if_due()

    def report(self, report: Report) -> None:
        """Redraws as well, with the new metrics and sample if the report has them."""
        self.latest = report
        if report.validated:
            self.validated = report
        self._draw_if_due()

    def _draw_if_due(self) -> None:
        if time.perf_counter() - self.drawn >= self.refresh:
            self._draw()

    def _draw(self) -> None:
        self.drawn = time.perf_counter()
        if self.live is not None and self.latest is not None:
            self.live.update(self.panel(), refresh=True)

    def panel(self) -> Any:
        """The picture of now, a Rich panel."""
        from rich.console import Group
        from rich.padding import Padding
        from rich.panel import Panel
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        report = self.latest
        assert report is not None
        facts = facts_of(report)
        if self.validated is not None:
            facts |= measured_of(self.validated)
        first = ("step", "left", f"{report.unit}/s", "learning rate", "train", "validation")
        order = [*first, *(name for name in facts if name not in first)]
        table = Table.grid(padding=(0, 2))
        for _ in range(4):
            table.add_column(justify="left", no_wrap=True)
        for start in range(0, len(order), 4):
            cells: Iterable[str] = order[start : start + 4]
            table.add_row(*(Text.assemble((name + " ", "dim"), (facts.get(name, "-"), "bold")) for name in cells))
        bar = ProgressBar(total=report.total_steps or 1, completed=report.step if report.total_steps else 0)
        parts: list[Any] = [Padding(bar), table]  # a bar alone does not end its line
        if self.validated is not None and self.validated.sample is not None:
            parts += [Text(f"\na sample at step {self.validated.step:,}", style="dim")]
            parts += [Text(line, no_wrap=True, overflow="ellipsis") for line in sample_lines(self.validated.sample)]
        return Panel(Group(*parts), title=Text(self.title), title_align="left")
