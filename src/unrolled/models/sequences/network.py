"""Recurrent layers, pooling over time and a dense layer: a network for whole sequences; it does not train itself."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from unrolled.data.sequences import SequenceBatch
from unrolled.errors import ParameterError
from unrolled.layers import GRU, LSTM, RNN, Dense, Dropout, LSTMState
from unrolled.layers.options import checked_rate
from unrolled.layers.recurrent import Recurrent
from unrolled.models.named_network import NamedNetwork
from unrolled.shapes import Array

__all__ = ["CELLS", "POOLINGS", "Loss", "Pooling", "SequenceNetwork"]

CELLS = {"lstm": LSTM, "gru": GRU, "rnn": RNN}
# What a recurrent layer takes and a model names by itself.
NAMED = (
    "input_size", "hidden_size", "num_layers", "bidirectional", "dropout", "recurrent_dropout", "zoneout", "layer_norm",
    "dtype", "seed",
)  # fmt: skip
OWN = tuple(name for name in NAMED if name not in ("input_size", "seed"))  # of these, what users of a model name
POOLINGS = ("last", "mean", "max", None)
Pooling = Literal["last", "mean", "max"] | None
Loss = Callable[[Array, NDArray[Any], Array | None], tuple[float, Array]]


class SequenceNetwork(NamedNetwork):
    """Recurrent layers over sequences of unequal length, pooled over time, with a dense layer on top.

    Equations, over the T_n steps of sequence n:
        (1) h_1..T_n = cell(x_1..T_n), each layer over the one below
        (2) p = h_T_n, each direction's after its own last step; or mean_t h_t; or max_t h_t
        (3) y = W p + b

    Args:
        input_size: I.
        output_size: K.
        loss: from `unrolled.losses`: of outputs, targets and weights.
        cell: `"lstm"`, `"gru"` or `"rnn"`.
        hidden_size: H.
        num_layers: L.
        bidirectional: read each sequence from its end as well.
        dropout: the rate at which units are dropped in training, between the layers and before the dense one.
        recurrent_dropout: that at which the state is dropped on its way back into the cells, one mask a sequence.
        zoneout: that at which a unit keeps its old state for a step.
        layer_norm: normalise the sums in front of the gates; the LSTM and the GRU have it.
        layer_options: what else the recurrent layers take, such as `peepholes`, `proj_size`, `forget_bias`,
            `initial_state`, `merge`, `weight_init` or a GRU's `reset`.
        pooling: `"last"`, `"mean"` or `"max"`; `None` pools nothing: an output for each step.
        dtype: `"float32"` or `"float64"`.
        seed: of the initial weights; `None` differs each time.

    Raises:
        ParameterError: the cell or the pooling is another, a size is not positive, a rate is not in [0, 1), or the
            cell has no such option.

    >>> from unrolled.losses import softmax_cross_entropy
    >>> network = SequenceNetwork(2, 3, softmax_cross_entropy, hidden_size=4, seed=0)
    >>> network.predict(np.zeros((5, 7, 2), "float32")).shape
    (7, 3)
    """

    def __init__(
        self,
        input_size: int,
        output_size: int,
        loss: Loss,
        *,
        cell: str = "lstm",
        hidden_size: int = 64,
        num_layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        zoneout: float = 0.0,
        layer_norm: bool = False,
        layer_options: Mapping[str, Any] | None = None,
        pooling: Pooling = "last",
        dtype: str = "float32",
        seed: int | None = None,
    ) -> None:
        if cell not in tuple(CELLS):
            raise ParameterError(f"`cell` is {cell!r}, expected one of {', '.join(CELLS)}; lstm is usual")
        if pooling not in POOLINGS:
            raise ParameterError(f"`pooling` is {pooling!r}, expected 'last', 'mean', 'max' or None; 'last' is usual")
        options = checked_options(cell, layer_norm, layer_options)
        seeds = (None,) * 3 if seed is None else np.random.SeedSequence(seed).generate_state(3).tolist()
        self.loss, self.pooling = loss, pooling
        self.dropout = Dropout(checked_rate("dropout", dropout), seed=seeds[2])
        self.recurrent: Recurrent[Any, Any] = CELLS[cell](
            input_size,
            hidden_size,
            num_layers=num_layers,
            bidirectional=bidirectional,
            dropout=dropout if num_layers > 1 else 0.0,
            recurrent_dropout=recurrent_dropout,
            zoneout=zoneout,
            **options,
            dtype=dtype,
            seed=seeds[0],
        )
        last_width = self.recurrent.state_size * self.recurrent.num_directions  # whatever merges their outputs
        width = last_width if pooling == "last" else self.recurrent.output_size
        self.dense = Dense(width, output_size, dtype=dtype, seed=seeds[1])
        self.dtype = dtype
        super().__init__({"recurrent": self.recurrent, "dropout": self.dropout, "dense": self.dense})

    def loss_and_gradients(self, batch: SequenceBatch, state: Any) -> tuple[float, dict[str, Array], Any]:
        """Forward and backward over one batch.

        Args:
            batch: sequences `(T, N, I)` and their targets.
            state: not used: no state is carried from batch to batch.

        Returns:
            The mean loss, the gradients by parameter name, and no state.
        """
        run = self.recurrent.forward(batch.x, lengths=batch.lengths)
        pooled = self._pool(run.output, run.state, batch.lengths)
        thinned = self.dropout.forward(pooled)
        top = self.dense.forward(thinned.output)
        loss, dy = self.loss(top.output, batch.targets, batch.weights)
        back = self.dense.backward(top, dy)
        assert back.x is not None
        dpooled = self.dropout.backward(thinned, back.x).x
        output, dstate = self._pool_backward(dpooled, pooled, run.output, run.state, batch.lengths)
        below = self.recurrent.backward(run, output, dstate, need_dx=False)
        gradients = {f"recurrent.{name}": array for name, array in below.parameters.items()}
        return loss, gradients | {f"dense.{name}": array for name, array in back.parameters.items()}, None

    def predict(self, x: Array, lengths: NDArray[np.integer[Any]] | None = None) -> Array:
        """The outputs for sequences `(T, N, I)`: `(N, K)`, or `(T, N, K)` where nothing is pooled.

        Raises:
            ShapeError, ParameterError: as the layers; or a sequence without a step is to be pooled.
        """
        lengths = None if lengths is None else np.asarray(lengths)
        if self.pooling in ("mean", "max") and (0 in lengths if lengths is not None else len(x) == 0):
            raise ParameterError(
                f"`x` has a sequence without a step, expected at least one for pooling={self.pooling!r}; leave it out"
            )
        output, state = self.recurrent(x, lengths=lengths)
        return self.dense(self._pool(output, state, lengths))[0]

    def _pool(self, h: Array, state: Any, lengths: NDArray[np.integer[Any]] | None) -> Array:
        """(2): `(T, N, D H)` to `(N, D H)`."""
        if self.pooling is None:
            return h
        if self.pooling == "last":
            return np.concatenate(self._last(state), axis=1)
        steps = np.arange(len(h))[:, None, None]
        if self.pooling == "mean":  # the output is 0 in padding
            return h.sum(axis=0) / self._steps(h, lengths)
        return h.max(axis=0) if lengths is None else np.where(steps < lengths[:, None], h, -np.inf).max(axis=0)

    def _pool_backward(
        self, dpooled: Array, pooled: Array, h: Array, state: Any, lengths: NDArray[np.integer[Any]] | None
    ) -> tuple[Array | None, Any]:
        """The gradients of the recurrent layers' output and last state."""
        if self.pooling is None:
            return dpooled, None
        if self.pooling == "last":
            # forward: p = the last layer's h, direction beside direction
            dh = np.zeros_like(state.h if isinstance(state, LSTMState) else state)
            dh[-self.recurrent.num_directions :] = np.split(dpooled, self.recurrent.num_directions, axis=1)
            return None, LSTMState(dh, np.zeros_like(state.c)) if isinstance(state, LSTMState) else dh
        if self.pooling == "mean":
            # forward: p = sum_t h_t / T_n
            return np.broadcast_to(dpooled / self._steps(h, lengths), h.shape), None  # in padding it is not read
        # forward: p = max_t h_t, which the first of the largest receives
        dh = np.zeros_like(h)
        first = np.argmax(h == pooled, axis=0)  # (N, D H); padding comes behind it
        np.put_along_axis(dh, first[None], dpooled[None], axis=0)
        return dh, None

    def _last(self, state: Any) -> Array:
        h: Array = state.h if isinstance(state, LSTMState) else state
        return h[-self.recurrent.num_directions :]

    def _steps(self, h: Array, lengths: NDArray[np.integer[Any]] | None) -> Array:
        """How many steps each mean is over, `(N, 1)` or `(1, 1)`."""
        return np.asarray([[len(h)]] if lengths is None else lengths[:, None]).astype(h.dtype)


