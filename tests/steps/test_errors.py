"""Every error of `unrolled.steps`: it names the argument, what was expected, what came, and the remedy."""

import re
from typing import Any

import numpy as np
import pytest

from steps.gradients import N_A, N_X, N_Y, M
from steps.networks import given
from unrolled import steps
from unrolled.errors import ParameterError, ShapeError

CALLS: dict[str, Any] = {
    "rnn": lambda g: steps.rnn_forward(g["x"], g["a0"], g["parameters"]),
    "rnn cell": lambda g: steps.rnn_cell_forward(g["x"][:, :, 0], g["a0"], g["parameters"]),
    "lstm": lambda g: steps.lstm_forward(g["x"], g["a0"], g["parameters"], c0=g["c0"]),
    "lstm cell": lambda g: steps.lstm_cell_forward(g["x"][:, :, 0], g["a0"], g["c0"], g["parameters"]),
    "gru after": lambda g: steps.gru_forward(g["x"], g["a0"], g["parameters"], reset="after"),
    "gru cell": lambda g: steps.gru_cell_forward(g["x"][:, :, 0], g["a0"], g["parameters"]),
}
NAMES = {call: sorted(given(call)["parameters"].keys() - ({"bca"} if call == "gru cell" else set())) for call in CALLS}
EACH = [(call, name) for call in CALLS for name in NAMES[call]]


def forward(network: str) -> tuple[dict[str, Any], Any]:
    g = given(network)
    return g, CALLS[network](g)[-1]


@pytest.mark.parametrize(("call", "name"), EACH)
def test_a_missing_parameter_is_named_with_those_needed(call, name):
    g = given(call)
    del g["parameters"][name]
    with pytest.raises(
        ParameterError, match=rf"`parameters` has no key '{name}', expected the keys .*{name}.*; add the"
    ):
        CALLS[call](g)


@pytest.mark.parametrize(("call", "name"), [row for row in EACH if row[1] != "Waa"])
def test_a_transposed_parameter_is_named_with_its_remedy(call, name):
    g = given(call)
    g["parameters"][name] = g["parameters"][name].T
    shape = re.escape(str(g["parameters"][name].shape))
    with pytest.raises(ShapeError, match=rf"`{name}` has shape {shape}, expected .*did you pass its transpose\?"):
        CALLS[call](g)


@pytest.mark.parametrize(("call", "name"), EACH)
@pytest.mark.parametrize("dtype", [int, complex, object, bool])
def test_a_parameter_that_is_not_of_floats_is_named_with_its_remedy(call, name, dtype):
    g = given(call)
    g["parameters"][name] = g["parameters"][name].astype(dtype)
    with pytest.raises(
        ParameterError, match=rf"`{name}` has dtype {np.dtype(dtype)}, expected a float dtype; convert it"
    ):
        CALLS[call](g)


@pytest.mark.parametrize("call", CALLS)
def test_a_list_is_no_array(call):
    g = given(call)
    g["parameters"]["by"] = g["parameters"]["by"].tolist()
    with pytest.raises(
        ParameterError, match=r"`by` is of type list, expected a NumPy array of floats; convert it with"
    ):
        CALLS[call](g)


@pytest.mark.parametrize("call", CALLS)
def test_parameters_that_are_no_dictionary_are_named(call):
    g = given(call)
    g["parameters"] = g["a0"]
    with pytest.raises(
        ParameterError, match=r"`parameters` is of type ndarray, expected a dictionary .*; did you swap"
    ):
        CALLS[call](g)


@pytest.mark.parametrize(("call", "name"), [(c, n) for c in CALLS for n in ("a0", "c0") if n == "a0" or "lstm" in c])
def test_a_state_of_another_batch_is_named(call, name):
    g = given(call)
    g[name] = g[name][:, :-1]
    shown = {"a0": {"gru": "c"}.get(call[:3], "a"), "c0": "c"}[name] + ("_prev" if "cell" in call else "0")
    wanted = rf"`{shown}` has shape \(4, 4\), expected \(n_a, m\) = \(4, 5\); it must agree with the other arguments"
    with pytest.raises(ShapeError, match=wanted):
        CALLS[call](g)


