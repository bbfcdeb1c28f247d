"""What the forecaster's tests share: a wave with noise, and a small forecaster that learns it quickly; no test."""

from __future__ import annotations

from typing import Any

import numpy as np

from helpers import rng
from unrolled.models.forecast.forecaster import Forecaster

__all__ = ["VARIED", "flat", "forecaster", "noisy", "quick", "same"]

QUICK: dict[str, Any] = {"context": 6, "hidden_size": 4, "epochs": 3, "patience": None, "random_state": 1}
VARIED: dict[str, Any] = {  # every option of the layers
    "cell": "lstm",
    "recurrent_dropout": 0.2,
    "zoneout": (0.1, 0.2),
    "layer_norm": True,
    "layer_options": {"peepholes": True, "proj_size": 3},
}


def noisy(steps: int = 150, seed: int = 0) -> np.ndarray:
    """A wave of 12 steps that rises, with noise."""
    t = np.arange(steps)
    return 20 + 0.05 * t + 3 * np.sin(t * 2 * np.pi / 12) + 0.3 * rng(seed).normal(size=steps)


def forecaster(horizon: int = 2, **settings: Any) -> Forecaster:
    return Forecaster(**QUICK | settings, horizon=horizon)


def quick(series: Any, horizon: int = 2, *, covariates: Any = None, past: Any = None, **settings: Any) -> Forecaster:
    return forecaster(horizon, **settings).fit(series, covariates=covariates, past_covariates=past)


def same(one: Any, other: Any) -> None:
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)


def flat(forecast: Any) -> list[Any]:
    return [array for part in forecast for array in (part.values() if isinstance(part, dict) else [*part])]
