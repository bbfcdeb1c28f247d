"""One step of every network with every option, for one example, gate by gate: what the variants must compute; no test.

Written from the papers' equations and from no code of `unrolled.steps`; options that stand beside each other are
defined together, so that combinations have a definition too.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from helpers import Array

Parameters = Mapping[str, Array]


def sigmoid(z: Array) -> Array:
    return 1 / (1 + np.exp(-z))


def norm(rows: list[Array]) -> list[Array]:
    """Vectors normalised as if they were one."""
    entries = [float(value) for row in rows for value in row]
    mean = math.fsum(entries) / len(entries)
    variance = math.fsum((value - mean) ** 2 for value in entries) / len(entries)
    return [(row - mean) / math.sqrt(variance + 1e-5) for row in rows]


def products(p: Parameters, gates: str, x: Array, a: Array) -> tuple[dict[str, Array], dict[str, Array]]:
    """Each gate's part of x and of the state before."""
    of_a = {gate: p["W" + gate][:, : a.size] @ a for gate in gates}
    of_x = {gate: p["W" + gate][:, a.size :] @ x for gate in gates}
    return of_x, of_a


def gained(p: Parameters, part: str, products: dict[str, Array]) -> dict[str, Array]:
    """The products normalised together, times their gains `g<gate><part>`."""
    normalised = norm(list(products.values()))
    return {gate: p[f"g{gate}{part}"][:, 0] * row for gate, row in zip(products, normalised, strict=True)}


def lstm(x: Array, state: dict[str, Array], p: Parameters, **masks: Any) -> dict[str, Array]:
    """The state after `state`; the parameters themselves say which of the options are on."""
    a, c = state["a"], state["c"]
    of_x, of_a = products(p, "fico", x, masks.get("mask", 1) * a)
    if "gc" in p:
        of_x, of_a = gained(p, "x", of_x), gained(p, "a", of_a)
    z = {gate: of_x[gate] + of_a[gate] + p["b" + gate][:, 0] for gate in "fico"}
    peephole = {gate: p["p" + gate][:, 0] if "pf" in p else 0 for gate in "fio"}
    new = sigmoid(z["f"] + peephole["f"] * c) * c + sigmoid(z["i"] + peephole["i"] * c) * np.tanh(z["c"])
    o = sigmoid(z["o"] + peephole["o"] * new)
    h = o * np.tanh(p["gc"][:, 0] * norm([new])[0] + p["sc"][:, 0] if "gc" in p else new)
    h = p["Wp"] @ h if "Wp" in p else h
    za, zc = masks.get("zoneout_a", 0), masks.get("zoneout_c", 0)
    return {"a": za * a + (1 - za) * h, "c": zc * c + (1 - zc) * new}


def gru(x: Array, state: dict[str, Array], p: Parameters, reset: str = "after", **masks: Any) -> dict[str, Array]:
    c, n_a = state["c"], len(state["c"])
    seen = masks.get("mask", 1) * c
    of_x, of_a = products(p, "ruc", x, seen)
    if "gux" in p:
        of_x, of_a = (
            {**gained(p, part, {gate: each[gate] for gate in "ru"}), **gained(p, part, {"c": each["c"]})}
            for part, each in (("x", of_x), ("a", of_a))
        )
    r, u = (sigmoid(of_x[gate] + of_a[gate] + p["b" + gate][:, 0]) for gate in "ru")
    q = p["Wc"][:, :n_a] @ (r * seen) if reset == "before" else r * (of_a["c"] + p["bca"][:, 0])
    new = u * np.tanh(of_x["c"] + p["bc"][:, 0] + q) + (1 - u) * c
    z = masks.get("zoneout_c", 0)
    return {"c": z * c + (1 - z) * new}


def rnn(x: Array, state: dict[str, Array], p: Parameters, **masks: Any) -> dict[str, Array]:
    a, z = state["a"], masks.get("zoneout_a", 0)
    new = np.tanh(p["Wax"] @ x + p["Waa"] @ (masks.get("mask", 1) * a) + p["ba"][:, 0])
    return {"a": z * a + (1 - z) * new}


def probabilities(a: Array, p: Parameters) -> Array:
    e = np.exp((p["Wya"] if "Wya" in p else p["Wy"]) @ a + p["by"][:, 0])
    return e / e.sum()
