"""What a function's syntax tree says about its values: last assignments, returned elements, products; no roles here."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

from unrolled.check.find.scopes import DEFS, FunctionNode

__all__ = ["Values", "name_of", "read_values", "string_key"]


@dataclass
class Values:
    """A function's assignments.

    Args:
        last: name -> the expression that it is assigned last as a whole.
        given: name -> all expressions that it is assigned, None for a part of a tuple that a call returns.
        keys: name -> what is stored under its string keys: `gradients["dxt"] = dxt`.
        unpacked: (targets, value) of every `a, b, c = value`.
        products: (left, right) of every matrix product.
        concatenated: elements of every `np.concatenate`, `vstack`, `r_`.
        kept: attribute of `self` -> the expression that it is assigned last: `self.cache = (a, x)`.
        returned: the value of the last `return` that has one.
    """

    last: dict[str, ast.expr] = field(default_factory=dict[str, ast.expr])
    given: dict[str, list[ast.expr | None]] = field(default_factory=dict[str, list[ast.expr | None]])
    keys: dict[str, dict[str, ast.expr]] = field(default_factory=dict[str, dict[str, ast.expr]])
    unpacked: list[tuple[list[ast.expr], ast.expr]] = field(default_factory=list[tuple[list[ast.expr], ast.expr]])
    products: list[tuple[ast.expr, ast.expr]] = field(default_factory=list[tuple[ast.expr, ast.expr]])
    concatenated: list[list[ast.expr]] = field(default_factory=list[list[ast.expr]])
    kept: dict[str, ast.expr] = field(default_factory=dict[str, ast.expr])
    returned: ast.expr | None = None

    def resolved(self, value: ast.expr, depth: int = 5) -> ast.expr:
        """What a name stands for, where it was assigned as a whole; else the expression itself."""
        while isinstance(value, ast.Name) and value.id in self.last and depth:
            value, depth = self.last[value.id], depth - 1
        return value

    def elements(self, value: ast.expr) -> list[ast.expr] | None:
        """The elements of a tuple or list, also of one that stands under a name."""
        whole = self.resolved(value)
        return whole.elts if isinstance(whole, ast.Tuple | ast.List) else None

    def entries(self, value: ast.expr) -> dict[str, ast.expr] | None:
        """Keys and values of a dictionary: written as `{...}`, as `dict(...)`, or filled key by key."""
        found = dict[str, ast.expr]()
        whole = self.resolved(value)
        is_dict = False
        if isinstance(whole, ast.Dict):
            is_dict = True
            for key, item in zip(whole.keys, whole.values, strict=True):
                if key is None:
                    found |= self.entries(item) or {}
                elif isinstance(key, ast.Constant) and isinstance(key.value, str):
                    found[key.value] = item
        elif isinstance(whole, ast.Call) and name_of(whole.func) == "dict":
            is_dict = True
            found |= {keyword.arg: keyword.value for keyword in whole.keywords if keyword.arg}
        if isinstance(value, ast.Name):
            found |= self.keys.get(value.id, {})
        return found if found or is_dict else None


def name_of(value: ast.expr) -> str:
    """The last part of a name: `self.Wf` and `cache.Wf` are `Wf`; of anything else, empty."""
    if isinstance(value, ast.Name):
        return value.id
    return value.attr if isinstance(value, ast.Attribute) else ""


def string_key(value: ast.expr) -> str | None:
    """The key of `something["key"]` or `something.get("key")`."""
    if (
        isinstance(value, ast.Subscript)
        and isinstance(value.slice, ast.Constant)
        and isinstance(value.slice.value, str)
    ):
        return value.slice.value
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) and value.func.attr in ("get", "pop"):
        first = value.args[0] if value.args else None
        if isinstance(first, ast.Constant) and isinstance(first.value, str):
            return first.value
    return None


def read_values(node: FunctionNode) -> Values:
    """Reads a function's own statements, not those of functions within it."""
    values = Values()
    if isinstance(node, ast.Lambda):
        values.returned = node.body
    for inner in _own(node):
        match inner:
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    _assign(values, target, value)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                _assign(values, target, value)
            case ast.NamedExpr(target=target, value=value):
                _assign(values, target, value)
            case ast.BinOp(op=ast.MatMult(), left=left, right=right):
                values.products.append((left, right))
            case ast.Call(func=function, args=arguments):
                _call(values, function, arguments)
            case ast.Return(value=ast.expr() as value):
                values.returned = value
            case _:
                pass
    return values


def _own(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a function in the order of the text, without those of functions within it."""
    stack = list(reversed(list(ast.iter_child_nodes(node))))
    while stack:
        inner = stack.pop()
        yield inner
        if not isinstance(inner, (*DEFS, ast.Lambda, ast.ClassDef)):
            stack.extend(reversed(list(ast.iter_child_nodes(inner))))


def _assign(values: Values, target: ast.expr, value: ast.expr) -> None:
    if isinstance(target, ast.Name):
        values.last[target.id] = value
        values.given.setdefault(target.id, []).append(value)
    elif isinstance(target, ast.Tuple | ast.List):
        if isinstance(value, ast.Tuple | ast.List) and len(value.elts) == len(target.elts):
            for one, its in zip(target.elts, value.elts, strict=True):
                _assign(values, one, its)
            return
        values.unpacked.append((target.elts, value))
        for one in target.elts:
            if isinstance(one, ast.Name):
                values.last.pop(one.id, None)
                whole = value if isinstance(value, ast.Constant) else None
                values.given.setdefault(one.id, []).append(whole)
    elif isinstance(target, ast.Attribute):
        values.kept[target.attr] = value
    elif isinstance(target, ast.Subscript):
        key = string_key(target)
        if key is not None and isinstance(target.value, ast.Name):
            values.keys.setdefault(target.value.id, {})[key] = value
        elif name := name_of(target.value):
            values.given.setdefault(name, []).append(value)


def _call(values: Values, function: ast.expr, arguments: list[ast.expr]) -> None:
    name = name_of(function)
    if name in ("dot", "matmul") and len(arguments) >= 2:
        values.products.append((arguments[0], arguments[1]))
    elif name == "dot" and len(arguments) == 1 and isinstance(function, ast.Attribute):
        values.products.append((function.value, arguments[0]))
    elif name in ("concatenate", "vstack", "hstack", "stack"):
        parts = arguments[0] if arguments else None
        if isinstance(parts, ast.Tuple | ast.List):
            values.concatenated.append(parts.elts)
