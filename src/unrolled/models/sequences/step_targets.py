"""Labels of steps: how a caller gives them, which of them are known, and their loss; no model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unrolled.data.sequences import unmasked
from unrolled.errors import DataError, ParameterError, ShapeError
from unrolled.losses import binary_cross_entropy_with_logits, softmax_cross_entropy
from unrolled.models.sequences.labels import check_labels, check_one_kind, check_whole, is_missing
from unrolled.shapes import Array

__all__ = ["UNLABELLED", "GivenSteps", "StepLoss", "check_labelled", "check_steps", "read_steps"]

UNLABELLED = -1  # the code of a step without a class; of multilabel targets it is NaN


class GivenSteps(NamedTuple):
    """Labels as a caller gave them."""

    y: Any
    lengths: ArrayLike | None
    mask: Any


def read_steps(name: str, given: GivenSteps, N: int, *, many: bool) -> list[tuple[NDArray[Any], NDArray[np.bool_]]]:
    """Known labels by sequence, and which steps they belong to.

    Args:
        name: the argument's name in messages.
        given: the labels.
        N: of how many sequences.
        many: whether each step has several, 0 or 1.

    Returns:
        For each sequence its known labels, `(known,)` or `(known, K)`, and whether each step has one, `(T_i,)`.

    Raises:
        ShapeError: not labels for each sequence, of the wrong number of axes, or the mask does not fit.
        DataError: a known label is NaN or `None`.
        ParameterError: there are no labels, a known one has a fraction, or of several is neither 0 nor 1.
    """
    parts = _parted(name, given.y, given.lengths, N)
    masks = None if given.mask is None else list(map(unmasked, _parted("mask", given.mask, given.lengths, N)))
    found: list[tuple[NDArray[Any], NDArray[np.bool_]]] = []
    for row, part in enumerate(parts):
        labels, hidden = np.asarray(part), np.ma.getmaskarray(part)
        if labels.ndim != (2 if many else 1):
            axes = "(T, K), 0 or 1 for each label" if many else "(T,), a label for each step"
            raise ShapeError(
                f"`{name}[{row}]` has shape {labels.shape}, expected {axes}; "
                f"targets={'multilabel' if not many else 'classes'!r} takes the other form"
            )
        known: NDArray[np.bool_] = np.logical_not(hidden.any(axis=1) if many else hidden)
        if masks is not None:
            if masks[row].shape != known.shape or masks[row].dtype != bool:
                raise ShapeError(
                    f"`mask[{row}]` has shape {masks[row].shape} and dtype {masks[row].dtype}, expected {known.shape} "
                    "and bool: True for each step whose label counts"
                )
            known = known & masks[row]
        if labels.dtype.kind == "U" and known.all():  # what NumPy made text of, numbers among it
            own = given.y[row] if type(given.y) in (list, tuple) else None
            check_labels(f"{name}[{row}]", own, labels)
        found.append((_checked(f"{name}[{row}]", labels[known], many), known))
    if not many:
        check_one_kind(name, [label for labels, _ in found for label in labels[:1].tolist()])
    return found


def _parted(name: str, given: Any, lengths: ArrayLike | None, N: int) -> list[NDArray[Any]]:
    if given is None:
        raise ParameterError(f"`{name}` is None, expected labels for each step of each sequence")
    if not hasattr(given, "__iter__"):
        raise ShapeError(f"`{name}` is {given!r}, expected labels for each step of each sequence; is it a list?")
    try:
        parts = [np.asanyarray(each) for each in given]  # masked ones stay so
    except ValueError:
        raise ShapeError(
            f"`{name}` has steps of unequal numbers of labels, expected K for each; is one missing?"
        ) from None
    if len(parts) != N:
        raise ShapeError(f"`{name}` has {len(parts)} sequences, expected {N}, one for each of `X`; was one cut?")
    if lengths is None:
        return parts
    return [part[:steps] for part, steps in zip(parts, np.asarray(lengths).tolist(), strict=True)]


def _checked(name: str, labels: NDArray[Any], many: bool) -> NDArray[Any]:
    values: list[Any] = labels.tolist()
    for value in values if labels.dtype.kind in "fO" and not many else []:
        if is_missing(value):
            raise DataError(f"`{name}` holds {value}, expected labels; leave such steps out with a `mask`")
    if labels.dtype.kind == "O" and not many:
        check_one_kind(name, values)
    if many and labels.dtype.kind not in "biufO":
        raise ParameterError(f"`{name}` has dtype {labels.dtype}, expected 0 and 1 for each label; are they text?")
    if many and not np.isin(labels, (0, 1)).all():
        wrong: Any = labels[~np.isin(labels, (0, 1))][0]
        raise ParameterError(
            f"`{name}` holds {wrong}, expected 0 and 1 for each label; leave steps without labels out with a `mask`"
        )
    labels = np.array(values) if labels.dtype == object and values else labels
    if not many:
        check_whole(name, labels, "name the classes, or round to whole numbers")
    return labels


def check_steps(name: str, targets: NDArray[Any], lengths: NDArray[np.integer[Any]]) -> None:
    """Raises `ShapeError` where a sequence has not as many labels as steps."""
    for row, (labels, steps) in enumerate(zip(targets, lengths.tolist(), strict=True)):
        if len(labels) != steps:
            raise ShapeError(
                f"`{name}[{row}]` has {len(labels)} labels, expected {steps}, one for each step of its sequence"
            )


def check_labelled(name: str, targets: NDArray[Any]) -> None:
    """Raises `ParameterError` where no step of any sequence has a label; `targets` holds codes, an array of each."""
    if not any(((codes != UNLABELLED) & ~np.isnan(codes)).any() for codes in targets):
        raise ParameterError(f"{name} has no labelled step, expected at least one; does the `mask` leave any?")


@dataclass(frozen=True)
class StepLoss:
    """The mean loss of labelled steps, in nats per step; steps without a label have none, and no gradient.

    Weights whose mean over the whole data is 1 count over the whole of it, as in `WeightedLoss`: a batch as its own do.

    Args:
        many: of several labels a step, each of which holds or not, and whose losses are summed; else of one class.

    >>> loss, dy = StepLoss(many=False)(np.zeros((3, 2)), np.array([0, 1, UNLABELLED]), None)
    >>> round(loss, 4), dy.tolist()
    (0.6931, [[-0.25, 0.25], [0.25, -0.25], [0.0, 0.0]])
    """

    many: bool

    def __call__(self, outputs: Array, targets: NDArray[Any], weights: Array | None) -> tuple[float, Array]:
        """Of outputs `(..., K)`, targets `(...)` or `(..., K)`, and weights `(...)`, 0 in padding."""
        known: NDArray[Any] = np.asarray(np.isfinite(targets).all(axis=-1) if self.many else targets != UNLABELLED)
        counted: Array = known.astype(outputs.dtype)
        if weights is not None:
            counted *= weights
        if not counted.any():
            return 0.0, np.zeros_like(outputs)
        # the losses divide by the sum of a batch's weights, which would let a batch of light sequences count in full
        share = counted.sum() / np.count_nonzero(counted)
        if not self.many:
            loss, dy = softmax_cross_entropy(outputs, np.where(known, targets, 0), counted)
        else:
            loss, dy = binary_cross_entropy_with_logits(outputs, np.where(known[..., None], targets, 0), counted)
            share *= outputs.shape[-1]
        return loss * float(share), dy * outputs.dtype.type(share)
