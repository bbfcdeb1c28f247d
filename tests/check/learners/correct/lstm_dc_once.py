import numpy as np


def lstm_cell_backward(da_next, dc_next, cache):
    # I compute the whole gradient of c once instead of repeating it in (8), (9), (10) and (20)
    (a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt, parameters) = cache
    n_a, m = a_next.shape

    dc = dc_next + da_next * ot * (1 - np.tanh(c_next) ** 2)
    dot = da_next * np.tanh(c_next) * ot * (1 - ot)
    dcct = dc * it * (1 - cct**2)
    dit = dc * cct * it * (1 - it)
    dft = dc * c_prev * ft * (1 - ft)

    dWf = np.hstack((dft @ a_prev.T, dft @ xt.T))
    dWi = np.hstack((dit @ a_prev.T, dit @ xt.T))
    dWc = np.hstack((dcct @ a_prev.T, dcct @ xt.T))
    dWo = np.hstack((dot @ a_prev.T, dot @ xt.T))
    dbf, dbi, dbc, dbo = [g.sum(axis=1, keepdims=True) for g in (dft, dit, dcct, dot)]

    Wf, Wi, Wc, Wo = [parameters[k] for k in ("Wf", "Wi", "Wc", "Wo")]
    da_prev = Wf[:, :n_a].T @ dft + Wi[:, :n_a].T @ dit + Wc[:, :n_a].T @ dcct + Wo[:, :n_a].T @ dot
    dxt = Wf[:, n_a:].T @ dft + Wi[:, n_a:].T @ dit + Wc[:, n_a:].T @ dcct + Wo[:, n_a:].T @ dot
    dc_prev = dc * ft
    return {"dxt": dxt, "da_prev": da_prev, "dc_prev": dc_prev, "dWf": dWf, "dbf": dbf, "dWi": dWi, "dbi": dbi,
            "dWc": dWc, "dbc": dbc, "dWo": dWo, "dbo": dbo}
