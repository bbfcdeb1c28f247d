"""What every network tells `training` of itself: its layers' parameters, whole; how it runs is its own matter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from unrolled.errors import ShapeError, WeightFormatError
from unrolled.layers.named import NamedLayers
from unrolled.shapes import Array

__all__ = ["NamedNetwork"]


class NamedNetwork(NamedLayers):
    """Layers by name that are saved and loaded as a whole, and carry no state from batch to batch."""

    def set(self, arrays: Mapping[str, Array]) -> None:
        """Replaces all parameters.

        Raises:
            WeightFormatError: a name is missing or unknown, or a shape differs; then nothing was changed.
        """
        wrong = sorted(arrays.keys() ^ self.parameters.keys())
        if wrong:
            raise WeightFormatError(
                f"`{wrong[0]}` is {'unknown' if wrong[0] in arrays else 'missing'}, "
                f"expected the weights {', '.join(self.parameters)}; were they saved from a model of another kind?"
            )
        try:
            super().set(arrays)
        except ShapeError as error:
            raise WeightFormatError(f"the weights belong to a model of another size: {error}") from None

    def loss_and_gradients(self, batch: Any, state: Any) -> tuple[float, dict[str, Array], Any]:
        """The mean loss of a batch, its gradients by parameter name, and the state to carry on."""
        raise NotImplementedError

    def state_to_arrays(self, state: Any) -> dict[str, Array]:
        """No state is carried, so there is none to keep."""
        return {}

    def state_from_arrays(self, arrays: Mapping[str, Array]) -> Any:
        """Takes back what `state_to_arrays` gave."""
        return None
