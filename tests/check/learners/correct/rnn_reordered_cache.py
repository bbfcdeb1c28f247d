import numpy as np
from rnn_utils import softmax


def rnn_cell_forward(xt, a_prev, parameters):
    Wax, Waa, Wya, ba, by = [parameters[k] for k in ("Wax", "Waa", "Wya", "ba", "by")]
    a_next = np.tanh(Wax.dot(xt) + Waa.dot(a_prev) + ba)
    yt_pred = softmax(Wya.dot(a_next) + by)
    cache = (parameters, xt, a_prev, a_next)
    return a_next, yt_pred, cache


def rnn_cell_backward(da_next, cache):
    parameters, xt, a_prev, a_next = cache
    Wax, Waa = parameters["Wax"], parameters["Waa"]
    dtanh = (1 - a_next**2) * da_next
    dba = dtanh.sum(1, keepdims=True)
    return dict(dxt=Wax.T.dot(dtanh), da_prev=Waa.T.dot(dtanh), dWax=dtanh.dot(xt.T), dWaa=dtanh.dot(a_prev.T), dba=dba)
