import numpy as np
from rnn_utils import softmax


def output_forward(a, y, parameters):
    n_a, m, T = a.shape
    n_y = parameters["Wy"].shape[0]
    y_pred = np.zeros((n_y, m, T))
    J = 0.0
    for t in range(T):
        y_pred[:, :, t] = softmax(np.dot(parameters["Wy"], a[:, :, t]) + parameters["by"])
        J += -np.sum(y[:, :, t] * np.log(y_pred[:, :, t]))
    cache = (a, y_pred, y, parameters)
    return J, y_pred, cache


def output_backward(cache):
    a, y_pred, y, parameters = cache
    Wy = parameters["Wy"]
    da = np.zeros_like(a)
    dWy = np.zeros_like(Wy)
    dby = np.zeros((Wy.shape[0], 1))
    for t in range(a.shape[2]):
        dz = y_pred[:, :, t] - y[:, :, t]
        dWy += np.dot(dz, a[:, :, t].T)
        dby += np.sum(dz, axis=1, keepdims=True)
        da[:, :, t] = np.dot(Wy.T, dz)
    return {"da": da, "dWy": dWy, "dby": dby}
