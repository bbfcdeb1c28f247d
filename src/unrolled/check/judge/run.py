"""`unrolled.check.run`: functions, modules, files or text from Python; read as source, never called here."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, cast

from unrolled.check.find import find_functions, read_mapping, read_source
from unrolled.check.find.sources import Source
from unrolled.check.judge.file import check_source
from unrolled.check.results import FileReport
from unrolled.check.sandbox import Sandbox
from unrolled.check.sandbox.types import Mode
from unrolled.errors import ParameterError

__all__ = ["run"]


def run(
    code: Callable[..., Any] | type | ModuleType | str | Path | Iterable[Callable[..., Any]],
    *,
    only: Sequence[str] | None = None,
    mapping: Sequence[str] = (),
    timeout: float = 10.0,
    mode: Mode | None = None,
) -> FileReport:
    """Says of every function of the course in `code` whether it is right, and of a wrong one which equation is.

    The code is run from its source, on random arrays, in a sandbox where the machine has one; each function is judged
    alone, in whatever convention it is written.

    Args:
        code: a function or class, several of them, a module; the path of a `.py` or `.ipynb` file; or source text
            (what holds a line break). Of functions, the whole file is read for what they need, and only they are told.
        only: the course's names of the functions to be told; None: all that are found.
        mapping: what names stand for where it cannot be guessed, as with `--map`: "rcf=rnn_cell_forward",
            "rcf.h=a_prev".
        timeout: seconds for each function's calls.
        mode: "bubblewrap": in a sandbox, or not at all; "none": without; None: as the machine allows. A module or
            function of yours has run already, so that a sandbox mostly keeps accidents apart.

    Returns:
        The report: `functions` with verdict, convention and findings, `problems`, and `correct`.

    Raises:
        ParameterError: the source cannot be had (functions typed into an interpreter), or a file cannot be read.
        SandboxError: `mode="bubblewrap"` on a machine without it.

    >>> from unrolled import check
    >>> report = check.run('''
    ... import numpy as np
    ... def sigmoid(x):
    ...     return 1 / (1 + np.exp(-x))
    ... def softmax(x):
    ...     e = np.exp(x - x.max())
    ...     return e / e.sum()
    ... ''')
    >>> [(function.name, function.verdict) for function in report.functions]
    [('sigmoid', 'correct'), ('softmax', 'wrong')]
    >>> report.functions[1].findings[0].place.line
    7
    """
    source, lines = _source(code)
    read = read_mapping(mapping)
    names: set[str] | None = None if only is None else set(only)
    if lines is not None:
        found, _ = find_functions(source, read)
        within = {each.name for each in found if any(start <= each.line < end for start, end in lines)}
        names = within if names is None else names & within
    available = Sandbox.available().bubblewrap
    with Sandbox(mode or ("bubblewrap" if available else "none"), timeout=timeout) as sandbox:
        return check_source(source, mapping=read, sandbox=sandbox, names=names)


Extent = tuple[int, int]


def _source(code: Any) -> tuple[Source, list[Extent] | None]:
    """The source, and in which lines of it that stands which is to be told of; None: all."""
    if isinstance(code, str) and "\n" in code:
        return read_source("<text>", textwrap.dedent(code)), None
    if isinstance(code, str | Path):
        return read_source(str(code), _text(Path(code))), None
    if isinstance(code, ModuleType):
        return read_source(code.__file__ or code.__name__, _source_of(code)), None
    if callable(code):
        return _of_objects([code])
    if isinstance(code, Iterable):
        objects: list[Any] = list(code)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
        if objects and all(map(callable, objects)):
            return _of_objects(objects)
    kind = type(cast("object", code)).__name__
    raise ParameterError(
        f"`code` is of type {kind}, expected functions, a class, a module, a path or source text; "
        "pass the function itself, not what it returned"
    )


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise ParameterError(
            f"`code` is the path {str(path)!r}, which cannot be read ({reason}); source text must hold a line break"
        ) from None


def _source_of(thing: Any) -> str:
    try:
        return inspect.getsource(thing)
    except (OSError, TypeError):
        name = getattr(thing, "__name__", type(thing).__name__)
        raise ParameterError(
            f"`{name}` has no source that can be read, expected one from a file or a notebook; "
            "put it into a file, or pass its source as text"
        ) from None


def _of_objects(objects: Sequence[Any]) -> tuple[Source, list[Extent] | None]:
    """The file in which they stand; where they stand in several (cells of a notebook), their sources together."""
    plain = [inspect.unwrap(each) for each in objects]
    try:
        files = {inspect.getsourcefile(each) for each in plain}
        modules = {inspect.getmodule(each) for each in plain}
        whole = "".join(inspect.findsource(plain[0])[0]) if len(files) == 1 else None
    except (OSError, TypeError):
        _source_of(plain[0])
        raise
    if whole is None or None in modules:
        text = "\n".join(["import numpy as np", *(textwrap.dedent(_source_of(each)) for each in plain)])
        return read_source("<functions>", text), None
    extents: list[Extent] = []
    for each in plain:
        lines, start = inspect.getsourcelines(each)
        extents.append((start, start + len(lines)))
    return read_source(str(files.pop()), whole), extents
