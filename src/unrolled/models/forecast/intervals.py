"""Prediction intervals from past errors, by adaptive conformal prediction; no network and no series."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from unrolled.errors import ParameterError
from unrolled.shapes import Array, real_number

__all__ = ["KEPT", "Calibration"]

KEPT = 2048  # the newest errors of each step ahead: two digits of any usual level, in a small file
RATE = 0.05  # g in (6): a miss moves a level of 0.9 by 0.045, which 9 hits take back
DECAY = 0.94  # d in (2): about the last 16 errors say how large errors are now
LEAST = 1e-9  # of the first size, that a size can come down to: errors may be 0 for a long time


class Calibration:
    """Errors that a model made on what it was not trained on, and how wide they say an interval must be.

    Equations, for each step ahead, of the errors s_1, ..., s_n of a series, each in units of the spread then predicted:
        (1) s = |y - mean| / spread
        (2) size_n = d * size_n-1 + (1 - d) * s_n; size_0 = the mean of the errors known before the first forecast
        (3) u_n = s_n / (the size that was known when s_n was predicted)
        (4) k = ceil((m + 1) * level_n), from 1 to m, of the m errors of all series
        (5) interval = mean -+ spread * size_n * (the k-th smallest u of all series)
        (6) level_n+1 = level_n + g * (miss - (1 - level)), miss = 1 where s_n+1 was outside its interval, else 0

    Where the u are exchangeable, (4) and (5) with a constant level cover a share of at least `level` and at most
    `level + 1 / (m + 1)`, whatever the model and the distribution. Errors of real series come in quiet and in wild
    times and differ from series to series: (2) and (3) take that out of them. What still drifts, (6) follows: it
    widens the intervals after misses and narrows them after hits, so that the share covered of n forecasts is off by no
    more than (1 + g) / (g * n), unless u outgrow all that were seen.

    Args:
        scores: (1), `(n, h)`, the oldest first.
        first: so many of them are from before the first forecast: (6) begins behind them. All where `None`.
        of: the number of the series that each is of, `(n,)`; all of one where `None`.

    Source: (4), (5) Vovk, Gammerman & Shafer 2005, section 4.1, as Lei et al. 2018, algorithm 2, with errors in units
        of a predicted size as in their section 5.2; (2) J.P. Morgan's RiskMetrics 1996, section 5.2, whose d for daily
        series is taken; (6) Gibbs & Candes 2021, equation 2.

    >>> Calibration(np.full((9, 1), 2.0)).width(0.9).tolist()
    [2.0]
    """

    def __init__(self, scores: Array, first: int | None = None, of: NDArray[np.int64] | None = None) -> None:
        self.scores = scores
        self.first = len(scores) if first is None else first
        self.of = np.zeros(len(scores), np.int64) if of is None else of

    def __len__(self) -> int:
        return len(self.scores)

    def extended(self, scores: Array, of: int | None = 0) -> Calibration:
        """With newer errors of one series behind the old ones."""
        whose = np.concatenate([self.of, np.full(len(scores), _number(of))])
        return Calibration(np.concatenate([self.scores, scores]), self.first, whose)

    def newest(self) -> Calibration:
        """The newest errors only: what is worth keeping."""
        gone = max(len(self.scores) - KEPT, 0)
        return Calibration(self.scores[gone:], max(self.first - gone, 0), self.of[gone:])

    def width(self, level: float, of: int | None = 0) -> Array:
        """How many spreads an interval reaches to each side, `(h,)`.

        Args:
            level: the share of values that it is to cover.
            of: for which series; `None` for one that it was not fitted to, which has the size of all at first.

        Raises:
            ParameterError: there are too few errors for that level, or it is not between 0 and 1.
        """
        return self.widths(level, [len(self.scores)], of)[0]

    def widths(self, level: float, counts: Sequence[int], of: int | None = 0) -> Array:
        """The same with the first so many errors only, for each of `counts`: `(len(counts), h)`.

        Raises:
            ParameterError: there are too few errors for that level, or it is not between 0 and 1.
        """
        level = real_number("interval", level, above=0, below=1, remedy="0.9 is usual, None for none")
        least = math.ceil(level / (1 - level) - 1e-9)  # from here on (m + 1) * level is at most m
        if min(counts) < least:
            raise ParameterError(
                f"`interval` is {level}, but only {min(counts)} held-out values calibrate it, expected at least "
                f"{least}; ask for {_highest(min(counts))} at most, or fit with a larger `validation_fraction`"
            )
        h, of = self.scores.shape[1], _number(of)
        start = min(max(least, self.first), min(counts))
        sized, sizes = self._sized(start, of)
        own = np.flatnonzero(self.of == of)
        levels, ordered, known = np.full(h, level), np.empty((0, h)), 0
        made: list[Array] = []  # widths at the start, and behind each error of the series since
        at: dict[int, Array] = {}  # widths with the first so many errors
        for m in sorted({start, *(own[(own >= start) & (own < max(counts))] + 1).tolist(), *counts}):
            judges = m > start and self.of[m - 1] == of
            if judges:
                # the forecast so many steps ahead was made with the errors known that many steps earlier
                then = np.array([made[max(len(made) - 1 - j, 0)][j] for j in range(h)])
                levels = levels + RATE * ((self.scores[m - 1] > then) - (1 - level))  # (6)
            ordered, known = np.sort(np.concatenate([ordered, sized[known:m]]), axis=0, kind="stable"), m
            k = np.clip(np.ceil((m + 1) * levels - 1e-9).astype(int), 1, m)  # (4)
            size = sizes[np.searchsorted(own, m)]
            at[m] = size * np.take_along_axis(ordered, k[None] - 1, axis=0)[0]  # (5)
            if judges or m == start:
                made.append(at[m])
        return np.stack([at[count] for count in counts])

    def _sized(self, start: int, of: int) -> tuple[Array, Array]:
        """(3) of every error, `(n, h)`, and (2) of one series: before its errors and behind each, `(n_own + 1, h)`."""
        known, row, counts = np.unique(self.of, return_inverse=True, return_counts=True)
        place = np.empty(len(row), np.int64)  # of each error within its own series
        place[np.argsort(row, kind="stable")] = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
        h = int(self.scores.shape[1])
        errors = np.zeros((int(counts.max()), len(known), h))
        errors[place, row] = self.scores
        begin = self.scores[:start].mean(axis=0)  # size_0
        floor = np.maximum(LEAST * begin, np.finfo(np.float64).tiny)
        sizes = np.empty((len(errors) + 1, *errors.shape[1:]))
        sizes[0] = np.maximum(begin, floor)
        for n, error in enumerate(errors):
            sizes[n + 1] = np.maximum(DECAY * sizes[n] + (1 - DECAY) * error, floor)  # (2)
        ahead = np.arange(h)
        then = np.maximum(place[:, None] - ahead, 0)  # (n, h): how many of its series were known when it was predicted
        sized = self.scores / sizes[then, row[:, None], ahead]  # (3)
        return sized, sizes[:, np.flatnonzero(known == of)[0]] if of in known else sizes[:1, 0]


def _highest(count: int) -> float:
    """The highest level that so many errors say something about, rounded down."""
    return math.floor(1000 * count / (count + 1)) / 1000


def _number(of: int | None) -> int:
    return -1 if of is None else of
