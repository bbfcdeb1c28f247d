import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x):
    e = np.exp(x - x.max(0))
    return e / e.sum(0)


def lstm_cell_forward(xt, a_prev, c_prev, parameters):
    concat = np.concatenate([a_prev, xt], axis=0)

    def affine(gate):
        return np.einsum("ij,jm->im", parameters["W" + gate], concat) + parameters["b" + gate]

    ft, it, ot = sigmoid(affine("f")), sigmoid(affine("i")), sigmoid(affine("o"))
    cct = np.tanh(affine("c"))
    c_next = ft * c_prev + it * cct
    a_next = ot * np.tanh(c_next)
    yt_pred = softmax(np.einsum("ya,am->ym", parameters["Wy"], a_next) + parameters["by"])
    return a_next, c_next, yt_pred, (a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt, parameters)


def lstm_cell_backward(da_next, dc_next, cache):
    a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt, parameters = cache
    n_a = a_next.shape[0]
    concat = np.concatenate([a_prev, xt], axis=0)
    dc = dc_next + da_next * ot * (1 - np.tanh(c_next) ** 2)
    dgate = {
        "f": dc * c_prev * ft * (1 - ft),
        "i": dc * cct * it * (1 - it),
        "c": dc * it * (1 - cct**2),
        "o": da_next * np.tanh(c_next) * ot * (1 - ot),
    }
    dconcat = 0
    gradients = {"dc_prev": dc * ft}
    for gate, d in dgate.items():
        gradients["dW" + gate] = np.einsum("im,jm->ij", d, concat)
        gradients["db" + gate] = np.einsum("im->i", d).reshape(-1, 1)
        dconcat = dconcat + np.einsum("ij,im->jm", parameters["W" + gate], d)
    gradients["da_prev"], gradients["dxt"] = dconcat[:n_a], dconcat[n_a:]
    return gradients
