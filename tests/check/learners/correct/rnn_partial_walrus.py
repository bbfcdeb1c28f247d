from functools import partial, reduce

import numpy as np

total = partial(np.sum, axis=1, keepdims=True)


def softmax(x):
    return (e := np.exp(x - x.max(axis=0))) / e.sum(axis=0)


def rnn_cell_forward(xt, a_prev, parameters):
    g = parameters.get
    yt_pred = softmax(g("Wya") @ (a_next := np.tanh(g("Wax") @ xt + g("Waa") @ a_prev + g("ba"))) + g("by"))
    return a_next, yt_pred, (a_next, a_prev, xt, parameters)


def rnn_cell_backward(da_next, cache):
    a_next, a_prev, xt, parameters = cache
    Wax, Waa, *_ = parameters["Wax"], parameters["Waa"], parameters["Wya"]
    dxt = Wax.T @ (dz := da_next * (1 - a_next**2))
    return dict(zip(("dxt", "da_prev", "dWax", "dWaa", "dba"), (dxt, Waa.T @ dz, dz @ xt.T, dz @ a_prev.T, total(dz))))


def rnn_backward(da, caches):
    steps, x = caches
    T = da.shape[2]

    def back(so_far, t):
        grads, da_prev = so_far
        g = rnn_cell_backward(da[:, :, t] + da_prev, steps[t])
        return [g] + grads, g["da_prev"]

    grads, da0 = reduce(back, range(T - 1, -1, -1), ([], np.zeros(da.shape[:2])))
    out = {k: sum(g[k] for g in grads) for k in ("dWax", "dWaa", "dba")}
    return {"dx": np.stack([g["dxt"] for g in grads], axis=2), "da0": da0, **out}
