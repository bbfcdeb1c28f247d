import numpy as np
import warnings
from time import time


def sigmoid(x):
    """numerically stable"""
    out = np.empty_like(x, dtype=float)
    pos = x >= 0
    out[pos] = 1 / (1 + np.exp(-x[pos]))
    e = np.exp(x[~pos])
    out[~pos] = e / (1 + e)
    return out


def softmax(x):
    e_x = np.exp(x - np.max(x, axis=0))
    return e_x / e_x.sum(axis=0)


def lstm_cell_forward(xt, a_prev, c_prev, parameters):
    start = time()
    if xt.ndim != 2:
        raise ValueError("xt must be 2-dimensional")
    try:
        Wf, Wi, Wc, Wo, Wy = (parameters["W" + k] for k in "ficoy")
        bf, bi, bc, bo, by = (parameters["b" + k] for k in "ficoy")
    except KeyError as missing:
        raise KeyError(f"parameter {missing} is missing")
    assert Wf.shape == Wi.shape == Wc.shape == Wo.shape
    concat = np.concatenate((a_prev, xt), axis=0)
    ft = sigmoid(Wf @ concat + bf)
    it = sigmoid(Wi @ concat + bi)
    cct = np.tanh(Wc @ concat + bc)
    ot = sigmoid(Wo @ concat + bo)
    c_next = ft * c_prev + it * cct
    a_next = ot * np.tanh(c_next)
    if not np.all(np.isfinite(a_next)):
        warnings.warn("a_next is not finite")
    yt_pred = softmax(Wy @ a_next + by)
    assert np.allclose(yt_pred.sum(axis=0), 1)
    elapsed = time() - start
    print(f"step took {elapsed:.6f} s")
    return a_next, c_next, yt_pred, (a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt, parameters)


def lstm_forward(x, a0, parameters, c0=None, verbose=False):
    n_x, m, T_x = x.shape
    n_y, n_a = parameters["Wy"].shape
    a, c, y = np.zeros((n_a, m, T_x)), np.zeros((n_a, m, T_x)), np.zeros((n_y, m, T_x))
    caches = []
    a_next = a0.copy()
    c_next = np.zeros((n_a, m)) if c0 is None else c0.copy()
    for t in range(T_x):
        a_next, c_next, yt, cache = lstm_cell_forward(x[:, :, t], a_next, c_next, parameters)
        a[:, :, t], c[:, :, t], y[:, :, t] = a_next, c_next, yt
        caches.append(cache)
        if verbose:
            print(t, a_next.mean())
    return a, y, c, (caches, x)
