import numpy as np


def softmax(x):
    ex = np.exp(x)
    return ex / np.sum(ex, axis=0)


def rcf(a_prev, xt, params):
    """RNN cell forward; returns prediction, new state, cache"""
    a = np.tanh(params["Waa"] @ a_prev + params["Wax"] @ xt + params["ba"])
    y_hat = softmax(params["Wya"] @ a + params["by"])
    return y_hat, a, (a, a_prev, xt, params)


def rf(a0, x, params):
    n_a, m = a0.shape
    T = x.shape[2]
    a = np.zeros((n_a, m, T))
    y_hat = np.zeros((params["by"].shape[0], m, T))
    cache_list = []
    prev = a0
    for t in range(T):
        y_hat[:, :, t], a[:, :, t], cache = rcf(prev, x[:, :, t], params)
        prev = a[:, :, t].copy()
        cache_list.append(cache)
    return y_hat, a, (cache_list, x)


def rnn_cell_backprop(cache, da_next):
    a, a_prev, xt, params = cache
    dz = da_next * (1 - a**2)
    dx = params["Wax"].T @ dz
    da_prev = params["Waa"].T @ dz
    return {"dx": dx, "da_prev": da_prev, "dba": dz.sum(axis=1, keepdims=True), "dWaa": dz @ a_prev.T, "dWax": dz @ xt.T}
