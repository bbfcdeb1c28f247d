"""What every layer has: named parameters that change in one way only, and a version; no mathematics."""

from __future__ import annotations

import inspect
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any, cast

import numpy as np

from unrolled.errors import ParameterError
from unrolled.shapes import Array, check_shape

__all__ = ["Layer"]


class Layer:
    """Named parameters, read-only from outside, with a version that every change bumps.

    Packed copies of the weights remember the version that they were made from, so they can never be stale.
    A subclass creates its arrays once, with `_create`.
    """

    def __init__(self, dtype: str) -> None:
        if dtype not in ("float32", "float64"):
            raise ParameterError(
                f"`dtype` is {dtype!r}, expected 'float32' or 'float64'; pass one of the two as a string"
            )
        self.dtype = np.dtype(dtype)
        self.version = 0
        self._arrays: dict[str, Array] = {}
        self._axes: dict[str, str] = {}
        self._masks: np.random.Generator | None = None  # where masks come from, in a layer that draws any

    def __repr__(self) -> str:
        """The call that makes such a layer: its sizes, and what is not as it is where nothing is said; no seed."""
        settings, said = self._settings(), list[str]()
        arguments = inspect.signature(type(self)).parameters
        if not arguments.keys() <= settings.keys() | {"seed"}:
            return object.__repr__(self)  # a subclass of the caller's, which says itself how it is made
        for name, parameter in arguments.items():
            if parameter.default is parameter.empty:
                said.append(repr(settings[name]))
            elif name != "seed" and settings[name] != parameter.default:
                said.append(f"{name}={settings[name]!r}")
        return f"{type(self).__name__}({', '.join(said)})"

    def _settings(self) -> dict[str, Any]:
        """What the layer was made with, by the names of its arguments, but for the seed."""
        return vars(self) | {"dtype": str(self.dtype)}

    @property
    def random_state(self) -> dict[str, Any] | None:
        """Where the layer's masks will come from, as plain values (strings, integers) that JSON can hold; `None` in a
        layer that draws none.

        Set to what it was, it repeats the same masks: training goes on bit for bit, and gradients can be checked.
        """
        return None if self._masks is None else cast("dict[str, Any]", self._masks.bit_generator.state)

    @random_state.setter
    def random_state(self, state: Mapping[str, Any] | None) -> None:
        if self._masks is None:
            if state is not None:
                raise ParameterError(
                    f"`random_state` is a {type(state).__name__}, expected None; this {type(self).__name__} draws no "
                    "masks, was it saved with other options?"
                )
            return
        try:
            self._masks.bit_generator.state = cast("dict[str, Any]", state)
        except (TypeError, ValueError, KeyError) as error:
            raise ParameterError(
                f"`random_state` is {state!r}, expected what this property gave before; was it saved with other "
                "options?"
            ) from error

    def _create(self, name: str, axes: str, value: Array) -> None:
        """Adds one parameter; `axes` names its axes for error messages: `"4H, I"`."""
        self._arrays[name] = np.ascontiguousarray(value, dtype=self.dtype)
        self._axes[name] = axes

    @property
    def parameters(self) -> Mapping[str, Array]:
        """Read-only views of the parameters by name, in a fixed order."""
        views = {name: array.view() for name, array in self._arrays.items()}
        for view in views.values():
            view.flags.writeable = False
        return MappingProxyType(views)

    def set(self, **arrays: Array) -> None:
        """Replaces parameters by name; all are checked before the first is changed.

        Raises:
            ParameterError: no parameter of that name, or no real numbers.
            ShapeError: the shape differs from the parameter's.
        """
        self.check(**arrays)
        with self.edit() as own:
            for name, array in arrays.items():
                own[name][...] = array

    def check(self, **arrays: Array) -> None:
        """Raises what `set` would raise, and changes nothing."""
        for name, array in arrays.items():
            if name not in self._arrays:
                known = ", ".join(self._arrays)
                raise ParameterError(
                    f"`{name}` is no parameter of {type(self).__name__}, expected one of {known}; check the name"
                )
            check_shape(
                name, np.shape(array), self._axes[name], self._arrays[name].shape, "did you pass its transpose?"
            )
            dtype = np.asarray(array).dtype
            if dtype.kind not in "fiu":
                raise ParameterError(
                    f"`{name}` has dtype {dtype}, expected real numbers; convert it with .astype(np.{self.dtype})"
                )

    @contextmanager
    def edit(self) -> Generator[Mapping[str, Array]]:
        """Hands an optimizer the writable arrays, to be changed in place, and bumps the version at the end."""
        try:
            yield MappingProxyType(self._arrays)
        finally:
            self.version += 1
