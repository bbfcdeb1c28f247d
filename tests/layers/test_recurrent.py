"""LSTM, GRU and RNN: parameters, what they refuse and in which words; their numbers are tested with the engine."""

import copy
import pickle
import threading
from contextlib import suppress
from functools import partial

import numpy as np
import pytest

from helpers import rng
from unrolled.engine.threads import threads
from unrolled.errors import ParameterError, ShapeError
from unrolled.layers import GRU, LSTM, RNN, LSTMState
from unrolled.layers.recurrent import Recurrent, RecurrentRun

GRU_BEFORE = partial(GRU, reset="before")
KINDS = {"lstm": LSTM, "gru": GRU, "gru before": GRU_BEFORE, "rnn": RNN}
GATES = {LSTM: 4, GRU: 3, GRU_BEFORE: 3, RNN: 1}
T, N, I, H = 6, 4, 3, 5  # noqa: E741 - all different, so that a transpose cannot hide


@pytest.fixture(params=KINDS)
def kind(request):
    return KINDS[request.param]


def zeros(*shape: int, dtype: str = "float64") -> np.ndarray:
    return np.zeros(shape, dtype)


def some_state(layer: Recurrent, seed: int = 0):
    h, c = rng(seed).normal(size=(2, layer.num_layers, N, H)).astype(layer.dtype)
    return LSTMState(h, c) if isinstance(layer, LSTM) else h


def some_input(layer: Recurrent, seed: int = 1) -> np.ndarray:
    return rng(seed).normal(size=(T, N, I)).astype(layer.dtype)


def all_arrays(run: RecurrentRun) -> list[np.ndarray]:
    return [run.output, *(run.state if isinstance(run.state, tuple) else [run.state])]


# Parameters


@pytest.mark.parametrize("bidirectional", [False, True])
def test_parameters_have_the_names_order_and_shapes_of_the_contract(kind, bidirectional):
    layer, G, D = kind(I, H, num_layers=2, bidirectional=bidirectional, seed=0), GATES[kind], 1 + bidirectional
    expected = []
    for suffix in ("l0", "l0_reverse", "l1", "l1_reverse") if bidirectional else ("l0", "l1"):
        inputs = I if suffix.startswith("l0") else D * H
        expected += [(f"weight_ih_{suffix}", (G * H, inputs)), (f"weight_hh_{suffix}", (G * H, H))]
        expected += [(f"bias_{suffix}", (G * H,))] + [(f"bias_hn_{suffix}", (H,))] * (kind is GRU)
    assert [(name, array.shape) for name, array in layer.parameters.items()] == expected


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_dtype_asked_for_is_the_one_of_parameters_results_and_gradients(kind, dtype):
    layer = kind(I, H, dtype=dtype, seed=0)
    run = layer.forward(some_input(layer), some_state(layer), trace=True)
    grads = layer.backward(run, run.output)
    arrays = [*layer.parameters.values(), *all_arrays(run), *run.trace[0], grads.x, *grads.parameters.values()]
    assert {array.dtype for array in arrays} == {np.dtype(dtype)}


def test_recurrent_weights_start_orthogonal_gate_by_gate_and_input_weights_within_glorots_limit(kind):
    layer = kind(I, H, num_layers=2, dtype="float64", seed=0)
    gates = GATES[kind]
    for k, inputs in enumerate((I, H)):
        for block in np.split(layer.parameters[f"weight_hh_l{k}"], gates):
            np.testing.assert_allclose(block @ block.T, np.eye(H), rtol=0, atol=1e-14)
        weights, limit = np.abs(layer.parameters[f"weight_ih_l{k}"]), np.sqrt(6 / (inputs + H))
        assert 0.8 * limit < weights.max() <= limit
    blocks = [*np.split(layer.parameters["weight_hh_l0"], gates), *np.split(layer.parameters["weight_hh_l1"], gates)]
    assert all(np.abs(one - other).max() > 0.1 for i, one in enumerate(blocks) for other in blocks[:i])


def test_only_the_forget_gates_bias_starts_at_one():
    lstm = LSTM(I, H, num_layers=2, seed=0)
    for k in range(2):
        i, f, g, o = np.split(lstm.parameters[f"bias_l{k}"], 4)
        assert (f == 1).all()
        assert not np.concatenate([i, g, o]).any()
    for kind in (GRU, GRU_BEFORE, RNN):
        biases = [array for name, array in kind(I, H, seed=0).parameters.items() if name.startswith("bias")]
        assert biases
        assert not np.concatenate(biases).any()


