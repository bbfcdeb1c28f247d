"""When two values are the same: one table of tolerances with reasons, and comparison of nested values; no roles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeGuard, cast

import numpy as np
from numpy.typing import NDArray

from unrolled.shapes import Array

__all__ = ["Likeness", "compare", "is_array", "is_number_array", "unchanged"]

Likeness = Literal["same", "single", "different", "shape", "kind"]

# The largest difference that is rounding, relative to the largest entry of what is expected, by the dtype that came.
# Sums of a few dozen products in another order differ by some 1e-15 in float64 and 1e-6 in float32; each limit leaves
# two to seven orders for long ways round (numerical derivatives are off by 1e-9, exp and log by little). A mistake on
# random numbers is of the order of 1: none comes near. float16 keeps three digits, too few: it is no right answer.
LIMITS = {8: 1e-8, 4: 2e-4}
# float64 that was computed in float32 somewhere on the way.
SINGLE = 2e-5


def is_array(value: Any) -> TypeGuard[NDArray[Any]]:
    """Whether it is an array, of whatever dtype."""
    return isinstance(value, np.ndarray)


def is_number_array(value: Any) -> TypeGuard[NDArray[Any]]:
    """Whether it is an array of real numbers."""
    return is_array(value) and value.dtype.kind in "fiub"


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
        if is_array(found) and found.shape[:1] == (len(own),):
            return worst([compare(each, want) for each, want in zip(found, own, strict=True)])
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
    plain = isinstance(found, int | float | np.number) and not isinstance(found, bool)
    array: Any = np.asarray(cast("Any", found)) if plain else cast("Any", found)
    if not is_number_array(array):
        return "kind"
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
    return order[max((order.index(each) for each in likenesses), default=0)]


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
    if is_array(before):
        return is_array(after) and before.dtype == after.dtype and np.array_equal(before, after, equal_nan=True)
    return True
