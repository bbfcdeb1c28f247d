import numpy as np


def softmax(x):
    out = np.empty_like(x)
    np.subtract(x, np.max(x, axis=0), out=out)
    np.exp(out, out=out)
    out /= out.sum(axis=0)
    return out


def rnn_cell_forward(xt, a_prev, parameters):
    n_a, m = a_prev.shape
    z = np.empty((n_a, m))
    np.matmul(parameters["Wax"], xt, out=z)
    z += np.matmul(parameters["Waa"], a_prev)
    z += parameters["ba"]
    np.tanh(z, out=z)
    y = np.matmul(parameters["Wya"], z)
    y += parameters["by"]
    return z, softmax(y), (z, a_prev, xt, parameters)


def rnn_cell_backward(da_next, cache):
    a_next, a_prev, xt, parameters = cache
    dz = np.square(a_next)
    np.negative(dz, out=dz)
    dz += 1
    dz *= da_next
    gradients = {}
    gradients["dxt"] = np.matmul(parameters["Wax"].T, dz)
    gradients["da_prev"] = np.matmul(parameters["Waa"].T, dz)
    gradients["dWax"] = np.matmul(dz, xt.T)
    gradients["dWaa"] = np.matmul(dz, a_prev.T)
    gradients["dba"] = np.add.reduce(dz, axis=1, keepdims=True)
    return gradients
