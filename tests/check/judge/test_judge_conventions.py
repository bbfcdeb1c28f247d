"""A convention that is consistent and right is right, and said; a mistake within it is found, once, where it is."""

import re

import pytest

from check.judge.judging import COURSE, LEARNERS, changed, judged, learner, verdicts


@pytest.mark.parametrize("path", LEARNERS, ids=lambda path: path.stem)
def test_every_function_of_a_right_file_is_correct_in_its_own_convention(path):
    said = judged(path.read_text(encoding="utf-8"))
    assert {each.verdict for each in said.values()} == {"correct"}, said
    assert len(said) >= 4


@pytest.mark.parametrize(
    ("name", "function", "words"),
    [
        (
            "rows_stacked",
            "lstm_cell_forward",
            ["weights stand to the right", "in the order i, f, o, c", "(batch, features)"],
        ),
        ("halves_lists", "lstm_forward", ["lists over time", "weights split by what they act on"]),
        ("cache_on_self", "rnn_cell_backward", ["a method of RNN"]),
        ("gru_old_state", "gru_cell_forward", ["the update gate weighs the old state", "Wz for Wu"]),
        ("steps_first", "rnn_backward", ["arrays over time are (steps, features, batch)", "dWxh for dWax"]),
    ],
)
def test_what_is_unlike_the_course_is_said(name, function, words):
    convention = judged(learner(name), function)[function].convention
    assert [word for word in words if word not in convention] == []


def test_the_courses_own_convention_needs_no_word():
    assert {each.convention for each in judged(COURSE).values()} == {""}


# One mistake in a cell: (file, the cell, what is changed)
MISTAKES = [
    ("rows_stacked", "rnn_cell_forward", "np.tanh(x.dot(Wx) + prev_h", "np.tanh(x.dot(Wx) - prev_h"),
    ("rows_stacked", "rnn_cell_backward", "(1 - next_h ** 2)", "(1 - next_h)"),
    ("rows_stacked", "lstm_cell_forward", "f * prev_c + i * g", "f * prev_c + i * f"),
    ("rows_stacked", "lstm_cell_backward", "dprev_c = dc * f", "dprev_c = dc * i"),
    ("halves_lists", "lstm_cell_forward", "h = o * np.tanh(c)", "h = o * c"),
    ("halves_lists", "lstm_cell_backward", "(1-g**2)", "(1-g)"),
    ("gru_old_state", "gru_cell_backward", "(h_prev - hh)", "h_prev"),
    ("steps_first", "rnn_cell_forward", '@ h + W["bh"]', '@ h + 2 * W["bh"]'),
]


@pytest.mark.parametrize(("name", "function", "old", "new"), MISTAKES)
def test_a_mistake_in_a_cell_is_reported_there_and_nowhere_else(name, function, old, new):
    said = judged(changed(learner(name), old, new))
    assert {each.name for each in said.values() if each.verdict != "correct"} == {function}
    assert said[function].verdict == "wrong"
    assert said[function].findings


XT_FIRST = [
    ("concat[:n_a, :] = a_prev", "concat[:n_x, :] = xt"),
    ("concat[n_a:, :] = xt", "concat[n_x:, :] = a_prev"),
]


def with_xt_first(text: str) -> str:
    for old, new in XT_FIRST:
        text = changed(text, old, new)
    return text


def test_gates_on_x_and_a_are_a_mistake_where_the_rest_of_the_file_is_as_the_course():
    said = judged(with_xt_first(COURSE), "lstm_cell_forward", "lstm_cell_backward", "lstm_forward")
    assert {name: each.verdict for name, each in said.items()} == {
        "lstm_cell_forward": "wrong",
        "lstm_cell_backward": "correct",
        "lstm_forward": "correct",
    }


def test_gates_on_x_and_a_are_a_convention_where_the_whole_file_agrees():
    text = changed(
        with_xt_first(COURSE), "np.concatenate((a_prev, xt), axis=0)", "np.concatenate((xt, a_prev), axis=0)"
    )
    text = text.replace("[:, :n_a].T", "[:, n_x:].T").replace("[:, n_a:].T", "[:, :n_x].T")
    said = judged(text, "lstm_cell_forward", "lstm_cell_backward", "lstm_forward", "lstm_backward")
    assert {each.verdict for each in said.values()} == {"correct"}
    assert all("[xt; a_prev]" in each.convention for each in said.values())


def test_a_single_function_on_x_and_a_has_no_file_to_agree_with():
    start, end = COURSE.index("def lstm_cell_forward"), COURSE.index("def lstm_forward")
    alone = "import numpy as np\nfrom rnn_utils import *\n" + with_xt_first(COURSE)[start:end]
    assert verdicts(alone) == {"lstm_cell_forward": "wrong"}


