"""What the names of a function stand for: arguments, parameters, cache and results."""

import ast

import pytest

from unrolled.check.find import Found, find_functions, read_source
from unrolled.check.find.names import plain, read, size_role, state_role, weight_role


def find(text: str, function: str) -> Found:
    found, _ = find_functions(read_source("a.py", text))
    return next(one for one in found if one.name == function)


def roles(found: Found) -> list[str | None]:
    return [argument.role for argument in found.arguments]


def of(signature: str, function: str, body: str = "    return None\n") -> Found:
    return find(f"def {function}({signature}):\n{body}", function)


@pytest.mark.parametrize(
    ("signature", "function", "expected"),
    [
        ("xt, a_prev, parameters", "rnn_cell_forward", "xt a_prev parameters"),
        ("a_prev, xt, parameters", "rnn_cell_forward", "a_prev xt parameters"),
        ("timestep_t, a_prev, parameters", "rnn_cell_forward", "xt a_prev parameters"),
        ("InputData, PreviousState, Parameters", "rnn_cell_forward", "xt a_prev parameters"),
        ("x, prev_h, p", "rnn_cell_forward", "xt a_prev parameters"),
        ("x, h, Wx, Wh, b", "rnn_cell_forward", "xt a_prev Wax Waa ba"),
        ("x, act0, parameters", "rnn_forward", "x a0 parameters"),
        ("x, a_init, parameters", "rnn_forward", "x a0 parameters"),
        ("InputData, InitialHiddenState, Parameters", "rnn_forward", "x a0 parameters"),
        ("X, h0, params, return_all=True", "rnn_forward", "x a0 parameters -"),
        ("GradLoss, Cache", "rnn_cell_backward", "da_next cache"),
        ("da, cache", "rnn_cell_backward", "da_next cache"),
        ("dnext_h, cache", "rnn_cell_backward", "da_next cache"),
        ("cache, dh_next", "rnn_cell_backward", "cache da_next"),
        ("dh, memoria", "rnn_backward", "da caches"),
        ("x, h, c, params", "lstm_cell_forward", "xt a_prev c_prev parameters"),
        ("x_t, prev_state, prev_cell, weights", "lstm_cell_forward", "xt a_prev c_prev parameters"),
        ("xt, h_prev, C_prev, p", "lstm_cell_forward", "xt a_prev c_prev parameters"),
        ("x, h0, c0, params", "lstm_forward", "x a0 c0 parameters"),
        ("dh, dc, cache", "lstm_cell_backward", "da_next dc_next cache"),
        ("dnext_h, dnext_c, tape", "lstm_cell_backward", "da_next dc_next cache"),
        ("x, h_prev, params", "gru_cell_forward", "xt c_prev parameters"),
        ("dh_next, cache", "gru_cell_backward", "dc_next cache"),
        ("z", "softmax", "x"),
        ("logits, axis=0", "softmax", "x -"),
        ("params, grads, v, s, t, lr=0.01, b1=0.9, b2=0.999, eps=1e-8", "update_parameters_with_adam",
         "parameters grads v s t learning_rate beta1 beta2 epsilon"),
        ("params, grads, m, v, t", "update_parameters_with_adam", "parameters grads v - t"),  # tried as what is left
        ("params, grads, m, s, t", "update_parameters_with_adam", "parameters grads v s t"),
        ("h, labels, params", "output_forward", "a y parameters"),
        ("da_next, a_next, a_prev, xt, Wax, Waa", "rnn_cell_backward", "da_next a_next a_prev xt Wax Waa"),
        ("foo, a_prev, parameters", "rnn_cell_forward", "xt a_prev parameters"),
        ("foo, bar, parameters", "rnn_cell_forward", "- - parameters"),
    ],
)  # fmt: skip
def test_arguments_are_known_by_their_names(signature: str, function: str, expected: str):
    assert [role or "-" for role in roles(of(signature, function))] == expected.split()


def test_kinds_and_defaults_of_arguments():
    found = of("xt, /, a_prev=1, *more, parameters, verbose=False, **rest", "rnn_cell_forward")
    assert [(one.name, one.kind, one.has_default) for one in found.arguments] == [
        ("xt", "positional", False),
        ("a_prev", "positional", True),
        ("more", "varargs", True),
        ("parameters", "keyword", False),
        ("verbose", "keyword", True),
        ("rest", "varargs", True),
    ]


