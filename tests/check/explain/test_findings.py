"""What a learner is told: the sentence, the equation as it is and as it should be, the line, and how sure it is."""

import json
from pathlib import Path

import numpy as np
import pytest

from check.explain import learners
from check.explain.learners import called
from check.explain.runs import run_of
from helpers import rng
from unrolled import steps
from unrolled.check.explain import explain
from unrolled.check.explain.catalogue import loop_forms
from unrolled.check.explain.models import model_of


def told(code: str, case: str, *changes: tuple[str, str], names: dict[str, str] | None = None, source: bool = True):
    """The findings for a learner's code after `changes`, each of which must be possible, and its lines."""
    for right, wrong in changes:
        assert right in code
        code = code.replace(right, wrong)
    run = run_of(case)
    outputs, records = called(code, run)
    return explain(run.name, run.inputs, outputs, records, names, code=code if source else None), code.split("\n")


def test_a_wrong_operand_is_named_with_its_equation_and_line():
    (finding,), lines = told(
        learners.LSTM_CELL_BACKWARD_SPLIT, "lstm_cell_backward", ("df = c_prev * dc", "df = c_next * dc")
    )
    assert finding.equation == "lstm.10"
    assert finding.certainty == "explained"
    assert finding.message.startswith("equation (10): your ")
    assert finding.message.endswith("multiplies by c_next where c_prev belongs")
    assert finding.is_now == "dft = dc * c_next * ft * (1 - ft)"
    assert finding.should_be == "dft = dc * c_prev * ft * (1 - ft)"
    assert "df = c_next * dc" in lines[finding.place.line - 1]


def test_the_learners_own_name_is_used_where_it_is_known():
    run = run_of("rnn_cell_backward")
    wrong = {**run.outputs, "dWax": -run.outputs["dWax"]}
    (finding,) = explain(run.name, run.inputs, wrong, None, {"dWax": "grad_in"})
    assert finding.symbol == "grad_in"
    assert finding.message == "equation (1): your grad_in has the wrong sign"


@pytest.mark.parametrize(
    ("right", "wrong", "equation", "at"),
    [
        ("(1 - np.square(cct))", "(1 - np.sin(cct))", "lstm.8", "np.sin(cct)"),
        ("it * (1 - it)\n", "it * (1 - it) * 0.5 + 0.01\n", "lstm.9", "+ 0.01"),
        ("dbo = np.sum(dot", "dbo = np.max(dot", "lstm.18", "np.max"),
        ("dWi = np.dot(dit, concat.T)", "dWi = np.dot(dit, np.cos(concat).T)", "lstm.12", "np.cos"),
        ("* ft * da_next", "* ft * np.sin(da_next)", "lstm.20", "np.sin(da_next)"),
    ],
)
def test_a_mistake_that_no_form_has_is_located_not_explained(right, wrong, equation, at):
    (finding,), lines = told(learners.LSTM_CELL_BACKWARD, "lstm_cell_backward", (right, wrong))
    assert (finding.certainty, finding.equation) == ("located", equation)
    assert at in lines[finding.place.line - 1]
    assert finding.should_be.startswith(finding.symbol)
    assert finding.is_now == ""  # what the line computes is not guessed


def test_without_the_source_the_first_line_alone_is_located():
    changes = (("dbo = np.sum(dot", "dbo = np.max(dot"), ("dbf = np.sum(dft", "dbf = np.max(dft"))
    both, lines = told(learners.LSTM_CELL_BACKWARD, "lstm_cell_backward", *changes)
    assert [lines[finding.place.line - 1].split()[0] for finding in both] == ["dbf", "dbo"]
    (first,), _ = told(learners.LSTM_CELL_BACKWARD, "lstm_cell_backward", *changes, source=False)
    assert first.symbol == "dbf"


def test_one_mistake_explained_does_not_hide_one_that_is_located():
    findings, _ = told(
        learners.LSTM_CELL_BACKWARD,
        "lstm_cell_backward",
        ("dbo = np.sum(dot", "dbo = np.max(dot"),
        ("dWf = np.dot(dft, concat.T)", "dWf = np.dot(dit, concat.T)"),
    )
    assert [(finding.equation, finding.certainty) for finding in findings] == [
        ("lstm.11", "explained"),
        ("lstm.18", "located"),
    ]


