import numpy as np
def softmax(x):
    e = np.exp(x - x.max(axis=0)); return e / e.sum(axis=0)
def rnn_step(x, h, W):
    h2 = np.tanh(W["Wxh"] @ x + W["Whh"] @ h + W["bh"])
    return h2, softmax(W["Why"] @ h2 + W["by"]), (x, h, h2)
def rnn(xs, h0, W):
    T = xs.shape[0]
    hs = {}; ys = {}; caches = []
    h = h0
    H = []; Y = []
    for t in range(T):
        h, y, c = rnn_step(xs[t], h, W)
        H.append(h); Y.append(y); caches.append(c)
    return np.array(H), np.array(Y), caches
def rnn_backward(dH, caches, W):
    dWxh, dWhh, dbh = np.zeros_like(W["Wxh"]), np.zeros_like(W["Whh"]), np.zeros_like(W["bh"])
    dxs = np.zeros((dH.shape[0],) + caches[0][0].shape)
    dnext = np.zeros_like(dH[0])
    for t in reversed(range(dH.shape[0])):
        x, h, h2 = caches[t]
        draw = (dH[t] + dnext) * (1 - h2 * h2)
        dWxh += draw @ x.T; dWhh += draw @ h.T; dbh += draw.sum(1, keepdims=True)
        dxs[t] = W["Wxh"].T @ draw
        dnext = W["Whh"].T @ draw
    return {"dx": dxs, "dh0": dnext, "dWxh": dWxh, "dWhh": dWhh, "dbh": dbh}
