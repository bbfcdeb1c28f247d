"""Options around the cells: dropout between layers, merged directions, the learned initial state, first values."""

import copy
import json
import pickle
from functools import partial

import numpy as np
import pytest

from helpers import rng, tolerance
from layers.gradients import assert_gradients, randomised, some_state
from unrolled.errors import ParameterError
from unrolled.initializers import INITIALIZERS
from unrolled.layers import GRU, LSTM, RNN, LSTMState

KINDS = {"lstm": LSTM, "gru": GRU, "gru before": partial(GRU, reset="before"), "rnn": RNN}
MERGES = ["concat", "sum", "mul", "ave"]
T, N, I, H = 6, 4, 3, 5  # noqa: E741 - all different, so that a transpose cannot hide
small = {"dtype": "float64", "seed": 0}


@pytest.fixture(params=KINDS)
def kind(request):
    return KINDS[request.param]


def some_input(seed: int = 1, steps: int = T) -> np.ndarray:
    return rng(seed).normal(size=(steps, N, I))


# Gradients: all options of this file at once, then each way of running them

EVERYTHING = {"num_layers": 2, "dropout": 0.4, "initial_state": "learned"}
SITUATIONS = {
    "one step": {"T": 1},
    "three steps": {"T": 3},
    "the learned state": {"T": 3, "learned": True},
    "unequal lengths": {"T": 4, "N": 3, "lengths": [2, 4, 0], "learned": True},
    "no dropping": {"T": 3, "training": False},
    "gates computed again": {"T": 3, "memory": "low"},
    "cells computed again": {"T": 3, "memory": "sqrt", "learned": True},
}


@pytest.mark.parametrize("situation", SITUATIONS)
@pytest.mark.parametrize("directions", [{}, *({"bidirectional": True, "merge": merge} for merge in MERGES)], ids=str)
def test_every_gradient_matches_central_differences(kind, directions, situation):
    assert_gradients(kind(2, 3, **EVERYTHING, **directions, **small), **SITUATIONS[situation])


@pytest.mark.parametrize("merge", MERGES)
def test_merging_one_layer_has_right_gradients_too(kind, merge):
    assert_gradients(kind(2, 3, bidirectional=True, merge=merge, **small), T=3, lengths=[3, 2])


# Dropout between layers


def test_dropout_stands_between_the_layers_and_nowhere_else(kind):
    """The layers one by one with the same masks: each of those that come is drawn before a layer but the first."""
    layer = randomised(kind(I, H, num_layers=3, dropout=0.5, **small))
    masks = np.random.default_rng(0)
    masks.bit_generator.state = layer.random_state
    run = layer.forward(some_input())
    x = some_input()
    for k in range(3):
        if k:
            x = x * (masks.random((T, N, H), np.float32) >= 0.5) * 2
        one = kind(x.shape[2], H, **small)
        one.set(**{name: layer.parameters[name.replace("l0", f"l{k}")] for name in one.parameters})
        x = one(x)[0]
    np.testing.assert_allclose(run.output, x, **tolerance("engine and steps"))


@pytest.mark.parametrize("way", ["call", "step", "forward"])
def test_inference_drops_nothing_and_draws_nothing(kind, way):
    layer, plain = (kind(I, H, num_layers=2, dropout=p, **small) for p in (0.5, 0.0))
    before, x = layer.random_state, some_input()
    found = {
        "call": lambda layer: layer(x)[0],
        "step": lambda layer: layer.step(x[0])[0],
        "forward": lambda layer: layer.forward(x, training=False).output,
    }[way]
    assert found(layer).tobytes() == found(plain).tobytes()
    assert layer.random_state == before
    layer.forward(x)
    assert layer.random_state != before


def test_a_random_state_kept_as_json_repeats_a_training_pass_bit_for_bit(kind):
    options = {"num_layers": 2, "dropout": 0.5, "bidirectional": True}
    layer, resumed = kind(I, H, **options, seed=0), kind(I, H, **options, seed=1)
    resumed.set(**layer.parameters)
    x = some_input().astype("float32")
    layer.forward(x)
    kept = json.dumps(layer.random_state)
    resumed.random_state = json.loads(kept)
    for _ in range(2):
        run, again = layer.forward(x), resumed.forward(x)
        assert run.output.tobytes() == again.output.tobytes()
        dx, dx_again = layer.backward(run, run.output).x, resumed.backward(again, again.output).x
        assert dx.tobytes() == dx_again.tobytes()


def test_the_same_seed_gives_the_same_masks_and_another_does_not(kind):
    def output(seed: int) -> bytes:
        layer = kind(I, H, num_layers=2, dropout=0.5, dtype="float64", seed=seed)
        layer.set(**{name: np.ones_like(array) for name, array in layer.parameters.items()})
        return layer.forward(some_input()).output.tobytes()

    assert output(1) == output(1) == output(rng(1))
    assert output(1) != output(2)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))])
