import numpy as np
import scipy.special


def sigmoid(x):
    return scipy.special.expit(x)


def softmax(x):
    return scipy.special.softmax(x, axis=0)
