"""What a learner's forward function keeps for the way back: which entry is what, whether it is right, and made right.

A backward function is judged on right caches in the learner's own arrangement. They come from the learner's forward
function, wrong entries put right, or, where there is none, from the names by which the backward function takes its
cache apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from unrolled.check.functions import FUNCTIONS
from unrolled.check.judge.compare import Likeness, compare, is_array
from unrolled.check.judge.layout import is_pack
from unrolled.check.judge.plans import Plan, own_role
from unrolled.check.sandbox import Opaque

__all__ = ["PARAMETER", "Entry", "Hints", "built", "read_cache", "read_caches", "rebuilt"]

PARAMETER = "parameter "  # of an entry that is one of the learner's own parameters: "parameter Wx"
Path = tuple[str | int, ...]
Hints = Sequence[str | None] | Mapping[str, str] | None


@dataclass(frozen=True)
class Entry:
    """One entry of a cache.

    Args:
        path: where it stands.
        role: what it is; "" where neither its name nor its value tells.
        likeness: to what it should be.
        step: of a loop's caches.
    """

    path: Path
    role: str
    likeness: Likeness
    value: Any
    expected: Any = None
    step: int | None = None

    @property
    def right(self) -> bool:
        """Whether the entry is what it should be, or of no known role."""
        return self.likeness in ("same", "single")


def extras(family: str, names: Mapping[str, Any]) -> dict[str, Any]:
    """Further values that people keep: what gates act on, what goes into their activations."""
    own: dict[str, Any] = {**names, **names.get("cache", {})}
    weights: Mapping[str, Any] = own.get("parameters", {})
    found: dict[str, Any] = {}
    if np.ndim(own.get("xt", 0.0)) != 2:
        return found  # all steps at once
    match family:
        case "rnn" if "a_prev" in own:
            found["z"] = weights["Wax"] @ own["xt"] + weights["Waa"] @ own["a_prev"] + weights["ba"]
            found["zy"] = weights["Wya"] @ own["a_next"] + weights["by"]
            found["concat"] = np.concatenate([own["a_prev"], own["xt"]])
        case "lstm" if "a_prev" in own:
            found["concat"] = concat = np.concatenate([own["a_prev"], own["xt"]])
            found["concat, xt first"] = np.concatenate([own["xt"], own["a_prev"]])
            found["tanh(c_next)"] = np.tanh(own["c_next"])
            found |= {f"z{gate}": weights["W" + gate] @ concat + weights["b" + gate] for gate in "fico"}
            found["zy"] = weights["Wy"] @ own["a_next"] + weights["by"]
        case "gru" if "c_prev" in own:
            found["concat"] = concat = np.concatenate([own["c_prev"], own["xt"]])
            found["concat, reset"] = np.concatenate([own["rt"] * own["c_prev"], own["xt"]])
            found["rt * c_prev"] = own["rt"] * own["c_prev"]
            found |= {f"z{gate}": weights["W" + gate] @ concat + weights["b" + gate] for gate in "ur"}
            found["zy"] = weights["Wy"] @ own["c_next"] + weights["by"]
        case _:
            pass
    return found


def expected_entry(role: str, plan: Plan, names: Mapping[str, Any], key: str = "") -> Any:
    """What an entry of a cell's cache should be, in the learner's layout; None for what is not known."""
    own: dict[str, Any] = {**names, **names.get("cache", {})}
    if role.startswith(PARAMETER):
        return plan.weight(role.removeprefix(PARAMETER), own["parameters"])
    if role in own or is_pack(role):
        return plan.value(role, own, key)
    more = extras(plan.family, names)
    return plan.laid_out(role, more[role]) if role in more else None


def read_cache(
    cache: Any,
    hints: Hints,
    plan: Plan,
    names: Mapping[str, Any],
    path: Path = (),
    step: int | None = None,
    *,
    firm: bool = False,
) -> list[Entry]:
    """The entries of a cell's cache.

    Args:
        cache: as it came.
        hints: roles by name: of a tuple in order, of a dictionary by key.
        plan: how the function was called.
        names: right values by role.
        path: where the cache stands.
        step: of a loop.
        firm: whether `hints` say what an entry must be, whatever its value is.
    """
    course = FUNCTIONS[plan.found.name].cache
    if isinstance(cache, Mapping):
        own = cast("Mapping[Any, Any]", cache)
        given = dict(hints) if isinstance(hints, Mapping) else {}
        items = [(key, value, given.get(str(key), str(key) if key in course else None)) for key, value in own.items()]
    elif isinstance(cache, tuple | list):
        values = list(cast("Sequence[Any]", cache))
        listed = list(hints) if isinstance(hints, Sequence) and len(hints) == len(values) else [None] * len(values)
        items = [(index, value, listed[index]) for index, value in enumerate(values)]
    else:
        return []
    cell = FUNCTIONS[plan.found.name].cell or plan.found.name
    found = [
        _entry(value, own_role(cell, hint), plan, names, (*path, key), step, str(key), firm=firm)
        for key, value, hint in items
    ]
    found = [inner for each in found for inner in _opened(each, plan, names, step)]
    return _by_place(found, cache, course, plan, names, step)


def _entry(
    value: Any,
    role: str | None,
    plan: Plan,
    names: Mapping[str, Any],
    path: Path,
    step: int | None,
    key: str,
    *,
    firm: bool = False,
) -> Entry:
    """One entry by its name, where that fits or is the course's own (or `firm`); else by its value."""
    named = Entry(path, "", "same", value, None, step)
    if role is not None:
        expected = expected_entry(role, plan, names, key)
        if expected is not None:
            named = Entry(path, role, _likeness(value, expected, role), value, expected, step)
            if firm or named.right or key == role:
                return named
            if named.likeness in ("shape", "kind"):  # not what its name made us think
                named = Entry(path, "", "same", value, None, step)
    for other in [*_candidates(names), *(PARAMETER + name for name in plan.slots)]:
        expected = expected_entry(other, plan, names, key)
        if expected is not None and _likeness(value, expected, other) in ("same", "single"):
            return Entry(path, other, "same", value, expected, step)
    return named


