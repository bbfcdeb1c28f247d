"""First values of weights; no layer knows more of them than their names.

>>> rng = np.random.default_rng(0)
>>> q = orthogonal(rng, 3)
>>> bool(np.allclose(q @ q.T, np.eye(3)))
True
"""

from __future__ import annotations

import numpy as np

from unrolled.shapes import Array

__all__ = ["glorot_uniform", "orthogonal"]


def orthogonal(rng: np.random.Generator, size: int) -> Array:
    """A random orthogonal matrix `(size, size)`, uniform over all of them.

    Source: Saxe, McClelland & Ganguli 2014; the signs of R's diagonal make it uniform (Mezzadri 2007, section 5).
    """
    q, r = np.linalg.qr(rng.normal(size=(size, size)))
    return q * np.where(np.diagonal(r) < 0, -1.0, 1.0)


def glorot_uniform(rng: np.random.Generator, outputs: int, inputs: int) -> Array:
    """`(outputs, inputs)`, uniform within +- sqrt(6 / (inputs + outputs)).

    Source: Glorot & Bengio 2010, equation 16.
    """
    limit = np.sqrt(6 / (inputs + outputs))
    return rng.uniform(-limit, limit, (outputs, inputs))
