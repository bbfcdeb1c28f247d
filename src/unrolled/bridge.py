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
| `gix gfx gcx gox`, `grx gux gcx (n_a, 1)` | rows of `gain_ih (4H,)`, `(3H,)` | layer norm |
| `gia gfa gca goa`, `gra gua gca (n_a, 1)` | rows of `gain_hh (4H,)`, `(3H,)` | layer norm |
| `gc sc (n_a, 1)` | `gain_c (H,)`, `shift_c (H,)` | LSTM with layer norm |
| `pi pf po (n_a, 1)` | rows of `peephole (3, H)` | LSTM with peepholes |
| `Wp (n_p, n_a)` | `weight_hr (P, H)` | LSTM with a projection; its gates' weights are `(n_a, n_p + n_x)` |

The GRU's update gate has the opposite sense in the two homes, z = 1 - u, so `Wu` and `bu` cross with their signs
changed: 1 - sigmoid(x) = sigmoid(-x). With layer norm `gux`, `gua` and `bu` change their signs instead: `Wu x` is
normalised together with `Wr x`, and must stay what it is.
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

# The same for the GRU, whose cache calls them rt, ut, cct.
GRU_GATES = {"r": "r", "z": "u", "n": "c"}

# The gates that see the cell state, in the engine's rows.
_PEEPHOLES = ("i", "f", "o")

# The engine's vectors that hold one part for each gate, and the course's names of the parts; and those of one part.
_OF_GATES = {"bias_l0": "b{}", "gain_ih_l0": "g{}x", "gain_hh_l0": "g{}a"}
_OF_CELL = {"bias_hn_l0": "bca", "gain_c_l0": "gc", "shift_c_l0": "sc"}


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
        course: `W. (n_a, n_a + n_x)` and `b. (n_a, 1)` for f, i, c, o, and what a variant adds; other keys are passed
            over.
        prefix: `""` for parameters, `"d"` for gradients.

    Returns:
        `weight_ih_l0` `(4H, I)`, `weight_hh_l0` `(4H, H)`, `bias_l0` `(4H,)`, and what a variant adds.

    >>> {key: value.shape for key, value in lstm_to_engine({f"W{k}": np.zeros((4, 7)) for k in "fico"}
    ...                                                    | {f"b{k}": np.zeros((4, 1)) for k in "fico"}).items()}
    {'weight_ih_l0': (16, 3), 'weight_hh_l0': (16, 4), 'bias_l0': (16,)}
    """
    return _to_engine(_without(prefix, course), LSTM_GATES)


def lstm_to_course(engine: Mapping[str, Array], prefix: str = "") -> dict[str, Array]:
    """The engine's first LSTM layer in the course's names: the inverse of `lstm_to_engine`."""
    return {prefix + name: array for name, array in _to_course(engine, LSTM_GATES).items()}


def gru_to_engine(course: Mapping[str, Array], prefix: str = "") -> dict[str, Array]:
    """The course's GRU parameters, or with `prefix="d"` its gradients, as the engine's first layer names them.

    Args:
        course: `W. (n_a, n_a + n_x)` and `b. (n_a, 1)` for r, u, c; with `reset="after"` also `bca (n_a, 1)`, and with
            layer norm the gains; other keys are passed over.
        prefix: `""` for parameters, `"d"` for gradients.

    Returns:
        `weight_ih_l0` `(3H, I)`, `weight_hh_l0` `(3H, H)`, `bias_l0` `(3H,)`, and where there is `bca`
        `bias_hn_l0` `(H,)`, where there are gains `gain_ih_l0` and `gain_hh_l0` `(3H,)`.

    >>> W = {f"W{gate}": np.zeros((4, 7)) for gate in "ruc"}
    >>> b = {f"b{gate}": np.zeros((4, 1)) for gate in ("r", "u", "c", "ca")}
    >>> {key: value.shape for key, value in gru_to_engine(W | b).items()}
    {'weight_ih_l0': (12, 3), 'weight_hh_l0': (12, 4), 'bias_l0': (12,), 'bias_hn_l0': (4,)}
    """
    return _to_engine(_turned(_without(prefix, course)), GRU_GATES)


def gru_to_course(engine: Mapping[str, Array], prefix: str = "") -> dict[str, Array]:
    """The engine's first GRU layer in the course's names: the inverse of `gru_to_engine`."""
    return {prefix + name: array for name, array in _turned(_to_course(engine, GRU_GATES)).items()}


def rnn_to_engine(course: Mapping[str, Array], prefix: str = "") -> dict[str, Array]:
    """The course's RNN parameters `Wax Waa ba`, or with `prefix="d"` its gradients, as the engine's first layer
    names them.
    """
    return {
        "weight_ih_l0": np.ascontiguousarray(course[f"{prefix}Wax"]),
        "weight_hh_l0": np.ascontiguousarray(course[f"{prefix}Waa"]),
        "bias_l0": course[f"{prefix}ba"][:, 0],
    }


def rnn_to_course(engine: Mapping[str, Array], prefix: str = "") -> dict[str, Array]:
    """The engine's first RNN layer in the course's names: the inverse of `rnn_to_engine`."""
    return {
        f"{prefix}Wax": engine["weight_ih_l0"],
        f"{prefix}Waa": engine["weight_hh_l0"],
        f"{prefix}ba": engine["bias_l0"][:, np.newaxis],
    }


def _without(prefix: str, course: Mapping[str, Array]) -> dict[str, Array]:
    return {name.removeprefix(prefix): array for name, array in course.items() if name.startswith(prefix)}


def _turned(course: Mapping[str, Array]) -> dict[str, Array]:
    """A GRU's parameters with the update gate in the other sense; turned twice they are as before."""
    names = ("gux", "gua", "bu") if "gux" in course else ("Wu", "bu")
    return {**course, **{name: -course[name] for name in names}}