def _candidates(names: Mapping[str, Any]) -> list[str]:
    family = "lstm" if "ft" in names.get("cache", {}) else "gru" if "rt" in names.get("cache", {}) else "rnn"
    weights = [name for name in names.get("parameters", {}) if is_pack(name)]
    others = [role for role, value in names.items() if is_array(value) and role[0] != "d"]
    return list(dict.fromkeys([*names.get("cache", {}), *others, *extras(family, names), *weights]))


def _likeness(value: Any, expected: Any, role: str) -> Likeness:
    if role == "parameters" and isinstance(value, Mapping) and isinstance(expected, Mapping):
        own = cast("Mapping[Any, Any]", value)
        shared = {key: want for key, want in cast("Mapping[Any, Any]", expected).items() if key in own}
        return compare(own, shared) if shared else "kind"
    return compare(value, expected)


def _opened(entry: Entry, plan: Plan, names: Mapping[str, Any], step: int | None) -> list[Entry]:
    """Entries within an entry that is itself a container and has no role."""
    inner: Any = entry.value
    if entry.role or not isinstance(inner, tuple | list | Mapping) or len(entry.path) > 3:
        return [entry]
    return read_cache(cast("Any", inner), None, plan, names, entry.path, step) or [entry]


def _by_place(
    found: list[Entry], cache: Any, course: Sequence[str], plan: Plan, names: Mapping[str, Any], step: int | None
) -> list[Entry]:
    """An entry that nothing else tells, or that is there twice, is what the course has in its place, where all others
    stand as in the course.
    """
    if not isinstance(cache, tuple | list) or len(found) != len(course):
        return found
    roles = [entry.role for entry in found]
    doubtful = [not role or roles.count(role) > 1 for role in roles]
    if any(role != want and not open_ for role, want, open_ in zip(roles, course, doubtful, strict=True)):
        return found
    return [
        _entry(entry.value, role, plan, names, entry.path, step, "", firm=True) if open_ else entry
        for entry, role, open_ in zip(found, course, doubtful, strict=True)
    ]


