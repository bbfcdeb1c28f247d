import numpy as np


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


def softmax(x):
    e = np.exp(x - x.max(axis=0, keepdims=True))
    return e / e.sum(axis=0, keepdims=True)


def lstm_cell_forward(xt, a_prev, c_prev, parameters):
    cache = {"xt": xt, "a_prev": a_prev, "c_prev": c_prev, "parameters": parameters}
    concat = np.concatenate((a_prev, xt))
    cache["ft"] = sigmoid(parameters["Wf"] @ concat + parameters["bf"])
    cache["it"] = sigmoid(parameters["Wi"] @ concat + parameters["bi"])
    cache["cct"] = np.tanh(parameters["Wc"] @ concat + parameters["bc"])
    cache["ot"] = sigmoid(parameters["Wo"] @ concat + parameters["bo"])
    cache["c_next"] = cache["ft"] * c_prev + cache["it"] * cache["cct"]
    cache["a_next"] = cache["ot"] * np.tanh(cache["c_next"])
    yt_pred = softmax(parameters["Wy"] @ cache["a_next"] + parameters["by"])
    return cache["a_next"], cache["c_next"], yt_pred, cache


def lstm_cell_backward(da_next, dc_next, cache):
    ft, it, cct, ot = cache["ft"], cache["it"], cache["cct"], cache["ot"]
    p = cache["parameters"]
    n_a = cache["a_prev"].shape[0]
    concat = np.concatenate((cache["a_prev"], cache["xt"]))
    tanh_c = np.tanh(cache["c_next"])
    dc = dc_next + da_next * ot * (1 - tanh_c**2)
    dot = da_next * tanh_c * ot * (1 - ot)
    dcct = dc * it * (1 - cct**2)
    dit = dc * cct * it * (1 - it)
    dft = dc * cache["c_prev"] * ft * (1 - ft)
    grads = {"dc_prev": dc * ft}
    for name, d in (("f", dft), ("i", dit), ("c", dcct), ("o", dot)):
        grads["dW" + name] = d @ concat.T
        grads["db" + name] = d.sum(axis=1, keepdims=True)
    back = p["Wf"].T @ dft + p["Wi"].T @ dit + p["Wc"].T @ dcct + p["Wo"].T @ dot
    grads["da_prev"] = back[:n_a]
    grads["dxt"] = back[n_a:]
    return grads
