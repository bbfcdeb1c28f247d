"""What a table of results says: means against the best peer, the worst cases, and which targets are met."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from unrolled.bench.cases import STEPS, Case
from unrolled.bench.records import OURS, Row
from unrolled.bench.statistics import geometric_mean

__all__ = ["Comparison", "Finding", "comparisons", "findings", "means"]


class Comparison(NamedTuple):
    """Ours against the best of the others in one case."""

    case: Case
    ours: Row
    best: Row

    @property
    def speedup(self) -> float:
        """How many times our time the best peer takes."""
        assert self.best.times_ours is not None
        return self.best.times_ours


class Finding(NamedTuple):
    """One target: what was measured; `met` is `None` where no case of the table is about it."""

    target: str
    measured: str
    met: bool | None


def comparisons(rows: Sequence[Row]) -> list[Comparison]:
    """For each case that we and at least one other did: the peer that took the least of our time."""
    timed = [row for row in rows if row.status == "timed"]
    found: list[Comparison] = []
    for ours in (row for row in timed if row.peer == OURS):
        others = [row for row in timed if row.case == ours.case and row.peer != OURS and row.times_ours is not None]
        if others:
            found.append(Comparison(ours.case, ours, min(others, key=lambda row: row.times_ours or 0.0)))
    return found


def means(compared: Sequence[Comparison]) -> list[tuple[str, str, str, int, float]]:
    """Geometric means over sizes and threads: `(cell or "all", dtype, mode, cases, mean)`."""
    found: list[tuple[str, str, str, int, float]] = []
    for dtype in sorted({c.case.dtype for c in compared}):
        for mode in sorted({c.case.mode for c in compared}):
            for cell in [*sorted({c.case.cell for c in compared}), "all"]:
                part = [
                    c.speedup
                    for c in compared
                    if (c.case.dtype, c.case.mode) == (dtype, mode) and cell in (c.case.cell, "all")
                ]
                if part:
                    found.append((cell, dtype, mode, len(part), geometric_mean(part)))
    return found


def findings(rows: Sequence[Row]) -> list[Finding]:
    """Each target of the engine, float32, against the best peer of each case."""
    compared = [c for c in comparisons(rows) if c.case.dtype == "float32"]
    sequences = [c for c in compared if c.case.mode not in STEPS]
    training = [c for c in sequences if c.case.mode == "training"]
    inference = [c for c in sequences if c.case.mode == "inference"]
    ours = [row for row in rows if row.peer == OURS and row.status == "timed" and row.dtype == "float32"]

    def cells(name: str) -> list[Comparison]:
        return [c for c in training if c.case.cell == name]

    return [
        _every("nowhere slower than the best peer: 0.95 or more", sequences, 0.95),
        _mean("training, geometric mean: 2.5 or more", training, 2.5),
        _mean("inference, geometric mean: 1.7 or more", inference, 1.7),
        _mean("GRU training, geometric mean: 3 or more", cells("gru"), 3.0),
        _mean("RNN training, geometric mean: 3 or more", cells("rnn"), 3.0),
        _every("every training case with H of 256 or more: 1.6 or more", [c for c in training if c.case.H >= 256], 1.6),
        _peak("training, H = 128 to 512, N of 32 or more: 0.70 of the peak", ours, "training", 0.70),
        _peak("inference, H = 128 to 512, N of 32 or more: 0.75 of the peak", ours, "inference", 0.75),
        _step("one step of a stream, H = 64, N = 1: 5 us or less", ours, 5.0),
    ]


def _every(target: str, compared: Sequence[Comparison], least: float) -> Finding:
    if not compared:
        return Finding(target, "not measured", None)
    worst = min(compared, key=lambda c: c.speedup)
    below = sum(c.speedup < least for c in compared)
    return Finding(target, f"{worst.speedup:.2f} ({worst.case}); {below} of {len(compared)} below", below == 0)


def _mean(target: str, compared: Sequence[Comparison], least: float) -> Finding:
    if not compared:
        return Finding(target, "not measured", None)
    mean = geometric_mean(c.speedup for c in compared)
    return Finding(target, f"{mean:.2f} over {len(compared)} cases", mean >= least)


def _worst_of(target: str, rows: Sequence[Row], value: Callable[[Row], float], met: Callable[[float], bool]) -> Finding:
    """`value` grows with badness."""
    if not rows:
        return Finding(target, "not measured", None)
    worst = max(rows, key=value)
    missed = sum(not met(abs(value(row))) for row in rows)
    return Finding(target, f"{abs(value(worst)):.2f} ({worst.case}); {missed} of {len(rows)} miss it", missed == 0)


def _peak(target: str, ours: Sequence[Row], mode: str, least: float) -> Finding:
    part = [row for row in ours if row.mode == mode and 128 <= row.H <= 512 and row.N >= 32]
    part = [row for row in part if row.peak_fraction is not None]
    return _worst_of(target, part, lambda row: -(row.peak_fraction or 0.0), lambda fraction: fraction >= least)


def _step(target: str, ours: Sequence[Row], most: float) -> Finding:
    part = [row for row in ours if row.mode == "step" and (row.H, row.N) == (64, 1)]
    return _worst_of(target, part, lambda row: row.microseconds or 0.0, lambda microseconds: microseconds <= most)
