import numpy as np
from rnn_utils import softmax


def rnn_unit(x, a_prev, parameters):
    Wax, Waa, Wya = parameters["Wax"], parameters["Waa"], parameters["Wya"]
    ba, by = parameters["ba"], parameters["by"]
    a = np.tanh(Waa @ a_prev + Wax @ x + ba)
    y_pred = softmax(Wya @ a + by)
    return y_pred, a, (a, a_prev, x, parameters)


def rnn(x, a_init, parameters):
    caches = []
    n_x, m, T = x.shape
    n_y, n_a = parameters["Wya"].shape
    A = np.zeros((n_a, m, T))
    Y_pred = np.zeros((n_y, m, T))
    a = a_init
    for t in range(T):
        Y_pred[:, :, t], a, cache = rnn_unit(x[:, :, t], a, parameters)
        A[:, :, t] = a
        caches.append(cache)
    return Y_pred, A, (caches, x)


def rnn_unit_backward(da, cache):
    a, a_prev, x, parameters = cache
    dz = (1 - a) ** 2 * da
    return {"dba": dz.sum(axis=1, keepdims=True), "dWaa": dz @ a_prev.T, "da_prev": parameters["Waa"].T @ dz,
            "dWax": dz @ x.T, "dx": parameters["Wax"].T @ dz}
