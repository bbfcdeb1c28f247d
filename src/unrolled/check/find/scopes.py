"""What a file's names are bound to, in the order in which they are bound; nothing is chosen or run here."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal, TypeAlias

__all__ = [
    "DEFS",
    "SHOWING",
    "Binding",
    "Definition",
    "FunctionNode",
    "Scope",
    "available",
    "free_names",
    "local_names",
    "read_scope",
    "within",
]

FunctionNode: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
Kind = Literal["import", "star", "function", "class", "value", "other"]
DEFS = (ast.FunctionDef, ast.AsyncFunctionDef)
SHOWING = frozenset(("tqdm", "matplotlib", "seaborn", "IPython"))  # provided as names that do nothing
PROVIDED = frozenset(("numpy", "scipy", "rnn_utils", "public_tests")) | SHOWING
DEEPEST = 60  # blocks and functions within one another that are looked into


@dataclass(frozen=True)
class Binding:
    """One place where a name gets a value."""

    name: str
    kind: Kind
    node: ast.stmt
    alias: ast.alias | None = None  # of an import
    fallback: bool = False  # within `except`


@dataclass(frozen=True)
class Definition:
    """One function that may be one of those looked for."""

    name: str  # "Class.method" for a method
    node: FunctionNode
    statement: ast.stmt  # `node`, or the assignment of a lambda
    scope: Scope
    owner: ast.ClassDef | None = None


@dataclass
class Scope:
    """The names of a module, or of a function that defines further ones."""

    parent: Scope | None = None
    bindings: dict[str, list[Binding]] = field(default_factory=dict[str, list[Binding]])
    changes: dict[str, list[ast.stmt]] = field(default_factory=dict[str, list[ast.stmt]])  # `p["W"] = ...`, `n += 1`
    stars: list[Binding] = field(default_factory=list[Binding])
    definitions: list[Definition] = field(default_factory=list[Definition])
    cheap: dict[int, bool] = field(default_factory=dict[int, bool])  # `constants.is_cheap` of values, by id

    def find(self, name: str) -> tuple[Scope, list[Binding]] | None:
        """The nearest scope that binds a name, with all its bindings there."""
        scope: Scope | None = self
        while scope is not None:
            if found := scope.bindings.get(name):
                return scope, found
            scope = scope.parent
        return None

    def bind(self, binding: Binding) -> None:
        """Adds a binding, after those that are there."""
        self.bindings.setdefault(binding.name, []).append(binding)


@lru_cache(maxsize=1024)
def within(node: ast.AST) -> tuple[ast.AST, ...]:
    """`ast.walk`, once for all who ask; to be forgotten with `within.cache_clear()` after each file."""
    return tuple(ast.walk(node))


@lru_cache(maxsize=512)
def available(module: str | None) -> bool:
    """Whether the sandbox has a module of this name."""
    root = (module or "").partition(".")[0]
    return root in PROVIDED or root in sys.stdlib_module_names


def read_scope(body: Sequence[ast.stmt], parent: Scope | None = None, depth: int = 0) -> Scope:
    """The scope of a module's or function's statements, with those of the functions in it."""
    scope = Scope(parent)
    for statement, fallback in _statements(body, depth):
        _bind(scope, statement, fallback, depth)
    return scope


def _statements(body: Sequence[ast.stmt], depth: int, fallback: bool = False) -> Iterator[tuple[ast.stmt, bool]]:
    """All statements of this scope, also those in `if`, `try`, `for`, ...; whether each is within `except`."""
    for statement in body:
        yield statement, fallback
        if depth > DEEPEST or isinstance(statement, (*DEFS, ast.ClassDef)):
            continue
        for name in ("body", "orelse", "finalbody"):
            yield from _statements(getattr(statement, name, ()), depth + 1, fallback)
        for handler in getattr(statement, "handlers", ()):
            yield from _statements(handler.body, depth + 1, True)
        for case in getattr(statement, "cases", ()):
            yield from _statements(case.body, depth + 1, fallback)


def _bind(scope: Scope, node: ast.stmt, fallback: bool, depth: int) -> None:
    match node:
        case ast.Import() | ast.ImportFrom():
            for alias in node.names:
                if alias.name == "*":
                    scope.stars.append(Binding("*", "star", node, alias, fallback))
                else:
                    name = alias.asname or (
                        alias.name.partition(".")[0] if isinstance(node, ast.Import) else alias.name
                    )
                    scope.bind(Binding(name, "import", node, alias, fallback))
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            scope.bind(Binding(node.name, "function", node, None, fallback))
            scope.definitions.append(Definition(node.name, node, node, scope))
            if depth <= DEEPEST and any(isinstance(inner, DEFS) for inner in within(node) if inner is not node):
                scope.definitions += _nested(scope, node, depth + 10)
        case ast.ClassDef():
            scope.bind(Binding(node.name, "class", node, None, fallback))
            _methods(scope, node, node.name)
        case ast.Assign() | ast.AnnAssign() | ast.AugAssign():
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                _assign(scope, node, target, fallback)
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda) and isinstance(targets[0], ast.Name):
                scope.definitions.append(Definition(targets[0].id, node.value, node, scope))
        case ast.For() | ast.AsyncFor():
            _other(scope, node, node.target)
        case ast.With() | ast.AsyncWith():
            for item in node.items:
                if item.optional_vars is not None:
                    _other(scope, node, item.optional_vars)
        case _:
            pass


def _nested(scope: Scope, node: ast.FunctionDef | ast.AsyncFunctionDef, depth: int) -> list[Definition]:
    """The functions within a function, but for those that read its arguments: they are nothing without it."""
    arguments = {inner.arg for inner in ast.walk(node.args) if isinstance(inner, ast.arg)}
    inside = read_scope(node.body, scope, depth).definitions
    return [one for one in inside if arguments.isdisjoint(free_names(one.node))]


def _methods(scope: Scope, node: ast.ClassDef, name: str) -> None:
    for inner in node.body:
        if isinstance(inner, DEFS):
            scope.definitions.append(Definition(f"{name}.{inner.name}", inner, inner, scope, node))


def _assign(scope: Scope, node: ast.stmt, target: ast.expr, fallback: bool) -> None:
    for inner in ast.walk(target):
        if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
            if isinstance(node, ast.AugAssign):
                scope.changes.setdefault(inner.id, []).append(node)
            elif not (isinstance(node, ast.AnnAssign) and node.value is None):
                scope.bind(Binding(inner.id, "value", node, None, fallback))
        elif isinstance(inner, ast.Subscript | ast.Attribute) and isinstance(inner.ctx, ast.Store):
            root = inner.value
            while isinstance(root, ast.Subscript | ast.Attribute):
                root = root.value
            if isinstance(root, ast.Name):
                scope.changes.setdefault(root.id, []).append(node)


def _other(scope: Scope, node: ast.stmt, target: ast.expr) -> None:
    for inner in ast.walk(target):
        if isinstance(inner, ast.Name):
            scope.bind(Binding(inner.id, "other", node))


def local_names(node: FunctionNode) -> set[str]:
    """The names that a function binds itself, anywhere in it."""
    names, shared = set[str](), set[str]()
    for inner in within(node):
        match inner:
            case ast.arg():
                names.add(inner.arg)
            case ast.Name(ctx=ast.Store() | ast.Del()):
                names.add(inner.id)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                if inner is not node:
                    names.add(inner.name)
            case ast.Import() | ast.ImportFrom():
                names.update(alias.asname or alias.name.partition(".")[0] for alias in inner.names)
            case ast.ExceptHandler(name=str(name)):
                names.add(name)
            case ast.Global():
                shared.update(inner.names)
            case _:
                pass
    return names - shared


def free_names(node: ast.AST) -> list[str]:
    """The names that a statement or function reads from around it, in order, each once."""
    local = local_names(node) if isinstance(node, (*DEFS, ast.Lambda)) else _inner_names(node)
    outside = [node.args, *getattr(node, "decorator_list", [])] if isinstance(node, (*DEFS, ast.Lambda)) else []
    names = [inner.id for inner in within(node) if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Load)]
    early = [inner.id for part in outside for inner in ast.walk(part) if isinstance(inner, ast.Name)]
    shared = [name for inner in within(node) if isinstance(inner, ast.Global) for name in inner.names]
    return list(dict.fromkeys([*early, *(name for name in names if name not in local), *shared]))


def _inner_names(node: ast.AST) -> set[str]:
    """Of a statement: what comprehensions and lambdas in it bind."""
    names = set[str]()
    for inner in within(node):
        if isinstance(inner, ast.comprehension):
            names.update(name.id for name in ast.walk(inner.target) if isinstance(name, ast.Name))
        elif isinstance(inner, ast.arg):
            names.add(inner.arg)
    return names
