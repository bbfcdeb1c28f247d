"""A text that a `CharLM` reads, scores and writes piece by piece, remembering its place; trains nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from unrolled.errors import CheckpointError, DataError, ParameterError
from unrolled.layers.options import checked_generator
from unrolled.models.text.sampling import Sampling, log_softmax
from unrolled.shapes import Array, whole_number
from unrolled.storage import Unit, read_unit, write_unit

if TYPE_CHECKING:
    from unrolled.models.text.char_lm import CharLM

__all__ = ["CharStream", "Scores", "check_length", "not_text"]

READ_AT_ONCE = 4096  # characters: keeps the logits of one pass in a few megabytes
KIND = "char_stream"


class Scores(NamedTuple):
    """How well each character was predicted from all before it."""

    nats: NDArray[np.float64]  # -log p of each
    positions: NDArray[np.int64]  # where each stands, counted from the beginning of the stream


class CharStream:
    """Reads and writes on from wherever it is: the state after every character so far, and what may come next.

    Args:
        model: whose weights stay as they are while it is used.

    >>> from unrolled.data.text import Vocabulary
    >>> from unrolled.models.text.char_lm import CharLM
    >>> stream = CharStream(CharLM(Vocabulary("ab"), hidden_size=8, seed=0))
    >>> [stream.read(piece).positions.tolist() for piece in ("ab", "b")]  # nothing predicts the first character
    [[1], [2]]
    >>> other = stream.fork()
    >>> _ = other.read("a")
    >>> stream.characters, other.characters
    (3, 4)
    """

    def __init__(self, model: CharLM) -> None:
        self.model = model
        self.characters = 0  # read or written so far
        self._state: Any = None
        self._logits: Array | None = None  # (1, V), of the next character

    def fork(self) -> CharStream:
        """A second stream from the same place; the two go on without touching each other."""
        other = CharStream(self.model)
        other.characters, other._state, other._logits = self.characters, self._state, self._logits
        return other

    def read(self, text: str) -> Scores:
        """Goes on over a text, of any length, and scores each character.

        Args:
            text: the next piece; characters outside the vocabulary count as the unknown symbol.

        Returns:
            Nats of each character of the piece, and their positions; the very first of a stream has none.

        Raises:
            ParameterError: it is no text.
        """
        if not isinstance(text, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise not_text("text", text)
        tokens = self.model.vocabulary.encode(text)
        nats = np.empty(len(tokens))
        for start in range(0, len(tokens), READ_AT_ONCE):
            part = tokens[start : start + READ_AT_ONCE]
            logits, self._state = self.model.stack(part[:, None], self._state)  # (T, 1, V)
            before = logits[:-1, 0] if self._logits is None else np.concatenate([self._logits, logits[:-1, 0]])
            scored = part[len(part) - len(before) :]
            stop = start + len(part)
            nats[stop - len(scored) : stop] = -log_softmax(before)[np.arange(len(scored)), scored]
            self._logits = logits[-1]
        first = 1 if self.characters == 0 else 0
        positions = np.arange(self.characters + first, self.characters + len(tokens))
        self.characters += len(tokens)
        return Scores(nats[first:], positions)

    def probabilities(self) -> NDArray[np.float64]:
        """The probability of each token to come next, `(V,)`; token 0 is the unknown symbol.

        Raises:
            DataError: nothing has been read yet.
        """
        return np.exp(log_softmax(self._next()))[0]

    def likeliest(self, count: int = 5) -> list[tuple[str, float]]:
        """The characters that most likely come next, with their probabilities.

        Raises:
            DataError: nothing has been read yet.
        """
        p = self.probabilities()
        order = np.argsort(-p, kind="stable")[:count]
        return [(self.model.vocabulary.decode(token[None]), float(p[token])) for token in order]

    def write(self, length: int, sampling: Sampling, seed: int | None = None) -> Iterator[str]:
        """Writes on, one character at a time; each is read before the next is chosen, so the stream goes on behind it.

        Args:
            length: how many characters.
            sampling: how freely.
            seed: of the choices; `None` differs each time.

        Returns:
            An iterator of characters; the unknown symbol is never written.

        Raises:
            ParameterError: the length is negative, or the seed none.
            DataError: nothing has been read yet.
        """
        check_length(length)
        self._next()
        return self._write(length, sampling, checked_generator(seed))

    def _write(self, length: int, sampling: Sampling, rng: np.random.Generator) -> Iterator[str]:
        for _ in range(length):
            token = sampling.choose(self._next(), rng)
            self._logits, self._state = self.model.stack.step(token, self._state)
            self.characters += 1
            yield self.model.vocabulary.decode(token)

    def continuations(self, count: int, length: int, sampling: Sampling, seed: int | None = None) -> list[str]:
        """Several ways to go on, written side by side in one batch; the stream itself stays where it is.

        Args:
            count: how many.
            length: of each, in characters.
            sampling: how freely.
            seed: of the choices; `None` differs each time.

        Raises:
            ParameterError: the count is not positive, the length is negative, or the seed none.
            DataError: nothing has been read yet.
        """
        check_length(length)
        whole_number("count", count, remedy="how many are wanted?")
        logits = np.repeat(self._next(), count, 0)
        arrays = self.model.state_to_arrays(self._state)
        state = self.model.state_from_arrays({name: np.repeat(array, count, 1) for name, array in arrays.items()})
        rng = checked_generator(seed)
        written = np.empty((length, count), np.int32)
        for t in range(length):
            written[t] = sampling.choose(logits, rng)
            logits, state = self.model.stack.step(written[t], state)
        return [self.model.vocabulary.decode(column) for column in written.T]

    def save(self, folder: str | Path) -> None:
        """Writes the stream's place, without the model, for `CharStream.load`; in place of one that was saved there.

        Raises:
            CheckpointError: the folder holds something else, or cannot be written.
            DataError: nothing has been read yet.
        """
        arrays = {"logits": np.ascontiguousarray(self._next())} | self.model.state_to_arrays(self._state)
        documents = {"stream": {"kind": KIND, "weights": _weights_of(self.model)}}
        unit = Unit({"kind": KIND, "characters": self.characters}, documents, {"state": arrays})
        write_unit(Path(folder), unit, replace=True)

    @classmethod
    def load(cls, model: CharLM, folder: str | Path) -> CharStream:
        """Goes on from where a saved stream was, with the same bits.

        Args:
            model: the one that read it.
            folder: where `save` wrote.

        Raises:
            CheckpointError: the folder holds no stream, or one that was read with other weights.
        """
        unit = read_unit(Path(folder), ("state",))
        if unit.record.get("kind") != KIND:
            raise CheckpointError(
                f"`{folder}` holds a {unit.record.get('kind')!r}, expected a {KIND!r}; was it saved by CharStream.save?"
            )
        if unit.documents["stream"]["weights"] != _weights_of(model):
            raise CheckpointError(
                f"`{folder}` holds a stream that was read with other weights than this model's; "
                "load the model that read it, or read the text again"
            )
        stream = cls(model)
        arrays = dict(unit.arrays["state"])
        stream._logits = arrays.pop("logits")
        stream._state = model.state_from_arrays(arrays)
        stream.characters = unit.record["characters"]
        return stream

    def _next(self) -> Array:
        if self._logits is None:
            raise DataError(
                "nothing has been read yet, expected at least one character that the next can be predicted from; "
                "call read first"
            )
        return self._logits


def check_length(length: int) -> None:
    """Raises `ParameterError` unless so many characters can be written."""
    whole_number("length", length, at_least=0)


def not_text(name: str, given: object) -> ParameterError:
    """What is said of an argument that is no text."""
    return ParameterError(
        f"`{name}` is a {type(given).__name__}, expected a str; that of a file is its Path.read_text(encoding='utf-8')"
    )


def _weights_of(model: CharLM) -> str:
    digest = hashlib.sha256()
    for name, array in model.parameters.items():
        digest.update(name.encode() + array.tobytes())
    return digest.hexdigest()
