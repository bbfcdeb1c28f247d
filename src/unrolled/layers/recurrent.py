"""What the recurrent layers share: parameters, loops over layers and directions, checks; no cell's equations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import chain
from typing import Any, Generic, NamedTuple, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unrolled.engine import recurrent as engine
from unrolled.engine.arrays import checked
from unrolled.errors import ParameterError
from unrolled.layers.chain import Chain, ChainRun, named
from unrolled.layers.inputs import check_apart, check_writable, checked_input, not_run, padding_of
from unrolled.layers.layer import Layer
from unrolled.layers.masks import mask_generator
from unrolled.layers.options import Options, checked_generator, checked_projection
from unrolled.layers.runs import (
    KEEP,
    Memory,
    RecurrentGradients,
    RecurrentRun,
    State,
    Trace,
    check_memory,
)
from unrolled.layers.weights import first_weights, suffixes
from unrolled.shapes import Array, as_array, whole_number

__all__ = ["Memory", "Recurrent", "RecurrentGradients", "RecurrentRun"]


class _Step(NamedTuple):
    """What does not change from step to step of a stream."""

    version: int
    x_shape: tuple[int, ...]
    shape: tuple[int, ...]  # of h
    cell_shape: tuple[int, ...] | None  # of c, where there is one
    first: tuple[Array, Array | None]  # where no state is given
    run: Callable[[Array, Array, Array | None, Array, Array | None], None]


class Recurrent(Layer, Generic[State, Trace]):
    """Layers of one cell, in one direction or two; a subclass names the cell and shapes its state."""

    cell: engine.Cell
    _trace: Callable[..., Trace]  # of gates and states by name

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        options: Options,
        *,
        dtype: str,
        seed: int | np.random.Generator | None,
    ) -> None:
        super().__init__(dtype)
        self.input_size = input_size = whole_number("input_size", input_size, remedy="it is the last axis of x")
        self.hidden_size = hidden_size = whole_number("hidden_size", hidden_size, remedy="how many units?")
        self.num_layers = options.num_layers
        self.bidirectional, self.options = options.bidirectional, options
        self.num_directions = 2 if options.bidirectional else 1
        self.state_size = checked_projection(options.proj_size, hidden_size) or hidden_size  # of h
        self._size_of_h = "P" if options.proj_size else "H"
        self.output_size = self.state_size * (self.num_directions if options.merge == "concat" else 1)
        # The names of the parameters that the engine reads, for each layer and direction, in its order; and of the
        # learned initial states.
        self._names: list[list[str]] = []
        self._state_names: list[list[str]] = []
        rng = checked_generator(seed)
        for index, suffix in enumerate(suffixes(self.num_layers, self.num_directions)):
            inputs = input_size if index < self.num_directions else self.output_size
            names: list[str] = []
            for key, axes, value in first_weights(rng, self.cell, inputs, hidden_size, self._first_bias(), options):
                names.append(f"{key}_{suffix}")
                self._create(names[-1], axes, value)
            self._names.append(names)
            if options.initial_state == "learned":
                self._state_names.append([f"{part}0_{suffix}" for part in self._state_parts])
                sizes_of = ((self._size_of_h, self.state_size), ("H", hidden_size))
                for name, (axes, size) in zip(self._state_names[-1], sizes_of, strict=False):
                    self._create(name, axes, np.zeros(size))
        self._read = [name for names in self._names for name in names]
        self._chained = {training: options.chained(training=training) for training in (False, True)}
        if options.draws:
            self._masks = mask_generator(rng)
        self._engine: engine.Network | None = None
        self._levels: Chain | None = None
        self._step: _Step | None = None

    def _settings(self) -> dict[str, Any]:
        of_h, of_c = self.options.zoneout
        both = len(self._state_parts) == 2 and of_h != of_c
        return vars(self.options) | super()._settings() | {"zoneout": (of_h, of_c) if both else of_h}

    def forward(
        self,
        x: ArrayLike,
        state: State | None = None,
        *,
        lengths: Sequence[int] | NDArray[np.integer] | None = None,
        trace: bool = False,
        memory: Memory = "full",
        training: bool = True,
    ) -> RecurrentRun[State, Trace]:
        """Runs the layers over a batch of sequences and keeps what `backward` needs.

        Args:
            x: `(T, N, I)`, time first.
            state: the state before the first step; where `None`, zeros, or the learned one.
            lengths: steps of each sequence, `(N,)`, in any order, the rest being padding: it is never read, the
                output there is 0, and a reverse direction begins at each sequence's own end. `None`: all have T.
            trace: hand back every gate and cell state of every step.
            memory: `"full"` keeps gates and cell states; `"low"` computes the gates again in `backward`, `"sqrt"`
                the cell states too, from checkpoints: less memory for more arithmetic, and the same gradients. Only
                plain cells are computed again.
            training: `False` drops nothing, and still keeps what `backward` needs.

        Returns:
            A run: `output` `(T, N, D H)`, the last layer's h, without the D where directions are merged, and with P for
            H where h is projected; `state` after each sequence's last step; `trace`, one for each layer and direction.

        Raises:
            ShapeError: `x`, `state` or `lengths` does not fit.
            ParameterError: a dtype is another, a length is not from 0 to T, a trace is asked for with gates not
                kept, or memory is to be saved with a variant of the cell.
        """
        check_memory(memory, trace=trace)
        self.options.check_memory(memory, training=training)
        x = checked_input("x", x, self.dtype, ("T", "N", "I"), self.input_size)
        padding = padding_of(lengths, *x.shape[:2])
        return self._forward(x, None, None, state, padding, KEEP[memory], trace=trace, training=training)

    def forward_tokens(
        self,
        tokens: NDArray[np.int32],
        embedding: Array,
        state: State | None = None,
        *,
        lengths: Sequence[int] | NDArray[np.integer] | None = None,
        trace: bool = False,
        memory: Memory = "full",
        keep: bool = True,
        training: bool = True,
    ) -> RecurrentRun[State, Trace]:
        """As `forward(embedding[tokens])`, with the first input product as a look-up; `Stack` calls it and has checked.

        Args:
            tokens: `(T, N)`, C-contiguous int32 in [0, V).
            embedding: `(V, I)`.
            state: as in `forward`.
            lengths: as in `forward`.
            trace: as in `forward`.
            memory: as in `forward`.
            keep: `False` keeps nothing for `backward`, and is inference.
            training: as in `forward`.
        """
        padding, kept = padding_of(lengths, *tokens.shape), KEEP[memory] if keep else "nothing"
        return self._forward(None, tokens, embedding, state, padding, kept, trace=trace, training=keep and training)

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
            dy: `dJ/doutput`, in the output's shape, or `None` for zero.
            dstate: gradient of the last state beyond what `dy` says, or `None` for zero.
            need_dx: `False` leaves `dx` out: the first layer of a model needs none.

        Returns:
            Gradients: `parameters` by name, `x` `(T, N, I)`, exactly 0 in padding, `state` of the initial state.

        Raises:
            ShapeError: `dy` or `dstate` does not fit.
            ParameterError: `run` is none, the parameters have changed since `forward`, or another layer made the run.
        """
        if not isinstance(run, RecurrentRun):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise not_run(run)
        if run.layer is not self:
            raise ParameterError(
                "`run` was made by another layer, expected one of this layer's forward; are two mixed up?"
            )
        if run.version != self.version:
            raise ParameterError(
                f"`run` was made with version {run.version} of the parameters, expected {self.version}, the present "
                "one; call backward before the optimizer's step, or forward again"
            )
        T, N, width = run.output.shape
        axes = f"T, N, {'D ' if width > self.state_size else ''}{self._size_of_h}"
        remedy = "it needs the shape of the run's output"
        dy_in = None if dy is None else checked("dy", dy, self.dtype, axes, (T, N, width), remedy)
        dh_n, dc_n = (None, None) if dstate is None else self._split_state("dstate", dstate, N)
        assert run.kept is not None
        if isinstance(run.kept, ChainRun):
            back = self._chain.backward(run.kept, dy_in, dh_n, dc_n, need_dx=need_dx)
        else:
            back = self._network.backward(run.kept, dy_in, dh_n, dc_n, need_dx=need_dx)
        # both list the parameters direction by direction
        parameters = dict(zip(self._read, chain.from_iterable(back.directions), strict=True))
        if self._state_names:
            # forward: h0 is the same for every sequence of the batch, unless a state was given
            of_states = [back.dh0] if back.dc0 is None else [back.dh0, back.dc0]
            for index, names in enumerate(self._state_names):
                for name, dstates in zip(names, of_states, strict=True):
                    dstate_0 = dstates[index].sum(axis=0)
                    parameters[name] = dstate_0 if run.learned_state else np.zeros_like(dstate_0)
            parameters = {name: parameters[name] for name in self._arrays}
        state = self._join_state(back.dh0, back.dh0 if back.dc0 is None else back.dc0)
        return RecurrentGradients(parameters, back.dx, state, back.dembedding)

    def __call__(
        self,
        x: ArrayLike,
        state: State | None = None,
        *,
        lengths: Sequence[int] | NDArray[np.integer] | None = None,
    ) -> tuple[Array, State]:
        """Runs the layers and keeps nothing for `backward`: `(T, N, I)` to `(T, N, D H)`, and the last state."""
        x = checked_input("x", x, self.dtype, ("T", "N", "I"), self.input_size)
        if x.shape[0] == 1 and lengths is None and not self.bidirectional:
            y_t, new = self.step(x[0], state)  # the same bits, in a quarter of the time
            return y_t[np.newaxis].copy(), new
        padding = padding_of(lengths, *x.shape[:2])
        run = self._forward(x, None, None, state, padding, "nothing", trace=False, training=False)
        return run.output, run.state

    def step(self, x_t: ArrayLike, state: State | None = None, *, out: State | None = None) -> tuple[Array, State]:
        """One step of a stream, a few microseconds long where the layer is small.

        Args:
            x_t: `(N, I)`.
            state: the state before the step, `(L, N, H)` each; where `None`, zeros, or the learned one.
            out: where to put the state after it, which may be `state` itself: then nothing is allocated. A new one
                where `None`. `x_t` may lie in it: the output of the step before.

        Returns:
            `y_t` `(N, H)`, a view of the new state's last layer, and the new state.

        Raises:
            ShapeError: `x_t`, `state` or `out` does not fit the layer.
            ParameterError: a dtype is another, `out` cannot be written or overlaps what else there is, or the layer is
                bidirectional: a stream has no end to start from.
        """
        x: Array = as_array("x_t", x_t, "N, I")
        step = self._step
        if step is None or step.version != self.version or step.x_shape != x.shape:
            step = self._step = self._new_step(x)
        h, c = step.first if state is None else self._parts(state)
        if out is None:
            cell_shape = step.cell_shape
            h_new, c_new = np.empty(step.shape, self.dtype), np.empty(cell_shape, self.dtype) if cell_shape else None
        else:
            h_new, c_new = self._parts(out)
        try:
            if h.shape != step.shape or h_new.shape != step.shape:
                raise TypeError
            if c is not None and c_new is not None and (c.shape != step.cell_shape or c_new.shape != step.cell_shape):
                raise TypeError
            step.run(x, h, c, h_new, c_new)
        except (AttributeError, TypeError, ValueError):  # what is wrong is looked for only when something is
            N = x.shape[0]
            x = checked_input("x_t", x, self.dtype, ("N", "I"), self.input_size)
            if state is not None:
                h, c = self._split_state("state", state, N)
            if out is not None:
                self._split_state("out", out, N)
                check_writable(h_new, c_new)
                check_apart((h_new, c_new), (h, c))
            step.run(x, h, c, h_new, c_new)
        return h_new[-1], self._join_state(h_new, h_new if c_new is None else c_new)

    # What a subclass says of its cell: its state is h alone, unless it says otherwise.

    def _split_state(self, name: str, state: State, N: int) -> tuple[Array, Array | None]:
        """The caller's state as checked h and c, each `(L D, N, H)`."""
        return self._checked_state(name, cast(Array, state), N), None

    def _parts(self, state: State) -> tuple[Array, Array | None]:
        """The caller's state as h and c, unchecked."""
        return cast(Array, state), None

    def _join_state(self, h: Array, c: Array) -> State:
        return cast(State, h)

    _state_parts: tuple[str, ...] = ("h",)

    def _first_bias(self) -> Array:
        return np.zeros(engine.CELLS[self.cell].gates * self.hidden_size)

    # What they share.

    def _new_step(self, x: Array) -> _Step:
        if self.bidirectional:
            raise ParameterError(
                "`bidirectional` is True, expected False for step; a stream has no end to start from, call the layer"
            )
        N = checked_input("x_t", x, self.dtype, ("N", "I"), self.input_size).shape[0]
        run = (
            partial(self._chain.step, self.version)
            if self._chained[False]
            else self._network.stepper(self.version, N).run
        )
        h, c = self._initial_state(N)
        return _Step(self.version, x.shape, h.shape, None if c is None else c.shape, (h, c), run)

    def _checked_state(self, name: str, array: ArrayLike, N: int, *, of_cell: bool = False) -> Array:
        size = self.hidden_size if of_cell else self.state_size
        axes = f"{'L D' if self.bidirectional else 'L'}, N, {'H' if of_cell else self._size_of_h}"
        remedy = "did you pass input_size as hidden_size?"
        return checked(name, array, self.dtype, axes, (len(self._names), N, size), remedy)

    @property
    def _weights(self) -> list[list[Array]]:
        """The arrays that the engine reads, of each layer and direction."""
        return [[self._arrays[name] for name in names] for names in self._names]

    @property
    def _network(self) -> engine.Network:
        """All layers as one native call; made when first wanted, and again in a copy of this layer."""
        if self._engine is None:
            self._engine = engine.Network(self.cell, self.num_layers, self.num_directions, self._weights)
        return self._engine

    @property
    def _chain(self) -> Chain:
        """The layers one by one; made when first wanted, and again in a copy of this layer."""
        if self._levels is None:
            self._levels = Chain(self.cell, self.num_directions, self._weights, self.options)
        return self._levels

    def _named(self, run: engine.Forward | ChainRun, index: int) -> dict[str, Array]:
        """Every gate and state of layer and direction `index`, by name."""
        return (
            self._chain.trace(run, index)
            if isinstance(run, ChainRun)
            else named(self.cell, self._network.kept(run, index))
        )

    def _initial_state(self, N: int) -> tuple[Array, Array | None]:
        """Where no state is given: zeros, or the learned one, `(L D, N, H)` each."""
        rows, has_cell = len(self._names), engine.CELLS[self.cell].has_cell
        if not self._state_names:
            h0 = np.zeros((rows, N, self.state_size), self.dtype)
            c0 = h0 if self.state_size == self.hidden_size else np.zeros((rows, N, self.hidden_size), self.dtype)
            return h0, c0 if has_cell else None
        parts = [np.stack([self._arrays[name] for name in names]) for names in zip(*self._state_names, strict=True)]
        h0, *c0 = (np.repeat(part[:, np.newaxis], N, axis=1) for part in parts)
        return h0, c0[0] if c0 else None

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_engine": None, "_levels": None, "_step": None}

    def _forward(
        self,
        x: Array | None,
        tokens: NDArray[np.int32] | None,
        embedding: Array | None,
        state: State | None,
        padding: engine.Padding | None,
        keep: engine.Keep,
        *,
        trace: bool,
        training: bool,
    ) -> RecurrentRun[State, Trace]:
        given = tokens if x is None else x
        assert given is not None
        h0, c0 = (
            self._initial_state(given.shape[1]) if state is None else self._split_state("state", state, given.shape[1])
        )
        if self._chained[training]:
            run = self._chain.forward(
                self.version,
                x,
                h0,
                c0,
                keep=keep,
                tokens=tokens,
                embedding=embedding,
                padding=padding,
                rng=self._masks if training else None,
            )
        else:
            run = self._network.forward(
                self.version, x, h0, c0, keep=keep, tokens=tokens, embedding=embedding, padding=padding
            )
        learned = state is None and bool(self._state_names)
        last = self._join_state(run.h_n, run.h_n if run.c_n is None else run.c_n)
        traces = None
        if trace:
            traces = tuple(self._trace(**self._named(run, index)) for index in range(len(self._names)))
        kept = None if keep == "nothing" else run
        return RecurrentRun(run.y, last, traces, kept, self, self.version, learned)
