import numpy as np
class RNN:
    def __init__(self, n_x, n_a, n_y):
        self.Wax = np.random.randn(n_a, n_x); self.Waa = np.random.randn(n_a, n_a); self.Wya = np.random.randn(n_y, n_a)
        self.ba = np.zeros((n_a, 1)); self.by = np.zeros((n_y, 1))
    def softmax(self, z):
        e = np.exp(z - z.max(axis=0)); return e / e.sum(axis=0)
    def cell_forward(self, xt, a_prev):
        a_next = np.tanh(self.Wax @ xt + self.Waa @ a_prev + self.ba)
        yt = self.softmax(self.Wya @ a_next + self.by)
        self.cache = (xt, a_prev, a_next)
        return a_next, yt
    def cell_backward(self, da_next):
        xt, a_prev, a_next = self.cache
        dz = da_next * (1 - a_next**2)
        return {"dxt": self.Wax.T @ dz, "da_prev": self.Waa.T @ dz, "dWax": dz @ xt.T, "dWaa": dz @ a_prev.T, "dba": dz.sum(1, keepdims=True)}
    def forward(self, x, a0):
        self.x, self.a0 = x, a0
        n_x, m, T = x.shape
        self.a = np.zeros((self.Waa.shape[0], m, T)); y = np.zeros((self.Wya.shape[0], m, T))
        a = a0
        for t in range(T):
            a, y[:, :, t] = self.cell_forward(x[:, :, t], a)
            self.a[:, :, t] = a
        return self.a, y
    def backward(self, da):
        n_a, m, T = da.shape
        dx = np.zeros((self.x.shape[0], m, T)); dWax = np.zeros_like(self.Wax); dWaa = np.zeros_like(self.Waa); dba = np.zeros_like(self.ba)
        carry = np.zeros((n_a, m))
        for t in range(T - 1, -1, -1):
            prev = self.a0 if t == 0 else self.a[:, :, t - 1]
            self.cache = (self.x[:, :, t], prev, self.a[:, :, t])
            g = self.cell_backward(da[:, :, t] + carry)
            dx[:, :, t] = g["dxt"]; carry = g["da_prev"]
            dWax += g["dWax"]; dWaa += g["dWaa"]; dba += g["dba"]
        return {"dx": dx, "da0": carry, "dWax": dWax, "dWaa": dWaa, "dba": dba}
