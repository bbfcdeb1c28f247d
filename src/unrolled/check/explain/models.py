"""One function on one set of arguments, right or with mistakes made on purpose: the same face for cells and loops."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

import numpy as np

from unrolled.check.explain.equations import program
from unrolled.check.explain.expressions import Array, Evaluator, Node
from unrolled.check.explain.program import Program, cache_of, in_a_row, namespace, reset_of, steps_of
from unrolled.check.explain.sequences import LOOPS, Walk, Way
from unrolled.check.functions import FUNCTIONS

__all__ = ["Form", "Model", "given_outputs", "model_of", "same"]


@dataclass(frozen=True, eq=False)
class Form:
    """One wrong form: an equation computed otherwise, or a loop walked otherwise.

    Args:
        equation: id for the report.
        symbol: what comes out wrong, in the course's name.
        words: what is done, to be put after "your dft": "multiplies by c_next where c_prev belongs".
        where: "equation (10)".
        is_now: the equation as this form computes it.
        should_be: as it is.
        cost: how far from the right form; of two with the same numbers the cheaper is named.
        tree: the other right-hand side of `symbol`'s equation; None for a loop's form.
        way: the other choices of a loop.
    """

    equation: str
    symbol: str
    words: Callable[[], str]
    where: str
    is_now: Callable[[], str]
    should_be: Callable[[], str]
    cost: float = 1.0
    tree: Node | None = None
    way: tuple[tuple[str, str], ...] = ()


def tolerance(array: Array) -> float:
    """The largest difference, relative to the largest entry, that rounding may leave in the dtype of `array`."""
    return {2: 2e-2, 4: 2e-4}.get(array.dtype.itemsize, 1e-8)


def same(found: Array, expected: Any) -> bool:
    """Whether two arrays agree to rounding; axes of length one do not count."""
    wanted = np.asarray(expected)
    if found.shape != wanted.shape:
        if found.size != wanted.size or _long(found.shape) != _long(wanted.shape):
            return False
        wanted = wanted.reshape(found.shape)
    if not found.size:
        return True
    limit = tolerance(found) * max(float(np.abs(wanted).max()), 1e-30)
    if abs(found.flat[0] - wanted.flat[0]) > limit:  # nearly every wrong form ends here
        return False
    if not limit < np.inf:  # the same entries without a value, and the others equal
        return bool(np.allclose(found, wanted, rtol=tolerance(found), atol=0, equal_nan=True))
    return bool(np.abs(found - wanted).max() <= limit)


def _long(shape: tuple[int, ...]) -> list[int]:
    return [length for length in shape if length != 1]


class Model(Protocol):
    """A function that can be run with forms in it."""

    name: str
    program: Program
    reference: dict[str, Any]  # right outputs by role

    def evaluators(self) -> list[Evaluator]:
        """The right values of every name: one evaluator, or one for each step."""
        ...

    def slices(self) -> list[Evaluator]:
        """The right values of each step of a function that takes all steps side by side; none of any other."""
        ...

    def reached(self, target: str) -> frozenset[str]:
        """Outputs that depend on a target."""
        ...

    def changed(self, accepted: Sequence[Form], form: Form, found: Mapping[str, Array]) -> Iterator[tuple[str, Any]]:
        """Outputs that `form` changes, one by one, given the `accepted` forms; none if it cannot lead to `found`."""
        ...

    def outputs(self, forms: Sequence[Form]) -> dict[str, Any]:
        """All outputs with the forms in it."""
        ...

    def begins(self, form: Form) -> list[Array]:
        """The states with which a wrong way through time begins; none for a function without a loop."""
        ...

    def carries(self, form: Form) -> list[Array]:
        """What the first step of a wrong way through time hands on, where that is neither zero nor where it began."""
        ...

    def stepwise(self, forms: Sequence[Form], found: Mapping[str, Array]) -> bool:
        """Whether every step, one after the other, gives what the learner has for it; False without steps."""
        ...


def _altered(forms: Sequence[Form]) -> dict[str, Node]:
    return {form.symbol: form.tree for form in forms if form.tree is not None}


class _Cell:
    """A function without a loop."""

    def __init__(self, name: str, inputs: Mapping[str, Any]) -> None:
        self.name = name
        self.names = namespace(name, inputs)
        self.program = program(name, reset_of(inputs, self.names))
        self._bases: dict[tuple[Form, ...], Evaluator] = {}
        self._roles = dict(self.program.outputs)
        if name.endswith("cell_forward"):
            self._roles |= {f"cache.{role}": role for role in FUNCTIONS[name].cache if role != "parameters"}
        self._by_target: dict[str, list[str]] = {}
        for role, target in self._roles.items():
            self._by_target.setdefault(target, []).append(role)
        self.reference = self.outputs(())

    def evaluators(self) -> list[Evaluator]:
        return [self._base(())]

    def slices(self) -> list[Evaluator]:
        return [self.program.evaluator(names) for names in steps_of(self.names)]

    def reached(self, target: str) -> frozenset[str]:
        return frozenset(role for reached in self.program.reach[target] for role in self._by_target.get(reached, ()))

    def _base(self, forms: Sequence[Form]) -> Evaluator:
        key = tuple(forms)
        if key not in self._bases:
            self._bases[key] = self.program.evaluator(self.names, _altered(forms))
        return self._bases[key]

    def changed(self, accepted: Sequence[Form], form: Form, found: Mapping[str, Array]) -> Iterator[tuple[str, Any]]:
        assert form.tree is not None
        base = self._base(accepted)
        for target, value in self.program.changed(base, _altered(accepted), {form.symbol: base(form.tree)}):
            for role in self._by_target.get(target, ()):
                yield role, value

    def outputs(self, forms: Sequence[Form]) -> dict[str, Any]:
        values = self._base(forms).values
        return {role: values[target] for role, target in self._roles.items()}

    def begins(self, form: Form) -> list[Array]:
        return []

    def carries(self, form: Form) -> list[Array]:
        return []

    def stepwise(self, forms: Sequence[Form], found: Mapping[str, Array]) -> bool:
        return False


class _Loop:
    """A function over time."""

    def __init__(self, name: str, inputs: Mapping[str, Any]) -> None:
        self.name = name
        self.walk = Walk(name, inputs)
        self.program = self.walk.program
        self._before: dict[tuple[Form, ...], dict[str, Any]] = {}
        self.reference = self.outputs(())

    def evaluators(self) -> list[Evaluator]:
        return [step for step in self.walk.steps({}) if step is not None]

    def slices(self) -> list[Evaluator]:
        return []

    def reached(self, target: str) -> frozenset[str]:
        return self.walk.reached(target)

    def changed(self, accepted: Sequence[Form], form: Form, found: Mapping[str, Array]) -> Iterator[tuple[str, Any]]:
        way, altered = _way((*accepted, form)), _altered((*accepted, form))
        if form.tree is None:
            steps = self.walk.steps(way, altered)
        elif self.walk.handed.isdisjoint(self.program.reach[form.symbol]):
            steps = self._beside(way, _altered(accepted), form)
        elif self._plausible(way, _altered(accepted), form, found):
            steps = self.walk.steps(way, altered)
        else:
            return
        before = self.outputs(accepted)
        for role in found:
            value = self.walk.output(role, steps, way)
            if value.shape != before[role].shape or not np.array_equal(value, before[role]):
                yield role, value

    def _beside(self, way: Way, altered: Mapping[str, Node], form: Form) -> list[Evaluator | None]:
        """The steps with a form that no step hands on: those walked already, changed one by one."""
        assert form.tree is not None
        found: list[Evaluator | None] = []
        for base in self.walk.steps(way, altered):
            if base is not None:
                new = dict(self.program.changed(base, altered, {form.symbol: base(form.tree)}))
                found.append(Evaluator({**base.values, **new}))
            else:
                found.append(None)
        return found

    def _plausible(self, way: Way, altered: Mapping[str, Node], form: Form, found: Mapping[str, Array]) -> bool:
        """Whether the first two steps walked give the learner's slices: nearly every form of an equation ends here.

        In a wrong way the first step alone is asked, and forms that do not show there are left out.
        """
        assert form.tree is not None
        steps = self.walk.steps(way, altered)
        walked = [t for t in self.walk.times(way) if steps[t] is not None]
        base, after = steps[walked[0]], steps[walked[1]] if len(walked) > 1 and not way else None
        assert base is not None
        new = {form.symbol: base(form.tree)}
        if not self._agrees(walked[0], base, altered, new, found):
            return False
        if way:
            shown = self.program.reach[form.symbol]
            return any(target in shown for target in self.walk.loop.per_step.values())
        if after is not None:
            handed = self.walk.arriving(base, dict(self.program.changed(base, altered, new)), after)
            return self._agrees(walked[1], after, altered, {**handed, form.symbol: after(form.tree, handed)}, found)
        return True

    def _agrees(
        self, t: int, base: Evaluator, altered: Mapping[str, Node], new: Mapping[str, Any], found: Mapping[str, Array]
    ) -> bool:
        """Whether the learner's slices of step `t` are those that come of `new`, as far as they came."""
        for role, target in self.walk.loop.per_step.items():
            value = found.get(role)
            if value is not None and value.ndim == 3 and value.shape[2] == self.walk.length:
                changed = dict(self.program.changed(base, altered, new, target))
                if not same(value[..., t], changed.get(target, base.values[target])):
                    return False
        return True

    def outputs(self, forms: Sequence[Form]) -> dict[str, Any]:
        key = tuple(forms)
        if key not in self._before:
            way = _way(forms)
            steps = self.walk.steps(way, _altered(forms))
            self._before[key] = {role: self.walk.output(role, steps, way) for role in self.walk.roles}
        return self._before[key]

    def begins(self, form: Form) -> list[Array]:
        way = dict(form.way)
        return [state for key, state in self.walk.begin(way).items() if f"start.{key}" in way]

    def carries(self, form: Form) -> list[Array]:
        way = dict(form.way)
        altered = {key.split(".")[1] for key in way if key.startswith("carry")}
        begin, handed = self.walk.begin(way), self.walk.handed_on(way)
        return [handed[key] for key in altered if handed[key].any() and not same(handed[key], begin[key])]

    def stepwise(self, forms: Sequence[Form], found: Mapping[str, Array]) -> bool:
        seen = False
        for t, values in self.walk.walked(_way(forms), _altered(forms)):
            if not self._agrees(t, values, {}, {}, found):
                return False
            seen = True
        return seen


