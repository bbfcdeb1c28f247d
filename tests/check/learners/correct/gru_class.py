import numpy as np


class GRU:
    def __init__(self, Wu, bu, Wr, br, Wc, bc, Wy, by):
        self.Wu, self.bu = Wu, bu
        self.Wr, self.br = Wr, br
        self.Wc, self.bc = Wc, bc
        self.Wy, self.by = Wy, by

    @staticmethod
    def _sigmoid(z):
        return 1 / (1 + np.exp(-z))

    @staticmethod
    def _softmax(z):
        e = np.exp(z - z.max(axis=0))
        return e / e.sum(axis=0)

    def gru_cell_forward(self, xt, c_prev):
        concat = np.concatenate([c_prev, xt])
        ut = self._sigmoid(self.Wu @ concat + self.bu)
        rt = self._sigmoid(self.Wr @ concat + self.br)
        cct = np.tanh(self.Wc @ np.concatenate([rt * c_prev, xt]) + self.bc)
        c_next = ut * cct + (1 - ut) * c_prev
        yt_pred = self._softmax(self.Wy @ c_next + self.by)
        return c_next, yt_pred, (c_next, c_prev, ut, rt, cct, xt)