def test_a_copied_layer_goes_on_with_the_same_masks_and_changes_alone(kind, copied):
    layer = kind(I, H, bidirectional=True, merge="sum", **EVERYTHING, **small)
    layer.forward(some_input())
    other = copied(layer)
    run, again = layer.forward(some_input()), other.forward(some_input())
    assert run.output.tobytes() == again.output.tobytes()
    other.backward(again, again.output)
    other.set(bias_l0=other.parameters["bias_l0"] + 1)
    assert (other(some_input())[0] != layer(some_input())[0]).any()


def test_a_trace_holds_each_layer_and_direction_as_it_ran(kind):
    layer = randomised(kind(I, H, bidirectional=True, merge="mul", **EVERYTHING, **small))
    run = layer.forward(some_input(), trace=True)
    assert len(run.trace) == 4
    np.testing.assert_array_equal(run.trace[2].h * run.trace[3].h, run.output)
    h_n = run.state.h if kind is LSTM else run.state
    for index, trace in enumerate(run.trace):
        np.testing.assert_array_equal(trace.h[-1 if index % 2 == 0 else 0], h_n[index])


def test_tokens_are_looked_up_by_a_chain_of_layers_as_by_the_network(kind):
    layer = randomised(kind(I, H, bidirectional=True, merge="ave", **EVERYTHING, **small))
    embedding, tokens = rng(5).normal(size=(7, I)), rng(6).integers(0, 7, (T, N)).astype(np.int32)
    masks, state, lengths = layer.random_state, some_state(layer, N, 7), [6, 3, 0, 5]
    found = layer.forward_tokens(tokens, embedding, state, lengths=lengths)
    layer.random_state = masks
    expected = layer.forward(embedding[tokens], state, lengths=lengths)
    np.testing.assert_allclose(found.output, expected.output, **tolerance("engine and steps"))
    grads, dexpected = (layer.backward(run, np.cos(run.output)) for run in (found, expected))
    dembedding = np.zeros_like(embedding)
    np.add.at(dembedding, tokens, dexpected.x)
    np.testing.assert_allclose(grads.embedding, dembedding, **tolerance("engine and steps"))
    for name, array in dexpected.parameters.items():
        np.testing.assert_allclose(grads.parameters[name], array, **tolerance("engine and steps"), err_msg=name)
    inference = layer.forward_tokens(tokens, embedding, state, lengths=lengths, keep=False)
    whole = layer(embedding[tokens], state, lengths=lengths)[0]
    np.testing.assert_allclose(inference.output, whole, **tolerance("engine and steps"))


# Merging


@pytest.mark.parametrize("merge", MERGES)
def test_directions_are_merged_as_the_name_says_and_padding_stays_zero(kind, merge):
    layer = randomised(kind(I, H, bidirectional=True, merge=merge, **small))
    beside = kind(I, H, bidirectional=True, **small)
    beside.set(**layer.parameters)
    lengths = [6, 3, 1, 0]
    forward, backward = np.split(beside(some_input(), lengths=lengths)[0], 2, axis=2)
    expected = {
        "concat": np.concatenate([forward, backward], axis=2),
        "sum": forward + backward,
        "mul": forward * backward,
        "ave": (forward + backward) / 2,
    }[merge]
    found = layer(some_input(), lengths=lengths)[0]
    np.testing.assert_array_equal(found, expected)
    assert found.shape[2] == layer.output_size
    assert not found[3:, 1].any()
    np.testing.assert_array_equal(layer(some_input())[1], beside(some_input())[1])


def test_a_merged_layer_hands_one_width_to_the_layer_above(kind):
    layer = kind(I, H, num_layers=2, bidirectional=True, merge="sum", **small)
    assert layer.parameters["weight_ih_l1"].shape[1] == layer.output_size == H
    with pytest.raises(ValueError, match=r"`dy` has shape \(6, 4, 10\), expected \(T, N, H\) = \(6, 4, 5\)"):
        layer.backward(layer.forward(some_input()), np.zeros((T, N, 2 * H)))


# The learned initial state


def test_a_learned_state_starts_at_zero_has_a_name_for_each_layer_and_direction_and_is_used_where_none_is_given(kind):
    layer = kind(I, H, num_layers=2, bidirectional=True, initial_state="learned", **small)
    plain = kind(I, H, num_layers=2, bidirectional=True, **small)
    parts = ("h0", "c0") if kind is LSTM else ("h0",)
    names = [f"{part}_{suffix}" for suffix in ("l0", "l0_reverse", "l1", "l1_reverse") for part in parts]
    assert [name for name in layer.parameters if name not in plain.parameters] == names
    x = some_input()
    np.testing.assert_array_equal(layer(x)[0], plain(x)[0])
    values = rng(3).normal(size=(len(names), H))
    layer.set(**dict(zip(names, values, strict=True)))
    given = [np.repeat(values[k :: len(parts), None], N, axis=1) for k in range(len(parts))]
    state = LSTMState(*given) if kind is LSTM else given[0]
    expected = plain(x, state)[0]
    for found in (layer(x)[0], layer.forward(x).output, layer.forward(x, state).output):
        np.testing.assert_array_equal(found, expected)


