"""Stack: what its layers give one after the other, with tokens looked up in a table; and what it refuses."""

import copy
import json
import pickle

import numpy as np
import pytest

from helpers import rng, tolerance
from unrolled.errors import ParameterError, ShapeError
from unrolled.layers import GRU, LSTM, RNN, Dense, Dropout, Embedding, LSTMState, Stack

T, N, V, E, H = 9, 4, 11, 5, 7
KINDS = {"lstm": LSTM, "gru": GRU, "rnn": RNN}
SHAPES = {"one layer": {}, "two layers": {"num_layers": 2}, "both directions": {"bidirectional": True, "num_layers": 2}}


@pytest.fixture(params=[(kind, shape) for kind in KINDS for shape in SHAPES], ids=lambda param: " ".join(param))
def stack(request) -> Stack:
    kind, shape = request.param
    options = SHAPES[shape]
    recurrent = KINDS[kind](E, H, dtype="float64", seed=2, **options)
    dense = Dense(H * recurrent.num_directions, V, dtype="float64", seed=3)
    stack = Stack(embedding=Embedding(V, E, dtype="float64", seed=1), recurrent=recurrent, dense=dense)
    generator = rng(4)
    stack.set({name: array + 0.1 * generator.normal(size=array.shape) for name, array in stack.parameters.items()})
    return stack


def some_tokens(seed: int = 0, *shape: int) -> np.ndarray:
    """Not all of the vocabulary, and some tokens many times."""
    return rng(seed).integers(0, V - 2, shape or (T, N))


def some_state(stack: Stack, seed: int = 5):
    recurrent = stack.layers["recurrent"]
    h, c = rng(seed).normal(size=(2, recurrent.num_layers * recurrent.num_directions, N, H))
    return {"recurrent": LSTMState(h, c) if isinstance(recurrent, LSTM) else h}


def assert_close(found, expected):
    np.testing.assert_allclose(found, expected, **tolerance("engine and steps"))


def test_tokens_give_what_the_three_layers_give_one_after_the_other(stack):
    embedding, recurrent, dense = stack.layers.values()
    tokens, state, dstate = some_tokens(), some_state(stack), some_state(stack, seed=6)
    run = stack.forward(tokens, state)
    runs = [embedding.forward(tokens)]
    runs.append(recurrent.forward(runs[0].output, state["recurrent"]))
    runs.append(dense.forward(runs[1].output))
    assert_close(run.output, runs[2].output)
    assert_close(run.state["recurrent"], runs[1].state)
    assert_close(stack(tokens, state)[0], runs[2].output)
    assert_close(stack(tokens, state)[1]["recurrent"], runs[1].state)

    dy = rng(7).normal(size=run.output.shape)
    grads = stack.backward(run, dy, dstate)
    of_dense = dense.backward(runs[2], dy)
    of_recurrent = recurrent.backward(runs[1], of_dense.x, dstate["recurrent"])
    of_embedding = embedding.backward(runs[0], of_recurrent.x)
    expected = {"embedding": of_embedding, "recurrent": of_recurrent, "dense": of_dense}
    flat = {f"{name}.{key}": array for name, of in expected.items() for key, array in of.parameters.items()}
    assert list(grads.parameters) == list(flat) == list(stack.parameters)
    for name, array in flat.items():
        np.testing.assert_allclose(grads.parameters[name], array, **tolerance("engine and steps"), err_msg=name)
    assert_close(grads.state["recurrent"], of_recurrent.state)
    assert grads.x is None
    unused = np.setdiff1d(np.arange(V), tokens)
    assert unused.size
    assert not grads.parameters["embedding.weight"][unused].any()


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_single_steps_give_what_the_whole_sequence_gives(kind):
    stack = Stack(
        embedding=Embedding(V, E, dtype="float64", seed=1),
        recurrent=kind(E, H, num_layers=2, dtype="float64", seed=2),
        dense=Dense(H, V, dtype="float64", seed=3),
    )
    tokens = some_tokens()
    whole, last = stack(tokens, some_state(stack))
    state, outputs = some_state(stack), []
    for step in tokens:
        y_t, state = stack.step(step, state)
        outputs.append(y_t)
    assert_close(np.stack(outputs), whole)
    assert_close(state["recurrent"], last["recurrent"])


