"""The classes of a classifier or tagger: labels checked, coded, saved and brought back; what learns is elsewhere."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from unrolled.errors import DataError, ParameterError

__all__ = ["SavedClasses", "check_labels", "check_one_kind", "check_whole", "codes_of", "is_missing"]

UNKNOWN = -2  # the code of no class, and of no step without one


def check_labels(name: str, given: Any, labels: NDArray[Any]) -> None:
    """Checks labels `(S,)` as they came and as NumPy took them, which makes text of numbers beside text.

    Raises:
        DataError: a label is missing.
        ParameterError: some are text and some are not.
    """
    if labels.dtype.kind in "OM":
        for row, label in enumerate(labels.tolist() if labels.dtype.kind == "O" else labels):
            if is_missing(label):
                raise DataError(
                    f"`{name}[{row}]` is {label!r}, expected a class label; leave it out, or give it a class of its own"
                )
    if labels.dtype.kind == "U" and isinstance(given, list | tuple):
        check_one_kind(name, list(cast("list[Any]", given)))
    elif labels.dtype.kind == "O":
        check_one_kind(name, labels.tolist())


def check_one_kind(name: str, labels: list[Any]) -> None:
    """Raises `ParameterError` where some labels are text and some are not, or they cannot be sorted."""
    others = [label for label in labels if isinstance(label, str) is not isinstance(labels[0], str)]
    if others:
        raise ParameterError(
            f"`{name}` holds {labels[0]!r} and {others[0]!r}, expected labels of one kind, all text or all numbers; "
            "make text of them with str"
        )
    try:
        sorted(labels)
    except TypeError:
        raise ParameterError(
            f"`{name}` holds labels like {labels[0]!r}, expected text or numbers, which can be sorted; name the classes"
        ) from None


def check_whole(name: str, labels: NDArray[Any], remedy: str) -> None:
    """Raises `ParameterError` where labels are numbers with a fraction, which are no classes, or infinite."""
    wrong = labels[(labels != np.round(labels)) | np.isinf(labels)] if labels.dtype.kind == "f" else labels[:0]
    if len(wrong):
        raise ParameterError(f"Unknown label type: `{name}` holds {wrong[0]}, expected class labels; {remedy}")


def codes_of(labels: NDArray[Any], classes: NDArray[Any]) -> NDArray[np.int64]:
    """The place of each label among the sorted classes, `UNKNOWN` where it is none of them.

    >>> codes_of(np.array([3, 7, 5]), np.array([3, 5])).tolist(), codes_of(np.array(["3"]), np.array([3, 5])).tolist()
    ([0, -2, 1], [-2])
    """
    places = {label: place for place, label in enumerate(classes.tolist())}
    return np.array([places.get(label, UNKNOWN) for label in labels.tolist()], np.int64)


def is_missing(label: Any) -> bool:
    """None, NaN, or what pandas has for them, which says of no comparison whether it holds."""
    try:
        return label is None or bool(label != label)
    except (TypeError, ValueError):
        return True


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
