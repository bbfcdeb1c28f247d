"""Every backward function of `unrolled.steps` against central differences, on any set of functions."""

from collections.abc import Callable, Iterator, Sequence
from itertools import product
from typing import Any

import numpy as np

from helpers import Array, rng, tolerance
from steps.golden import Functions
from unrolled.steps import GradientReport, gradient_check

N_X, N_A, N_Y, M = 2, 4, 8, 5  # these, N_A + N_X = 6 and T = 1, 3, 7 are all different: a transpose cannot hide
LENGTHS = {1: (1, 0, 1, 1, 0), 3: (3, 1, 0, 2, 3), 7: (7, 3, 0, 5, 1)}


def draws(seed: int, **shapes: tuple[int, ...]) -> dict[str, Array]:
    """Normal draws of half width, so that few units saturate; states and biases are not zero."""
    g = rng(seed)
    return {name: g.normal(scale=0.5, size=shape) for name, shape in shapes.items()}


def gate_shapes(gates: str, n_x: int = N_X, n_a: int = N_A) -> dict[str, tuple[int, int]]:
    return {kind + gate: (n_a, n_a + n_x if kind == "W" else 1) for gate in gates for kind in "Wb"}


RNN = {"Wax": (N_A, N_X), "Waa": (N_A, N_A), "ba": (N_A, 1)}
HEAD = {"Wya": (N_Y, N_A), "by": (N_Y, 1)}
LSTM = gate_shapes("fico")
LSTM_HEAD = {"Wy": (N_Y, N_A), "by": (N_Y, 1)}
GRU = {**gate_shapes("urc"), "bca": (N_A, 1)}


def check(
    forward: Callable[..., Any], backward: Callable[..., Any], inputs: dict[str, Array], **more: Any
) -> GradientReport:
    return gradient_check(forward, backward, inputs, tolerance=tolerance("central differences")["atol"], seed=3, **more)


def last(states: Array, initial: Array, ends: Sequence[int]) -> Array:
    """The state of every column after its own last step: the initial one after none."""
    columns = [states[:, j, end - 1] if end else initial[:, j] for j, end in enumerate(ends)]
    return np.stack(columns, axis=1)


def ends_of(T: int, covered: int, lengths: Sequence[int] | None) -> list[int]:
    return [min(covered, length) for length in (lengths or [T] * M)]


def rnn(functions: Functions, T: int, covered: int, lengths: Sequence[int] | None) -> GradientReport:
    head = draws(1, **HEAD)

    def forward(x: Array, a0: Array, **parameters: Array) -> Any:
        a, _, caches = functions["rnn_forward"](x, a0, {**parameters, **head}, lengths=lengths)
        return {"a": a[:, :, :covered], "a_final": last(a, a0, ends_of(T, covered, lengths))}, caches

    def backward(upstream: dict[str, Array], caches: Any) -> Any:
        return pad(functions["rnn_backward"](upstream["a"], caches, da_final=upstream["a_final"], lengths=lengths), T)

    return check(forward, backward, draws(2, x=(N_X, M, T), a0=(N_A, M), **RNN))


def lstm(functions: Functions, T: int, covered: int, lengths: Sequence[int] | None) -> GradientReport:
    head = draws(1, **LSTM_HEAD)

    def forward(x: Array, a0: Array, c0: Array, **parameters: Array) -> Any:
        a, _, c, caches = functions["lstm_forward"](x, a0, {**parameters, **head}, c0=c0, lengths=lengths)
        ends = ends_of(T, covered, lengths)
        return {"a": a[:, :, :covered], "a_final": last(a, a0, ends), "c_final": last(c, c0, ends)}, caches

    def backward(upstream: dict[str, Array], caches: Any) -> Any:
        finals = {"da_final": upstream["a_final"], "dc_final": upstream["c_final"]}
        return pad(functions["lstm_backward"](upstream["a"], caches, **finals, with_dc0=True, lengths=lengths), T)

    return check(forward, backward, draws(2, x=(N_X, M, T), a0=(N_A, M), c0=(N_A, M), **LSTM))


def gru(functions: Functions, T: int, covered: int, lengths: Sequence[int] | None, reset: str) -> GradientReport:
    head = draws(1, **LSTM_HEAD)
    shapes = GRU if reset == "after" else gate_shapes("urc")

    def forward(x: Array, c0: Array, **parameters: Array) -> Any:
        c, _, caches = functions["gru_forward"](x, c0, {**parameters, **head}, reset=reset, lengths=lengths)
        return {"c": c[:, :, :covered], "c_final": last(c, c0, ends_of(T, covered, lengths))}, caches

    def backward(upstream: dict[str, Array], caches: Any) -> Any:
        return pad(functions["gru_backward"](upstream["c"], caches, dc_final=upstream["c_final"], lengths=lengths), T)

    return check(forward, backward, draws(2, x=(N_X, M, T), c0=(N_A, M), **shapes))


def pad(gradients: dict[str, Array], T: int) -> dict[str, Array]:
    """Steps that `da` does not cover reach no output: their `dx` is left out by the backward pass, and 0."""
    dx = gradients["dx"]
    return {**gradients, "dx": np.concatenate([dx, np.zeros((*dx.shape[:2], T - dx.shape[2]))], axis=2)}


def rnn_cell(functions: Functions) -> GradientReport:
    head = draws(1, **HEAD)

    def forward(xt: Array, a_prev: Array, **parameters: Array) -> Any:
        a_next, _, cache = functions["rnn_cell_forward"](xt, a_prev, {**parameters, **head})
        return {"a": a_next}, cache

    def backward(upstream: dict[str, Array], cache: Any) -> Any:
        return functions["rnn_cell_backward"](upstream["a"], cache)

    return check(forward, backward, draws(4, xt=(N_X, M), a_prev=(N_A, M), **RNN))


