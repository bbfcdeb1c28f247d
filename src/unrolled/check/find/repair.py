"""One cell's text to text that parses, line for line: what is not Python is blanked and said; nothing is run."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

__all__ = ["Cleaned", "Unparsed", "clean", "parse"]

# Cells of another language, whatever it says; the body of any other `%%magic` is Python, as in `%%time`.
FOREIGN = re.compile(
    "bash|sh|script|html|javascript|js|latex|markdown|svg|perl|ruby|cmd|pypy|python2|r|julia|sql|bigquery|cython|file|"
    "writetemplate",
    re.IGNORECASE,
)
MAGIC = re.compile(r"\s*(?:%|!|\?|[\w.]+\s*=\s*[%!]\s*[\w{]|[,;/]\w|[\w.*]+\?{1,2}\s*(?:#.*)?$)")
PRINT = re.compile(r"(\s*)print\b(?!\s*[(=])|(\s*)print\s*\(.*\)\s*%")
EXCEPT = re.compile(r"(\s*except\s+[\w.]+|\s*except\s*\([^)]*\))\s*,\s*(\w+)\s*:")
PROMPT = re.compile(r"(?:>>>|\s*\.\.\.:?|In \[\d*\]:)(?: |$)")
CONTINUES = re.compile(r"(?:else|elif|except|finally)\b|[)\]}#]")
DEFINED = re.compile(r"(\s*)(?:async\s+)?(def|class)\s+(\w+)")
NO_BODY = re.compile(r"expected an indented block after .* on line (\d+)")
MOST_REPAIRS = 80  # of one cell: each costs another parse
MOST_WORK = 400_000  # characters parsed again for them


@dataclass(frozen=True)
class Unparsed:
    """A function whose definition does not parse; lines count from 1."""

    name: str  # `Class.method` for a method
    line: int  # of its definition
    error_line: int
    error: str


@dataclass
class Cleaned:
    """A cell that parses."""

    lines: list[str]
    tree: ast.Module
    problems: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])  # line, from 1, and what is wrong
    unparsed: list[Unparsed] = field(default_factory=list[Unparsed])


@dataclass(frozen=True)
class _Block:
    """Lines that were blanked, and what is to be said of them."""

    first: int  # its index
    lines: list[str]
    line: int
    error: str


def parse(text: str) -> ast.Module:
    """`ast.parse`, with one kind of error.

    Raises:
        SyntaxError: it does not parse, whichever way.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "\d" in a string and `1 is 1` are the learner's affair
            return ast.parse(text)
    except (RecursionError, MemoryError):
        raise SyntaxError("nested too deeply") from None
    except (ValueError, OverflowError) as error:
        raise SyntaxError(str(error)) from None


