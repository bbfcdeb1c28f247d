"""All layers and directions of a recurrent network over a batch, forward and backward, each one native call.

Gate order: i, f, g, o (LSTM); r, z, n (GRU, in both forms). Arrays are `(T, N, n)`. This is the face that
`unrolled.layers` calls: it allocates the results, and trusts its caller for shapes, which `layers` has checked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from unrolled.engine import _native
from unrolled.engine.arrays import aligned_empty, aligned_zeros
from unrolled.engine.products import dense_backward, dense_forward
from unrolled.shapes import Array

__all__ = ["CELLS", "KEEP", "Backward", "Cell", "CellShape", "Forward", "Keep", "Network", "Padding"]

Cell = Literal["lstm", "gru_after", "gru_before", "rnn_tanh", "rnn_relu"]
# What a forward pass keeps for `backward`: gates and cells; cells, the gates being computed again; neither, the
# cells being computed again from checkpoints; or nothing at all: inference.
Keep = Literal["gates", "cells", "checkpoints", "nothing"]
KEEP: dict[Keep, int] = {"gates": 0, "cells": 1, "checkpoints": 2, "nothing": 3}


@dataclass(frozen=True)
class CellShape:
    """What the face must know of a cell."""

    kind: int  # of table.hpp's CellKind
    gates: int  # blocks of H rows in the weights
    slots: int  # what is kept of each unit and step, where gates are
    has_cell: bool  # c beside h
    has_bias_hn: bool  # a recurrent bias of its own inside the reset product


CELLS: dict[Cell, CellShape] = {
    "lstm": CellShape(0, 4, 4, has_cell=True, has_bias_hn=False),
    "gru_after": CellShape(1, 3, 4, has_cell=False, has_bias_hn=True),
    "gru_before": CellShape(2, 3, 4, has_cell=False, has_bias_hn=False),
    "rnn_tanh": CellShape(3, 1, 1, has_cell=False, has_bias_hn=False),
    "rnn_relu": CellShape(4, 1, 1, has_cell=False, has_bias_hn=False),
}


class Padding:
    """Sequences of unequal lengths in one batch, padded on the right.

    Args:
        lengths: steps of each sequence, `(N,)`, from 0 to T.
        T: steps of the padded batch.
    """

    def __init__(self, lengths: NDArray[np.integer], T: int) -> None:
        self.lengths = np.ascontiguousarray(lengths, np.int32)  # (N,)
        self.order = np.argsort(-self.lengths, kind="stable").astype(np.int32)  # (N,): the longest first
        ended = np.cumsum(np.bincount(self.lengths, minlength=T + 1)[:T])
        self.running = (len(self.lengths) - ended).astype(np.int32)  # (T,): how many have a step s


@dataclass
class Forward:
    """What a forward pass leaves; `backward` reads all of it."""

    native: _native.NetworkRun32 | _native.NetworkRun64
    embedding: Array | None  # (V, I)
    padded: bool
    y: Array  # (T, N, D H): the last layer's h of every step
    h_n: Array  # (L D, N, H): after each sequence's last step
    c_n: Array | None  # (L D, N, H), LSTM


@dataclass
class Backward:
    """Gradients summed over time and batch."""

    directions: list[
        list[Array]
    ]  # of each layer and direction: weight_ih, weight_hh, bias and, where there is one, bias_hn
    dx: Array | None  # (T, N, I)
    dembedding: Array | None  # (V, I)
    dh0: Array  # (L D, N, H)
    dc0: Array | None  # (L D, N, H), LSTM


class Network:
    """The weights of all layers and directions, and what runs them; their packed copies live in native memory.

    Args:
        cell: which equations.
        layers: how many.
        directions: of each layer, 1 or 2.
        weights: of each layer and direction, both of a layer together: `weight_ih` `(G H, I)`, `weight_hh` `(G H, H)`,
            `bias` `(G H,)` and, where the cell has one, `bias_hn` `(H,)`; C-contiguous. They are held, not copied.
    """

    def __init__(self, cell: Cell, layers: int, directions: int, weights: Sequence[Sequence[Array]]) -> None:
        self.shape, self.weights = CELLS[cell], weights
        self.H, self.I = weights[0][1].shape[1], weights[0][0].shape[1]
        self.layers, self.directions = layers, directions
        self.dtype = weights[0][0].dtype
        parts = [[direction[part] for direction in weights] for part in range(len(weights[0]))]
        bias_hn = parts[3] if self.shape.has_bias_hn else []
        kind = _native.Network32 if self.dtype == np.float32 else _native.Network64
        # where each gradient lies in the one stretch that all of them share, and its shape
        self._gradients, self._places = 0, list[list[tuple[slice, tuple[int, ...]]]]()
        for direction in weights:
            self._places.append([])
            for part in direction:
                first, self._gradients = self._gradients, self._gradients + part.size
                self._places[-1].append((slice(first, self._gradients), part.shape))
        self.native = kind(self.shape.kind, self.I, self.H, layers, directions, parts[0], parts[1], parts[2], bias_hn)

    def forward(
        self,
        version: int,
        x: Array | None,
        h0: Array,
        c0: Array | None,
        *,
        keep: Keep,
        tokens: NDArray[np.int32] | None = None,
        embedding: Array | None = None,
        padding: Padding | None = None,
    ) -> Forward:
        """Runs a batch of sequences through all layers.

        Args:
            version: of the weights; packed copies of another one are made anew.
            x: inputs, `(T, N, I)`; `None` when tokens are given.
            h0: `(L D, N, H)`.
            c0: `(L D, N, H)` for an LSTM, else `None`.
            keep: what `backward` and a trace will find.
            tokens: `(T, N)`, rows of `embedding`: then `embedding @ weight_ih' + bias` is a table of V rows and the
                first layer's input product a look-up in it.
            embedding: `(V, I)`.
            padding: for sequences of unequal lengths.
        """
        tables: list[Array] = []
        given = tokens if x is None else x
        assert given is not None
        T, N = given.shape[:2]
        if embedding is not None:
            tables = [dense_forward(embedding, w[0], w[2]) for w in self.weights[: self.directions]]
        y = (aligned_empty if padding is None else aligned_zeros)((T, N, self.directions * self.H), self.dtype)
        h_n = np.empty((self.layers * self.directions, N, self.H), self.dtype)
        c_n = np.empty_like(h_n) if self.shape.has_cell else None
        lengths, order, running = (
            (None, None, None) if padding is None else (padding.lengths, padding.order, padding.running)
        )
        native = self.native.forward(
            version, T, N, x, tokens, tables, lengths, order, running, h0, c0, y, h_n, c_n, KEEP[keep]
        )  # fmt: skip
        return Forward(native, embedding, padding is not None, y, h_n, c_n)

    def backward(
        self, run: Forward, dy: Array | None, dh_n: Array | None, dc_n: Array | None, *, need_dx: bool = True
    ) -> Backward:
        """Carries gradients back through `forward`.

        Args:
            run: what it left; it kept more than nothing, and the weights have not changed.
            dy: gradient of `run.y`, `(T, N, D H)`, or `None` for zero.
            dh_n: gradient of each sequence's last h beyond `dy`, `(L D, N, H)`, or `None` for zero.
            dc_n: gradient of each sequence's last c, `(L D, N, H)`, or `None` for zero.
            need_dx: `False` leaves `dx` out.
        """
        T, N, _ = run.y.shape
        dtype = self.dtype
        flat = (aligned_empty if T else aligned_zeros)((self._gradients,), dtype)
        directions: list[list[Array]] = [[flat[at].reshape(shape) for at, shape in places] for places in self._places]
        dh0 = np.empty((len(self.weights), N, self.H), dtype)
        dc0 = np.empty_like(dh0) if self.shape.has_cell else None
        dx, dtables = None, []
        if run.embedding is not None:
            rows = self.shape.gates * self.H
            dtables = [aligned_zeros((run.embedding.shape[0], rows), dtype) for _ in range(self.directions)]
        elif need_dx:
            dx = (aligned_zeros if run.padded else aligned_empty)((T, N, self.I), dtype)
        self.native.backward(run.native, dy, dh_n, dc_n, flat, dx, dh0, dc0, dtables)
        dembedding = None
        for direction, dtable in enumerate(dtables):
            # forward: table = embedding @ weight_ih' + bias
            assert run.embedding is not None
            more, dweight_ih, dbias = dense_backward(run.embedding, self.weights[direction][0], dtable)
            directions[direction][0][...], directions[direction][2][...] = dweight_ih, dbias
            assert more is not None
            dembedding = more if dembedding is None else dembedding + more
        return Backward(directions, dx, dembedding, dh0, dc0)

    def stepper(self, version: int, N: int) -> _native.Step32 | _native.Step64:
        """One step of all layers, for a batch of N, to be run again and again.

        Its `run(x, h, c, h_new, c_new)` takes x `(N, I)` and the states `(L, N, H)` (c `None` but for an LSTM); the
        new ones may be the old.
        """
        return self.native.step(version, N)

    def kept(self, run: Forward, index: int) -> tuple[Array, Array | None, Array | None]:
        """What layer and direction `index` kept, as views: y `(T, N, H)`, c `(T, N, H)`, gates `(T, N, slots, H)`."""
        return run.native.kept(index, self.shape.slots)
