"""`unrolled bench`: what is asked for, the progress, and where results go; measuring is `unrolled.bench`."""

from __future__ import annotations

import json as json_module
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unrolled.errors import ParameterError

if TYPE_CHECKING:
    from rich.console import Console

    from unrolled.bench.cases import Case
    from unrolled.bench.records import Row
    from unrolled.bench.rounds import CaseResult

QUICK_ROUNDS, ROUNDS = 3, 7
WIDTH = 170  # of the tables where there is no terminal to fit
BUSY = 0.5  # a load average above this: another process takes a good part of a core


def bench(
    quick: Annotated[bool, typer.Option("--quick", help="LSTM, three sizes, few rounds: about a minute.")] = False,
    cells: Annotated[str | None, typer.Option(metavar="lstm,gru,rnn", help="Which cells.")] = None,
    sizes: Annotated[
        str | None, typer.Option(metavar="TxNxIxH,...", help="Which sizes, for example 100x64x64x128.")
    ] = None,
    modes: Annotated[
        str | None,
        typer.Option(
            metavar="inference,training,step,step-in-place",
            help="What to time; a step is one of a stream, into a new state or its own.",
        ),
    ] = None,
    dtypes: Annotated[str | None, typer.Option(metavar="float32,float64", help="Which dtypes.")] = None,
    threads: Annotated[
        str | None, typer.Option(metavar="1,2", help="How many threads (default: 1 and 2, as far as cores go).")
    ] = None,
    peers: Annotated[
        str | None, typer.Option(metavar="torch,onnx,jax,keras", help="Whom to compare with (default: all installed).")
    ] = None,
    rounds: Annotated[int | None, typer.Option(metavar="R", help=f"Turns of each (default {ROUNDS}).", min=1)] = None,
    seconds: Annotated[float, typer.Option(metavar="S", help="Length of a turn, at the least.", min=0.0)] = 0.1,
    csv: Annotated[Path | None, typer.Option(metavar="FILE", help="Keep medians here, with the machine.")] = None,
    json: Annotated[Path | None, typer.Option(metavar="FILE", help="Keep every round here.")] = None,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw this picture (.png, .svg); needs unrolled\\[bench].")
    ] = None,
    show: Annotated[
        Path | None, typer.Option("--show", metavar="CSV", help="Measure nothing: show, and plot, an earlier --csv.")
    ] = None,
) -> None:
    """Time this engine and its peers side by side on this machine.

    Each runs in a process of its own, idle while another is timed, on the same cores. They must agree on the numbers
    before they are timed, and take turns in rounds that also measure the machine's own peak. Without options the whole
    grid is measured, which takes about an hour. Ctrl-C keeps what is done.
    """
    from rich.console import Console

    from unrolled.bench.cases import CELLS, DTYPES, MODES, QUICK_SIZES, grid, parse_size
    from unrolled.bench.machine import describe_machine
    from unrolled.bench.plot import plot as draw
    from unrolled.bench.plot import require_matplotlib
    from unrolled.bench.records import read_csv, rows_of, to_json, write_csv
    from unrolled.bench.table import show as print_tables
    from unrolled.bench.workers import allowed_cores

    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    if plot is not None:
        require_matplotlib()
    if show is not None:
        machine, rows = read_csv(show)
        print_tables(console, machine, rows)
        if plot is not None:
            draw(plot, machine, rows)
        return
    chosen_sizes = None if sizes is None else [parse_size(text) for text in sizes.split(",")]
    counts = _threads(threads, len(allowed_cores()))
    cases = grid(
        _chosen("cells", cells, CELLS, CELLS[:1] if quick else CELLS),
        chosen_sizes or (QUICK_SIZES if quick else None),
        _chosen("modes", modes, MODES, MODES),
        counts,
        _chosen("dtypes", dtypes, DTYPES, DTYPES[:1] if quick or chosen_sizes else DTYPES),
    )
    if not cases:
        raise ParameterError("no case of the grid is chosen, expected at least one; `step` needs sizes with T = 1")
    names = _peers(console, peers)
    turns = rounds or (QUICK_ROUNDS if quick else ROUNDS)
    machine = describe_machine() | {
        "threads": " and ".join(map(str, counts)),
        "rounds": str(turns),
        "seconds of a turn": f"{seconds:g}",
    }
    if float(machine.get("load average before", 0)) > BUSY:
        console.print("Something else is running on this machine: expect wide quartiles.", style="yellow")
    results: list[CaseResult] = []
    rows: list[Row] = []
    try:
        measure(console, cases, names, turns, seconds, machine, results)
    finally:  # an hour's work is not lost with its last minute
        for result in results:
            rows += rows_of(result)
        if csv is not None:
            write_csv(csv, machine, rows)
        if json is not None:
            json.parent.mkdir(parents=True, exist_ok=True)
            json.write_text(json_module.dumps(to_json(machine, results), indent=1) + "\n", encoding="utf-8")
        if rows:
            print_tables(console, machine, rows)
        if plot is not None:
            draw(plot, machine, rows)


def measure(
    console: Console,
    cases: Sequence[Case],
    peers: Sequence[str],
    rounds: int,
    seconds: float,
    machine: dict[str, str],
    results: list[CaseResult],
) -> None:
    """Runs the cases with a progress bar, or a line each where there is no terminal; fills `results` as it goes."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from unrolled.bench.rounds import run_cases

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(str(cases[0]), total=len(cases))
        running = run_cases(cases, peers, rounds=rounds, seconds=seconds, versions=machine)
        for number, result in enumerate(running, start=1):
            results.append(result)
            after = str(cases[number]) if number < len(cases) else "done"
            progress.update(task, advance=1, description=after)
            if not console.is_terminal:
                typer.echo(f"{number}/{len(cases)} {result.case}", err=True)


def _chosen(option: str, given: str | None, known: Sequence[str], default: Sequence[str]) -> list[str]:
    """The names of a comma-separated option, each known."""
    if given is None:
        return list(default)
    names = [name.strip() for name in given.split(",")]
    for name in names:
        if name not in known:
            raise ParameterError(f"--{option} has {name!r}, expected some of {', '.join(known)}, separated by commas")
    return names


def _threads(given: str | None, cores: int) -> list[int]:
    if given is None:
        return [count for count in (1, 2) if count <= cores]
    counts: list[int] = []
    for text in given.split(","):
        if not text.strip().isdecimal() or not 1 <= int(text) <= cores:
            raise ParameterError(f"--threads has {text!r}, expected numbers from 1 to {cores}, this process's cores")
        counts.append(int(text))
    return counts


def _peers(console: Console, given: str | None) -> list[str]:
    """Ours, then the peers asked for, or all; says which are left out because a package is missing."""
    from unrolled.bench.peers import PEERS, missing_packages

    others = [name for name in PEERS if name != "unrolled"]
    names = ["unrolled"]
    for name in _chosen("peers", given, others, others):
        if missing := missing_packages(name):
            line = f"{PEERS[name].title} is left out: not installed (pip install {' '.join(missing)})"
            console.print(line, style="yellow", markup=False)
        else:
            names.append(name)
    return names
