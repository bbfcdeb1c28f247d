"""Matrix products and the softmax head on the engine's own tile and threads; nothing with an order in time.

No BLAS is called: its threads would spin on the same cores between two calls of ours.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from unrolled.engine import _native
from unrolled.engine.arrays import aligned_empty, aligned_zeros, checked, checked_tokens, float_dtype
from unrolled.shapes import Array

__all__ = ["dense_backward", "dense_forward", "exp", "sigmoid", "softmax_cross_entropy", "tanh"]


def pack(source: Array, units: int, depth: int, *, transposed: bool) -> Array:
    """Packs a matrix for the tile: its columns are `units`, its sums run over `depth`.

    `transposed` says that `source` is `(units, depth)`, as weights are; else it is `(depth, units)`.
    """
    packed = aligned_empty((_native.packed_size(source, units, depth),), source.dtype)
    _native.pack(packed, units, depth, source, transposed)
    return packed


def rows_product(a: Array, packed: Array, units: int, depth: int, bias: Array | None) -> Array:
    """`a @ B (+ bias)`, B packed with `pack`; a `(M, depth)` -> `(M, units)`."""
    out = aligned_empty((a.shape[0], units), a.dtype)
    _native.rows_product(a, a.shape[0], packed, units, depth, bias, out)
    return out


def dense_forward(x: ArrayLike, weight: ArrayLike, bias: ArrayLike | None = None) -> Array:
    """Computes `y = x weight' + bias` for a batch of rows.

    Args:
        x: inputs, `(M, I)`, float32 or float64.
        weight: `(K, I)`, of the same dtype.
        bias: `(K,)`, or `None` for none.

    Returns:
        `y`, `(M, K)`.

    Raises:
        ShapeError: `weight` or `bias` does not fit.
        ParameterError: a dtype is not that of `x`.

    >>> dense_forward(np.ones((2, 3)), np.ones((1, 3)), np.ones(1))
    array([[4.],
           [4.]])
    """
    dtype = float_dtype("x", x)
    x = checked("x", x, dtype, "M, I", (None, None), "flatten time and batch into rows first")
    weight = checked("weight", weight, dtype, "K, I", (None, x.shape[1]), "did you pass its transpose?")
    K, I = weight.shape  # noqa: E741
    if bias is not None:
        bias = checked("bias", bias, dtype, "K", (K,), "it needs one entry for each row of weight")
    return rows_product(x, pack(weight, K, I, transposed=True), K, I, bias)


def dense_backward(
    x: ArrayLike, weight: ArrayLike, dy: ArrayLike, *, need_dx: bool = True
) -> tuple[Array | None, Array, Array]:
    """Carries `dy = dJ/dy` back through `dense_forward`.

    Args:
        x: the inputs of the forward pass, `(M, I)`.
        weight: `(K, I)`.
        dy: `(M, K)`.
        need_dx: `False` leaves `dx` out.

    Returns:
        `dx` `(M, I)` or `None`, `dweight` `(K, I)`, `dbias` `(K,)`: summed over the rows.

    Raises:
        ShapeError: `weight` or `dy` does not fit.
        ParameterError: a dtype is not that of `x`.

    >>> dx, dweight, dbias = dense_backward(np.ones((2, 3)), np.ones((1, 3)), np.ones((2, 1)))
    >>> dweight, dbias
    (array([[2., 2., 2.]]), array([2.]))
    """
    dtype = float_dtype("x", x)
    x = checked("x", x, dtype, "M, I", (None, None), "flatten time and batch into rows first")
    M, I = x.shape  # noqa: E741
    weight = checked("weight", weight, dtype, "K, I", (None, I), "did you pass its transpose?")
    K = weight.shape[0]
    dy = checked("dy", dy, dtype, "M, K", (M, K), "it needs the shape of the forward pass' result")
    # forward: y = x weight' + bias
    dx = rows_product(dy, pack(weight, I, K, transposed=False), I, K, None) if need_dx else None
    dweight, dbias = aligned_zeros((K, I), dtype), aligned_zeros((K,), dtype)
    scratch = aligned_empty((_native.outer_scratch(x, M, K, I),), dtype)
    _native.outer_product(dy, x, M, K, I, dweight, dbias, scratch)
    return dx, dweight, dbias


def softmax_cross_entropy(logits: ArrayLike, targets: ArrayLike) -> tuple[Array, Array]:
    """Computes each row's cross-entropy against its class, and the gradient of their sum.

    Equations:
        losses[m] = log(sum over k of exp(logits[m, k])) - logits[m, targets[m]]
        dlogits = softmax(logits) - one_hot(targets)

    Args:
        logits: `(M, K)`, float32 or float64.
        targets: classes, `(M,)`, integers in [0, K).

    Returns:
        `losses` `(M,)` in nats, and `dlogits` `(M, K)`.

    Raises:
        ShapeError: `targets` has not one entry for each row.
        ParameterError: `targets` are not integers in the range.

    >>> losses, dlogits = softmax_cross_entropy(np.zeros((1, 2)), [0])
    >>> losses.round(6), dlogits
    (array([0.693147]), array([[-0.5,  0.5]]))
    """
    dtype = float_dtype("logits", logits)
    logits = checked("logits", logits, dtype, "M, K", (None, None), "flatten time and batch into rows first")
    M, K = logits.shape
    classes = checked_tokens("targets", targets, "M", (M,), K)
    losses, dlogits = aligned_empty((M,), dtype), aligned_empty((M, K), dtype)
    _native.softmax_cross_entropy(logits, classes, M, K, losses, dlogits)
    return losses, dlogits


def exp(x: ArrayLike) -> Array:
    """Computes `e^x` of every entry with the kernels' own function: 0 or infinity where it leaves the dtype.

    >>> exp(np.zeros(2))
    array([1., 1.])
    """
    return _elementwise("exp", x)


def sigmoid(x: ArrayLike) -> Array:
    """Computes `1 / (1 + exp(-x))` of every entry with the kernels' own function.

    >>> sigmoid(np.zeros(2))
    array([0.5, 0.5])
    """
    return _elementwise("sigmoid", x)


def tanh(x: ArrayLike) -> Array:
    """Computes `tanh(x)` of every entry with the kernels' own function.

    >>> tanh(np.zeros(2))
    array([0., 0.])
    """
    return _elementwise("tanh", x)


def _elementwise(name: str, x: ArrayLike) -> Array:
    dtype: np.dtype[Any] = float_dtype("x", x)
    given = np.ascontiguousarray(x).reshape(np.shape(x))
    out = aligned_empty(given.shape, dtype)
    _native.activation(name, given, out)
    return out