def test_arguments_are_known_by_their_use_where_names_say_nothing():
    body = "    s = np.tanh(r['Wax'] @ q + np.dot(r['Waa'], o) + r['ba'])\n    return s, r\n"
    assert roles(of("o, q, r", "rnn_cell_forward", body)) == ["a_prev", "xt", "parameters"]
    body = "    z = np.concatenate((o, q))\n    f = sigmoid(r['Wf'] @ z)\n    return f\n"
    assert roles(of("q, o, r, w", "lstm_cell_forward", body)) == ["xt", "a_prev", "parameters", "c_prev"]
    body = "    a, b, c, d = k\n    return {'dx': a}\n"
    assert roles(of("g, k", "rnn_cell_backward", body)) == ["da_next", "cache"]


@pytest.mark.parametrize(
    ("name", "family", "role"),
    [
        *((name, "rnn", "Wax") for name in ("Wax", "W_xh", "Wxh", "W_x", "weight_ih_l0", "U")),
        *((name, "rnn", "Waa") for name in ("Waa", "W_hh", "Whh", "weight_hh", "Wrec")),
        *((name, "rnn", "Wya") for name in ("Wya", "Why", "W_hy", "W_out", "V")),
        *((name, "rnn", "ba") for name in ("ba", "b_h", "bh", "b")),
        *((name, "rnn", "by") for name in ("by", "b_y", "b_out")),
        *((name, "lstm", "Wf") for name in ("Wf", "w_f", "W_forget", "forget_weights", "Wfg")),
        *((name, "lstm", "Wi") for name in ("Wi", "W_u", "W_update", "W_input")),
        *((name, "lstm", "Wc") for name in ("Wc", "Wg", "W_c", "W_candidate")),
        *((name, "lstm", "bo") for name in ("bo", "b_o", "bias_o", "b_output")),
        *((name, "lstm", "Wfx") for name in ("Wfx", "Wxf", "W_fx")),
        *((name, "lstm", "Wfa") for name in ("Wfa", "Whf", "W_fh", "U_f")),
        *((name, "lstm", "Wy") for name in ("Wy", "Why", "W_y")),
        *((name, "gru", "Wu") for name in ("Wu", "Wz", "W_update")),
        *((name, "gru", "Wc") for name in ("Wc", "Wh", "W_n", "W_cand")),
        ("b_r", "gru", "br"),
        ("bca", "gru", "bca"),
        ("concat", "lstm", None),
        ("zt", "rnn", None),
    ],
)
def test_parameters_are_known_by_many_names(name: str, family: str, role: str | None):
    assert weight_role(name, family) == role


def test_what_a_matrix_acts_on_says_more_than_its_name():
    body = "    a = np.tanh(p['W'] @ xt + np.dot(p['U'], a_prev) + p['b'])\n    return a, p['V'] @ a + p['c']\n"
    assert of("xt, a_prev, p", "rnn_cell_forward", body).weights == {
        "W": "Wax", "U": "Waa", "b": "ba", "V": "Wya", "c": "by"
    }  # fmt: skip


def test_keys_of_parameters_that_helpers_read_count():
    text = (
        "def gate(z, p, k):\n    return p.get('w_f') @ z + p['b_f']\n"
        "def lstm_cell_forward(xt, a_prev, c_prev, parameters):\n    q = parameters\n    odd = q['odd']\n"
        "    return gate(xt, q, 0)\n"
    )
    assert find(text, "lstm_cell_forward").weights == {"w_f": "Wf", "b_f": "bf", "odd": None}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("    return a_next, y, (a_next, a_prev, xt, parameters)", "a_next a_prev xt parameters"),
        ("    cache = (parameters, xt, a_prev, a_next)\n    return a_next, y, cache", "parameters xt a_prev a_next"),
        ("    cache = [a_next, a_prev, xt, np.dot(a, b), parameters]\n    return a_next, y, cache",
         "a_next a_prev xt - parameters"),
        ("    h = a_prev\n    f = xt\n    return a_next, y, (a_next, h, f, parameters)", "a_next a_prev xt parameters"),
        ("    self.cache = (xt, a_prev, a_next)\n    return a_next, y", "xt a_prev a_next"),
    ],
)  # fmt: skip
def test_what_a_cache_holds_is_read_in_its_order(body: str, expected: str):
    found = of("xt, a_prev, parameters", "rnn_cell_forward", body + "\n")
    assert isinstance(found.cache, tuple)
    assert [role or "-" for role in found.cache] == expected.split()


