"""Choosing the next token from a model's logits: temperature, top-k, top-p; knows no model and no text."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unrolled.shapes import Array, real_number, whole_number

__all__ = ["Sampling", "log_softmax"]


@dataclass(frozen=True)
class Sampling:
    r"""How freely the next token is chosen; token 0, which stands for what is unknown, never is.

    Equations, over the tokens k > 0:
        (1) p_k = exp(z_k / temperature) / sum_j exp(z_j / temperature)
        (2) top_k: p_k = 0 for all but the k likeliest
        (3) top_p: p_k = 0 outside the smallest set of likeliest tokens whose sum is at least top_p of what (2) left
        (4) what is left is divided by its sum

    Args:
        temperature: below 1 plays safe, above 1 dares more; 0 always takes the likeliest.
        top_k: how many tokens may come; `None` allows all.
        top_p: the part of the probability that may come, in (0, 1]; 1 allows all.

    Raises:
        ParameterError: one of them is out of its range.

    Source: (2) Fan, Lewis & Dauphin 2018; (3) the nucleus of Holtzman et al. 2020, equations 2 and 3.

    >>> Sampling(top_p=0.7).probabilities(np.log([[0.9, 0.2, 0.5, 0.3]])).round(3).tolist()
    [[0.0, 0.0, 0.625, 0.375]]
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float = 1.0

    def __post_init__(self) -> None:
        real_number("temperature", self.temperature, at_least=0, remedy="0.8 is usual")
        if self.top_k is not None:
            whole_number("top_k", self.top_k, remedy="leave it out to allow all")
        real_number("top_p", self.top_p, above=0, at_most=1, remedy="leave it out to allow all")

    def probabilities(self, logits: Array) -> NDArray[np.float64]:
        """What each token is drawn with: logits `(N, V)` to probabilities `(N, V)`, every row summing to 1."""
        z = logits[:, 1:].astype(np.float64)
        z -= z.max(1, keepdims=True)
        if self.temperature == 0:
            likeliest = z.argmax(1)
            z[:] = -np.inf
            z[np.arange(len(z)), likeliest] = 0
        else:
            with np.errstate(over="ignore"):  # a very low temperature: -inf is right
                z /= self.temperature
        p = np.exp(z)
        if self.top_k is not None or self.top_p < 1:
            order = np.argsort(-p, axis=1, kind="stable")  # likeliest first
            ranked = np.take_along_axis(p, order, 1)
            ranked[:, self.top_k or p.shape[1] :] = 0
            before = ranked.cumsum(1) - ranked
            ranked[before >= self.top_p * ranked.sum(1, keepdims=True)] = 0
            np.put_along_axis(p, order, ranked, 1)
        p /= p.sum(1, keepdims=True)
        return np.concatenate([np.zeros((len(p), 1)), p], 1)

    def choose(self, logits: Array, rng: np.random.Generator) -> NDArray[np.int32]:
        """Draws one token for each row of `(N, V)`, with one random number each."""
        cumulative = self.probabilities(logits).cumsum(1)
        drawn = rng.random(len(logits)) * cumulative[:, -1]
        # <= passes over tokens of probability zero even where the random number is exactly 0
        return (cumulative <= drawn[:, None]).sum(1).astype(np.int32)


def log_softmax(logits: Array) -> NDArray[np.float64]:
    """`log softmax` of each row, in float64, finite however large the logits are."""
    z = logits.astype(np.float64)
    z -= z.max(-1, keepdims=True)
    return z - np.log(np.exp(z).sum(-1, keepdims=True))
