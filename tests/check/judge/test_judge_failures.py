"""Where the checker itself fails, that is said of one function, without blame, and the others are judged."""

import pytest

from check.judge.judging import COURSE, judged
from unrolled.check.judge import file
from unrolled.check.sandbox import SandboxError

RNN = ("rnn_cell_forward", "rnn_cell_backward", "rnn_forward", "rnn_backward")


@pytest.mark.parametrize("step", ["search", "report"])
def test_a_failure_of_the_checker_is_told_of_its_function_and_the_others_are_judged(monkeypatch, step):
    real = getattr(file, step)

    def failing(known, about):
        name = about.name if step == "search" else about.function
        return {}["no such key"] if name == "rnn_cell_forward" else real(known, about)

    monkeypatch.setattr(file, step, failing)
    said = judged(COURSE, *RNN)
    assert {name: said[name].verdict for name in RNN} == {
        "rnn_cell_forward": "refused",
        "rnn_cell_backward": "correct",
        "rnn_forward": "correct",
        "rnn_backward": "correct",
    }
    own = said["rnn_cell_forward"]
    assert "the checker itself failed on it (KeyError at test_judge_failures.py:" in own.reason
    assert "says nothing about your code; please report this" in own.reason
    assert own.place is not None
    assert own.place.text.startswith("def rnn_cell_forward(")


def test_a_sandbox_that_does_not_start_stops_the_run(monkeypatch):
    def failing(known, found):
        raise SandboxError("no sandbox")

    monkeypatch.setattr(file, "search", failing)
    with pytest.raises(SandboxError, match="no sandbox"):
        judged(COURSE, "rnn_cell_forward")


def test_halves_of_weights_may_be_arguments_of_their_own():
    gates = ("f", "i", "o", "c")
    weights = ", ".join(f"W{gate}, U{gate}, b{gate}" for gate in gates)
    lines = "".join(f"    z{gate} = W{gate} @ xt + U{gate} @ a_prev + b{gate}\n" for gate in gates)
    text = (
        "import numpy as np\nfrom rnn_utils import sigmoid\n\n\n"
        f"def lstm_cell_forward(xt, a_prev, c_prev, {weights}):\n{lines}"
        "    c_next = sigmoid(zf) * c_prev + sigmoid(zi) * np.tanh(zc)\n"
        "    return sigmoid(zo) * np.tanh(c_next), c_next\n"
    )
    assert judged(text)["lstm_cell_forward"].verdict == "correct"


def test_a_loop_whose_cell_stands_elsewhere_is_refused_and_another_missing_name_is_its_error():
    start, end = COURSE.index("def rnn_forward("), COURSE.index("def rnn_cell_backward(")
    alone = f"import numpy as np\n\n\n{COURSE[start:end]}"
    said = judged(alone)["rnn_forward"]
    assert said.verdict == "refused"
    assert said.reason == "it uses `rnn_cell_forward`, which is not in this file; put it there"
    assert judged(alone.replace("rnn_cell_forward(", "my_own("))["rnn_forward"].verdict == "crashed"
