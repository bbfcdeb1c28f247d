"""Prediction intervals from past errors, by split conformal prediction; no network and no series."""

from __future__ import annotations

import math

import numpy as np

from unrolled.errors import ParameterError
from unrolled.shapes import Array

__all__ = ["KEPT", "Calibration", "check_level"]

KEPT = 4096  # the newest errors of each step ahead: two digits of any usual level, in a small file


def check_level(level: float) -> None:
    """Raises `ParameterError` unless `level` is between 0 and 1."""
    if not 0 < level < 1:
        raise ParameterError(f"`interval` is {level}, expected a share between 0 and 1, or None for none; 0.9 is usual")


class Calibration:
    """Errors that a model made on what it was not trained on, and how wide they say an interval must be.

    Equations, for each step ahead, of n errors s_1 <= ... <= s_n, each in units of the spread then foretold:
        (1) s = |y - mean| / spread
        (2) k = ceil((n + 1) * level)
        (3) interval = mean -+ s_k * spread

    Where errors to come are exchangeable with those of the past, (3) covers a share of at least `level` and at most
    `level + 1 / (n + 1)`, whatever the model and the distribution. Series drift, so errors are added as they become
    known and only the newest are kept.

    Args:
        scores: (1), `(n, h)`, the oldest first.

    Source: Vovk, Gammerman & Shafer 2005, section 4.1, as Lei et al. 2018, algorithm 2, with a foretold spread as in
    their section 5.2.

    >>> Calibration(np.arange(1.0, 20.0)[:, None]).width(0.9).tolist()
    [18.0]
    """

    def __init__(self, scores: Array) -> None:
        self.scores = scores[-KEPT:]

    def __len__(self) -> int:
        return len(self.scores)

    def extended(self, scores: Array) -> Calibration:
        """With newer errors behind the old ones."""
        return Calibration(np.concatenate([self.scores, scores]))

    def width(self, level: float) -> Array:
        """How many spreads an interval reaches to each side, `(h,)`.

        Raises:
            ParameterError: there are too few errors for that level, or it is not between 0 and 1.
        """
        check_level(level)
        n = len(self.scores)
        k = math.ceil((n + 1) * level - 1e-9)  # (2)
        if k > n:
            raise ParameterError(
                f"`interval` is {level}, but only {n} held-out values calibrate it, expected at least "
                f"{math.ceil(level / (1 - level) - 1e-9)}; fit with a longer `validation`, or ask for a lower level"
            )
        return np.partition(self.scores, k - 1, axis=0)[k - 1]