@pytest.mark.parametrize("call", CALLS)
def test_inputs_of_the_engines_axes_are_named(call):
    g = given(call)
    g["x"] = g["x"].transpose(1, 0, 2) if "cell" in call else g["x"].T
    name, axes = ("xt", "n_x, m") if "cell" in call else ("x", "n_x, m, T")
    with pytest.raises(
        ShapeError, match=rf"`{name}` has shape .*, expected \({axes}\) = \(2, m.*\); did you pass its tr"
    ):
        CALLS[call](g)


def test_a_missing_axis_is_named_with_its_remedy():
    g = given("rnn")
    with pytest.raises(ShapeError, match=r"`a_prev` has shape \(4,\), expected .*; an axis is missing: .*np.newaxis"):
        steps.rnn_cell_forward(g["x"][:, :, 0], g["a0"][:, 0], g["parameters"])
    g["parameters"]["ba"] = np.zeros(())
    with pytest.raises(ShapeError, match=r"`ba` has shape \(\), expected \(n_a, 1\).*; check the number of its axes"):
        steps.rnn_cell_forward(g["x"][:, :, 0], g["a0"], g["parameters"])


def test_a_recurrent_weight_that_is_not_square_is_named():
    g = given("rnn")
    g["parameters"]["Waa"] = np.ones((N_A, N_X))
    with pytest.raises(ShapeError, match=r"`Waa` has shape \(4, 2\), expected \(n_a, n_a\) = \(4, 4\); it must agree"):
        CALLS["rnn"](g)


@pytest.mark.parametrize(
    ("lengths", "error", "words"),
    [
        ([3, 3, 3], ShapeError, r"`lengths` has shape \(3,\), expected \(m,\) = \(5,\); give one length for each"),
        ([3, 2, 4, 0, 1], ParameterError, r"`lengths` has 4 for column 2, expected 0 to T = 3; count"),
        ([3, -1, 0, 0, 1], ParameterError, r"`lengths` has -1 for column 1, expected 0 to T = 3; count"),
        ([3.0, 2.0, 1.0, 1.0, 1.0], ParameterError, r"`lengths` has dtype float64, expected integers; convert it with"),
    ],
)
def test_wrong_lengths_are_named(lengths, error, words):
    for network, arguments in (("rnn", {}), ("lstm", {}), ("gru", {"reset": "after"})):
        g = given(network)
        with pytest.raises(error, match=words):
            getattr(steps, network + "_forward")(g["x"], g["a0"], g["parameters"], lengths=lengths, **arguments)


