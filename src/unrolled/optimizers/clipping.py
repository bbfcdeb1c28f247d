"""Gradients made small before a step: by their joint norm, or one by one."""

import math
from collections.abc import Mapping
from numbers import Real
from typing import Any

import numpy as np

from unrolled.errors import ParameterError
from unrolled.optimizers.base import BLOCK, blocks
from unrolled.shapes import Array, real_number

__all__ = ["clip_by_global_norm", "clip_by_value"]

_SMALL = 1e-25  # a sum of squares below it lacks digits: those of float32 are rounded to multiples of 1.4e-45


def clip_by_global_norm(gradients: Mapping[str, Array], maximum: float) -> float:
    """Scales all gradients in place, by one factor, so that their joint norm is at most `maximum`.

    Equations:
        (1) norm = sqrt(sum of the squares of all entries of all gradients)
        (2) g = g * maximum / norm   where norm > maximum

    Where a square would overflow or vanish, all entries are divided by the largest first, so that every norm that a
    float64 can hold is right. PyTorch divides by `norm + 1e-6`, so its clipped norm is a little less than `maximum`.

    Args:
        gradients: by name, arrays of floats of any shapes; changed in place.
        maximum: the largest norm allowed, positive; `math.inf` only measures.

    Returns:
        The norm before clipping. Where it is not finite, nothing is changed: the caller decides what a NaN means.

    Raises:
        ParameterError: `maximum` is no positive number, or a gradient is no array of floats.

    Source: Pascanu, Mikolov & Bengio 2013, algorithm 1.

    >>> g = {"a": np.array([3.0, 0.0]), "b": np.array([[4.0]])}
    >>> clip_by_global_norm(g, 1.0)
    5.0
    >>> g["a"].round(3).tolist(), g["b"].round(3).tolist()
    ([0.6, 0.0], [[0.8]])
    """
    _check(gradients, maximum)
    squares = _sum_of_squares(gradients)
    norm = math.sqrt(squares) if _SMALL <= squares < math.inf else _scaled_norm(gradients)
    if maximum < norm < math.inf:
        factor = maximum / norm
        for gradient in gradients.values():
            if factor > _SMALL:
                gradient *= factor
            else:  # it may be too small for a float32, where its product with a gradient is not
                np.multiply(np.divide(gradient, norm, dtype=np.float64), maximum, out=gradient, casting="same_kind")
    return norm


def clip_by_value(gradients: Mapping[str, Array], maximum: float) -> float:
    """Brings every entry of all gradients, in place, into the range from `-maximum` to `maximum`.

    Equations, for each entry:
        (1) g = min(max(g, -maximum), maximum)

    Unlike `clip_by_global_norm` it turns the direction of the step.

    Args:
        gradients: by name, arrays of floats of any shapes; changed in place.
        maximum: the largest magnitude allowed, positive; `math.inf` only measures.

    Returns:
        The largest magnitude before clipping, 0 where there are no entries. Where it is not finite, nothing is changed:
        the caller decides what a NaN means.

    Raises:
        ParameterError: `maximum` is no positive number, or a gradient is no array of floats.

    Source: Mikolov 2012, section 3.2.2.

    >>> g = {"a": np.array([3.0, -0.5]), "b": np.array([[-4.0]])}
    >>> clip_by_value(g, 1.0)
    4.0
    >>> g["a"].tolist(), g["b"].tolist()
    ([1.0, -0.5], [[-1.0]])
    """
    _check(gradients, maximum)
    largest = _largest(gradients)
    if maximum < largest < math.inf:
        for gradient in gradients.values():
            np.clip(gradient, -maximum, maximum, out=gradient)
    return largest


def _largest(gradients: Mapping[str, Array]) -> float:
    """The largest magnitude, 0 where there are no entries, NaN where one is."""
    ends = [float(end) for g in gradients.values() if g.size for end in (g.max(), -g.min())]
    return math.nan if any(math.isnan(end) for end in ends) else max(ends, default=0.0)


def _sum_of_squares(gradients: Mapping[str, Array]) -> float:
    """Of all entries, each squared in its own dtype."""
    total = 0.0
    scratch: dict[np.dtype[np.floating], Array] = {}
    for gradient in gradients.values():
        squares = scratch.setdefault(gradient.dtype, np.empty(BLOCK, gradient.dtype))
        for (g,) in blocks(gradient):
            with np.errstate(over="ignore", under="ignore"):
                # the engine's threads are not to be disturbed by a BLAS pool, so no np.dot
                total += float(np.add.reduce(np.multiply(g, g, out=squares[: g.size])))
    return total


def _scaled_norm(gradients: Mapping[str, Array]) -> float:
    """The norm of all entries, divided by the largest before they are squared, in float64."""
    largest = _largest(gradients)
    if not 0 < largest < math.inf:
        return largest
    with np.errstate(under="ignore"):
        scaled = (
            np.divide(g, largest, dtype=np.float64) for gradient in gradients.values() for (g,) in blocks(gradient)
        )
        return largest * math.sqrt(sum(float(np.add.reduce(np.square(g))) for g in scaled))


def _check(gradients: Mapping[str, Any], maximum: Any) -> None:
    if not (isinstance(maximum, Real) and maximum == math.inf):
        real_number("maximum", maximum, above=0, remedy="pass math.inf to leave gradients alone")
    for name, gradient in gradients.items():
        dtype: Any = getattr(gradient, "dtype", None)
        is_array = isinstance(gradient, np.ndarray)
        if not is_array or dtype.kind != "f":
            kind = f"dtype {dtype}" if is_array else f"type {type(gradient).__name__}"
            raise ParameterError(
                f"`gradients[{name!r}]` has {kind}, expected an array of floats, which is changed in place; "
                "convert it with np.asarray(., np.float32)"
            )
