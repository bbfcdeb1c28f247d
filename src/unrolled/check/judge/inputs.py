"""Arguments for learners' functions, drawn at random, and the right answers to them; no learner's code is run here.

All values stand in the course's layout, under the course's names: what a learner calls them and how they lay them out
is the business of `layout.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np

from unrolled import steps
from unrolled.check.functions import FUNCTIONS
from unrolled.shapes import Array

__all__ = ["COURSE", "COURSE_SIZES", "SIZES", "Drawing", "Sizes", "Variant", "family_of", "variants_of"]


@dataclass(frozen=True)
class Sizes:
    """Lengths of all axes; `covered`: steps of the gradients that a backward pass is given."""

    n_x: int
    n_a: int
    n_y: int
    m: int
    T: int
    covered: int


# Pairwise distinct within a line, so that no axis can be taken for another, and none of them the course's 5, 3 or 10.
# The second has one step; in the third the way back begins before the last step.
SIZES = (Sizes(6, 8, 9, 7, 4, 4), Sizes(9, 6, 8, 4, 1, 1), Sizes(8, 7, 11, 9, 6, 4))

# Those of the course's example: what runs on these alone has them written into it.
COURSE_SIZES = Sizes(3, 5, 2, 10, 4, 4)


@dataclass(frozen=True)
class Variant:
    """Which of several right systems of equations a file follows; the defaults are the course's."""

    reset: str = "before"  # GRU: the relevance gate acts "before" the candidate's product or "after" it
    inner_bias: bool = True  # GRU, reset after: whether there is a bias inside the reset product
    sense: str = "new"  # GRU: the update gate weighs the "new" candidate, or the "old" state
    epsilon: str = "inside"  # Adam: "inside" the root, "outside", or outside that of an s that is not "corrected"
    moments: str = "gradients"  # Adam: v and s have the keys of the "gradients", dW1, or of the "parameters", W1
    mean: str = "sum"  # head: J is the "sum" over all columns, their "mean", or the mean over the "batch"
    labels: str = "one-hot"  # head: "one-hot" columns, or "integers"

    @property
    def told(self) -> str:
        """What is unlike the course, in words."""
        words = {
            ("reset", "after"): "the relevance gate acts after the candidate's recurrent product, as in PyTorch",
            ("sense", "old"): "the update gate weighs the old state, as in PyTorch: it is 1 - ut of the course's",
            ("epsilon", "outside"): "epsilon is added outside the root, as in Kingma & Ba's paper",
            (
                "epsilon",
                "corrected",
            ): "the learning rate bears both corrections, as Kingma & Ba have it, too",
            ("moments", "parameters"): "v and s have the parameters' own keys",
            ("mean", "mean"): "J is the mean over batch and steps",
            ("mean", "batch"): "J is the mean over the batch",
            ("labels", "integers"): "labels are class numbers",
        }
        own = [(field.name, getattr(self, field.name)) for field in fields(self)]
        return "; ".join(words[key] for key in own if key in words)

    def moment(self, parameter: str) -> str:
        """The key of a parameter's moments in v and s."""
        return parameter if self.moments == "parameters" else "d" + parameter


COURSE = Variant()


def family_of(function: str) -> str:
    """One of "rnn", "lstm", "gru", "head", "adam", "sigmoid" and "softmax"."""
    if function.endswith("adam"):
        return "adam"
    return "head" if function.startswith("output") else function.split("_")[0]


def variants_of(function: str) -> tuple[Variant, ...]:
    """The right systems of a function's family, the course's first."""
    match family_of(function):
        case "gru":
            return (
                COURSE,
                Variant(sense="old"),
                *(Variant("after", inner, sense) for inner in (False, True) for sense in ("new", "old")),
            )
        case "adam":
            epsilons = ("inside", "outside", "corrected") if function.startswith("update") else ("inside",)
            moments = ("gradients", "parameters")
            return tuple(Variant(epsilon=epsilon, moments=own) for own in moments for epsilon in epsilons)
        case "head":
            means = ("sum", "mean", "batch")
            return tuple(Variant(mean=mean, labels=labels) for labels in ("one-hot", "integers") for mean in means)
        case _:
            return (COURSE,)


