"""A learner's result, taken apart by role and held against what was expected; what is to be done about it is not said.

A name decides before a value does: who stores dWf under "dWi" has made a mistake, not a convention. Only what has no
name is told by its value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from unrolled.check.judge.compare import Likeness, compare, is_number_array

__all__ = ["Answer", "Answers", "is_missing", "read", "role_of"]

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Answer:
    """One output, or one entry of a cache."""

    role: str
    likeness: Likeness | Literal["none"]
    value: Any  # as it came
    expected: Any  # in the learner's layout
    path: Path = ()
    name: str = ""  # the learner's, where there is one

    @property
    def right(self) -> bool:
        """Whether the value is right."""
        return self.likeness in ("same", "single")


@dataclass
class Answers:
    """What one call returned."""

    found: dict[str, Answer] = field(default_factory=dict[str, Answer])
    absent: tuple[str, ...] = ()  # expected, and nowhere
    order: tuple[str, ...] = ()  # roles of a tuple, as they stand; "" for what is none of them
    kind: str = ""  # "tuple", "dict", "single"
    keys: dict[str, str] = field(default_factory=dict[str, str])  # learner's key -> role, of a dictionary

    @property
    def right(self) -> bool:
        """Whether all that came is right."""
        return all(answer.right for answer in self.found.values())


def is_missing(value: Any) -> bool:
    """Whether nothing was returned at all: None, or nothing but None."""
    if isinstance(value, tuple | list):
        return all(is_missing(each) for each in cast("Sequence[Any]", value))
    if isinstance(value, Mapping):
        return all(is_missing(each) for each in cast("Mapping[Any, Any]", value).values())
    return value is None


_ALIASES = {
    "dxt": ("dx", "dxt", "dx_t", "dX", "dXt", "dinput", "dInputData", "dinputs", "gradx"),
    "dx": ("dx", "dX", "dxs", "dInputData", "dinputs", "gradx", "dxt"),
    "da_prev": (
        "da_prev",
        "dh_prev",
        "dprev_h",
        "da_prevt",
        "dhprev",
        "dstate_prev",
        "dPreviousState",
        "ds_prev",
        "dprev",
    ),
    "dc_prev": ("dc_prev", "dprev_c", "dc_prevt", "dcprev", "dh_prev", "da_prev", "dprev_h"),
    "da0": (
        "da0",
        "dh0",
        "da_init",
        "da_0",
        "da_initial",
        "dInitialHiddenState",
        "da_prev",
        "dh_init",
        "dstate0",
        "dh_prev",
    ),
    "dc0": ("dc0", "dc_init", "dc_0", "dh0", "da0", "da_init"),
}


def plain_name(name: str) -> str:
    """Without underscores and case."""
    return re.sub(r"[_\W]", "", name).lower()


def role_of(name: str, hint: str | None, expected: Mapping[str, Any]) -> str | None:
    """The expected role that a learner's key or variable names.

    Args:
        name: the learner's.
        hint: what was guessed of it elsewhere.
        expected: roles, those of gradients by the learner's own names of their weights.
    """
    if name in expected:
        return name
    if hint in expected:
        return hint
    plain = plain_name(name)
    for role in expected:
        if plain_name(role) == plain or plain in (plain_name(alias) for alias in _ALIASES.get(role, ())):
            return role
    return None


def read(
    result: Any,
    expected: Mapping[str, Any],
    hints: Sequence[str | None] | Mapping[str, str | None] | None,
    *,
    by_key: bool,
) -> Answers:
    """Takes a result apart.

    Args:
        result: what a call returned.
        expected: role to right value, in the learner's layout; None for a container that is looked into elsewhere.
        hints: roles of a tuple's values in order, or of a dictionary's keys, as far as names tell.
        by_key: whether the function is one of those that return a dictionary of gradients.
    """
    if isinstance(result, Mapping):
        return _of_mapping(cast("Mapping[Any, Any]", result), expected, hints if isinstance(hints, Mapping) else {})
    if isinstance(result, tuple | list) and not _is_sequence(result, expected):
        values = list(cast("Sequence[Any]", result))
        if by_key and any(isinstance(each, Mapping) for each in values):  # (dx, da0, gradients), (gradients,)
            return _mixed(values, expected, None if isinstance(hints, Mapping) else hints)
        return _of_tuple(values, expected, None if isinstance(hints, Mapping) else hints)
    answers = _of_tuple([result], expected, None if isinstance(hints, Mapping) else hints)
    answers.kind = "single"
    return answers


def _is_sequence(result: Any, expected: Mapping[str, Any]) -> bool:
    """Whether a list is one output over time rather than several outputs."""
    first = next(iter(expected.values()), None)
    if not (isinstance(result, list) and isinstance(first, list)):
        return False
    own, wanted = cast("list[Any]", result), cast("list[Any]", first)
    return len(own) == len(wanted) and all(is_number_array(each) and each.shape == wanted[0].shape for each in own)


def _answer(role: str, value: Any, expected: Any, path: Path, name: str = "") -> Answer:
    if value is None:
        return Answer(role, "none", value, expected, path, name)
    likeness = "same" if expected is None else compare(value, expected)
    return Answer(role, likeness, value, expected, path, name)


def _of_mapping(result: Mapping[Any, Any], expected: Mapping[str, Any], hints: Mapping[str, str | None]) -> Answers:
    answers = Answers(kind="dict")
    # by exact name first, so that an alias never takes the place of a name
    names = sorted((key for key in result if isinstance(key, str)), key=lambda key: key not in expected)
    for key in names:
        open_roles = {role: value for role, value in expected.items() if role not in answers.found}
        role = role_of(key, hints.get(key), open_roles)
        if role is not None:
            answers.found[role] = _answer(role, result[key], expected[role], (key,), key)
            answers.keys[key] = role
    for key, value in result.items():  # a key that says nothing: by value
        if key in answers.keys or not isinstance(key, str):
            continue
        role = _by_value(value, {r: v for r, v in expected.items() if r not in answers.found})
        if role is not None:
            answers.found[role] = _answer(role, value, expected[role], (key,), key)
            answers.keys[key] = role
    answers.absent = tuple(role for role in expected if role not in answers.found)
    return answers


def _by_value(value: Any, expected: Mapping[str, Any]) -> str | None:
    return next(
        (r for r, want in expected.items() if want is not None and compare(value, want) in ("same", "single")), None
    )


def _of_tuple(values: list[Any], expected: Mapping[str, Any], hints: Sequence[str | None] | None) -> Answers:
    """By the names of what is returned; where those say nothing, or the course's order fits throughout, by that."""
    nothing: list[str | None] = [None] * len(values)
    named = list(hints) if hints is not None and len(hints) == len(values) else nothing
    candidates = [_assigned(values, expected, named)]
    course = list(expected)
    if len(values) <= len(course) and named != course[: len(values)]:
        candidates.append(_assigned(values, expected, list(course[: len(values)])))
    if len({hint for hint in named if hint in expected}) < min(len(values), len(expected)):
        candidates.append(_assigned(values, expected, nothing))
    return max(
        candidates,
        key=lambda answers: (not answers.absent and answers.right, sum(a.right for a in answers.found.values())),
    )


