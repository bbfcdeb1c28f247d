"""Pairs of sequences of symbols, their tokens, and batches of them for an encoder and a decoder; no model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from unrolled.data.sequences import Rows, SequenceBatches, Sequences, check_same, digest_of
from unrolled.errors import DataError, ParameterError
from unrolled.shapes import Array

__all__ = ["END", "PADDING", "START", "PairBatch", "PairBatches", "Pairs", "Symbols"]

PADDING, START, END = 0, 1, 2  # tokens that stand for no symbol

Tokens = NDArray[np.int32]


class Symbols:
    """The symbols of one side, as tokens 3, 4, ...: the characters of strings, or the words of lists.

    Args:
        symbols: each once; their order is the order of the tokens.
        joined: whether a sequence is a string of characters, or else a list of words.

    Raises:
        ParameterError: a symbol occurs twice, or there is none.

    >>> symbols = Symbols.of(["cab", "bad"])
    >>> symbols.symbols, symbols.encode("dab").tolist(), symbols.decode(np.array([6, 3, 4]))
    (['a', 'b', 'c', 'd'], [6, 3, 4], 'dab')
    >>> Symbols.of([["to", "be"], ["or"]]).symbols
    ['be', 'or', 'to']
    """

    def __init__(self, symbols: Sequence[str], *, joined: bool) -> None:
        self.symbols, self.joined = list(symbols), joined
        self._tokens = {symbol: token for token, symbol in enumerate(self.symbols, END + 1)}
        if not self.symbols or len(self._tokens) != len(self.symbols):
            raise ParameterError(
                f"`symbols` holds {len(self.symbols)} symbols, {len(self._tokens)} of them different; "
                "expected at least one, and each only once"
            )

    @classmethod
    def of(cls, sequences: Sequence[str | Sequence[str]], name: str = "sequences") -> Symbols:
        """All symbols of some sequences, sorted.

        Args:
            sequences: all strings, or all lists of strings.
            name: the argument's name in messages.

        Raises:
            DataError: there are no sequences, they are of both kinds or of neither, or no one has a symbol.
        """
        if not len(sequences):
            raise DataError(f"`{name}` has no sequences, expected at least one; nothing can be learned from it")
        joined = all(isinstance(sequence, str) for sequence in sequences)
        words = all(
            not isinstance(sequence, str)
            and hasattr(sequence, "__len__")
            and all(isinstance(symbol, str) for symbol in sequence)  # pyright: ignore[reportUnnecessaryIsInstance]
            for sequence in sequences
        )
        if not (joined or words):
            other = next((n for n, each in enumerate(sequences) if not hasattr(each, "__len__")), None)
            found = "" if other is None else f"; `{name}[{other}]` is {list(sequences)[other]!r}"
            raise DataError(
                f"`{name}` holds {len(sequences)} sequences that are neither all strings nor all lists of strings, "
                f"expected one of these; characters make strings, words make lists{found}"
            )
        symbols = sorted(set(chain.from_iterable(sequences)))
        if not symbols:
            raise DataError(
                f"`{name}` holds only empty sequences, expected at least one symbol; is it the right column?"
            )
        return cls(symbols, joined=joined)

    def __len__(self) -> int:
        """How many tokens there are, with those that stand for no symbol."""
        return len(self.symbols) + END + 1

    def encode(self, sequence: Iterable[str], name: str = "sequence") -> Tokens:
        """The token of each symbol, `(T,)`.

        Raises:
            DataError: a symbol is not one of these, or it is no sequence.
        """
        try:
            return np.array([self._tokens[symbol] for symbol in sequence], np.int32)
        except KeyError as error:
            raise DataError(
                f"`{name}` holds {error}, expected only the {len(self.symbols)} symbols that were trained on; "
                "leave it out, or train with it"
            ) from None
        except TypeError:
            raise DataError(
                f"`{name}` is {sequence!r}, expected a string or a list of words; leave it out, or give it as text"
            ) from None

    def decode(self, tokens: Tokens) -> str | list[str]:
        """The string or the list that tokens stand for; those of no symbol are left out."""
        given: list[int] = tokens.tolist()
        symbols = [self.symbols[token - END - 1] for token in given if token > END]
        return "".join(symbols) if self.joined else symbols


class Pairs(NamedTuple):
    """Tokens of sources, and those of a target for each."""

    sources: list[Tokens]
    targets: list[Tokens]

    def take(self, rows: NDArray[np.intp]) -> Pairs:
        """Some of them."""
        chosen: list[int] = rows.tolist()
        return Pairs([self.sources[row] for row in chosen], [self.targets[row] for row in chosen])


class PairBatch(NamedTuple):
    """Sources side by side, and their targets as a decoder reads and writes them."""

    sources: Tokens  # (S, N)
    lengths: Tokens | None  # (N,) of the sources; None: all have S
    inputs: Tokens  # (T, N): START, then each target
    targets: Tokens  # (T, N): each target, then END
    weights: Array | None  # (T, N): 1, and 0 behind END; None: all 1
    first: bool = True  # no state is carried from batch to batch


class PairBatches:
    """Endless batches of pairs: each epoch holds each once, in an order drawn anew, beside sources of like length.

    Args:
        sources: tokens of each source, `(S_i,)`, at least one each.
        targets: tokens of each target, `(T_i,)`, which may be empty.
        batch_size: of pairs, at the most.
        seed: of the orders.
        validation: the `digest_of` what the run is validated on, to which a position then belongs as well.

    Raises:
        DataError: there are no pairs, or a source is empty.
        ParameterError: `batch_size` is not positive, or there are not as many targets as sources.

    >>> source, target = Symbols.of(["ab"]), Symbols.of(["xyz"])
    >>> batch = PairBatches([source.encode("ab")], [target.encode("zy")]).next()
    >>> batch.sources.T.tolist(), batch.inputs.T.tolist(), batch.targets.T.tolist()
    ([[3, 4]], [[1, 5, 4]], [[5, 4, 2]])
    """

    def __init__(
        self,
        sources: Sequence[Tokens],
        targets: Sequence[Tokens],
        *,
        batch_size: int = 64,
        seed: int = 0,
        validation: str | None = None,
    ) -> None:
        if len(sources) != len(targets):
            raise ParameterError(
                f"`targets` has {len(targets)} sequences, expected {len(sources)}, one for each source; was one cut?"
            )
        if not len(sources):
            raise DataError("`sources` has no sequences, expected at least one pair; nothing can be learned from it")
        for index, source in enumerate(sources):
            if not len(source):
                raise DataError(f"`sources[{index}]` is empty, expected at least one symbol; leave it out")
        ended = [np.append(target, np.int32(END)) for target in targets]
        self._targets = Sequences(np.concatenate(ended), np.array([len(target) for target in ended]))
        read = Sequences(np.concatenate(list(sources)), np.array([len(source) for source in sources]))
        self._rows = SequenceBatches(
            read, np.arange(len(sources)), batch_size=batch_size, seed=seed, validation=validation
        )
        self.steps_per_epoch, self.batch_items = self._rows.steps_per_epoch, self._rows.batch_items

    def next(self) -> PairBatch:
        """The next batch; after an epoch's last one the next epoch begins."""
        return self._of(self._rows.next())

    def _of(self, batch: Any) -> PairBatch:
        rows: Rows = batch.targets
        targets, lengths = self._targets.padded(rows)
        inputs = np.concatenate([np.full((1, len(rows)), START, np.int32), targets[:-1]])
        weights = None if lengths is None else (np.arange(len(targets))[:, None] < lengths).astype(np.float32)
        return PairBatch(batch.x, batch.lengths, inputs, targets, weights)

    def in_order(self, batch_size: int = 256) -> Iterator[tuple[Rows, PairBatch]]:
        """Every pair once, the shortest source first, with its row: for validation; the place in the data stays."""
        for rows, batch in self._rows.in_order(batch_size):
            yield rows, self._of(batch)

    @property
    def position(self) -> dict[str, Any]:
        """Where `next` will go on: plain values for JSON, which `go_to` takes."""
        return {**self._rows.position, "targets": self._digest}

    @cached_property
    def _digest(self) -> str:
        return digest_of(self._targets.values, self._targets.lengths)

    def go_to(self, position: dict[str, Any]) -> None:
        """Goes on from what `position` was.

        Raises:
            CheckpointError: the position belongs to other pairs, to batches of another size, or to a run that was
                validated on something else.
        """
        check_same(position.get("targets"), self._digest)
        self._rows.go_to(position)
