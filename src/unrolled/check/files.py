"""Files to check: which ones a command means, and one file's bytes to its report; nothing runs side by side here."""

from __future__ import annotations

import glob
import os
import tokenize
import traceback
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from unrolled.check.results import FileReport, FunctionReport, Place, Problem
from unrolled.check.sandbox.types import Mode
from unrolled.errors import DataError

__all__ = [
    "SUFFIXES",
    "Options",
    "Search",
    "check_content",
    "class_run",
    "found_in",
    "guard",
    "read_bytes",
    "search",
    "unchecked",
]

SUFFIXES = (".py", ".ipynb")
# Folders that hold no submission: caches, environments, what macOS puts into its archives.
SKIPPED_FOLDERS = frozenset(("__pycache__", "__MACOSX", "node_modules", "site-packages", "venv"))
TIMEOUT = 10.0  # seconds that the calls of one function may take together
LARGEST = 1 << 26  # bytes of one file: a notebook with pictures in it has tens of millions


@dataclass(frozen=True)
class Options:
    """What a verdict depends on besides the file and this package's version."""

    mapping: tuple[str, ...] = ()  # as given to --map
    only: tuple[str, ...] | None = None  # names of FUNCTIONS
    timeout: float = TIMEOUT
    mode: Mode = "bubblewrap"


@dataclass(frozen=True)
class Search:
    """What a search came to."""

    files: list[Path]
    refused: list[FileReport]  # what a folder holds but must not be opened, with the reason


def class_run(arguments: Sequence[str]) -> bool:
    """Whether these are other people's files: anything but one single file, or standard input.

    >>> class_run(["-"]), class_run(["rnn.py"]), class_run(["a.py", "b.py"]), class_run(["*.py"]), class_run(["."])
    (False, False, True, True, True)
    """
    return len(arguments) != 1 or Path(arguments[0]).is_dir() or _is_pattern(arguments[0])


def search(arguments: Sequence[str]) -> Search:
    """The files that names, folders and patterns (`*`, `?`, `[...]`, `**`) stand for, each once, in order.

    A folder stands for the .py and .ipynb files in it and below. Links in it are not followed: a submission could point
    anywhere with one.

    Raises:
        DataError: nothing is there under a name, or no .py or .ipynb file in all of them.
    """
    found, refused = dict[Path, None](), list[FileReport]()
    for argument in arguments:
        if _is_pattern(argument):
            paths = [Path(name) for name in sorted(glob.glob(argument, recursive=True))]
            if not paths:
                raise DataError(f"`{argument}` matches nothing, expected .py or .ipynb files; check the pattern")
        else:
            paths = [Path(argument)]
        for path in paths:
            if path.is_dir():
                _walk(path, found, refused)
            elif path.exists():
                found[path] = None
            else:
                raise DataError(
                    f"`{argument}` does not exist, expected a .py or .ipynb file or a folder; check the path"
                )
    if not found and not refused:
        raise DataError(f"no .py or .ipynb file in {', '.join(f'`{name}`' for name in arguments)}; check the path")
    return Search(list(found), refused)


def _is_pattern(argument: str) -> bool:
    return glob.has_magic(argument) and not Path(argument).exists()


def _walk(folder: Path, found: dict[Path, None], refused: list[FileReport]) -> None:
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in SKIPPED_FOLDERS and not name.startswith("."))
        for name in sorted(names):
            path = Path(place, name)
            if name.startswith(".") or path.suffix.lower() not in SUFFIXES:
                continue
            if path.is_symlink() or not path.is_file():
                refused.append(
                    unchecked(str(path), "is a link or no regular file, and in a folder those are not opened")
                )
            else:
                found[path] = None


def read_bytes(path: Path) -> bytes:
    """A file's content.

    Raises:
        DataError: it cannot be read, or is too large to be a submission.
    """
    try:
        if (size := path.stat().st_size) > LARGEST:
            raise DataError(f"`{path}` has {size:,} bytes, expected at most {LARGEST:,}; clear the notebook's outputs")
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"`{path}` cannot be read ({error.strerror}), expected a .py or .ipynb file") from None


def check_content(name: str, content: bytes, options: Options) -> FileReport:
    """Judges one file. Whatever goes wrong in judging it is in its report, so that no file stops the others."""
    try:
        return _checked(name, content, options)
    except Exception as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(frame.filename).name}:{frame.lineno}"
        what = f"{type(error).__name__} at {where}: {error}"
        return unchecked(name, f"could not be checked: the checker itself failed ({what}); please report this")


def _checked(name: str, content: bytes, options: Options) -> FileReport:
    from unrolled.check.find.mapping import read_mapping
    from unrolled.check.find.sources import read_source
    from unrolled.check.judge.file import check_source
    from unrolled.check.sandbox import Sandbox

    text, complaints = _decoded(content)
    with Sandbox(options.mode, timeout=options.timeout) as sandbox:
        mapping = read_mapping(options.mapping)
        report = check_source(read_source(name, text), mapping=mapping, sandbox=sandbox, names=options.only)
    judged = {function.name for function in report.functions}
    absent = [name for name in options.only or () if name not in judged]
    missing = [FunctionReport(name, "missing", reason="not defined in this file") for name in absent]
    return replace(report, functions=(*report.functions, *missing), problems=(*complaints, *report.problems))


def found_in(name: str, content: bytes, options: Options) -> list[tuple[str, Place]]:
    """The functions that a file defines, by the course's names, with the places of their definitions; nothing runs."""
    from unrolled.check.find.mapping import read_mapping
    from unrolled.check.find.recognise import find_functions
    from unrolled.check.find.sources import read_source

    source = read_source(name, _decoded(content)[0])
    found, _ = find_functions(source, read_mapping(options.mapping))
    return [(function.name, source.place(function.line)) for function in found]


def guard(*, insist: bool) -> tuple[Mode, str]:
    """The sandbox that this machine has, and what a user is to be told about that.

    Args:
        insist: the code may be anybody's, so that it runs in a sandbox or not at all.

    Raises:
        SandboxError: there is none, and it was insisted on.
    """
    from unrolled.check.sandbox import Sandbox, SandboxError

    available = Sandbox.available()
    if available.bubblewrap:
        return "bubblewrap", ""
    if insist:
        raise SandboxError(
            f"no sandbox on this machine ({available.reason}): runs of several files, and --untrusted, need one, as "
            "their code may be anybody's; a single file of your own can be checked without"
        )
    return "none", f"no sandbox on this machine ({available.reason}): your code runs as any program of yours"


def _decoded(content: bytes) -> tuple[str, list[Problem]]:
    """The text, in the encoding that it says it has; what cannot be read in it is replaced, and that is said."""
    if content.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        encoding = "utf-16"
    else:
        lines = iter(content.splitlines(keepends=True)[:2])
        try:
            encoding, _ = tokenize.detect_encoding(lambda: next(lines, b""))
        except SyntaxError:  # an unknown encoding, or a first line in none
            encoding = "utf-8-sig"
    try:
        return content.decode(encoding), []
    except UnicodeDecodeError as error:
        message = f"byte offset {error.start} is not {encoding}; unreadable characters were replaced; save it as UTF-8"
        return content.decode(encoding, errors="replace"), [Problem(message)]


def unchecked(name: str, message: str) -> FileReport:
    """The report on a file that has no verdict."""
    return FileReport(name, problems=(Problem(message),))
