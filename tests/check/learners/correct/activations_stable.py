import numpy as np


def sigmoid(x):
    """no overflow on either side"""
    return np.where(x >= 0, 1 / (1 + np.exp(-np.abs(x))), np.exp(-np.abs(x)) / (1 + np.exp(-np.abs(x))))


def softmax(x):
    """through the logarithm"""
    top = np.max(x, axis=0, keepdims=True)
    log_sum = top + np.log(np.sum(np.exp(x - top), axis=0, keepdims=True))
    return np.exp(x - log_sum)
