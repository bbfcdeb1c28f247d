"""What a plan passes: its calls, with caches that hold right values; no result is read here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from unrolled.check.functions import FUNCTIONS
from unrolled.check.judge.attempt import Attempt, Prepared, attempt, names_of
from unrolled.check.judge.beneath import replacements
from unrolled.check.judge.caches import built, is_whole, read_cache, read_caches, rebuilt
from unrolled.check.judge.inputs import Drawing, family_of
from unrolled.check.judge.known import Known
from unrolled.check.judge.packing import kept_as
from unrolled.check.judge.plans import SIZES, Plan, own_role
from unrolled.check.sandbox import Call, Ref

__all__ = ["carry_out", "prepare"]


def carry_out(known: Known, plan: Plan, drawings: Sequence[Drawing] | None = None) -> Attempt:
    """Runs a plan on the drawings for its function."""
    drawings = known.drawings_for(plan.found.name) if drawings is None else drawings
    plan = replace(plan, replace=replacements(known, plan))
    return attempt(known.sandbox, plan, prepare(known, plan, drawings), drawings, timeout=known.timeout)


def prepare(known: Known, plan: Plan, drawings: Sequence[Drawing]) -> Prepared:
    """The calls of a plan, each with what must be called before it."""
    calls: list[Call] = []
    own: list[int] = []
    code, trusted = plan.found.code, True
    for drawing in drawings:
        names = names_of(plan, drawing)
        kept = _Kept(known, plan, drawing, names)
        if kept.before is not None:
            calls.append(_with_attributes(kept.before, plan, names) if kept.instance else kept.before)
            code = _together(code, known.found[kept.forward].code)
            trusted = trusted and kept.forward in known.correct
        value = kept.value if kept.before is None else Ref(len(calls) - 1, kept.path)
        calls.append(_call(plan, names, value, kept.instance))
        own.append(len(calls) - 1)
    return Prepared(code, calls, own, trusted)


def _call(plan: Plan, names: dict[str, Any], cache: Any, instance: str | None) -> Call:
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    shared = {
        **names,
        **({} if "parameters" in names else {"parameters": names.get("cache", {}).get("parameters", {})}),
    }
    for given in plan.arguments:
        value = cache if given.role in ("cache", "caches") else plan.value(given.role, shared, given.name)
        if given.keyword:
            kwargs[given.name] = value
        else:
            args.append(value)
    attributes: dict[str, Any] | None = None
    if plan.found.method_of is not None and (instance is None or not plan.found.name.endswith("backward")):
        attributes = attributes_of(plan, shared)
    return Call(plan.found.entry, args, kwargs, attributes, instance)


def _with_attributes(call: Call, plan: Plan, names: dict[str, Any]) -> Call:
    """The forward call on an instance that the backward call shares: with parameters and sizes that either reads."""
    own = plan.found.attributes or {}
    weights = {name: plan.weight(name, _weights_of(names)) for name in own if name in plan.slots}
    sizes = {name: names[role] for name, role in own.items() if role in SIZES and name not in weights}
    return replace(call, attributes={**sizes, **weights, **(call.attributes or {})})


def _weights_of(names: dict[str, Any]) -> Any:
    return names["parameters"] if "parameters" in names else names["cache"]["parameters"]


def attributes_of(plan: Plan, names: dict[str, Any]) -> dict[str, Any]:
    """What a method's instance holds: parameters, and what else its names tell."""
    found: dict[str, Any] = {}
    for name, role in (plan.found.attributes or {}).items():
        role = own_role(plan.found.name, role)
        if name in plan.slots:
            found[name] = plan.weight(name, names["parameters"])
        elif role is not None and role not in ("cache", "caches"):
            try:
                found[name] = plan.value(role, names, name)
            except KeyError:
                continue
    return found


def _together(code: str, other: str) -> str:
    """Two excerpts of one file, line for line."""
    lines, more = code.split("\n"), other.split("\n")
    longest = max(len(lines), len(more))
    lines += [""] * (longest - len(lines))
    more += [""] * (longest - len(more))
    return "\n".join(map(_joined, lines, more))


def _joined(line: str, other: str) -> str:
    """One line of two excerpts; imports of both, where what is imported differs."""
    if line == other or not other.strip():
        return line
    if line.strip() and "import" in line:
        return "; ".join(dict.fromkeys([*line.split("; "), *other.split("; ")]))
    return line if line.strip() else other


class _Kept:
    """The cache for one call of a backward function: a value, or a call that makes it."""

    def __init__(self, known: Known, plan: Plan, drawing: Drawing, names: dict[str, Any]) -> None:
        self.value: Any = None
        self.before: Call | None = None
        self.path: tuple[str | int, ...] = ()
        self.instance: str | None = None
        self.forward = plan.found.name.replace("backward", "forward")
        needs = any(given.role in ("cache", "caches") for given in plan.arguments)
        on_self = plan.found.method_of is not None and not needs
        if not plan.found.name.endswith("backward") or not (needs or on_self):
            return
        tried = known.tried.get(self.forward)
        source = tried.best if tried else None
        index = next((i for i, each in enumerate(known.drawings) if each is drawing), -1)
        if source is not None and 0 <= index < len(source.answers) and not on_self:
            role = "caches" if FUNCTIONS[plan.found.name].kind == "loop" else "cache"
            answer = source.answers[index].found.get(role)
            if answer is not None and answer.value is not None:
                self.value = _right(known, source, plan, answer.value, names)
                if is_whole(self.value) and not plan.by_reference:
                    return
                self.path = answer.path
                self._call_before(source, drawing, None)
                return
        if source is not None and on_self and self.forward in known.found:
            self._call_before(source, drawing, f"on {index}")
            return
        self.value = _from_names(known, plan, names)

    def _call_before(self, source: Attempt, drawing: Drawing, instance: str | None) -> None:
        self.instance = instance
        self.before = _call(source.plan, names_of(source.plan, drawing), None, instance)


def _right(known: Known, source: Attempt, plan: Plan, value: Any, names: dict[str, Any]) -> Any:
    """What the learner's forward function keeps, with right values in it."""
    own = replace(plan, found=source.plan.found, slots={**source.plan.slots, **plan.slots})
    hints, firm = kept_as(known, source.function)
    if family_of(plan.found.name) == "head":
        return rebuilt(value, read_cache(value, source.plan.found.cache, own, names))
    read = read_caches if FUNCTIONS[plan.found.name].kind == "loop" else read_cache
    entries = read(value, hints, own, names, firm=firm)
    return rebuilt(value, entries)


def _from_names(known: Known, plan: Plan, names: dict[str, Any]) -> Any:
    if FUNCTIONS[plan.found.name].kind != "loop":
        return built(plan.found.cache, plan, {**names, "parameters": names["cache"]["parameters"]})
    cell = known.found.get(FUNCTIONS[plan.found.name].cell or "")
    hints = plan.found.cache or (cell.cache if cell else None)
    cells = [built(hints, plan, {**names, "cache": entry}) for entry in names["caches"]["cells"]]
    return cells, plan.laid_out("x", names["x"])
