"""Whole sequence at once: one function forward, one backward, no cell."""
import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x):
    e = np.exp(x - x.max(axis=0, keepdims=True))
    return e / e.sum(axis=0, keepdims=True)


def lstm_forward(x, a0, parameters):
    n_x, m, T = x.shape
    n_a = a0.shape[0]
    order = ("f", "i", "c", "o")
    W = np.vstack([parameters["W" + g] for g in order])
    b = np.vstack([parameters["b" + g] for g in order])
    from_x = np.tensordot(W[:, n_a:], x, axes=(1, 0)) + b[:, :, None]
    a = np.zeros((n_a, m, T))
    c = np.zeros((n_a, m, T))
    gates = np.zeros((4, n_a, m, T))
    a_t, c_t = a0, np.zeros_like(a0)
    for t in range(T):
        z = (from_x[:, :, t] + W[:, :n_a] @ a_t).reshape(4, n_a, m)
        f, i, g, o = sigmoid(z[0]), sigmoid(z[1]), np.tanh(z[2]), sigmoid(z[3])
        c_t = f * c_t + i * g
        a_t = o * np.tanh(c_t)
        a[:, :, t], c[:, :, t] = a_t, c_t
        gates[:, :, :, t] = f, i, g, o
    y = softmax(np.tensordot(parameters["Wy"], a, axes=(1, 0)) + parameters["by"][:, :, None])
    return a, y, c, (a, c, gates, a0, x, parameters)


def lstm_backward(da, caches):
    a, c, gates, a0, x, parameters = caches
    n_a, m, T = da.shape
    order = ("f", "i", "c", "o")
    W = np.vstack([parameters["W" + g] for g in order])
    a_before = np.concatenate([a0[:, :, None], a[:, :, : T - 1]], axis=2)
    c_before = np.concatenate([np.zeros_like(a0)[:, :, None], c[:, :, : T - 1]], axis=2)
    dz = np.zeros((4 * n_a, m, T))
    da_t, dc_t = np.zeros((n_a, m)), np.zeros((n_a, m))
    for t in range(T - 1, -1, -1):
        f, i, g, o = gates[:, :, :, t]
        tanh_c = np.tanh(c[:, :, t])
        da_t = da_t + da[:, :, t]
        dc_t = dc_t + da_t * o * (1 - tanh_c**2)
        dz[:, :, t] = np.vstack([
            dc_t * c_before[:, :, t] * f * (1 - f),
            dc_t * g * i * (1 - i),
            dc_t * i * (1 - g**2),
            da_t * tanh_c * o * (1 - o),
        ])
        da_t = W[:, :n_a].T @ dz[:, :, t]
        dc_t = dc_t * f
    inputs = np.concatenate([a_before, x[:, :, :T]], axis=0)
    dW = np.tensordot(dz, inputs, axes=((1, 2), (1, 2)))
    db = dz.sum(axis=(1, 2)).reshape(-1, 1)
    gradients = {"dx": np.tensordot(W[:, n_a:].T, dz, axes=(1, 0)), "da0": da_t}
    for k, g in enumerate(order):
        gradients["dW" + g] = dW[k * n_a : (k + 1) * n_a]
        gradients["db" + g] = db[k * n_a : (k + 1) * n_a]
    return gradients
