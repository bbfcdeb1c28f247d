import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x):
    e = np.exp(x - np.max(x, axis=0))
    return e / e.sum(axis=0)


def lstm_cell_forward(xt, a_prev, c_prev, parameters):
    """Ein Schritt der LSTM-Zelle."""
    verkettet = np.concatenate((a_prev, xt), axis=0)  # [a_prev; xt]
    vergessen = sigmoid(parameters["Wf"] @ verkettet + parameters["bf"])
    erneuern = sigmoid(parameters["Wi"] @ verkettet + parameters["bi"])
    kandidat = np.tanh(parameters["Wc"] @ verkettet + parameters["bc"])
    ausgabe = sigmoid(parameters["Wo"] @ verkettet + parameters["bo"])
    c_next = vergessen * c_prev + erneuern * kandidat
    a_next = ausgabe * np.tanh(c_next)
    yt_pred = softmax(parameters["Wy"] @ a_next + parameters["by"])
    return a_next, c_next, yt_pred, (a_next, c_next, a_prev, c_prev, vergessen, erneuern, kandidat, ausgabe, xt, parameters)


def lstm_cell_backward(da_next, dc_next, cache):
    """Rückwärts durch die Zelle, Kettenregel für jedes Tor."""
    (a_next, c_next, a_prev, c_prev, vergessen, erneuern, kandidat, ausgabe, xt, parameters) = cache
    anzahl = a_prev.shape[0]
    verkettet = np.concatenate((a_prev, xt), axis=0)
    d_ausgabe = da_next * np.tanh(c_next) * ausgabe * (1 - ausgabe)
    d_zelle = dc_next + da_next * ausgabe * (1 - np.tanh(c_next) ** 2)
    d_kandidat = d_zelle * erneuern * (1 - kandidat**2)
    d_erneuern = d_zelle * kandidat * erneuern * (1 - erneuern)
    d_vergessen = d_zelle * c_prev * vergessen * (1 - vergessen)
    d_verkettet = (
        parameters["Wf"].T @ d_vergessen
        + parameters["Wi"].T @ d_erneuern
        + parameters["Wc"].T @ d_kandidat
        + parameters["Wo"].T @ d_ausgabe
    )
    return {
        "dxt": d_verkettet[anzahl:],
        "da_prev": d_verkettet[:anzahl],
        "dc_prev": d_zelle * vergessen,
        "dWf": d_vergessen @ verkettet.T,
        "dbf": d_vergessen.sum(axis=1, keepdims=True),
        "dWi": d_erneuern @ verkettet.T,
        "dbi": d_erneuern.sum(axis=1, keepdims=True),
        "dWc": d_kandidat @ verkettet.T,
        "dbc": d_kandidat.sum(axis=1, keepdims=True),
        "dWo": d_ausgabe @ verkettet.T,
        "dbo": d_ausgabe.sum(axis=1, keepdims=True),
    }
