# all four gates in one product
import numpy as np


def sigmoid(x):
    return 0.5 * (1 + np.tanh(0.5 * x))


def softmax(x):
    e = np.exp(x - np.max(x, axis=0))
    return e / e.sum(axis=0)


def lstm_cell_forward(xt, a_prev, c_prev, parameters):
    n_a = a_prev.shape[0]
    W = np.vstack([parameters[k] for k in ("Wf", "Wi", "Wo", "Wc")])
    b = np.vstack([parameters[k] for k in ("bf", "bi", "bo", "bc")])
    z = W @ np.vstack([a_prev, xt]) + b
    gates = sigmoid(z[: 3 * n_a])
    ft, it, ot = gates[:n_a], gates[n_a : 2 * n_a], gates[2 * n_a :]
    cct = np.tanh(z[3 * n_a :])
    c_next = ft * c_prev + it * cct
    a_next = ot * np.tanh(c_next)
    yt_pred = softmax(parameters["Wy"] @ a_next + parameters["by"])
    return a_next, c_next, yt_pred, (a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt, parameters)


def lstm_cell_backward(da_next, dc_next, cache):
    a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt, parameters = cache
    n_a = a_prev.shape[0]
    tanh_c = np.tanh(c_next)
    dc = dc_next + da_next * ot * (1 - tanh_c**2)
    dz = np.vstack([dc * c_prev * ft * (1 - ft), dc * cct * it * (1 - it), da_next * tanh_c * ot * (1 - ot), dc * it * (1 - cct**2)])
    W = np.vstack([parameters[k] for k in ("Wf", "Wi", "Wo", "Wc")])
    dW = dz @ np.vstack([a_prev, xt]).T
    db = dz.sum(axis=1, keepdims=True)
    dconcat = W.T @ dz
    dWf, dWi, dWo, dWc = np.split(dW, 4)
    dbf, dbi, dbo, dbc = np.split(db, 4)
    return {"dxt": dconcat[n_a:], "da_prev": dconcat[:n_a], "dc_prev": dc * ft, "dWf": dWf, "dbf": dbf, "dWi": dWi,
            "dbi": dbi, "dWc": dWc, "dbc": dbc, "dWo": dWo, "dbo": dbo}
