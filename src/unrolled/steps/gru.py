"""The GRU in its two published forms: one step and the loop over time, forward and backward; no loss, no update.

Equations, in this module's own numbers. Weights act on `[c<t-1>; x<t>]`: their first n_a columns (`Wuc`, `Wrc`, `Wcc`)
on c<t-1>, the others (`Wux`, `Wrx`, `Wcx`) on x<t>; `*` is entry by entry. The state is the output: a<t> = c<t>.

    (1) ut = sigmoid(Wu [c<t-1>; x<t>] + bu)                         update gate
    (2) rt = sigmoid(Wr [c<t-1>; x<t>] + br)                         relevance (reset) gate
    (3) cct = tanh(Wc [rt * c<t-1>; x<t>] + bc)                      candidate, reset before the recurrent product
    (4) cct = tanh(rt * (Wcc c<t-1> + bca) + Wcx x<t> + bc)          candidate, reset after it
    (5) c<t> = ut * cct + (1 - ut) * c<t-1>                          y<t> = softmax(Wy c<t> + by)

Backward, with dc the gradient of c<t>:

    (6) dcct = dc * ut * (1 - cct^2)                                 gradients *before* each activation
    (7) dut = dc * (cct - c<t-1>) * ut * (1 - ut)

    reset before the product:
    (8) ds = Wcc^T dcct, the gradient of rt * c<t-1>
    (9) drt = ds * c<t-1> * rt * (1 - rt)
    (10) dWc = dcct [rt * c<t-1>; x<t>]^T
    (11) dc_candidate = ds * rt                                      what reaches c<t-1> through the candidate

    reset after it:
    (12) dq = dcct * rt, the gradient of Wcc c<t-1> + bca
    (13) drt = dcct * (Wcc c<t-1> + bca) * rt * (1 - rt)
    (14) dWc = [dq c<t-1>^T, dcct x<t>^T]
    (15) dc_candidate = Wcc^T dq
    (16) dbca = sum over batch of dq

    (17) dWu, dWr = dut, drt [c<t-1>; x<t>]^T
    (18) dbu, dbr, dbc = sum over batch of dut, drt, dcct
    (19) dx<t> = Wux^T dut + Wrx^T drt + Wcx^T dcct
    (20) dc<t-1> = dc * (1 - ut) + Wuc^T dut + Wrc^T drt + dc_candidate
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from unrolled.errors import ParameterError
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

__all__ = ["GRUCache", "gru_backward", "gru_cell_backward", "gru_cell_forward", "gru_forward"]

Reset = Literal["before", "after"]
GRUCache = tuple[Array, Array, Array, Array, Array, Array, Parameters, Reset]

GATES = ("Wu", "bu", "Wr", "br", "Wc", "bc")
CACHE = "c_next, c_prev, ut, rt, cct, xt, parameters, reset"


def gru_names(reset: str) -> tuple[str, ...]:
    """The parameters of one form's gates."""
    if reset not in ("before", "after"):
        raise ParameterError(f"`reset` is {reset!r}, expected 'before' or 'after'; pass one of the two as a string")
    return GATES if reset == "before" else (*GATES, "bca")