def test_a_stack_without_tokens_gives_the_same_bits_as_its_layers():
    lstm, rnn = LSTM(E, H, dtype="float64", seed=1), RNN(H, E, dtype="float64", seed=2)
    dense = Dense(E, 3, dtype="float64", seed=3)
    stack, x = Stack(first=lstm, second=rnn, third=dense), rng(0).normal(size=(T, N, E))
    run = stack.forward(x)
    one = lstm.forward(x)
    two = rnn.forward(one.output)
    three = dense.forward(two.output)
    np.testing.assert_array_equal(run.output, three.output)
    np.testing.assert_array_equal(run.state["first"], one.state)
    np.testing.assert_array_equal(run.state["second"], two.state)
    np.testing.assert_array_equal(stack(x)[0], three.output)
    dy = rng(1).normal(size=(T, N, 3))
    grads = stack.backward(run, dy)
    of_lstm = lstm.backward(one, rnn.backward(two, dense.backward(three, dy).x).x)
    np.testing.assert_array_equal(grads.x, of_lstm.x)
    np.testing.assert_array_equal(grads.parameters["first.weight_hh_l0"], of_lstm.parameters["weight_hh_l0"])
    y_0, state = stack.step(x[0])
    np.testing.assert_array_equal(y_0, three.output[0])
    assert list(state) == ["first", "second"]


def test_an_embedding_before_a_dense_layer_needs_no_recurrent_one():
    embedding, dense = Embedding(V, E, dtype="float64", seed=1), Dense(E, 3, dtype="float64", seed=2)
    stack, tokens = Stack(embedding=embedding, dense=dense), some_tokens()
    run = stack.forward(tokens)
    np.testing.assert_array_equal(run.output, dense.forward(embedding.forward(tokens).output).output)
    np.testing.assert_array_equal(stack(tokens)[0], run.output)
    assert run.state == {}
    dy = rng(1).normal(size=run.output.shape)
    dx = dense.backward(dense.forward(embedding.forward(tokens).output), dy).x
    expected = embedding.backward(embedding.forward(tokens), dx).parameters["weight"]
    np.testing.assert_array_equal(stack.backward(run, dy).parameters["embedding.weight"], expected)


def test_a_missing_state_is_one_of_zeros(stack):
    tokens = some_tokens()
    zeros = {"recurrent": None} | {
        name: LSTMState(*np.zeros_like(state)) if isinstance(state, tuple) else np.zeros_like(state)
        for name, state in some_state(stack).items()
    }
    np.testing.assert_array_equal(stack(tokens)[0], stack(tokens, zeros)[0])
    np.testing.assert_array_equal(stack.forward(tokens).output, stack.forward(tokens, zeros).output)


@pytest.mark.parametrize("way", ["set", "edit"])
def test_after_a_change_every_result_is_that_of_the_new_parameters(stack, way):
    tokens = some_tokens()
    before = stack(tokens)[0]
    changed = {name: array * 1.5 + 0.1 for name, array in stack.parameters.items()}
    if way == "set":
        stack.set(changed)
    else:
        with stack.edit() as own:
            for name, array in changed.items():
                own[name][...] = array
    for name, array in changed.items():
        np.testing.assert_array_equal(stack.parameters[name], array)
    assert (stack(tokens)[0] != before).any()
    embedding, recurrent, dense = stack.layers.values()
    y, _ = recurrent(embedding(tokens)[0])
    assert_close(stack(tokens)[0], dense(y)[0])
    assert_close(stack.forward(tokens).output, dense(y)[0])


def test_parameters_are_read_only_and_of_one_dtype(stack):
    assert stack.dtype == np.float64
    with pytest.raises(TypeError, match="does not support item assignment"):
        stack.parameters["dense.bias"] = 0
    for array in stack.parameters.values():
        assert not array.flags.writeable


