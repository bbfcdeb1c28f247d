"""Losses of classes, with their gradients: one right class of several, or several yes-or-no questions."""

import numpy as np
from numpy.typing import ArrayLike

from unrolled import engine
from unrolled.errors import ShapeError
from unrolled.layers.dense import leading_axes
from unrolled.losses.weighting import QUIET, check_not_empty, checked_outputs, checked_weights, shares_of, weigh
from unrolled.shapes import Array, as_array, check_shape, real_number

__all__ = ["binary_cross_entropy_with_logits", "softmax_cross_entropy"]


@QUIET
def softmax_cross_entropy(
    logits: ArrayLike, targets: ArrayLike, weights: ArrayLike | None = None, *, label_smoothing: float = 0.0
) -> tuple[float, Array]:
    """The mean cross-entropy between `softmax(logits)` and one right class per position, in nats.

    Equations, over positions `j` with weights `w_j` (1 where none are given) and `e = label_smoothing`:
        (1) p_j  = softmax(logits_j),   q_j = (1 - e) * onehot(targets_j) + e / K
        (2) J    = sum_j w_j * sum_k (-q_jk log p_jk) / sum_j w_j
        (3) dlogits_j = w_j / sum_j w_j * (p_j - q_j)

    Args:
        logits: unnormalised log-probabilities, `(..., K)`, usually `(T, N, K)`; float32 or float64.
        targets: the right classes, `(...)`, integers from 0 to K - 1.
        weights: how much each position counts, `(...)`, at least 0; 0 leaves a position (padding) out, and its logits
            and its target may then be anything.
        label_smoothing: the share of each target that is spread over all classes, in [0, 1); 0.1 is usual.

    Returns:
        J in nats, and `dlogits` of the shape and dtype of `logits`.

    Raises:
        ShapeError: `logits` has no axis of positions, or no classes; `targets` or `weights` have not one entry for
            each position; or one of them is ragged.
        ParameterError: a target is no class, there is no position, `logits` has another dtype, the weights do not have
            a positive finite sum, or `label_smoothing` is out of its range.

    Source: Bishop 2006, equations 4.108 and 4.109; label smoothing: Szegedy et al. 2016, section 7.

    >>> loss, dlogits = softmax_cross_entropy(np.zeros((2, 4), "float32"), np.array([0, 3]))
    >>> round(loss, 4)  # log 4
    1.3863
    >>> dlogits[0].tolist()
    [-0.375, 0.125, 0.125, 0.125]
    """
    label_smoothing = real_number("label_smoothing", label_smoothing, at_least=0, below=1, remedy="0.1 is usual")
    z = checked_outputs("logits", logits)
    if z.ndim < 2:
        check_shape("logits", z.shape, "N, K", (None, None), "it needs an axis of positions in front of the classes")
    leading, classes = z.shape[:-1], z.shape[-1]
    if not classes:
        raise ShapeError(f"`logits` has shape {z.shape}, expected at least one class on the last axis; what chooses?")
    axes = leading_axes(len(leading))
    right = as_array("targets", targets, axes)
    check_shape("targets", right.shape, axes, leading, "give one class for each row of logits")
    check_not_empty(right)
    each = checked_weights(weights, axes)
    if each is not None:
        check_shape("weights", each.shape, axes, leading, "give one weight for each row of logits")
        each = each.reshape(-1)
    rows, right = np.ascontiguousarray(z).reshape(-1, classes), right.reshape(-1)
    shares = shares_of(each, right.shape, rows.dtype)
    if shares.counted is not None and right.dtype.kind in "iu":  # else the engine says so
        right = np.where(shares.counted, right, 0)
    losses, dlogits = engine.softmax_cross_entropy(rows, right)
    if label_smoothing:
        # (2) is -log p_t + e * (z_t - mean of z): what is normalised falls out
        losses += label_smoothing * (np.take_along_axis(rows, right[:, None], 1)[:, 0] - rows.mean(axis=1))
        dlogits -= label_smoothing / classes  # (3) is p - onehot(t) + e * (onehot(t) - 1 / K)
        dlogits[np.arange(right.size), right] += label_smoothing
    dlogits *= shares.share[:, None]
    if shares.counted is not None:
        dlogits[~shares.counted] = 0
    return shares.mean(shares.keep(losses)), dlogits.reshape(z.shape)


@QUIET
def binary_cross_entropy_with_logits(
    logits: ArrayLike, targets: ArrayLike, weights: ArrayLike | None = None
) -> tuple[float, Array]:
    """The mean cross-entropy between `sigmoid(logits)` and the answers to K yes-or-no questions, in nats.

    Equations, over entries `i` of `(..., K)` with weights `w_i` (1 where none are given):
        (1) p_i = sigmoid(z_i)
        (2) J   = sum_i w_i * (-t_i log p_i - (1 - t_i) log(1 - p_i)) / sum_i w_i
        (3) dz_i = w_i / sum_i w_i * (p_i - t_i)

    (2) is computed as `max(z, 0) - z t + log(1 + exp(-|z|))`, which no logit makes overflow and none loses digits of.

    Args:
        logits: z, `(..., K)`, usually `(T, N, K)`; float32 or float64.
        targets: t, of the shape of `logits`: 0, 1, or a probability between.
        weights: how much each position, `(...)`, or each answer, `(..., K)`, counts, at least 0; 0 leaves one out, and
            its logits and targets may then be anything.

    Returns:
        J in nats per answer, and `dlogits` of the shape and dtype of `logits`.

    Raises:
        ShapeError: `targets` or `weights` does not fit `logits`, or one of them is ragged.
        ParameterError: a target that counts is not between 0 and 1, there are none, `logits` has another dtype, or the
            weights do not have a positive finite sum.

    Source: Bishop 2006, equation 4.90 and its gradient 4.91.

    >>> loss, dlogits = binary_cross_entropy_with_logits(np.array([[0.0, 1e4]]), np.array([[1, 1]]))
    >>> round(loss, 4), dlogits.tolist()  # (log 2 + 0) / 2
    (0.3466, [[-0.25, 0.0]])
    """
    outputs = checked_outputs("logits", logits)
    t, shares = weigh("logits", outputs, targets, weights, (0, 1))
    z = shares.keep(outputs)
    small = np.exp(-np.abs(z))
    losses = np.maximum(z, 0) - z * t + np.log1p(small)  # (2)
    p = np.where(z >= 0, 1, small) / (1 + small)  # (1), with exp of nothing positive
    return shares.mean(losses), shares.share * (p - t)  # (3)
