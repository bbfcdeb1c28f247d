"""The classes of a classifier or tagger, saved and brought back; what learns them is elsewhere."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.errors import ParameterError

__all__ = ["SavedClasses"]


class SavedClasses:
    """`classes_` as plain values for JSON."""

    classes_: NDArray[Any]

    def _target_record(self) -> dict[str, Any]:
        labels = self.classes_.tolist()
        for label in labels:
            if not isinstance(label, str | int | float):
                raise ParameterError(
                    f"`y` holds the label {label!r}, expected text or numbers, which can be saved; name the classes so"
                )
        return {"classes": labels, "dtype": self.classes_.dtype.str}

    def _restore_targets(self, record: dict[str, Any]) -> None:
        self.classes_ = np.array(record["classes"], np.dtype(record["dtype"]))