def checked_options(
    cell: str,
    layer_norm: bool,
    layer_options: Mapping[str, Any] | None,
    without: Sequence[str] = (),
    why: str = "",
    own: Sequence[str] = OWN,
) -> dict[str, Any]:
    """What a cell's layer is given beyond what every cell takes.

    Args:
        cell: one of `CELLS`.
        layer_norm: whether its gates are normalised.
        layer_options: what else it takes, by name.
        without: options of the layers that the model cannot have, and
        why: in words.
        own: which of the layers' options are parameters of the model, by the same names.

    Raises:
        ParameterError: the cell or the model has no option of that name, or they are no dict.
    """
    if layer_norm and cell == "rnn":
        raise ParameterError("`layer_norm` is True for 'rnn', expected False; the LSTM and the GRU have it")
    given: Mapping[str, Any] = {} if layer_options is None else layer_options
    if not isinstance(given, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ParameterError(f"`layer_options` is {given!r}, expected a dict of options by name, or None for none")
    for name in given:
        if name in without:
            raise ParameterError(f"`layer_options` has {name!r}, expected none of {', '.join(without)}; {why}")
    known = [name for name in inspect.signature(CELLS[cell]).parameters if name not in (*NAMED, *without)]
    for name in given:
        if name not in known:
            remedy = "the model sets it by itself" if name in NAMED else "check the spelling"
            raise ParameterError(
                f"`layer_options` has {name!r}, expected of {cell!r} {', '.join(known)}; "
                + ("it is a parameter of the model itself" if name in own else remedy)
            )
    return ({"layer_norm": True} if layer_norm else {}) | dict(given)
