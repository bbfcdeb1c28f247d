"""`unrolled check`: which files, with which guard, and where the report goes; judging is `unrolled.check`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from unrolled.errors import DataError, ParameterError

if TYPE_CHECKING:
    from unrolled.check.files import Options
    from unrolled.check.results import FileReport

FORMATS = "terminal|json|html|junit|gradescope|csv"
HINTS = "none|where|why|fix"
ALL_CORRECT, SOMETHING_WRONG, NOT_CHECKED, INTERRUPTED = 0, 1, 2, 130

Word = TypeVar("Word", bound=str)


def check(
    files: Annotated[
        list[str], typer.Argument(metavar="FILE...", help="Notebooks, .py files, folders, patterns; - is stdin.")
    ],
    mapping: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="YOURS=NAME",
            help="What is not guessed: rcf=rnn_cell_forward, or rcf.h=a_prev. Repeatable.",
        ),
    ] = None,
    only: Annotated[
        str | None, typer.Option(metavar="NAME,...", help="Only these functions, such as lstm_cell_backward.")
    ] = None,
    hints: Annotated[
        str,
        typer.Option(
            metavar=HINTS, help="How much is told: the verdict; also the line; also the mistake; also the equation."
        ),
    ] = "fix",
    format: Annotated[str, typer.Option(metavar=FORMATS, help="Who reads the report.")] = "terminal",  # noqa: A002
    output: Annotated[Path | None, typer.Option(metavar="PATH", help="Write the report here.")] = None,
    untrusted: Annotated[
        bool,
        typer.Option("--untrusted", help="Somebody else's code: only in a sandbox. So is every run of many files."),
    ] = False,
    timeout: Annotated[
        float, typer.Option(metavar="S", help="Seconds of computing for the calls of one function together.")
    ] = 10.0,
    jobs: Annotated[
        int | None, typer.Option(metavar="N", help="Files at a time (default: one for each processor).", min=1)
    ] = None,
    store: Annotated[
        Path | None, typer.Option(metavar="PATH", help="Where results of many files are kept (default: your cache).")
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Check again what was checked before.")] = False,
) -> None:
    """Tell which equation of a recurrent network is wrong.

    It finds the functions of "Building your Recurrent Neural Network - Step by Step" in your file as you wrote them,
    judges each alone, and names the line. A run over many files can be stopped with Ctrl-C; the same command goes on
    where it stopped. Exit status: 0 all correct, 1 something wrong, 2 something could not be checked.
    """
    from unrolled.check.files import Options, class_run, guard
    from unrolled.check.find.mapping import read_mapping
    from unrolled.check.output import FORMATS as KNOWN_FORMATS
    from unrolled.check.output import render
    from unrolled.check.output.hints import HINTS as KNOWN_HINTS
    from unrolled.check.output.hints import turn_down

    chosen, level = _chosen("--format", format, KNOWN_FORMATS), _chosen("--hints", hints, KNOWN_HINTS)
    read_mapping(mapping or ())  # a wrong one is said before any file is
    if not 0 < timeout < float("inf"):
        raise ParameterError(f"--timeout is {timeout}, expected a positive finite number of seconds")
    if output is not None and not output.parent.is_dir():
        raise DataError(f"`{output.parent}` is no folder to write {output.name} into; make it, or change --output")
    several = class_run(files)
    mode, warning = guard(insist=untrusted or several)
    if warning:
        _say(warning)
    options = Options(tuple(mapping or ()), _names(only), timeout, mode)
    reports = _run_many(files, options, jobs, store, fresh) if several else [_run_one(files[0], options)]
    reports = [turn_down(report, level) for report in reports]

    if output is not None:
        output.write_text(render(reports, chosen), encoding="utf-8")
        _say(f"wrote {output}")
    elif chosen == "terminal":
        _print(reports)
    else:
        sys.stdout.write(render(reports, chosen).rstrip("\n") + "\n")
    raise typer.Exit(exit_status(reports))


def exit_status(reports: Sequence[FileReport]) -> int:
    """0: all that was found is correct; 1: something is not; 2: a file has nothing to judge."""
    if not all(report.functions for report in reports):
        return NOT_CHECKED
    return ALL_CORRECT if all(report.correct for report in reports) else SOMETHING_WRONG


def _run_one(name: str, options: Options) -> FileReport:
    from unrolled.check.files import check_content, read_bytes

    if name == "-":
        return check_content("-", sys.stdin.buffer.read(), options)
    return check_content(name, read_bytes(Path(name)), options)


def _run_many(
    names: Sequence[str], options: Options, jobs: int | None, path: Path | None, fresh: bool
) -> list[FileReport]:
    from unrolled.check.files import search
    from unrolled.check.many import check_many, cores
    from unrolled.check.store import Store, default_path

    if "-" in names:
        raise ParameterError("FILE is - beside others, expected - alone: one file comes through standard input")
    found = search(names)
    reports: dict[int, FileReport] = {}
    kept = 0
    with Store(path or default_path()) as store, _progress(len(found.files)) as advance:
        try:
            for done in check_many(found.files, options, jobs=jobs or cores(), store=store, fresh=fresh):
                reports[done.index] = done.report
                kept += done.kept
                advance()
        except KeyboardInterrupt:
            _say(
                f"stopped: {len(reports):,} of {len(found.files):,} files are checked and kept; "
                "the same command goes on from here"
            )
            raise typer.Exit(INTERRUPTED) from None
    if kept:
        _say(f"{kept:,} of {len(found.files):,} files were checked before; --fresh checks them again")
    return [reports[index] for index in sorted(reports)] + found.refused


@contextmanager
def _progress(total: int) -> Generator[Callable[[], None]]:
    """A bar on stderr where that is a terminal; gives what moves it by one file."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("checking"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task("checking", total=total)
        yield lambda: progress.advance(bar)


def _print(reports: Sequence[FileReport]) -> None:
    from unrolled.check.output.terminal import console_for, print_all

    print_all(console_for(sys.stdout), reports)


def _chosen(option: str, value: str, known: Sequence[Word]) -> Word:
    for name in known:
        if value == name:
            return name
    raise ParameterError(f"{option} is {value!r}, expected one of {', '.join(known)}")


def _names(only: str | None) -> tuple[str, ...] | None:
    from unrolled.check.functions import FUNCTIONS

    if only is None:
        return None
    return tuple(dict.fromkeys(_chosen("--only", name.strip(), list(FUNCTIONS)) for name in only.split(",")))


def _say(line: str) -> None:
    """One line beside the report, which may be read by a program."""
    print(f"unrolled: {line}", file=sys.stderr)
