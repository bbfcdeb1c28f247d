"""The encoder-decoder's network: its whole gradient, and that steps, lengths and rows give what a whole batch gives."""

import json

import numpy as np
import pytest

from helpers import rng, tolerance
from unrolled.data.pairs import PairBatch, PairBatches
from unrolled.errors import ParameterError, WeightFormatError
from unrolled.models.pairs.attention import attend, attend_backward
from unrolled.models.pairs.network import EncoderDecoderNetwork

PLAIN = [
    {"cell": "lstm"},
    {"cell": "gru"},
    {"cell": "rnn"},
    {"cell": "lstm", "bidirectional": False, "attention": False},
    {"cell": "gru", "bidirectional": False},
    {"cell": "lstm", "num_layers": 2, "attention": False},
    {"cell": "gru", "num_layers": 2},
    {"cell": "lstm", "num_layers": 2, "layer_norm": True, "layer_options": {"peepholes": True}},
    {"cell": "gru", "layer_norm": True},
]
DRAWING = [
    {"num_layers": 2, "dropout": 0.4},
    {"cell": "lstm", "num_layers": 2, "recurrent_dropout": 0.4, "zoneout": (0.2, 0.4), "layer_norm": True},
    {"cell": "lstm", "zoneout": 0.3, "attention": False, "layer_options": {"peepholes": True}},
    {"cell": "gru", "recurrent_dropout": 0.4, "zoneout": 0.3, "layer_norm": True},
    {"cell": "gru", "recurrent_dropout": 0.4, "bidirectional": False, "layer_options": {"reset": "before"}},
    {"cell": "rnn", "recurrent_dropout": 0.4, "zoneout": 0.3},
]  # in training
KINDS = pytest.mark.parametrize("kind", PLAIN)
ALL = pytest.mark.parametrize("kind", [*PLAIN, *DRAWING])


def make(seed=0, dtype="float64", **kind):
    network = EncoderDecoderNetwork(6, 7, hidden_size=3, embedding_size=2, dtype=dtype, seed=seed, **kind)
    draw = rng(seed + 1)
    with network.edit() as own:
        for array in own.values():  # biases that are not zero, gates that are far from linear
            array += 0.3 * draw.normal(size=array.shape)
    return network


def batch(sources=(4, 1, 3), targets=(2, 3, 0), seed=5):
    draw = rng(seed)
    read = [draw.integers(3, 6, n).astype(np.int32) for n in sources]
    written = [draw.integers(3, 7, n).astype(np.int32) for n in targets]
    given = next(PairBatches(read, written).in_order())[1]
    return given._replace(weights=None if given.weights is None else given.weights.astype(float))


@KINDS
def test_every_gradient_is_that_of_central_differences(kind):
    check_gradients(kind, ((4, 1, 3), (2, 3, 0)))


@pytest.mark.parametrize("lengths", [((3, 3), (2, 2)), ((1,), (0,))])
def test_the_gradients_without_padding_and_of_a_single_step_too(lengths):
    check_gradients({"cell": "lstm"}, lengths)


def check_gradients(kind, lengths):
    network, given = make(**kind), batch(*lengths)
    loss, gradients, state = network.loss_and_gradients(given, None)
    assert state is None
    assert loss == pytest.approx(network.loss(given), rel=1e-12)
    assert list(gradients) == list(network.parameters)
    for name, gradient in gradients.items():
        want = np.empty_like(gradient)
        for index in np.ndindex(gradient.shape):
            ends = []
            for change in (1e-5, -2e-5):
                with network.edit() as own:
                    own[name][index] += change
                ends.append(network.loss(given))
            with network.edit() as own:
                own[name][index] += 1e-5
            want[index] = (ends[0] - ends[1]) / 2e-5
        np.testing.assert_allclose(gradient, want, **tolerance("central differences"), err_msg=name)
        if lengths[0] != (1,):  # where the encoder has no step before its last
            assert np.abs(gradient).max() > 1e-6, f"{name} does not matter here"