def _way(forms: Sequence[Form]) -> dict[str, str]:
    return {key: value for form in forms for key, value in form.way}


def model_of(function: str, inputs: Mapping[str, Any]) -> Model:
    """The model of a function on arguments by role; see `explain`."""
    return _Loop(function, inputs) if function in LOOPS else _Cell(function, inputs)


def given_outputs(function: str, outputs: Mapping[str, Any], reference: Mapping[str, Any]) -> dict[str, Array]:
    """A learner's outputs under the names of `reference`, caches opened, each an array of numbers."""
    found: dict[str, Any] = {}
    for role, value in outputs.items():
        if value is None:
            continue
        if role == "cache":
            found |= {f"cache.{key}": entry for key, entry in cache_of(function, value).items()}
        elif role == "caches":
            found |= _caches(function, value)
        elif isinstance(value, Mapping):
            own = cast("Mapping[str, Any]", value)
            found[role] = in_a_row(own)
        else:
            found["dWy" if role == "dWya" and "dWy" in reference else role] = value
    kept = {role: np.asarray(value) for role, value in found.items() if role in reference and value is not None}
    numbers = {role: value for role, value in kept.items() if value.dtype.kind in "fiub"}
    return {role: _in_shape(value.astype(_float(value.dtype)), reference[role]) for role, value in numbers.items()}


