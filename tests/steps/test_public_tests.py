"""The tests for learners: they accept what is right, and reject the mistakes that learners make, with a hint."""

import ast
import re

import numpy as np
import pytest

from steps.mutants import mutants, source_of
from unrolled import steps
from unrolled.steps import public_tests

TESTS = {name.removesuffix("s").removesuffix("_test"): getattr(public_tests, name) for name in public_tests.__all__}


def test_the_names_are_the_courses_and_four_more():
    course = {"rnn_cell_forward_tests", "rnn_forward_test", "lstm_cell_forward_test", "lstm_forward_test"}
    backward = {f"{network}{cell}_backward_test" for network in ("rnn", "lstm") for cell in ("", "_cell")}
    assert set(public_tests.__all__) == course | backward


@pytest.mark.parametrize("name", TESTS)
def test_the_right_function_passes_and_is_told_so(name, capsys):
    TESTS[name](getattr(steps, name))
    assert capsys.readouterr().out == f"{name}: all tests passed\n"


def learner(name, *changes):
    """The right function with pieces of its source replaced, as a learner might have written it."""
    module = name.split("_")[0]
    source = source_of(module)
    function = next(node for node in ast.parse(source).body if getattr(node, "name", "") == name)
    own = right = ast.get_source_segment(source, function) + "\n"
    for before, after in changes:
        assert before in own, before
        own = own.replace(before, after)
    scope = {}
    exec(compile(source.replace(right, own), "<learner>", "exec"), scope)
    return scope[name]


MISTAKES = [
    (
        "rnn_cell_forward",
        [(" + ba)", ")")],
        r"rnn_cell_forward: a_next is wrong in \d+ of 20 entries, first at \[0, 0\]: ",
    ),
    (
        "rnn_cell_forward",
        [("softmax(Wya @ a_next + by)", "softmax(Wya @ a_next)")],
        r"yt_pred is wrong .*; softmax is taken",
    ),
    (
        "rnn_cell_forward",
        [("softmax(Wya @ a_next + by)", "softmax((Wya @ a_next + by).T)")],
        r"yt_pred has shape \(4, 2\), e",
    ),
    (
        "rnn_cell_forward",
        [("(a_next, a_prev, xt, parameters)", "(a_next, xt, a_prev, parameters)")],
        r"cache: a_prev has s",
    ),
    (
        "rnn_cell_forward",
        [("(a_next, a_prev, xt, parameters)", "(a_next, a_prev, xt)")],
        r"cache has 3 entries, expected",
    ),
    ("rnn_cell_forward", [("xt, parameters)\n", "xt, {})\n")], r"the last entry of cache is not the parameters"),
    (
        "rnn_cell_forward",
        [("(a_next, a_prev, xt, parameters)", "[a_next, a_prev, xt, parameters]")],
        r"cache is of type list",
    ),
    (
        "rnn_cell_forward",
        [("return a_next, yt_pred,", "return a_next,")],
        r"rnn_cell_forward returned 2 values, expected a_n",
    ),
    (
        "rnn_cell_forward",
        [("return a_next, yt_pred, (", "return [a_next, yt_pred, ("), ("eters)\n", "eters)]\n")],
        r"returned list",
    ),
    (
        "rnn_cell_forward",
        [("    return", "    xt *= 2\n    return")],
        r"rnn_cell_forward changed one of its arguments; make",
    ),
    (
        "rnn_cell_forward",
        [("return a_next,", "return a_next.tolist(),")],
        r"a_next is of type list, expected a NumPy array",
    ),
    (
        "rnn_forward",
        [("        a_prev = a[:, :, t]\n", "")],
        r"rnn_forward: a is wrong .*; does each step start from the a_next",
    ),
    (
        "rnn_forward",
        [("        caches.append(cache)", "        caches = [cache]")],
        r"there are 1 caches, expected one for each",
    ),
    ("rnn_forward", [("(caches, x)\n", "caches\n")], r"caches is of type list, expected \(list of caches, x\)"),
    ("rnn_forward", [("(caches, x)\n", "(caches, x, a0)\n")], r"caches has 3 entries, expected \(list of caches, x\)"),
    (
        "rnn_forward",
        [("(caches, x)\n", "(caches, a)\n")],
        r"rnn_forward, caches: x has shape .* the second entry of caches",
    ),
    (
        "rnn_forward",
        [("append(cache)", "append((*cache[:2], cache[2] + 1, cache[3]))")],
        r"rnn_forward, step 0, cache: xt is",
    ),
    (
        "lstm_cell_forward",
        [("np.tanh(Wc @", "sigmoid(Wc @")],
        r"cct is wrong .*; equation \(3\): tanh, not sigmoid, of Wc",
    ),
    ("lstm_cell_forward", [("[a_prev, xt]", "[xt, a_prev]")], r"cache: ft is wrong .*; equation \(1\): sigmoid of Wf"),
    ("lstm_cell_forward", [("sigmoid(Wi @", "sigmoid(Wf @")], r"cache: it is wrong .*; equation \(2\): sigmoid of Wi"),
    (
        "lstm_cell_forward",
        [("ft * c_prev + it * cct", "it * c_prev + ft * cct")],
        r"c_next is wrong .*; equation \(4\): the",
    ),
    (
        "lstm_cell_forward",
        [("ot * np.tanh(c_next)", "ot * c_next")],
        r"a_next is wrong .*; compare with the equation of a<t>",
    ),
    (
        "lstm_forward",
        [("a_prev, c_prev = a[:, :, t], c[:, :, t]", "a_prev = a[:, :, t]")],
        r"lstm_forward: c is wrong .*; c s",
    ),
    (
        "lstm_forward",
        [("np.zeros((n_a, m), dtype) if c0 is None else c0", "a0")],
        r"lstm_forward: c is wrong .*; c starts at z",
    ),
    ("rnn_cell_backward", [("1 - a_next**2", "1 - a_next")], r"rnn_cell_backward: dxt is wrong"),
    (
        "rnn_cell_backward",
        [("Wax.T @ dtanh", "Wax.T @ da_next")],
        r"rnn_cell_backward: dxt is wrong .*; the columns of each",
    ),
    (
        "rnn_cell_backward",
        [("dtanh.sum(axis=1, keepdims=True)", "dtanh.sum(axis=1)")],
        r"dba has shape \(5,\), expected \(5, 1",
    ),
    ("rnn_cell_backward", [('"dba": dba', "")], r"rnn_cell_backward: no dba in the dictionary, expected dxt, da_prev"),
    (
        "rnn_backward",
        [("da[:, on, t] + da_prev[:, on]", "da[:, on, t]")],
        r"code in which da_prev is not added to the da of",
    ),
    (
        "rnn_backward",
        [("dWaa +=", "dWaa =")],
        r"rnn_backward: dWaa is wrong .*; sum over the batch \(and over the steps\)",
    ),
    ("rnn_backward", [("dx[:, on, t] =", "dx[:, on, -1] =")], r"rnn_backward: dx is wrong .*; one slice for each step"),
    (
        "rnn_backward",
        [("len(columns)", "len(cells)")],
        r"rnn_backward with da of 4 of 6 steps: dx has shape \(3, 4, 6\)",
    ),
    (
        "rnn_backward",
        [("return {", "return [*{"), ('"dba": dba}', '"dba": dba}]')],
        r"rnn_backward returned list, expected a d",
    ),
    ("lstm_cell_backward", [("dc_next + da_next", "da_next")], r"lstm_cell_backward: dxt is wrong"),
    (
        "lstm_cell_backward",
        [("dc_prev = dc * ft", "dc_prev = dc_next * ft")],
        r"dc_prev is wrong .*; equation \(20\): the whole",
    ),
    (
        "lstm_cell_backward",
        [("Wf[:, :n_a].T @ dft + ", "")],
        r"lstm_cell_backward: da_prev is wrong .*; the columns of each",
    ),
    ("lstm_cell_backward", [("dWf = dft", "dWf = dit")], r"lstm_cell_backward: dWf is wrong .*; sum over the batch"),
    (
        "lstm_backward",
        [("da[:, on, t] + da_prev[:, on], dc_prev[:, on]", "da[:, on, t], 0 * dc_prev[:, on]")],
        r"neither da_prev",
    ),
    (
        "lstm_backward",
        [("da[:, on, t] + da_prev[:, on]", "da[:, on, t]")],
        r"code in which da_prev is not added to the da",
    ),
    (
        "lstm_backward",
        [("dc_prev[:, on], cells", "0 * dc_prev[:, on], cells")],
        r"code in which dc_prev is not handed to the",
    ),
]


