"""What is known of the functions beforehand: the recorded values of the course, and definitions written out; no pytest.

`functions` maps the names of `unrolled.steps` to functions, so that a mutated module can be put in their place.
"""

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from helpers import TOLERANCES, rng, tolerance

Functions = Mapping[str, Callable[..., Any]]

CASES = json.loads((Path(__file__).parents[1] / "golden" / "course_values.json").read_text(encoding="utf-8"))["cases"]
INPUTS = ("x", "xt", "a0", "a_prev", "c_prev", "da", "da_next", "dc_next")
RETURNS = {
    "rnn_cell_forward": ("a_next", "yt_pred", "cache"),
    "rnn_forward": ("a", "y_pred", "caches"),
    "lstm_cell_forward": ("a_next", "c_next", "yt_pred", "cache"),
    "lstm_forward": ("a", "y", "c", "caches"),
}
LSTM_CACHE = ["a_next", "c_next", "a_prev", "c_prev", "ft", "it", "cct", "ot", "xt", "parameters"]


def draw(seed: int, draws: list[tuple[str, list[int]]]) -> dict[str, Any]:
    state = np.random.RandomState(seed)
    return {name: state.randn(*shape) for name, shape in draws}


def outputs(case: dict[str, Any], functions: Functions) -> dict[str, Any]:
    """What the case's function returns for the case's draws, by name."""
    values = draw(case["numpy_legacy_seed"], case["draws"])
    for name, words in case.get("constants", {}).items():
        kind, rows, columns = re.fullmatch(r"(\w+) \((\d+), (\d+)\)", words).groups()
        assert kind == "zeros", f"unknown constant {words}"
        values[name] = np.zeros((int(rows), int(columns)))
    if "redraw" in case:
        again = draw(case["redraw"]["numpy_legacy_seed"], case["redraw"]["draws"])
        values.update({name: again[name] for name in case["redraw"]["use"]})
    parameters = {name: value for name, value in values.items() if name not in INPUTS}
    order = ("x", "xt", "a0", "a_prev", "c_prev")

    name = case["function"]
    forward = name.replace("backward", "forward")
    returned = functions[forward](*(values[key] for key in order if key in values), parameters)
    if name == forward:
        return dict(zip(RETURNS[forward], returned, strict=True))
    return functions[name](*(values[key] for key in ("da", "da_next", "dc_next") if key in values), returned[-1])


def slices(words: str) -> tuple[int | slice, ...]:
    """The index that `words` such as "[0, 0:2]" write down."""
    parts = [part.strip() for part in words.strip("[]").split(",")]
    return tuple(slice(*map(int, part.split(":"))) if ":" in part else int(part) for part in parts)


def check_entry(entry: dict[str, Any], found: Mapping[str, Any]) -> None:
    """Asserts one entry of a case; an entry that asks for nothing known is an error."""
    assert entry.keys() <= {"output", "index", "slice", "value", "shape", "length", "atol", "name"}, entry
    assert len(entry.keys() & {"value", "shape", "length"}) == 1, entry
    value = found[entry["output"]]
    for index in entry.get("index", []):
        value = value[index]
    if "slice" in entry:
        value = value[slices(entry["slice"])]
    if "name" in entry:
        assert LSTM_CACHE[entry["index"][0]] == entry["name"]
    if "shape" in entry:
        assert value.shape == tuple(entry["shape"])
    elif "length" in entry:
        assert len(value) == entry["length"]
    else:
        allowed = tolerance("printed")
        allowed["atol"] = entry.get("atol", allowed["atol"])
        assert np.shape(value) == np.shape(entry["value"])
        np.testing.assert_allclose(value, entry["value"], **allowed)


def check_course(functions: Functions, network: str) -> None:
    """Asserts every entry of every case of `network`, "rnn" or "lstm"."""
    for case in CASES:
        if case["function"].startswith(network):
            found = outputs(case, functions)
            for entry in case["expect"]:
                check_entry(entry, found)


def scalar_gru(x: list[float], c: list[float], p: Mapping[str, Any], reset: str) -> Iterator[tuple[str, list[float]]]:
    """One step for one example, in Python's own numbers, straight from the papers' sums over units."""
    n_a = len(c)

    def squash(z: float) -> float:
        return 1 / (1 + math.exp(-z))

    def row(gate: str, j: int, state: list[float]) -> float:
        return sum(p["W" + gate][j][k] * value for k, value in enumerate(state))

    def of_x(gate: str, j: int) -> float:
        return sum(p["W" + gate][j][n_a + k] * value for k, value in enumerate(x)) + p["b" + gate][j][0]

    u = [squash(row("u", j, c) + of_x("u", j)) for j in range(n_a)]
    r = [squash(row("r", j, c) + of_x("r", j)) for j in range(n_a)]
    if reset == "before":
        candidate = [math.tanh(row("c", j, [r[k] * c[k] for k in range(n_a)]) + of_x("c", j)) for j in range(n_a)]
    else:
        candidate = [math.tanh(r[j] * (row("c", j, c) + p["bca"][j][0]) + of_x("c", j)) for j in range(n_a)]
    c_next = [u[j] * candidate[j] + (1 - u[j]) * c[j] for j in range(n_a)]
    z = [sum(w * value for w, value in zip(weights, c_next, strict=True)) for weights in p["Wy"]]
    e = [math.exp(value + p["by"][k][0]) for k, value in enumerate(z)]
    yield "c_next", c_next
    yield "yt_pred", [value / sum(e) for value in e]


