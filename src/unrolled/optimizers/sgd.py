"""Gradient descent, plain, with momentum, and with Nesterov's."""

import numpy as np

from unrolled.errors import ParameterError
from unrolled.optimizers.base import Optimizer, check_fraction
from unrolled.shapes import Array

__all__ = ["SGD"]


class SGD(Optimizer):
    """Stochastic gradient descent: a step against the gradient, or against a decaying sum of the gradients.

    Equations, for each entry:
        (1) theta = theta - learning_rate * g                    without momentum
        (2) v = momentum * v + g
        (3) theta = theta - learning_rate * v                    with momentum
        (4) theta = theta - learning_rate * (g + momentum * v)   Nesterov's

    The learning rate stands outside v, as in PyTorch: another rate acts at once on all of v. In Sutskever et al. it
    stands inside; with a constant rate both are the same.

    Args:
        learning_rate: the step length; `step` may be given another for one step (a schedule).
        momentum: the decay of v, in [0, 1); 0 remembers nothing.
        nesterov: whether (4) stands for (3).

    Raises:
        ParameterError: one of them is out of its range, or `nesterov` comes without momentum.

    Source: Polyak 1964; Sutskever, Martens, Dahl & Hinton 2013, equations 1 to 4.

    >>> from unrolled.layers.layer import Layer
    >>> layer, sgd = Layer("float64"), SGD(learning_rate=0.5, momentum=0.5)
    >>> layer._create("weight", "N", np.array([1.0]))
    >>> for _ in range(2):
    ...     sgd.step(layer, {"weight": np.array([1.0])})
    >>> layer.parameters["weight"].tolist()  # 1 - 0.5 * 1 - 0.5 * 1.5
    [-0.25]
    """

    def __init__(self, learning_rate: float = 1e-2, momentum: float = 0.0, *, nesterov: bool = False) -> None:
        super().__init__(learning_rate, ("v",) if momentum else ())
        check_fraction("momentum", momentum, 0.9)
        if nesterov and not momentum:
            raise ParameterError("`nesterov` is True with a `momentum` of 0, expected one above 0; 0.9 is usual")
        self.momentum, self.nesterov = momentum, nesterov

    def _change_block(self, theta: Array, g: Array, moments: list[Array], s: Array, rate: float) -> None:
        direction = g
        if moments:
            (v,) = moments
            v *= self.momentum  # (2)
            v += g
            direction = v
            if self.nesterov:  # (4)
                np.multiply(v, self.momentum, out=s)
                s += g
                direction = s
        np.multiply(direction, rate, out=s)  # (1), (3)
        theta -= s
