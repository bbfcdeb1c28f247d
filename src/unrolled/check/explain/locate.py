"""Where a learner's values leave the right ones: recorded arrays against all that could stand there.

What stands there is matched by value, not by name: every part of every right form of every equation, its partial
products and sums, and, over time, the values of all steps together and their running sums. So a learner may split an
equation into steps as they like.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, permutations
from typing import Any, Protocol, cast

import numpy as np

from unrolled.check.explain.expressions import MISFITS, Array, Evaluator, Node, call, number, walk
from unrolled.check.explain.models import Model, same, tolerance

__all__ = ["Located", "Recorded", "Right", "locate"]


class Recorded(Protocol):
    """One assignment of an array while the learner's function ran."""

    @property
    def line(self) -> int:
        """Of the assignment."""
        ...

    @property
    def name(self) -> str:
        """The variable, by the learner's name."""
        ...

    @property
    def array(self) -> Any:
        """Its value, copied."""
        ...


@dataclass(frozen=True)
class Located:
    """An assignment whose value is none of the right ones, though all that it reads are."""

    line: int
    name: str
    array: Array
    at: int  # its place among the records


def parts(tree: Node) -> Iterator[Node]:
    """What a learner may compute on the way to `tree`: its parts, partial products and partial sums."""
    for _, node in walk(tree):
        yield node
        if node.op == "add" and any(arg.op in ("neg", "number") for arg in node.args):  # 1 - x, as often x - 1
            yield call("neg", node)
        if node.op in ("mul", "add"):
            for size in range(2, len(node.args)):
                for chosen in combinations(node.args, size):
                    yield call(node.op, *chosen)
        if node.op == "mul":
            for arg in node.args:
                if arg.op == "add":  # a sum multiplied out
                    others = [other for other in node.args if other is not arg]
                    for term in arg.args:
                        for size in range(1, len(others) + 1):
                            for chosen in combinations(others, size):
                                yield call("mul", term, *chosen)
        if node.op == "softmax":
            yield from _of_softmax(node.args[0])
        elif node.op == "matmul":
            yield from _by_columns(*node.args)
        elif node.op in ("tanh", "sigmoid"):
            yield call("exp", node.args[0])
            yield call("neg", node.args[0])
            yield call("exp", call("neg", node.args[0]))
            yield call("add", number(1), call("exp", call("neg", node.args[0])))


def _of_softmax(z: Node) -> Iterator[Node]:
    """With the maximum of each column, that of the whole matrix, or none."""
    for lowered in (z, *(call("add", z, call("neg", call(top, z))) for top in ("max", "max_all"))):
        powers = call("exp", lowered)
        yield from (
            lowered,
            powers,
            call("column_sum", powers),
            call("log", powers),
            call("log", call("column_sum", powers)),
        )


def _by_columns(left: Node, right: Node) -> Iterator[Node]:
    """A product with [a; x] in two: with the state, and with x."""
    if right.op == "T" and right.args[0].op == "concat":
        yield from (call("matmul", left, call("T", part)) for part in right.args[0].args)
    elif right.op == "concat":
        sides = zip(("first", "last"), right.args, strict=True)
        yield from (call("matmul", call(side, left), part) for side, part in sides)


class Right:
    """All right values of one run, found by value whatever their layout."""

    def __init__(self, runs: Sequence[Sequence[Evaluator]], trees: Sequence[Node], given: Any = None) -> None:
        self._found: dict[int, list[tuple[float, Array]]] = {}
        nodes = list(dict.fromkeys(part for tree in trees for part in parts(tree) if part.op != "number"))
        with np.errstate(all="ignore"):
            for evaluators in runs:
                for node in nodes:
                    self._take([_value(evaluator, node) for evaluator in evaluators])
                for key in dict.fromkeys(key for evaluator in evaluators for key in evaluator.values):
                    self._take([evaluator.values.get(key) for evaluator in evaluators])
            for array in _arrays(given):
                self._add(array)
        for entries in self._found.values():
            entries.sort(key=lambda entry: entry[0])
        self._norms = {size: np.array([norm for norm, _ in entries]) for size, entries in self._found.items()}

    def _take(self, values: list[Any]) -> None:
        given = [cast("Array", value) for value in values if isinstance(value, np.ndarray)]
        arrays = [array for array in given if array.size > 1]
        for array in arrays:
            self._add(array)
        if len(arrays) > 1 and len({array.shape for array in arrays}) == 1:
            stack = np.stack(arrays)
            self._add(stack)
            for running in (np.cumsum(stack, axis=0), np.cumsum(stack[::-1], axis=0)):
                for partial in running[1:]:
                    self._add(partial)

    def _add(self, array: Array) -> None:
        norm = float(np.linalg.norm(array))
        if math.isfinite(norm):
            self._found.setdefault(array.size, []).append((norm, array))

    def knows(self, array: Array, *, strict: bool = False) -> bool:
        """Whether `array` is a right value, in any layout; `strict`: not transposed where that keeps the shape."""
        if not np.isfinite(array).all():
            return False
        if array.size <= 1 or self._stands(array, strict=strict):
            return True
        if array.ndim == 3:  # one slice for each step, as far as the loop has come
            return any(
                all(self._stands(each, strict=strict) for each in np.moveaxis(array, axis, 0)) for axis in range(3)
            )
        return array.ndim == 2 and self._stacked(array, strict=strict)

    def _stands(self, array: Array, *, strict: bool) -> bool:
        """Whether this is one right value as a whole, or a constant, as what is not filled in yet."""
        if array.item(0) == array.item(-1) and np.ptp(array) == 0:
            return True
        norms = self._norms.get(array.size)
        if norms is None:
            return False
        norm, limit = float(np.linalg.norm(array)), tolerance(array) * 10
        low, high = np.searchsorted(norms, [norm * (1 - limit), norm * (1 + limit)])
        allowed = limit * norm
        return any(_laid_out(array, other, allowed, strict) for _, other in self._found[array.size][low:high])

    def _stacked(self, array: Array, *, strict: bool) -> bool:
        """Whether right values stand on top of each other or side by side, as in [a; x] and the gates' product."""
        for axis in (0, 1):
            length = array.shape[axis]
            for count in (2, 3, 4):
                even = length % count == 0 and length > count
                if even and all(self._stands(block, strict=strict) for block in np.split(array, count, axis)):
                    return True
            for at in range(1, length):
                blocks = np.split(array, [at], axis)
                if all(block.size > 1 and self._stands(block, strict=strict) for block in blocks):
                    return True
        return False