def gru_cell_forward(
    xt: Array, c_prev: Array, parameters: Parameters, *, reset: Reset = "before"
) -> tuple[Array, Array, GRUCache]:
    """One step of the GRU.

    Equations: (1) to (5) at the top of this module.

    Args:
        xt: inputs of this step, `(n_x, m)`.
        c_prev: state of the step before, `(n_a, m)`.
        parameters: `Wu Wr Wc (n_a, n_a + n_x)`, acting on `[c_prev; xt]`, `bu br bc (n_a, 1)`, `Wy (n_y, n_a)`,
            `by (n_y, 1)`; with `reset="after"` also `bca (n_a, 1)`, the candidate's recurrent bias.
        reset: whether the relevance gate is applied before the candidate's recurrent product (3), as in the course's
            lectures, or after it (4), as in cuDNN and PyTorch.

    Returns:
        `c_next` `(n_a, m)`, which is also the output `a`; `yt_pred` `(n_y, m)`, probabilities in each column; and the
        cache `(c_next, c_prev, ut, rt, cct, xt, parameters, reset)`. One float dtype in, the same out; mixed ones
        follow NumPy's promotion. An empty batch (m = 0) gives arrays of no columns; NaN makes its own column NaN and
        no other.

    Raises:
        ParameterError: a parameter is missing, an array is not of floats, or `reset` is neither form.
        ShapeError: shapes disagree.

    Source: Cho et al. 2014, equations (5) to (8): version 3 of arXiv 1406.1078 resets before the product, version 1
    after it. There and in PyTorch the update gate weighs the old state: it is 1 - ut of the course's sense used here.

    >>> weights = {"W" + gate: np.ones((1, 2)) for gate in "urc"} | {"Wy": np.ones((2, 1)), "by": np.zeros((2, 1))}
    >>> p = weights | {"b" + gate: np.zeros((1, 1)) for gate in "urc"}
    >>> c_next, yt_pred, cache = gru_cell_forward(np.ones((1, 1)), np.zeros((1, 1)), p)
    >>> c_next.round(4).tolist(), yt_pred.tolist()
    ([[0.5568]], [[0.5], [0.5]])
    """
    names = (*gru_names(reset), "Wy", "by")
    check_arrays({**pick(parameters, names), "xt": xt, "c_prev": c_prev})
    Wu, bu, Wr, br, Wc, bc, Wy, by = (parameters[name] for name in (*GATES, "Wy", "by"))
    n_a = c_prev.shape[0]
    concat = np.concatenate([c_prev, xt])

    ut = sigmoid(Wu @ concat + bu)  # (1)
    rt = sigmoid(Wr @ concat + br)  # (2)
    if reset == "before":
        cct = np.tanh(Wc @ np.concatenate([rt * c_prev, xt]) + bc)  # (3)
    else:
        cct = np.tanh(rt * (Wc[:, :n_a] @ c_prev + parameters["bca"]) + Wc[:, n_a:] @ xt + bc)  # (4)
    c_next = ut * cct + (1 - ut) * c_prev  # (5)
    yt_pred = softmax(Wy @ c_next + by)

    return c_next, yt_pred, (c_next, c_prev, ut, rt, cct, xt, parameters, reset)


def gru_forward(
    x: Array,
    c0: Array,
    parameters: Parameters,
    *,
    reset: Reset = "before",
    lengths: Sequence[int] | NDArray[np.integer] | None = None,
) -> tuple[Array, Array, tuple[list[GRUCache], Array]]:
    """The GRU unrolled over time: `gru_cell_forward` at t = 0, ..., T-1, each step handing its state to the next.

    Equations:
        c<t>, y<t> = gru_cell_forward(x<t>, c<t-1>),   c<-1> = c0

    Args:
        x: inputs, `(n_x, m, T)`; T = 0 is allowed and gives outputs without steps and an empty list of caches.
        c0: initial state, `(n_a, m)`.
        parameters: as in `gru_cell_forward`.
        reset: as in `gru_cell_forward`.
        lengths: for sequences of different lengths, padded on the right: steps of each, `(m,)`, from 0 to T. Padded
            inputs are never read, outputs there are 0, and the caches hold the running columns only.

    Returns:
        `c` `(n_a, m, T)`, `y_pred` `(n_y, m, T)`, and `(caches, x)` with the cache of every step for `gru_backward`.

    Raises:
        ParameterError: a parameter is missing, an array is not of floats, a length is not from 0 to T, or `reset` is
            neither form.
        ShapeError: shapes disagree.

    Source: as `gru_cell_forward`.

    >>> weights = {"W" + gate: np.ones((1, 2)) for gate in "urc"} | {"Wy": np.ones((2, 1)), "by": np.zeros((2, 1))}
    >>> p = weights | {"b" + gate: np.zeros((1, 1)) for gate in "urc"}
    >>> c, y_pred, caches = gru_forward(np.ones((1, 1, 3)), np.zeros((1, 1)), p)
    >>> c[0, 0].round(4).tolist()
    [0.5568, 0.8383, 0.9245]
    """
    names = (*gru_names(reset), "Wy", "by")
    sizes = check_arrays({**pick(parameters, names), "x": x, "c0": c0})
    n_a, n_y, m, T = (sizes[axis] for axis in ("n_a", "n_y", "m", "T"))
    dtype = promote(x, c0, *pick(parameters, names).values())

    c, y_pred = np.zeros((n_a, m, T), dtype), np.zeros((n_y, m, T), dtype)
    caches: list[GRUCache] = []
    c_prev = c0
    for t, on in enumerate(running(lengths, m, T)):
        c[:, on, t], y_pred[:, on, t], cache = gru_cell_forward(x[:, on, t], c_prev[:, on], parameters, reset=reset)
        c_prev = c[:, :, t]
        caches.append(cache)

    return c, y_pred, (caches, x)


