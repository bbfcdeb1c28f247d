"""A text as a `CharLM` trains on it: the part to learn from, the part to validate on, and their tokens; no loop."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from unrolled.data.text import TextFile, Vocabulary, open_text, split_held_out
from unrolled.errors import DataError, ParameterError
from unrolled.shapes import real_number

if TYPE_CHECKING:
    from unrolled.models.text.char_lm import CharLM

__all__ = ["STREAMS", "VALIDATED", "Material", "Text", "named", "parted", "validation"]

Text = str | Path | TextFile  # a text itself, or where it is
Tokens = NDArray[np.integer[Any]]

STREAMS, VALIDATED = 16, 2048  # during training: so many stretches of held-out text, of so many characters
DIGESTED_AT_ONCE = 1 << 20  # tokens
NAMED = 10  # characters in a message, at the most


class Material(NamedTuple):
    """What is learned from, and what is validated on, as tokens; those of a file stay on the disk."""

    training: Tokens
    held_out: Tokens | None

    @classmethod
    def of(
        cls, vocabulary: Vocabulary, text: Text, validation_data: Text | None, fraction: float, allow_unknown: bool
    ) -> Material:
        """Arguments and errors are those of `CharLM.fit`."""
        fraction = real_number("validation_fraction", fraction, at_least=0, below=1, remedy="0.1 is usual")
        held: str | TextFile | None = None
        training = _opened("text", text)
        if validation_data is not None:
            held = _opened("validation_data", validation_data)
            if len(held) < 2:
                raise DataError(f"`validation_data` has {len(held)} characters, expected at least 2; give more text")
        elif fraction:
            training, held = parted(training, fraction)
        tokens = _encode(vocabulary, "text", training, allow_unknown)
        if held is None:
            return cls(tokens, None)
        name = "text" if validation_data is None else "validation_data"
        return cls(tokens, _encode(vocabulary, name, held, allow_unknown))

    def to_record(self) -> dict[str, str | None]:
        """The SHA-256 of both parts' tokens: what a run that goes on compares."""
        return {"text": _digest(self.training), "validation": None if self.held_out is None else _digest(self.held_out)}


def parted(text: str | TextFile, fraction: float) -> tuple[str | TextFile, str | TextFile]:
    """The text to learn from, and its last `fraction`, to validate on.

    Raises:
        DataError: the part to validate on has no character that could be predicted.
    """
    training, held_out = split_held_out(text, fraction)
    if len(held_out) < 2:
        raise DataError(
            f"the held-out part of the text has {len(held_out)} characters, expected at least 2; give more text"
        )
    return training, held_out


def validation(model: CharLM, held_out: Tokens) -> dict[str, float]:
    """The loss on all held-out text: in one stream, or side by side in several of at least `VALIDATED` characters."""
    streams = max(1, min(STREAMS, len(held_out) // VALIDATED))
    return {"loss": model.evaluate(held_out, streams).loss}


def named(characters: str) -> str:
    r"""Characters in words, each with its code point; the first of many.

    >>> named("aé")
    "'a' (U+0061), '\\xe9' (U+00E9)"
    """
    names = ", ".join(f"{c!a} (U+{ord(c):04X})" for c in characters[:NAMED])
    return names if len(characters) <= NAMED else f"{names} and {len(characters) - NAMED} more"


def _opened(name: str, text: Text) -> str | TextFile:
    if isinstance(text, Path):
        return open_text(text)
    if not isinstance(text, str | TextFile):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ParameterError(
            f"`{name}` is a {type(text).__name__}, expected a str, a pathlib.Path of a file, or what open_text gives; "
            "join many texts to one"
        )
    return text


def _encode(vocabulary: Vocabulary, name: str, text: str | TextFile, allow_unknown: bool) -> Tokens:
    tokens = vocabulary.encode(text)
    if not allow_unknown and len(tokens) and not tokens.min():
        missing = vocabulary.missing(Vocabulary.of(text).characters)
        raise DataError(
            f"`{name}` has {'a character' if len(missing) == 1 else f'{len(missing)} characters'} that the model does "
            f"not know: {named(missing)}; make the model with Vocabulary.of all the text, or let them be learned as "
            "one unknown symbol with allow_unknown=True"
        )
    return tokens


def _digest(tokens: Tokens) -> str:
    digest = hashlib.sha256()
    for start in range(0, len(tokens), DIGESTED_AT_ONCE):
        digest.update(tokens[start : start + DIGESTED_AT_ONCE].astype("<i4").tobytes())
    return digest.hexdigest()