def test_a_mistake_is_explained_on_top_of_the_one_that_it_reads():
    findings, lines = told(
        learners.LSTM_CELL_BACKWARD,
        "lstm_cell_backward",
        ("dft = (dc_next * c_prev", "dft = (dc_next * c_next"),
        ("dcct) + np.dot(parameters['Wo'][:, :n_a].T, dot)", "dcct)"),
    )
    assert [(finding.equation, finding.certainty) for finding in findings] == [
        ("lstm.10", "explained"),
        ("lstm.19", "explained"),
    ]
    assert findings[1].message == "equation (19): your da_prev lacks the term Wo[:, :n_a]^T @ dot"
    assert "dc_next * c_next" in lines[findings[0].place.line - 1]


@pytest.mark.parametrize(
    ("right", "wrong", "equation"),
    [
        ("(1 - a_next ** 2)", "(1 - a_prev ** 2)", "rnn.0"),
        ("dWaa += dz @ a_prev.T", "dWaa += dz @ a_next.T", "rnn.2"),
        ("dWax += dz", "dWax = dz", "rnn.sum"),
        ("da[:, :, t] + da_prevt", "da[:, :, t]", "rnn.bptt"),
        ("caches[t]", "caches[T_x - 1 - t]", "rnn.cache"),
        ('da_prevt = parameters["Waa"].T @ dz', 'da_prevt += parameters["Waa"].T @ dz', "rnn.bptt"),
    ],
)
def test_a_loop_without_a_cell_function_is_explained_by_the_cells_equations_and_its_own(right, wrong, equation):
    (finding,), _ = told(learners.RNN_BACKWARD_INLINE, "rnn_backward", (right, wrong))
    assert (finding.certainty, finding.equation) == ("explained", equation)
    assert finding.place is not None
    run = run_of("rnn_backward")
    outputs, _ = called(learners.RNN_BACKWARD_INLINE.replace(right, wrong), run)
    (by_outputs,) = explain(run.name, run.inputs, outputs)
    assert (by_outputs.certainty, by_outputs.equation) == ("explained", equation)


def test_the_line_is_where_the_values_leave_the_right_ones_not_where_the_equation_ends():
    (finding,), lines = told(
        learners.LSTM_CELL_BACKWARD_SPLIT, "lstm_cell_backward", ("do = da_next * tc", "do = da_next * np.tanh(c_prev)")
    )
    assert finding.equation == "lstm.7"
    assert "np.tanh(c_prev)" in lines[finding.place.line - 1]


def test_a_factor_that_is_missing_is_placed_where_its_equation_ends():
    (finding,), lines = told(
        learners.LSTM_CELL_BACKWARD_SPLIT, "lstm_cell_backward", ("zg = dg * (1 - g ** 2)", "zg = dg * 1")
    )
    assert finding.equation == "lstm.8"
    assert "dg" in lines[finding.place.line - 1]


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        (("dc = dc_next + through", "dc = through"), "dc = through"),
        (("dc_prev = dc * f", "dc_prev = dc * f * c_prev"), "dc_prev = dc * f * c_prev"),
    ],
)
def test_the_line_of_a_mistake_is_found_where_arrays_have_the_batch_first(wrong, line):
    (finding,), lines = told(learners.LSTM_CELL_BACKWARD_ROWS, "lstm_cell_backward", wrong)
    assert finding.certainty == "explained"
    assert lines[finding.place.line - 1].strip() == line


def test_what_neither_explains_nor_locates_says_which_outputs_are_wrong_and_which_right():
    run = run_of("rnn_cell_backward")
    wrong = {**run.outputs, "dWax": run.outputs["dWax"] ** 3 + 1, "dba": run.outputs["dba"] ** 3 + 1}
    (finding,) = explain(run.name, run.inputs, wrong)
    assert finding.certainty == "observed"
    assert finding.message == "wrong: dWax and dba; right: dxt, da_prev and dWaa"
    assert finding.place is None