@pytest.mark.parametrize(
    "body",
    [
        "    cache = {'a': a_next, 'a_prev': a_prev, 'x': xt, 'params': parameters}\n    return a_next, y, cache",
        "    cache = dict(a=a_next, a_prev=a_prev, x=xt, params=parameters)\n    return a_next, y, cache",
        "    c = {'a': a_next}\n    c['a_prev'], c['x'] = a_prev, xt\n    c['params'] = parameters\n    return y, c",
    ],
)
def test_a_dictionary_for_a_cache_is_read_by_its_keys(body: str):
    assert of("xt, a_prev, parameters", "rnn_cell_forward", body + "\n").cache == {
        "a": "a_next", "a_prev": "a_prev", "x": "xt", "params": "parameters"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("    (h, c, h0, c0, f, i, g, o, x, p) = cache", "a_next c_next a_prev c_prev ft it cct ot xt parameters"),
        ("    a_next = cache[0]\n    ft = cache[2]\n    p = cache[-1]\n    xt = cache[3]", "a_next - ft xt"),
        ("    xt, a_prev, *rest, Vergessen, Ausgabe = cache", "xt a_prev - ft ot"),
    ],
)
def test_what_a_backward_function_unpacks_is_read(body: str, expected: str):
    found = of("da_next, dc_next, cache", "lstm_cell_backward", body + "\n    return {}\n")
    assert isinstance(found.cache, tuple)
    assert [role or "-" for role in found.cache] == expected.split()


def test_what_a_backward_function_reads_by_key_is_read():
    body = "    f = cache['f']\n    return {'dc_prev': f * cache['tmp'] * cache['it']}\n"
    assert of("da_next, dc_next, cache", "lstm_cell_backward", body).cache == {"f": "ft", "it": "it"}


def test_keys_of_other_dictionaries_are_no_parameters():
    body = "    return np.tanh(parameters['Wax'] @ xt) * options['speed'] + memo['a_prev']\n"
    assert of("xt, a_prev, parameters", "rnn_cell_forward", body).weights == {"Wax": "Wax"}


def test_a_cache_of_a_class_of_its_own_is_not_guessed():
    body = "    return a_next, y, Cache(a_next, a_prev, xt)\n"
    assert of("xt, a_prev, parameters", "rnn_cell_forward", body).cache is None


@pytest.mark.parametrize(
    ("function", "body", "expected"),
    [
        ("rnn_cell_forward", "    return y_pred, a, cache", "yt_pred a_next cache"),
        ("rnn_cell_forward", "    return h, softmax(V @ h), (h, x, p)", "a_next yt_pred cache"),
        ("rnn_cell_forward", "    out = (h, probs, cache)\n    return out", "a_next yt_pred cache"),
        ("rnn_cell_forward", "    return NextState", "a_next"),
        ("rnn_cell_forward", "    tape = f(h)\n    return tape, foo, bar", "cache - -"),
        ("rnn_forward", "    return Y_pred, A, (caches, x)", "y_pred a caches"),
        ("rnn_forward", "    return np.stack(states, 2), np.stack(predictions, 2), tape", "a y_pred caches"),
        ("lstm_cell_forward", "    return h, c, cache", "a_next c_next cache"),
        ("lstm_forward", "    return a, c, y, caches", "a c y caches"),
        ("gru_cell_forward", "    return h, foo, cache", "c_next yt_pred cache"),
        ("rnn_cell_backward", "    return dx, dprev_h, dWx, dWh, db", "dxt da_prev dWax dWaa dba"),
        ("lstm_cell_backward", "    return dx, dh_prev, dc_prev, dw_f", "dxt da_prev dc_prev dWf"),
        ("rnn_backward", "    return dx, dh0, dWxh, dWhh, dbh", "dx da0 dWax dWaa dba"),
        ("update_parameters_with_adam", "    return params, v, s", "parameters v s"),
        ("update_parameters_with_adam", "    return params, m, v", "parameters v s"),
        ("initialize_adam", "    m, v = {}, {}\n    return m, v", "v s"),
    ],
)
def test_results_are_known_by_their_names(function: str, body: str, expected: str):
    found = of("p, q", function, body + "\n")
    assert [role or "-" for role in found.returns] == expected.split()


