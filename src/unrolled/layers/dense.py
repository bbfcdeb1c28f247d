"""One affine map of the last axis, forward and backward; no activation."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from unrolled import engine
from unrolled.engine.arrays import checked
from unrolled.initializers import INITIALIZERS
from unrolled.layers.inputs import not_run
from unrolled.layers.layer import Layer
from unrolled.layers.options import INITIALIZER_REMEDY, checked_generator, checked_name
from unrolled.shapes import Array, as_array, whole_number

__all__ = ["Dense", "DenseGradients", "DenseRun", "leading_axes"]


def leading_axes(count: int, last: str = "") -> str:
    """Names for the axes in front of the last one, for error messages.

    >>> leading_axes(2, "I"), leading_axes(1), leading_axes(3)
    ('T, N, I', 'N', 'd0, d1, d2')
    """
    known = {1: ["N"], 2: ["T", "N"]}
    return ", ".join(known.get(count, [f"d{i}" for i in range(count)]) + ([last] if last else []))


class DenseRun(NamedTuple):
    """What `Dense.backward` needs of the forward pass."""

    output: Array  # (..., O)
    state: Any  # handed through untouched: this layer has none of its own
    x: Array  # (..., I)


class DenseGradients(NamedTuple):
    """Gradients of J, summed over all leading axes."""

    parameters: dict[str, Array]
    x: Array | None  # (..., I)
    state: Any


class Dense(Layer):
    """Computes `y = x W^T + b` for every row of `x`.

    Equations:
        (1) y = x W^T + b

    Args:
        input_size: I, the last axis of `x`.
        output_size: O, the last axis of `y`.
        bias: whether there is a b; it starts at zero.
        weight_init: how W begins: a name in `unrolled.initializers.INITIALIZERS`.
        dtype: `"float32"` or `"float64"`.
        seed: of the initial weights; `None` differs each time.

    Raises:
        ParameterError: a size is no positive whole number, or the initialiser, the dtype or the seed is none.

    Source: Rumelhart, Hinton & Williams 1986, equation 1.

    >>> dense = Dense(3, 2, seed=0)
    >>> dense
    Dense(3, 2)
    >>> {name: array.shape for name, array in dense.parameters.items()}
    {'weight': (2, 3), 'bias': (2,)}
    >>> y, _ = dense(np.zeros((5, 4, 3), "float32"))
    >>> y.shape
    (5, 4, 2)
    """

    def __init__(
        self,
        input_size: int,
        output_size: int,
        *,
        bias: bool = True,
        weight_init: str = "glorot_uniform",
        dtype: str = "float32",
        seed: int | np.random.Generator | None = None,
    ) -> None:
        super().__init__(dtype)
        remedy = "what does this layer map?"
        self.input_size = whole_number("input_size", input_size, remedy=remedy)
        self.output_size = whole_number("output_size", output_size, remedy=remedy)
        checked_name("weight_init", weight_init, INITIALIZERS, INITIALIZER_REMEDY)
        self.weight_init = weight_init
        weight = INITIALIZERS[weight_init](checked_generator(seed), self.output_size, self.input_size)
        self._create("weight", "O, I", weight)
        if bias:
            self._create("bias", "O", np.zeros(self.output_size))

    def _settings(self) -> dict[str, Any]:
        return super()._settings() | {"bias": "bias" in self._arrays}

    def forward(self, x: ArrayLike, state: Any = None) -> DenseRun:
        """Computes the layer, and keeps `x` for `backward`.

        Args:
            x: `(..., I)`, usually `(T, N, I)`.
            state: handed through: this layer has none.

        Returns:
            A run with `output` `(..., O)`.

        Raises:
            ShapeError: the last axis of `x` is not I, or it is ragged.
            ParameterError: `x` has another dtype.
        """
        given = as_array("x", x, "..., I")
        leading = given.shape[:-1]
        axes = leading_axes(len(leading), "I")
        x = checked("x", given, self.dtype, axes, (*leading, self.input_size), "is it the output of another layer?")
        rows = engine.dense_forward(x.reshape(-1, self.input_size), self._arrays["weight"], self._arrays.get("bias"))
        return DenseRun(rows.reshape(*leading, self.output_size), state, x)

    def backward(self, run: DenseRun, dy: Array, *, need_dx: bool = True) -> DenseGradients:
        """Carries `dy = dJ/dy` back through `forward`.

        Args:
            run: what `forward` returned.
            dy: `(..., O)`.
            need_dx: whether `x` is to be given its gradient; the first layer of a model needs none.

        Returns:
            Gradients: `parameters` `weight` `(O, I)` and `bias` `(O,)`, and `x` `(..., I)`, or `None`.

        Raises:
            ShapeError: `dy` does not have the shape of the output.
            ParameterError: `run` is none, or `dy` has another dtype.
        """
        if not isinstance(run, DenseRun):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise not_run(run)
        axes = leading_axes(run.output.ndim - 1, "O")
        dy = checked("dy", dy, self.dtype, axes, run.output.shape, "dy is the gradient of this run's output")
        # forward (1): y = x W^T + b, so dx = dy W, dW = dy^T x, db = sum of dy
        dx, dweight, dbias = engine.dense_backward(
            run.x.reshape(-1, self.input_size),
            self._arrays["weight"],
            dy.reshape(-1, self.output_size),
            need_dx=need_dx,
        )
        gradients = {"weight": dweight} | ({"bias": dbias} if "bias" in self._arrays else {})
        return DenseGradients(gradients, None if dx is None else dx.reshape(run.x.shape), None)

    def __call__(self, x: ArrayLike, state: Any = None) -> tuple[Array, Any]:
        """Computes the layer and keeps nothing: `(..., I)` to `(..., O)`, and the state untouched."""
        return self.forward(x, state).output, state

    def step(self, x_t: ArrayLike, state: Any = None) -> tuple[Array, Any]:
        """One step of a stream: `(N, I)` to `(N, O)`; the same as a call, as nothing is remembered."""
        return self(x_t, state)
