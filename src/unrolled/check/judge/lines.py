"""Where in a learner's function something stands, by its syntax tree alone; values play no part."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from functools import lru_cache

from unrolled.check.find import Found

__all__ = [
    "cache_line",
    "changed_line",
    "globals_read",
    "keys_read",
    "line_of_name",
    "output_line",
    "set_by_init",
    "strings",
]

Function = ast.FunctionDef | ast.AsyncFunctionDef


@lru_cache(maxsize=64)
def _tree(code: str) -> ast.Module:
    return ast.parse(code)


def _function(found: Found) -> Function | None:
    own = found.entry.rpartition(".")[2]
    for node in ast.walk(_tree(found.code)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == own and node.lineno == found.line:
            return node
    return None


def _statements(found: Found) -> Iterator[ast.stmt]:
    function = _function(found)
    if function is not None:
        yield from (node for node in ast.walk(function) if isinstance(node, ast.stmt) and node is not function)


def cache_line(found: Found) -> int | None:
    """Where its cache is packed: a tuple or a dictionary under a name like `cache`, else what is returned."""
    for node in _statements(found):
        packs = isinstance(node, ast.Assign) and isinstance(node.value, ast.Tuple | ast.Dict | ast.Call)
        targets = node.targets if packs and isinstance(node, ast.Assign) else []
        if any(isinstance(target, ast.Name) and "cache" in target.id.lower() for target in targets):
            return node.lineno
    for node in _statements(found):
        called = node.value.func if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) else None
        if isinstance(called, ast.Attribute) and called.attr == "append" and "cache" in ast.unparse(called).lower():
            return node.lineno
    return next((node.lineno for node in _statements(found) if isinstance(node, ast.Return)), None)


def changed_line(found: Found, name: str) -> int | None:
    """Where the array or container `name`, or a second name for it, is changed in place."""
    names = {name}
    for node in _statements(found):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Name) and node.value.id in names:
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    for node in _statements(found):
        if isinstance(node, ast.AugAssign) and _base(node.target) in names:
            return node.lineno
        if isinstance(node, ast.Assign) and any(
            isinstance(target, ast.Subscript | ast.Attribute) and _base(target) in names for target in node.targets
        ):
            return node.lineno
        for call in ast.walk(node):
            if isinstance(call, ast.Call) and any(
                each.arg == "out" and _base(each.value) in names for each in call.keywords
            ):
                return call.lineno
    for node in _statements(found):
        if isinstance(node, ast.Expr | ast.Assign) and isinstance(node.value, ast.Call):
            called = node.value.func
            if isinstance(called, ast.Attribute) and _base(called.value) in names:
                return node.lineno
    return None


def strings(found: Found) -> list[str]:
    """Short names that stand in the function as text, and texts that are put together to such: "W" + gate."""
    function = _function(found)
    if function is None:
        return []
    texts = [
        node.value
        for node in ast.walk(function)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) <= 12
    ]
    letters = [text for text in texts if len(text) == 1 and text.isalpha()]
    starts = [text for text in texts if text.rstrip("_") in ("W", "w", "b", "U", "B", "u")]
    joined = [start + letter for start in starts for letter in dict.fromkeys(letters) if letter not in starts]
    whole = [text for text in texts if text.isidentifier() and len(text) > 1 and text not in starts]
    return list(dict.fromkeys([*whole, *joined]))


def keys_read(found: Found, name: str) -> list[str]:
    """The texts by which a function takes entries out of what it calls `name`."""
    return list(
        dict.fromkeys(
            part.slice.value
            for node in _statements(found)
            for part in ast.walk(node)
            if isinstance(part, ast.Subscript)
            and isinstance(part.value, ast.Name)
            and part.value.id == name
            and isinstance(part.slice, ast.Constant)
            and isinstance(part.slice.value, str)
        )
    )


def set_by_init(found: Found, name: str) -> bool:
    """Whether the `__init__` of the function's class, which is never run, is what sets an attribute."""
    inner = (
        part
        for node in ast.walk(_tree(found.code))
        if isinstance(node, ast.ClassDef) and node.name == (found.method_of or "").rpartition(".")[2]
        for method in node.body
        if isinstance(method, ast.FunctionDef) and method.name == "__init__"
        for part in ast.walk(method)
    )
    return any(
        isinstance(part, ast.Attribute) and part.attr == name and isinstance(part.ctx, ast.Store) for part in inner
    )


def _base(node: ast.expr) -> str | None:
    while isinstance(node, ast.Subscript | ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


def line_of_name(found: Found, name: str) -> int | None:
    """The first statement that reads or writes a name."""
    for node in sorted(_statements(found), key=lambda each: each.lineno):
        if any(isinstance(part, ast.Name) and part.id == name for part in ast.walk(node)):
            return node.lineno
        if any(isinstance(part, ast.Attribute) and part.attr == name for part in ast.walk(node)):
            return node.lineno
    return None


def output_line(found: Found, names: Iterable[str]) -> int | None:
    """Where an output is made: its entry in a dictionary, the last assignment to its name, else the one `return`."""
    wanted = set(names)
    statements = list(_statements(found))
    for node in statements:
        for part in ast.walk(node):
            if isinstance(part, ast.Dict):
                for key, value in zip(part.keys, part.values, strict=True):
                    if isinstance(key, ast.Constant) and key.value in wanted and not isinstance(value, ast.Name):
                        return value.lineno
    lines: list[int] = []
    for node in statements:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AugAssign) else []
        )
        for target in targets:
            for part in ast.walk(target):
                own = part.id if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store) else None
                if isinstance(part, ast.Subscript) and isinstance(part.slice, ast.Constant):
                    own = str(part.slice.value)
                if own in wanted:
                    lines.append(node.lineno)
    if lines:
        return max(lines)
    returns = [node for node in statements if isinstance(node, ast.Return)]
    return returns[0].lineno if len(returns) == 1 and not isinstance(returns[0].value, ast.Name) else None


def globals_read(found: Found) -> list[tuple[str, int]]:
    """Data of the module that the function reads, with lines: names assigned outside any function, constants aside."""
    function = _function(found)
    if function is None:
        return []
    data: set[str] = set()
    for node in _tree(found.code).body:
        if isinstance(node, ast.Assign) and not isinstance(node.value, ast.Constant | ast.Lambda | ast.Attribute):
            data |= {part.id for target in node.targets for part in ast.walk(target) if isinstance(part, ast.Name)}
    arguments = function.args
    local = {argument.arg for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)}
    local |= {part.id for part in ast.walk(function) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)}
    found_names: dict[str, int] = {}
    for part in ast.walk(function):
        if isinstance(part, ast.Name) and part.id in data - local:
            found_names.setdefault(part.id, part.lineno)
    return list(found_names.items())
