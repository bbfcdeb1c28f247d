"""`LSTM` and `RNN`: parameters, forward, backward and streaming on the compiled engine; the equations are in `unrolled.steps`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unrolled.engine import recurrent as engine
from unrolled.engine.arrays import checked
from unrolled.errors import ParameterError
from unrolled.initializers import glorot_uniform, orthogonal
from unrolled.layers.layer import Layer
from unrolled.shapes import Array

__all__ = ["LSTM", "RNN", "LSTMState", "LSTMTrace", "RNNTrace", "Recurrent", "RecurrentGradients", "RecurrentRun"]

_SIZE_REMEDY = "did you pass input_size as hidden_size?"


class LSTMState(NamedTuple):
    """Hidden and cell state of every layer."""

    h: Array  # (L, N, H)
    c: Array  # (L, N, H)


class LSTMTrace(NamedTuple):
    """Every gate and state of every step of one layer."""

    i: Array  # (T, N, H): update (input) gate, the course's Gamma_u
    f: Array  # (T, N, H): forget gate, Gamma_f
    g: Array  # (T, N, H): candidate, c~
    o: Array  # (T, N, H): output gate, Gamma_o
    c: Array  # (T, N, H): cell state
    h: Array  # (T, N, H): hidden state, the course's a


class RNNTrace(NamedTuple):
    """Every state of every step of one layer."""

    h: Array  # (T, N, H): hidden state, the course's a


State = TypeVar("State")  # LSTMState, or an array (L, N, H) for an RNN
Trace = TypeVar("Trace")


@dataclass
class RecurrentRun(Generic[State, Trace]):
    """What a forward pass computed, and what `backward` needs of it."""

    output: Array  # (T, N, H)
    state: State  # after the last step
    trace: tuple[Trace, ...] | None  # one for each layer, where asked for
    layers: tuple[engine.Forward, ...]  # for `backward`
    version: int  # of the parameters it was made with


@dataclass
class RecurrentGradients(Generic[State]):
    """Gradients of J, summed over time and batch."""

    parameters: dict[str, Array]
    x: Array | None  # (T, N, I)
    state: State  # of the initial state
    embedding: Array | None = None  # (V, I), where the input was tokens


class Recurrent(Layer, Generic[State, Trace]):
    """What the recurrent layers share: their parameters, the loop over layers, and the checks; a subclass names its cell."""

    cell: engine.Cell

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        num_layers: int = 1,
        dtype: str = "float32",
        seed: int | np.random.Generator | None = None,
    ) -> None:
        super().__init__(dtype)
        for name, size in (("input_size", input_size), ("hidden_size", hidden_size), ("num_layers", num_layers)):
            if size < 1:
                raise ParameterError(f"`{name}` is {size}, expected a positive number; see the layer's docstring")
        self.input_size, self.hidden_size, self.num_layers = input_size, hidden_size, num_layers
        rng = np.random.default_rng(seed)
        gates = engine.GATES[self.cell]
        for layer in range(num_layers):
            inputs = hidden_size if layer else input_size
            weight_ih = [glorot_uniform(rng, hidden_size, inputs) for _ in range(gates)]
            weight_hh = [orthogonal(rng, hidden_size) for _ in range(gates)]
            self._create(f"weight_ih_l{layer}", f"{gates}H, I" if gates > 1 else "H, I", np.concatenate(weight_ih))
            self._create(f"weight_hh_l{layer}", f"{gates}H, H" if gates > 1 else "H, H", np.concatenate(weight_hh))
            self._create(f"bias_l{layer}", f"{gates}H" if gates > 1 else "H", self._first_bias())
        self._weights: tuple[int, tuple[engine.Weights, ...]] = (-1, ())

    def forward(self, x: ArrayLike, state: State | None = None, *, trace: bool = False) -> RecurrentRun[State, Trace]:
        """Runs the layers over a sequence and keeps what `backward` needs.

        Args:
            x: `(T, N, I)`, time first.
            state: the state before the first step, zeros where `None`.
            trace: hand back every gate and cell state of every step.

        Returns:
            A run: `output` `(T, N, H)`, the last layer's h; `state` after the last step; `trace`, one for each layer.

        Raises:
            ShapeError: `x` or `state` does not fit the layer.
            ParameterError: `x` or `state` has another dtype.
        """
        x = self._checked_x("x", x, ("T", "N", "I"))
        return self._forward(x, None, None, state, x.shape[1], trace=trace)

    def forward_tokens(
        self, tokens: NDArray[np.int32], embedding: Array, state: State | None = None, *, trace: bool = False
    ) -> RecurrentRun[State, Trace]:
        """As `forward(embedding[tokens])`, with the first input product as a look-up; `Stack` calls it and has checked.

        Args:
            tokens: `(T, N)`, C-contiguous int32 in [0, V).
            embedding: `(V, I)`.
            state: as in `forward`.
            trace: as in `forward`.
        """
        return self._forward(None, tokens, embedding, state, tokens.shape[1], trace=trace)

    def backward(
        self,
        run: RecurrentRun[State, Trace],
        dy: ArrayLike | None,
        dstate: State | None = None,
        *,
        need_dx: bool = True,
    ) -> RecurrentGradients[State]:
        """Carries gradients back through `forward`.

        Args:
            run: what `forward` returned.
            dy: `dJ/doutput`, `(T, N, H)`, or `None` for zero.
            dstate: gradient of the last state beyond what `dy` says, or `None` for zero.
            need_dx: `False` leaves `dx` out: the first layer of a model needs none.

        Returns:
            Gradients: `parameters` by name, `x` `(T, N, I)`, `state` of the initial state.

        Raises:
            ShapeError: `dy` or `dstate` does not fit.
            ParameterError: the parameters have changed since `forward`.
        """
        if run.version != self.version:
            raise ParameterError(
                f"`run` was made with version {run.version} of the parameters, expected {self.version}, the present one; "
                "call backward before the optimizer's step, or forward again"
            )
        T, N, H = run.output.shape
        if dy is not None:
            dy = checked("dy", dy, self.dtype, "T, N, H", (T, N, H), "it needs the shape of the run's output")
        dh_last, dc_last = self._split_state("dstate", dstate, N)
        gradients: dict[str, Array] = {}
        dh0 = np.empty((self.num_layers, N, H), self.dtype)
        dc0 = np.empty((self.num_layers, N, H), self.dtype)
        dembedding = None
        weights = self._packed_weights()
        for layer in reversed(range(self.num_layers)):
            back = engine.backward(
                weights[layer],
                run.layers[layer],
                dy,
                None if dh_last is None else dh_last[layer],
                None if dc_last is None else dc_last[layer],
                need_dx=need_dx or layer > 0,
            )
            gradients[f"weight_ih_l{layer}"] = back.dweight_ih
            gradients[f"weight_hh_l{layer}"] = back.dweight_hh
            gradients[f"bias_l{layer}"] = back.dbias
            dh0[layer] = back.dh0
            if back.dc0 is not None:
                dc0[layer] = back.dc0
            dy, dembedding = back.dx, back.dembedding
        ordered = {name: gradients[name] for name in self._arrays}
        return RecurrentGradients(ordered, dy, self._join_state(dh0, dc0), dembedding)

    def __call__(self, x: ArrayLike, state: State | None = None) -> tuple[Array, State]:
        """Runs the layers and keeps nothing for `backward`: `(T, N, I)` to `(T, N, H)`, and the last state."""
        x = self._checked_x("x", x, ("T", "N", "I"))
        run = self._forward(x, None, None, state, x.shape[1], trace=False, keep=False)
        return run.output, run.state

    def step(self, x_t: ArrayLike, state: State | None = None) -> tuple[Array, State]:
        """One step of a stream: `x_t` `(N, I)` to `y_t` `(N, H)`, and the state to pass with the next step."""
        x = self._checked_x("x_t", x_t, ("N", "I"))
        run = self._forward(x[None], None, None, state, x.shape[0], trace=False, keep=False)
        return run.output[0], run.state

    def call_tokens(self, tokens: NDArray[np.int32], embedding: Array, state: State | None = None) -> tuple[Array, State]:
        """As a call on `embedding[tokens]`; `Stack` calls it and has checked."""
        run = self._forward(None, tokens, embedding, state, tokens.shape[1], trace=False, keep=False)
        return run.output, run.state

    # What a subclass says of its cell.

    def _first_bias(self) -> Array:
        return np.zeros(engine.GATES[self.cell] * self.hidden_size)

    def _split_state(self, name: str, state: State | None, N: int) -> tuple[Array | None, Array | None]:
        """The caller's state as checked h and c, each `(L, N, H)`."""
        raise NotImplementedError

    def _join_state(self, h: Array, c: Array) -> State:
        raise NotImplementedError

    def _trace(self, run: engine.Forward) -> Trace:
        raise NotImplementedError

    # What they share.

    def _checked_x(self, name: str, x: ArrayLike, axes: tuple[str, ...]) -> Array:
        lengths = (*(None for _ in axes[1:]), self.input_size)
        return checked(name, x, self.dtype, ", ".join(axes), lengths, "arrays are time first, then batch, then input")

    def _checked_state(self, name: str, array: ArrayLike, N: int) -> Array:
        return checked(name, array, self.dtype, "L, N, H", (self.num_layers, N, self.hidden_size), _SIZE_REMEDY)

    def _packed_weights(self) -> tuple[engine.Weights, ...]:
        if self._weights[0] != self.version:
            names = range(self.num_layers)
            own = self._arrays
            self._weights = (
                self.version,
                tuple(
                    engine.Weights(self.cell, own[f"weight_ih_l{k}"], own[f"weight_hh_l{k}"], own[f"bias_l{k}"])
                    for k in names
                ),
            )
        return self._weights[1]

    def _forward(
        self,
        x: Array | None,
        tokens: NDArray[np.int32] | None,
        embedding: Array | None,
        state: State | None,
        N: int,
        *,
        trace: bool,
        keep: bool = True,
    ) -> RecurrentRun[State, Trace]:
        h0, c0 = self._split_state("state", state, N)
        zeros = np.zeros((self.num_layers, N, self.hidden_size), self.dtype) if h0 is None else None
        h0 = zeros if h0 is None else h0
        assert h0 is not None
        c0 = h0 if c0 is None else c0
        runs: list[engine.Forward] = []
        for layer, weights in enumerate(self._packed_weights()):
            runs.append(
                engine.forward(weights, x, h0[layer], c0[layer], keep=keep, tokens=tokens, embedding=embedding)
            )
            x, tokens, embedding = runs[-1].y, None, None
        h = np.stack([run.h_last for run in runs])
        c = h if runs[0].c_last is None else np.stack([run.c_last for run in runs if run.c_last is not None])
        traces = tuple(self._trace(run) for run in runs) if trace else None
        return RecurrentRun(runs[-1].y, self._join_state(h, c), traces, tuple(runs) if keep else (), self.version)


