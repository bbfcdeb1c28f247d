"""What a network predicts at many moments of one series, and how wrong it was; it knows neither callers nor units."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from unrolled.data.series import Rows, Windows
from unrolled.models.forecast.network import ForecastNetwork
from unrolled.shapes import Array

__all__ = ["judged", "predicted", "scores", "validation_loss"]


def predicted(network: ForecastNetwork, windows: Windows, i: int, start: int, stop: int) -> tuple[Array, Array]:
    """Forecasts from each origin from `start` to before `stop`, for series `i`.

    Returns:
        Means and spreads, `(stop - start, h)`, as the windows' values are scaled; NaN where a window has no value.
    """
    rows = np.stack([np.full(stop - start, i), np.arange(start, stop)], axis=1)
    parts: list[tuple[Array, Array]] = []
    for batch in windows.in_order(rows):
        mean, spread = network.predict(batch)
        parts.append((mean * batch.scale + batch.level, spread * batch.scale))
    mean, spread = (np.concatenate(part) for part in zip(*parts, strict=True))
    there = np.concatenate([[0], np.cumsum(~windows.missing[i])])
    empty = there[rows[:, 1]] == there[rows[:, 1] - windows.context]
    mean[empty], spread[empty] = np.nan, np.nan
    return mean, spread


def judged(windows: Windows, length: int) -> int:
    """Of a series' first `length` steps, how many can be judged: every forecast of them could be made by then.

    Forecasts read the covariates of their whole horizon, so with such a value is judged h - 1 steps after it came.
    """
    return length - (windows.horizon - 1 if windows.known else 0)


def scores(
    network: ForecastNetwork, windows: Windows, i: int, start: int, stop: int
) -> tuple[NDArray[np.int64], Array]:
    """The errors of every forecast of the values from `start` to before `stop`, in units of the spread predicted.

    Args:
        network: that predicts.
        windows: of all series.
        i: which one.
        start: the first value; those that no h windows can predict are left out.
        stop: before which value to end.

    Returns:
        Which steps were judged, `(n,)`, without missing ones, and the errors `(n, h)` of the forecasts made 1 to h
        steps ahead of each.
    """
    h = windows.horizon
    start = max(start, windows.context + h - 1)
    if stop <= start:
        return np.zeros(0, np.int64), np.zeros((0, h))
    mean, spread = predicted(network, windows, i, start - h + 1, stop)
    steps, ahead = np.arange(start, stop), np.arange(h)
    origin = (steps[:, None] - ahead) - (start - h + 1)  # (n, h): the row of the forecast made so far ahead
    errors = np.abs(windows.values[i][steps, None] - mean[origin, ahead]) / spread[origin, ahead]
    kept = ~np.isnan(errors).any(axis=1)
    return steps[kept], errors[kept]


def validation_loss(network: ForecastNetwork, windows: Windows, rows: Rows) -> dict[str, float]:
    """What the mean of the members is worth on the windows that were held out."""
    totals = np.zeros(3)
    for batch in windows.in_order(rows):
        mean, spread = network.predict(batch)
        share = np.ones(mean.shape) if batch.weights is None else batch.weights.astype(np.float64)
        errors = batch.targets - mean
        losses = {
            "squared_error": np.square(errors),
            "absolute_error": np.abs(errors),
            "gaussian": 0.5 * np.square(errors / spread) + np.log(spread) + 0.5 * np.log(2 * np.pi),
        }[network.loss]
        totals += (losses * share).sum(), (np.abs(errors * batch.scale) * share).sum(), share.sum()
    return {"loss": float(totals[0] / totals[2]), "mae": float(totals[1] / totals[2])}
