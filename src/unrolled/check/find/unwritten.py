"""Whether a function was written at all, or is still the exercise's empty form."""

from __future__ import annotations

import ast

from unrolled.check.find.names import is_cache
from unrolled.check.find.reading import Reading
from unrolled.check.find.values import name_of

__all__ = ["is_unwritten"]


def is_unwritten(reading: Reading) -> bool:
    """Whether nothing was written yet: no more than `pass`, or what is returned still stands at None."""
    body = [reading.node.body] if isinstance(reading.node, ast.Lambda) else reading.node.body
    work = [one for one in body if not _says_nothing(one)]
    if not work or isinstance(work[0], ast.Raise):
        return True
    returned = reading.values.returned
    if returned is None:
        return False
    if isinstance(returned, ast.Constant) and returned.value is None:
        return True
    names = _work(reading, returned)
    still = [name for name in names if _is_none(reading, name)]
    return bool(still) and all(name in still or name not in reading.values.given for name in names)


def _work(reading: Reading, value: ast.expr) -> list[str]:
    """The names that are returned and are not arguments or caches, through dictionaries and tuples."""
    entries = reading.values.entries(value)
    parts = list(entries.values()) if entries is not None else reading.values.elements(value)
    if parts is None:
        return [value.id] if isinstance(value, ast.Name) and value.id not in reading.known else []
    return [name for part in parts if not is_cache(name_of(part)) for name in _work_of(reading, part)]


def _work_of(reading: Reading, part: ast.expr) -> list[str]:
    if isinstance(part, ast.Constant) and part.value is None:
        return ["None"]
    return [part.id] if isinstance(part, ast.Name) and part.id not in reading.known else []


def _is_none(reading: Reading, name: str) -> bool:
    if name == "None":
        return True
    given = reading.values.given.get(name, [])
    return bool(given) and all(isinstance(value, ast.Constant) and value.value is None for value in given)


def _says_nothing(node: ast.AST) -> bool:
    """`pass`, `...` or a docstring."""
    return isinstance(node, ast.Pass) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
