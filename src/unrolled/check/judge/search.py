"""The plan that a learner's function was written for, found by trying; what its result means is judged elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from unrolled.check.find import Found
from unrolled.check.functions import FUNCTIONS
from unrolled.check.judge.answers import Answers
from unrolled.check.judge.attempt import Attempt, Prepared, attempt, names_of
from unrolled.check.judge.caches import Hints, built, is_whole, read_cache, read_caches, rebuilt
from unrolled.check.judge.inputs import Drawing, family_of, variants_of
from unrolled.check.judge.layout import Layout, layouts
from unrolled.check.judge.lines import strings
from unrolled.check.judge.plans import Given, Plan, arguments_of, own_role, slots_of
from unrolled.check.judge.stand_in import HELPERS, course_returns, stand_in
from unrolled.check.judge.weights import Slots, is_named_weight
from unrolled.check.sandbox import Call, Ref, Sandbox

__all__ = ["Known", "Tried", "search"]

TRIES = 48
# Statuses after which another plan would come to the same, or cost as much time again.
FINAL = ("timeout", "memory", "output", "died", "refused")


@dataclass
class Tried:
    """What a search came to.

    Args:
        base: the best attempt under the course's equations and order of columns.
        other: one that is right under another system of equations, where `base` is not right.
    """

    base: Attempt
    other: Attempt | None = None

    @property
    def best(self) -> Attempt:
        return self.other or self.base


@dataclass
class Known:
    """What is known of one file so far.

    Args:
        sandbox: where its code runs.
        found: its functions, by the course's names.
        drawings: made before any of its code ran.
        tried: searches done, by function.
        correct: functions judged right.
    """

    sandbox: Sandbox
    found: dict[str, Found]
    drawings: Sequence[Drawing]
    timeout: float | None = None
    tried: dict[str, Tried] = field(default_factory=dict[str, Tried])
    correct: set[str] = field(default_factory=set[str])

    def settled(self, family: str) -> list[Attempt]:
        """Right attempts, those of the family first; then wrong ones of the family that were called as they should be."""
        right = [tried.best for name, tried in self.tried.items() if name in self.correct]
        others = [tried.base for name, tried in self.tried.items() if name not in self.correct and tried.base.fits]
        return sorted(right, key=lambda each: family_of(each.function) != family) + [
            each for each in others if family_of(each.function) == family
        ]

    def drawings_for(self, function: str) -> list[Drawing]:
        """All three for what goes over time, the two that differ otherwise for the rest."""
        return list(self.drawings) if FUNCTIONS[function].kind == "loop" else list(self.drawings[:2])


def search(known: Known, found: Found) -> Tried | None:
    """Tries plan after plan, until one is right or the way of calling is settled.

    Returns:
        The best; None where no plan could be made.
    """
    tried = _search(known, found)
    if tried is None or tried.base.answers or not tried.base.reply.error.startswith("KeyError"):
        return tried
    names = {name: None for name in strings(found) if is_named_weight(name) and name not in found.weights}
    if not names:
        return tried
    more = replace(found, weights={**found.weights, **names})  # keys that are read by way of a loop or a variable
    again = _search(known, more)
    if again is None or again.best.score <= tried.base.score:
        return tried
    known.found[found.name] = more
    return again


def _search(known: Known, found: Found) -> Tried | None:
    best: Attempt | None = None
    for count, plan in enumerate(_plans(known, found)):
        result = carry_out(known, plan)
        if best is None or result.score > best.score:
            best = result
        if result.right or result.fits or count >= TRIES or result.reply.status in FINAL:
            break
    if best is None:
        return None
    if best.right or best.reply.status in FINAL:
        return Tried(best)
    return _elsewhere(known, best)


def _elsewhere(known: Known, best: Attempt) -> Tried:
    """The same way of calling under other readings: gates stacked in another order, halves swapped, other equations."""
    plan = best.plan
    for slots in [own for own in _slots(known, plan.found) if own != plan.slots][:24]:
        result = carry_out(known, replace(plan, slots=slots))
        if result.score > best.score:
            best = result
        if result.right:
            return Tried(result)
    if plan.found.name.endswith("backward") and best.reply.status == "raised" and not best.answers:
        result = carry_out(known, replace(best.plan, by_reference=True))
        if result.score > best.score:
            best = result
        if result.right:
            return Tried(result)
    biases = _other_biases(known, best)
    if biases is not None:
        return Tried(biases)
    for changes in _systems(known, best.plan):
        result = carry_out(known, replace(best.plan, **changes))
        if result.right:
            return Tried(best, result)
    return Tried(best)


def _other_biases(known: Known, best: Attempt) -> Attempt | None:
    """A backward function that gives biases another shape is right where its forward function takes them so, too."""
    forward = known.tried.get(best.function.replace("backward", "forward"))
    if not best.answers or not best.function.endswith("backward") or forward is None:
        return None
    wrong = [answer for answer in best.answers[0].found.values() if not answer.right]
    if not wrong or any(answer.likeness != "shape" or not answer.role.startswith("db") for answer in wrong):
        return None
    for bias in ("n1", "n", "1n"):
        if bias != best.plan.layout.bias:
            result = carry_out(known, replace(best.plan, layout=replace(best.plan.layout, bias=bias)))
            own = forward.best.plan
            if result.right and carry_out(known, replace(own, layout=replace(own.layout, bias=bias))).right:
                return result
    return None


def _systems(known: Known, plan: Plan) -> list[dict[str, Any]]:
    """Other right systems of equations; beneath a loop, the cell has settled which."""
    if FUNCTIONS[plan.found.name].cell in known.tried and plan.found.helpers:
        return []
    found: list[dict[str, Any]] = [{"variant": other} for other in variants_of(plan.found.name) if other != plan.variant]
    if plan.family in ("sigmoid", "softmax"):
        found.append({"layout": Layout("mn", "mTn")})
    if plan.family in ("lstm", "gru"):
        found.append({"layout": replace(plan.layout, x_first=not plan.layout.x_first)})
    return found


def _plans(known: Known, found: Found) -> Iterator[Plan]:
    """Plans, what is settled in the file first."""
    ways = arguments_of(found)
    slots, own = _slots(known, found), _layouts(known, found)
    system = _system(known, found)
    cache, firm = kept_as(known, found.name) if found.name.endswith("_forward") else (found.cache, False)
    order = sorted(
        ((a, s, at) for a in range(len(ways)) for s in range(min(len(slots), 4)) for at in range(len(own))),
        key=lambda at: 3 * at[0] + 2 * at[1] + at[2],
    )
    for a, s, at in order:
        layout = replace(own[at], x_first=system.layout.x_first) if system else own[at]
        plan = Plan(found, ways[a], layout, slots[s], cache=cache, firm=firm)
        yield replace(plan, variant=system.variant) if system else plan
        if plan.family == "head":
            yield from (replace(plan, variant=other) for other in variants_of(found.name)[1:])


def _system(known: Known, found: Found) -> Plan | None:
    """The plan of the cell beneath a loop, or of the forward function of the head."""
    under = FUNCTIONS[found.name].cell or {"output_backward": "output_forward"}.get(found.name)
    tried = known.tried.get(under or "")
    return tried.best.plan if tried and under in known.correct else None


def _layouts(known: Known, found: Found) -> list[Layout]:
    loop = FUNCTIONS[found.name].kind == "loop" or found.name.startswith("output")
    every = layouts(loop=loop, plain=found.name in ("sigmoid", "softmax"))
    if family_of(found.name) == "adam":
        return every[:1]
    preferred: list[Layout] = []
    for settled in known.settled(family_of(found.name)):
        own = settled.plan.layout
        same = [each for each in every if (each.step, each.right, each.bias) == (own.step, own.right, own.bias)]
        exact = [each for each in same if each.sequence == own.sequence]
        preferred += exact + same if FUNCTIONS[settled.function].kind == "loop" or not loop else same
        if family_of(settled.function) == family_of(found.name):
            if found.name.endswith("backward"):
                return list(dict.fromkeys(preferred))  # what goes back is laid out as what came
            break
    return list(dict.fromkeys([*preferred, *every]))


def _slots(known: Known, found: Found) -> list[Slots]:
    """Ways to read its parameters; what the family's other functions have settled goes first."""
    own = slots_of(found)
    for settled in known.settled(family_of(found.name)):
        if family_of(settled.function) == family_of(found.name) and settled.plan.slots:
            ways = [settled.plan.slots]
            if settled.function not in known.correct:  # which of them was meant is open
                ways += slots_of(settled.plan.found)
            merged = [{**slots, **way} for way in ways for slots in own]
            return list({str(slots): slots for slots in [*merged, *own]}.values())
    return own


