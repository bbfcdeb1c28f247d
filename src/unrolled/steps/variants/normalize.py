"""Layer normalisation of a column, and of a product with its gains, with their ways back; no network.

Equations, in this module's own numbers; a mean and a variance are those of one column:

    (1) norm(v) = (v - mean(v)) / sqrt(var(v) + 1e-5)                        var with the divisor n, not n - 1

Backward; n = norm(v) and dn its gradient. v reaches n through mean and variance too:

    (2) dv = (dn - mean(dn) - n * mean(dn * n)) / sqrt(var(v) + 1e-5)

    through g * norm(v) with v = W s, whose gradient is dz:
    (3) dg = sum over batch of dz * norm(v)
    (4) dv = (2) of dn = dz * g
    (5) dW = dv s^T,    ds = W^T dv
"""

import numpy as np

from unrolled.shapes import Array

__all__ = ["normalize", "normalize_backward", "normalized_product_backward"]


def normalize(v: Array) -> tuple[Array, Array]:
    """Every column with mean 0 and variance 1.

    Equations: (1) at the top of this module.

    Args:
        v: `(n, m)`.

    Returns:
        norm(v) `(n, m)`, and what it was divided by `(1, m)`.

    Source: Ba, Kiros & Hinton 2016, equation (3), with 1e-5 against a column of equal entries.

    >>> norm, deviation = normalize(np.array([[1.0, 7.0], [3.0, 7.0]]))
    >>> norm.round(4).tolist(), deviation.round(4).tolist()
    ([[-1.0, 0.0], [1.0, 0.0]], [[1.0, 0.0032]])
    """
    deviation = np.sqrt(v.var(axis=0, keepdims=True) + 1e-5)
    return (v - v.mean(axis=0, keepdims=True)) / deviation, deviation  # (1)


def normalize_backward(dn: Array, n: Array, deviation: Array) -> Array:
    """Carries the gradient `dn` of norm(v), `(n, m)`, back to v.

    Equations: (2) at the top of this module.

    Args:
        dn: gradient of J with respect to norm(v), `(n, m)`.
        n: norm(v), `(n, m)`.
        deviation: what `normalize` divided by, `(1, m)`.

    Returns:
        The gradient of J with respect to v, `(n, m)`; each column adds up to zero.

    Source: the chain rule.

    >>> n, deviation = normalize(np.array([[1.0], [3.0], [8.0]]))
    >>> normalize_backward(np.array([[1.0], [0.0], [0.0]]), n, deviation).round(4).tolist()
    [[0.1089], [-0.1524], [0.0435]]
    """
    # forward (1): norm(v) = (v - mean(v)) / deviation
    return (dn - dn.mean(axis=0, keepdims=True) - n * (dn * n).mean(axis=0, keepdims=True)) / deviation  # (2)


def normalized_product_backward(dz: Array, g: Array, W: Array, s: Array) -> tuple[Array, Array, Array]:
    """Carries the gradient `dz` of g * norm(W s) back to g, W and s.

    Equations: (3) to (5) at the top of this module.

    Args:
        dz: gradient of J with respect to g * norm(W s), `(n, m)`.
        g: gains, `(n, 1)`.
        W: `(n, k)`.
        s: `(k, m)`.

    Returns:
        `dg` `(n, 1)`, `dW` `(n, k)`, `ds` `(k, m)`.

    Source: the chain rule.

    >>> dg, dW, ds = normalized_product_backward(np.eye(2), np.ones((2, 1)), np.eye(2), np.array([[1.0, 2], [3, 9]]))
    >>> dg.round(4).tolist()
    [[-1.0], [1.0]]
    """
    n, deviation = normalize(W @ s)
    dg = (dz * n).sum(axis=1, keepdims=True)  # (3)
    dv = normalize_backward(dz * g, n, deviation)  # (4)
    dW = dv @ s.T  # (5)
    ds = W.T @ dv  # (5)
    return dg, dW, ds