def lstm_cell(functions: Functions) -> GradientReport:
    head = draws(1, **LSTM_HEAD)

    def forward(xt: Array, a_prev: Array, c_prev: Array, **parameters: Array) -> Any:
        a_next, c_next, _, cache = functions["lstm_cell_forward"](xt, a_prev, c_prev, {**parameters, **head})
        return {"a": a_next, "c": c_next}, cache

    def backward(upstream: dict[str, Array], cache: Any) -> Any:
        return functions["lstm_cell_backward"](upstream["a"], upstream["c"], cache)

    return check(forward, backward, draws(4, xt=(N_X, M), a_prev=(N_A, M), c_prev=(N_A, M), **LSTM))


def gru_cell(functions: Functions, reset: str) -> GradientReport:
    head = draws(1, **LSTM_HEAD)
    shapes = GRU if reset == "after" else gate_shapes("urc")

    def forward(xt: Array, c_prev: Array, **parameters: Array) -> Any:
        c_next, _, cache = functions["gru_cell_forward"](xt, c_prev, {**parameters, **head}, reset=reset)
        return {"c": c_next}, cache

    def backward(upstream: dict[str, Array], cache: Any) -> Any:
        return functions["gru_cell_backward"](upstream["c"], cache)

    return check(forward, backward, draws(4, xt=(N_X, M), c_prev=(N_A, M), **shapes))


def head(functions: Functions, shape: tuple[int, ...], weight: str, labels: Array, **more: Any) -> GradientReport:
    def forward(a: Array, **parameters: Array) -> Any:
        J, _, cache = functions["output_forward"](a, labels, parameters, **more)
        return {"J": J}, cache

    def backward(upstream: dict[str, Array], cache: Any) -> Any:
        return functions["output_backward"](cache)

    inputs = draws(5, a=(N_A, *shape), **{weight: (N_Y, N_A)}, by=(N_Y, 1))
    return check(forward, backward, inputs, upstream={"J": 1.0})


def through_the_head(functions: Functions) -> GradientReport:
    """From x and every parameter to J: the LSTM and the head together, with lengths."""
    T, lengths = 3, LENGTHS[3]
    labels = rng(6).integers(N_Y, size=(M, T))

    def forward(x: Array, a0: Array, **parameters: Array) -> Any:
        a, _, _, caches = functions["lstm_forward"](x, a0, parameters, lengths=lengths)
        J, _, cache = functions["output_forward"](a, labels, parameters, reduction="mean", lengths=lengths)
        return {"J": J}, (caches, cache)

    def backward(upstream: dict[str, Array], both: Any) -> Any:
        outer = functions["output_backward"](both[1])
        return {**outer, **functions["lstm_backward"](outer["da"], both[0], lengths=lengths)}

    inputs = draws(7, x=(N_X, M, T), a0=(N_A, M), **LSTM, **LSTM_HEAD)
    return check(forward, backward, inputs, upstream={"J": 1.0})


def derivative(functions: Functions, value: Callable[[Array], Array], name: str) -> GradientReport:
    def forward(x: Array) -> Any:
        y = value(x)
        return {"y": y}, y

    return check(forward, lambda upstream, y: {"dx": upstream["y"] * functions[name](y)}, draws(8, x=(9,)))


def gradient_cases(module: str) -> Iterator[tuple[str, Callable[[Functions], GradientReport]]]:
    """Name and check of every case of `unrolled.steps.<module>`, the quick ones first."""
    if module == "activations":
        yield "sigmoid", lambda f: derivative(f, f["sigmoid"], "sigmoid_derivative")
        yield "tanh", lambda f: derivative(f, np.tanh, "tanh_derivative")
    elif module == "output":
        classes = rng(9).integers(N_Y, size=(M, 3))
        soft = rng(10).dirichlet(np.ones(N_Y), size=(M, 3)).transpose(2, 0, 1)
        yield "one step, mean", lambda f: head(f, (M,), "Wya", classes[:, 0], reduction="mean")
        yield "sum", lambda f: head(f, (M, 3), "Wya", classes)
        yield (
            "distributions, lengths, mean",
            lambda f: head(f, (M, 3), "Wy", soft, reduction="mean", lengths=LENGTHS[3]),
        )
        yield "through the LSTM", through_the_head
    elif module == "gru":
        for reset in ("before", "after"):
            yield f"cell, reset {reset}", lambda f, reset=reset: gru_cell(f, reset)
        for (T, covered, lengths), reset in product(SEQUENCES, ("before", "after")):
            name = f"reset {reset}, {describe(T, covered, lengths)}"
            yield name, lambda f, T=T, k=covered, n=lengths, r=reset: gru(f, T, k, n, r)
    elif module in ("rnn", "lstm"):
        cell, network = (rnn_cell, rnn) if module == "rnn" else (lstm_cell, lstm)
        yield "cell", cell
        for T, covered, lengths in SEQUENCES:
            yield describe(T, covered, lengths), lambda f, T=T, k=covered, n=lengths: network(f, T, k, n)


SEQUENCES = [
    *((3, 3, None), (1, 1, None), (3, 3, LENGTHS[3]), (3, 2, LENGTHS[3])),
    *((1, 1, LENGTHS[1]), (7, 7, None), (7, 4, None), (7, 7, LENGTHS[7])),
]


def describe(T: int, covered: int, lengths: Sequence[int] | None) -> str:
    return f"T = {T}" + f", da of {covered}" * (covered < T) + ", lengths" * (lengths is not None)
