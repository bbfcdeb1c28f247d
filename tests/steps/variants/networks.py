"""Every variant with what it needs to run: shapes, masks, names; its gradient checks and its definition; no test."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from helpers import Array, rng, tolerance
from steps.golden import Functions
from steps.gradients import (
    GRU,
    LENGTHS,
    LSTM,
    N_A,
    N_X,
    N_Y,
    RNN,
    M,
    check,
    describe,
    draws,
    ends_of,
    gate_shapes,
    last,
    pad,
)
from steps.variants import definitions
from unrolled.steps import GradientReport

N_P = 3  # projected units, different from every other length


@dataclass(frozen=True)
class Network:
    """A variant by the name that its functions begin with."""

    name: str
    module: str
    shapes: dict[str, tuple[int, ...]]
    masks: tuple[str, ...] = ()
    rows: dict[str, int] = field(default_factory=dict)  # of each state, in the order of the cell's arguments
    options: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return " ".join([self.name, *self.options.values()])

    @property
    def cell(self) -> str:
        return self.name.split("_")[0]

    @property
    def first(self) -> str:
        return next(iter(self.rows))

    @property
    def head(self) -> dict[str, tuple[int, int]]:
        weight = "Wya" if self.cell == "rnn" else "Wy"
        return {weight: (N_Y, self.rows[self.first]), "by": (N_Y, 1)}

    def states(self, m: int = M, suffix: str = "0") -> dict[str, tuple[int, int]]:
        return {name + suffix: (rows, m) for name, rows in self.rows.items()}

    def drawn_masks(self, T: int | None, m: int = M) -> dict[str, Array]:
        """Values between those of masks, so that every entry counts; an eighth of them 0, as masks have. `T` of None: a
        single step's."""
        found = {}
        for seed, name in enumerate(self.masks, 22):
            over_time = (T,) if T is not None and name != "mask" else ()
            values = rng(seed).uniform(0.0, 2.0 if name == "mask" else 1.0, size=(N_A, m, *over_time))
            found[name] = np.where(rng(seed + 10).random(values.shape) < 0.125, 0.0, values)
        return found

    def run(self, functions: Functions, x: Array, states: dict[str, Array], p: Any, **more: Any) -> Any:
        """Every state over time by name, y, and the caches."""
        forward = functions[f"{self.name}_forward"]
        if self.cell == "lstm":
            a, y, c, caches = forward(x, states["a"], p, c0=states["c"], **self.options, **more)
            return {"a": a, "c": c}, y, caches
        a, y, caches = forward(x, states[self.first], p, **self.options, **more)
        return {self.first: a}, y, caches


LSTM_ROWS, GRU_ROWS, RNN_ROWS = {"a": N_A, "c": N_A}, {"c": N_A}, {"a": N_A}
FORMS = (("before", gate_shapes("urc")), ("after", GRU))
GAINS = {f"g{gate}{part}": (N_A, 1) for gate in "fico" for part in "xa"}
GRU_GAINS = {f"g{gate}{part}": (N_A, 1) for gate in "urc" for part in "xa"}
PROJECTED = {"Wp": (N_P, N_A)} | {name: (N_A, N_P + N_X) if name[0] == "W" else (N_A, 1) for name in LSTM}

