"""What the classifier's tests share: waves to be told apart, and a small model to do so; no test."""

from __future__ import annotations

from typing import Any

import numpy as np

from helpers import rng
from unrolled.models.sequences.classifier import SequenceClassifier

__all__ = ["same", "small", "waves"]


def waves(count: int = 60, seed: int = 0) -> tuple[list[np.ndarray], np.ndarray]:
    """Slow and fast waves of unequal length, beside a feature that says nothing."""
    draw = rng(seed)
    y = draw.choice(["fast", "slow"], count)
    X = []
    for label in y:
        t = np.arange(draw.integers(8, 20)) + draw.uniform(0, 6)
        X.append(np.stack([5 + np.sin(t * (1.5 if label == "fast" else 0.4)), draw.normal(size=len(t))], axis=1))
    return X, y


def small(**changes: Any) -> SequenceClassifier:
    settings: dict[str, Any] = {"hidden_size": 8, "epochs": 30, "learning_rate": 0.02, "random_state": 0}
    return SequenceClassifier(**(settings | changes))


def same(one: SequenceClassifier, other: SequenceClassifier) -> bool:
    a, b = one.network_.parameters, other.network_.parameters
    return a.keys() == b.keys() and all(np.array_equal(a[name], b[name]) for name in a)
