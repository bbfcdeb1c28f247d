"""One run of every function on drawn arguments, by `unrolled.steps`; no test.

Sizes are all different, and none of them 5, 3 or 10, so that nothing fits by accident.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from helpers import Array, rng
from unrolled import steps
from unrolled.check.functions import FUNCTIONS

N_X, N_A, N_Y, M, T, SHORTER = 4, 6, 7, 9, 8, 4
SHAPES = {
    "Wax": (N_A, N_X), "Waa": (N_A, N_A), "Wya": (N_Y, N_A), "ba": (N_A, 1), "by": (N_Y, 1), "Wy": (N_Y, N_A),
    **{f"W{gate}": (N_A, N_A + N_X) for gate in "ficour"}, **{f"b{gate}": (N_A, 1) for gate in "ficour"},
    "bca": (N_A, 1), "xt": (N_X, M), "x": (N_X, M, T), "da": (N_A, M, SHORTER), "dc": (N_A, M, SHORTER),
}  # fmt: skip
RUNS = [name for name in FUNCTIONS if not name.startswith("gru")] + [
    f"{name} {reset}" for name in FUNCTIONS if name.startswith("gru") for reset in ("before", "after")
]


@dataclass
class Run:
    name: str
    inputs: dict[str, Any]
    outputs: dict[str, Any]


def drawn(name: str, seed: int) -> Array:
    return rng(seed + sum(map(ord, name)) * 1000).normal(size=SHAPES.get(name, (N_A, M)))


def run_of(case: str, seed: int = 0) -> Run:
    """Arguments and right outputs of a function; `case` is its name, and a GRU's form after it."""
    name, _, reset = case.partition(" ")
    function = FUNCTIONS[name]
    names = [*function.weights, *(["bca"] if reset == "after" else [])]
    inputs: dict[str, Any] = {role: drawn(role, seed) for role in function.inputs}
    if name in ("sigmoid", "softmax"):
        inputs = {"x": drawn("xt", seed)}
        return Run(name, inputs, {"s": getattr(steps, name)(inputs["x"])})
    if "adam" in name:
        return _adam(name, seed)
    if name.startswith("output"):
        return _head(name, seed)
    parameters = {key: drawn(key, seed) for key in names}
    gru: dict[str, Any] = {"reset": reset} if reset else {}
    if name.endswith("forward"):
        inputs["parameters"] = parameters
        returned = getattr(steps, name)(*(inputs[role] for role in function.inputs), **gru)
        return Run(name, inputs, dict(zip(function.outputs, returned, strict=True)))
    forward = run_of(case.replace("backward", "forward"), seed)
    cache = "caches" if function.kind == "loop" else "cache"
    inputs[cache] = forward.outputs[cache]
    return Run(name, inputs, dict(getattr(steps, name)(*(inputs[role] for role in function.inputs))))


def _adam(name: str, seed: int) -> Run:
    shapes = {"W1": (N_A, N_X), "b1": (N_A, 1), "W2": (N_Y, N_A), "b2": (N_Y, 1)}
    own = rng(seed)
    parameters = {key: own.normal(size=shape) for key, shape in shapes.items()}
    if name == "initialize_adam":
        return Run(name, {"parameters": parameters}, dict(zip("vs", steps.initialize_adam(parameters), strict=True)))
    grads, v = ({"d" + key: own.normal(size=shape) for key, shape in shapes.items()} for _ in range(2))
    s = {"d" + key: own.uniform(0.5, 2, size=shape) for key, shape in shapes.items()}
    inputs: Mapping[str, Any] = {
        "parameters": parameters, "grads": grads, "v": v, "s": s,
        "t": 3, "learning_rate": 0.07, "beta1": 0.7, "beta2": 0.83, "epsilon": 0.02,
    }  # fmt: skip
    returned = steps.update_parameters_with_adam(*inputs.values())
    return Run(name, dict(inputs), dict(zip(("parameters", "v", "s"), returned, strict=True)))


def _head(name: str, seed: int) -> Run:
    a = rng(seed).normal(size=(N_A, M, T))
    labels = rng(seed).integers(N_Y, size=(M, T))
    parameters = {key: drawn(key, seed) for key in ("Wy", "by")}
    J, y_pred, cache = steps.output_forward(a, labels, parameters)
    if name == "output_backward":
        return Run(name, {"cache": cache}, steps.output_backward(cache))
    return Run(name, {"a": a, "y": labels, "parameters": parameters}, {"J": J, "y_pred": y_pred})
