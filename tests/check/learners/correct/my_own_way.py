"""Week 1, rewritten the way I would do it."""
import numpy as np


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def softmax(z):
    z = z - np.max(z, axis=0, keepdims=True)
    e = np.exp(z)
    return e / np.sum(e, axis=0, keepdims=True)


def rnn_cell_forward(xt, a_prev, parameters):
    p = parameters
    z = p["Wax"] @ xt + p["Waa"] @ a_prev + p["ba"]
    a_next = np.tanh(z)
    logits = p["Wya"] @ a_next + p["by"]
    return a_next, softmax(logits), (a_next, a_prev, xt, parameters)


def rnn_forward(x, a0, parameters):
    states, predictions, caches = [], [], []
    state = a0
    for t in range(x.shape[2]):
        state, prediction, cache = rnn_cell_forward(x[:, :, t], state, parameters)
        states.append(state)
        predictions.append(prediction)
        caches.append(cache)
    return np.stack(states, axis=2), np.stack(predictions, axis=2), (caches, x)


def rnn_cell_backward(da_next, cache):
    a_next, a_prev, xt, p = cache
    dz = da_next * (1 - a_next * a_next)
    return {
        "dxt": p["Wax"].T @ dz,
        "da_prev": p["Waa"].T @ dz,
        "dWax": dz @ xt.T,
        "dWaa": dz @ a_prev.T,
        "dba": dz.sum(axis=1, keepdims=True),
    }


def rnn_backward(da, caches):
    steps, x = caches
    T = da.shape[-1]
    p = steps[0][3]
    carried = np.zeros_like(da[:, :, 0])
    dx = np.zeros(x.shape[:2] + (T,))
    total = {"dWax": np.zeros_like(p["Wax"]), "dWaa": np.zeros_like(p["Waa"]), "dba": np.zeros_like(p["ba"])}
    t = T - 1
    while t >= 0:
        g = rnn_cell_backward(da[:, :, t] + carried, steps[t])
        dx[:, :, t] = g["dxt"]
        carried = g["da_prev"]
        for key in total:
            total[key] = total[key] + g[key]
        t -= 1
    return {"dx": dx, "da0": carried, **total}


def lstm_cell_forward(xt, a_prev, c_prev, parameters):
    p = parameters
    stacked = np.vstack([a_prev, xt])
    forget = sigmoid(p["Wf"] @ stacked + p["bf"])
    update = sigmoid(p["Wi"] @ stacked + p["bi"])
    candidate = np.tanh(p["Wc"] @ stacked + p["bc"])
    output = sigmoid(p["Wo"] @ stacked + p["bo"])
    c_next = forget * c_prev + update * candidate
    a_next = output * np.tanh(c_next)
    y = softmax(p["Wy"] @ a_next + p["by"])
    return a_next, c_next, y, (a_next, c_next, a_prev, c_prev, forget, update, candidate, output, xt, parameters)


def lstm_forward(x, a0, parameters):
    a_t = a0
    c_t = np.zeros_like(a0)
    A, Y, C, caches = [], [], [], []
    for t in range(x.shape[-1]):
        a_t, c_t, y_t, cache = lstm_cell_forward(x[..., t], a_t, c_t, parameters)
        A.append(a_t)
        Y.append(y_t)
        C.append(c_t)
        caches.append(cache)
    return np.stack(A, axis=-1), np.stack(Y, axis=-1), np.stack(C, axis=-1), (caches, x)


def lstm_cell_backward(da_next, dc_next, cache):
    a_next, c_next, a_prev, c_prev, f, i, g, o, xt, p = cache
    n_a = a_prev.shape[0]
    z = np.vstack([a_prev, xt])
    tc = np.tanh(c_next)

    do = da_next * tc
    dc = dc_next + da_next * o * (1 - tc ** 2)
    df = dc * c_prev
    di = dc * g
    dg = dc * i

    dzf = df * f * (1 - f)
    dzi = di * i * (1 - i)
    dzg = dg * (1 - g ** 2)
    dzo = do * o * (1 - o)

    dz = p["Wf"].T @ dzf + p["Wi"].T @ dzi + p["Wc"].T @ dzg + p["Wo"].T @ dzo
    grads = {}
    grads["da_prev"] = dz[:n_a]
    grads["dxt"] = dz[n_a:]
    grads["dc_prev"] = dc * f
    grads["dWf"] = dzf @ z.T
    grads["dWi"] = dzi @ z.T
    grads["dWc"] = dzg @ z.T
    grads["dWo"] = dzo @ z.T
    grads["dbf"] = dzf.sum(axis=1, keepdims=True)
    grads["dbi"] = dzi.sum(axis=1, keepdims=True)
    grads["dbc"] = dzg.sum(axis=1, keepdims=True)
    grads["dbo"] = dzo.sum(axis=1, keepdims=True)
    return grads


def lstm_backward(da, caches):
    steps, x = caches
    n_a, m, T = da.shape
    dx = np.empty((x.shape[0], m, T))
    da_later = np.zeros((n_a, m))
    dc_later = np.zeros((n_a, m))
    sums = None
    for t in range(T - 1, -1, -1):
        g = lstm_cell_backward(da[:, :, t] + da_later, dc_later, steps[t])
        dx[:, :, t] = g.pop("dxt")
        da_later = g.pop("da_prev")
        dc_later = g.pop("dc_prev")
        if sums is None:
            sums = g
        else:
            sums = {k: sums[k] + g[k] for k in sums}
    return {"dx": dx, "da0": da_later, **sums}
