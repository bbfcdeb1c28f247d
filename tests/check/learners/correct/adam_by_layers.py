import numpy as np


def initialize_adam(parameters):
    L = len(parameters) // 2
    v = {}
    s = {}
    for l in range(1, L + 1):
        v["dW" + str(l)] = np.zeros(parameters["W" + str(l)].shape)
        v["db" + str(l)] = np.zeros(parameters["b" + str(l)].shape)
        s["dW" + str(l)] = np.zeros(parameters["W" + str(l)].shape)
        s["db" + str(l)] = np.zeros(parameters["b" + str(l)].shape)
    return v, s


def update_parameters_with_adam(parameters, grads, v, s, t, learning_rate=0.01, beta1=0.9, beta2=0.999, epsilon=1e-8):
    L = len(parameters) // 2
    parameters = dict(parameters)
    v = dict(v)
    s = dict(s)
    v_corrected = {}
    s_corrected = {}
    for l in range(1, L + 1):
        W, b, dW, db = "W" + str(l), "b" + str(l), "dW" + str(l), "db" + str(l)

        v[dW] = beta1 * v[dW] + (1 - beta1) * grads[dW]
        v[db] = beta1 * v[db] + (1 - beta1) * grads[db]

        v_corrected[dW] = v[dW] / (1 - beta1 ** t)
        v_corrected[db] = v[db] / (1 - np.power(beta1, t))

        s[dW] = beta2 * s[dW] + (1 - beta2) * grads[dW] ** 2
        s[db] = beta2 * s[db] + (1 - beta2) * np.square(grads[db])

        s_corrected[dW] = s[dW] / (1 - beta2 ** t)
        s_corrected[db] = s[db] / (1 - np.power(beta2, t))

        parameters[W] = parameters[W] - learning_rate * v_corrected[dW] / np.sqrt(s_corrected[dW] + epsilon)
        parameters[b] = parameters[b] - learning_rate * v_corrected[db] / np.sqrt(s_corrected[db] + epsilon)

    return parameters, v, s
