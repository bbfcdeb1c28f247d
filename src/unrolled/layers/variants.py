"""One layer of a variant of a cell, in one direction or two: masks drawn, directions side by side; no equations.

They are those of `unrolled.engine.variants`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unrolled.engine import recurrent as engine
from unrolled.engine.variants import Variant, VariantRun
from unrolled.layers.embedding import rows_gradient
from unrolled.layers.masks import dropout_mask, zoneout_mask
from unrolled.layers.options import Options
from unrolled.shapes import Array

__all__ = ["VariantLayer", "VariantLayerRun"]


@dataclass
class VariantLayerRun:
    """What a forward pass leaves; `backward` reads all of it."""

    directions: list[VariantRun]
    tokens: NDArray[np.int32] | None  # (T, N)
    embedding: Array | None  # (V, I)
    y: Array  # (T, N, D R)
    h_n: Array  # (D, N, R)
    c_n: Array | None  # (D, N, H), LSTM


class VariantLayer:
    """One layer with the face of a one-layer `engine.recurrent.Network`; R is the size of h.

    Args:
        cell: which equations.
        weights: of each direction, in the order of `engine.variants.Options.parameters`. They are held, not copied.
        options: which variants, and their rates.
    """

    def __init__(self, cell: engine.Cell, weights: Sequence[Sequence[Array]], options: Options) -> None:
        names = options.variant.parameters(cell)
        self._options = options
        self._variants = [Variant(cell, options.variant, dict(zip(names, own, strict=True))) for own in weights]

    def forward(
        self,
        version: int,
        x: Array | None,
        h0: Array,
        c0: Array | None,
        *,
        keep: bool,
        tokens: NDArray[np.int32] | None,
        embedding: Array | None,
        padding: engine.Padding | None,
        rng: np.random.Generator | None,
    ) -> VariantLayerRun:
        """Runs a batch of sequences through both directions.

        Args:
            version: of the weights; packed copies of another one are made anew.
            x: inputs, `(T, N, I)`; `None` when tokens are given.
            h0: `(D, N, R)`.
            c0: `(D, N, H)` for an LSTM, else `None`.
            keep: whether `backward` and a trace will come.
            tokens: `(T, N)`, rows of `embedding`.
            embedding: `(V, I)`.
            padding: for sequences of unequal lengths.
            rng: what masks are drawn from; `None` draws none: rates stand in the place of zoneout's.
        """
        if x is None:
            assert embedding is not None
            x = embedding[tokens]
        (T, N), (D, _, R) = x.shape[:2], h0.shape
        rates = self._options.zoneout
        runs: list[VariantRun] = []
        for d, variant in enumerate(self._variants):
            recurrent_mask, zoneout_h, zoneout_c = None, rates[0] or None, rates[1] or None
            if rng is not None:
                if self._options.recurrent_dropout:
                    recurrent_mask = dropout_mask(rng, self._options.recurrent_dropout, (N, R), x.dtype)
                if rates[0]:
                    zoneout_h = zoneout_mask(rng, rates[0], (T, N, R), x.dtype)
                if rates[1] and c0 is not None:
                    zoneout_c = zoneout_mask(rng, rates[1], (T, *c0.shape[1:]), x.dtype)
            run = variant.forward(
                x, h0[d], None if c0 is None else c0[d],
                padding=padding, reverse=d == 1, recurrent_mask=recurrent_mask,
                zoneout_h=zoneout_h, zoneout_c=zoneout_c, keep=keep, version=version,
            )  # fmt: skip
            runs.append(run)
        y = runs[0].y if D == 1 else np.concatenate([run.y for run in runs], axis=2)
        c_n = None if c0 is None else np.stack([run.c_n for run in runs if run.c_n is not None])
        return VariantLayerRun(runs, tokens, embedding, y, np.stack([run.h_n for run in runs]), c_n)

    def backward(
        self, run: VariantLayerRun, dy: Array | None, dh_n: Array | None, dc_n: Array | None, *, need_dx: bool
    ) -> engine.Backward:
        """Carries gradients back through `forward`, as `Network.backward` does."""
        R = run.h_n.shape[2]
        backs = [
            variant.backward(
                run.directions[d],
                None if dy is None else np.ascontiguousarray(dy[:, :, d * R : (d + 1) * R]),
                None if dh_n is None else dh_n[d],
                None if dc_n is None else dc_n[d],
                need_dx=need_dx or run.tokens is not None,
            )
            for d, variant in enumerate(self._variants)
        ]
        dx = None
        for back in backs:  # forward: both directions read the same x
            dx = back.dx if dx is None or back.dx is None else dx + back.dx
        dembedding = None
        if run.tokens is not None:
            assert run.embedding is not None
            assert dx is not None
            # forward: x = embedding[tokens]
            dx, dembedding = None, rows_gradient(run.tokens, dx, run.embedding)
        dc0 = None if run.c_n is None else np.stack([back.dc0 for back in backs if back.dc0 is not None])
        directions = [list(back.parameters.values()) for back in backs]
        return engine.Backward(directions, dx, dembedding, np.stack([back.dh0 for back in backs]), dc0)

    @staticmethod
    def trace(run: VariantLayerRun, direction: int) -> dict[str, Array]:
        """Every gate and state of every step by name, `(T, N, H)` each, and h `(T, N, R)`."""
        return run.directions[direction].trace()
