"""Every form of the catalogue: its own outputs are explained, alone, by its own equation."""

import numpy as np
import pytest

from check.explain.runs import RUNS, run_of
from unrolled.check.explain import explain
from unrolled.check.explain.catalogue import equation_forms, loop_forms
from unrolled.check.explain.classics import CLASSICS
from unrolled.check.explain.expressions import MISFITS, parse
from unrolled.check.explain.models import Form, Model, model_of, same

# Of the generated forms of a function, every so many are asked, so that the suite stays short: the rest are their kin.
MOST = 40
# Two equations that meet in one output alone can be wrong in a way that has the same numbers; either may be named.
SHARED = [
    {"head.1", "head.2"},  # z is read by the softmax alone
    {"adam.v", "adam.correct", "adam.update"},
    {"adam.s", "adam.correct", "adam.update"},
    {"gru.11", "gru.20"},  # dc_candidate is a term of dc_prev alone
    {"gru.15", "gru.20"},
]


def outputs_of(model: Model, *forms: Form) -> dict | None:
    """What a function with the forms in it returns; None where it would end in an error, or be right after all."""
    with np.errstate(all="ignore"):
        try:
            found = {role: np.array(value) for role, value in model.outputs(forms).items()}
        except MISFITS:
            return None
        return None if all(same(value, model.reference[role]) for role, value in found.items()) else found


def forms_of(model: Model) -> list[Form]:
    forms = [form for own in equation_forms(model).values() for form in own]
    forms = list(loop_forms(model)) or forms
    return forms[:: max(1, len(forms) // MOST)]


@pytest.mark.parametrize("case", RUNS)
def test_a_form_of_the_catalogue_is_explained_with_its_own_equation(case):
    run = run_of(case)
    model = model_of(run.name, run.inputs)
    asked = 0
    for form in forms_of(model):
        found = outputs_of(model, form)
        if found is None:
            continue
        asked += 1
        (finding,) = explain(run.name, run.inputs, found)
        assert finding.certainty == "explained", form.is_now()
        assert finding.equation == form.equation or {finding.equation, form.equation} in [
            pair for shared in SHARED for pair in [{one, other} for one in shared for other in shared]
        ], (form.is_now(), finding.message)
        assert finding.message.count("\n") == 0
        assert finding.is_now != finding.should_be
    assert asked >= 5


@pytest.mark.parametrize(("function", "target", "text", "words"), CLASSICS)
def test_a_classic_is_named_in_its_own_words_or_in_those_of_a_simpler_form(function, target, text, words):
    run = run_of(function if " " in function or not function.startswith("gru") else f"{function} before")
    model = model_of(run.name, run.inputs)
    equation = model.program.equation(target)
    same_words = [form for form in equation_forms(model)[target] if form.tree is parse(text)]
    assert len(same_words) == 1, "the catalogue does not hold it"
    found = outputs_of(model, same_words[0])
    assert found is not None, "it is right, or ends in an error"
    (finding,) = explain(run.name, run.inputs, found)
    assert finding.certainty == "explained"
    assert finding.equation == equation.id or "adam" in finding.equation
    assert words in finding.message or finding.should_be


@pytest.mark.parametrize("case", [case for case in RUNS if "cell_backward" in case or case == "lstm_cell_forward"])
def test_two_mistakes_in_two_equations_are_both_explained(case):
    run = run_of(case)
    model = model_of(run.name, run.inputs)
    forms = [form for own in equation_forms(model).values() for form in own]
    own = np.random.default_rng(1)
    asked = both = 0
    while asked < 6:
        one, other = own.choice(len(forms), 2, replace=False)
        pair = (forms[one], forms[other])
        found = outputs_of(model, *pair)
        single = [outputs_of(model, form) for form in pair]
        if found is None or None in single or pair[0].symbol == pair[1].symbol:
            continue
        if any(all(same(found[role], alone[role]) for role in found) for alone in single):
            continue  # the one hides the other
        asked += 1
        findings = explain(run.name, run.inputs, found)
        both += {form.equation for form in pair} <= {finding.equation for finding in findings}
    assert both >= 5  # the same numbers may have two names


@pytest.mark.parametrize("case", [case for case in RUNS if case.endswith("_backward") and "cell" not in case][:2])
def test_two_mistakes_over_time_are_both_explained(case):
    run = run_of(case)
    model = model_of(run.name, run.inputs)
    forms = {form.way: form for form in loop_forms(model)}
    (sums,) = [form for way, form in forms.items() if way == (("sum.dba" if "rnn" in case else "sum.dbf", "assigned"),)]
    carry = forms[(("carry.a", "added"),)]
    findings = explain(run.name, run.inputs, outputs_of(model, sums, carry))
    assert {finding.equation for finding in findings} == {sums.equation, carry.equation}


@pytest.mark.parametrize(
    ("dtype", "case"),
    [(dtype, case) for dtype in ("float32", "float64") for case in ("rnn_cell_forward", "lstm_backward")],
)
def test_a_mistake_in_single_precision_is_explained_too(dtype, case):
    run = run_of(case)
    model = model_of(run.name, run.inputs)
    form = (loop_forms(model) or equation_forms(model)["a_next"])[0]
    found = {role: value.astype(dtype) for role, value in (outputs_of(model, form) or {}).items()}
    (finding,) = explain(run.name, run.inputs, found)
    assert (finding.certainty, finding.equation) == ("explained", form.equation)
