"""The plain recurrent network: one step and the loop over time, forward and backward; no loss, no update.

Equations, in the course's numbers (the two forward ones have none there):

    a<t> = tanh(Wax x<t> + Waa a<t-1> + ba)          y<t> = softmax(Wya a<t> + by)

    (0) dtanh = da<t> * (1 - a<t>^2)                 the gradient before tanh
    (1) dWax = dtanh x<t>^T                          (2) dWaa = dtanh a<t-1>^T      (3) dba = sum over batch of dtanh
    (4) dx<t> = Wax^T dtanh                          (5) da<t-1> = Waa^T dtanh

Gradients are those of a loss J that reaches the network through `a` alone; `output.py` leads from J to `a`.
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
from unrolled.steps.activations import softmax

__all__ = ["RNNCache", "rnn_backward", "rnn_cell_backward", "rnn_cell_forward", "rnn_forward"]

RNNCache = tuple[Array, Array, Array, Parameters]

NAMES = ("Wax", "Waa", "Wya", "ba", "by")
CACHE = "a_next, a_prev, xt, parameters"


def rnn_cell_forward(xt: Array, a_prev: Array, parameters: Parameters) -> tuple[Array, Array, RNNCache]:
    """One step of the network.

    Equations:
        a_next = tanh(Wax xt + Waa a_prev + ba)
        yt_pred = softmax(Wya a_next + by)

    Args:
        xt: inputs of this step, `(n_x, m)`.
        a_prev: hidden state of the step before, `(n_a, m)`.
        parameters: `Wax (n_a, n_x)`, `Waa (n_a, n_a)`, `Wya (n_y, n_a)`, `ba (n_a, 1)`, `by (n_y, 1)`.

    Returns:
        `a_next` `(n_a, m)`, each entry in [-1, 1]; `yt_pred` `(n_y, m)`, probabilities in each column; and the cache
        `(a_next, a_prev, xt, parameters)`. One float dtype in, the same out; mixed ones follow NumPy's promotion.
        An empty batch (m = 0) gives arrays of no columns; NaN makes its own column NaN and no other.

    Raises:
        ParameterError: a parameter is missing, or an array is not of floats.
        ShapeError: shapes disagree.

    Source: Elman 1990; "Building your Recurrent Neural Network - Step by Step", figure 2.

    >>> p = {"Wax": np.eye(2), "Waa": np.eye(2), "Wya": np.eye(2), "ba": np.zeros((2, 1)), "by": np.zeros((2, 1))}
    >>> a_next, yt_pred, cache = rnn_cell_forward(np.array([[0.5], [0.0]]), np.array([[0.5], [0.0]]), p)
    >>> a_next.round(4).tolist(), yt_pred.round(4).tolist()
    ([[0.7616], [0.0]], [[0.6817], [0.3183]])
    """
    check_arrays({**pick(parameters, NAMES), "xt": xt, "a_prev": a_prev})
    Wax, Waa, Wya, ba, by = (parameters[name] for name in NAMES)

    a_next = np.tanh(Wax @ xt + Waa @ a_prev + ba)
    yt_pred = softmax(Wya @ a_next + by)

    return a_next, yt_pred, (a_next, a_prev, xt, parameters)


def rnn_forward(
    x: Array, a0: Array, parameters: Parameters, *, lengths: Sequence[int] | NDArray[np.integer] | None = None
) -> tuple[Array, Array, tuple[list[RNNCache], Array]]:
    """The network unrolled over time: `rnn_cell_forward` at t = 0, ..., T-1, each step handing its state to the next.

    Equations:
        a<t>, y<t> = rnn_cell_forward(x<t>, a<t-1>),   a<-1> = a0

    Args:
        x: inputs, `(n_x, m, T)`; T = 0 is allowed and gives outputs without steps and an empty list of caches.
        a0: initial hidden state, `(n_a, m)`.
        parameters: as in `rnn_cell_forward`.
        lengths: for sequences of different lengths, padded on the right: steps of each, `(m,)`, from 0 to T. Padded
            inputs are never read, outputs there are 0, and the caches hold the running columns only.

    Returns:
        `a` `(n_a, m, T)`, `y_pred` `(n_y, m, T)`, and `(caches, x)` with the cache of every step for `rnn_backward`.

    Raises:
        ParameterError: a parameter is missing, an array is not of floats, or a length is not from 0 to T.
        ShapeError: shapes disagree.

    Source: "Building your Recurrent Neural Network - Step by Step", figure 3.

    >>> p = {"Wax": np.eye(2), "Waa": np.eye(2), "Wya": np.eye(2), "ba": np.zeros((2, 1)), "by": np.zeros((2, 1))}
    >>> a, y_pred, (caches, x) = rnn_forward(np.ones((2, 1, 3)), np.zeros((2, 1)), p)
    >>> a[0, 0].round(4).tolist(), y_pred.shape, len(caches)
    ([0.7616, 0.9427, 0.9597], (2, 1, 3), 3)
    """
    sizes = check_arrays({**pick(parameters, NAMES), "x": x, "a0": a0})
    n_a, n_y, m, T = (sizes[axis] for axis in ("n_a", "n_y", "m", "T"))
    dtype = promote(x, a0, *pick(parameters, NAMES).values())

    a, y_pred = np.zeros((n_a, m, T), dtype), np.zeros((n_y, m, T), dtype)
    caches: list[RNNCache] = []
    a_prev = a0
    for t, on in enumerate(running(lengths, m, T)):
        a[:, on, t], y_pred[:, on, t], cache = rnn_cell_forward(x[:, on, t], a_prev[:, on], parameters)
        a_prev = a[:, :, t]
        caches.append(cache)

    return a, y_pred, (caches, x)


def rnn_cell_backward(da_next: Array, cache: RNNCache) -> dict[str, Array]:
    """Carries `da_next = dJ/da_next` back through `rnn_cell_forward`.

    Equations: (0) to (5) at the top of this module.

    Args:
        da_next: gradient of J with respect to `a_next`, `(n_a, m)`.
        cache: of `rnn_cell_forward`.

    Returns:
        `dxt` `(n_x, m)`, `da_prev` `(n_a, m)`, `dWax` `(n_a, n_x)`, `dWaa` `(n_a, n_a)`, `dba` `(n_a, 1)`; weights'
        gradients are summed over the batch, and zero for an empty one.

    Raises:
        ParameterError: the cache is of another function, or an array is not of floats.
        ShapeError: `da_next` does not fit the cache.

    Source: the chain rule; the course's equations (0) to (5).

    >>> p = {"Wax": np.eye(2), "Waa": np.eye(2), "Wya": np.eye(2), "ba": np.zeros((2, 1)), "by": np.zeros((2, 1))}
    >>> _, _, cache = rnn_cell_forward(np.array([[0.5], [0.0]]), np.array([[0.5], [0.0]]), p)
    >>> rnn_cell_backward(np.ones((2, 1)), cache)["da_prev"].round(4).tolist()
    [[0.42], [1.0]]
    """
    check_cache(cache, CACHE, "rnn_cell_forward")
    a_next, a_prev, xt, parameters = cache
    check_arrays({**pick(parameters, ("Wax", "Waa")), "xt": xt, "a_prev": a_prev, "a_next": a_next, "da_next": da_next})
    Wax, Waa = parameters["Wax"], parameters["Waa"]

    # forward: a_next = tanh(Wax xt + Waa a_prev + ba); first through tanh, whose derivative is 1 - tanh^2
    dtanh = da_next * (1 - a_next**2)  # (0)
    # then to each term of the sum inside it
    dWax = dtanh @ xt.T  # (1)
    dWaa = dtanh @ a_prev.T  # (2)
    dba = dtanh.sum(axis=1, keepdims=True)  # (3)
    dxt = Wax.T @ dtanh  # (4)
    da_prev = Waa.T @ dtanh  # (5)

    return {"dxt": dxt, "da_prev": da_prev, "dWax": dWax, "dWaa": dWaa, "dba": dba}


def rnn_backward(
    da: Array,
    caches: tuple[list[RNNCache], Array],
    *,
    da_final: Array | None = None,
    lengths: Sequence[int] | NDArray[np.integer] | None = None,
) -> dict[str, Array]:
    """Carries `da = dJ/da` of every step back through `rnn_forward`.

    Equations:
        da_next<t> = da<t> + da_prev<t+1>: what the loss gives this step directly, and what the next step hands back
        dWax = sum over t of dWax<t>, and so dWaa and dba

    Args:
        da: gradients of J with respect to `a`, `(n_a, m, T_da)`. It may cover fewer steps than the forward pass; the
            way back then starts at the last step covered. Zero steps give zero gradients (and `da0 = da_final`).
        caches: `(caches, x)` of `rnn_forward`.
        da_final: a further gradient of each sequence's last covered state, `(n_a, m)`; zero when left out.
        lengths: the same as in the forward pass. `da` at padded steps is never read, `dx` there is 0.

    Returns:
        `dx` `(n_x, m, T_da)`, `da0` `(n_a, m)`, `dWax`, `dWaa`, `dba`, summed over batch and time.

    Raises:
        ParameterError: the caches are of another function, or an array is not of floats.
        ShapeError: shapes disagree, `da` covers more steps than the forward pass, or `lengths` differ.

    Source: Werbos 1990, back-propagation through time.

    >>> p = {"Wax": np.eye(2), "Waa": np.eye(2), "Wya": np.eye(2), "ba": np.zeros((2, 1)), "by": np.zeros((2, 1))}
    >>> a, y_pred, caches = rnn_forward(np.ones((2, 1, 3)), np.zeros((2, 1)), p)
    >>> gradients = rnn_backward(np.ones((2, 1, 3)), caches)
    >>> gradients["dx"][0, 0].round(4).tolist()
    [0.4704, 0.1201, 0.0789]
    """
    sizes, columns = check_backward("da", da, caches, lengths, CACHE, "rnn_forward")
    check_optional({"da_final": da_final}, sizes)
    cells, x = caches
    n_x, n_a, m = sizes["n_x"], sizes["n_a"], sizes["m"]
    dtype = promote(da, x, da_final, *(cell[0] for cell in cells[:1]))

    dx = np.zeros((n_x, m, len(columns)), dtype)
    dWax, dWaa, dba = np.zeros((n_a, n_x), dtype), np.zeros((n_a, n_a), dtype), np.zeros((n_a, 1), dtype)
    da_prev = np.zeros((n_a, m), dtype) if da_final is None else da_final.astype(dtype)
    for t, on in reversed(list(enumerate(columns))):
        step = rnn_cell_backward(da[:, on, t] + da_prev[:, on], cells[t])
        dx[:, on, t] = step["dxt"]
        da_prev[:, on] = step["da_prev"]
        dWax += step["dWax"]
        dWaa += step["dWaa"]
        dba += step["dba"]

    return {"dx": dx, "da0": da_prev, "dWax": dWax, "dWaa": dWaa, "dba": dba}
