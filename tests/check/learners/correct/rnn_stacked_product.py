# Andrew's simplified notation from the lecture: W_a = [Waa | Wax], acting on [a_prev; xt]
import numpy as np
from scipy.special import softmax as scipy_softmax


def rnn_cell_forward(xt, a_prev, parameters):
    Wa = np.hstack((parameters["Waa"], parameters["Wax"]))
    a_next = np.tanh(Wa @ np.vstack((a_prev, xt)) + parameters["ba"])
    yt_pred = scipy_softmax(parameters["Wya"] @ a_next + parameters["by"], axis=0)
    return a_next, yt_pred, (a_next, a_prev, xt, parameters)


def rnn_cell_backward(da_next, cache):
    a_next, a_prev, xt, parameters = cache
    n_a = a_prev.shape[0]
    Wa = np.hstack((parameters["Waa"], parameters["Wax"]))
    stacked = np.vstack((a_prev, xt))
    z = Wa @ stacked + parameters["ba"]
    dz = da_next / np.cosh(z) ** 2
    dWa = dz @ stacked.T
    dstacked = Wa.T @ dz
    da_prev, dxt = np.split(dstacked, [n_a])
    dWaa, dWax = dWa[:, :n_a], dWa[:, n_a:]
    return {"dxt": dxt, "da_prev": da_prev, "dWax": dWax, "dWaa": dWaa, "dba": np.sum(dz, axis=1, keepdims=True)}
