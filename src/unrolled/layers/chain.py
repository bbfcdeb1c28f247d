"""Recurrent layers one after the other, with dropout between them and their directions merged; no cell's equations.

Where nothing stands between the layers, `engine.recurrent.Network` runs all of them in one native call instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unrolled.engine import recurrent as engine
from unrolled.layers.masks import dropout_mask
from unrolled.layers.options import Options
from unrolled.shapes import Array

__all__ = ["Chain", "ChainRun"]


@dataclass
class ChainRun:
    """What a forward pass leaves; `backward` reads all of it."""

    levels: list[engine.Forward]  # one for each layer
    masks: list[Array | None]  # what each layer's input was multiplied by
    y: Array  # (T, N, W): the last layer's merged output
    h_n: Array  # (L D, N, H)
    c_n: Array | None  # (L D, N, H), LSTM


class Chain:
    """Layers that are run one by one, each in both directions; they have the face of `engine.recurrent.Network`.

    Args:
        cell: which equations.
        directions: D, of each layer.
        weights: as `engine.recurrent.Network` takes them. They are held, not copied.
        options: dropout and merge.
    """

    def __init__(
        self, cell: engine.Cell, directions: int, weights: Sequence[Sequence[Array]], options: Options
    ) -> None:
        self._D, self._options = directions, options
        each = range(0, len(weights), directions)
        self._levels = [engine.Network(cell, 1, directions, weights[first : first + directions]) for first in each]

    def forward(
        self,
        version: int,
        x: Array | None,
        h0: Array,
        c0: Array | None,
        *,
        keep: engine.Keep,
        tokens: NDArray[np.int32] | None = None,
        embedding: Array | None = None,
        padding: engine.Padding | None = None,
        rng: np.random.Generator | None = None,
    ) -> ChainRun:
        """Runs a batch of sequences through all layers, as `Network.forward` does.

        Args:
            version: as there.
            x: as there.
            h0: as there.
            c0: as there.
            keep: as there.
            tokens: as there.
            embedding: as there.
            padding: as there.
            rng: what masks are drawn from; `None` draws none: inference.
        """
        runs: list[engine.Forward] = []
        masks: list[Array | None] = []
        rate = 0.0 if rng is None else self._options.dropout
        for k, level in enumerate(self._levels):
            mask = None
            if k and rate:
                assert x is not None
                assert rng is not None
                # between layers: x = m * y of the layer below
                mask = dropout_mask(rng, rate, x.shape, x.dtype)
                x = x * mask
            own = slice(k * self._D, (k + 1) * self._D)
            c_own = None if c0 is None else c0[own]
            given = (tokens, embedding) if k == 0 else (None, None)
            run = level.forward(
                version, x, h0[own], c_own, keep=keep, tokens=given[0], embedding=given[1], padding=padding
            )
            runs.append(run)
            masks.append(mask)
            x = self._merged(run.y)
        assert x is not None
        c_n = None if c0 is None else np.concatenate([run.c_n for run in runs if run.c_n is not None])
        return ChainRun(runs, masks, x, np.concatenate([run.h_n for run in runs]), c_n)

    def backward(
        self, run: ChainRun, dy: Array | None, dh_n: Array | None, dc_n: Array | None, *, need_dx: bool = True
    ) -> engine.Backward:
        """Carries gradients back through `forward`, as `Network.backward` does.

        Args:
            run: what it left.
            dy: as there, of the merged output.
            dh_n: as there.
            dc_n: as there.
            need_dx: as there.
        """
        backs: list[engine.Backward] = []
        for k in reversed(range(len(self._levels))):
            own = slice(k * self._D, (k + 1) * self._D)
            back = self._levels[k].backward(
                run.levels[k],
                None if dy is None else self._unmerged(dy, run.levels[k].y),
                None if dh_n is None else dh_n[own],
                None if dc_n is None else dc_n[own],
                need_dx=need_dx or k > 0,
            )
            backs.insert(0, back)
            dy, mask = back.dx, run.masks[k]
            if mask is not None:
                # forward: x = m * y
                assert dy is not None
                dy = dy * mask
        dc0 = None if run.c_n is None else np.concatenate([back.dc0 for back in backs if back.dc0 is not None])
        directions = [parts for back in backs for parts in back.directions]
        return engine.Backward(directions, dy, backs[0].dembedding, np.concatenate([back.dh0 for back in backs]), dc0)

    def kept(self, run: ChainRun, index: int) -> tuple[Array, Array | None, Array | None]:
        """What layer and direction `index` kept, as `Network.kept`."""
        k, direction = divmod(index, self._D)
        return self._levels[k].kept(run.levels[k], direction)

    def _merged(self, y: Array) -> Array:
        """The two directions' outputs, which stand side by side in `y`, as one."""
        merge = self._options.merge
        if merge == "concat":
            return y
        forward, backward = np.split(y, 2, axis=2)
        if merge == "mul":
            return forward * backward
        both = forward + backward
        return both / 2 if merge == "ave" else both

    def _unmerged(self, dy: Array, y: Array) -> Array:
        """The gradient of `y` from that of `_merged(y)`."""
        merge = self._options.merge
        if merge == "concat":
            return dy
        if merge == "mul":
            # forward: m = forward * backward
            forward, backward = np.split(y, 2, axis=2)
            return np.concatenate([dy * backward, dy * forward], axis=2)
        # forward: m = forward + backward, or half of it
        return np.concatenate([dy, dy], axis=2) / (2 if merge == "ave" else 1)
