"""What `unrolled train` does with a table whatever the task: folder, show, Ctrl-C, results; learns nothing itself."""

from __future__ import annotations

import csv
import io
import shlex
import signal
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import typer

from unrolled.data.tables import MISSING, UTF8, Table, read_table
from unrolled.errors import CheckpointError, DataError, DivergenceError, ParameterError
from unrolled.shapes import counted
from unrolled.storage import Unit, holds_unit, read_unit, write_atomic
from unrolled.training.callbacks import Callback
from unrolled.training.progress import JsonLines, LiveDisplay, Show
from unrolled.training.report import Report
from unrolled.training.session import Session

__all__ = [
    "DOCUMENT", "SECONDS_PER_LINE", "Watch", "as_options", "check_common", "conclude", "kept_record", "named_columns",
    "new_folder", "reopened", "table_record", "watched",
]  # fmt: skip

DOCUMENT = "table"  # of a run: which file, and what its columns are
SECONDS_PER_LINE = 2.0
TEST = 0.2  # the share that is held out to report errors on


def named_columns(option: str) -> list[str]:
    """The names in an option that takes several."""
    return [name.strip() for name in option.split(",")]


def new_folder(out: Path | None, table: Table) -> Path:
    """Where a new run goes.

    Raises:
        CheckpointError: it already holds a run.
    """
    folder = out or Path("runs") / f"{Path(table.path).stem}-{time.strftime('%Y%m%d-%H%M%S')}"
    if holds_unit(folder):
        raise CheckpointError(
            f"`{folder}` already holds a run; go on with it with --resume, or choose another folder with --out"
        )
    return folder


def table_record(table: Table, task: str, columns: Mapping[str, Any], **settings: Any) -> dict[str, Any]:
    """What a run keeps of its file, as plain values."""
    source = {"file": str(Path(table.path).resolve()), "sha256": table.sha256}
    return {"task": task, **source, "columns": dict(columns), **settings}


def kept_record(folder: Path) -> tuple[Unit, dict[str, Any]]:
    """The run of a folder, without its arrays, and what it kept of its file.

    Raises:
        CheckpointError: it is no run folder, or was not begun by `unrolled train` on a table.
    """
    unit = read_unit(folder, ())
    if unit.record.get("kind") == "char_lm":
        raise CheckpointError(
            f"`{folder}` holds a model of text, expected one of a table; unrolled sample and unrolled eval use it"
        )
    if DOCUMENT not in unit.documents:
        raise CheckpointError(
            f"`{folder}` has no {DOCUMENT}.json, expected a run that unrolled train began on a table; "
            "load it in Python with unrolled.models.load"
        )
    return unit, unit.documents[DOCUMENT]


def reopened(folder: Path, file: str | None) -> tuple[Unit, dict[str, Any], Table]:
    """The run of a folder, with its file, which may have been moved.

    Raises:
        CheckpointError: see `kept_record`; or the file is not the one that the run was begun with.
        DataError: the file cannot be read.
    """
    unit, record = kept_record(folder)
    path = file or record["file"]
    if file is None and not Path(path).exists():
        raise DataError(
            f"`{path}`, on which the run was begun, does not exist, expected it there; if it was moved: "
            f"unrolled train FILE --resume {shlex.quote(str(folder))}"
        )
    table = read_table(path, record.get("encoding", UTF8))
    if table.sha256 != record["sha256"]:
        raise CheckpointError(
            f"`{path}` is not the file that the run was begun with (its SHA-256 differs), expected the same bytes; "
            "give the old one: unrolled train FILE --resume RUN"
        )
    return unit, record, table


def check_common(given: Mapping[str, Any]) -> float:
    """Checks the options that every task on a table has; gives the share to test on.

    Raises:
        ParameterError: one is out of its range.
    """
    if given.get("missing", "refuse") not in MISSING:
        raise ParameterError(f"--missing is {given['missing']!r}, expected refuse or mask; mask treats it as missing")
    if given.get("seed", 0) < 0:
        raise ParameterError(f"--seed is {given['seed']}, expected a whole number of at least 0")
    test = given.get("test", TEST)
    for option, share, least in (("--test", test, 0), ("--validation", given.get("validation", 0.2), 0.01)):
        if not least <= share <= 0.5:
            raise ParameterError(f"{option} is {share}, expected a share from {least} to 0.5; 0.2 is usual")
    return test


