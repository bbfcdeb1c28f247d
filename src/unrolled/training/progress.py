"""How a run shows itself: a live display, plain lines, or JSON lines; decides nothing."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol, TextIO

from unrolled.training.metrics import Metrics, bits, perplexity
from unrolled.training.report import Observer, Report

__all__ = ["JsonLines", "LiveDisplay", "PlainLines", "Recorder", "Show", "clock_time"]

SAMPLE_LINES = 8


def clock_time(seconds: float) -> str:
    """Minutes and seconds, with hours where there are any.

    >>> clock_time(62), clock_time(3725.4)
    ('1:02', '1:02:05')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _facts(report: Report) -> dict[str, str]:
    """What is shown of a report, in words; the validation loss goes before the training loss where there is one."""
    loss = report.train_loss if report.val_loss is None else report.val_loss
    total = "?" if report.total_steps is None else f"{report.total_steps:,}"
    shown = {
        "step": f"{report.step:,}/{total}",
        "train": f"{report.train_loss:.3f} nats/char" if math.isfinite(report.train_loss) else "",
        "validation": "" if report.val_loss is None else f"{report.val_loss:.3f} nats/char",
        "perplexity": f"{perplexity(loss):.2f}",
        "bits/char": f"{bits(loss):.3f}",
        "learning rate": f"{report.learning_rate:.2e}",
        f"{report.unit}/s": f"{report.items_per_second:,.0f}",
        "left": "" if report.seconds_left is None else clock_time(report.seconds_left),
    }
    return {name: value for name, value in shown.items() if value}


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
    """One line for each report, and the samples, for a log or a pipe."""

    def __init__(self, out: TextIO | None = None) -> None:
        self.out = out or sys.stdout

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
        facts = _facts(report)
        self.say("report", "  ".join(f"{name} {value}" for name, value in facts.items()))
        if report.sample is not None:
            self.say("sample", "\n".join("    | " + line for line in _sample_lines(report.sample)))


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
        if report.loss_unit == "nats/char":
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

    def held(self) -> AbstractContextManager[Any]:
        """The live display itself."""
        from rich.live import Live

        self.live = Live(console=self.console, auto_refresh=False, vertical_overflow="crop")
        return self.live

    def step(self, report: Report) -> None:
        """Redraws, but not more often than `refresh`."""
        self.latest = report
        if time.perf_counter() - self.drawn >= self.refresh:
            self._draw()

    def report(self, report: Report) -> None:
        """Redraws, with the new validation loss and sample if the report has them."""
        self.latest = report
        if report.val_loss is not None:
            self.validated = report
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
        facts = _facts(report)
        if self.validated is not None and self.validated.val_loss is not None:
            loss = self.validated.val_loss
            facts["validation"] = f"{loss:.3f} nats/char"
            facts["perplexity"], facts["bits/char"] = f"{perplexity(loss):.2f}", f"{bits(loss):.3f}"
        order = ("step", "left", "chars/s", "learning rate", "train", "validation", "perplexity", "bits/char")
        table = Table.grid(padding=(0, 2))
        for _ in range(4):
            table.add_column(justify="left", no_wrap=True)
        for start in (0, 4):
            cells: Iterable[str] = order[start : start + 4]
            table.add_row(*(Text.assemble((name + " ", "dim"), (facts.get(name, "-"), "bold")) for name in cells))
        bar = ProgressBar(total=report.total_steps or 1, completed=report.step if report.total_steps else 0)
        parts: list[Any] = [Padding(bar), table]  # a bar alone does not end its line
        if self.validated is not None and self.validated.sample is not None:
            parts += [Text(f"\na sample at step {self.validated.step:,}", style="dim")]
            parts += [Text(line, no_wrap=True, overflow="ellipsis") for line in _sample_lines(self.validated.sample)]
        return Panel(Group(*parts), title=Text(self.title), title_align="left")


def _sample_lines(sample: str) -> list[str]:
    """The first lines of a sample, without what would move a terminal's cursor."""
    lines = sample.strip("\n").expandtabs(4).splitlines()[:SAMPLE_LINES]
    return ["".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in line) for line in lines]