def test_the_learned_state_begins_a_stream_and_follows_its_changes(kind):
    layer, x = randomised(kind(I, H, num_layers=2, initial_state="learned", **small)), some_input()
    for _ in range(2):
        state, outputs = None, []
        for x_t in x:
            y_t, state = layer.step(x_t, state)
            outputs.append(y_t)
        np.testing.assert_array_equal(np.stack(outputs), layer(x)[0])
        np.testing.assert_array_equal(layer(x[:1])[0], layer(x)[0][:1])
        layer.set(h0_l0=layer.parameters["h0_l0"] + 1)


def test_the_learned_state_has_no_gradient_where_a_state_was_given(kind):
    layer = randomised(kind(I, H, initial_state="learned", **small))
    for state, learns in ((None, True), (some_state(layer, N, 2), False)):
        grads = layer.backward(layer.forward(some_input(), state), np.ones((T, N, H)))
        assert grads.parameters["h0_l0"].any() == learns
        assert np.asarray(grads.state).any()


# First values


@pytest.mark.parametrize("name", INITIALIZERS)
def test_weights_begin_gate_by_gate_with_the_values_of_the_name(kind, name):
    layer = kind(I, H, num_layers=2, weight_init=name, recurrent_init=name, dtype="float64", seed=3)
    draw = rng(3)
    for k, inputs in enumerate((I, H)):
        for parameter, columns in (("weight_ih", inputs), ("weight_hh", H)):
            weights = layer.parameters[f"{parameter}_l{k}"]
            blocks = [INITIALIZERS[name](draw, H, columns) for _ in range(len(weights) // H)]
            np.testing.assert_array_equal(weights, np.concatenate(blocks))


def test_an_irnn_starts_by_adding_up_what_comes_in():
    irnn = RNN(2, 2, nonlinearity="relu", weight_init="identity", recurrent_init="identity", **small)
    x = np.abs(rng(0).normal(size=(T, N, 2)))
    np.testing.assert_allclose(irnn(x)[0], np.cumsum(x, axis=0), **tolerance("reordered"))


@pytest.mark.parametrize("value", [0, 1.0, -2.5])
def test_the_forget_bias_is_the_first_value_of_the_forget_gates_bias_alone(value):
    i, f, g, o = np.split(LSTM(I, H, forget_bias=value, **small).parameters["bias_l0"], 4)
    assert (f == value).all()
    assert not np.concatenate([i, g, o]).any()


# What is refused

WRONG = {
    "merge": (
        {"merge": "max", "bidirectional": True},
        r"`merge` is 'max', expected 'concat', 'sum', 'mul' or 'ave'; how",
    ),
    "merge of one": (
        {"merge": "sum"},
        r"`merge` is 'sum' with one direction, expected 'concat'; pass bidirectional=True",
    ),
    "dropout of one": (
        {"dropout": 0.5},
        r"`dropout` is 0\.5 with one layer, expected 0; it acts between layers, so use",
    ),
    "dropout": ({"dropout": 1, "num_layers": 2}, r"`dropout` is 1, expected a number from 0 to below 1; it is a prob"),
    "state": (
        {"initial_state": "ones"},
        r"`initial_state` is 'ones', expected 'zeros' or 'learned'; where no state is",
    ),
    "weight": ({"weight_init": "xavier"}, r"`weight_init` is 'xavier', expected 'orthogonal', .* or 'zeros'; they are"),
    "recurrent": (
        {"recurrent_init": None},
        r"`recurrent_init` is None, expected 'orthogonal', .* or 'zeros'; they are",
    ),
}


@pytest.mark.parametrize(("options", "words"), WRONG.values(), ids=WRONG)
def test_an_option_that_is_wrong_or_does_nothing_is_refused(kind, options, words):
    with pytest.raises(ParameterError, match=words):
        kind(I, H, **options)


@pytest.mark.parametrize("value", [np.nan, np.inf, "1", None, True])
def test_a_forget_bias_that_is_no_finite_number_is_refused(value):
    with pytest.raises(ParameterError, match=r"`forget_bias` is .*, expected a finite number; 1 is usual"):
        LSTM(I, H, forget_bias=value)


def test_a_random_state_of_other_options_is_refused(kind):
    plain, layer = kind(I, H), kind(I, H, num_layers=2, dropout=0.5)
    with pytest.raises(ParameterError, match=r"`random_state` is a dict, expected None; this \w+ draws no masks"):
        plain.random_state = layer.random_state
    with pytest.raises(ParameterError, match=r"`random_state` is None, expected what this property gave before"):
        layer.random_state = plain.random_state


@pytest.mark.parametrize("name", ["bidirectional", "layer_norm", "peepholes"])
@pytest.mark.parametrize("value", ["yes", 2, None])
def test_an_option_that_is_neither_true_nor_false_is_refused(name, value):
    with pytest.raises(ParameterError, match=f"`{name}` is {value!r}, expected True or False"):
        LSTM(I, H, **{name: value})
    assert LSTM(I, H, **{name: np.True_}).options == LSTM(I, H, **{name: True}).options
