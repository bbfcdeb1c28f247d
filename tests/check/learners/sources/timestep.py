import numpy as np


def softmax(z):
    exps = np.exp(z - np.max(z, axis=0))
    return exps / np.sum(exps, axis=0)


def rnn_cell_forward(timestep_t, a_prev, parameters):
    """one cell: input of timestep t and the activation before it -> activation, prediction, cache"""
    weights_x, weights_a, weights_y = parameters["Wax"], parameters["Waa"], parameters["Wya"]
    bias_a, bias_y = parameters["ba"], parameters["by"]
    activation = np.tanh(np.dot(weights_x, timestep_t) + np.dot(weights_a, a_prev) + bias_a)
    prediction = softmax(np.dot(weights_y, activation) + bias_y)
    return activation, prediction, (activation, a_prev, timestep_t, parameters)


def rnn_forward(x, act0, parameters):
    caches = []
    n_x, m, timesteps = x.shape
    n_y, n_a = parameters["Wya"].shape
    activations = np.zeros((n_a, m, timesteps))
    y_pred = np.zeros((n_y, m, timesteps))
    act = act0
    for t in range(timesteps):
        act, y_pred[:, :, t], cache = rnn_cell_forward(x[:, :, t], act, parameters)
        activations[:, :, t] = act
        caches.append(cache)
    return activations, y_pred, (caches, x)


def rnn_cell_backward(da_next, cache):
    a_next, a_prev, timestep_t, parameters = cache
    dtanh = da_next * (1 - np.square(a_next))
    gradients = {
        "dxt": np.dot(parameters["Wax"].T, dtanh),
        "da_prev": np.dot(parameters["Waa"].T, dtanh),
        "dWax": np.dot(dtanh, timestep_t.T),
        "dWaa": np.dot(dtanh, a_prev.T),
        "dba": np.sum(dtanh, axis=1, keepdims=True),
    }
    return gradients


def rnn_backward(da, caches):
    caches, x = caches
    n_a, m, timesteps = da.shape
    dx = np.zeros((x.shape[0], m, timesteps))
    dWax, dWaa, dba = np.zeros((n_a, x.shape[0])), np.zeros((n_a, n_a)), np.zeros((n_a, 1))
    da_prevt = np.zeros((n_a, m))
    for t in reversed(range(timesteps)):
        gradients = rnn_cell_backward(da[:, :, t] + da_prevt, caches[t])
        da_prevt = gradients["da_prev"]
        dx[:, :, t] = gradients["dxt"]
        dWax += gradients["dWax"]
        dWaa += gradients["dWaa"]
        dba += gradients["dba"]
    return {"dx": dx, "da0": da_prevt, "dWax": dWax, "dWaa": dWaa, "dba": dba}
