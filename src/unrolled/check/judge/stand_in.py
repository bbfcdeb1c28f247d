"""The source of a right cell that speaks the learner's convention, to be put in place of a wrong one beneath a loop.

It is text, made for one learner's file: it takes what their cell takes, and returns and caches what theirs does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from unrolled.check.functions import FUNCTIONS
from unrolled.check.judge.caches import PARAMETER
from unrolled.check.judge.inputs import family_of
from unrolled.check.judge.layout import Pack
from unrolled.check.judge.plans import Plan

__all__ = ["HELPERS", "stand_in"]

_SIGMOID = """\
def {name}(x):
    import numpy as np

    x = np.asarray(x)
    return np.exp(np.minimum(x, 0)) / (1 + np.exp(-np.abs(x)))
"""
_SOFTMAX = """\
def {name}(x, axis={axis}, *rest, **named):
    import numpy as np

    e = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)
"""

HELPERS = {"sigmoid": _SIGMOID, "softmax": _SOFTMAX}

_FORWARD = {
    "rnn": """\
a_next = np.tanh(Wax @ xt + Waa @ a_prev + ba)
yt_pred = _softmax(Wya @ a_next + by)""",
    "lstm": """\
concat = np.concatenate([a_prev, xt])
ft = _sigmoid(Wf @ concat + bf)
it = _sigmoid(Wi @ concat + bi)
cct = np.tanh(Wc @ concat + bc)
c_next = ft * c_prev + it * cct
ot = _sigmoid(Wo @ concat + bo)
a_next = ot * np.tanh(c_next)
yt_pred = _softmax(Wy @ a_next + by)""",
    "gru": """\
n = c_prev.shape[0]
concat = np.concatenate([c_prev, xt])
ut = _sigmoid({sign}(Wu @ concat + bu))
rt = _sigmoid(Wr @ concat + br)
{candidate}
c_next = ut * cct + (1 - ut) * c_prev
yt_pred = _softmax(Wy @ c_next + by)
ut = {ut}""",
}
_CANDIDATE = {
    "before": "cct = np.tanh(Wc @ np.concatenate([rt * c_prev, xt]) + bc)",
    "after": "cct = np.tanh(rt * (Wc[:, :n] @ c_prev + {bca}) + Wc[:, n:] @ xt + bc)",
}
_BACKWARD = {
    "rnn": """\
dz = da_next * (1 - a_next**2)
dxt = Wax.T @ dz
da_prev = Waa.T @ dz
dWax = dz @ xt.T
dWaa = dz @ a_prev.T
dba = dz.sum(axis=1, keepdims=True)""",
    "lstm": """\
n = a_prev.shape[0]
concat = np.concatenate([a_prev, xt])
dc = dc_next + da_next * ot * (1 - np.tanh(c_next)**2)
zo = da_next * np.tanh(c_next) * ot * (1 - ot)
zc = dc * it * (1 - cct**2)
zi = dc * cct * it * (1 - it)
zf = dc * c_prev * ft * (1 - ft)
dc_prev = dc * ft
dWf, dWi, dWc, dWo = zf @ concat.T, zi @ concat.T, zc @ concat.T, zo @ concat.T
dbf, dbi, dbc, dbo = (z.sum(axis=1, keepdims=True) for z in (zf, zi, zc, zo))
both = Wf.T @ zf + Wi.T @ zi + Wc.T @ zc + Wo.T @ zo
da_prev, dxt = both[:n], both[n:]""",
    "gru": """\
n = c_prev.shape[0]
concat = np.concatenate([c_prev, xt])
{ut}
zc = dc_next * ut * (1 - cct**2)
zu = dc_next * (cct - c_prev) * ut * (1 - ut)
{candidate}
dWu, dWr = {sign}zu @ concat.T, zr @ concat.T
dbu, dbr, dbc = (z.sum(axis=1, keepdims=True) for z in ({sign}zu, zr, zc))
both = {sign}Wu.T @ zu + Wr.T @ zr
dxt = both[n:] + Wc[:, n:].T @ zc
dc_prev = dc_next * (1 - ut) + both[:n] + back""",
}
_GRU_BACK = {
    "before": """\
