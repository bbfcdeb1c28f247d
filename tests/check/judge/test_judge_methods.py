"""Methods of a class: sizes and gradients may be kept on self; what `__init__` alone tells is no crash of theirs."""

import pytest

from check.judge.judging import changed, judged

CELL = """import numpy as np


class Cell:
    def __init__(self, n_x, n_a):
        self.hidden_size = n_a
        self.seen = []
        self.Wax, self.Waa, self.ba = np.ones((n_a, n_x)), np.ones((n_a, n_a)), np.zeros((n_a, 1))

    def forward(self, xt, a_prev):
        self.xt, self.a_prev = xt, a_prev
        self.a_next = np.tanh(self.Wax @ xt + self.Waa @ a_prev + self.ba)
        return self.a_next

    def backward(self, da_next):
        dz = (1 - self.a_next**2) * da_next
        self.dWax = dz @ self.xt.T
        self.dWaa = dz @ self.a_prev.T
        self.dba = dz.sum(axis=1, keepdims=True)
        both = np.hstack((self.Waa, self.Wax)).T @ dz
        return both[self.hidden_size :], both[: self.hidden_size]
"""
NAMES = ("rnn_cell_forward", "rnn_cell_backward")


@pytest.mark.parametrize("size", ["hidden_size", "n_a", "hidden_dim"])
def test_gradients_and_sizes_may_be_kept_on_self(size):
    said = judged(CELL.replace("hidden_size", size), *NAMES)
    assert {name: each.verdict for name, each in said.items()} == dict.fromkeys(NAMES, "correct")
    assert "keeps self.dWax, self.dWaa, self.dba rather than returning them" in said["rnn_cell_backward"].convention


def test_a_wrong_gradient_on_self_is_found_and_explained():
    said = judged(changed(CELL, "self.dWaa = dz @ self.a_prev.T", "self.dWaa = dz @ self.a_next.T"), *NAMES)
    own = said["rnn_cell_backward"]
    assert (own.verdict, own.wrong) == ("wrong", ("dWaa",))
    assert [(each.equation, each.certainty) for each in own.findings] == [("rnn.2", "explained")]


def test_a_gradient_that_is_kept_nowhere_is_missed():
    own = judged(changed(CELL, "self.dWaa = dz", "dWaa = dz"), *NAMES)["rnn_cell_backward"]
    assert (own.verdict, own.wrong) == ("wrong", ("dWaa",))


def test_what_init_alone_would_tell_refuses_a_verdict_and_what_nothing_sets_is_an_error():
    text = changed(CELL, "dz = (1", "self.seen.append(1)\n        dz = (1")
    own = judged(text, *NAMES)["rnn_cell_backward"]
    assert (own.verdict, own.findings) == ("refused", ())
    assert "cannot be told what `self.seen` holds, which `__init__` sets" in own.reason
    own = judged(changed(text, "        self.seen = []\n", ""), *NAMES)["rnn_cell_backward"]
    assert own.verdict == "crashed"
    assert own.reason.startswith("AttributeError: 'Cell' object has no attribute 'seen'")
