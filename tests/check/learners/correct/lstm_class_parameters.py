import numpy as np
from rnn_utils import sigmoid, softmax


class LstmNetwork:
    def __init__(self, parameters):
        self.parameters = parameters

    def step_forward(self, xt, a_prev, c_prev):
        p = self.parameters
        concat = np.concatenate([a_prev, xt])
        ft = sigmoid(p["Wf"] @ concat + p["bf"])
        it = sigmoid(p["Wi"] @ concat + p["bi"])
        cct = np.tanh(p["Wc"] @ concat + p["bc"])
        ot = sigmoid(p["Wo"] @ concat + p["bo"])
        c_next = ft * c_prev + it * cct
        a_next = ot * np.tanh(c_next)
        return a_next, c_next, softmax(p["Wy"] @ a_next + p["by"]), (a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt)

    def forward(self, x, a0):
        a, y, c, caches = [], [], [], []
        a_t, c_t = a0, np.zeros_like(a0)
        for t in range(x.shape[2]):
            a_t, c_t, y_t, cache = self.step_forward(x[:, :, t], a_t, c_t)
            a.append(a_t)
            c.append(c_t)
            y.append(y_t)
            caches.append(cache)
        return np.stack(a, 2), np.stack(y, 2), np.stack(c, 2), (caches, x)
