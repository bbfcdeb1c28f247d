"""The LSTM: one step and the loop over time, forward and backward; no loss, no update, no stacking.

Equations, in the course's numbers. Every gate acts on `concat = [a<t-1>; x<t>]`; `*` is entry by entry:

    (1) ft = sigmoid(Wf concat + bf)                 forget gate
    (2) it = sigmoid(Wi concat + bi)                 update gate
    (3) cct = tanh(Wc concat + bc)                   candidate, written c~
    (4) c<t> = ft * c<t-1> + it * cct                cell state
    (5) ot = sigmoid(Wo concat + bo)                 output gate
    (6) a<t> = ot * tanh(c<t>)                       hidden state;   y<t> = softmax(Wy a<t> + by)

Backward, with dc the whole gradient of c<t>: what the next step hands back, and what comes through (6):

    dc = dc_next + da * ot * (1 - tanh(c<t>)^2)
    (7) dot = da * tanh(c<t>) * ot * (1 - ot)        gradients *before* each gate's activation
    (8) dcct = dc * it * (1 - cct^2)
    (9) dit = dc * cct * it * (1 - it)
    (10) dft = dc * c<t-1> * ft * (1 - ft)
    (11)-(14) dWf, dWi, dWc, dWo = dft, dit, dcct, dot concat^T
    (15)-(18) dbf, dbi, dbc, dbo = sum over batch of dft, dit, dcct, dot
    (19) da<t-1> and (21) dx<t>: the first n_a rows and the others of Wf^T dft + Wi^T dit + Wc^T dcct + Wo^T dot
    (20) dc<t-1> = dc * ft

Gradients are those of a loss J that reaches the network through `a` (and the last c) alone; `output.py` leads from J
to `a`.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from unrolled.shapes import Array
from unrolled.steps._check import (
    Parameters,
    check_arrays,
    check_backward,
    check_cache,
    check_optional,
    pick,
    promote,
    running,
)
from unrolled.steps.activations import sigmoid, softmax

__all__ = ["LSTMCache", "lstm_backward", "lstm_cell_backward", "lstm_cell_forward", "lstm_forward"]

LSTMCache = tuple[Array, Array, Array, Array, Array, Array, Array, Array, Array, Parameters]

GATES = ("Wf", "bf", "Wi", "bi", "Wc", "bc", "Wo", "bo")
NAMES = (*GATES, "Wy", "by")
CACHE = "a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt, parameters"


def lstm_cell_forward(
    xt: Array, a_prev: Array, c_prev: Array, parameters: Parameters
) -> tuple[Array, Array, Array, LSTMCache]:
    """One step of the LSTM.

    Equations: (1) to (6) at the top of this module.

    Args:
        xt: inputs of this step, `(n_x, m)`.
        a_prev: hidden state of the step before, `(n_a, m)`.
        c_prev: cell state of the step before, `(n_a, m)`.
        parameters: `Wf Wi Wc Wo (n_a, n_a + n_x)`, acting on `[a_prev; xt]`, `bf bi bc bo (n_a, 1)`, `Wy (n_y, n_a)`,
            `by (n_y, 1)`.

    Returns:
        `a_next` `(n_a, m)`, `c_next` `(n_a, m)`, `yt_pred` `(n_y, m)`, probabilities in each column, and the cache
        `(a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt, parameters)`. One float dtype in, the same out; mixed
        ones follow NumPy's promotion. An empty batch (m = 0) gives arrays of no columns; NaN makes its own column NaN
        and no other.

    Raises:
        ParameterError: a parameter is missing, or an array is not of floats.
        ShapeError: shapes disagree.

    Source: Hochreiter & Schmidhuber 1997, with the forget gate of Gers, Schmidhuber & Cummins 2000; "Building your
    Recurrent Neural Network - Step by Step", figure 4.

    >>> weights = {"W" + gate: np.ones((1, 2)) for gate in "fico"} | {"Wy": np.ones((2, 1)), "by": np.zeros((2, 1))}
    >>> p = weights | {"b" + gate: np.zeros((1, 1)) for gate in "fico"}
    >>> a_next, c_next, yt_pred, cache = lstm_cell_forward(np.ones((1, 1)), np.zeros((1, 1)), np.zeros((1, 1)), p)
    >>> a_next.round(4).tolist(), c_next.round(4).tolist(), yt_pred.tolist()
    ([[0.3696]], [[0.5568]], [[0.5], [0.5]])
    """
    check_arrays({**pick(parameters, NAMES), "xt": xt, "a_prev": a_prev, "c_prev": c_prev})
    Wf, bf, Wi, bi, Wc, bc, Wo, bo, Wy, by = (parameters[name] for name in NAMES)

    concat = np.concatenate([a_prev, xt])
    ft = sigmoid(Wf @ concat + bf)  # (1)
    it = sigmoid(Wi @ concat + bi)  # (2)
    cct = np.tanh(Wc @ concat + bc)  # (3)
    c_next = ft * c_prev + it * cct  # (4)
    ot = sigmoid(Wo @ concat + bo)  # (5)
    a_next = ot * np.tanh(c_next)  # (6)
    yt_pred = softmax(Wy @ a_next + by)

    return a_next, c_next, yt_pred, (a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt, parameters)


def lstm_forward(
    x: Array,
    a0: Array,
    parameters: Parameters,
    *,
    c0: Array | None = None,
    lengths: Sequence[int] | NDArray[np.integer] | None = None,
) -> tuple[Array, Array, Array, tuple[list[LSTMCache], Array]]:
    """The LSTM unrolled over time: `lstm_cell_forward` at t = 0, ..., T-1, each step handing both states to the next.

    Equations:
        a<t>, c<t>, y<t> = lstm_cell_forward(x<t>, a<t-1>, c<t-1>),   a<-1> = a0,   c<-1> = c0

    Args:
        x: inputs, `(n_x, m, T)`; T = 0 is allowed and gives outputs without steps and an empty list of caches.
        a0: initial hidden state, `(n_a, m)`.
        parameters: as in `lstm_cell_forward`.
        c0: initial cell state, `(n_a, m)`; zero when left out, as in the course.
        lengths: for sequences of different lengths, padded on the right: steps of each, `(m,)`, from 0 to T. Padded
            inputs are never read, outputs there are 0, and the caches hold the running columns only.

    Returns:
        `a` `(n_a, m, T)`, `y` `(n_y, m, T)`, `c` `(n_a, m, T)`, and `(caches, x)` with the cache of every step for
        `lstm_backward`.

    Raises:
        ParameterError: a parameter is missing, an array is not of floats, or a length is not from 0 to T.
        ShapeError: shapes disagree.

    Source: "Building your Recurrent Neural Network - Step by Step", figure 5.

    >>> weights = {"W" + gate: np.ones((1, 2)) for gate in "fico"} | {"Wy": np.ones((2, 1)), "by": np.zeros((2, 1))}
    >>> p = weights | {"b" + gate: np.zeros((1, 1)) for gate in "fico"}
    >>> a, y, c, caches = lstm_forward(np.ones((1, 1, 3)), np.zeros((1, 1)), p)
    >>> c[0, 0].round(4).tolist()
    [0.5568, 1.1444, 1.7395]
    """
    sizes = check_arrays({**pick(parameters, NAMES), "x": x, "a0": a0})
    check_optional({"c0": c0}, sizes)
    n_a, n_y, m, T = (sizes[axis] for axis in ("n_a", "n_y", "m", "T"))
    dtype = promote(x, a0, c0, *pick(parameters, NAMES).values())

    a, y, c = np.zeros((n_a, m, T), dtype), np.zeros((n_y, m, T), dtype), np.zeros((n_a, m, T), dtype)
    caches: list[LSTMCache] = []
    a_prev, c_prev = a0, np.zeros((n_a, m), dtype) if c0 is None else c0
    for t, on in enumerate(running(lengths, m, T)):
        a[:, on, t], c[:, on, t], y[:, on, t], cache = lstm_cell_forward(
            x[:, on, t], a_prev[:, on], c_prev[:, on], parameters
        )
        a_prev, c_prev = a[:, :, t], c[:, :, t]
        caches.append(cache)

    return a, y, c, (caches, x)


def lstm_cell_backward(da_next: Array, dc_next: Array, cache: LSTMCache) -> dict[str, Array]:
    """Carries `da_next = dJ/da_next` and `dc_next` back through `lstm_cell_forward`.

    Equations: (7) to (21) at the top of this module. `dc_next` is what reaches `c_next` from the step after; the part
    that comes through `a_next` is added here.

    Args:
        da_next: gradient of J with respect to `a_next`, `(n_a, m)`.
        dc_next: gradient of J with respect to `c_next`, not through `a_next`, `(n_a, m)`.
        cache: of `lstm_cell_forward`.

    Returns:
        `dxt` `(n_x, m)`, `da_prev` `(n_a, m)`, `dc_prev` `(n_a, m)`, and `dWf dbf dWi dbi dWc dbc dWo dbo` in the
        shapes of their parameters, summed over the batch, and zero for an empty one.

    Raises:
        ParameterError: the cache is of another function, or an array is not of floats.
        ShapeError: a gradient does not fit the cache.

    Source: the chain rule; the course's equations (7) to (21) as corrected in its later printings: those of 2018 have
    (8) to (10) wrong, and slice the weights of (19) wrongly.

    >>> weights = {"W" + gate: np.ones((1, 2)) for gate in "fico"} | {"Wy": np.ones((2, 1)), "by": np.zeros((2, 1))}
    >>> p = weights | {"b" + gate: np.zeros((1, 1)) for gate in "fico"}
    >>> *_, cache = lstm_cell_forward(np.ones((1, 1)), np.zeros((1, 1)), np.ones((1, 1)), p)
    >>> gradients = lstm_cell_backward(np.ones((1, 1)), np.zeros((1, 1)), cache)
    >>> gradients["dc_prev"].round(4).tolist(), gradients["dxt"].round(4).tolist()
    ([[0.1405]], [[0.2944]])
    """
    check_cache(cache, CACHE, "lstm_cell_forward")
    a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt, parameters = cache
    check_arrays({**pick(parameters, GATES), "xt": xt, "a_prev": a_prev, "c_prev": c_prev})
    check_arrays({"c_prev": c_prev, "ft": ft, "it": it, "cct": cct, "ot": ot, "c_next": c_next, "a_next": a_next})
    check_arrays({"a_next": a_next, "da_next": da_next, "dc_next": dc_next})
    Wf, Wi, Wc, Wo = (parameters[name] for name in ("Wf", "Wi", "Wc", "Wo"))
    n_a = a_prev.shape[0]
    concat = np.concatenate([a_prev, xt])

    # forward (6): a_next = ot * tanh(c_next)
    dot = da_next * np.tanh(c_next) * ot * (1 - ot)  # (7)
    dc = dc_next + da_next * ot * (1 - np.tanh(c_next) ** 2)

    # forward (4): c_next = ft * c_prev + it * cct
    dcct = dc * it * (1 - cct**2)  # (8)
    dit = dc * cct * it * (1 - it)  # (9)
    dft = dc * c_prev * ft * (1 - ft)  # (10)
    dc_prev = dc * ft  # (20)

    # forward (1), (2), (3), (5): ft = sigmoid(Wf concat + bf), and so it, cct, ot
    dWf = dft @ concat.T  # (11)
    dWi = dit @ concat.T  # (12)
    dWc = dcct @ concat.T  # (13)
    dWo = dot @ concat.T  # (14)
    dbf = dft.sum(axis=1, keepdims=True)  # (15)
    dbi = dit.sum(axis=1, keepdims=True)  # (16)
    dbc = dcct.sum(axis=1, keepdims=True)  # (17)
    dbo = dot.sum(axis=1, keepdims=True)  # (18)

    # forward: concat = [a_prev; xt], so the first n_a columns of each weight belong to a_prev and the others to xt
    da_prev = Wf[:, :n_a].T @ dft + Wi[:, :n_a].T @ dit + Wc[:, :n_a].T @ dcct + Wo[:, :n_a].T @ dot  # (19)
    dxt = Wf[:, n_a:].T @ dft + Wi[:, n_a:].T @ dit + Wc[:, n_a:].T @ dcct + Wo[:, n_a:].T @ dot  # (21)

    gates = {"dWf": dWf, "dbf": dbf, "dWi": dWi, "dbi": dbi, "dWc": dWc, "dbc": dbc, "dWo": dWo, "dbo": dbo}
    return {"dxt": dxt, "da_prev": da_prev, "dc_prev": dc_prev, **gates}


def lstm_backward(
    da: Array,
    caches: tuple[list[LSTMCache], Array],
    *,
    da_final: Array | None = None,
    dc_final: Array | None = None,
    with_dc0: bool = False,
    lengths: Sequence[int] | NDArray[np.integer] | None = None,
) -> dict[str, Array]:
    """Carries `da = dJ/da` of every step back through `lstm_forward`.

    Equations:
        da_next<t> = da<t> + da_prev<t+1>: what the loss gives this step directly, and what the next step hands back
        dc_next<t> = dc_prev<t+1>
        dWf = sum over t of dWf<t>, and so every other weight and bias

    Args:
        da: gradients of J with respect to `a`, `(n_a, m, T_da)`. It may cover fewer steps than the forward pass; the
            way back then starts at the last step covered. Zero steps give zero gradients (and `da0 = da_final`,
            `dc0 = dc_final`).
        caches: `(caches, x)` of `lstm_forward`.
        da_final: a further gradient of each sequence's last covered `a`, `(n_a, m)`; zero when left out.
        dc_final: gradient of each sequence's last covered `c`, `(n_a, m)`; zero when left out, as in the course.
        with_dc0: whether to return `dc0` too, the gradient of the initial cell state.
        lengths: the same as in the forward pass. `da` at padded steps is never read, `dx` there is 0.

    Returns:
        `dx` `(n_x, m, T_da)`, `da0` `(n_a, m)`, `dWf dbf dWi dbi dWc dbc dWo dbo` summed over batch and time, and
        `dc0` `(n_a, m)` if asked for.

    Raises:
        ParameterError: the caches are of another function, or an array is not of floats.
        ShapeError: shapes disagree, `da` covers more steps than the forward pass, or `lengths` differ.

    Source: Werbos 1990, back-propagation through time. The course's code of 2018 carried neither `da_prev` nor
    `dc_prev` from step to step, and printed the numbers of that.

    >>> weights = {"W" + gate: np.ones((1, 2)) for gate in "fico"} | {"Wy": np.ones((2, 1)), "by": np.zeros((2, 1))}
    >>> p = weights | {"b" + gate: np.zeros((1, 1)) for gate in "fico"}
    >>> a, y, c, caches = lstm_forward(np.ones((1, 1, 3)), np.zeros((1, 1)), p)
    >>> lstm_backward(np.ones((1, 1, 3)), caches)["dx"].round(4).tolist()
    [[[0.6008, 0.316, 0.1655]]]
    """
    sizes, columns = check_backward("da", da, caches, lengths, CACHE, "lstm_forward")
    check_optional({"da_final": da_final, "dc_final": dc_final}, sizes)
    cells, x = caches
    n_x, n_a, m = sizes["n_x"], sizes["n_a"], sizes["m"]
    dtype = promote(da, x, da_final, dc_final, *(cell[0] for cell in cells[:1]))

    dx = np.zeros((n_x, m, len(columns)), dtype)
    sums = {"d" + name: np.zeros((n_a, n_a + n_x if name[0] == "W" else 1), dtype) for name in GATES}
    da_prev = np.zeros((n_a, m), dtype) if da_final is None else da_final.astype(dtype)
    dc_prev = np.zeros((n_a, m), dtype) if dc_final is None else dc_final.astype(dtype)
    for t, on in reversed(list(enumerate(columns))):
        step = lstm_cell_backward(da[:, on, t] + da_prev[:, on], dc_prev[:, on], cells[t])
        dx[:, on, t] = step["dxt"]
        da_prev[:, on], dc_prev[:, on] = step["da_prev"], step["dc_prev"]
        for name, total in sums.items():
            total += step[name]

    gradients = {"dx": dx, "da0": da_prev, **sums}
    return {**gradients, "dc0": dc_prev} if with_dc0 else gradients
