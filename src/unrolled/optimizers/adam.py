"""Adam as Kingma & Ba published it, and AdamW, with the weight decay beside it; the course's Adam is `steps.adam`."""

import math
from collections.abc import Callable
from typing import Literal

import numpy as np

from unrolled.errors import ParameterError
from unrolled.optimizers.base import Optimizer, check_fraction, check_positive
from unrolled.shapes import Array

__all__ = ["Adam", "AdamW", "Decayed"]

Decayed = Literal["matrices", "all"] | Callable[[str, Array], bool]


class Adam(Optimizer):
    """Adam: a step against the mean of the gradients, scaled by the root of the mean of their squares.

    Equations, for each entry, at step t = 1, 2, ...:
        (1) m = beta1 * m + (1 - beta1) * g
        (2) v = beta2 * v + (1 - beta2) * g^2
        (3) m_hat = m / (1 - beta1^t),   v_hat = v / (1 - beta2^t)
        (4) theta = theta - learning_rate * m_hat / (sqrt(v_hat) + epsilon)

    Epsilon stands outside the root, as in algorithm 1; in the course's Adam (`unrolled.steps`) it stands inside.

    Args:
        learning_rate: the step length; `step` may be given another for one step (a schedule).
        beta1: the decay of m, in [0, 1).
        beta2: the decay of v, in [0, 1).
        epsilon: what keeps the division finite, positive.

    Raises:
        ParameterError: one of them is out of its range.

    Source: Kingma & Ba 2015, algorithm 1.

    >>> from unrolled.layers.layer import Layer
    >>> layer = Layer("float64")
    >>> layer._create("weight", "N", np.array([1.0, 2.0]))
    >>> Adam(learning_rate=0.1).step(layer, {"weight": np.array([3.0, -0.5])})
    >>> layer.parameters["weight"].round(6).tolist()  # the first step is learning_rate * sign(g)
    [0.9, 2.1]
    """

    def __init__(
        self, learning_rate: float = 1e-3, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8
    ) -> None:
        super().__init__(learning_rate, ("m", "v"))
        check_fraction("beta1", beta1, 0.9)
        check_fraction("beta2", beta2, 0.999)
        check_positive("epsilon", epsilon, 1e-8)
        self.beta1, self.beta2, self.epsilon = beta1, beta2, epsilon

    def _change_block(self, theta: Array, g: Array, moments: list[Array], s: Array, rate: float) -> None:
        m, v = moments
        # (3) folded into (4): theta -= rate * root / (1 - beta1^t) * m / (sqrt(v) + epsilon * root)
        root = math.sqrt(1 - self.beta2**self.count)
        np.subtract(g, m, out=s)  # (1) as m += (1 - beta1) * (g - m)
        s *= 1 - self.beta1
        m += s
        np.multiply(g, g, out=s)  # (2) as v += (1 - beta2) * (g^2 - v)
        s -= v
        s *= 1 - self.beta2
        v += s
        np.sqrt(v, out=s)  # (4)
        s += self.epsilon * root
        np.divide(m, s, out=s)
        s *= rate * root / (1 - self.beta1**self.count)
        theta -= s


class AdamW(Adam):
    """Adam with decoupled weight decay: weights shrink by a share of themselves, whatever their gradients are.

    Equations, for each entry, at step t = 1, 2, ...:
        (1) theta = theta - learning_rate * weight_decay * theta   where the parameter is decayed
        (2) theta = theta - learning_rate * m_hat / (sqrt(v_hat) + epsilon)   as in `Adam`

    Algorithm 2's schedule multiplier and its alpha are one number here, the learning rate, as in PyTorch: a schedule
    takes both steps with it.

    Args:
        learning_rate: the step length; `step` may be given another for one step (a schedule).
        beta1: the decay of m, in [0, 1).
        beta2: the decay of v, in [0, 1).
        epsilon: what keeps the division finite, positive.
        weight_decay: the share, at least 0.
        decayed: which parameters (1) is for: `"matrices"` are those of two axes or more, so that biases, gains and
            shifts keep their scale; `"all"`, as PyTorch does; or a function of a parameter's name and value that says.

    Raises:
        ParameterError: one of them is out of its range.

    Source: Loshchilov & Hutter 2019, algorithm 2.

    >>> from unrolled.layers.layer import Layer
    >>> layer = Layer("float64")
    >>> layer._create("weight", "I, O", np.array([[1.0, 2.0]]))
    >>> layer._create("bias", "O", np.array([1.0, 2.0]))
    >>> zero = {name: np.zeros(value.shape) for name, value in layer.parameters.items()}
    >>> AdamW(learning_rate=0.1, weight_decay=0.5).step(layer, zero)
    >>> layer.parameters["weight"].tolist(), layer.parameters["bias"].tolist()
    ([[0.95, 1.9]], [1.0, 2.0])
    """

    def __init__(
        self,
        learning_rate: float = 1e-3,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        *,
        weight_decay: float = 1e-2,
        decayed: Decayed = "matrices",
    ) -> None:
        super().__init__(learning_rate, beta1, beta2, epsilon)
        if not 0 <= weight_decay < math.inf:
            raise ParameterError(
                f"`weight_decay` is {weight_decay}, expected a finite number of at least 0; 0.01 is usual"
            )
        if not (decayed in ("matrices", "all") or callable(decayed)):
            raise ParameterError(
                f"`decayed` is {decayed!r}, expected 'matrices', 'all' or a function of name and value; which are?"
            )
        self.weight_decay, self.decayed = weight_decay, decayed

    def _shrink(self, name: str, theta: Array, rate: float) -> float:
        decays = self.decayed(name, theta) if callable(self.decayed) else self.decayed == "all" or theta.ndim >= 2
        return 1 - rate * self.weight_decay if decays else 1.0