_GATES = {"lstm": "fico", "gru": "urc"}


class Drawing:
    """One drawing of every argument, from `rng`, in the given sizes; right answers come from `unrolled.steps`."""

    def __init__(self, sizes: Sizes, rng: np.random.Generator) -> None:
        self.sizes = sizes
        n_x, n_a, n_y, m, T = sizes.n_x, sizes.n_a, sizes.n_y, sizes.m, sizes.T
        draw = rng.normal

        def state(*more: int) -> Array:
            return rng.uniform(-0.9, 0.9, (n_a, m, *more))

        def weight(rows: int, columns: int) -> Array:
            return draw(scale=1.2 / np.sqrt(columns), size=(rows, columns))

        self.xt, self.x = draw(size=(n_x, m)), draw(size=(n_x, m, T))
        self.a_prev, self.a0, self.c_prev, self.c0 = state(), state(), draw(size=(n_a, m)), draw(size=(n_a, m))
        self.da_next, self.dc_next, self.da = (draw(size=(n_a, m, *more)) for more in ((), (), (sizes.covered,)))
        head = {"Wy": weight(n_y, n_a), "by": draw(scale=0.5, size=(n_y, 1))}
        self.parameters: dict[str, dict[str, Array]] = {
            "rnn": {
                "Wax": weight(n_a, n_x),
                "Waa": weight(n_a, n_a),
                "Wya": weight(n_y, n_a),
                "ba": draw(scale=0.5, size=(n_a, 1)),
                "by": draw(scale=0.5, size=(n_y, 1)),
            },
            "head": dict(head),
        }
        for family, gates in _GATES.items():
            own: dict[str, Array] = {}
            for gate in gates:
                own["W" + gate] = weight(n_a, n_a + n_x)
                own["b" + gate] = draw(scale=0.5, size=(n_a, 1))
            self.parameters[family] = {**own, **head}
        self.bca = draw(scale=0.5, size=(n_a, 1))
        self.classes = rng.integers(0, n_y, (m, T))
        self.logits = draw(scale=2.0, size=(n_y, m))
        shapes = {"W1": (n_a, n_x), "b1": (n_a, 1), "W2": (n_y, n_a), "b2": (n_y, 1), "W3": (m, n_y), "b3": (m, 1)}
        self.layers = {name: draw(size=shape) for name, shape in shapes.items()}
        self.layer_grads = {"d" + name: draw(size=shape) for name, shape in shapes.items()}
        self.v = {"d" + name: draw(size=shape) for name, shape in shapes.items()}
        self.s = {"d" + name: draw(size=shape) ** 2 + 0.05 for name, shape in shapes.items()}
        self._made: dict[Any, dict[str, Any]] = {}

    def names(self, function: str, variant: Variant = COURSE, given: frozenset[str] = frozenset()) -> dict[str, Any]:
        """Every value that `function` may be given, return or keep, by role; those that it returns are right.

        Args:
            function: a key of `FUNCTIONS`.
            variant: the system of equations.
            given: optional roles that the learner's function takes: "c0"; of Adam, its numbers.
        """
        key = (function, variant, given)
        if key not in self._made:
            self._made[key] = {**self._sizes, **self._names(function, variant, given)}
        return self._made[key]

    @cached_property
    def _sizes(self) -> dict[str, Any]:
        sizes = self.sizes
        return {"n_x": sizes.n_x, "n_a": sizes.n_a, "n_y": sizes.n_y, "m": sizes.m, "T": sizes.T}

    def _names(self, function: str, variant: Variant, given: frozenset[str]) -> dict[str, Any]:
        family, loop = family_of(function), FUNCTIONS[function].kind == "loop"
        match family:
            case "rnn":
                return self._rnn_loop() if loop else self._rnn_cell()
            case "lstm":
                return self._lstm_loop("c0" in given) if loop else self._lstm_cell(self.c_prev)
            case "gru":
                return self._gru(variant, loop)
            case "head":
                return self._head(variant)
            case "adam":
                return self._adam(function, variant, given)
            case _:
                return {"x": self.logits, "s": getattr(steps, family)(self.logits)}

    # --- one step -----------------------------------------------------------------------------------------------

    def _rnn_cell(self) -> dict[str, Any]:
        p = self.parameters["rnn"]
        a_next, yt_pred, cache = steps.rnn_cell_forward(self.xt, self.a_prev, p)
        names = {"xt": self.xt, "a_prev": self.a_prev, "parameters": p, "da_next": self.da_next}
        names |= {
            "a_next": a_next,
            "yt_pred": yt_pred,
            "cache": dict(zip(FUNCTIONS["rnn_cell_forward"].cache, cache, strict=True)),
        }
        return names | steps.rnn_cell_backward(self.da_next, cache)

    def _lstm_cell(self, c_prev: Array) -> dict[str, Any]:
        p = self.parameters["lstm"]
        a_next, c_next, yt_pred, cache = steps.lstm_cell_forward(self.xt, self.a_prev, c_prev, p)
        names: dict[str, Any] = {"xt": self.xt, "a_prev": self.a_prev, "c_prev": c_prev, "parameters": p}
        names |= {"da_next": self.da_next, "dc_next": self.dc_next}
        names |= {"a_next": a_next, "c_next": c_next, "yt_pred": yt_pred}
        names["cache"] = dict(zip(FUNCTIONS["lstm_cell_forward"].cache, cache, strict=True))
        return names | steps.lstm_cell_backward(self.da_next, self.dc_next, cache)

    # --- over time ----------------------------------------------------------------------------------------------

    def _rnn_loop(self) -> dict[str, Any]:
        p = self.parameters["rnn"]
        a, y_pred, caches = steps.rnn_forward(self.x, self.a0, p)
        names = {"x": self.x, "a0": self.a0, "parameters": p, "da": self.da, "a": a, "y_pred": y_pred}
        names["caches"] = _over_time("rnn_cell_forward", caches)
        return names | steps.rnn_backward(self.da, caches)

    def _lstm_loop(self, with_c0: bool) -> dict[str, Any]:
        p = self.parameters["lstm"]
        c0 = self.c0 if with_c0 else np.zeros_like(self.c0)
        a, y, c, caches = steps.lstm_forward(self.x, self.a0, p, c0=c0)
        names: dict[str, Any] = {"x": self.x, "a0": self.a0, "c0": c0, "parameters": p, "da": self.da}
        names |= {"a": a, "y": y, "c": c, "caches": _over_time("lstm_cell_forward", caches)}
        return names | steps.lstm_backward(self.da, caches, with_dc0=True)

    def _gru(self, variant: Variant, loop: bool) -> dict[str, Any]:
        """The other sense of the update gate is the course's with that gate's weights and bias negated."""
        learners = dict(self.parameters["gru"])
        if variant.reset == "after" and variant.inner_bias:
            learners["bca"] = self.bca
        sign = -1.0 if variant.sense == "old" else 1.0
        p = {name: sign * value if name in ("Wu", "bu") else value for name, value in learners.items()}
        if variant.reset == "after":
            p.setdefault("bca", np.zeros_like(self.bca))
        reset: Any = variant.reset
        names: dict[str, Any] = {"parameters": learners}
        if loop:
            c, y_pred, caches = steps.gru_forward(self.x, self.c0, p, reset=reset)
            names |= {"x": self.x, "c0": self.c0, "dc": self.da, "c": c, "y_pred": y_pred}
            names["caches"] = _over_time("gru_cell_forward", caches)
            found = steps.gru_backward(self.da, caches)
            entries = names["caches"]["cells"]
        else:
            c_next, yt_pred, cache = steps.gru_cell_forward(self.xt, self.c_prev, p, reset=reset)
            names |= {"xt": self.xt, "c_prev": self.c_prev, "dc_next": self.dc_next, "c_next": c_next}
            names |= {
                "yt_pred": yt_pred,
                "cache": dict(zip(FUNCTIONS["gru_cell_forward"].cache, cache[:-1], strict=True)),
            }
            found = steps.gru_cell_backward(self.dc_next, cache)
            entries = [names["cache"]]
        for entry in entries:
            entry["parameters"] = learners
            entry["ut"] = 1 - entry["ut"] if sign < 0 else entry["ut"]
        found = {role: sign * value if role in ("dWu", "dbu") else value for role, value in found.items()}
        if "bca" not in learners:
            found.pop("dbca", None)
        return names | found

    # --- neither ------------------------------------------------------------------------------------------------

    def _head(self, variant: Variant) -> dict[str, Any]:
        p = self.parameters["head"]
        a = steps.lstm_forward(self.x, self.a0, self.parameters["lstm"])[0]
        y = np.moveaxis(np.eye(self.sizes.n_y)[self.classes], -1, 0)  # (n_y, m, T)
        J, y_pred, cache = steps.output_forward(a, y, p)
        scale = {"sum": 1.0, "mean": 1 / (self.sizes.m * self.sizes.T), "batch": 1 / self.sizes.m}[variant.mean]
        labels = self.classes if variant.labels == "integers" else y
        names: dict[str, Any] = {"a": a, "y": labels, "parameters": p, "J": scale * J, "y_pred": y_pred}
        names["cache"] = {"a": a, "y_pred": y_pred, "y": labels, "scored": cache[3], "parameters": p, "scale": scale}
        return names | {role: scale * value for role, value in steps.output_backward(cache).items()}

    def _adam(self, function: str, variant: Variant, given: frozenset[str]) -> dict[str, Any]:
        def keyed(moments: Mapping[str, Array]) -> dict[str, Array]:
            return {variant.moment(name.removeprefix("d")): value for name, value in moments.items()}

        if function == "initialize_adam":
            v, s = steps.initialize_adam(self.layers)
            return {"parameters": self.layers, "v": keyed(v), "s": keyed(s)}
        numbers: dict[str, Any] = {"t": 3, "learning_rate": 0.03, "beta1": 0.8, "beta2": 0.95, "epsilon": 0.02}
        used = {role: value for role, value in numbers.items() if role in given or role == "t"}
        own = {"parameters": self.layers, "grads": self.layer_grads, "v": self.v, "s": self.s}
        p, v, s = steps.update_parameters_with_adam(**own, **used)
        if variant.epsilon != "inside":
            p = _kingma_and_ba(self.layers, v, s, **used, corrected=variant.epsilon == "outside")
        moments = {"v": self.v, "s": self.s, "new v": v, "new s": s}
        return {**own, **numbers, "new parameters": p, **{role: keyed(value) for role, value in moments.items()}}


def _kingma_and_ba(
    parameters: Mapping[str, Array],
    v: Mapping[str, Array],
    s: Mapping[str, Array],
    t: int,
    learning_rate: float = 0.01,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
    *,
    corrected: bool,
) -> dict[str, Array]:
    """Epsilon beside the root of the `corrected` s; or the same step by a corrected learning rate, and s as it is."""
    root = np.sqrt(1 - beta2**t)
    outside = epsilon if corrected else epsilon / root
    return {
        name: value - learning_rate * v["d" + name] / (1 - beta1**t) / (np.sqrt(s["d" + name]) / root + outside)
        for name, value in parameters.items()
    }


def _over_time(cell: str, caches: tuple[list[Any], Array]) -> dict[str, Any]:
    return {"cells": [dict(zip(FUNCTIONS[cell].cache, cache, strict=False)) for cache in caches[0]], "x": caches[1]}
