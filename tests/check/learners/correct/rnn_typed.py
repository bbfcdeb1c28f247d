from __future__ import annotations

import logging
from typing import Dict, List, Tuple

import numpy as np
from numpy.typing import NDArray

logger = logging.getLogger(__name__)

Array = NDArray[np.float64]
Params = Dict[str, Array]
Cache = Tuple[Array, Array, Array, Params]


def softmax(x: Array) -> Array:
    """Column-wise softmax."""
    assert x.ndim == 2, "expected a matrix"
    e_x: Array = np.exp(x - np.max(x, axis=0))
    return e_x / e_x.sum(axis=0)


def rnn_cell_forward(xt: Array, a_prev: Array, parameters: Params) -> Tuple[Array, Array, Cache]:
    """Implements one forward step.

    Arguments:
        xt: input data at time t, (n_x, m).
        a_prev: hidden state at t - 1, (n_a, m).
        parameters: Wax, Waa, Wya, ba, by.
    """
    Wax: Array = parameters["Wax"]
    Waa: Array = parameters["Waa"]
    assert Wax.shape[1] == xt.shape[0], f"Wax {Wax.shape} does not fit xt {xt.shape}"
    a_next: Array = np.tanh(Wax @ xt + Waa @ a_prev + parameters["ba"])
    yt_pred: Array = softmax(parameters["Wya"] @ a_next + parameters["by"])
    logger.debug("a_next %s", a_next.shape)
    print("a_next.shape =", a_next.shape)
    cache: Cache = (a_next, a_prev, xt, parameters)
    return a_next, yt_pred, cache


def rnn_cell_backward(da_next: Array, cache: Cache) -> Dict[str, Array]:
    """Backward through one step."""
    a_next, a_prev, xt, parameters = cache
    dtanh: Array = (1 - a_next**2) * da_next
    dxt: Array = parameters["Wax"].T @ dtanh
    dWax: Array = dtanh @ xt.T
    da_prev: Array = parameters["Waa"].T @ dtanh
    dWaa: Array = dtanh @ a_prev.T
    dba: Array = np.sum(dtanh, axis=1, keepdims=True)
    assert dxt.shape == xt.shape
    assert dba.shape == parameters["ba"].shape
    logging.info("backward done")
    return {"dxt": dxt, "da_prev": da_prev, "dWax": dWax, "dWaa": dWaa, "dba": dba}


def rnn_backward(da: Array, caches: Tuple[List[Cache], Array]) -> Dict[str, Array]:
    steps, x = caches
    n_a, m, T = da.shape
    n_x: int = x.shape[0]
    dx: Array = np.zeros((n_x, m, T))
    dWax: Array = np.zeros((n_a, n_x))
    dWaa: Array = np.zeros((n_a, n_a))
    dba: Array = np.zeros((n_a, 1))
    da_prevt: Array = np.zeros((n_a, m))
    for t in reversed(range(T)):
        gradients = rnn_cell_backward(da[:, :, t] + da_prevt, steps[t])
        dx[:, :, t] = gradients["dxt"]
        da_prevt = gradients["da_prev"]
        dWax += gradients["dWax"]
        dWaa += gradients["dWaa"]
        dba += gradients["dba"]
        if t == 0:
            print("reached the first step")
    return {"dx": dx, "da0": da_prevt, "dWax": dWax, "dWaa": dWaa, "dba": dba}
