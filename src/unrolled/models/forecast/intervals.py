"""Prediction intervals from past errors, by adaptive conformal prediction; no network and no series."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from unrolled.errors import ParameterError
from unrolled.shapes import Array, real_number

__all__ = ["KEPT", "Calibration", "by_age"]

KEPT = 2048  # the newest errors of each step ahead: two digits of any usual level, in a small file
RATE = 0.05  # g in (6): a miss moves a level of 0.9 by 0.045, which 9 hits take back
DECAY = 0.94  # d in (2): about the last 16 errors say how large errors are now
# Of the first size, that a size can come down to, as errors may be 0 for a long time, or from the beginning. What is
# predicted there has no size to be measured by: its error counts as it is.
LEAST = 1e-9


class Calibration:
    """Errors that a model made on what it was not trained on, and how wide they say an interval must be.

    Equations, for each step ahead, of the errors s_1, ..., s_n of a series, each in units of the spread then predicted:
        (1) s = |y - mean| / spread
        (2) size_n = d * size_n-1 + (1 - d) * s_n; size_0 = the mean of the errors known before the first forecast
        (3) u_n = s_n / (the size that was known when s_n was predicted; 1 where that was as good as 0)
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

    def extended(self, scores: Array, of: int | NDArray[np.int64] | None = 0) -> Calibration:
        """With newer errors behind the old ones, of one series or each of its own."""
        whose = of if isinstance(of, np.ndarray) else np.full(len(scores), _number(of))
        return Calibration(np.concatenate([self.scores, scores]), self.first, np.concatenate([self.of, whose]))

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

    def width_of_each(self, level: float, of: Sequence[int | None]) -> list[Array]:
        """What `width` says of each of several series, found together.

        Raises:
            ParameterError: there are too few errors for that level, or it is not between 0 and 1.
        """
        n, numbers = len(self.scores), [_number(each) for each in of]
        at = self._walked(level, [n], numbers)
        return [at[number, n] for number in numbers]

    def widths(self, level: float, counts: Sequence[int], of: int | None = 0) -> Array:
        """What `width` says with the first so many errors only, for each of `counts`: `(len(counts), h)`.

        Raises:
            ParameterError: there are too few errors for that level, or it is not between 0 and 1.
        """
        at = self._walked(level, counts, [_number(of)])
        return np.stack([at[_number(of), count] for count in counts])

    def _walked(self, level: float, counts: Sequence[int], numbers: Sequence[int]) -> dict[tuple[int, int], Array]:
        """The width of each of these series with the first so many errors, by both."""
        level = real_number("interval", level, above=0, below=1, remedy="0.9 is usual, None for none")
        least = math.ceil(level / (1 - level) - 1e-9)  # from here on (m + 1) * level is at most m
        if min(counts) < least:
            raise ParameterError(
                f"`interval` is {level}, but only {min(counts)} held-out values calibrate it, expected at least "
                f"{least}; ask for {_highest(min(counts))} at most, or fit with a larger `validation_fraction`"
            )
        h = self.scores.shape[1]
        start = min(max(least, self.first), min(counts))
        sized, sizes = self._sized(start, numbers)
        own = {number: np.flatnonzero(self.of == number) for number in sizes}
        levels = {number: np.full(h, level) for number in sizes}
        made: dict[int, list[Array]] = {number: [] for number in sizes}  # at the start, and behind each error since
        at: dict[tuple[int, int], Array] = {}
        for_all = {start, *counts}
        judging = np.flatnonzero(np.isin(self.of[start : max(counts)], list(sizes))) + start + 1
        ordered, known = np.empty((0, h)), 0
        for m in sorted({*for_all, *judging.tolist()}):
            judged = int(self.of[m - 1]) if m > start else None
            if judged in sizes:
                # the forecast so many steps ahead was made with the errors known that many steps earlier
                then = np.array([made[judged][max(len(made[judged]) - 1 - j, 0)][j] for j in range(h)])
                levels[judged] = levels[judged] + RATE * ((self.scores[m - 1] > then) - (1 - level))  # (6)
            ordered, known = np.sort(np.concatenate([ordered, sized[known:m]]), axis=0, kind="stable"), m
            for number in sizes if m in for_all else (int(self.of[m - 1]),):
                k = np.clip(np.ceil((m + 1) * levels[number] - 1e-9).astype(int), 1, m)  # (4)
                size = sizes[number][np.searchsorted(own[number], m)]
                at[number, m] = size * np.take_along_axis(ordered, k[None] - 1, axis=0)[0]  # (5)
                if number == judged or m == start:
                    made[number].append(at[number, m])
        return at

    def _sized(self, start: int, numbers: Sequence[int]) -> tuple[Array, dict[int, Array]]:
        """(3) of every error, `(n, h)`, and (2) of these series: before their errors and behind each, `(n_own + 1, h)`.

        All first errors of a series are taken at once, then all second ones: those of the longest series come first, so
        that each time a part from the beginning goes on.
        """
        known, row, counts = np.unique(self.of, return_inverse=True, return_counts=True)
        place = np.empty(len(row), np.int64)  # of each error within its own series
        place[np.argsort(row, kind="stable")] = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
        rank = np.empty(len(known), np.int64)  # of each series, the longest first
        rank[np.argsort(-counts, kind="stable")] = np.arange(len(known))
        many = np.bincount(place)  # series that have a first error, a second one, ...
        begins = np.cumsum(many) - many
        errors = np.empty_like(self.scores)
        errors[begins[place] + rank[row]] = self.scores
        begin: Array = self.scores[:start].mean(axis=0)  # size_0
        floor = LEAST * np.maximum(begin, LEAST)
        begin = np.maximum(begin, floor)[None]
        before, size = np.empty_like(errors), np.repeat(begin, len(known), axis=0)
        for first, n in zip(begins.tolist(), many.tolist(), strict=True):
            before[first : first + n] = size[:n]
            size[:n] = np.maximum(DECAY * size[:n] + (1 - DECAY) * errors[first : first + n], floor)  # (2)
        ahead = np.arange(int(self.scores.shape[1]))
        then = np.maximum(place[:, None] - ahead, 0)  # (n, h): how many of its series were known when it was predicted
        units = before[begins[then] + rank[row][:, None], ahead]
        sized = self.scores / np.where(units > floor, units, 1)  # (3)
        sizes = dict.fromkeys(numbers, begin)  # of those that have no errors
        for number, r, count in zip(known.tolist(), rank.tolist(), counts.tolist(), strict=True):
            if number in sizes:
                sizes[number] = np.concatenate([before[begins[:count] + r], size[r, None]])
        return sized, sizes


def by_age(found: Sequence[Array]) -> tuple[Array, NDArray[np.int64]]:
    """Errors of several series as one, the last of each last, as only the newest are kept.

    Args:
        found: of each series, `(n_i, h)`, the oldest first.

    Returns:
        The errors, `(n, h)`, and the number of the series that each is of.
    """
    ages = np.concatenate([np.arange(len(errors), 0, -1) for errors in found])
    order = np.argsort(-ages, kind="stable")
    of = np.repeat(np.arange(len(found)), [len(errors) for errors in found])
    return np.concatenate(found)[order], of[order]


def _highest(count: int) -> float:
    """The highest level that so many errors say something about, rounded down."""
    return math.floor(1000 * count / (count + 1)) / 1000


def _number(of: int | None) -> int:
    return -1 if of is None else of
