"""Why a function's outputs are wrong: what `explain` makes of its values, and what shapes and dtypes say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

import numpy as np

from unrolled.check.explain import explain
from unrolled.check.functions import FUNCTIONS
from unrolled.check.judge.attempt import Attempt
from unrolled.check.judge.compare import compare, is_array
from unrolled.check.judge.inputs import family_of
from unrolled.check.judge.known import Known
from unrolled.check.judge.layout import is_pack, joined
from unrolled.check.judge.lines import output_line
from unrolled.check.judge.passing import prepare
from unrolled.check.judge.words import learners_names
from unrolled.check.results import Finding, Place
from unrolled.check.sandbox import Job, Record

__all__ = ["absent", "explained", "half", "observed", "shapes", "trace", "with_line"]


def with_line(found: Attempt, finding: Finding) -> Finding:
    """A finding whose line no record told has that of the output."""
    if finding.place is not None or finding.certainty == "observed":
        return finding
    names = learners_names(found)
    line = output_line(found.plan.found, {finding.symbol, names.get(finding.symbol, finding.symbol)})
    return finding if line is None else replace(finding, place=Place(line))


def explained(found: Attempt, call: int, told: set[str], traced: list[Record]) -> list[Finding]:
    """What the numbers say; entries of the cache that are `told` of already are left out."""
    names = found.names[call]
    if found.function == "initialize_adam":
        return _not_zero(found, call, traced)
    if found.function == "update_parameters_with_adam":
        return _of_adam(found, call, traced)
    inputs = _inputs(found, names)
    outputs = _course_outputs(found, call)
    for kept in ("cache", "caches"):
        outputs[kept] = {role: value for role, value in outputs.pop(kept, {}).items() if role not in told}
    records = [_Recorded(record) for record in traced]
    over_cell = any(course == FUNCTIONS[found.function].cell for course, _ in found.plan.found.helpers)
    return explain(
        found.function,
        inputs,
        outputs,
        records,
        learners_names(found),
        code=found.plan.found.code,
        over_cell=over_cell,
    )


def _wrong_keys(found: Attempt, call: int) -> dict[str, list[str]]:
    """The parameters in which something of Adam's is wrong, with what: {"W1": ["v", "parameters"]}."""
    wrong: dict[str, list[str]] = {}
    for role, answer in found.answers[call].found.items():
        value: Any = answer.value
        own: dict[str, Any] = dict(cast("Any", value)) if isinstance(value, Mapping) else {}
        for key, want in answer.expected.items():
            if key not in own or compare(own[key], want) not in ("same", "single"):
                wrong.setdefault(key.removeprefix("d"), []).append(role)
    return wrong


def _not_zero(found: Attempt, call: int, traced: list[Record]) -> list[Finding]:
    findings: dict[str, Finding] = {}
    for key, roles in _wrong_keys(found, call).items():
        kept = found.plan.variant.moment(key)
        for role in roles:
            lines = [record.line for record in traced if kept in record.name and record.name.startswith(f"{role}[")]
            place = Place(lines[-1]) if lines else None
            message = f"your {role}['{kept}'] is not zero in the shape of {key}"
            own = Finding("adam.init", f"{role}['{kept}']", message, "explained", place, should_be=f"{role} = zeros")
            findings.setdefault(f"{role} {place}", own)
    return list(findings.values())


def _of_adam(found: Attempt, call: int, traced: list[Record]) -> list[Finding]:
    """Adam treats each parameter alone; so one weight and one bias tell what is wrong."""
    keys = _wrong_keys(found, call)
    chosen = [next((key for key in keys if key[0] == kind), None) for kind in dict.fromkeys(key[0] for key in keys)]
    findings: dict[tuple[str, str], Finding] = {}
    for key in (key for key in chosen if key is not None):
        inputs = {role: _only(key, role, value) for role, value in _inputs(found, found.names[call]).items()}
        answers = found.answers[call].found
        outputs = {role: _only(key, role, answer.value) for role, answer in answers.items()}
        size = inputs["parameters"][key].size
        records = [_Recorded(record) for record in traced if getattr(record.value, "size", 1) == size]
        for finding in explain(found.function, inputs, outputs, records, learners_names(found)):
            findings.setdefault((finding.equation, finding.message), finding)
    return list(findings.values())


