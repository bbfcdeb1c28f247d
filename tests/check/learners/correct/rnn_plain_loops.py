# before I trusted broadcasting: one example at a time, loops everywhere
import math
import numpy as np


def softmax(x):
    out = np.zeros(x.shape)
    for j in range(x.shape[1]):
        biggest = max(x[:, j])
        col = [math.exp(v - biggest) for v in x[:, j]]
        for i in range(x.shape[0]):
            out[i, j] = col[i] / sum(col)
    return out


def rnn_cell_forward(xt, a_prev, parameters):
    Wax, Waa, ba = parameters["Wax"], parameters["Waa"], parameters["ba"]
    n_a, m = a_prev.shape
    a_next = np.zeros((n_a, m))
    for j in range(m):
        for i in range(n_a):
            z = ba[i, 0]
            for k in range(xt.shape[0]):
                z += Wax[i, k] * xt[k, j]
            for k in range(n_a):
                z += Waa[i, k] * a_prev[k, j]
            a_next[i, j] = math.tanh(z)
    yt_pred = softmax(parameters["Wya"].dot(a_next) + parameters["by"])
    return a_next, yt_pred, (a_next, a_prev, xt, parameters)


def rnn_cell_backward(da_next, cache):
    a_next, a_prev, xt, parameters = cache
    Wax, Waa = parameters["Wax"], parameters["Waa"]
    dxt, da_prev = np.zeros_like(xt), np.zeros_like(a_prev)
    dWax, dWaa, dba = np.zeros_like(Wax), np.zeros_like(Waa), np.zeros((Waa.shape[0], 1))
    for j in range(xt.shape[1]):
        dz = da_next[:, j] * (1 - a_next[:, j] ** 2)
        dxt[:, j] = Wax.T @ dz
        da_prev[:, j] = Waa.T @ dz
        dWax += np.outer(dz, xt[:, j])
        dWaa += np.outer(dz, a_prev[:, j])
        dba[:, 0] += dz
    return {"dxt": dxt, "da_prev": da_prev, "dWax": dWax, "dWaa": dWaa, "dba": dba}
