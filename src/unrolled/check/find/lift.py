"""A function lifted out of its file, with the imports, constants, functions and classes it uses; nothing is run."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

from unrolled.check.find.constants import is_cheap
from unrolled.check.find.scopes import DEFS, SHOWING, Binding, Definition, Scope, available, free_names, within

__all__ = ["Lifted", "lift"]

COURSE_HELPERS = ("sigmoid", "softmax", "initialize_adam", "update_parameters_with_adam")
# What is taken as given where a file forgets it, or has it from a module that is not there.
GIVEN = {
    "np": "import numpy as np",
    "numpy": "import numpy",
    "math": "import math",
    "display": "from IPython.display import display",
    "get_ipython": "from IPython import get_ipython",
    "tqdm": "from tqdm import tqdm",
    "trange": "from tqdm import trange",
} | {name: f"from rnn_utils import {name}" for name in COURSE_HELPERS}
MOST_NODES = 400  # statements lifted for one function


@dataclass
class Lifted:
    """A function and all that it uses.

    Args:
        code: the file's text with all other lines blanked.
        uses: the functions lifted with it, itself first.
        problems: what it uses and could not be lifted: line and message.
    """

    code: str
    uses: list[FunctionUse]
    problems: list[tuple[int, str]]


FunctionUse = tuple[str, ast.AST]  # name that it is called by, and its node


def lift(definition: Definition, lines: list[str]) -> Lifted:
    """The code that has to run before `definition` can be called.

    Args:
        definition: the function.
        lines: of the file; those of the result have the same numbers.
    """
    lifter = _Lifter(lines)
    lifter.start(definition)
    return Lifted(lifter.written(), lifter.uses, lifter.problems)


@dataclass
class _Lifter:
    lines: list[str]
    uses: list[FunctionUse] = field(default_factory=list[FunctionUse])
    problems: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])
    _nodes: dict[int, tuple[ast.stmt, set[int]]] = field(default_factory=dict[int, tuple[ast.stmt, set[int]]])
    _imports: dict[int, tuple[ast.stmt, list[ast.alias]]] = field(
        default_factory=dict[int, tuple[ast.stmt, list[ast.alias]]]
    )
    _given: dict[str, str] = field(default_factory=dict[str, str])
    _done: set[tuple[int, str]] = field(default_factory=set[tuple[int, str]])
    _todo: list[tuple[Scope, str, bool]] = field(default_factory=list[tuple[Scope, str, bool]])

    def start(self, definition: Definition) -> None:
        scope, statement = definition.scope, definition.statement
        self._by = definition.name
        owner = definition.owner
        self._done.add((id(scope), owner.name if owner else definition.name))
        self.uses.append((definition.name, definition.node))
        if owner is None:
            self._take(scope, statement)
        else:
            self._take_class(scope, owner, _reached(owner, definition.node))
        while self._todo and len(self._nodes) < MOST_NODES:
            scope, name, firmly = self._todo.pop(0)
            if (id(scope), name) not in self._done:
                self._done.add((id(scope), name))
                self._resolve(scope, name, firmly)

    def _take(self, scope: Scope, node: ast.stmt, firmly: bool = True) -> None:
        if id(node) in self._nodes:
            return
        skipped, dropped = set[int](), set[str]()
        for decorator in getattr(node, "decorator_list", []):
            if not self._has(scope, decorator):
                skipped.update(range(decorator.lineno, (decorator.end_lineno or decorator.lineno) + 1))
                dropped.update(name.id for name in ast.walk(decorator) if isinstance(name, ast.Name))
        self._nodes[id(node)] = node, skipped
        self._todo += [(scope, name, firmly) for name in free_names(node) if name not in dropped]

    def _take_class(self, scope: Scope, node: ast.ClassDef, methods: list[str]) -> None:
        """A class with those of its methods that are reached, and `__init__`, of which nothing that is not there."""
        skipped = set[int]()
        self._nodes[id(node)] = node, skipped
        # first, so that what a base needs is imported even where a method that is not reached reads it, too
        for outer in (*node.bases, *node.decorator_list, *(keyword.value for keyword in node.keywords)):
            self._todo += [(scope, name, True) for name in free_names(outer)]
        for inner in node.body:
            if isinstance(inner, DEFS) and inner.name not in methods and not inner.name.startswith("__"):
                first = min([inner.lineno, *(decorator.lineno for decorator in inner.decorator_list)])
                skipped.update(range(first, (inner.end_lineno or first) + 1))
                continue
            firmly = not isinstance(inner, DEFS) or inner.name in methods
            self._todo += [(scope, name, firmly) for name in free_names(inner)]
            if isinstance(inner, DEFS) and firmly:
                self.uses.append((f"{node.name}.{inner.name}", inner))

    def _has(self, scope: Scope, decorator: ast.expr) -> bool:
        """Whether a decorator can run: `@njit` and the like change no value, and go where their module is not there."""
        root = next((name for name in ast.walk(decorator) if isinstance(name, ast.Name)), None)
        found = scope.find(root.id) if root else None
        if found is None:
            return root is not None and root.id in ("property", "staticmethod", "classmethod")
        return any(binding.kind != "import" or _is_there(binding) for binding in found[1])

    def _resolve(self, scope: Scope, name: str, firmly: bool) -> None:
        found = scope.find(name)
        if found is None:
            self._unbound(scope, name)
            return
        home, bindings = found
        self._done.add((id(home), name))
        binding = _chosen(home, bindings)
        match binding.kind:
            case "import":
                if _is_there(binding):
                    self._import(binding)
                elif name in GIVEN and name in COURSE_HELPERS:
                    self._given[name] = GIVEN[name]
                elif firmly:
                    self._import(binding)
            case "function":
                self.uses.append((name, binding.node))
                self._take(home, binding.node, firmly)
            case "class":
                assert isinstance(binding.node, ast.ClassDef)
                methods = [inner.name for inner in binding.node.body if isinstance(inner, DEFS)]
                self._take_class(home, binding.node, methods)
            case "value":
                self._value(home, binding)
            case _:
                self._not_lifted(binding, f"a `{type(binding.node).__name__.lower()}` loop or block")

    def _value(self, scope: Scope, binding: Binding) -> None:
        node = binding.node
        value = getattr(node, "value", None)
        if isinstance(value, ast.Lambda):
            self.uses.append((binding.name, value))
        if not is_cheap(value, scope):
            self._not_lifted(binding, "more than a constant")
            return
        self._take(scope, node)
        for change in scope.changes.get(binding.name, []):
            if change.lineno > node.lineno and is_cheap(getattr(change, "value", None), scope):
                self._take(scope, change)

    def _not_lifted(self, binding: Binding, what: str) -> None:
        if GIVEN.get(binding.name):
            self._given[binding.name] = GIVEN[binding.name]
            return
        outside = f"`{self._by}` reads `{binding.name}` from outside"
        message = f"{outside}, which is set here by {what} and so not run; pass it as an argument"
        self.problems.append((binding.node.lineno, message))

    def _unbound(self, scope: Scope, name: str) -> None:
        """A name that no statement binds: of a star import, forgotten, or a builtin."""
        top = scope
        while top.parent is not None:
            top = top.parent
        stars = [star for star in top.stars if _is_there(star) and not _shows(star)]
        for star in stars:
            self._import(star)
        if name in GIVEN and not (stars and name in COURSE_HELPERS):
            self._given[name] = GIVEN[name]

    def _import(self, binding: Binding) -> None:
        assert binding.alias is not None
        _, aliases = self._imports.setdefault(id(binding.node), (binding.node, []))
        if binding.alias not in aliases:
            aliases.append(binding.alias)

    def written(self) -> str:
        """All that was taken, each line where it was; what is given stands first where line 1 is free, else last."""
        out: list[list[str]] = [[] for _ in range(len(self.lines) + 1)]
        pieces = [(node.lineno, node.col_offset, _import_piece(node, names)) for node, names in self._imports.values()]
        pieces += [
            (_first(node), node.col_offset, self._piece(node, skipped)) for node, skipped in self._nodes.values()
        ]
        for first, _, piece in sorted(pieces, key=lambda piece: piece[:2]):
            for at, line in enumerate(piece, start=first - 1):
                if line.strip():
                    out[at].append(line)
        given = list(self._given.values())
        simple = all(not line.startswith(("@", "def ", "class ", "async ")) for line in out[0])
        if simple:
            out[0] = ["from __future__ import annotations", *given, *out[0]]
        else:
            out[-1] += given
        return "\n".join("; ".join(line) for line in out)

    def _piece(self, node: ast.stmt, skipped: set[int]) -> list[str]:
        """The lines of a statement, moved to column 0."""
        first = _first(node)
        last = node.end_lineno or first
        indent = node.col_offset
        piece = [_without(line, indent) for line in self.lines[first - 1 : last]]
        if first == node.lineno:
            piece[0] = _cut(self.lines[first - 1], indent, None)
        end = _cut(self.lines[last - 1], 0, node.end_col_offset)
        piece[-1] = _without(end, indent) if last > node.lineno else _cut(end, indent, None)
        for line in skipped:
            piece[line - first] = ""
        return piece


def _import_piece(node: ast.stmt, names: list[ast.alias]) -> list[str]:
    listed = ", ".join(alias.name + (f" as {alias.asname}" if alias.asname else "") for alias in names)
    if isinstance(node, ast.ImportFrom):
        return [f"from {'.' * node.level}{node.module or ''} import {listed}"]
    return [f"import {listed}"]


def _first(node: ast.stmt) -> int:
    """The line on which a statement starts, with its decorators."""
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])


def _cut(line: str, start: int, end: int | None) -> str:
    """Part of a line, counted in bytes as the syntax tree does."""
    return line[start:end] if line.isascii() else line.encode()[start:end].decode(errors="replace")


def _without(line: str, indent: int) -> str:
    return line[indent:] if not line[:indent].strip() else line


def _is_there(binding: Binding) -> bool:
    if isinstance(binding.node, ast.ImportFrom):
        return binding.node.level == 0 and binding.node.module != "__future__" and available(binding.node.module)
    return binding.alias is not None and available(binding.alias.name)


def _shows(star: Binding) -> bool:
    return isinstance(star.node, ast.ImportFrom) and (star.node.module or "").partition(".")[0] in SHOWING


def _chosen(scope: Scope, bindings: list[Binding]) -> Binding:
    """The binding that holds after a run from top to bottom, of those that can be had without running the rest."""

    def usable(binding: Binding) -> bool:
        match binding.kind:
            case "import":
                return _is_there(binding)
            case "value":
                return is_cheap(getattr(binding.node, "value", None), scope)
            case kind:
                return kind != "other"

    good = [binding for binding in bindings if usable(binding)]
    return next((binding for binding in reversed(good) if not binding.fallback), (good or bindings)[-1])


def _reached(owner: ast.ClassDef, start: ast.AST) -> list[str]:
    """The methods of a class that `start`, one of them, calls through `self`, and those that they call."""
    methods = {inner.name: inner for inner in owner.body if isinstance(inner, DEFS)}
    names = [inner.name for inner in methods.values() if inner is start]
    for name in names:
        for inner in within(methods[name]):
            if isinstance(inner, ast.Attribute) and inner.attr in methods and inner.attr not in names:
                names.append(inner.attr)
    return names
