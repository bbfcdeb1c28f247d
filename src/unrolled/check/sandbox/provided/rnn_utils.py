"""What the course's notebooks import beside NumPy: two activations and Adam; no recurrent network."""

from typing import Any

import numpy as np


def sigmoid(x: Any) -> Any:
    """The logistic function of every entry."""
    return 1 / (1 + np.exp(-x))


def softmax(x: Any) -> Any:
    """Probabilities from logits, column by column."""
    x = np.asarray(x)  # np.matrix has no keepdims
    powers = np.exp(x - np.max(x, axis=0, keepdims=True))
    return powers / powers.sum(axis=0, keepdims=True)


def initialize_adam(parameters: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Adam's two moving averages, zero in the shapes of W1, b1, W2, ..."""
    names = [f"{kind}{layer}" for layer in range(1, len(parameters) // 2 + 1) for kind in "Wb"]
    v = {"d" + name: np.zeros_like(parameters[name]) for name in names}
    s = {"d" + name: np.zeros_like(parameters[name]) for name in names}
    return v, s


def update_parameters_with_adam(
    parameters: dict[str, Any],
    grads: dict[str, Any],
    v: dict[str, Any],
    s: dict[str, Any],
    t: int,
    learning_rate: float = 0.01,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """One update of W1, b1, W2, ... by Adam, epsilon inside the root."""
    for layer in range(1, len(parameters) // 2 + 1):
        for name in (f"W{layer}", f"b{layer}"):
            gradient = grads["d" + name]
            v["d" + name] = beta1 * v["d" + name] + (1 - beta1) * gradient
            s["d" + name] = beta2 * s["d" + name] + (1 - beta2) * gradient**2
            v_corrected = v["d" + name] / (1 - beta1**t)
            s_corrected = s["d" + name] / (1 - beta2**t)
            parameters[name] = parameters[name] - learning_rate * v_corrected / np.sqrt(s_corrected + epsilon)
    return parameters, v, s