@pytest.mark.parametrize(
    ("name", "value", "error", "words"),
    [
        (
            "dense.weights",
            0,
            ParameterError,
            r"`dense\.weights` is no parameter of this Stack, expected one of embedding\.w",
        ),
        ("weight", 0, ParameterError, r"`weight` is no parameter of this Stack"),
        ("dense.bias", np.zeros(V + 1), ShapeError, r"`bias` has shape \(12,\), expected \(O,\) = \(11,\)"),
        ("dense.bias", np.full(V, "a"), ParameterError, r"`bias` has dtype <U1, expected real numbers"),
    ],
)
def test_set_checks_all_layers_before_it_changes_any(stack, name, value, error, words):
    before = {key: array.copy() for key, array in stack.parameters.items()}
    versions = [layer.version for layer in stack.layers.values()]
    with pytest.raises(error, match=words):
        stack.set({"embedding.weight": np.ones((V, E)), name: value})
    assert versions == [layer.version for layer in stack.layers.values()]
    for key, array in stack.parameters.items():
        np.testing.assert_array_equal(array, before[key])


@pytest.mark.parametrize("layer", ["embedding", "recurrent", "dense"])
def test_backward_of_a_run_older_than_any_layers_parameters_is_refused(stack, layer):
    run = stack.forward(some_tokens())
    with stack.layers[layer].edit():
        pass
    with pytest.raises(
        ParameterError, match=r"`run` was made with versions \(.*\) of .*, expected \(.*\), the present ones"
    ):
        stack.backward(run, run.output)


@pytest.mark.parametrize(
    ("tokens", "error", "words"),
    [
        (
            np.full((T, N), V),
            ParameterError,
            r"`x` holds 11, expected integers from 0 to 10; was another vocabulary used\?",
        ),
        (np.full((T, N), -1), ParameterError, r"`x` holds -1, expected integers from 0 to 10"),
        (np.zeros((T, N)), ParameterError, r"`x` has dtype float64, expected integers"),
        (
            np.zeros((T, N, V), int),
            ShapeError,
            r"`x` has shape \(9, 4, 11\), expected \(T, N\); did you pass one-hot rows",
        ),
    ],
)
@pytest.mark.parametrize("way", ["forward", "__call__"])
def test_wrong_tokens_are_named_with_their_remedy(stack, way, tokens, error, words):
    with pytest.raises(error, match=words):
        getattr(stack, way)(tokens)


def test_tokens_of_one_step_have_one_axis():
    stack = Stack(embedding=Embedding(V, E, seed=1), recurrent=LSTM(E, H, seed=2))
    with pytest.raises(ShapeError, match=r"`x` has shape \(9, 4\), expected \(N,\)"):
        stack.step(some_tokens())


def test_tokens_may_be_lists_of_any_integers_and_are_not_changed(stack):
    tokens = some_tokens()
    expected = stack(tokens)[0]
    wide = np.repeat(tokens, 2, axis=1)[:, ::2]
    for given in (tokens.tolist(), tokens.astype(np.uint8), np.asfortranarray(tokens), wide):
        np.testing.assert_array_equal(stack(given)[0], expected)
        np.testing.assert_array_equal(stack.forward(given).output, expected)
    np.testing.assert_array_equal(tokens, some_tokens())


def test_no_steps_and_no_sequences_give_empty_results_and_gradients_of_zero(stack):
    for shape in ((0, N), (T, 0)):
        run = stack.forward(np.zeros(shape, int))
        assert run.output.shape == (*shape, V)
        grads = stack.backward(run, run.output)
        assert not any(array.any() for array in grads.parameters.values())
        assert {name: array.shape for name, array in grads.parameters.items()} == {
            name: array.shape for name, array in stack.parameters.items()
        }


def test_a_stack_of_nothing_and_an_embedding_behind_a_layer_are_refused():
    words = r", expected at least one layer with parameters, by name; for example Stack\("
    with pytest.raises(ParameterError, match=r"`layers` is empty" + words):
        Stack()
    with pytest.raises(ParameterError, match=r"`layers` is only Dropout" + words):
        Stack(dropout=Dropout(0.5))
    with pytest.raises(
        ParameterError, match=r"`late` is an Embedding behind another layer, expected it first; it takes tok"
    ):
        Stack(dense=Dense(3, E), late=Embedding(V, E))


@pytest.mark.parametrize(
    ("given", "kind"),
    [(LSTM(3, 4), "LSTM"), (Dense(3, 4), "Dense"), ([LSTM(3, 4)], "list"), ({"a": LSTM(3, 4)}, "dict")],
)
def test_a_layer_without_a_name_is_refused_with_the_remedy(given, kind):
    words = rf"^`layers` has {kind} without a name, expected every layer by a name of its own; for example Stack"
    with pytest.raises(ParameterError, match=words + r"\(recurrent=LSTM\(3, 4\)\)$"):
        Stack(given)
    with pytest.raises(ParameterError, match=words):
        Stack(given, dense=Dense(4, 2))


