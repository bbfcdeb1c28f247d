"""Series and covariates as a forecaster's network reads them, and back; learned from the training part alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import numpy as np

from unrolled.errors import DataError
from unrolled.models.sequences.scaling import Scaling
from unrolled.shapes import Array

__all__ = ["TRANSFORMS", "SeriesScaling", "Transform", "covariate_scaling"]

Transform = Literal["sqrt", "log"] | None


class _Transform(NamedTuple):
    forward: Callable[[Array], Array]
    backward: Callable[[Array], Array]
    least: float  # value that it takes
    expected: str


def _same(values: Array) -> Array:
    return values


def _sqrt(values: Array) -> Array:
    return np.sqrt(1 + values)


def _from_sqrt(values: Array) -> Array:
    return np.square(np.maximum(values, 1)) - 1


# sqrt(1 + y), as Ghaddar & Tong 1981: the spread of counts grows with their root, and 1 keeps the slope at 0 finite
TRANSFORMS: dict[str | None, _Transform] = {
    None: _Transform(_same, _same, -math.inf, "finite values"),
    "sqrt": _Transform(_sqrt, _from_sqrt, 0, "values of at least 0"),
    "log": _Transform(np.log, np.exp, math.nextafter(0, 1), "values above 0"),
}


class SeriesScaling(NamedTuple):
    """What takes each series to values near 1 and back: a transform, then a mean and a deviation.

    >>> scaling = SeriesScaling.of([np.array([0.0, 3.0, 8.0])], "sqrt", "series", ["counts"])
    >>> scaled = scaling.forward([np.array([8.0])], ["counts"])
    >>> scaling.backward(0, scaled[0]).round(12).tolist()
    [8.0]
    """

    transform: str | None
    scaling: Scaling  # of each series; or one for all

    @classmethod
    def of(cls, values: Sequence[Array], transform: str | None, scaling: str, names: Sequence[str]) -> SeriesScaling:
        """Learns from the training part of each series.

        Args:
            values: `(T_i,)` each; NaN does not count.
            transform: `"sqrt"`, `"log"` or `None`.
            scaling: `"series"`: each by its own mean and deviation; `"global"`: all by those of all.
            names: of the series, for messages.

        Raises:
            DataError: the transform does not take a value.
        """
        transformed = [_transformed(part, transform, name) for part, name in zip(values, names, strict=True)]
        if scaling == "global":
            return cls(transform, Scaling.of(np.concatenate(transformed)[:, None]))
        own = [Scaling.of(part[:, None]) for part in transformed]
        means, deviations = (np.concatenate([getattr(each, name) for each in own]) for name in ("mean", "deviation"))
        return cls(transform, Scaling(means, deviations))

    def forward(self, values: Sequence[Array], names: Sequence[str]) -> list[Array]:
        """All series, or one for each that was learned from; `names` are for messages.

        Raises:
            DataError: the transform does not take a value.
        """
        return [
            (_transformed(part, self.transform, name) - self._of(i)[0]) / self._of(i)[1]
            for i, (part, name) in enumerate(zip(values, names, strict=True))
        ]

    def backward(self, i: int, scaled: Array) -> Array:
        """Values of series `i` in its own unit."""
        mean, deviation = self._of(i)
        return TRANSFORMS[self.transform].backward(scaled * deviation + mean)

    def take(self, rows: Sequence[int]) -> SeriesScaling:
        """For some of the series, in that order."""
        if len(self.scaling.mean) == 1:
            return self
        index = list(rows)
        return self._replace(scaling=Scaling(self.scaling.mean[index], self.scaling.deviation[index]))

    def _of(self, i: int) -> tuple[float, float]:
        k = i if len(self.scaling.mean) > 1 else 0
        return float(self.scaling.mean[k]), float(self.scaling.deviation[k])


def covariate_scaling(tables: Sequence[Array] | None, ends: Sequence[int]) -> Scaling | None:
    """The mean and deviation of each covariate over the first steps of all series; `None` where there are none."""
    if tables is None:
        return None
    return Scaling.of(np.concatenate([table[:end] for table, end in zip(tables, ends, strict=True)]))


def _transformed(values: Array, transform: str | None, name: str) -> Array:
    chosen = TRANSFORMS[transform]
    refused = values[values < chosen.least]
    if refused.size:
        raise DataError(
            f"`{name}` holds {refused[0]}, expected {chosen.expected} for transform={transform!r}; "
            "choose another transform, or none"
        )
    return chosen.forward(values)
