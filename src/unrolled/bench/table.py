"""Results as tables on a terminal; no arithmetic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table

from unrolled.bench.cases import Case
from unrolled.bench.peers import PEERS
from unrolled.bench.records import OURS, Row
from unrolled.bench.targets import comparisons, findings, means

__all__ = ["show"]

WORST = 5  # cases that the summary names


def show(console: Console, machine: Mapping[str, str], rows: Sequence[Row]) -> None:
    """Prints the machine, every case, what was not measured and why, and the summary."""
    console.print(", ".join(f"{name} {value}" for name, value in machine.items()), style="dim", markup=False)
    console.print(_cases(rows))
    for reason, count in _reasons(rows).items():
        console.print(f"{reason} ({count} case{'s' if count > 1 else ''})", style="yellow", markup=False)
    if comparisons(rows):
        console.print(_means(rows))
        console.print(_worst(rows))
    console.print(_findings(rows))


def _cases(rows: Sequence[Row]) -> Table:
    table = Table(title="microseconds of one call: median of the rounds (width of the quartiles)", title_justify="left")
    for name in ("cell", "T, N, I, H", "what", "threads"):
        table.add_column(name)
    others = [peer for peer in dict.fromkeys(row.peer for row in rows) if peer != OURS]
    for name in (OURS, "GFLOP/s", "of peak"):
        table.add_column(name, justify="right")
    for peer in others:
        table.add_column(PEERS[peer].title, justify="right")
    for case in dict.fromkeys(row.case for row in rows):
        by_peer = {row.peer: row for row in rows if row.case == case}
        ours = by_peer.get(OURS)
        table.add_row(
            case.cell + (" f64" if case.dtype == "float64" else ""),
            ", ".join(map(str, case.size)),
            case.mode,
            str(case.threads),
            _microseconds(ours),
            "" if ours is None or ours.gflops is None else f"{ours.gflops:.1f}",
            "" if ours is None else _fraction(ours),
            *(_microseconds(by_peer.get(peer)) for peer in others),
        )
    return table


def _microseconds(row: Row | None) -> str:
    if row is None:
        return ""
    if row.microseconds is None or row.low is None or row.high is None:
        return row.status
    digits = 1 if row.microseconds < 100 else 0
    ratio = "" if row.peer == OURS or row.times_ours is None else f" x{row.times_ours:.2f}"
    return f"{row.microseconds:,.{digits}f} ({(row.high - row.low) / row.microseconds:.0%}){ratio}"


def _reasons(rows: Sequence[Row]) -> dict[str, int]:
    """What was not timed, and of which peaks a round is missing: each reason once, with the number of its cases."""
    found: dict[str, set[Case]] = {}
    for row in rows:
        where = "" if row.status == "refused" else f" on {row.case}"
        if row.status != "timed":
            found.setdefault(f"{PEERS[row.peer].title} {row.status}{where}: {row.reason}", set()).add(row.case)
        elif row.reason:
            found.setdefault(f"the peak failed{where}: {row.reason}", set()).add(row.case)
    return {text: len(cases) for text, cases in found.items()}


def _means(rows: Sequence[Row]) -> Table:
    table = Table(title="the best peer's time in ours: geometric means", title_justify="left")
    for name in ("cell", "dtype", "what"):
        table.add_column(name)
    for name in ("cases", "mean"):
        table.add_column(name, justify="right")
    for cell, dtype, mode, count, mean in means(comparisons(rows)):
        table.add_row(cell, dtype, mode, str(count), f"{mean:.2f}", style="bold" if cell == "all" else None)
    return table


def _worst(rows: Sequence[Row]) -> Table:
    table = Table(title="where the best peer is nearest, or ahead", title_justify="left")
    for name in ("case", "best peer"):
        table.add_column(name)
    for name in ("its time in ours (quartiles)", "we use of the peak"):
        table.add_column(name, justify="right")
    for found in sorted(comparisons(rows), key=lambda c: c.speedup)[:WORST]:
        table.add_row(str(found.case), PEERS[found.best.peer].title, _ratio(found.best), _fraction(found.ours))
    return table


def _fraction(row: Row) -> str:
    return "" if row.peak_fraction is None else f"{row.peak_fraction:.0%}"


def _ratio(row: Row) -> str:
    """Of a peer's time and ours; a file of before they were kept has no quartiles."""
    if row.times_ours_low is None or row.times_ours_high is None:
        return f"{row.times_ours:.2f}"
    return f"{row.times_ours:.2f} ({row.times_ours_low:.2f} to {row.times_ours_high:.2f})"


def _findings(rows: Sequence[Row]) -> Table:
    table = Table(title="targets, float32, over the cases above", title_justify="left")
    for name in ("target", "measured", ""):
        table.add_column(name)
    for target, measured, met in findings(rows):
        table.add_row(target, measured, "" if met is None else "[green]met[/]" if met else "[red]missed[/]")
    return table
