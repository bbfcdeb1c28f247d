"""What a fitted model knows of its inputs: their features, their scaling, what NaN means; no targets, no network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import ArrayLike

from unrolled.data.sequences import Sequences
from unrolled.errors import DataError, ParameterError, ShapeError
from unrolled.models.sequences.feature_names import check_names, names_of
from unrolled.models.sequences.scaling import Scaling
from unrolled.shapes import Array

__all__ = ["MISSING", "Inputs", "check_fits", "is_wide", "read_finite"]

_FOR_FLOAT32 = {"float32": ", or dtype='float64'", "float64": ""}
MISSING = ("refuse", "mask")  # what is done about NaN


class Inputs(NamedTuple):
    """How the sequences look that a model was fitted to.

    >>> X = np.array([[1.0, 3.0], [np.nan, 3.0]])
    >>> sequences = read_finite("X", X, None, "mask")
    >>> inputs = Inputs.of(X, None, sequences, "mask", Scaling.of(sequences.values))
    >>> inputs.scaled("X", sequences, "float32")[1].tolist()  # the mean where it was missing, and a 1 that says so
    [[0.0, 1.0], [0.7071067690849304, 0.0]]
    """

    size: int  # I
    features: int  # of (N, T): T, as scikit-learn counts; else I
    wide: bool  # fitted to (N, T), so that others of two axes need as many columns
    nan: str  # one of `MISSING`
    scaling: Scaling
    names: list[str] | None = None  # of the features, where they were the columns of data frames

    @classmethod
    def of(cls, X: Any, lengths: ArrayLike | None, sequences: Sequences, nan: str, scaling: Scaling) -> Inputs:
        """Those of a caller's `X`, which was read as `sequences`."""
        wide, size = is_wide(X, lengths), int(sequences.values.shape[1])
        features = int(np.asarray(X).shape[1]) if wide else size
        return cls(size, features, wide, nan, scaling, names_of("X", X))

    @property
    def width(self) -> int:
        """How many features the network takes: with NaN allowed, a second one for each says where it was."""
        return self.size * (2 if self.nan == "mask" else 1)

    def read(self, name: str, X: Any, lengths: ArrayLike | None, model: str) -> Sequences:
        """Later data, which must be like those of `fit`; `model` is who says so.

        Raises:
            ParameterError: the features have other names, or another order.
            ShapeError: there are more or fewer.
            DataError, TypeError: see `read_finite`.
        """
        check_names(name, names_of(name, X), self.names, model)
        sequences = read_finite(name, X, lengths, self.nan)
        given, own = int(sequences.values.shape[1]), self.size
        if self.wide and is_wide(X, None):
            given, own = int(np.asarray(X).shape[1]), self.features
        if given != own:
            remedy = "series of another length go in as (N, T, 1)" if self.wide else "are the axes (N, T, I)?"
            if not self.wide and getattr(X, "ndim", 0) == 2 and X.shape[1] == own:
                remedy = f"one sequence alone is [{name}]"
            raise ShapeError(
                f"{name} has {given} features, but {model} is expecting {own} features as input, as in `fit`; {remedy}"
            )
        return sequences

    def scaled(self, name: str, sequences: Sequences, dtype: str) -> Sequences:
        """As the network takes them.

        Raises:
            DataError: a number is too large for the dtype, where it would be infinite; `name` is whose it is.
        """
        with np.errstate(over="ignore"):
            values = self.scaling.forward(sequences.values.astype(np.float64)).astype(dtype)
        check_fits(name, sequences.values, values)
        if self.nan == "mask":
            missing = np.isnan(values)
            values = np.concatenate([np.where(missing, 0, values), missing], axis=1)
        return Sequences(values.astype(dtype, copy=False), sequences.lengths)

    def to_record(self) -> dict[str, Any]:
        """Plain values for JSON."""
        named = {} if self.names is None else {"names": self.names}
        rest = {name: value for name, value in self._asdict().items() if name != "names"}
        return rest | named | {"scaling": self.scaling.to_record()}

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Inputs:
        """Takes back what `to_record` gave."""
        rest: dict[str, Any] = {name: value for name, value in record.items() if name != "scaling"}
        return cls(**rest, scaling=Scaling.from_record(record["scaling"]))


def check_fits(name: str, given: Array, scaled: Array) -> None:
    """Raises `DataError` where a number that was given is infinite once it is scaled and of the network's dtype."""
    wrong = np.isinf(scaled)
    if wrong.any():
        largest = np.finfo(scaled.dtype).max
        raise DataError(
            f"`{name}` holds {given[wrong][0]}, which scaled is more than {largest:.2g}, the largest {scaled.dtype}, "
            "expected smaller numbers; leave it out, or choose a smaller unit" + _FOR_FLOAT32[scaled.dtype.name]
        )


def is_wide(X: Any, lengths: ArrayLike | None) -> bool:
    """Whether these are samples by time, as tables are; in a list of arrays each may have its own length."""
    if lengths is not None:
        return False
    if not isinstance(X, list | tuple):
        return np.asarray(X).ndim == 2
    rows = cast(Sequence[Any], X)
    return all(isinstance(row, list | tuple) and len(cast(Sequence[Any], row)) == len(rows[0]) for row in rows) and (
        np.ndim(rows[0]) == 1
    )


def read_finite(name: str, X: Any, lengths: ArrayLike | None, nan: str) -> Sequences:
    """A caller's sequences, which hold no infinity, and NaN only where it was said to be a missing value.

    Raises:
        DataError: they do hold one, there are no sequences, or one is empty.
        ShapeError, ParameterError, TypeError: see `Sequences.of`.
    """
    if nan not in MISSING:
        raise ParameterError(f"`nan` is {nan!r}, expected 'refuse' or 'mask'; 'mask' treats NaN as missing")
    sequences = Sequences.of(X, lengths, name=name)
    values = sequences.values
    if values.dtype.kind == "f":
        wrong = np.isinf(values) if nan == "mask" else ~np.isfinite(values)
        if wrong.any():
            step = int(np.flatnonzero(wrong.any(axis=1))[0])
            row = int(np.searchsorted(sequences.starts, step, side="right")) - 1
            what = "infinity (inf)" if np.isinf(values[step][wrong[step]]).any() else "NaN"
            raise DataError(
                f"`{name}` holds {what} in sequence {row}, step {step - int(sequences.starts[row])}, expected finite "
                "numbers; fill it" + ("" if what != "NaN" else ", or choose nan='mask' to have NaN treated as missing")
            )
    return sequences
