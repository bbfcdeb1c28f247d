"""An encoder, a decoder that begins where it ended, and attention between them; it neither trains nor searches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from unrolled.data.pairs import PairBatch, Tokens
from unrolled.errors import ParameterError
from unrolled.layers import Dense, Embedding, LSTMState
from unrolled.layers.dropout import Dropout
from unrolled.layers.recurrent import Recurrent
from unrolled.losses import softmax_cross_entropy
from unrolled.models.named_network import NamedNetwork
from unrolled.models.pairs.attention import AttentionRun, attend, attend_backward
from unrolled.models.sequences.network import CELLS, checked_options
from unrolled.shapes import Array

__all__ = ["EncoderDecoderNetwork", "Memory"]

# By which an encoder's states would no longer be what its decoder begins with and looks at.
UNSHARED = ("proj_size", "merge", "initial_state")

Present = NDArray[np.bool_] | None  # (S, N): where a source has a step; None: everywhere


class Memory(NamedTuple):
    """What the decoder goes on from: its state, and what it may look back at."""

    state: Any  # (L, N, W) each
    encoded: Array  # (S, N, W)
    present: Present


class EncoderDecoderNetwork(NamedNetwork):
    """Reads a source to its end, then predicts each token of a target from those before it and from the source.

    Equations, W = D H being the encoder's width, and the decoder's:
        (1) h_1..S, s_0 = encoder(source_embedding[source]); s_0 is its last state, direction beside direction
        (2) s_t = decoder(target_embedding[y_{t-1}], s_{t-1}), y_0 being the start
        (3) u_t = tanh(W_c [context_t; s_t] + b_c), context_t of `attention.attend`; without attention u_t = s_t
        (4) p(y_t) = softmax(W_y u_t + b_y)

    Args:
        source_size: how many tokens a source may hold.
        target_size: how many tokens a target may hold.
        cell: `"lstm"`, `"gru"` or `"rnn"`.
        hidden_size: H, of the encoder's directions.
        num_layers: L, of both.
        embedding_size: E, of both.
        bidirectional: the encoder reads each source from its end as well; D = 2.
        attention: whether the decoder looks at every state of the encoder, not only at the last.
        dropout: the part of the embeddings, and of what goes from layer to layer, that training drops.
        recurrent_dropout: that at which the state is dropped on its way back into the cells, one mask a sequence.
        zoneout: that at which a unit keeps its old state for a step; of an LSTM also a pair, of h and of c.
        layer_norm: normalise the sums in front of the gates; the LSTM and the GRU have it.
        layer_options: what else the layers of both take: `peepholes`, `forget_bias`, `weight_init`, `recurrent_init`
            or a GRU's `reset`.
        dtype: `"float32"` or `"float64"`.
        seed: of the initial weights, of what is dropped and of scheduled sampling; `None` differs each time.

    Raises:
        ParameterError: the cell is another, a size is not positive, a rate is not in [0, 1), or the cell has no such
            option.

    Source: Sutskever, Vinyals & Le 2014; (3) Luong, Pham & Manning 2015, equations 5 and 6; scheduled sampling: Bengio,
        Vinyals, Jaitly & Shazeer 2015.

    >>> network = EncoderDecoderNetwork(5, 7, hidden_size=4, embedding_size=3, seed=0)
    >>> memory = network.encode(np.array([[3], [4]], "int32"), None)
    >>> network.step(np.array([1], "int32"), memory)[0].shape
    (1, 7)
    """

    def __init__(
        self,
        source_size: int,
        target_size: int,
        *,
        cell: str = "gru",
        hidden_size: int = 64,
        num_layers: int = 1,
        embedding_size: int = 32,
        bidirectional: bool = True,
        attention: bool = True,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        zoneout: float | tuple[float, float] = 0.0,
        layer_norm: bool = False,
        layer_options: Mapping[str, Any] | None = None,
        dtype: str = "float32",
        seed: int | None = None,
    ) -> None:
        if cell not in CELLS:
            raise ParameterError(f"`cell` is {cell!r}, expected one of {', '.join(CELLS)}; gru is usual")
        why = "the decoder begins with the encoder's last states as they are"
        options: dict[str, Any] = {
            "num_layers": num_layers,
            "dropout": dropout if num_layers > 1 else 0.0,
            "recurrent_dropout": recurrent_dropout,
            "zoneout": zoneout,
            **checked_options(cell, layer_norm, layer_options, UNSHARED, why),
            "dtype": dtype,
        }
        seeds = [np.random.default_rng(each) for each in np.random.SeedSequence(seed).spawn(9)]
        self._rng: np.random.Generator = seeds[6]
        self.teacher_forcing = 1.0  # the probability that the decoder is fed the target's token, and not its own
        self.source_embedding = Embedding(source_size, embedding_size, dtype=dtype, seed=seeds[0])
        self.encoder: Recurrent[Any, Any] = CELLS[cell](
            embedding_size, hidden_size, bidirectional=bidirectional, **options, seed=seeds[1]
        )
        width = hidden_size * self.encoder.num_directions
        self.target_embedding = Embedding(target_size, embedding_size, dtype=dtype, seed=seeds[2])
        self.decoder: Recurrent[Any, Any] = CELLS[cell](embedding_size, width, **options, seed=seeds[3])
        self.combine = Dense(2 * width, width, dtype=dtype, seed=seeds[4]) if attention else None
        self.dense = Dense(width, target_size, dtype=dtype, seed=seeds[5])
        self.source_dropout, self.target_dropout = (Dropout(dropout, seed=each) for each in seeds[7:])
        named = {
            "source_embedding": self.source_embedding,
            "source_dropout": self.source_dropout,
            "encoder": self.encoder,
            "target_embedding": self.target_embedding,
            "target_dropout": self.target_dropout,
            "decoder": self.decoder,
            "combine": self.combine,
            "dense": self.dense,
        }
        super().__init__({name: layer for name, layer in named.items() if layer is not None})

    @property
    def random_state(self) -> dict[str, Any]:
        """Where the random numbers of training stand, as plain values for JSON."""
        return {"scheduled": self._rng.bit_generator.state, **(super().random_state or {})}

    @random_state.setter
    def random_state(self, state: Mapping[str, Any] | None) -> None:
        of_layers = dict(state or {})
        self._rng.bit_generator.state = of_layers.pop("scheduled")
        NamedNetwork.random_state.__set__(self, of_layers)

    def loss_and_gradients(self, batch: PairBatch, state: Any) -> tuple[float, dict[str, Array], Any]:
        """Forward and backward over one batch.

        Args:
            batch: sources and targets.
            state: not used: no state is carried from batch to batch.

        Returns:
            The mean loss in nats per token of the targets, the gradients by parameter name, and no state.
        """
        inputs = batch.inputs if self.teacher_forcing >= 1 else self._scheduled(batch)
        embedded = self.source_embedding.forward(batch.sources)
        read = self.source_dropout.forward(embedded.output)
        encoded = self.encoder.forward(read.output, lengths=batch.lengths)
        fed = self.target_embedding.forward(inputs)
        heard = self.target_dropout.forward(fed.output)
        decoded = self.decoder.forward(heard.output, self._bridge(encoded.state))
        looked, combined, u = self._look(decoded.output, encoded.output, _steps(batch.sources, batch.lengths))
        top = self.dense.forward(u)
        loss, dlogits = softmax_cross_entropy(top.output, batch.targets, batch.weights)

        # forward (4): logits = dense(u)
        dense = self.dense.backward(top, dlogits)
        gradients = {"dense": dense.parameters}
        assert dense.x is not None
        dencoded = None
        ds = dense.x
        if self.combine is not None and looked is not None:
            # forward (3): u = tanh(combine([context; s]))
            combine = self.combine.backward(combined, dense.x * (1 - u * u))
            gradients["combine"] = combine.parameters
            assert combine.x is not None
            dcontext, ds_direct = np.split(combine.x, 2, axis=-1)
            ds_looked, dencoded = attend_backward(looked, dcontext)
            ds = ds_direct + ds_looked
        # forward (2): s = decoder(dropout(fed), s_0)
        decoder = self.decoder.backward(decoded, ds)
        gradients["decoder"] = decoder.parameters
        assert decoder.x is not None
        dfed = self.target_dropout.backward(heard, decoder.x).x
        gradients["target_embedding"] = self.target_embedding.backward(fed, dfed).parameters
        # forward (1): encoded, s_0 = encoder(dropout(embedded))
        encoder = self.encoder.backward(encoded, dencoded, self._bridge_backward(decoder.state))
        gradients["encoder"] = encoder.parameters
        assert encoder.x is not None
        dembedded = self.source_dropout.backward(read, encoder.x).x
        gradients["source_embedding"] = self.source_embedding.backward(embedded, dembedded).parameters
        return loss, {f"{name}.{key}": gradients[name][key] for name, key in self._names()}, None

    def _names(self) -> list[tuple[str, str]]:
        return [(name, key) for name, layer in self.layers.items() for key in layer.parameters]

    def _scheduled(self, batch: PairBatch) -> Tokens:
        """The decoder's inputs where each is, by chance, the target's token or the likeliest after those before it."""
        memory = self.encode(batch.sources, batch.lengths)
        inputs = batch.inputs.copy()
        fed = self._rng.random(inputs.shape) < self.teacher_forcing
        for t in range(1, len(inputs)):
            logits, memory = self.step(inputs[t - 1], memory)
            inputs[t] = np.where(fed[t], inputs[t], logits.argmax(-1))
        return inputs

    # What a search needs.

    def encode(self, sources: Tokens, lengths: Tokens | None) -> Memory:
        """Reads sources `(S, N)`, and gives what the decoder goes on from."""
        embedded, _ = self.source_embedding(sources)
        encoded, state = self.encoder(embedded, lengths=lengths)
        return Memory(self._bridge(state), encoded, _steps(sources, lengths))

    def step(self, tokens: Tokens, memory: Memory) -> tuple[Array, Memory]:
        """The logits `(N, V)` of what comes after the tokens `(N,)`, and what to go on from."""
        embedded, _ = self.target_embedding.step(tokens)
        s, state = self.decoder.step(embedded, memory.state)
        _, _, u = self._look(s[None], memory.encoded, memory.present)
        return self.dense(u)[0][0], memory._replace(state=state)

    def loss(self, batch: PairBatch) -> float:
        """As `loss_and_gradients` with the target's own tokens fed, and nothing kept."""
        memory = self.encode(batch.sources, batch.lengths)
        s, _ = self.decoder(self.target_embedding(batch.inputs)[0], memory.state)
        _, _, u = self._look(s, memory.encoded, memory.present)
        return softmax_cross_entropy(self.dense(u)[0], batch.targets, batch.weights)[0]

    @staticmethod
    def take(memory: Memory, rows: NDArray[np.intp]) -> Memory:
        """Rows of what the decoder goes on from, in another order."""
        state = memory.state
        state = LSTMState(state.h[:, rows], state.c[:, rows]) if isinstance(state, LSTMState) else state[:, rows]
        present = None if memory.present is None else memory.present[:, rows]
        return Memory(state, memory.encoded[:, rows], present)

    # What they share.

    def _look(self, s: Array, encoded: Array, present: Present) -> tuple[AttentionRun | None, Any, Array]:
        """(3): the attention's run, that of the layer behind it, and u."""
        if self.combine is None:
            return None, None, s
        looked = attend(s, encoded, present)
        combined = self.combine.forward(np.concatenate([looked.context, s], -1))
        return looked, combined, np.tanh(combined.output)

    def _bridge(self, state: Any) -> Any:
        """The encoder's last state `(L D, N, H)` as the decoder's first `(L, N, D H)`."""
        if isinstance(state, LSTMState):
            return LSTMState(*map(self._bridge, state))
        D, (LD, N, H) = self.encoder.num_directions, state.shape
        return np.ascontiguousarray(state.reshape(LD // D, D, N, H).transpose(0, 2, 1, 3).reshape(LD // D, N, D * H))

    def _bridge_backward(self, dstate: Any) -> Any:
        if isinstance(dstate, LSTMState):
            return LSTMState(*map(self._bridge_backward, dstate))
        D, (L, N, W) = self.encoder.num_directions, dstate.shape
        return np.ascontiguousarray(dstate.reshape(L, N, D, W // D).transpose(0, 2, 1, 3).reshape(L * D, N, W // D))


def _steps(sources: Tokens, lengths: Tokens | None) -> Present:
    return None if lengths is None else np.arange(len(sources))[:, None] < lengths
