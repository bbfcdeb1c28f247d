"""The numbers that layers are made with: which kinds they take, and in which words they refuse the others."""

import re
from functools import partial

import numpy as np
import pytest

from unrolled.errors import ParameterError
from unrolled.layers import GRU, LSTM, RNN, Dense, Dropout, Embedding

RECURRENT = {"lstm": LSTM, "gru": GRU, "gru before": partial(GRU, reset="before"), "rnn": RNN}
SIZES = {
    **dict.fromkeys(RECURRENT, ("input_size", "hidden_size", "num_layers")),
    "dense": ("input_size", "output_size"),
    "embedding": ("vocabulary_size", "embedding_size"),
}
RATES = {**dict.fromkeys(RECURRENT, ("dropout", "recurrent_dropout", "zoneout")), "dropout": ("rate",)}
LAYERS = {**RECURRENT, "dense": Dense, "embedding": Embedding, "dropout": Dropout}
NEEDED = {
    **{kind: {"input_size": 3, "hidden_size": 4, "num_layers": 2} for kind in RECURRENT},
    "dense": {"input_size": 3, "output_size": 4},
    "embedding": {"vocabulary_size": 3, "embedding_size": 4},
    "dropout": {"rate": 0.5},
}


def made(layer: str, **given):
    return LAYERS[layer](**NEEDED[layer] | {"seed": 0} | given)


EACH_SIZE = [(layer, name) for layer, names in SIZES.items() for name in names]
EACH_RATE = [(layer, name) for layer, names in RATES.items() for name in names]


@pytest.mark.parametrize("value", [0, -2, "3", 3.0, 3.5, True, None, np.nan, [3]], ids=repr)
@pytest.mark.parametrize(("layer", "name"), EACH_SIZE)
def test_a_size_that_is_no_whole_number_is_named_with_its_remedy(layer, name, value):
    words = re.escape(f"`{name}` is {value!r}, expected a whole number of at least 1; ")
    with pytest.raises(ParameterError, match=f"^{words}."):
        made(layer, **{name: value})


@pytest.mark.parametrize("kind", [np.int64, np.uint8])
@pytest.mark.parametrize(("layer", "name"), EACH_SIZE)
def test_a_size_may_be_numpys_and_makes_the_same_layer_with_pythons_own(layer, name, kind):
    found, expected = made(layer, **{name: kind(2)}), made(layer, **{name: 2})
    assert type(getattr(found, name)) is int
    assert {key: array.tobytes() for key, array in found.parameters.items()} == {
        key: array.tobytes() for key, array in expected.parameters.items()
    }


@pytest.mark.parametrize("value", [-0.1, 1, 1.0, "a", None, True, np.nan, np.inf, [0.5]], ids=repr)
@pytest.mark.parametrize(("layer", "name"), EACH_RATE)
def test_a_rate_that_is_no_probability_is_named_with_its_remedy(layer, name, value):
    if layer == "lstm" and isinstance(value, list):  # which an LSTM's zoneout may be, with two entries
        value = (0.5,) if name != "zoneout" else {0.5}
    words = re.escape(f"`{name}` is {value!r}, expected a number from 0 to below 1; it is a probability, and 1 would")
    with pytest.raises(ParameterError, match=f"^{words}"):
        made(layer, **{name: value})


@pytest.mark.parametrize("layer", RECURRENT)
@pytest.mark.parametrize("name", ["dropout", "recurrent_dropout", "zoneout"])
def test_a_rate_may_be_numpys_and_gives_the_same_bits(layer, name):
    x = np.random.default_rng(0).normal(size=(4, 2, 3)).astype("float32")
    outputs = [made(layer, **{name: kind(0.5)}).forward(x).output.tobytes() for kind in (float, np.float32, np.float64)]
    assert outputs[0] == outputs[1] == outputs[2]
    assert type(made(layer, dropout=np.float32(0.5)).options.dropout) is float


@pytest.mark.parametrize("seed", [-1, "a", 1.5, True, np.nan], ids=repr)
@pytest.mark.parametrize("layer", LAYERS)
def test_a_seed_that_is_none_is_named_with_its_remedy(layer, seed):
    words = re.escape(f"`seed` is {seed!r}, expected a whole number of at least 0, a NumPy Generator or None; None ")
    with pytest.raises(ParameterError, match=f"^{words}differs each time$"):
        made(layer, seed=seed)


def test_a_dropout_that_draws_nothing_refuses_a_wrong_seed_too():
    with pytest.raises(ParameterError, match="`seed` is 'a', expected a whole number of at least 0"):
        Dropout(0.0, seed="a")


@pytest.mark.parametrize("seed", [np.int64(3), np.random.default_rng(3), np.random.SeedSequence(3)], ids=str)
def test_a_seed_may_be_numpys(seed):
    assert (Dense(3, 4, seed=seed).parameters["weight"] == Dense(3, 4, seed=3).parameters["weight"]).all()


@pytest.mark.parametrize("value", [4, -1, 2.0, "2", True, None], ids=repr)
def test_a_projection_that_is_no_whole_number_below_the_hidden_size_is_named_with_its_remedy(value):
    words = re.escape(f"`proj_size` is {value!r}, expected a whole number from 0 to below 4; a projection makes h ")
    with pytest.raises(ParameterError, match=f"^{words}smaller than c"):
        LSTM(3, 4, proj_size=value)
    assert LSTM(3, 4, proj_size=np.int64(2)).state_size == 2


@pytest.mark.parametrize(("layer", "name"), [(RNN, "nonlinearity"), (GRU, "reset")])
def test_a_list_for_the_name_of_a_form_is_refused_as_any_other_name(layer, name):
    with pytest.raises(ParameterError, match=rf"`{name}` is \['tanh'\], expected '"):
        layer(3, 4, **{name: ["tanh"]})
