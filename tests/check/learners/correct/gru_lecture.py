# GRU as in the lecture (week 1, "Gated Recurrent Unit"), with backprop worked out on paper
import numpy as np


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


def softmax(x):
    e_x = np.exp(x - np.max(x, axis=0))
    return e_x / e_x.sum(axis=0)


def gru_cell_forward(xt, c_prev, parameters):
    Wu, bu = parameters["Wu"], parameters["bu"]
    Wr, br = parameters["Wr"], parameters["br"]
    Wc, bc = parameters["Wc"], parameters["bc"]
    Wy, by = parameters["Wy"], parameters["by"]

    concat = np.concatenate((c_prev, xt), axis=0)
    ut = sigmoid(np.dot(Wu, concat) + bu)
    rt = sigmoid(np.dot(Wr, concat) + br)
    concat_r = np.concatenate((rt * c_prev, xt), axis=0)
    cct = np.tanh(np.dot(Wc, concat_r) + bc)
    c_next = ut * cct + (1 - ut) * c_prev

    yt_pred = softmax(np.dot(Wy, c_next) + by)
    cache = (c_next, c_prev, ut, rt, cct, xt, parameters)
    return c_next, yt_pred, cache


def gru_forward(x, c0, parameters):
    n_x, m, T = x.shape
    n_y, n_c = parameters["Wy"].shape
    c = np.zeros((n_c, m, T))
    y_pred = np.zeros((n_y, m, T))
    caches = []
    c_next = c0
    for t in range(T):
        c_next, yt_pred, cache = gru_cell_forward(x[:, :, t], c_next, parameters)
        c[:, :, t] = c_next
        y_pred[:, :, t] = yt_pred
        caches.append(cache)
    return c, y_pred, (caches, x)


def gru_cell_backward(dc_next, cache):
    c_next, c_prev, ut, rt, cct, xt, parameters = cache
    Wu, Wr, Wc = parameters["Wu"], parameters["Wr"], parameters["Wc"]
    n_c = c_prev.shape[0]
    concat = np.concatenate((c_prev, xt), axis=0)
    concat_r = np.concatenate((rt * c_prev, xt), axis=0)

    dcct = dc_next * ut * (1 - cct ** 2)
    dut = dc_next * (cct - c_prev) * ut * (1 - ut)
    dconcat_r = np.dot(Wc.T, dcct)
    ds = dconcat_r[:n_c, :]
    drt = ds * c_prev * rt * (1 - rt)

    dWc = np.dot(dcct, concat_r.T)
    dWu = np.dot(dut, concat.T)
    dWr = np.dot(drt, concat.T)
    dbc = np.sum(dcct, axis=1, keepdims=True)
    dbu = np.sum(dut, axis=1, keepdims=True)
    dbr = np.sum(drt, axis=1, keepdims=True)

    dxt = np.dot(Wu[:, n_c:].T, dut) + np.dot(Wr[:, n_c:].T, drt) + np.dot(Wc[:, n_c:].T, dcct)
    dc_prev = dc_next * (1 - ut) + ds * rt + np.dot(Wu[:, :n_c].T, dut) + np.dot(Wr[:, :n_c].T, drt)

    return {"dxt": dxt, "dc_prev": dc_prev, "dWu": dWu, "dbu": dbu, "dWr": dWr, "dbr": dbr, "dWc": dWc, "dbc": dbc}


def gru_backward(dc, caches):
    caches, x = caches
    parameters = caches[0][-1]
    n_c, m, T = dc.shape
    dx = np.zeros((x.shape[0], m, T))
    dc_prevt = np.zeros((n_c, m))
    dWu = np.zeros(parameters["Wu"].shape)
    dWr = np.zeros(parameters["Wr"].shape)
    dWc = np.zeros(parameters["Wc"].shape)
    dbu = np.zeros((n_c, 1))
    dbr = np.zeros((n_c, 1))
    dbc = np.zeros((n_c, 1))
    for t in reversed(range(T)):
        step = gru_cell_backward(dc[:, :, t] + dc_prevt, caches[t])
        dx[:, :, t] = step["dxt"]
        dc_prevt = step["dc_prev"]
        dWu += step["dWu"]
        dWr += step["dWr"]
        dWc += step["dWc"]
        dbu += step["dbu"]
        dbr += step["dbr"]
        dbc += step["dbc"]
    dc0 = dc_prevt
    return {"dx": dx, "dc0": dc0, "dWu": dWu, "dbu": dbu, "dWr": dWr, "dbr": dbr, "dWc": dWc, "dbc": dbc}
