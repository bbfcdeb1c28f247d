import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x):
    e = np.exp(x - x.max(axis=0))
    return e / e.sum(axis=0)


def GRU_cell_forward(x, h_prev, params):
    hx = np.concatenate((h_prev, x))
    update = sigmoid(params["W_u"] @ hx + params["b_u"])
    reset = sigmoid(params["W_r"] @ hx + params["b_r"])
    h_tilde = np.tanh(params["W_c"] @ np.concatenate((reset * h_prev, x)) + params["b_c"])
    h = update * h_tilde + (1 - update) * h_prev
    y = softmax(params["W_y"] @ h + params["b_y"])
    return h, y, (h, h_prev, update, reset, h_tilde, x, params)
