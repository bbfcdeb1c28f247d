"""Sequences of symbols to sequences of symbols, of any lengths: from pairs to a trained, used and saved model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np

from unrolled.data.pairs import PairBatches, Pairs, Symbols, Tokens
from unrolled.data.sequences import digest_of
from unrolled.errors import DataError, ParameterError
from unrolled.models.pairs.answers import ROWS, search, validation
from unrolled.models.pairs.beam import checked_penalty
from unrolled.models.pairs.network import EncoderDecoderNetwork
from unrolled.models.pairs.scheduled_sampling import ScheduledSampling
from unrolled.models.scikit import params_from_record, sklearn_tags
from unrolled.models.sequences.parts import check_switches, checked_entries, held_out, kept_on_error
from unrolled.models.trainable import Trainable
from unrolled.shapes import real_number, whole_number
from unrolled.storage import Unit
from unrolled.training.callbacks import checked_callbacks
from unrolled.training.fit import Callback, FitSettings

__all__ = ["EncoderDecoder", "Output"]

Line = str | Sequence[str]  # of characters, or of words

SIDES = ("source", "target")
OPTIONS = ("recurrent_dropout", "zoneout", "layer_norm", "layer_options")  # recorded only where they are set


class Output(NamedTuple):
    """What a model may answer."""

    output: Line
    log_probability: float  # in nats
    score: float  # what outputs are compared by: log_probability / length ** length_penalty


class Fitted:
    """What `fit` learns; none of it is there before."""

    network_: EncoderDecoderNetwork
    source_symbols_: Symbols
    target_symbols_: Symbols
    longest_: int  # target that it was trained on


@dataclass(kw_only=True, repr=False, eq=False)
class EncoderDecoder(Fitted, Trainable):
    """Learns to answer one sequence with another: to spell, to transliterate, to render a date, to translate.

    Sequences are strings, read by character, or lists of words.

    Equations, for a source x_1..S and a target y_1..T, y_0 being the start and y_T+1 the end:
        (1) h_1..S, s_0 = encoder(x_1..S)
        (2) s_t = decoder(y_t-1, s_t-1)
        (3) a_t = softmax over the source of s_t . h, context_t = sum_i a_ti h_i
        (4) u_t = tanh(W_c [context_t; s_t] + b_c); without attention u_t = s_t
        (5) p(y_t) = softmax(W_y u_t + b_y)
        (6) J = the mean of -log p(y_t) over the symbols of all targets and their ends
        (7) answer: of the y that a beam search finds, that of the largest sum_t log p(y_t) / (T + 1)^length_penalty

    Args:
        cell: `"lstm"`, `"gru"` or `"rnn"`.
        hidden_size: H, of the encoder's directions; the decoder has as many units as all of them together.
        num_layers: L, of both.
        embedding_size: E, of both.
        bidirectional: the encoder reads each source from its end as well.
        attention: the decoder looks at every state of the encoder, not only at the last.
        dropout: the part of the embeddings, and of what goes from layer to layer, that training drops.
        recurrent_dropout, zoneout, layer_norm: see `unrolled.models.sequences.estimator.SequenceEstimator`; of both.
        layer_options: what else the layers of both take: `peepholes`, `forget_bias`, `weight_init`, `recurrent_init`
            or a GRU's `reset`.
        teacher_forcing: the probability at the end of training that the decoder is fed the target's symbol, and not
            the one it holds for likeliest itself; it comes down to this from 1 on a straight line (scheduled sampling).
        epochs: passes over the pairs.
        batch_size: pairs in a step, at the most; those of like length are together.
        optimizer: one of `unrolled.optimizers.OPTIMIZERS`.
        learning_rate: the peak of the schedule.
        weight_decay: of an optimizer that has one (`"adamw"`).
        schedule: one of `unrolled.schedules.SCHEDULES`, or `"reduce_on_plateau"`.
        warmup: steps of a linear rise to the peak.
        clip: the largest global norm of the gradients; `None` for any.
        ema: the decay of a moving average of the weights, which is then what is used; `None` for none.
        validation_fraction: the part of the pairs that is held out.
        patience: after so many epochs that were no better on them than the best, training ends, with the best weights.
        monitor: `"loss"` or `"exact_match"`, for `patience`.
        dtype: `"float32"` or `"float64"`.
        random_state: a seed: the same one gives the same model, bit for bit; `None` differs each time.
        verbose: show how training goes, where positive.

    Attributes:
        history_: how training went: a table, `.to_csv(path)`, `.to_pandas()`, `.plot()`.
        network_: the trained `EncoderDecoderNetwork`.
        source_symbols_, target_symbols_: what it reads and writes.

    Source: (1), (2), (5) Sutskever, Vinyals & Le 2014, section 2; (3), (4) Luong, Pham & Manning 2015, equations 5 to
        8; scheduled sampling: Bengio, Vinyals, Jaitly & Shazeer 2015, section 2.4.

    >>> model = EncoderDecoder(hidden_size=16, embedding_size=4, epochs=40, learning_rate=0.02, random_state=0)
    >>> words = ["a", "b", "ab", "ba", "aab", "bab"]
    >>> model.fit(words, [word.upper() for word in words]).predict(["ba", "aab"])
    ['BA', 'AAB']
    """

    kind: ClassVar[str] = "encoder_decoder"
    monitors: ClassVar[tuple[str, ...]] = ("loss", "exact_match")

    cell: str = "gru"
    hidden_size: int = 64
    num_layers: int = 1
    embedding_size: int = 32
    bidirectional: bool = True
    attention: bool = True
    dropout: float = 0.0
    recurrent_dropout: float = 0.0
    zoneout: float | tuple[float, float] = 0.0
    layer_norm: bool = False
    layer_options: Mapping[str, Any] | None = None
    teacher_forcing: float = 1.0
    epochs: float = 30
    batch_size: int = 64
    learning_rate: float = 5e-3

    def fit(
        self,
        sources: Sequence[Line],
        targets: Sequence[Line],
        *,
        validation_data: tuple[Sequence[Line], Sequence[Line]] | None = None,
        callbacks: Sequence[Callback] = (),
        checkpoint: str | Path | None = None,
    ) -> Self:
        """Learns from pairs.

        Args:
            sources: all strings or all lists of words, none of them empty.
            targets: one for each source; of either kind, and they may be empty.
            validation_data: `(sources, targets)`, in place of a `validation_fraction` of the pairs.
            callbacks: see `unrolled.training.fit.Callback`.
            checkpoint: a folder to keep the run in. Where it already holds this run, that goes on, and ends with the
                bits of one that was never interrupted.

        Returns:
            The model itself.

        Raises:
            DataError: there are no pairs, a source is empty, or a sequence holds something else than symbols; or pairs
                to validate on hold symbols that those to learn from do not.
            ParameterError: a parameter is out of its range, or there are not as many targets as sources.
            CheckpointError: the folder holds another run.
            DivergenceError: the loss is no longer finite; try a lower learning rate.
        """
        with kept_on_error(self):  # what cannot be learned from leaves what was learned before
            callbacks = checked_callbacks(callbacks)
            folder = None if checkpoint is None else Path(checkpoint)
            self.seed_ = self._first_seed(folder)
            seeds: list[int] = np.random.SeedSequence(self.seed_).generate_state(4).tolist()
            self.source_symbols_ = Symbols.of(_listed("sources", sources), "sources")
            self.target_symbols_ = Symbols.of(_listed("targets", targets), "targets")
            pairs = self._pairs("sources", sources, "targets", targets)
            if validation_data is not None:
                others = checked_entries(validation_data, "(sources, targets)", 2)
                held: Pairs | None = self._pairs("validation_data[0]", others[0], "validation_data[1]", others[1])
            else:
                pairs, held = self._split(pairs, seeds[0])
            self.longest_ = max(1, *(len(target) for target in pairs.targets))
            validated_on = None if folder is None else digest_of(*chain(*held or ()))
            batches = PairBatches(*pairs, batch_size=self.batch_size, seed=seeds[3], validation=validated_on)
            settings = self._settings(seeds[2], held is not None)
            network = self._create_network(seeds[1])
            scheduled = () if self.teacher_forcing == 1 else (ScheduledSampling(network, self.teacher_forcing),)
            validate = None
            if held is not None:
                validate = partial(validation, network, PairBatches(*held), 2 * self.longest_)
        self._train(
            network,
            batches,
            settings,
            validate=validate,
            folder=folder,
            documents=self._documents(),
            callbacks=(*scheduled, *callbacks),
            unit="pairs",
        )
        return self

    def predict(
        self,
        sources: Sequence[Line],
        *,
        beam: int = 1,
        max_length: int | None = None,
        length_penalty: float = 1.0,
    ) -> list[Line]:
        """The likeliest answer to each source that a search finds; arguments and errors as for `outputs`."""
        found = self.outputs(sources, beam=beam, max_length=max_length, length_penalty=length_penalty)
        return [outputs[0].output for outputs in found]

    def outputs(
        self,
        sources: Sequence[Line],
        *,
        beam: int = 4,
        max_length: int | None = None,
        length_penalty: float = 1.0,
    ) -> list[list[Output]]:
        """Likely answers to each source, with their probabilities, as `beam.beam_search` finds them.

        Args:
            sources: as in `fit`.
            beam: how many beginnings are kept; 1 takes the likeliest symbol each time (greedy).
            max_length: of an answer, in symbols; twice the longest target of `fit` where `None`.
            length_penalty: 0 compares probabilities, which favours short answers; 1 the mean per symbol.

        Returns:
            For each source its answers, at the most `beam`, the best score first.

        Raises:
            DataError: a source is empty, or holds a symbol that was not there in `fit`.
            ParameterError: an argument is out of its range, or the model is not fitted: scikit-learn's `NotFittedError`
                where it is loaded.
        """
        self._check_fitted()
        beam = whole_number("beam", beam, remedy="1 is greedy, 4 is usual")
        longest = 2 * self.longest_
        if max_length is not None:
            longest = whole_number("max_length", max_length, remedy="None allows twice the longest target of `fit`")
        penalty = checked_penalty(length_penalty)
        tokens = self._encode("sources", sources, self.source_symbols_)
        if not tokens:
            return []
        found: list[list[Output]] = [[] for _ in tokens]
        batches = PairBatches(tokens, [token[:0] for token in tokens])
        how: dict[str, Any] = {"beam": beam, "max_length": longest, "length_penalty": penalty}
        for rows, batch in batches.in_order(max(1, ROWS // beam)):
            for row, hypotheses in zip(rows.tolist(), search(self.network_, batch, **how), strict=True):
                found[row] = [
                    Output(self.target_symbols_.decode(np.array(tokens, np.int32)), log_probability, score)
                    for tokens, log_probability, score in hypotheses
                ]
        return found

    def score(self, sources: Sequence[Line], targets: Sequence[Line], *, beam: int = 1) -> float:
        """The part of the sources that is answered with exactly their target.

        Args:
            sources: as in `fit`.
            targets: the right answers.
            beam: as in `outputs`.

        Raises:
            ParameterError: there are not as many targets as sources, and what `outputs` raises.
        """
        if len(_listed("sources", sources)) != len(_listed("targets", targets)):
            raise ParameterError(
                f"`targets` has {len(targets)} sequences, expected {len(sources)}, one for each source; was one cut?"
            )
        if not len(sources):
            raise DataError("`sources` has no sequences, expected at least one; there is nothing to be scored")
        answers = self.predict(sources, beam=beam)
        return float(np.mean([list(answer) == list(target) for answer, target in zip(answers, targets, strict=True)]))

    def __sklearn_tags__(self) -> Any:
        return sklearn_tags(None, allow_nan=False, multi_output=False)

    def _documents(self) -> dict[str, Any]:
        symbols = {
            side: {"symbols": own.symbols, "joined": own.joined}
            for side, own in zip(SIDES, (self.source_symbols_, self.target_symbols_), strict=True)
        }
        config = self._config(longest=self.longest_, **symbols)
        # a run that was begun before there were these options is one without them, and can be gone on with
        config["params"] = {name: value for name, value in config["params"].items() if value or name not in OPTIONS}
        return {"config": config}

    @classmethod
    def _rebuilt(cls, unit: Unit) -> tuple[Self, EncoderDecoderNetwork]:
        config = unit.documents["config"]
        model = cls(**params_from_record(config["params"]))
        model.seed_, model.longest_ = config["seed"], config["longest"]
        model.source_symbols_, model.target_symbols_ = (Symbols(**config[side]) for side in SIDES)
        return model, model._create_network(seed=0)

    def _encode(self, name: str, sequences: Sequence[Line], symbols: Symbols) -> list[Tokens]:
        return [symbols.encode(each, f"{name}[{row}]") for row, each in enumerate(_listed(name, sequences))]

    def _pairs(self, source: str, sources: Sequence[Line], target: str, targets: Sequence[Line]) -> Pairs:
        if len(_listed(source, sources)) != len(_listed(target, targets)):
            raise ParameterError(
                f"`{target}` has {len(targets)} sequences, expected {len(sources)}, one for each source; was one cut?"
            )
        return Pairs(
            self._encode(source, sources, self.source_symbols_), self._encode(target, targets, self.target_symbols_)
        )

    def _split(self, pairs: Pairs, seed: int) -> tuple[Pairs, Pairs | None]:
        """The pairs to learn from, and those to validate on."""
        fraction = self._checked_fraction()
        if not fraction:
            return pairs, None
        held = held_out(np.zeros(len(pairs.sources), np.int64), fraction, seed)
        return pairs.take(np.flatnonzero(~held)), pairs.take(np.flatnonzero(held))

    def _create_network(self, seed: int) -> EncoderDecoderNetwork:
        return EncoderDecoderNetwork(
            len(self.source_symbols_),
            len(self.target_symbols_),
            cell=self.cell,
            hidden_size=self.hidden_size,
            num_layers=self.num_layers,
            embedding_size=self.embedding_size,
            bidirectional=self.bidirectional,
            attention=self.attention,
            dropout=self.dropout,
            recurrent_dropout=self.recurrent_dropout,
            zoneout=self.zoneout,
            layer_norm=self.layer_norm,
            layer_options=self.layer_options,
            dtype=self.dtype,
            seed=seed,
        )

    def _settings(self, seed: int, validates: bool) -> FitSettings:
        real_number("teacher_forcing", self.teacher_forcing, at_least=0, at_most=1, remedy="1 always feeds the target")
        check_switches(self, "bidirectional", "attention", "layer_norm")
        return super()._settings(seed, validates)


def _listed(name: str, sequences: Sequence[Line]) -> Sequence[Line]:
    if isinstance(sequences, str):
        raise ParameterError(f"`{name}` is one string, expected a list of them; put it in brackets")
    if not hasattr(sequences, "__len__"):
        raise ParameterError(
            f"`{name}` is a {type(sequences).__name__}, expected a list of strings or of lists of words; "
            "list() makes one of a generator"
        )
    return sequences
