"""What right numbers do not show: arguments changed, memory handed out twice, globals, sizes, random state."""

import json

import pytest

from check.judge.judging import COURSE, changed, judged
from unrolled.check import run

CELL = "rnn_cell_forward"


def finding(text: str, function: str):
    said = judged(text, function)[function]
    assert said.verdict in ("wrong", "crashed")
    assert said.findings
    return said.findings[0]


def test_an_argument_changed_in_place_is_named_with_its_line():
    text = changed(
        COURSE, "    dtanh = (1 - a_next ** 2) * da_next\n", "    dtanh = da_next\n    dtanh *= 1 - a_next ** 2\n"
    )
    found = finding(text, "rnn_cell_backward")
    assert (found.equation, found.symbol) == ("rnn.alias", "da_next")
    assert found.place is not None
    assert found.place.text == "dtanh *= 1 - a_next ** 2"


def test_a_result_that_the_next_call_overwrites_is_named():
    text = changed(COURSE, "def rnn_cell_forward(xt", "BUFFER = np.zeros((99, 99))\n\n\ndef rnn_cell_forward(xt")
    text = changed(
        text,
        "    a_next = np.tanh(np.dot(Wax, xt) + np.dot(Waa, a_prev) + ba)\n",
        "    a_next = BUFFER[:Waa.shape[0], :xt.shape[1]]\n"
        "    a_next[...] = np.tanh(np.dot(Wax, xt) + np.dot(Waa, a_prev) + ba)\n",
    )
    found = finding(text, CELL)
    assert found.equation == "rnn.alias"
    assert "overwrites" in found.message


def test_the_global_random_state_is_to_be_left_alone():
    text = changed(COURSE, "    # new hidden state\n", "    np.random.seed(0)\n")
    found = finding(text, CELL)
    assert (found.equation, found.symbol) == ("rnn.alias", "numpy.random")


def test_one_array_for_two_outputs_is_named():
    text = changed(COURSE, "    c = np.zeros((n_a, m, T_x))\n", "    c = a\n")
    found = finding(text, "lstm_forward")
    assert found.equation == "lstm.alias"
    assert "one and the same array" in found.message


def test_a_cached_array_that_a_later_step_overwrites_is_named():
    text = changed(
        COURSE,
        "        a_next, yt_pred, cache = rnn_cell_forward(x[:, :, t], a_next, parameters)\n"
        "        a[:, :, t] = a_next\n",
        "        new, yt_pred, cache = rnn_cell_forward(x[:, :, t], a_next.copy(), parameters)\n"
        "        kept[...] = new\n        a_next = kept\n        cache = (kept,) + cache[1:]\n"
        "        a[:, :, t] = a_next\n",
    )
    text = changed(
        text,
        "    a_next = a0\n\n    for t in range(T_x):\n        new",
        "    a_next = a0\n    kept = np.zeros(a0.shape)\n\n    for t in range(T_x):\n        new",
    )
    found = finding(text, "rnn_forward")
    assert found.equation == "rnn.cache"
    assert "later step" in found.message


@pytest.mark.parametrize(
    ("name", "old", "new", "words"),
    [
        (
            "rnn_forward",
            "rnn_cell_forward(x[:, :, t], a_next",
            "rnn_cell_forward(x[:, :, t - 1], a_next",
            "x[:, :, t-1]",
        ),
        ("lstm_forward", "    c_next = np.zeros((n_a, m))\n", "    c_next = a0\n", "c_prev starts at a0"),
        (
            "rnn_forward",
            "y_pred[:, :, t] = yt_pred\n        caches.append(cache)",
            "y_pred[:, :, t] = yt_pred\n        caches.insert(0, cache)",
            "reverse order",
        ),
    ],
)
def test_caches_that_follow_from_another_mistake_are_not_blamed(name, old, new, words):
    said = judged(changed(COURSE, old, new), name)[name]
    assert len(said.findings) == 1
    assert words in said.findings[0].message


