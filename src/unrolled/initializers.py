"""First values of weights, by name; no layer knows more of them than their names.

Each function takes a generator and the matrix's shape, outputs by inputs, and gives the matrix that `y = W x` uses.

>>> sorted(INITIALIZERS)
['glorot_normal', 'glorot_uniform', 'he_normal', 'he_uniform', 'identity', 'orthogonal', 'uniform', 'zeros']
>>> q = INITIALIZERS["orthogonal"](np.random.default_rng(0), 3, 3)
>>> bool(np.allclose(q @ q.T, np.eye(3)))
True
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from unrolled.shapes import Array

__all__ = [
    "INITIALIZERS",
    "Initializer",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "identity",
    "orthogonal",
    "uniform",
    "zeros",
]

# In quotes, for it would load numpy.random with every `import unrolled`.
Initializer: TypeAlias = "Callable[[np.random.Generator, int, int], Array]"


def orthogonal(rng: np.random.Generator, outputs: int, inputs: int | None = None) -> Array:
    """A random matrix `(outputs, inputs)` with orthonormal rows or columns, whichever are fewer, uniform over all.

    Square where `inputs` is `None`.

    Source: Saxe, McClelland & Ganguli 2014; the signs of R's diagonal make it uniform (Mezzadri 2007, section 5).
    """
    inputs = outputs if inputs is None else inputs
    q, r = np.linalg.qr(rng.normal(size=(max(outputs, inputs), min(outputs, inputs))))
    q = q * np.where(np.diagonal(r) < 0, -1.0, 1.0)
    return q if outputs >= inputs else q.T


def glorot_uniform(rng: np.random.Generator, outputs: int, inputs: int) -> Array:
    """`(outputs, inputs)`, uniform within +- sqrt(6 / (inputs + outputs)).

    Source: Glorot & Bengio 2010, equation 16.
    """
    limit = np.sqrt(6 / (inputs + outputs))
    return rng.uniform(-limit, limit, (outputs, inputs))


def glorot_normal(rng: np.random.Generator, outputs: int, inputs: int) -> Array:
    """`(outputs, inputs)`, normal with variance 2 / (inputs + outputs).

    Source: Glorot & Bengio 2010, equation 12.
    """
    return rng.normal(0, np.sqrt(2 / (inputs + outputs)), (outputs, inputs))


def he_uniform(rng: np.random.Generator, outputs: int, inputs: int) -> Array:
    """`(outputs, inputs)`, uniform within +- sqrt(6 / inputs): the variance of `he_normal`.

    Source: He et al. 2015, equation 10.
    """
    limit = np.sqrt(6 / inputs)
    return rng.uniform(-limit, limit, (outputs, inputs))


def he_normal(rng: np.random.Generator, outputs: int, inputs: int) -> Array:
    """`(outputs, inputs)`, normal with variance 2 / inputs: keeps the size of what passes max(0, .).

    Source: He et al. 2015, equation 10.
    """
    return rng.normal(0, np.sqrt(2 / inputs), (outputs, inputs))


def identity(rng: np.random.Generator, outputs: int, inputs: int) -> Array:
    """`(outputs, inputs)`, ones on the diagonal and zeros elsewhere; draws nothing.

    Source: Le, Jaitly & Hinton 2015: the recurrent weights of an IRNN, an RNN with max(0, .).
    """
    return np.eye(outputs, inputs)


def uniform(rng: np.random.Generator, outputs: int, inputs: int) -> Array:
    """`(outputs, inputs)`, uniform within +- 1 / sqrt(outputs): +- 1 / sqrt(H) for the weights of a gate.

    Source: PyTorch's `RNNBase.reset_parameters`.
    """
    limit = 1 / np.sqrt(outputs)
    return rng.uniform(-limit, limit, (outputs, inputs))


def zeros(rng: np.random.Generator, outputs: int, inputs: int) -> Array:
    """`(outputs, inputs)` zeros; draws nothing."""
    return np.zeros((outputs, inputs))


INITIALIZERS: dict[str, Initializer] = {
    function.__name__: function
    for function in (orthogonal, glorot_uniform, glorot_normal, he_uniform, he_normal, identity, uniform, zeros)
}
