import numpy as np

ACTIVATION = {"f": "sigmoid", "i": "sigmoid", "c": "tanh", "o": "sigmoid"}


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x):
    e = np.exp(x - np.max(x, axis=0))
    return e / e.sum(axis=0)


def activate(kind, z):
    return sigmoid(z) if kind == "sigmoid" else np.tanh(z)


def derivative(kind, value):
    return value * (1 - value) if kind == "sigmoid" else 1 - value**2


def lstm_cell_forward(xt, a_prev, c_prev, parameters):
    concat = np.concatenate((a_prev, xt), axis=0)
    gate = {g: activate(kind, parameters["W" + g] @ concat + parameters["b" + g]) for g, kind in ACTIVATION.items()}
    c_next = gate["f"] * c_prev + gate["i"] * gate["c"]
    a_next = gate["o"] * np.tanh(c_next)
    yt_pred = softmax(parameters["Wy"] @ a_next + parameters["by"])
    cache = (a_next, c_next, a_prev, c_prev, gate["f"], gate["i"], gate["c"], gate["o"], xt, parameters)
    return a_next, c_next, yt_pred, cache


def lstm_cell_backward(da_next, dc_next, cache):
    a_next, c_next, a_prev, c_prev, f, i, c, o, xt, parameters = cache
    values = {"f": f, "i": i, "c": c, "o": o}
    dc = dc_next + derivative("tanh", np.tanh(c_next)) * o * da_next
    upstream = {"f": dc * c_prev, "i": dc * c, "c": dc * i, "o": da_next * np.tanh(c_next)}
    concat = np.concatenate((a_prev, xt), axis=0)
    out = {"dc_prev": dc * f}
    dconcat = np.zeros(concat.shape)
    for g in "fico":
        dz = upstream[g] * derivative(ACTIVATION[g], values[g])
        out[f"dW{g}"] = dz @ concat.T
        out[f"db{g}"] = dz.sum(axis=1, keepdims=True)
        dconcat += parameters[f"W{g}"].T @ dz
    out["da_prev"] = dconcat[: a_prev.shape[0], :]
    out["dxt"] = dconcat[a_prev.shape[0] :, :]
    return out
