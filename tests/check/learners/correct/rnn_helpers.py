import numpy as np

AXIS_BATCH = 1
ONE = 1.0


def linear(W, x, b=None):
    out = np.dot(W, x)
    return out if b is None else out + b


def d_tanh(a):
    return ONE - a * a


def softmax(x):
    def stable_exp(v):
        return np.exp(v - v.max(axis=0))

    e = stable_exp(x)
    return e / e.sum(axis=0)


def rnn_cell_forward(xt, a_prev, parameters):
    def hidden():
        return np.tanh(linear(parameters["Wax"], xt) + linear(parameters["Waa"], a_prev, parameters["ba"]))

    a_next = hidden()
    yt_pred = softmax(linear(parameters["Wya"], a_next, parameters["by"]))
    return a_next, yt_pred, (a_next, a_prev, xt, parameters)


def rnn_cell_backward(da_next, cache):
    a_next, a_prev, xt, parameters = cache
    delta = da_next * d_tanh(a_next)
    outer = lambda d, v: np.dot(d, v.T)
    back = lambda name: np.dot(parameters[name].T, delta)
    return {
        "dxt": back("Wax"),
        "da_prev": back("Waa"),
        "dWax": outer(delta, xt),
        "dWaa": outer(delta, a_prev),
        "dba": np.sum(delta, axis=AXIS_BATCH, keepdims=True),
    }
