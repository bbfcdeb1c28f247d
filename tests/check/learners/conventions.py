"""How each correct file of the corpus differs from the course, said by its writer; the checker never sees it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from unrolled.check.functions import FUNCTIONS

Values = dict[str, Any]


@dataclass(frozen=True)
class Convention:
    """How one function of a file is called, and how its answer is read.

    Args:
        entry: the learner's name, `Class.method` for a method; the course's where empty.
        takes: roles in the learner's order, separated by blanks; `name=role` where it must be named.
        gives: roles in the learner's order (`-`: not looked at), or the learner's keys with their roles.
        layout: "columns" as in the course, or "rows": `(m, n)` and `(m, T, n)`.
        weights: the course's parameters -> the learner's.
        gradients: gradients by the learner's keys -> by the course's.
        dtype: that the learner computes in.
        more_weights: parameters beyond the usual ones.
        own_cache: whether what it caches stands in another order than the course's.
    """

    entry: str = ""
    takes: str = ""
    gives: str | dict[str, str] = ""
    layout: str = "columns"
    weights: Callable[[Values], Values] = field(default=dict)
    gradients: Callable[[Values], Values] = field(default=dict)
    dtype: str = "float64"
    more_weights: tuple[str, ...] = ()
    own_cache: bool = False

    @property
    def keeps_the_courses_cache(self) -> bool:
        """Whether its cache can be compared with the course's, array by array."""
        return self.layout == "columns" and not self.own_cache and self.dtype == "float64"


def renamed(**names: str) -> Callable[[Values], Values]:
    """Keys changed as given, the others kept."""
    return lambda values: {names.get(key, key): value for key, value in values.items()}


def called(names: dict[str, str], **common: Any) -> dict[str, Convention]:
    """One convention for several functions: the course's name -> the learner's."""
    return {name: Convention(entry=entry, **common) for name, entry in names.items()}


def same(names: str, **common: Any) -> dict[str, Convention]:
    """One convention for several functions under the course's names."""
    return {name: Convention(**common) for name in names.split()}


def _rows(parameters: Values) -> Values:
    return {key: np.ascontiguousarray(value.T) for key, value in parameters.items()}


def _transposed_gradients(gradients: Values) -> Values:
    return {key: value.T if key[:2] in ("dW", "db") else value for key, value in gradients.items()}


def _split(parameters: Values) -> Values:
    out = {key: value for key, value in parameters.items() if key[0] == "b" or key == "Wy"}
    for gate in "fico":
        weight = parameters["W" + gate]
        n_a = weight.shape[0]
        out[f"W{gate}a"], out[f"W{gate}x"] = weight[:, :n_a], weight[:, n_a:]
    return out


ALL_RNN = "rnn_cell_forward rnn_forward rnn_cell_backward rnn_backward"
HIDDEN = {"Wax": "W_xh", "Waa": "W_hh", "Wya": "W_hy", "ba": "b_h", "by": "b_y"}
UNDERSCORED = {kind + gate: f"{kind.lower()}_{gate}" for kind in "Wb" for gate in "ficoy"}
UNDERSCORED_GRU = {kind + gate: f"{kind}_{gate}" for kind in "Wb" for gate in "urcy"}

