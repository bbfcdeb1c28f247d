# 循环神经网络：单步与整个序列
import numpy as np


def softmax(x):
    指数 = np.exp(x - np.max(x, axis=0))
    return 指数 / 指数.sum(axis=0)


def rnn_cell_forward(xt, a_prev, parameters):
    """单步前向传播"""
    Wax, Waa, Wya = parameters["Wax"], parameters["Waa"], parameters["Wya"]
    ba, by = parameters["ba"], parameters["by"]
    隐藏状态 = np.tanh(Wax @ xt + Waa @ a_prev + ba)  # 新的隐藏状态
    预测 = softmax(Wya @ 隐藏状态 + by)
    缓存 = (隐藏状态, a_prev, xt, parameters)
    return 隐藏状态, 预测, 缓存


def rnn_cell_backward(da_next, cache):
    """单步反向传播"""
    (隐藏状态, 上一状态, 输入, parameters) = cache
    梯度 = (1 - 隐藏状态**2) * da_next  # tanh 的导数
    return {
        "dxt": parameters["Wax"].T @ 梯度,
        "da_prev": parameters["Waa"].T @ 梯度,
        "dWax": 梯度 @ 输入.T,
        "dWaa": 梯度 @ 上一状态.T,
        "dba": np.sum(梯度, axis=1, keepdims=True),
    }
