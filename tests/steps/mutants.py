"""Wrong versions of the equations: one small change each to the source of `unrolled.steps`; no test of them.

A mutant belongs to the equation whose number stands beside its line, else to the name that the line assigns.
"""

import ast
import copy
import importlib.util
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from itertools import pairwise
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

VARIANTS = ("unroll", "normalize", "layer_norm", "zoneout", "recurrent_dropout", "peepholes", "projection")
MODULES = ("activations", "rnn", "lstm", "gru", "output", "adam", *(f"variants.{name}" for name in VARIANTS))
CHECKS = {
    "check_arrays",
    "check_backward",
    "check_cache",
    "check_float",
    "check_optional",
    "pick",
    "promote",
    "_check_forward",
}
NOT_EQUATIONS = (
    "_check",
    "gru_names",
    "check_rate",
    "mask_of",
    "masks_of",
    "_weight_name",
    "_distributions",
    "_layers",
)
ACTIVATIONS = {"exp", "log", "sigmoid", "softmax", "log_softmax", "sqrt", "tanh", "abs", "minimum", "maximum"}


@dataclass(frozen=True)
class Mutant:
    """One wrong version of a module, made when asked for: thousands of trees in memory would slow every other test."""

    module: str
    equation: str
    change: str
    make: Callable[[], ast.Module]

    def __str__(self) -> str:
        return f"{self.module} {self.equation}: {self.change}"


def source_of(module: str) -> str:
    return Path(importlib.util.find_spec(f"unrolled.steps.{module}").origin).read_text(encoding="utf-8")


@cache
def code_of(module: str) -> CodeType:
    return compile(source_of(module), f"<{module}>", "exec")


def numbered_equations(module: str) -> list[str]:
    """The numbers that the module's opening words list, ranges such as (11)-(14) included; none in activations."""
    words = ast.get_docstring(ast.parse(source_of(module)))
    found = {int(number) for number in re.findall(r"\((\d+)\)", words)}
    for low, high in re.findall(r"\((\d+)\)-\((\d+)\)", words):
        found |= set(range(int(low), int(high) + 1))
    return [f"({number})" for number in sorted(found)]


def functions_of(mutant: Mutant | None = None) -> dict[str, Callable[..., Any]]:
    """Every function of `unrolled.steps`, with the mutant's module in the place of the right one."""
    functions: dict[str, Callable[..., Any]] = {}
    for name in MODULES:
        module = ModuleType(f"unrolled.steps.{name}")
        wrong = mutant is not None and mutant.module == name
        exec(compile(mutant.make(), f"<{name}>", "exec") if wrong else code_of(name), vars(module))
        vars(module).update({key: value for key, value in functions.items() if key in vars(module)})
        functions |= {key: vars(module)[key] for key in module.__all__ if callable(vars(module)[key])}
    return functions


def mutants(module: str) -> Iterator[Mutant]:
    """Every mutant of every function that holds equations."""
    source = source_of(module)
    lines = source.splitlines()
    tree = ast.parse(source)
    for function in tree.body:
        if not isinstance(function, ast.FunctionDef) or function.name.startswith(NOT_EQUATIONS):
            continue
        for statement in walk_statements(function):
            label = equation_of(statement, lines)
            for change in changes(statement, in_loop=statement_in_loop(function, statement)):
                make = partial(mutated, tree, function, statement, change)
                yield Mutant(module, label or function.name, change.words, make)


def walk_statements(function: ast.FunctionDef) -> Iterator[ast.stmt]:
    """The lines that compute: no docstring, no questions to the arguments, no errors."""
    for node in ast.walk(function):
        if isinstance(node, ast.Assign | ast.AugAssign | ast.Return) and not calls(node) & CHECKS:
            yield node


def statement_in_loop(function: ast.FunctionDef, statement: ast.stmt) -> bool:
    return any(isinstance(node, ast.For) and statement in node.body for node in ast.walk(function))


def calls(node: ast.AST) -> set[str]:
    return {callee(part) for part in ast.walk(node) if isinstance(part, ast.Call)}