ds = Wc[:, :n].T @ zc
zr = ds * c_prev * rt * (1 - rt)
dWc = zc @ np.concatenate([rt * c_prev, xt]).T
back = ds * rt""",
    "after": """\
dq = zc * rt
zr = zc * (Wc[:, :n] @ c_prev + {bca}) * rt * (1 - rt)
dWc = np.concatenate([dq @ c_prev.T, zc @ xt.T], axis=1)
back = Wc[:, :n].T @ dq
dbca = dq.sum(axis=1, keepdims=True)""",
}
_NEEDED = {
    "rnn": ("a_next", "a_prev", "xt"),
    "lstm": ("c_next", "a_prev", "c_prev", "ft", "it", "cct", "ot", "xt"),
    "gru": ("c_prev", "ut", "rt", "cct", "xt"),
}
_HEAD = """\
import numpy as np

def _sigmoid(x):
    return 1 / (1 + np.exp(-x))

def _softmax(x):
    e = np.exp(x - x.max(axis=0, keepdims=True))
    return e / e.sum(axis=0, keepdims=True)

"""


def stand_in(
    name: str,
    plan: Plan,
    weights: Sequence[str],
    cache: Mapping[str | int, str] | None,
    returns: Returns,
) -> str | None:
    """The source of a function `name` that is right, and otherwise as the learner's.

    Args:
        name: what it is called in the learner's module; for a method, what it is put under is the caller's affair.
        plan: how the learner's cell is called.
        weights: the course's names of the parameters that there are.
        cache: key or position to role, of what is cached.
        returns: roles in order, or key to role, or such a dictionary among them; gradients as "d" and the learner's
            name of the weight.

    Returns:
        The text, or None where the learner's arrangement is beyond what can be written.
    """
    family, forward = family_of(plan.found.name), plan.found.name.endswith("forward")
    slots = plan.own_slots(dict.fromkeys(weights))
    lines = _taken(plan, cache, forward)
    if lines is None:
        return None
    sources = _sources(plan, slots, cache, forward)
    lines += _weights(plan, slots, sources)
    head = "Wya" if family == "rnn" else "Wy"
    text = _equations(family, plan, forward, "bca" in weights)
    if any(_used(weight, text) and not _given(weight, lines) for weight in weights if weight not in (head, "by")):
        return None
    if not _given(head, lines) or not _given("by", lines):  # a cell without a head
        text = "\n".join(line for line in text.split("\n") if not line.startswith("yt_pred"))
        lines.append("yt_pred = None")
    lines += text.split("\n")
    kept = _kept(plan, cache, sources) if forward else ""
    lines.append(f"return {_returned(plan, slots, returns, kept)}")
    arguments = ", ".join(["self"] * (plan.found.method_of is not None) + _signature(plan))
    return _HEAD + f"def {name}({arguments}):\n" + "".join(f"    {line}\n" for line in lines)


def _used(name: str, text: str) -> bool:
    return re.search(rf"\b{name}\b", text) is not None


def _given(name: str, lines: Sequence[str]) -> bool:
    return any(re.match(rf"(Waa, )?{name}\b.* = ", line) for line in lines)


def _signature(plan: Plan) -> list[str]:
    if not plan.found.arguments:
        return [given.name for given in plan.arguments]
    found: list[str] = []
    for argument in plan.found.arguments:
        if argument.kind == "varargs":
            found.append("*rest")
        else:
            optional = argument.has_default or (found and "=" in found[-1])
            found.append(argument.name + ("=None" if optional else ""))
    return found


def _cache_name(plan: Plan) -> str:
    return next((given.name for given in plan.arguments if given.role == "cache"), "cache")


def _data(expression: str, plan: Plan) -> str:
    return f"{expression}.T" if plan.layout.step == "mn" else expression


def _taken(plan: Plan, cache: Mapping[str | int, str] | None, forward: bool) -> list[str] | None:
    """Lines that give the arguments the course's names and layout."""
    taken = {
        given.role: _data(given.name, plan) for given in plan.arguments if given.role not in ("parameters", "cache")
    }
    if not forward:
        for key, role in (cache or {}).items():
            taken.setdefault(role, _data(f"{_cache_name(plan)}[{key!r}]", plan))
        if not set(_NEEDED[family_of(plan.found.name)]) <= set(taken):
            return None
    wanted = FUNCTIONS[plan.found.name].inputs if forward else (*taken,)
    if forward and not {role for role in wanted if role != "parameters"} <= set(taken):
        return None
    upstream = [role for role in ("da_next", "dc_next") if role in FUNCTIONS[plan.found.name].inputs]
    if not forward and not set(upstream) <= set(taken):
        return None
    roles = (
        [*upstream, *_NEEDED[family_of(plan.found.name)]] if not forward else [r for r in wanted if r != "parameters"]
    )
    # by way of new names: an argument may bear the name of another role
    lines = [f"_{role} = {taken[role]}" for role in roles]
    return [*lines, *(f"{role} = _{role}" for role in roles)] if _safe(plan, roles) else None


