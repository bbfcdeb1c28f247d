"""Dropout of the recurrent connections of the LSTM, the GRU and the plain network; no dropout between layers.

Equations, in this module's own numbers, where those of `lstm.py`, `gru.py` and `rnn.py` change. One mask d `(n_a, m)`
for each sequence, the *same at every step* and for every gate: 0 where a unit is dropped and 1 / (1 - p) where it is
kept with probability 1 - p, so that inference needs no mask. It stands on what enters the recurrent product, not on the
state:

    (1) LSTM: a<t>, c<t> = lstm_cell(x<t>, d * a<t-1>, c<t-1>)               c<t-1> itself is never masked
    (2) plain network: a<t> = rnn_cell(x<t>, d * a<t-1>)
    (3) GRU: s = d * c<t-1>
    (4) ut, rt = sigmoid(Wu [s; x<t>] + bu), sigmoid(Wr [s; x<t>] + br)
    (5) cct = tanh(Wc [rt * s; x<t>] + bc)                                   reset before the recurrent product
    (6) cct = tanh(rt * (Wcc s + bca) + Wcx x<t> + bc)                       reset after it
    (7) c<t> = ut * cct + (1 - ut) * c<t-1>                                  the carried state is not masked

Backward:

    (8) da<t-1> = d * what the cell's own way back gives                     LSTM, plain network
    (9) dcct = dc * ut * (1 - cct^2)                                         GRU, gradients *before* each activation
    (10) dut = dc * (cct - c<t-1>) * ut * (1 - ut)
    (11) before: dq = Wcc^T dcct, the gradient of rt * s;       drt = dq * s * rt * (1 - rt)
    (12) before: dWc = dcct [rt * s; x<t>]^T;                   ds_candidate = dq * rt
    (13) after: dq = dcct * rt, the gradient of Wcc s + bca;    drt = dcct * (Wcc s + bca) * rt * (1 - rt)
    (14) after: dWc = [dq s^T, dcct x<t>^T];                    ds_candidate = Wcc^T dq
    (15) after: dbca = sum over batch of dq
    (16) dWu, dWr = dut, drt [s; x<t>]^T
    (17) dbu, dbr, dbc = sum over batch of dut, drt, dcct
    (18) dx<t> = Wux^T dut + Wrx^T drt + Wcx^T dcct
    (19) dc<t-1> = dc * (1 - ut) + d * (Wuc^T dut + Wrc^T drt + ds_candidate)

With a mask of ones these are the plain cells.

Source: Gal & Ghahramani 2016, "A theoretically grounded application of dropout in recurrent neural networks", section
4.2, with the masks of the gates tied.
"""

from functools import partial

import numpy as np

from unrolled.shapes import Array
from unrolled.steps._check import Parameters, check_arrays, check_cache, check_optional, pick
from unrolled.steps.activations import sigmoid, softmax
from unrolled.steps.gru import Reset, gru_names
from unrolled.steps.lstm import NAMES as LSTM_NAMES
from unrolled.steps.lstm import lstm_cell_backward, lstm_cell_forward
from unrolled.steps.rnn import NAMES as RNN_NAMES
from unrolled.steps.rnn import rnn_cell_backward, rnn_cell_forward
from unrolled.steps.variants.unroll import Cache, Caches, Lengths, unroll, unroll_backward

__all__ = [
    "gru_recurrent_dropout_backward",
    "gru_recurrent_dropout_cell_backward",
    "gru_recurrent_dropout_cell_forward",
    "gru_recurrent_dropout_forward",
    "lstm_recurrent_dropout_backward",
    "lstm_recurrent_dropout_cell_backward",
    "lstm_recurrent_dropout_cell_forward",
    "lstm_recurrent_dropout_forward",
    "rnn_recurrent_dropout_backward",
    "rnn_recurrent_dropout_cell_backward",
    "rnn_recurrent_dropout_cell_forward",
    "rnn_recurrent_dropout_forward",
]

LSTM_CACHE = "a_next, c_next, mask, cell_cache"
RNN_CACHE = "a_next, mask, cell_cache"
GRU_CACHE = "c_next, mask, c_prev, ut, rt, cct, xt, parameters, reset"


