import numpy as np
def sigmoid(x): return 1/(1+np.exp(-x))
def softmax(x):
    e = np.exp(x - x.max(axis=0)); return e / e.sum(axis=0)
def lstm_cell(x, h_prev, c_prev, p):
    f = sigmoid(p['W_f'] @ x + p['U_f'] @ h_prev + p['b_f'])
    i = sigmoid(p['W_i'] @ x + p['U_i'] @ h_prev + p['b_i'])
    g = np.tanh(p['W_c'] @ x + p['U_c'] @ h_prev + p['b_c'])
    o = sigmoid(p['W_o'] @ x + p['U_o'] @ h_prev + p['b_o'])
    c = f * c_prev + i * g
    h = o * np.tanh(c)
    y = softmax(p['W_y'] @ h + p['b_y'])
    return h, c, y, {'f': f, 'i': i, 'g': g, 'o': o, 'c': c, 'x': x, 'h_prev': h_prev, 'c_prev': c_prev, 'h': h}
def lstm_cell_backward(dh, dc, cache, p):
    f, i, g, o = cache['f'], cache['i'], cache['g'], cache['o']
    c, x, h_prev, c_prev = cache['c'], cache['x'], cache['h_prev'], cache['c_prev']
    tc = np.tanh(c)
    dc = dc + dh * o * (1 - tc**2)
    z = {'f': dc * c_prev * f * (1-f), 'i': dc * g * i * (1-i), 'c': dc * i * (1-g**2), 'o': dh * tc * o * (1-o)}
    grads = {}
    for k, d in z.items():
        grads['dW_' + k] = d @ x.T
        grads['dU_' + k] = d @ h_prev.T
        grads['db_' + k] = d.sum(axis=1, keepdims=True)
    dx = sum(p['W_' + k].T @ z[k] for k in z)
    dh_prev = sum(p['U_' + k].T @ z[k] for k in z)
    return dx, dh_prev, dc * f, grads
def lstm_forward(xs, h0, p):
    h, c = h0, np.zeros_like(h0)
    hs, cs, ys, caches = [], [], [], []
    for x in xs:
        h, c, y, cache = lstm_cell(x, h, c, p)
        hs.append(h); cs.append(c); ys.append(y); caches.append(cache)
    return hs, ys, cs, caches
def lstm_backward(dhs, caches, p):
    dh, dc = np.zeros_like(dhs[0]), np.zeros_like(dhs[0])
    dxs = [None] * len(dhs)
    total = {}
    for t in reversed(range(len(dhs))):
        dxs[t], dh, dc, grads = lstm_cell_backward(dhs[t] + dh, dc, caches[t], p)
        for k in grads:
            total[k] = total.get(k, 0) + grads[k]
    return dxs, dh, total
