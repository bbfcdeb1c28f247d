"""Whether an expression is a constant that may be computed without running a notebook; nothing is computed here."""

from __future__ import annotations

import ast
import builtins
import re

from unrolled.check.find.scopes import Scope

__all__ = ["is_cheap"]

MODULES = re.compile(
    "numpy|scipy|math|cmath|collections|functools|operator|itertools|string|typing|dataclasses|logging|decimal|fractions"
)
# Of these modules, what reads, writes, prints or waits.
DENIED = re.compile(
    "load.*|genfromtxt|save.*|from(file|regex)|memmap|DataSource|tofile|dump.*|set_printoptions|seterr|test|show_config|"
    "info|lookfor|io|basicConfig|.*Handler"
)
FUNCTIONS = re.compile(
    "abs|bool|complex|dict|divmod|enumerate|float|frozenset|int|len|list|max|min|object|pow|range|reversed|round|set|"
    "slice|sorted|str|sum|tuple|type|zip|property"
)
METHODS = re.compile(
    "astype|reshape|copy|transpose|dot|sum|mean|max|min|round|split|join|format|items|keys|values|tolist|strip|lower|"
    "upper|flatten|ravel|squeeze|get|randn|rand|standard_normal|normal|uniform|random"
)
NODES = (
    ast.Constant | ast.Name | ast.Attribute | ast.BinOp | ast.UnaryOp | ast.BoolOp | ast.Compare | ast.IfExp | ast.Tuple
    | ast.List | ast.Dict | ast.Set | ast.Subscript | ast.Slice | ast.Call | ast.keyword | ast.Starred | ast.Lambda
    | ast.ListComp | ast.DictComp | ast.SetComp | ast.GeneratorExp | ast.comprehension | ast.JoinedStr
    | ast.FormattedValue | ast.expr_context | ast.operator | ast.unaryop | ast.boolop | ast.cmpop | ast.arguments
    | ast.arg
)  # fmt: skip
MOST_NODES = 5000
DEEPEST = 8  # names of values that stand for values, one after another


def is_cheap(value: ast.expr | None, scope: Scope, depth: int = 0) -> bool:
    """Whether a value is made of literals, other cheap values, and calls that compute: of NumPy, and a few builtins."""
    if value is None or depth > DEEPEST:
        return False
    if id(value) not in scope.cheap:
        scope.cheap[id(value)] = False  # while it is looked at: a value that stands for itself is none
        scope.cheap[id(value)] = isinstance(value, ast.Lambda) or _is_made_of_cheap(value, scope, depth)
    return scope.cheap[id(value)]


def _is_made_of_cheap(value: ast.expr, scope: Scope, depth: int) -> bool:
    nodes = list(ast.walk(value))
    bound = {inner.id for inner in nodes if isinstance(inner, ast.Name) and not isinstance(inner.ctx, ast.Load)}
    bound |= {inner.arg for inner in nodes if isinstance(inner, ast.arg)}
    for count, inner in enumerate(nodes):
        if count > MOST_NODES or not isinstance(inner, NODES):
            return False
        if isinstance(inner, ast.Call) and not _computes(inner.func, scope, bound):
            return False
        if isinstance(inner, ast.Name) and inner.id not in bound and not _is_value(inner.id, scope, depth):
            return False
    return True


def _computes(function: ast.expr, scope: Scope, bound: set[str]) -> bool:
    if isinstance(function, ast.Name):
        module, name = _origin(function.id, scope)
        if module is not None:
            return _computing(module, [name])
        return bool(FUNCTIONS.fullmatch(function.id)) and scope.find(function.id) is None
    if not isinstance(function, ast.Attribute):
        return False
    parts, root = [function.attr], function.value
    while isinstance(root, ast.Attribute):
        parts.append(root.attr)
        root = root.value
    module = _origin(root.id, scope)[0] if isinstance(root, ast.Name) and root.id not in bound else None
    return _computing(module, parts) if module is not None else bool(METHODS.fullmatch(function.attr))


def _computing(module: str, parts: list[str]) -> bool:
    return bool(MODULES.fullmatch(module)) and not any(DENIED.fullmatch(part) for part in parts)


def _origin(name: str, scope: Scope) -> tuple[str | None, str]:
    """The module that a name is imported from, and its name there."""
    found = scope.find(name)
    for binding in found[1] if found else ():
        if binding.alias is not None:
            module = getattr(binding.node, "module", None) or binding.alias.name
            return module.partition(".")[0], binding.alias.name
    return ("numpy", "") if name in ("np", "numpy") and found is None else (None, name)


def _is_value(name: str, scope: Scope, depth: int) -> bool:
    found = scope.find(name)
    if found is None:
        return hasattr(builtins, name) or name in ("np", "numpy")
    binding = found[1][-1]
    if binding.kind == "value":
        return is_cheap(getattr(binding.node, "value", None), found[0], depth + 1)
    return binding.kind in ("import", "function", "class")
