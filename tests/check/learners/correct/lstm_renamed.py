import numpy as np


def sig(x):
    return 1 / (1 + np.exp(-x))


def smax(x):
    e = np.exp(x - np.max(x, axis=0))
    return e / e.sum(axis=0)


def LSTM_cell_forward(x, h_prev, c_prev, params):
    z = np.vstack((h_prev, x))
    f = sig(params["w_f"] @ z + params["b_f"])
    i = sig(params["w_i"] @ z + params["b_i"])
    g = np.tanh(params["w_c"] @ z + params["b_c"])
    o = sig(params["w_o"] @ z + params["b_o"])
    c = f * c_prev + i * g
    h = o * np.tanh(c)
    y = smax(params["w_y"] @ h + params["b_y"])
    return h, c, y, (h, c, h_prev, c_prev, f, i, g, o, x, params)


def LSTM_forward(x, h0, params):
    h, c = h0, np.zeros_like(h0)
    H, Y, C, caches = [], [], [], []
    for t in range(x.shape[2]):
        h, c, y, cache = LSTM_cell_forward(x[:, :, t], h, c, params)
        H.append(h)
        C.append(c)
        Y.append(y)
        caches.append(cache)
    return np.stack(H, axis=2), np.stack(Y, axis=2), np.stack(C, axis=2), (caches, x)


def LSTM_cell_backward(dh, dc, cache):
    h, c, h_prev, c_prev, f, i, g, o, x, params = cache
    z = np.vstack((h_prev, x))
    dc = dc + dh * o * (1 - np.tanh(c) ** 2)
    do = dh * np.tanh(c) * o * (1 - o)
    df = dc * c_prev * f * (1 - f)
    di = dc * g * i * (1 - i)
    dg = dc * i * (1 - g**2)
    dz = params["w_f"].T @ df + params["w_i"].T @ di + params["w_c"].T @ dg + params["w_o"].T @ do
    n = h.shape[0]
    return {
        "dx": dz[n:], "dh_prev": dz[:n], "dc_prev": dc * f,
        "dw_f": df @ z.T, "dw_i": di @ z.T, "dw_c": dg @ z.T, "dw_o": do @ z.T,
        "db_f": df.sum(1, keepdims=True), "db_i": di.sum(1, keepdims=True),
        "db_c": dg.sum(1, keepdims=True), "db_o": do.sum(1, keepdims=True),
    }
