"""Course notation to engine notation and back, arrays and parameters; nothing is computed.

Only tests, the checker and the viewer import it. The pairs of names stand in two tables:

| course | engine | |
|---|---|---|
| `x (n_x, m, T)`, `a (n_a, m, T)`, `c` | `x (T, N, I)`, `y (T, N, H)`, `c` | the transpose |
| `Wi Wf Wc Wo (n_a, n_a + n_x)` = `[Wa, Wx]` | rows i, f, g, o of `weight_hh (4H, H)`, `weight_ih (4H, I)` | LSTM |
| `bi bf bc bo (n_a, 1)` | rows of `bias (4H,)` | LSTM |
| `Waa Wax ba` | `weight_hh (H, H)`, `weight_ih (H, I)`, `bias (H,)` | RNN |
| `Wr Wu Wc (n_a, n_a + n_x)` = `[Wa, Wx]` | rows r, z, n of `weight_hh (3H, H)`, `weight_ih (3H, I)` | GRU |
| `br bu bc (n_a, 1)` | rows of `bias (3H,)` | GRU |
| `bca (n_a, 1)` | `bias_hn (H,)` | GRU with `reset="after"`; the other form has none |

The GRU's update gate has the opposite sense in the two homes, z = 1 - u, so `Wu` and `bu` cross with their signs
changed: 1 - sigmoid(x) = sigmoid(-x).
"""

from collections.abc import Mapping

import numpy as np

from unrolled.shapes import Array

__all__ = [
    "GRU_GATES",
    "LSTM_GATES",
    "arrays_to_course",
    "arrays_to_engine",
    "gru_to_course",
    "gru_to_engine",
    "lstm_to_course",
    "lstm_to_engine",
    "rnn_to_course",
    "rnn_to_engine",
]

# The engine's gates in their order, and the letter of each in the course's `W.` and `b.`; the course's cache calls
# their values it, ft, cct, ot.
LSTM_GATES = {"i": "i", "f": "f", "g": "c", "o": "o"}

# The same for the GRU, whose cache calls them rt, ut, cct; and the sign with which each gate's weights and bias cross.
GRU_GATES = {"r": "r", "z": "u", "n": "c"}
_GRU_SIGNS = {"r": 1, "u": -1, "c": 1}


def arrays_to_engine(array: Array) -> Array:
    """`(n, m, T)` to `(T, m, n)`, or `(n, m)` to `(m, n)`: the transpose, C-contiguous.

    >>> arrays_to_engine(np.zeros((3, 10, 7))).shape
    (7, 10, 3)
    """
    return np.ascontiguousarray(array.T)


def arrays_to_course(array: Array) -> Array:
    """`(T, N, n)` to `(n, N, T)`, or `(N, n)` to `(n, N)`: the same transpose."""
    return arrays_to_engine(array)


def lstm_to_engine(course: Mapping[str, Array], prefix: str = "") -> dict[str, Array]:
    """The course's LSTM parameters, or with `prefix="d"` its gradients, as the engine's first layer names them.

    Args:
        course: `W. (n_a, n_a + n_x)` and `b. (n_a, 1)` for f, i, c, o; other keys are passed over.
        prefix: `""` for parameters, `"d"` for gradients.

    Returns:
        `weight_ih_l0` `(4H, I)`, `weight_hh_l0` `(4H, H)`, `bias_l0` `(4H,)`.

    >>> {key: value.shape for key, value in lstm_to_engine({f"W{k}": np.zeros((4, 7)) for k in "fico"}
    ...                                                    | {f"b{k}": np.zeros((4, 1)) for k in "fico"}).items()}
    {'weight_ih_l0': (16, 3), 'weight_hh_l0': (16, 4), 'bias_l0': (16,)}
    """
    W = np.concatenate([course[f"{prefix}W{letter}"] for letter in LSTM_GATES.values()])
    b = np.concatenate([course[f"{prefix}b{letter}"] for letter in LSTM_GATES.values()])
    n_a = W.shape[0] // len(LSTM_GATES)
    return _first_layer(W[:, n_a:], W[:, :n_a], b)