# Files that are not named here keep to the course, under its names.
CONVENTIONS: dict[str, dict[str, Convention]] = {
    # the source documents, where they leave the course's names
    "camel_case": called(
        {
            "softmax": "Softmax",
            "rnn_cell_forward": "CellForwardRNN",
            "rnn_forward": "ForwardPassRNN",
            "rnn_cell_backward": "CellBackwardRNN",
            "rnn_backward": "BackwardPassRNN",
        }
    ),
    "units": {
        "rnn_cell_forward": Convention("rnn_unit", gives="yt_pred a_next cache"),
        "rnn_forward": Convention("rnn", gives="y_pred a caches"),
        "rnn_cell_backward": Convention("rnn_unit_backward", gradients=renamed(dx="dxt")),
        **same("rnn_backward initialize_adam update_parameters_with_adam"),
    },
    # other styles
    "rnn_batch_first": same(ALL_RNN, layout="rows"),
    "rnn_class": called(
        {"rnn_cell_forward": "RNN.rnn_cell_forward", "rnn_cell_backward": "RNN.rnn_cell_backward"},
    ),
    "rnn_class_sequence": called({"rnn_cell_forward": "VanillaRNN.cell_forward", "rnn_forward": "VanillaRNN.forward"}),
    "rnn_float32": same("rnn_cell_forward rnn_forward rnn_cell_backward", dtype="float32"),
    "rnn_reordered_cache": same("rnn_cell_forward rnn_cell_backward", own_cache=True),
    "rnn_other_orders": {
        "rnn_cell_forward": Convention("rcf", takes="a_prev xt parameters", gives="yt_pred a_next cache"),
        "rnn_forward": Convention("rf", takes="a0 x parameters", gives="y_pred a caches"),
        "rnn_cell_backward": Convention("rnn_cell_backprop", takes="cache da_next", gradients=renamed(dx="dxt")),
    },
    "rnn_renamed": {
        "rnn_cell_forward": Convention("rnn_step_forward", weights=renamed(**HIDDEN)),
        "rnn_forward": Convention(weights=renamed(**HIDDEN)),
        "rnn_cell_backward": Convention("rnn_step_backward", gives="dxt da_prev dWax dWaa dba"),
        "rnn_backward": Convention(gives="dx da0 dWax dWaa dba"),
    },
    "rnn_keyword_only": {
        "rnn_cell_forward": Convention(takes="xt=xt a_prev=a_prev parameters=parameters"),
        "rnn_forward": Convention(takes="x=x a0=a0 parameters=parameters"),
        "rnn_cell_backward": Convention(),
    },
    "rnn_deutsch": called(
        {
            "rnn_cell_forward": "rnn_zelle_vorwaerts",
            "rnn_forward": "rnn_vorwaerts",
            "rnn_cell_backward": "rnn_zelle_rueckwaerts",
        }
    ),
    "rnn_tuple_gradients": {
        "rnn_cell_forward": Convention(takes="xt a_prev Wax Waa Wya ba by", gives="a_next yt_pred"),
        "rnn_forward": Convention(takes="x a0 Wax Waa Wya ba by", gives="a y_pred"),
        "rnn_cell_backward": Convention(takes="da_next a_next a_prev xt Wax Waa", gives="dxt da_prev dWax dWaa dba"),
    },
    "lstm_batch_first": same("lstm_cell_forward lstm_forward lstm_cell_backward", layout="rows"),
    "lstm_class": called(
        {"lstm_cell_forward": "LSTM.lstm_cell_forward", "lstm_cell_backward": "LSTM.lstm_cell_backward"}
    ),
    "lstm_class_parameters": called(
        {"lstm_cell_forward": "LstmNetwork.step_forward", "lstm_forward": "LstmNetwork.forward"}
    ),
    "lstm_renamed": {
        "lstm_cell_forward": Convention("LSTM_cell_forward", weights=renamed(**UNDERSCORED)),
        "lstm_forward": Convention("LSTM_forward", weights=renamed(**UNDERSCORED)),
        "lstm_cell_backward": Convention(
            "LSTM_cell_backward",
            gradients=renamed(
                dx="dxt", dh_prev="da_prev", **{"d" + ours: "d" + course for course, ours in UNDERSCORED.items()}
            ),
        ),
    },
    "lstm_float32_scipy": same("lstm_cell_forward lstm_forward", dtype="float32"),
    "lstm_swapped_returns": {
        "lstm_cell_forward": Convention(
            takes="c_prev a_prev xt parameters", gives="yt_pred c_next a_next cache", own_cache=True
        ),
        "lstm_forward": Convention(takes="a0 x parameters", gives="y c a caches", own_cache=True),
        "lstm_cell_backward": Convention(takes="cache dc_next da_next"),
    },
    "lstm_split_weights": {"lstm_cell_forward": Convention(weights=_split)},
    "lstm_transposed_weights": same(
        "lstm_cell_forward lstm_cell_backward", layout="rows", weights=_rows, gradients=_transposed_gradients
    ),
    "gru_class": called({"gru_cell_forward": "GRU.gru_cell_forward"}),
    "gru_reset_after": {"gru_cell_forward": Convention(more_weights=("bca",))},
    "gru_batch_first": same("gru_cell_forward gru_forward", layout="rows"),
    "gru_hidden_names": {"gru_cell_forward": Convention("GRU_cell_forward", weights=renamed(**UNDERSCORED_GRU))},
}


def conventions(file: str, names: set[str]) -> dict[str, Convention]:
    """The conventions of a file that defines `names`: the course's, for what is not told otherwise."""
    return CONVENTIONS.get(file) or {name: Convention() for name in FUNCTIONS if name in names}
