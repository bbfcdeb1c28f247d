"""Recurrent dropout, zoneout, layer norm, peepholes, projection in layers: equations, gradients, streams, refusals."""

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pytest

from engine.variant_reference import step
from helpers import rng, tolerance
from layers.gradients import as_arrays, assert_gradients, randomised, some_state
from unrolled.engine.threads import threads
from unrolled.errors import ParameterError, ShapeError
from unrolled.layers import GRU, LSTM, RNN, LSTMState
from unrolled.layers.recurrent import Recurrent

T, N, I, H, P = 6, 4, 3, 5, 2  # noqa: E741 - all different, so that a transpose cannot hide
small = {"dtype": "float64", "seed": 0}
GRU_BEFORE = partial(GRU, reset="before")
RELU = partial(RNN, nonlinearity="relu")

MASKS = {"recurrent_dropout": 0.3, "zoneout": 0.4}
ALONE = {
    "lstm, recurrent dropout": (LSTM, {"recurrent_dropout": 0.3}),
    "lstm, zoneout": (LSTM, {"zoneout": 0.3}),
    "lstm, zoneout of h": (LSTM, {"zoneout": (0.3, 0)}),
    "lstm, zoneout of c": (LSTM, {"zoneout": (0, 0.5)}),
    "lstm, layer norm": (LSTM, {"layer_norm": True}),
    "lstm, peepholes": (LSTM, {"peepholes": True}),
    "lstm, projection": (LSTM, {"proj_size": P}),
    "gru, recurrent dropout": (GRU, {"recurrent_dropout": 0.3}),
    "gru, zoneout": (GRU, {"zoneout": 0.3}),
    "gru, layer norm": (GRU, {"layer_norm": True}),
    "gru before, recurrent dropout": (GRU_BEFORE, {"recurrent_dropout": 0.3}),
    "gru before, zoneout": (GRU_BEFORE, {"zoneout": 0.3}),
    "rnn, recurrent dropout": (RNN, {"recurrent_dropout": 0.3}),
    "rnn, zoneout": (RNN, {"zoneout": 0.3}),
}
TOGETHER = {
    "lstm, all": (
        LSTM,
        {
            "recurrent_dropout": 0.3,
            "zoneout": (0.2, 0.5),
            "layer_norm": True,
            "peepholes": True,
            "proj_size": P,
        },
    ),
    "gru, all": (GRU, {**MASKS, "layer_norm": True}),
    "gru before, all": (GRU_BEFORE, MASKS),
    "rnn, all": (RNN, MASKS),
    "relu, all": (RELU, MASKS),
}
VARIANTS = ALONE | TOGETHER
AROUND = {"num_layers": 2, "bidirectional": True, "dropout": 0.4, "initial_state": "learned"}


def some_input(seed: int = 1) -> np.ndarray:
    return rng(seed).normal(size=(T, N, I))


# Gradients


@pytest.mark.parametrize("steps", [1, 3])
@pytest.mark.parametrize("name", VARIANTS)
def test_every_gradient_matches_central_differences(name, steps):
    kind, options = VARIANTS[name]
    assert_gradients(kind(2, 3, **options, **small), T=steps)


SITUATIONS = {
    "one step": {"T": 1},
    "three steps": {"T": 3},
    "the learned state": {"T": 3, "learned": True},
    "unequal lengths": {"T": 4, "N": 3, "lengths": [2, 4, 0], "learned": True},
    "inference": {"T": 3, "training": False},
}


@pytest.mark.parametrize("situation", SITUATIONS)
@pytest.mark.parametrize("merge", ["concat", "mul"])
@pytest.mark.parametrize("name", TOGETHER)
def test_layers_and_directions_of_variants_have_right_gradients(name, merge, situation):
    kind, options = TOGETHER[name]
    assert_gradients(kind(2, 3, **options, **AROUND, merge=merge, **small), **SITUATIONS[situation])


# The equations, in plain NumPy, one sequence and one step after the other


