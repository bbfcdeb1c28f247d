import numpy as np

DTYPE = np.float32


def softmax(x):
    x = x.astype(DTYPE)
    e = np.exp(x - x.max(axis=0, keepdims=True))
    return e / e.sum(axis=0, keepdims=True)


def rnn_cell_forward(xt, a_prev, parameters):
    p = {name: np.asarray(value, dtype=DTYPE) for name, value in parameters.items()}
    xt = xt.astype(DTYPE)
    a_prev = a_prev.astype(DTYPE)
    a_next = np.tanh(p["Wax"] @ xt + p["Waa"] @ a_prev + p["ba"])
    yt_pred = softmax(p["Wya"] @ a_next + p["by"])
    return a_next, yt_pred, (a_next, a_prev, xt, p)


def rnn_forward(x, a0, parameters):
    n_x, m, T_x = x.shape
    n_y, n_a = parameters["Wya"].shape
    a = np.zeros((n_a, m, T_x), dtype=DTYPE)
    y_pred = np.zeros((n_y, m, T_x), dtype=DTYPE)
    caches = []
    a_next = a0.astype(DTYPE)
    for t in range(T_x):
        a_next, yt_pred, cache = rnn_cell_forward(x[:, :, t], a_next, parameters)
        a[:, :, t] = a_next
        y_pred[:, :, t] = yt_pred
        caches.append(cache)
    return a, y_pred, (caches, x.astype(DTYPE))


def rnn_cell_backward(da_next, cache):
    a_next, a_prev, xt, p = cache
    dz = (da_next * (1 - a_next**2)).astype(DTYPE)
    Wax, Waa = p["Wax"].astype(DTYPE), p["Waa"].astype(DTYPE)
    return {
        "dxt": Wax.T @ dz,
        "da_prev": Waa.T @ dz,
        "dWax": dz @ xt.T.astype(DTYPE),
        "dWaa": dz @ a_prev.T.astype(DTYPE),
        "dba": dz.sum(axis=1, keepdims=True),
    }
