"""CSV files as people have them, read into columns of text and of numbers; what the columns mean, others say.

A file is UTF-8, with or without a byte order mark, where no other encoding is named; its first line names the columns.
They are separated by commas, semicolons or tabs; beside the last two a decimal comma is understood. Whatever is wrong
is said with file, line and column.
"""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
import math
from contextlib import suppress
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from unrolled.errors import DataError, ParameterError

__all__ = ["MISSING", "UTF8", "Missing", "Table", "is_missing", "read_table"]

UTF8 = "utf-8"  # the encoding of a file where no other is named
SEPARATORS = (",", ";", "\t")
MISSING = ("refuse", "mask")  # what is done about an empty cell among numbers
Missing = Literal["refuse", "mask"]
EMPTY = frozenset(("", "na", "n/a", "nan", "null", "none", "?"))


def is_missing(cell: str) -> bool:
    """Whether a cell stands for a value that is not there.

    >>> [is_missing(cell) for cell in ("", "NA", "0")]
    [True, True, False]
    """
    return cell.lower() in EMPTY


class Table(NamedTuple):
    """The cells of a file, without spaces around them."""

    path: str  # as it was given
    columns: tuple[str, ...]
    rows: list[list[str]]
    lines: list[int]  # of the file, on which each row ends
    separator: str
    unnamed: int  # columns that have no name, and are left out
    sha256: str  # of the file

    def check_column(self, name: str, option: str) -> int:
        """Where a column is.

        Args:
            name: of the column.
            option: by which it was named, for the message.

        Raises:
            ParameterError: there is no such column.
        """
        if name not in self.columns:
            raise ParameterError(
                f"{option} names the column {name!r}, expected one that `{self.path}` has: {self.listed()}"
            )
        return self.columns.index(name)

    def listed(self) -> str:
        """The names of the columns, for messages."""
        return ", ".join(self.columns)

    def at(self, row: int, name: str | None = None) -> str:
        """A place in words, for messages."""
        return f"`{self.path}`, line {self.lines[row]}" + ("" if name is None else f", column {name!r}")

    def cells(self, name: str) -> list[str]:
        """A column as it is."""
        place = self.columns.index(name)
        return [row[place] for row in self.rows]

    def text(self, name: str, what: str) -> list[str]:
        """A column in which nothing is missing.

        Raises:
            DataError: a cell is empty; `what` says what was expected there.
        """
        cells = self.cells(name)
        for row, cell in enumerate(cells):
            if is_missing(cell):
                raise DataError(
                    f"{self.at(row, name)}: holds {cell!r}, expected {what}; fill it in, or leave that row out"
                )
        return cells

    def number(self, cell: str) -> float:
        """A cell as a number: NaN where it is missing.

        Raises:
            ValueError: it is none.
        """
        if is_missing(cell):
            return math.nan
        if self.separator != "," and cell.count(",") == 1 and "." not in cell:
            cell = cell.replace(",", ".")
        if "_" in cell:
            raise ValueError(cell)
        return float(cell)

    def is_numeric(self, name: str) -> bool:
        """Whether a column holds finite numbers, missing ones aside, and at least one of them."""
        return self.no_number(name) is None and not all(map(is_missing, self.cells(name)))

    def no_number(self, name: str) -> int | None:
        """The row of the first cell of a column that is neither a finite number nor missing; `None` if all are."""
        for row, cell in enumerate(self.cells(name)):
            try:
                if math.isinf(self.number(cell)):
                    return row
            except ValueError:
                return row
        return None

    def numbers(self, name: str, missing: Missing, remedy: str) -> NDArray[np.float64]:
        """A column as numbers, `(R,)`, NaN where they are missing and may be.

        Args:
            name: of the column.
            missing: `"refuse"` or `"mask"`.
            remedy: what else may be done about a column that holds no numbers.

        Raises:
            DataError: a cell is no finite number, or is missing and must not be.
        """
        values = np.empty(len(self.rows))
        for row, cell in enumerate(self.cells(name)):
            try:
                values[row] = self.number(cell)
            except ValueError:
                raise DataError(f"{self.at(row, name)}: holds {cell!r}, expected a number; {remedy}") from None
            if math.isinf(values[row]):
                raise DataError(f"{self.at(row, name)}: holds {cell!r}, expected a finite number; mend it")
            if missing == "refuse" and math.isnan(values[row]):
                raise DataError(
                    f"{self.at(row, name)}: holds {cell!r}, expected a number; fill it in, or train with "
                    "--missing mask to have it treated as missing"
                )
        return values