def by_equations(layer: Recurrent, cell: str, x, state, lengths, masks: np.random.Generator | None):
    """Output, last states and cell states of every step, the masks being drawn as the layer draws them."""
    options, D, R = layer.options, layer.num_directions, layer.state_size
    (zone_h, zone_c), has_cell = options.zoneout, cell == "lstm"
    h0, c0 = state if has_cell else (state, np.zeros((len(state), N, H)))
    last = [np.empty((len(h0), N, R)), np.empty((len(h0), N, H))]
    cells = []
    for k in range(layer.num_layers):
        if k and masks is not None and options.dropout:
            x = x * (masks.random(x.shape, np.float32) >= options.dropout) / (1 - options.dropout)
        outputs = []
        for d in range(D):
            suffix = f"_l{k}{'_reverse' if d else ''}"
            w = {name.removesuffix(suffix): array for name, array in layer.parameters.items() if name.endswith(suffix)}
            mask, d_h, d_c = np.ones((N, R)), np.full((T, N, R), zone_h), np.full((T, N, H), zone_c)
            if masks is not None:
                if options.recurrent_dropout:
                    kept = masks.random((N, R), np.float32) >= options.recurrent_dropout
                    mask = kept / (1 - options.recurrent_dropout)
                if zone_h:
                    d_h = masks.random((T, N, R), np.float32) < zone_h
                if zone_c:
                    d_c = masks.random((T, N, H), np.float32) < zone_c
            y, c_all = np.zeros((T, N, R)), np.zeros((T, N, H))
            for n, length in enumerate(lengths):
                h, c = h0[k * D + d, n], c0[k * D + d, n]
                for t in reversed(range(length)) if d else range(length):
                    h_new, c_new, _ = step(cell, w, x[t, n], h, c, mask[n])
                    h = d_h[t, n] * h + (1 - d_h[t, n]) * h_new
                    c = d_c[t, n] * c + (1 - d_c[t, n]) * c_new
                    y[t, n], c_all[t, n] = h, c
                last[0][k * D + d, n], last[1][k * D + d, n] = h, c
            outputs.append(y)
            cells.append(c_all)
        x = np.concatenate(outputs, axis=2)
    return x, last[: 1 + has_cell], cells


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("around", [{}, {"num_layers": 2, "bidirectional": True, "dropout": 0.4}], ids=["one", "four"])
@pytest.mark.parametrize("name", VARIANTS)
def test_layers_compute_their_equations_with_the_masks_that_they_draw(name, around, training):
    kind, options = VARIANTS[name]
    layer = randomised(kind(I, H, **options, **around, **small))
    masks = None
    if training and layer.random_state is not None:
        masks = np.random.default_rng()
        masks.bit_generator.state = layer.random_state
    state, lengths = some_state(layer, N, 3), [T, 3, 1, 0]
    expected, last, cells = by_equations(layer, layer.cell, some_input(), state, lengths, masks)
    run = layer.forward(some_input(), state, lengths=lengths, training=training, trace=True)
    np.testing.assert_allclose(run.output, expected, **tolerance("engine and steps"))
    for found, of in zip(as_arrays(run.state), last, strict=True):
        np.testing.assert_allclose(found, of, **tolerance("engine and steps"))
    if not training:
        y, called = layer(some_input(), state, lengths=lengths)
        np.testing.assert_allclose(y, expected, **tolerance("engine and steps"))
        np.testing.assert_allclose(as_arrays(called)[0], last[0], **tolerance("engine and steps"))
    if isinstance(layer, LSTM):
        for trace, c in zip(run.trace, cells, strict=True):
            padded = np.arange(T)[:, None] >= lengths
            np.testing.assert_allclose(np.where(padded[..., None], 0, trace.c), c, **tolerance("engine and steps"))


@pytest.mark.parametrize("name", TOGETHER)
def test_a_trace_holds_every_gate_of_each_layer_and_direction(name):
    kind, options = TOGETHER[name]
    layer = randomised(kind(I, H, **options, **AROUND, **small))
    run = layer.forward(some_input(), trace=True)
    assert len(run.trace) == 4
    h_n = as_arrays(run.state)[0]
    for index, trace in enumerate(run.trace):
        np.testing.assert_array_equal(trace.h[-1 if index % 2 == 0 else 0], h_n[index])
        for field, gate in zip(trace._fields, trace, strict=True):
            assert gate.shape == (T, N, layer.state_size if field == "h" else H)
            assert field in "cgnh" or (gate.min() > 0 and gate.max() < 1)
    np.testing.assert_array_equal(np.concatenate([trace.h for trace in run.trace[2:]], axis=2), run.output)