@pytest.mark.parametrize(("network", "name"), [("rnn", "da"), ("lstm", "da"), ("gru after", "dc")])
class TestBackward:
    def backward(self, network: str) -> Any:
        return getattr(steps, network.split()[0] + "_backward")

    def test_more_steps_than_the_forward_pass_are_named(self, network, name):
        g, caches = forward(network)
        da = np.concatenate([g["da"], g["da"]], axis=2)
        words = rf"`{name}` has shape \(4, 5, 6\), expected \(n_a, m, T_{name}\) .* at most the T = 3 steps .*; did you"
        with pytest.raises(ShapeError, match=words):
            self.backward(network)(da, caches)

    def test_another_batch_is_named(self, network, name):
        g, caches = forward(network)
        with pytest.raises(
            ShapeError, match=rf"`{name}` has shape \(4, 4, 3\), expected .* = \(n_a, 5, T_{name}\); it must"
        ):
            self.backward(network)(g["da"][:, 1:], caches)

    def test_other_units_are_named(self, network, name):
        g, caches = forward(network)
        with pytest.raises(
            ShapeError, match=rf"`{name}_next` has shape \(3, 5\), expected \(n_a, m\) = \(4, 5\); it must"
        ):
            self.backward(network)(g["da"][1:], caches)

    def test_integers_are_named(self, network, name):
        g, caches = forward(network)
        with pytest.raises(ParameterError, match=rf"`{name}` has dtype int64, expected a float dtype; convert it with"):
            self.backward(network)(g["da"].astype(np.int64), caches)

    def test_a_final_gradient_of_another_shape_is_named(self, network, name):
        g, caches = forward(network)
        finals = {"rnn": ["da_final"], "lstm": ["da_final", "dc_final"], "gru": ["dc_final"]}[network.split()[0]]
        for final in finals:
            with pytest.raises(
                ShapeError, match=rf"`{final}` has shape \(5, 4\), expected .*; did you pass its transpose"
            ):
                self.backward(network)(g["da"], caches, **{final: g["a0"].T})

    def test_lengths_that_the_forward_pass_did_not_have_are_named(self, network, name):
        g, caches = forward(network)
        words = (
            r"`lengths` leaves 4 running columns at step 2, expected the 5 of the forward pass; pass the same lengths"
        )
        with pytest.raises(ShapeError, match=words):
            self.backward(network)(g["da"], caches, lengths=[3, 3, 3, 3, 2])

    def test_caches_without_the_input_are_named(self, network, name):
        g, caches = forward(network)
        with pytest.raises(
            ParameterError, match=r"`caches` is of type list, expected \(list of caches, x\); pass the last"
        ):
            self.backward(network)(g["da"], caches[0])

    def test_a_lost_cache_is_named(self, network, name):
        g, (cells, x) = forward(network)
        with pytest.raises(
            ParameterError, match=r"`caches` holds 2 caches for an `x` of 3 steps, expected one for each"
        ):
            self.backward(network)(g["da"], (cells[1:], x))

    def test_the_cache_of_another_network_is_named(self, network, name):
        g, (_, x) = forward(network)
        other = tuple(forward("lstm" if network == "rnn" else "rnn")[1][0][0])
        words = rf"`cache` is a tuple of {len(other)} entries, expected \(.*xt, parameters.*\); pass the cache that "
        with pytest.raises(ParameterError, match=words):
            self.backward(network)(g["da"], ([other] * 3, x))

    def test_a_cell_without_its_cache_is_named(self, network, name):
        g = given(network)
        cell = getattr(steps, network.split()[0] + "_cell_backward")
        upstream = [g["a0"]] * (2 if network == "lstm" else 1)
        with pytest.raises(ParameterError, match=r"`cache` is of type ndarray, expected \(.*\); pass the cache that"):
            cell(*upstream, g["a0"])


@pytest.mark.parametrize("function", [steps.gru_forward, steps.gru_cell_forward])
def test_a_form_of_the_gru_that_does_not_exist_is_named(function):
    g = given("gru after")
    with pytest.raises(ParameterError, match=r"`reset` is 'beside', expected 'before' or 'after'; pass one of the two"):
        function(g["x"], g["a0"], g["parameters"], reset="beside")


def test_the_form_with_the_reset_after_needs_its_bias_only_there():
    g = given("gru after")
    del g["parameters"]["bca"]
    steps.gru_forward(g["x"], g["a0"], g["parameters"], reset="before")
    with pytest.raises(ParameterError, match=r"`parameters` has no key 'bca'"):
        steps.gru_forward(g["x"], g["a0"], g["parameters"], reset="after")


