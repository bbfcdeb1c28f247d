"""Prediction intervals from past errors, by adaptive conformal prediction; no network and no series."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from unrolled.errors import ParameterError
from unrolled.shapes import Array, real_number

__all__ = ["KEPT", "Calibration"]

KEPT = 2048  # the newest errors of each step ahead: two digits of any usual level, in a small file
RATE = 0.03  # g in (4): a miss moves a level of 0.9 by 0.027, which 9 hits take back


class Calibration:
    """Errors that a model made on what it was not trained on, and how wide they say an interval must be.

    Equations, for each step ahead, of n errors s_1, ..., s_n, each in units of the spread then foretold:
        (1) s = |y - mean| / spread
        (2) k = ceil((n + 1) * level_n), at most n
        (3) interval = mean -+ spread * (the k-th smallest of s_1..n)
        (4) level_n+1 = level_n + g * (miss - (1 - level)), miss = 1 where s_n+1 was outside its interval, else 0

    Where errors to come are exchangeable with those of the past, (2) and (3) with a constant level cover a share of at
    least `level` and at most `level + 1 / (n + 1)`, whatever the model and the distribution. Series drift, so errors
    are added as they become known, and (4) widens the intervals after misses and narrows them after hits: its long-run
    coverage is `level` whatever happens.

    Args:
        scores: (1), `(n, h)`, the oldest first.
        first: so many of them are from before the first forecast: (4) begins behind them. All where `None`.

    Source: (2), (3) Vovk, Gammerman & Shafer 2005, section 4.1, as Lei et al. 2018, algorithm 2, with a foretold spread
    as in their section 5.2; (4) Gibbs & Candes 2021, equation 2.

    >>> Calibration(np.arange(1.0, 10.0)[:, None]).width(0.9).tolist()
    [9.0]
    """

    def __init__(self, scores: Array, first: int | None = None) -> None:
        self.scores = scores
        self.first = len(scores) if first is None else first

    def __len__(self) -> int:
        return len(self.scores)

    def extended(self, scores: Array) -> Calibration:
        """With newer errors behind the old ones."""
        return Calibration(np.concatenate([self.scores, scores]), self.first)

    def newest(self) -> Calibration:
        """The newest errors only: what is worth keeping."""
        gone = max(len(self.scores) - KEPT, 0)
        return Calibration(self.scores[gone:], max(self.first - gone, 0))

    def width(self, level: float) -> Array:
        """How many spreads an interval reaches to each side, `(h,)`.

        Raises:
            ParameterError: there are too few errors for that level, or it is not between 0 and 1.
        """
        return self.widths(level, [len(self.scores)])[0]

    def widths(self, level: float, counts: Sequence[int]) -> Array:
        """The same with the first so many errors only, for each of `counts`: `(len(counts), h)`.

        Raises:
            ParameterError: there are too few errors for that level, or it is not between 0 and 1.
        """
        level = real_number("interval", level, above=0, below=1, remedy="0.9 is usual, None for none")
        least = math.ceil(level / (1 - level) - 1e-9)  # from here on (n + 1) * level is at most n
        if min(counts) < least:
            raise ParameterError(
                f"`interval` is {level}, but only {min(counts)} held-out values calibrate it, expected at least "
                f"{least}; fit with a larger `validation_fraction` or more `validation_steps`, or ask for a lower level"
            )
        h = self.scores.shape[1]
        levels = np.full(h, level)
        made: list[Array] = []  # widths with the first `start`, `start + 1`, ... errors
        start = min(max(least, self.first), min(counts))
        ordered = np.sort(self.scores[:start], axis=0)
        for n in range(start, max(counts) + 1):
            if n > start:
                new = self.scores[n - 1]
                # the forecast so many steps ahead was made with the errors known that many steps earlier
                then = np.array([made[max(len(made) - 1 - j, 0)][j] for j in range(h)])
                levels = levels + RATE * ((new > then) - (1 - level))  # (4)
                ordered = np.sort(np.concatenate([ordered, new[None]]), axis=0, kind="stable")
            k = np.clip(np.ceil((n + 1) * levels - 1e-9).astype(int), 1, n)  # (2)
            made.append(np.take_along_axis(ordered, k[None] - 1, axis=0)[0])  # (3)
        return np.stack([made[count - start] for count in counts])
