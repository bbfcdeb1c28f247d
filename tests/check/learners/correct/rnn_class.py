import numpy as np


class RNN:
    """A vanilla RNN that owns its parameters."""

    def __init__(self, n_x, n_a, n_y, scale=0.01):
        self.Wax = np.random.randn(n_a, n_x) * scale
        self.Waa = np.random.randn(n_a, n_a) * scale
        self.Wya = np.random.randn(n_y, n_a) * scale
        self.ba = np.zeros((n_a, 1))
        self.by = np.zeros((n_y, 1))

    @staticmethod
    def softmax(z):
        e = np.exp(z - np.max(z, axis=0, keepdims=True))
        return e / e.sum(axis=0, keepdims=True)

    def rnn_cell_forward(self, xt, a_prev):
        a_next = np.tanh(self.Wax @ xt + self.Waa @ a_prev + self.ba)
        yt_pred = self.softmax(self.Wya @ a_next + self.by)
        return a_next, yt_pred, (a_next, a_prev, xt)

    def rnn_cell_backward(self, da_next, cache):
        a_next, a_prev, xt = cache
        dz = (1 - a_next**2) * da_next
        dxt = self.Wax.T @ dz
        da_prev = self.Waa.T @ dz
        dWax = dz @ xt.T
        dWaa = dz @ a_prev.T
        dba = np.sum(dz, axis=1, keepdims=True)
        return {"dxt": dxt, "da_prev": da_prev, "dWax": dWax, "dWaa": dWaa, "dba": dba}