def lstm_recurrent_dropout_cell_forward(
    xt: Array, a_prev: Array, c_prev: Array, parameters: Parameters, *, mask: Array
) -> tuple[Array, Array, Array, Cache]:
    """One step of the LSTM with recurrent dropout.

    Equations: (1) at the top of this module.

    Args:
        xt: inputs of this step, `(n_x, m)`.
        a_prev: hidden state of the step before, `(n_a, m)`.
        c_prev: cell state of the step before, `(n_a, m)`.
        parameters: as in `lstm_cell_forward`.
        mask: of each sequence, `(n_a, m)`, of floats: 0 where `a_prev` is dropped, else 1 / (1 - p).

    Returns:
        `a_next` `(n_a, m)`, `c_next` `(n_a, m)`, `yt_pred` `(n_y, m)`, and the cache
        `(a_next, c_next, mask, cell_cache)`, the last of `lstm_cell_forward`.

    Raises:
        ParameterError: a parameter is missing, or an array is not of floats.
        ShapeError: shapes disagree.

    Source: Gal & Ghahramani 2016, equation (4) and the tied masks below it.

    >>> weights = {"W" + gate: np.ones((1, 2)) for gate in "fico"} | {"Wy": np.ones((2, 1)), "by": np.zeros((2, 1))}
    >>> p = weights | {"b" + gate: np.zeros((1, 1)) for gate in "fico"}
    >>> one = np.ones((1, 1))
    >>> _, c_next, _, _ = lstm_recurrent_dropout_cell_forward(one, one, np.zeros((1, 1)), p, mask=np.zeros((1, 1)))
    >>> c_next.round(4).tolist()
    [[0.5568]]
    """
    check_arrays({"a_prev": a_prev, "mask": mask})
    a_next, c_next, yt_pred, cell_cache = lstm_cell_forward(xt, mask * a_prev, c_prev, parameters)  # (1)
    return a_next, c_next, yt_pred, (a_next, c_next, mask, cell_cache)


def lstm_recurrent_dropout_forward(
    x: Array,
    a0: Array,
    parameters: Parameters,
    *,
    mask: Array,
    c0: Array | None = None,
    lengths: Lengths = None,
) -> tuple[Array, Array, Array, Caches]:
    """The LSTM with recurrent dropout unrolled over time: the same `mask` at every step.

    Equations: (1) of `unroll.py`.

    Args:
        x: inputs, `(n_x, m, T)`.
        a0: initial hidden state, `(n_a, m)`.
        parameters: as in `lstm_cell_forward`.
        mask: of each sequence, `(n_a, m)`, as in `lstm_recurrent_dropout_cell_forward`.
        c0: initial cell state, `(n_a, m)`; zero when left out.
        lengths: steps of each sequence, `(m,)`, as in `lstm_forward`.

    Returns:
        `a` `(n_a, m, T)`, `y` `(n_y, m, T)`, `c` `(n_a, m, T)`, and `(caches, x)` for
        `lstm_recurrent_dropout_backward`.

    Raises:
        ParameterError: a parameter is missing, an array is not of floats, or a length is not from 0 to T.
        ShapeError: shapes disagree.

    Source: as `lstm_recurrent_dropout_cell_forward`.
    """
    sizes = check_arrays({**pick(parameters, LSTM_NAMES), "x": x, "a0": a0, "mask": mask})
    check_optional({"c0": c0}, sizes)
    states = [a0, np.zeros_like(a0) if c0 is None else c0]
    masks = {"mask": every_step(mask, sizes["T"])}

    a, c, y, caches = unroll(lstm_recurrent_dropout_cell_forward, x, states, parameters, LSTM_NAMES, masks, lengths)

    return a, y, c, caches


