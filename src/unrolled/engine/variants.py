"""The variants of the cells: one direction of one layer over whole sequences, each way one native call; no layers.

Layer norm, peepholes, projection, zoneout and recurrent dropout, alone or together. Gate order: i, f, g, o (LSTM);
r, z, n (GRU). Arrays are `(T, N, n)`; R is the number of units of h: P with a projection, else H. This is the face that
`unrolled.layers` calls: it allocates the results, and trusts its caller for shapes, which `layers` has checked. Plain
cells run faster in `unrolled.engine.recurrent`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from unrolled.engine import _native
from unrolled.engine.arrays import aligned_empty, aligned_zeros
from unrolled.engine.recurrent import CELLS, Cell, Padding
from unrolled.errors import ParameterError
from unrolled.shapes import Array

__all__ = ["Options", "Variant", "VariantGradients", "VariantRun"]

# In the order of bindings_variants.cpp.
_PARAMETERS = (
    "weight_ih", "weight_hh", "bias", "bias_hn", "gain_ih", "gain_hh", "gain_c", "shift_c", "peephole", "weight_hr",
)  # fmt: skip


@dataclass(frozen=True)
class Options:
    """Which parameters a variant has beyond the cell's own; masks and rates come with each call.

    Args:
        layer_norm: `gain_ih`, `gain_hh` and, in an LSTM, `gain_c`, `shift_c`: for the LSTM and the GRU that resets
            after its product.
        peepholes: `peephole`: for the LSTM.
        projection: `weight_hr`: for the LSTM.
    """

    layer_norm: bool = False
    peepholes: bool = False
    projection: bool = False

    def parameters(self, cell: Cell) -> tuple[str, ...]:
        """The names of all parameters of a cell with these options, in the order of the gradients.

        Raises:
            ParameterError: an option that the cell does not have.

        >>> Options(peepholes=True).parameters("lstm")
        ('weight_ih', 'weight_hh', 'bias', 'peephole')
        """
        for name, asked, cells in (
            ("layer_norm", self.layer_norm, ("lstm", "gru_after")),
            ("peepholes", self.peepholes, ("lstm",)),
            ("projection", self.projection, ("lstm",)),
        ):
            if asked and cell not in cells:
                raise ParameterError(
                    f"`{name}` is for {' and '.join(cells)}, and the cell is {cell}; leave it out, or use one of those"
                )
        lstm = cell == "lstm"
        has = {
            "bias_hn": CELLS[cell].has_bias_hn,
            "gain_ih": self.layer_norm,
            "gain_hh": self.layer_norm,
            "gain_c": self.layer_norm and lstm,
            "shift_c": self.layer_norm and lstm,
            "peephole": self.peepholes,
            "weight_hr": self.projection,
        }
        return tuple(name for name in _PARAMETERS if has.get(name, True))


@dataclass
class VariantRun:
    """What a forward pass leaves; `backward` reads all of it."""

    native: _native.VariantRun32 | _native.VariantRun64
    cell: Cell
    padded: bool
    x: Array  # (T, N, I)
    y: Array  # (T, N, R): h of every step, 0 in padding
    h_n: Array  # (N, R): after each sequence's last step
    c_n: Array | None  # (N, H), LSTM

    def trace(self) -> dict[str, Array]:
        """Views of what every step made, each `(T, N, H)` and 0 in padding; only where the run was kept.

        Of an LSTM `i, f, g, o, c`, the cell state as it is carried on, after zoneout; of a GRU `r, z, n`; and of all
        `h`, which is `(T, N, R)`.
        """
        kept = self.native.kept()
        if kept is None:
            raise ParameterError("`run` kept nothing to trace; run forward with keep=True")
        records, gates, c = kept
        H = self.c_n.shape[-1] if self.c_n is not None else self.y.shape[-1]
        names = {"lstm": "ifgo", "gru_after": "rzn", "gru_before": "rzn"}.get(self.cell, "")
        trace = {name: records[:, :, gates + k * H : gates + (k + 1) * H] for k, name in enumerate(names)}
        if self.c_n is not None:
            trace["c"] = records[:, :, c : c + H]
        return trace | {"h": self.y}


@dataclass
class VariantGradients:
    """Gradients summed over time and batch."""

    parameters: dict[str, Array]  # by the names of the weights
    dx: Array | None  # (T, N, I), exactly 0 in padding
    dh0: Array  # (N, R)
    dc0: Array | None  # (N, H), LSTM


class Variant:
    """The weights of one direction of one layer, and what runs them; their packed copies live in native memory.

    The equations are those of `unrolled.steps.variants`, with norm(v) = (v - mean) / sqrt(var + 1e-5) over a step's
    units, var biased:

        LSTM with layer norm: z = gain_ih norm(W_ih x) + gain_hh norm(W_hh h) + bias, each norm over all 4 H;
            h = o tanh(gain_c norm(c) + shift_c)
        GRU with layer norm: the same for r and z, norms over their 2 H;
            n = tanh(gain_ih_n norm(W_in x) + b_n + r (gain_hh_n norm(W_hn h) + b_hn)), norms over H
        peepholes: z_i += p_i c_prev, z_f += p_f c_prev, z_o += p_o c
        projection: h = W_hr (o tanh(c))
        recurrent mask: h_prev is multiplied with it before it meets W_hh, and nowhere else
        zoneout: h = d h_prev + (1 - d) h_new, and c = d c_prev + (1 - d) c_new, where h_new and p_o see c_new

    Args:
        cell: which equations.
        options: which parameters are there beyond the cell's own.
        weights: `weight_ih` `(G H, I)`, `weight_hh` `(G H, R)`, `bias` `(G H,)`; of a GRU that resets after its product
            `bias_hn` `(H,)`; and by the options `gain_ih`, `gain_hh` `(G H,)`, `gain_c`, `shift_c` `(H,)`, `peephole`
            `(3, H)`, rows i, f, o, and `weight_hr` `(P, H)`; C-contiguous. They are held, not copied.

    Raises:
        ParameterError: an option that the cell does not have, or a parameter that is missing or not asked for.

    Source: Ba, Kiros and Hinton 2016, equations 20 to 22 (layer norm); Gers and Schmidhuber 2000 (peepholes); Sak,
        Senior and Beaufays 2014 (projection); Gal and Ghahramani 2016 (recurrent dropout); Krueger et al. 2017
        (zoneout).

    >>> ones = np.ones((4, 1))
    >>> weights = {"weight_ih": ones, "weight_hh": ones, "bias": np.zeros(4), "peephole": np.ones((3, 1))}
    >>> lstm = Variant("lstm", Options(peepholes=True), weights)
    >>> lstm.forward(np.ones((2, 1, 1)), np.zeros((1, 1)), np.zeros((1, 1)), keep=False).y.round(4).ravel()
    array([0.4176, 0.7993])
    """

    def __init__(self, cell: Cell, options: Options, weights: Mapping[str, Array]) -> None:
        names = options.parameters(cell)
        if set(names) != set(weights):
            raise ParameterError(
                f"`weights` has {', '.join(sorted(weights))}, expected {', '.join(names)}; do the options fit them?"
            )
        self.cell: Cell = cell
        self.options = options
        self.weights = {name: weights[name] for name in names}
        self.I, self.dtype = weights["weight_ih"].shape[1], weights["weight_ih"].dtype
        self.R = weights["weight_hh"].shape[1]
        self.H = weights["weight_ih"].shape[0] // CELLS[cell].gates
        self.has_cell = CELLS[cell].has_cell
        kind = _native.Variant32 if self.dtype == np.float32 else _native.Variant64
        parameters = [self.weights.get(name) for name in _PARAMETERS]
        self.native = kind(CELLS[cell].kind, self.I, self.H, self.R, parameters)

    def forward(
        self,
        x: Array,
        h0: Array,
        c0: Array | None = None,
        *,
        padding: Padding | None = None,
        reverse: bool = False,
        recurrent_mask: Array | None = None,
        zoneout_h: Array | float | None = None,
        zoneout_c: Array | float | None = None,
        keep: bool = True,
        version: int | None = None,
    ) -> VariantRun:
        """Runs a batch of sequences through the layer.

        Args:
            x: inputs, `(T, N, I)`.
            h0: `(N, R)`.
            c0: `(N, H)` for an LSTM, else `None`.
            padding: for sequences of unequal lengths.
            reverse: each sequence from its own end to its beginning; outputs stay at their inputs' times.
            recurrent_mask: `(N, R)`, the same for all steps and gates, scaled by its caller.
            zoneout_h: d of h: masks `(T, N, R)`, at the times of x, or one rate for all; `None` for 0.
            zoneout_c: d of c, LSTM: masks `(T, N, H)` or a rate; `None` for 0.
            keep: what `backward` and a trace want; `False` for inference.
            version: of the weights; packed copies of the same one are used again. `None` packs them anew.
        """
        T, N = x.shape[:2]
        lengths, order, running = (
            (None, None, None) if padding is None else (padding.lengths, padding.order, padding.running)
        )
        masks_h, rate_h = _masks_and_rate(zoneout_h)
        masks_c, rate_c = _masks_and_rate(zoneout_c)
        y = (aligned_empty if padding is None else aligned_zeros)((T, N, self.R), self.dtype)
        h_n = np.empty((N, self.R), self.dtype)
        c_n = np.empty((N, self.H), self.dtype) if self.has_cell else None
        native = self.native.forward(
            version, T, N, x, lengths, order, running, reverse, h0, c0, recurrent_mask,
            masks_h, rate_h, masks_c, rate_c, y, h_n, c_n, keep,
        )  # fmt: skip
        return VariantRun(native, self.cell, padding is not None, x, y, h_n, c_n)

    def backward(
        self, run: VariantRun, dy: Array | None, dh_n: Array | None, dc_n: Array | None = None, *, need_dx: bool = True
    ) -> VariantGradients:
        """Carries gradients back through `forward`.

        Args:
            run: what it left; it was kept, and the weights have not changed.
            dy: gradient of `run.y`, `(T, N, R)`, or `None` for zero.
            dh_n: gradient of each sequence's last h beyond `dy`, `(N, R)`, or `None` for zero.
            dc_n: gradient of each sequence's last c, `(N, H)`, or `None` for zero.
            need_dx: `False` leaves `dx` out.
        """
        gradients = {name: aligned_zeros(weight.shape, self.dtype) for name, weight in self.weights.items()}
        N = run.x.shape[1]
        dh0 = np.empty((N, self.R), self.dtype)
        dc0 = np.empty((N, self.H), self.dtype) if self.has_cell else None
        dx = (aligned_zeros if run.padded else aligned_empty)(run.x.shape, self.dtype) if need_dx else None
        parts = [gradients.get(name) for name in _PARAMETERS]
        self.native.backward(run.native, dy, dh_n, dc_n, parts, dx, dh0, dc0)
        return VariantGradients(gradients, dx, dh0, dc0)


def _masks_and_rate(zoneout: Array | float | None) -> tuple[Array | None, float]:
    if zoneout is None:
        return None, 0.0
    return (zoneout, 0.0) if isinstance(zoneout, np.ndarray) else (None, float(zoneout))
