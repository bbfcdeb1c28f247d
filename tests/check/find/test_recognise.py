"""Which function a definition is, under whatever name; nothing of the learners' runs."""

import time
from pathlib import Path

import pytest

from unrolled.check.find import Found, find_functions, read_mapping, read_source
from unrolled.check.functions import FUNCTIONS

RNN_STEP = """
    {h} = np.tanh(np.dot(p["Wax"], {x}) + np.dot(p["Waa"], {a}) + p["ba"])
    return {h}, softmax(np.dot(p["Wya"], {h}) + p["by"]), ({h}, {a}, {x}, p)
"""
RNN_BACK = """
    a1, a0, x1, p = {cache}
    dz = {da} * (1 - a1 ** 2)
    return {{"dx": p["Wax"].T @ dz, "da_prev": p["Waa"].T @ dz, "dWax": dz @ x1.T, "dWaa": dz @ a0.T, "dba": dz.sum(1)}}
"""


def find(text: str, *told: str) -> tuple[dict[str, Found], list[str]]:
    found, problems = find_functions(read_source("a.py", text), read_mapping(told))
    assert [one.name for one in found] == [name for name in FUNCTIONS if name in {one.name for one in found}]
    return {one.name: one for one in found}, [problem.message for problem in problems]


def names(text: str, *told: str) -> dict[str, str]:
    return {name: found.found_as for name, found in find(text, *told)[0].items()}


def step(name: str) -> str:
    return f"def {name}(x, a, p):" + RNN_STEP.format(h="h", x="x", a="a")


@pytest.mark.parametrize("name", list(FUNCTIONS))
def test_the_courses_names_are_known_in_any_case(name: str):
    camel = "".join(word.capitalize() for word in name.split("_"))
    for written in (name, name.upper(), camel, camel[0].lower() + camel[1:], name.replace("_", "")):
        assert names(f"def {written}(p, q):\n    return p\n") == {name: written}


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("CellForwardRNN", "rnn_cell_forward"),
        ("rnn_unit", "rnn_cell_forward"),
        ("rnn_step_forward", "rnn_cell_forward"),
        ("forward_step_rnn", "rnn_cell_forward"),
        ("rnn_zelle_vorwaerts", "rnn_cell_forward"),
        ("celda_rnn_adelante", "rnn_cell_forward"),
        ("vanilla_rnn_step", "rnn_cell_forward"),
        ("my_rnn_cell", "rnn_cell_forward"),
        ("rnn_cell_fwd", "rnn_cell_forward"),
        ("ForwardPassRNN", "rnn_forward"),
        ("rnn", "rnn_forward"),
        ("rnn_forward_pass", "rnn_forward"),
        ("RNN_forward_propagation", "rnn_forward"),
        ("rnn_sequence_forward", "rnn_forward"),
        ("CellBackwardRNN", "rnn_cell_backward"),
        ("rnn_unit_backward", "rnn_cell_backward"),
        ("rnn_cell_backprop", "rnn_cell_backward"),
        ("rnn_step_bwd", "rnn_cell_backward"),
        ("BackwardPassRNN", "rnn_backward"),
        ("rnn_bptt", "rnn_backward"),
        ("lstmCellForward", "lstm_cell_forward"),
        ("lstm_step", "lstm_cell_forward"),
        ("LSTM_cell_forward", "lstm_cell_forward"),
        ("lstm_unit_backward", "lstm_cell_backward"),
        ("lstm_backward_pass", "lstm_backward"),
        ("gru_step", "gru_cell_forward"),
        ("GRUCellBackward", "gru_cell_backward"),
        ("sig", "sigmoid"),
        ("sigmoide", "sigmoid"),
        ("stable_softmax", "softmax"),
        ("adam_init", "initialize_adam"),
        ("update_adam", "update_parameters_with_adam"),
        ("output_layer_forward", "output_forward"),
    ],
)
def test_other_names_say_it_too(name: str, function: str):
    body = "    for t in range(T):\n        a = np.tanh(a)\n" * (FUNCTIONS[function].kind == "loop")
    assert names(f"def {name}(p, q):\n{body}    return p\n") == {function: name}


@pytest.mark.parametrize(
    "name",
    [
        "rnn_cell_forward_test",
        "test_lstm",
        "initialize_rnn",
        "plot_rnn",
        "rnn_model",
        "sigmoid_derivative",
        "softmax_backward",
        "train_lstm",
        "lstm_params",
        "check_lstm",
        "sample_rnn",
        "clip",
        "update_parameters",
        "gradient_check_rnn",
    ],
)
def test_what_stands_around_them_is_none_of_them(name: str):
    assert names(f"def {name}(p, q):\n    return p\n") == {}


