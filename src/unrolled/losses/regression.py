"""Losses of numbers, with their gradients: squared, absolute, and that of a normal distribution."""

import math

import numpy as np
from numpy.typing import ArrayLike

from unrolled.errors import ShapeError
from unrolled.losses.weighting import QUIET, checked_outputs, weigh
from unrolled.shapes import Array

__all__ = ["LOG_VARIANCES", "gaussian_nll", "mean_absolute_error", "mean_squared_error"]

ANY = (-math.inf, math.inf)
LOG_VARIANCES = (-30.0, 30.0)  # standard deviations from 3e-7 to 3e6: scaled data stay far inside, float32 far finite


@QUIET
def mean_squared_error(outputs: ArrayLike, targets: ArrayLike, weights: ArrayLike | None = None) -> tuple[float, Array]:
    """The mean of the squares of the errors.

    Equations, over entries `i` of `(..., K)` with weights `w_i` (1 where none are given):
        (1) J    = sum_i w_i * (y_i - t_i)^2 / sum_i w_i
        (2) dy_i = w_i / sum_i w_i * 2 (y_i - t_i)

    Args:
        outputs: y, `(..., K)`, usually `(T, N, K)`; float32 or float64.
        targets: t, of the shape of `outputs`, in whatever unit the outputs are to have.
        weights: how much each position, `(...)`, or each number, `(..., K)`, counts, at least 0; 0 leaves one out, and
            its outputs and targets may then be anything.

    Returns:
        J in the square of that unit, and `doutputs` of the shape and dtype of `outputs`.

    Raises:
        ShapeError: `targets` or `weights` does not fit `outputs`, or one of them is ragged.
        ParameterError: a target that counts is not finite, there are none, `outputs` has another dtype, or the weights
            do not have a positive finite sum.

    Source: Bishop 2006, equation 5.14, as a mean and without its half.

    >>> loss, doutputs = mean_squared_error(np.array([[1.0, 2.0]]), np.array([[0.0, 4.0]]))
    >>> loss, doutputs.tolist()
    (2.5, [[1.0, -2.0]])
    """
    y = checked_outputs("outputs", outputs)
    t, shares = weigh("outputs", y, targets, weights, ANY)
    error = shares.keep(y) - t
    return shares.mean(np.square(error, dtype=np.float64)), shares.share * (2 * error)  # (1), (2)


@QUIET
def mean_absolute_error(
    outputs: ArrayLike, targets: ArrayLike, weights: ArrayLike | None = None
) -> tuple[float, Array]:
    """The mean of the magnitudes of the errors; its best constant answer is the median.

    Equations, over entries `i` of `(..., K)` with weights `w_i` (1 where none are given):
        (1) J    = sum_i w_i * |y_i - t_i| / sum_i w_i
        (2) dy_i = w_i / sum_i w_i * sign(y_i - t_i),   0 where there is no error

    Args:
        outputs: y, `(..., K)`, usually `(T, N, K)`; float32 or float64.
        targets: t, of the shape of `outputs`, in whatever unit the outputs are to have.
        weights: how much each position, `(...)`, or each number, `(..., K)`, counts, at least 0; 0 leaves one out, and
            its outputs and targets may then be anything.

    Returns:
        J in that unit, and `doutputs` of the shape and dtype of `outputs`.

    Raises:
        ShapeError: `targets` or `weights` does not fit `outputs`, or one of them is ragged.
        ParameterError: a target that counts is not finite, there are none, `outputs` has another dtype, or the weights
            do not have a positive finite sum.

    Source: Bishop 2006, equation 1.91 with q = 1.

    >>> loss, doutputs = mean_absolute_error(np.array([[1.0, 2.0]]), np.array([[0.0, 4.0]]))
    >>> loss, doutputs.tolist()
    (1.5, [[0.5, -0.5]])
    """
    y = checked_outputs("outputs", outputs)
    t, shares = weigh("outputs", y, targets, weights, ANY)
    error = shares.keep(y) - t
    return shares.mean(np.abs(error)), shares.share * np.sign(error)  # (1), (2)


@QUIET
def gaussian_nll(outputs: ArrayLike, targets: ArrayLike, weights: ArrayLike | None = None) -> tuple[float, Array]:
    """The mean negative log-likelihood of the targets under normal distributions whose mean and spread are predicted.

    Equations, over entries `i` of `(..., K)` with weights `w_i` (1 where none are given):
        (1) m, s  = outputs[..., :K], outputs[..., K:]       the mean, and the logarithm of the variance
        (2) r_i   = (m_i - t_i)^2 exp(-s_i)
        (3) J     = sum_i w_i * (s_i + r_i + log(2 pi)) / 2 / sum_i w_i
        (4) dm_i  = w_i / sum_i w_i * (m_i - t_i) exp(-s_i)
        (5) ds_i  = w_i / sum_i w_i * (1 - r_i) / 2

    s is taken to lie within `LOG_VARIANCES`, -30 to 30, so that no exponential overflows; the gradients of an s outside
    are those at the nearer end, so it still finds its way back. Scale the targets to a variance near 1 beforehand.

    Args:
        outputs: m and then s, `(..., 2K)`, usually `(T, N, 2K)`; float32 or float64.
        targets: t, `(..., K)`, in whatever unit m is to have.
        weights: how much each position, `(...)`, or each target, `(..., K)`, counts, at least 0; 0 leaves one out, and
            its outputs and target may then be anything.

    Returns:
        J in nats per target, and `doutputs` of the shape and dtype of `outputs`.

    Raises:
        ShapeError: `outputs` has an odd last axis; `targets` or `weights` does not fit it; or one of them is ragged.
        ParameterError: a target that counts is not finite, there are none, `outputs` has another dtype, or the weights
            do not have a positive finite sum.

    Source: Nix & Weigend 1994, equations 3 to 6, with the logarithm of the variance as the output.

    >>> loss, doutputs = gaussian_nll(np.array([[1.0, 0.0]]), np.array([[3.0]]))
    >>> round(loss, 4), doutputs.tolist()  # (log(2 pi) + 4) / 2
    (2.9189, [[-2.0, -1.5]])
    """
    y = checked_outputs("outputs", outputs)
    if y.ndim == 0 or y.shape[-1] % 2:
        raise ShapeError(
            f"`outputs` has shape {y.shape}, expected (..., 2K), K means and then K logarithms of variances; "
            "does the last layer have two outputs for each target?"
        )
    K = y.shape[-1] // 2
    m, s = y[..., :K], y[..., K:]  # (1)
    t, shares = weigh("outputs", m, targets, weights, ANY)
    error, s = shares.keep(m) - t, np.clip(shares.keep(s), *LOG_VARIANCES)
    precision = np.exp(-s)
    r = np.square(error, dtype=np.float64) * precision  # (2)
    doutputs = np.empty_like(y)
    doutputs[..., :K] = shares.share * (error * precision)  # (4)
    doutputs[..., K:] = shares.share * (0.5 * (1 - r))  # (5)
    return shares.mean(0.5 * (s + r + math.log(2 * math.pi))), doutputs  # (3)
