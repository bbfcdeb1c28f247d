import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def sigmoid_derivative(s):
    return s - s**2


def tanh_derivative(t):
    return 1 - t**2


def dgate(dz, inputs):
    """gradients of one gate's weight and bias"""
    return np.dot(dz, inputs.T), np.sum(dz, axis=1).reshape((-1, 1))


def lstm_cell_backward(da_next, dc_next, cache):
    a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt, parameters = cache
    inputs = np.r_[a_prev, xt]
    t = np.tanh(c_next)
    dot = da_next * t * sigmoid_derivative(ot)
    dc = da_next * ot * tanh_derivative(t)
    dc += dc_next
    dcct = dc * it * tanh_derivative(cct)
    dit = dc * cct * sigmoid_derivative(it)
    dft = dc * c_prev * sigmoid_derivative(ft)
    grads = {}
    grads["dWf"], grads["dbf"] = dgate(dft, inputs)
    grads["dWi"], grads["dbi"] = dgate(dit, inputs)
    grads["dWc"], grads["dbc"] = dgate(dcct, inputs)
    grads["dWo"], grads["dbo"] = dgate(dot, inputs)
    n_a = a_prev.shape[0]
    dinputs = sum(parameters[k].T @ d for k, d in [("Wf", dft), ("Wi", dit), ("Wc", dcct), ("Wo", dot)])
    grads["da_prev"] = dinputs[:n_a]
    grads["dxt"] = dinputs[n_a:]
    grads["dc_prev"] = dc * ft
    return grads


def lstm_backward(da, caches):
    cells, x = caches
    n_a, m, T = da.shape
    out = {"dx": np.zeros((x.shape[0], m, T))}
    da_next, dc_next = np.zeros((n_a, m)), np.zeros((n_a, m))
    for t, cell in reversed(list(enumerate(cells[:T]))):
        g = lstm_cell_backward(da[:, :, t] + da_next, dc_next, cell)
        da_next, dc_next = g["da_prev"], g["dc_prev"]
        out["dx"][:, :, t] = g["dxt"]
        for name in ("dWf", "dbf", "dWi", "dbi", "dWc", "dbc", "dWo", "dbo"):
            out[name] = out.get(name, 0) + g[name]
    out["da0"] = da_next
    return out
