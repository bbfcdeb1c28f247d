"""UTF-8 files, read whole or piece by piece where they are larger than memory; no vocabulary and no batches."""

from __future__ import annotations

import codecs
import hashlib
from bisect import bisect_right
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from unrolled.errors import DataError

__all__ = ["TextFile", "open_text", "read_text"]

PIECE = 1 << 20  # bytes read at once


def read_text(path: str | Path) -> str:
    """Reads a whole file as UTF-8; line ends stay as they are.

    Raises:
        DataError: no such file, not a file, empty, or not UTF-8 (with the offset of the first wrong byte).
    """
    with _readable(path):
        raw = Path(path).read_bytes()
    if not raw:
        raise _empty(path)
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _not_utf8(path, error, 0) from None


def open_text(path: str | Path, scratch: str | Path | None = None) -> TextFile:
    """Reads a file once, in pieces, and gives a text that stays on the disk and can be larger than memory.

    Args:
        path: a file in UTF-8; line ends stay as they are.
        scratch: a folder for the tokens that `Vocabulary.encode` makes of it, one to four bytes a character, in a file
            that is gone with the process; the system's folder for temporary files by default.

    Raises:
        DataError: as `read_text`.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "a.txt").write_text("some text", encoding="utf-8")
    ...     text = open_text(Path(folder, "a.txt"))
    ...     len(text), str(text[5:])
    (9, 'text')
    """
    found = Path(path)
    with _readable(path):
        identity = _identity(found)
    marks = [_Mark(0, 0)]
    digest = hashlib.sha256()
    characters = 0
    for mark, raw, piece in _pieces(path, 0):
        marks.append(mark)
        digest.update(raw)
        characters += len(piece)
    if not characters:
        raise _empty(path)
    return TextFile(_Source(found, scratch, marks, digest.hexdigest(), identity), 0, characters)


class TextFile:
    """A text on the disk, or a stretch of one; made by `open_text`.

    It has what a `str` is used for here: a length and slices in characters (`text[10:20]`, in steps of 1), and
    `str(text)` for what fits into memory. `Vocabulary.of` and `Vocabulary.encode`, `split_held_out` and
    `CharLM.evaluate` take it in a string's place, and never hold more than a piece of it.
    """

    def __init__(self, source: _Source, start: int, stop: int) -> None:
        self._source, self._start, self._stop = source, start, stop

    def __len__(self) -> int:
        return self._stop - self._start

    def __getitem__(self, stretch: slice) -> TextFile:
        start, stop, _ = slice(stretch.start, stretch.stop).indices(len(self))
        return TextFile(self._source, self._start + start, self._start + max(start, stop))

    def __str__(self) -> str:
        return "".join(self.pieces())

    @property
    def path(self) -> Path:
        """Of the whole file."""
        return self._source.path

    @property
    def scratch(self) -> str | Path | None:
        """Where tokens made of it may lie."""
        return self._source.scratch

    @property
    def sha256(self) -> str:
        """Of the whole file's bytes."""
        return self._source.sha256

    def pieces(self) -> Iterator[str]:
        """The text, in pieces of about a megabyte.

        Raises:
            DataError: the file was changed since it was opened.
        """
        marks = self._source.marks
        before = marks[bisect_right(marks, self._start, key=lambda mark: mark.character) - 1]
        at = before.character
        if len(self):
            with _readable(self.path):
                identity = _identity(self.path)
            if identity != self._source.identity:
                raise self._changed(f"it is {identity} now, expected {self._source.identity}")
        for _, _, piece in _pieces(self.path, before.byte):
            if at >= self._stop:
                return
            wanted = piece[max(0, self._start - at) : self._stop - at]
            at += len(piece)
            if wanted:
                yield wanted
        if at < self._stop:
            raise self._changed(f"it has {at:,} characters now, expected at least {self._stop:,}")

    def _changed(self, what: str) -> DataError:
        return DataError(f"`{self.path}` was changed while it was in use: {what}; leave it alone, and begin anew")


class _Mark(NamedTuple):
    """A place where a piece ends, and no character is cut."""

    character: int
    byte: int


class _Source(NamedTuple):
    path: Path
    scratch: str | Path | None
    marks: list[_Mark]  # one for each piece: what a stretch begins to be read from
    sha256: str
    identity: str


def _identity(path: Path) -> str:
    """What changes where a file does."""
    found = path.stat()
    return f"{found.st_size:,} bytes of {datetime.fromtimestamp(found.st_mtime)}"


def _pieces(path: str | Path, start: int) -> Generator[tuple[_Mark, bytes, str]]:
    """Decodes from a byte on, piece by piece: where each ends (characters from `start`), its bytes, and its text."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    characters = 0
    with _readable(path), open(path, "rb", buffering=0) as file:
        file.seek(start)
        read = start
        while True:
            raw = file.read(PIECE)
            pending = len(decoder.getstate()[0])
            try:
                piece = decoder.decode(raw, final=not raw)
            except UnicodeDecodeError as error:
                raise _not_utf8(path, error, read - pending) from None
            if not raw:
                return
            read += len(raw)
            characters += len(piece)
            yield _Mark(characters, read - len(decoder.getstate()[0])), raw, piece


@contextmanager
def _readable(path: str | Path) -> Generator[None]:
    try:
        yield
    except FileNotFoundError:
        raise DataError(f"`{path}` does not exist, expected a text file; check the path") from None
    except IsADirectoryError:
        raise DataError(f"`{path}` is a folder, expected a text file; name a file in it") from None
    except OSError as error:
        raise DataError(
            f"`{path}` cannot be read ({error.strerror}), expected a text file; check its permissions"
        ) from None


def _empty(path: str | Path) -> DataError:
    return DataError(f"`{path}` is empty, expected text in UTF-8; is it the right file?")


def _not_utf8(path: str | Path, error: UnicodeDecodeError, before: int) -> DataError:
    return DataError(
        f"`{path}` is not UTF-8: byte offset {before + error.start} holds 0x{error.object[error.start]:02x} "
        f"({error.reason}); convert it first, for example with iconv -t UTF-8"
    )