def lstm_recurrent_dropout_cell_backward(da_next: Array, dc_next: Array, cache: Cache) -> dict[str, Array]:
    """Carries `da_next = dJ/da_next` and `dc_next` back through `lstm_recurrent_dropout_cell_forward`.

    Equations: (8) at the top of this module.

    Args:
        da_next: gradient of J with respect to `a_next`, `(n_a, m)`.
        dc_next: gradient of J with respect to `c_next`, not through `a_next`, `(n_a, m)`.
        cache: of `lstm_recurrent_dropout_cell_forward`.

    Returns:
        The gradients that `lstm_cell_backward` returns.

    Raises:
        ParameterError: the cache is of another function, or an array is not of floats.
        ShapeError: a gradient does not fit the cache.

    Source: the chain rule.
    """
    check_cache(cache, LSTM_CACHE, "lstm_recurrent_dropout_cell_forward")
    _, _, mask, cell_cache = cache

    # forward (1): the cell saw mask * a_prev
    gradients = lstm_cell_backward(da_next, dc_next, cell_cache)
    da_prev = mask * gradients["da_prev"]  # (8)

    return {**gradients, "da_prev": da_prev}


def lstm_recurrent_dropout_backward(
    da: Array,
    caches: Caches,
    *,
    da_final: Array | None = None,
    dc_final: Array | None = None,
    lengths: Lengths = None,
) -> dict[str, Array]:
    """Carries `da = dJ/da` of every step back through `lstm_recurrent_dropout_forward`; gradients as `lstm_backward`'s,
    always with `dc0`.

    Equations: (2) and (3) of `unroll.py`.

    >>> weights = {"W" + gate: np.ones((1, 2)) for gate in "fico"} | {"Wy": np.ones((2, 1)), "by": np.zeros((2, 1))}
    >>> p = weights | {"b" + gate: np.zeros((1, 1)) for gate in "fico"}
    >>> *_, caches = lstm_recurrent_dropout_forward(np.ones((1, 1, 3)), np.ones((1, 1)), p, mask=np.zeros((1, 1)))
    >>> lstm_recurrent_dropout_backward(np.ones((1, 1, 3)), caches)["da0"].tolist()
    [[0.0]]
    """
    finals, maker = {"a": da_final, "c": dc_final}, "lstm_recurrent_dropout_forward"
    return unroll_backward(lstm_recurrent_dropout_cell_backward, da, caches, finals, lengths, LSTM_CACHE, maker)


def rnn_recurrent_dropout_cell_forward(
    xt: Array, a_prev: Array, parameters: Parameters, *, mask: Array
) -> tuple[Array, Array, Cache]:
    """One step of the plain network with recurrent dropout: as `rnn_cell_forward`, and (2) at the top of this module.

    `mask` is that of `lstm_recurrent_dropout_cell_forward`; the cache is `(a_next, mask, cell_cache)`.
    """
    check_arrays({"a_prev": a_prev, "mask": mask})
    a_next, yt_pred, cell_cache = rnn_cell_forward(xt, mask * a_prev, parameters)  # (2)
    return a_next, yt_pred, (a_next, mask, cell_cache)


def rnn_recurrent_dropout_forward(
    x: Array, a0: Array, parameters: Parameters, *, mask: Array, lengths: Lengths = None
) -> tuple[Array, Array, Caches]:
    """The plain network with recurrent dropout over time: as `rnn_forward`, the same `mask (n_a, m)` at every step."""
    sizes = check_arrays({**pick(parameters, RNN_NAMES), "x": x, "a0": a0, "mask": mask})
    masks = {"mask": every_step(mask, sizes["T"])}

    a, y, caches = unroll(rnn_recurrent_dropout_cell_forward, x, [a0], parameters, RNN_NAMES, masks, lengths)

    return a, y, caches


def rnn_recurrent_dropout_cell_backward(da_next: Array, cache: Cache) -> dict[str, Array]:
    """Carries `da_next`, `(n_a, m)`, back through `rnn_recurrent_dropout_cell_forward`; gradients as the cell's own.

    Equations: (8) at the top of this module.
    """
    check_cache(cache, RNN_CACHE, "rnn_recurrent_dropout_cell_forward")
    _, mask, cell_cache = cache

    # forward (2): the cell saw mask * a_prev
    gradients = rnn_cell_backward(da_next, cell_cache)
    da_prev = mask * gradients["da_prev"]  # (8)

    return {**gradients, "da_prev": da_prev}


