import numpy as np


class LSTM:
    def __init__(self, n_x, n_a, n_y):
        rng = np.random.RandomState(0)
        self.Wf = rng.randn(n_a, n_a + n_x) * 0.01
        self.Wi = rng.randn(n_a, n_a + n_x) * 0.01
        self.Wc = rng.randn(n_a, n_a + n_x) * 0.01
        self.Wo = rng.randn(n_a, n_a + n_x) * 0.01
        self.Wy = rng.randn(n_y, n_a) * 0.01
        self.bf, self.bi, self.bc, self.bo = (np.zeros((n_a, 1)) for _ in range(4))
        self.by = np.zeros((n_y, 1))

    def sigmoid(self, x):
        return 1 / (1 + np.exp(-x))

    def softmax(self, x):
        e_x = np.exp(x - np.max(x, axis=0))
        return e_x / e_x.sum(axis=0)

    def lstm_cell_forward(self, xt, a_prev, c_prev):
        concat = np.vstack((a_prev, xt))
        ft = self.sigmoid(np.dot(self.Wf, concat) + self.bf)
        it = self.sigmoid(np.dot(self.Wi, concat) + self.bi)
        cct = np.tanh(np.dot(self.Wc, concat) + self.bc)
        c_next = ft * c_prev + it * cct
        ot = self.sigmoid(np.dot(self.Wo, concat) + self.bo)
        a_next = ot * np.tanh(c_next)
        yt_pred = self.softmax(np.dot(self.Wy, a_next) + self.by)
        cache = (a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt)
        return a_next, c_next, yt_pred, cache

    def lstm_cell_backward(self, da_next, dc_next, cache):
        a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt = cache
        n_a = a_next.shape[0]
        concat = np.vstack((a_prev, xt))
        dot = da_next * np.tanh(c_next) * ot * (1 - ot)
        dc = dc_next + da_next * ot * (1 - np.tanh(c_next) ** 2)
        dcct = dc * it * (1 - cct**2)
        dit = dc * cct * it * (1 - it)
        dft = dc * c_prev * ft * (1 - ft)
        dcon = self.Wf.T @ dft + self.Wi.T @ dit + self.Wc.T @ dcct + self.Wo.T @ dot
        return {
            "dxt": dcon[n_a:, :], "da_prev": dcon[:n_a, :], "dc_prev": dc * ft,
            "dWf": dft @ concat.T, "dbf": dft.sum(axis=1, keepdims=True),
            "dWi": dit @ concat.T, "dbi": dit.sum(axis=1, keepdims=True),
            "dWc": dcct @ concat.T, "dbc": dcct.sum(axis=1, keepdims=True),
            "dWo": dot @ concat.T, "dbo": dot.sum(axis=1, keepdims=True),
        }
