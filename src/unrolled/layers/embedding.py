"""A table with one row for each token, forward and backward; a recurrent layer behind it may use the table itself."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unrolled.engine.arrays import checked_tokens
from unrolled.layers.dense import leading_axes
from unrolled.layers.inputs import TO_PAD, not_run
from unrolled.layers.layer import Layer
from unrolled.layers.options import checked_generator
from unrolled.shapes import Array, as_array, check_shape, whole_number

__all__ = ["Embedding", "EmbeddingGradients", "EmbeddingRun", "rows_gradient"]

Tokens = NDArray[np.integer[Any]]


def rows_gradient(tokens: Tokens, dy: Array, weight: Array) -> Array:
    """The gradient of `weight` from that of `weight[tokens]`: each row sums the `dy` of its token."""
    dweight = np.zeros_like(weight)
    if tokens.size:
        # equal tokens are brought together, then each stretch is summed
        flat = tokens.reshape(-1)
        order = np.argsort(flat, kind="stable")
        present, starts = np.unique(flat[order], return_index=True)
        dweight[present] = np.add.reduceat(dy.reshape(-1, weight.shape[1])[order], starts, axis=0)
    return dweight


class EmbeddingRun(NamedTuple):
    """What `Embedding.backward` needs of the forward pass."""

    output: Array  # (..., E)
    state: Any  # handed through untouched: this layer has none of its own
    tokens: Tokens  # (...)


class EmbeddingGradients(NamedTuple):
    """Gradients of J; tokens are no numbers, so `x` is always `None`."""

    parameters: dict[str, Array]
    x: None
    state: Any


class Embedding(Layer):
    """Looks up one row of `weight` for each token.

    Equations:
        (1) y[j] = weight[tokens[j]]

    Args:
        vocabulary_size: V, how many tokens there are.
        embedding_size: E, the length of a row.
        dtype: `"float32"` or `"float64"`.
        seed: of the initial weights, standard normal; `None` differs each time.

    Raises:
        ParameterError: a size is no positive whole number, or the dtype or the seed is none.

    Source: Bengio et al. 2003, the matrix C.

    >>> embedding = Embedding(65, 8, seed=0)
    >>> y, _ = embedding(np.array([[3, 3], [64, 0]]))
    >>> y.shape, bool((y[0, 0] == y[0, 1]).all())
    ((2, 2, 8), True)
    """

    def __init__(
        self,
        vocabulary_size: int,
        embedding_size: int,
        *,
        dtype: str = "float32",
        seed: int | np.random.Generator | None = None,
    ) -> None:
        super().__init__(dtype)
        remedy = "how large is the table?"
        self.vocabulary_size = whole_number("vocabulary_size", vocabulary_size, remedy=remedy)
        self.embedding_size = whole_number("embedding_size", embedding_size, remedy=remedy)
        rng = checked_generator(seed)
        self._create("weight", "V, E", rng.normal(size=(self.vocabulary_size, self.embedding_size)))

    def forward(self, tokens: ArrayLike, state: Any = None) -> EmbeddingRun:
        """Looks up every token, and keeps the tokens for `backward`.

        Args:
            tokens: `(...)`, usually `(T, N)`, integers from 0 to V - 1.
            state: handed through: this layer has none.

        Returns:
            A run with `output` `(..., E)`.

        Raises:
            ShapeError: `tokens` is ragged.
            ParameterError: a token is no integer, or not in the table.
        """
        given = as_array("tokens", tokens, "T, N", TO_PAD)
        axes, lengths = leading_axes(given.ndim), (None,) * given.ndim
        checked = checked_tokens("tokens", given, axes, lengths, self.vocabulary_size).reshape(given.shape)
        return EmbeddingRun(self._arrays["weight"][checked], state, checked)

    def backward(self, run: EmbeddingRun, dy: Array) -> EmbeddingGradients:
        """Carries `dy = dJ/dy`, `(..., E)`, back: each row of `dweight` `(V, E)` sums the `dy` of its token.

        Raises:
            ShapeError: `dy` does not have the shape of the output.
            ParameterError: `run` is none.
        """
        if not isinstance(run, EmbeddingRun):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise not_run(run)
        axes = leading_axes(run.tokens.ndim, "E")
        check_shape("dy", dy.shape, axes, run.output.shape, "dy is the gradient of this run's output")
        # forward (1): y[j] = weight[tokens[j]]
        return EmbeddingGradients({"weight": rows_gradient(run.tokens, dy, self._arrays["weight"])}, None, None)

    def __call__(self, tokens: ArrayLike, state: Any = None) -> tuple[Array, Any]:
        """Looks up every token and keeps nothing: `(...)` to `(..., E)`, and the state untouched."""
        return self.forward(tokens, state).output, state

    def step(self, tokens: ArrayLike, state: Any = None) -> tuple[Array, Any]:
        """One step of a stream: `(N,)` to `(N, E)`; the same as a call, as nothing is remembered."""
        return self(tokens, state)