def test_the_gradients_of_attention_are_those_of_central_differences():
    draw = rng(3)
    s, h, up = draw.normal(size=(2, 3, 4)), draw.normal(size=(5, 3, 4)), draw.normal(size=(2, 3, 4))
    present = np.arange(5)[:, None] < np.array([5, 2, 1])
    gradients = attend_backward(attend(s, h, present), up)
    for array, gradient in zip((s, h), gradients, strict=True):
        want = np.empty_like(array)
        for index in np.ndindex(array.shape):
            kept = array[index]
            ends = []
            for change in (1e-5, -1e-5):
                array[index] = kept + change
                ends.append((attend(s, h, present).context * up).sum())
            array[index] = kept
            want[index] = (ends[0] - ends[1]) / 2e-5
        np.testing.assert_allclose(gradient, want, **tolerance("central differences"))
    assert not gradients[1][~present].any()


def test_attention_looks_at_no_padding_and_overflows_nothing():
    run = attend(np.full((1, 1, 1), 1e3), np.array([[[1.0]], [[2.0]], [[3e30]]]), np.array([[True], [True], [False]]))
    np.testing.assert_array_equal(run.weights, [[[0, 1, 0]]])
    assert run.context.tolist() == [[[2.0]]]


@ALL
def test_padding_and_neighbours_change_no_pair(kind):
    network = make(**kind)
    given = batch((1, 3, 5), (1, 4, 2))
    alone = 0.0
    for n, (S, T) in enumerate(((1, 2), (3, 5), (5, 3))):
        pair = PairBatch(given.sources[:S, [n]], None, given.inputs[:T, [n]], given.targets[:T, [n]], None)
        alone += network.loss(pair) * T
    assert network.loss(given) * 10 == pytest.approx(alone, rel=1e-12)


@ALL
def test_single_steps_give_the_loss_of_the_whole(kind):
    network, given = make(**kind), batch()
    memory = network.encode(given.sources, given.lengths)
    total = 0.0
    for t in range(len(given.inputs)):
        logits, memory = network.step(given.inputs[t], memory)
        p = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
        total -= (given.weights[t] * np.log(p[np.arange(len(p)), given.targets[t]])).sum()
    assert total / given.weights.sum() == pytest.approx(network.loss(given), rel=1e-12)


@ALL
def test_rows_are_taken_with_all_that_belongs_to_them(kind):
    network, given = make(**kind), batch()
    memory = network.encode(given.sources, given.lengths)
    tokens = np.array([3, 4, 5], np.int32)
    want, _ = network.step(tokens, memory)
    rows = np.array([2, 0, 0, 1])
    got, _ = network.step(tokens[rows], network.take(memory, rows))
    np.testing.assert_allclose(got, want[rows], **tolerance("reordered"))


def test_scheduled_sampling_feeds_the_likeliest_token_where_chance_says_so():
    network, given = make(), batch((4, 2, 3), (5, 5, 5))
    network.teacher_forcing = 0.0
    inputs = network._scheduled(given)
    assert (inputs[0] == given.inputs[0]).all()
    memory = network.encode(given.sources, given.lengths)
    for t in range(1, len(inputs)):
        logits, memory = network.step(inputs[t - 1], memory)
        assert (inputs[t] == logits.argmax(-1)).all()
    network.teacher_forcing = 0.5
    mixed = network._scheduled(given)
    changed = (mixed != given.inputs).mean()
    assert 0 < changed < (inputs != given.inputs).mean()
    # the loss is that of the target's tokens after these inputs
    state = network.random_state
    loss, _, _ = network.loss_and_gradients(given, None)
    network.random_state = state
    assert loss == network.loss(given._replace(inputs=network._scheduled(given)))
    network.random_state = state
    assert loss == network.loss_and_gradients(given, None)[0]


