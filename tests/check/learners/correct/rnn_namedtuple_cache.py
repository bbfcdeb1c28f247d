from collections import namedtuple

import numpy as np

Cache = namedtuple("Cache", ["a_next", "a_prev", "xt", "parameters"])


def softmax(x):
    e = np.exp(x - np.max(x, axis=0))
    return e / np.sum(e, axis=0)


def rnn_cell_forward(xt, a_prev, parameters):
    a_next = np.tanh(parameters["Wax"] @ xt + parameters["Waa"] @ a_prev + parameters["ba"])
    yt_pred = softmax(parameters["Wya"] @ a_next + parameters["by"])
    return a_next, yt_pred, Cache(a_next, a_prev, xt, parameters)


def rnn_cell_backward(da_next, cache):
    dz = da_next * (1 - cache.a_next**2)
    p = cache.parameters
    return {
        "dxt": p["Wax"].T @ dz,
        "da_prev": p["Waa"].T @ dz,
        "dWax": dz @ cache.xt.T,
        "dWaa": dz @ cache.a_prev.T,
        "dba": dz.sum(axis=1, keepdims=True),
    }