def _to_engine(course: Mapping[str, Array], gates: Mapping[str, str]) -> dict[str, Array]:
    def rows(names: str) -> Array:
        return np.concatenate([course[names.format(letter)] for letter in gates.values()])

    W = rows("W{}")
    n = course["Wp"].shape[0] if "Wp" in course else W.shape[0] // len(gates)
    engine = {"weight_ih_l0": np.ascontiguousarray(W[:, n:]), "weight_hh_l0": np.ascontiguousarray(W[:, :n])}
    for name, parts in _OF_GATES.items():
        if parts.format("c") in course:
            engine[name] = rows(parts)[:, 0]
    for name, part in _OF_CELL.items():
        if part in course:
            engine[name] = course[part][:, 0]
    if "pf" in course:
        engine["peephole_l0"] = np.stack([course[f"p{gate}"][:, 0] for gate in _PEEPHOLES])
    return engine | ({"weight_hr_l0": course["Wp"]} if "Wp" in course else {})


def _to_course(engine: Mapping[str, Array], gates: Mapping[str, str]) -> dict[str, Array]:
    W = np.concatenate([engine["weight_hh_l0"], engine["weight_ih_l0"]], axis=1)
    course = {f"W{letter}": part for letter, part in zip(gates.values(), np.split(W, len(gates)), strict=True)}
    for name, parts in _OF_GATES.items():
        if name in engine:
            for letter, part in zip(gates.values(), np.split(engine[name], len(gates)), strict=True):
                course[parts.format(letter)] = part[:, np.newaxis]
    for name, part in _OF_CELL.items():
        if name in engine:
            course[part] = engine[name][:, np.newaxis]
    if "peephole_l0" in engine:
        for gate, row in zip(_PEEPHOLES, engine["peephole_l0"], strict=True):
            course[f"p{gate}"] = row[:, np.newaxis]
    return course | ({"Wp": engine["weight_hr_l0"]} if "weight_hr_l0" in engine else {})
