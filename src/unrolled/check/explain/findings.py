"""From a learner's outputs and recorded arrays to findings: what is explained, what located, what only observed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from unrolled.check.explain.expressions import Array
from unrolled.check.explain.locate import Located, Recorded, Right, locate, right_values
from unrolled.check.explain.match import Match, match, match_value, values_of
from unrolled.check.explain.models import Form, Model, given_outputs, model_of, same
from unrolled.check.explain.program import Equation, inlined
from unrolled.check.explain.sequences import AFTERWARDS
from unrolled.check.results import Finding, Place

__all__ = ["explain"]

_MANY = 4  # outputs that a sentence lists


def explain(
    function_name: str,
    inputs: Mapping[str, Any],
    outputs: Mapping[str, Any],
    records: Sequence[Recorded] | None = None,
    names: Mapping[str, str] | None = None,
    *,
    code: str | None = None,
) -> list[Finding]:
    """Why a function's outputs are wrong; an empty list when they are right.

    Args:
        function_name: a key of `FUNCTIONS`.
        inputs: what it was called with, by role, in the course's layout: `parameters` a dictionary, `cache` a
            dictionary by role or a tuple in the course's order, `caches` as `(list of caches, x)`. For a GRU whose
            reset gate acts after the product, `"reset": "after"` or `bca` among the parameters; for `lstm_forward`,
            `c0` where it was given.
        outputs: what the learner's function returned, by role, in the course's layout and names; those that came.
            A cache may be there too, `cache` or `caches`; its contents are compared like outputs.
        records: arrays assigned while it ran, in order; each has `line`, `name` and `array`.
        names: course role to learner's name, for the words.
        code: the learner's source with the same line numbers, so that more than one line can be located.

    Returns:
        Findings, what is explained before what is located; `place.line` counts as the records do.
    """
    with np.errstate(all="ignore"):
        model = model_of(function_name, inputs)
        found = given_outputs(function_name, outputs, model.reference)
        wrong = {role: value for role, value in found.items() if not same(value, model.reference[role])}
        if not wrong:
            return []
        right = right_values(model, inputs) if records else None
        suspects = locate(records or (), right, code, _nowhere(model, wrong)) if right else []
        return _findings(model, found, wrong, list(records or ()), suspects, right, dict(names or {}))


def _nowhere(model: Model, wrong: Mapping[str, Array]) -> list[Array]:
    """Wrong outputs that are not what another equation computes: no line that has them is right."""
    right = [evaluator.values[each.target] for evaluator in model.evaluators() for each in model.program.equations]
    return [value for value in wrong.values() if not any(same(value, other) for other in right)]


def _findings(
    model: Model,
    found: dict[str, Array],
    wrong: dict[str, Array],
    records: list[Recorded],
    suspects: list[Located],
    right: Right | None,
    names: dict[str, str],
) -> list[Finding]:
    kept = {role: value for role, value in wrong.items() if role.startswith("cache")}
    if len(kept) == len(wrong) and model.name.endswith("cell_forward"):
        return [_of_cache(model, role, value) for role, value in kept.items()]
    swapped = _exchanged(model, found, wrong, names, records)
    if swapped is not None:
        return [swapped]
    matches, unexplained = match(model, found, wrong, [np.asarray(record.array) for record in records])
    explained = [
        _of_cache(model, each.roles[0], wrong[each.roles[0]])
        if each.local and kept.keys() >= set(each.roles)
        else _explained(model, each, found, names, records, suspects, right)
        for each in matches
    ]
    if not unexplained:
        return explained
    lines = {finding.place.line for finding in explained if finding.place}
    rest = {role: wrong[role] for role in unexplained}
    located = [_located(model, suspect, rest, found, names) for suspect in suspects if suspect.line not in lines]
    return explained + (located or [_observed(model, found, rest, names)])


def _exchanged(
    model: Model,
    found: Mapping[str, Array],
    wrong: Mapping[str, Array],
    names: Mapping[str, str],
    records: Sequence[Recorded],
) -> Finding | None:
    """Two outputs, each right under the other's name."""
    if len(wrong) != 2:
        return None
    one, other = wrong
    if not (same(found[one], model.reference[other]) and same(found[other], model.reference[one])):
        return None
    equation = _equation_of(model, one, wrong, found, {})
    first, second = names.get(one, one), names.get(other, other)
    return Finding(
        equation=equation.id,
        symbol=first,
        message=f"your {first} and {second} are exchanged: each stands where the other belongs",
        certainty="explained",
        place=next((Place(records[at].line) for at in reversed([*_standing(records, found[one])])), None),
        is_now=f"{one} = {other}, {other} = {one}",
        should_be=f"{one} = {one}, {other} = {other}",
    )


