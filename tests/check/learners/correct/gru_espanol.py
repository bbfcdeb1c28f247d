"""GRU: compuerta de actualización y compuerta de relevancia."""
import numpy as np


def sigmoide(x):
    return 1 / (1 + np.exp(-x))


def softmax(x):
    e = np.exp(x - np.max(x, axis=0))
    return e / e.sum(axis=0)


def gru_cell_forward(xt, c_prev, parametros):
    unido = np.vstack((c_prev, xt))
    actualizar = sigmoide(np.dot(parametros["Wu"], unido) + parametros["bu"])
    relevancia = sigmoide(np.dot(parametros["Wr"], unido) + parametros["br"])
    candidato = np.tanh(np.dot(parametros["Wc"], np.vstack((relevancia * c_prev, xt))) + parametros["bc"])
    c_next = actualizar * candidato + (1 - actualizar) * c_prev
    y = softmax(np.dot(parametros["Wy"], c_next) + parametros["by"])
    return c_next, y, (c_next, c_prev, actualizar, relevancia, candidato, xt, parametros)


def gru_cell_backward(dc_next, memoria):
    c_next, c_prev, actualizar, relevancia, candidato, xt, parametros = memoria
    n = c_prev.shape[0]
    d_candidato = dc_next * actualizar * (1 - candidato**2)
    d_actualizar = dc_next * (candidato - c_prev) * actualizar * (1 - actualizar)
    d_unido_r = parametros["Wc"].T @ d_candidato
    d_relevancia = d_unido_r[:n] * c_prev * relevancia * (1 - relevancia)
    d_unido = parametros["Wu"].T @ d_actualizar + parametros["Wr"].T @ d_relevancia
    unido = np.vstack((c_prev, xt))
    return {
        "dxt": d_unido[n:] + d_unido_r[n:],
        "dc_prev": dc_next * (1 - actualizar) + d_unido[:n] + d_unido_r[:n] * relevancia,
        "dWu": d_actualizar @ unido.T,
        "dbu": d_actualizar.sum(axis=1, keepdims=True),
        "dWr": d_relevancia @ unido.T,
        "dbr": d_relevancia.sum(axis=1, keepdims=True),
        "dWc": d_candidato @ np.vstack((relevancia * c_prev, xt)).T,
        "dbc": d_candidato.sum(axis=1, keepdims=True),
    }
