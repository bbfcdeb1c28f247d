"""A function of the course as a table of assignments that can be run, with any of them altered; no table stands here.

The tables themselves are in `equations.py`; what the loops over time add to them is in `sequences.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, cast

import numpy as np

from unrolled.check.explain.expressions import Array, Evaluator, Node, name, parse, replaced, written
from unrolled.check.functions import FUNCTIONS

__all__ = ["Equation", "Program", "cache_of", "columns_of", "in_a_row", "inlined", "namespace", "reset_of", "steps_of"]


@dataclass(frozen=True)
class Equation:
    """One assignment: `target = expression`.

    Args:
        id: of the report: "lstm.10". An assignment without a number of its own has that of the first that uses it.
        target: name of what it computes.
        expression: as in `expressions.parse`.
        spellings: other right forms of the same value, as people write them.
        shared: for an assignment without a number: the numbers of those that it is part of, "(8), (9), (10) and (20)".
    """

    id: str
    target: str
    expression: str
    spellings: tuple[str, ...] = ()
    shared: str = ""

    @cached_property
    def tree(self) -> Node:
        """The right-hand side."""
        return parse(self.expression)

    @cached_property
    def trees(self) -> tuple[Node, ...]:
        """All right forms, the course's first."""
        return (self.tree, *(parse(text) for text in self.spellings))

    @property
    def number(self) -> str:
        """What a sentence calls it: "equation (10)", or "the equation of yt_pred" where the course gives no number."""
        own = self.id.split(".")[-1]
        if self.shared:
            return f"equations {self.shared}"
        return f"equation ({own})" if own.isdigit() else f"the equation of {self.target}"

    def text(self, tree: Node | None = None) -> str:
        """The equation in plain text, or another right-hand side in its place."""
        return f"{self.target} = {written(tree or self.tree)}"


