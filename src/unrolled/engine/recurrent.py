"""One recurrent layer over a whole sequence, forward and backward, on the compiled kernels; no parameters are kept here.

Gate order: i, f, g, o (LSTM). Arrays are `(T, N, n)`, C-contiguous. This is the face that `unrolled.layers` calls: it allocates what
the kernels fill, and trusts its caller for shapes, which `layers` has checked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from unrolled.engine import _native
from unrolled.engine.arrays import aligned_empty, aligned_zeros
from unrolled.engine.products import dense_backward, dense_forward, pack
from unrolled.shapes import Array

__all__ = ["GATES", "Backward", "Cell", "Forward", "Weights", "backward", "forward"]

Cell = Literal["lstm", "rnn"]
GATES: dict[Cell, int] = {"lstm": 4, "rnn": 1}

_RING_ROWS = 256  # rows of gates held at once where they need not be kept
_CHUNK_ROWS = 512  # rows of gate gradients held at once: enough for the sums' products, few enough for the cache


class Weights:
    """One layer's weights with their packed copies, made when first asked for and valid for as long as the arrays do not change.

    Args:
        cell: which equations.
        weight_ih: `(G H, I)`.
        weight_hh: `(G H, H)`.
        bias: `(G H,)`.
    """

    def __init__(self, cell: Cell, weight_ih: Array, weight_hh: Array, bias: Array) -> None:
        self.cell: Cell = cell
        self.weight_ih, self.weight_hh, self.bias = weight_ih, weight_hh, bias
        self.G = GATES[cell]
        self.H, self.I = weight_hh.shape[1], weight_ih.shape[1]
        self._packed: dict[str, Array] = {}

    def panels(self, name: Literal["ih", "hh"], *, backward: bool) -> Array:
        """The packed copy of `weight_ih` or `weight_hh`, for the forward product or for the one with its transpose."""
        key = f"{name}_{'backward' if backward else 'forward'}"
        if key not in self._packed:
            weight, inputs = (self.weight_ih, self.I) if name == "ih" else (self.weight_hh, self.H)
            if backward:
                self._packed[key] = pack(weight, 1, inputs, self.G * self.H, transposed=False)
            else:
                self._packed[key] = pack(weight, self.G, self.H, inputs, transposed=True)
        return self._packed[key]


@dataclass
class Forward:
    """What a forward pass leaves; `backward` reads all of it."""

    x: Array | None  # (T, N, I)
    tokens: NDArray[np.int32] | None  # (T, N)
    embedding: Array | None  # (V, I)
    h0: Array  # (N, H)
    c0: Array | None  # (N, H), LSTM
    y: Array  # (T, N, H): h of every step
    c: Array | None  # (T, N, H) when kept, else (N, H): the last one; LSTM
    gates: Array | None  # (T, N, G, H) when kept; LSTM

    @property
    def h_last(self) -> Array:
        """(N, H)"""
        return self.y[-1] if self.y.shape[0] else self.h0

    @property
    def c_last(self) -> Array | None:
        """(N, H)"""
        if self.c is None or self.c.ndim == 2:
            return self.c
        return self.c[-1] if self.c.shape[0] else self.c0


@dataclass
class Backward:
    """Gradients of one layer, summed over time and batch."""

    dx: Array | None  # (T, N, I)
    dembedding: Array | None  # (V, I)
    dh0: Array  # (N, H)
    dc0: Array | None  # (N, H)
    dweight_ih: Array  # (G H, I)
    dweight_hh: Array  # (G H, H)
    dbias: Array  # (G H,)


def forward(
    weights: Weights,
    x: Array | None,
    h0: Array,
    c0: Array | None,
    *,
    keep: bool,
    tokens: NDArray[np.int32] | None = None,
    embedding: Array | None = None,
) -> Forward:
    """Runs one layer over a sequence.

    Args:
        weights: the layer's.
        x: inputs, `(T, N, I)`; `None` when tokens are given.
        h0: `(N, H)`.
        c0: `(N, H)` for an LSTM, else `None`.
        keep: keep the gates and cell states of every step, as `backward` and a trace need them.
        tokens: `(T, N)`, rows of `embedding`: then `embedding @ weight_ih' + bias` is a table of V rows and the input product
            a look-up in it.
        embedding: `(V, I)`.
    """
    G, H = weights.G, weights.H
    dtype = weights.weight_hh.dtype
    lstm = weights.cell == "lstm"
    table = None
    if tokens is None:
        assert x is not None
        T, N, inputs = x.shape
        panels_ih = weights.panels("ih", backward=False)
    else:
        assert embedding is not None
        (T, N), inputs = tokens.shape, weights.I
        table = dense_forward(embedding, weights.weight_ih, weights.bias)
        panels_ih = None
    keep_gates = keep and lstm
    ring = T if keep_gates else min(T, max(1, -(-_RING_ROWS // max(N, 1))))
    y = aligned_empty((T, N, H), dtype)
    c = aligned_empty((T, N, H) if keep else (N, H), dtype) if lstm else None
    if c is not None and c0 is not None and not T and not keep:
        c[...] = c0
    gates = aligned_empty((ring, N, G, H), dtype)
    _native.forward(
        weights.cell, T, N, inputs, H, x, tokens, table, panels_ih, weights.panels("hh", backward=False),
        None if tokens is not None else weights.bias, h0, c0, y, c, gates, ring, keep,
    )  # fmt: skip
    return Forward(x, tokens, embedding, h0, c0, y, c, gates if keep_gates else None)


def backward(
    weights: Weights,
    run: Forward,
    dy: Array | None,
    dh_last: Array | None,
    dc_last: Array | None,
    *,
    need_dx: bool = True,
) -> Backward:
    """Carries gradients back through `forward(..., keep=True)`.

    Args:
        weights: the ones of the forward pass, unchanged.
        run: what it left.
        dy: gradient of `run.y`, `(T, N, H)`, or `None` for zero.
        dh_last: gradient of the last h beyond `dy`, `(N, H)`, or `None` for zero.
        dc_last: gradient of the last c, `(N, H)`, or `None` for zero.
        need_dx: `False` leaves `dx` out.
    """
    G, H, inputs = weights.G, weights.H, weights.I
    T, N, _ = run.y.shape
    dtype = run.y.dtype
    lstm, by_token = weights.cell == "lstm", run.tokens is not None
    dc = None
    if lstm:
        dc = aligned_empty((N, H), dtype)
        dc[...] = 0 if dc_last is None else dc_last
    dh0 = aligned_empty((N, H), dtype)
    dx = aligned_empty((T, N, inputs), dtype) if need_dx and not by_token else None
    dweight_hh = aligned_zeros((G * H, H), dtype)
    dweight_ih = dbias = dtable = None
    if run.embedding is not None:
        dtable = aligned_zeros((run.embedding.shape[0], G * H), dtype)
    else:
        dweight_ih, dbias = aligned_zeros((G * H, inputs), dtype), aligned_zeros((G * H,), dtype)
    chunk = max(1, min(T, -(-_CHUNK_ROWS // max(N, 1))))
    scratch = aligned_empty(
        (_native.backward_scratch(run.y, weights.cell, N, inputs, H, by_token, chunk),), dtype
    )
    _native.backward(
        weights.cell, T, N, inputs, H, run.x, run.tokens, run.h0, run.c0, run.y, run.c, run.gates,
        weights.panels("hh", backward=True), weights.panels("ih", backward=True) if dx is not None else None,
        dy, dh_last, dc, dh0, dx, dweight_ih, dweight_hh, dbias, dtable, scratch, chunk,
    )  # fmt: skip
    dembedding = None
    if run.embedding is not None and dtable is not None:
        # forward: table = embedding @ weight_ih' + bias
        dembedding, dweight_ih, dbias = dense_backward(run.embedding, weights.weight_ih, dtable)
    assert dweight_ih is not None
    assert dbias is not None
    return Backward(dx, dembedding, dh0, dc, dweight_ih, dweight_hh, dbias)
