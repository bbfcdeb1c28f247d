"""What a function does besides returning values: arguments changed, memory handed out twice, state left behind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

import numpy as np

from unrolled.check.functions import FUNCTIONS
from unrolled.check.judge.attempt import Attempt
from unrolled.check.judge.caches import Entry
from unrolled.check.judge.compare import compare, is_number_array, unchanged
from unrolled.check.judge.inputs import family_of
from unrolled.check.judge.lines import cache_line, changed_line, globals_read, line_of_name
from unrolled.check.results import Finding, Place

__all__ = ["cache_findings", "global_findings", "one_array", "side_effects"]


def side_effects(found: Attempt) -> list[Finding]:
    """Mistakes that right values do not show; each makes a function wrong."""
    return [*_changed_arguments(found), *_reused_memory(found), *_randomness(found)]


def _finding(
    found: Attempt, kind: str, symbol: str, message: str, should_be: str = "", line: int | None = None
) -> Finding:
    equation = f"{family_of(found.function)}.{kind}"
    return Finding(equation, symbol, message, "explained", None if line is None else Place(line), should_be=should_be)


def _changed_arguments(found: Attempt) -> Iterator[Finding]:
    """Adam's update changes its dictionaries in the course, too."""
    if family_of(found.function) == "adam":
        return
    told: set[str] = set()
    for index in found.prepared.own:
        if index >= len(found.reply.arguments):
            return
        call, after = found.prepared.calls[index], found.reply.arguments[index]
        before: dict[str | int, Any] = {**dict(enumerate(call.args)), **call.kwargs}
        names = [given.name for given in found.plan.arguments]
        for key, value in before.items():
            name = names[key] if isinstance(key, int) else key
            if name in told or key not in after or _is_ref(value) or unchanged(value, after[key]):
                continue
            told.add(name)
            where = _where(value, after[key], name)
            yield _finding(
                found,
                "alias",
                name,
                f"your function changes the caller's {where}: the argument is another after the call",
                f"work on a copy: {name}.copy(), or compute a new array instead of changing this one in place",
                changed_line(found.plan.found, name),
            )


def _is_ref(value: Any) -> bool:
    return type(value).__name__ == "Ref"


def _where(before: Any, after: Any, name: str) -> str:
    """The innermost part that has changed."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        own = cast("Mapping[Any, Any]", before)
        if list(own) == list(after):  # pyright: ignore[reportUnknownArgumentType]
            for key, value in own.items():
                if not unchanged(value, after[key]):
                    return _where(value, after[key], f"{name}[{key!r}]")
    elif isinstance(before, tuple | list) and isinstance(after, tuple | list):
        mine, theirs = cast("list[Any]", before), cast("list[Any]", after)
        if len(mine) == len(theirs):
            for index, value in enumerate(mine):
                if not unchanged(value, theirs[index]):
                    return _where(value, theirs[index], f"{name}[{index}]")
    return name


def _reused_memory(found: Attempt) -> Iterator[Finding]:
    """A result that a later call overwrites."""
    for index in found.prepared.own[:-1]:
        if index >= len(found.reply.later) or index >= len(found.reply.values):
            return
        if not unchanged(found.reply.values[index], found.reply.later[index]):
            where = _where(found.reply.values[index], found.reply.later[index], "the result")
            role = _role_at(found, found.prepared.own.index(index), where)
            yield _finding(
                found,
                "alias",
                role,
                f"your {role} is a view of a working buffer: the next call overwrites what the last one returned",
                "return a new array, or a copy of the buffer",
            )
            return


def _role_at(found: Attempt, call: int, where: str) -> str:
    for role, answer in found.answers[call].found.items():
        if answer.path and where.startswith(f"the result[{answer.path[0]!r}]"):
            return answer.name or role
    return "result"


def _randomness(found: Attempt) -> Iterator[Finding]:
    if found.reply.global_state.random:
        generators = " and ".join(found.reply.global_state.random)
        yield _finding(
            found,
            "alias",
            generators,
            f"your function changes the global random state ({generators}), which nothing in it needs",
            "leave out the call of seed or of the generator",
            line_of_name(found.plan.found, "random"),
        )


def global_findings(found: Attempt) -> list[Finding]:
    """Of a function that is wrong or crashed: what it takes from outside its arguments."""
    read = dict(globals_read(found.plan.found))
    if not read:
        return []
    names = ", ".join(read)
    message = f"your function reads the global {names} instead of an argument"
    remedy = "take it from the arguments: the caller's may be another"
    return [_finding(found, "alias", next(iter(read)), message, remedy, next(iter(read.values())))]


def one_array(found: Attempt) -> Iterator[Finding]:
    """`c = a`: two outputs in one array."""
    if not found.answers:
        return
    first = found.prepared.own[0]
    places: dict[tuple[str | int, ...], str] = {
        ("value", first, *answer.path): role for role, answer in found.answers[0].found.items()
    }
    for one, other in found.reply.shared:
        roles = places.get(tuple(one)), places.get(tuple(other))
        if None not in roles and roles[0] != roles[1]:
            yield _finding(
                found,
                "alias",
                str(roles[1]),
                f"your {roles[0]} and {roles[1]} are one and the same array: what goes into one overwrites the other",
                f"make two: {roles[1]} = np.zeros_like({roles[0]})",
                line_of_name(found.plan.found, str(roles[1])),
            )
            return


def cache_findings(found: Attempt, call: int) -> list[Finding]:
    """Entries of a cache that are something else: another value of this step, or that of a later one.

    Where another output of a loop is wrong, its caches follow from what makes it so.
    """
    findings: dict[str, Finding] = {}
    if FUNCTIONS[found.function].kind == "loop" and set(found.wrong(call)) - {"caches"}:
        return []
    line = cache_line(found.plan.found)
    for entry in found.caches[call]:
        if entry.right or entry.role in findings:
            continue
        other = _what_it_is(found, call, entry)
        if _of_later_step(found, call, entry):
            message = (
                f"the {entry.role} in your cache of step {entry.step} is that of a later step, which overwrites it"
            )
            remedy = f"keep a copy at each step: {entry.role}.copy()"
        elif other is not None:
            message, remedy = f"your cache holds {other} where {entry.role} belongs", f"put {entry.role} in its place"
        else:
            continue
        findings[entry.role] = _finding(found, "cache", entry.role, message, remedy, line)
    return list(findings.values())


def _what_it_is(found: Attempt, call: int, entry: Entry) -> str | None:
    """The role whose value stands in place of another."""
    others = (other for other in found.caches[call] if other.step == entry.step and other.role != entry.role)
    return next(
        (other.role for other in others if other.expected is not None and _same(entry.value, other.expected)), None
    )


def _same(value: Any, expected: Any) -> bool:
    """Whether a value is one by more than chance: zeros are everywhere."""
    return is_number_array(value) and bool(np.ptp(value) > 0) and compare(value, expected) in ("same", "single")


def _of_later_step(found: Attempt, call: int, entry: Entry) -> bool:
    """Whether a later step, whose own entry is right, has overwritten this one."""
    if FUNCTIONS[found.function].kind != "loop":
        return False
    return any(
        other.role == entry.role
        and other.step is not None
        and other.step > (entry.step or 0)
        and other.right
        and other.expected is not None
        and _same(entry.value, other.expected)
        for other in found.caches[call]
    )
