"""Expressions of the course's equations as trees: read, evaluated, written out; what they stand for is not known here.

A tree is made of `Node`s that are shared: two equal trees are the same object. Sums and products take any number of
arguments, and `a - b` is the sum of `a` and the negative of `b`, so that a lost term or factor is one argument less.
Arrays may have leading axes, such as time, before their rows and columns.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "MISFITS",
    "Array",
    "Evaluator",
    "Node",
    "call",
    "name",
    "number",
    "parse",
    "rebuilt",
    "replaced",
    "walk",
    "written",
]

Array = NDArray[Any]


class Node:
    """One operation on other nodes, or a name, or a number; made by `call`, `name` and `number` alone."""

    __slots__ = ("args", "leaf", "names", "op")

    def __init__(self, op: str, args: tuple[Node, ...], leaf: str | float | None) -> None:
        self.op = op
        self.args = args
        self.leaf = leaf
        own = frozenset([leaf]) if op == "name" else frozenset[str]()
        self.names: frozenset[str] = frozenset[str]().union(cast("frozenset[str]", own), *(arg.names for arg in args))

    def __repr__(self) -> str:
        return f"Node({written(self)})"


@cache
def _shared(op: str, args: tuple[Node, ...], leaf: str | float | None) -> Node:
    return Node(op, args, leaf)


def name(text: str) -> Node:
    """The array called `text`."""
    return _shared("name", (), text)


def number(value: float) -> Node:
    """A constant."""
    return _shared("number", (), value)


def call(op: str, *args: Node) -> Node:
    """`op` applied to `args`; nested sums and products become one, and those of one argument that argument."""
    if op in ("add", "mul"):
        args = tuple(inner for arg in args for inner in (arg.args if arg.op == op else (arg,)))
        if len(args) == 1:
            return args[0]
    if op == "neg" and args[0].op == "neg":
        return args[0].args[0]
    return _shared(op, args, None)


_BINARY: dict[type[ast.operator], str] = {
    ast.Add: "add",
    ast.Mult: "mul",
    ast.Div: "div",
    ast.MatMult: "matmul",
    ast.Pow: "pow",
}


@cache
def parse(text: str) -> Node:
    """The tree of an expression written as in Python, with the functions of `FUNCTIONS` and `.T`."""
    return _parsed(ast.parse(text, mode="eval").body)


def _parsed(tree: ast.expr) -> Node:
    match tree:
        case ast.Name(id=text):
            return name(text)
        case ast.Constant(value=value):
            return number(cast("float", value))
        case ast.BinOp(left=left, op=ast.Sub(), right=right):
            return call("add", _parsed(left), call("neg", _parsed(right)))
        case ast.BinOp(left=left, op=op, right=right):
            return call(_BINARY[type(op)], _parsed(left), _parsed(right))
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return call("neg", _parsed(operand))
        case ast.Attribute(value=value, attr="T"):
            return call("T", _parsed(value))
        case ast.Call(func=ast.Name(id=function), args=args) if function in FUNCTIONS:
            return call(function, *(_parsed(arg) for arg in args))
        case _:
            raise ValueError(f"no expression of an equation: {ast.unparse(tree)}")


def walk(node: Node, path: tuple[int, ...] = ()) -> Iterator[tuple[tuple[int, ...], Node]]:
    """Every node of a tree with its path: the number of the argument at each level."""
    yield path, node
    for at, arg in enumerate(node.args):
        yield from walk(arg, (*path, at))


def rebuilt(node: Node, path: tuple[int, ...], new: Node) -> Node:
    """The tree with the node at `path` replaced."""
    if not path:
        return new
    at = path[0]
    return call(node.op, *node.args[:at], rebuilt(node.args[at], path[1:], new), *node.args[at + 1 :])


def replaced(node: Node, old: Node, new: Node) -> Node:
    """The tree with every occurrence of `old` replaced."""
    if node is old:
        return new
    return call(node.op, *(replaced(arg, old, new) for arg in node.args)) if node.args else node


# --- values ---------------------------------------------------------------------------------------------------------


def _sigmoid(x: Array) -> Array:
    return np.exp(np.minimum(x, 0)) / (1 + np.exp(-np.abs(x)))


def _softmax(x: Array, axis: int | tuple[int, int] = -2) -> Array:
    e_x = np.exp(x - x.max(axis=axis, keepdims=True))
    return e_x / e_x.sum(axis=axis, keepdims=True)


def _transposed(x: Array) -> Array:
    return np.swapaxes(x, -1, -2)


def _stacked(top: Array, bottom: Array) -> Array:
    lead = np.broadcast_shapes(top.shape[:-2], bottom.shape[:-2])
    parts = [np.broadcast_to(part, (*lead, *part.shape[-2:])) for part in (top, bottom)]
    return np.concatenate(parts, axis=-2)


def _beside(left: Array, right: Array) -> Array:
    return np.concatenate([left, right], axis=-1)


# name -> (value, how it is written); columns of a weight (n_a, n_a + n_x) are counted by its number of rows, n_a
_OF_ONE: dict[str, tuple[Callable[[Array], Array], str]] = {
    "sigmoid": (_sigmoid, "sigmoid({})"),
    "tanh": (np.tanh, "tanh({})"),
    "relu": (lambda x: np.maximum(x, 0), "relu({})"),
    "softmax": (_softmax, "softmax({})"),
    "softmax_rows": (lambda x: _softmax(x, -1), "softmax({}) over the batch"),
    "softmax_all": (lambda x: _softmax(x, (-1, -2)), "softmax({}) over the whole matrix"),
    "exp": (np.exp, "exp({})"),
    "log": (np.log, "log({})"),
    "sqrt": (np.sqrt, "sqrt({})"),
    "abs": (np.abs, "|{}|"),
    "max": (lambda x: x.max(axis=-2, keepdims=True), "max {}"),
    "max_rows": (lambda x: x.max(axis=-1, keepdims=True), "max over the batch of {}"),
    "max_all": (lambda x: x.max(axis=(-1, -2), keepdims=True), "max of the whole matrix of {}"),
    "column_sum": (lambda x: x.sum(axis=-2, keepdims=True), "sum over rows of {}"),
    "total": (lambda x: x.sum(axis=-1, keepdims=True), "sum over batch of {}"),
    "mean": (lambda x: x.mean(axis=-1, keepdims=True), "mean over batch of {}"),
    "column_mean": (lambda x: x.mean(axis=-2, keepdims=True), "mean over rows of {}"),
    "flat": (lambda x: x.sum(axis=-1), "sum over batch of {}, without keepdims"),
    "sum_all": (lambda x: x.sum(axis=(-1, -2), keepdims=True), "sum of all entries of {}"),
    "mean_all": (lambda x: x.mean(axis=(-1, -2), keepdims=True), "mean of all entries of {}"),
    "first": (lambda W: W[..., : W.shape[-2]], "{}[:, :n_a]"),
    "last": (lambda W: W[..., W.shape[-2] :], "{}[:, n_a:]"),
    "first_x": (lambda W: W[..., : W.shape[-1] - W.shape[-2]], "{}[:, :n_x]"),
    "last_a": (lambda W: W[..., W.shape[-1] - W.shape[-2] :], "{}[:, n_x:]"),
    "last_rows": (lambda W: W[..., W.shape[-2] - W.shape[-1] :, :], "{}[n_x:, :]"),
    "flip": (lambda x: x[..., ::-1], "{} in reverse order"),
    "zeros": (np.zeros_like, "zeros like {}"),
    "ones": (np.ones_like, "ones like {}"),
}
_OF_TWO: dict[str, tuple[Callable[[Array, Array], Array], str]] = {
    "concat": (_stacked, "[{}; {}]"),
    "beside": (_beside, "[{}, {}]"),
}
FUNCTIONS: dict[str, tuple[Callable[..., Any], str]] = {**_OF_ONE, **_OF_TWO}


def _sum(*args: Array) -> Array:
    total = args[0]
    for arg in args[1:]:
        total = total + arg
    return total


def _product(*args: Array) -> Array:
    total = args[0]
    for arg in args[1:]:
        total = total * arg
    return total


_VALUES: dict[str, Callable[..., Any]] = {
    "add": _sum,
    "mul": _product,
    "neg": np.negative,
    "div": np.divide,
    "matmul": np.matmul,
    "pow": np.power,
    "T": _transposed,
    **{key: value for key, (value, _) in FUNCTIONS.items()},
}


# what a wrong form may end in: shapes that do not fit, a name that is not there, a number where an array belongs
MISFITS = (AttributeError, IndexError, KeyError, TypeError, ValueError)


class Evaluator:
    """Values of trees over one set of named arrays, each computed once."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = dict(values)
        self._known: dict[Node, Any] = {}

    def __call__(self, node: Node, instead: Mapping[str, Any] | None = None) -> Any:
        """The value of `node`; names in `instead` stand for other arrays than here.

        Raises:
            one of MISFITS, when the expression has no value.
        """
        if instead and not node.names.isdisjoint(instead):
            if node.op == "name":
                return instead[cast("str", node.leaf)]
            return _VALUES[node.op](*(self(arg, instead) for arg in node.args))
        if node.op == "name":
            return self.values[cast("str", node.leaf)]
        if node.op == "number":
            return node.leaf
        if node not in self._known:
            self._known[node] = _VALUES[node.op](*(self(arg) for arg in node.args))
        return self._known[node]