# Parameters


def test_variants_have_the_parameters_of_the_contract_in_the_order_of_the_engine():
    layer = LSTM(I, H, num_layers=2, layer_norm=True, peepholes=True, proj_size=P, initial_state="learned", **small)
    expected = {
        "weight_ih": (4 * H, P),
        "weight_hh": (4 * H, P),
        "bias": (4 * H,),
        "gain_ih": (4 * H,),
        "gain_hh": (4 * H,),
        "gain_c": (H,),
        "shift_c": (H,),
        "peephole": (3, H),
        "weight_hr": (P, H),
        "h0": (P,),
        "c0": (H,),
    }
    shapes = {name: array.shape for name, array in layer.parameters.items() if name.endswith("l1")}
    assert shapes == {f"{name}_l1": shape for name, shape in expected.items()}
    assert list(shapes) == [f"{name}_l1" for name in expected]
    assert layer.parameters["weight_ih_l0"].shape == (4 * H, I)
    gru = GRU(I, H, layer_norm=True, **small)
    assert list(gru.parameters) == [
        f"{name}_l0" for name in ("weight_ih", "weight_hh", "bias", "bias_hn", "gain_ih", "gain_hh")
    ]
    assert gru.parameters["gain_hh_l0"].shape == (3 * H,)


def test_gains_begin_at_one_and_shifts_and_peepholes_at_zero_so_that_they_change_nothing_yet():
    layer = LSTM(I, H, layer_norm=True, peepholes=True, **small)
    for name, value in {"gain_ih": 1, "gain_hh": 1, "gain_c": 1, "shift_c": 0, "peephole": 0}.items():
        assert (layer.parameters[f"{name}_l0"] == value).all(), name
    peepholes, plain = LSTM(I, H, peepholes=True, **small), LSTM(I, H, **small)
    np.testing.assert_allclose(peepholes(some_input())[0], plain(some_input())[0], **tolerance("engine and steps"))


def test_a_projected_layer_hands_on_its_projected_units():
    layer = LSTM(I, H, num_layers=2, bidirectional=True, proj_size=P, **small)
    y, state = layer(some_input())
    assert y.shape == (T, N, layer.output_size) == (T, N, 2 * P)
    assert (state.h.shape, state.c.shape) == ((4, N, P), (4, N, H))
    assert (layer.state_size, layer.hidden_size) == (P, H)
    for block in np.split(layer.parameters["weight_hh_l0"], 4):
        np.testing.assert_allclose(block.T @ block, np.eye(P), rtol=0, atol=1e-14)


# Masks


def test_a_recurrent_mask_is_the_same_at_every_step_and_another_for_each_sequence_and_pass():
    """With weight_hh = 1 and nothing else a ReLU doubles h where it is kept, at p = 1/2, and drops it for good."""
    layer = RELU(H, H, recurrent_dropout=0.5, weight_init="zeros", recurrent_init="identity", **small)
    runs = [layer.forward(np.zeros((T, N, H)), np.ones((1, N, H))) for _ in range(2)]
    for run in runs:
        ends = run.output[-1]
        assert set(np.unique(ends)) == {0, 2**T}
        np.testing.assert_array_equal(run.output[0] * 2 ** (T - 1), ends)
        assert (ends[0] != ends[1:]).any()
    assert (runs[0].output != runs[1].output).any()


