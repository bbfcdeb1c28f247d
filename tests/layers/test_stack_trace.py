"""Stack's traces and its less memory: those of its layers, whatever stands around them, and not a bit changed."""

import copy

import numpy as np
import pytest

from helpers import rng, tolerance
from unrolled.errors import ParameterError
from unrolled.layers import GRU, LSTM, RNN, Dense, Dropout, Embedding, GRUTrace, LSTMTrace, RNNTrace, Stack

T, N, V, E, H = 9, 4, 11, 5, 7
LENGTHS = [9, 0, 3, 5]
KINDS = {"lstm": (LSTM, LSTMTrace), "gru": (GRU, GRUTrace), "rnn": (RNN, RNNTrace)}
SHAPES = {
    "one layer": {},
    "two layers": {"num_layers": 2},
    "both directions": {"bidirectional": True, "num_layers": 2, "merge": "sum"},
}
of = {"dtype": "float64"}


def some_tokens() -> np.ndarray:
    return rng(0).integers(0, V, (T, N))


def some_input() -> np.ndarray:
    return rng(0).normal(size=(T, N, E))


def reading_tokens(kind=LSTM, **options) -> Stack:
    """Two recurrent layers: one that is handed tokens, and one behind a Dropout."""
    return Stack(
        embedding=Embedding(V, E, **of, seed=1),
        first=kind(E, H, **options, **of, seed=2),
        dropout=Dropout(0.5, seed=3),
        second=GRU(H, 3, **of, seed=4),
        dense=Dense(3, 2, **of, seed=5),
    )


def reading_numbers(**options) -> Stack:
    """The same without the Embedding, with what makes a layer draw masks inside."""
    return Stack(
        first=LSTM(E, H, **options, **of, seed=2),
        dropout=Dropout(0.5, seed=3),
        second=GRU(H, 3, num_layers=2, dropout=0.3, **of, seed=4),
        dense=Dense(3, 2, **of, seed=5),
    )


def gradients(stack: Stack, run) -> list[bytes]:
    grads = stack.backward(run, rng(7).normal(size=run.output.shape))
    states = [array for state in grads.state.values() for array in (state if isinstance(state, tuple) else (state,))]
    arrays = [*grads.parameters.values(), *states, *([] if grads.x is None else [grads.x])]
    return [array.tobytes() for array in arrays]


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("options", [{}, {"zoneout": (0.2, 0.3), "layer_norm": True}], ids=["plain", "varied"])
def test_each_trace_has_the_bits_of_the_layers_own(options, training):
    stack = reading_numbers(**options)
    layers = copy.deepcopy(stack.layers)
    run = stack.forward(some_input(), lengths=LENGTHS, trace=True, training=training)
    first = layers["first"].forward(some_input(), lengths=LENGTHS, trace=True, training=training)
    dropped = layers["dropout"].forward(first.output, training=training)
    second = layers["second"].forward(dropped.output, lengths=LENGTHS, trace=True, training=training)
    assert list(run.trace) == ["first", "second"]
    for name, alone in (("first", first), ("second", second)):
        assert len(run.trace[name]) == len(alone.trace)
        for found, expected in zip(run.trace[name], alone.trace, strict=True):
            assert type(found) is type(expected)
            for part in expected._fields:
                np.testing.assert_array_equal(getattr(found, part), getattr(expected, part), err_msg=f"{name} {part}")


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("kind", "trace"), KINDS.values(), ids=KINDS)
def test_the_trace_of_a_layer_handed_tokens_is_that_of_the_layer_behind_the_embedding(kind, trace, shape):
    stack = reading_tokens(kind, **SHAPES[shape])
    run = stack.forward(some_tokens(), lengths=LENGTHS, trace=True)
    embedding, first = stack.layers["embedding"], stack.layers["first"]
    alone = first.forward(embedding(some_tokens())[0], lengths=LENGTHS, trace=True).trace
    assert len(run.trace["first"]) == len(alone) == first.num_layers * first.num_directions
    for found, expected in zip(run.trace["first"], alone, strict=True):
        assert type(found) is trace
        for part in trace._fields:
            np.testing.assert_allclose(
                getattr(found, part), getattr(expected, part), **tolerance("engine and steps"), err_msg=part
            )


