# parameters hold split weights: Wfa acts on a_prev, Wfx on xt, and so on
import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x):
    e_x = np.exp(x - np.max(x, axis=0))
    return e_x / e_x.sum(axis=0)


def lstm_cell_forward(xt, a_prev, c_prev, parameters):
    p = parameters
    ft = sigmoid(p["Wfa"] @ a_prev + p["Wfx"] @ xt + p["bf"])
    it = sigmoid(p["Wia"] @ a_prev + p["Wix"] @ xt + p["bi"])
    cct = np.tanh(p["Wca"] @ a_prev + p["Wcx"] @ xt + p["bc"])
    ot = sigmoid(p["Woa"] @ a_prev + p["Wox"] @ xt + p["bo"])
    c_next = ft * c_prev + it * cct
    a_next = ot * np.tanh(c_next)
    yt_pred = softmax(p["Wy"] @ a_next + p["by"])
    return a_next, c_next, yt_pred, (a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt, parameters)
