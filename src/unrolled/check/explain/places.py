"""On which line a mistake stands, by the values that the learner's function held; no mistake is looked for here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from unrolled.check.explain.expressions import Array
from unrolled.check.explain.locate import Located, Recorded, Right
from unrolled.check.explain.match import Match, values_of
from unrolled.check.explain.models import Form, Model, same
from unrolled.check.explain.sequences import AFTERWARDS
from unrolled.check.results import Place

__all__ = ["Trace"]


@dataclass(frozen=True)
class Trace:
    """What a learner's function returned and held on the way.

    Args:
        model: of the function.
        found: its outputs, by role.
        names: course role to learner's name.
        records: arrays assigned while it ran, in order.
        suspects: where the values left the right ones.
        right: what the values may be; None without records.
        over_cell: it is a loop over a cell function that is judged apart.
    """

    model: Model
    found: Mapping[str, Array]
    names: Mapping[str, str]
    records: Sequence[Recorded]
    suspects: Sequence[Located]
    right: Right | None
    over_cell: bool = False

    @property
    def arrays(self) -> list[Array]:
        """The values that stood in the function."""
        return [_array(record) for record in self.records]

    def named(self, *roles: str) -> set[str]:
        """The names that roles have, the course's and the learner's."""
        return {own for role in roles for own in (role, self.names.get(role, role))}

    def place(self, each: Match) -> tuple[Place | None, str]:
        """The line of a mistake, and the learner's name for what it computes where the values tell.

        A form's value may stand on a later line than the mistake: where the values left the right ones before, it is
        there.
        """
        own = self.named(each.form.symbol, *each.roles)
        if each.form.way:
            return self._over_time(each.form, own), ""
        shown = self._shown(values_of(self.model, each.form), own)
        before = [suspect for suspect in self.suspects if shown is None or suspect.at < shown]
        if shown is not None and not before:
            return self._at(shown), self.records[shown].name
        line = self._suspected(own)
        if line is not None:
            return Place(line), ""
        if before:
            return Place(before[-1 if shown is not None else 0].line), ""
        return self._at(self._shown([self.found[role] for role in reversed(each.roles)], own)), ""

    def of_output(self, role: str) -> Place | None:
        """Where an output is made."""
        own = self.named(role)
        line = self._suspected(own)
        return Place(line) if line is not None else self._at(self._shown([self.found[role]], own))

    def _at(self, at: int | None) -> Place | None:
        return None if at is None else Place(self.records[at].line)

    def _suspected(self, own: set[str]) -> int | None:
        return next((suspect.line for suspect in self.suspects if _called(suspect.name, own)), None)

    def _over_time(self, form: Form, own: set[str]) -> Place | None:
        """Where a wrong way is taken: where an output is filled, where a state begins, or where it is handed on."""
        kind = form.way[0][0].split(".")[0]
        if kind in AFTERWARDS:
            ends = [*reversed(self.records)]
            named = next((record for record in ends if record.name in own), None)
            named = named or next((record for record in ends if _called(record.name, own)), None)
            return None if named is None else Place(named.line)
        first = self.suspects[0].at if self.suspects else len(self.records)
        wrong = self.model.begins(form) if kind == "start" else self.model.carries(form)
        held = [each for each in self.records[:first] if any(same(_array(each), state) for state in wrong)]
        state = form.way[0][0].split(".")[-1]  # zeros are what both states may hold: then the name tells
        likely = [record for record in held if kind == "start" and record.name.startswith(state)] or held
        if likely:
            return Place(likely[-1].line)
        return Place(self.suspects[0].line) if self.suspects else None

    def _shown(self, values: Sequence[Array], own: set[str]) -> int | None:
        """Where one of the values is made: under one of its `own` names, or first where it is no right value.

        A value that is right somewhere else too, such as a part of another equation, is made there first; the last time
        before the values leave the right ones is the mistake's.
        """
        places = [at for at, array in enumerate(self.arrays) if any(_is(array, value) for value in values)]
        named = next((at for at in places if _called(self.records[at].name, own)), None)
        if named is not None or self.right is None:
            return named
        strange = next((at for at in places if not self.right.knows(_array(self.records[at]))), None)
        before = [at for at in places if self.suspects and at < self.suspects[0].at]
        return strange if strange is not None or not before else before[-1]


def _array(record: Recorded) -> Array:
    return np.asarray(record.array)


def _is(array: Array, value: Array) -> bool:
    """Whether an array holds a value, as it stands or with the batch first; a square one as it stands."""
    turned = array.ndim == 2 and array.shape[0] != array.shape[1]
    return same(array, value) or (turned and same(array.T, value))


def _called(name: str, own: set[str]) -> bool:
    """Whether a variable, or an entry of a dictionary by its key, has one of the names."""
    return name in own or name.partition("[")[2].strip("]'") in own