def _safe(plan: Plan, roles: Sequence[str]) -> bool:
    """Whether the dictionary of parameters and the cache keep their names while the arguments get others."""
    kept = {given.name for given in plan.arguments if given.role in ("parameters", "cache")}
    return not kept & set(roles)


def _sources(
    plan: Plan, slots: Mapping[str, Pack], cache: Mapping[str | int, str] | None, forward: bool
) -> dict[str, str]:
    """Where the learner's parameters are to be had, by their own names, and `parameters` as a whole."""
    passed = {given.name: given.role for given in plan.arguments}
    attributes = plan.found.attributes or {}
    found = {name: name for name in slots if name in passed}
    found |= {name: f"self.{name}" for name in slots if name in attributes}
    whole = next((name for name, role in passed.items() if role == "parameters"), None)
    whole = whole or next((f"self.{name}" for name, role in attributes.items() if role == "parameters"), None)
    if not forward:
        own = _cache_name(plan)
        for key, role in (cache or {}).items():
            if role == "parameters":
                whole = whole or f"{own}[{key!r}]"
            for name, pack in slots.items():
                if role == PARAMETER + name or (pack.whole and role in (*pack.course_names, name)):
                    found.setdefault(name, f"{own}[{key!r}]")
    if whole is not None:
        found |= {name: f"{whole}[{name!r}]" for name in slots if name not in found}
        found["parameters"] = whole
    return found


def _weights(plan: Plan, slots: Mapping[str, Pack], sources: Mapping[str, str]) -> list[str]:
    """Lines that give the parameters the course's names and layout; those that are nowhere are left out."""
    lines: list[str] = []
    halves: dict[str, dict[str, str]] = {}
    for name, pack in slots.items():
        if name not in sources:
            continue
        source = sources[name]
        whole = (
            f"{source}.reshape(-1, 1)"
            if pack.kind in ("b", "by", "ca")
            else f"{source}.T"
            if plan.layout.right
            else source
        )
        count = max(len(pack.gates), 1)
        for index, course in enumerate(pack.course_names if pack.gates else pack.course_names[:1]):
            rows = whole if count == 1 else f"np.split({whole}, {count})[{index}]"
            if pack.gates and pack.part:
                halves.setdefault(course, {})[pack.part] = rows
            elif pack.kind == "W" and not pack.gates and not pack.part:
                lines.append(f"Waa, Wax = {whole}[:, :{whole}.shape[0]], {whole}[:, {whole}.shape[0]:]")
            elif pack.kind == "W" and pack.gates and plan.layout.x_first:
                lines.append(f"{course} = np.roll({rows}, {rows}.shape[0], axis=1)")
            else:
                lines.append(f"{'Wya' if course == 'Wy' and plan.family == 'rnn' else course} = {rows}")
    lines += [
        f"{course} = np.concatenate([{own['a']}, {own['x']}], axis=1)"
        for course, own in halves.items()
        if len(own) == 2
    ]
    # by way of new names: an argument may bear the name of another of the course's parameters
    return lines if not {line.split(" = ")[0] for line in lines} & set(sources.values()) else _by_way(lines)


def _by_way(lines: Sequence[str]) -> list[str]:
    pairs = [line.split(" = ", 1) for line in lines]
    first = [f"_{target.replace(', ', ', _')} = {value}" for target, value in pairs]
    return first + [f"{target} = _{target.replace(', ', ', _')}" for target, _ in pairs]


