"""The options that recurrent layers share, checked once when a layer is made; what they do is done elsewhere."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from unrolled.engine import variants
from unrolled.errors import ParameterError
from unrolled.initializers import INITIALIZERS
from unrolled.shapes import real_number, whole_number

__all__ = [
    "INITIALIZER_REMEDY",
    "MERGES",
    "Options",
    "checked_flag",
    "checked_generator",
    "checked_name",
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
    return real_number(name, rate, at_least=0, below=1, remedy="it is a probability, and 1 would leave nothing")


def checked_generator(seed: Any) -> np.random.Generator:
    """What a layer draws its first weights and its masks from.

    >>> float(checked_generator(0).random()) == float(np.random.default_rng(0).random())
    True
    """
    try:
        if not isinstance(seed, bool):  # NumPy would take it for 0 or 1
            return np.random.default_rng(seed)
    except (TypeError, ValueError):
        pass
    raise ParameterError(
        f"`seed` is {seed!r}, expected a whole number of at least 0, a NumPy Generator or None; None differs each time"
    )


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
        # a frozen class keeps what it was given as Python's own numbers
        remedy = "each layer's input is the output of the one below"
        object.__setattr__(self, "num_layers", whole_number("num_layers", self.num_layers, remedy=remedy))
        for name in ("bidirectional", "layer_norm", "peepholes"):
            object.__setattr__(self, name, checked_flag(name, getattr(self, name)))
        for name in ("dropout", "recurrent_dropout"):
            object.__setattr__(self, name, checked_rate(name, getattr(self, name)))
        checked_name("merge", self.merge, MERGES, "how the two directions' outputs become one")
        if self.merge != "concat" and not self.bidirectional:
            raise ParameterError(
                f"`merge` is {self.merge!r} with one direction, expected 'concat'; pass bidirectional=True to merge two"
            )
        if self.dropout and self.num_layers == 1:
            raise ParameterError(
                f"`dropout` is {self.dropout!r} with one layer, expected 0; it acts between layers, "
                "so use more of them, or a Dropout layer before or behind this one"
            )
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

    def check_memory(self, memory: str, *, training: bool, layer: str = "") -> None:
        """Raises where memory is to be saved and nothing can be computed again; `layer` is its name, if it has one."""
        if memory != "full" and self.varied and self.chained(training=training):
            raise ParameterError(
                f"`memory` is {memory!r}, expected 'full'{layer and f' for `{layer}`'}; with recurrent_dropout, "
                "zoneout, layer_norm, peepholes or proj_size nothing is computed again in backward"
            )

    @property
    def _always_varied(self) -> bool:
        return max(self.zoneout) > 0 or self.variant != variants.Options()


def checked_flag(name: str, value: Any) -> bool:
    """A Python bool of a setting that is True or False; raises `ParameterError`."""
    if type(value) not in (bool, np.bool_):
        raise ParameterError(f"`{name}` is {value!r}, expected True or False; is it another argument's value?")
    return bool(value)


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
    remedy = "a projection makes h smaller than c, which has hidden_size units, and 0 leaves it out"
    return whole_number("proj_size", proj_size, at_least=0, below=hidden_size, remedy=remedy)