class LSTM(Recurrent[LSTMState, LSTMTrace]):
    """Long short-term memory over whole sequences, one layer or several.

    Equations, for each step, gates stacked in the order i, f, g, o:
        z = weight_ih x_t + weight_hh h_prev + bias
        i, f, o = sigmoid(z_i), sigmoid(z_f), sigmoid(z_o); g = tanh(z_g)
        c = f * c_prev + i * g
        h = o * tanh(c)

    Args:
        input_size: I.
        hidden_size: H.
        num_layers: L; each layer's input is the h of the one below.
        dtype: `"float32"` or `"float64"`.
        seed: of the first weights: orthogonal recurrent blocks, Glorot input blocks, forget bias 1; `None` differs each time.

    Parameters of layer k: `weight_ih_l{k}` `(4H, I)`, `weight_hh_l{k}` `(4H, H)`, `bias_l{k}` `(4H,)`.

    Raises:
        ParameterError: a size is not positive, or the dtype is another.

    Source: Hochreiter & Schmidhuber 1997 with the forget gate of Gers, Schmidhuber & Cummins 2000; forget bias 1 as
    Jozefowicz, Zaremba & Sutskever 2015 advise.

    >>> lstm = LSTM(3, 4, seed=0)
    >>> run = lstm.forward(np.zeros((5, 2, 3), "float32"), trace=True)
    >>> run.output.shape, run.state.c.shape, run.trace[0].f.shape
    ((5, 2, 4), (1, 2, 4), (5, 2, 4))
    >>> grads = lstm.backward(run, np.ones_like(run.output))
    >>> {name: gradient.shape for name, gradient in grads.parameters.items()}
    {'weight_ih_l0': (16, 3), 'weight_hh_l0': (16, 4), 'bias_l0': (16,)}
    """

    cell = "lstm"

    def _first_bias(self) -> Array:
        bias = np.zeros((4, self.hidden_size))
        bias[1] = 1  # forget gate: remember, until training says otherwise
        return bias.reshape(-1)

    def _split_state(self, name: str, state: LSTMState | None, N: int) -> tuple[Array | None, Array | None]:
        if state is None:
            return None, None
        pair: Any = state
        if not isinstance(pair, tuple) or len(pair) != 2:  # pyright: ignore[reportUnknownArgumentType]
            raise ParameterError(f"`{name}` is a {type(pair).__name__}, expected a pair (h, c); an LSTM's state has both")
        h, c = state
        return self._checked_state(f"{name}.h", h, N), self._checked_state(f"{name}.c", c, N)

    def _join_state(self, h: Array, c: Array) -> LSTMState:
        return LSTMState(h, c)

    def _trace(self, run: engine.Forward) -> LSTMTrace:
        assert run.gates is not None
        assert run.c is not None
        i, f, g, o = (run.gates[:, :, k] for k in range(4))
        return LSTMTrace(i, f, g, o, run.c, run.y)


