"""One direction of one recurrent layer over a batch, forward and backward, on the kernels; no parameters are kept.

Gate order: i, f, g, o (LSTM); r, z, n (GRU). Arrays are `(T, N, n)`. This is the face that `unrolled.layers` calls:
it allocates what the kernels fill, and trusts its caller for shapes, which `layers` has checked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from unrolled.engine import _native
from unrolled.engine.arrays import aligned_empty, aligned_zeros
from unrolled.engine.products import dense_backward, dense_forward, pack, pack_phases
from unrolled.shapes import Array

__all__ = [
    "CELLS",
    "Backward",
    "Cell",
    "CellShape",
    "Forward",
    "Keep",
    "Padding",
    "Weights",
    "backward",
    "forward",
    "stepper",
]

Cell = Literal["lstm", "gru_after", "gru_before", "rnn_tanh", "rnn_relu"]
# What a forward pass keeps for `backward`: gates and cells; cells, the gates being computed again; neither, the
# cells being computed again from checkpoints; or nothing at all: inference.
Keep = Literal["gates", "cells", "checkpoints", "nothing"]


@dataclass(frozen=True)
class CellShape:
    """What the face must know of a cell."""

    kind: int  # of table.hpp's CellKind
    phases: tuple[int, ...]  # gates of each phase of a step: kernels/cell.hpp says what that is
    slots: int  # what is kept of each unit and step, where gates are
    has_cell: bool  # c beside h
    has_carry: bool  # hands a gradient to the step before past the gates
    has_bias_hn: bool  # a recurrent bias of its own inside the reset product

    @property
    def gates(self) -> int:
        """Blocks of H rows in the weights."""
        return sum(self.phases)


CELLS: dict[Cell, CellShape] = {
    "lstm": CellShape(0, (4,), 4, has_cell=True, has_carry=True, has_bias_hn=False),
    "gru_after": CellShape(1, (3,), 4, has_cell=False, has_carry=True, has_bias_hn=True),
    "gru_before": CellShape(2, (2, 1), 4, has_cell=False, has_carry=True, has_bias_hn=False),
    "rnn_tanh": CellShape(3, (1,), 1, has_cell=False, has_carry=False, has_bias_hn=False),
    "rnn_relu": CellShape(4, (1,), 1, has_cell=False, has_carry=False, has_bias_hn=False),
}

_FORWARD_ROWS = (
    256  # rows, steps times sequences, whose input products are made at once: one panel serves all of them from L2
)
_CHUNK_ROWS = 512  # rows of gate gradients held at once: enough for the sums' products, few enough for the cache


class Weights:
    """One direction's weights with their packed copies, made when first asked for; valid while the arrays do not
    change.

    Args:
        cell: which equations.
        weight_ih: `(G H, I)`.
        weight_hh: `(G H, H)`.
        bias: `(G H,)`.
        bias_hn: `(H,)`, GRU with the reset gate after the product.
    """

    def __init__(
        self, cell: Cell, weight_ih: Array, weight_hh: Array, bias: Array, bias_hn: Array | None = None
    ) -> None:
        self.cell: Cell = cell
        self.shape = CELLS[cell]
        self.weight_ih, self.weight_hh, self.bias, self.bias_hn = weight_ih, weight_hh, bias, bias_hn
        self.H, self.I = weight_hh.shape[1], weight_ih.shape[1]
        self._packed: dict[str, Array] = {}

    def panels(self, name: Literal["ih", "hh"], *, backward: bool) -> Array:
        """The packed copy of `weight_ih` or `weight_hh`, for the forward product or for the one with its transpose."""
        key = f"{name}_{'backward' if backward else 'forward'}"
        if key not in self._packed:
            weight, inputs = (self.weight_ih, self.I) if name == "ih" else (self.weight_hh, self.H)
            if backward:
                self._packed[key] = pack(weight, 1, inputs, self.shape.gates * self.H, transposed=False)
            else:
                self._packed[key] = pack_phases(weight, self.shape.phases, self.H, inputs)
        return self._packed[key]


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
        self.sequences = np.arange(len(self.lengths))

    def last(self, array: Array, first: Array, *, reverse: bool) -> Array:
        """Each sequence's own last step of `array` `(T, N, H)`; `first` `(N, H)` where a sequence is empty."""
        if array.shape[0] == 0:
            return first
        at_end = array[0] if reverse else array[self.lengths - 1, self.sequences]
        return np.where(self.lengths[:, np.newaxis] > 0, at_end, first)


