import numpy as np


def initialize_adam(parameters):
    v = {"d" + k: np.zeros_like(p) for k, p in parameters.items()}
    s = {"d" + k: np.zeros_like(p) for k, p in parameters.items()}
    return v, s


def update_parameters_with_adam(parameters, grads, v, s, t, learning_rate=0.01, beta1=0.9, beta2=0.999, epsilon=1e-8):
    new_parameters, new_v, new_s = {}, {}, {}
    for key, value in parameters.items():
        g = grads["d" + key]
        new_v["d" + key] = v["d" + key] + (1 - beta1) * (g - v["d" + key])
        new_s["d" + key] = s["d" + key] + (1 - beta2) * (g * g - s["d" + key])
        v_hat = new_v["d" + key] / (1 - beta1**t)
        s_hat = new_s["d" + key] / (1 - beta2**t)
        new_parameters[key] = value - learning_rate * v_hat / np.sqrt(s_hat + epsilon)
    return new_parameters, new_v, new_s