def lstm_to_course(engine: Mapping[str, Array], prefix: str = "") -> dict[str, Array]:
    """The engine's first LSTM layer in the course's names: the inverse of `lstm_to_engine`."""
    W = np.concatenate([engine["weight_hh_l0"], engine["weight_ih_l0"]], axis=1)
    course: dict[str, Array] = {}
    for letter, W_gate, b_gate in zip(LSTM_GATES.values(), np.split(W, 4), np.split(engine["bias_l0"], 4), strict=True):
        course[f"{prefix}W{letter}"] = W_gate
        course[f"{prefix}b{letter}"] = b_gate[:, np.newaxis]
    return course


def gru_to_engine(course: Mapping[str, Array], prefix: str = "") -> dict[str, Array]:
    """The course's GRU parameters, or with `prefix="d"` its gradients, as the engine's first layer names them.

    Args:
        course: `W. (n_a, n_a + n_x)` and `b. (n_a, 1)` for r, u, c; with `reset="after"` also `bca (n_a, 1)`; other
            keys are passed over.
        prefix: `""` for parameters, `"d"` for gradients.

    Returns:
        `weight_ih_l0` `(3H, I)`, `weight_hh_l0` `(3H, H)`, `bias_l0` `(3H,)`, and where there is `bca`
        `bias_hn_l0` `(H,)`.

    >>> W = {f"W{gate}": np.zeros((4, 7)) for gate in "ruc"}
    >>> b = {f"b{gate}": np.zeros((4, 1)) for gate in ("r", "u", "c", "ca")}
    >>> {key: value.shape for key, value in gru_to_engine(W | b).items()}
    {'weight_ih_l0': (12, 3), 'weight_hh_l0': (12, 4), 'bias_l0': (12,), 'bias_hn_l0': (4,)}
    """
    W = np.concatenate([_GRU_SIGNS[letter] * course[f"{prefix}W{letter}"] for letter in GRU_GATES.values()])
    b = np.concatenate([_GRU_SIGNS[letter] * course[f"{prefix}b{letter}"] for letter in GRU_GATES.values()])
    n_a = W.shape[0] // len(GRU_GATES)
    recurrent_bias = {"bias_hn_l0": course[f"{prefix}bca"][:, 0]} if f"{prefix}bca" in course else {}
    return _first_layer(W[:, n_a:], W[:, :n_a], b) | recurrent_bias


def gru_to_course(engine: Mapping[str, Array], prefix: str = "") -> dict[str, Array]:
    """The engine's first GRU layer in the course's names: the inverse of `gru_to_engine`."""
    W = np.concatenate([engine["weight_hh_l0"], engine["weight_ih_l0"]], axis=1)
    course = {f"{prefix}bca": engine["bias_hn_l0"][:, np.newaxis]} if "bias_hn_l0" in engine else {}
    for letter, W_gate, b_gate in zip(GRU_GATES.values(), np.split(W, 3), np.split(engine["bias_l0"], 3), strict=True):
        course[f"{prefix}W{letter}"] = _GRU_SIGNS[letter] * W_gate
        course[f"{prefix}b{letter}"] = _GRU_SIGNS[letter] * b_gate[:, np.newaxis]
    return course


def rnn_to_engine(course: Mapping[str, Array], prefix: str = "") -> dict[str, Array]:
    """The course's RNN parameters `Wax Waa ba`, or with `prefix="d"` its gradients, as the engine's first layer
    names them.
    """
    return _first_layer(course[f"{prefix}Wax"], course[f"{prefix}Waa"], course[f"{prefix}ba"])


def rnn_to_course(engine: Mapping[str, Array], prefix: str = "") -> dict[str, Array]:
    """The engine's first RNN layer in the course's names: the inverse of `rnn_to_engine`."""
    return {
        f"{prefix}Wax": engine["weight_ih_l0"],
        f"{prefix}Waa": engine["weight_hh_l0"],
        f"{prefix}ba": engine["bias_l0"][:, np.newaxis],
    }


def _first_layer(weight_ih: Array, weight_hh: Array, bias: Array) -> dict[str, Array]:
    return {
        "weight_ih_l0": np.ascontiguousarray(weight_ih),
        "weight_hh_l0": np.ascontiguousarray(weight_hh),
        "bias_l0": bias[:, 0],
    }
