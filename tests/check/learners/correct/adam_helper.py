from typing import Dict
import numpy as np

Params = Dict[str, np.ndarray]


def moving_average(old, new, beta):
    return beta * old + (1 - beta) * new


def initialize_adam(parameters: Params):
    """zeros like every parameter, twice"""
    zeros = lambda: {f"d{k}": np.zeros(p.shape) for k, p in parameters.items()}
    return zeros(), zeros()


def update_parameters_with_adam(parameters: Params, grads: Params, v: Params, s: Params, t: int,
                                learning_rate: float = 0.01, beta1: float = 0.9, beta2: float = 0.999,
                                epsilon: float = 1e-8):
    v = {k: moving_average(v[k], grads[k], beta1) for k in v}
    s = {k: moving_average(s[k], np.square(grads[k]), beta2) for k in s}
    lr = learning_rate / (1 - beta1**t)
    parameters = {
        k: p - lr * v["d" + k] / np.sqrt(s["d" + k] / (1 - beta2**t) + epsilon) for k, p in parameters.items()
    }
    return parameters, v, s
