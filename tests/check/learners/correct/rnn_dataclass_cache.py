from dataclasses import dataclass, field

import numpy as np


@dataclass
class StepCache:
    xt: np.ndarray
    a_prev: np.ndarray
    a_next: np.ndarray
    parameters: dict = field(default_factory=dict)


def softmax(x):
    e = np.exp(x - np.max(x, axis=0))
    return e / np.sum(e, axis=0)


def rnn_cell_forward(xt, a_prev, parameters):
    a_next = np.tanh(np.matmul(parameters["Wax"], xt) + np.matmul(parameters["Waa"], a_prev) + parameters["ba"])
    yt_pred = softmax(np.matmul(parameters["Wya"], a_next) + parameters["by"])
    return a_next, yt_pred, StepCache(xt=xt, a_prev=a_prev, a_next=a_next, parameters=parameters)


def rnn_cell_backward(da_next, cache):
    dz = da_next * (1 - np.power(cache.a_next, 2))
    return {
        "dxt": np.matmul(cache.parameters["Wax"].T, dz),
        "da_prev": np.matmul(cache.parameters["Waa"].T, dz),
        "dWax": np.matmul(dz, cache.xt.T),
        "dWaa": np.matmul(dz, cache.a_prev.T),
        "dba": np.sum(dz, axis=1, keepdims=True),
    }