@pytest.mark.parametrize(
    ("name", "changes", "words"), MISTAKES, ids=[f"{row[0]}-{n}" for n, row in enumerate(MISTAKES)]
)
def test_a_learners_mistake_is_rejected_with_a_hint(name, changes, words, capsys):
    function = learner(name, *changes)
    with pytest.raises(AssertionError, match=words):
        TESTS[name](function)
    assert capsys.readouterr().out == ""


def test_the_two_values_and_the_place_are_given():
    def off(*arguments):
        a_next, yt_pred, cache = steps.rnn_cell_forward(*arguments)
        wrong = a_next.copy()
        wrong[2, 3] += 1
        return wrong, yt_pred, cache

    with pytest.raises(AssertionError) as caught:
        public_tests.rnn_cell_forward_tests(off)
    count, place, found, right = re.search(
        r"wrong in (\d+) of 20 .* at (.*): (.*), expected (.*);", str(caught.value)
    ).groups()
    assert (count, place) == ("1", "[2, 3]")
    assert float(found) - float(right) == pytest.approx(1)


def test_a_nan_is_wrong():
    def nan(*arguments):
        a_next, yt_pred, cache = steps.rnn_cell_forward(*arguments)
        return np.where(np.arange(4) == 1, np.nan, a_next), yt_pred, cache

    with pytest.raises(AssertionError, match=r"a_next is wrong in 5 of 20 entries, first at \[0, 1\]: nan, expected"):
        public_tests.rnn_cell_forward_tests(nan)


@pytest.mark.parametrize("name", ["lstm_cell_forward", "lstm_cell_backward", "rnn_cell_backward"])
def test_every_wrong_version_of_a_numbered_equation_is_rejected(name):
    """What a learner has to write is rejected, whatever is wrong with it."""
    module = name.split("_")[0]
    first, last = {"lstm_cell_forward": (1, 6), "lstm_cell_backward": (7, 21), "rnn_cell_backward": (0, 5)}[name]
    wrong = [
        m for m in mutants(module) if re.fullmatch(r"\(\d+\)", m.equation) and first <= int(m.equation[1:-1]) <= last
    ]
    assert len({mutant.equation for mutant in wrong}) == last - first + 1
    for mutant in wrong:
        scope = {}
        exec(compile(mutant.make(), "<learner>", "exec"), scope)
        with pytest.raises((AssertionError, ValueError)):
            TESTS[name](scope[name])


def test_a_learners_own_error_is_not_hidden():
    def unfinished(*arguments):
        raise NotImplementedError("to do")

    for test in TESTS.values():
        with pytest.raises(NotImplementedError, match="to do"):
            test(unfinished)
