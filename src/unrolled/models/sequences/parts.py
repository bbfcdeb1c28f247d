"""Sequences with targets and weights, and how they are parted into those to learn from and those to validate on."""

from __future__ import annotations

import warnings
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unrolled.data.sequences import Sequences, unmasked
from unrolled.errors import ParameterError, ShapeError
from unrolled.models.scikit import sklearn_class
from unrolled.models.sequences.network import Loss
from unrolled.shapes import Array

__all__ = [
    "Part",
    "WeightedLoss",
    "check_switches",
    "checked_entries",
    "checked_targets",
    "checked_weights",
    "held_out",
    "kept_on_error",
]


class Part(NamedTuple):
    """N sequences, what is to be predicted for them, and how much each counts."""

    sequences: Sequences
    targets: NDArray[Any]  # (N, ...)
    weights: Array | None  # (N,); None: all the same

    def take(self, rows: NDArray[np.integer[Any]]) -> Part:
        """Some of them."""
        weights = None if self.weights is None else self.weights[rows]
        return Part(self.sequences.take(rows), self.targets[rows], weights)


@dataclass(frozen=True)
class WeightedLoss:
    """A loss for weights whose mean over the whole data is 1: a batch counts as its own weights do.

    The loss itself divides by the sum of a batch's weights: alone, it would let a class of little weight count
    in full in each batch that holds no other.

    >>> from unrolled.losses import mean_squared_error
    >>> y, weights = np.ones((2, 1)), np.array([0.5, 0.5])
    >>> WeightedLoss(mean_squared_error)(y, np.zeros((2, 1)), weights)[0]
    0.5
    """

    loss: Loss

    def __call__(self, outputs: Array, targets: NDArray[Any], weights: Array | None) -> tuple[float, Array]:
        """The loss and its gradient, both times the mean weight of the batch."""
        value, gradient = self.loss(outputs, targets, weights)
        if weights is None:
            return value, gradient
        share = weights.mean()
        return value * float(share), gradient * share


def checked_targets(name: str, y: Any, N: int, *, many: bool = False) -> NDArray[Any]:
    """A caller's targets, `(N,)`; `many` admits `(N, K)`.

    Raises:
        ParameterError: there are none.
        ShapeError: not one for each sequence, or of too many axes.
    """
    if y is None:
        raise ParameterError("fit requires y to be passed, but the target y is None; give one for each sequence")
    try:
        targets = unmasked(y)
    except ValueError:
        raise ShapeError(
            f"`{name}` has entries of unequal length, expected one target for each sequence; is one missing?"
        ) from None
    if targets.ndim == 2 and targets.shape[1] == 1 and not many:
        warnings.warn(
            f"A column-vector y was passed when a 1d array was expected: `{name}` has shape {targets.shape}, and is "
            f"taken as ({len(targets)},); pass .ravel() of it",
            sklearn_class("DataConversionWarning", UserWarning),
            stacklevel=4,
        )
        targets = targets[:, 0]
    if targets.ndim not in ((1, 2) if many else (1,)) or len(targets) != N:
        raise ShapeError(
            f"`{name}` has shape {targets.shape}, expected {'(N,) or (N, K)' if many else '(N,)'} with N = {N}; "
            "give one target for each sequence"
        )
    return targets


def checked_weights(given: ArrayLike | None, N: int) -> NDArray[np.float64] | None:
    """A caller's `sample_weight`, `(N,)`.

    Raises:
        ShapeError: not one for each sequence.
        ParameterError: one is no number, negative or not finite, or none is above 0.
    """
    if given is None:
        return None
    try:
        weights = np.asarray(unmasked(given), np.float64)
    except (TypeError, ValueError):
        raise ParameterError(
            "`sample_weight` holds what is no number, expected one finite number for each sequence; is one text?"
        ) from None
    if weights.shape != (N,):
        raise ShapeError(
            f"`sample_weight` has shape {weights.shape}, expected (N,) = ({N},); give one for each sequence"
        )
    if not (np.isfinite(weights).all() and weights.min() >= 0):
        raise ParameterError(
            f"`sample_weight` goes from {weights.min()} to {weights.max()}, expected finite numbers of at least 0"
        )
    if not weights.any():
        raise ParameterError("`sample_weight` is zero everywhere, expected some above it; 0 leaves a sequence out")
    return weights


def checked_entries(given: Any, forms: str, most: int) -> tuple[Any, ...]:
    """The entries of `validation_data`, `None` for those left out.

    Raises:
        ParameterError: it is no tuple of two entries to so many.
    """
    if not isinstance(given, tuple | list):
        raise ParameterError(
            f"`validation_data` is a {type(given).__name__}, expected {forms}; for a part of the data there is "
            "`validation_fraction`"
        )
    entries = tuple(cast("list[Any]", given))
    if not 2 <= len(entries) <= most:
        raise ParameterError(f"`validation_data` has {len(entries)} entries, expected {forms}; is one missing?")
    return entries + (None,) * (most - len(entries))


@contextmanager
def kept_on_error(model: object) -> Generator[None]:
    """A model that is fitted again, as if for the first time; after an error it is what it was."""
    before = dict(vars(model))
    vars(model).pop("network_", None)
    try:
        yield
    except BaseException:
        vars(model).clear()
        vars(model).update(before)
        raise


def check_switches(model: object, *names: str) -> None:
    """Raises `ParameterError` unless these attributes of a model are True or False, Python's or NumPy's."""
    for name in names:
        if not isinstance(getattr(model, name), bool | np.bool_):
            raise ParameterError(
                f"`{name}` is {getattr(model, name)!r}, expected True or False; is it meant for another parameter?"
            )


def held_out(strata: NDArray[Any], fraction: float, seed: int) -> NDArray[np.bool_]:
    """Which rows to validate on: about the same fraction of each stratum, drawn at random.

    Args:
        strata: the group of each row, `(N,)`.
        fraction: of the rows, above 0.
        seed: of the draw.

    Raises:
        ParameterError: the fraction leaves nothing for one of the parts.

    >>> held_out(np.array([0, 0, 0, 0, 1, 1, 1, 1]), 0.25, seed=0).reshape(2, 4).sum(axis=1)
    array([1, 1])
    """
    rng = np.random.default_rng(seed)
    places = np.empty(len(strata))  # of each row within its stratum, evenly spread over (0, 1)
    for stratum in np.unique(strata):
        rows = np.flatnonzero(strata == stratum)
        places[rng.permutation(rows)] = (np.arange(len(rows)) + 0.5) / len(rows)
    held = places < fraction
    if held.all() or not held.any():
        raise ParameterError(
            f"`validation_fraction` is {fraction}, which takes {held.sum()} of {len(strata)} sequences to validate on, "
            "expected some in either part; give more sequences, or another fraction"
        )
    return held
