"""Rekurrentes Netz, Schritt für Schritt."""
import numpy as np


def softmax(x):
    # Maximum abziehen, sonst läuft exp über
    e = np.exp(x - np.max(x, axis=0, keepdims=True))
    return e / np.sum(e, axis=0, keepdims=True)


def rnn_zelle_vorwaerts(eingabe, zustand_vorher, parameter):
    Wax = parameter["Wax"]
    Waa = parameter["Waa"]
    Wya = parameter["Wya"]
    ba = parameter["ba"]
    by = parameter["by"]
    zustand = np.tanh(Wax @ eingabe + Waa @ zustand_vorher + ba)
    vorhersage = softmax(Wya @ zustand + by)
    zwischenspeicher = (zustand, zustand_vorher, eingabe, parameter)
    return zustand, vorhersage, zwischenspeicher


def rnn_vorwaerts(x, a0, parameter):
    zustände, vorhersagen, speicher = [], [], []
    zustand = a0
    for schritt in range(x.shape[2]):
        zustand, vorhersage, z = rnn_zelle_vorwaerts(x[:, :, schritt], zustand, parameter)
        zustände.append(zustand)
        vorhersagen.append(vorhersage)
        speicher.append(z)
    return np.stack(zustände, axis=2), np.stack(vorhersagen, axis=2), (speicher, x)


def rnn_zelle_rueckwaerts(da_next, zwischenspeicher):
    zustand, zustand_vorher, eingabe, parameter = zwischenspeicher
    # Ableitung von tanh ist 1 - tanh²
    dtanh = da_next * (1 - zustand**2)
    gradienten = {
        "dxt": parameter["Wax"].T @ dtanh,
        "da_prev": parameter["Waa"].T @ dtanh,
        "dWax": dtanh @ eingabe.T,
        "dWaa": dtanh @ zustand_vorher.T,
        "dba": np.sum(dtanh, axis=1, keepdims=True),
    }
    return gradienten
