import numpy as np


def softmax(u):
    e = np.exp(u - u.max(0))
    return e / e.sum(0)


class VanillaRNN(object):
    def __init__(self, Wax, Waa, Wya, ba, by):
        self.Wax, self.Waa, self.Wya, self.ba, self.by = Wax, Waa, Wya, ba, by

    def cell_forward(self, xt, a_prev):
        a_next = np.tanh(np.dot(self.Wax, xt) + np.dot(self.Waa, a_prev) + self.ba)
        yt_pred = softmax(np.dot(self.Wya, a_next) + self.by)
        cache = (a_next, a_prev, xt)
        return a_next, yt_pred, cache

    def forward(self, x, a0):
        T = x.shape[2]
        a = np.zeros((self.Waa.shape[0], x.shape[1], T))
        y_pred = np.zeros((self.Wya.shape[0], x.shape[1], T))
        caches = []
        a_next = a0
        for t in range(T):
            a_next, yt_pred, cache = self.cell_forward(x[:, :, t], a_next)
            a[:, :, t] = a_next
            y_pred[:, :, t] = yt_pred
            caches.append(cache)
        return a, y_pred, (caches, x)
