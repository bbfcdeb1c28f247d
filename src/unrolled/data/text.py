"""A text's vocabulary, and its contiguous streams of windows; no model, and no downloads."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any, NamedTuple, overload

import numpy as np
from numpy.typing import NDArray

from unrolled.data.text_file import PIECE, TextFile, open_text, read_text
from unrolled.errors import CheckpointError, DataError, ParameterError

__all__ = ["UNKNOWN", "Batch", "Streams", "TextFile", "Vocabulary", "open_text", "read_text", "split_held_out"]

Tokens = NDArray[np.int32]

UNKNOWN = "\N{REPLACEMENT CHARACTER}"  # how token 0, which stands for every character outside the vocabulary, is shown


@overload
def split_held_out(text: str, fraction: float) -> tuple[str, str]: ...
@overload
def split_held_out(text: TextFile, fraction: float) -> tuple[TextFile, TextFile]: ...
def split_held_out(text: str | TextFile, fraction: float) -> tuple[str | TextFile, str | TextFile]:
    """Cuts the last `fraction` of the characters off for validation.

    >>> split_held_out("abcdefghij", 0.1)
    ('abcdefghi', 'j')
    """
    cut = len(text) - round(len(text) * fraction)
    return text[:cut], text[cut:]


class Vocabulary:
    """The characters that a model knows, as tokens 1, 2, ...; token 0 stands for every other character.

    Args:
        characters: each once; their order is the order of the tokens.

    Raises:
        ParameterError: a character occurs twice, or there is none.

    >>> vocabulary = Vocabulary.of("abracadabra", minimum_count=2)
    >>> vocabulary.characters, vocabulary.encode("bad").tolist()
    ('abr', [2, 1, 0])
    """

    def __init__(self, characters: str) -> None:
        if not characters or len(set(characters)) != len(characters):
            raise ParameterError(
                f"`characters` holds {len(characters)} characters, {len(set(characters))} of them different; "
                "expected at least one, and each only once"
            )
        self.characters = characters
        points = _code_points(characters)
        self._order = np.argsort(points)
        self._points = points[self._order]

    @classmethod
    def of(cls, text: str | TextFile, minimum_count: int = 1) -> Vocabulary:
        """The characters that `text` holds at least `minimum_count` times, sorted.

        Raises:
            DataError: no character is that frequent.
        """
        counts = np.zeros(sys.maxunicode + 1, np.int64)
        for piece in _pieces(text):
            found = np.bincount(_code_points(piece))
            counts[: len(found)] += found
        characters = "".join(map(chr, np.flatnonzero(counts >= max(1, minimum_count)).tolist()))
        if not characters:
            raise DataError(
                f"no character of the text occurs {minimum_count} times; lower the minimum count, or give more text"
            )
        return cls(characters)

    def __len__(self) -> int:
        """How many tokens there are, with the unknown one."""
        return len(self.characters) + 1

    @overload
    def encode(self, text: str) -> Tokens: ...
    @overload
    def encode(self, text: TextFile) -> NDArray[np.integer[Any]]: ...
    def encode(self, text: str | TextFile) -> NDArray[np.integer[Any]]:
        """The token of each character, `(len(text),)`; 0 for a character outside the vocabulary.

        The tokens of a `TextFile` stay on the disk too: they are a read-only map of a file without a name, of as few
        bytes for each token as the vocabulary needs.

        Raises:
            DataError: the file was changed since it was opened, or there is no room for the tokens.
        """
        if isinstance(text, str):
            return self._encode(text)
        from tempfile import TemporaryFile, gettempdir

        smallest = np.min_scalar_type(len(self) - 1)
        try:
            with TemporaryFile(dir=text.scratch) as file:
                for piece in text.pieces():
                    file.write(self._encode(piece).astype(smallest).tobytes())
                file.flush()
                return np.memmap(file, smallest, "r") if len(text) else np.empty(0, smallest)
        except OSError as error:
            raise DataError(
                f"the tokens of `{text.path}` cannot be kept in {text.scratch or gettempdir()} ({error.strerror}), "
                "expected a folder with room for them; name one with open_text(path, scratch=FOLDER)"
            ) from None

    def _encode(self, text: str) -> Tokens:
        points = _code_points(text)
        place = np.minimum(np.searchsorted(self._points, points), len(self._points) - 1)
        return np.where(self._points[place] == points, self._order[place] + 1, 0).astype(np.int32)

    def decode(self, tokens: NDArray[np.integer[Any]]) -> str:
        """The text of tokens; token 0 becomes U+FFFD."""
        known = UNKNOWN + self.characters
        return "".join(known[token] for token in tokens.tolist())

    def missing(self, text: str) -> str:
        """The characters of `text` that are outside the vocabulary, each once, in order of appearance."""
        return "".join(dict.fromkeys(c for c in text if c not in self.characters))


def _pieces(text: str | TextFile) -> Iterator[str]:
    if isinstance(text, TextFile):
        return text.pieces()
    return (text[start : start + PIECE] for start in range(0, len(text), PIECE))


def _code_points(text: str) -> NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)


class Batch(NamedTuple):
    """One window of every stream."""

    inputs: Tokens  # (T, N)
    targets: Tokens  # (T, N): each input's next character
    first: bool  # whether the streams begin anew here, so that a carried state must be dropped


class Streams:
    """Cuts one long text into N contiguous streams, and walks down all of them window by window.

    Stream n of N holds the n-th stretch of `S = (len(tokens) - 1) // N` characters. An epoch has `S // T` windows; what
    a stream is longer than they are is slack, so each epoch begins at a random place in it and windows are not cut
    at the same places every time.

    Args:
        tokens: `(length,)`, in memory or a map of a file.
        streams: N; a text too short for as many windows gets fewer streams.
        window: T.
        seed: of the random starts.

    Raises:
        DataError: the text is shorter than one window and its last target.

    >>> batches = Streams(np.arange(9, dtype=np.int32), streams=2, window=2, seed=0)
    >>> batches.windows, batches.next().inputs.T.tolist(), batches.next().inputs.T.tolist()
    (2, [[0, 1], [4, 5]], [[2, 3], [6, 7]])
    """

    def __init__(self, tokens: NDArray[np.integer[Any]], streams: int, window: int, seed: int) -> None:
        if len(tokens) < window + 1:
            raise DataError(
                f"the text to train on has {len(tokens)} characters, expected at least {window + 1}: "
                f"one window of {window} and the character after it; give more text, or a smaller window"
            )
        self.tokens = tokens
        self.window = window
        self.streams = min(streams, (len(tokens) - 1) // window)
        self.length = (len(tokens) - 1) // self.streams
        self.windows = self.length // window
        self._rng = np.random.default_rng(seed)
        self._index = self._offset = 0
        self._begin_epoch()

    def _begin_epoch(self) -> None:
        self._index = 0
        self._offset = int(self._rng.integers(self.length - self.windows * self.window + 1))

    @property
    def steps_per_epoch(self) -> int:
        """Windows of each stream."""
        return self.windows

    @property
    def batch_items(self) -> float:
        """Characters in a window of all streams."""
        return self.streams * self.window

    def next(self) -> Batch:
        """The next window of every stream; after the last one the next epoch begins."""
        if self._index == self.windows:
            self._begin_epoch()
        start = self._offset + self._index * self.window
        columns = np.arange(self.streams) * self.length + start
        rows = np.arange(self.window + 1)
        stretch = self.tokens[rows[:, None] + columns].astype(np.int32, copy=False)  # (T + 1, N)
        self._index += 1
        return Batch(stretch[:-1], stretch[1:], first=self._index == 1)

    @property
    def position(self) -> dict[str, Any]:
        """Where `next` will go on: plain values for JSON, which `go_to` takes."""
        return {
            "index": self._index,
            "offset": self._offset,
            "streams": self.streams,
            "length": self.length,
            "random": self._rng.bit_generator.state,
        }

    def go_to(self, position: dict[str, Any]) -> None:
        """Goes on from what `position` was.

        Raises:
            CheckpointError: the position does not belong to streams like these.
        """
        if (position["streams"], position["length"]) != (self.streams, self.length):
            raise CheckpointError(
                f"the saved position belongs to {position['streams']} streams of {position['length']} characters, "
                f"expected {self.streams} of {self.length}; was the text changed?"
            )
        self._index, self._offset = position["index"], position["offset"]
        self._rng.bit_generator.state = position["random"]