def read_table(path: str | Path, encoding: str = UTF8) -> Table:
    r"""Reads a CSV file.

    Args:
        path: of the file.
        encoding: Python's name of the one it is in, `cp1252` say, or `utf-16`.

    Raises:
        ParameterError: Python knows no such encoding.
        DataError: it does not exist, is in another encoding, has no rows, lacks names for its columns, or a row has too
            few or too many cells.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "t.csv")
    ...     _ = path.write_text("a;b\n1,5;x\n", encoding="utf-8")
    ...     table = read_table(path)
    >>> table.columns, table.numbers("a", "refuse", "").tolist(), table.cells("b")
    (('a', 'b'), [1.5], ['x'])
    """
    content = _content(Path(path))
    text = _decoded(path, content, encoding)
    header = text.partition("\n")[0]
    separator = max(SEPARATORS, key=lambda each: len(next(csv.reader([header], delimiter=each), list[str]())))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    names: list[str] = []
    rows: list[list[str]] = []
    lines: list[int] = []
    try:
        names = [name.strip() for name in next(reader, list[str]())]
        _check_names(path, names)
        kept = [place for place, name in enumerate(names) if name]
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue  # an empty line says nothing
            if len(cells) != len(names):
                raise DataError(
                    f"`{path}`, line {reader.line_num}: has {len(cells)} cells, expected {len(names)}, one for each "
                    "column; quote a cell that has a separator in it"
                )
            rows.append([cells[place].strip() for place in kept])
            lines.append(reader.line_num)
    except csv.Error as error:
        raise DataError(
            f"`{path}`, line {reader.line_num}: is no CSV ({error}), expected cells with separators between them; "
            "is a quote never closed?"
        ) from None
    if not rows:
        raise DataError(f"`{path}` has no rows below the names of its columns, expected some; is it the right file?")
    columns = tuple(names[place] for place in kept)
    return Table(
        str(path), columns, rows, lines, separator, len(names) - len(kept), hashlib.sha256(content).hexdigest()
    )


def _content(path: Path) -> bytes:
    if path.is_dir():
        raise DataError(f"`{path}` is a folder, expected a CSV file; give one file")
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise DataError(f"`{path}` does not exist, expected a CSV file; check the path") from None
    except OSError as error:
        raise DataError(
            f"`{path}` cannot be read ({error.strerror}), expected a CSV file; check its permissions"
        ) from None
    if not content.strip():
        raise DataError(f"`{path}` is empty, expected a CSV file with a line that names its columns")
    return content


def _decoded(path: str | Path, content: bytes, encoding: str) -> str:
    try:
        return content.decode(encoding).removeprefix("\ufeff")
    except UnicodeError as error:
        place = ""
        if isinstance(error, UnicodeDecodeError):
            line, wrong = content[: error.start].count(b"\n") + 1, content[error.start]
            place = f" (byte {wrong:#04x} in line {line})"
        likely = _likely_encoding(content)
        raise DataError(
            f"`{path}` is not in {encoding}{place}, expected a CSV file in that; name its encoding, "
            f"{f'perhaps with --encoding {likely}' if likely else 'with --encoding'}, or save it as UTF-8"
        ) from None
    except LookupError:
        raise ParameterError(
            f"--encoding is {encoding!r}, expected one that Python knows, such as utf-8, utf-16, cp1252 or latin-1; "
            "check the spelling"
        ) from None


def _likely_encoding(content: bytes) -> str | None:
    """One that the bytes can be read in; `None` where none of the usual ones does."""
    for encoding in ("utf-16",) if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else (UTF8, "cp1252"):
        with suppress(UnicodeError):
            content.decode(encoding)
            return encoding
    return None


def _check_names(path: str | Path, names: list[str]) -> None:
    named = [name for name in names if name]
    twice = next((name for place, name in enumerate(named) if name in named[:place]), None)
    if twice is not None:
        raise DataError(f"`{path}`, line 1: names the column {twice!r} twice, expected each once; rename one of them")
    if not named or all(_is_number(name) for name in named):
        raise DataError(
            f"`{path}`, line 1: holds {', '.join(names) or 'nothing'}, expected the names of the columns; "
            "put a line with names first"
        )


def _is_number(name: str) -> bool:
    try:
        float(name)
    except ValueError:
        return False
    return True