def _only(key: str, role: str, value: Any) -> Any:
    """Of a dictionary by parameters, the entry of one, under the course's key."""
    if not isinstance(value, Mapping):
        return value
    own = cast("Mapping[str, Any]", value)
    return {(key if role == "parameters" else "d" + key): own[name] for name in (key, "d" + key) if name in own}


class _Recorded:
    """A record of the sandbox under the names that `explain` reads."""

    def __init__(self, record: Record) -> None:
        self.line = record.line
        self.name = record.name
        self.array = record.value
        self.frame = record.frame
        self.function = record.function


def trace(known: Known, found: Attempt, call: int) -> list[Record]:
    """Local arrays line by line, those of right functions beneath it left out."""
    drawing = known.drawings_for(found.function)[call]
    prepared = prepare(known, found.plan, [drawing])
    job = Job(
        prepared.code,
        prepared.calls,
        found.plan.replace,
        trace=prepared.calls[-1].entry,
        timeout=known.timeout,
        without=(found.function,),
    )
    right = {name.rpartition(".")[2] for course, name in found.plan.found.helpers if course in known.correct}
    return [record for record in known.sandbox.run(job).records if record.function not in right]


def _inputs(found: Attempt, names: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments by role in the course's layout, whatever the learner's takes."""
    about = FUNCTIONS[found.function]
    inputs = {role: names[role] for role in about.inputs if role in names and role not in ("cache", "caches")}
    if "cache" in about.inputs:
        inputs["cache"] = names["cache"]
    if "caches" in about.inputs:
        inputs["caches"] = (names["caches"]["cells"], names["caches"]["x"])
    for role in ("learning_rate", "beta1", "beta2", "epsilon"):
        if role in inputs and role not in found.plan.optional:
            del inputs[role]
    if "c0" in found.plan.optional:
        inputs["c0"] = names["c0"]
    if found.plan.variant.reset == "after":
        inputs["reset"] = "after"
    return inputs


def _course_outputs(found: Attempt, call: int) -> dict[str, Any]:
    """What came, in the course's layout and names, as far as it can be brought there."""
    plan, layout = found.plan, found.plan.layout
    outputs: dict[str, Any] = {}
    gradients: dict[str, Any] = {}
    weights = found.names[call].get("parameters") or found.names[call].get("cache", {}).get("parameters", {})
    slots = plan.own_slots(weights)
    for role, answer in found.answers[call].found.items():
        value = answer.value
        if role in ("cache", "caches") or value is None:
            continue
        if role[0] == "d" and role[1:] in slots and found.function.endswith("backward"):
            if is_array(value):
                gradients |= slots[role[1:]].course(value, layout, "d")
        elif isinstance(value, np.ndarray | list):
            outputs[role] = layout.data_back(value) if answer.likeness in ("same", "single", "different") else value
        else:
            outputs[role] = value
    outputs |= joined(gradients)
    outputs |= _course_cache(found, call)
    return outputs


def _course_cache(found: Attempt, call: int) -> dict[str, Any]:
    entries = [entry for entry in found.caches[call] if entry.role and is_array(entry.value)]
    entries = [
        entry for entry in entries if entry.likeness in ("same", "single", "different") and not is_pack(entry.role)
    ]
    if not entries:
        return {}
    back = found.plan.layout.data_back
    if FUNCTIONS[found.function].kind != "loop":
        return {"cache": {entry.role: back(entry.value) for entry in entries}}
    steps: dict[str, dict[int, Any]] = {}
    for entry in entries:
        if entry.step is not None:
            steps.setdefault(entry.role, {})[entry.step] = back(entry.value)
    T = len(found.names[call]["caches"]["cells"])
    return {"caches": {role: np.stack([own[t] for t in range(T)], -1) for role, own in steps.items() if len(own) == T}}


def half(found: Attempt, call: int, records: list[Record]) -> list[Finding]:
    """Outputs in float16."""
    findings: list[Finding] = []
    for role, answer in found.answers[call].found.items():
        if not answer.right and is_array(answer.value) and answer.value.dtype == np.float16:
            lines = [record.line for record in records if getattr(record.value, "dtype", None) == np.float16]
            name = answer.name or role
            message = f"your {name} is float16, which keeps three digits: too few for a gradient"
            place = Place(lines[0]) if lines else None
            findings.append(
                Finding(_equation(found, role), name, message, "explained", place, should_be="float64 or float32")
            )
    return findings


def shapes(found: Attempt, call: int, told: set[str]) -> list[Finding]:
    """Outputs of another shape, or no arrays at all; equations that are `told` of already are left out."""
    findings: list[Finding] = []
    for role, answer in found.answers[call].found.items():
        equation = _equation(found, role)
        if answer.likeness not in ("shape", "kind") or answer.expected is None or equation in told:
            continue
        name, remedy = answer.name or role, _remedy(answer.value, answer.expected)
        message = f"your {name} is {_shape(answer.value)}, expected {_shape(answer.expected)}"
        certainty = "explained" if remedy else "located"
        line = output_line(found.plan.found, {name, role})
        place = None if line is None else Place(line)
        findings.append(Finding(equation, name, f"{message}{remedy}", certainty if place else "observed", place))
    return findings


def _remedy(value: Any, expected: Any) -> str:
    """What turns a value into the expected one, where its numbers are right."""
    if not is_array(value) or not is_array(expected):
        return ""

    def right(array: Any) -> bool:
        return compare(array, expected) in ("same", "single")

    if value.size == expected.size and right(value.reshape(expected.shape)):
        return "; keep the axis with keepdims=True" if value.ndim < expected.ndim else "; it has an axis too many"
    if right(value.T):
        return "; it is the transpose"
    for axis in range(value.ndim):
        if right(value.sum(axis=axis, keepdims=True)) or right(value.sum(axis=axis)):
            return "; it is not yet summed over the batch"
    return ""


def _shape(value: Any) -> str:
    if is_array(value):
        return f"an array of shape {value.shape}"  # pyright: ignore[reportUnknownMemberType]
    return f"a {type(value).__name__}" + (f" of {len(value)}" if isinstance(value, list | tuple | dict) else "")  # pyright: ignore[reportUnknownArgumentType]


def absent(found: Attempt, call: int) -> list[Finding]:
    """Outputs that are not there, or still None."""
    answers = found.answers[call]
    none = [role for role, answer in answers.found.items() if answer.likeness == "none"]
    gone = [role for role in answers.absent if not found.may_lack(role)]
    findings = [Finding(_equation(found, role), role, f"your {role} is still None", "observed") for role in none]
    return findings + [
        Finding(_equation(found, role), role, f"{role} is not among what your function returns", "observed")
        for role in gone
    ]


_EQUATIONS = {
    "rnn": {
        "a_next": "a",
        "a": "a",
        "yt_pred": "y",
        "y_pred": "y",
        "dWax": "1",
        "dWaa": "2",
        "dba": "3",
        "dxt": "4",
        "dx": "4",
    }
    | {"da_prev": "5", "da0": "bptt"},
    "lstm": {
        "a_next": "6",
        "a": "6",
        "c_next": "4",
        "c": "4",
        "yt_pred": "y",
        "y": "y",
        "dWf": "11",
        "dWi": "12",
        "dWc": "13",
    }
    | {
        "dWo": "14",
        "dbf": "15",
        "dbi": "16",
        "dbc": "17",
        "dbo": "18",
        "da_prev": "19",
        "da0": "bptt.a",
        "dc_prev": "20",
    }
    | {"dxt": "21", "dx": "21"},
    "gru": {"c_next": "5", "c": "5", "yt_pred": "y", "y_pred": "y", "dWu": "17", "dWr": "17", "dWc": "10", "dbu": "18"}
    | {"dbr": "18", "dbc": "18", "dxt": "19", "dx": "19", "dc_prev": "20", "dc0": "bptt", "dbca": "16"},
    "head": {"J": "3", "y_pred": "2", "da": "7", "dWy": "5", "dby": "6"},
    "adam": {"parameters": "update", "v": "v", "s": "s"},
}


def _equation(found: Attempt, role: str) -> str:
    family = family_of(found.function)
    slots = found.plan.slots
    if role[:1] == "d" and role[1:] in slots:
        role = "d" + slots[role[1:]].course_names[0]
    if role in ("cache", "caches"):
        return f"{family}.cache"
    own = _EQUATIONS.get(family, {}).get(role)
    return family if own is None else f"{family}.{own}"


def observed(found: Attempt, wrong: tuple[str, ...]) -> Finding:
    """What is left to say where nothing else was found."""
    first = wrong[0] if wrong else found.function
    return Finding(_equation(found, first), first, f"wrong: {', '.join(wrong)}", "observed")