@pytest.mark.parametrize("kind", [LSTM, GRU, GRU_BEFORE, RNN])
def test_zoneout_keeps_about_its_share_of_the_old_values_at_each_step_and_exactly_its_share_in_inference(kind):
    rate, steps, batch = 0.3, 40, 50
    layer = randomised(kind(I, H, zoneout=rate, **small))
    x = rng(1).normal(size=(steps, batch, I))
    trace = layer.forward(x, some_state(layer, batch, 2), trace=True).trace[0]
    for values in (trace.h, trace.c) if kind is LSTM else (trace.h,):
        kept = np.isclose(values[1:], values[:-1], **tolerance("reordered"))
        # a share of 9750 draws lies within 5 standard errors of its probability
        assert abs(kept.mean() - rate) < 5 * np.sqrt(rate * (1 - rate) / kept.size)
        assert (kept[0] != kept[1:]).any(axis=(1, 2)).all()
    plain = kind(I, H, **small)
    plain.set(**layer.parameters)
    state = some_state(layer, batch, 2)
    (_, after), (_, new) = layer.step(x[0], state), plain.step(x[0], state)
    for found, old, fresh in zip(as_arrays(after), as_arrays(state), as_arrays(new), strict=True):
        np.testing.assert_allclose(found, rate * old + (1 - rate) * fresh, **tolerance("engine and steps"))


@pytest.mark.parametrize("name", [name for name in VARIANTS if "norm" not in name and "peep" not in name])
def test_masks_repeat_with_the_random_state_and_inference_draws_none(name):
    kind, options = VARIANTS[name]
    if options == {"proj_size": P}:
        assert kind(I, H, **options).random_state is None
        return
    layer, x = kind(I, H, **options, seed=0), some_input().astype("float32")
    before = layer.random_state
    layer(x)
    layer.step(x[0])
    layer.forward(x, training=False)
    assert layer.random_state == before
    one = layer.forward(x)
    assert layer.random_state != before
    other = layer.forward(x)
    layer.random_state = before
    again = layer.forward(x)
    assert one.output.tobytes() == again.output.tobytes() != other.output.tobytes()
    gradients = [layer.backward(run, run.output).parameters["weight_hh_l0"].tobytes() for run in (one, again)]
    assert gradients[0] == gradients[1]


@pytest.mark.parametrize("name", TOGETHER)
def test_the_same_seed_gives_the_same_bits_on_any_number_of_threads(name):
    kind, options = TOGETHER[name]

    def bits(count: int) -> list[bytes]:
        layer = kind(20, 40, **options, **AROUND, seed=3)
        x = rng(1).normal(size=(30, 16, 20)).astype("float32")
        with threads(count):
            run = layer.forward(x)
            grads = layer.backward(run, np.cos(run.output))
        return [run.output.tobytes(), grads.x.tobytes(), *(array.tobytes() for array in grads.parameters.values())]

    assert bits(1) == bits(2)


# Streams, copies, tokens


@pytest.mark.parametrize("name", VARIANTS)
def test_single_steps_give_what_the_whole_sequence_gives(name):
    kind, options = VARIANTS[name]
    layer = randomised(kind(I, H, num_layers=2, initial_state="learned", **options, **small))
    for first in (None, some_state(layer, N, 2)):
        whole, last = layer(some_input(), first)
        state, outputs = first, []
        for x_t in some_input():
            y_t, state = layer.step(x_t, state)
            outputs.append(y_t)
        np.testing.assert_array_equal(np.stack(outputs), whole)
        for found, expected in zip(as_arrays(state), as_arrays(last), strict=True):
            np.testing.assert_array_equal(found, expected)
        np.testing.assert_array_equal(layer(some_input()[:1], first)[0], whole[:1])
    layer.set(bias_l0=layer.parameters["bias_l0"] + 1)
    np.testing.assert_array_equal(layer.step(some_input()[0])[0], layer(some_input())[0][0])


@pytest.mark.parametrize("name", TOGETHER)
def test_a_step_may_write_into_its_own_state_and_reads_inputs_that_lie_anywhere(name):
    kind, options = TOGETHER[name]
    layer = randomised(kind(I, H, num_layers=2, **options, **small))
    state, x_t = some_state(layer, N, 2), some_input()[0]
    y_t, expected = layer.step(x_t, state)
    apart = [np.repeat(array, 2, axis=1)[:, ::2] for array in as_arrays(state)]
    found, _ = layer.step(np.asfortranarray(x_t), LSTMState(*apart) if kind is LSTM else apart[0])
    np.testing.assert_array_equal(found, y_t)
    y_own, own = layer.step(x_t, state, out=state)
    np.testing.assert_array_equal(y_own, y_t)
    for one, other, of in zip(as_arrays(own), as_arrays(state), as_arrays(expected), strict=True):
        assert np.shares_memory(one, other)
        np.testing.assert_array_equal(one, of)


