"""Random masks for dropout and zoneout, drawn from a layer's own generator; no layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from unrolled.shapes import Array

__all__ = ["dropout_mask", "mask_generator", "zoneout_mask"]


def mask_generator(seed: np.random.Generator) -> np.random.Generator:
    """A layer's own generator of masks, seeded by what seeds its first weights, after they were drawn."""
    return np.random.default_rng(seed.integers(2**32, size=4).tolist())


def dropout_mask(rng: np.random.Generator, rate: float, shape: Sequence[int], dtype: np.dtype[Any]) -> Array:
    """0 with probability `rate`, else 1 / (1 - rate): the expectation is 1, so that inference needs no mask."""
    kept = rng.random(shape, np.float32) >= rate
    return np.multiply(kept, dtype.type(1 / (1 - rate)), dtype=dtype)


def zoneout_mask(rng: np.random.Generator, rate: float, shape: Sequence[int], dtype: np.dtype[Any]) -> Array:
    """1 with probability `rate`, where the old value stays, else 0."""
    return (rng.random(shape, np.float32) < rate).astype(dtype)