def _arrays(given: Any) -> Iterator[Array]:
    """Every array of numbers within dictionaries, lists and tuples, and its slices over time."""
    if isinstance(given, Mapping):
        given = list(cast("Mapping[str, Any]", given).values())
    if isinstance(given, list | tuple):
        for each in cast("Sequence[Any]", given):
            yield from _arrays(each)
    elif isinstance(given, np.ndarray):
        array = cast("Array", given)
        if array.dtype.kind == "f":
            yield array
            if array.ndim == 3:
                yield from np.moveaxis(array, -1, 0)


def _value(evaluator: Evaluator, node: Node) -> Any:
    try:
        return evaluator(node)
    except MISFITS:  # a part that this function's arguments do not hold, such as a bias in a cache
        return None


def _laid_out(array: Array, other: Array, limit: float, strict: bool) -> bool:
    """Whether two arrays of one size are equal in some order of their axes; `strict`: as their shapes stand."""
    if strict and array.shape == other.shape:
        return bool(np.abs(array - other).max() <= limit)
    flat = array.ravel()
    return any(np.abs(flat - other.transpose(axes).ravel()).max() <= limit for axes in permutations(range(other.ndim)))


def right_values(model: Model, given: Any = None) -> Right:
    """The right values of a model's run on what it was `given`."""
    trees = [tree for equation in model.program.equations for tree in equation.trees]
    return Right([model.evaluators(), model.slices()], trees, given)


def locate(
    records: Sequence[Recorded], right: Right, code: str | None = None, wrong: Sequence[Array] = ()
) -> list[Located]:
    """The assignments at fault, in the order in which they ran.

    Args:
        records: arrays as they were assigned, in order.
        right: what the values may be.
        code: the learner's source, with the same line numbers; without it only the first is told, since nothing says
            whether a later one merely reads the first.
        wrong: outputs that are wrong: they stand nowhere on the right way, though another equation may hold a part
            that is equal to one of them.
    """
    for strict in (False, True):
        found = _suspects(records, right, _reads(code) if code else None, wrong, strict=strict)
        if found:
            return found
    return []


def _suspects(
    records: Sequence[Recorded],
    right: Right,
    reads: Mapping[int, set[str]] | None,
    outputs: Sequence[Array],
    *,
    strict: bool,
) -> list[Located]:
    found: list[Located] = []
    wrong: set[str] = set()
    for at, record in enumerate(records):
        array = np.asarray(record.array)
        spoilt = array.dtype == np.float16 or (array.any() and any(same(array, output) for output in outputs))
        if array.dtype.kind == "f" and not spoilt and right.knows(array, strict=strict):
            wrong.discard(record.name)
            continue
        if array.dtype.kind != "f":
            continue
        if reads is None:
            return [Located(record.line, record.name, array, at)]
        # an array of all steps that is wrong at one step is read again at the next, by the line that fills it
        tainted = {_owner(name) for name in (wrong - {record.name} if array.ndim == 3 else wrong)}
        known = any(record.line == other.line for other in found)
        if not known and not reads.get(record.line, set()) & tainted:
            found.append(Located(record.line, record.name, array, at))
        wrong.add(record.name)
    return found


def _owner(name: str) -> str:
    """The variable of an entry: "gradients" of "gradients['dxt']"."""
    return name.partition("[")[0]


def _reads(code: str) -> dict[int, set[str]]:
    """The names that the statement on each line reads."""
    found: dict[int, set[str]] = {}
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign | ast.Expr | ast.Return):
            names = {
                part.id for part in ast.walk(node) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load)
            }
            if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
                names.add(node.target.id)
            for line in range(node.lineno, (node.end_lineno or node.lineno) + 1):
                found.setdefault(line, set()).update(names)
    return found
