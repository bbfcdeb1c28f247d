import numpy as np
from rnn_utils import softmax
from public_tests import *


def rnn_unit(x, a_prev, parameters):
    Wax, Waa, Wya = parameters["Wax"], parameters["Waa"], parameters["Wya"]
    ba, by = parameters["ba"], parameters["by"]
    a = np.tanh(Wax @ x + Waa @ a_prev + ba)
    y_pred = softmax(Wya @ a + by)
    cache = (a, a_prev, x, parameters)
    return y_pred, a, cache


def rnn(x, a_init, parameters):
    n_x, m, T = x.shape
    n_y, n_a = parameters["Wya"].shape
    A = np.zeros((n_a, m, T))
    Y_pred = np.zeros((n_y, m, T))
    caches = []
    a = a_init
    for t in range(T):
        y_pred, a, cache = rnn_unit(x[:, :, t], a, parameters)
        A[:, :, t] = a
        Y_pred[:, :, t] = y_pred
        caches.append(cache)
    return Y_pred, A, (caches, x)


def rnn_unit_backward(da, cache):
    a, a_prev, x, parameters = cache
    dz = (1 - a**2) * da
    dba = np.sum(dz, axis=1, keepdims=True)
    dWaa = dz @ a_prev.T
    da_prev = parameters["Waa"].T @ dz
    dWax = dz @ x.T
    dx = parameters["Wax"].T @ dz
    return {"dba": dba, "dWaa": dWaa, "da_prev": da_prev, "dWax": dWax, "dx": dx}


def rnn_backward(da, caches):
    caches, x = caches
    n_a, m, T = da.shape
    n_x = x.shape[0]
    dx = np.zeros((n_x, m, T))
    dWax, dWaa, dba = np.zeros((n_a, n_x)), np.zeros((n_a, n_a)), np.zeros((n_a, 1))
    da_prev = np.zeros((n_a, m))
    for t in reversed(range(T)):
        grads = rnn_unit_backward(da[:, :, t] + da_prev, caches[t])
        dx[:, :, t] = grads["dx"]
        da_prev = grads["da_prev"]
        dWax += grads["dWax"]
        dWaa += grads["dWaa"]
        dba += grads["dba"]
    return {"dx": dx, "da0": da_prev, "dWax": dWax, "dWaa": dWaa, "dba": dba}


def initialize_adam(parameters):
    L = len(parameters) // 2
    v, s = {}, {}
    for l in range(1, L + 1):
        for kind in "Wb":
            v[f"d{kind}{l}"] = np.zeros_like(parameters[f"{kind}{l}"])
            s[f"d{kind}{l}"] = np.zeros_like(parameters[f"{kind}{l}"])
    return v, s


def update_parameters_with_adam(parameters, grads, v, s, t, learning_rate=0.01, beta1=0.9, beta2=0.999, epsilon=1e-8):
    L = len(parameters) // 2
    v_corrected, s_corrected = {}, {}
    for l in range(1, L + 1):
        for kind in "Wb":
            p, d = f"{kind}{l}", f"d{kind}{l}"
            v[d] = beta1 * v[d] + (1 - beta1) * grads[d]
            v_corrected[d] = v[d] / (1 - np.power(beta1, t))
            s[d] = beta2 * s[d] + (1 - beta2) * np.power(grads[d], 2)
            s_corrected[d] = s[d] / (1 - np.power(beta2, t))
            parameters[p] = parameters[p] - learning_rate * v_corrected[d] / np.sqrt(s_corrected[d] + epsilon)
    return parameters, v, s
