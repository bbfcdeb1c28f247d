"""Which wrong forms give a learner's numbers: all outputs by one mistake, else output by output; nothing is worded here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from unrolled.check.explain.catalogue import equation_forms, loop_forms
from unrolled.check.explain.expressions import Array, Evaluator, Node
from unrolled.check.explain.models import Form, Model, same

__all__ = ["Match", "match", "match_value", "values_of"]

_MOST = 5  # mistakes that are looked for in one function


@dataclass(frozen=True)
class Match:
    """A wrong form that the learner's outputs show.

    Args:
        form: the form.
        roles: wrong outputs that have its numbers.
        local: it holds for these alone: other outputs that read the same equation have it right.
    """

    form: Form
    roles: tuple[str, ...]
    local: bool = False


def match(model: Model, found: Mapping[str, Array], wrong: Mapping[str, Array]) -> tuple[list[Match], list[str]]:
    """The mistakes that explain the wrong outputs, and the wrong outputs that remain unexplained."""
    single = _single(model, found, wrong)
    if single is not None:
        return [Match(single, tuple(wrong))], []
    return _one_by_one(model, found, wrong)


def match_value(model: Model, value: Array) -> Form | None:
    """The likeliest wrong form of any equation that computes `value`, all that it reads being right."""
    best: Form | None = None
    for evaluator in model.evaluators():
        for forms in equation_forms(model).values():
            for form in forms:
                if best is not None and form.cost >= best.cost:
                    break
                if form.tree is not None and _equal(value, evaluator, form.tree):
                    best = form
        if best is not None:
            return best
    return None


def _equal(value: Array, evaluator: Evaluator, tree: Node) -> bool:
    try:
        return same(value, evaluator(tree))
    except (KeyError, ValueError):
        return False


def _candidates(model: Model, remaining: set[str], right: set[str], *, alone: bool) -> Iterator[Form]:
    """Forms that can change the outputs that remain; `alone`: all of them, and none that is right."""
    yield from loop_forms(model)
    for target, forms in equation_forms(model).items():
        reached = model.reached(target)
        if (reached >= remaining and not reached & right) if alone else reached & remaining:
            yield from forms


def _single(model: Model, found: Mapping[str, Array], wrong: Mapping[str, Array]) -> Form | None:
    """The likeliest form that gives all outputs, the right ones too."""
    best: Form | None = None
    for form in _candidates(model, set(wrong), set(found) - set(wrong), alone=True):
        if (best is None or form.cost < best.cost) and _gives(model, form, found, wrong):
            best = form
    return best


def _gives(model: Model, form: Form, found: Mapping[str, Array], wrong: Mapping[str, Array]) -> bool:
    left = set(wrong)
    try:
        for role, value in model.changed((), form, found):
            if role in found:
                if not same(found[role], value):
                    return False
                left.discard(role)
    except (KeyError, ValueError):
        return False
    return not left


def _one_by_one(
    model: Model, found: Mapping[str, Array], wrong: Mapping[str, Array]
) -> tuple[list[Match], list[str]]:
    matches: list[Match] = []
    accepted: list[Form] = []
    remaining = set(wrong)
    while remaining and len(matches) < _MOST:
        best = _best(model, accepted, found, remaining)
        if best is None:
            break
        matches.append(best)
        remaining -= set(best.roles)
        if not best.local:
            accepted.append(best.form)
    return matches, [role for role in wrong if role in remaining]


def _best(model: Model, accepted: list[Form], found: Mapping[str, Array], remaining: set[str]) -> Match | None:
    """The form that explains most of what remains, on top of those accepted."""
    settled = set(found) - remaining
    taken = {form.symbol for form in accepted if form.tree is not None}
    best: tuple[tuple[bool, int, float], Match] | None = None
    for form in _candidates(model, remaining, settled, alone=False):
        if form.tree is not None and form.symbol in taken:
            continue
        explained: list[str] = []
        local = False
        try:
            for role, value in model.changed(accepted, form, found):
                if role in remaining:
                    if same(found[role], value):
                        explained.append(role)
                elif role in settled and not same(found[role], value):
                    local = True
        except (KeyError, ValueError):
            continue
        if explained:
            rank = (local, -len(explained), form.cost)
            if best is None or rank < best[0]:
                best = rank, Match(form, tuple(explained), local)
    return best[1] if best else None


def values_of(model: Model, form: Form) -> list[Array]:
    """What the equation of a form computes, at every step, all that it reads being right."""
    found: list[Array] = []
    for evaluator in model.evaluators() if form.tree is not None else ():
        try:
            value = evaluator(form.tree)
        except (KeyError, ValueError):
            continue
        if isinstance(value, np.ndarray):
            found.append(value)
    return found
