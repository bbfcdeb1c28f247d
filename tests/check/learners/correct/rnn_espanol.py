# Red neuronal recurrente: propagación hacia adelante y hacia atrás
import numpy as np


def softmax(x):
    exponencial = np.exp(x - x.max(axis=0))
    return exponencial / exponencial.sum(axis=0)


def rnn_cell_forward(xt, a_prev, parametros):
    """Un paso hacia adelante de la celda."""
    Wax, Waa, Wya = parametros["Wax"], parametros["Waa"], parametros["Wya"]
    ba, by = parametros["ba"], parametros["by"]
    # estado oculto siguiente
    a_sig = np.tanh(np.dot(Wax, xt) + np.dot(Waa, a_prev) + ba)
    y_predicha = softmax(np.dot(Wya, a_sig) + by)
    memoria = (a_sig, a_prev, xt, parametros)
    return a_sig, y_predicha, memoria


def rnn_cell_backward(da_sig, memoria):
    """Un paso hacia atrás: regla de la cadena."""
    (a_sig, a_prev, xt, parametros) = memoria
    Wax, Waa = parametros["Wax"], parametros["Waa"]
    delta = da_sig * (1 - a_sig**2)  # derivada de la tangente hiperbólica
    dxt = np.dot(Wax.T, delta)
    da_prev = np.dot(Waa.T, delta)
    dWax = np.dot(delta, xt.T)
    dWaa = np.dot(delta, a_prev.T)
    dba = np.sum(delta, axis=1, keepdims=True)
    gradientes = {"dxt": dxt, "da_prev": da_prev, "dWax": dWax, "dWaa": dWaa, "dba": dba}
    return gradientes


def rnn_backward(da, memorias):
    (memorias, x) = memorias
    n_a, m, T = da.shape
    n_x = x.shape[0]
    dx = np.zeros((n_x, m, T))
    dWax, dWaa, dba = np.zeros((n_a, n_x)), np.zeros((n_a, n_a)), np.zeros((n_a, 1))
    da_anterior = np.zeros((n_a, m))
    for t in range(T - 1, -1, -1):
        gradientes = rnn_cell_backward(da[:, :, t] + da_anterior, memorias[t])
        dx[:, :, t] = gradientes["dxt"]
        da_anterior = gradientes["da_prev"]
        dWax += gradientes["dWax"]
        dWaa += gradientes["dWaa"]
        dba += gradientes["dba"]
    return {"dx": dx, "da0": da_anterior, "dWax": dWax, "dWaa": dWaa, "dba": dba}