def test_a_seed_repeats_the_first_weights_and_another_or_none_does_not(kind):
    def weights(seed):
        return kind(I, H, seed=seed).parameters["weight_ih_l0"]

    np.testing.assert_array_equal(weights(1), weights(1))
    np.testing.assert_array_equal(weights(1), weights(rng(1)))
    assert (weights(1) != weights(2)).any()
    assert (weights(None) != weights(None)).any()


def test_parameters_are_views_that_nobody_can_write_and_that_follow_a_change(kind):
    layer = kind(I, H, seed=0)
    view = layer.parameters["bias_l0"]
    with pytest.raises(ValueError, match="read-only"):
        view[0] = 7
    with pytest.raises(TypeError, match="does not support item assignment"):
        layer.parameters["bias_l0"] = view
    layer.set(bias_l0=np.full(view.shape, 3))
    assert (view == 3).all()


# Changing parameters: packed copies of the weights must never be stale


def results(layer: Recurrent) -> dict[str, np.ndarray]:
    """What depends on packed weights: inference, training, one step, and the way back."""
    x = some_input(layer)
    run = layer.forward(x)
    grads = layer.backward(run, np.ones_like(run.output))
    return {"call": layer(x)[0], "forward": run.output, "step": layer.step(x[0])[0], "dx": grads.x}


def scaled(layer: Recurrent) -> dict[str, np.ndarray]:
    return {name: array * 1.5 + 0.1 for name, array in layer.parameters.items()}


@pytest.mark.parametrize("way", ["set", "edit"])
def test_after_a_change_every_result_is_that_of_a_new_layer_with_the_new_parameters(kind, way):
    layer, new = (kind(I, H, num_layers=2, dtype="float64", seed=0) for _ in range(2))
    before, changed = results(layer), scaled(layer)
    new.set(**changed)
    if way == "set":
        layer.set(**changed)
    else:
        with layer.edit() as own:
            for name, array in changed.items():
                own[name][...] = array
    for name, expected in results(new).items():
        assert (results(layer)[name] != before[name]).any(), name
        np.testing.assert_array_equal(results(layer)[name], expected)


def test_inference_goes_on_with_the_packed_weights_of_the_same_version(kind):
    layer = kind(I, H, seed=0)
    layer(some_input(layer))
    packings = layer._network.native.packings
    layer(some_input(layer))
    assert layer._network.native.packings == packings
    layer.set()
    layer(some_input(layer))
    assert layer._network.native.packings == packings + 1


def test_an_exception_inside_edit_still_makes_the_changed_weights_count(kind):
    layer = kind(I, H, dtype="float64", seed=0)
    x, version = some_input(layer), layer.version
    before = layer(x)[0]
    with suppress(ZeroDivisionError), layer.edit() as own:
        own["bias_l0"][...] += 1
        _ = 1 / 0
    assert layer.version == version + 1
    fresh = kind(I, H, dtype="float64", seed=1)
    fresh.set(**layer.parameters)
    np.testing.assert_array_equal(layer(x)[0], fresh(x)[0])
    assert (layer(x)[0] != before).any()


WRONG_PARAMETERS = {
    "another name": (
        {"weights": 0},
        ParameterError,
        r"`weights` is no parameter of \w+, expected one of weight_ih_l0, .*; check the name",
    ),
    "transposed": (
        {"weight_ih_l0": "transposed"},
        ShapeError,
        r"`weight_ih_l0` has shape .*, expected \(\d?H, I\) = .*; did you pass its transpose\?",
    ),
    "one axis too many": (
        {"bias_l0": np.zeros((1, 1))},
        ShapeError,
        r"`bias_l0` has shape \(1, 1\), expected \(\d?H,\) = \(\d+,\)",
    ),
    "words": (
        {"bias_l0": "words"},
        ParameterError,
        r"`bias_l0` has dtype <U5, expected real numbers; convert it with \.astype\(np\.float32\)",
    ),
    "complex": (
        {"bias_l0": "complex"},
        ParameterError,
        r"`bias_l0` has dtype complex128, expected real numbers; convert it",
    ),
}