def _float(dtype: np.dtype[Any]) -> np.dtype[Any]:
    return dtype if dtype.kind == "f" else np.dtype(float)


def _in_shape(value: Array, expected: Any) -> Array:
    """The axes m and T of the output head are one in the tables; a bias that was not summed has its batch again."""
    shape = np.shape(expected)
    if len(shape) == 2 and value.ndim == 2 and value.shape[1] == shape[1] == 1 and value.size > shape[0] > 0:
        return value.reshape(shape[0], -1) if value.size % shape[0] == 0 else value
    if value.ndim == 3 and len(shape) == 2 and value.shape[0] == shape[0] and value.size == np.size(expected):
        return value.reshape(shape)
    return value


def _caches(function: str, value: Any) -> dict[str, Any]:
    if isinstance(value, Mapping):
        return {f"caches.{key}": entry for key, entry in cast("Mapping[str, Any]", value).items()}
    cell = FUNCTIONS[function].cell
    assert cell is not None
    opened = [cache_of(cell, cache) for cache in value[0]]
    found: dict[str, Any] = {}
    for role in FUNCTIONS[cell].cache:
        entries = [np.asarray(each[role]) for each in opened if role in each]
        if entries and role != "parameters" and len({entry.shape for entry in entries}) == 1:
            found[f"caches.{role}"] = np.stack(entries, axis=-1)
    return found