def test_what_does_not_fit_a_step_is_named():
    layer = LSTM(I, H, proj_size=P, **small)
    state = some_state(layer, N, 0)
    with pytest.raises(ShapeError, match=r"`state\.h` has shape \(1, 4, 5\), expected \(L, N, P\) = \(1, 4, 2\)"):
        layer.step(np.zeros((N, I)), LSTMState(state.c, state.c))
    with pytest.raises(ShapeError, match=r"`state\.c` has shape \(1, 4, 2\), expected \(L, N, H\) = \(1, 4, 5\)"):
        layer.step(np.zeros((N, I)), LSTMState(state.h, state.h))
    with pytest.raises(ParameterError, match=r"`x_t` has dtype float32, expected float64; convert it"):
        layer.step(np.zeros((N, I), "float32"), state)
    with pytest.raises(ParameterError, match=r"`out` cannot be written as it lies, expected C-contiguous, writable"):
        layer.step(np.zeros((N, I)), state, out=LSTMState(*map(np.asfortranarray, state)))
    with pytest.raises(ParameterError, match=r"`bidirectional` is True, expected False for step; a stream has no end"):
        GRU(I, H, zoneout=0.1, bidirectional=True, **small).step(np.zeros((N, I)))
    with pytest.raises(ShapeError, match=r"`dy` has shape \(6, 4, 5\), expected \(T, N, P\) = \(6, 4, 2\)"):
        layer.backward(layer.forward(some_input()), np.zeros((T, N, H)))


@pytest.mark.parametrize("name", TOGETHER)
def test_many_python_threads_may_step_one_layer_at_once(name):
    kind, options = TOGETHER[name]
    layer = kind(I, 20, num_layers=2, **(options | ({"proj_size": 8} if kind is LSTM else {})), seed=0)
    inputs = [rng(k).normal(size=(30, 1 + 2 * k, I)).astype("float32") for k in range(4)]
    expected = [layer(x)[0] for x in inputs]

    def found(k: int) -> list[bytes]:
        outputs = []
        for _ in range(3):
            state = None
            for x_t in inputs[k]:
                y_t, state = layer.step(x_t, state)
                outputs.append(y_t.tobytes())
        return outputs

    with ThreadPoolExecutor(4) as pool:
        for k, outputs in enumerate(pool.map(found, range(4))):
            assert outputs == 3 * [y_t.tobytes() for y_t in expected[k]]


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))])
@pytest.mark.parametrize("name", TOGETHER)
def test_a_copied_layer_goes_on_with_the_same_masks_and_changes_alone(name, copied):
    kind, options = TOGETHER[name]
    layer = kind(I, H, **options, **AROUND, **small)
    layer.forward(some_input())
    other = copied(layer)
    run, again = layer.forward(some_input()), other.forward(some_input())
    assert run.output.tobytes() == again.output.tobytes()
    other.backward(again, again.output)
    other.set(bias_l0=other.parameters["bias_l0"] + 1)
    assert (other(some_input())[0] != layer(some_input())[0]).any()


@pytest.mark.parametrize("name", TOGETHER)
def test_tokens_are_looked_up_before_a_variant(name):
    kind, options = TOGETHER[name]
    layer = randomised(kind(I, H, **options, **AROUND, **small))
    embedding, tokens = rng(5).normal(size=(7, I)), rng(6).integers(0, 7, (T, N)).astype(np.int32)
    masks, lengths = layer.random_state, [6, 3, 0, 5]
    found = layer.forward_tokens(tokens, embedding, lengths=lengths)
    layer.random_state = masks
    expected = layer.forward(embedding[tokens], lengths=lengths)
    assert found.output.tobytes() == expected.output.tobytes()
    grads, dexpected = (layer.backward(run, np.cos(run.output), need_dx=run is expected) for run in (found, expected))
    dembedding = np.zeros_like(embedding)
    np.add.at(dembedding, tokens, dexpected.x)
    np.testing.assert_allclose(grads.embedding, dembedding, **tolerance("engine and steps"))
    assert grads.x is None
    inference = layer.forward_tokens(tokens, embedding, lengths=lengths, keep=False)
    np.testing.assert_allclose(
        inference.output, layer(embedding[tokens], lengths=lengths)[0], **tolerance("engine and steps")
    )


