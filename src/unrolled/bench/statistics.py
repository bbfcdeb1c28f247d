"""Medians, spread and means of what was timed; no timing."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from typing import NamedTuple

__all__ = ["Spread", "geometric_mean", "spread"]


class Spread(NamedTuple):
    """A median with its quartiles, in the unit of what it was made from."""

    low: float
    median: float
    high: float

    @property
    def width(self) -> float:
        """The distance of the quartiles as a part of the median."""
        return (self.high - self.low) / self.median


def spread(values: Sequence[float]) -> Spread:
    """The quartiles of one value or more, linear between neighbours.

    >>> spread([4.0, 1.0, 2.0, 3.0, 5.0])
    Spread(low=2.0, median=3.0, high=4.0)
    >>> spread([2.0])
    Spread(low=2.0, median=2.0, high=2.0)
    """
    if len(values) == 1:
        return Spread(values[0], values[0], values[0])
    return Spread(*statistics.quantiles(values, n=4, method="inclusive"))


def geometric_mean(values: Iterable[float]) -> float:
    """The mean for ratios: twice as fast and half as fast are 1 together.

    >>> geometric_mean([0.5, 2.0])
    1.0
    """
    logarithms = [math.log(value) for value in values]
    return math.exp(math.fsum(logarithms) / len(logarithms))
