"""The network under the sequence models: its gradients, its pooling, and that padding is never seen."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from helpers import rng
from unrolled.data.sequences import SequenceBatch
from unrolled.errors import ParameterError, WeightFormatError
from unrolled.losses import softmax_cross_entropy
from unrolled.models.sequences.network import SequenceNetwork

# central differences in float64: truncation ~ eps^2 |f'''|, rounding ~ 1e-16 / eps; eps = 1e-5 leaves about 1e-10
EPS, TOLERANCE = 1e-5, 1e-8
LENGTHS = np.array([3, 5, 1, 4], np.int32)


def network(**settings: Any) -> SequenceNetwork:
    model = SequenceNetwork(2, 3, softmax_cross_entropy, hidden_size=4, dtype="float64", seed=1, **settings)
    draw = rng(7)
    model.set({name: array + draw.normal(0, 0.3, array.shape) for name, array in model.parameters.items()})
    return model


def batch(pooling: str | None, lengths: np.ndarray | None = LENGTHS) -> SequenceBatch:
    draw = rng(3)
    x = draw.normal(size=(5, 4, 2))
    shape = (4,) if pooling else (5, 4)
    weights = draw.uniform(0.5, 2, shape)
    if pooling is None and lengths is not None:
        weights = weights * (np.arange(5)[:, None] < lengths)
    return SequenceBatch(x, lengths, draw.integers(0, 3, shape), weights)


def worst_gradient_error(model: SequenceNetwork, given: SequenceBatch) -> float:
    before = model.random_state
    _, gradients, _ = model.loss_and_gradients(given, None)
    assert gradients.keys() == model.parameters.keys()
    worst = 0.0
    for name, gradient in gradients.items():
        for index in np.ndindex(gradient.shape):
            losses = []
            for sign in (1, -1):
                with model.edit() as own:
                    own[name][index] += sign * EPS
                model.random_state = before  # the same masks again
                losses.append(model.loss_and_gradients(given, None)[0])
                with model.edit() as own:
                    own[name][index] -= sign * EPS
            worst = max(worst, abs((losses[0] - losses[1]) / (2 * EPS) - float(gradient[index])))
    return worst


@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["equal", "unequal"])
@pytest.mark.parametrize("pooling", ["last", "mean", "max", None])
@pytest.mark.parametrize(
    "settings",
    [
        {"cell": "lstm", "bidirectional": True},
        {"cell": "gru", "num_layers": 2, "dropout": 0.4},
        {"cell": "rnn", "bidirectional": True},
        {"cell": "lstm", "recurrent_dropout": 0.4, "layer_norm": True},
        {"cell": "gru", "zoneout": 0.3},
        {
            "cell": "lstm",
            "bidirectional": True,
            "layer_options": {"peepholes": True, "proj_size": 2, "initial_state": "learned", "merge": "sum"},
        },
    ],
    ids=[
        "lstm both ways",
        "gru deep with dropout",
        "rnn both ways",
        "lstm normalised with recurrent dropout",
        "gru with zoneout",
        "lstm with every option",
    ],
)
def test_gradients_match_central_differences(settings: dict[str, Any], pooling: Any, lengths: Any):
    assert worst_gradient_error(network(**settings, pooling=pooling), batch(pooling, lengths)) < TOLERANCE


@pytest.mark.parametrize("pooling", ["last", "mean", "max"])
def test_a_sequence_alone_is_answered_as_beside_longer_ones(pooling: Any):
    model, given = network(bidirectional=True, pooling=pooling), batch(pooling)
    together = model.predict(given.x, LENGTHS)
    for n, length in enumerate(LENGTHS):
        alone = model.predict(np.ascontiguousarray(given.x[:length, n : n + 1]))
        np.testing.assert_allclose(together[n], alone[0], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("pooling", ["last", "mean", "max", None])
def test_what_stands_in_padding_changes_no_gradient(pooling: Any):
    model, given = network(pooling=pooling), batch(pooling)
    loud = given.x.copy()
    loud[np.arange(5)[:, None] >= LENGTHS] = 1e6
    quiet, other = (model.loss_and_gradients(given._replace(x=x), None) for x in (given.x, loud))
    assert quiet[0] == other[0]
    for name, gradient in quiet[1].items():
        np.testing.assert_array_equal(gradient, other[1][name])


@pytest.mark.parametrize("rates", [{"dropout": 0.5, "num_layers": 2}, {"recurrent_dropout": 0.5, "num_layers": 2}])
def test_units_are_dropped_in_training_and_never_in_prediction(rates: dict[str, Any]):
    model, given = network(**rates), batch("last")
    losses = {model.loss_and_gradients(given, None)[0] for _ in range(5)}
    assert len(losses) == 5
    np.testing.assert_array_equal(model.predict(given.x, LENGTHS), model.predict(given.x, LENGTHS))
    plain = network(num_layers=2)
    plain.set(model.parameters)  # on the fused kernels
    np.testing.assert_allclose(model.predict(given.x, LENGTHS), plain.predict(given.x, LENGTHS), rtol=1e-12)


def test_units_keep_their_state_by_chance_in_training_and_never_in_prediction():
    model, given = network(zoneout=0.5), batch("last")
    assert len({model.loss_and_gradients(given, None)[0] for _ in range(5)}) == 5
    np.testing.assert_array_equal(model.predict(given.x, LENGTHS), model.predict(given.x, LENGTHS))


def test_the_random_state_brings_the_same_masks_back():
    model, given = network(dropout=0.5, recurrent_dropout=0.2, num_layers=2), batch("last")
    before = json.loads(json.dumps(model.random_state))
    losses = [model.loss_and_gradients(given, None)[0] for _ in range(3)]
    model.random_state = before
    assert [model.loss_and_gradients(given, None)[0] for _ in range(3)] == losses
    assert network().random_state is None


def test_the_same_seed_drops_the_same_units():
    given = batch("last")
    losses = [network(dropout=0.5).loss_and_gradients(given, None)[0] for _ in range(2)]
    assert losses[0] == losses[1]


def test_options_that_a_cell_has_not_are_named():
    with pytest.raises(
        ParameterError, match=r"`layer_options` has 'peepholes', expected of 'gru' merge, .* reset; check the spelling"
    ):
        network(cell="gru", layer_options={"peepholes": True})
    with pytest.raises(
        ParameterError, match=r"`layer_options` has 'dropout', .* it is a parameter of the model itself"
    ):
        network(layer_options={"dropout": 0.1})
    with pytest.raises(ParameterError, match=r"`layer_options` has 'seed', .*; the model sets it by itself"):
        network(layer_options={"seed": 1})


def test_layer_norm_has_its_gains():
    assert "recurrent.gain_ih_l0" in network(layer_norm=True).parameters
    assert "recurrent.gain_ih_l0" not in network().parameters


def test_the_same_seed_gives_the_same_first_weights_and_another_others():
    one, same, other = (SequenceNetwork(2, 3, softmax_cross_entropy, seed=seed) for seed in (1, 1, 2))
    for name, array in one.parameters.items():
        np.testing.assert_array_equal(array, same.parameters[name])
    assert not np.array_equal(one.parameters["dense.weight"], other.parameters["dense.weight"])


def test_an_unknown_cell_is_named():
    with pytest.raises(ParameterError, match="`cell` is 'lstn', expected one of lstm, gru, rnn"):
        SequenceNetwork(2, 3, softmax_cross_entropy, cell="lstn")


def test_an_rnn_has_no_layer_norm():
    with pytest.raises(ParameterError, match="`layer_norm` is True for 'rnn', expected False"):
        SequenceNetwork(2, 3, softmax_cross_entropy, cell="rnn", layer_norm=True)


def test_a_rate_that_leaves_nothing_is_named():
    with pytest.raises(ParameterError, match=r"`recurrent_dropout` is 1\.0"):
        SequenceNetwork(2, 3, softmax_cross_entropy, recurrent_dropout=1.0)


def test_an_unknown_pooling_is_named():
    with pytest.raises(ParameterError, match="`pooling` is 'sum', expected 'last', 'mean', 'max' or None"):
        SequenceNetwork(2, 3, softmax_cross_entropy, pooling="sum")  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("pooling", ["mean", "max"])
def test_a_sequence_without_a_step_has_no_mean_and_no_maximum(pooling: Any):
    own, x = network(pooling=pooling), batch(pooling, None).x
    for wrong in ({"x": x, "lengths": [0] + [1] * (x.shape[1] - 1)}, {"x": x[:0]}):
        with pytest.raises(ParameterError, match=f"`x` has a sequence without a step, expected .* pooling='{pooling}'"):
            own.predict(**wrong)
    ones = np.ones(x.shape[1], int)
    np.testing.assert_array_equal(own.predict(x, ones.tolist()), own.predict(x, ones))


def test_weights_of_another_size_or_kind_are_refused():
    model = network()
    with pytest.raises(WeightFormatError, match="the weights belong to a model of another size: `weight"):
        model.set(dict(SequenceNetwork(2, 3, softmax_cross_entropy, hidden_size=5, dtype="float64").parameters))
    with pytest.raises(WeightFormatError, match=r"`recurrent.bias_l0_reverse` is unknown, expected the weights"):
        model.set(dict(network(bidirectional=True).parameters))
    with pytest.raises(WeightFormatError, match=r"`dense.weight` is missing, expected the weights"):
        model.set({name: array for name, array in model.parameters.items() if name != "dense.weight"})