HEAD = {"Wy": np.ones((N_Y, N_A)), "by": np.ones((N_Y, 1))}
A, CLASSES = np.ones((N_A, M, 3)), np.ones((M, 3), dtype=int)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (
            {"parameters": {"by": HEAD["by"]}},
            ParameterError,
            r"`parameters` has neither 'Wya' nor 'Wy', expected one head",
        ),
        (
            {"parameters": HEAD | {"Wya": HEAD["Wy"]}},
            ParameterError,
            r"`parameters` has both 'Wya' and 'Wy', expected one",
        ),
        (
            {"parameters": {"Wy": HEAD["Wy"]}},
            ParameterError,
            r"`parameters` has no key 'by', expected the keys Wy, by; add",
        ),
        (
            {"parameters": HEAD | {"by": np.ones((3, 1))}},
            ShapeError,
            r"`Wy` has shape \(8, 4\), expected .* = \(3, n_a\); it",
        ),
        ({"a": A.astype(int)}, ParameterError, r"`a` has dtype int64, expected a float dtype; convert it"),
        (
            {"a": A[1:]},
            ShapeError,
            r"`a` has shape \(3, 5, 3\), expected \(n_a, m, T\) = \(4, m, T\); `Wy` acts on its",
        ),
        ({"a": A[1:, :, 0]}, ShapeError, r"`a` has shape \(3, 5\), expected \(n_a, m\) = \(4, m\); `Wy` acts on its"),
        (
            {"a": A[0, 0]},
            ShapeError,
            r"`a` has shape \(3,\), expected \(n_a, m, T\) = \(4, m, T\); `Wy` acts on its first",
        ),
        (
            {"a": A[:, :, 0], "lengths": [1] * M},
            ShapeError,
            r"`a` has shape \(4, 5\), expected .* with `lengths`; leave",
        ),
        (
            {"labels": CLASSES[1:]},
            ShapeError,
            r"`labels` has shape \(4, 3\), expected \(m, T\) = \(5, 3\); give one class",
        ),
        (
            {"labels": np.ones((3, M, 3))},
            ShapeError,
            r"`labels` has shape \(3, 5, 3\), expected .* = \(8, 5, 3\); give one",
        ),
        (
            {"labels": CLASSES * 1.0},
            ParameterError,
            r"`labels` has dtype float64, expected integers; convert them with",
        ),
        (
            {"labels": CLASSES * N_Y},
            ParameterError,
            r"`labels` has class 8, expected 0 to n_y - 1 = 7; number them from 0",
        ),
        ({"labels": -CLASSES}, ParameterError, r"`labels` has class -1, expected 0 to n_y - 1 = 7; number them from 0"),
        (
            {"labels": np.ones((N_Y, M, 3))},
            ParameterError,
            r"`labels` has columns that .* sum to 1, expected a distribution",
        ),
        ({"reduction": "max"}, ParameterError, r"`reduction` is 'max', expected 'sum' or 'mean'; pass one of the two"),
        ({"lengths": [9] * M}, ParameterError, r"`lengths` has 9 for column 0, expected 0 to T = 3; count"),
    ],
)
def test_a_wrong_argument_of_the_head_is_named(arguments, error, words):
    with pytest.raises(error, match=words):
        steps.output_forward(**{"a": A, "labels": CLASSES, "parameters": HEAD, **arguments})


def test_a_cache_of_another_function_is_no_cache_of_the_head():
    with pytest.raises(
        ParameterError, match=r"`cache` is a tuple of 2 entries, expected \(a, y_pred, y, .*output_forward"
    ):
        steps.output_backward((A, HEAD))


@pytest.mark.parametrize(
    "function", [steps.sigmoid, steps.softmax, steps.log_softmax, steps.sigmoid_derivative, steps.tanh_derivative]
)
def test_an_activation_of_integers_is_an_error(function):
    with pytest.raises(
        ParameterError, match=r"` has dtype int64, expected a float dtype; convert it with .astype\(float\)"
    ):
        function(np.array([1, 2]))


@pytest.mark.parametrize("function", [steps.softmax, steps.log_softmax])
@pytest.mark.parametrize("shape", [(), (0, 3)])
def test_probabilities_of_no_classes_are_an_error(function, shape):
    with pytest.raises(
        ShapeError, match=rf"`x` has shape {re.escape(str(shape))}, expected \(n, m\) .* at least 1; give"
    ):
        function(np.zeros(shape))
