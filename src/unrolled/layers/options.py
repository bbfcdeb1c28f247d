"""The options that recurrent layers share, checked once when a layer is made; what they do is done elsewhere."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from math import isfinite
from numbers import Real
from typing import Any

import numpy as np

from unrolled.errors import ParameterError
from unrolled.initializers import INITIALIZERS

__all__ = ["MERGES", "Options", "checked_number", "checked_rate"]

MERGES = ("concat", "sum", "mul", "ave")
_INITIAL_STATES = ("zeros", "learned")


def checked_rate(name: str, rate: Any) -> float:
    """A probability below one.

    >>> checked_rate("dropout", 0.25)
    0.25
    """
    if not _is_number(rate) or not 0 <= rate < 1:  # not a number fails this too
        raise ParameterError(
            f"`{name}` is {rate!r}, expected a number from 0 to below 1; it is a probability, and 1 would leave nothing"
        )
    return float(rate)


def checked_number(name: str, value: Any) -> float:
    """A finite real number.

    >>> checked_number("forget_bias", 1)
    1.0
    """
    if not _is_number(value) or not isfinite(value):
        raise ParameterError(f"`{name}` is {value!r}, expected a finite number; 1 is usual")
    return float(value)


@dataclass(frozen=True)
class Options:
    """What a recurrent layer was asked for beyond its sizes; the layers' docstrings explain each.

    Args:
        num_layers: L, which some options need more than one of.
        bidirectional: which merging needs.
    """

    num_layers: int = 1
    bidirectional: bool = False
    merge: str = "concat"
    dropout: float = 0.0
    initial_state: str = "zeros"
    weight_init: str = "glorot_uniform"
    recurrent_init: str = "orthogonal"

    def __post_init__(self) -> None:
        _one_of("merge", self.merge, MERGES, "how the two directions' outputs become one")
        if self.merge != "concat" and not self.bidirectional:
            raise ParameterError(
                f"`merge` is {self.merge!r} with one direction, expected 'concat'; pass bidirectional=True to merge two"
            )
        if checked_rate("dropout", self.dropout) and self.num_layers == 1:
            raise ParameterError(
                f"`dropout` is {self.dropout!r} with one layer, expected 0; it acts between layers, "
                "so use more of them, or a Dropout layer before or behind this one"
            )
        _one_of("initial_state", self.initial_state, _INITIAL_STATES, "where no state is given")
        for name in ("weight_init", "recurrent_init"):
            _one_of(name, getattr(self, name), INITIALIZERS, "they are the functions of unrolled.initializers")

    @property
    def draws(self) -> bool:
        """Whether training draws masks."""
        return self.dropout > 0

    def chained(self, *, training: bool) -> bool:
        """Whether the layers are run one by one, as something stands between them."""
        return self.merge != "concat" or (training and self.dropout > 0)


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool | np.bool_)  # pyright: ignore[reportUnnecessaryIsInstance]


def _one_of(name: str, value: object, known: Collection[str], remedy: str) -> None:
    if not isinstance(value, str) or value not in known:
        *others, last = map(repr, known)
        raise ParameterError(f"`{name}` is {value!r}, expected {', '.join(others)} or {last}; {remedy}")