# --- what a plan passes ---------------------------------------------------------------------------------------------


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
    shared = {**names, **({} if "parameters" in names else {"parameters": names.get("cache", {}).get("parameters", {})})}
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
    """The forward call on an instance that the backward call shares: with the parameters that either reads."""
    weights = {name: plan.weight(name, _weights_of(names)) for name in plan.found.attributes or {} if name in plan.slots}
    return replace(call, attributes={**weights, **(call.attributes or {})})


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


def kept_as(known: Known, function: str) -> tuple[Hints, bool]:
    """Roles of the entries of a forward function's cache, and whether they are certain.

    They are as it is packed; but where the backward function takes it apart in the course's order, in that.
    """
    found = known.found.get(function)
    cell = FUNCTIONS[function].cell
    if cell in known.found and (found is None or found.helpers or found.cache is None):
        function, found = cell, known.found[cell]
    backward = known.found.get(function.replace("forward", "backward"))
    packed, unpacked = (None if each is None else each.cache for each in (found, backward))
    course = FUNCTIONS[function].cache
    if isinstance(unpacked, tuple) and backward is not None and found is not None:
        if tuple(own_role(backward.name, role) for role in unpacked) == course:
            return course, True
    return packed, False


def _from_names(known: Known, plan: Plan, names: dict[str, Any]) -> Any:
    if FUNCTIONS[plan.found.name].kind != "loop":
        return built(plan.found.cache, plan, {**names, "parameters": names["cache"]["parameters"]})
    cell = known.found.get(FUNCTIONS[plan.found.name].cell or "")
    hints = plan.found.cache or (cell.cache if cell else None)
    cells = [built(hints, plan, {**names, "cache": entry}) for entry in names["caches"]["cells"]]
    return cells, plan.laid_out("x", names["x"])


# --- stand-ins ------------------------------------------------------------------------------------------------------


def replacements(known: Known, plan: Plan) -> dict[str, str]:
    """Sources of right functions for those that this one calls and that are not right themselves."""
    found: dict[str, str] = {}
    for course, name in plan.found.helpers:
        if course in known.correct or course == plan.found.name:
            continue
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
        found = own or replace(plan.found, name=course, arguments=(), method_of=None, attributes={}, returns=(), cache=None)
        if own is not None and not arguments_of(own):
            return None
        cell = Plan(found, arguments_of(own)[0] if own else course_arguments(about.inputs), plan.layout, plan.slots, plan.variant)
        returns, cache = _named_returns(cell) or course_returns(course), None if own is None else _named(own.cache)
    names = drawing.names(plan.found.name, plan.variant, plan.optional)
    weights = list(names["parameters"])
    if "cache" not in (returns or ()) and course.endswith("forward") and not isinstance(returns, dict):
        cache = None
    key = _key(name)
    text = stand_in(key, cell, weights, cache or dict(enumerate(FUNCTIONS[course].cache)), returns)
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