def _assigned(values: list[Any], expected: Mapping[str, Any], hints: list[str | None]) -> Answers:
    answers = Answers(kind="tuple")
    roles: list[str] = [""] * len(values)
    for index, hint in enumerate(hints):
        if hint is not None and hint in expected and hint not in roles:
            roles[index] = hint
    for index, value in enumerate(values):  # by value, among what is left
        if not roles[index]:
            left = {role: want for role, want in expected.items() if role not in roles}
            roles[index] = _by_value(value, left) or ""
    left = [role for role in expected if role not in roles]
    for index, value in enumerate(values):  # by kind, then in order
        if not roles[index] and left:
            fitting = [role for role in left if _fits(value, expected[role])]
            if fitting:
                roles[index] = fitting[0]
                left.remove(fitting[0])
    for index, role in enumerate(roles):
        if role:
            answers.found[role] = _answer(role, values[index], expected[role], (index,))
    answers.order = tuple(roles)
    answers.absent = tuple(role for role in expected if role not in answers.found)
    return answers


def _fits(value: Any, wanted: Any) -> bool:
    """Whether a value could be meant as one that is `wanted`, right or not."""
    if wanted is None:
        return value is None or isinstance(value, tuple | list | Mapping) or not is_number_array(value)
    return value is None or is_number_array(value) or isinstance(value, int | float | list)


def _mixed(values: list[Any], expected: Mapping[str, Any], hints: Sequence[str | None] | None) -> Answers:
    """Gradients in a dictionary among other values."""
    answers = Answers(kind="mixed")
    named = list(hints) if hints is not None and len(hints) == len(values) else None
    for index, value in enumerate(values):
        left = {role: want for role, want in expected.items() if role not in answers.found}
        if isinstance(value, Mapping):
            inner = _of_mapping(cast("Mapping[Any, Any]", value), left, {})
            answers.found |= {
                role: Answer(a.role, a.likeness, a.value, a.expected, (index, *a.path), a.name)
                for role, a in inner.found.items()
            }
        else:
            hint = named[index] if named else None
            role = hint if hint in left else _by_value(value, left)
            if role is not None:
                answers.found[role] = _answer(role, value, expected[role], (index,))
    answers.absent = tuple(role for role in expected if role not in answers.found)
    return answers