def test_an_equation_right_elsewhere_is_said_to_be_wrong_in_one_output_alone():
    run = run_of("lstm_cell_backward")
    cache = dict(
        zip(
            ("a_next", "c_next", "a_prev", "c_prev", "ft", "it", "cct", "ot", "xt", "p"),
            run.inputs["cache"],
            strict=True,
        )
    )
    concat = np.concatenate([cache["a_prev"], cache["xt"]])
    dc = run.inputs["dc_next"] + run.inputs["da_next"] * cache["ot"] * (1 - np.tanh(cache["c_next"]) ** 2)
    wrong = {**run.outputs, "dWf": dc * cache["c_prev"] @ concat.T}
    (finding,) = explain(run.name, run.inputs, wrong)
    assert finding.equation == "lstm.11"
    assert finding.message == "equation (11): the dft in your dWf lacks the derivative of the sigmoid, ft * (1 - ft)"
    assert finding.is_now == "dWf = (dc * c_prev) @ concat^T"
    assert finding.should_be == "dWf = dft @ concat^T"


@pytest.mark.parametrize("scale", [np.nan, np.inf])
def test_outputs_without_numbers_are_observed(scale):
    run = run_of("rnn_cell_forward")
    (finding,) = explain(run.name, run.inputs, {**run.outputs, "a_next": run.outputs["a_next"] * scale})
    assert finding.certainty == "observed"


def test_an_output_of_another_shape_is_wrong():
    run = run_of("rnn_cell_backward")
    (finding,) = explain(run.name, run.inputs, {**run.outputs, "dba": np.ones((3, 3))})
    assert finding.message.startswith("wrong: dba; right: dxt")


def test_a_bias_gradient_without_its_last_axis_is_not_wrong_by_its_numbers():
    run = run_of("rnn_cell_backward")
    assert explain(run.name, run.inputs, {**run.outputs, "dba": run.outputs["dba"][:, 0]}) == []


@pytest.mark.parametrize("gate", ["c_next", "ft", "a_prev"])
def test_a_cache_that_holds_one_array_in_the_place_of_another_is_found(gate):
    run = run_of("lstm_cell_forward")
    names = ("a_next", "c_next", "a_prev", "c_prev", "ft", "it", "cct", "ot", "xt", "parameters")
    cache = dict(zip(names, run.outputs["cache"], strict=True))
    (finding,) = explain(run.name, run.inputs, {**run.outputs, "cache": {**cache, gate: cache["c_prev"]}})
    assert finding.equation == "lstm.cache"
    assert finding.certainty == "explained"
    assert finding.message == f"your cache holds c_prev where {gate} belongs"


def test_a_cache_with_an_array_that_is_nothing_known_is_observed():
    run = run_of("rnn_cell_forward")
    a_next, *rest = run.outputs["cache"]
    (finding,) = explain(run.name, run.inputs, {**run.outputs, "cache": (np.exp(a_next) * 2, *rest)})
    assert (finding.equation, finding.certainty) == ("rnn.cache", "observed")
    assert finding.message == "your cache does not hold the right a_next"


def test_a_wrong_gate_is_not_blamed_on_the_cache_that_holds_it():
    run = run_of("lstm_cell_forward")
    wrong = steps.lstm_cell_forward(
        *(run.inputs[role] for role in ("xt", "a_prev", "c_prev")),
        {**run.inputs["parameters"], "bf": -run.inputs["parameters"]["bf"]},
    )
    cache = (*wrong[-1][:-1], run.inputs["parameters"])
    outputs = dict(zip(("a_next", "c_next", "yt_pred", "cache"), (*wrong[:-1], cache), strict=True))
    (finding,) = explain(run.name, run.inputs, outputs)
    assert finding.message == "equation (1): your ft subtracts bf where it should be added"


def course_inputs() -> tuple[np.ndarray, tuple]:
    """The draws of the course's table for lstm_backward."""
    cases = json.loads((Path(__file__).parents[2] / "golden" / "course_values.json").read_text(encoding="utf-8"))[
        "cases"
    ]
    case = next(case for case in cases if case["function"] == "lstm_backward")
    state = np.random.RandomState(case["numpy_legacy_seed"])
    drawn = {name: state.randn(*shape) for name, shape in case["draws"]}
    parameters = {name: value for name, value in drawn.items() if name not in ("x", "a0", "da")}
    parameters.setdefault("Wy", np.zeros((2, drawn["a0"].shape[0])))
    parameters.setdefault("by", np.zeros((2, 1)))
    return drawn["da"], steps.lstm_forward(drawn["x"], drawn["a0"], parameters)[-1]


