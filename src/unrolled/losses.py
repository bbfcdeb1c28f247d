"""What a model is trained to make small, with its gradient; the arithmetic per row is the engine's."""

import numpy as np
from numpy.typing import NDArray

from unrolled import engine
from unrolled.errors import ParameterError
from unrolled.layers.dense import leading_axes
from unrolled.shapes import Array, check_shape

__all__ = ["softmax_cross_entropy"]


def softmax_cross_entropy(
    logits: Array, targets: NDArray[np.integer], weights: Array | None = None
) -> tuple[float, Array]:
    """The mean cross-entropy between `softmax(logits)` and one right class per position, in nats.

    Equations, over positions `j` with weights `w_j` (1 where none are given):
        (1) p_j  = softmax(logits_j)
        (2) J    = sum_j w_j * (-log p_j[targets_j]) / sum_j w_j
        (3) dlogits_j = w_j / sum_j w_j * (p_j - onehot(targets_j))

    Args:
        logits: unnormalised log-probabilities, `(..., K)`, usually `(T, N, K)`.
        targets: the right classes, `(...)`, integers from 0 to K - 1.
        weights: how much each position counts, `(...)`, at least 0; 0 leaves a position (padding) out.

    Returns:
        J in nats, and `dlogits` of the shape and dtype of `logits`.

    Raises:
        ShapeError: `logits` has no axis of positions; `targets` or `weights` have not one entry for each position.
        ParameterError: a target is no class, there is no position, or the weights do not have a positive finite sum.

    Source: Bishop 2006, equations 4.108 and 4.109.

    >>> loss, dlogits = softmax_cross_entropy(np.zeros((2, 4), "float32"), np.array([0, 3]))
    >>> round(loss, 4)  # log 4
    1.3863
    >>> dlogits[0].tolist()
    [-0.375, 0.125, 0.125, 0.125]
    """
    if logits.ndim < 2:
        check_shape(
            "logits", logits.shape, "N, K", (None, None), "it needs an axis of positions in front of the classes"
        )
    leading, classes = logits.shape[:-1], logits.shape[-1]
    check_shape("targets", targets.shape, leading_axes(len(leading)), leading, "give one class for each row of logits")
    if targets.size == 0:
        raise ParameterError(
            f"`targets` is empty, of shape {targets.shape}; expected at least one position; is the batch empty?"
        )
    rows = np.ascontiguousarray(logits).reshape(-1, classes)
    losses, dlogits = engine.softmax_cross_entropy(rows, targets.reshape(-1))
    if weights is None:
        loss = float(losses.mean(dtype=np.float64))
        dlogits *= 1.0 / targets.size
    else:
        check_shape(
            "weights", weights.shape, leading_axes(len(leading)), leading, "give one weight for each row of logits"
        )
        total = float(weights.sum(dtype=np.float64))
        if not (np.all(weights >= 0) and 0 < total < np.inf):
            raise ParameterError(
                f"`weights` sum to {total} with a least entry of {float(weights.min())}, "
                "expected weights of at least 0 with a positive finite sum; is every position masked?"
            )
        share = (weights / total).astype(rows.dtype).reshape(-1)
        counted = share > 0  # a position that does not count may hold anything, NaN too
        loss = float(np.sum(losses[counted] * share[counted], dtype=np.float64))
        dlogits *= share[:, None]
        dlogits[~counted] = 0
    return loss, dlogits.reshape(logits.shape)
