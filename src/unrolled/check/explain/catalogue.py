"""The catalogue of wrong forms of one function: generated from its equations, written by hand, and over time."""

from __future__ import annotations

from functools import cache

import numpy as np

from unrolled.check.explain.classics import CLASSICS
from unrolled.check.explain.expressions import Evaluator, Node, parse
from unrolled.check.explain.models import Form, Model
from unrolled.check.explain.program import Equation, Program
from unrolled.check.explain.rewrite import Words, rewritings
from unrolled.check.explain.sequences import LOOPS
from unrolled.check.explain.ways import ways_of

__all__ = ["equation_forms", "loop_forms"]

_NOT_ARRAYS = frozenset(["m", "batch", "in_last", "in_first", "upstream"])  # what no equation reads


def equation_forms(model: Model) -> dict[str, tuple[Form, ...]]:
    """Wrong forms of every equation, by what it computes, the likelier first."""
    return _forms(model.program, _groups(model.evaluators()[0]))


def loop_forms(model: Model) -> tuple[Form, ...]:
    """Wrong ways through time; none for a function without a loop."""
    return ways_of(model.name, model.program.reset) if model.name in LOOPS else ()


def _groups(evaluator: Evaluator) -> frozenset[frozenset[str]]:
    """Names whose values have the same shape: those that may be taken for each other without an error."""
    groups: dict[tuple[int, ...], set[str]] = {}
    for key, value in evaluator.values.items():
        if key not in _NOT_ARRAYS and not key.startswith("handed"):
            groups.setdefault(np.shape(value), set()).add(key)
    return frozenset(map(frozenset, groups.values()))


@cache
def _forms(program: Program, groups: frozenset[frozenset[str]]) -> dict[str, tuple[Form, ...]]:
    return {equation.target: tuple(_of_equation(program, equation, groups)) for equation in program.equations}


def _of_equation(program: Program, equation: Equation, groups: frozenset[frozenset[str]]) -> list[Form]:
    late = program.reach[equation.target]  # what depends on the target cannot be read by it
    alike = {key: sorted(group - {key} - late) for group in groups for key in group}
    found: dict[Node, Form] = {}

    def add(tree: Node, cost: float, words: Words, origin: Node) -> None:
        if tree not in equation.trees and (tree not in found or found[tree].cost > cost):
            found[tree] = Form(
                equation.id,
                equation.target,
                words,
                equation.number,
                lambda: equation.text(tree),
                lambda: equation.text(origin),
                cost,
                tree=tree,
            )

    for function, target, text, words in CLASSICS:
        if function in (program.name, f"{program.name} {program.reset}") and target == equation.target:
            add(parse(text), 0.5, lambda words=words: words, equation.tree)
    for at, tree in enumerate(equation.trees):
        for new, cost, words in rewritings(tree, alike, equation.target):
            add(new, cost + 0.2 * at, words, tree)
    for other in alike.get(equation.target, ()):
        words = lambda other=other: f"is {other}, which belongs elsewhere"  # noqa: E731
        add(parse(other), 1.1, words, equation.tree)
    return sorted(found.values(), key=lambda form: form.cost)
