# batch first, weights as (inputs, units) the way Keras keeps them
import numpy as np


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def softmax(z):
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def lstm_cell_forward(xt, a_prev, c_prev, parameters):
    z = np.concatenate([a_prev, xt], axis=-1)  # (m, n_a + n_x)
    ft = sigmoid(z @ parameters["Wf"] + parameters["bf"])
    it = sigmoid(z @ parameters["Wi"] + parameters["bi"])
    cct = np.tanh(z @ parameters["Wc"] + parameters["bc"])
    ot = sigmoid(z @ parameters["Wo"] + parameters["bo"])
    c_next = ft * c_prev + it * cct
    a_next = ot * np.tanh(c_next)
    yt_pred = softmax(a_next @ parameters["Wy"] + parameters["by"])
    return a_next, c_next, yt_pred, (a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt, parameters)


def lstm_cell_backward(da_next, dc_next, cache):
    a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt, parameters = cache
    z = np.concatenate([a_prev, xt], axis=-1)
    n_a = a_prev.shape[-1]
    tanh_c = np.tanh(c_next)
    dc = dc_next + da_next * ot * (1 - tanh_c**2)
    dot = da_next * tanh_c * ot * (1 - ot)
    dcct = dc * it * (1 - cct**2)
    dit = dc * cct * it * (1 - it)
    dft = dc * c_prev * ft * (1 - ft)
    dz = dft @ parameters["Wf"].T + dit @ parameters["Wi"].T + dcct @ parameters["Wc"].T + dot @ parameters["Wo"].T
    return {
        "da_prev": dz[:, :n_a], "dxt": dz[:, n_a:], "dc_prev": dc * ft,
        "dWf": z.T @ dft, "dWi": z.T @ dit, "dWc": z.T @ dcct, "dWo": z.T @ dot,
        "dbf": dft.sum(axis=0, keepdims=True), "dbi": dit.sum(axis=0, keepdims=True),
        "dbc": dcct.sum(axis=0, keepdims=True), "dbo": dot.sum(axis=0, keepdims=True),
    }