@pytest.mark.parametrize(("wrong", "error", "words"), WRONG_PARAMETERS.values(), ids=WRONG_PARAMETERS)
def test_set_checks_all_before_it_changes_any_and_names_what_is_wrong(kind, wrong, error, words):
    layer = kind(I, H, seed=0)
    before, version = {name: array.copy() for name, array in layer.parameters.items()}, layer.version
    shape = before["bias_l0"].shape
    transposed = before["weight_ih_l0"].T
    special = {"transposed": transposed, "words": np.full(shape, "words"), "complex": np.ones(shape, complex)}
    ((name, value),) = wrong.items()
    value = special[value] if isinstance(value, str) else value
    with pytest.raises(error, match=words):
        layer.set(weight_hh_l0=np.ones((shape[0], H)), **{name: value})
    assert layer.version == version
    for name, array in layer.parameters.items():
        np.testing.assert_array_equal(array, before[name])


def test_set_takes_lists_and_integers_and_other_floats(kind):
    layer = kind(1, 1, seed=0)
    rows = len(layer.parameters["bias_l0"])
    layer.set(
        bias_l0=[2] * rows, weight_hh_l0=np.full((rows, 1), 0.5, np.float16), weight_ih_l0=np.ones((rows, 1), int)
    )
    assert (layer.parameters["bias_l0"] == 2).all()
    assert (layer.parameters["weight_hh_l0"] == 0.5).all()
    assert layer.parameters["weight_ih_l0"].dtype == np.float32


@pytest.mark.parametrize("way", ["set", "edit"])
def test_backward_of_a_run_with_older_parameters_is_refused(kind, way):
    layer = kind(I, H, seed=0)
    run = layer.forward(some_input(layer))
    if way == "set":
        layer.set(bias_l0=layer.parameters["bias_l0"])
    else:
        with layer.edit():
            pass
    with pytest.raises(
        ParameterError, match=r"`run` was made with version 0 of the parameters, expected 1.* call backward"
    ):
        layer.backward(run, run.output)


# States and gradients that are left out


def test_no_state_is_a_state_of_zeros(kind):
    layer = kind(I, H, num_layers=2, dtype="float64", seed=0)
    x, state = some_input(layer), zeros(2, N, H)
    one, other = layer.forward(x), layer.forward(x, LSTMState(state, state) if kind is LSTM else state)
    for without, with_zeros in zip(all_arrays(one), all_arrays(other), strict=True):
        np.testing.assert_array_equal(without, with_zeros)
    np.testing.assert_array_equal(layer.step(x[0])[0], one.output[0])


def test_no_upstream_gradient_is_one_of_zeros(kind):
    layer = kind(I, H, num_layers=2, dtype="float64", seed=0)
    run, dstate = layer.forward(some_input(layer), some_state(layer)), some_state(layer, seed=5)
    zero = LSTMState(zeros(2, N, H), zeros(2, N, H)) if kind is LSTM else zeros(2, N, H)
    pairs = [
        (layer.backward(run, None, dstate), layer.backward(run, zeros(T, N, H), dstate)),
        (layer.backward(run, run.output), layer.backward(run, run.output, zero)),
    ]
    for one, other in pairs:
        np.testing.assert_array_equal(one.x, other.x)
        np.testing.assert_array_equal(one.state, other.state)
        for name in layer.parameters:
            np.testing.assert_array_equal(one.parameters[name], other.parameters[name])
    assert not any(gradient.any() for gradient in layer.backward(run, None).parameters.values())


def test_the_gradient_of_x_can_be_left_out_and_changes_no_other(kind):
    layer = kind(I, H, num_layers=2, dtype="float64", seed=0)
    run = layer.forward(some_input(layer), some_state(layer))
    one, other = layer.backward(run, run.output), layer.backward(run, run.output, need_dx=False)
    assert other.x is None
    np.testing.assert_array_equal(one.state, other.state)
    for name in layer.parameters:
        np.testing.assert_array_equal(one.parameters[name], other.parameters[name])


def test_a_trace_comes_only_when_asked_for(kind):
    layer = kind(I, H, seed=0)
    assert layer.forward(some_input(layer)).trace is None
    assert len(layer.forward(some_input(layer), trace=True).trace) == 1


def test_backward_may_be_called_twice_and_leaves_the_run_as_it_was(kind):
    layer = kind(I, H, dtype="float64", seed=0)
    run = layer.forward(some_input(layer), some_state(layer), trace=True)
    kept = [array.copy() for array in (*all_arrays(run), *run.trace[0])]
    first, second = layer.backward(run, run.output), layer.backward(run, run.output)
    np.testing.assert_array_equal(first.x, second.x)
    np.testing.assert_array_equal(first.parameters["weight_hh_l0"], second.parameters["weight_hh_l0"])
    for array, before in zip((*all_arrays(run), *run.trace[0]), kept, strict=True):
        np.testing.assert_array_equal(array, before)


