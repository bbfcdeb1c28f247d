"""Arrays for the kernels: aligned new ones, and the one place where a caller's array is checked; no mathematics."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unrolled.engine import _native
from unrolled.errors import ParameterError
from unrolled.shapes import Array, as_array, check_shape

__all__ = ["aligned_empty", "aligned_zeros", "checked", "checked_tokens", "float_dtype", "release_memory"]


_SMALL = 16384  # entries


def aligned_empty(shape: Sequence[int], dtype: np.dtype[Any]) -> Array:
    """A new C-contiguous array whose first entry starts a cache line, so that vectors do not straddle two.

    Its memory may have been that of an array before it: kernels/memory.hpp says why. A small one is any array: it is
    not worth the microseconds.
    """
    if prod(shape) < _SMALL:
        return np.empty(shape, dtype)
    return _native.empty(prod(shape) * dtype.itemsize).view(dtype).reshape(shape)


def aligned_zeros(shape: Sequence[int], dtype: np.dtype[Any]) -> Array:
    """As `aligned_empty`, filled with zeros."""
    array = aligned_empty(shape, dtype)
    array.fill(0)
    return array


def release_memory() -> int:
    """Hands the memory that waits for the next arrays back to the system, 256 MiB at most; for a process that goes on
    to do something else.

    Returns:
        How many bytes.

    >>> release_memory() >= 0
    True
    """
    return _native.release_memory()


def float_dtype(name: str, array: ArrayLike) -> np.dtype[Any]:
    """The dtype of `array`, which must be float32 or float64."""
    dtype = np.asarray(array).dtype
    if dtype not in (np.dtype(np.float32), np.dtype(np.float64)):
        raise ParameterError(
            f"`{name}` has dtype {dtype}, expected float32 or float64; convert it with np.asarray({name}, np.float32)"
        )
    return dtype


def checked(
    name: str, array: ArrayLike, dtype: np.dtype[Any], axes: str, shape: Sequence[int | None], remedy: str
) -> Array:
    """The caller's array as the kernels need it: right dtype and shape, C-contiguous; copied only where it is not."""
    given = as_array(name, array, axes)
    if given.dtype == dtype and given.shape == shape and given.flags.c_contiguous:
        return given  # at once, for the sake of small layers
    if given.dtype != dtype:
        raise ParameterError(
            f"`{name}` has dtype {given.dtype}, expected {dtype}; convert it with np.asarray({name}, np.{dtype})"
        )
    check_shape(name, given.shape, axes, shape, remedy)
    return np.ascontiguousarray(given).reshape(given.shape)


def checked_tokens(
    name: str,
    array: ArrayLike,
    axes: str,
    shape: Sequence[int | None],
    size: int,
    *,
    of_shape: str = "did you pass one-hot rows, or batch before time?",
    of_range: str = "was another vocabulary used?",
) -> NDArray[np.int32]:
    """The caller's integer indices as C-contiguous int32, each checked to lie in [0, size); `of_...` are remedies.

    Raises:
        ParameterError: not integers, or one of them outside the range.
    """
    given = as_array(name, array, axes)
    if given.dtype.kind not in "iu":
        raise ParameterError(
            f"`{name}` has dtype {given.dtype}, expected integers; convert it with np.asarray({name}, np.int32)"
        )
    check_shape(name, given.shape, axes, shape, of_shape)
    if given.size and not ((low := int(given.min())) >= 0 and (high := int(given.max())) < size):
        worst = low if low < 0 else high  # pyright: ignore[reportPossiblyUnboundVariable]
        raise ParameterError(f"`{name}` holds {worst}, expected integers from 0 to {size - 1}; {of_range}")
    return np.ascontiguousarray(given, dtype=np.int32)
