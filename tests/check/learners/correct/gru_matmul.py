import numpy as np


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def softmax(z):
    e = np.exp(z - z.max(axis=0))
    return e / e.sum(axis=0)


def gru_cell_forward(xt, c_prev, parameters):
    p = parameters
    n = c_prev.shape[0]
    u = sigmoid(p["Wu"][:, :n] @ c_prev + p["Wu"][:, n:] @ xt + p["bu"])
    r = sigmoid(p["Wr"][:, :n] @ c_prev + p["Wr"][:, n:] @ xt + p["br"])
    candidate = np.tanh(p["Wc"][:, :n] @ (r * c_prev) + p["Wc"][:, n:] @ xt + p["bc"])
    c_next = c_prev + u * (candidate - c_prev)
    return c_next, softmax(p["Wy"] @ c_next + p["by"]), (c_next, c_prev, u, r, candidate, xt, parameters)


def gru_cell_backward(dc_next, cache):
    c_next, c_prev, u, r, candidate, xt, p = cache
    n = c_prev.shape[0]

    # c_next = (1 - u) * c_prev + u * candidate
    dcandidate = dc_next * u
    du = dc_next * (candidate - c_prev)
    dc_prev = dc_next * (1 - u)

    dz_c = dcandidate * (1 - candidate**2)
    dreset = p["Wc"][:, :n].T @ dz_c
    dr = dreset * c_prev
    dc_prev = dc_prev + dreset * r

    dz_u = du * u * (1 - u)
    dz_r = dr * r * (1 - r)
    dc_prev = dc_prev + p["Wu"][:, :n].T @ dz_u + p["Wr"][:, :n].T @ dz_r
    dxt = p["Wu"][:, n:].T @ dz_u + p["Wr"][:, n:].T @ dz_r + p["Wc"][:, n:].T @ dz_c

    return {
        "dxt": dxt,
        "dc_prev": dc_prev,
        "dWu": np.hstack([dz_u @ c_prev.T, dz_u @ xt.T]),
        "dWr": np.hstack([dz_r @ c_prev.T, dz_r @ xt.T]),
        "dWc": np.hstack([dz_c @ (r * c_prev).T, dz_c @ xt.T]),
        "dbu": dz_u.sum(axis=1, keepdims=True),
        "dbr": dz_r.sum(axis=1, keepdims=True),
        "dbc": dz_c.sum(axis=1, keepdims=True),
    }


def gru_forward(x, c0, parameters):
    C, Y, caches = [], [], []
    c = c0
    for t in range(x.shape[2]):
        c, y, cache = gru_cell_forward(x[:, :, t], c, parameters)
        C.append(c)
        Y.append(y)
        caches.append(cache)
    return np.stack(C, axis=2), np.stack(Y, axis=2), (caches, x)


def gru_backward(dc, caches):
    steps, x = caches
    dx = []
    carried = np.zeros_like(dc[:, :, 0])
    sums = {}
    for t in range(dc.shape[2] - 1, -1, -1):
        g = gru_cell_backward(dc[:, :, t] + carried, steps[t])
        dx.insert(0, g.pop("dxt"))
        carried = g.pop("dc_prev")
        for name, value in g.items():
            sums[name] = sums.get(name, 0) + value
    return {"dx": np.stack(dx, axis=2), "dc0": carried, **sums}