# Inputs


def test_inputs_may_lie_anywhere_and_are_never_changed(kind):
    layer = kind(I, H, dtype="float64", seed=0)
    x, state, dy = some_input(layer), some_state(layer), rng(2).normal(size=(T, N, H))
    expected = layer.forward(x, state)
    dexpected = layer.backward(expected, dy, state)

    def elsewhere(array: np.ndarray) -> np.ndarray:
        """The same numbers, every other of a larger array, in Fortran order, and not writable."""
        wide = np.asfortranarray(np.repeat(array, 2, axis=1))[:, ::2]
        wide.flags.writeable = False
        return wide

    given = [elsewhere(array) for array in (x, *(state if kind is LSTM else [state]), dy)]
    kept = [array.copy() for array in given]
    state = LSTMState(given[1], given[2]) if kind is LSTM else given[1]
    run = layer.forward(given[0], state)
    grads = layer.backward(run, given[-1], state)
    for one, other in zip(all_arrays(run), all_arrays(expected), strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(grads.x, dexpected.x)
    np.testing.assert_array_equal(grads.state, dexpected.state)
    np.testing.assert_array_equal(layer(given[0], state)[0], expected.output)
    np.testing.assert_array_equal(layer.step(given[0][0], state)[0], expected.output[0])
    for array, before in zip(given, kept, strict=True):
        np.testing.assert_array_equal(array, before)


def test_lists_of_floats_are_taken_by_a_float64_layer(kind):
    layer = kind(I, H, dtype="float64", seed=0)
    x = some_input(layer)
    np.testing.assert_array_equal(layer(x.tolist())[0], layer(x)[0])


def test_a_nan_in_x_reaches_its_own_sequence_from_its_own_step_on_and_nothing_else(kind):
    layer = kind(I, H, num_layers=2, dtype="float64", seed=0)
    x = some_input(layer)
    x[2, 1, 0] = np.nan
    nan = np.isnan(layer(x)[0])
    assert nan[2:, 1].all()
    nan[2:, 1] = False
    assert not nan.any()


def test_infinite_inputs_saturate_the_gates_and_no_more(kind):
    layer = kind(I, H, dtype="float64", seed=0)
    x = some_input(layer)
    x[:, 0, 0] = np.inf
    assert np.isfinite(layer(x)[0]).all()


@pytest.mark.parametrize(
    ("size", "words"),
    [
        ({"input_size": 0}, r"`input_size` is 0, expected a whole number of at least 1; it is the last axis of x"),
        ({"hidden_size": -3}, r"`hidden_size` is -3, expected a whole number of at least 1"),
        ({"num_layers": 0}, r"`num_layers` is 0, expected a whole number of at least 1"),
        (
            {"dtype": "float16"},
            r"`dtype` is 'float16', expected 'float32' or 'float64'; pass one of the two as a string",
        ),
        ({"dtype": np.float32}, r"`dtype` is <class 'numpy.float32'>, expected 'float32' or 'float64'"),
    ],
)
def test_a_wrong_size_or_dtype_is_refused_when_a_layer_is_made(kind, size, words):
    with pytest.raises(ParameterError, match=words):
        kind(**({"input_size": I, "hidden_size": H} | size))


@pytest.mark.parametrize(
    ("x", "error", "words"),
    [
        (
            zeros(T, N, H),
            ShapeError,
            r"`x` has shape \(6, 4, 5\), expected \(T, N, I\) = \(T, N, 3\); arrays are time first",
        ),
        (zeros(N, I), ShapeError, r"`x` has shape \(4, 3\), expected \(T, N, I\) = \(T, N, 3\)"),
        (
            zeros(T, N, I, dtype="float32"),
            ParameterError,
            r"`x` has dtype float32, expected float64; convert it with np\.asarray\(x, np\.float64\)",
        ),
        (zeros(T, N, I, dtype="int64"), ParameterError, r"`x` has dtype int64, expected float64"),
        ([[[1, 2, 3]]], ParameterError, r"`x` has dtype int64, expected float64"),
    ],
)
@pytest.mark.parametrize("way", ["forward", "__call__"])
def test_a_wrong_x_is_named_with_its_remedy(kind, way, x, error, words):
    with pytest.raises(error, match=words):
        getattr(kind(I, H, dtype="float64", seed=0), way)(x)


def test_a_wrong_x_of_one_step_is_named_with_its_remedy(kind):
    layer = kind(I, H, dtype="float64", seed=0)
    with pytest.raises(
        ShapeError, match=r"`x_t` has shape \(6, 4, 3\), expected \(N, I\) = \(N, 3\); arrays are time first"
    ):
        layer.step(zeros(T, N, I))
    with pytest.raises(ParameterError, match=r"`x_t` has dtype float32, expected float64"):
        layer.step(zeros(N, I, dtype="float32"))


WRONG_STATES = [
    (
        zeros(1, N, I),
        ShapeError,
        r"has shape \(1, 4, 3\), expected \(L, N, H\) = \(1, 4, 5\); did you pass input_size as hid",
    ),
    (zeros(N, H), ShapeError, r"has shape \(4, 5\), expected \(L, N, H\) = \(1, 4, 5\)"),
    (zeros(2, N, H), ShapeError, r"has shape \(2, 4, 5\), expected \(L, N, H\) = \(1, 4, 5\)"),
    (zeros(1, N, H, dtype="float32"), ParameterError, r"has dtype float32, expected float64; convert it"),
]


@pytest.mark.parametrize(("wrong", "error", "words"), WRONG_STATES)
def test_a_wrong_state_and_its_gradient_are_named_with_their_remedy(wrong, error, words):
    good = zeros(1, N, H)
    rnn, lstm = RNN(I, H, dtype="float64", seed=0), LSTM(I, H, dtype="float64", seed=0)
    x = zeros(T, N, I)
    with pytest.raises(error, match="`state` " + words):
        rnn.forward(x, wrong)
    with pytest.raises(error, match="`dstate` " + words):
        rnn.backward(rnn.forward(x), None, wrong)
    for name, state in {"h": LSTMState(wrong, good), "c": LSTMState(good, wrong)}.items():
        with pytest.raises(error, match=rf"`state\.{name}` " + words):
            lstm(x, state)
        with pytest.raises(error, match=rf"`state\.{name}` " + words):
            lstm.step(x[0], state)
        with pytest.raises(error, match=rf"`dstate\.{name}` " + words):
            lstm.backward(lstm.forward(x), None, state)


@pytest.mark.parametrize("state", [zeros(1, N, H), [zeros(1, N, H)] * 2, (zeros(1, N, H),)])
def test_an_lstm_asks_for_a_pair(state):
    lstm = LSTM(I, H, dtype="float64", seed=0)
    with pytest.raises(ParameterError, match=r"`state` is a \w+, expected a pair \(h, c\); an LSTM's state has both"):
        lstm.forward(zeros(T, N, I), state)


@pytest.mark.parametrize(
    ("dy", "error", "words"),
    [
        (
            zeros(T, H, N),
            ShapeError,
            r"`dy` has shape \(6, 5, 4\), expected \(T, N, H\) = \(6, 4, 5\); it needs the shape of the",
        ),
        (zeros(T - 1, N, H), ShapeError, r"`dy` has shape \(5, 4, 5\), expected \(T, N, H\) = \(6, 4, 5\)"),
        (zeros(T, N, H, dtype="float32"), ParameterError, r"`dy` has dtype float32, expected float64; convert it"),
    ],
)
def test_a_wrong_dy_is_named_with_its_remedy(kind, dy, error, words):
    layer = kind(I, H, dtype="float64", seed=0)
    with pytest.raises(error, match=words):
        layer.backward(layer.forward(zeros(T, N, I)), dy)


# Lengths, directions, memory, nonlinearity and reset


@pytest.mark.parametrize(
    ("lengths", "error", "words"),
    [
        ([T] * (N - 1), ShapeError, r"`lengths` has shape \(3,\), expected \(N,\) = \(4,\); give one for"),
        ([[T] * N], ShapeError, r"`lengths` has shape \(1, 4\), expected \(N,\) = \(4,\)"),
        ([1, 2, 3, 7], ParameterError, r"`lengths` holds 7, expected integers from 0 to 6; they count each seq"),
        ([1, -2, 3, 4], ParameterError, r"`lengths` holds -2, expected integers from 0 to 6"),
        ([1.0, 2.0, 3.0, 4.0], ParameterError, r"`lengths` has dtype float64, expected integers"),
    ],
)
@pytest.mark.parametrize("way", ["forward", "__call__"])
def test_wrong_lengths_are_named_with_their_remedy(kind, way, lengths, error, words):
    layer = kind(I, H, dtype="float64", seed=0)
    with pytest.raises(error, match=words):
        getattr(layer, way)(zeros(T, N, I), lengths=lengths)


@pytest.mark.parametrize("given", [list, tuple, np.array, lambda lengths: np.array(lengths, np.uint8)])
def test_lengths_may_be_any_integers_and_are_not_changed(kind, given):
    layer, lengths = kind(I, H, dtype="float64", seed=0), given([3, 0, 6, 2])
    before = list(lengths)
    expected = layer(some_input(layer), lengths=np.array([3, 0, 6, 2]))[0]
    np.testing.assert_array_equal(layer(some_input(layer), lengths=lengths)[0], expected)
    assert list(lengths) == before


def test_an_empty_sequence_hands_its_state_and_its_gradient_through(kind):
    layer = kind(I, H, num_layers=2, bidirectional=True, dtype="float64", seed=0)
    h, c, dh, dc = rng(0).normal(size=(4, 4, N, H))
    state, dstate = (LSTMState(h, c), LSTMState(dh, dc)) if kind is LSTM else (h, dh)
    run = layer.forward(some_input(layer), state, lengths=[0, T, 0, 2])
    grads = layer.backward(run, None, dstate)
    for last, first in zip(all_arrays(run)[1:], state if kind is LSTM else [state], strict=True):
        np.testing.assert_array_equal(last[:, [0, 2]], first[:, [0, 2]])
    pairs = zip(grads.state, dstate, strict=True) if kind is LSTM else [(grads.state, dstate)]
    for of_first, of_last in pairs:
        np.testing.assert_array_equal(of_first[:, [0, 2]], of_last[:, [0, 2]])


def test_a_stream_of_single_steps_has_one_direction(kind):
    layer = kind(I, H, bidirectional=True, dtype="float64", seed=0)
    with pytest.raises(ParameterError, match=r"`bidirectional` is True, expected False for step; a stream has no end"):
        layer.step(zeros(N, I))


def test_the_state_and_output_of_two_directions_are_named_so(kind):
    layer = kind(I, H, bidirectional=True, dtype="float64", seed=0)
    h = zeros(1, N, H)
    words = r"has shape \(1, 4, 5\), expected \(L D, N, H\) = \(2, 4, 5\)"
    with pytest.raises(ShapeError, match=words):
        layer(zeros(T, N, I), LSTMState(h, h) if kind is LSTM else h)
    with pytest.raises(ShapeError, match=r"`dy` has shape \(6, 4, 5\), expected \(T, N, D H\) = \(6, 4, 10\)"):
        layer.backward(layer.forward(zeros(T, N, I)), zeros(T, N, H))


def test_an_unknown_memory_and_a_trace_of_gates_that_are_not_kept_are_refused(kind):
    layer = kind(I, H, dtype="float64", seed=0)
    with pytest.raises(
        ParameterError, match=r"`memory` is 'half', expected 'full', 'low' or 'sqrt'; see this method's"
    ):
        layer.forward(zeros(T, N, I), memory="half")
    for memory in ("low", "sqrt"):
        with pytest.raises(ParameterError, match=rf"`memory` is '{memory}' with `trace=True`, expected 'full'"):
            layer.forward(zeros(T, N, I), trace=True, memory=memory)


def test_low_keeps_no_gates_and_sqrt_keeps_no_cells_either():
    def kept(memory: str) -> int:
        run = LSTM(I, H, dtype="float64", seed=0).forward(zeros(600, N, I), memory=memory)
        return run.kept.native.bytes

    of_states = 600 * N * H * 8
    assert kept("full") == 5 * of_states
    assert kept("low") == of_states
    assert kept("sqrt") < of_states / 50


@pytest.mark.parametrize("wrong", ["sigmoid", "Tanh", None])
def test_an_unknown_nonlinearity_is_refused(wrong):
    with pytest.raises(
        ParameterError, match=rf"`nonlinearity` is {wrong!r}, expected 'tanh' or 'relu'; the RNN has these"
    ):
        RNN(I, H, nonlinearity=wrong)


@pytest.mark.parametrize("wrong", ["never", "", None, True])
def test_an_unknown_reset_is_refused(wrong):
    with pytest.raises(
        ParameterError, match=rf"`reset` is {wrong!r}, expected 'after' or 'before'; the GRU has these two forms"
    ):
        GRU(I, H, reset=wrong)


def test_a_gru_resets_after_the_product_unless_told_otherwise_and_then_has_no_recurrent_bias():
    after, before, default = GRU(I, H, reset="after", seed=0), GRU(I, H, reset="before", seed=0), GRU(I, H, seed=0)
    assert (after.reset, before.reset, default.reset) == ("after", "before", "after")
    assert set(after.parameters) - set(before.parameters) == {"bias_hn_l0"}
    x = some_input(after)
    np.testing.assert_array_equal(default(x)[0], after(x)[0])
    np.testing.assert_array_equal(before(x)[0][0], after(x)[0][0])  # from a state of zeros there is nothing to reset
    assert (before(x)[0][1:] != after(x)[0][1:]).any()
    with pytest.raises(ParameterError, match=r"`bias_hn_l0` is no parameter of GRU, expected one of weight_ih_l0"):
        before.set(bias_hn_l0=np.zeros(H))


def test_relu_clips_at_zero_and_lets_a_nan_pass():
    layer = RNN(1, 1, nonlinearity="relu", dtype="float64", seed=0)
    layer.set(weight_ih_l0=[[1]], weight_hh_l0=[[0]], bias_l0=[0])
    x = np.array([[[-2.0]], [[3.0]], [[0.0]]])
    np.testing.assert_array_equal(layer(x)[0].ravel(), [0, 3, 0])
    assert np.isnan(layer(np.full((1, 1, 1), np.nan))[0])


# Single steps, which check nothing twice


def test_a_step_into_its_own_state_gives_the_same_bits_and_allocates_no_state(kind):
    layer = kind(I, H, num_layers=2, dtype="float64", seed=0)
    fresh, state = some_input(layer), None
    own = LSTMState(zeros(2, N, H), zeros(2, N, H)) if kind is LSTM else zeros(2, N, H)
    for x_t in fresh:
        expected, state = layer.step(x_t, state)
        before = expected.copy()
        y_t, returned = layer.step(x_t, own, out=own)
        np.testing.assert_array_equal(y_t, before)
        np.testing.assert_array_equal(own, state)
        for one, other in zip(*((returned, own) if kind is LSTM else ([returned], [own])), strict=True):
            assert np.shares_memory(one, other)


def test_a_step_leaves_the_state_it_comes_from_as_it_was(kind):
    layer = kind(I, H, num_layers=2, dtype="float64", seed=0)
    state = some_state(layer)
    kept = [array.copy() for array in state]
    layer.step(some_input(layer)[0], state)
    layer.step(some_input(layer)[0])
    for array, before in zip(state, kept, strict=True):
        np.testing.assert_array_equal(array, before)
    np.testing.assert_array_equal(layer.step(some_input(layer)[0])[0], layer(some_input(layer))[0][0])


def test_steps_of_changing_batches_and_after_a_change_of_parameters_are_right(kind):
    layer = kind(I, H, dtype="float64", seed=0)
    for turn, batch in enumerate((2, 7, 2, 0, 1, 40)):
        x = rng(turn).normal(size=(batch, I))
        np.testing.assert_array_equal(layer.step(x)[0], layer(x[np.newaxis])[0][0])
        layer.set(bias_l0=layer.parameters["bias_l0"] + 1)
        np.testing.assert_array_equal(layer.step(x)[0], layer(x[np.newaxis])[0][0])


def test_an_out_that_cannot_be_written_or_does_not_fit_is_refused(kind):
    layer, x = kind(I, H, dtype="float64", seed=0), zeros(N, I)
    read_only = zeros(1, N, H)
    read_only.flags.writeable = False
    for wrong in (read_only, np.asfortranarray(zeros(1, N, H)), zeros(1, N, H).tolist()):
        out = LSTMState(zeros(1, N, H), wrong) if kind is LSTM else wrong
        with pytest.raises(
            ParameterError, match=r"`out` cannot be written as it lies, expected C-contiguous, writable arr"
        ):
            layer.step(x, out=out)
    out = LSTMState(zeros(1, N, H), zeros(1, N, I)) if kind is LSTM else zeros(1, N, I)
    with pytest.raises(ShapeError, match=r"`out(\.c)?` has shape \(1, 4, 3\), expected \(L, N, H\) = \(1, 4, 5\)"):
        layer.step(x, out=out)


@pytest.mark.parametrize("options", [{}, {"recurrent_dropout": 0.5}], ids=["plain", "variant"])
def test_an_out_that_overlaps_itself_or_the_state_is_refused(options):
    layer, x, one = LSTM(I, H, dtype="float64", seed=0, **options), zeros(N, I), zeros(1, N, H)
    room = zeros(2 * N * H)
    shifted, state = room[N : N + N * H].reshape(1, N, H), LSTMState(room[: N * H].reshape(1, N, H), zeros(1, N, H))
    wrong = [(None, LSTMState(one, one))]
    if not options:  # a variant's new states are computed apart
        wrong += [
            (state, LSTMState(shifted, one)),
            (state, LSTMState(state.c, state.h)),
            (state, LSTMState(one, state.h)),
        ]
    for before, out in wrong:
        with pytest.raises(ParameterError, match=r"^`out` overlaps itself or `state`, expected arrays of their own"):
            layer.step(x, before, out=out)
    layer.step(x, state, out=state)
    layer.step(x, state, out=LSTMState(one, zeros(1, N, H)))


@pytest.mark.parametrize("count", [1, 2])
def test_an_output_that_is_fed_back_into_the_state_it_lies_in_gives_the_same_bits(kind, count):
    size = 512  # large enough for two threads
    layer, x = kind(size, size, seed=0), rng(1).normal(size=(1, size)).astype(np.float32)
    with threads(count):
        expected, state = layer.step(x)
        y_t, own = expected, state
        for _ in range(20):
            expected, state = layer.step(expected.copy(), state)
            y_t, own = layer.step(y_t, own, out=own)
            np.testing.assert_array_equal(y_t, expected)


def test_many_python_threads_may_step_one_layer_at_once(kind):
    layer = kind(I, 40, num_layers=2, seed=0)
    inputs = [rng(k).normal(size=(60, 1 + 2 * k, I)).astype("float32") for k in range(4)]
    expected = [layer(x)[0] for x in inputs]
    wrong = []

    def work(k: int) -> None:
        for _ in range(5):
            state = None
            for x_t, y_t in zip(inputs[k], expected[k], strict=True):
                found, state = layer.step(x_t, state)
                if not np.array_equal(found, y_t):
                    wrong.append(k)
                    return

    workers = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not wrong


@pytest.mark.parametrize(
    "layer", [LSTM(3, 5, num_layers=2, seed=0), GRU(3, 5, seed=0), GRU_BEFORE(3, 5, seed=0), RNN(3, 5, seed=0)]
)
def test_a_call_of_one_step_gives_the_bits_of_forward_in_arrays_of_its_own(layer):
    x = rng(0).normal(size=(1, 4, 3)).astype("float32")
    run = layer.forward(x)
    y, state = layer(x)
    assert y.tobytes() == run.output.tobytes()
    assert np.asarray(state).tobytes() == np.asarray(run.state).tobytes()
    before = np.array(state)
    y[...] = 7
    assert (np.asarray(state) == before).all()


@pytest.mark.parametrize("memory", ["full", "low", "sqrt"])
@pytest.mark.parametrize(("layers", "bidirectional"), [(2, False), (3, False), (1, True), (2, True)])
def test_layers_and_directions_beside_each_other_give_the_bits_of_one_after_the_other(
    kind, layers, bidirectional, memory
):
    """A small batch and much work: each thread runs a layer, or a direction, by itself (kernels/network.hpp)."""
    T, N, I, H = 150, 3, 20, 40  # noqa: E741
    rng = np.random.default_rng(0)
    layer = kind(I, H, num_layers=layers, bidirectional=bidirectional, dtype="float64", seed=0)
    x, lengths = rng.normal(size=(T, N, I)), [T - 60, T, 1]

    def bits(count: int, lengths) -> list[bytes]:
        with threads(count):
            run = layer.forward(x, lengths=lengths, memory=memory)
            grads = layer.backward(run, np.cos(run.output), run.state)
            called = layer(x, lengths=lengths)
        found = [run.output, grads.x, called[0], *grads.parameters.values()]
        found += [*np.atleast_1d(run.state), *np.atleast_1d(grads.state), *np.atleast_1d(called[1])]
        return [np.ascontiguousarray(array).tobytes() for array in found]

    for given in (None, lengths):
        alone = bits(1, given)
        assert bits(2, given) == alone
        assert bits(3, given) == alone


def test_a_copied_layer_and_a_pickled_one_compute_the_same_and_change_alone(kind):
    layer = kind(I, H, dtype="float64", seed=0)
    x = some_input(layer)
    before = layer(x)[0]
    layer.step(x[0])
    for other in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        np.testing.assert_array_equal(other(x)[0], before)
        other.set(bias_l0=np.full_like(other.parameters["bias_l0"], 0.5))
        assert (other(x)[0] != before).any()
        np.testing.assert_array_equal(layer(x)[0], before)