@pytest.mark.parametrize("kind", [{"dropout": 0.4}, *DRAWING])
def test_the_gradients_of_training_with_masks_are_those_of_the_same_masks(kind):
    network, given = make(**kind), batch((3, 2), (3, 2))
    state = json.loads(json.dumps(network.random_state))

    def loss():
        network.random_state = state
        return network.loss_and_gradients(given, None)[0]

    assert loss() == loss() != network.loss(given)
    assert network.loss_and_gradients(given, None)[0] != loss()
    network.random_state = state
    _, gradients, _ = network.loss_and_gradients(given, None)
    assert list(gradients) == list(network.parameters)
    for name in gradients:
        want = np.empty_like(gradients[name])
        for index in np.ndindex(want.shape):
            ends = []
            for change in (1e-5, -2e-5):
                with network.edit() as own:
                    own[name][index] += change
                ends.append(loss())
            with network.edit() as own:
                own[name][index] += 1e-5
            want[index] = (ends[0] - ends[1]) / 2e-5
        np.testing.assert_allclose(gradients[name], want, **tolerance("central differences"), err_msg=name)


def test_the_seed_decides_the_weights():
    one, same, other = (dict(make(seed).parameters) for seed in (0, 0, 1))
    assert all((one[name] == same[name]).all() for name in one)
    assert any((one[name] != other[name]).any() for name in one)


def test_other_weights_and_cells_are_named():
    network = make()
    weights = dict(network.parameters)
    with pytest.raises(
        WeightFormatError, match=r"`dense.bias` is missing, expected the weights source_embedding.weight"
    ):
        network.set({name: array for name, array in weights.items() if name != "dense.bias"})
    with pytest.raises(WeightFormatError, match=r"`dense.scale` is unknown, expected the weights"):
        network.set(weights | {"dense.scale": np.ones(1)})
    with pytest.raises(WeightFormatError, match="belong to a model of another size: `bias` has shape"):
        network.set(weights | {"dense.bias": np.ones(3)})
    other = make(seed=4)
    other.set(weights)
    assert other.loss(batch()) == network.loss(batch())


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ({"cell": "gru2"}, "`cell` is 'gru2', expected one of lstm, gru, rnn; gru is usual"),
        ({"recurrent_dropout": 1.0}, "`recurrent_dropout` is 1.0, expected a number from 0 to below 1"),
        ({"zoneout": -0.1}, "`zoneout` is -0.1, expected a number from 0 to below 1"),
        ({"cell": "lstm", "zoneout": (0.1, 1)}, r"`zoneout\[1\]` is 1, expected a number from 0 to below 1"),
        ({"cell": "gru", "zoneout": (0.1, 0.1)}, r"`zoneout` is \(0.1, 0.1\), expected a number from 0 to below 1"),
        ({"cell": "rnn", "layer_norm": True}, "`layer_norm` is True for 'rnn', expected False; the LSTM and the GRU"),
        ({"layer_options": 5}, "`layer_options` is 5, expected a dict of options by name, or None"),
        ({"layer_options": {"peepholes": True}}, "`layer_options` has 'peepholes', expected of 'gru' weight_init, "),
        ({"layer_options": {"zoneout": 0.1}}, "`layer_options` has 'zoneout', .*; it is a parameter of the model"),
        (
            {"cell": "lstm", "layer_options": {"proj_size": 2}},
            "`layer_options` has 'proj_size', expected none of proj_size, merge, initial_state; the decoder begins",
        ),
    ],
)
def test_options_that_the_layers_do_not_take_are_named(kind, message):
    with pytest.raises(ParameterError, match=message):
        make(**kind)


def test_both_layers_have_the_options():
    network = make(cell="lstm", zoneout=(0.1, 0.2), recurrent_dropout=0.3, layer_options={"forget_bias": 2.0})
    for layer in (network.encoder, network.decoder):
        assert layer.forget_bias == 2.0
        assert layer.options.zoneout == (0.1, 0.2)
        assert layer.options.recurrent_dropout == 0.3
