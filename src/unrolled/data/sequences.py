"""Sequences of unequal length, kept in one array and made into batches with little padding; no model."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cached_property
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unrolled.errors import CheckpointError, DataError, ParameterError, ShapeError
from unrolled.shapes import Array, whole_number

__all__ = ["SequenceBatch", "SequenceBatches", "Sequences", "check_same", "digest_of", "unmasked"]

Rows = NDArray[np.integer[Any]]

# How far sequences of unequal length may stand in one batch: 0.1 puts those of 100 steps beside those of 110.
MIXED = 0.1


class Sequences:
    """Many sequences in one array, one after the other, without padding.

    Args:
        values: all steps of all sequences, `(S, ...)`, usually `(S, I)`.
        lengths: steps of each, `(N,)`, all positive; they sum to S.

    >>> sequences = Sequences.of([[[1.0], [2.0]], [[3.0]]])
    >>> x, lengths = sequences.padded(np.array([0, 1]))
    >>> x[..., 0].T.tolist(), lengths.tolist()
    ([[1.0, 2.0], [3.0, 0.0]], [2, 1])
    """

    def __init__(self, values: NDArray[Any], lengths: Rows) -> None:
        self.values = values
        self.lengths = lengths.astype(np.int32)
        self.starts = np.cumsum(lengths) - lengths

    @classmethod
    def of(cls, X: Any, lengths: ArrayLike | None = None, *, name: str = "X") -> Sequences:
        """Takes sequences as a caller has them.

        Args:
            X: what NumPy takes as an array `(N, T, I)`, or `(N, T)`, where I = 1; or a list of arrays `(T_i, I)` or
                `(T_i,)`.
            lengths: steps of each sequence where `X` is padded, `(N,)`; what is behind them is never read.
            name: the argument's name in messages.

        Raises:
            ShapeError: the shape is another, or the sequences have unequal numbers of features.
            ParameterError: not real numbers, a sparse matrix or no array at all, or a length is not from 1 to T.
            DataError: there are no sequences, or one is empty.
            TypeError: it holds what cannot be made a number.
        """
        given: Any = X
        if not isinstance(X, list | tuple):
            array = _as_array(name, X)
            if array.dtype != object:
                return cls._of_array(array, lengths, name)
            given = array
        parts = [_as_part(f"{name}[{index}]", part) for index, part in enumerate(given)]
        if lengths is not None:
            if len({part.shape for part in parts}) != 1:
                raise ParameterError(
                    f"`lengths` is given with a list of {len(parts)} arrays, expected with one padded array only; "
                    "a list needs no lengths"
                )
            return cls._of_array(np.stack(parts), lengths, name)
        if not parts:
            raise DataError(f"`{name}` has no sequences, expected at least one; is the part empty?")
        parts = [part[:, None] if part.ndim == 1 else part for part in parts]
        for index, part in enumerate(parts):
            _check_numbers(f"{name}[{index}]", part)
            if part.ndim != 2:
                raise ShapeError(
                    f"`{name}[{index}]` has shape {part.shape}, expected (T, I), or (T,) with one feature; "
                    f"one sequence alone is [{name}]"
                )
            if part.shape[1] != parts[0].shape[1] or part.shape[1] == 0:
                raise ShapeError(
                    f"`{name}[{index}]` has shape {part.shape}, expected (T, I) = (T, {parts[0].shape[1]}), as "
                    f"`{name}[0]` has shape {parts[0].shape}; every sequence needs the same features"
                )
            if len(part) == 0:
                raise DataError(f"`{name}[{index}]` is empty, expected at least one step; leave that sequence out")
        return cls(np.concatenate(parts), np.array([len(part) for part in parts]))

    @classmethod
    def _of_array(cls, X: NDArray[Any], lengths: ArrayLike | None, name: str) -> Sequences:
        _check_numbers(name, X)
        if X.ndim not in (2, 3):
            raise ShapeError(
                f"`{name}` has shape {X.shape}, expected (N, T, I), or (N, T) with one feature; "
                "Reshape your data: one sequence alone is X[None]"
            )
        N, T = X.shape[:2]
        if N == 0:
            raise DataError(f"`{name}` has no sequences (shape={X.shape}), expected at least one; is the part empty?")
        if X[0].size == 0:
            raise DataError(
                f"`{name}` has 0 feature(s) (shape={X.shape}) while a minimum of 1 is required; is a step missing?"
            )
        steps = np.full(N, T)
        if lengths is not None:
            steps = unmasked(lengths)
            if steps.shape != (N,):
                raise ShapeError(
                    f"`lengths` has shape {steps.shape}, expected (N,) = ({N},); give one length for each sequence"
                )
            if steps.dtype.kind not in "iu":
                raise ParameterError(f"`lengths` has dtype {steps.dtype}, expected integers; they count steps")
            if steps.min() < 1 or steps.max() > T:
                row = int(np.flatnonzero((steps < 1) | (steps > T))[0])
                raise ParameterError(
                    f"`lengths[{row}]` is {steps[row]}, expected 1 to {T}, the padded length of `{name}`; "
                    + ("leave that sequence out" if steps[row] < 1 else "were the sequences cut?")
                )
        rows = X.reshape(N, T, -1)
        return cls(rows[np.arange(T) < steps[:, None]], steps)

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, index: int) -> NDArray[Any]:
        """One sequence, `(T_i, ...)`, as a view."""
        return self.values[self.starts[index] : self.starts[index] + self.lengths[index]]

    def take(self, rows: Rows) -> Sequences:
        """Some of the sequences, in that order."""
        return Sequences(np.concatenate([self[row] for row in rows.tolist()]), self.lengths[rows])

    def padded(self, rows: Rows) -> tuple[NDArray[Any], NDArray[np.int32] | None]:
        """Some of the sequences side by side, time first.

        Returns:
            `(T, N, ...)`, zero in padding, and the lengths `(N,)`, or `None` where nothing is padding.
        """
        lengths = self.lengths[rows]
        time = np.arange(int(lengths.max()))[:, None]  # (T, 1)
        if lengths.min() == lengths.max():
            return self.values[self.starts[rows] + time], None
        x = self.values[self.starts[rows] + np.minimum(time, lengths - 1)]
        x[time >= lengths] = 0
        return x, lengths

    def by_length(self, at_once: int) -> Iterator[Rows]:
        """The rows of all sequences, the shortest first, so many at a time: each once, with little padding."""
        order = np.argsort(self.lengths, kind="stable")
        yield from (order[start : start + at_once] for start in range(0, len(order), at_once))


class SequenceBatch(NamedTuple):
    """Sequences side by side, and what is to be predicted for them."""

    x: NDArray[Any]  # (T, N, I)
    lengths: NDArray[np.int32] | None  # (N,); None: all have T
    targets: NDArray[Any]  # (N, ...) of each sequence, or (T, N, ...) of each step
    weights: Array | None  # (N,), or (T, N): 0 in padding
    first: bool = True  # no state is carried from batch to batch


class SequenceBatches:
    """Endless batches: each epoch holds every sequence once, in an order drawn anew, beside others of like length.

    Lengths that differ by no more than a tenth mix freely; batches come in random order, and their sizes differ by
    one at the most.

    Args:
        sequences: N of them, with values that the model takes as they are.
        targets: of each sequence, `(N, ...)`; or of each step, as `Sequences` of the same lengths.
        weights: how much each sequence counts, `(N,)`; all the same where `None`.
        batch_size: of sequences, at the most.
        seed: of the orders.
        validation: the `digest_of` what the run is validated on, to which a position then belongs as well.

    Raises:
        ParameterError: `batch_size` is not positive.
        ShapeError: `targets` or `weights` do not have one entry for each sequence, or for each step.

    >>> batches = SequenceBatches(Sequences.of(np.zeros((5, 3, 2), "float32")), np.arange(5), batch_size=2, seed=0)
    >>> batches.steps_per_epoch, batches.next().x.shape
    (3, (3, 2, 2))
    >>> place = batches.position
    >>> coming = batches.next().targets.tolist()
    >>> batches.go_to(place)
    >>> batches.next().targets.tolist() == coming
    True
    """

    def __init__(
        self,
        sequences: Sequences,
        targets: NDArray[Any] | Sequences,
        *,
        weights: Array | None = None,
        batch_size: int = 32,
        seed: int = 0,
        validation: str | None = None,
    ) -> None:
        batch_size = whole_number("batch_size", batch_size, remedy="32 is usual")
        N = len(sequences)
        for name, given in (("targets", targets), ("weights", weights)):
            if given is not None and len(given) != N:
                raise ShapeError(
                    f"`{name}` has {len(given)} entries, expected {N}, one for each sequence; was one cut?"
                )
        if isinstance(targets, Sequences) and not np.array_equal(targets.lengths, sequences.lengths):
            row = int(np.flatnonzero(targets.lengths != sequences.lengths)[0])
            raise ShapeError(
                f"`targets[{row}]` has {targets.lengths[row]} steps, expected {sequences.lengths[row]}, those of its "
                "sequence; give one target for each step"
            )
        self.sequences = sequences
        self.targets = targets if isinstance(targets, Sequences) else np.asarray(targets)
        self.weights = None if weights is None else np.asarray(weights)
        self.validation = validation
        self.steps_per_epoch = -(-N // batch_size)
        self.batch_items = N / self.steps_per_epoch  # sequences in a step, on average
        self._rng = np.random.default_rng(seed)
        self._begin_epoch()

    def _begin_epoch(self) -> None:
        self._index = 0
        self._random = self._rng.bit_generator.state  # from which this epoch's order is drawn
        lengths = self.sequences.lengths
        order = np.argsort(lengths * (1 + MIXED * self._rng.random(len(lengths))), kind="stable")
        batches = np.array_split(order, self.steps_per_epoch)
        self._order: list[Rows] = [batches[index] for index in self._rng.permutation(len(batches)).tolist()]

    def next(self) -> SequenceBatch:
        """The next batch; after an epoch's last one the next epoch begins."""
        if self._index == self.steps_per_epoch:
            self._begin_epoch()
        self._index += 1
        return self.batch(self._order[self._index - 1])

    def batch(self, rows: Rows) -> SequenceBatch:
        """The sequences of these rows as one batch."""
        x, lengths = self.sequences.padded(rows)
        weights = None if self.weights is None else self.weights[rows]
        if not isinstance(self.targets, Sequences):
            return SequenceBatch(x, lengths, self.targets[rows], weights)
        if weights is not None or lengths is not None:
            steps = np.arange(len(x))[:, None] < self.sequences.lengths[rows]  # (T, N)
            weights = steps * (np.ones(len(rows), np.float32) if weights is None else weights)
        return SequenceBatch(x, lengths, self.targets.padded(rows)[0], weights)

    def in_order(self, batch_size: int = 256) -> Iterator[tuple[Rows, SequenceBatch]]:
        """Every sequence once, the shortest first, with its row: for validation; the place in the data stays."""
        yield from ((rows, self.batch(rows)) for rows in self.sequences.by_length(batch_size))

    @property
    def position(self) -> dict[str, Any]:
        """Where `next` will go on: plain values for JSON, which `go_to` takes."""
        return {
            "sequences": len(self.sequences),
            "steps": self.steps_per_epoch,
            "index": self._index,
            "random": self._random,
            "data": self._digest,
            "validation": self.validation,
        }

    @cached_property
    def _digest(self) -> str:
        targets = self.targets.values if isinstance(self.targets, Sequences) else self.targets
        weights = [] if self.weights is None else [self.weights]
        return digest_of(self.sequences.values, self.sequences.lengths, targets, *weights)

    def go_to(self, position: dict[str, Any]) -> None:
        """Goes on from what `position` was.

        Raises:
            CheckpointError: the position belongs to other sequences, targets or weights, to batches of another size,
                or to a run that was validated on something else.
        """
        saved, own = (position["sequences"], position["steps"]), (len(self.sequences), self.steps_per_epoch)
        if saved != own:
            raise CheckpointError(
                f"the saved position belongs to {saved[0]} sequences in {saved[1]} batches, expected {own[0]} in "
                f"{own[1]}; was the data or the batch size changed?"
            )
        check_same(position.get("data"), self._digest)
        if self.validation is not None and position.get("validation") not in (None, self.validation):
            raise CheckpointError(
                "the saved position belongs to a run with other data to validate on, expected those that it was begun "
                "with; choose another folder for these"
            )
        self._rng.bit_generator.state = position["random"]
        self._begin_epoch()
        self._index = position["index"]


