import numpy as np
from scipy.special import expit, softmax


def lstm_cell_forward(xt, a_prev, c_prev, parameters):
    params = {k: np.float32(v) for k, v in parameters.items()}
    xt, a_prev, c_prev = np.float32(xt), np.float32(a_prev), np.float32(c_prev)
    concat = np.concatenate([a_prev, xt])
    ft = expit(params["Wf"] @ concat + params["bf"])
    it = expit(params["Wi"] @ concat + params["bi"])
    cct = np.tanh(params["Wc"] @ concat + params["bc"])
    ot = expit(params["Wo"] @ concat + params["bo"])
    c_next = ft * c_prev + it * cct
    a_next = ot * np.tanh(c_next)
    yt_pred = softmax(params["Wy"] @ a_next + params["by"], axis=0)
    return a_next, c_next, yt_pred, (a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt, params)


def lstm_forward(x, a0, parameters):
    n_x, m, T_x = x.shape
    n_y, n_a = parameters["Wy"].shape
    a = np.zeros((n_a, m, T_x), np.float32)
    c = np.zeros((n_a, m, T_x), np.float32)
    y = np.zeros((n_y, m, T_x), np.float32)
    caches = []
    a_t, c_t = a0, np.zeros((n_a, m), np.float32)
    for t in range(T_x):
        a_t, c_t, yt, cache = lstm_cell_forward(x[:, :, t], a_t, c_t, parameters)
        a[:, :, t], c[:, :, t], y[:, :, t] = a_t, c_t, yt
        caches.append(cache)
    return a, y, c, (caches, x)
