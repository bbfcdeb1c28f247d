"""Ways in which a learner's function may want to be called, the likeliest first; nothing is called here."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice, permutations
from typing import Any

import numpy as np

from unrolled.check.find import Found
from unrolled.check.functions import FUNCTIONS
from unrolled.check.judge.compare import is_array
from unrolled.check.judge.inputs import COURSE, Variant, family_of
from unrolled.check.judge.layout import COURSE_LAYOUT, Layout, Pack, is_pack, pack_of
from unrolled.check.judge.lines import keys_read
from unrolled.check.judge.weights import Slots, guesses, halved, is_named_weight

__all__ = ["SIZES", "Given", "Plan", "arguments_of", "own_role", "slots_of", "with_dictionaries"]

_CELL = {
    "x": "xt",
    "a0": "a_prev",
    "c0": "c_prev",
    "da": "da_next",
    "dc": "dc_next",
    "caches": "cache",
    "dx": "dxt",
    "a": "a_next",
    "c": "c_next",
    "y": "yt_pred",
    "y_pred": "yt_pred",
    "da0": "da_prev",
    "dc0": "dc_prev",
}
_LOOP = {
    "xt": "x",
    "a_prev": "a0",
    "c_prev": "c0",
    "da_next": "da",
    "dc_next": "dc",
    "cache": "caches",
    "dxt": "dx",
    "a_next": "a",
    "c_next": "c",
    "yt_pred": "y_pred",
    "da_prev": "da0",
    "dc_prev": "dc0",
}
_GRU = {
    "a_prev": "c_prev",
    "a_next": "c_next",
    "a0": "c0",
    "a": "c",
    "da_next": "dc_next",
    "da": "dc",
    "da_prev": "dc_prev",
    "da0": "dc0",
}
_HEAD = {"labels": "y", "x": "a", "caches": "cache"}
SIZES = ("n_x", "n_a", "n_y", "m", "T")


def own_role(function: str, role: str | None) -> str | None:
    """A role by the name that it has in this very function: `x` in a cell is `xt`, `a_prev` in a GRU `c_prev`."""
    if role is None:
        return None
    about, family = FUNCTIONS[function], family_of(function)
    known = {*about.inputs, *about.outputs, *about.cache}
    if family == "gru" and role not in known:
        role = _GRU.get(role, role)
    if role in known:
        return role
    turned = {"cell": _CELL, "loop": _LOOP}.get(about.kind, _HEAD if family == "head" else {}).get(role, role)
    if family == "lstm" and turned == "y_pred":
        turned = "y"
    if family == "gru" and turned not in known:
        turned = _GRU.get(turned, turned)
    return turned


@dataclass(frozen=True)
class Given:
    """One argument that is passed."""

    name: str
    role: str
    keyword: bool = False


Arguments = tuple[Given, ...]


@dataclass(frozen=True)
class Plan:
    """How one function is called and its result read.

    Args:
        found: the learner's function.
        arguments: what is passed, in order.
        layout: of every array.
        slots: what each of the learner's parameters holds; the course's where empty.
        variant: the system of equations.
        replace: stand-ins for what it calls: name to source.
        cache: roles of what its cache holds, in order or by key, as far as names tell.
        firm: whether `cache` says what an entry must be, since that is how it is taken apart.
        by_reference: whether a backward function is handed the very object that the learner's forward function made,
            for caches of classes of their own.
    """

    found: Found
    arguments: Arguments
    layout: Layout = COURSE_LAYOUT
    slots: Slots = field(default_factory=dict[str, Pack])
    variant: Variant = COURSE
    replace: Mapping[str, str] = field(default_factory=dict[str, str])
    cache: Sequence[str | None] | Mapping[str, str] | None = None
    firm: bool = False
    by_reference: bool = False

    @property
    def optional(self) -> frozenset[str]:
        """Roles whose being passed changes the right answer."""
        return frozenset(given.role for given in self.arguments) & {"c0", "learning_rate", "beta1", "beta2", "epsilon"}

    @property
    def family(self) -> str:
        """As `family_of` has it."""
        return family_of(self.found.name)

    def own_slots(self, weights: Mapping[str, Any]) -> Slots:
        """The learner's parameters, those of the course that none of them holds added under their own names."""
        held = {name for pack in self.slots.values() for name in pack.course_names}
        held |= {"Wya"} if "Wy" in held else set()
        return {**self.slots, **{name: pack_of(name) for name in weights if name not in held and is_pack(name)}}

    def parameters(self, weights: Mapping[str, Any]) -> dict[str, Any]:
        """The learner's dictionary of parameters."""
        if not any(is_pack(name) for name in weights):
            return dict(weights)  # Adam's W1, b1, ...: any names and shapes
        packed = {name: pack.value(weights, self.layout) for name, pack in self.own_slots(weights).items()}
        return {name: value for name, value in packed.items() if value is not None}

    def weight(self, name: str, weights: Mapping[str, Any]) -> Any:
        """One of the learner's parameters by itself."""
        pack = self.slots.get(name) or pack_of(name)
        return pack.value(weights, self.layout)

    def value(self, role: str, names: Mapping[str, Any], learners_name: str = "") -> Any:
        """What is passed for a role.

        Args:
            role: of the course; or that of a weight.
            names: values by role, of the drawing.
            learners_name: for a weight passed alone.
        """
        if role in SIZES:
            return names[role]
        if learners_name in self.slots or (is_pack(role) and role not in names):
            return self.weight(learners_name if learners_name in self.slots else role, names["parameters"])
        value = names[role] if role in names else names.get("cache", {})[role]
        if role == "parameters":
            return self.parameters(value)
        return self.laid_out(role, value)

    def laid_out(self, role: str, value: Any) -> Any:
        """A value of the course, that is no parameter, in the learner's layout."""
        if isinstance(value, dict):
            return {key: np.array(each, copy=True) for key, each in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        if is_array(value) and value.ndim:
            return self.layout.labels(value) if value.dtype.kind in "iub" else self.layout.data(value)
        return value


def arguments_of(found: Found) -> list[Arguments]:
    """What may be passed, the likeliest first; empty where a needed argument cannot be told.

    Optional arguments are passed where the course has them too; others keep the learner's default.
    """
    about = FUNCTIONS[found.name]
    wanted = list(about.inputs)
    known: set[str] = {*wanted, *about.cache, *SIZES, "parameters", "c0", "y"} | (
        {"xt", "a_prev"} if about.kind == "cell" else set()
    )
    roles: list[str | None] = []
    named = {argument.role for argument in found.arguments}
    if (
        any(name not in {argument.name for argument in found.arguments} for name in found.weights)
        and not found.method_of
    ):
        named.add("parameters")  # keys are read: one of the arguments is the dictionary
    for argument in found.arguments:
        role = own_role(found.name, argument.role)
        if role not in known and "parameters" not in named and _is_weight(argument.name, found):
            role = argument.name if role is None or not is_pack(role) else role
        elif role not in known:
            role = role if role is not None and is_pack(role) else None
        roles.append(role if role not in roles else None)
    ways = [roles]
    plain = [argument for argument in found.arguments if not argument.has_default and argument.kind == "positional"]
    if len(plain) == len(wanted) and roles[: len(wanted)] != wanted:
        ways.append([*wanted, *[None] * (len(found.arguments) - len(wanted))])
    filled = [own for way in ways for own in _filled(found, way, wanted)]
    return list(dict.fromkeys(filled))


def with_dictionaries(found: Sequence[Found]) -> list[Found]:
    """The same functions, an argument that they read by keys of text taken for the dictionary of parameters.

    A loop may hand it on unread: then it is the one that bears the same name in another function.
    """
    own = [each if each.empty else _with_dictionary(each) for each in found]
    names = {argument.name for each in own for argument in each.arguments if argument.role == "parameters"}
    return [_with_role(each, names) if _lacks(each) else each for each in own]


def _lacks(found: Found) -> bool:
    """Whether the dictionary of parameters may still be among the arguments."""
    if found.method_of is not None or family_of(found.name) in ("adam", "sigmoid", "softmax"):
        return False
    return all(argument.role != "parameters" for argument in found.arguments)


def _with_dictionary(found: Found) -> Found:
    for argument in found.arguments if _lacks(found) else ():
        keys = keys_read(found, argument.name)
        if argument.role not in ("cache", "caches") and any(is_named_weight(key) for key in keys):
            return replace(_with_role(found, {argument.name}), weights={**dict.fromkeys(keys), **found.weights})
    return found


def _with_role(found: Found, names: Collection[str]) -> Found:
    arguments = [replace(each, role="parameters") if each.name in names else each for each in found.arguments]
    return replace(found, arguments=tuple(arguments))


def _is_weight(name: str, found: Found) -> bool:
    return is_named_weight(name) and name in guesses([name], family_of(found.name))[0]


def _filled(found: Found, roles: list[str | None], wanted: list[str]) -> Iterator[Arguments]:
    """Arguments whose role is not known get those that are left over, in every order."""
    open_at = [i for i, argument in enumerate(found.arguments) if roles[i] is None and not argument.has_default]
    open_at = [i for i in open_at if found.arguments[i].kind != "varargs"]
    left = [role for role in wanted if role not in roles]
    if "parameters" not in roles and "parameters" not in left and "parameters" not in wanted:
        left.append("parameters")
    if len(open_at) > len(left):
        return
    for chosen in islice(permutations(left, len(open_at)), 12):
        own = list(roles)
        for index, role in zip(open_at, chosen, strict=True):
            own[index] = role
        yield tuple(_given(found, own))


def _given(found: Found, roles: list[str | None]) -> Iterator[Given]:
    skipped = False
    wanted = FUNCTIONS[found.name].inputs
    for argument, role in zip(found.arguments, roles, strict=True):
        if role is None or argument.kind == "varargs" or (argument.has_default and role not in wanted):
            skipped = True
            continue
        yield Given(argument.name, role, keyword=skipped or argument.kind == "keyword")


def slots_of(found: Found) -> list[Slots]:
    """Ways to read the names of its parameters."""
    family = family_of(found.name)
    if family in ("adam", "sigmoid", "softmax"):
        return [{}]
    hints: dict[str, str | None] = dict(found.weights)
    for argument in found.arguments:
        role = own_role(found.name, argument.role)
        told = not argument.has_default if role is None else is_pack(halved(role))
        if told and _is_weight(argument.name, found):
            hints.setdefault(argument.name, role)
    for name, role in (found.attributes or {}).items():
        if (role is not None and is_pack(halved(role))) or (role is None and _is_weight(name, found)):
            hints.setdefault(name, role)
    if not hints:
        return [{}]
    if all(name == hint and is_pack(name) for name, hint in hints.items()):
        return [{name: pack_of(name) for name in hints}]
    return guesses(hints, family, hints) or [{}]
