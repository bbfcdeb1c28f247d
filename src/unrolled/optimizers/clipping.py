"""Gradients made small before a step: by their joint norm, or one by one."""

import math
from collections.abc import Mapping

import numpy as np

from unrolled.errors import ParameterError
from unrolled.optimizers.base import BLOCK, blocks
from unrolled.shapes import Array

__all__ = ["clip_by_global_norm", "clip_by_value"]


def clip_by_global_norm(gradients: Mapping[str, Array], maximum: float) -> float:
    """Scales all gradients in place, by one factor, so that their joint norm is at most `maximum`.

    Equations:
        (1) norm = sqrt(sum of the squares of all entries of all gradients)
        (2) g = g * maximum / norm   where norm > maximum

    PyTorch divides by `norm + 1e-6`, so its clipped norm is a little less than `maximum`.

    Args:
        gradients: by name, any shapes; changed in place.
        maximum: the largest norm allowed, positive; `math.inf` only measures.

    Returns:
        The norm before clipping. Where it is not finite, nothing is changed: the caller decides what a NaN means.

    Raises:
        ParameterError: `maximum` is not positive.

    Source: Pascanu, Mikolov & Bengio 2013, algorithm 1.

    >>> g = {"a": np.array([3.0, 0.0]), "b": np.array([[4.0]])}
    >>> clip_by_global_norm(g, 1.0)
    5.0
    >>> g["a"].round(3).tolist(), g["b"].round(3).tolist()
    ([0.6, 0.0], [[0.8]])
    """
    _check_maximum(maximum)
    norm = math.sqrt(_sum_of_squares(gradients))
    if norm == math.inf:  # the square of a float32 overflows from 1.8e19 on
        norm = math.sqrt(_sum_of_squares(gradients, np.dtype(np.float64)))
    if maximum < norm < math.inf:
        for gradient in gradients.values():
            gradient *= maximum / norm
    return norm


def clip_by_value(gradients: Mapping[str, Array], maximum: float) -> float:
    """Brings every entry of all gradients, in place, into the range from `-maximum` to `maximum`.

    Equations, for each entry:
        (1) g = min(max(g, -maximum), maximum)

    Unlike `clip_by_global_norm` it turns the direction of the step.

    Args:
        gradients: by name, any shapes; changed in place.
        maximum: the largest magnitude allowed, positive; `math.inf` only measures.

    Returns:
        The largest magnitude before clipping, 0 where there are no entries. Where it is not finite, nothing is changed:
        the caller decides what a NaN means.

    Raises:
        ParameterError: `maximum` is not positive.

    Source: Mikolov 2012, section 3.2.2.

    >>> g = {"a": np.array([3.0, -0.5]), "b": np.array([[-4.0]])}
    >>> clip_by_value(g, 1.0)
    4.0
    >>> g["a"].tolist(), g["b"].tolist()
    ([1.0, -0.5], [[-1.0]])
    """
    _check_maximum(maximum)
    ends = [float(end) for g in gradients.values() if g.size for end in (g.max(), -g.min())]
    largest = math.nan if any(math.isnan(end) for end in ends) else max(ends, default=0.0)
    if maximum < largest < math.inf:
        for gradient in gradients.values():
            np.clip(gradient, -maximum, maximum, out=gradient)
    return largest


def _sum_of_squares(gradients: Mapping[str, Array], dtype: np.dtype[np.floating] | None = None) -> float:
    """Of all entries, each squared in `dtype`, or in its own."""
    total = 0.0
    scratch: dict[np.dtype[np.floating], Array] = {}
    for gradient in gradients.values():
        squares = scratch.setdefault(dtype or gradient.dtype, np.empty(BLOCK, dtype or gradient.dtype))
        for (g,) in blocks(gradient):
            with np.errstate(over="ignore"):
                # the engine's threads are not to be disturbed by a BLAS pool, so no np.dot
                total += float(np.add.reduce(np.multiply(g, g, out=squares[: g.size], dtype=squares.dtype)))
    return total


def _check_maximum(maximum: float) -> None:
    if not maximum > 0:
        raise ParameterError(
            f"`maximum` is {maximum}, expected a positive number; pass math.inf to leave gradients alone"
        )
