"""How a right function differs from the course's, in one sentence; nothing is decided here."""

from __future__ import annotations

from collections.abc import Mapping

from unrolled.check.functions import FUNCTIONS
from unrolled.check.judge.attempt import Attempt
from unrolled.check.judge.layout import Pack
from unrolled.check.judge.plans import own_role

__all__ = ["convention"]

# Learners' names of roles that need no word.
_SAME = {"yt_pred", "cache", "caches", "y_pred", "y"}


def convention(found: Attempt) -> str:
    """What is unlike the course in a function that is right; "" where nothing is."""
    parts = [
        *_arguments(found),
        found.plan.layout.told,
        *_weights(found),
        *_returns(found),
        *_cache(found),
        found.plan.variant.told,
        *_precision(found),
    ]
    return "; ".join(part for part in parts if part)


def _arguments(found: Attempt) -> list[str]:
    about, plan = FUNCTIONS[found.function], found.plan
    roles = [given.role for given in plan.arguments]
    wanted = [role for role in about.inputs if role in roles]
    parts: list[str] = []
    if plan.found.method_of is not None:
        parts.append(f"a method of {plan.found.method_of}, with what it needs on self")
    elif [role for role in roles if role in about.inputs] != wanted or len(roles) > len(wanted):
        parts.append(f"takes ({', '.join(roles)})")
    return parts


def _weights(found: Attempt) -> list[str]:
    stacked = [name for name, pack in found.plan.slots.items() if len(pack.gates) > 1]
    halves = [name for name, pack in found.plan.slots.items() if pack.gates and pack.part and name not in stacked]
    renamed = {
        name: pack.course_names[0]
        for name, pack in found.plan.slots.items()
        if pack.whole and name not in (*pack.course_names, "Wya")
    }
    parts: list[str] = []
    if stacked:
        pack: Pack = found.plan.slots[stacked[0]]
        parts.append(f"gates stacked in one product, in the order {', '.join(pack.gates)} ({', '.join(stacked)})")
    if halves:
        parts.append(f"weights split by what they act on ({', '.join(halves)})")
    if renamed:
        parts.append("parameters " + ", ".join(f"{name} for {course}" for name, course in renamed.items()))
    return parts


def _returns(found: Attempt) -> list[str]:
    about = FUNCTIONS[found.function]
    first = found.answers[0]
    parts: list[str] = []
    order = [role for role in first.order if role]
    if first.kind == "tuple" and order != [role for role in about.outputs if role in order]:
        parts.append(f"returns ({', '.join(order)})")
    elif first.kind == "tuple" and about.name.endswith("backward"):
        parts.append(f"returns a tuple ({', '.join(order)})")
    elif first.kind == "dict" and not about.name.endswith("backward"):
        parts.append("returns a dictionary")
    course = _course_gradients(found)
    renamed = {key: course.get(role, role) for key, role in first.keys.items() if key != course.get(role, role)}
    if renamed and about.name.endswith("backward"):
        parts.append("keys " + ", ".join(f"{key} for {role}" for key, role in renamed.items()))
    kept = [answer.name for answer in first.found.values() if answer.name.startswith("self.")]
    if kept:
        parts.append(f"keeps {', '.join(kept)} rather than returning them")
    absent = [role for role in first.absent if role in ("yt_pred", "y_pred", "y", "cache", "caches", "c")]
    if absent:
        parts.append(f"returns no {' and no '.join(absent)}")
    return parts


def _course_gradients(found: Attempt) -> dict[str, str]:
    return {"d" + name: "d" + pack.course_names[0] for name, pack in found.plan.slots.items() if pack.whole}


def _cache(found: Attempt) -> list[str]:
    about = FUNCTIONS[found.function]
    if about.kind != "cell" or not found.caches or not found.caches[0]:
        return []
    entries = [entry for entry in found.caches[0] if len(entry.path) == 1]
    if any(isinstance(entry.path[0], str) for entry in entries):
        return ["its cache is a dictionary"]
    roles = tuple(entry.role for entry in entries)
    if roles != about.cache:
        return [f"its cache is ({', '.join(role or '...' for role in roles)})"]
    return []


def _precision(found: Attempt) -> list[str]:
    single = any(
        answer.likeness == "single" or getattr(getattr(answer.value, "dtype", None), "itemsize", 8) == 4
        for each in found.answers
        for answer in each.found.values()
        if answer.expected is not None and not isinstance(answer.value, Mapping | int)
    )
    return ["computes in float32"] if single else []


def learners_names(found: Attempt) -> dict[str, str]:
    """The course's role to the learner's name, as far as known."""
    names = {given.role: given.name for given in found.plan.arguments}
    for name, role in found.plan.found.weights.items():
        own = own_role(found.function, role)
        if own is not None:
            names.setdefault(own, name)
    if found.answers:
        course = _course_gradients(found)
        names |= {course.get(role, role): key for key, role in found.answers[0].keys.items()}
    return {role: name for role, name in names.items() if name}
