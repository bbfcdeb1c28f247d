"""Reports written by hand, one of everything that a check can end in; no learner's code runs here."""

import pytest

from unrolled.check.results import FileReport, Finding, FunctionReport, Place, Problem

DFT = Finding(
    "lstm.10",
    "dft",
    "equation (10): your dft multiplies by c_next where c_prev belongs",
    "explained",
    Place(41, 7, "dft = dc * c_next * ft * (1 - ft)"),
    "dft = dc * c<t> * ft * (1 - ft)",
    "dft = dc * c<t-1> * ft * (1 - ft)",
)


@pytest.fixture
def right():
    return FileReport(
        "right.py",
        (
            FunctionReport("rnn_cell_forward", "correct", "rnn_cell_forward", Place(3)),
            FunctionReport("rnn_forward", "correct", "ForwardPassRNN", Place(20), "returns (y_pred, a, caches)"),
        ),
    )


@pytest.fixture
def mixed():
    return FileReport(
        "notebooks/hw 5.ipynb",
        (
            FunctionReport("lstm_cell_forward", "correct", "lstm_cell_forward", Place(1, 5)),
            FunctionReport(
                "lstm_cell_backward",
                "wrong",
                "LSTM.step_back",
                Place(1, 7, "def step_back(self, da_next, dc_next, cache):"),
                findings=(DFT, Finding("lstm.cache", "", "your cache is one step late", "observed")),
                right=("dWi", "dbi"),
                wrong=("dWf", "dbf", "dxt", "da_prev"),
            ),
            FunctionReport("lstm_backward", "crashed", "lstm_backward", Place(1, 9), reason="NameError: name 'dz'"),
            FunctionReport("rnn_forward", "timeout", "rnn_forward", Place(1, 10), reason="no answer within 5 s"),
            FunctionReport("rnn_backward", "refused", "rnn_backward", Place(1, 11), reason="it opened a socket"),
            FunctionReport("gru_forward", "missing", reason="not defined"),
        ),
        (Problem("this cell does not parse: expected ':'", Place(2, 3, "def f(x)")),),
    )


@pytest.fixture
def empty():
    return FileReport("notes.py", problems=(Problem("none of the functions was found; name yours with --map"),))


@pytest.fixture
def hostile():
    """A report in which everything that a learner can choose tries to be more than text."""
    evil = '</pre><script>alert(1)</script><img src=x onerror="alert(2)">&"\'\x1b[2J\x00\u202e[red]'
    place = Place(1, None, evil)
    finding = Finding("rnn.0", evil, f"your {evil}", "located", place, f"{evil} = 1", f"<{evil}>")
    function = FunctionReport("rnn_forward", "wrong", evil, place, evil, (finding,), (evil,), (evil,), evil)
    return FileReport(f"={evil}.py", (function,), (Problem(evil, place),))


RIGHT = """
import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def rnn_cell_backward(da_next, cache):
    a_next, a_prev, xt, parameters = cache
    dz = (1 - a_next ** 2) * da_next
    return {"dxt": parameters["Wax"].T @ dz, "da_prev": parameters["Waa"].T @ dz, "dWax": dz @ xt.T,
            "dWaa": dz @ a_prev.T, "dba": dz.sum(axis=1, keepdims=True)}
"""


@pytest.fixture
def code():
    """Two short functions that are right, as a learner writes them."""
    return RIGHT


@pytest.fixture
def wrong_code():
    """The same with a mistake in `rnn_cell_backward`: the derivative of tanh left out."""
    return RIGHT.replace("(1 - a_next ** 2) * da_next", "da_next")
