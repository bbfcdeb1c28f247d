"""A recurrent layer with every option at its default is the engine's fused network, bit for bit, and draws no more."""

from functools import partial

import numpy as np
import pytest

from helpers import rng
from unrolled.engine import recurrent as engine
from unrolled.initializers import glorot_uniform, orthogonal
from unrolled.layers import GRU, LSTM, RNN

KINDS = {
    "lstm": LSTM,
    "gru_after": GRU,
    "gru_before": partial(GRU, reset="before"),
    "rnn_tanh": RNN,
    "rnn_relu": partial(RNN, nonlinearity="relu"),
}
T, N, I, H, L = 6, 4, 3, 5, 2  # noqa: E741 - all different, so that a transpose cannot hide


def first_weights(cell: engine.Cell, D: int, seed: int, dtype: str) -> list[list[np.ndarray]]:
    """Input blocks, then recurrent blocks, gate by gate: the order of the draws since the first version."""
    shape, draw = engine.CELLS[cell], rng(seed)
    weights = []
    for index in range(L * D):
        inputs = I if index < D else D * H
        weight_ih = np.concatenate([glorot_uniform(draw, H, inputs) for _ in range(shape.gates)])
        weight_hh = np.concatenate([orthogonal(draw, H) for _ in range(shape.gates)])
        bias = np.zeros((shape.gates, H))
        if cell == "lstm":
            bias[1] = 1
        parts = [weight_ih, weight_hh, bias.reshape(-1)] + [np.zeros(H)] * shape.has_bias_hn
        weights.append([np.ascontiguousarray(part, dtype) for part in parts])
    return weights


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("lengths", [None, [6, 0, 3, 5]])
@pytest.mark.parametrize("D", [1, 2])
@pytest.mark.parametrize("cell", KINDS)
def test_a_layer_with_its_options_at_their_defaults_gives_the_bits_of_the_engine(cell, D, lengths, dtype):
    layer = KINDS[cell](I, H, num_layers=L, bidirectional=D == 2, dtype=dtype, seed=7)
    network = engine.Network(cell, L, D, first_weights(cell, D, 7, dtype))
    x, dy = rng(1).normal(size=(T, N, I)).astype(dtype), rng(2).normal(size=(T, N, D * H)).astype(dtype)
    zeros = np.zeros((L * D, N, H), dtype)
    padding = None if lengths is None else engine.Padding(np.asarray(lengths), T)
    c0 = zeros if network.shape.has_cell else None
    expected = network.forward(0, x, zeros, c0, keep="gates", padding=padding)
    dexpected = network.backward(expected, dy, None, None)

    run = layer.forward(x, lengths=lengths)
    grads = layer.backward(run, dy)
    assert run.output.tobytes() == layer(x, lengths=lengths)[0].tobytes() == expected.y.tobytes()
    h_n = run.state.h if cell == "lstm" else run.state
    assert h_n.tobytes() == expected.h_n.tobytes()
    assert grads.x.tobytes() == dexpected.dx.tobytes()
    flat = [part for parts in dexpected.directions for part in parts]
    for (name, found), part in zip(grads.parameters.items(), flat, strict=True):
        assert found.tobytes() == part.tobytes(), name
    assert layer.random_state is None


def test_a_layer_that_draws_no_masks_takes_nothing_more_from_a_generator_that_is_handed_in():
    one, other = rng(3), rng(3)
    LSTM(I, H, num_layers=L, seed=one)
    for inputs in (I, H):
        for _ in range(4):
            glorot_uniform(other, H, inputs)
        for _ in range(4):
            orthogonal(other, H)
    assert one.bit_generator.state == other.bit_generator.state
