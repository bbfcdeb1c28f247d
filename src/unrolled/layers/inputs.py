"""Checks of what callers hand to a layer, fast where it fits and clear where it does not; no mathematics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unrolled.engine.arrays import checked, checked_tokens
from unrolled.engine.recurrent import Padding
from unrolled.errors import ParameterError
from unrolled.shapes import Array, as_array

__all__ = ["TO_PAD", "check_apart", "check_writable", "checked_input", "not_run", "padding_of"]

TO_PAD = "pad short sequences with zeros and say with `lengths` how many steps each has"


def checked_input(name: str, x: ArrayLike, dtype: np.dtype[Any], axes: tuple[str, ...], input_size: int) -> Array:
    """`x` as the kernels need it, its last axis being `input_size` long."""
    given: Array = as_array(name, x, ", ".join(axes), TO_PAD)
    fits = given.ndim == len(axes) and given.shape[-1] == input_size
    if fits and given.dtype == dtype and given.flags.c_contiguous:
        return given  # at once: a call on a small layer takes ten times as long as its arithmetic
    lengths = (*(None for _ in axes[1:]), input_size)
    return checked(name, given, dtype, ", ".join(axes), lengths, "arrays are time first, then batch, then input")


def padding_of(lengths: Sequence[int] | NDArray[np.integer] | None, T: int, N: int) -> Padding | None:
    """What the lengths leave as padding; `None` where there is none."""
    if lengths is None:
        return None
    of_range = "they count each sequence's steps, of which x has no more; was it cut?"
    given = checked_tokens(
        "lengths", lengths, "N", (N,), T + 1, of_shape="give one for each sequence", of_range=of_range
    )
    return None if N == 0 or given.min() == T else Padding(given, T)


def check_writable(*out: Any) -> None:
    """Raises unless the kernels can write to each array that is there."""
    for array in out:
        if array is not None and not (
            isinstance(array, np.ndarray) and array.flags.c_contiguous and array.flags.writeable
        ):
            raise ParameterError(
                "`out` cannot be written as it lies, expected C-contiguous, writable arrays; "
                "pass the state that an earlier step returned"
            )


def check_apart(out: Sequence[Array | None], state: Sequence[Array | None]) -> None:
    """Raises unless each array of `out` lies apart from the others, or is the state's own."""
    for k, (new, old) in enumerate(zip(out, state, strict=True)):
        others = [*out[:k], *state[:k], *state[k + 1 :]]
        if new is not None and old is not None and new.ctypes.data != old.ctypes.data:
            others.append(old)
        if any(other is not None and new is not None and np.may_share_memory(new, other) for other in others):
            raise ParameterError(
                "`out` overlaps itself or `state`, expected arrays of their own, or the arrays of `state` in their "
                "places; pass the state that an earlier step returned"
            )


def not_run(given: object) -> ParameterError:
    """What is said of a `run` that no forward pass has made."""
    return ParameterError(
        f"`run` is a {type(given).__name__}, expected what this layer's forward returned; calling the layer keeps "
        "nothing for backward"
    )
