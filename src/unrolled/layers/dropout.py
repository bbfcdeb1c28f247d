"""Dropout of a layer's input, forward and backward; what is dropped inside a recurrent layer is that layer's option."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from unrolled.engine.arrays import checked, float_dtype
from unrolled.errors import ShapeError
from unrolled.layers.dense import leading_axes
from unrolled.layers.inputs import not_run
from unrolled.layers.layer import Layer
from unrolled.layers.masks import dropout_mask, mask_generator
from unrolled.layers.options import checked_flag, checked_generator, checked_rate
from unrolled.shapes import Array, as_array

__all__ = ["Dropout", "DropoutGradients", "DropoutRun"]


class DropoutRun(NamedTuple):
    """What `Dropout.backward` needs of the forward pass."""

    output: Array  # (..., n)
    state: Any  # handed through untouched: this layer has none of its own
    mask: Array | None  # (..., n), or (1, N, n) where it is the same at every step; None where nothing was dropped


class DropoutGradients(NamedTuple):
    """Gradients of J; there are no parameters."""

    parameters: dict[str, Array]
    x: Array  # (..., n)
    state: Any


class Dropout(Layer):
    """Sets random entries to zero in training and scales the others up; changes nothing in inference.

    Equations:
        (1) m = 0 with probability p, else 1 / (1 - p)
        (2) y = m * x

    It has no parameters, and takes float32 and float64 alike.

    Args:
        rate: p, from 0 to below 1.
        variational: draw one mask for each sequence and unit, `(1, N, n)`, and keep it over time, in place of a new
            one at each step.
        seed: of the masks; `None` differs each time.

    Raises:
        ParameterError: `rate` is no number in [0, 1), or the seed is none.

    Source: Srivastava et al. 2014, section 10 for the scaling in training; one mask over time: Gal & Ghahramani 2016.

    >>> dropout = Dropout(0.5, seed=0)
    >>> x = np.ones((2, 1, 4))
    >>> sorted({float(value) for value in dropout.forward(x).output.ravel()})
    [0.0, 2.0]
    >>> bool((dropout(x)[0] == x).all())
    True
    """

    def __init__(
        self, rate: float, *, variational: bool = False, seed: int | np.random.Generator | None = None
    ) -> None:
        super().__init__("float64")  # of no parameters
        self.rate = checked_rate("rate", rate)
        self.variational = checked_flag("variational", variational)
        generator = checked_generator(seed)
        if self.rate:
            self._masks = mask_generator(generator)

    def forward(self, x: ArrayLike, state: Any = None, *, training: bool = True) -> DropoutRun:
        """Drops entries of `x` and keeps the mask for `backward`.

        Args:
            x: `(..., n)`; `(T, N, n)` where the mask is variational.
            state: handed through: this layer has none.
            training: `False` drops nothing.

        Returns:
            A run with `output`, in the shape of `x`.

        Raises:
            ParameterError: `x` is neither float32 nor float64.
            ShapeError: the mask is variational and `x` has not three axes, or it is ragged.
        """
        given: Array = as_array("x", x, "..., I")
        dtype = float_dtype("x", given)
        if self.variational and given.ndim != 3:
            raise ShapeError(
                f"`x` has shape {given.shape}, expected (T, N, I); a variational mask is the same at every step T"
            )
        if self._masks is None or not training:
            return DropoutRun(given, state, None)
        mask = dropout_mask(self._masks, self.rate, (1, *given.shape[1:]) if self.variational else given.shape, dtype)
        return DropoutRun(given * mask, state, mask)

    def backward(self, run: DropoutRun, dy: ArrayLike) -> DropoutGradients:
        """Carries `dy = dJ/dy`, in the shape of the output, back through `forward`, with the same mask.

        Raises:
            ShapeError: `dy` does not have the shape of the output.
            ParameterError: `run` is none, or `dy` has another dtype.
        """
        if not isinstance(run, DropoutRun):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise not_run(run)
        output = run.output
        axes = leading_axes(output.ndim - 1, "I")
        upstream = checked("dy", dy, output.dtype, axes, output.shape, "dy is the gradient of this run's output")
        # forward (2): y = m * x
        return DropoutGradients({}, upstream if run.mask is None else upstream * run.mask, None)

    def __call__(self, x: Array, state: Any = None) -> tuple[Array, Any]:
        """Inference drops nothing: `x` and the state untouched."""
        return x, state

    def step(self, x_t: Array, state: Any = None) -> tuple[Array, Any]:
        """One step of a stream, which is inference: `x_t` and the state untouched."""
        return x_t, state
