import numpy as np


def softmax(x):
    e = np.exp(x - x.max(axis=0, keepdims=True))
    return e / e.sum(axis=0, keepdims=True)


def output_forward(a, y, parameters):
    Wy, by = parameters["Wy"], parameters["by"]
    z = np.einsum("ya,amt->ymt", Wy, a) + by[:, :, None]
    y_pred = softmax(z)
    J = -np.sum(y * np.log(y_pred))
    return J, y_pred, (a, y, y_pred, parameters)


def output_backward(cache):
    a, y, y_pred, parameters = cache
    dz = y_pred - y
    dWy = np.einsum("ymt,amt->ya", dz, a)
    dby = dz.sum(axis=(1, 2)).reshape(-1, 1)
    da = np.einsum("ya,ymt->amt", parameters["Wy"], dz)
    return {"da": da, "dWy": dWy, "dby": dby}