def test_a_name_that_says_nothing_is_guessed_by_what_the_function_does_and_that_is_said():
    text = "import numpy as np\n" + step("rcf") + "def rcb(d, k):" + RNN_BACK.format(da="d", cache="k")
    text += """
def f(x, h, p):
    hs = []
    for t in range(x.shape[2]):
        h, y, c = rcf(x[:, :, t], h, p)
        hs.append(h)
    return hs
def b(d, k):
    for t in reversed(range(3)):
        g = rcb(d[:, :, t], k[t])
    return g
"""
    assert names(text) == {
        "rnn_cell_forward": "rcf",
        "rnn_forward": "f",
        "rnn_cell_backward": "rcb",
        "rnn_backward": "b",
    }
    said = find(text)[1]
    assert "`rcf` is taken for rnn_cell_forward, as it reads Waa, Wax" in said[0]
    assert "--map rcf=FUNCTION" in said[0]
    assert any("`f` is taken for rnn_forward, as it calls a rnn_cell_forward in a loop" in message for message in said)


@pytest.mark.parametrize(
    ("gates", "function"),
    [("f i o", "lstm_cell_forward"), ("z r", "gru_cell_forward")],
)
def test_gates_say_which_kind_of_cell_it_is(gates: str, function: str):
    rows = "".join(f"    {gate} = sigmoid(np.dot(w['W{gate}'], q) + w['b{gate}'])\n" for gate in gates.split())
    text = f"def step(x, h, w):\n    q = np.vstack([h, x])\n{rows}    g = np.tanh(np.dot(w['Wg'], q))\n    return g\n"
    assert names(text) == {function: "step"}


def test_activations_say_it_where_parameters_do_not():
    row = "    {0} = {1}(p[{2}] @ q)\n"
    for count, (activation, function) in enumerate([("sig", "lstm"), ("expit", "gru")]):
        gates = "".join(row.format(f"u{n}", activation, n) for n in range(3 - count))
        text = f"def one_step(net, q, p, cache):\n{gates}    return np.tanh(p[9] @ q)\n"
        assert names(text) == {f"{function}_cell_forward": "one_step"}


def test_an_activation_is_known_by_its_parts():
    text = "def act(z):\n    return 1 / (1 + np.exp(-z))\n"
    text += "def probs(z):\n    e = np.exp(z - z.max())\n    return e / e.sum(0)\n"
    assert names(text) == {"sigmoid": "act", "softmax": "probs"}
    assert names("def half(z):\n    return z / 2\ndef both(z, y):\n    return 1 / (1 + np.exp(z - y))\n") == {}


def test_what_cannot_be_guessed_is_said_with_the_remedy():
    found, said = find("def mystery(q, w, e):\n    return np.tanh(q @ w) + e\n")
    assert found == {}
    assert "--map mystery=lstm_cell_forward" in said[0]
    assert "--map mystery.ARGUMENT=ROLE" in said[0]


def test_a_file_without_any_says_so():
    found, said = find("x = 1\ndef add(a, b):\n    return a + b\n")
    assert found == {}
    assert "--map NAME=rnn_cell_forward" in said[0]


def test_of_two_definitions_the_last_is_checked_and_that_is_said():
    found, said = find("def softmax(x):\n    return 1\n\ndef softmax(z):\n    return 2\n")
    assert (found["softmax"].line, found["softmax"].arguments[0].name) == (4, "z")
    assert said == ["`softmax` is defined 2 times (line 1, line 4); the last is checked"]
    assert "return 1" not in found["softmax"].code


def test_a_last_definition_that_does_not_parse_leaves_the_one_before():
    source = read_source("a.py", "def softmax(x):\n    return 1\n\ndef softmax(z):\n    return (2\n")
    found, _ = find_functions(source)
    assert [one.line for one in found] == [1]
    assert "`softmax` cannot be checked" in source.problems[0].message


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("rnn_forward", "rnn_forward"),
        ("CellForwardRNN", "rnn_cell_forward"),
        ("lstm_step_backward", "lstm_cell_backward"),
        ("mine", "gru_forward"),
    ],
)
def test_a_function_that_does_not_parse_is_found_by_its_name_and_its_reason_kept(name, function):
    found, said = find(f"def {name}(x):\n    a = 1\n    return (x\n", "mine=gru_forward")
    assert found[function].found_as == name
    assert found[function].unparsed == "does not parse: '(' was never closed (line 3)"
    assert any("--map names `mine`" in message for message in said) == (name != "mine")


def test_what_is_none_of_the_functions_by_its_name_is_not_found_where_it_does_not_parse():
    assert find("def plot_rnn_forward_step(x):\n    return (x\n\ndef add(x):\n    return (x\n")[0] == {}


def test_the_clearer_name_wins_and_the_other_is_named():
    found, said = find(step("rnn_unit") + step("rnn_cell_forward"))
    assert found["rnn_cell_forward"].found_as == "rnn_cell_forward"
    assert any("--map rnn_unit=rnn_cell_forward checks this one" in message for message in said)


def test_what_the_user_says_comes_first():
    text = step("rnn_cell_forward") + step("mine") + "def odd(u, v):\n    return u\n"
    assert names(text, "mine=rnn_cell_forward", "odd=lstm_backward") == {
        "rnn_cell_forward": "mine",
        "lstm_backward": "odd",
    }
    assert find(text, "mine=rnn_cell_forward")[1] == []


