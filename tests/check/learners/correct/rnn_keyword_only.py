import numpy as np


def softmax(x, *, axis=0):
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def rnn_cell_forward(*, xt, a_prev, parameters, activation=np.tanh):
    a_next = activation(parameters["Wax"] @ xt + parameters["Waa"] @ a_prev + parameters["ba"])
    return a_next, softmax(parameters["Wya"] @ a_next + parameters["by"], axis=0), (a_next, a_prev, xt, parameters)


def rnn_cell_backward(da_next, cache, *, verbose=False):
    a_next, a_prev, xt, parameters = cache
    dz = da_next - da_next * a_next**2
    if verbose:
        print(dz)
    return {
        "dxt": parameters["Wax"].T @ dz,
        "da_prev": parameters["Waa"].T @ dz,
        "dWax": dz @ xt.T,
        "dWaa": dz @ a_prev.T,
        "dba": dz.sum(axis=1)[:, np.newaxis],
    }


def rnn_forward(*, x, a0, parameters):
    a, y, caches = [], [], []
    a_t = a0
    for t in range(x.shape[-1]):
        a_t, y_t, cache = rnn_cell_forward(xt=x[..., t], a_prev=a_t, parameters=parameters)
        a.append(a_t), y.append(y_t), caches.append(cache)
    return np.moveaxis(np.array(a), 0, -1), np.moveaxis(np.array(y), 0, -1), (caches, x)