def _of_cache(model: Model, role: str, value: Array) -> Finding:
    """A cache that holds something else than what the function computed."""
    own = role.split(".")[1]
    (values,) = (evaluator.values for evaluator in model.evaluators()[:1])
    other = next((key for key, right in values.items() if isinstance(right, np.ndarray) and same(value, right)), None)
    return Finding(
        equation=f"{model.name.split('_')[0]}.cache",
        symbol="cache",
        message=f"your cache holds {other} where {own} belongs"
        if other
        else f"your cache does not hold the right {own}",
        certainty="explained" if other else "observed",
        is_now=f"{own} of the cache is {other}" if other else "",
        should_be=f"{own} of the cache is {own}",
    )


def _explained(
    model: Model,
    each: Match,
    found: Mapping[str, Array],
    names: Mapping[str, str],
    records: Sequence[Recorded],
    suspects: Sequence[Located],
    right: Right | None,
) -> Finding:
    if each.local and len(each.roles) == 1 and each.form.tree is not None and each.form.symbol != each.roles[0]:
        reader = _reader(model, each.form, each.roles[0], found, names, records, suspects, right)
        if reader is not None:
            return reader
    place, own = _place(model, each, found, names, records, suspects, right)
    symbol = own or names.get(each.form.symbol, each.form.symbol)
    roles = [names.get(role, role) for role in each.roles] if each.local else []
    whose = f"the {symbol} in your {' and '.join(roles)}" if roles and symbol not in roles else f"your {symbol}"
    return _said(each.form, place, symbol, whose)


def _reader(
    model: Model,
    form: Form,
    role: str,
    found: Mapping[str, Array],
    names: Mapping[str, str],
    records: Sequence[Recorded],
    suspects: Sequence[Located],
    right: Right | None,
) -> Finding | None:
    """A value that is right elsewhere and not as one output reads it: the mistake is in that output's equation."""
    target = model.program.outputs.get(role)
    if target is None or form.tree is None or form.symbol not in model.program.leading[target]:
        return None
    equation = model.program.equation(target)
    own = {names.get(role, role), role}
    line = next((suspect.line for suspect in suspects if _called(suspect.name, own)), None)
    shown = _shown(records, [found[role]], own, suspects, right) if line is None else None
    line = records[shown].line if shown is not None else line
    symbol, output = names.get(form.symbol, form.symbol), names.get(role, role)
    return Finding(
        equation=equation.id,
        symbol=output,
        message=f"{equation.number}: the {symbol} in your {output} {form.words()}",
        certainty="explained",
        place=None if line is None else Place(line),
        is_now=equation.text(inlined(model.program, form.symbol, form.tree, target)),
        should_be=equation.text(),
    )


def _said(form: Form, place: Place | None, symbol: str, whose: str = "") -> Finding:
    return Finding(
        equation=form.equation,
        symbol=symbol,
        message=f"{form.where}: {whose or f'your {symbol}'} {form.words()}",
        certainty="explained",
        place=place,
        is_now=form.is_now(),
        should_be=form.should_be(),
    )


def _place(
    model: Model,
    each: Match,
    found: Mapping[str, Array],
    names: Mapping[str, str],
    records: Sequence[Recorded],
    suspects: Sequence[Located],
    right: Right | None,
) -> tuple[Place | None, str]:
    """The line of a mistake, and the learner's name for what it computes where the values tell.

    A form's value may stand on a later line than the mistake: where the values left the right ones before, it is there.
    """
    own = {own for name in (each.form.symbol, *each.roles) for own in (name, names.get(name, name))}
    if each.form.way:
        return _place_over_time(model, each.form, own, records, suspects), ""
    shown = _shown(records, values_of(model, each.form), own, suspects, right)
    before = [suspect for suspect in suspects if shown is None or suspect.at < shown]
    if shown is not None and not before:
        return Place(records[shown].line), records[shown].name
    for suspect in suspects:
        if _called(suspect.name, own):
            return Place(suspect.line), ""
    if before:
        return Place(before[-1 if shown is not None else 0].line), ""
    end = _shown(records, [found[role] for role in reversed(each.roles)], own, suspects, right)
    return (None if end is None else Place(records[end].line)), ""


