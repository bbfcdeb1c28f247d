# the cuDNN form: the reset gate multiplies the recurrent product, which has a bias of its own (bca)
import numpy as np
from rnn_utils import sigmoid, softmax


def gru_cell_forward(xt, c_prev, parameters):
    p = parameters
    n_a = c_prev.shape[0]
    concat = np.concatenate([c_prev, xt])
    ut = sigmoid(p["Wu"] @ concat + p["bu"])
    rt = sigmoid(p["Wr"] @ concat + p["br"])
    recurrent = p["Wc"][:, :n_a] @ c_prev + p["bca"]
    cct = np.tanh(rt * recurrent + p["Wc"][:, n_a:] @ xt + p["bc"])
    c_next = ut * cct + (1 - ut) * c_prev
    yt_pred = softmax(p["Wy"] @ c_next + p["by"])
    return c_next, yt_pred, (c_next, c_prev, ut, rt, cct, xt, parameters)