NETWORKS = [
    Network("lstm_layer_norm", "layer_norm", {**LSTM, **GAINS, "gc": (N_A, 1), "sc": (N_A, 1)}, rows=LSTM_ROWS),
    Network("gru_layer_norm", "layer_norm", {**GRU, **GRU_GAINS}, rows=GRU_ROWS),
    Network("lstm_zoneout", "zoneout", LSTM, ("zoneout_a", "zoneout_c"), LSTM_ROWS),
    *(Network("gru_zoneout", "zoneout", s, ("zoneout_c",), GRU_ROWS, {"reset": form}) for form, s in FORMS),
    Network("rnn_zoneout", "zoneout", RNN, ("zoneout_a",), RNN_ROWS),
    Network("lstm_recurrent_dropout", "recurrent_dropout", LSTM, ("mask",), LSTM_ROWS),
    *(
        Network("gru_recurrent_dropout", "recurrent_dropout", s, ("mask",), GRU_ROWS, {"reset": form})
        for form, s in FORMS
    ),
    Network("rnn_recurrent_dropout", "recurrent_dropout", RNN, ("mask",), RNN_ROWS),
    Network("lstm_peephole", "peepholes", {**LSTM, **{f"p{gate}": (N_A, 1) for gate in "fio"}}, rows=LSTM_ROWS),
    Network("lstm_projection", "projection", PROJECTED, rows={"a": N_P, "c": N_A}),
]
BY_NAME = {str(network): network for network in NETWORKS}


def check_along(
    forward: Callable[..., Any], backward: Callable[..., Any], inputs: dict[str, Array], **more: Any
) -> GradientReport:
    """As `check`, of all entries at once along one random direction: two evaluations in the place of hundreds."""
    direction = draws(6, **{name: value.shape for name, value in inputs.items()})
    length = sum(np.sum(value**2) for value in direction.values()) ** 0.5
    direction = {name: value / length for name, value in direction.items()}

    def moved(s: Array) -> Any:
        return forward(**{name: value + s[0] * direction[name] for name, value in inputs.items()})

    def slope(upstream: dict[str, Array], caches: Any) -> dict[str, Array]:
        found = backward(upstream, caches)
        return {"ds": np.array([sum(np.sum(found["d" + name] * step) for name, step in direction.items())])}

    return check(moved, slope, {"s": np.zeros(1)}, **more)


def over_time(
    n: Network,
    functions: Functions,
    T: int,
    covered: int,
    lengths: Sequence[int] | None,
    check: Callable[..., GradientReport] = check,
) -> GradientReport:
    """Every gradient of the unrolled functions, with upstream gradients on all states' last values."""
    head, masks, ends = draws(1, **n.head), n.drawn_masks(T), ends_of(T, covered, lengths)

    def forward(x: Array, **drawn: Array) -> Any:
        states = {name: drawn.pop(f"{name}0") for name in n.rows}
        found, _, caches = n.run(functions, x, states, {**drawn, **head}, **masks, lengths=lengths)
        finals = {f"{name}_final": last(found[name], states[name], ends) for name in n.rows}
        return {n.first: found[n.first][:, :, :covered], **finals}, caches

    def backward(upstream: dict[str, Array], caches: Any) -> Any:
        finals = {f"d{name}_final": upstream[f"{name}_final"] for name in n.rows}
        return pad(functions[f"{n.name}_backward"](upstream[n.first], caches, **finals, lengths=lengths), T)

    # a normalised column bends sharply where its deviation is small: truncation needs a smaller step through 7 of them
    step = {"step": 2e-6} if n.module == "layer_norm" else {}
    return check(forward, backward, draws(2, x=(N_X, M, T), **n.states(), **n.shapes), **step)


def cell(n: Network, functions: Functions, check: Callable[..., GradientReport] = check) -> GradientReport:
    """Every gradient of one step, with upstream gradients on all its states."""
    head, masks = draws(1, **n.head), n.drawn_masks(None)

    def forward(xt: Array, **drawn: Array) -> Any:
        states = [drawn.pop(f"{name}_prev") for name in n.rows]
        *after, _, cache = functions[f"{n.name}_cell_forward"](xt, *states, {**drawn, **head}, **masks, **n.options)
        return dict(zip(n.rows, after, strict=True)), cache

    def backward(upstream: dict[str, Array], cache: Any) -> Any:
        return functions[f"{n.name}_cell_backward"](*(upstream[name] for name in n.rows), cache)

    return check(forward, backward, draws(4, xt=(N_X, M), **n.states(suffix="_prev"), **n.shapes))


