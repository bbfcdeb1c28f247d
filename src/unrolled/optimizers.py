"""Adam, as Kingma & Ba published it, and clipping by the global norm; the course's Adam is `steps.adam`."""

import math
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Protocol

import numpy as np

from unrolled.errors import CheckpointError, ParameterError
from unrolled.shapes import Array, check_shape

__all__ = ["Adam", "Editable", "clip_by_global_norm"]

BLOCK = 16_384  # entries: five such blocks of float32 stay in the second cache, so each array is read from memory once


class Editable(Protocol):
    """Whatever owns named parameters: a layer, a stack of layers, or a model."""

    def edit(self) -> AbstractContextManager[Mapping[str, Array]]:
        """Hands out the writable arrays and bumps the version at the end."""
        ...


class Adam:
    """Adam: a step against the mean of the gradients, scaled by the root of the mean of their squares.

    Equations, for each entry, at step t = 1, 2, ...:
        (1) m = beta1 * m + (1 - beta1) * g
        (2) v = beta2 * v + (1 - beta2) * g^2
        (3) m_hat = m / (1 - beta1^t),   v_hat = v / (1 - beta2^t)
        (4) theta = theta - learning_rate * m_hat / (sqrt(v_hat) + epsilon)

    Epsilon stands outside the root, as in algorithm 1; in the course's Adam (`unrolled.steps`) it stands inside.

    Args:
        learning_rate: the step length; `step` may be given another for one step (a schedule).
        beta1: the decay of m, in [0, 1).
        beta2: the decay of v, in [0, 1).
        epsilon: what keeps the division finite, positive.

    Raises:
        ParameterError: one of them is out of its range.

    Source: Kingma & Ba 2015, algorithm 1.

    >>> from unrolled.layers.layer import Layer
    >>> layer = Layer("float64")
    >>> layer._create("weight", "N", np.array([1.0, 2.0]))
    >>> Adam(learning_rate=0.1).step(layer, {"weight": np.array([3.0, -0.5])})
    >>> layer.parameters["weight"].round(6).tolist()  # the first step is learning_rate * sign(g)
    [0.9, 2.1]
    """

    def __init__(
        self, learning_rate: float = 1e-3, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8
    ) -> None:
        for name, value, usual in (("beta1", beta1, 0.9), ("beta2", beta2, 0.999)):
            if not 0 <= value < 1:
                raise ParameterError(f"`{name}` is {value}, expected a number in [0, 1); {usual} is usual")
        for name, value, usual in (("learning_rate", learning_rate, 1e-3), ("epsilon", epsilon, 1e-8)):
            if not 0 < value < math.inf:
                raise ParameterError(f"`{name}` is {value}, expected a positive finite number; {usual} is usual")
        self.learning_rate, self.beta1, self.beta2, self.epsilon = learning_rate, beta1, beta2, epsilon
        self.count = 0
        self._m: dict[str, Array] = {}
        self._v: dict[str, Array] = {}

    def step(self, layer: Editable, gradients: Mapping[str, Array], learning_rate: float | None = None) -> None:
        """Changes the parameters that `gradients` names, in place, through `layer.edit()`.

        Args:
            layer: a layer, a stack or a model.
            gradients: by parameter name, each of its parameter's shape.
            learning_rate: for this step only.

        Raises:
            ParameterError: a gradient belongs to no parameter.
            ShapeError: a gradient's shape differs from its parameter's.
        """
        rate = self.learning_rate if learning_rate is None else learning_rate
        with layer.edit() as parameters:
            for name, gradient in gradients.items():
                if name not in parameters:
                    raise ParameterError(
                        f"`{name}` has a gradient but is no parameter, expected one of {', '.join(parameters)}; "
                        "check the name"
                    )
                shape = parameters[name].shape
                axes = ", ".join(f"axis {i}" for i in range(len(shape)))
                check_shape(f"gradients[{name!r}]", gradient.shape, axes, shape, "did you pass its transpose?")
            self.count += 1
            # (3) folded into (4): theta -= rate * root / (1 - beta1^t) * m / (sqrt(v) + epsilon * root)
            root = math.sqrt(1 - self.beta2**self.count)
            scale, epsilon = rate * root / (1 - self.beta1**self.count), self.epsilon * root
            for name, gradient in gradients.items():
                theta = parameters[name]
                if name not in self._m:
                    self._m[name], self._v[name] = np.zeros_like(theta), np.zeros_like(theta)
                self._update(theta, gradient, self._m[name], self._v[name], scale, epsilon)

    def _update(self, theta: Array, gradient: Array, m: Array, v: Array, scale: float, epsilon: float) -> None:
        scratch = np.empty(min(BLOCK, theta.size), theta.dtype)
        for theta_, g, m_, v_ in _blocks(theta, np.ascontiguousarray(gradient, theta.dtype), m, v):
            s = scratch[: g.size]
            np.subtract(g, m_, out=s)  # (1) as m += (1 - beta1) * (g - m)
            s *= 1 - self.beta1
            m_ += s
            np.multiply(g, g, out=s)  # (2) as v += (1 - beta2) * (g^2 - v)
            s -= v_
            s *= 1 - self.beta2
            v_ += s
            np.sqrt(v_, out=s)  # (4)
            s += epsilon
            np.divide(m_, s, out=s)
            s *= scale
            theta_ -= s

    def state(self) -> dict[str, Array]:
        """The moments as named arrays, `m.NAME` and `v.NAME`; together with `count` all that Adam remembers."""
        return {
            f"{kind}.{name}": array
            for kind, arrays in (("m", self._m), ("v", self._v))
            for name, array in arrays.items()
        }

    def restore(self, count: int, state: Mapping[str, Array]) -> None:
        """Takes back what `count` and `state()` were when they were saved; the arrays are copied.

        Raises:
            CheckpointError: a name is neither `m.NAME` nor `v.NAME`, or one of a pair is missing.
        """
        moments: dict[str, dict[str, Array]] = {"m": {}, "v": {}}
        for key, array in state.items():
            kind, _, name = key.partition(".")
            if kind not in moments or not name:
                raise CheckpointError(
                    f"`{key}` is no moment of Adam, expected `m.NAME` or `v.NAME`; was it saved by another optimizer?"
                )
            moments[kind][name] = np.array(array)
        unpaired = sorted(moments["m"].keys() ^ moments["v"].keys())
        if unpaired:
            raise CheckpointError(
                f"`{unpaired[0]}` has only one of its moments m and v, expected both; the saved state is incomplete"
            )
        self.count, self._m, self._v = count, moments["m"], moments["v"]