@pytest.mark.parametrize(
    ("given", "kind"), [(3, "int"), (None, "NoneType"), (LSTM, "type"), (Stack(dense=Dense(3, 4)), "Stack")]
)
def test_what_is_no_layer_is_refused_wherever_it_stands(given, kind):
    words = rf"^`wrong` is a {kind}, expected a layer of unrolled.layers; for example Stack\(recurrent=LSTM\(3, 4\)\)$"
    with pytest.raises(ParameterError, match=words):
        Stack(wrong=given)
    with pytest.raises(ParameterError, match=words):
        Stack(dense=Dense(3, 3), wrong=given, above=Dense(3, 3))


def test_a_layer_may_have_any_name():
    assert list(Stack(self=Dense(3, 4), unnamed=Dense(4, 2)).layers) == ["self", "unnamed"]


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        (
            {"lstm": LSTM(3, 4), "dense": Dense(5, 2)},
            "`dense` has input_size 5, expected 4, which `lstm` below it gives",
        ),
        (
            {"lstm": LSTM(3, 4, bidirectional=True), "dense": Dense(4, 2)},
            "`dense` has input_size 4, expected 8, .*a bidirectional layer gives two hidden sizes",
        ),
        ({"lstm": LSTM(3, 4), "dense": Dense(4, 2, dtype="float64")}, "`dense` has dtype float64, expected float32"),
    ],
)
def test_neighbours_that_do_not_fit_are_refused_when_the_stack_is_built(layers, words):
    with pytest.raises(ParameterError, match=words):
        Stack(**layers)


def test_a_state_of_an_unknown_layer_is_refused():
    stack = Stack(lstm=LSTM(3, 4, seed=0))
    x = np.zeros((2, 1, 3), "float32")
    run = stack.forward(x)
    with pytest.raises(ParameterError, match="`state` names 'gru', expected lstm"):
        stack(x, {"gru": run.state["lstm"]})
    with pytest.raises(ParameterError, match="`dstate` names 'gru', expected lstm"):
        stack.backward(run, run.output, {"gru": run.state["lstm"]})


def test_a_run_of_another_layer_and_a_size_that_is_no_integer_are_refused():
    x = np.zeros((2, 1, 3), "float32")
    run = LSTM(3, 4, seed=0).forward(x)
    with pytest.raises(ParameterError, match="`run` was made by another layer"):
        LSTM(3, 5, seed=0).backward(run, None)
    with pytest.raises(ParameterError, match=r"`input_size` is 3\.0, expected a whole number of at least 1"):
        LSTM(3.0, 4)


@pytest.mark.parametrize(
    "layer", [LSTM(3, 4), GRU(3, 4), Dense(3, 4), Dropout(0.5), Embedding(3, 4), Stack(d=Dense(3, 4))]
)
def test_a_run_that_no_forward_pass_has_made_is_refused(layer):
    dy = np.zeros((2, 1, 4), "float32")
    words = "expected what this layer's forward returned; calling the layer keeps nothing for backward"
    for run in (None, (dy, None)):
        with pytest.raises(ParameterError, match=f"`run` is a {type(run).__name__}, {words}"):
            layer.backward(run, dy)


def test_a_ragged_list_is_refused_with_what_to_do_about_it():
    ragged = [[[1.0]], [[1.0], [2.0]]]
    for call in (LSTM(1, 2), LSTM(1, 2).forward, RNN(1, 2, bidirectional=True)):
        with pytest.raises(ShapeError, match=r"`x` is ragged, expected \(T, N, I\); pad short .* with `lengths`"):
            call(ragged)


def test_ragged_rows_and_tokens_are_refused_by_every_layer_and_every_step():
    rows, tokens = [[1.0, 2.0], [3.0]], [[1, 2], [3]]
    embedding = Embedding(V, E)
    stack = Stack(embedding=embedding, lstm=LSTM(E, H))
    for name, axes, call, given in (
        ("x", "..., I", Dense(2, 3), rows),
        ("x", "..., I", Dense(2, 3).step, rows),
        ("x", "..., I", Dropout(0.5).forward, rows),
        ("x_t", "N, I", LSTM(2, 3).step, rows),
        ("x_t", "N, I", GRU(2, 3, layer_norm=True).step, rows),
        ("x_t", "N, I", RNN(2, 3).step, rows),
        ("tokens", "T, N", embedding, tokens),
        ("x", "T, N", stack, tokens),
        ("x", "T, N", stack.forward, tokens),
        ("x", "N", stack.step, tokens),
    ):
        with pytest.raises(ShapeError, match=rf"`{name}` is ragged, expected \({axes}\); \w+"):
            call(given)


