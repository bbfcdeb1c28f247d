"""From a learner's outputs and recorded arrays to findings: what is explained, what located, what only observed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from unrolled.check.explain.expressions import Array
from unrolled.check.explain.locate import Located, Recorded, locate, right_values
from unrolled.check.explain.match import Match, match, match_value, values_of
from unrolled.check.explain.models import Form, Model, given_outputs, model_of, same
from unrolled.check.explain.program import Equation, inlined
from unrolled.check.results import Finding, Place

__all__ = ["explain"]


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
        suspects = locate(records, right_values(model, inputs), code, _nowhere(model, wrong)) if records else []
        return _findings(model, found, wrong, list(records or ()), suspects, dict(names or {}))


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
        else _explained(model, each, found, names, records, suspects)
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
) -> Finding:
    if each.local and len(each.roles) == 1 and each.form.tree is not None and each.form.symbol != each.roles[0]:
        reader = _reader(model, each.form, each.roles[0], found, names, records, suspects)
        if reader is not None:
            return reader
    place, own = _place(model, each, found, names, records, suspects)
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
) -> Finding | None:
    """A value that is right elsewhere and not as one output reads it: the mistake is in that output's equation."""
    target = model.program.outputs.get(role)
    if target is None or form.tree is None or form.symbol not in model.program.leading[target]:
        return None
    equation = model.program.equation(target)
    own = {names.get(role, role), role}
    line = next((suspect.line for suspect in suspects if suspect.name in own), None)
    shown = _shown(records, [found[role]], own) if line is None else None
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
) -> tuple[Place | None, str]:
    """The line of a mistake, and the learner's name for what it computes where the values tell.

    A form's value may stand on a later line than the mistake: where the values left the right ones before, it is there.
    """
    own = {names.get(name, name) for name in (each.form.symbol, *each.roles)}
    shown = _shown(records, values_of(model, each.form), own)
    before = [suspect for suspect in suspects if shown is None or suspect.at < shown]
    if shown is not None and not before:
        return Place(records[shown].line), records[shown].name
    for suspect in suspects:
        if suspect.name in own:
            return Place(suspect.line), ""
    if before:
        return Place(before[-1 if shown is not None else 0].line), ""
    ends = (at for role in reversed(each.roles) for at in _standing(records, found[role]))
    end = next(ends, None)
    return (None if end is None else Place(records[end].line)), ""


def _shown(records: Sequence[Recorded], values: Sequence[Array], own: set[str]) -> int | None:
    """Where among the records one of the values stands first, under one of its `own` names if it has that anywhere."""
    places = sorted({at for value in values for at in _standing(records, value)})
    return next((at for at in places if records[at].name in own), places[0] if places else None)


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
    """What the learner's `name`, or the dictionary of which it is an entry, is in the table; "" if it is not there."""
    roles = {own: role for role, own in names.items()}
    for own in (name, name.partition("[")[0]):
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
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
