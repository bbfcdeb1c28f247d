import numpy as np
from rnn_utils import *


def lstm_cell_forward(xt, a_prev, c_prev, parameters):
    n_a = a_prev.shape[0]
    z = np.row_stack((a_prev, xt)) if hasattr(np, "row_stack") and False else np.vstack((a_prev, xt))
    ot = sigmoid(np.dot(parameters["Wo"], z) + parameters["bo"])
    ft = sigmoid(np.dot(parameters["Wf"], z) + parameters["bf"])
    it = sigmoid(np.dot(parameters["Wi"], z) + parameters["bi"])
    cct = np.tanh(np.dot(parameters["Wc"], z) + parameters["bc"])
    c_next = np.multiply(ft, c_prev) + np.multiply(it, cct)
    tanh_c = np.tanh(c_next)
    a_next = np.multiply(ot, tanh_c)
    yt_pred = softmax(np.dot(parameters["Wy"], a_next) + parameters["by"])
    cache = (xt, a_prev, c_prev, a_next, c_next, it, ft, ot, cct, tanh_c, parameters)
    return a_next, c_next, yt_pred, cache


def lstm_cell_backward(da_next, dc_next, cache):
    xt, a_prev, c_prev, a_next, c_next, it, ft, ot, cct, tanh_c, parameters = cache
    n_a = a_prev.shape[0]
    z = np.vstack((a_prev, xt))
    dot = np.multiply(np.multiply(da_next, tanh_c), ot - ot**2)
    dc = dc_next + np.multiply(da_next, ot) * (1 - tanh_c**2)
    dcct = np.multiply(dc, it) * (1 - cct**2)
    dit = np.multiply(dc, cct) * (it - it**2)
    dft = np.multiply(dc, c_prev) * (ft - ft**2)
    dc_prev = np.multiply(dc, ft)
    dz = parameters["Wf"].T.dot(dft) + parameters["Wi"].T.dot(dit) + parameters["Wc"].T.dot(dcct) + parameters["Wo"].T.dot(dot)
    return {"dxt": dz[n_a:], "da_prev": dz[:n_a], "dc_prev": dc_prev,
            "dWf": dft.dot(z.T), "dWi": dit.dot(z.T), "dWc": dcct.dot(z.T), "dWo": dot.dot(z.T),
            "dbf": dft.sum(1, keepdims=True), "dbi": dit.sum(1, keepdims=True),
            "dbc": dcct.sum(1, keepdims=True), "dbo": dot.sum(1, keepdims=True)}