def read_caches(caches: Any, hints: Hints, plan: Plan, names: Mapping[str, Any], *, firm: bool = False) -> list[Entry]:
    """The entries of what a loop keeps: a list of cells' caches somewhere in it, or arrays over all steps."""
    cells = names["caches"]["cells"]
    at = _steps_at(caches, len(cells))
    if at is None:
        stacked = {role: np.stack([cell[role] for cell in cells], -1) for role in cells[0] if role != "parameters"}
        own = {**{role: value for role, value in names.items() if role != "caches"}, "cache": {**stacked, **names}}
        own["cache"].pop("caches", None)
        return read_cache(caches, None, plan, own)
    found: list[Entry] = []
    for step, cell in enumerate(cells):
        own = {"cache": cell, "parameters": names["parameters"], **_step_weights(names)}
        path = (*at, step)
        found += read_cache(_at(caches, path), hints, plan, own, path, step, firm=firm)
    for path, value in _beside(caches, at):
        found.append(_entry(value, None, plan, {"x": names["x"], "parameters": names["parameters"]}, path, None, ""))
    return found


def _step_weights(names: Mapping[str, Any]) -> dict[str, Any]:
    return {size: names[size] for size in ("n_x", "n_a", "n_y", "m", "T") if size in names}


def _steps_at(caches: Any, T: int) -> Path | None:
    """Where the list of the cells' caches stands."""

    def is_steps(value: Any) -> bool:
        if not isinstance(value, list | tuple) or len(cast("Sequence[Any]", value)) != T:
            return False
        return all(isinstance(each, tuple | list | Mapping | Opaque) for each in cast("Sequence[Any]", value))

    if isinstance(caches, Mapping):
        items: list[tuple[Any, Any]] = list(cast("Mapping[Any, Any]", caches).items())
    elif isinstance(caches, list | tuple):
        items = list(enumerate(cast("Sequence[Any]", caches)))
    else:
        return None
    inner = next(
        ((key,) for key, value in items if isinstance(value, list | tuple) and is_steps(value) and not _flat(value)),
        None,
    )
    if inner is not None:
        return inner
    return () if is_steps(caches) else None


def _flat(value: Any) -> bool:
    """Whether it is a cell's cache itself, by chance of length T: it holds arrays."""
    return any(is_array(each) for each in value)


def _at(value: Any, path: Path) -> Any:
    for key in path:
        value = value[key]
    return value


def _beside(caches: Any, at: Path) -> list[tuple[Path, Any]]:
    if not at:
        return []
    items: Any = cast("Mapping[Any, Any]", caches).items() if isinstance(caches, Mapping) else enumerate(caches)
    own: dict[Any, Any] = dict(items)
    return [((key,), value) for key, value in own.items() if key != at[0]]


def rebuilt(cache: Any, entries: Sequence[Entry]) -> Any:
    """The cache with every entry of a known role as it should be."""
    right = {entry.path: entry.expected for entry in entries if entry.role and entry.expected is not None}

    def walk(value: Any, path: Path) -> Any:
        if path in right:
            return right[path]
        if isinstance(value, Mapping):
            return {key: walk(each, (*path, key)) for key, each in cast("Mapping[Any, Any]", value).items()}
        if isinstance(value, tuple | list):
            inner = [walk(each, (*path, index)) for index, each in enumerate(cast("Sequence[Any]", value))]
            return tuple(inner) if isinstance(value, tuple) else inner
        return value

    return walk(cache, ())


def is_whole(value: Any) -> bool:
    """Whether nothing in it was of a kind that does not leave the sandbox."""
    if isinstance(value, Mapping):
        return all(is_whole(each) for each in cast("Mapping[Any, Any]", value).values())
    if isinstance(value, tuple | list):
        return all(is_whole(each) for each in cast("Sequence[Any]", value))
    return not isinstance(value, Opaque)


def built(hints: Hints, plan: Plan, names: Mapping[str, Any]) -> Any:
    """A cell's cache from right values alone, by the names under which it is taken apart; else as in the course."""
    cell = FUNCTIONS[plan.found.name].cell or plan.found.name
    course = FUNCTIONS[plan.found.name].cache or tuple(
        role for role in names.get("cache", {}) if role not in ("scored", "scale")
    )
    if isinstance(hints, Mapping):
        return {key: expected_entry(own_role(cell, role) or role, plan, names, key) for key, role in hints.items()}
    roles = [own_role(cell, role) for role in hints or ()]
    known = {*names.get("cache", {}), *names}
    if not roles or any(role is None or not (role in known or is_pack(role)) for role in roles):
        roles = list(course)
    return tuple(expected_entry(role or "", plan, names) for role in roles)