def gru_cell_backward(dc_next: Array, cache: GRUCache) -> dict[str, Array]:
    """Carries `dc_next = dJ/dc_next` back through `gru_cell_forward`, in the form that the cache was made with.

    Equations: (6) to (20) at the top of this module.

    Args:
        dc_next: gradient of J with respect to `c_next`, `(n_a, m)`.
        cache: of `gru_cell_forward`.

    Returns:
        `dxt` `(n_x, m)`, `dc_prev` `(n_a, m)`, and `dWu dbu dWr dbr dWc dbc` (and `dbca` with `reset="after"`) in the
        shapes of their parameters, summed over the batch, and zero for an empty one.

    Raises:
        ParameterError: the cache is of another function, or an array is not of floats.
        ShapeError: `dc_next` does not fit the cache.

    Source: the chain rule on (1) to (5).

    >>> weights = {"W" + gate: np.ones((1, 2)) for gate in "urc"} | {"Wy": np.ones((2, 1)), "by": np.zeros((2, 1))}
    >>> p = weights | {"b" + gate: np.zeros((1, 1)) for gate in "urc"}
    >>> *_, cache = gru_cell_forward(np.ones((1, 1)), np.zeros((1, 1)), p)
    >>> gru_cell_backward(np.ones((1, 1)), cache)["dxt"].round(4).tolist()
    [[0.4568]]
    """
    check_cache(cache, CACHE, "gru_cell_forward")
    c_next, c_prev, ut, rt, cct, xt, parameters, reset = cache
    check_arrays({**pick(parameters, gru_names(reset)), "xt": xt, "c_prev": c_prev})
    check_arrays({"c_prev": c_prev, "ut": ut, "rt": rt, "cct": cct, "c_next": c_next, "dc_next": dc_next})
    Wu, Wr, Wc = (parameters[name] for name in ("Wu", "Wr", "Wc"))
    n_a = c_prev.shape[0]
    concat = np.concatenate([c_prev, xt])

    # forward (5): c_next = ut * cct + (1 - ut) * c_prev
    dcct = dc_next * ut * (1 - cct**2)  # (6)
    dut = dc_next * (cct - c_prev) * ut * (1 - ut)  # (7)

    recurrent_bias: dict[str, Array] = {}
    if reset == "before":
        # forward (3): cct = tanh(Wc [rt * c_prev; xt] + bc)
        ds = Wc[:, :n_a].T @ dcct  # (8)
        drt = ds * c_prev * rt * (1 - rt)  # (9)
        dWc = dcct @ np.concatenate([rt * c_prev, xt]).T  # (10)
        dc_candidate = ds * rt  # (11)
    else:
        # forward (4): cct = tanh(rt * (Wcc c_prev + bca) + Wcx xt + bc)
        dq = dcct * rt  # (12)
        drt = dcct * (Wc[:, :n_a] @ c_prev + parameters["bca"]) * rt * (1 - rt)  # (13)
        dWc = np.concatenate([dq @ c_prev.T, dcct @ xt.T], axis=1)  # (14)
        dc_candidate = Wc[:, :n_a].T @ dq  # (15)
        recurrent_bias = {"dbca": dq.sum(axis=1, keepdims=True)}  # (16)

    # forward (1), (2): ut = sigmoid(Wu concat + bu), rt = sigmoid(Wr concat + br)
    dWu = dut @ concat.T  # (17)
    dWr = drt @ concat.T  # (17)
    dbu = dut.sum(axis=1, keepdims=True)  # (18)
    dbr = drt.sum(axis=1, keepdims=True)  # (18)
    dbc = dcct.sum(axis=1, keepdims=True)  # (18)

    # forward: concat = [c_prev; xt]
    dxt = Wu[:, n_a:].T @ dut + Wr[:, n_a:].T @ drt + Wc[:, n_a:].T @ dcct  # (19)
    dc_prev = dc_next * (1 - ut) + Wu[:, :n_a].T @ dut + Wr[:, :n_a].T @ drt + dc_candidate  # (20)

    gates = {"dWu": dWu, "dbu": dbu, "dWr": dWr, "dbr": dbr, "dWc": dWc, "dbc": dbc}
    return {"dxt": dxt, "dc_prev": dc_prev, **gates, **recurrent_bias}


