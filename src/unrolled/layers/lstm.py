"""`LSTM`, run on the compiled engine; its equations are to be read in `unrolled.steps.lstm`."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from unrolled.errors import ParameterError
from unrolled.layers.options import Options, checked_zoneout
from unrolled.layers.recurrent import Recurrent
from unrolled.shapes import Array, real_number

__all__ = ["LSTM", "LSTMState", "LSTMTrace"]


class LSTMState(NamedTuple):
    """Hidden and cell state of every layer and direction."""

    h: Array  # (L D, N, H), or P with a projection
    c: Array  # (L D, N, H)


class LSTMTrace(NamedTuple):
    """Every gate and state of every step of one layer and direction."""

    i: Array  # (T, N, H): update (input) gate, the course's Gamma_u
    f: Array  # (T, N, H): forget gate, Gamma_f
    g: Array  # (T, N, H): candidate, c~
    o: Array  # (T, N, H): output gate, Gamma_o
    c: Array  # (T, N, H): cell state, after zoneout
    h: Array  # (T, N, H or P): hidden state, after zoneout, the course's a


class LSTM(Recurrent[LSTMState, LSTMTrace]):
    """Long short-term memory over whole sequences, one layer or several, in one direction or two.

    Equations, for each step, gates stacked in the order i, f, g, o:
        z = weight_ih x_t + weight_hh h_prev + bias
        i, f, o = sigmoid(z_i), sigmoid(z_f), sigmoid(z_o); g = tanh(z_g)
        c = f * c_prev + i * g
        h = o * tanh(c)

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
            else; m `(N, H or P)`, 0 with probability p, else 1 / (1 - p), is the same at every step and for every gate
            (Gal & Ghahramani 2016, section 4.2).
        zoneout: the probability that a unit keeps its old value for a step, one rate or two, of h and of c:
            h = d_h * h_prev + (1 - d_h) * h~ and c = d_c * c_prev + (1 - d_c) * c~ of the new h~ and c~, h~ being made
            of c~; d is 1 or 0 for each step and unit in training, and the rate itself in inference (Krueger et al.
            2017, equations 3 and 4).
        layer_norm: z = gain_ih * norm(weight_ih x_t) + gain_hh * norm(weight_hh h_prev) + bias and
            h = o * tanh(gain_c * norm(c) + shift_c), with norm(v) = (v - mean) / sqrt(var + 1e-5), in z over all 4H
            (Ba, Kiros & Hinton 2016, equations 20 to 22).
        peepholes: z_i += p_i * c_prev, z_f += p_f * c_prev, z_o += p_o * c, the gates seeing the cell state (Gers &
            Schmidhuber 2000; Graves 2013, equations 3 to 7); with zoneout, the new c~.
        proj_size: P, below H: h = weight_hr (o * tanh(c)), `(N, P)`, while c keeps its H units (Sak, Senior & Beaufays
            2014, section 2); 0 leaves it out.
        initial_state: `"zeros"`, or `"learned"`: where no state is given, all sequences begin with parameters that
            start at zero.
        weight_init: how `weight_ih` begins, gate by gate: a name in `unrolled.initializers.INITIALIZERS`.
        recurrent_init: how `weight_hh` begins, the same way.
        forget_bias: what the forget gate's bias begins with; 1 remembers, until training says otherwise (Jozefowicz,
            Zaremba & Sutskever 2015, section 5).
        dtype: `"float32"` or `"float64"`.
        seed: of the first weights, and of masks; `None` differs each time.

    Parameters of layer k: `weight_ih_l{k}` `(4H, I)`, `weight_hh_l{k}` `(4H, H)`, `bias_l{k}` `(4H,)`; with layer
    norm `gain_ih_l{k}`, `gain_hh_l{k}` `(4H,)`, `gain_c_l{k}`, `shift_c_l{k}` `(H,)`; with peepholes `peephole_l{k}`
    `(3, H)`, rows i, f, o, zeros at first; with a projection `weight_hr_l{k}` `(P, H)`, and P in place of H wherever h
    is; with a learned initial state `h0_l{k}`, `c0_l{k}` `(H,)`; of its second direction the same with `_reverse`.

    Raises:
        ParameterError: a size is no positive whole number, or an option is not one of those above.

    Source: Hochreiter & Schmidhuber 1997 with the forget gate of Gers, Schmidhuber & Cummins 2000; two directions as
    Schuster & Paliwal 1997.

    >>> lstm = LSTM(3, 4, seed=0)
    >>> run = lstm.forward(np.zeros((5, 2, 3), "float32"), trace=True)
    >>> run.output.shape, run.state.c.shape, run.trace[0].f.shape
    ((5, 2, 4), (1, 2, 4), (5, 2, 4))
    >>> grads = lstm.backward(run, np.ones_like(run.output))
    >>> {name: gradient.shape for name, gradient in grads.parameters.items()}
    {'weight_ih_l0': (16, 3), 'weight_hh_l0': (16, 4), 'bias_l0': (16,)}
    """

    cell = "lstm"
    _trace = LSTMTrace
    _state_parts = ("h", "c")

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
        zoneout: float | tuple[float, float] = 0.0,
        layer_norm: bool = False,
        peepholes: bool = False,
        proj_size: int = 0,
        initial_state: str = "zeros",
        weight_init: str = "glorot_uniform",
        recurrent_init: str = "orthogonal",
        forget_bias: float = 1.0,
        dtype: str = "float32",
        seed: int | np.random.Generator | None = None,
    ) -> None:
        self.forget_bias = real_number("forget_bias", forget_bias, remedy="1 is usual")
        options = Options(
            num_layers=num_layers,
            bidirectional=bidirectional,
            merge=merge,
            dropout=dropout,
            recurrent_dropout=recurrent_dropout,
            zoneout=checked_zoneout(zoneout, has_cell=True),
            layer_norm=layer_norm,
            peepholes=peepholes,
            proj_size=proj_size,
            initial_state=initial_state,
            weight_init=weight_init,
            recurrent_init=recurrent_init,
        )
        super().__init__(input_size, hidden_size, options, dtype=dtype, seed=seed)

    def _first_bias(self) -> Array:
        bias = np.zeros((4, self.hidden_size))
        bias[1] = self.forget_bias
        return bias.reshape(-1)

    def _split_state(self, name: str, state: LSTMState, N: int) -> tuple[Array, Array | None]:
        h, c = self._parts(state, name)
        return self._checked_state(f"{name}.h", h, N), self._checked_state(f"{name}.c", c, N, of_cell=True)

    def _parts(self, state: LSTMState, name: str = "state") -> LSTMState:
        given: Any = state
        if not isinstance(given, tuple) or len(state) != 2:
            raise ParameterError(
                f"`{name}` is a {type(state).__name__}, expected a pair (h, c); an LSTM's state has both"
            )
        return state

    def _join_state(self, h: Array, c: Array) -> LSTMState:
        return LSTMState(h, c)
