"""Several layers by name as one owner of parameters, for optimizers, files and random states; runs nothing."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager
from types import MappingProxyType
from typing import Any

from unrolled.errors import ParameterError
from unrolled.layers.layer import Layer
from unrolled.shapes import Array

__all__ = ["NamedLayers"]


class NamedLayers:
    """Parameters of several layers, named `layer.parameter`.

    Args:
        layers: by name, in the order of their parameters.

    >>> from unrolled.layers import Dense
    >>> list(NamedLayers({"below": Dense(2, 3), "above": Dense(3, 1)}).parameters)
    ['below.weight', 'below.bias', 'above.weight', 'above.bias']
    """

    def __init__(self, layers: Mapping[str, Layer]) -> None:
        self.layers: Mapping[str, Any] = dict(layers)

    @property
    def parameters(self) -> Mapping[str, Array]:
        """Read-only views of all parameters as `layer.parameter`, in a fixed order."""
        return MappingProxyType(
            {f"{name}.{key}": array for name, layer in self.layers.items() for key, array in layer.parameters.items()}
        )

    def set(self, arrays: Mapping[str, Array]) -> None:
        """Replaces parameters by their name `layer.parameter`; all are checked before the first is changed.

        Raises:
            ParameterError: no parameter of that name, or no real numbers.
            ShapeError: the shape differs from the parameter's.
        """
        known = self.parameters
        for name in arrays:
            if name not in known:
                raise ParameterError(
                    f"`{name}` is no parameter of this {type(self).__name__}, expected one of {', '.join(known)}; "
                    "check the name"
                )
        own = {
            name: {key.removeprefix(f"{name}."): array for key, array in arrays.items() if key.startswith(f"{name}.")}
            for name in self.layers
        }
        for name, layer in self.layers.items():
            layer.check(**own[name])
        for name, layer in self.layers.items():
            layer.set(**own[name])

    @contextmanager
    def edit(self) -> Generator[Mapping[str, Array]]:
        """Hands an optimizer the writable arrays, to be changed in place, and bumps every layer's version at the
        end.
        """
        with ExitStack() as stack:
            own = {name: stack.enter_context(layer.edit()) for name, layer in self.layers.items()}
            yield MappingProxyType(
                {f"{name}.{key}": array for name, arrays in own.items() for key, array in arrays.items()}
            )

    @property
    def random_state(self) -> dict[str, Any] | None:
        """`random_state` of each layer that draws masks, by its name, as plain values for JSON; `None` where none
        does.
        """
        states = {name: layer.random_state for name, layer in self.layers.items()}
        return {name: state for name, state in states.items() if state is not None} or None

    @random_state.setter
    def random_state(self, state: Mapping[str, Any] | None) -> None:
        states = state or {}
        own = [name for name, layer in self.layers.items() if layer.random_state is not None]
        if states.keys() != set(own):
            given, drawing = (", ".join(names) or "no layer" for names in (states, own))
            raise ParameterError(
                f"`random_state` has states of {given}, expected of {drawing}; was it saved with other options?"
            )
        for name, layer_state in states.items():
            self.layers[name].random_state = layer_state