def clip_by_global_norm(gradients: Mapping[str, Array], maximum: float) -> float:
    """Scales all gradients in place, by one factor, so that their joint norm is at most `maximum`.

    Equations:
        (1) norm = sqrt(sum of the squares of all entries of all gradients)
        (2) g = g * maximum / norm   where norm > maximum

    Args:
        gradients: by name, any shapes; changed in place.
        maximum: the largest norm allowed, positive; `math.inf` only measures.

    Returns:
        The norm before clipping. Where it is not finite, nothing is changed: the caller decides what a NaN means.

    Raises:
        ParameterError: `maximum` is not positive.

    Source: Pascanu, Mikolov & Bengio 2013, algorithm 1.

    >>> g = {"a": np.array([3.0, 0.0]), "b": np.array([[4.0]])}
    >>> clip_by_global_norm(g, 1.0)
    5.0
    >>> g["a"].round(3).tolist(), g["b"].round(3).tolist()
    ([0.6, 0.0], [[0.8]])
    """
    if not maximum > 0:
        raise ParameterError(
            f"`maximum` is {maximum}, expected a positive number; pass math.inf to leave gradients alone"
        )
    total = 0.0
    scratch: dict[np.dtype[np.floating], Array] = {}
    for gradient in gradients.values():
        squares = scratch.setdefault(gradient.dtype, np.empty(BLOCK, gradient.dtype))
        for (g,) in _blocks(gradient):
            with np.errstate(over="ignore"):
                # the engine's threads are not to be disturbed by a BLAS pool, so no np.dot
                total += float(np.add.reduce(np.multiply(g, g, out=squares[: g.size])))
    norm = math.sqrt(total)
    if maximum < norm < math.inf:
        for gradient in gradients.values():
            gradient *= maximum / norm
    return norm


def _blocks(*arrays: Array) -> Iterator[tuple[Array, ...]]:
    """The same stretch of each array, block by block, as flat views."""
    flat = [array.reshape(-1) for array in arrays]
    for start in range(0, flat[0].size, BLOCK):
        yield tuple(array[start : start + BLOCK] for array in flat)
