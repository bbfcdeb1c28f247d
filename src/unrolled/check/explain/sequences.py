"""The loops over time as walks that can be altered: what is carried, from where, and what is added up; no matching here.

A walk is its cell's table run step after step. How it goes is a `Way`: a few named choices, each with a right value, so
that a wrong loop is the right one with one choice made otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from unrolled.check.explain.equations import program
from unrolled.check.explain.expressions import Array, Evaluator, Node
from unrolled.check.explain.program import Program, cache_of
from unrolled.check.functions import FUNCTIONS

__all__ = ["LOOPS", "Loop", "Walk", "Way"]

Way = Mapping[str, str]  # choices that differ from the right ones


@dataclass(frozen=True)
class Loop:
    """What is particular to one function over time.

    Args:
        name: of `FUNCTIONS`.
        states: letters of the states that pass from step to step, "a", "c".
        per_step: outputs with one slice for each step: role, the cell's target.
        summed: outputs that are added up over time; backward only.
        upstream: the argument that holds the loss's own gradient of every step; backward only.
    """

    name: str
    states: tuple[str, ...]
    per_step: dict[str, str]
    summed: tuple[str, ...] = ()
    upstream: str = ""

    @property
    def forward(self) -> bool:
        return not self.upstream

    @property
    def family(self) -> str:
        return self.name.split("_")[0]


_LSTM_SUMS = ("dWf", "dbf", "dWi", "dbi", "dWc", "dbc", "dWo", "dbo")

LOOPS = {
    loop.name: loop
    for loop in (
        Loop("rnn_forward", ("a",), {"a": "a_next", "y_pred": "yt_pred"}),
        Loop("lstm_forward", ("a", "c"), {"a": "a_next", "y": "yt_pred", "c": "c_next"}),
        Loop("gru_forward", ("c",), {"c": "c_next", "y_pred": "yt_pred"}),
        Loop("rnn_backward", ("a",), {"dx": "dxt"}, ("dWax", "dWaa", "dba"), "da"),
        Loop("lstm_backward", ("a", "c"), {"dx": "dxt"}, _LSTM_SUMS, "da"),
        Loop("gru_backward", ("c",), {"dx": "dxt"}, ("dWu", "dbu", "dWr", "dbr", "dWc", "dbc", "dbca"), "dc"),
    )
}

Steps = list[Evaluator | None]  # by time; None: a step that the walk left out


class Walk:
    """One loop on one set of arguments, walked in any way."""

    def __init__(self, function: str, inputs: Mapping[str, Any]) -> None:
        self.loop = LOOPS[function]
        cell = FUNCTIONS[function].cell
        assert cell is not None
        self.names: dict[str, Any] = dict(inputs.get("parameters", {}))
        self.caches: list[dict[str, Any]] = []
        reset = str(inputs.get("reset", "after" if "bca" in self.names else "before"))
        if self.loop.forward:
            self.x: Array = inputs["x"]
            self.T = self.x.shape[-1]
            self.start = {state: inputs.get(state + "0") for state in self.loop.states}
        else:
            entries, self.x = inputs["caches"]
            self.caches = [cache_of(cell, cache) for cache in entries]
            self.upstream: Array = inputs[self.loop.upstream]
            self.T = self.upstream.shape[-1]
            reset = "after" if self.caches and "bca" in self.caches[0] else reset
        self.program: Program = program(cell, reset)
        self.m = self.x.shape[1]
        self._walked: dict[Any, Steps] = {}

    # --- forward and backward, step after step ------------------------------------------------------------------

    def steps(self, way: Way, altered: Mapping[str, Node] | None = None) -> Steps:
        """The cell's values at every step, by time."""
        relevant = {
            key: value for key, value in way.items() if key.split(".")[0] not in ("stored", "sum", "from", "end")
        }
        key = (tuple(sorted(relevant.items())), tuple((altered or {}).items()))
        if key not in self._walked:
            walk = self._forward if self.loop.forward else self._backward
            self._walked[key] = walk(relevant, altered or {})
        return self._walked[key]

    def _forward(self, way: Way, altered: Mapping[str, Node]) -> Steps:
        n_a = next(value for value in self.start.values() if value is not None).shape[0]
        zeros = np.zeros((n_a, self.m))
        given = {state: zeros if value is None else value for state, value in self.start.items()}
        begin = {state: _begin(way.get(f"start.{state}", ""), state, given, zeros) for state in given}
        previous = dict(begin)
        found: Steps = [None] * self.T
        for t in _times(way, self.T, forward=True):
            names = {**self.names, "m": float(self.m), "xt": self.x[..., _index(way.get("x", "t"), t, self.T)]}
            names |= {f"{state}_prev": value for state, value in previous.items()}
            values = self.program.evaluator(names, altered)
            found[t] = values
            for state in previous:
                carried = way.get(f"carry.{state}", f"{state}_next")
                previous[state] = begin[state] if carried == "start" else values.values[carried]
        return found

    def _backward(self, way: Way, altered: Mapping[str, Node]) -> Steps:
        states = self.loop.states
        zeros = np.zeros((self.caches[0]["c_prev" if "c" in states else "a_prev"].shape[0], self.m))
        last = {"last": self.upstream[..., -1], "first": self.upstream[..., 0]}
        handed = {state: last.get(way.get(f"start.{state}", ""), zeros) for state in states}
        found: Steps = [None] * self.T
        own = states[0]
        for t in _times(way, self.T, forward=False):
            given = way.get("upstream", "t")
            direct = zeros if given == "none" else self.upstream[..., _index(given, t, self.T)]
            arriving = {state: handed[state] if way.get(f"add.{state}") != "no" else zeros for state in states}
            names = {**self.caches[_index(way.get("cache", "t"), t, self.T, len(self.caches))], "m": float(self.m)}
            names |= {f"d{state}_next": arriving[state] for state in states}
            names[f"d{own}_next"] = direct + arriving[own]
            values = self.program.evaluator(names, altered)
            values.values["handed"] = {}
            for state in states:
                back = values.values[f"d{way.get(f'carry_from.{state}', state)}_prev"]
                carry = way.get(f"carry.{state}", "replaced")
                handed[state] = {"replaced": back, "never": handed[state], "added": handed[state] + back}[carry]
            values.values["handed"] = dict(handed)
            found[t] = values
        return found

    # --- what the function returns ------------------------------------------------------------------------------

    def outputs(self, way: Way, altered: Mapping[str, Node] | None = None) -> dict[str, Any]:
        """Every output by role; what a forward pass keeps in its caches as `caches.ft`, steps last."""
        steps = self.steps(way, altered)
        return self._kept(steps, way) if self.loop.forward else self._gradients(steps, way)

    def _kept(self, steps: Steps, way: Way) -> dict[str, Any]:
        found = {
            role: self._over_time(steps, way.get(f"stored.{role}", target), way.get(f"stored_at.{role}", "t"))
            for role, target in self.loop.per_step.items()
        }
        cell = FUNCTIONS[self.program.name]
        for role in cell.cache:
            if role != "parameters":
                at = way.get("stored_at.caches", "t")
                found[f"caches.{role}"] = self._over_time(steps, way.get(f"stored.caches.{role}", role), at)
        return found

    def _over_time(self, steps: Steps, target: str, at: str) -> Array:
        slices: list[Array | None] = [None] * self.T
        for t in range(self.T):
            step = steps[_index(at, t, self.T)]
            slices[t] = None if step is None else step.values[target]
        shape = next(each for each in slices if each is not None)
        return np.stack([np.zeros_like(shape) if each is None else each for each in slices], axis=-1)

    def _gradients(self, steps: Steps, way: Way) -> dict[str, Any]:
        walked = [step for step in reversed(steps) if step is not None]  # in the order of the walk
        if way.get("order") == "other":
            walked.reverse()
        found: dict[str, Any] = {
            "dx": self._over_time(steps, way.get("stored.dx", "dxt"), way.get("stored_at.dx", "t"))
        }
        for state in self.loop.states[:1]:
            found[f"d{state}0"] = self._end(walked, state, way.get("end", "handed"))
        for role in self.program.outputs:
            if role in self.loop.summed:
                source = way.get(f"from.{role}", role)
                parts = [step.values[source] for step in walked]
                found[role] = _summed(parts, way.get(f"sum.{role}", way.get("sum", "added")))
        return found

    def _end(self, walked: list[Evaluator], state: str, end: str) -> Array:
        match end:
            case "zeros":
                return np.zeros_like(walked[-1].values[f"d{state}_prev"])
            case "handed":
                return walked[-1].values["handed"][state]
            case "first":  # that of the step where the walk begins
                return walked[0].values[f"d{state}_prev"]
            case target:
                return walked[-1].values[target]


