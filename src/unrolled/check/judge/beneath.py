"""Which right functions are put beneath one that is judged, in place of the learner's own that are not right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from unrolled.check.functions import FUNCTIONS
from unrolled.check.judge.answers import Answers
from unrolled.check.judge.attempt import Attempt
from unrolled.check.judge.caches import Hints
from unrolled.check.judge.known import Known
from unrolled.check.judge.packing import kept_as
from unrolled.check.judge.plans import Given, Plan, arguments_of, own_role
from unrolled.check.judge.stand_in import HELPERS, course_returns, stand_in

__all__ = ["replacements"]


def replacements(known: Known, plan: Plan) -> dict[str, str]:
    """Sources of right functions for those that this one calls and that are not right themselves."""
    found: dict[str, str] = {}
    for course, name in plan.found.helpers:
        if course in known.correct or course == plan.found.name:
            continue
        rows = course in known.tried and known.tried[course].other is not None
        if rows and plan.layout.step == "mn":
            continue  # along rows, as everything in this plan
        if course in HELPERS:
            if course in known.found:
                found[name] = HELPERS[course].format(name=name, axis=-1 if plan.layout.step == "mn" else 0)
        elif course == FUNCTIONS[plan.found.name].cell:
            source = _cell(known, plan, name, course)
            if source is not None:
                found[_key(name)] = source
    return found


def _key(name: str) -> str:
    return name.rpartition(".")[2]


def _cell(known: Known, plan: Plan, name: str, course: str) -> str | None:
    """The source of a right cell as the learner's own would be."""
    own = known.found.get(course)
    tried = known.tried.get(course)
    drawing = known.drawings[0]
    if tried is not None:
        base = tried.best
        cell = replace(base.plan, layout=replace(plan.layout, sequence="nmT"), slots={**base.plan.slots, **plan.slots})
        answers = base.answers[0] if base.answers else Answers()
        returns: Any = _structure(answers)
        returns = returns or _named_returns(cell) or course_returns(course)
        cache = _cache_of(known, base, course)
    else:
        about = FUNCTIONS[course]
        found = own or replace(
            plan.found, name=course, arguments=(), method_of=None, attributes={}, returns=(), cache=None
        )
        if own is not None and not arguments_of(own):
            return None
        cell = Plan(
            found,
            arguments_of(own)[0] if own else course_arguments(about.inputs),
            plan.layout,
            plan.slots,
            plan.variant,
        )
        returns, cache = _named_returns(cell) or course_returns(course), None if own is None else _named(own.cache)
    names = drawing.names(plan.found.name, plan.variant, plan.optional)
    returned: Any = returns
    weights = list(names["parameters"])
    if "cache" not in (returns or ()) and course.endswith("forward") and not isinstance(returns, dict):
        cache = None
    key = _key(name)
    text = stand_in(key, cell, weights, cache or dict(enumerate(FUNCTIONS[course].cache)), returned)
    if text is None or cell.found.method_of is None:
        return text
    return f"{text}\nimport submission\nsubmission.{cell.found.method_of}.{key} = {key}\n"


def _structure(answers: Answers) -> Any:
    """Roles in order, by key, or by key within a tuple; None where nothing came."""
    if answers.kind != "mixed":
        return answers.keys if answers.kind == "dict" else answers.order or None
    found: dict[int, Any] = {}
    for role, answer in answers.found.items():
        index = answer.path[0]
        if isinstance(index, int) and len(answer.path) == 2:
            found.setdefault(index, {})[answer.path[1]] = role
        elif isinstance(index, int):
            found[index] = role
    return [found.get(index, "") for index in range(max(found, default=-1) + 1)]


def course_arguments(roles: Sequence[str]) -> Any:
    """The course's arguments under the course's names."""
    return tuple(Given(role, role) for role in roles)


def _named_returns(plan: Plan) -> Any:
    """Roles of what a function returns, by its names alone."""
    returns = plan.found.returns
    by_course = {"d" + name: "d" + own for own, pack in plan.slots.items() if pack.whole for name in pack.course_names}
    if isinstance(returns, dict):
        own = {key: own_role(plan.found.name, role) for key, role in returns.items()}
        return {key: by_course.get(role, role) for key, role in own.items() if role}
    roles = [own_role(plan.found.name, role) or "" for role in returns]
    return [by_course.get(role, role) for role in roles] if any(roles) else None


def _cache_of(known: Known, base: Attempt, course: str) -> dict[str | int, str] | None:
    """Key or position to role of the cache that the learner's cell makes, or takes."""
    forward = known.tried.get(course.replace("backward", "forward"))
    entries = forward.best.caches[0] if forward is not None and forward.best.caches else []
    found = {entry.path[0]: entry.role for entry in entries if len(entry.path) == 1}
    if found:
        hints = _named(kept_as(known, course.replace("backward", "forward"))[0])
        return {**found, **({key: role for key, role in (hints or {}).items() if not found.get(key)})}
    return _named(base.plan.found.cache)


def _named(hints: Hints) -> dict[str | int, str] | None:
    if not hints:
        return None
    items = hints.items() if isinstance(hints, dict) else enumerate(hints)
    return {key: role or "" for key, role in items}  # pyright: ignore[reportUnknownVariableType]
