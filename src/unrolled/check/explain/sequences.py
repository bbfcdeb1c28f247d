"""The loops over time as walks that can be altered: what is carried, from where, what is added up; no matching.

A walk is its cell's table run step after step. How it goes is a `Way`: a few named choices, each with a right value, so
that a wrong loop is the right one with one choice made otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from unrolled.check.explain.equations import program
from unrolled.check.explain.expressions import Array, Evaluator, Node
from unrolled.check.explain.program import Program, cache_of, reset_of
from unrolled.check.functions import FUNCTIONS

__all__ = ["AFTERWARDS", "LOOPS", "Loop", "Walk", "Way"]

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
        """Whether time goes from 0 to T-1."""
        return not self.upstream

    @property
    def family(self) -> str:
        """Which network: the first part of an equation's id."""
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

AFTERWARDS = ("stored", "stored_at", "sum", "from", "end")  # choices that change no step, only what is made of them
_HANDED = "handed"  # what a step hands to the one walked next, of every state

Steps = list[Evaluator | None]  # by time; None: a step that the walk left out


class Walk:
    """One loop on one set of arguments, walked in any way."""

    def __init__(self, function: str, inputs: Mapping[str, Any]) -> None:
        self.loop = LOOPS[function]
        cell = FUNCTIONS[function].cell
        assert cell is not None
        self.names: dict[str, Any] = dict(inputs.get("parameters", {}))
        self.caches: list[dict[str, Any]] = []
        if self.loop.forward:
            self.x: Array = inputs["x"]
            self.length = self.x.shape[-1]
            self.start = {state: inputs.get(state + "0") for state in self.loop.states}
        else:
            entries, self.x = inputs["caches"]
            self.caches = [cache_of(cell, cache) for cache in entries]
            self.upstream: Array = inputs[self.loop.upstream]
            self.length = self.upstream.shape[-1]
        self.program: Program = program(cell, reset_of(inputs, {**self.names, **(self.caches or [{}])[0]}))
        self.m = self.x.shape[1]
        self._walked: dict[Any, Steps] = {}

    def times(self, way: Way) -> list[int]:
        """The steps in the order in which they are walked."""
        return _times(way, self.length, forward=self.loop.forward)

    @property
    def handed(self) -> set[str]:
        """The cell's targets that one step hands to the next."""
        return {f"{state}_next" if self.loop.forward else f"d{state}_prev" for state in self.loop.states}

    def arriving(self, step: Evaluator, changed: Mapping[str, Any], after: Evaluator) -> dict[str, Any]:
        """What the step walked `after` receives otherwise, when targets of `step` have `changed`."""
        found: dict[str, Any] = {}
        for state in self.loop.states:
            if self.loop.forward and f"{state}_next" in changed:
                found[f"{state}_prev"] = changed[f"{state}_next"]
            elif not self.loop.forward and f"d{state}_prev" in changed:
                more = changed[f"d{state}_prev"] - step.values[f"d{state}_prev"]
                found[f"d{state}_next"] = after.values[f"d{state}_next"] + more
        return found

    def reached(self, target: str) -> frozenset[str]:
        """Outputs that depend on a target of the cell, at any step."""
        reached = self.program.reach[target]
        handed = self.handed & reached
        while handed:  # what is handed to the next step reaches whatever is made of it there
            arriving = {f"{each[0]}_prev" if self.loop.forward else f"{each[:2]}_next" for each in handed}
            users = [each for each in self.program.equations if not each.tree.names.isdisjoint(arriving)]
            wider = reached.union(*(self.program.reach[user.target] for user in users))
            handed = set[str]() if wider == reached else handed | {each for each in wider if each in self.handed}
            reached = wider
        found = {role for role, own in self.loop.per_step.items() if own in reached}
        found |= {role for role in self.loop.summed if role in reached}
        if not self.loop.forward:
            own = self.loop.states[0]
            return frozenset(found | ({f"d{own}0"} if f"d{own}_prev" in reached else set[str]()))
        kept = {f"caches.{role}" for role in FUNCTIONS[self.program.name].cache if role in reached}
        kept |= {f"caches.{state}_prev" for state in self.loop.states if f"{state}_next" in reached}
        return frozenset(found | kept)

    # --- step after step ----------------------------------------------------------------------------------------

    def steps(self, way: Way, altered: Mapping[str, Node] | None = None) -> Steps:
        """The cell's values at every step, by time."""
        relevant = {key: value for key, value in way.items() if key.split(".")[0] not in AFTERWARDS}
        key = (tuple(sorted(relevant.items())), tuple((altered or {}).items()))
        if key not in self._walked:
            found: Steps = [None] * self.length
            for t, values in self.walked(relevant, altered or {}):
                found[t] = values
            self._walked[key] = found
        return self._walked[key]

    def walked(self, way: Way, altered: Mapping[str, Node]) -> Iterator[tuple[int, Evaluator]]:
        """Time and values of each step, in the order of the walk, one after the other."""
        return self._forward(way, altered) if self.loop.forward else self._backward(way, altered)

    def begin(self, way: Way) -> dict[str, Array]:
        """What the first step of the walk receives of every state, or of its gradient."""
        if self.loop.forward:
            n_a = next(value for value in self.start.values() if value is not None).shape[0]
            zeros = np.zeros((n_a, self.m))
            given = {state: zeros if value is None else value for state, value in self.start.items()}
            return {state: _begin(way.get(f"start.{state}", ""), state, given, zeros) for state in given}
        n_a = self.caches[0]["c_prev" if "c" in self.loop.states else "a_prev"].shape[0]
        zeros = np.zeros((n_a, self.m))
        last = {"last": self.upstream[..., -1], "first": self.upstream[..., 0], "ones": zeros + 1}
        return {state: last.get(way.get(f"start.{state}", ""), zeros) for state in self.loop.states}

    def handed_on(self, way: Way) -> dict[str, Array]:
        """What the first step of the walk hands to the second, of every state."""
        first = self.steps(way)[self.times(way)[0]]
        assert first is not None
        return {state: first.values[f"{_HANDED}.{state}"] for state in self.loop.states}

    def _forward(self, way: Way, altered: Mapping[str, Node]) -> Iterator[tuple[int, Evaluator]]:
        begin = self.begin(way)
        previous = dict(begin)
        for t in self.times(way):
            names = {**self.names, "m": float(self.m), "xt": self.x[..., _index(way.get("x", "t"), t, self.length)]}
            names |= {f"{state}_prev": value for state, value in previous.items()}
            values = self.program.evaluator(names, altered)
            for state in previous:
                carried = way.get(f"carry.{state}", f"{state}_next")
                previous[state] = begin[state] if carried == "start" else values.values[carried]
            values.values |= {f"{_HANDED}.{state}": value for state, value in previous.items()}
            yield t, values

    def _backward(self, way: Way, altered: Mapping[str, Node]) -> Iterator[tuple[int, Evaluator]]:
        states = self.loop.states
        handed = self.begin(way)
        own = states[0]
        zeros = np.zeros_like(handed[own])
        for t in self.times(way):
            given = way.get("upstream", "t")
            direct = zeros if given == "none" else self.upstream[..., _index(given, t, self.length)]
            arriving = {state: handed[state] if way.get(f"add.{state}") != "no" else zeros for state in states}
            names = {**self.caches[_index(way.get("cache", "t"), t, self.length, len(self.caches))], "m": float(self.m)}
            names |= {f"d{state}_next": arriving[state] for state in states}
            names[f"d{own}_next"] = direct + arriving[own]
            values = self.program.evaluator(names, altered)
            back = {state: values.values[f"d{way.get(f'carry_from.{state}', state)}_prev"] for state in states}
            for state in states:
                carry = way.get(f"carry.{state}", "replaced")
                choices = {"replaced": back[state], "never": handed[state], "upstream": direct}
                handed[state] = choices.get(carry, handed[state] + back[state])
            values.values |= {f"{_HANDED}.{state}": value for state, value in handed.items()}
            values.values["upstream"] = direct
            yield t, values

    # --- what the function returns ------------------------------------------------------------------------------

    @property
    def roles(self) -> list[str]:
        """Outputs; what a forward pass keeps in its caches as `caches.ft`."""
        if self.loop.forward:
            kept = [f"caches.{role}" for role in FUNCTIONS[self.program.name].cache if role != "parameters"]
            return [*self.loop.per_step, *kept]
        sums = [role for role in self.program.outputs if role in self.loop.summed]
        return ["dx", f"d{self.loop.states[0]}0", *sums]

    def output(self, role: str, steps: Steps, way: Way) -> Array:
        """One output; per-step ones have the steps last."""
        if role in self.loop.per_step:
            target = way.get(f"stored.{role}", self.loop.per_step[role])
            return self._over_time(steps, target, way.get(f"stored_at.{role}", "t"))
        if role.startswith("caches."):
            target = way.get(f"stored.{role}", role.removeprefix("caches."))
            return self._over_time(steps, target, way.get("stored_at.caches", "t"))
        walked = [step for step in steps if step is not None]
        if way.get("order") != "other":
            walked.reverse()  # in the order of the walk
        if role in self.loop.summed:
            source = way.get(f"from.{role}", role)
            parts = [step.values[source] for step in walked]
            return _summed(parts, way.get(f"sum.{role}", way.get("sum", "added")))
        return self._end(walked, way.get("end", f"{_HANDED}.{self.loop.states[0]}"))

    def _over_time(self, steps: Steps, target: str, at: str) -> Array:
        some = next(step for step in steps if step is not None).values[target]
        found = np.zeros((*some.shape, self.length))
        if at == "only first":
            written = [step for step in steps if step is not None]
            found[..., 0] = written[-1].values[target]
            return found
        for t in range(self.length):
            step = steps[_index(at, t, self.length)]
            if step is not None:
                found[..., t] = step.values[target]
        return found

    def _end(self, walked: list[Evaluator], end: str) -> Array:
        own = f"d{self.loop.states[0]}_prev"
        if end == "zeros":
            return np.zeros_like(walked[-1].values[own])
        if end == "first":  # that of the step where the walk begins
            return walked[0].values[own]
        return walked[-1].values[end]


def _begin(choice: str, state: str, given: Mapping[str, Array], zeros: Array) -> Array:
    if choice in ("zeros", "ones"):
        return zeros + (choice == "ones")
    return given[choice[0]] if choice else given[state]


def _times(way: Way, T: int, *, forward: bool) -> list[int]:
    """The steps in the order in which they are walked."""
    times = list(range(T))
    kept = {"not first": times[1:], "not last": times[:-1], "only first": times[:1], "only last": times[-1:]}
    times = kept.get(way.get("steps", ""), times)
    return times if forward is (way.get("order") != "other") else times[::-1]


def _index(choice: str, t: int, T: int, length: int | None = None) -> int:
    """Which step is meant at step `t`; `length`: of a longer list, that of all steps of the forward pass."""
    if choice == "t":
        return t
    length = length or T
    places = {
        "reversed": T - 1 - t,
        "reversed all": length - 1 - t,
        "from the end": length - T + t,
        "first": 0,
        "last": T - 1,
        "last of all": length - 1,
        "before": t - 1,
        "after": min(t + 1, length - 1),
    }
    return places[choice]


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
