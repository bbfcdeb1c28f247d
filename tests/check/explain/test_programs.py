"""The tables of equations against `unrolled.steps`, and their right spellings against each other."""

import numpy as np
import pytest

from check.explain.runs import RUNS, run_of
from helpers import tolerance
from unrolled.check.explain import explain
from unrolled.check.explain.expressions import parse, written
from unrolled.check.explain.models import given_outputs, model_of


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("case", RUNS)
def test_a_table_computes_what_steps_computes(case, seed):
    run = run_of(case, seed)
    model = model_of(run.name, run.inputs)
    expected = given_outputs(run.name, run.outputs, model.reference)
    assert expected.keys() == model.reference.keys()
    for role, value in expected.items():
        np.testing.assert_allclose(np.reshape(model.reference[role], value.shape), value, **tolerance("reordered"))


@pytest.mark.parametrize("case", RUNS)
def test_every_spelling_of_an_equation_has_its_value(case):
    run = run_of(case)
    model = model_of(run.name, run.inputs)
    for evaluator in model.evaluators():
        for equation in model.program.equations:
            for tree in equation.trees[1:]:
                if tree.names <= evaluator.values.keys():
                    np.testing.assert_allclose(
                        evaluator(tree), evaluator.values[equation.target], **tolerance("reordered")
                    )


@pytest.mark.parametrize("case", RUNS)
def test_right_outputs_give_no_finding(case):
    run = run_of(case)
    assert explain(run.name, run.inputs, run.outputs) == []


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("dc * c_prev * ft * (1 - ft)", "dc * c_prev * ft * (1 - ft)"),
        ("a - (b - c)", "a - (b - c)"),
        ("a - b + c", "a - b + c"),
        ("(a + b) * c", "(a + b) * c"),
        ("a * (b / c)", "a * (b / c)"),
        ("a / (b * c)", "a / (b * c)"),
        ("-a * b", "-a * b"),
        ("first(Wf).T @ dft", "Wf[:, :n_a]^T @ dft"),
        ("(a + b).T @ (c * d)", "(a + b)^T @ (c * d)"),
        ("(1 - x)**2", "(1 - x)^2"),
        ("1 - tanh(c_next)**2", "1 - tanh(c_next)^2"),
        ("total(a + b)", "sum over batch of (a + b)"),
        ("Wf @ concat(a_prev, xt) + bf", "Wf @ [a_prev; xt] + bf"),
    ],
)
def test_an_equation_is_written_with_the_parentheses_it_needs_and_no_more(text, plain):
    assert written(parse(text)) == plain
