"""Where a learner's values leave the right ones: recorded local arrays against everything right that could stand there.

What stands there is matched by value, not by name: every part of every right form of every equation, its partial products
and sums, and, over time, the values of all steps together and their running sums. So a learner may split an equation into
steps as they like.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Protocol

import numpy as np

from unrolled.check.explain.expressions import MISFITS, Array, Evaluator, Node, call, walk
from unrolled.check.explain.models import Model, tolerance

__all__ = ["Located", "Recorded", "Right", "locate"]


class Recorded(Protocol):
    """One assignment of an array while the learner's function ran."""

    @property
    def line(self) -> int: ...
    @property
    def name(self) -> str: ...
    @property
    def array(self) -> Any: ...


@dataclass(frozen=True)
class Located:
    """An assignment whose value is none of the right ones, though all that it reads are."""

    line: int
    name: str
    array: Array


def parts(tree: Node) -> Iterator[Node]:
    """Everything right that a learner may compute on the way to `tree`: its parts, partial products and partial sums."""
    for _, node in walk(tree):
        yield node
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
        if node.op in ("tanh", "sigmoid", "softmax"):
            yield call("exp", node.args[0])
            yield call("exp", call("neg", node.args[0]))


class Right:
    """All right values of one run, found by value whatever their layout and sign."""

    def __init__(self, evaluators: Sequence[Evaluator], trees: Sequence[Node]) -> None:
        self._found: dict[int, list[tuple[float, Array]]] = {}
        nodes = list(dict.fromkeys(part for tree in trees for part in parts(tree) if part.op != "number"))
        with np.errstate(all="ignore"):
            for node in nodes:
                self._take([_value(evaluator, node) for evaluator in evaluators])
            for key in dict.fromkeys(key for evaluator in evaluators for key in evaluator.values):
                self._take([evaluator.values.get(key) for evaluator in evaluators])
        for entries in self._found.values():
            entries.sort(key=lambda entry: entry[0])
        self._norms = {size: np.array([norm for norm, _ in entries]) for size, entries in self._found.items()}

    def _take(self, values: list[Any]) -> None:
        arrays = [value for value in values if isinstance(value, np.ndarray) and value.size > 1]
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
        """Whether `array` is a right value; `strict`: with its sign, and not transposed where that keeps the shape."""
        if not np.isfinite(array).all():
            return False
        if array.size <= 1 or np.ptp(array) == 0:
            return True
        if self._stands(array, strict=strict):
            return True
        for axis in range(array.ndim):  # one slice for each step, gate or sequence
            if array.shape[axis] > 1 and array.size > array.shape[axis]:
                slices = np.moveaxis(array, axis, 0)
                if array.ndim == 3 and all(np.ptp(each) == 0 or self._stands(each, strict=strict) for each in slices):
                    return True
        return array.ndim == 2 and self._stacked(array, strict=strict)

    def _stands(self, array: Array, *, strict: bool) -> bool:
        norms = self._norms.get(array.size)
        if norms is None:
            return False
        norm, limit = float(np.linalg.norm(array)), tolerance(array) * 10
        low, high = np.searchsorted(norms, [norm * (1 - limit), norm * (1 + limit)])
        if low == high:
            return False
        ordered = np.sort(np.abs(array), axis=None)
        for _, other in self._found[array.size][low:high]:
            if np.abs(np.sort(np.abs(other), axis=None) - ordered).max() <= limit * ordered[-1] and (
                not strict or _exact(array, other, limit * ordered[-1])
            ):
                return True
        return False

    def _stacked(self, array: Array, *, strict: bool) -> bool:
        """Whether right values stand on top of each other, or side by side, as [a; x] and the gates of one product do."""
        for axis in (0, 1):
            length = array.shape[axis]
            for count in (2, 3, 4):
                if length % count == 0 and length > count:
                    blocks = np.split(array, count, axis)
                    if all(self._stands(block, strict=strict) for block in blocks):
                        return True
            for at in range(1, length):
                top, bottom = np.split(array, [at], axis)
                if top.size > 1 and bottom.size > 1 and self._stands(top, strict=strict):
                    return self._stands(bottom, strict=strict)
        return False


def _value(evaluator: Evaluator, node: Node) -> Any:
    try:
        return evaluator(node)
    except MISFITS:  # a part that this function's arguments do not hold, such as a bias in a cache
        return None


def _exact(array: Array, other: Array, limit: float) -> bool:
    """Equal with sign, in the same layout or in one that a shape of its own tells apart."""
    if array.shape == other.shape:
        return bool(np.abs(array - other).max() <= limit)
    return bool(np.abs(np.sort(array, axis=None) - np.sort(other, axis=None)).max() <= limit)


def right_values(model: Model) -> Right:
    """The right values of a model's run."""
    trees = [tree for equation in model.program.equations for tree in equation.trees]
    return Right(model.evaluators(), trees)


def locate(records: Sequence[Recorded], right: Right, code: str | None = None) -> list[Located]:
    """The assignments at fault, in the order in which they ran.

    Args:
        records: arrays as they were assigned, in order.
        right: what the values may be.
        code: the learner's source, with the same line numbers; without it only the first is told, since nothing says
            whether a later one merely reads the first.
    """
    for strict in (False, True):
        found = _suspects(records, right, _reads(code) if code else None, strict=strict)
        if found:
            return found
    return []


def _suspects(
    records: Sequence[Recorded], right: Right, reads: Mapping[int, set[str]] | None, *, strict: bool
) -> list[Located]:
    found: list[Located] = []
    wrong: set[str] = set()
    for record in records:
        array = np.asarray(record.array)
        if array.dtype.kind == "f" and right.knows(array, strict=strict):
            wrong.discard(record.name)
            continue
        if array.dtype.kind != "f":
            continue
        if reads is None:
            return [Located(record.line, record.name, array)]
        if not reads.get(record.line, set()) & (wrong - {record.name} if array.ndim == 3 else wrong):
            if all(record.line != other.line for other in found):
                found.append(Located(record.line, record.name, array))
        wrong.add(record.name)
    return found


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
