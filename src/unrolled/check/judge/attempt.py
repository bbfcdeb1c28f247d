"""One plan carried out: the calls made in the sandbox, and every value of their results held against the right one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from unrolled.check.functions import FUNCTIONS
from unrolled.check.judge.answers import Answer, Answers, is_missing, read, role_of
from unrolled.check.judge.caches import Entry, read_cache, read_caches
from unrolled.check.judge.compare import compare, is_array, unchanged
from unrolled.check.judge.inputs import Drawing
from unrolled.check.judge.plans import Plan, own_role
from unrolled.check.sandbox import Call, Job, Reply, Sandbox

__all__ = ["Attempt", "Prepared", "attempt", "expected_roles", "names_of"]


@dataclass(frozen=True)
class Prepared:
    """A job, and which of its calls are those of the function under judgement."""

    code: str
    calls: list[Call]
    own: list[int]
    trusted: bool = True  # whether what it is given is right: not so where a wrong forward function made it


@dataclass
class Attempt:
    """What a plan came to."""

    plan: Plan
    prepared: Prepared
    reply: Reply
    names: list[dict[str, Any]]  # right values of each call
    answers: list[Answers] = field(default_factory=list[Answers])  # of the calls that returned
    caches: list[list[Entry]] = field(default_factory=list[list[Entry]])

    @property
    def function(self) -> str:
        """The course's name."""
        return self.plan.found.name

    @property
    def returned(self) -> bool:
        """Whether every call did."""
        return self.reply.status == "returned"

    def wrong(self, call: int) -> list[str]:
        """Roles that are wrong in one call, caches among them."""
        answers = self.answers[call]
        found = [role for role, answer in answers.found.items() if not answer.right]
        found += [role for role in answers.absent if not self.may_lack(role)]
        if any(not entry.right for entry in self.caches[call]):
            found.append("caches" if FUNCTIONS[self.function].kind == "loop" else "cache")
        return found

    def may_lack(self, role: str) -> bool:
        """Whether a function without this output is right all the same."""
        if role in ("yt_pred", "y_pred", "y"):
            return self.function.split("_")[0] in ("rnn", "lstm", "gru") and not self._reads_head()
        if role == "J":  # a head that takes no labels has no cost
            return all(given.role != "y" for given in self.plan.arguments)
        return role in ("c", "cache", "caches", "dc0") or (role == "da" and self.function == "rnn_backward")

    def _reads_head(self) -> bool:
        code = "\n".join(self.plan.found.code.splitlines()[self.plan.found.line - 1 :])
        return any(pack.kind == "y" for pack in self.plan.slots.values()) or "Wya" in code or "softmax" in code

    @property
    def right(self) -> bool:
        """Whether every call returned, and all of it right."""
        return self.returned and all(not self.wrong(call) for call in range(len(self.answers)))

    @property
    def fits(self) -> bool:
        """Whether the first call's outputs are all there in the right shapes: the way of calling is the learner's."""
        if not self.answers:
            return False
        first = self.answers[0]
        shapes = all(answer.likeness not in ("shape", "kind") for answer in first.found.values())
        return shapes and bool(first.found) and all(self.may_lack(role) for role in first.absent)

    @property
    def score(self) -> tuple[float, ...]:
        """How near to right; larger is better."""
        answers = [answer for each in self.answers for answer in each.found.values() if answer.expected is not None]
        entries = [entry for each in self.caches for entry in each]
        shaped = sum(answer.likeness not in ("shape", "kind", "none") for answer in answers)
        calls = len(self.answers)
        return (
            float(self.right),
            float(calls > 0),
            sum(answer.right for answer in answers) / max(calls, 1),
            shaped / max(calls, 1),
            -float(sum(not entry.right for entry in entries)),
            float(calls),
            -float(sum(len(each.absent) for each in self.answers)),
        )


def names_of(plan: Plan, drawing: Drawing) -> dict[str, Any]:
    """Right values of everything, for the plan's system of equations."""
    return drawing.names(plan.found.name, plan.variant, plan.optional)


def expected_roles(plan: Plan, names: Mapping[str, Any]) -> dict[str, Any]:
    """What the function should return, in the learner's layout; gradients by the learner's names of their weights."""
    about = FUNCTIONS[plan.found.name]
    found: dict[str, Any] = {}
    for role in about.outputs:
        if role in ("cache", "caches"):
            found[role] = None
        elif about.name == "update_parameters_with_adam":
            found[role] = plan.laid_out(role, names["new " + role])
        elif not (role[0] == "d" and role[1:] in about.weights):
            found[role] = plan.laid_out(role, names[role])
    if about.name.endswith("backward"):
        weights = names.get("parameters") or names["cache"]["parameters"]
        gradients = {"d" + name: names["d" + name] for name in weights if "d" + name in names}
        for name, pack in plan.own_slots(weights).items():
            value = pack.value(gradients, plan.layout, "d")
            if value is not None:
                found["d" + name] = value
    return found