def callee(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def equation_of(statement: ast.stmt, lines: list[str]) -> str:
    """`(7)` from the comment beside the statement, else the name that it assigns, else ""."""
    for line in lines[statement.lineno - 1 : statement.end_lineno]:
        number = re.search(r"#.*?(\(\d+\))", line)
        if number:
            return number[1]
    if isinstance(statement, ast.Return):
        return ""
    target = statement.targets[0] if isinstance(statement, ast.Assign) else statement.target
    return ast.unparse(target)


@dataclass(frozen=True)
class Change:
    """Replace the node at `path` (its number in `ast.walk` of the statement) by `make(node)`."""

    at: int
    words: str
    make: Callable[[Any], ast.AST | None]


def changes(statement: ast.stmt, *, in_loop: bool) -> Iterator[Change]:
    if isinstance(statement, ast.AugAssign):
        yield Change(0, "add up -> subtract", lambda s: ast.AugAssign(s.target, ast.Sub(), s.value))
        yield Change(0, "add up -> keep the last", lambda s: ast.Assign([s.target], s.value))
    if isinstance(statement, ast.Assign) and in_loop:
        yield Change(0, f"drop `{ast.unparse(statement)}`", lambda s: ast.Pass())
    for at, node in enumerate(ast.walk(statement)):
        for words, make in node_changes(node):
            yield Change(at, words, make)


def node_changes(node: ast.AST) -> Iterator[tuple[str, Callable[[Any], ast.AST]]]:
    """What can go wrong at one node of an equation: a sign, a term, a factor, an order, a transpose, an activation."""
    text = ast.unparse(node) if isinstance(node, ast.expr) else ""
    if isinstance(node, ast.BinOp):
        signs = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Div: ast.Mult}
        for before, after in signs.items():
            if isinstance(node.op, before):
                yield f"other sign in `{text}`", lambda n, after=after: ast.BinOp(n.left, after(), n.right)
        if isinstance(node.op, ast.MatMult):
            yield f"swap `{text}`", lambda n: ast.BinOp(n.right, n.op, n.left)
        else:
            yield f"only `{ast.unparse(node.left)}` of `{text}`", lambda n: n.left
        if not isinstance(node.op, ast.MatMult | ast.Pow):
            yield f"only `{ast.unparse(node.right)}` of `{text}`", lambda n: n.right
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield f"drop the minus of `{text}`", lambda n: n.operand
    elif isinstance(node, ast.Attribute) and node.attr == "T":
        yield f"no transpose in `{text}`", lambda n: n.value
    elif isinstance(node, ast.Call) and callee(node) in ACTIVATIONS:
        yield f"`{ast.unparse(node.args[0])}` without {callee(node)}", lambda n: n.args[0]
        if callee(node) in ("tanh", "sigmoid"):
            other = "sigmoid" if callee(node) == "tanh" else "softmax"
            yield f"{other} for {callee(node)}", lambda n: ast.Call(ast.Name(other, ast.Load()), n.args, n.keywords)
    elif isinstance(node, ast.Call) and callee(node) == "sum" and isinstance(node.func, ast.Attribute):
        yield (
            f"mean for `{text}`",
            lambda n: ast.Call(ast.Attribute(n.func.value, "mean", ast.Load()), n.args, n.keywords),
        )
    elif isinstance(node, ast.Call) and callee(node) == "concatenate" and isinstance(node.args[0], ast.List):
        yield (
            f"other order in `{text}`",
            lambda n: ast.Call(n.func, [ast.List(n.args[0].elts[::-1], ast.Load()), *n.args[1:]], n.keywords),
        )
    elif isinstance(node, ast.IfExp) and text.endswith(")") and "is None" in ast.unparse(node.test):
        yield f"always the default of `{text}`", lambda n: n.body
    elif isinstance(node, ast.Slice) and "n_a" in text:
        yield f"the other columns than [:, {text}]", lambda n: ast.Slice(n.upper, n.lower)
    elif isinstance(node, ast.Dict):
        named = [i for i, key in enumerate(node.keys) if isinstance(key, ast.Constant)]
        for i, j in pairwise(named):
            yield f"swap {ast.unparse(node.keys[i])} and {ast.unparse(node.keys[j])}", lambda n, i=i, j=j: swap(n, i, j)


def swap(node: ast.Dict, i: int, j: int) -> ast.Dict:
    values = list(node.values)
    values[i], values[j] = values[j], values[i]
    return ast.Dict(node.keys, values)


def mutated(tree: ast.Module, function: ast.FunctionDef, statement: ast.stmt, change: Change) -> ast.Module:
    """A whole module with the change made; `tree` itself stays as it is."""
    own = list(ast.walk(function)).index(statement)
    wrong = copy.deepcopy(function)
    target = list(ast.walk(wrong))[own]
    node = list(ast.walk(target))[change.at]

    class Replace(ast.NodeTransformer):
        def visit(self, seen: ast.AST) -> ast.AST:
            return change.make(seen) if seen is node else self.generic_visit(seen)

    wrong = ast.fix_missing_locations(Replace().visit(wrong))
    return ast.Module([wrong if part is function else part for part in tree.body], [])
