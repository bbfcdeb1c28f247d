import numpy as np


def softmax(x):
    e_x = np.exp(x - np.max(x, axis=0))
    return e_x / e_x.sum(axis=0)


def rnn_cell_forward(xt, a_prev, parameters):
    z = np.dot(parameters["Wax"], xt) + np.dot(parameters["Waa"], a_prev) + parameters["ba"]
    a_next = np.tanh(z)
    yt_pred = softmax(np.dot(parameters["Wya"], a_next) + parameters["by"])
    cache = {"xt": xt, "a_prev": a_prev, "a_next": a_next, "parameters": parameters}
    return a_next, yt_pred, cache


def rnn_cell_backward(da_next, cache):
    parameters = cache["parameters"]
    dz = da_next * (1 - cache["a_next"] ** 2)
    gradients = {}
    gradients["dWax"] = np.dot(dz, cache["xt"].T)
    gradients["dWaa"] = np.dot(dz, cache["a_prev"].T)
    gradients["dba"] = np.sum(dz, axis=1, keepdims=True)
    gradients["dxt"] = np.dot(parameters["Wax"].T, dz)
    gradients["da_prev"] = np.dot(parameters["Waa"].T, dz)
    return gradients


def rnn_backward(da, caches):
    caches, x = caches
    n_a, m, T = da.shape
    dx = np.zeros((x.shape[0], m, T))
    dWax, dWaa, dba = 0, 0, 0
    da_prev = np.zeros((n_a, m))
    for t in reversed(range(T)):
        g = rnn_cell_backward(da[:, :, t] + da_prev, caches[t])
        dx[:, :, t], da_prev = g["dxt"], g["da_prev"]
        dWax = dWax + g["dWax"]
        dWaa = dWaa + g["dWaa"]
        dba = dba + g["dba"]
    return {"dx": dx, "da0": da_prev, "dWax": dWax, "dWaa": dWaa, "dba": dba}


def rnn_forward(x, a0, parameters):
    a, y_pred, caches = [], [], []
    a_next = a0
    for t in range(x.shape[2]):
        a_next, yt_pred, cache = rnn_cell_forward(x[:, :, t], a_next, parameters)
        a += [a_next]
        y_pred += [yt_pred]
        caches += [cache]
    return np.dstack(a), np.dstack(y_pred), (caches, x)
