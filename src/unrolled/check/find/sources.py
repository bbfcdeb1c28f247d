"""A file's text to a Source: code that parses, with one numbering of lines; no function is looked for here."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field, replace

from unrolled.check.find.notebooks import Cell, is_notebook, read_cells
from unrolled.check.find.repair import Unparsed, clean, parse
from unrolled.check.results import Place, Problem

__all__ = ["Source", "few", "read_source"]

LARGEST = 1_000_000  # characters of one cell or .py file: what a person writes has some tens of thousands
MOST_PROBLEMS = 20  # of one file: the first ones help, a thousand do not


@dataclass(frozen=True)
class Source:
    """A learner's code.

    Args:
        name: the file, as the user gave it.
        text: the file's code, which parses; a notebook's code cells one after another. Magics, shell lines and what
            does not parse are blanked. Lines are those of `place`.
        problems: what could not be read, with its place.
        original: the same lines as the learner wrote them.
        starts: for a notebook, the first line of each code cell and its number among all cells.
        unparsed: functions that do not parse, with lines of `text`.
    """

    name: str
    text: str
    problems: tuple[Problem, ...] = ()
    original: tuple[str, ...] = field(default=(), repr=False)
    starts: tuple[tuple[int, int], ...] = field(default=(), repr=False)
    unparsed: tuple[Unparsed, ...] = field(default=(), repr=False)

    def place(self, line: int) -> Place:
        """Where a line of `text` stands in the file, counted from 1."""
        text = self.original[line - 1].strip() if 0 < line <= len(self.original) else ""
        at = bisect_right(self.starts, (line, 1 << 60)) - 1
        if at < 0:
            return Place(line, None, text)
        first, number = self.starts[at]
        return Place(line - first + 1, number, text)


def read_source(name: str, text: str) -> Source:
    r"""Reads a `.py` file or a notebook (nbformat 3 or 4); which of them, the content says.

    Args:
        name: the file's name, for reports; `-` is standard input.
        text: its whole content.

    >>> source = read_source("rnn.py", "import numpy as np\n%matplotlib inline\nx = 1\n")
    >>> source.text.splitlines()
    ['import numpy as np', 'pass', 'x = 1']
    >>> source.place(3)
    Place(line=3, cell=None, text='x = 1')
    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").replace("\f", " ")
    problems = list[Problem]()
    if text.count("\0") > 0:
        text = text.replace("\0", "")
        problems.append(Problem("null bytes in the text are left out; save it as UTF-8"))
    notebook = is_notebook(name, text)
    if notebook:
        cells, complaints = read_cells(text)
        problems += complaints
    else:
        cells = [Cell(0, text)]
        problems += _not_python(name, text)
    return _joined(name, cells, problems, notebook=notebook)


def few(problems: list[Problem]) -> list[Problem]:
    """The first of a file's problems, and how many more there are."""
    if len(problems) <= MOST_PROBLEMS:
        return problems
    return [*problems[:MOST_PROBLEMS], Problem(f"{len(problems) - MOST_PROBLEMS} more problems of this kind")]


def _not_python(name: str, text: str) -> list[Problem]:
    if re.match(r"\s*<(?:!doctype|html|\?xml)", text, re.IGNORECASE):
        return [Problem("this is a web page, expected a notebook or Python code; download the notebook's own .ipynb")]
    if name.lower().endswith(".ipynb") and text.strip():
        return [Problem("not a notebook's JSON; it is read as Python code")]
    return []


def _joined(name: str, cells: list[Cell], problems: list[Problem], *, notebook: bool) -> Source:
    kept, original = list[str](), list[str]()
    starts = list[tuple[int, int]]()
    found = list[tuple[int, str]]()  # global line, message
    unparsed = list[Unparsed]()
    for cell in cells:
        first = len(kept) + 1
        starts.append((first, cell.number))
        lines = cell.text.rstrip("\n").split("\n")
        original += lines
        if len(cell.text) > LARGEST:
            found.append((first, f"{len(cell.text):,} characters are more than the {LARGEST:,} that are read"))
            kept += [""] * len(lines)
            continue
        cleaned = clean("\n".join(lines), notebook=notebook)
        kept += cleaned.lines
        found += [(first + line - 1, message) for line, message in cleaned.problems]
        unparsed += [
            replace(each, line=first + each.line - 1, error_line=first + each.error_line - 1)
            for each in cleaned.unparsed
        ]
    source = Source(name, "\n".join(kept) + "\n", (), tuple(original), tuple(starts) if notebook else ())
    problems = problems + [Problem(message, source.place(line)) for line, message in sorted(found)]
    try:
        if len(cells) > 1:
            parse(source.text)
    except SyntaxError as error:
        problems.append(Problem(f"this file cannot be read as a whole ({error.msg})"))
        source = Source(name, "\n" * len(kept), (), source.original, source.starts)
    return replace(source, problems=tuple(few(problems)), unparsed=tuple(unparsed))