@dataclass
class Forward:
    """What a forward pass leaves; `backward` reads all of it."""

    call: _native.Forward32 | _native.Forward64
    embedding: Array | None  # (V, I)
    padding: Padding | None
    reverse: bool
    h0: Array  # (N, H)
    c0: Array | None  # (N, H), LSTM
    y: Array  # (T, N, H): h of every step; its rows may lie apart
    c: Array | None  # (T, N, H) when kept, else (N, H): the last one; LSTM
    gates: Array | None  # (T, N, slots, H) when kept
    chunk_starts: NDArray[np.int64]  # falling
    chunk_rows: int

    @property
    def h_last(self) -> Array:
        """(N, H)"""
        return self._last(self.y, self.h0)

    @property
    def c_last(self) -> Array | None:
        """(N, H)"""
        if self.c is None or self.c0 is None or self.c.ndim == 2:
            return self.c
        return self._last(self.c, self.c0)

    def _last(self, array: Array, first: Array) -> Array:
        if self.padding is not None:
            return self.padding.last(array, first, reverse=self.reverse)
        if array.shape[0] == 0:
            return first
        return array[0 if self.reverse else -1]


@dataclass
class Backward:
    """Gradients of one direction of one layer, summed over time and batch."""

    dx: Array | None  # (T, N, I)
    dembedding: Array | None  # (V, I)
    dh0: Array  # (N, H)
    dc0: Array | None  # (N, H)
    dweight_ih: Array  # (G H, I)
    dweight_hh: Array  # (G H, H)
    dbias: Array  # (G H,)
    dbias_hn: Array | None  # (H,), GRU with the reset gate after the product


def _rows(array: Array) -> Array:
    """`(T, N, H)` as `(T N, H)` without a copy."""
    return array.reshape(-1, array.shape[2]) if array.flags.c_contiguous else _strided_rows(array)


def _strided_rows(array: Array) -> Array:
    T, N, H = array.shape
    return np.lib.stride_tricks.as_strided(array, (T * N, H), array.strides[1:])


