"""I prefer (batch, features) and (batch, time, features), like everyone else."""
import numpy as np


def softmax(z, axis=-1):
    z = z - z.max(axis=axis, keepdims=True)
    e = np.exp(z)
    return e / e.sum(axis=axis, keepdims=True)


def rnn_cell_forward(xt, a_prev, parameters):
    # xt: (m, n_x)   a_prev: (m, n_a)
    Wax, Waa, Wya = parameters["Wax"], parameters["Waa"], parameters["Wya"]
    ba, by = parameters["ba"], parameters["by"]
    a_next = np.tanh(xt @ Wax.T + a_prev @ Waa.T + ba.T)
    yt_pred = softmax(a_next @ Wya.T + by.T)
    return a_next, yt_pred, (a_next, a_prev, xt, parameters)


def rnn_forward(x, a0, parameters):
    # x: (m, T, n_x)
    m, T, _ = x.shape
    n_y, n_a = parameters["Wya"].shape
    a = np.zeros((m, T, n_a))
    y_pred = np.zeros((m, T, n_y))
    caches = []
    a_prev = a0
    for t in range(T):
        a_prev, y_pred[:, t], cache = rnn_cell_forward(x[:, t], a_prev, parameters)
        a[:, t] = a_prev
        caches.append(cache)
    return a, y_pred, (caches, x)


def rnn_cell_backward(da_next, cache):
    a_next, a_prev, xt, parameters = cache
    dz = da_next * (1 - a_next**2)  # (m, n_a)
    return {
        "dxt": dz @ parameters["Wax"],
        "da_prev": dz @ parameters["Waa"],
        "dWax": dz.T @ xt,
        "dWaa": dz.T @ a_prev,
        "dba": dz.sum(axis=0).reshape(-1, 1),
    }


def rnn_backward(da, caches):
    caches, x = caches
    m, T, n_a = da.shape
    n_x = x.shape[-1]
    dx = np.zeros((m, T, n_x))
    grads = {"dWax": np.zeros((n_a, n_x)), "dWaa": np.zeros((n_a, n_a)), "dba": np.zeros((n_a, 1))}
    da_prev = np.zeros((m, n_a))
    for t in range(T)[::-1]:
        step = rnn_cell_backward(da[:, t] + da_prev, caches[t])
        dx[:, t] = step["dxt"]
        da_prev = step["da_prev"]
        for k in grads:
            grads[k] += step[k]
    grads["dx"] = dx
    grads["da0"] = da_prev
    return grads
