"""Real text that every machine with Python has: its standard library, and its language reference; no downloads."""

import hashlib
import os
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from unrolled.data.text import TextFile, open_text
from unrolled.errors import DataError, ParameterError

__all__ = ["CORPORA", "Corpus", "from_file", "load_corpus"]

PYTHON_CHARACTERS = 2_000_000  # about five epochs in three minutes of training on two cores
# Tables, tests and generated code teach little about how Python is written; the others are no part of the library.
PYTHON_LEFT_OUT = (
    "test", "tests", "encodings", "idlelib", "idle_test", "lib2to3", "distutils", "pydoc_data", "turtledemo",
    "ensurepip", "site-packages", "dist-packages", "__pycache__",
)  # fmt: skip


class Corpus(NamedTuple):
    """A text, and what is to be known about it."""

    name: str  # short: "python", "docs", or a file's name without its ending
    source: str  # "python", "docs", or an absolute path: what finds the same text again
    text: str | TextFile  # a file's stays on the disk
    minimum_count: int  # characters seen fewer times than this in the training part become one unknown symbol
    about: str  # one line: what was taken, and what was left out

    @property
    def sha256(self) -> str:
        """Of the text in UTF-8: what a resumed run compares."""
        if isinstance(self.text, TextFile):
            return self.text.sha256
        return hashlib.sha256(self.text.encode("utf-8")).hexdigest()


def from_file(path: str | Path) -> Corpus:
    """A corpus of one UTF-8 file, which may be larger than memory.

    Raises:
        DataError: see `open_text`.
    """
    text = open_text(path)
    return Corpus(Path(path).stem, str(Path(path).resolve()), text, 2, f"{path}: {len(text):,} characters")


def python_corpus(root: str | Path | None = None, characters: int = PYTHON_CHARACTERS, seed: int = 0) -> Corpus:
    """Source code of the standard library: modules in an order drawn from `seed`, until there are enough characters.

    Tests, character tables, generated data and retired packages are left out, and so is every file that is not UTF-8;
    the corpus says how many those are.

    Args:
        root: the folder to search; the running Python's standard library by default.
        characters: to stop at; the last module is taken whole.
        seed: of the order.

    Raises:
        DataError: the folder holds no module, as where Python was installed without its sources.
    """
    root = Path(root or sysconfig.get_paths()["stdlib"])
    paths: list[str] = []
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name not in PYTHON_LEFT_OUT]
        found = (Path(folder, name) for name in names if name.endswith(".py") and not name.startswith("_sysconfigdata"))
        paths += [path.relative_to(root).as_posix() for path in found if path.is_file()]  # some are dangling links
    paths.sort()
    modules: list[str] = []
    total = not_utf8 = 0
    order: list[int] = np.random.default_rng(seed).permutation(len(paths)).tolist()
    for index in order:
        if total >= characters:
            break
        try:
            text = Path(root, paths[index]).read_bytes().decode("utf-8")
        except UnicodeDecodeError:
            not_utf8 += 1
            continue
        if text.strip():
            modules.append(text.strip("\n") + "\n")
            total += len(modules[-1])
    if not modules:
        raise DataError(f"`{root}` holds no Python sources, expected the standard library's; give a text file instead")
    about = (
        f"the Python standard library: {len(modules)} of {len(paths)} modules (seed {seed}), {total:,} characters; "
        f"skipped {not_utf8} not in UTF-8"
    )
    return Corpus("python", "python", "\n\n".join(modules), 50, about)


def docs_corpus() -> Corpus:
    """The Python language reference, as `help()` shows it: all of `pydoc_data.topics`.

    Raises:
        DataError: this Python was installed without it.
    """
    try:
        from pydoc_data.topics import topics
    except ImportError:
        raise DataError(
            "this Python has no `pydoc_data.topics`, expected the language reference; use the corpus python, or a file"
        ) from None
    text = "\n\n".join(topics[name].strip("\n") + "\n" for name in sorted(topics))
    about = f"the Python language reference: {len(topics)} topics, {len(text):,} characters"
    return Corpus("docs", "docs", text, 20, about)


CORPORA: dict[str, Callable[[], Corpus]] = {"python": python_corpus, "docs": docs_corpus}


def load_corpus(source: str) -> Corpus:
    """The corpus that a `Corpus.source` names: a built-in one, or a file.

    Raises:
        ParameterError: no built-in corpus has that name, and it is no path.
        DataError: the text cannot be read.
    """
    if source in CORPORA:
        return CORPORA[source]()
    if not Path(source).is_absolute():
        raise ParameterError(f"`corpus` is {source!r}, expected one of {', '.join(CORPORA)}; for a file give its path")
    return from_file(source)