def test_the_table_of_2018_is_recognised_and_called_wrong_with_the_reason():
    da, caches = course_inputs()
    table = _without_carrying(da, caches)
    # six of the numbers that the course printed
    assert table["dx"][1][2][:2].round(8).tolist() == [-0.00173313, 0.08287442]
    assert round(float(table["da0"][2][3]), 12) == -0.095911501954
    assert round(float(table["dWf"][3][1]), 10) == round(-0.0698198561274, 10)
    (finding,) = explain("lstm_backward", {"da": da, "caches": caches}, table)
    assert finding.equation == "lstm.bptt.a"
    assert "that table is wrong" in finding.message
    assert finding.message.startswith("over time: your da_prevt is not carried from one step to the next, and dc_prevt")
    assert finding.should_be == "da_next<t> = da<t> + da_prev<t+1>, dc_next<t> = dc_prev<t+1>"


def _without_carrying(da: np.ndarray, caches: tuple) -> dict[str, np.ndarray]:
    zeros = np.zeros(da.shape[:2])
    walked = [steps.lstm_cell_backward(da[:, :, t], zeros, caches[0][t]) for t in range(da.shape[2])]
    sums = {key: sum(step[key] for step in walked) for key in walked[0] if key[:2] in ("dW", "db")}
    return {"dx": np.stack([step["dxt"] for step in walked], axis=-1), "da0": walked[0]["da_prev"], **sums}


@pytest.mark.parametrize(("carry", "equation"), [("a", "lstm.bptt.c"), ("c", "lstm.bptt.a")])
def test_a_loop_that_carries_one_of_two_gradients_is_told_which_is_missing(carry, equation):
    run = run_of("lstm_backward")
    da, (cells, _) = run.inputs["da"], run.inputs["caches"]
    da_prev = dc_prev = np.zeros(da.shape[:2])
    walked = []
    for t in reversed(range(da.shape[2])):
        walked.append(steps.lstm_cell_backward(da[:, :, t] + da_prev, dc_prev, cells[t]))
        da_prev = walked[-1]["da_prev"] if carry == "a" else da_prev
        dc_prev = walked[-1]["dc_prev"] if carry == "c" else dc_prev
    sums = {key: sum(step[key] for step in walked) for key in walked[0] if key[:2] in ("dW", "db")}
    dx = np.stack([step["dxt"] for step in walked[::-1]], axis=-1)
    (finding,) = explain(run.name, run.inputs, {"dx": dx, "da0": walked[-1]["da_prev"], **sums})
    assert (finding.equation, finding.certainty) == (equation, "explained")


def test_inputs_are_not_changed():
    run = run_of("lstm_backward")
    before = rng(0)  # any drawn array
    da = run.inputs["da"].copy()
    explain(run.name, run.inputs, {**run.outputs, "dWf": before.normal(size=run.outputs["dWf"].shape)})
    assert np.array_equal(run.inputs["da"], da)


@pytest.mark.parametrize(
    ("right", "wrong", "equation", "said"),
    [
        ("dWf = np.dot(dft, concat.T)", "dWf = np.dot(dc_next, concat.T)", "lstm.11", "uses dc_next where dft belongs"),
        ("dbo = np.sum(dot, axis=1, keepdims=True)", "dbo = dot", "lstm.18", "is not summed over the batch"),
        ("it * (1 - it)\n", "(1 - cct ** 2)\n", "lstm.9", "has 1 - cct^2 where it * (1 - it) belongs"),
        ("dWo = np.dot(dot, concat.T)", "dWo = np.dot(dot * it, concat.T)", "lstm.14", "multiplies dot by it"),
    ],
)
def test_a_mistake_in_one_line_is_named_by_that_lines_equation(right, wrong, equation, said):
    (finding,), lines = told(learners.LSTM_CELL_BACKWARD, "lstm_cell_backward", (right, wrong))
    assert (finding.equation, finding.certainty) == (equation, "explained")
    assert said in finding.message
    assert wrong.split("\n")[0] in lines[finding.place.line - 1]


