"""The functions that are looked for, with their arguments and results by role, in the course's names and order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["FUNCTIONS", "Function"]

Kind = Literal["cell", "loop", "plain"]  # one step; over time, on a cell; neither

RNN_GRADIENTS = ("dWax", "dWaa", "dba")
LSTM_GRADIENTS = ("dWf", "dbf", "dWi", "dbi", "dWc", "dbc", "dWo", "dbo")


@dataclass(frozen=True)
class Function:
    """One function of the course, or of this project's `steps` where the course has none.

    Args:
        name: its name there.
        kind: "cell", "loop" or "plain".
        inputs: roles of the arguments, in order. `parameters` is a dictionary of `weights`, `cache` and `caches` are
            what the forward function returned.
        outputs: roles of what it returns, in order; of a backward function, the keys of its dictionary.
        weights: keys of `parameters`.
        cache: what a cell's cache holds, in order.
        cell: for a loop, the name of the function beneath it.
    """

    name: str
    kind: Kind
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    weights: tuple[str, ...] = ()
    cache: tuple[str, ...] = ()
    cell: str | None = None


RNN_WEIGHTS = ("Wax", "Waa", "Wya", "ba", "by")
LSTM_WEIGHTS = ("Wf", "bf", "Wi", "bi", "Wc", "bc", "Wo", "bo", "Wy", "by")
RNN_CACHE = ("a_next", "a_prev", "xt", "parameters")
LSTM_CACHE = ("a_next", "c_next", "a_prev", "c_prev", "ft", "it", "cct", "ot", "xt", "parameters")
GRU_WEIGHTS = ("Wu", "bu", "Wr", "br", "Wc", "bc", "Wy", "by")  # and bca, where the reset comes after the product
GRU_CACHE = ("c_next", "c_prev", "ut", "rt", "cct", "xt", "parameters")
GRU_GRADIENTS = ("dWu", "dbu", "dWr", "dbr", "dWc", "dbc")  # and dbca

_ALL = (
    Function("sigmoid", "plain", ("x",), ("s",)),
    Function("softmax", "plain", ("x",), ("s",)),
    Function(
        "rnn_cell_forward",
        "cell",
        ("xt", "a_prev", "parameters"),
        ("a_next", "yt_pred", "cache"),
        weights=RNN_WEIGHTS,
        cache=RNN_CACHE,
    ),
    Function(
        "rnn_forward",
        "loop",
        ("x", "a0", "parameters"),
        ("a", "y_pred", "caches"),
        weights=RNN_WEIGHTS,
        cache=RNN_CACHE,
        cell="rnn_cell_forward",
    ),
    Function(
        "rnn_cell_backward",
        "cell",
        ("da_next", "cache"),
        ("dxt", "da_prev", *RNN_GRADIENTS),
        weights=RNN_WEIGHTS,
        cache=RNN_CACHE,
    ),
    Function(
        "rnn_backward",
        "loop",
        ("da", "caches"),
        ("dx", "da0", *RNN_GRADIENTS),
        weights=RNN_WEIGHTS,
        cache=RNN_CACHE,
        cell="rnn_cell_backward",
    ),
    Function(
        "lstm_cell_forward",
        "cell",
        ("xt", "a_prev", "c_prev", "parameters"),
        ("a_next", "c_next", "yt_pred", "cache"),
        weights=LSTM_WEIGHTS,
        cache=LSTM_CACHE,
    ),
    Function(
        "lstm_forward",
        "loop",
        ("x", "a0", "parameters"),
        ("a", "y", "c", "caches"),
        weights=LSTM_WEIGHTS,
        cache=LSTM_CACHE,
        cell="lstm_cell_forward",
    ),
    Function(
        "lstm_cell_backward",
        "cell",
        ("da_next", "dc_next", "cache"),
        ("dxt", "da_prev", "dc_prev", *LSTM_GRADIENTS),
        weights=LSTM_WEIGHTS,
        cache=LSTM_CACHE,
    ),
    Function(
        "lstm_backward",
        "loop",
        ("da", "caches"),
        ("dx", "da0", *LSTM_GRADIENTS),
        weights=LSTM_WEIGHTS,
        cache=LSTM_CACHE,
        cell="lstm_cell_backward",
    ),
    Function(
        "gru_cell_forward",
        "cell",
        ("xt", "c_prev", "parameters"),
        ("c_next", "yt_pred", "cache"),
        weights=GRU_WEIGHTS,
        cache=GRU_CACHE,
    ),
    Function(
        "gru_forward",
        "loop",
        ("x", "c0", "parameters"),
        ("c", "y_pred", "caches"),
        weights=GRU_WEIGHTS,
        cache=GRU_CACHE,
        cell="gru_cell_forward",
    ),
    Function(
        "gru_cell_backward",
        "cell",
        ("dc_next", "cache"),
        ("dxt", "dc_prev", *GRU_GRADIENTS),
        weights=GRU_WEIGHTS,
        cache=GRU_CACHE,
    ),
    Function(
        "gru_backward",
        "loop",
        ("dc", "caches"),
        ("dx", "dc0", *GRU_GRADIENTS),
        weights=GRU_WEIGHTS,
        cache=GRU_CACHE,
        cell="gru_cell_backward",
    ),
    Function("output_forward", "plain", ("a", "y", "parameters"), ("J", "y_pred", "cache"), weights=("Wy", "by")),
    Function("output_backward", "plain", ("cache",), ("da", "dWy", "dby"), weights=("Wy", "by")),
    Function("initialize_adam", "plain", ("parameters",), ("v", "s")),
    Function(
        "update_parameters_with_adam",
        "plain",
        ("parameters", "grads", "v", "s", "t", "learning_rate", "beta1", "beta2", "epsilon"),
        ("parameters", "v", "s"),
    ),
)

FUNCTIONS: dict[str, Function] = {function.name: function for function in _ALL}
