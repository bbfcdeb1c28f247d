import numpy as np
from rnn_utils import sigmoid, softmax


def lstm_cell_forward(xt, a_prev, c_prev, parameters):
    n_a = a_prev.shape[0]
    # split every weight in its recurrent and its input part
    Wfa, Wfx = parameters["Wf"][:, :n_a], parameters["Wf"][:, n_a:]
    Wia, Wix = parameters["Wi"][:, :n_a], parameters["Wi"][:, n_a:]
    Wca, Wcx = parameters["Wc"][:, :n_a], parameters["Wc"][:, n_a:]
    Woa, Wox = parameters["Wo"][:, :n_a], parameters["Wo"][:, n_a:]
    ft = sigmoid(Wfa @ a_prev + Wfx @ xt + parameters["bf"])
    it = sigmoid(Wia @ a_prev + Wix @ xt + parameters["bi"])
    cct = np.tanh(Wca @ a_prev + Wcx @ xt + parameters["bc"])
    ot = sigmoid(Woa @ a_prev + Wox @ xt + parameters["bo"])
    c_next = ft * c_prev + it * cct
    a_next = ot * np.tanh(c_next)
    yt_pred = softmax(parameters["Wy"] @ a_next + parameters["by"])
    return a_next, c_next, yt_pred, (a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt, parameters)


def lstm_cell_backward(da_next, dc_next, cache):
    a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt, parameters = cache
    n_a = a_prev.shape[0]
    Wfa, Wfx = np.split(parameters["Wf"], [n_a], axis=1)
    Wia, Wix = np.split(parameters["Wi"], [n_a], axis=1)
    Wca, Wcx = np.split(parameters["Wc"], [n_a], axis=1)
    Woa, Wox = np.split(parameters["Wo"], [n_a], axis=1)

    dtanh_c = da_next * ot
    dc = dc_next.copy()
    dc += dtanh_c * (1 - np.tanh(c_next) ** 2)

    dzf = dc * c_prev * ft * (1 - ft)
    dzi = dc * cct * it * (1 - it)
    dzc = dc * it * (1 - cct**2)
    dzo = da_next * np.tanh(c_next) * ot * (1 - ot)

    da_prev = np.zeros_like(a_prev)
    da_prev += Wfa.T @ dzf
    da_prev += Wia.T @ dzi
    da_prev += Wca.T @ dzc
    da_prev += Woa.T @ dzo
    dxt = np.zeros_like(xt)
    dxt += Wfx.T @ dzf
    dxt += Wix.T @ dzi
    dxt += Wcx.T @ dzc
    dxt += Wox.T @ dzo

    def weights(dz):
        return np.concatenate([dz @ a_prev.T, dz @ xt.T], axis=1), np.sum(dz, axis=1, keepdims=True)

    dWf, dbf = weights(dzf)
    dWi, dbi = weights(dzi)
    dWc, dbc = weights(dzc)
    dWo, dbo = weights(dzo)
    return {"dxt": dxt, "da_prev": da_prev, "dc_prev": dc * ft, "dWf": dWf, "dbf": dbf, "dWi": dWi, "dbi": dbi,
            "dWc": dWc, "dbc": dbc, "dWo": dWo, "dbo": dbo}