def test_a_list_is_as_good_as_an_array_where_its_dtype_fits():
    rows, tokens = [[1.0, 2.0], [3.0, 4.0]], [[1, 2], [3, 4]]
    dense, embedding = Dense(2, 3, dtype="float64", seed=0), Embedding(V, E, seed=0)
    np.testing.assert_array_equal(dense(rows)[0], dense(np.array(rows))[0])
    np.testing.assert_array_equal(embedding(tokens)[0], embedding(np.array(tokens))[0])


# Dropout, training and lengths


def dropping(seed: int = 0) -> Stack:
    """Dropout first, in the middle, last, and inside a layer."""
    return Stack(
        first=Dropout(0.2, seed=seed),
        lstm=LSTM(E, H, num_layers=2, dropout=0.3, dtype="float64", seed=seed + 1),
        middle=Dropout(0.4, variational=True, seed=seed + 2),
        rnn=RNN(H, E, dtype="float64", seed=seed + 3),
        dense=Dense(E, 3, dtype="float64", seed=seed + 4),
        last=Dropout(0.5, seed=seed + 5),
    )


def test_dropout_may_stand_anywhere_and_gives_what_the_layers_give_one_after_the_other():
    stack, same = dropping(), dropping()
    x, dy = rng(0).normal(size=(T, N, E)), rng(1).normal(size=(T, N, 3))
    run = stack.forward(x)
    grads = stack.backward(run, dy)
    runs, output = {}, x
    for name, layer in same.layers.items():
        runs[name] = layer.forward(output)
        output = runs[name].output
    np.testing.assert_array_equal(run.output, output)
    dx, expected = dy, {}
    for name, layer in reversed(same.layers.items()):
        back = layer.backward(runs[name], dx)
        dx = back.x
        expected |= {f"{name}.{key}": array for key, array in back.parameters.items()}
    np.testing.assert_array_equal(grads.x, dx)
    assert list(grads.parameters) == list(stack.parameters)
    for name, array in expected.items():
        np.testing.assert_array_equal(grads.parameters[name], array)
    assert list(run.state) == ["lstm", "rnn"]


def test_dropout_between_the_embedding_and_a_recurrent_layer_drops_entries_of_the_embedded_tokens():
    layers = {"embedding": Embedding(V, E, dtype="float64", seed=1), "gru": GRU(E, H, dtype="float64", seed=2)}
    stack = Stack(embedding=layers["embedding"], dropout=Dropout(0.5, seed=0), gru=layers["gru"])
    tokens = some_tokens()
    run = stack.forward(tokens)
    dropped = Dropout(0.5, seed=0).forward(layers["embedding"](tokens)[0])
    np.testing.assert_array_equal(run.output, layers["gru"](dropped.output)[0])
    grads = stack.backward(run, np.ones_like(run.output))
    of_gru = layers["gru"].backward(layers["gru"].forward(dropped.output), np.ones_like(run.output))
    rows = np.zeros((V, E))
    np.add.at(rows, tokens, of_gru.x * dropped.mask)
    assert_close(grads.parameters["embedding.weight"], rows)
    assert_close(stack(tokens)[0], Stack(**layers)(tokens)[0])
    assert_close(stack.step(tokens[0])[0], Stack(**layers)(tokens)[0][0])


def test_nothing_is_dropped_without_training():
    stack, x = dropping(), rng(0).normal(size=(T, N, E))
    before = stack.random_state
    plain = Stack(**{name: layer for name, layer in stack.layers.items() if not isinstance(layer, Dropout)})
    expected, _ = plain(x)
    run = stack.forward(x, training=False)
    for found in (run.output, stack(x)[0], stack.step(x[0])[0][None]):
        np.testing.assert_array_equal(found, expected[: len(found)])
    dy = rng(1).normal(size=expected.shape)
    dexpected = plain.backward(plain.forward(x, training=False), dy)
    np.testing.assert_array_equal(stack.backward(run, dy).x, dexpected.x)
    assert stack.random_state == before


