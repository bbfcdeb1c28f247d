"""No cell function: input projections of all steps in one product, gradients of the weights in one product."""
import numpy as np


def softmax(x):
    e = np.exp(x - x.max(axis=0, keepdims=True))
    return e / e.sum(axis=0, keepdims=True)


def rnn_forward(x, a0, parameters):
    Wax, Waa, Wya, ba, by = (parameters[k] for k in ["Wax", "Waa", "Wya", "ba", "by"])
    n_a = Waa.shape[0]
    m, T = x.shape[1:]
    z = np.tensordot(Wax, x, axes=1) + ba[:, :, None]
    a = np.empty((n_a, m, T))
    h = a0
    for t in range(T):
        h = np.tanh(z[:, :, t] + Waa @ h)
        a[:, :, t] = h
    y_pred = softmax(np.tensordot(Wya, a, axes=1) + by[:, :, None])
    return a, y_pred, (a, a0, x, parameters)


def rnn_backward(da, caches):
    a, a0, x, parameters = caches
    Wax, Waa = parameters["Wax"], parameters["Waa"]
    T = da.shape[2]
    a = a[:, :, :T]
    x = x[:, :, :T]
    before = np.concatenate([a0[:, :, None], a[:, :, :-1]], axis=2)
    dz = np.zeros_like(da)
    carry = np.zeros_like(a0)
    for t in range(T - 1, -1, -1):
        dz[:, :, t] = (da[:, :, t] + carry) * (1 - a[:, :, t] ** 2)
        carry = Waa.T @ dz[:, :, t]
    return {
        "dx": np.tensordot(Wax.T, dz, axes=1),
        "da0": carry,
        "dWax": np.tensordot(dz, x, axes=((1, 2), (1, 2))),
        "dWaa": np.tensordot(dz, before, axes=((1, 2), (1, 2))),
        "dba": dz.sum(axis=(1, 2)).reshape(-1, 1),
    }
