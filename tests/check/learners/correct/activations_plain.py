from math import e
import numpy as np


def sigmoid(x):
    """Compute the sigmoid of x."""
    s = 1 / (1 + e ** (-x))
    return s


def softmax(x):
    e_x = np.exp(x - np.max(x))
    return e_x / e_x.sum(axis=0)