@dataclass(frozen=True, eq=False)
class Program:
    """One function, without a loop over time, as assignments in order.

    Args:
        name: of `FUNCTIONS`.
        equations: in an order in which they can be run.
        outputs: what the function returns, by role: the assignment's target.
        reset: of a GRU: whether the relevance gate acts "before" or "after" the candidate's recurrent product.
    """

    name: str
    equations: tuple[Equation, ...]
    outputs: dict[str, str]
    reset: str = "before"
    _by_target: dict[str, Equation] = field(default_factory=dict[str, Equation], repr=False)

    def __post_init__(self) -> None:
        self._by_target.update({equation.target: equation for equation in self.equations})

    def equation(self, target: str) -> Equation:
        """The one that computes `target`."""
        return self._by_target[target]

    @cached_property
    def reach(self) -> dict[str, frozenset[str]]:
        """For every target, the targets that change when it does, itself included."""
        found: dict[str, frozenset[str]] = {}
        for equation in reversed(self.equations):
            users = (other for other in self.equations if equation.target in other.tree.names)
            found[equation.target] = frozenset([equation.target]).union(*(found[user.target] for user in users))
        return found

    @cached_property
    def leading(self) -> dict[str, frozenset[str]]:
        """For every target, the targets that it depends on, itself included."""
        return {
            target: frozenset(other for other, reached in self.reach.items() if target in reached)
            for target in self.reach
        }

    def run(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Every target, by name; `inputs` by role, dictionaries and caches included."""
        values = self.evaluator(namespace(self.name, inputs)).values
        return {equation.target: values[equation.target] for equation in self.equations}

    def evaluator(self, names: Mapping[str, Any], altered: Mapping[str, Node] | None = None) -> Evaluator:
        """An evaluator that knows `names` and every target, those in `altered` by another right-hand side."""
        evaluator = Evaluator(names)
        waiting = [
            (equation.target, (altered or {}).get(equation.target, equation.tree)) for equation in self.equations
        ]
        while waiting:  # a wrong right-hand side may read what comes later
            ready = next((each for each in waiting if each[1].names <= evaluator.values.keys()), waiting[0])
            waiting.remove(ready)
            evaluator.values[ready[0]] = evaluator(ready[1])
        return evaluator

    def changed(
        self, base: Evaluator, altered: Mapping[str, Node], new: Mapping[str, Any], toward: str = ""
    ) -> Iterator[tuple[str, Any]]:
        """Targets that change when the names in `new` have other values, in order and those names first.

        Args:
            base: the values so far, with `altered` in them.
            altered: right-hand sides other than the table's.
            new: name, target or not, to its other value.
            toward: one target; what does not lead to it is left out.
        """
        values = dict(new)
        yield from new.items()
        leading = self.leading[toward] if toward else None
        for equation in self.equations:
            if equation.target in new or (leading is not None and equation.target not in leading):
                continue
            own = altered.get(equation.target, equation.tree)
            if not own.names.isdisjoint(values):
                values[equation.target] = base(own, values)
                yield equation.target, values[equation.target]


def inlined(program: Program, symbol: str, tree: Node, target: str) -> Node:
    """The right-hand side of `target` with `symbol` computed by `tree` in it, and so on along the way to it."""
    own = {symbol: tree}
    for equation in program.equations:
        if equation.target != symbol and equation.target in program.leading[target]:
            own_tree = equation.tree
            for name_, within in own.items():
                own_tree = replaced(own_tree, name(name_), within)
            if own_tree is not equation.tree:
                own[equation.target] = own_tree
    return own[target]


def cache_of(function: str, cache: Any) -> dict[str, Any]:
    """A cell's cache as names: `parameters` opened, entries in the order of `FUNCTIONS` unless named already."""
    named: dict[str, Any] = dict(
        cast("Mapping[str, Any]", cache)
        if isinstance(cache, Mapping)
        else zip(FUNCTIONS[function].cache, cache, strict=False)
    )
    return {**named, **named.pop("parameters", {})}


def reset_of(inputs: Mapping[str, Any], names: Mapping[str, Any]) -> str:
    """The form of a GRU, as said, or as its parameters say; "before" for every other function."""
    return str(inputs.get("reset", "after" if "bca" in names else "before"))


def columns_of(*arrays: Any) -> float:
    """The number of columns, the batch, of the first array that is there."""
    return float(next(array.shape[-1] for array in arrays if array is not None))


def namespace(function: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a function without a loop as names of its equations.

    Args:
        function: a key of `FUNCTIONS`.
        inputs: by role; `parameters` a dictionary, `cache` a dictionary or a tuple in the course's order.
    """
    if function in ("initialize_adam", "update_parameters_with_adam"):
        return _of_adam(inputs)
    if function in ("output_forward", "output_backward"):
        return _of_head(inputs)
    names = {role: value for role, value in inputs.items() if role not in ("parameters", "cache")}
    names |= inputs.get("parameters", {})
    if "cache" in inputs:
        names |= cache_of(function, inputs["cache"])
    names["m"] = columns_of(names.get("xt"), names.get("x"))
    return names


_HEAD_CACHE = ("a", "y_pred", "y", "scored", "parameters", "scale")


def _of_head(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Columns of all steps side by side; labels as distributions; the weight called `Wy` in every network."""
    named: dict[str, Any] = dict(inputs)
    if "cache" in named:
        cache = named.pop("cache")
        named |= (
            cast("Mapping[str, Any]", cache)
            if isinstance(cache, Mapping)
            else dict(zip(_HEAD_CACHE, cache, strict=False))
        )
    named = {**named, **named.pop("parameters", {})}
    if "Wya" in named:
        named["Wy"] = named.pop("Wya")
    a: Array = np.asarray(named["a"])
    y: Array = np.asarray(named["y"])
    if y.dtype.kind in "iu":
        classes = np.arange(len(named["Wy"]))
        y = (classes.reshape(-1, *[1] * y.ndim) == y).astype(float)
    columns = {"a": _flat(a), "y": _flat(y)}
    if "y_pred" in named:
        columns["y_pred"] = _flat(np.asarray(named["y_pred"]))
    steps = a.shape[2] if a.ndim == 3 else 1
    batch = columns_of(columns["a"]) / steps
    numbers = {"scale": float(named.get("scale", 1.0)), "m": batch * steps, "batch": batch}
    return {"Wy": named["Wy"], "by": named["by"], **columns, **numbers, **_ends(int(batch), steps)}


def steps_of(names: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The names of an output head's steps, one by one, from those of all steps side by side; none of anything else."""
    steps = round(names["m"] / names["batch"]) if "batch" in names else 0
    return [
        {
            key: value[:, t::steps] if np.shape(value)[-1:] == (int(names["m"]),) else value
            for key, value in names.items()
        }
        | {"m": names["batch"]}
        for t in range(steps)
    ]


def _ends(batch: int, steps: int) -> dict[str, Array]:
    """Which columns are of the last step, and which of the first: where a sum over time keeps one step alone."""
    of_step = np.tile(np.arange(steps), batch)[np.newaxis]
    return {"in_last": (of_step == steps - 1).astype(float), "in_first": (of_step == 0).astype(float)}


def _flat(array: Array) -> Array:
    return array.reshape(array.shape[0], -1)


def in_a_row(arrays: Mapping[str, Any]) -> Array:
    """Arrays of a dictionary, entry after entry in the order of its keys' names, as one row; one alone as it is."""
    if len(arrays) == 1:
        return np.asarray(next(iter(arrays.values())))
    return np.concatenate([np.ravel(arrays[key]) for key in sorted(arrays)] or [np.zeros(0)])[np.newaxis]


def _of_adam(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Entries of all parameters in one row: Adam treats each entry alone."""
    parameters: Mapping[str, Any] = inputs["parameters"]
    names: dict[str, Any] = {
        "parameter": in_a_row(parameters),
        "m": 1.0,
    }
    for role, own in (("grads", "grad"), ("v", "v"), ("s", "s")):
        if role in inputs:
            names[own] = in_a_row({key: inputs[role]["d" + key] for key in parameters})
    defaults = {"t": 1, "learning_rate": 0.01, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8}
    return names | {role: inputs.get(role, value) for role, value in defaults.items()}
