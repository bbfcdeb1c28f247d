"""From a learner's outputs and recorded arrays to findings: what is explained, what located, what only observed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from unrolled.check.explain.expressions import Array
from unrolled.check.explain.locate import Located, Recorded, locate, right_values
from unrolled.check.explain.match import Match, match, match_value
from unrolled.check.explain.models import Form, Model, given_outputs, model_of, same
from unrolled.check.explain.places import Trace
from unrolled.check.explain.program import Equation, inlined
from unrolled.check.explain.sequences import LOOPS
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
    over_cell: bool = False,
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
        over_cell: it is a loop over a cell function that is judged apart: the cell's equations are not at fault.

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
        return _findings(Trace(model, found, dict(names or {}), records or (), suspects, right, over_cell), wrong)


def _nowhere(model: Model, wrong: Mapping[str, Array]) -> list[Array]:
    """Wrong outputs that are not what another equation computes: no line that has them is right."""
    right = [evaluator.values[each.target] for evaluator in model.evaluators() for each in model.program.equations]
    return [value for value in wrong.values() if not any(same(value, other) for other in right)]


def _findings(trace: Trace, wrong: dict[str, Array]) -> list[Finding]:
    model = trace.model
    kept = {role: value for role, value in wrong.items() if role.startswith("cache")}
    if len(kept) == len(wrong) and model.name.endswith("cell_forward"):
        return [_of_cache(model, role, value) for role, value in kept.items()]
    swapped = _exchanged(trace, wrong)
    if swapped is not None:
        return [swapped]
    matches, unexplained = match(model, trace.found, wrong, trace.arrays)
    explained = [
        _of_cache(model, each.roles[0], wrong[each.roles[0]])
        if each.local and kept.keys() >= set(each.roles)
        else _explained(trace, each)
        for each in matches
    ]
    if not unexplained:
        return explained
    lines = {finding.place.line for finding in explained if finding.place}
    rest = {role: wrong[role] for role in unexplained}
    located = [_located(trace, suspect, rest) for suspect in trace.suspects if suspect.line not in lines]
    return explained + (located or [_observed(trace, rest)])


def _exchanged(trace: Trace, wrong: Mapping[str, Array]) -> Finding | None:
    """Two outputs, each right under the other's name."""
    if len(wrong) != 2 or any(role.startswith("cache") for role in wrong):
        return None
    one, other = wrong
    reference = trace.model.reference
    if not (same(wrong[one], reference[other]) and same(wrong[other], reference[one])):
        return None
    first, second = (trace.names.get(role, role) for role in wrong)
    return Finding(
        equation=_equation_of(trace, one, wrong).id,
        symbol=first,
        message=f"your {first} and {second} are exchanged: each has the other's place",
        certainty="explained",
        is_now=f"{one} is {other}, and {other} is {one}",
        should_be=f"{one} is {one}, and {other} is {other}",
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


def _explained(trace: Trace, each: Match) -> Finding:
    if each.local and len(each.roles) == 1 and each.form.tree is not None and each.form.symbol != each.roles[0]:
        reader = _reader(trace, each.form, each.roles[0])
        if reader is not None:
            return reader
    place, own = trace.place(each)
    symbol = own or trace.names.get(each.form.symbol, each.form.symbol)
    roles = [trace.names.get(role, role) for role in each.roles] if each.local else []
    whose = f"the {symbol} in your {' and '.join(roles)}" if roles and symbol not in roles else f"your {symbol}"
    return _said(each.form, place, symbol, whose)


def _reader(trace: Trace, form: Form, role: str) -> Finding | None:
    """A value that is right elsewhere and not as one output reads it: the mistake is in that output's equation."""
    program = trace.model.program
    target = program.outputs.get(role)
    if target is None or form.tree is None or form.symbol not in program.leading[target]:
        return None
    equation = program.equation(target)
    symbol, output = (trace.names.get(name, name) for name in (form.symbol, role))
    return Finding(
        equation=equation.id,
        symbol=output,
        message=f"{equation.number}: the {symbol} in your {output} {form.words()}",
        certainty="explained",
        place=trace.of_output(role),
        is_now=equation.text(inlined(program, form.symbol, form.tree, target)),
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


def _located(trace: Trace, suspect: Located, wrong: Mapping[str, Any]) -> Finding:
    if trace.over_cell:
        return _located_over_cell(trace, suspect, wrong)
    form = match_value(trace.model, suspect.array, _target_of(trace, suspect.name))
    if form is not None:
        return _said(form, Place(suspect.line), suspect.name)
    equation = _equation_of(trace, suspect.name, wrong)
    verb = "belong" if equation.shared else "belongs"
    return Finding(
        equation=equation.id,
        symbol=suspect.name,
        message=(
            f"your {suspect.name} is none of the values on the way to {_listed(trace, wrong)}, though all that it is "
            f"computed from is right; {equation.number} {verb} here"
        ),
        certainty="located",
        place=Place(suspect.line),
        should_be=equation.text(),
    )


def _located_over_cell(trace: Trace, suspect: Located, wrong: Mapping[str, Any]) -> Finding:
    return Finding(
        equation=_id_over_cell(trace, suspect.name),
        symbol=suspect.name,
        message=(
            f"your {suspect.name} is none of the values on the way to {_listed(trace, wrong)}, though all that it is "
            "computed from is right"
        ),
        certainty="located",
        place=Place(suspect.line),
    )


def _id_over_cell(trace: Trace, name: str) -> str:
    """The loop's own equation for what the learner calls `name`, else the network alone."""
    loop = LOOPS[trace.model.name]
    roles = {own: role for role, own in trace.names.items()}
    role = roles.get(name, name)
    if role in loop.summed:
        return f"{loop.family}.sum"
    if not loop.forward and role.removesuffix("t") in {f"d{state}_prev" for state in loop.states}:
        return f"{loop.family}.bptt"
    return loop.family


def _equation_of(trace: Trace, name: str, wrong: Mapping[str, Any]) -> Equation:
    """The equation that computes what the learner calls `name`; else the one that all wrong outputs come from."""
    program = trace.model.program
    target = _target_of(trace, name)
    if target:
        return program.equation(target)

    def fit(equation: Equation) -> tuple[int, int]:
        touched = {role for role, target in program.outputs.items() if target in program.reach[equation.target]}
        return len(touched & set(wrong)) - len(touched & (set(trace.found) - set(wrong))), -len(touched)

    return max(program.equations, key=fit)


def _target_of(trace: Trace, name: str) -> str:
    """What the learner's `name`, its dictionary or its key there, is in the table; "" if it is not there."""
    roles = {own: role for role, own in trace.names.items()}
    owner, _, key = name.partition("[")
    for own in (name, owner, key.strip("]'"), owner.removesuffix("t")):  # da_prevt is the da_prev of a step
        role = roles.get(own, own)
        target = trace.model.program.outputs.get(role, role)
        if target in trace.model.program.reach:
            return target
    return ""


def _observed(trace: Trace, wrong: Mapping[str, Any]) -> Finding:
    right = [role for role in trace.found if role not in wrong]
    first = next(iter(wrong))
    equation = None if trace.over_cell else _equation_of(trace, first, wrong)
    return Finding(
        equation=equation.id if equation else _id_over_cell(trace, first),
        symbol=trace.names.get(first, first),
        message=f"wrong: {_listed(trace, wrong)}; "
        + (f"right: {_listed(trace, right)}" if right else "nothing is right"),
        certainty="observed",
        should_be=equation.text() if equation else "",
    )


def _listed(trace: Trace, roles: Iterable[str]) -> str:
    shown = [trace.names.get(role, role) for role in roles]
    if len(shown) > _MANY:
        shown = [*shown[: _MANY - 1], f"{len(shown) - _MANY + 1} more outputs"]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
