"""The plan that a learner's function was written for, found by trying; what its result means is judged elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from unrolled.check.find import Found
from unrolled.check.find.names import is_parameters
from unrolled.check.functions import FUNCTIONS
from unrolled.check.judge.attempt import Attempt
from unrolled.check.judge.inputs import family_of, variants_of
from unrolled.check.judge.known import Known, Tried
from unrolled.check.judge.layout import Layout, layouts
from unrolled.check.judge.lines import strings
from unrolled.check.judge.packing import kept_as
from unrolled.check.judge.passing import carry_out
from unrolled.check.judge.plans import Plan, arguments_of, slots_of
from unrolled.check.judge.weights import Slots, is_named_weight

__all__ = ["FINAL", "search"]

TRIES = 48
KEYS = 14  # of a dictionary of parameters: the LSTM's, each gate's weights in two halves, and the head's
# Statuses after which another plan would come to the same, or cost as much time again.
FINAL = ("timeout", "memory", "output", "died", "refused")


def search(known: Known, found: Found) -> Tried | None:
    """Tries plan after plan, until one is right or the way of calling is settled.

    Returns:
        The best; None where no plan could be made.
    """
    tried = _search(known, found)
    if tried is None or not _key_lacking(tried):
        return tried
    best = tried
    for way in (_by_texts, _by_errors):
        again = way(known, found, tried)
        if again.best.score > best.best.score:
            best = again
        if best.best.right:
            break
    known.found[found.name] = best.best.plan.found
    return best


def _key_lacking(tried: Tried) -> str:
    """The key that an error names; "" where it is another error, or none."""
    error = tried.base.reply.error
    lacking = not tried.base.answers and error.startswith("KeyError: ")
    return error.removeprefix("KeyError: ").strip("'\"") if lacking else ""


def _by_texts(known: Known, found: Found, tried: Tried) -> Tried:
    """With keys that stand in the function as text: they are read by way of a loop or a variable."""
    texts = [name for name in strings(found) if is_named_weight(name) and not is_parameters(name)]
    names = {name: None for name in texts if name not in found.weights}
    return (_search(known, replace(found, weights={**found.weights, **names})) if names else None) or tried


def _by_errors(known: Known, found: Found, tried: Tried) -> Tried:
    """With keys that are put together while it runs: one after the other is named by the error that it lacks."""
    for _ in range(KEYS):
        key = _key_lacking(tried)
        if not is_named_weight(key) or key in found.weights:
            break
        found = replace(found, weights={**found.weights, key: None})
        tried = _search(known, found) or tried
    return tried


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
        if result.fits and not best.fits:  # its keys are this system's
            best = result
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
    found: list[dict[str, Any]] = [
        {"variant": other} for other in variants_of(plan.found.name) if other != plan.variant
    ]
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