def rnn_recurrent_dropout_backward(
    da: Array, caches: Caches, *, da_final: Array | None = None, lengths: Lengths = None
) -> dict[str, Array]:
    """Carries `da = dJ/da` back through `rnn_recurrent_dropout_forward`; arguments and gradients of `rnn_backward`."""
    finals, maker = {"a": da_final}, "rnn_recurrent_dropout_forward"
    return unroll_backward(rnn_recurrent_dropout_cell_backward, da, caches, finals, lengths, RNN_CACHE, maker)


def gru_recurrent_dropout_cell_forward(
    xt: Array, c_prev: Array, parameters: Parameters, *, mask: Array, reset: Reset = "before"
) -> tuple[Array, Array, Cache]:
    """One step of the GRU with recurrent dropout.

    Equations: (3) to (7) at the top of this module.

    Args:
        xt: inputs of this step, `(n_x, m)`.
        c_prev: state of the step before, `(n_a, m)`.
        parameters: as in `gru_cell_forward`.
        mask: of each sequence, `(n_a, m)`, of floats: 0 where `c_prev` is dropped, else 1 / (1 - p).
        reset: as in `gru_cell_forward`.

    Returns:
        `c_next` `(n_a, m)`, `yt_pred` `(n_y, m)`, and the cache
        `(c_next, mask, c_prev, ut, rt, cct, xt, parameters, reset)`.

    Raises:
        ParameterError: a parameter is missing, an array is not of floats, or `reset` is neither form.
        ShapeError: shapes disagree.

    Source: Gal & Ghahramani 2016, section 4.2, which treats the GRU as the LSTM.

    >>> weights = {"W" + gate: np.ones((1, 2)) for gate in "urc"} | {"Wy": np.ones((2, 1)), "by": np.zeros((2, 1))}
    >>> p = weights | {"b" + gate: np.zeros((1, 1)) for gate in "urc"}
    >>> one = np.ones((1, 1))
    >>> c_next, _, _ = gru_recurrent_dropout_cell_forward(one, one, p, mask=np.zeros((1, 1)))
    >>> c_next.round(4).tolist()  # 0.5568 as from a state of zero, and the part 1 - ut = 0.2689 of the old one
    [[0.8257]]
    """
    names = (*gru_names(reset), "Wy", "by")
    check_arrays({**pick(parameters, names), "xt": xt, "c_prev": c_prev, "mask": mask})
    Wu, bu, Wr, br, Wc, bc = (parameters[name] for name in gru_names("before"))
    n_a = len(c_prev)

    s = mask * c_prev  # (3)
    concat = np.concatenate([s, xt])
    ut = sigmoid(Wu @ concat + bu)  # (4)
    rt = sigmoid(Wr @ concat + br)  # (4)
    if reset == "before":
        cct = np.tanh(Wc @ np.concatenate([rt * s, xt]) + bc)  # (5)
    else:
        cct = np.tanh(rt * (Wc[:, :n_a] @ s + parameters["bca"]) + Wc[:, n_a:] @ xt + bc)  # (6)
    c_next = ut * cct + (1 - ut) * c_prev  # (7)
    yt_pred = softmax(parameters["Wy"] @ c_next + parameters["by"])

    return c_next, yt_pred, (c_next, mask, c_prev, ut, rt, cct, xt, parameters, reset)


def gru_recurrent_dropout_forward(
    x: Array,
    c0: Array,
    parameters: Parameters,
    *,
    mask: Array,
    reset: Reset = "before",
    lengths: Lengths = None,
) -> tuple[Array, Array, Caches]:
    """The GRU with recurrent dropout over time: as `gru_forward`, the same `mask (n_a, m)` at every step."""
    names = (*gru_names(reset), "Wy", "by")
    sizes = check_arrays({**pick(parameters, names), "x": x, "c0": c0, "mask": mask})
    cell, masks = partial(gru_recurrent_dropout_cell_forward, reset=reset), {"mask": every_step(mask, sizes["T"])}

    c, y, caches = unroll(cell, x, [c0], parameters, names, masks, lengths)

    return c, y, caches


