import numpy as np
def sigmoid(x): return 1/(1+np.exp(-x))
def softmax(x):
    e = np.exp(x - x.max(axis=0)); return e / e.sum(axis=0)
def gru_cell_forward(xt, h_prev, parameters):
    Wz, bz, Wr, br, Wh, bh = (parameters[k] for k in ("Wz","bz","Wr","br","Wh","bh"))
    concat = np.concatenate([h_prev, xt])
    z = sigmoid(Wz @ concat + bz)
    r = sigmoid(Wr @ concat + br)
    hh = np.tanh(Wh @ np.concatenate([r * h_prev, xt]) + bh)
    h = z * h_prev + (1 - z) * hh
    y = softmax(parameters["Wy"] @ h + parameters["by"])
    return h, y, (h, h_prev, z, r, hh, xt, parameters)
def gru_forward(x, h0, parameters):
    h = h0
    hs, ys, caches = [], [], []
    for t in range(x.shape[2]):
        h, y, cache = gru_cell_forward(x[:, :, t], h, parameters)
        hs.append(h); ys.append(y); caches.append(cache)
    return np.stack(hs, 2), np.stack(ys, 2), (caches, x)
def gru_cell_backward(dh, cache):
    h, h_prev, z, r, hh, xt, parameters = cache
    n = h.shape[0]
    Wz, Wr, Wh = parameters["Wz"], parameters["Wr"], parameters["Wh"]
    concat = np.concatenate([h_prev, xt])
    dhh = dh * (1 - z) * (1 - hh**2)
    dz = dh * (h_prev - hh) * z * (1 - z)
    ds = Wh[:, :n].T @ dhh
    dr = ds * h_prev * r * (1 - r)
    return {"dxt": Wz[:, n:].T @ dz + Wr[:, n:].T @ dr + Wh[:, n:].T @ dhh,
            "dh_prev": dh * z + Wz[:, :n].T @ dz + Wr[:, :n].T @ dr + ds * r,
            "dWz": dz @ concat.T, "dbz": dz.sum(1, keepdims=True), "dWr": dr @ concat.T, "dbr": dr.sum(1, keepdims=True),
            "dWh": dhh @ np.concatenate([r * h_prev, xt]).T, "dbh": dhh.sum(1, keepdims=True)}