def _begin(choice: str, state: str, given: Mapping[str, Array], zeros: Array) -> Array:
    if choice == "zeros":
        return zeros
    return given[choice[0]] if choice else given[state]


def _times(way: Way, T: int, *, forward: bool) -> list[int]:
    """The steps in the order in which they are walked."""
    times = list(range(T))
    kept = {"not first": times[1:], "not last": times[:-1], "only first": times[:1], "only last": times[-1:]}
    times = kept.get(way.get("steps", ""), times)
    return times if forward is (way.get("order") != "other") else times[::-1]


def _index(choice: str, t: int, T: int, length: int | None = None) -> int:
    """Which step is meant at step `t`; `length`: of a longer list, that of all steps of the forward pass."""
    length = length or T
    return {
        "t": t,
        "reversed": T - 1 - t,
        "reversed all": length - 1 - t,
        "from the end": length - T + t,
        "first": 0,
        "last": T - 1,
        "last of all": length - 1,
        "before": t - 1,
        "after": min(t + 1, length - 1),
    }[choice]


def _summed(parts: list[Array], how: str) -> Array:
    if how == "added":
        return sum(parts[1:], parts[0])
    match how:
        case "assigned":  # the last step of the walk stays
            return parts[-1]
        case "first":
            return parts[0]
        case "zeros":
            return np.zeros_like(parts[0])
        case "subtracted":
            return -sum(parts[1:], parts[0])
        case "mean":
            return sum(parts[1:], parts[0]) / len(parts)
        case "doubled last":
            return sum(parts[1:], parts[0]) + parts[-1]
        case _:
            raise ValueError(how)