STACKS = {
    "tokens": (reading_tokens, some_tokens),
    "numbers": (reading_numbers, some_input),
    "layer norm": (lambda: reading_numbers(layer_norm=True), some_input),
}


@pytest.mark.parametrize(("make", "given"), STACKS.values(), ids=STACKS)
def test_a_trace_changes_no_bit_of_output_state_or_gradients(make, given):
    plain, traced = make(), make()
    run, other = plain.forward(given(), lengths=LENGTHS), traced.forward(given(), lengths=LENGTHS, trace=True)
    assert run.trace is None
    assert other.output.tobytes() == run.output.tobytes()
    assert [np.asarray(state).tobytes() for state in other.state.values()] == [
        np.asarray(state).tobytes() for state in run.state.values()
    ]
    assert gradients(traced, other) == gradients(plain, run)


@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["equal lengths", "unequal lengths"])
@pytest.mark.parametrize("memory", ["low", "sqrt"])
@pytest.mark.parametrize(("make", "given"), list(STACKS.values())[:2], ids=list(STACKS)[:2])
def test_less_memory_gives_the_same_bits(make, given, memory, lengths):
    plain, less = make(), make()
    run, other = plain.forward(given(), lengths=lengths), less.forward(given(), lengths=lengths, memory=memory)
    assert other.output.tobytes() == run.output.tobytes()
    assert gradients(less, other) == gradients(plain, run)


@pytest.mark.parametrize(("make", "given"), list(STACKS.values())[:2], ids=list(STACKS)[:2])
def test_less_memory_reaches_every_recurrent_layer(make, given, monkeypatch):
    """Which each of them hands on to its kernels."""
    kept = {}
    for kind in (LSTM, GRU):
        own = kind._forward

        def noted(self, *given, own=own, **more):
            kept[id(self)] = given[5]
            return own(self, *given, **more)

        monkeypatch.setattr(kind, "_forward", noted)
    stack = make()
    for memory, keep in {"full": "gates", "low": "cells", "sqrt": "checkpoints"}.items():
        stack.forward(given(), memory=memory)
        assert kept == {id(stack.layers[name]): keep for name in ("first", "second")}


def test_a_stack_without_recurrent_layers_has_an_empty_trace_and_the_same_bits():
    stack = Stack(embedding=Embedding(V, E, **of, seed=1), dense=Dense(E, 2, **of, seed=2))
    run = stack.forward(some_tokens())
    for options in ({"trace": True}, {"memory": "low"}, {"memory": "sqrt"}):
        other = stack.forward(some_tokens(), **options)
        assert other.trace == ({} if "trace" in options else None)
        assert other.output.tobytes() == run.output.tobytes()
        assert gradients(stack, other) == gradients(stack, run)


@pytest.mark.parametrize("recurrent", [{}, {"lstm": LSTM(2, 3)}], ids=["none", "one"])
@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"memory": "little"}, "`memory` is 'little', expected 'full', 'low' or 'sqrt'; see this method's docstring"),
        ({"memory": None}, "`memory` is None, expected 'full', 'low' or 'sqrt'"),
        ({"memory": "low", "trace": True}, "`memory` is 'low' with `trace=True`, expected 'full'; a trace is every"),
    ],
)
def test_memory_that_is_none_or_leaves_nothing_to_trace_is_refused(recurrent, options, words):
    with pytest.raises(ParameterError, match=words):
        Stack(dense=Dense(5, 2, seed=0), **recurrent).forward(np.zeros((1, 1, 5), "float32"), **options)


def test_less_memory_for_a_variant_is_refused_with_its_name_before_a_mask_is_drawn():
    stack = Stack(
        dropout=Dropout(0.5, seed=0),
        plain=LSTM(E, H, **of, seed=1),
        varied=GRU(H, 3, recurrent_dropout=0.2, **of, seed=2),
    )
    before = stack.random_state
    with pytest.raises(
        ParameterError, match="`memory` is 'low', expected 'full' for `varied`; with recurrent_dropout, "
    ):
        stack.forward(some_input(), memory="low")
    assert stack.random_state == before
    stack.forward(some_input(), memory="low", training=False)  # which runs the plain cell