# --- text -----------------------------------------------------------------------------------------------------------

_BINDS = {"add": 1, "neg": 1, "mul": 2, "div": 2, "matmul": 3, "pow": 4, "T": 5}


def written(node: Node, within: int = 0) -> str:
    """The expression in plain text: `*` entry by entry, `@` of matrices, `[a; x]` stacked, `^T` transposed."""
    text = _written(node)
    return f"({text})" if _BINDS.get(node.op, 9) < within else text


def _written(node: Node) -> str:
    match node.op, node.args:
        case "name" | "number", _:
            return str(node.leaf)
        case "add", args:
            text = written(args[0], 1)
            for arg in args[1:]:
                text += f" - {written(arg.args[0], 2)}" if arg.op == "neg" else f" + {written(arg, 2)}"
            return text
        case "neg", (arg,):
            return f"-{written(arg, 2)}"
        case "mul", args:
            signed = args[0].op == "neg"  # a minus in front means the same with parentheses and without
            return " * ".join(
                written(arg, 0 if signed and not at else 3 if arg.op == "div" else 2) for at, arg in enumerate(args)
            )
        case "div", (left, right):
            return f"{written(left, 2)} / {written(right, 3)}"
        case "matmul", (left, right):
            return f"{written(left, 3)} @ {written(right, 4)}"
        case "pow", (base, power):
            return f"{written(base, 5)}^{written(power, 5)}"
        case "T", (arg,):
            return f"{written(arg, 5)}^T"
        case op, args:
            form = FUNCTIONS[op][1]
            tight = form.startswith(("{}", "max")) or " of {}" in form
            return form.format(*(written(arg, 5 if tight else 0) for arg in args))