@pytest.mark.parametrize(
    "body",
    [
        "    return {'dx': dx, 'da_init': b, 'dW_xh': 1, 'grad_Waa': 2, 'other': c}",
        "    g = {'dx': dx, 'da_init': b}\n    g['dW_xh'] = 1\n    g['grad_Waa'] = 2\n    g['other'] = c\n    return g",
        "    more = {'dW_xh': 1, 'grad_Waa': 2}\n    return {'dx': dx, 'da_init': b, **more, 'other': c}",
    ],
)
def test_gradients_in_a_dictionary_are_known_by_their_keys(body: str):
    assert of("da, caches", "rnn_backward", body + "\n").returns == {
        "dx": "dx", "da_init": "da0", "dW_xh": "dWax", "grad_Waa": "dWaa", "other": None
    }  # fmt: skip


def test_attributes_are_parameters_states_sizes_or_unknown():
    text = """
class LSTM:
    def lstm_cell_forward(self, x):
        z = self._stack(x, self.h)
        f = sigmoid(self.Wf @ z + self.b_f)
        self.seen = self.params["Wi"][: self.hidden_size]
        return f * self.c + self.lucky
    def _stack(self, x, h):
        return np.vstack([h, x]) * self.scale
"""
    assert find(text, "lstm_cell_forward").attributes == {
        "h": "a_prev", "Wf": "Wf", "b_f": "bf", "params": "parameters", "hidden_size": "n_a", "c": "c_prev",
        "lucky": None, "scale": None,
    }  # fmt: skip
    assert find(text, "lstm_cell_forward").weights == {"Wi": "Wi"}


def test_a_static_method_has_no_self():
    text = "class RNN:\n    @staticmethod\n    def softmax(z):\n        return z\n"
    text += "    def sigmoid(this, z):\n        return this.gain * z\n"
    assert roles(find(text, "softmax")) == ["x"]
    assert roles(find(text, "sigmoid")) == ["x"]
    assert find(text, "sigmoid").attributes == {"gain": None}


@pytest.mark.parametrize(
    ("name", "where", "function", "role"),
    [
        ("h", "cache", "lstm_cell_forward", "a_next"),
        ("a0", "cache", "rnn_cell_forward", "a_prev"),
        ("c_tilde", "cache", "lstm_cell_forward", "cct"),
        ("update", "cache", "lstm_cell_forward", "it"),
        ("update", "cache", "gru_cell_forward", "ut"),
        ("z", "cache", "gru_cell_forward", "ut"),
        ("Γf", "cache", "lstm_cell_forward", "ft"),
        ("da_prevt", "return", "lstm_cell_backward", "da_prev"),
        ("da_next", "return", "lstm_cell_backward", None),
        ("h_t", "return", "rnn_cell_backward", None),
        ("dx", "argument", "rnn_cell_backward", None),
        ("nothing_of_the_kind", "return", "rnn_forward", None),
    ],
)
def test_a_state_is_known_by_where_it_stands(name: str, where: str, function: str, role: str | None):
    assert state_role(name, function, where) == role


def test_names_are_read_without_case_accents_and_alphabet():
    assert plain("Zustände_T") == "zustandet"
    assert read("δα") == read("da")
    assert read("遗忘门") == read("forget_gate")
    assert read("eingabe") == read("x")
    assert (size_role("hidden_size"), size_role("vocab_size"), size_role("color")) == ("n_a", "n_x", None)


def test_every_lifted_code_parses():
    text = "class A:\n    def rnn_unit(self, x): return x\nlstm_step = lambda x, h, c: x; y = 3\n"
    for found in find_functions(read_source("a.py", text))[0]:
        ast.parse(found.code)
