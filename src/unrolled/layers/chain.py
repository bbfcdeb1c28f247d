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
from unrolled.layers.variants import VariantLayer, VariantLayerRun
from unrolled.shapes import Array

__all__ = ["Chain", "ChainRun", "named"]

_GATES: dict[engine.Cell, str] = {
    "lstm": "ifgo",
    "gru_after": "rzn",
    "gru_before": "rzn",
    "rnn_tanh": "",
    "rnn_relu": "",
}


def named(cell: engine.Cell, kept: tuple[Array, Array | None, Array | None]) -> dict[str, Array]:
    """What `Network.kept` gives of one layer and direction, as gates and states by name."""
    h, c, gates = kept
    trace = {} if gates is None else {name: gates[:, :, k] for k, name in enumerate(_GATES[cell])}
    return trace | ({} if c is None else {"c": c}) | {"h": h}


@dataclass
class ChainRun:
    """What a forward pass leaves; `backward` reads all of it."""

    levels: list[engine.Forward | VariantLayerRun]  # one for each layer
    masks: list[Array | None]  # what each layer's input was multiplied by
    y: Array  # (T, N, W): the last layer's merged output
    h_n: Array  # (L D, N, H)
    c_n: Array | None  # (L D, N, H), LSTM


class Chain:
    """Layers that are run one by one, each in both directions; they have the face of `engine.recurrent.Network`.

    Args:
        cell: which equations.
        directions: D, of each layer.
        weights: of each layer and direction, in the order of `engine.variants.Options.parameters`. They are held, not
            copied.
        options: dropout, merge, and the cell's variants.
    """

    def __init__(
        self, cell: engine.Cell, directions: int, weights: Sequence[Sequence[Array]], options: Options
    ) -> None:
        self._cell: engine.Cell = cell
        self._D, self._options, self._dtype = directions, options, weights[0][0].dtype
        each = [weights[first : first + directions] for first in range(0, len(weights), directions)]
        # of a kind: all plain, or all varied
        self._plain = [] if options.varied else [engine.Network(cell, 1, directions, own) for own in each]
        self._varied = [VariantLayer(cell, own, options) for own in each] if options.varied else []

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
        runs: list[engine.Forward | VariantLayerRun] = []
        masks: list[Array | None] = []
        rate = 0.0 if rng is None else self._options.dropout
        for k in range(len(h0) // self._D):
            mask = None
            if k and rate:
                assert x is not None
                assert rng is not None
                # between layers: x = m * y of the layer below
                mask = dropout_mask(rng, rate, x.shape, x.dtype)
                x = x * mask
            own = slice(k * self._D, (k + 1) * self._D)
            h_own, c_own = h0[own], None if c0 is None else c0[own]
            rows, table = (tokens, embedding) if k == 0 else (None, None)
            if self._varied:
                run = self._varied[k].forward(
                    version, x, h_own, c_own,
                    keep=keep != "nothing", tokens=rows, embedding=table, padding=padding, rng=rng,
                )  # fmt: skip
            else:
                run = self._plain[k].forward(
                    version, x, h_own, c_own, keep=keep, tokens=rows, embedding=table, padding=padding
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
        for k, level in reversed(list(enumerate(run.levels))):
            own = slice(k * self._D, (k + 1) * self._D)
            upstream = None if dy is None else self._unmerged(dy, level.y)
            dh_own, dc_own = None if dh_n is None else dh_n[own], None if dc_n is None else dc_n[own]
            needed = need_dx or k > 0
            if isinstance(level, VariantLayerRun):
                back = self._varied[k].backward(level, upstream, dh_own, dc_own, need_dx=needed)
            else:
                back = self._plain[k].backward(level, upstream, dh_own, dc_own, need_dx=needed)
            backs.insert(0, back)
            dy, mask = back.dx, run.masks[k]
            if mask is not None:
                # forward: x = m * y
                assert dy is not None
                dy = dy * mask
        dc0 = None if run.c_n is None else np.concatenate([back.dc0 for back in backs if back.dc0 is not None])
        directions = [parts for back in backs for parts in back.directions]
        return engine.Backward(directions, dy, backs[0].dembedding, np.concatenate([back.dh0 for back in backs]), dc0)

    def step(self, version: int, x: Array, h: Array, c: Array | None, h_new: Array, c_new: Array | None) -> None:
        """One step of a stream, as a `stepper` of `Network` runs it: x `(N, I)`, states `(L, N, .)`.

        Raises:
            TypeError: an array does not lie as the kernels need it, or one lies in another.
        """
        for array in (x, h, c, h_new, c_new):
            if array is not None and not (array.dtype == x.dtype == self._dtype and array.flags.c_contiguous):
                raise TypeError
        if c_new is not None and np.may_share_memory(h_new, c_new):
            raise TypeError
        run = self.forward(version, x[np.newaxis], h, c, keep="nothing")
        h_new[...] = run.h_n
        if c_new is not None and run.c_n is not None:
            c_new[...] = run.c_n

    def trace(self, run: ChainRun, index: int) -> dict[str, Array]:
        """Every gate and state of layer and direction `index`, by name."""
        k, direction = divmod(index, self._D)
        level = run.levels[k]
        if isinstance(level, VariantLayerRun):
            return self._varied[k].trace(level, direction)
        return named(self._cell, self._plain[k].kept(level, direction))

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
