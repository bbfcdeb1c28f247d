"""Locating by value: right code is never suspected however it is written, wrong lines are."""

import re

import numpy as np
import pytest

from check.explain import learners
from check.explain.learners import Record, called
from check.explain.runs import run_of
from unrolled.check.explain import explain
from unrolled.check.explain.locate import locate, right_values
from unrolled.check.explain.models import model_of

STYLES = {
    "LSTM_CELL_BACKWARD": "lstm_cell_backward",
    "LSTM_CELL_BACKWARD_SPLIT": "lstm_cell_backward",
    "LSTM_CELL_FORWARD": "lstm_cell_forward",
    "RNN_CELL_BACKWARD": "rnn_cell_backward",
    "RNN_BACKWARD_INLINE": "rnn_backward",
    "LSTM_FORWARD_INLINE": "lstm_forward",
    "GRU_CELL_BACKWARD": "gru_cell_backward before",
    "HEAD_BACKWARD_LOOP": "output_backward",
}
# What nobody's catalogue holds, put around the right-hand side of a line.
ODD = ("np.cos({})", "({}) + 0.1", "0.9 * ({})", "np.roll({}, 1, axis=0)", "np.clip({}, -0.1, 0.1)")


@pytest.mark.parametrize("style", STYLES)
def test_no_line_of_a_right_function_is_suspected(style):
    run = run_of(STYLES[style])
    code = getattr(learners, style)
    outputs, records = called(code, run)
    assert len(records) > 5
    assert locate(records, right_values(model_of(run.name, run.inputs), run.inputs), code) == []
    assert explain(run.name, run.inputs, outputs, records, code=code) == []


def assignments(code: str) -> list[tuple[int, re.Match[str]]]:
    """Lines that compute one array: number from 1, and target, operator, right-hand side."""
    found = [(at, re.match(r"^(\s+)([\w\[\]:, ]+) (\+?=) (.*)$", line)) for at, line in enumerate(code.split("\n"), 1)]
    plain = [(at, match) for at, match in found if match and "," not in match[2].split("[")[0]]
    return [
        (at, match)
        for at, match in plain
        if re.search(r"[-+*@]|np\.(dot|sum|tanh)", match[4]) and "zeros" not in match[4]
    ]


@pytest.mark.parametrize("style", STYLES)
def test_the_line_is_found_whatever_is_done_to_it(style):
    run, code = run_of(STYLES[style]), getattr(learners, style)
    lines = code.split("\n")
    asked = right = 0
    for at, match in assignments(code):
        for odd in ODD[:: 1 + (asked % 2)]:
            wrong = "\n".join(
                [*lines[: at - 1], f"{match[1]}{match[2]} {match[3]} {odd.format(match[4])}", *lines[at:]]
            )
            _, records = called(wrong, run)
            suspects = locate(records, right_values(model_of(run.name, run.inputs), run.inputs), wrong)
            asked += 1
            right += bool(suspects) and suspects[0].line == at
    assert asked > 15
    assert right >= 0.95 * asked


def right_of(case: str):
    run = run_of(case)
    return right_values(model_of(run.name, run.inputs), run.inputs)


@pytest.mark.parametrize(
    "change",
    [
        lambda a: a.T,
        lambda a: a[np.newaxis],
        lambda a: np.concatenate([a, a]),
        lambda a: np.concatenate([a, np.zeros_like(a)], axis=1),
        lambda a: np.full_like(a, 7.0),
        lambda a: a.astype("float32"),
    ],
)
def test_another_layout_of_a_right_value_is_right(change):
    right, outputs = right_of("rnn_cell_backward"), run_of("rnn_cell_backward").outputs
    assert right.knows(change(outputs["dxt"]))


@pytest.mark.parametrize(
    "change",
    [
        lambda a: -a,
        lambda a: a + 1e-3,
        lambda a: a[::-1],
        lambda a: a[:, ::-1],
        lambda a: np.abs(a),
        lambda a: a * np.nan,
        lambda a: a[:-1],
    ],
)
def test_another_value_is_not(change):
    right, outputs = right_of("rnn_cell_backward"), run_of("rnn_cell_backward").outputs
    assert not right.knows(change(outputs["dxt"]))


def test_a_square_gradient_that_is_transposed_is_found_when_nothing_else_is():
    run = run_of("rnn_cell_backward")
    dWaa = run.outputs["dWaa"]
    records = [Record(4, "dWax", run.outputs["dWax"]), Record(5, "dWaa", dWaa.T.copy())]
    (suspect,) = locate(records, right_of("rnn_cell_backward"))
    assert (suspect.line, suspect.name) == (5, "dWaa")


def test_a_line_that_reads_a_wrong_value_is_not_suspected_of_its_own():
    noise = np.random.default_rng(3).normal(size=(6, 9))
    code = "def f(x):\n    a = g(x)\n    b = a + 1\n    c = g(x)\n"
    records = [Record(2, "a", noise), Record(3, "b", noise + 1), Record(4, "c", noise * 3)]
    assert [each.name for each in locate(records, right_of("rnn_cell_backward"), code)] == ["a", "c"]


def test_an_array_in_half_precision_is_suspected_though_its_digits_are_right():
    run = run_of("rnn_cell_forward")
    records = [Record(4, "a_next", run.outputs["a_next"].astype("float16"))]
    (suspect,) = locate(records, right_of("rnn_cell_forward"))
    assert suspect.line == 4


def test_a_wrong_output_is_suspected_though_a_part_of_another_equation_is_equal_to_it():
    run = run_of("lstm_cell_backward")
    values = model_of(run.name, run.inputs).evaluators()[0].values
    part = values["dc"] * values["c_prev"] * values["ft"]  # on the way to dft
    right = right_of("lstm_cell_backward")
    assert locate([Record(9, "dc_prev", part)], right) == []
    assert [each.line for each in locate([Record(9, "dc_prev", part)], right, wrong=[part])] == [9]


def test_what_reads_an_entry_of_a_dictionary_that_is_wrong_is_not_suspected_of_its_own():
    noise = np.random.default_rng(3).normal(size=(6, 9))
    code = "def f(x):\n    g = h(x)\n    b = g['dxt']\n"
    records = [Record(2, "g['dxt']", noise), Record(3, "b", noise * 2)]
    assert [each.name for each in locate(records, right_of("rnn_cell_backward"), code)] == ["g['dxt']"]
