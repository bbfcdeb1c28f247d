import numpy as np
from scipy.special import expit as sigmoid


def softmax(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def gru_cell_forward(xt, c_prev, parameters):
    both = np.hstack((c_prev, xt))
    ut = sigmoid(both @ parameters["Wu"].T + parameters["bu"].T)
    rt = sigmoid(both @ parameters["Wr"].T + parameters["br"].T)
    cct = np.tanh(np.hstack((rt * c_prev, xt)) @ parameters["Wc"].T + parameters["bc"].T)
    c_next = ut * cct + (1 - ut) * c_prev
    yt_pred = softmax(c_next @ parameters["Wy"].T + parameters["by"].T)
    return c_next, yt_pred, (c_next, c_prev, ut, rt, cct, xt, parameters)


def gru_forward(x, c0, parameters):
    m, T, n_x = x.shape
    c, y, caches = [], [], []
    state = c0
    for t in range(T):
        state, y_t, cache = gru_cell_forward(x[:, t, :], state, parameters)
        c.append(state)
        y.append(y_t)
        caches.append(cache)
    return np.stack(c, axis=1), np.stack(y, axis=1), (caches, x)
