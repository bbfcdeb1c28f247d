"""The axes, named once, and the functions that check a shape or a number and word the error; no mathematics.

| axis | here | in the course | meaning |
|------|------|---------------|---------|
| `T`  | time steps | `T_x` | |
| `N`  | batch | `m` | |
| `I`  | input size | `n_x` | |
| `H`  | hidden size | `n_a` | |
| `K`  | classes, outputs | `n_y` | |
| `V`  | vocabulary | | |
| `P`  | projection size | | |
| `L`, `D` | layers, directions | | |

Course arrays are `(n, m, T)`; engine arrays are `(T, N, n)`, C-contiguous: exactly the transpose.
"""

from collections.abc import Sequence
from math import isfinite
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unrolled.errors import ParameterError, ShapeError

__all__ = ["Array", "as_array", "check_shape", "counted", "real_number", "whole_number"]

Array = NDArray[np.floating]

UNEVEN = "every row needs as many entries as the first; is one missing?"


def as_array(name: str, given: ArrayLike, axes: str, remedy: str = UNEVEN) -> NDArray[Any]:
    """A caller's array, or what NumPy makes one of.

    Args:
        name: the argument's name, as its caller wrote it.
        given: an array, or lists of numbers.
        axes: the axes' names, separated by commas: `"N, K"`.
        remedy: what the caller most likely did, as a question or an advice, without the final full stop.

    Raises:
        ShapeError: it is a list whose entries are of unequal length.

    >>> as_array("x", [[1, 2], [3, 4]], "N, K").shape
    (2, 2)
    """
    try:
        return np.asarray(given)
    except ValueError:
        raise ShapeError(f"`{name}` is ragged, expected ({axes}); {remedy}") from None


def check_shape(name: str, actual: Sequence[int], axes: str, expected: Sequence[int | None], remedy: str) -> None:
    """Raises `ShapeError` unless `actual` is `expected`; `None` in `expected` admits any length.

    Args:
        name: the argument's name, as its caller wrote it.
        actual: the shape that came.
        axes: the axes' names, separated by commas: `"N, H"`.
        expected: one length (or `None`) for each axis.
        remedy: what the caller most likely did, as a question or an advice, without the final full stop.

    Raises:
        ShapeError: naming the argument, what came, what was expected, and the remedy.

    >>> check_shape("h0", (32, 64), "N, H", (32, 128), "did you pass input_size as hidden_size?")
    Traceback (most recent call last):
        ...
    unrolled.errors.ShapeError: `h0` has shape (32, 64), expected (N, H) = (32, 128); did you pass input_size \
as hidden_size?
    """
    fits = len(actual) == len(expected) and all(
        want is None or got == want for got, want in zip(actual, expected, strict=True)
    )
    if fits:
        return
    names = axes.split(", ") if axes else []
    lengths = [axis if want is None else str(want) for axis, want in zip(names, expected, strict=True)]
    comma = "," if len(names) == 1 else ""
    wanted = f"({', '.join(names)}{comma})"
    if any(want is not None for want in expected):
        wanted += f" = ({', '.join(lengths)}{comma})"
    raise ShapeError(f"`{name}` has shape {tuple(actual)}, expected {wanted}; {remedy}")


def whole_number(name: str, value: Any, *, at_least: int = 1, below: int | None = None, remedy: str = "") -> int:
    """A whole number, Python's or NumPy's, as Python's own; `True` is none, and neither are `3.0` and `"3"`.

    Args:
        name: the argument's name, as its caller wrote it.
        value: what came.
        at_least: the smallest that is allowed.
        below: what it must not reach.
        remedy: what the caller most likely did, as a question or an advice, without the final full stop; none if empty.

    Raises:
        ParameterError: naming the argument, what came, what was expected, and the remedy.

    >>> whole_number("hidden_size", np.int64(128))
    128
    >>> whole_number("hidden_size", 128.5, remedy="how many units?")
    Traceback (most recent call last):
        ...
    unrolled.errors.ParameterError: `hidden_size` is 128.5, expected a whole number of at least 1; how many units?
    """
    whole = None if isinstance(value, bool) or not isinstance(value, Integral) else int(value)
    if whole is None or whole < at_least or (below is not None and whole >= below):
        allowed = f"of at least {at_least}" if below is None else f"from {at_least} to below {below}"
        raise _refused(name, value, f"a whole number {allowed}", remedy)
    return whole


def real_number(
    name: str,
    value: Any,
    *,
    at_least: float | None = None,
    above: float | None = None,
    at_most: float | None = None,
    below: float | None = None,
    remedy: str = "",
) -> float:
    """A finite number, Python's or NumPy's, as Python's own; `True` is none, and neither is `"0.5"`.

    Args:
        name: the argument's name, as its caller wrote it.
        value: what came.
        at_least: the smallest that is allowed; or
        above: what it must exceed.
        at_most: the largest that is allowed; or
        below: what it must not reach.
        remedy: what the caller most likely did, as a question or an advice, without the final full stop; none if empty.

    Raises:
        ParameterError: naming the argument, what came, what was expected, and the remedy.

    >>> real_number("dropout", np.float32(0.5), at_least=0, below=1)
    0.5
    >>> real_number("dropout", 1, at_least=0, below=1, remedy="1 would leave nothing")
    Traceback (most recent call last):
        ...
    unrolled.errors.ParameterError: `dropout` is 1, expected a number from 0 to below 1; 1 would leave nothing
    """
    number = _as_float(value)
    fits = (
        isfinite(number)
        and (at_least is None or number >= at_least)
        and (above is None or number > above)
        and (at_most is None or number <= at_most)
        and (below is None or number < below)
    )
    if not fits:
        raise _refused(name, value, _range(at_least, above, at_most, below), remedy)
    return number


def counted(count: int, noun: str) -> str:
    """So many things, in words; `noun` is one of them, whose plural adds an s.

    >>> counted(0, "step"), counted(1, "step"), counted(1200, "step")
    ('0 steps', '1 step', '1,200 steps')
    """
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def _as_float(value: Any) -> float:
    """NaN for what is no number, and for a whole number that is too large for a float."""
    if isinstance(value, bool) or not isinstance(value, Real):
        return float("nan")
    try:
        return float(value)
    except OverflowError:
        return float("nan")


def _range(at_least: float | None, above: float | None, at_most: float | None, below: float | None) -> str:
    """The range in words.

    >>> _range(0, None, None, None), _range(None, 0, None, 1)
    ('a finite number of at least 0', 'a number between 0 and 1')
    """
    if at_least is None and above is None:
        upper = f" of at most {at_most}" if at_most is not None else f" below {below}" if below is not None else ""
        return f"a finite number{upper}"
    if at_most is None and below is None:
        return f"a finite number above {above}" if at_least is None else f"a finite number of at least {at_least}"
    if at_least is None:
        return (
            f"a number above {above} and at most {at_most}"
            if below is None
            else f"a number between {above} and {below}"
        )
    return f"a number from {at_least} to {at_most if below is None else f'below {below}'}"


def _refused(name: str, value: object, expected: str, remedy: str) -> ParameterError:
    return ParameterError(f"`{name}` is {value!r}, expected {expected}{f'; {remedy}' if remedy else ''}")