def _equations(family: str, plan: Plan, forward: bool, with_bca: bool) -> str:
    old = plan.variant.sense == "old"
    words = {
        "sign": "-" if old else "",
        "ut": ("1 - ut" if old else "ut") if forward else ("ut = 1 - ut" if old else "pass"),
        "bca": "bca" if with_bca else "0",
    }
    candidate = (_CANDIDATE if forward else _GRU_BACK)[plan.variant.reset].format(**words)
    text = (_FORWARD if forward else _BACKWARD)[family]
    return text.format(**words, candidate=candidate) if family == "gru" else text


def _kept(plan: Plan, cache: Mapping[str | int, str] | None, sources: Mapping[str, str]) -> str:
    def one(role: str) -> str:
        if role.startswith(PARAMETER) or role == "parameters" or role in sources:
            return sources.get(role.removeprefix(PARAMETER), "None")
        own = next((name for name, pack in plan.slots.items() if pack.whole and role in pack.course_names), None)
        return sources.get(own, "None") if own is not None else _out(role, plan)

    entries = cache if cache is not None else dict(enumerate(FUNCTIONS[plan.found.name].cache))
    inner = {key: one(role) for key, role in entries.items()}
    if all(isinstance(key, int) for key in inner):
        return "(" + "".join(f"{value}, " for value in inner.values()) + ")"
    return "{" + ", ".join(f"{key!r}: {value}" for key, value in inner.items()) + "}"


def _out(role: str, plan: Plan) -> str:
    """A value of the course as the learner has it; None for what the stand-in does not compute."""
    known = role in {
        *FUNCTIONS[plan.found.name].outputs,
        *FUNCTIONS[plan.found.name].cache,
        *FUNCTIONS[plan.found.name].inputs,
    }
    if role in ("concat", "tanh(c_next)"):
        return {"concat": _data("concat", plan), "tanh(c_next)": _data("np.tanh(c_next)", plan)}[role]
    return f"({_data(role, plan)} + 0.0)" if known else "None"


Returns = Sequence[str | Mapping[str, str]] | Mapping[str, str]


def _returned(plan: Plan, slots: Mapping[str, Pack], returns: Returns, kept: str) -> str:
    def one(role: str | Mapping[str, str]) -> str:
        if isinstance(role, Mapping):
            return "{" + ", ".join(f"{key!r}: {one(inner)}" for key, inner in role.items()) + "}"
        if role == "cache":
            return kept
        if role[:1] == "d" and role[1:] in slots:
            return _gradient(slots[role[1:]], plan)
        return (
            "None"
            if role in ("", "yt_pred") and "yt_pred" not in FUNCTIONS[plan.found.name].outputs
            else _returned_one(role)
        )

    def _returned_one(role: str) -> str:
        return "yt_pred if yt_pred is None else " + _out(role, plan) if role == "yt_pred" else _out(role, plan)

    if isinstance(returns, Mapping):
        return one(returns)
    values = [f"({one(role)})" for role in returns]
    return values[0] if len(values) == 1 else ", ".join(values)


def _gradient(pack: Pack, plan: Plan) -> str:
    if pack.kind in ("y", "by"):
        return "None"
    names = [f"d{name}" for name in pack.course_names]
    if pack.kind == "W" and pack.gates:
        if pack.part:
            cut = ":n" if pack.part == "a" else "n:"
            names = [f"{name}[:, {cut}]" for name in names]
        elif plan.layout.x_first:
            names = [f"np.roll({name}, -{name}.shape[0], axis=1)" for name in names]
    joined = (
        names[0]
        if len(names) == 1
        else f"np.concatenate([{', '.join(names)}], axis={1 if not pack.gates and pack.kind == 'W' else 0})"
    )
    if pack.kind in ("b", "ca"):
        return joined + {"n1": "", "n": ".reshape(-1)", "1n": ".T"}[plan.layout.bias]
    return f"({joined}).T" if plan.layout.right else joined


def course_returns(function: str) -> Returns:
    """What the course's function returns: roles in order, or keys."""
    about = FUNCTIONS[function]
    return {role: role for role in about.outputs} if function.endswith("backward") else about.outputs
