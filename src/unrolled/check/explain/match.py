"""Which wrong forms give a learner's numbers: all outputs by one mistake, or output by output; no words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from unrolled.check.explain.catalogue import equation_forms, loop_forms
from unrolled.check.explain.expressions import MISFITS, Array, Evaluator, Node
from unrolled.check.explain.models import Form, Model, same
from unrolled.check.explain.sequences import AFTERWARDS

__all__ = ["Match", "Seen", "match", "match_value", "values_of"]

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


class Seen:
    """The arrays that stood in a learner's function, asked which of two forms with the same numbers they speak for."""

    def __init__(self, model: Model, arrays: Sequence[Array]) -> None:
        self._evaluators = model.evaluators()
        self._arrays = arrays
        self._known: dict[Form, tuple[bool, bool]] = {}

    def against(self, form: Form) -> tuple[bool, bool]:
        """Whether the right value stands where the form has another, and whether the form's own is not there."""
        if form.tree is None or not self._arrays:
            return False, False
        if form not in self._known:
            right = shown = False
            for evaluator in self._evaluators:
                try:
                    own = np.asarray(evaluator(form.tree))
                except MISFITS:
                    continue
                reference = np.asarray(evaluator.values[form.symbol])
                if own.size > 1 and not same(own, reference):
                    right = right or any(same(array, reference) for array in self._arrays)
                    shown = shown or any(same(array, own) for array in self._arrays)
            self._known[form] = right, not shown
        return self._known[form]


def match(
    model: Model, found: Mapping[str, Array], wrong: Mapping[str, Array], arrays: Sequence[Array] = ()
) -> tuple[list[Match], list[str]]:
    """The mistakes that explain the wrong outputs, and the wrong outputs that remain unexplained.

    Args:
        model: of the function.
        found: the learner's outputs.
        wrong: those of them that are wrong.
        arrays: what stood in the learner's function; it chooses between forms that give the same outputs.
    """
    seen = Seen(model, arrays)
    single = _single(model, found, wrong, seen)
    if single is not None:
        return [Match(single, tuple(wrong))], []
    return _one_by_one(model, found, wrong, seen)


def match_value(model: Model, value: Array, target: str = "") -> Form | None:
    """The likeliest wrong form that computes `value`, of `target`'s equation or of any; what it reads is right."""
    best: Form | None = None
    for evaluator in model.evaluators():
        for symbol, forms in equation_forms(model).items():
            for form in forms if target in ("", symbol) else ():
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
    except MISFITS:
        return False


def _of_equations(model: Model, remaining: set[str], right: set[str], *, alone: bool) -> Iterator[Form]:
    """Forms of equations that can change the outputs that remain; `alone`: all of them, and none that is right."""
    for target, forms in equation_forms(model).items():
        reached = model.reached(target)
        if (reached >= remaining and not reached & right) if alone else reached & remaining:
            yield from forms


def _single(model: Model, found: Mapping[str, Array], wrong: Mapping[str, Array], seen: Seen) -> Form | None:
    """The likeliest form that gives all outputs, the right ones too; a way through time before an equation."""
    equations = _of_equations(model, set(wrong), set(found) - set(wrong), alone=True)
    for forms in (loop_forms(model), equations):
        best: tuple[tuple[bool, bool, float], Form] | None = None
        for form in forms:
            if (best is None or (False, False, form.cost) < best[0]) and _gives(model, form, found, wrong):
                rank = (*seen.against(form), form.cost)
                if best is None or rank < best[0]:
                    best = rank, form
        if best is not None:
            return best[1]
    return None


def _gives(model: Model, form: Form, found: Mapping[str, Array], wrong: Mapping[str, Array]) -> bool:
    left = set(wrong)
    try:
        for role, value in model.changed((), form, found):
            if role in found:
                if not same(found[role], value):
                    return False
                left.discard(role)
    except MISFITS:
        return False
    return not left


def _one_by_one(
    model: Model, found: Mapping[str, Array], wrong: Mapping[str, Array], seen: Seen
) -> tuple[list[Match], list[str]]:
    matches: list[Match] = []
    accepted: list[Form] = []
    remaining = set(wrong)
    while remaining and len(matches) < _MOST:
        best = _best(model, accepted, found, remaining, seen)
        if best is None and not matches:
            matches = _pair(model, found, wrong)
            accepted = [each.form for each in matches]
            remaining -= {role for each in matches for role in each.roles}
            if matches:
                continue
        if best is None:
            break
        matches.append(best)
        remaining -= set(best.roles)
        if not best.local:
            accepted.append(best.form)
    return matches, [role for role in wrong if role in remaining]


def _pair(model: Model, found: Mapping[str, Array], wrong: Mapping[str, Array]) -> list[Match]:
    """Two wrong ways at once that leave no output as any one of them does: asked step by step, which ends early."""
    forms = [form for form in loop_forms(model) if form.way[0][0].split(".")[0] not in AFTERWARDS]
    for pair in combinations(forms, 2):
        keys = [key for form in pair for key, _ in form.way]
        if len(set(keys)) == len(keys) and model.stepwise(pair, found):
            shown = model.outputs(pair)
            roles = tuple(role for role in wrong if same(found[role], shown[role]))
            if roles:
                return [Match(form, roles) for form in pair]
    return []


def _best(
    model: Model, accepted: list[Form], found: Mapping[str, Array], remaining: set[str], seen: Seen
) -> Match | None:
    """The form that explains most of what remains, on top of those accepted; a way through time before an equation."""
    settled = set(found) - remaining
    taken = {form.symbol for form in accepted if form.tree is not None}
    equations = (form for form in _of_equations(model, remaining, settled, alone=False) if form.symbol not in taken)
    for forms in (loop_forms(model), equations):
        best: tuple[tuple[bool, int, bool, bool, float], Match] | None = None
        for form in forms:
            shown = _shown(model, accepted, form, found, remaining)
            if shown is not None and shown.roles:
                at_best = (shown.local, -len(shown.roles), False, False, form.cost)
                if best is None or at_best < best[0]:
                    rank = (shown.local, -len(shown.roles), *seen.against(form), form.cost)
                    if best is None or rank < best[0]:
                        best = rank, shown
        if best is not None:
            return best[1]
    return None


def _shown(
    model: Model, accepted: list[Form], form: Form, found: Mapping[str, Array], remaining: set[str]
) -> Match | None:
    """Which of the outputs that remain have the numbers of a form, and whether it spoils others."""
    roles: list[str] = []
    local = False
    try:
        for role, value in model.changed(accepted, form, found):
            agrees = role in found and same(found[role], value)
            if role in remaining and agrees:
                roles.append(role)
            elif role in found and role not in remaining and not agrees:
                local = True
    except MISFITS:
        return None
    return Match(form, tuple(roles), local)


def values_of(model: Model, form: Form) -> list[Array]:
    """What the equation of a form computes, at every step, all that it reads being right."""
    found: list[Array] = []
    if form.tree is None:
        return found
    for evaluator in (*model.evaluators(), *model.slices()):
        try:
            found.append(np.asarray(evaluator(form.tree)))
        except MISFITS:
            continue
    return found
