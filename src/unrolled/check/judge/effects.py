"""What a function does besides returning right values: arguments changed, memory handed out twice, state left behind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from unrolled.check.functions import FUNCTIONS
from unrolled.check.judge.attempt import Attempt
from unrolled.check.judge.caches import Entry
from unrolled.check.judge.compare import unchanged
from unrolled.check.judge.inputs import family_of
from unrolled.check.results import Finding

__all__ = ["cache_findings", "global_findings", "side_effects"]


def side_effects(found: Attempt) -> list[Finding]:
    """Mistakes that right values do not show; each makes a function wrong."""
    return [*_changed_arguments(found), *_reused_memory(found), *_randomness(found)]


def _finding(found: Attempt, kind: str, symbol: str, message: str, should_be: str = "") -> Finding:
    family = family_of(found.function)
    return Finding(f"{family}.{kind}", symbol, message, "observed", should_be=should_be)


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
        )


def global_findings(found: Attempt) -> list[Finding]:
    """Of a function that is wrong: what it takes from outside its arguments, and outputs that are one array."""
    state = found.reply.global_state
    findings: list[Finding] = []
    if state.read:
        names = ", ".join(state.read)
        findings.append(
            _finding(
                found,
                "alias",
                state.read[0],
                f"your function reads the global {names} instead of an argument",
                "take it from the arguments: the caller's may be another",
            )
        )
    findings += _one_array(found)
    return findings


def _one_array(found: Attempt) -> Iterator[Finding]:
    """`c = a`: two outputs in one array."""
    if not found.answers:
        return
    first = found.prepared.own[0]
    places = {("value", first, *answer.path): role for role, answer in found.answers[0].found.items()}
    for one, other in found.reply.shared:
        roles = places.get(tuple(one)), places.get(tuple(other))
        if None not in roles and roles[0] != roles[1]:
            yield _finding(
                found,
                "alias",
                str(roles[1]),
                f"your {roles[0]} and {roles[1]} are one and the same array: what is stored in one overwrites the other",
                f"make two: {roles[1]} = np.zeros_like({roles[0]})",
            )
            return


def cache_findings(found: Attempt, call: int) -> list[Finding]:
    """What is wrong in a cache beyond a wrong value: entries that a later step overwrote."""
    entries = [entry for entry in found.caches[call] if not entry.right]
    by_role: dict[str, Entry] = {}
    for entry in entries:
        by_role.setdefault(entry.role, entry)
    return [
        _finding(
            found,
            "cache",
            role,
            f"the {role} in your cache of step {entry.step} is that of a later step, which overwrites it",
            f"keep a copy at each step: {role}.copy()",
        )
        for role, entry in by_role.items()
        if entry.step is not None and _of_later_step(found, call, entry)
    ]


def _of_later_step(found: Attempt, call: int, entry: Entry) -> bool:
    if FUNCTIONS[found.function].kind != "loop":
        return False
    return any(
        other.role == entry.role
        and other.step is not None
        and other.step > (entry.step or 0)
        and other.expected is not None
        and unchanged(other.value, entry.value)
        for other in found.caches[call]
    )
