import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x):
    e_x = np.exp(x - np.max(x, axis=0))
    return e_x / e_x.sum(axis=0)


def lstm_cell_forward(xt, a_prev, c_prev, parameters):
    """LSTM 单步前向传播"""
    拼接 = np.concatenate((a_prev, xt), axis=0)
    遗忘门 = sigmoid(parameters["Wf"] @ 拼接 + parameters["bf"])
    更新门 = sigmoid(parameters["Wi"] @ 拼接 + parameters["bi"])
    候选值 = np.tanh(parameters["Wc"] @ 拼接 + parameters["bc"])
    c_next = 遗忘门 * c_prev + 更新门 * 候选值
    输出门 = sigmoid(parameters["Wo"] @ 拼接 + parameters["bo"])
    a_next = 输出门 * np.tanh(c_next)
    预测 = softmax(parameters["Wy"] @ a_next + parameters["by"])
    cache = (a_next, c_next, a_prev, c_prev, 遗忘门, 更新门, 候选值, 输出门, xt, parameters)
    return a_next, c_next, 预测, cache


def lstm_forward(x, a0, parameters):
    """整个序列"""
    n_x, m, 步数 = x.shape
    n_y, n_a = parameters["Wy"].shape
    a = np.zeros((n_a, m, 步数))
    c = np.zeros((n_a, m, 步数))
    y = np.zeros((n_y, m, 步数))
    caches = []
    a_next = a0
    c_next = np.zeros(a_next.shape)
    for t in range(步数):
        a_next, c_next, yt, cache = lstm_cell_forward(x[:, :, t], a_next, c_next, parameters)
        a[:, :, t] = a_next
        c[:, :, t] = c_next
        y[:, :, t] = yt
        caches.append(cache)
    return a, y, c, (caches, x)