def _place_over_time(
    model: Model, form: Form, own: set[str], records: Sequence[Recorded], suspects: Sequence[Located]
) -> Place | None:
    """Where a wrong way through time is taken: where an output is filled or added up, where a state begins, or ends."""
    kind = form.way[0][0].split(".")[0]
    first = suspects[0].at if suspects else len(records)
    if kind in AFTERWARDS:
        ends = [*reversed(records)]
        named = next((record for record in ends if record.name in own), None)
        named = named or next((record for record in ends if _called(record.name, own)), None)
        return None if named is None else Place(named.line)
    if kind == "start":
        begin = [record for record in records[:first] if any(same(_array(record), at) for at in model.begins(form))]
        if begin:
            return Place(begin[-1].line)
    return Place(suspects[0].line) if suspects else None


def _array(record: Recorded) -> Array:
    return np.asarray(record.array)


def _called(name: str, own: set[str]) -> bool:
    """Whether a variable, or an entry of a dictionary by its key, has one of the names."""
    return name in own or name.partition("[")[2].strip("]'") in own


def _shown(
    records: Sequence[Recorded],
    values: Sequence[Array],
    own: set[str],
    suspects: Sequence[Located],
    right: Right | None,
) -> int | None:
    """Where one of the values is made: under one of its `own` names, or first where it is none of the right values.

    A value that is right somewhere else too, such as a part of another equation, is made there first; the last time
    before the values leave the right ones is the mistake's.
    """
    places = sorted({at for value in values for at in _standing(records, value)})
    named = next((at for at in places if _called(records[at].name, own)), None)
    if named is not None or right is None:
        return named
    strange = next((at for at in places if not right.knows(_array(records[at]))), None)
    before = [at for at in places if suspects and at < suspects[0].at]
    return strange if strange is not None or not before else before[-1]


def _standing(records: Sequence[Recorded], value: Array) -> Iterator[int]:
    """Where among the records a value stands."""
    return (at for at, record in enumerate(records) if same(np.asarray(record.array), value))


def _located(
    model: Model, suspect: Located, wrong: Mapping[str, Any], found: Mapping[str, Any], names: Mapping[str, str]
) -> Finding:
    target = _target_of(model, suspect.name, names)
    form = match_value(model, suspect.array, target)
    if form is not None:
        return _said(form, Place(suspect.line), suspect.name)
    equation = _equation_of(model, suspect.name, wrong, found, names)
    verb = "belong" if equation.shared else "belongs"
    return Finding(
        equation=equation.id,
        symbol=suspect.name,
        message=(
            f"your {suspect.name} is none of the values on the way to {_listed(wrong, names)}, though all that it is "
            f"computed from is right; {equation.number} {verb} here"
        ),
        certainty="located",
        place=Place(suspect.line),
        should_be=equation.text(),
    )


def _equation_of(
    model: Model, name: str, wrong: Mapping[str, Any], found: Mapping[str, Any], names: Mapping[str, str]
) -> Equation:
    """The equation that computes what the learner calls `name`; else the one that all wrong outputs come from."""
    outputs = model.program.outputs
    target = _target_of(model, name, names)
    if target:
        return model.program.equation(target)

    def fit(equation: Equation) -> tuple[int, int]:
        touched = {role for role, target in outputs.items() if target in model.program.reach[equation.target]}
        return len(touched & set(wrong)) - len(touched & (set(found) - set(wrong))), -len(touched)

    return max(model.program.equations, key=fit)


def _target_of(model: Model, name: str, names: Mapping[str, str]) -> str:
    """What the learner's `name`, its dictionary or its key there, is in the table; "" if it is not there."""
    roles = {own: role for role, own in names.items()}
    owner, _, key = name.partition("[")
    for own in (name, owner, key.strip("]'"), owner.removesuffix("t")):  # da_prevt is the da_prev of a step
        role = roles.get(own, own)
        target = model.program.outputs.get(role, role)
        if target in model.program.reach:
            return target
    return ""


def _observed(model: Model, found: Mapping[str, Any], wrong: Mapping[str, Any], names: Mapping[str, str]) -> Finding:
    right = [role for role in found if role not in wrong]
    first = next(iter(wrong))
    equation = _equation_of(model, first, wrong, found, names)
    return Finding(
        equation=equation.id,
        symbol=names.get(first, first),
        message=f"wrong: {_listed(wrong, names)}; "
        + (f"right: {_listed(right, names)}" if right else "nothing is right"),
        certainty="observed",
        should_be=equation.text(),
    )


def _listed(roles: Any, names: Mapping[str, str]) -> str:
    shown = [names.get(role, role) for role in roles]
    if len(shown) > _MANY:
        shown = [*shown[: _MANY - 1], f"{len(shown) - _MANY + 1} more outputs"]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
