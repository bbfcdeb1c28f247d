"""Names of parameters that are halves: which is which, values tell; a mistake beside them is found all the same."""

import pytest

from check.judge.judging import changed, judged
from unrolled.check.judge.weights import guesses

SIGMOID = "import numpy as np\n\n\ndef sigmoid(z):\n    return 1 / (1 + np.exp(-z))\n\n\n"


def lstm(on_x: str, on_a: str) -> str:
    """A pair of cells with the weights on x and on the state named apart."""
    gates = "".join(
        f'    {value} = {act}(p["{on_x}{gate}"] @ xt + p["{on_a}{gate}"] @ a_prev + p["b{gate}"])\n'
        for gate, value, act in (
            ("f", "ft", "sigmoid"),
            ("i", "it", "sigmoid"),
            ("o", "ot", "sigmoid"),
            ("c", "cct", "np.tanh"),
        )
    )
    kept = "xt, a_prev, c_prev, ft, it, ot, cct, c_next, p"
    gradients = "".join(
        f'    grads["d{on_x}{gate}"] = d{gate} @ xt.T\n    grads["d{on_a}{gate}"] = d{gate} @ a_prev.T\n'
        f'    grads["db{gate}"] = d{gate}.sum(axis=1, keepdims=True)\n'
        f'    grads["dxt"] = grads["dxt"] + p["{on_x}{gate}"].T @ d{gate}\n'
        f'    grads["da_prev"] = grads["da_prev"] + p["{on_a}{gate}"].T @ d{gate}\n'
        for gate in "fioc"
    )
    return (
        f"{SIGMOID}def lstm_cell_forward(xt, a_prev, c_prev, p):\n{gates}"
        f"    c_next = ft * c_prev + it * cct\n    a_next = ot * np.tanh(c_next)\n"
        f"    return a_next, c_next, ({kept})\n\n\n"
        f"def lstm_cell_backward(da_next, dc_next, cache):\n    {kept} = cache\n    t = np.tanh(c_next)\n"
        "    through = dc_next + da_next * ot * (1 - t * t)\n    do = da_next * t * ot * (1 - ot)\n"
        "    df = through * c_prev * ft * (1 - ft)\n    di = through * cct * it * (1 - it)\n"
        "    dc = through * it * (1 - cct * cct)\n"
        f'    grads = {{"dc_prev": through * ft, "dxt": 0, "da_prev": 0}}\n{gradients}    return grads\n'
    )


def gru(on_x: str, on_h: str) -> str:
    gates = {
        gate: f'p["{on_x}{gate}"] @ xt + p["{on_h}{gate}"] @ {state} + p["b{gate}"]'
        for gate, state in (("z", "h_prev"), ("r", "h_prev"), ("h", "(r * h_prev)"))
    }
    return (
        f"{SIGMOID}def gru_cell_forward(xt, h_prev, p):\n    z = sigmoid({gates['z']})\n    r = sigmoid({gates['r']})\n"
        f"    new = np.tanh({gates['h']})\n    h = z * new + (1 - z) * h_prev\n"
        "    return h, (h, h_prev, z, r, new, xt, p)\n"
    )


@pytest.mark.parametrize("halves", [("W", "U"), ("U", "W"), ("w_", "u_")])
def test_either_of_w_and_u_may_be_the_half_that_acts_on_x(halves):
    said = judged(lstm(*halves), "lstm_cell_forward", "lstm_cell_backward")
    assert {name: each.verdict for name, each in said.items() if name != "sigmoid"} == {
        "lstm_cell_forward": "correct",
        "lstm_cell_backward": "correct",
    }
    assert "weights split by what they act on" in said["lstm_cell_forward"].convention


@pytest.mark.parametrize("halves", [("W", "U"), ("U", "W"), ("Wx", "Wh"), ("W_x", "W_h")])
def test_a_gru_whose_candidate_is_called_h_has_a_half_on_the_state_that_is_called_hh(halves):
    said = judged(gru(*halves), "gru_cell_forward")["gru_cell_forward"]
    assert (said.verdict, said.findings) == ("correct", ())


@pytest.mark.parametrize("halves", [("W", "U"), ("U", "W")])
@pytest.mark.parametrize(
    ("old", "new", "function", "equation"),
    [
        ("ft * c_prev + it * cct\n", "ft * c_prev + it + cct\n", "lstm_cell_forward", "lstm.4"),
        ("through * c_prev * ft", "through * c_next * ft", "lstm_cell_backward", "lstm.10"),
    ],
)
def test_a_mistake_beside_halved_weights_is_explained_by_its_equation_alone(halves, old, new, function, equation):
    said = judged(changed(lstm(*halves), old, new), "lstm_cell_forward", "lstm_cell_backward")
    assert {name for name, each in said.items() if each.verdict != "correct"} == {function}
    assert [(each.equation, each.certainty) for each in said[function].findings] == [(equation, "explained")]


def test_a_name_of_the_courses_own_is_whole_only_where_its_counterpart_is_not_there():
    assert guesses(["Wf", "Uf"], "lstm", {"Wf": "Wf", "Uf": "Wfa"})[1]["Wf"].part == "a"
    assert [slots["Wf"].part for slots in guesses(["Wf", "bf"], "lstm", {"Wf": "Wf", "bf": "bf"})] == [""]


def by_key(weight: str, bias: str) -> str:
    """An LSTM cell whose keys are put together while it runs."""
    return (
        f"{SIGMOID}def lstm_cell_forward(xt, a_prev, c_prev, parameters):\n"
        "    both, g = np.vstack((a_prev, xt)), {}\n"
        '    for gate in "fioc":\n'
        f"        z = parameters[{weight}] @ both + parameters[{bias}]\n"
        '        g[gate] = np.tanh(z) if gate == "c" else sigmoid(z)\n'
        '    c_next = g["f"] * c_prev + g["i"] * g["c"]\n    return g["o"] * np.tanh(c_next), c_next\n'
    )


KEYS = [('"W_{}".format(gate)', '"b_{}".format(gate)'), ('f"w{gate}"', 'f"b{gate}"'), ('"W%s" % gate', '"b_%s" % gate')]


@pytest.mark.parametrize("keys", KEYS)
def test_keys_that_are_put_together_while_the_function_runs_are_names_as_any(keys):
    assert judged(by_key(*keys))["lstm_cell_forward"].verdict == "correct"


@pytest.mark.parametrize("keys", KEYS)
def test_a_mistake_beneath_keys_that_are_put_together_is_explained(keys):
    wrong = changed(by_key(*keys), 'g["f"] * c_prev + g["i"] * g["c"]', 'g["f"] * c_prev + g["i"] + g["c"]')
    said = judged(wrong)["lstm_cell_forward"]
    assert [(each.equation, each.certainty) for each in said.findings] == [("lstm.4", "explained")]


def test_a_key_that_is_no_parameters_name_stays_the_learners_error():
    said = judged(by_key('"q_" + gate + "?"', '"b" + gate'))["lstm_cell_forward"]
    assert (said.verdict, said.reason.partition(" (")[0]) == ("crashed", "KeyError: 'q_f?'")


def test_a_dictionary_of_parameters_in_a_cache_is_no_weight_whatever_its_key():
    text = by_key('"W_" + gate', '"b_" + gate').replace("parameters", "params")
    text = changed(text, "c_next), c_next", 'c_next), c_next, {**g, "params": params, "c_prev": c_prev, "xt": xt}')
    assert judged(text)["lstm_cell_forward"].verdict == "correct"
