"""What a layer shows of itself: the call that makes one like it."""

import pytest

from unrolled.layers import GRU, LSTM, RNN, Dense, Dropout, Embedding, Stack

LAYERS = (GRU, LSTM, RNN, Dense, Dropout, Embedding, Stack)
CALLS = [
    "LSTM(3, 4)",
    "LSTM(3, 4, num_layers=2, bidirectional=True, merge='sum', dropout=0.1, forget_bias=0.0, dtype='float64')",
    "LSTM(3, 4, recurrent_dropout=0.2, layer_norm=True, peepholes=True, proj_size=2, initial_state='learned')",
    "LSTM(3, 4, zoneout=0.1)",
    "LSTM(3, 4, zoneout=(0.05, 0.5))",
    "GRU(3, 4, zoneout=0.1, reset='before')",
    "RNN(3, 4, weight_init='he_normal', recurrent_init='identity', nonlinearity='relu')",
    "Dense(3, 2)",
    "Dense(3, 2, bias=False, weight_init='orthogonal', dtype='float64')",
    "Embedding(7, 3)",
    "Embedding(7, 3, dtype='float64')",
    "Dropout(0.5)",
    "Dropout(0.5, variational=True)",
]


def made(call):
    """The layer that such a call makes."""
    return eval(call, {layer.__name__: layer for layer in LAYERS})


@pytest.mark.parametrize("call", CALLS)
def test_a_layer_shows_the_call_that_makes_it(call):
    assert repr(made(call)) == call


@pytest.mark.parametrize(
    ("layer", "shown"),
    [
        (LSTM(3, 4, num_layers=1, bidirectional=False, dropout=0.0, zoneout=0, forget_bias=1, seed=0), "LSTM(3, 4)"),
        (GRU(3, 4, zoneout=0.0, reset="after", dtype="float32"), "GRU(3, 4)"),
        (Dense(3, 2, bias=True, weight_init="glorot_uniform", seed=7), "Dense(3, 2)"),
        (Dropout(0.5, variational=False, seed=0), "Dropout(0.5)"),
    ],
)
def test_neither_usual_options_nor_the_seed_are_shown(layer, shown):
    assert repr(layer) == shown


def test_a_subclass_that_is_made_in_another_way_shows_itself_as_any_object_does():
    class Narrow(LSTM):
        def __init__(self, width, **options):
            super().__init__(width, width, **options)

    layer = Narrow(3, seed=0)
    assert repr(layer) == object.__repr__(layer)


def test_a_stack_shows_each_of_its_layers_by_name():
    stack = Stack(embedding=Embedding(7, 3), drop=Dropout(0.1), gru=GRU(3, 4, num_layers=2), dense=Dense(4, 7))
    lines = [
        "Stack(",
        "    embedding=Embedding(7, 3),",
        "    drop=Dropout(0.1),",
        "    gru=GRU(3, 4, num_layers=2),",
        "    dense=Dense(4, 7),",
        ")",
    ]
    assert repr(stack).splitlines() == lines
    assert repr(made(repr(stack))) == repr(stack)
