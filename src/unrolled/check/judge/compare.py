"""When two values are the same: one table of tolerances with reasons, and comparison of nested values; no roles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, cast

import numpy as np

from unrolled.shapes import Array

__all__ = ["Likeness", "compare", "is_number_array", "unchanged"]

Likeness = Literal["same", "single", "different", "shape", "kind"]

# The largest difference that is rounding, relative to the largest entry of what is expected, by the dtype that came.
# Sums of a few dozen products in another order differ by some 1e-15 in float64 and 1e-6 in float32; each limit leaves
# two to seven orders for long ways round (numerical derivatives are off by 1e-9, exp and log by little). A mistake on
# random numbers is of the order of 1: none comes near. float16 keeps three digits, too few: it is no right answer.
LIMITS = {8: 1e-8, 4: 2e-4}
# float64 that was computed in float32 somewhere on the way.
SINGLE = 2e-5


def is_number_array(value: Any) -> bool:
    """Whether it is an array of real numbers."""
    return isinstance(value, np.ndarray) and cast("Array", value).dtype.kind in "fiub"


def compare(found: Any, expected: Any) -> Likeness:
    """How `found` is like `expected`: arrays, numbers, or lists and dictionaries of them.

    Returns:
        "same"; "single": only to the precision of float32; "different": right in shape, other numbers; "shape"; "kind":
        not even an array.
    """
    if isinstance(expected, Mapping):
        return _of_mappings(found, cast("Mapping[Any, Any]", expected))
    if isinstance(expected, list | tuple):
        own = cast("list[Any]", list(expected))  # pyright: ignore[reportUnknownArgumentType]
        if isinstance(found, np.ndarray) and found.shape[:1] == (len(own),):
            return worst([compare(each, want) for each, want in zip(cast("Array", found), own, strict=True)])
        if not isinstance(found, list | tuple):
            return "kind"
        given = cast("list[Any]", found)
        if len(given) != len(own):
            return "shape"
        return worst([compare(each, want) for each, want in zip(given, own, strict=True)])
    if not isinstance(expected, np.ndarray | np.number | int | float):
        return "same" if found == expected else "different"
    return _of_arrays(found, np.asarray(expected))


def _of_arrays(found: Any, expected: Array) -> Likeness:
    if isinstance(found, int | float) and not isinstance(found, bool):
        found = np.asarray(found, dtype=float)
    elif isinstance(found, np.number):
        found = np.asarray(found)
    if isinstance(found, list | tuple) and expected.ndim:
        return "kind"
    if not is_number_array(found):
        return "kind"
    array = cast("Array", found)
    if array.shape != expected.shape:
        return "shape"
    if not array.size:
        return "same"
    if not np.isfinite(array).all():
        return "same" if np.array_equal(array, expected, equal_nan=True) else "different"
    error = float(np.abs(array.astype(float) - expected).max())
    size = float(np.abs(expected).max())
    limit = LIMITS.get(array.dtype.itemsize if array.dtype.kind == "f" else 8, LIMITS[8])
    if error <= limit * max(size, 1e-300):
        return "same"
    return "single" if error <= SINGLE * size else "different"


def _of_mappings(found: Any, expected: Mapping[Any, Any]) -> Likeness:
    if not isinstance(found, Mapping):
        return "kind"
    own = cast("Mapping[Any, Any]", found)
    if any(key not in own for key in expected):
        return "shape"
    return worst([compare(own[key], value) for key, value in expected.items()])


def worst(likenesses: list[Likeness]) -> Likeness:
    """That of the part that is least like; an empty list is the same."""
    order: tuple[Likeness, ...] = ("same", "single", "different", "shape", "kind")
    return max(likenesses, key=order.index, default="same")


def unchanged(before: Any, after: Any) -> bool:
    """Whether a value that was passed is bit by bit what it was."""
    if isinstance(before, Mapping):
        own = cast("Mapping[Any, Any]", before)
        return isinstance(after, Mapping) and list(own) == list(after) and all(unchanged(own[k], after[k]) for k in own)  # pyright: ignore[reportUnknownArgumentType]
    if isinstance(before, list | tuple):
        mine, theirs = cast("list[Any]", before), cast("list[Any]", after)
        return (
            isinstance(after, list | tuple)
            and len(mine) == len(theirs)
            and all(unchanged(a, b) for a, b in zip(mine, theirs, strict=True))
        )
    if isinstance(before, np.ndarray):
        return (
            isinstance(after, np.ndarray)
            and before.dtype == after.dtype
            and np.array_equal(before, after, equal_nan=True)
        )
    return True
