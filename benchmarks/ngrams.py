"""A character n-gram model with absolute discounting: what counting alone makes of a text; no network."""

from __future__ import annotations

import numpy as np

from unrolled.data.text import Vocabulary

__all__ = ["NGrams", "choose"]

DISCOUNTS = (0.5, 0.7, 0.8, 0.9, 0.95)
ORDERS = range(3, 8)


class NGrams:
    """Predicts each character from the n - 1 before it, and from fewer where those were seldom seen.

    Equations, with c(h, w) how often w followed h in the text, and h' = h without its oldest character:
        (1) p_n(w | h) = max(c(h, w) - D, 0) / c(h) + D * |{w: c(h, w) > 0}| / c(h) * p_{n-1}(w | h')
        (2) p_n(w | h) = p_{n-1}(w | h') where c(h) = 0, and p_0 = 1 / V

    Args:
        text: to count in.
        order: n.

    Source: Ney, Essen & Kneser 1994, equation 16, with one D for all orders and interpolation down to p_0.
    """

    def __init__(self, text: str, order: int) -> None:
        self.vocabulary = Vocabulary.of(text)
        self.order = order
        V = len(self.vocabulary)
        if V**order > np.iinfo(np.int64).max:
            raise ValueError(f"`order` is {order}, expected less: {V} characters to that power do not fit in 64 bits")
        tokens = self.vocabulary.encode(text)
        self._grams = [np.unique(self._coded(tokens, n), return_counts=True) for n in range(1, order + 1)]
        self._contexts = [self._of_contexts(grams, counts) for grams, counts in self._grams]

    def _coded(self, tokens: np.ndarray, n: int) -> np.ndarray:
        """Every n characters in a row as one number, `(len(tokens) - n + 1,)`."""
        codes = np.zeros(len(tokens) - n + 1, np.int64)
        for offset in range(n):
            codes = codes * len(self.vocabulary) + tokens[offset : offset + len(codes)]
        return codes

    def _of_contexts(self, grams: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Every h, c(h), and how many different characters followed it."""
        contexts, places, followers = np.unique(grams // len(self.vocabulary), return_inverse=True, return_counts=True)
        return contexts, np.bincount(places, counts), followers

    def probabilities(self, text: str, discount: float) -> np.ndarray:
        """Of every character of `text` but the first `order - 1`, `(len(text) - order + 1,)`."""
        V, tokens = len(self.vocabulary), self.vocabulary.encode(text)
        p = np.full(len(tokens) - self.order + 1, 1 / V)
        for n, (grams, counts), (contexts, totals, followers) in zip(
            range(1, self.order + 1), self._grams, self._contexts, strict=True
        ):
            codes = self._coded(tokens[self.order - n :], n)
            count = _looked_up(grams, counts, codes)
            total, different = (_looked_up(contexts, each, codes // V) for each in (totals, followers))
            seen = np.maximum(total, 1)
            p = np.where(total > 0, np.maximum(count - discount, 0) / seen + discount * different / seen * p, p)  # (1)
        return p

    def evaluate(self, text: str, discount: float) -> float:
        """The mean of `-log p`, nats per character."""
        return float(-np.log(self.probabilities(text, discount)).mean())


def _looked_up(keys: np.ndarray, values: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """The value of each wanted key, 0 for those that are not there; `keys` are sorted."""
    places = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[places] == wanted, values[places], 0)


def choose(text: str, held_out: str) -> tuple[int, float]:
    """The order and the discount that predict `held_out` best, of those tried."""
    losses: dict[tuple[int, float], float] = {}
    for order in ORDERS:
        model = NGrams(text, order)
        losses |= {(order, discount): model.evaluate(held_out, discount) for discount in DISCOUNTS}
    return min(losses, key=losses.__getitem__)
