"""RMSprop in PyTorch's form, plain, centered, and with momentum."""

import numpy as np

from unrolled.optimizers.base import Optimizer, check_fraction, check_positive
from unrolled.shapes import Array

__all__ = ["RMSprop"]


class RMSprop(Optimizer):
    """RMSprop: a step against the gradient, scaled by the root of the mean of its squares.

    Equations, for each entry:
        (1) v = decay * v + (1 - decay) * g^2
        (2) mean = decay * mean + (1 - decay) * g               where centered; else mean = 0
        (3) d = g / (sqrt(max(0, v - mean^2)) + epsilon)
        (4) b = momentum * b + d                                with momentum; else b = d
        (5) theta = theta - learning_rate * b

    Epsilon stands outside the root and the learning rate outside b, as in PyTorch; in Graves' equations both stand
    inside. PyTorch lacks the maximum in (3), which only rounding needs.

    Args:
        learning_rate: the step length; `step` may be given another for one step (a schedule).
        decay: of v and of the mean, in [0, 1).
        epsilon: what keeps the division finite, positive.
        momentum: the decay of b, in [0, 1).
        centered: whether the mean is taken out of v, which leaves the gradient's variance.

    Raises:
        ParameterError: one of them is out of its range.

    Source: Tieleman & Hinton 2012, lecture 6.5; centered and with momentum: Graves 2013, equations 38 to 45.

    >>> from unrolled.layers.layer import Layer
    >>> layer = Layer("float64")
    >>> layer._create("weight", "N", np.array([1.0, 2.0]))
    >>> RMSprop(learning_rate=0.1, decay=0.75).step(layer, {"weight": np.array([3.0, -0.5])})
    >>> layer.parameters["weight"].round(6).tolist()  # the first step is learning_rate * sign(g) / sqrt(1 - decay)
    [0.8, 2.2]
    """

    def __init__(
        self,
        learning_rate: float = 1e-2,
        decay: float = 0.99,
        epsilon: float = 1e-8,
        *,
        momentum: float = 0.0,
        centered: bool = False,
    ) -> None:
        super().__init__(learning_rate, ("v",) + ("mean",) * centered + ("b",) * bool(momentum))
        check_fraction("decay", decay, 0.99)
        check_positive("epsilon", epsilon, 1e-8)
        check_fraction("momentum", momentum, 0.9)
        self.decay, self.epsilon, self.momentum, self.centered = decay, epsilon, momentum, centered

    def _change_block(self, theta: Array, g: Array, moments: list[Array], s: Array, rate: float) -> None:
        v = moments[0]
        np.multiply(g, g, out=s)  # (1) as v += (1 - decay) * (g^2 - v)
        s -= v
        s *= 1 - self.decay
        v += s
        if self.centered:
            mean = moments[1]
            np.subtract(g, mean, out=s)  # (2), likewise
            s *= 1 - self.decay
            mean += s
            np.multiply(mean, mean, out=s)  # (3)
            np.subtract(v, s, out=s)
            np.maximum(s, 0, out=s)
            np.sqrt(s, out=s)
        else:
            np.sqrt(v, out=s)  # (3)
        s += self.epsilon
        np.divide(g, s, out=s)
        if self.momentum:
            b = moments[-1]
            b *= self.momentum  # (4)
            b += s
            np.multiply(b, rate, out=s)  # (5)
        else:
            s *= rate
        theta -= s