def gru_recurrent_dropout_cell_backward(dc_next: Array, cache: Cache) -> dict[str, Array]:
    """Carries `dc_next = dJ/dc_next`, `(n_a, m)`, back through `gru_recurrent_dropout_cell_forward`.

    Equations: (9) to (19) at the top of this module.

    Returns:
        The gradients that `gru_cell_backward` returns.

    Raises:
        ParameterError: the cache is of another function, or an array is not of floats.
        ShapeError: `dc_next` does not fit the cache.

    Source: the chain rule.
    """
    check_cache(cache, GRU_CACHE, "gru_recurrent_dropout_cell_forward")
    c_next, mask, c_prev, ut, rt, cct, xt, parameters, reset = cache
    check_arrays({"c_next": c_next, "dc_next": dc_next})
    Wu, Wr, Wc = (parameters[name] for name in ("Wu", "Wr", "Wc"))
    n_a = len(c_prev)
    s = mask * c_prev
    concat = np.concatenate([s, xt])

    # forward (7): c_next = ut * cct + (1 - ut) * c_prev
    dcct = dc_next * ut * (1 - cct**2)  # (9)
    dut = dc_next * (cct - c_prev) * ut * (1 - ut)  # (10)

    recurrent_bias: dict[str, Array] = {}
    if reset == "before":
        # forward (5): cct = tanh(Wc [rt * s; xt] + bc)
        dq = Wc[:, :n_a].T @ dcct  # (11)
        drt = dq * s * rt * (1 - rt)  # (11)
        dWc = dcct @ np.concatenate([rt * s, xt]).T  # (12)
        ds_candidate = dq * rt  # (12)
    else:
        # forward (6): cct = tanh(rt * (Wcc s + bca) + Wcx xt + bc)
        dq = dcct * rt  # (13)
        drt = dcct * (Wc[:, :n_a] @ s + parameters["bca"]) * rt * (1 - rt)  # (13)
        dWc = np.concatenate([dq @ s.T, dcct @ xt.T], axis=1)  # (14)
        ds_candidate = Wc[:, :n_a].T @ dq  # (14)
        recurrent_bias = {"dbca": dq.sum(axis=1, keepdims=True)}  # (15)

    # forward (4): ut = sigmoid(Wu [s; xt] + bu), and so rt
    dWu = dut @ concat.T  # (16)
    dWr = drt @ concat.T  # (16)
    dbu = dut.sum(axis=1, keepdims=True)  # (17)
    dbr = drt.sum(axis=1, keepdims=True)  # (17)
    dbc = dcct.sum(axis=1, keepdims=True)  # (17)
    dxt = Wu[:, n_a:].T @ dut + Wr[:, n_a:].T @ drt + Wc[:, n_a:].T @ dcct  # (18)

    # forward (3), (7): s = mask * c_prev, and c_prev itself
    dc_prev = dc_next * (1 - ut) + mask * (Wu[:, :n_a].T @ dut + Wr[:, :n_a].T @ drt + ds_candidate)  # (19)

    gates = {"dWu": dWu, "dbu": dbu, "dWr": dWr, "dbr": dbr, "dWc": dWc, "dbc": dbc}
    return {"dxt": dxt, "dc_prev": dc_prev, **gates, **recurrent_bias}


def gru_recurrent_dropout_backward(
    dc: Array, caches: Caches, *, dc_final: Array | None = None, lengths: Lengths = None
) -> dict[str, Array]:
    """Carries `dc = dJ/dc` back through `gru_recurrent_dropout_forward`; arguments and gradients of `gru_backward`."""
    finals, maker = {"c": dc_final}, "gru_recurrent_dropout_forward"
    return unroll_backward(gru_recurrent_dropout_cell_backward, dc, caches, finals, lengths, GRU_CACHE, maker)


def every_step(mask: Array, T: int) -> Array:
    """The mask `(n_a, m)` as that of each step, `(n_a, m, T)`, without a copy."""
    return np.broadcast_to(mask[:, :, np.newaxis], (*mask.shape, T))
