"""Features or targets brought to mean 0 and standard deviation 1, and back; learned from a training part alone."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from unrolled.shapes import Array

__all__ = ["Scaling"]

# A spread of fewer than so many parts of the largest size is the rounding of a constant.
CONSTANT = 1e-12


class Scaling(NamedTuple):
    """Means and standard deviations of K features; a constant one has 1 for its deviation, and becomes 0.

    >>> scaling = Scaling.of(np.array([[1.0, 5.0], [3.0, 5.0]]))
    >>> scaling.forward(np.array([[3.0, 5.0]])).tolist(), scaling.backward(np.array([[1.0, 0.0]])).tolist()
    ([[1.0, 0.0]], [[3.0, 5.0]])
    """

    mean: NDArray[np.float64]  # (K,)
    deviation: NDArray[np.float64]  # (K,)

    @classmethod
    def of(cls, values: Array, weights: Array | None = None) -> Scaling:
        """Of all rows of `(S, K)`, each counting as its weight `(S,)`.

        What is NaN does not count, and a feature that is nothing else stays as it is.
        """
        values = values.astype(np.float64)
        known = ~np.isnan(values)
        w = np.where(known, 1.0 if weights is None else weights[:, None], 0)
        count = w.sum(axis=0)
        count[count == 0] = 1
        largest = np.where(known, np.abs(values), 0).max(axis=0)
        # in units of the largest size, so that no square overflows
        unit = np.where(largest > 0, largest, 1)
        part = np.where(known, values / unit, 0)
        mean = (w * part).sum(axis=0) / count
        deviation = np.sqrt((w * (part - mean) ** 2).sum(axis=0) / count)
        constant = deviation <= CONSTANT
        return cls(mean * unit, np.where(constant, 1, deviation * unit))

    @classmethod
    def none(cls, features: int) -> Scaling:
        """Leaves K features as they are."""
        return cls(np.zeros(features), np.ones(features))

    def forward(self, values: Array) -> NDArray[np.float64]:
        """`(..., K)` as deviations from the mean, in units of the standard deviation."""
        return (values - self.mean) / self.deviation

    def backward(self, values: Array) -> NDArray[np.float64]:
        """Takes back what `forward` did."""
        return values * self.deviation + self.mean

    def to_record(self) -> dict[str, Any]:
        """Plain values for JSON, which keeps every bit of them."""
        return {"mean": self.mean.tolist(), "deviation": self.deviation.tolist()}

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Scaling:
        """Takes back what `to_record` gave."""
        return cls(np.array(record["mean"], np.float64), np.array(record["deviation"], np.float64))