def _chunks(T: int, N: int, padding: Padding | None) -> tuple[NDArray[np.int64], int]:
    """Where the backward pass' runs of steps begin, the last first, and the most rows of one."""
    if padding is None:
        steps = max(1, -(-_CHUNK_ROWS // max(N, 1)))
        first_of_last = (T - 1) // steps * steps if T else -1
        return np.arange(first_of_last, -1, -steps, dtype=np.int64), min(steps, T) * N
    rows_from = np.zeros(T + 1, np.int64)  # running rows from step s on
    rows_from[:T] = np.cumsum(padding.running[::-1])[::-1]
    found: list[int] = []
    most, end = 0, T
    while end > 0:
        # the last start from which the run has enough rows, or the beginning
        enough = int(rows_from[end]) + _CHUNK_ROWS
        start = max(0, int(np.count_nonzero(rows_from[:end] >= enough)) - 1)
        found.append(start)
        most, end = max(most, int(rows_from[start] - rows_from[end])), start
    return np.array(found, np.int64), most


def forward(
    weights: Weights,
    x: Array | None,
    h0: Array,
    c0: Array | None,
    *,
    keep: Keep,
    tokens: NDArray[np.int32] | None = None,
    embedding: Array | None = None,
    padding: Padding | None = None,
    reverse: bool = False,
    y: Array | None = None,
) -> Forward:
    """Runs one direction of one layer over a batch of sequences.

    Args:
        weights: the direction's.
        x: inputs, `(T, N, I)`; `None` when tokens are given.
        h0: `(N, H)`.
        c0: `(N, H)` for an LSTM, else `None`.
        keep: what `backward` and a trace will find.
        tokens: `(T, N)`, rows of `embedding`: then `embedding @ weight_ih' + bias` is a table of V rows and the
            input product a look-up in it.
        embedding: `(V, I)`.
        padding: for sequences of unequal lengths.
        reverse: read each sequence from its own end.
        y: where to put h of every step, `(T, N, H)`, rows apart if need be; a new array where `None`.
    """
    shape, H = weights.shape, weights.H
    dtype = weights.weight_hh.dtype
    table = panels_ih = None
    if tokens is None:
        assert x is not None
        shape_of_x = x.shape
        panels_ih = weights.panels("ih", backward=False)
    else:
        assert embedding is not None
        shape_of_x = tokens.shape
        table = dense_forward(embedding, weights.weight_ih, weights.bias)
    T, N, inputs = *shape_of_x[:2], weights.I
    if y is None:
        y = (aligned_empty if padding is None else aligned_zeros)((T, N, H), dtype)
    keep_c = keep in ("gates", "cells") and shape.has_cell
    keep_gates = keep == "gates" and shape.has_carry
    c = checkpoints = None
    starts, chunk_rows = _chunks(T, N, padding) if keep != "nothing" else (np.zeros(0, np.int64), 0)
    if shape.has_cell:
        c = (aligned_empty if padding is None else aligned_zeros)((T, N, H) if keep_c else (N, H), dtype)
        if not keep_c:
            c[...] = c0
        if keep == "checkpoints":
            checkpoints = aligned_empty((len(starts), N, H), dtype)
    chunk = min(T, max(1, -(-_FORWARD_ROWS // max(N, 1))))
    new = aligned_zeros if keep_gates and padding is not None else aligned_empty
    gates = new((T if keep_gates else chunk, N, shape.slots, H), dtype)
    call = _native.forward(
        shape.kind, T, N, inputs, H, reverse,
        None if padding is None else padding.lengths, None if padding is None else padding.order,
        None if padding is None else padding.running,
        x, tokens, table, panels_ih, weights.panels("hh", backward=False), None if tokens is not None else weights.bias,
        weights.bias_hn, h0, c0 if shape.has_cell else None, _rows(y), c, keep_c, gates, keep_gates, chunk, checkpoints,
        None if checkpoints is None else starts,
    )  # fmt: skip
    call.run()
    return Forward(
        call, embedding, padding, reverse, h0, c0, y, c, gates if keep_gates else None, starts, chunk_rows
    )  # fmt: skip


def backward(
    weights: Weights,
    run: Forward,
    dy: Array | None,
    dh_last: Array | None,
    dc_last: Array | None,
    *,
    need_dx: bool = True,
) -> Backward:
    """Carries gradients back through `forward`.

    Args:
        weights: the ones of the forward pass, unchanged.
        run: what it left; it kept more than nothing.
        dy: gradient of `run.y`, `(T, N, H)`, rows apart if need be, or `None` for zero.
        dh_last: gradient of each sequence's last h beyond `dy`, `(N, H)`, or `None` for zero.
        dc_last: gradient of each sequence's last c, `(N, H)`, or `None` for zero.
        need_dx: `False` leaves `dx` out.
    """
    shape, H, inputs = weights.shape, weights.H, weights.I
    G = shape.gates
    T, N, _ = run.y.shape
    dtype = run.y.dtype
    carry = None
    if shape.has_carry:
        carry = aligned_empty((N, H), dtype)
        carry[...] = 0 if dc_last is None else dc_last
    dh0 = aligned_empty((N, H), dtype)
    by_token = run.embedding is not None
    dx = None
    if need_dx and not by_token:
        dx = (aligned_empty if run.padding is None else aligned_zeros)((T, N, inputs), dtype)
    dweight_hh = aligned_zeros((G * H, H), dtype)
    dbias_hn = aligned_zeros((H,), dtype) if shape.has_bias_hn else None
    dweight_ih = dbias = dtable = None
    if run.embedding is not None:
        dtable = aligned_zeros((run.embedding.shape[0], G * H), dtype)
    else:
        dweight_ih, dbias = aligned_zeros((G * H, inputs), dtype), aligned_zeros((G * H,), dtype)
    scratch = aligned_empty((_native.backward_scratch(run.call, run.chunk_rows),), dtype)
    _native.backward(
        run.call, weights.panels("hh", backward=True), weights.panels("ih", backward=True) if dx is not None else None,
        None if dy is None else _rows(dy), dh_last, carry, dh0, dx, dweight_ih, dweight_hh, dbias, dbias_hn, dtable,
        scratch, run.chunk_starts, run.chunk_rows,
    )  # fmt: skip
    dembedding = None
    if run.embedding is not None and dtable is not None:
        # forward: table = embedding @ weight_ih' + bias
        dembedding, dweight_ih, dbias = dense_backward(run.embedding, weights.weight_ih, dtable)
    assert dweight_ih is not None
    assert dbias is not None
    return Backward(
        dx, dembedding, dh0, carry if shape.has_cell else None, dweight_ih, dweight_hh, dbias, dbias_hn
    )  # fmt: skip


def stepper(layers: Sequence[Weights], N: int) -> _native.Step32 | _native.Step64:
    """One step of `layers`, for a batch of N, to be run again and again.

    Its `run(x, h, c, h_new, c_new)` takes x `(N, I)` and the states `(L, N, H)` (c `None` but for an LSTM); the new
    ones may be the old.
    """
    first = layers[0]
    return _native.step(
        first.shape.kind, N, first.I, first.H,
        [weights.panels("ih", backward=False) for weights in layers],
        [weights.panels("hh", backward=False) for weights in layers],
        [weights.bias for weights in layers],
        [weights.bias_hn for weights in layers if weights.bias_hn is not None],
    )  # fmt: skip