@pytest.mark.parametrize(
    ("name", "old", "new", "equations"),
    [
        (
            "lstm_forward",
            "        a_next, c_next, yt, cache = lstm",
            "        a_next = np.sin(a_next)\n        a_next, c_next, yt, cache = lstm",
            {"lstm"},
        ),
        ("rnn_backward", "dWax += dWaxt", "dWax += np.sin(dWaxt)", {"rnn.sum"}),
        (
            "rnn_backward",
            "rnn_cell_backward(da[:, :, t] + da_prevt,",
            "rnn_cell_backward(da[:, :, t] + np.sin(da_prevt),",
            {"rnn", "rnn.bptt", "rnn.sum"},
        ),
        ("rnn_forward", "return a, y_pred, caches", "return a_next, y_pred, caches", {"rnn.a"}),
    ],
)
def test_a_loop_over_a_cell_function_is_not_told_an_equation_of_the_cell(name, old, new, equations):
    said = judged(changed(COURSE, old, new), name)[name]
    assert said.findings
    assert {each.equation for each in said.findings} <= equations
    assert all(each.certainty == "located" for each in said.findings)
    assert not any(each.should_be for each in said.findings)


def test_a_cache_that_holds_one_value_in_anothers_place_is_named_with_its_line():
    text = changed(
        COURSE,
        "cache = (a_next, c_next, a_prev, c_prev, ft, it, cct,",
        "cache = (a_next, c_next, a_prev, c_next, ft, it, cct,",
    )
    found = finding(text, "lstm_cell_forward")
    assert (found.equation, found.symbol) == ("lstm.cache", "c_prev")
    assert found.place is not None
    assert found.place.text.startswith("cache = ")


def test_sizes_that_are_written_into_the_code_are_named():
    text = changed(COURSE, "    dx = np.zeros((n_x, m, T_x))\n    dWax", "    dx = np.zeros((3, 10, 4))\n    dWax")
    said = judged(text, "rnn_backward")["rnn_backward"]
    assert said.verdict == "crashed"
    assert [each.equation for each in said.findings] == ["rnn.init"]


def test_a_global_in_place_of_the_argument_is_named():
    text = changed(
        COURSE,
        "def rnn_cell_forward(xt, a_prev, parameters):",
        "parameters = {'Wax': np.ones((5, 3))}\n\n\ndef rnn_cell_forward(xt, a_prev, params):",
    )
    said = judged(text, CELL)[CELL]
    assert said.verdict == "crashed"
    assert "global parameters" in said.findings[0].message


def test_a_function_that_does_not_parse_is_crashed_and_what_calls_it_is_not_blamed():
    text = changed(
        COURSE, "def rnn_cell_forward(xt, a_prev, parameters):", "def rnn_cell_forward(xt, a_prev, parameters)"
    )
    said = judged(text, CELL, "rnn_forward", "rnn_cell_backward")
    assert said[CELL].verdict == "crashed"
    assert said[CELL].reason.startswith("does not parse: expected ':' (line ")
    assert said["rnn_forward"].verdict == "refused"
    assert "`rnn_cell_forward`, which does not parse" in said["rnn_forward"].reason
    assert said["rnn_cell_backward"].verdict == "correct"


def test_the_line_of_a_crash_in_a_notebook_is_that_of_its_cell():
    cells = ["import numpy as np", "def softmax(x):\n    e = np.exp(x)\n    return e / total"]
    text = json.dumps({"nbformat": 4, "cells": [{"cell_type": "code", "source": cell} for cell in cells]})
    (said,) = run(text + "\n").functions
    assert said.reason == "NameError: name 'total' is not defined (cell 2, line 3)"


@pytest.mark.parametrize(
    ("old", "new", "verdict", "words"),
    [
        (
            "    dtanh = (1 - a_next ** 2) * da_next\n",
            "    dtanh = (1 - a_next ** 2) * nowhere\n",
            "crashed",
            "NameError",
        ),
        ("    dtanh = (1 - a_next ** 2) * da_next\n", "    while True:\n        pass\n", "timeout", "longer"),
        ("    dtanh = (1 - a_next ** 2) * da_next\n", "    open('x', 'w')\n", "refused", "forbids"),
        ("    dtanh = (1 - a_next ** 2) * da_next\n", "    return None\n", "missing", "None"),
    ],
)
def test_each_verdict_has_its_reason(old, new, verdict, words):
    said = judged(changed(COURSE, old, new), "rnn_cell_backward", timeout=3.0)["rnn_cell_backward"]
    assert said.verdict == verdict
    assert words in said.reason
