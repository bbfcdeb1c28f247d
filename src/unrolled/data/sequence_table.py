"""A table with a row for each step, as sequences with labels; which columns are what is given or guessed."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from unrolled.data.dates import EXAMPLES, formats_of, odd_row, read_times
from unrolled.data.tables import Missing, Table
from unrolled.errors import DataError, ParameterError

__all__ = ["LabelledSequences", "SequenceColumns", "choose_sequence_columns", "read_labels", "read_sequences"]

# Names, in lower case, by which columns are guessed.
TARGETS = ("label", "target", "class", "y")
SEQUENCES = ("sequence", "sequence_id", "seq", "seq_id", "series", "series_id", "case", "case_id", "id")
TIMES = ("time", "t", "step", "timestamp", "date", "datetime")


class SequenceColumns(NamedTuple):
    """Which columns are what: plain values for JSON."""

    target: str
    sequence: str
    time: str | None  # None: rows are in order
    features: tuple[str, ...]


class LabelledSequences(NamedTuple):
    """N sequences, in the order in which the file begins them."""

    names: list[str]  # what the sequence column holds
    values: list[NDArray[np.float64]]  # (T_i, I) each
    rows: list[list[int]]  # of the table, one for each step


def choose_sequence_columns(
    table: Table, target: str | None, sequence: str | None, time: str | None, features: Sequence[str] | None
) -> tuple[SequenceColumns, list[str]]:
    """Takes the columns that were named, and guesses the others.

    Returns:
        The columns, and what was guessed, in words.

    Raises:
        ParameterError: a column does not exist, is named for two things, or cannot be guessed.
        DataError: a column that would be a feature holds no numbers.
    """
    guessed: list[str] = []
    named = {"--target": target, "--sequence": sequence, "--time": time}
    for option, name in named.items():
        if name is not None:
            table.check_column(name, option)
    for name in features or ():
        table.check_column(name, "--features")
    for option, known, what in (
        ("--target", TARGETS, "what is to be predicted"),
        ("--sequence", SEQUENCES, "which rows are one sequence"),
    ):
        if named[option] is None:
            named[option] = _guess(table, known, [*named.values(), *(features or ())])
            if named[option] is None:
                raise ParameterError(
                    f"{option} is not given, expected the column that says {what}: one of {table.listed()}"
                )
            guessed.append(f"{option} {named[option]}")
    if time is None:
        named["--time"] = _guess(table, TIMES, [*named.values(), *(features or ())])
        if named["--time"] is not None:
            guessed.append(f"--time {named['--time']}")
    places = [name for name in (*named.values(), *(features or ())) if name is not None]
    twice = next((name for place, name in enumerate(places) if name in places[:place]), None)
    if twice is not None:
        raise ParameterError(f"the column {twice!r} is named for two things, expected each for one; name another")
    if features is None:
        features = [name for name in table.columns if name not in places]
        for name in features:
            table.numbers(name, "mask", "choose the columns to learn from with --features")
        guessed.append(f"--features {','.join(features)}")
    if not features:
        raise ParameterError(
            f"no column is left to learn from, expected one beside {', '.join(places)}; choose some with --features"
        )
    chosen_target, chosen_sequence = str(named["--target"]), str(named["--sequence"])
    return SequenceColumns(chosen_target, chosen_sequence, named["--time"], tuple(features)), guessed


def _guess(table: Table, known: Sequence[str], taken: Sequence[str | None]) -> str | None:
    """The column that has one of these names, the first of them if there are several."""
    names = {name.lower(): name for name in reversed(table.columns) if name not in taken}
    return next((names[name] for name in known if name in names), None)


def read_sequences(table: Table, columns: SequenceColumns, missing: Missing) -> LabelledSequences:
    """The sequences of a table.

    Raises:
        ParameterError: a column does not exist.
        DataError: a feature is no finite number, or missing and must not be; a time is none, or comes twice in one
            sequence.
    """
    for name in (columns.sequence, *columns.features, *([columns.time] if columns.time else [])):
        table.check_column(name, "the run")
    groups: dict[str, list[int]] = {}
    for row, name in enumerate(table.text(columns.sequence, "the name or number of a sequence")):
        groups.setdefault(name, []).append(row)
    if columns.time is not None:
        _sort(table, columns.time, groups)
    remedy = "choose other columns with --features"
    X = np.stack([table.numbers(name, missing, remedy) for name in columns.features], axis=1)  # (R, I)
    rows = list(groups.values())
    return LabelledSequences(list(groups), [X[each] for each in rows], rows)


def read_labels(table: Table, target: str, sequences: LabelledSequences) -> NDArray[np.str_]:
    """The label of each sequence, `(N,)`, which each of its rows repeats.

    Raises:
        DataError: a label is missing, or changes within a sequence.
    """
    cells = table.text(target, "a label")
    labels: list[str] = []
    for name, rows in zip(sequences.names, sequences.rows, strict=True):
        label, ordered = cells[min(rows)], sorted(rows)
        for row in ordered:
            if cells[row] != label:
                raise DataError(
                    f"{table.at(row, target)}: holds {cells[row]!r}, expected {label!r}, as the sequence {name!r} has "
                    f"in line {table.lines[ordered[0]]}; repeat one label within each sequence"
                )
        labels.append(label)
    return np.array(labels)


def _sort(table: Table, time: str, groups: dict[str, list[int]]) -> None:
    """Puts the rows of each sequence in the order of their times."""
    cells = table.text(time, f"a time: {EXAMPLES}")
    keys: list[float]
    if table.is_numeric(time):
        keys = table.numbers(time, "refuse", "").tolist()
    else:
        formats = formats_of(cells)
        if not formats:
            odd = odd_row(cells)
            raise DataError(
                f"{table.at(odd, time)}: holds {cells[odd]!r}, expected times in one format in all rows: {EXAMPLES}; "
                "mend them, or put the rows in order and leave --time out"
            )
        times = read_times(cells, formats[0])
        assert not isinstance(times, int)
        ordered = {each: place for place, each in enumerate(sorted(set(times)))}  # pyright: ignore
        keys = [float(ordered[each]) for each in times]
    for name, rows in groups.items():
        rows.sort(key=lambda row: keys[row])
        for one, other in itertools.pairwise(rows):
            if keys[one] == keys[other]:
                raise DataError(
                    f"{table.at(max(one, other), time)}: holds {cells[other]!r} again in the sequence {name!r}, as in "
                    f"line {table.lines[min(one, other)]}, expected each time once; is --sequence the right column?"
                )