def test_the_random_states_of_all_layers_kept_as_json_repeat_a_training_pass():
    stack, resumed, x = dropping(), dropping(seed=9), rng(0).normal(size=(T, N, E))
    resumed.set(stack.parameters)
    stack.forward(x)
    assert list(stack.random_state) == ["first", "lstm", "middle", "last"]
    kept = json.dumps(stack.random_state)
    expected = stack.forward(x).output
    resumed.random_state = json.loads(kept)
    assert resumed.forward(x).output.tobytes() == expected.tobytes()


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda stack: pickle.loads(pickle.dumps(stack))])
def test_a_copied_stack_goes_on_with_the_same_masks(copied):
    stack, x = dropping(), rng(0).normal(size=(T, N, E))
    stack.forward(x)
    np.testing.assert_array_equal(copied(stack).forward(x).output, stack.forward(x).output)


def test_random_states_of_other_layers_are_refused():
    stack, plain = dropping(), Stack(lstm=LSTM(E, H, seed=0))
    assert plain.random_state is None
    plain.random_state = None
    with pytest.raises(ParameterError, match="`random_state` has states of first, lstm, middle, last, expected of"):
        plain.random_state = stack.random_state
    with pytest.raises(ParameterError, match="`random_state` has states of no layer, expected of first, lstm, middle"):
        stack.random_state = None


@pytest.mark.parametrize("training", [False, True])
def test_lengths_reach_every_recurrent_layer(training):
    lengths, tokens = [9, 0, 3, 5], some_tokens()
    stack = Stack(
        embedding=Embedding(V, E, dtype="float64", seed=1),
        gru=GRU(E, H, bidirectional=True, dtype="float64", seed=2),
        dropout=Dropout(0.5, seed=0),
        lstm=LSTM(2 * H, 3, bidirectional=True, merge="sum", dtype="float64", seed=3),
    )
    masks = stack.random_state
    run = stack.forward(tokens, lengths=lengths, training=training)
    for n, length in enumerate(lengths):
        assert not run.output[length:, n].any()
    if not training:
        assert_close(stack(tokens, lengths=lengths)[0], run.output)
        for n, length in enumerate(lengths):
            assert_close(run.output[:length, n], stack(tokens[:length, n, None])[0][:, 0])
    changed = tokens.copy()
    changed[3:, 2] = 1
    stack.random_state = masks
    again = stack.forward(changed, lengths=lengths, training=training)
    np.testing.assert_array_equal(again.output, run.output)
    with pytest.raises(ParameterError, match="`lengths` holds 10, expected integers from 0 to 9"):
        stack.forward(tokens, lengths=[10, 0, 3, 5])


def test_neighbours_are_compared_across_dropout_and_a_merged_layer_gives_one_width():
    with pytest.raises(ParameterError, match="`dense` has input_size 5, expected 4, which `lstm` below it gives"):
        Stack(lstm=LSTM(3, 4), dropout=Dropout(0.5), dense=Dense(5, 2))
    Stack(dropout=Dropout(0.5), lstm=LSTM(3, 4, bidirectional=True, merge="sum"), dense=Dense(4, 2))


@pytest.mark.parametrize(
    "options", [{}, {"layer_norm": True, "zoneout": 0.2}, {"recurrent_dropout": 0.3}], ids=["plain", "norm", "dropout"]
)
def test_a_stream_of_tokens_through_a_variant_with_a_learned_state_gives_what_the_whole_sequence_gives(options):
    layer = LSTM(E, H, num_layers=2, initial_state="learned", **options, dtype="float64", seed=2)
    stack = Stack(embedding=Embedding(V, E, dtype="float64", seed=1), lstm=layer)
    generator = rng(4)
    stack.set({name: generator.normal(size=array.shape) for name, array in stack.parameters.items()})
    tokens = some_tokens()
    whole, last = stack(tokens)
    assert_close(stack.forward(tokens, training=False).output, whole)
    state, outputs = None, []
    for step in tokens:
        y_t, state = stack.step(step, state)
        outputs.append(y_t)
    assert_close(np.stack(outputs), whole)
    assert_close(state["lstm"], last["lstm"])
