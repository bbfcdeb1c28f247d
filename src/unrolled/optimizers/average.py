"""A moving average of a model's weights, and the model with it for a while; it changes no training step."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Protocol

import numpy as np

from unrolled.errors import ParameterError
from unrolled.optimizers.base import BLOCK, Editable, blocks, check_fraction
from unrolled.shapes import Array, check_shape

__all__ = ["WeightAverage"]


class Averaged(Editable, Protocol):
    """Whatever owns named parameters that can be read without a change of version, too."""

    @property
    def parameters(self) -> Mapping[str, Array]:
        """Read-only views by name."""
        ...


class WeightAverage:
    """The exponential moving average of all parameters over the steps, corrected for its start.

    Equations, for each entry, at step t = 1, 2, ...:
        (1) s = decay * s + (1 - decay) * theta,   s = 0 at first
        (2) average = s / (1 - decay^t)

    which is kept as one array, `average = average + w * (theta - average)` with `w = (1 - decay) / (1 - decay^t)`: the
    first average is theta itself, and the first few are nearly plain means; no memory of the initial weights remains.

    Args:
        decay: in [0, 1); about `1 / (1 - decay)` steps are averaged.

    Raises:
        ParameterError: `decay` is out of its range.

    Source: Polyak & Juditsky 1992 for averaging; the correction is that of Kingma & Ba 2015, section 7.2.

    >>> from unrolled.layers.layer import Layer
    >>> layer, average = Layer("float64"), WeightAverage(0.5)
    >>> layer._create("weight", "N", np.array([1.0]))
    >>> average.update(layer)
    >>> layer.set(weight=np.array([4.0]))
    >>> average.update(layer)
    >>> with average.swapped(layer):
    ...     layer.parameters["weight"].tolist()  # (0.25 * 1 + 0.5 * 4) / 0.75
    [3.0]
    >>> layer.parameters["weight"].tolist()
    [4.0]
    """

    def __init__(self, decay: float = 0.999) -> None:
        check_fraction("decay", decay, 0.999)
        self.decay = decay
        self.count = 0  # weights averaged
        self._average: dict[str, Array] = {}

    def update(self, model: Averaged) -> None:
        """Takes the parameters of `model` into the average, all of them, after each step.

        Raises:
            ParameterError, ShapeError: the averages so far are those of another model.
        """
        parameters = model.parameters
        self._check(parameters)
        self.count += 1
        weight = (1 - self.decay) / (1 - self.decay**self.count)
        for name, theta in parameters.items():
            if name not in self._average:
                self._average[name] = np.zeros_like(theta)
            scratch = np.empty(min(BLOCK, theta.size), theta.dtype)
            for theta_, average in blocks(theta, self._average[name]):
                s = scratch[: theta_.size]
                np.subtract(theta_, average, out=s)
                s *= weight
                average += s

    def _check(self, parameters: Mapping[str, Array]) -> None:
        for name, average in self._average.items():
            if name not in parameters:
                raise ParameterError(
                    f"`{name}` was averaged but is no parameter, expected one of {', '.join(parameters)}; "
                    "is it the model of the updates before?"
                )
            axes = ", ".join(f"axis {i}" for i in range(average.ndim))
            check_shape(name, parameters[name].shape, axes, average.shape, "is it the model of the updates before?")

    @contextmanager
    def swapped(self, model: Averaged) -> Generator[None]:
        """Within it the model's parameters are the averages; after it they are what they were, to the bit.

        Before the first update nothing is averaged, and the model stays as it is.

        Raises:
            ParameterError, ShapeError: the averages are those of another model.
        """
        self._check(model.parameters)
        with model.edit() as parameters:
            kept = {name: parameters[name].copy() for name in self._average}
            for name, average in self._average.items():
                parameters[name][...] = average
        try:
            yield
        finally:
            with model.edit() as parameters:
                for name, array in kept.items():
                    parameters[name][...] = array

    def state(self) -> dict[str, Array]:
        """The averages by parameter name; together with `count` all that is remembered."""
        return dict(self._average)

    def restore(self, count: int, state: Mapping[str, Array]) -> None:
        """Takes back what `count` and `state()` were when they were saved; the arrays are copied."""
        self.count, self._average = count, {name: np.array(array) for name, array in state.items()}
