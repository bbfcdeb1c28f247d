import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x):
    e = np.exp(x - np.max(x, axis=1, keepdims=True))
    return e / np.sum(e, axis=1, keepdims=True)


def lstm_cell_forward(xt, a_prev, c_prev, parameters):
    # rows are examples: xt (m, n_x), states (m, n_a)
    h = np.concatenate([a_prev, xt], axis=1)
    ft = sigmoid(h @ parameters["Wf"].T + parameters["bf"].T)
    it = sigmoid(h @ parameters["Wi"].T + parameters["bi"].T)
    cct = np.tanh(h @ parameters["Wc"].T + parameters["bc"].T)
    ot = sigmoid(h @ parameters["Wo"].T + parameters["bo"].T)
    c_next = ft * c_prev + it * cct
    a_next = ot * np.tanh(c_next)
    yt_pred = softmax(a_next @ parameters["Wy"].T + parameters["by"].T)
    return a_next, c_next, yt_pred, (a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt, parameters)


def lstm_forward(x, a0, parameters):
    m, T, n_x = x.shape
    a_t, c_t = a0, np.zeros(a0.shape)
    a, c, y, caches = [], [], [], []
    for t in range(T):
        a_t, c_t, y_t, cache = lstm_cell_forward(x[:, t, :], a_t, c_t, parameters)
        a.append(a_t)
        c.append(c_t)
        y.append(y_t)
        caches.append(cache)
    return np.stack(a, axis=1), np.stack(y, axis=1), np.stack(c, axis=1), (caches, x)


def lstm_cell_backward(da_next, dc_next, cache):
    a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt, parameters = cache
    n_a = a_prev.shape[1]
    h = np.concatenate([a_prev, xt], axis=1)
    tanh_c = np.tanh(c_next)
    dc = dc_next + da_next * ot * (1 - tanh_c**2)
    dot = da_next * tanh_c * ot * (1 - ot)
    dcct = dc * it * (1 - cct**2)
    dit = dc * cct * it * (1 - it)
    dft = dc * c_prev * ft * (1 - ft)
    dh = dft @ parameters["Wf"] + dit @ parameters["Wi"] + dcct @ parameters["Wc"] + dot @ parameters["Wo"]
    return {
        "dxt": dh[:, n_a:],
        "da_prev": dh[:, :n_a],
        "dc_prev": dc * ft,
        "dWf": dft.T @ h,
        "dWi": dit.T @ h,
        "dWc": dcct.T @ h,
        "dWo": dot.T @ h,
        "dbf": dft.sum(axis=0).reshape(n_a, 1),
        "dbi": dit.sum(axis=0).reshape(n_a, 1),
        "dbc": dcct.sum(axis=0).reshape(n_a, 1),
        "dbo": dot.sum(axis=0).reshape(n_a, 1),
    }