def _hints(plan: Plan, expected: Mapping[str, Any]) -> Any:
    """Roles of what the function returns, as far as names tell, gradients by the learner's names of their weights."""
    by_course = {"d" + name: "d" + own for own, pack in plan.slots.items() if pack.whole for name in pack.course_names}

    def turned(role: str | None) -> str | None:
        role = own_role(plan.found.name, role)
        if role is None or role in expected:
            return role
        return by_course.get(role, role)

    returns = plan.found.returns
    if isinstance(returns, Mapping):
        return {key: role_of(key, turned(role), expected) or turned(role) for key, role in returns.items()}
    return [turned(role) for role in returns]


def attempt(
    sandbox: Sandbox, plan: Plan, prepared: Prepared, drawings: Sequence[Drawing], *, timeout: float | None = None
) -> Attempt:
    """Carries a plan out.

    Args:
        sandbox: where.
        plan: how the function is called.
        prepared: the calls, on `drawings` in order.
        drawings: what the function is called with.
        timeout: seconds for the whole job; None: the sandbox's.
    """
    job = Job(prepared.code, prepared.calls, plan.replace, timeout=timeout, without=(plan.found.name,))
    reply = sandbox.run(job)
    found = Attempt(plan, prepared, reply, [names_of(plan, drawing) for drawing in drawings])
    for call, names in zip(prepared.own, found.names, strict=True):
        if call >= len(reply.values):
            break
        _read(found, reply.values[call], names)
    return found


def _read(found: Attempt, value: Any, names: dict[str, Any]) -> None:
    plan, about = found.plan, FUNCTIONS[found.function]
    expected = expected_roles(plan, names)
    value = _in_place(plan, found, value)
    answers = read(value, expected, _hints(plan, expected), by_key=about.name.endswith("backward"))
    if plan.found.method_of is not None and about.name.endswith("backward"):
        _from_instance(found, answers, expected)
    if "dx" in answers.found:
        answers.found["dx"] = _padded(answers.found["dx"], plan, names)
    entries: list[Entry] = []
    if "cache" in answers.found and about.cache:
        entries = read_cache(answers.found["cache"].value, plan.cache, plan, names, firm=plan.firm)
        entries = [_as_returned(entry, answers) for entry in entries]
    elif "caches" in answers.found:
        entries = read_caches(answers.found["caches"].value, plan.cache, plan, names, firm=plan.firm)
    found.answers.append(answers)
    found.caches.append(entries)


def _from_instance(found: Attempt, answers: Answers, expected: Mapping[str, Any]) -> None:
    """Gradients that a method does not return, but keeps on self under their names: `self.dWax = ...`."""
    at = found.prepared.own[len(found.answers)]
    call = found.prepared.calls[at]
    for name, value in found.reply.instances.get(call.instance or f"call {at}", {}).items():
        left = {role: expected[role] for role in answers.absent}
        role = role_of(name, None, left) if name[:1] == "d" and name not in (call.attributes or {}) else None
        if role is not None and value is not None:
            likeness = compare(value, expected[role])
            answers.found[role] = Answer(role, likeness, value, expected[role], (name,), f"self.{name}")
            answers.absent = tuple(other for other in answers.absent if other != role)


def _as_returned(entry: Entry, answers: Answers) -> Entry:
    """An entry that nothing else tells is what the function returned the same array as, right or wrong."""
    for answer in answers.found.values() if not entry.role else ():
        if answer.likeness == "different" and unchanged(entry.value, answer.value) and is_array(entry.value):
            return replace(entry, role=answer.role, likeness=answer.likeness, expected=answer.expected)
    return entry


def _in_place(plan: Plan, found: Attempt, value: Any) -> Any:
    """What an update returns that returns nothing: the dictionaries that it was given, as they are afterwards."""
    if plan.found.name != "update_parameters_with_adam" or not is_missing(value):
        return value
    call = found.prepared.own[len(found.answers)]
    after = found.reply.arguments[call]
    positions = {given.role: (given.name if given.keyword else at) for at, given in enumerate(plan.arguments)}
    return tuple(after.get(positions.get(role, "")) for role in ("parameters", "v", "s"))


def _padded(answer: Answer, plan: Plan, names: Mapping[str, Any]) -> Answer:
    """Dx may cover all steps of x, zero where `da` does not reach."""
    x = names["x"]
    if answer.right or x.shape == names["dx"].shape:
        return answer
    whole = np.zeros_like(x)
    whole[:, :, : names["dx"].shape[2]] = names["dx"]
    likeness = compare(answer.value, plan.laid_out("dx", whole))
    return (
        answer
        if likeness not in ("same", "single")
        else Answer(answer.role, likeness, answer.value, answer.expected, answer.path, answer.name)
    )