def clean(text: str, *, notebook: bool) -> Cleaned:
    """What of a cell can be parsed, each line where it was.

    Magics, shell lines and Python 2's prints give way to `pass`; of what still does not parse, the statement (with all
    that is indented under it) is blanked, and the others stay.
    """
    lines = text.split("\n")
    if notebook and not _python_cell(lines):
        return Cleaned([""] * len(lines), ast.Module([], []))
    if notebook:
        _dedent(lines)
    cleaned = Cleaned(lines, ast.Module([], []))
    blocks = list[_Block]()
    last = len(lines) + 1
    most = min(MOST_REPAIRS, 2 + MOST_WORK // (len(text) + 1))
    for _ in range(most):
        try:
            cleaned.tree = parse("\n".join(lines))
            _tell(cleaned, blocks)
            return cleaned
        except SyntaxError as error:
            line = min(max(error.lineno or 1, 1), len(lines))
            last = line
            if not _repair(cleaned, line, error):
                blocks.append(_blank(lines, line, error))
    for block in blocks:
        _complain(cleaned, block)
    cleaned.lines = [""] * len(lines)
    cleaned.problems.append((last, f"too much that is not Python: the rest {'of the cell ' * notebook}is not read"))
    return cleaned


def _python_cell(lines: list[str]) -> bool:
    """Blanks the `%%` lines at the top of a cell; whether what follows is Python."""
    for at, line in enumerate(lines):
        if not line.strip():
            continue
        magic = re.match(r"\s*%%(\w+)", line)
        if magic is None:
            return True
        if FOREIGN.fullmatch(magic[1]) or (magic[1] == "writefile" and ".py" not in line):
            return False
        lines[at] = ""
    return True


def _dedent(lines: list[str]) -> None:
    """A cell whose first line is indented is Python to a notebook: that much is taken from every line."""
    first = next((line for line in lines if line.strip() and not line.lstrip().startswith("#")), "")
    indent = first[: len(first) - len(first.lstrip())]
    if indent:
        lines[:] = [line.removeprefix(indent) for line in lines]


def _repair(cleaned: Cleaned, line: int, error: SyntaxError) -> bool:
    """Mends what is known to be no harm: whether anything was."""
    lines, text = cleaned.lines, cleaned.lines[line - 1]
    indent = text[: len(text) - len(text.lstrip())]
    if MAGIC.match(text):
        while line < len(lines) and lines[line - 1].endswith("\\"):
            lines[line - 1] = ""
            line += 1
        lines[line - 1] = indent + "pass"
        return True
    if PRINT.match(text):
        lines[line - 1] = indent + "pass"
        cleaned.problems.append((line, "Python 2's `print` is left out; write print(...)"))
        return True
    if changed := EXCEPT.match(text):
        lines[line - 1] = f"{changed[1]} as {changed[2]}:{text[changed.end() :]}"
        cleaned.problems.append((line, "Python 2's `except` is read as `except ... as ...`; write it so"))
        return True
    if isinstance(error, TabError) and any("\t" in row for row in lines):
        size = next((size for size in (4, 8) if _parses(_untabbed(row, size) for row in lines)), 8)
        lines[:] = [_untabbed(row, size) for row in lines]
        cleaned.problems.append((line, f"tabs and spaces are mixed; a tab is read as {size} spaces; use spaces alone"))
        return True
    if PROMPT.match(text):
        lines[:] = [PROMPT.sub("", row, count=1) for row in lines]
        return True
    return False


def _parses(lines: Iterable[str]) -> bool:
    try:
        parse("\n".join(lines))
    except SyntaxError:
        return False
    return True


def _untabbed(row: str, size: int) -> str:
    code = row.lstrip(" \t")
    return row[: len(row) - len(code)].expandtabs(size) + code


def _blank(lines: list[str], line: int, error: SyntaxError) -> _Block:
    """Blanks the statement at column 0 that `line` belongs to; one without a body is noticed only in the next."""
    if opened := NO_BODY.match(error.msg):
        line = int(opened[1])
    first = line - 1
    while first > 0 and not _starts(lines[first]):
        first -= 1
    while first > 0 and lines[first - 1].startswith("@"):
        first -= 1
    end = max(line, first + 1)
    while end < len(lines) and (not _starts(lines[end]) or lines[end - 1].startswith("@")):
        end += 1
    block = _Block(first, lines[first:end], line, error.msg)
    lines[first:end] = [""] * len(block.lines)
    return block


def _tell(cleaned: Cleaned, blocks: list[_Block]) -> None:
    """What was blanked, but for what parses by itself, as behind a text that was not closed: that is put back."""
    for block in reversed(blocks):
        whole = cleaned.lines.copy()
        whole[block.first : block.first + len(block.lines)] = block.lines
        if _parses(block.lines) and _parses(whole):
            cleaned.lines, cleaned.tree = whole, parse("\n".join(whole))
        else:
            _complain(cleaned, block)
    cleaned.unparsed.sort(key=lambda each: each.line)


def _complain(cleaned: Cleaned, block: _Block) -> None:
    names = [match[3] for row in block.lines if (match := DEFINED.match(row))]
    line, what = block.line, f"this does not parse ({block.error})"
    if names:
        listed = ", ".join(f"`{name}`" for name in names[:3]) + (", ..." if len(names) > 3 else "")
        what += f", so {listed} cannot be checked; mend this line"
    if block.error == "nested too deeply":
        line, what = block.first + 1, "this is nested too deeply to be read; it is left out"
    cleaned.problems.append((line, what))
    cleaned.unparsed += [Unparsed(name, block.first + at, line, block.error) for at, name in _functions(block.lines)]


def _functions(rows: list[str]) -> Iterator[tuple[int, str]]:
    """The functions and methods that rows define, as far as their indentation tells: row, from 1, and name."""
    around = list[tuple[int, str, str]]()  # indentation, kind and name
    for at, row in enumerate(rows, start=1):
        found = DEFINED.match(row)
        if found is None:
            continue
        indent, kind, name = len(found[1]), found[2], found[3]
        while around and around[-1][0] >= indent:
            around.pop()
        if any(outer == "def" for _, outer, _ in around):
            continue
        around.append((indent, kind, name))
        if kind == "def":
            yield at, ".".join(name for _, _, name in around)


def _starts(line: str) -> bool:
    """Whether a statement of its own starts at column 0 here."""
    return bool(line) and not line[0].isspace() and not CONTINUES.match(line)
