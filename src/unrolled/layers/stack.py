"""Layers one after the other as one layer; behind an Embedding a recurrent layer may look the tokens up itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any, Never

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unrolled.engine.arrays import checked_tokens
from unrolled.errors import ParameterError
from unrolled.layers.dense import Dense
from unrolled.layers.dropout import Dropout
from unrolled.layers.embedding import Embedding, EmbeddingRun
from unrolled.layers.inputs import TO_PAD, not_run, padding_of
from unrolled.layers.layer import Layer
from unrolled.layers.named import NamedLayers
from unrolled.layers.recurrent import Memory, Recurrent
from unrolled.layers.runs import check_memory
from unrolled.shapes import Array, as_array

__all__ = ["Stack", "StackGradients", "StackRun"]

AnyLayer = Embedding | Dense | Dropout | Recurrent[Any, Any]
Lengths = Sequence[int] | NDArray[np.integer] | None

# Of a table that is made for one call, rows for each token of the call at most; with more, the tokens' own rows go
# through the layer instead. Measured on one thread, I and H of 128 and 256, 16 and 32, 32 and 64, T N from 50 to 6400.
# The LSTM's time with a table over that without, V / (T N) = 0.5, 0.75, 1, 2, 4: inference 0.9, 1.0, 1.1, 1.4, 2.2;
# training 0.9, 0.95, 1.05, 1.3, 1.9. The GRU's is the same, the RNN's 0.1 to 0.3 lower.
_TABLE_ROWS = 0.75


@dataclass
class StackRun:
    """What a forward pass computed, and what `backward` needs of it."""

    output: Array  # (T, N, .)
    state: dict[str, Any]  # of each recurrent layer, by its name
    trace: dict[str, tuple[Any, ...]] | None  # of each recurrent layer, by its name, where asked for
    runs: list[Any]  # for `backward`
    versions: tuple[int, ...]  # of each layer's parameters


@dataclass
class StackGradients:
    """Gradients of J by `layer.parameter`; `x` is `None` behind an Embedding."""

    parameters: dict[str, Array]
    x: Array | None
    state: dict[str, Any]


class Stack(NamedLayers):
    """Layers in the order they are named, with the contract of one layer; but `step` has no `out`, `backward` no
    `need_dx`.

    Where an `Embedding` stands before a recurrent layer and the vocabulary is smaller than the batch of tokens,
    `embedding @ weight_ih' + bias` is one small table, and the layer's input product becomes a look-up in it: the
    tokens go to the kernel, no embedded sequence is made. With a larger vocabulary the table would cost more than it
    saves, and the two layers run one after the other. The results are the same to rounding.

    Args:
        layers: the layers by name; parameters are named `layer.parameter`.

    Raises:
        ParameterError: a layer without a name, something that is no layer, no layers but Dropout, an Embedding that is
            not first, or neighbours of other sizes or dtypes.

    >>> from unrolled.layers import LSTM
    >>> model = Stack(embedding=Embedding(7, 3, seed=0), lstm=LSTM(3, 4, seed=1), dense=Dense(4, 7, seed=2))
    >>> model
    Stack(
        embedding=Embedding(7, 3),
        lstm=LSTM(3, 4),
        dense=Dense(4, 7),
    )
    >>> run = model.forward(np.zeros((5, 2), "int32"))
    >>> run.output.shape, list(run.state)
    ((5, 2, 7), ['lstm'])
    >>> sorted(model.backward(run, np.ones_like(run.output)).parameters)[:3]
    ['dense.bias', 'dense.weight', 'embedding.weight']
    """

    def __init__(self, /, *unnamed: Never, **layers: AnyLayer) -> None:
        _check_layers(unnamed, layers)
        sized = [name for name, layer in layers.items() if not isinstance(layer, Dropout)]
        if not sized:
            raise ParameterError(
                f"`layers` is {'only Dropout' if layers else 'empty'}, expected at least one layer with parameters, by "
                "name; for example Stack(lstm=LSTM(3, 4))"
            )
        for name, layer in list(layers.items())[1:]:
            if isinstance(layer, Embedding):
                raise ParameterError(
                    f"`{name}` is an Embedding behind another layer, expected it first; it takes tokens"
                )
        super().__init__(layers)
        self.layers: Mapping[str, AnyLayer]
        self.dtype: np.dtype[Any] = layers[sized[0]].dtype  # of all parameters
        for below, above in pairwise(sized):  # Dropout between them changes no size
            self._check_neighbours(below, above)
        first, second, *_ = [*layers.values(), None]
        # The pair that runs as one: an Embedding and the recurrent layer behind it.
        self._embedding = first if isinstance(first, Embedding) and isinstance(second, Recurrent) else None

    def __repr__(self) -> str:
        """The call that makes such a stack, with one layer a line."""
        lines = [f"    {name}={layer!r},\n" for name, layer in self.layers.items()]
        return f"Stack(\n{''.join(lines)})"

    def _check_neighbours(self, below: str, above: str) -> None:
        width, other = _output_size(self.layers[below]), self.layers[above]
        if not isinstance(other, Embedding | Dropout) and other.input_size != width:
            raise ParameterError(
                f"`{above}` has input_size {other.input_size}, expected {width}, which `{below}` below it gives; "
                "a bidirectional layer gives two hidden sizes"
            )
        if other.dtype != self.dtype:
            raise ParameterError(
                f"`{above}` has dtype {other.dtype}, expected {self.dtype}, as `{below}` has; make them alike"
            )

    def forward(
        self,
        x: ArrayLike,
        state: Mapping[str, Any] | None = None,
        *,
        lengths: Lengths = None,
        trace: bool = False,
        memory: Memory = "full",
        training: bool = True,
    ) -> StackRun:
        """Runs all layers over a sequence and keeps what `backward` needs.

        Args:
            x: tokens `(T, N)` where the first layer is an Embedding, else `(T, N, I)`.
            state: of each recurrent layer by name; zeros, or the learned one, where missing.
            lengths: steps of each sequence, `(N,)`, which the recurrent layers heed; what a Dense gives in the padding
                behind them means nothing, and its gradient there must be 0. Tokens there may be any integers.
            trace: hand back every gate and cell state of every step of each recurrent layer.
            memory: `"full"`, `"low"` or `"sqrt"`, as each recurrent layer has it: the last two keep less and compute it
                again in `backward`. Other layers keep what they need.
            training: `False` drops nothing, and still keeps what `backward` needs.

        Returns:
            A run: `output` `(T, N, .)` of the last layer, `state` by name, and `trace` by name, of each recurrent layer
            what it gives alone: one trace for each of its layers and directions; empty where none is recurrent.

        Raises:
            ShapeError: `x`, a state or `lengths` does not fit.
            ParameterError: tokens outside the vocabulary, a wrong dtype, a trace is asked for with gates not kept, or
                memory is to be saved with a variant of a cell.
        """
        check_memory(memory, trace=trace)
        if memory != "full":  # before the first mask is drawn
            for name, layer in self.layers.items():
                if isinstance(layer, Recurrent):
                    layer.options.check_memory(memory, training=training, layer=name)
        before = self._known("state", state)
        output: Any = self._without_padding(x, lengths)
        runs: list[Any] = []
        states: dict[str, Any] = {}
        traces: dict[str, tuple[Any, ...]] | None = {} if trace else None
        table = None  # of the embedding, where the layer above it looks the tokens up
        for name, layer in self.layers.items():
            if layer is self._embedding:
                tokens, weight = self._tokens(output, "T, N", (None, None)), layer.parameters["weight"]
                if self._pays(tokens):
                    runs.append(None)
                    output, table = tokens, weight
                    continue
                run: Any = EmbeddingRun(weight[tokens], None, tokens)
            elif isinstance(layer, Recurrent):
                how = partial(layer.forward, output)
                if table is not None:
                    how, table = partial(layer.forward_tokens, output, table), None
                run = how(before.get(name), lengths=lengths, trace=trace, memory=memory, training=training)
                states[name] = run.state
                if traces is not None:
                    traces[name] = run.trace
            elif isinstance(layer, Dropout):
                run = layer.forward(output, training=training)
            else:
                run = layer.forward(output)
            runs.append(run)
            output = run.output
        return StackRun(np.asarray(output), states, traces, runs, self._versions())

    def backward(self, run: StackRun, dy: Array, dstate: Mapping[str, Any] | None = None) -> StackGradients:
        """Carries `dy = dJ/doutput` back through `forward`.

        Args:
            run: what `forward` returned.
            dy: the output's shape.
            dstate: gradients of the last states by name; zeros where missing.

        Returns:
            Gradients: `parameters` by `layer.parameter`, `x`, and `state` of the initial states by name.

        Raises:
            ShapeError: `dy` or a state does not fit.
            ParameterError: `run` is none, or the parameters have changed since `forward`.
        """
        if not isinstance(run, StackRun):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise not_run(run)
        if run.versions != self._versions():
            raise ParameterError(
                f"`run` was made with versions {run.versions} of the layers' parameters, expected {self._versions()}, "
                "the present ones; call backward before the optimizer's step, or forward again"
            )
        dstates = self._known("dstate", dstate)
        gradients: dict[str, dict[str, Array]] = {}
        states: dict[str, Any] = {}
        dx: Any = dy
        for (name, layer), layer_run in reversed(list(zip(self.layers.items(), run.runs, strict=True))):
            if layer_run is None:  # the recurrent layer above has looked the tokens up
                gradients[name] = {"weight": dx}
                dx = None
                continue
            if isinstance(layer, Recurrent):
                back: Any = layer.backward(layer_run, dx, dstates.get(name))
                states[name] = back.state
                dx = back.x if back.embedding is None else back.embedding
            else:
                back = layer.backward(layer_run, dx)
                dx = back.x
            gradients[name] = back.parameters
        ordered = {f"{name}.{key}": array for name in self.layers for key, array in gradients[name].items()}
        return StackGradients(ordered, dx, states)

    def __call__(
        self, x: ArrayLike, state: Mapping[str, Any] | None = None, *, lengths: Lengths = None
    ) -> tuple[Array, dict[str, Any]]:
        """Runs all layers over a sequence and keeps nothing for `backward`."""
        return self._run(x, state, lengths, one_step=False)

    def step(self, x_t: ArrayLike, state: Mapping[str, Any] | None = None) -> tuple[Array, dict[str, Any]]:
        """One step of a stream: tokens `(N,)` or `(N, I)` to `(N, .)`, and the states to pass with the next step."""
        return self._run(x_t, state, None, one_step=True)

    def _run(
        self, x: ArrayLike, state: Mapping[str, Any] | None, lengths: Lengths, *, one_step: bool
    ) -> tuple[Array, dict[str, Any]]:
        output: Any = self._without_padding(x, lengths)
        states: dict[str, Any] = {}
        table = None  # of the embedding, where the layer above it looks the tokens up
        given = self._known("state", state)
        for name, layer in self.layers.items():
            before = given.get(name)
            if layer is self._embedding:
                tokens = self._tokens(output, "N" if one_step else "T, N", (None,) if one_step else (None, None))
                weight = layer.parameters["weight"]
                # one step looks up one row for each token; making the whole table would cost more
                table = weight if not one_step and self._pays(tokens) else None
                output = weight[tokens] if table is None else tokens
            elif isinstance(layer, Recurrent):
                if one_step:
                    output, states[name] = layer.step(output, before)
                elif table is not None:
                    run = layer.forward_tokens(output, table, before, lengths=lengths, keep=False)
                    output, states[name], table = run.output, run.state, None
                else:
                    output, states[name] = layer(output, before, lengths=lengths)
            else:
                output, _ = layer(output)
        return output, states

    def _versions(self) -> tuple[int, ...]:
        return tuple(layer.version for layer in self.layers.values())

    def _known(self, argument: str, states: Mapping[str, Any] | None) -> Mapping[str, Any]:
        """The states by name, every name being that of a recurrent layer."""
        recurrent = [name for name, layer in self.layers.items() if isinstance(layer, Recurrent)]
        for name in states or {}:
            if name not in recurrent:
                known = ", ".join(recurrent) or "none: this Stack has no recurrent layer"
                raise ParameterError(f"`{argument}` names {name!r}, expected {known}; check the name")
        return states or {}

    def _without_padding(self, x: ArrayLike, lengths: Lengths) -> ArrayLike:
        """`x`, where it is tokens with those in the padding as 0: whatever stood there, it is not to be looked up."""
        if lengths is None or not isinstance(next(iter(self.layers.values())), Embedding):
            return x
        given = as_array("x", x, "T, N", TO_PAD)
        if given.ndim != 2 or given.dtype.kind not in "iu":  # which is refused in a moment
            return given
        padding = padding_of(lengths, *given.shape)
        if padding is None:
            return given
        return np.where(np.arange(len(given))[:, np.newaxis] < padding.lengths, given, given.dtype.type(0))

    def _pays(self, tokens: NDArray[np.int32]) -> bool:
        """Whether a table of the whole vocabulary costs less than it saves for these tokens."""
        assert self._embedding is not None
        return self._embedding.vocabulary_size <= _TABLE_ROWS * tokens.size

    def _tokens(self, x: ArrayLike, axes: str, shape: tuple[int | None, ...]) -> NDArray[np.int32]:
        assert self._embedding is not None
        return checked_tokens("x", as_array("x", x, axes, TO_PAD), axes, shape, self._embedding.vocabulary_size)


def _check_layers(unnamed: Sequence[object], layers: Mapping[str, object]) -> None:
    """Raises unless every layer has a name, and every name a layer."""
    example = "for example Stack(recurrent=LSTM(3, 4))"
    if unnamed:
        given = type(unnamed[0]).__name__
        raise ParameterError(
            f"`layers` has {given} without a name, expected every layer by a name of its own; {example}"
        )
    for name, layer in layers.items():
        if not isinstance(layer, Layer):
            raise ParameterError(
                f"`{name}` is a {type(layer).__name__}, expected a layer of unrolled.layers; {example}"
            )


def _output_size(layer: AnyLayer) -> int:
    assert not isinstance(layer, Dropout)
    return layer.embedding_size if isinstance(layer, Embedding) else layer.output_size
