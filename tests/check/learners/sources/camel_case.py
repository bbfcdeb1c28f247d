import numpy as np


def Softmax(x):
    Exponentials = np.exp(x - np.max(x, axis=0))
    return Exponentials / Exponentials.sum(axis=0)


def CellForwardRNN(InputData, PreviousState, Parameters):
    Wax, Waa, Wya = Parameters["Wax"], Parameters["Waa"], Parameters["Wya"]
    ba, by = Parameters["ba"], Parameters["by"]
    NextState = np.tanh(np.dot(Wax, InputData) + np.dot(Waa, PreviousState) + ba)
    Output = Softmax(np.dot(Wya, NextState) + by)
    Cache = (NextState, PreviousState, InputData, Parameters)
    return NextState, Output, Cache


def ForwardPassRNN(InputData, InitialHiddenState, Parameters):
    Caches = []
    nx, m, Tx = InputData.shape
    ny, na = Parameters["Wya"].shape
    a = np.zeros((na, m, Tx))
    y_pred = np.zeros((ny, m, Tx))
    HiddenState = InitialHiddenState
    for t in range(Tx):
        HiddenState, Output, Cache = CellForwardRNN(InputData[:, :, t], HiddenState, Parameters)
        a[:, :, t] = HiddenState
        y_pred[:, :, t] = Output
        Caches.append(Cache)
    Caches = (Caches, InputData)
    return a, y_pred, Caches


def CellBackwardRNN(GradLoss, Cache):
    (NextState, PreviousState, InputData, Parameters) = Cache
    GradTanh = (1 - NextState**2) * GradLoss
    dxt = np.dot(Parameters["Wax"].T, GradTanh)
    dWax = np.dot(GradTanh, InputData.T)
    da_prev = np.dot(Parameters["Waa"].T, GradTanh)
    dWaa = np.dot(GradTanh, PreviousState.T)
    dba = np.sum(GradTanh, axis=1, keepdims=True)
    Gradients = {"dxt": dxt, "da_prev": da_prev, "dWax": dWax, "dWaa": dWaa, "dba": dba}
    return Gradients


def BackwardPassRNN(da, Caches):
    (Caches, x) = Caches
    (a1, a0, x1, Parameters) = Caches[0]
    na, m, Tx = da.shape
    nx, m = x1.shape
    dx = np.zeros((nx, m, Tx))
    dWax = np.zeros((na, nx))
    dWaa = np.zeros((na, na))
    dba = np.zeros((na, 1))
    da_prev = np.zeros((na, m))
    for t in reversed(range(Tx)):
        Gradients = CellBackwardRNN(da[:, :, t] + da_prev, Caches[t])
        dx[:, :, t] = Gradients["dxt"]
        da_prev = Gradients["da_prev"]
        dWax += Gradients["dWax"]
        dWaa += Gradients["dWaa"]
        dba += Gradients["dba"]
    return {"dx": dx, "da0": da_prev, "dWax": dWax, "dWaa": dWaa, "dba": dba}
