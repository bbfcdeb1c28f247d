"""Random inputs and right answers of every function, from `unrolled.steps`; it knows no learner and no checker."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from unrolled import steps
from unrolled.check.functions import FUNCTIONS

Values = dict[str, Any]

N_X, N_A, N_Y, M, T, T_DA = 4, 6, 2, 7, 8, 3  # all different; `da` is shorter than the forward pass
RESET_AFTER = ("bca",)

FORWARD = {name: name.replace("backward", "forward") for name in FUNCTIONS if name.endswith("_backward")}


def weight_shape(name: str, kind: str) -> tuple[int, int]:
    """The shape of a course parameter in the family `kind`: rnn, lstm, gru or output."""
    if name in ("Wya", "Wy"):
        return N_Y, N_A
    if name == "by":
        return N_Y, 1
    if name.startswith("b"):
        return N_A, 1
    return N_A, {"Wax": N_X, "Waa": N_A}.get(name, N_A + N_X)


def draw(name: str, seed: int = 0, more_weights: tuple[str, ...] = ()) -> Values:
    """Inputs of the function `name` by role; a backward function's include those of its forward function."""
    rng = np.random.default_rng([seed, sorted(FUNCTIONS).index(name)])
    if name in ("sigmoid", "softmax"):
        return {"x": 2 * rng.standard_normal((N_A, M))}
    if "adam" in name:
        return _draw_adam(name, rng)
    kind = name.split("_", maxsplit=1)[0]
    function = FUNCTIONS[name]
    shapes = {
        **dict.fromkeys(("a_prev", "c_prev", "a0", "c0", "da_next", "dc_next"), (N_A, M)),
        "xt": (N_X, M),
        "x": (N_X, M, T),
        "a": (N_A, M, T),
        "da": (N_A, M, T_DA),
        "dc": (N_A, M, T_DA),
    }
    roles = [*(FUNCTIONS[FORWARD[name]].inputs if name in FORWARD else ()), *function.inputs]
    inputs: Values = {role: rng.standard_normal(shapes[role]) for role in roles if role in shapes}
    inputs["parameters"] = {
        weight: rng.standard_normal(weight_shape(weight, kind)) / 1.5 for weight in (*function.weights, *more_weights)
    }
    if kind == "output":
        classes = rng.integers(N_Y, size=(M, T))
        inputs["y"] = np.equal.outer(np.arange(N_Y), classes).astype(float)
    return inputs


def _draw_adam(name: str, rng: np.random.Generator) -> Values:
    shapes = {"W1": (N_A, N_X), "b1": (N_A, 1), "W2": (N_Y, N_A), "b2": (N_Y, 1)}
    inputs: Values = {"parameters": {key: rng.standard_normal(shape) for key, shape in shapes.items()}}
    if name == "initialize_adam":
        return inputs
    for role in ("grads", "v", "s"):
        inputs[role] = {"d" + key: rng.standard_normal(shape) for key, shape in shapes.items()}
    inputs["s"] = {key: value**2 for key, value in inputs["s"].items()}
    return {**inputs, "t": 3, "learning_rate": 0.07, "beta1": 0.8, "beta2": 0.95, "epsilon": 0.02}


def right(name: str, inputs: Values) -> Values:
    """The right outputs of the function `name` by role, dictionaries opened: `parameters.W1`."""
    function = FUNCTIONS[name]
    more: Mapping[str, Any] = {"reset": "after"} if "bca" in inputs.get("parameters", {}) else {}
    call: Callable[..., Any] = getattr(steps, name)
    if name in FORWARD:
        *_, cache = getattr(steps, FORWARD[name])(*(inputs[role] for role in FUNCTIONS[FORWARD[name]].inputs), **more)
        returned = call(*(inputs[role] for role in function.inputs if not role.startswith("cache")), cache)
        return {role: returned[role] for role in function.outputs}
    returned = call(*(inputs[role] for role in function.inputs), **more)
    return opened(dict(zip(function.outputs, returned if isinstance(returned, tuple) else (returned,), strict=True)))


def opened(outputs: Values) -> Values:
    """Outputs with dictionaries in them opened and caches left out."""
    flat: Values = {}
    for role, value in outputs.items():
        if isinstance(value, Mapping):
            flat |= {f"{role}.{key}": array for key, array in value.items()}
        elif not role.startswith("cache"):
            flat[role] = value
    return flat


def cells(name: str, cache: Any) -> list[Any]:
    """What the cache of a forward function holds, cell by cell, arrays only."""
    if FUNCTIONS[name].kind == "cell":
        return [array for array in cache if isinstance(array, np.ndarray)]
    steps_, x = cache
    return [x, *(array for cell in steps_ for array in cell if isinstance(array, np.ndarray))]
