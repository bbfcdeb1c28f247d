"""Wrong learners made of right ones: a table of edits beside each base file, and pairs of them; nothing is run here.

A table is text: `[function]` opens a part, and each line of it is one mistake,

    equations that it belongs to :: old text ==> new text

where `¶` is a line's end. The old text must occur exactly once in that function; its line is where the mistake stands.
"""

import ast
from dataclasses import dataclass, replace
from functools import cache
from itertools import combinations
from pathlib import Path

from check.learners.conventions import Convention, conventions

HERE = Path(__file__).parent
PAIRS_A_FUNCTION = 7


@dataclass(frozen=True)
class Mutant:
    """One wrong file: `base` with one edit, or with two in the same function.

    Args:
        base: file of `correct/`.
        function: the course's name of the function that is edited.
        equations: ids, any of which names the mistake.
        edits: old text and new text.
    """

    base: str
    function: str
    equations: tuple[str, ...]
    edits: tuple[tuple[str, str], ...]

    @property
    def name(self) -> str:
        """What the tests and the list of failures call it."""
        edits = " & ".join(f"{old.strip()} ==> {new.strip()}" for old, new in self.edits)
        return f"{self.base} {self.function} [{' '.join(self.equations)}] {edits}"

    @property
    def text(self) -> str:
        """The whole wrong file."""
        source = base_text(self.base)
        start, end = extent(self.base, self.function)
        body = source[start:end]
        for old, new in self.edits:
            body = body.replace(old, new)
        return source[:start] + body + source[end:]

    @property
    def lines(self) -> set[int]:
        """Where the mistakes stand in `text`, numbered from 1; one line for each line of an edit."""
        start, end = extent(self.base, self.function)
        source, text = base_text(self.base), self.text
        body, at = source[start:end], set[int]()
        for old, new in self.edits:
            first = source[:start].count("\n") + 1 + body[: body.index(old)].count("\n")
            last = first + max(new.count("\n"), old.rstrip("\n").count("\n"))
            at |= set(range(first, last + 1))
        return {line for line in at if line <= text.count("\n")}


@cache
def base_text(base: str) -> str:
    return (HERE / "correct" / f"{base}.py").read_text(encoding="utf-8")


@cache
def known(base: str) -> dict[str, Convention]:
    """The written conventions of a base."""
    names = {node.name for node in ast.parse(base_text(base)).body if isinstance(node, ast.FunctionDef)}
    return conventions(base, names)


@cache
def extent(base: str, function: str) -> tuple[int, int]:
    """Where the function's text begins and ends in its base."""
    *owner, own = (known(base)[function].entry or function).split(".")
    body = ast.parse(base_text(base)).body
    for name in owner:
        body = next(node.body for node in body if isinstance(node, ast.ClassDef) and node.name == name)
    node = next(node for node in body if isinstance(node, ast.FunctionDef) and node.name == own)
    lines = base_text(base).splitlines(keepends=True)
    assert node.end_lineno is not None
    return sum(map(len, lines[: node.lineno - 1])), sum(map(len, lines[: node.end_lineno]))


def table(folder: str) -> list[Mutant]:
    """Every mistake of the tables in `folder`, one by one."""
    return [mutant for path in sorted((HERE / folder).glob("*.txt")) for mutant in _read(path)]


def _read(path: Path) -> list[Mutant]:
    found: list[Mutant] = []
    function = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            function = line.strip("[]")
        elif line:
            equations, edit = line.split(" :: ")
            old, new = (text.strip(" ").replace("¶", "\n") for text in edit.split("==>"))
            found.append(Mutant(path.stem, function, tuple(equations.split()), ((old, new),)))
    return found


def pairs() -> list[Mutant]:
    """Pairs of mistakes in one function of one file, whose equations differ: evenly drawn from all such pairs."""
    groups: dict[tuple[str, str], list[Mutant]] = {}
    for mutant in table("mistakes"):
        groups.setdefault((mutant.base, mutant.function), []).append(mutant)
    found: list[Mutant] = []
    for group in groups.values():
        apart = [both for both in combinations(group, 2) if _apart(*both)]
        step = max(1, len(apart) // PAIRS_A_FUNCTION)
        for one, other in apart[step // 2 :: step][:PAIRS_A_FUNCTION]:
            both = (*one.equations, *other.equations)
            found.append(replace(one, equations=both, edits=one.edits + other.edits))
    return found


def _apart(one: Mutant, other: Mutant) -> bool:
    return not set(one.equations) & set(other.equations) and not one.lines & other.lines