def check_definition(n: Network, functions: Functions) -> None:
    """Asserts every state and output of the unrolled function against `definitions`, step by step."""
    m, T = 3, 4
    p = draws(11, **n.shapes, **n.head)
    given = draws(12, x=(N_X, m, T), **n.states(m, ""))
    x, masks = given.pop("x"), n.drawn_masks(T, m)
    found, y, _ = n.run(functions, x, given, p, **masks)
    step = getattr(definitions, n.cell)
    for column in range(m):
        state = {name: given[name][:, column] for name in n.rows}
        for t in range(T):
            now = {name: v[:, column, t] if v.ndim == 3 else v[:, column] for name, v in masks.items()}
            state = step(x[:, column, t], state, p, **n.options, **now)
            for name, value in state.items():
                np.testing.assert_allclose(found[name][:, column, t], value, **tolerance("reordered"), err_msg=name)
            expected = definitions.probabilities(state[n.first], p)
            np.testing.assert_allclose(y[:, column, t], expected, **tolerance("reordered"))


def normalization(functions: Functions, name: str) -> GradientReport:
    """`normalize`, by itself or in a product with gains, against central differences."""
    if name == "normalize":

        def forward(v: Array) -> Any:
            n, deviation = functions["normalize"](v)
            return {"n": n}, (n, deviation)

        return check(
            forward,
            lambda upstream, cache: {"dv": functions["normalize_backward"](upstream["n"], *cache)},
            draws(31, v=(N_Y, M)),
        )

    def product(g: Array, W: Array, s: Array) -> Any:
        return {"z": g * functions["normalize"](W @ s)[0]}, (g, W, s)

    def backward(upstream: dict[str, Array], cache: Any) -> dict[str, Array]:
        found = functions["normalized_product_backward"](upstream["z"], *cache)
        return dict(zip(("dg", "dW", "ds"), found, strict=True))

    return check(product, backward, draws(32, g=(N_Y, 1), W=(N_Y, N_A), s=(N_A, M)))


def of_module(module: str) -> list[Network]:
    """The networks that show what `unrolled.steps.variants.<module>` computes."""
    if module == "unroll":  # two states; one state with masks of every step; sequences without steps of some columns
        return [BY_NAME["lstm_zoneout"], BY_NAME["rnn_zoneout"]]
    return [network for network in NETWORKS if network.module == module]


def gradient_cases(module: str) -> Iterator[tuple[str, Callable[[Functions], GradientReport]]]:
    """Name and check of every case of `unrolled.steps.variants.<module>`, the quick ones first."""
    if module == "normalize":
        for name in ("normalize", "product"):
            yield name, partial(normalization, name=name)
    for n in of_module(module):
        yield f"{n}, cell, along one direction", partial(cell, n, check=check_along)
        everything = {"T": 3, "covered": 2, "lengths": LENGTHS[3], "check": check_along}
        yield f"{n}, T = 3, along one direction", partial(over_time, n, **everything)
    for n in of_module(module):
        yield f"{n}, cell", partial(cell, n)
    for T, covered, lengths in ((3, 3, None), (1, 1, LENGTHS[1]), (3, 2, LENGTHS[3]), (7, 7, LENGTHS[7])):
        for n in of_module(module):
            name = f"{n}, {describe(T, covered, lengths)}"
            yield name, partial(over_time, n, T=T, covered=covered, lengths=lengths)


def check_definitions(functions: Functions, module: str) -> None:
    """Asserts all that is known beforehand of the functions of `unrolled.steps.variants.<module>`."""
    if module == "normalize":
        v = draws(33, v=(N_Y, 1))["v"]
        n, deviation = functions["normalize"](v)
        np.testing.assert_allclose(n[:, 0], definitions.norm([v[:, 0]])[0], **tolerance("reordered"))
        np.testing.assert_allclose(n * deviation, v - v.mean(), **tolerance("reordered"))
    for network in of_module(module):
        check_definition(network, functions)