def gru_backward(
    dc: Array,
    caches: tuple[list[GRUCache], Array],
    *,
    dc_final: Array | None = None,
    lengths: Sequence[int] | NDArray[np.integer] | None = None,
) -> dict[str, Array]:
    """Carries `dc = dJ/dc` of every step back through `gru_forward`.

    Equations:
        dc_next<t> = dc<t> + dc_prev<t+1>: what the loss gives this step directly, and what the next step hands back
        dWu = sum over t of dWu<t>, and so every other weight and bias

    Args:
        dc: gradients of J with respect to `c`, `(n_a, m, T_dc)`. It may cover fewer steps than the forward pass; the
            way back then starts at the last step covered. Zero steps give zero gradients (and `dc0 = dc_final`).
        caches: `(caches, x)` of `gru_forward`.
        dc_final: a further gradient of each sequence's last covered state, `(n_a, m)`; zero when left out.
        lengths: the same as in the forward pass. `dc` at padded steps is never read, `dx` there is 0.

    Returns:
        `dx` `(n_x, m, T_dc)`, `dc0` `(n_a, m)`, and `dWu dbu dWr dbr dWc dbc`, summed over batch and time; also `dbca`
        when the caches were made with `reset="after"` (a sequence of no steps has no cache, and so no `dbca`).

    Raises:
        ParameterError: the caches are of another function, or an array is not of floats.
        ShapeError: shapes disagree, `dc` covers more steps than the forward pass, or `lengths` differ.

    Source: Werbos 1990, back-propagation through time.

    >>> weights = {"W" + gate: np.ones((1, 2)) for gate in "urc"} | {"Wy": np.ones((2, 1)), "by": np.zeros((2, 1))}
    >>> p = weights | {"b" + gate: np.zeros((1, 1)) for gate in "urc"}
    >>> c, y_pred, caches = gru_forward(np.ones((1, 1, 3)), np.zeros((1, 1)), p)
    >>> gru_backward(np.ones((1, 1, 3)), caches)["dx"].round(4).tolist()
    [[[0.6669, 0.2775, 0.1253]]]
    """
    sizes, columns = check_backward("dc", dc, caches, lengths, CACHE, "gru_forward")
    check_optional({"dc_final": dc_final}, sizes)
    cells, x = caches
    n_x, n_a, m = sizes["n_x"], sizes["n_a"], sizes["m"]
    dtype = promote(dc, x, dc_final, *(cell[0] for cell in cells[:1]))
    names = gru_names(cells[0][-1] if cells else "before")

    dx = np.zeros((n_x, m, len(columns)), dtype)
    sums = {"d" + name: np.zeros((n_a, n_a + n_x if name[0] == "W" else 1), dtype) for name in names}
    dc_prev = np.zeros((n_a, m), dtype) if dc_final is None else dc_final.astype(dtype)
    for t, on in reversed(list(enumerate(columns))):
        step = gru_cell_backward(dc[:, on, t] + dc_prev[:, on], cells[t])
        dx[:, on, t] = step["dxt"]
        dc_prev[:, on] = step["dc_prev"]
        for name, total in sums.items():
            total += step[name]

    return {"dx": dx, "dc0": dc_prev, **sums}
