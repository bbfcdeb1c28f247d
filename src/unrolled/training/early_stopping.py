"""When to stop: the best value of a metric, how long ago it was, and the weights that had it; takes no step."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from unrolled.errors import CheckpointError, ParameterError
from unrolled.shapes import Array

__all__ = ["LARGER", "SMALLER", "EarlyStopping", "Sense", "sense_of", "value_of"]

SMALLER = ("loss", "error", "mse", "mae", "rmse", "nll", "mape", "smape", "mase", "perplexity", "pinball", "crps")
LARGER = ("accuracy", "balanced_accuracy", "exact_match", "f1", "precision", "recall", "auc", "r2", "score")


class Sense(NamedTuple):
    """A metric, and whether a larger value of it is better."""

    name: str
    larger: bool

    def better(self, value: float, than: float | None) -> bool:
        """Whether a value beats the best so far; one that is not finite never does."""
        if not math.isfinite(value):
            return False
        return than is None or (value > than if self.larger else value < than)


def sense_of(monitor: str) -> Sense:
    """Reads what is monitored: a known name, or `"max NAME"` or `"min NAME"`.

    Raises:
        ParameterError: the name alone does not say which value is better.

    >>> sense_of("accuracy"), sense_of("min regret")
    (Sense(name='accuracy', larger=True), Sense(name='regret', larger=False))
    """
    way, _, name = monitor.partition(" ")
    if name and way in ("max", "min"):
        return Sense(name, way == "max")
    if monitor not in SMALLER + LARGER:
        raise ParameterError(
            f"`monitor` is {monitor!r}, expected one of {', '.join(SMALLER + LARGER)}; "
            f"for a metric of your own write 'max {monitor}' or 'min {monitor}'"
        )
    return Sense(monitor, monitor in LARGER)


def value_of(sense: Sense, metrics: Mapping[str, float | None]) -> float:
    """The monitored value of what validation returned.

    Raises:
        ParameterError: validation returned no such metric.
    """
    value = metrics.get(sense.name)
    if value is None:
        raise ParameterError(
            f"`monitor` is {sense.name!r}, but validation returns {', '.join(metrics) or 'nothing'}; "
            "name one of those, or return it as well"
        )
    return float(value)


class EarlyStopping:
    """Watches one metric from validation to validation.

    Args:
        patience: so many values in a row that are no better than the best end the run.
        sense: the metric, and which values of it are better.
    """

    def __init__(self, patience: int, sense: Sense) -> None:
        self.patience, self.sense = patience, sense
        self.best: float | None = None
        self.best_step = 0
        self.waited = 0
        self.weights: dict[str, Array] | None = None  # that had the best value, by parameter name

    def update(self, step: int, metrics: Mapping[str, float | None], weights: Mapping[str, Array]) -> bool:
        """Takes in one validation of `weights`, which are copied where they are the best; says whether it is enough."""
        value = value_of(self.sense, metrics)
        if self.sense.better(value, self.best):
            self.best, self.best_step, self.waited = value, step, 0
            self.weights = {name: np.array(array) for name, array in weights.items()}
        else:
            self.waited += 1
        return self.waited >= self.patience

    def state(self) -> dict[str, Any]:
        """All but the weights, as plain values for JSON."""
        return {"best": self.best, "best_step": self.best_step, "waited": self.waited}

    def restore(self, state: Mapping[str, Any], weights: Mapping[str, Array] | None) -> None:
        """Takes back what `state()` and `weights` were; the arrays are copied.

        Raises:
            CheckpointError: something is missing.
        """
        try:
            self.best, self.best_step, self.waited = state["best"], state["best_step"], state["waited"]
        except KeyError as error:
            raise CheckpointError(
                f"the saved run has no {error} of early stopping; was it saved by another version of unrolled?"
            ) from None
        self.weights = None if weights is None else {name: np.array(array) for name, array in weights.items()}