def check_gru(functions: Functions) -> None:
    """Asserts `gru_cell_forward` and `gru_forward`, in both forms, against `scalar_gru`."""
    g, (n_x, n_a, n_y, m, T) = rng(11), (2, 3, 5, 4, 6)
    p = {kind + gate: g.normal(size=(n_a, n_a + n_x if kind == "W" else 1)) for gate in "urc" for kind in "Wb"}
    p |= {"bca": g.normal(size=(n_a, 1)), "Wy": g.normal(size=(n_y, n_a)), "by": g.normal(size=(n_y, 1))}
    x, c0 = g.normal(size=(n_x, m, T)), g.normal(size=(n_a, m))
    for reset in ("before", "after"):
        c, y_pred, _ = functions["gru_forward"](x, c0, p, reset=reset)
        assert c.shape == (n_a, m, T)
        assert y_pred.shape == (n_y, m, T)
        for column in range(m):
            state = c0[:, column].tolist()
            for t in range(T):
                want = dict(scalar_gru(x[:, column, t].tolist(), state, p, reset))
                state = want["c_next"]
                np.testing.assert_allclose(c[:, column, t], state, **tolerance("reordered"))
                np.testing.assert_allclose(y_pred[:, column, t], want["yt_pred"], **tolerance("reordered"))


def check_head(functions: Functions) -> None:
    """Asserts `output_forward`: J and y_pred from their definitions, and J where the label's probability underflows."""
    g, (n_a, n_y, m, T) = rng(12), (3, 5, 4, 2)
    a, head = g.normal(size=(n_a, m, T)), {"Wy": g.normal(size=(n_y, n_a)), "by": g.normal(size=(n_y, 1))}
    labels = g.integers(n_y, size=(m, T))
    for reduction, count in (("sum", 1), ("mean", m * T)):
        J, y_pred, _ = functions["output_forward"](a, labels, head, reduction=reduction)
        total = 0.0
        for column, t in np.ndindex(m, T):
            e = np.exp(head["Wy"] @ a[:, column, t] + head["by"][:, 0])
            np.testing.assert_allclose(y_pred[:, column, t], e / e.sum(), **tolerance("reordered"))
            total -= math.log(e[labels[column, t]] / e.sum())
        np.testing.assert_allclose(J, total / count, **tolerance("reordered"))
    J, y_pred, _ = functions["output_forward"](
        np.array([[2e3], [0.0]]), np.array([1]), {"Wy": np.eye(2), "by": np.zeros((2, 1))}
    )
    assert (J, y_pred.tolist()) == (2e3, [[1.0], [0.0]])


def check_activations(functions: Functions) -> None:
    """Asserts values over the whole range; the ends are those of float64."""
    far = np.finfo(float).max
    x = np.array([-far, -1e3, -700.0, -40.0, -1.5, 0.0, 1.5, 40.0, far])
    right = [0.0, 0.0, *(math.exp(z) / (1 + math.exp(z)) for z in (-700, -40, -1.5, 0, 1.5, 40)), 1.0]
    np.testing.assert_allclose(functions["sigmoid"](x), right, rtol=4 * TOLERANCES["exact"]["float64"][0], atol=0)
    columns = np.array([[far, 0.0, -far, 0.5], [-far, 1e3, -far, -1.0], [-far, 0.0, 0.0, 2.0]])
    e = [math.exp(z) for z in (0.5, -1.0, 2.0)]
    right = np.array([[1, 0, 0, e[0] / sum(e)], [0, 1, 0, e[1] / sum(e)], [0, 0, 1, e[2] / sum(e)]])
    np.testing.assert_allclose(functions["softmax"](columns), right, **tolerance("reordered"))
    logs = functions["log_softmax"](columns)
    right = [
        [0, -1e3, -far, math.log(right[0, 3])],
        [-far, 0, -far, math.log(right[1, 3])],
        [-far, -1e3, 0, math.log(right[2, 3])],
    ]
    np.testing.assert_allclose(logs, right, **tolerance("reordered"))


def check_adam(functions: Functions) -> None:
    """Asserts three updates against the sums written out: v and s from the definition of their averages."""
    g, (rate, beta1, beta2, epsilon) = rng(13), (0.05, 0.8, 0.9, 1e-3)
    shapes = {"W1": (2, 3), "b1": (2, 1), "W2": (4, 2), "b2": (4, 1)}
    parameters = {name: g.normal(size=shape) for name, shape in shapes.items()}
    want = dict(parameters)
    steps = [{"d" + name: g.normal(size=shape) * 1e-2 for name, shape in shapes.items()} for _ in range(3)]
    v, s = functions["initialize_adam"](parameters)
    for t, grads in enumerate(steps, start=1):
        parameters, v, s = functions["update_parameters_with_adam"](
            parameters, grads, v, s, t, rate, beta1, beta2, epsilon
        )
        for name in shapes:
            past = [step["d" + name] for step in steps[:t]]
            mean = sum((1 - beta1) * beta1 ** (t - 1 - i) * grad for i, grad in enumerate(past))
            square = sum((1 - beta2) * beta2 ** (t - 1 - i) * grad * grad for i, grad in enumerate(past))
            root = np.sqrt(square / (1 - beta2**t) + epsilon)
            want[name] = want[name] - rate * mean / (1 - beta1**t) / root
            np.testing.assert_allclose(v["d" + name], mean, **tolerance("reordered"))
            np.testing.assert_allclose(s["d" + name], square, **tolerance("reordered"))
            np.testing.assert_allclose(parameters[name], want[name], **tolerance("reordered"))


def check_golden(functions: Functions, module: str) -> None:
    """Asserts all that is known beforehand of the functions of `unrolled.steps.<module>`."""
    if module == "activations":
        check_activations(functions)
    if module in ("rnn", "lstm"):
        check_course(functions, module)
    elif module == "gru":
        check_gru(functions)
    elif module == "output":
        check_head(functions)
    elif module == "adam":
        check_adam(functions)
