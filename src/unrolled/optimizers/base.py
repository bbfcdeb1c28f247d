"""What all optimizers share: checks, the walk over parameters in blocks, and what is remembered; no rule of its own."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Protocol

import numpy as np

from unrolled.errors import CheckpointError, ParameterError
from unrolled.shapes import Array, check_shape, real_number

__all__ = ["BLOCK", "Editable", "Optimizer", "blocks", "check_fraction", "check_positive"]

BLOCK = 16_384  # entries: five such blocks of float32 stay in the second cache, so each array is read from memory once


class Editable(Protocol):
    """Whatever owns named parameters: a layer, a stack of layers, or a model."""

    def edit(self) -> AbstractContextManager[Mapping[str, Array]]:
        """Hands out the writable arrays and bumps the version at the end."""
        ...


class Optimizer:
    """The base of all optimizers: a subclass says what it remembers of each parameter, and how a block is changed.

    Args:
        learning_rate: the step length; `step` may be given another for one step (a schedule).
        moments: the names of the arrays that are kept for each parameter; they begin at zero.

    Raises:
        ParameterError: `learning_rate` is not a positive finite number.
    """

    def __init__(self, learning_rate: float, moments: tuple[str, ...]) -> None:
        check_positive("learning_rate", learning_rate, 1e-3)
        self.learning_rate = learning_rate
        self.count = 0  # steps taken
        self._moments: dict[str, dict[str, Array]] = {kind: {} for kind in moments}

    def step(self, layer: Editable, gradients: Mapping[str, Array], learning_rate: float | None = None) -> None:
        """Changes the parameters that `gradients` names, in place, through `layer.edit()`.

        Args:
            layer: a layer, a stack or a model.
            gradients: by parameter name, each of its parameter's shape.
            learning_rate: for this step only.

        Raises:
            ParameterError: a gradient belongs to no parameter, a parameter cannot be changed in place, or the learning
                rate is negative, not finite or no number.
            ShapeError: the shape of a gradient, or of what was restored, differs from its parameter's.
        """
        given = self.learning_rate if learning_rate is None else learning_rate
        rate = real_number("learning_rate", given, at_least=0, remedy="what does the schedule give?")
        with layer.edit() as parameters:
            for name, gradient in gradients.items():
                self._check(name, gradient, parameters)
            self.count += 1
            for name, gradient in gradients.items():
                self._change(name, parameters[name], gradient, rate)

    def _check(self, name: str, gradient: Array, parameters: Mapping[str, Array]) -> None:
        if name not in parameters:
            raise ParameterError(
                f"`{name}` has a gradient but is no parameter, expected one of {', '.join(parameters)}; check the name"
            )
        theta = parameters[name]
        axes = ", ".join(f"axis {i}" for i in range(theta.ndim))
        check_shape(f"gradients[{name!r}]", gradient.shape, axes, theta.shape, "did you pass its transpose?")
        if not theta.flags.c_contiguous:
            raise ParameterError(
                f"`{name}` has strides {theta.strides}, expected a C-contiguous parameter to change in place; "
                "keep it as np.ascontiguousarray makes it"
            )
        for kind, arrays in self._moments.items():
            if name in arrays:
                remedy = "was it restored from another model?"
                check_shape(f"{kind}.{name}", arrays[name].shape, axes, theta.shape, remedy)

    def _change(self, name: str, theta: Array, gradient: Array, rate: float) -> None:
        for arrays in self._moments.values():
            if name not in arrays:
                arrays[name] = np.zeros_like(theta)
        moments = [arrays[name] for arrays in self._moments.values()]
        shrink = self._shrink(name, theta, rate)
        scratch = np.empty(min(BLOCK, theta.size), theta.dtype)
        for theta_, g, *moments_ in blocks(theta, np.ascontiguousarray(gradient, theta.dtype), *moments):
            if shrink != 1:
                theta_ *= shrink
            self._change_block(theta_, g, moments_, scratch[: g.size], rate)

    def _shrink(self, name: str, theta: Array, rate: float) -> float:
        """By what a parameter is multiplied before its step: weight decay."""
        return 1.0

    def _change_block(self, theta: Array, g: Array, moments: list[Array], s: Array, rate: float) -> None:
        """Changes one block of a parameter and of its moments in place; `s` is scratch of the same length."""
        raise NotImplementedError

    def state(self) -> dict[str, Array]:
        """What is remembered, as named arrays: `m.NAME` for the moment m; with `count` all there is to save."""
        return {f"{kind}.{name}": array for kind, arrays in self._moments.items() for name, array in arrays.items()}

    def restore(self, count: int, state: Mapping[str, Array]) -> None:
        """Takes back what `count` and `state()` were when they were saved; the arrays are copied.

        Raises:
            CheckpointError: a name is no moment of this optimizer, or a parameter has some of its moments only.
        """
        moments: dict[str, dict[str, Array]] = {kind: {} for kind in self._moments}
        for key, array in state.items():
            kind, _, name = key.partition(".")
            if kind not in moments or not name:
                expected = " or ".join(f"`{kind}.NAME`" for kind in moments) or "none at all"
                raise CheckpointError(
                    f"`{key}` is no moment of {type(self).__name__}, expected {expected}; "
                    "was it saved by another optimizer?"
                )
            moments[kind][name] = np.array(array)
        for name in sorted({name for arrays in moments.values() for name in arrays}):
            missing = [kind for kind, arrays in moments.items() if name not in arrays]
            if missing:
                raise CheckpointError(
                    f"`{name}` lacks its moment {missing[0]}, expected {' and '.join(moments)}; "
                    "the saved state is incomplete"
                )
        self.count, self._moments = count, moments


def blocks(*arrays: Array) -> Iterator[tuple[Array, ...]]:
    """The same stretch of each array, block by block, as flat views."""
    flat = [array.reshape(-1) for array in arrays]
    for start in range(0, flat[0].size, BLOCK):
        yield tuple(array[start : start + BLOCK] for array in flat)


def check_fraction(name: str, value: float, usual: float) -> None:
    """Raises `ParameterError` unless `value` is in [0, 1)."""
    real_number(name, value, at_least=0, below=1, remedy=f"{usual} is usual")


def check_positive(name: str, value: float, usual: float) -> None:
    """Raises `ParameterError` unless `value` is positive and finite."""
    real_number(name, value, above=0, remedy=f"{usual} is usual")