def digest_of(*arrays: NDArray[Any]) -> str:
    """A short text that other numbers, or others of their order, do not have."""
    digest = hashlib.blake2b(digest_size=16)
    for array in arrays:
        digest.update(f"{array.dtype.str} {array.shape} ".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def check_same(saved: str | None, own: str, what: str = "sequences, targets and weights") -> None:
    """Raises `CheckpointError` where a saved digest is that of other data; earlier versions saved none."""
    if saved not in (None, own):
        raise CheckpointError(
            f"the saved position belongs to other data of the same size, expected the {what} that the run was begun "
            "with; choose another folder for these"
        )


def unmasked(given: Any) -> NDArray[Any]:
    """As an array, with NaN where a masked array holds nothing: NumPy alone would take what is behind the mask."""
    if cast(Any, np.ma).is_masked(given):
        return given.astype(np.float64 if given.dtype.kind in "fiub" else object).filled(np.nan)
    return np.asarray(given)


def _as_array(name: str, given: Any) -> NDArray[Any]:
    array = unmasked(given)
    if array.ndim == 0:
        remedy = "make the sparse matrix dense with .toarray()" if hasattr(given, "toarray") else "what is to be read?"
        raise ParameterError(f"`{name}` is a {type(given).__name__}, expected an array or a list of arrays; {remedy}")
    if array.dtype != object or array.ndim == 1:  # a row of arrays stays one
        return array
    try:
        return array.astype(np.float64)  # numbers kept as objects
    except ValueError as error:
        raise ParameterError(
            f"`{name}` holds text ({error}), expected real numbers; leave that column out, or make numbers of it"
        ) from None


def _as_part(name: str, given: Any) -> NDArray[Any]:
    try:
        return unmasked(given)
    except ValueError:
        raise ShapeError(
            f"`{name}` has steps of unequal numbers of features, expected (T, I); is one missing?"
        ) from None


def _check_numbers(name: str, array: NDArray[Any]) -> None:
    if array.dtype.kind not in "fiub":
        what = "Complex data not supported" if array.dtype.kind == "c" else f"`{name}` has dtype {array.dtype}"
        raise ParameterError(f"{what}, expected real numbers in `{name}`; convert it with .astype(np.float32)")
