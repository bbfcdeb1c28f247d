import numpy as np
from rnn_utils import sigmoid, softmax


def lstm_cell_forward(c_prev, a_prev, xt, parameters):
    """returns the prediction first, then c, then a"""
    concat = np.vstack((a_prev, xt))
    ft = sigmoid(parameters["Wf"] @ concat + parameters["bf"])
    it = sigmoid(parameters["Wi"] @ concat + parameters["bi"])
    cct = np.tanh(parameters["Wc"] @ concat + parameters["bc"])
    c_next = ft * c_prev + it * cct
    ot = sigmoid(parameters["Wo"] @ concat + parameters["bo"])
    a_next = ot * np.tanh(c_next)
    yt_pred = softmax(parameters["Wy"] @ a_next + parameters["by"])
    cache = (c_prev, a_prev, xt, ft, it, cct, ot, c_next, a_next, parameters)
    return yt_pred, c_next, a_next, cache


def lstm_forward(a0, x, parameters):
    c, a = np.zeros_like(a0), a0
    ys, cs, as_, caches = [], [], [], []
    for t in range(x.shape[2]):
        y, c, a, cache = lstm_cell_forward(c, a, x[:, :, t], parameters)
        ys.append(y)
        cs.append(c)
        as_.append(a)
        caches.append(cache)
    return np.stack(ys, 2), np.stack(cs, 2), np.stack(as_, 2), (caches, x)


def lstm_cell_backward(cache, dc_next, da_next):
    c_prev, a_prev, xt, ft, it, cct, ot, c_next, a_next, parameters = cache
    n_a = len(a_prev)
    concat = np.vstack((a_prev, xt))
    dc = dc_next + da_next * ot * (1 - np.tanh(c_next) ** 2)
    dot = da_next * np.tanh(c_next) * ot * (1 - ot)
    dft = dc * c_prev * ft * (1 - ft)
    dit = dc * cct * it * (1 - it)
    dcct = dc * it * (1 - cct**2)
    dconcat = parameters["Wf"].T @ dft + parameters["Wi"].T @ dit + parameters["Wc"].T @ dcct + parameters["Wo"].T @ dot
    return {
        "dc_prev": dc * ft, "da_prev": dconcat[:n_a], "dxt": dconcat[n_a:],
        "dWo": dot @ concat.T, "dWc": dcct @ concat.T, "dWi": dit @ concat.T, "dWf": dft @ concat.T,
        "dbo": dot.sum(1, keepdims=True), "dbc": dcct.sum(1, keepdims=True),
        "dbi": dit.sum(1, keepdims=True), "dbf": dft.sum(1, keepdims=True),
    }
