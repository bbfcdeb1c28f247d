"""Results kept in an SQLite file, found again by what was checked and with what; nothing is judged here."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import sqlite3
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from importlib import metadata
from pathlib import Path
from types import TracebackType
from typing import Any

from unrolled.check.output.json import VERSION, report_from, report_to
from unrolled.check.results import FileReport
from unrolled.errors import DataError

__all__ = ["Store", "default_path", "key_of", "lasting"]


def default_path() -> Path:
    """Where results are kept unless another file is named: in the user's cache folder."""
    folder = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(folder) / "unrolled" / "check.sqlite"


def key_of(content: bytes, options: Mapping[str, Any]) -> str:
    """What a result is found by: the file's content, the options that it was checked with, and this checker's version.

    A file's name is no part of it: the same content under another name has the same result.

    >>> key_of(b"a", {}) == key_of(b"a", {}) != key_of(b"b", {}) != key_of(b"b", {"timeout": 5.0})
    True
    """
    said = json.dumps([VERSION, _checker(), dict(options)], sort_keys=True).encode()
    return hashlib.sha256(hashlib.sha256(content).digest() + hashlib.sha256(said).digest()).hexdigest()


@cache
def _checker() -> str:
    """What decides a verdict: the sources of the checker and of the equations, and what learners' code runs on."""
    package = Path(__file__).parent.parent
    versions = [platform.python_version(), *(_version(name) for name in ("numpy", "scipy"))]
    digest = hashlib.sha256(json.dumps(versions).encode())
    for folder in ("check", "steps"):
        for path in sorted((package / folder).rglob("*.py")):
            digest.update(str(path.relative_to(package)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def lasting(report: FileReport) -> bool:
    """Whether each verdict is of the file alone: none of a timeout or a sandbox's end, which a busy machine can bring.

    >>> from unrolled.check.results import FunctionReport
    >>> lasting(FileReport("rnn.py", (FunctionReport("softmax", "timeout", reason="it ran longer than 10 s"),)))
    False
    """
    from unrolled.check.sandbox.types import ENDED, KILLED, NOT_RUN

    return not any(
        function.verdict == "timeout"
        or (function.verdict == "refused" and any(words in function.reason for words in (ENDED, KILLED, NOT_RUN)))
        for function in report.functions
    )


class Store:
    """Results of earlier checks, each on the disk as soon as it is put.

    Args:
        path: the SQLite file; it and its folder are made where they are not there.

    Raises:
        DataError: the file is no store, or cannot be written.

    >>> with Store(Path("results.sqlite")) as store:
    ...     store.put("key", FileReport("rnn.py"))
    >>> with Store(Path("results.sqlite")) as store:
    ...     store.get("key", "copy_of_rnn.py"), store.get("other", "rnn.py")
    (FileReport(file='copy_of_rnn.py', functions=(), problems=(), sandboxed=True), None)
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._usable = True
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(path, timeout=30)
            # a killed process loses nothing that was put; another run may use the file at the same time
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = NORMAL")
            self._database.execute("CREATE TABLE IF NOT EXISTS results (key TEXT PRIMARY KEY, report TEXT NOT NULL)")
            self._database.commit()
        except (OSError, sqlite3.Error) as error:
            raise DataError(
                f"`{path}` cannot be used to keep results ({error}), expected an SQLite file that can be written; "
                "name another with --store"
            ) from None

    def get(self, key: str, file: str) -> FileReport | None:
        """The report kept under `key`, for the file called `file`; `None` where there is none."""
        row = None
        with self._going_on():
            row = self._database.execute("SELECT report FROM results WHERE key = ?", (key,)).fetchone()
        return None if row is None else replace(report_from(json.loads(row[0])), file=file)

    def put(self, key: str, report: FileReport) -> None:
        """Keeps a report. A full disk or a lock ends no run: it is said once on standard error, and no more is kept."""
        if self._usable:
            row = key, json.dumps(report_to(report))
            with self._going_on(), self._database:
                self._database.execute("INSERT OR REPLACE INTO results VALUES (?, ?)", row)

    @contextmanager
    def _going_on(self) -> Generator[None]:
        try:
            yield
        except sqlite3.Error as error:
            if self._usable:
                said = f"unrolled: `{self.path}` keeps no more results of this run ({error}); every file is checked"
                print(said, file=sys.stderr)
            self._usable = False

    def close(self) -> None:
        """Closes the file."""
        self._database.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