def test_upstream_gradients_and_that_of_x_may_be_left_out():
    layer = randomised(LSTM(I, H, **TOGETHER["lstm, all"][1], **AROUND, **small))
    run, dstate = layer.forward(some_input()), some_state(layer, N, 5)
    zeros = LSTMState(*map(np.zeros_like, dstate))
    pairs = [
        (layer.backward(run, None, dstate), layer.backward(run, np.zeros_like(run.output), dstate)),
        (layer.backward(run, run.output, need_dx=False), layer.backward(run, run.output, zeros)),
    ]
    assert pairs[1][0].x is None
    for one, other in pairs:
        for name, array in other.parameters.items():
            np.testing.assert_array_equal(one.parameters[name], array)


@pytest.mark.parametrize("shape", [(0, N), (T, 0)])
@pytest.mark.parametrize("name", TOGETHER)
def test_no_steps_and_no_sequences_give_empty_results_and_gradients_of_zero(name, shape):
    kind, options = TOGETHER[name]
    layer = kind(I, H, **options, num_layers=2, bidirectional=True, **small)
    run = layer.forward(np.zeros((*shape, I)))
    assert run.output.shape == (*shape, layer.output_size)
    grads = layer.backward(run, run.output)
    assert grads.x.shape == (*shape, I)
    assert not any(array.any() for array in grads.parameters.values())


# What is refused


@pytest.mark.parametrize("memory", ["low", "sqrt"])
@pytest.mark.parametrize("name", ALONE)
def test_variants_keep_all_that_backward_needs(name, memory):
    kind, options = ALONE[name]
    words = rf"`memory` is '{memory}', expected 'full'; with recurrent_dropout, zoneout, layer_norm, peepholes or proj"
    with pytest.raises(ParameterError, match=words):
        kind(I, H, **options, **small).forward(some_input(), memory=memory)


def test_a_plain_pass_of_a_layer_with_recurrent_dropout_may_save_memory():
    layer = LSTM(I, H, recurrent_dropout=0.5, **small)
    run = layer.forward(some_input(), memory="sqrt", training=False)
    np.testing.assert_array_equal(run.output, layer(some_input())[0])


WRONG = {
    "recurrent dropout": (
        LSTM,
        {"recurrent_dropout": 1.0},
        r"`recurrent_dropout` is 1\.0, expected a number from 0 to b",
    ),
    "zoneout": (GRU, {"zoneout": -0.1}, r"`zoneout` is -0\.1, expected a number from 0 to below 1"),
    "zoneout of two": (
        GRU,
        {"zoneout": (0.1, 0.1)},
        r"`zoneout` is \(0\.1, 0\.1\), expected a number from 0 to below 1",
    ),
    "zoneout of three": (
        LSTM,
        {"zoneout": (0.1,) * 3},
        r"`zoneout` is \(.*\), expected one rate, or a pair: of h, and",
    ),
    "zoneout of h": (LSTM, {"zoneout": (1, 0)}, r"`zoneout\[0\]` is 1, expected a number from 0 to below 1"),
    "zoneout of c": (LSTM, {"zoneout": (0, "a")}, r"`zoneout\[1\]` is 'a', expected a number from 0 to below 1"),
    "norm": (
        GRU_BEFORE,
        {"layer_norm": True},
        r"`layer_norm` is True with reset='before', expected reset='after'; the",
    ),
    "size": (
        LSTM,
        {"proj_size": H},
        r"`proj_size` is 5, expected a whole number from 0 to below 5; a projection makes h",
    ),
    "no size": (LSTM, {"proj_size": 2.0}, r"`proj_size` is 2\.0, expected a whole number from 0 to below 5"),
}


@pytest.mark.parametrize(("kind", "options", "words"), WRONG.values(), ids=WRONG)
def test_an_option_that_is_wrong_is_refused(kind, options, words):
    with pytest.raises(ParameterError, match=words):
        kind(I, H, **options)
