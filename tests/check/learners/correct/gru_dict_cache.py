import numpy as np


def sigmoid(x):
    return np.reciprocal(1 + np.exp(-x))


def softmax(x):
    return np.exp(x) / np.exp(x).sum(axis=0, keepdims=True)


def gru_cell_forward(xt, c_prev, params):
    z = np.concatenate((c_prev, xt), axis=0)
    u = sigmoid(params["Wu"] @ z + params["bu"])
    r = sigmoid(params["Wr"] @ z + params["br"])
    zr = np.concatenate((r * c_prev, xt), axis=0)
    c_tilde = np.tanh(params["Wc"] @ zr + params["bc"])
    c_next = (1 - u) * c_prev + u * c_tilde
    yt = softmax(params["Wy"] @ c_next + params["by"])
    cache = dict(z=z, zr=zr, u=u, r=r, c_tilde=c_tilde, c_prev=c_prev, params=params)
    return c_next, yt, cache


def gru_cell_backward(dc_next, cache):
    z, zr, u, r = cache["z"], cache["zr"], cache["u"], cache["r"]
    c_tilde, c_prev, params = cache["c_tilde"], cache["c_prev"], cache["params"]
    n = c_prev.shape[0]
    dz_c = dc_next * u * (1 - c_tilde * c_tilde)
    dz_u = dc_next * (c_tilde - c_prev) * (u - u * u)
    dzr = params["Wc"].T @ dz_c
    dz_r = dzr[:n] * c_prev * (r - r * r)
    dz = params["Wu"].T @ dz_u + params["Wr"].T @ dz_r
    grads = {"dxt": dz[n:] + dzr[n:], "dc_prev": dz[:n] + dzr[:n] * r + dc_next * (1 - u)}
    for name, d, seen in (("u", dz_u, z), ("r", dz_r, z), ("c", dz_c, zr)):
        grads["dW" + name] = d @ seen.T
        grads["db" + name] = d.sum(axis=1, keepdims=True)
    return grads
