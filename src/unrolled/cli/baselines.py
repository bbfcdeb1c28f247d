"""What needs no learning, beside which a forecast is judged: the last value, and that of a season before."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from unrolled.shapes import Array

__all__ = ["a_season_before", "persistence"]


def persistence(values: Array, origins: NDArray[np.int64], horizon: int) -> NDArray[np.float64]:
    """The last value that is there before each origin, `(n, h)`.

    >>> persistence(np.array([1.0, np.nan, 3.0]), np.array([2]), 2).tolist()
    [[1.0, 1.0]]
    """
    there = np.maximum.accumulate(np.where(np.isnan(values), -1, np.arange(len(values))))
    last = there[origins - 1]
    found = np.where(last < 0, np.nan, values[np.maximum(last, 0)]).astype(np.float64)
    return np.repeat(found[:, None], horizon, axis=1)


def a_season_before(values: Array, origins: NDArray[np.int64], horizon: int, season: int) -> NDArray[np.float64]:
    """The value at the same place in the last season known before each origin, `(n, h)`; NaN where there is none.

    >>> a_season_before(np.arange(6.0), np.array([5]), 4, 2).tolist()
    [[3.0, 4.0, 3.0, 4.0]]
    """
    ahead = np.arange(horizon)
    steps = origins[:, None] + ahead % season - season  # (n, h)
    return np.where(steps < 0, np.nan, values[np.maximum(steps, 0)]).astype(np.float64)
