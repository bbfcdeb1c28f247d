"""What each position counts in a mean, and that one which does not count may hold anything; no loss of its own."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unrolled.engine.arrays import float_dtype
from unrolled.errors import ParameterError
from unrolled.layers.dense import leading_axes
from unrolled.shapes import Array, as_array, check_shape

__all__ = ["QUIET", "Shares", "check_not_empty", "checked_outputs", "checked_weights", "shares_of", "weigh"]

QUIET = np.errstate(over="ignore", invalid="ignore")  # what is not finite and counts shows in the loss, unannounced


@dataclass(frozen=True)
class Shares:
    """What each entry counts in a mean."""

    share: Array  # broadcasts to the shape of what is averaged, over which it sums to 1
    counted: NDArray[np.bool_] | None  # where it is above 0; None: everywhere

    def keep(self, array: Array) -> Array:
        """The array with zeros where it does not count."""
        return array if self.counted is None else np.where(self.counted, array, array.dtype.type(0))

    def mean(self, values: Array) -> float:
        """The weighted mean of values that are zero where they do not count, summed in float64."""
        if self.counted is None:
            return float(values.mean(dtype=np.float64))
        return float(np.sum(self.share * values, dtype=np.float64))


def shares_of(weights: Array | None, shape: tuple[int, ...], dtype: np.dtype[np.floating]) -> Shares:
    """Weights, which broadcast to `shape`, as shares of their sum over it.

    Raises:
        ParameterError: the weights do not have a positive finite sum, or one is negative.
    """
    size = math.prod(shape)
    if weights is None:
        return Shares(np.full((1,) * len(shape), 1 / size, dtype), None)
    total = float(weights.sum(dtype=np.float64))
    if not (np.all(weights >= 0) and 0 < total < math.inf):
        raise ParameterError(
            f"`weights` sum to {total} with a least entry of {float(weights.min())}, "
            "expected weights of at least 0 with a positive finite sum; is every position masked?"
        )
    share = (weights / (total * (size // weights.size))).astype(dtype)
    return Shares(share, share > 0)


def weigh(
    name: str, outputs: Array, targets: ArrayLike, weights: ArrayLike | None, between: tuple[float, float]
) -> tuple[Array, Shares]:
    """Checks targets that are numbers against the outputs that are to come near them, and weighs them.

    Args:
        name: what its caller calls `outputs`.
        outputs: `(..., K)`.
        targets: `(..., K)`, real numbers.
        weights: one for each position, `(...)`, or one for each target, `(..., K)`; `None` counts all alike.
        between: the range that targets must lie in, without infinite ends.

    Returns:
        The targets, of the dtype of `outputs` and zero where they do not count, and what each counts.

    Raises:
        ShapeError: `outputs` has no axis; `targets` or `weights` does not fit it, or is ragged.
        ParameterError: there are no targets, one that counts is not in the range, one is no number, or see `shares_of`.
    """
    shape = outputs.shape
    if not shape:
        check_shape(name, shape, "N, K", (None, None), "it needs an axis of numbers; is it one of them?")
    axes = leading_axes(len(shape) - 1, "K") if len(shape) > 1 else "K"
    t = _numbers("targets", targets, axes)
    check_shape("targets", t.shape, axes, shape, f"give one target for each number that `{name}` predicts")
    check_not_empty(t)
    each = checked_weights(weights, axes)
    if each is not None and each.ndim == len(shape):
        check_shape("weights", each.shape, axes, shape, "give one weight for each target")
    elif each is not None:
        remedy = "give one weight for each position, or for each target"
        check_shape("weights", each.shape, leading_axes(len(shape) - 1), shape[:-1], remedy)
        each = each[..., np.newaxis]
    shares = shares_of(each, shape, outputs.dtype)
    kept = shares.keep(t.astype(outputs.dtype, copy=False))
    low, high = between
    wrong = ~(np.isfinite(kept) & (kept >= low) & (kept <= high))
    if wrong.any():
        place = tuple(int(i) for i in np.argwhere(wrong)[0])
        expected = "finite numbers" if math.isinf(high) else f"numbers from {low:g} to {high:g}"
        raise ParameterError(
            f"`targets` holds {kept[place]} at {place}, expected {expected}; give it weight 0 to leave it out"
        )
    return kept, shares


def checked_outputs(name: str, outputs: ArrayLike) -> Array:
    """What a model gave, as an array.

    Raises:
        ShapeError: it is ragged.
        ParameterError: it is neither float32 nor float64.
    """
    array = as_array(name, outputs, "..., K")
    float_dtype(name, array)
    return array


def checked_weights(weights: ArrayLike | None, axes: str) -> Array | None:
    """Weights as an array of numbers, where there are any.

    Raises:
        ShapeError: they are ragged.
        ParameterError: they are no numbers.
    """
    return None if weights is None else _numbers("weights", weights, axes)


def _numbers(name: str, given: ArrayLike, axes: str) -> NDArray[Any]:
    array = as_array(name, given, axes)
    if array.dtype.kind not in "biuf":
        raise ParameterError(
            f"`{name}` has dtype {array.dtype}, expected real numbers; convert it with np.asarray({name}, float)"
        )
    return array


def check_not_empty(targets: NDArray[np.number]) -> None:
    """Raises `ParameterError` where there is nothing to average."""
    if targets.size == 0:
        raise ParameterError(
            f"`targets` is empty, of shape {targets.shape}; expected at least one position; is the batch empty?"
        )
