"""What a forecaster would have predicted at each moment of the past, beside what came; it predicts nothing itself."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from unrolled.data.time_index import pandas
from unrolled.shapes import Array

__all__ = ["Backtest", "SeriesBacktest"]


class SeriesBacktest(NamedTuple):
    """The forecasts of one series."""

    name: str
    times: NDArray[Any]  # (T,) of its steps: its index, or 0, 1, ...
    origins: NDArray[np.int64]  # (n,): the first step predicted; the ones before it were known
    point: Array  # (n, h)
    lower: Array | None  # (n, h)
    upper: Array | None  # (n, h)
    actual: Array  # (n, h), NaN where missing


class Backtest(NamedTuple):
    """Forecasts from many moments, each made from what was known then."""

    series: list[SeriesBacktest]

    @property
    def errors(self) -> Array:
        """Forecast minus actual value of all series, `(n, h)`; NaN where either is missing."""
        return np.concatenate([one.point - one.actual for one in self.series])

    @property
    def covered(self) -> Array:
        """1 where the actual value lies in its interval, else 0, `(n, h)`; NaN where it is missing or has none."""
        parts: list[Array] = []
        for one in self.series:
            if one.lower is None or one.upper is None:
                parts.append(np.full(one.point.shape, np.nan))
                continue
            inside = (one.lower <= one.actual) & (one.actual <= one.upper)
            parts.append(np.where(np.isnan(one.actual) | np.isnan(one.lower), np.nan, inside))
        return np.concatenate(parts)

    @property
    def metrics(self) -> dict[str, float]:
        """`mae` and `rmse` in the series' unit; with intervals their `coverage`, a share, and mean `width`."""
        errors, covered = self.errors, self.covered
        found = {"mae": float(np.nanmean(np.abs(errors))), "rmse": float(np.sqrt(np.nanmean(np.square(errors))))}
        if not np.isnan(covered).all():
            widths = [one.upper - one.lower for one in self.series if one.lower is not None and one.upper is not None]
            found |= {"coverage": float(np.nanmean(covered)), "width": float(np.nanmean(np.concatenate(widths)))}
        return found

    def to_pandas(self) -> Any:
        """A data frame with a row for each step of each forecast.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        pd, frames = pandas(), list[Any]()
        for one in self.series:
            ahead = list(range(1, one.point.shape[1] + 1))
            steps = [int(origin) + k - 1 for origin in one.origins for k in ahead]
            columns: dict[str, Any] = {
                "series": one.name,
                "time": one.times[steps],
                "ahead": ahead * len(one.origins),
                "point": one.point.reshape(-1),
            }
            if one.lower is not None and one.upper is not None:
                columns |= {"lower": one.lower.reshape(-1), "upper": one.upper.reshape(-1)}
            frames.append(pd.DataFrame(columns | {"actual": one.actual.reshape(-1)}))
        return pd.concat(frames, ignore_index=True)
