"""Chorales as piano rolls, from JSON files or from music21's corpus; no model, and no downloads."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from unrolled.data.text_file import read_text
from unrolled.errors import DataError, MissingExtraError, ParameterError
from unrolled.shapes import counted

__all__ = [
    "KEYS",
    "LOWEST",
    "Chorales",
    "music21_chorales",
    "next_frames",
    "padded_rolls",
    "piano_roll",
    "read_chorales",
    "transposed",
]

LOWEST, KEYS = 21, 88  # MIDI number of a piano's lowest key, A0, and how many keys there are, up to C8
SPLITS = ("train", "valid", "test")
PARTS = (0.6, 0.2)  # of the chorales that music21 has, which come without a split: training and validation

Roll = NDArray[np.float32]  # (T, 88): 1 where a key sounds


class Chorales(NamedTuple):
    """Piano rolls in three parts: to learn from, to choose by, and to measure on once."""

    train: list[Roll]
    valid: list[Roll]
    test: list[Roll]


def piano_roll(frames: Sequence[Iterable[int]], name: str = "frames") -> Roll:
    """One piece as 88 keys that sound or do not.

    Args:
        frames: for each time step the MIDI numbers of the notes that sound, 21 to 108; none for silence.
        name: the argument's name in messages.

    Returns:
        `(T, 88)`, 1 where a key sounds; key k is MIDI number 21 + k.

    Raises:
        DataError: there is no frame, or a note is no whole number from 21 to 108.

    >>> piano_roll([[60, 64], []]).sum(axis=1).tolist()
    [2.0, 0.0]
    """
    if not len(frames):
        raise DataError(f"`{name}` has no time steps, expected at least one; leave that piece out")
    roll = np.zeros((len(frames), KEYS), np.float32)
    for t, notes in enumerate(frames):
        for note in notes:
            if type(note) is not int or not LOWEST <= note < LOWEST + KEYS:
                raise DataError(
                    f"`{name}[{t}]` holds {note!r}, expected whole MIDI numbers from {LOWEST} to {LOWEST + KEYS - 1}; "
                    "a piano has no other keys"
                )
            roll[t, note - LOWEST] = 1
    return roll


def read_chorales(path: str | Path) -> Chorales:
    """Reads piano rolls from a JSON file: `{"train": [piece, ...], "valid": [...], "test": [...]}`.

    A piece is a list of time steps, each a list of the MIDI numbers that sound. The JSB chorales of
    Boulanger-Lewandowski et al. 2012 go around in this form, a quarter note to a step.

    Args:
        path: of the file.

    Raises:
        DataError: the file cannot be read, is no JSON, lacks a part, or holds something else than piano rolls.
    """
    try:
        content: Any = json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise DataError(f"`{path}` is no JSON: {error}; expected an object with the parts {_names()}") from None
    parts = cast(dict[str, Any], content) if isinstance(content, dict) else {}
    if missing := [split for split in SPLITS if split not in parts]:
        raise DataError(f"`{path}` has no part {missing[0]!r}, expected an object with {_names()}; is it piano rolls?")
    return Chorales(*(_rolls(parts[split], f"{path}: {split}") for split in SPLITS))


def _names() -> str:
    return ", ".join(map(repr, SPLITS))


def _rolls(pieces: Any, name: str) -> list[Roll]:
    if not _lists(pieces) or not all(_lists(piece) for piece in pieces):
        raise DataError(
            f"`{name}` holds something else than pieces, expected a list of pieces, each a list of time steps, each a "
            "list of MIDI numbers; is it piano rolls?"
        )
    return [piano_roll(piece, f"{name}[{index}]") for index, piece in enumerate(pieces)]


def _lists(value: Any) -> bool:
    """Whether it is a list of lists."""
    return isinstance(value, list) and all(isinstance(part, list) for part in cast(list[Any], value))


def music21_chorales(count: int | None = None, *, step: float = 1.0, seed: int = 0) -> Chorales:
    """Bach's chorales from the corpus that music21 brings, sampled at even steps; needs the extra `data`.

    The corpus has no split of its own: its order is drawn from `seed`, three fifths are for training, one for
    validation, one for the test.

    Args:
        count: so many of them, at least 5, as reading all takes minutes; `None` for all.
        step: in quarter notes.
        seed: of the order.

    Raises:
        MissingExtraError: music21 is not installed.
        ParameterError: there would not be a chorale for each part, or the step is not positive.
    """
    if count is not None and count < 5:
        raise ParameterError(
            f"`count` is {count}, expected at least 5, so that each part has a chorale; leave it out for all"
        )
    if not 0 < step < math.inf:
        raise ParameterError(f"`step` is {step}, expected a positive number of quarter notes; 1 is usual")
    try:
        corpus: Any = import_module("music21.corpus")
    except ImportError:
        raise MissingExtraError(
            "music21 is not installed, which brings Bach's chorales; pip install 'unrolled[data]', or read a JSON file"
        ) from None
    paths: list[str] = sorted(set(corpus.chorales.Iterator(returnType="filename")))
    order: list[int] = np.random.default_rng(seed).permutation(len(paths))[:count].tolist()
    rolls = [_sampled(corpus.parse(paths[index]), step, paths[index]) for index in order]
    first, second = round(len(rolls) * PARTS[0]), round(len(rolls) * (PARTS[0] + PARTS[1]))
    return Chorales(rolls[:first], rolls[first:second], rolls[second:])


def _sampled(score: Any, step: float, name: str) -> Roll:
    """What sounds at the beginning of each step."""
    notes: list[tuple[float, float, int]] = [
        (float(note.offset), float(note.offset + note.quarterLength), pitch.midi)
        for note in score.flatten().notes
        for pitch in note.pitches
    ]
    steps = math.ceil(max(end for _, end, _ in notes) / step)
    return piano_roll([{key for begin, end, key in notes if begin <= t * step < end} for t in range(steps)], name)


def transposed(roll: Roll, semitones: int) -> Roll:
    """The same piece so many keys higher, or lower where negative: a piece to learn from in another key.

    Args:
        roll: `(T, 88)`.
        semitones: how far.

    Raises:
        DataError: a note would fall off the piano.

    >>> transposed(piano_roll([[60, 64]]), -2).nonzero()[1].tolist()  # 58 and 62
    [37, 41]
    """
    moved = np.zeros_like(roll)
    kept = slice(max(0, semitones), KEYS + min(0, semitones))
    moved[:, kept] = roll[:, max(0, -semitones) : KEYS - max(0, semitones)]
    if moved.sum() != roll.sum():
        raise DataError(
            f"`semitones` is {semitones}, which moves a note off the piano's {KEYS} keys, expected a smaller distance"
        )
    return moved


def next_frames(rolls: Sequence[Roll]) -> tuple[list[Roll], list[Roll]]:
    """Inputs and targets for a model that predicts each frame from those before it.

    Args:
        rolls: each `(T_i, 88)`, of at least two frames.

    Returns:
        All frames but the last of each, and all but the first, each `(T_i - 1, 88)`.

    Raises:
        DataError: a roll has fewer than two frames.

    Source: Boulanger-Lewandowski, Bengio & Vincent 2012.

    >>> x, y = next_frames([piano_roll([[60], [62], [64]])])
    >>> x[0].nonzero()[1].tolist(), y[0].nonzero()[1].tolist()
    ([39, 41], [41, 43])
    """
    for index, roll in enumerate(rolls):
        if len(roll) < 2:
            raise DataError(
                f"`rolls[{index}]` has {counted(len(roll), 'frame')}, expected at least 2; nothing comes after the "
                "first"
            )
    return [roll[:-1] for roll in rolls], [roll[1:] for roll in rolls]


def padded_rolls(rolls: Sequence[Roll]) -> tuple[Roll, NDArray[np.int32]]:
    """Rolls side by side, time first: `(T, N, 88)`, zero behind each roll's end, and the lengths `(N,)`.

    >>> x, lengths = padded_rolls([piano_roll([[60]]), piano_roll([[60], [62]])])
    >>> x.shape, lengths.tolist()
    ((2, 2, 88), [1, 2])
    """
    lengths = np.array([len(roll) for roll in rolls], np.int32)
    x = np.zeros((int(lengths.max()), len(rolls), KEYS), np.float32)
    for n, roll in enumerate(rolls):
        x[: len(roll), n] = roll
    return x, lengths
