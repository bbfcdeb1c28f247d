import numpy as np


def softmax(ζ):
    ε = np.exp(ζ - np.max(ζ, axis=0))
    return ε / ε.sum(axis=0)


def rnn_cell_forward(xₜ, α_prev, θ):
    α = np.tanh(θ["Wax"] @ xₜ + θ["Waa"] @ α_prev + θ["ba"])
    ŷ = softmax(θ["Wya"] @ α + θ["by"])
    return α, ŷ, (α, α_prev, xₜ, θ)


def rnn_cell_backward(δα, cache):
    α, α_prev, xₜ, θ = cache
    δ = δα * (1 - α**2)
    return {"dxt": θ["Wax"].T @ δ, "da_prev": θ["Waa"].T @ δ, "dWax": δ @ xₜ.T, "dWaa": δ @ α_prev.T,
            "dba": δ.sum(axis=1, keepdims=True)}
