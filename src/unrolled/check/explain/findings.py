"""From a learner's outputs and recorded arrays to findings: what is explained, what located, what only observed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from unrolled.check.explain.expressions import Array
from unrolled.check.explain.locate import Located, Recorded, locate, right_values
from unrolled.check.explain.match import Match, match, match_value, values_of
from unrolled.check.explain.models import Form, Model, given_outputs, model_of, same
from unrolled.check.explain.program import Equation
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
        suspects = locate(records, right_values(model, inputs), code) if records else []
        return _findings(model, found, wrong, list(records or ()), suspects, dict(names or {}))


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
    matches, unexplained = match(model, found, wrong)
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
    place, own = _place(model, each, found, names, records, suspects)
    return _said(
        each.form, place, own or names.get(each.form.symbol, each.form.symbol), each.roles if each.local else ()
    )


def _said(form: Form, place: Place | None, symbol: str, local: Sequence[str] = ()) -> Finding:
    whose = f"the {symbol} in your {' and '.join(local)}" if local and symbol not in local else f"your {symbol}"
    return Finding(
        equation=form.equation,
        symbol=symbol,
        message=f"{form.where}: {whose} {form.words()}",
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
    shown = next((at for value in values_of(model, each.form) for at in _standing(records, value)), None)
    before = [suspect for suspect in suspects if shown is None or suspect.at < shown]
    if shown is not None and not before:
        return Place(records[shown].line), records[shown].name
    own = {names.get(name, name) for name in (each.form.symbol, *each.roles)}
    for suspect in suspects:
        if suspect.name in own:
            return Place(suspect.line), ""
    if before:
        return Place(before[-1 if shown is not None else 0].line), ""
    ends = (at for role in reversed(each.roles) for at in _standing(records, found[role]))
    end = next(ends, None)
    return (None if end is None else Place(records[end].line)), ""


def _standing(records: Sequence[Recorded], value: Array) -> Iterator[int]:
    """Where among the records a value stands."""
    return (at for at, record in enumerate(records) if same(np.asarray(record.array), value))


def _located(
    model: Model, suspect: Located, wrong: Mapping[str, Any], found: Mapping[str, Any], names: Mapping[str, str]
) -> Finding:
    form = match_value(model, suspect.array)
    if form is not None:
        return _said(form, Place(suspect.line), suspect.name)
    equation = _equation_of(model, suspect.name, wrong, found, names)
    return Finding(
        equation=equation.id,
        symbol=suspect.name,
        message=(
            f"your {suspect.name} is none of the values on the way to {_listed(wrong, names)}, though all that it is "
            f"computed from is right; {equation.number} belongs here"
        ),
        certainty="located",
        place=Place(suspect.line),
        should_be=equation.text(),
    )


def _equation_of(
    model: Model, name: str, wrong: Mapping[str, Any], found: Mapping[str, Any], names: Mapping[str, str]
) -> Equation:
    """The equation that computes what the learner calls `name`; else the one that all wrong outputs come from."""
    roles = {own: role for role, own in names.items()}
    for equation in model.program.equations:
        if roles.get(name, name) == equation.target:
            return equation
    outputs = model.program.outputs

    def fit(equation: Equation) -> tuple[int, int]:
        touched = {role for role, target in outputs.items() if target in model.program.reach[equation.target]}
        return len(touched & set(wrong)) - len(touched & (set(found) - set(wrong))), -len(touched)

    return max(model.program.equations, key=fit)


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