def test_a_mapping_of_what_is_not_there_is_said():
    assert "--map names `no_such`, which this file does not define" in find(step("rnn_unit"), "no_such=softmax")[1]


def test_methods_are_known_by_their_class():
    text = """
class LSTM:
    def __init__(self, x):
        self.x = x
    def sigmoid(self, x):
        return x
    def step(self, x, h, c):
        return h
    def forward(self, x, h):
        for t in range(3):
            h, c = self.step(x, h, c)
        return h
    def backward(self, dh):
        for t in range(3):
            dh = self.step_back(dh)
        return dh
    def step_back(self, dh, dc):
        return dh
class RNNCell:
    def forward(self, x, h):
        return h
"""
    found, _ = find(text)
    assert {name: one.found_as for name, one in found.items()} == {
        "sigmoid": "LSTM.sigmoid",
        "rnn_cell_forward": "RNNCell.forward",
        "lstm_cell_forward": "LSTM.step",
        "lstm_forward": "LSTM.forward",
        "lstm_cell_backward": "LSTM.step_back",
        "lstm_backward": "LSTM.backward",
    }
    assert found["lstm_forward"].helpers == (("lstm_cell_forward", "LSTM.step"),)
    assert found["lstm_forward"].method_of == "LSTM"


def test_functions_that_are_used_are_named_through_others():
    text = """
def softmax(x):
    return x
def helper(x):
    return softmax(x)
def rnn_unit(x, a, p):
    return helper(x)
def rnn_forward(x, a, p):
    for t in range(3):
        a = rnn_unit(x, a, p)
    return a
"""
    found, _ = find(text)
    assert found["rnn_forward"].helpers == (("rnn_cell_forward", "rnn_unit"), ("softmax", "softmax"))
    assert found["softmax"].helpers == ()


@pytest.mark.parametrize(
    "body",
    [
        "    pass",
        "    ...",
        "    '''To do.'''",
        "    raise NotImplementedError",
        "    '''To do.'''\n    raise NotImplementedError('later')",
        "    return None",
        "    a_next = None\n    yt_pred = None\n    cache = (a_next, a_prev, xt, p)\n    return a_next, yt_pred, cache",
        "    Wax = p['Wax']\n    a_next, yt_pred = None, None\n    return a_next, yt_pred, (a_next, a_prev, xt, p)",
        "    a = None\n    for t in range(None):\n        a[:, :, t] = None\n    return a",
        "    gradients = {'dxt': None, 'da_prev': None}\n    return gradients",
        "    dxt = None\n    gradients = {'dxt': dxt, 'da_prev': da_prev}\n    return gradients",
    ],
)
def test_a_form_that_was_not_filled_in_is_empty(body: str):
    assert find(f"def rnn_cell_forward(xt, a_prev, p):\n{body}\n")[0]["rnn_cell_forward"].empty


@pytest.mark.parametrize(
    "body",
    [
        "    a_next = np.tanh(xt)\n    yt_pred = None\n    return a_next, yt_pred, (a_next, a_prev, xt, p)",
        "    a_next = None\n    a_next = np.tanh(xt)\n    return a_next, a_next, p",
        "    c = None\n    return xt + 1, a_prev, p",
        "    return {'dxt': xt @ xt}",
        "    a = None\n    for t in range(3):\n        a = a + 1\n    return a",
    ],
)
def test_a_form_that_was_begun_is_not_empty(body: str):
    assert not find(f"def rnn_cell_forward(xt, a_prev, p):\n{body}\n")[0]["rnn_cell_forward"].empty


def test_hostile_syntax_trees_are_read_or_refused_but_never_crash():
    deep = "".join("  " * depth + f"def f{depth}():\n" for depth in range(90)) + "  " * 90 + "pass\n"
    chain = (
        "".join(f"def g{n}(x):\n    return g{n + 1}(x)\n" for n in range(2000)) + "def softmax(x):\n    return g0(x)\n"
    )
    wide = "def rnn_forward(x, " + ", ".join(f"a{n}=0" for n in range(3000)) + "):\n    return x\n"
    methods = "class LSTM:\n" + "".join(f"    def m{n}(self):\n        return self.m{n + 1}()\n" for n in range(1500))
    nested = "def lstm_forward(x):\n    return " + "f(" * 90 + "x" + ")" * 90 + "\n"
    for text in (deep, chain, wide, methods, nested, "def softmax(*a, **k):\n    return a\n", "softmax = lambda: 3\n"):
        found, problems = find_functions(read_source("a.py", text))
        assert isinstance(found, list)
        assert isinstance(problems, list)


def test_an_ordinary_file_takes_milliseconds():
    text = (Path(__file__).parents[1] / "learners/correct/step_by_step.py").read_text(encoding="utf-8")
    before = time.process_time()
    for _ in range(5):
        find_functions(read_source("a.py", text))
    assert (time.process_time() - before) / 5 < 0.5  # ten times what it takes: something quadratic would be seen