@pytest.mark.parametrize(
    ("code", "case", "right", "wrong", "equation"),
    [
        ("HEAD_BACKWARD_LOOP", "output_backward", "dWy += ", "dWy = ", "head.5"),
        ("HEAD_BACKWARD_LOOP", "output_backward", "dby += np.sum", "dby += np.mean", "head.6"),
        ("HEAD_BACKWARD_LOOP", "output_backward", "t] - y[:, :, t]", "t] + y[:, :, t]", "head.4"),
        ("HEAD_FORWARD_LOOP", "output_forward", "J += ", "J = ", "head.3"),
    ],
)
def test_an_output_head_that_loops_over_time_is_explained_by_its_equations(code, case, right, wrong, equation):
    (finding,), lines = told(getattr(learners, code), case, (right, wrong))
    assert (finding.equation, finding.certainty) == (equation, "explained")
    if finding.place is not None:  # J is a number, which no record holds
        assert wrong in lines[finding.place.line - 1]


def test_two_gradients_under_each_others_keys_are_said_to_be_exchanged():
    run = run_of("rnn_cell_backward")
    (finding,) = explain(
        run.name, run.inputs, {**run.outputs, "dWax": run.outputs["dWaa"], "dWaa": run.outputs["dWax"]}
    )
    assert (finding.equation, finding.certainty) == ("rnn.1", "explained")
    assert finding.message == "your dWax and dWaa are exchanged: each has the other's place"


def test_of_two_forms_with_the_same_outputs_the_values_that_stood_there_choose():
    run = run_of("update_parameters_with_adam")
    alone = {
        role: {key: array for key, array in value.items() if key.endswith("W1")} if isinstance(value, dict) else value
        for role, value in run.inputs.items()
    }
    values = model_of(run.name, alone).evaluators()[0].values
    wrong = 2 * values["parameter"] - values["parameter_next"]  # the step is added
    outputs = {"parameters": {"W1": wrong}, "v": {"dW1": values["v_next"]}, "s": {"dW1": values["s_next"]}}
    for corrected, equation in ((values["v_corrected"], "adam.update"), (-values["v_corrected"], "adam.correct")):
        records = [learners.Record(3, "v_c", corrected), learners.Record(5, "W", wrong)]
        (finding,) = explain(run.name, alone, outputs, records)
        assert (finding.equation, finding.certainty) == (equation, "explained")


@pytest.mark.parametrize(
    ("code", "case", "right", "wrong", "equation"),
    [
        ("LSTM_FORWARD_INLINE", "lstm_forward", "    h = a0", "    h = a0 * 0 + 1", "lstm.init"),
        ("LSTM_FORWARD_INLINE", "lstm_forward", "    s = np.zeros((n_a, m))", "    s = a0", "lstm.init"),
        ("LSTM_FORWARD_INLINE", "lstm_forward", "a[:, :, t] = h_new", "a[:, :, t] = s_new", "lstm.6"),
        ("RNN_BACKWARD_INLINE", "rnn_backward", "dba += dz", "dba = dz", "rnn.sum"),
        (
            "RNN_BACKWARD_INLINE",
            "rnn_backward",
            'da_prevt = parameters["Waa"].T @ dz',
            "da_prevt = da[:, :, t]",
            "rnn.bptt",
        ),
        (
            "RNN_BACKWARD_INLINE",
            "rnn_backward",
            "da_prevt = np.zeros((n_a, m))",
            "da_prevt = np.ones((n_a, m))",
            "rnn.init",
        ),
    ],
)
def test_a_wrong_way_through_time_is_placed_where_it_is_taken(code, case, right, wrong, equation):
    (finding,), lines = told(getattr(learners, code), case, (right, wrong))
    assert (finding.equation, finding.certainty) == (equation, "explained")
    assert wrong.strip() in lines[finding.place.line - 1]


def test_two_states_taken_for_each_other_are_one_mistake():
    run = run_of("lstm_forward")
    model = model_of(run.name, run.inputs)
    forms = [form for form in loop_forms(model) if "exchanged" in form.words()]
    assert len(forms) == 2
    for form in forms:
        (finding,) = explain(run.name, run.inputs, model.outputs([form]))
        assert (finding.equation, finding.certainty) == (form.equation, "explained")
        assert "exchanged" in finding.message


def test_a_located_line_is_told_in_whole_sentences_however_many_outputs_are_wrong():
    (finding,), _ = told(
        learners.LSTM_CELL_BACKWARD_SPLIT, "lstm_cell_backward", ("dc += dc_next", "dc += np.sin(dc_next)")
    )
    assert finding.certainty == "located"
    assert " and 6 more outputs, though all that it is computed from is right" in finding.message
    assert finding.message.endswith("equations (8), (9), (10) and (20) belong here")
