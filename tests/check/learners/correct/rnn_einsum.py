import numpy as np
from numpy import einsum, tanh, exp


def softmax(z):
    e = exp(z - z.max(axis=0))
    return e / einsum("ij->j", e)


def rnn_cell_forward(xt, a_prev, parameters):
    W, U = parameters["Wax"], parameters["Waa"]
    a = tanh(einsum("ax,xm->am", W, xt) + einsum("ab,bm->am", U, a_prev) + parameters["ba"])
    y = softmax(einsum("ya,am->ym", parameters["Wya"], a) + parameters["by"])
    return a, y, (a, a_prev, xt, parameters)


def rnn_cell_backward(da_next, cache):
    a, a_prev, xt, parameters = cache
    d = einsum("am,am->am", da_next, 1 - a**2)
    grads = dict(
        dxt=einsum("ax,am->xm", parameters["Wax"], d),
        da_prev=einsum("ab,am->bm", parameters["Waa"], d),
        dWax=einsum("am,xm->ax", d, xt),
        dWaa=einsum("am,bm->ab", d, a_prev),
        dba=einsum("am->a", d)[:, None],
    )
    return grads
