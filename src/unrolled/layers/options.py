"""The options that recurrent layers share, checked once when a layer is made; what they do is done elsewhere."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from math import isfinite
from numbers import Real
from typing import Any, cast

import numpy as np

from unrolled.engine import variants
from unrolled.errors import ParameterError
from unrolled.initializers import INITIALIZERS

__all__ = [
    "INITIALIZER_REMEDY",
    "MERGES",
    "Options",
    "checked_name",
    "checked_number",
    "checked_projection",
    "checked_rate",
    "checked_zoneout",
]

MERGES = ("concat", "sum", "mul", "ave")
INITIALIZER_REMEDY = "they are the functions of unrolled.initializers"
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


def checked_name(name: str, value: object, known: Collection[str], remedy: str) -> None:
    """Raises unless `value` is one of the `known` names."""
    if not isinstance(value, str) or value not in known:
        *others, last = map(repr, known)
        raise ParameterError(f"`{name}` is {value!r}, expected {', '.join(others)} or {last}; {remedy}")


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
    recurrent_dropout: float = 0.0
    zoneout: tuple[float, float] = (0.0, 0.0)  # of h, and of c
    layer_norm: bool = False
    peepholes: bool = False
    proj_size: int = 0
    initial_state: str = "zeros"
    weight_init: str = "glorot_uniform"
    recurrent_init: str = "orthogonal"

    def __post_init__(self) -> None:
        checked_name("merge", self.merge, MERGES, "how the two directions' outputs become one")
        if self.merge != "concat" and not self.bidirectional:
            raise ParameterError(
                f"`merge` is {self.merge!r} with one direction, expected 'concat'; pass bidirectional=True to merge two"
            )
        if checked_rate("dropout", self.dropout) and self.num_layers == 1:
            raise ParameterError(
                f"`dropout` is {self.dropout!r} with one layer, expected 0; it acts between layers, "
                "so use more of them, or a Dropout layer before or behind this one"
            )
        checked_rate("recurrent_dropout", self.recurrent_dropout)
        checked_name("initial_state", self.initial_state, _INITIAL_STATES, "where no state is given")
        for name in ("weight_init", "recurrent_init"):
            checked_name(name, getattr(self, name), INITIALIZERS, INITIALIZER_REMEDY)

    @property
    def draws(self) -> bool:
        """Whether training draws masks."""
        return max(self.dropout, self.recurrent_dropout, *self.zoneout) > 0

    @property
    def variant(self) -> variants.Options:
        """Which parameters there are beyond the cell's own."""
        return variants.Options(self.layer_norm, self.peepholes, self.proj_size > 0)

    @property
    def varied(self) -> bool:
        """Whether the cell is another than the plain one, in training or always."""
        return self.recurrent_dropout > 0 or self._always_varied

    def chained(self, *, training: bool) -> bool:
        """Whether the layers are run one by one, as something stands between them or in them."""
        drops = training and max(self.dropout, self.recurrent_dropout) > 0
        return drops or self._always_varied or self.merge != "concat"

    @property
    def _always_varied(self) -> bool:
        return max(self.zoneout) > 0 or self.variant != variants.Options()


def checked_zoneout(zoneout: Any, *, has_cell: bool) -> tuple[float, float]:
    """The rates of h and of c from one rate for all, or from a pair where there are two states.

    >>> checked_zoneout(0.1, has_cell=True), checked_zoneout((0.05, 0.5), has_cell=True)
    ((0.1, 0.1), (0.05, 0.5))
    """
    if has_cell and isinstance(zoneout, tuple | list):
        rates = cast("Sequence[Any]", zoneout)
        if len(rates) != 2:
            raise ParameterError(
                f"`zoneout` is {zoneout!r}, expected one rate, or a pair: of h, and of c; give both, 0 for none"
            )
        return checked_rate("zoneout[0]", rates[0]), checked_rate("zoneout[1]", rates[1])
    rate = checked_rate("zoneout", zoneout)
    return rate, rate if has_cell else 0.0


def checked_projection(proj_size: Any, hidden_size: int) -> int:
    """0 for none, or P below H.

    >>> checked_projection(3, 4)
    3
    """
    if not isinstance(proj_size, int) or isinstance(proj_size, bool) or not 0 <= proj_size < hidden_size:
        raise ParameterError(
            f"`proj_size` is {proj_size!r}, expected an integer from 0 to below hidden_size = {hidden_size}; "
            "a projection makes h smaller than c, and 0 leaves it out"
        )
    return proj_size


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool | np.bool_)  # pyright: ignore[reportUnnecessaryIsInstance]
