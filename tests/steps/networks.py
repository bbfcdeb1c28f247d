"""One run of any network of `unrolled.steps`, forward and backward, on drawn arguments; no test."""

from typing import Any

from helpers import Array
from steps.gradients import GRU, HEAD, LSTM, LSTM_HEAD, N_A, N_X, RNN, M, draws
from unrolled import steps

NETWORKS = ("rnn", "lstm", "gru before", "gru after")
SHAPES = {"rnn": {**RNN, **HEAD}, "lstm": {**LSTM, **LSTM_HEAD}, "gru": {**GRU, **LSTM_HEAD}}


def given(network: str, T: int = 3, m: int = M, dtype: Any = float) -> dict[str, Any]:
    """Arguments of one run: inputs, initial states, upstream gradients, and the parameters under their own key."""
    shapes = {"x": (N_X, m, T), "a0": (N_A, m), "c0": (N_A, m), "da": (N_A, m, T), "dc_final": (N_A, m)}
    arguments = {name: value.astype(dtype) for name, value in draws(20, **shapes).items()}
    parameters = {name: value.astype(dtype) for name, value in draws(21, **SHAPES[network.split()[0]]).items()}
    return {**arguments, "parameters": parameters}


def run(network: str, g: dict[str, Any], lengths: Any = None) -> dict[str, Array]:
    """Everything that the forward and the backward pass return, by name; the state of a GRU is called `a` too."""
    x, p, da = g["x"], g["parameters"], g["da"]
    if network == "rnn":
        a, y, caches = steps.rnn_forward(x, g["a0"], p, lengths=lengths)
        return {"a": a, "y": y, **steps.rnn_backward(da, caches, da_final=g["dc_final"], lengths=lengths)}
    if network == "lstm":
        a, y, c, caches = steps.lstm_forward(x, g["a0"], p, c0=g["c0"], lengths=lengths)
        gradients = steps.lstm_backward(da, caches, dc_final=g["dc_final"], with_dc0=True, lengths=lengths)
        return {"a": a, "y": y, "c": c, **gradients}
    a, y, caches = steps.gru_forward(x, g["a0"], p, reset=network.split()[1], lengths=lengths)
    gradients = steps.gru_backward(da, caches, dc_final=g["dc_final"], lengths=lengths)
    return {"a": a, "y": y, **{"da0" if name == "dc0" else name: value for name, value in gradients.items()}}