class RNN(Recurrent[Array, RNNTrace]):
    """The plain recurrent network with tanh over whole sequences, one layer or several.

    Equations, for each step:
        h = tanh(weight_ih x_t + weight_hh h_prev + bias)

    Args:
        input_size: I.
        hidden_size: H.
        num_layers: L; each layer's input is the h of the one below.
        dtype: `"float32"` or `"float64"`.
        seed: of the first weights: orthogonal recurrent, Glorot input; `None` differs each time.

    Parameters of layer k: `weight_ih_l{k}` `(H, I)`, `weight_hh_l{k}` `(H, H)`, `bias_l{k}` `(H,)`.

    Raises:
        ParameterError: a size is not positive, or the dtype is another.

    Source: Elman 1990.

    >>> rnn = RNN(3, 4, seed=0)
    >>> y, state = rnn(np.zeros((5, 2, 3), "float32"))
    >>> y.shape, state.shape
    ((5, 2, 4), (1, 2, 4))
    """

    cell = "rnn"

    def _split_state(self, name: str, state: Array | None, N: int) -> tuple[Array | None, Array | None]:
        return (None if state is None else self._checked_state(name, state, N)), None

    def _join_state(self, h: Array, c: Array) -> Array:
        return h

    def _trace(self, run: engine.Forward) -> RNNTrace:
        return RNNTrace(run.y)
