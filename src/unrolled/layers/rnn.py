"""`RNN`, run on the compiled engine; its equations are to be read in `unrolled.steps.rnn`."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from unrolled.engine import recurrent as engine
from unrolled.layers.options import Options, checked_name, checked_zoneout
from unrolled.layers.recurrent import Recurrent
from unrolled.shapes import Array

__all__ = ["RNN", "RNNTrace"]

_CELLS: dict[str, engine.Cell] = {"tanh": "rnn_tanh", "relu": "rnn_relu"}


class RNNTrace(NamedTuple):
    """Every state of every step of one layer and direction."""

    h: Array  # (T, N, H): hidden state, the course's a


class RNN(Recurrent[Array, RNNTrace]):
    """The plain recurrent network over whole sequences, one layer or several, in one direction or two.

    Equations, for each step:
        h = tanh(weight_ih x_t + weight_hh h_prev + bias), or max(0, .) for tanh(.)

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
        initial_state: `"zeros"`, or `"learned"`: where no state is given, all sequences begin with parameters that
            start at zero.
        weight_init: how `weight_ih` begins, gate by gate: a name in `unrolled.initializers.INITIALIZERS`.
        recurrent_init: how `weight_hh` begins, the same way.
        nonlinearity: `"tanh"` or `"relu"`.
        dtype: `"float32"` or `"float64"`.
        seed: of the first weights, and of masks; `None` differs each time.

    Parameters of layer k: `weight_ih_l{k}` `(H, I)`, `weight_hh_l{k}` `(H, H)`, `bias_l{k}` `(H,)`, and with a
    learned initial state `h0_l{k}` `(H,)`; of its second direction the same with `_reverse`.

    Raises:
        ParameterError: a size is no positive whole number, or an option is not one of those above.

    Source: Elman 1990; with max(0, .) and `recurrent_init="identity"` the IRNN of Le, Jaitly & Hinton 2015.

    >>> import numpy as np
    >>> rnn = RNN(3, 4, seed=0)
    >>> y, state = rnn(np.zeros((5, 2, 3), "float32"))
    >>> y.shape, state.shape
    ((5, 2, 4), (1, 2, 4))
    """

    _trace = RNNTrace

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
        initial_state: str = "zeros",
        weight_init: str = "glorot_uniform",
        recurrent_init: str = "orthogonal",
        nonlinearity: str = "tanh",
        dtype: str = "float32",
        seed: int | np.random.Generator | None = None,
    ) -> None:
        checked_name("nonlinearity", nonlinearity, _CELLS, "the RNN has these two")
        self.nonlinearity = nonlinearity
        self.cell = _CELLS[nonlinearity]
        options = Options(
            num_layers=num_layers,
            bidirectional=bidirectional,
            merge=merge,
            dropout=dropout,
            recurrent_dropout=recurrent_dropout,
            zoneout=checked_zoneout(zoneout, has_cell=False),
            initial_state=initial_state,
            weight_init=weight_init,
            recurrent_init=recurrent_init,
        )
        super().__init__(input_size, hidden_size, options, dtype=dtype, seed=seed)