@contextmanager
def as_options(names: Mapping[str, str]) -> Generator[None]:
    """Errors about settings name the options that they came from; `names` has those, by setting."""
    try:
        yield
    except (ParameterError, DataError) as error:
        message = str(error)
        for setting, option in names.items():
            message = message.replace(f"`{setting}`", "--" + option.replace("_", "-"))
        raise type(error)(message) from error


class Watch(Callback):
    """Shows a run of an estimator; `introduce` is called with its session before the first step."""

    def __init__(self, show: Show, introduce: Callable[[Session], None]) -> None:
        self.show, self.introduce = show, introduce
        self.session: Session | None = None

    def start(self, session: Session) -> None:
        """Says what is trained."""
        self.session = session
        self.introduce(session)

    def step(self, report: Report) -> None:
        """Hands it on."""
        self.show.step(report)

    def reported(self, report: Report) -> None:
        """Hands it on."""
        self.show.report(report)


@contextmanager
def watched(watch: Watch, folder: Path) -> Generator[None]:
    """Within it an estimator trains; Ctrl-C and SIGTERM save, and it is said how to go on.

    Raises:
        DivergenceError: with the option that helps, and where the last good checkpoint is.
        typer.Exit: with code 130, when a signal came.
    """
    show, quoted = watch.show, shlex.quote(str(folder))
    try:
        # what is no longer finite is looked for at every step, and before each save
        with _signals(), show.held(), np.errstate(over="ignore", invalid="ignore"):
            yield
    except DivergenceError as error:
        raise DivergenceError(f"{error} (--lr); the last good checkpoint is kept in {quoted}") from error
    except KeyboardInterrupt:
        if not holds_unit(folder):
            raise
        step = read_unit(folder, ()).record["step"]
        go_on = f"unrolled train --resume {quoted}"
        show.say("interrupted", f"saved at step {step:,} in {folder}; go on with: {go_on}", step=step, resume=go_on)
        raise typer.Exit(130) from None


@contextmanager
def _signals() -> Generator[None]:
    """SIGTERM counts as Ctrl-C, and Ctrl-C is heard even where the process was told to ignore it."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGTERM, lambda number, frame: signal.raise_signal(signal.SIGINT))
    if before[signal.SIGINT] is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def conclude(
    watch: Watch, folder: Path, columns: Sequence[str], rows: Sequence[Mapping[str, Any]], then: Sequence[str]
) -> None:
    """Writes and shows the table of results, and says what can be done with the run.

    Args:
        watch: that saw the run.
        folder: of the run; `results.csv` is written there.
        columns: of the table.
        rows: by column; a value that is not there is left empty.
        then: the commands that use the run.
    """
    show, session = watch.show, watch.session
    assert session is not None
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows([{name: _cell(row.get(name)) for name in columns} for row in rows])
    write_atomic(folder / "results.csv", out.getvalue().encode())
    early = ""
    stopping = session.stopping
    if stopping is not None and session.stopped:
        early = (
            f"Stopped early: no better validation in {counted(stopping.patience, 'epoch')}; "
            f"the weights are those of step {stopping.best_step:,}.\n"
        )
    _show_table(show, columns, [[_cell(row.get(name)) for name in columns] for row in rows])
    show.say(
        "end",
        f"{early}Saved in {folder}, after {counted(session.step, 'step')}. Now try:\n"
        + "\n".join(f"  {line}" for line in then),
        results=list(rows),
        steps=session.step,
        run=str(folder),
        then=list(then),
    )


def _show_table(show: Show, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A Rich table in a terminal, else aligned columns; JSON lines have the results in their last line."""
    if isinstance(show, LiveDisplay):
        from rich.table import Table as RichTable

        table = RichTable()
        for place, name in enumerate(columns):
            table.add_column(name, justify="right" if place else "left")
        for row in rows:
            table.add_row(*row)
        show.console.print(table)
        return
    if isinstance(show, JsonLines):
        return
    widths = [max(len(row[place]) for row in (columns, *rows)) for place in range(len(columns))]
    lines = [
        "  ".join(
            cell.rjust(width) if place else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in (columns, *rows)
    ]
    show.say("results", "\n".join(lines))


def _cell(value: Any) -> str:
    return "" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
