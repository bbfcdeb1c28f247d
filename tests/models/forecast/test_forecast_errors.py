"""Errors of many forecasts at once: each belongs to the forecast that was made so many steps ahead of its value."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from helpers import rng
from unrolled.data.series import WindowBatch, Windows
from unrolled.models.forecast.errors import judged, predicted, scores, validation_loss
from unrolled.models.forecast.network import Prediction


class Persistence:
    """Predicts the last value, with a spread that grows by 1 with each step ahead."""

    loss: Any = "squared_error"

    def __init__(self, horizon: int) -> None:
        self.ahead = np.arange(1.0, horizon + 1)

    def predict(self, batch: WindowBatch) -> Prediction:
        last = batch.x[-1, :, :1].astype(np.float64)
        return Prediction(np.repeat(last, len(self.ahead), axis=1), np.ones((len(last), 1)) * self.ahead)


def given(values: np.ndarray, **settings: Any) -> tuple[Any, Windows]:
    return Persistence(3), Windows([values], context=4, horizon=3, dtype="float64", **settings)


@pytest.mark.parametrize("relative", [None, "last", "window"])
def test_each_error_is_that_of_the_forecast_made_so_many_steps_ahead(relative: Any):
    values = rng(1).normal(size=30)
    network, windows = given(values, relative=relative)
    steps, errors = scores(network, windows, 0, 10, 30)
    assert steps.tolist() == list(range(10, 30))
    scale = np.ones((30, 3))
    if relative == "window":  # the spread is in units of the window that the forecast was made from
        scale = np.array([[values[t - j - 4 : t - j].std() if t - j >= 4 else 1 for j in range(3)] for t in range(30)])
    for t, row in zip(steps.tolist(), errors, strict=True):
        for j, error in enumerate(row.tolist()):
            assert error == pytest.approx(abs(values[t] - values[t - j - 1]) / (j + 1) / scale[t, j], rel=1e-9)


def test_values_that_not_every_window_can_predict_or_that_are_missing_are_left_out():
    values = rng(2).normal(size=20)
    values[[9, 14]] = np.nan
    network, windows = given(values, nan="mask")
    steps, errors = scores(network, windows, 0, 0, 20)
    assert steps.tolist() == [t for t in range(6, 20) if t not in (9, 14)]
    assert np.isfinite(errors).all()
    assert scores(network, windows, 0, 20, 20)[1].shape == (0, 3)


def test_a_window_without_a_value_predicts_nothing():
    values = rng(3).normal(size=20)
    values[5:10] = np.nan
    network, windows = given(values, nan="mask")
    mean, spread = predicted(network, windows, 0, 8, 12)
    assert np.isnan(mean).all(axis=1).tolist() == np.isnan(spread).all(axis=1).tolist() == [False, True, True, False]


def test_with_covariates_known_in_advance_a_value_is_judged_when_its_last_forecast_could_be_made():
    _, windows = given(np.zeros(20), known=[np.zeros((20, 1))])
    assert judged(windows, 20) == 18
    assert judged(given(np.zeros(20))[1], 20) == 20


def test_the_validation_loss_counts_what_is_there():
    values = rng(4).normal(size=20)
    values[12] = np.nan
    network, windows = given(values, nan="mask")
    rows = windows.rows([(8, 20)])
    errors = [values[o + j] - windows.seen[0][o - 1] for _, o in rows.tolist() for j in range(3) if o + j != 12]
    found = validation_loss(network, windows, rows)
    assert found["loss"] == pytest.approx(np.mean(np.square(errors)), rel=1e-12)
    assert found["mae"] == pytest.approx(np.mean(np.abs(errors)), rel=1e-12)
    network.loss = "gaussian"
    spreads = [1.0 + j for _, o in rows.tolist() for j in range(3) if o + j != 12]
    nll = [0.5 * (e / s) ** 2 + np.log(s) + 0.5 * np.log(2 * np.pi) for e, s in zip(errors, spreads, strict=True)]
    assert validation_loss(network, windows, rows)["loss"] == pytest.approx(np.mean(nll), rel=1e-12)