def test_the_other_sense_of_the_update_gate_in_one_function_of_two_is_a_mistake():
    text = (LEARNERS[0].parents[2] / "learners" / "correct" / "gru_lecture.py").read_text(encoding="utf-8")
    other = changed(text, "c_next = ut * cct + (1 - ut) * c_prev", "c_next = (1 - ut) * cct + ut * c_prev")
    said = verdicts(other, "gru_cell_forward", "gru_cell_backward")
    assert said == {"gru_cell_forward": "wrong", "gru_cell_backward": "correct"}


def test_a_gradient_stored_under_anothers_key_is_no_convention():
    start, end = COURSE.index("def lstm_cell_backward"), COURSE.index("def lstm_backward")
    cell = changed(COURSE[start:end], '"dWf": dWf', '"dWf": dWi')
    cell = changed(cell, '"dWi": dWi', '"dWi": dWf')
    said = judged(COURSE[:start] + cell + COURSE[end:], "lstm_cell_backward")["lstm_cell_backward"]
    assert said.verdict == "wrong"
    assert set(said.wrong) == {"dWf", "dWi"}


def test_a_bias_without_its_axis_is_wrong_where_the_biases_are_columns():
    text = changed(COURSE, "dba = np.sum(dtanh, axis=1, keepdims=True)", "dba = np.sum(dtanh, axis=1)")
    said = judged(text, "rnn_cell_backward")["rnn_cell_backward"]
    assert (said.verdict, said.wrong) == ("wrong", ("dba",))
    assert any("keepdims" in finding.message for finding in said.findings)


def test_a_softmax_along_rows_is_right_in_a_file_of_rows_and_wrong_elsewhere():
    e = "np.exp(z - z.max(axis=-1, keepdims=True))"
    rows = f"\n\ndef softmax(z):\n    e = {e}\n    return e / e.sum(axis=-1, keepdims=True)\n"
    assert verdicts(learner("rows_stacked") + rows)["softmax"] == "correct"
    assert verdicts("import numpy as np\n" + rows)["softmax"] == "wrong"


def test_a_softmax_along_rows_is_not_held_against_a_file_whose_other_functions_lack_a_module():
    text = re.sub(r"(def (?:rnn|lstm)_.*\n)", r"\1    import scipy_that_is_not_there\n", learner("rows_stacked"))
    said = verdicts(
        text
        + "\n\ndef softmax(z):\n    e = np.exp(z - z.max(axis=-1, keepdims=True))\n"
        + "    return e / e.sum(axis=-1, keepdims=True)\n"
    )
    assert {verdict for name, verdict in said.items() if name != "softmax"} == {"correct", "refused"}
    assert said["softmax"] == "correct"


def test_matrices_are_right_where_the_courses_softmax_is_the_provided_one():
    text = changed(COURSE, "np.dot(Wax, xt) + np.dot(Waa, a_prev)", "np.matrix(Wax) * xt + np.matrix(Waa) * a_prev")
    assert verdicts(text, "rnn_cell_forward") == {"rnn_cell_forward": "correct"}


def test_an_output_head_without_labels_has_no_cost_and_one_with_them_has():
    head = """
import numpy as np

def output_forward(a{labels}, Wya, by):
    z = np.einsum("ij,jmt->imt", Wya, a) + by[:, :, None]
    e = np.exp(z - z.max(axis=0))
    return e / e.sum(axis=0)
"""
    assert verdicts(head.format(labels="")) == {"output_forward": "correct"}
    assert verdicts(head.format(labels=", y")) == {"output_forward": "wrong"}


def test_bars_plots_and_displays_in_a_function_change_no_verdict():
    text = changed(
        COURSE,
        "import numpy as np\n",
        "import numpy as np\nimport matplotlib.pyplot as plt\nimport seaborn as sns\nfrom tqdm.notebook import tqdm\n",
    )
    shown = """
    from IPython.display import HTML, clear_output
    figure, axes = plt.subplots(1, 2, figsize=(4, 2))
    with plt.style.context("dark"):
        axes[0].plot(x[0, 0]).set_title("x")
    plt.rcParams["font.size"] = 3
    sns.heatmap(x[0])
    display(HTML("x"), clear_output(wait=True))
    get_ipython().system("ls")
    bar = tqdm(range(2), desc="steps")
    for t in bar:
        bar.set_postfix(loss=t)
    assert [*bar] == [0, 1] and len(bar) == 2
"""
    text = changed(text, "    return a, y_pred, caches\n", f"{shown}    return a, y_pred, caches\n")
    assert verdicts(text, "rnn_cell_forward", "rnn_forward") == {
        "rnn_cell_forward": "correct",
        "rnn_forward": "correct",
    }
