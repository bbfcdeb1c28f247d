"""What every `unrolled train` does with a run once it is there: shows it, keeps it, and says how to go on."""

from __future__ import annotations

import shlex
import signal
import sys
from pathlib import Path
from typing import Protocol

import typer

from unrolled.errors import DivergenceError
from unrolled.training.interrupt import stoppable
from unrolled.training.loop import Task, train
from unrolled.training.metrics import Metrics
from unrolled.training.progress import JsonLines, LiveDisplay, PlainLines, Recorder, Show
from unrolled.training.report import Report
from unrolled.training.session import Session

__all__ = ["Followed", "follow", "show_for"]


class Followed(Protocol):
    """A run, and what is said of it at its beginning and at its end."""

    session: Session
    folder: Path
    columns: tuple[str, ...]  # that its metrics.csv begins with

    @property
    def task(self) -> Task:
        """What is looked at while it trains."""
        ...

    def save(self) -> None:
        """Writes a checkpoint."""
        ...

    def introduce(self, show: Show) -> None:
        """Says what is trained on what."""
        ...

    def conclude(self, show: Show, last: Report) -> None:
        """Says what came of it, and what can be done with it."""
        ...


def follow(run: Followed, json: bool) -> None:
    """Trains with a show, and says at the end, however it comes, what can be done next.

    Raises:
        DivergenceError: with the option that helps, and where the last good checkpoint is.
        typer.Exit: with code 130, when Ctrl-C or SIGTERM came.
    """
    show, session, folder = show_for(run.folder, json), run.session, shlex.quote(str(run.folder))
    run.introduce(show)
    run.save()
    recorder = Recorder(Metrics(run.folder, session.step, run.columns), show)
    try:
        with stoppable((signal.SIGINT, signal.SIGTERM), also_ignored=True) as stop, show.held():
            last = train(session, run.task, recorder, run.save, stop)
    except DivergenceError as error:
        raise DivergenceError(f"{error} (--lr); the last good checkpoint is kept in {folder}") from error
    if last is None:
        go_on = f"unrolled train --resume {folder}"
        show.say(
            "interrupted",
            f"saved at step {session.step:,} in {run.folder}; go on with: {go_on}",
            step=session.step,
            resume=go_on,
        )
        raise typer.Exit(130)
    run.conclude(show, last)


def show_for(folder: Path, json: bool, every: float = 0.0) -> Show:
    """How a run is shown: JSON lines, a live display in a terminal, or plain lines, one in so many seconds."""
    if json:
        return JsonLines()
    if sys.stdout.isatty():
        return LiveDisplay(f"unrolled train: {folder}")
    return PlainLines(every=every)
