# names from the d2l / Karpathy world: h for hidden, W_xh W_hh W_hy b_h b_y
import numpy as np


def softmax(logits):
    shifted = logits - np.max(logits, axis=0, keepdims=True)
    exps = np.exp(shifted)
    return exps / np.sum(exps, axis=0, keepdims=True)


def rnn_step_forward(x, prev_h, params):
    W_xh, W_hh, W_hy = params["W_xh"], params["W_hh"], params["W_hy"]
    b_h, b_y = params["b_h"], params["b_y"]
    next_h = np.tanh(W_xh @ x + W_hh @ prev_h + b_h)
    probs = softmax(W_hy @ next_h + b_y)
    return next_h, probs, (next_h, prev_h, x, params)


def rnn_step_backward(dnext_h, cache):
    next_h, prev_h, x, params = cache
    dscores = dnext_h * (1 - next_h * next_h)
    dx = params["W_xh"].T @ dscores
    dprev_h = params["W_hh"].T @ dscores
    dW_xh = dscores @ x.T
    dW_hh = dscores @ prev_h.T
    db_h = dscores.sum(axis=1, keepdims=True)
    return dx, dprev_h, dW_xh, dW_hh, db_h


def rnn_forward(x, h0, params):
    h, probs, cache = [], [], []
    prev_h = h0
    for t in range(x.shape[2]):
        prev_h, p, c = rnn_step_forward(x[:, :, t], prev_h, params)
        h.append(prev_h)
        probs.append(p)
        cache.append(c)
    return np.stack(h, axis=2), np.stack(probs, axis=2), (cache, x)


def rnn_backward(dh, cache):
    cache, x = cache
    T = dh.shape[2]
    dx = np.zeros((x.shape[0], x.shape[1], T))
    dprev_h = np.zeros(dh.shape[:2])
    dW_xh = dW_hh = db_h = 0.0
    for t in reversed(range(T)):
        dx_t, dprev_h, dW_xh_t, dW_hh_t, db_t = rnn_step_backward(dh[:, :, t] + dprev_h, cache[t])
        dx[:, :, t] = dx_t
        dW_xh = dW_xh + dW_xh_t
        dW_hh = dW_hh + dW_hh_t
        db_h = db_h + db_t
    return dx, dprev_h, dW_xh, dW_hh, db_h
