import numpy as np


def softmax(x):
    e_x = np.exp(x - np.max(x, axis=0))
    return e_x / e_x.sum(axis=0)


def rnn_cell_forward(xt, a_prev, Wax, Waa, Wya, ba, by):
    a_next = np.tanh(Wax @ xt + Waa @ a_prev + ba)
    yt_pred = softmax(Wya @ a_next + by)
    return a_next, yt_pred


def rnn_forward(x, a0, Wax, Waa, Wya, ba, by):
    a = np.zeros(a0.shape + (x.shape[2],))
    y = np.zeros((Wya.shape[0], x.shape[1], x.shape[2]))
    a_t = a0
    for t in range(x.shape[2]):
        a_t, y[:, :, t] = rnn_cell_forward(x[:, :, t], a_t, Wax, Waa, Wya, ba, by)
        a[:, :, t] = a_t
    return a, y


def rnn_cell_backward(da_next, a_next, a_prev, xt, Wax, Waa):
    dz = da_next * (1 - a_next**2)
    dxt = Wax.T @ dz
    da_prev = Waa.T @ dz
    dWax = dz @ xt.T
    dWaa = dz @ a_prev.T
    dba = np.sum(dz, axis=1, keepdims=True)
    return dxt, da_prev, dWax, dWaa, dba
