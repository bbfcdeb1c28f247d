"""Sigmoid, softmax and tanh's and sigmoid's derivatives, safe for every finite input; no weights, no layers."""

import numpy as np

from unrolled.errors import ShapeError
from unrolled.shapes import Array
from unrolled.steps._check import check_float

__all__ = ["log_softmax", "sigmoid", "sigmoid_derivative", "softmax", "tanh_derivative"]


def sigmoid(x: Array) -> Array:
    """The logistic function of every entry, without overflow and exact to rounding in both tails.

    Equations:
        sigmoid(x) = 1 / (1 + e^-x) = e^min(x, 0) / (1 + e^-|x|)

    Args:
        x: any shape, any float dtype.

    Returns:
        The same shape and dtype, each entry in [0, 1]; NaN stays NaN.

    Raises:
        ParameterError: `x` is not an array of floats.

    Source: the first form everywhere; the second has no positive exponent, so nothing can overflow.

    >>> sigmoid(np.array([-1000.0, 0.0, 1000.0])).tolist()
    [0.0, 0.5, 1.0]
    """
    check_float("x", x)
    return np.exp(np.minimum(x, 0)) / (1 + np.exp(-np.abs(x)))


def sigmoid_derivative(s: Array) -> Array:
    """The derivative of the sigmoid, from its value `s = sigmoid(x)`.

    Equations:
        ds/dx = s (1 - s)

    Args:
        s: values of the sigmoid, any shape.

    Returns:
        The same shape and dtype.

    Raises:
        ParameterError: `s` is not an array of floats.

    Source: the chain rule on `sigmoid`.

    >>> sigmoid_derivative(np.array([0.0, 0.5])).tolist()
    [0.0, 0.25]
    """
    check_float("s", s)
    return s * (1 - s)


def tanh_derivative(a: Array) -> Array:
    """The derivative of tanh, from its value `a = tanh(x)`.

    Equations:
        da/dx = 1 - a^2

    Args:
        a: values of tanh, any shape.

    Returns:
        The same shape and dtype.

    Raises:
        ParameterError: `a` is not an array of floats.

    Source: the chain rule on tanh = (e^x - e^-x) / (e^x + e^-x).

    >>> tanh_derivative(np.array([0.0, 0.5])).tolist()
    [1.0, 0.75]
    """
    check_float("a", a)
    return 1 - a**2


def softmax(x: Array) -> Array:
    """Probabilities from logits, column by column: the first axis holds the classes.

    Equations:
        softmax(x)_k = e^(x_k - max x) / sum_j e^(x_j - max x),   max and sum within the column

    Args:
        x: logits, `(n, m)` or `(n, m, T)`, any float dtype.

    Returns:
        The same shape and dtype; every column sums to 1. A NaN makes its own column NaN and no other.

    Raises:
        ParameterError: `x` is not an array of floats.
        ShapeError: no axis, or no class.

    Source: the course's `softmax`, with the maximum of each column in place of that of the whole matrix.

    >>> softmax(np.array([[0.0, 1e308], [0.0, -1e308]])).tolist()
    [[0.5, 1.0], [0.5, 0.0]]
    """
    e_x = np.exp(_below_maximum(x))
    return e_x / e_x.sum(axis=0)


def log_softmax(x: Array) -> Array:
    """The logarithm of `softmax`, right also where the probability itself underflows to 0.

    Equations:
        log softmax(x)_k = x_k - max x - log sum_j e^(x_j - max x)

    Args:
        x: logits, `(n, m)` or `(n, m, T)`, any float dtype.

    Returns:
        The same shape and dtype, in nats, each entry at most 0 and finite for finite `x`.

    Raises:
        ParameterError: `x` is not an array of floats.
        ShapeError: no axis, or no class.

    Source: the logarithm of `softmax`, taken before rounding.

    >>> log_softmax(np.array([[0.0], [1000.0]])).tolist()
    [[-1000.0], [0.0]]
    """
    below = _below_maximum(x)
    return below - np.log(np.exp(below).sum(axis=0))


def _below_maximum(x: Array) -> Array:
    """`x - max x` of each column; a difference beyond the dtype's range is its most negative number."""
    check_float("x", x)
    if x.ndim == 0 or x.shape[0] == 0:
        raise ShapeError(f"`x` has shape {x.shape}, expected (n, m) with n of at least 1; give one row for each class")
    with np.errstate(over="ignore"):  # -inf, where it occurs, is replaced here
        return np.maximum(x - x.max(axis=0), np.finfo(x.dtype).min)
