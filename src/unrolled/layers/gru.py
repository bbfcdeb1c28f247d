"""`GRU`, run on the compiled engine; its equations are to be read in `unrolled.steps.gru`."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from unrolled.engine import recurrent as engine
from unrolled.errors import ParameterError
from unrolled.layers.options import Options, checked_name, checked_zoneout
from unrolled.layers.recurrent import Recurrent
from unrolled.shapes import Array

__all__ = ["GRU", "GRUTrace"]

_CELLS: dict[str, engine.Cell] = {"after": "gru_after", "before": "gru_before"}


class GRUTrace(NamedTuple):
    """Every gate and state of every step of one layer and direction."""

    r: Array  # (T, N, H): reset gate, the course's Gamma_r
    z: Array  # (T, N, H): how much of h_prev stays, 1 - Gamma_u
    n: Array  # (T, N, H): candidate, c~
    h: Array  # (T, N, H): hidden state, after zoneout


class GRU(Recurrent[Array, GRUTrace]):
    """Gated recurrent units over whole sequences, one layer or several, in one direction or two.

    Equations, for each step, gates stacked in the order r, z, n:
        r, z = sigmoid(weight_ih x_t + weight_hh h_prev + bias) of their rows
        n = tanh(weight_in x_t + bias_n + r * (weight_hn h_prev + bias_hn)) with `reset="after"`
        n = tanh(weight_in x_t + bias_n + weight_hn (r * h_prev)) with `reset="before"`
        h = (1 - z) * n + z * h_prev

    Args:
        input_size: I.
        hidden_size: H.
        num_layers: L; each layer's input is the h of the one below.
        bidirectional: read each sequence from its end as well; D = 2.
        merge: the two directions' outputs side by side (`"concat"`), or their `"sum"`, product (`"mul"`) or average
            (`"ave"`): y = h + h', h * h', (h + h') / 2 (Schuster & Paliwal 1997, section II).
        dropout: p, between layers and in training only: x = m * h of the layer below, m = 0 with probability p, else
            1 / (1 - p), drawn for each step and unit (Zaremba, Sutskever & Vinyals 2014).
        recurrent_dropout: p, in training only: h_prev is multiplied with m before it meets weight_hh, and nowhere
            else; m `(N, H)`, 0 with probability p, else 1 / (1 - p), is the same at every step and for every gate
            (Gal & Ghahramani 2016, section 4.2).
        zoneout: the probability d that a unit keeps its old value for a step: h = d * h_prev + (1 - d) * h~ of the new
            h~, d being 1 or 0 for each step and unit in training, and the rate itself in inference (Krueger et al.
            2017, equation 3).
        layer_norm: r, z = sigmoid(gain_ih * norm(weight_ih x_t) + gain_hh * norm(weight_hh h_prev) + bias), the norms
            over their 2H, and n = tanh(gain_in * norm(weight_in x_t) + bias_n + r * (gain_hn * norm(weight_hn h_prev) +
            bias_hn)), over its H, with norm(v) = (v - mean) / sqrt(var + 1e-5); for `reset="after"` (Ba, Kiros &
            Hinton 2016, supplement).
        initial_state: `"zeros"`, or `"learned"`: where no state is given, all sequences begin with parameters that
            start at zero.
        weight_init: how `weight_ih` begins, gate by gate: a name in `unrolled.initializers.INITIALIZERS`.
        recurrent_init: how `weight_hh` begins, the same way.
        reset: whether the reset gate stands `"after"` the candidate's recurrent product or `"before"` it.
        dtype: `"float32"` or `"float64"`.
        seed: of the first weights, and of masks; `None` differs each time.

    Parameters of layer k: `weight_ih_l{k}` `(3H, I)`, `weight_hh_l{k}` `(3H, H)`, `bias_l{k}` `(3H,)`,
    with `reset="after"` `bias_hn_l{k}` `(H,)`; with layer norm `gain_ih_l{k}`, `gain_hh_l{k}` `(3H,)`; with a learned
    initial state `h0_l{k}` `(H,)`; of its second direction the same with `_reverse`.

    Raises:
        ParameterError: a size is no positive whole number, or an option is not one of those above.

    Source: Cho et al. 2014 (arXiv 1406.1078): its first version has the reset gate after the recurrent product, as
    cuDNN and PyTorch have, its third before it, as the course's lectures have.

    >>> import numpy as np
    >>> gru = GRU(3, 4, seed=0)
    >>> run = gru.forward(np.zeros((5, 2, 3), "float32"), trace=True)
    >>> run.output.shape, run.state.shape, run.trace[0].z.shape
    ((5, 2, 4), (1, 2, 4), (5, 2, 4))
    """

    _trace = GRUTrace

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        num_layers: int = 1,
        bidirectional: bool = False,
        merge: str = "concat",
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        zoneout: float = 0.0,
        layer_norm: bool = False,
        initial_state: str = "zeros",
        weight_init: str = "glorot_uniform",
        recurrent_init: str = "orthogonal",
        reset: str = "after",
        dtype: str = "float32",
        seed: int | np.random.Generator | None = None,
    ) -> None:
        checked_name("reset", reset, _CELLS, "the GRU has these two forms")
        if layer_norm and reset == "before":
            raise ParameterError(
                "`layer_norm` is True with reset='before', expected reset='after'; the candidate's product with h is "
                "normalised before the gate resets it"
            )
        self.reset = reset
        self.cell = _CELLS[reset]
        options = Options(
            num_layers=num_layers,
            bidirectional=bidirectional,
            merge=merge,
            dropout=dropout,
            recurrent_dropout=recurrent_dropout,
            zoneout=checked_zoneout(zoneout, has_cell=False),
            layer_norm=layer_norm,
            initial_state=initial_state,
            weight_init=weight_init,
            recurrent_init=recurrent_init,
        )
        super().__init__(input_size, hidden_size, options, dtype=dtype, seed=seed)
