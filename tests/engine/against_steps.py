"""The engine's layers and `steps` side by side on the same random numbers, every result by name; no judgement.

The reference is always float64. What the engine computes in float32 starts from the same numbers, rounded once.
"""
# ruff: noqa: E741 - an axis is I, as in the equations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.reference import DIRECTION
from helpers import tolerance
from unrolled.layers import GRU, LSTM, RNN, LSTMState
from unrolled.layers.recurrent import Recurrent

Arrays = dict[str, np.ndarray]

LAYERS: dict[str, Callable[..., Recurrent[Any, Any]]] = {
    "lstm": LSTM,
    "gru": GRU,
    "gru_before": lambda *sizes, **options: GRU(*sizes, reset="before", **options),
    "tanh": RNN,
    "relu": lambda *sizes, **options: RNN(*sizes, nonlinearity="relu", **options),
}
GATES = {"lstm": 4, "gru": 3, "gru_before": 3, "tanh": 1, "relu": 1}
CELLS = tuple(LAYERS)


@dataclass(frozen=True)
class Case:
    """What one comparison runs, and the seed of its numbers."""

    cell: str
    T: int
    N: int
    I: int
    H: int
    num_layers: int = 1
    bidirectional: bool = False
    padded: bool = False  # sequences of unequal lengths
    dtype: str = "float64"
    seed: int = 0

    def __str__(self) -> str:
        marks = f"-L{self.num_layers}" + "-both ways" * self.bidirectional + "-padded" * self.padded
        return f"{self.cell}-T{self.T}-N{self.N}-I{self.I}-H{self.H}{marks}-{self.dtype}"

    @property
    def tolerance(self) -> float:
        """Largest difference allowed, as a part of the reference's largest entry (or of 1, where that is smaller).

        float32: the roundings of a sum grow like the root of its length. A gate sums I + H products; a gradient sums
        T N of them, and the state carries what it got through T steps, of which the weights here let none grow. So the
        table's number times the two roots, and each layer adds its own. Seen: a third of it.
        """
        of_table = tolerance("engine and steps", self.dtype)["rtol"]
        if self.dtype == "float64":
            return of_table
        return of_table * np.sqrt(self.num_layers) * (np.sqrt(self.I + self.H) + np.sqrt(1 + self.N * self.T))

    @property
    def directions(self) -> list[tuple[str, int, bool]]:
        """The suffix of the parameters' names, the layer, and whether it is the reverse direction."""
        both = [("", False), ("_reverse", True)][: 1 + self.bidirectional]
        return [(f"l{k}{mark}", k, reverse) for k in range(self.num_layers) for mark, reverse in both]


@dataclass(frozen=True)
class Numbers:
    """All that goes in, as float64 holding numbers of the case's dtype: none is zero, and padding is NaN."""

    parameters: Arrays
    lengths: np.ndarray | None  # (N,)
    x: np.ndarray  # (T, N, I)
    h0: np.ndarray  # (L D, N, H)
    c0: np.ndarray  # (L D, N, H)
    dy: np.ndarray  # (T, N, D H)
    dh: np.ndarray  # (L D, N, H): of the last h
    dc: np.ndarray  # (L D, N, H): of the last c


def numbers(case: Case) -> Numbers:
    """Random numbers; the recurrent weights have norms near one, so that a difference neither dies out nor explodes."""
    rng = np.random.default_rng((case.seed, case.T, case.N, case.I, case.H))
    T, N, I, H, G = case.T, case.N, case.I, case.H, GATES[case.cell]
    D, LD = 1 + case.bidirectional, len(case.directions)

    def draw(*shape: int, scale: float = 1.0) -> np.ndarray:
        return (scale * rng.normal(size=shape)).astype(case.dtype).astype(float)

    parameters = {}
    for suffix, layer, _ in case.directions:
        inputs = D * H if layer else I
        parameters[f"weight_ih_{suffix}"] = draw(G * H, inputs, scale=inputs**-0.5)
        parameters[f"weight_hh_{suffix}"] = draw(G * H, H, scale=0.8 * H**-0.5)
        parameters[f"bias_{suffix}"] = draw(G * H)
        if case.cell == "gru":
            parameters[f"bias_hn_{suffix}"] = draw(H)
    x, dy, lengths = draw(T, N, I), draw(T, N, D * H), None
    if case.padded:
        lengths = rng.permutation(np.concatenate([[0, T], rng.integers(0, T + 1, max(0, N - 2))])[:N])
        padding = np.arange(T)[:, np.newaxis] >= lengths
        x[padding] = dy[padding] = np.nan
    return Numbers(parameters, lengths, x, draw(LD, N, H), draw(LD, N, H), dy, draw(LD, N, H), draw(LD, N, H))


def layer_of(case: Case, given: Numbers) -> Recurrent[Any, Any]:
    """The engine's layer with the case's parameters."""
    options = {"num_layers": case.num_layers, "bidirectional": case.bidirectional, "dtype": case.dtype, "seed": 0}
    layer = LAYERS[case.cell](case.I, case.H, **options)
    layer.set(**given.parameters)
    return layer


def by_engine(case: Case, given: Numbers, memory: str = "full") -> Arrays:
    """Forward, backward, inference and the first step alone, and a trace if memory is full: every array by name."""
    layer, lstm = layer_of(case, given), case.cell == "lstm"
    h0, c0, dh, dc = (np.asarray(a, case.dtype) for a in (given.h0, given.c0, given.dh, given.dc))
    x, dy = given.x.astype(case.dtype), given.dy.astype(case.dtype)
    state, dstate = (LSTMState(h0, c0), LSTMState(dh, dc)) if lstm else (h0, dh)
    run = layer.forward(x, state, lengths=given.lengths, trace=memory == "full", memory=memory)
    grads = layer.backward(run, dy, dstate)
    result = {"output": run.output, "dx": grads.x}
    result |= {f"d{name}": gradient for name, gradient in grads.parameters.items()}
    result |= {f"{key}_last": last for key, last in states(run.state).items()}
    result |= {f"d{key}0": first for key, first in states(grads.state).items()}
    for (suffix, _, _), trace in zip(case.directions, run.trace or (), strict=bool(run.trace)):
        result |= {f"trace_{name}_{suffix}": array for name, array in trace._asdict().items()}
    y, last = layer(x, state, lengths=given.lengths)
    result |= {"inference": y} | {f"inference_{key}_last": array for key, array in states(last).items()}
    if case.T and not (case.bidirectional or case.padded):
        result["step"] = layer.step(x[0], state)[0]
    return result


def states(state: Any) -> Arrays:
    """An LSTM's pair or another cell's h by name."""
    return {"h": state.h, "c": state.c} if isinstance(state, LSTMState) else {"h": state}


def by_steps(case: Case, given: Numbers) -> Arrays:
    """The same arrays by the same names, from the equations, through the bridge."""
    lengths = np.full(case.N, case.T) if given.lengths is None else given.lengths
    x, h_last, c_last, outputs, ways = given.x, np.empty_like(given.h0), np.empty_like(given.c0), [], []
    result: Arrays = {}
    for index, (suffix, _, reverse) in enumerate(case.directions):
        own = [name for name in given.parameters if name.endswith("_" + suffix)]
        parameters = {name.removesuffix(suffix) + "l0": given.parameters[name] for name in own}
        way = DIRECTION[case.cell](parameters, turned(x, lengths, reverse), given.h0[index], given.c0[index], lengths)
        ways.append(way)
        h_last[index], c_last[index] = way.h_last, way.c_last
        result |= {f"trace_{name}_{suffix}": turned(a, lengths, reverse) for name, a in way.trace.items()}
        outputs.append(result[f"trace_h_{suffix}"])
        if reverse or not case.bidirectional:
            x, outputs = np.concatenate(outputs, axis=2), []
    result |= {"output": x, "inference": x, "h_last": h_last, "inference_h_last": h_last}
    if case.T and not (case.bidirectional or case.padded):
        result["step"] = x[0]

    dy, dh0, dc0 = given.dy, np.empty_like(given.h0), np.empty_like(given.c0)
    dx: Any = 0
    for index, (suffix, _, reverse) in reversed(list(enumerate(case.directions))):
        part = dy[:, :, -case.H :] if reverse else dy[:, :, : case.H]
        back = ways[index].backward(turned(part, lengths, reverse), given.dh[index], given.dc[index])
        dh0[index], dc0[index] = back.pop("dh0"), back.pop("dc0", np.nan)
        dx = dx + turned(back.pop("dx"), lengths, reverse)
        result |= {f"d{name.removesuffix('l0')}{suffix}": gradient for name, gradient in back.items()}
        if not reverse:
            dy, dx, result["dx"] = dx, 0, dx
    result["dh0"] = dh0
    if case.cell == "lstm":
        result |= {"c_last": c_last, "inference_c_last": c_last, "dc0": dc0}
    return result


def turned(array: np.ndarray, lengths: np.ndarray, reverse: bool) -> np.ndarray:
    """Each sequence of `(T, N, .)` from its own end to its beginning, if `reverse`; padding stays."""
    if not reverse:
        return array
    result = array.copy()
    for n, length in enumerate(lengths):
        result[:length, n] = array[:length, n][::-1]
    return result


def difference(found: np.ndarray, reference: np.ndarray) -> float:
    """The largest difference, as a part of the reference's largest entry or of 1; infinite for another shape."""
    if found.shape != reference.shape:
        return np.inf
    if not found.size:
        return 0.0
    worst = np.abs(found.astype(float) - reference).max() / max(1.0, np.abs(reference).max())
    return np.inf if np.isnan(worst) else float(worst)


def differences(case: Case) -> dict[str, float]:
    """Each result's `difference` between engine and steps, by name; both have the same names."""
    given = numbers(case)
    found, reference = by_engine(case, given), by_steps(case, given)
    assert found.keys() == reference.keys()
    return {name: difference(found[name], reference[name]) for name in found}


def cases(*sizes: tuple[int, int, int, int], cells: tuple[str, ...] = CELLS, **options: Any) -> list[Case]:
    """Cases of the cells and both dtypes for each `(T, N, I, H)`.

    Relu's slope jumps at 0, where rounding to float32 can move a sum from one side to the other: large float32
    cases, in which one of thousands of sums is that close, are left out.
    """
    made = [Case(cell, *size, dtype=d, **options) for size in sizes for cell in cells for d in ("float64", "float32")]
    return [case for case in made if (case.cell, case.dtype) != ("relu", "float32") or case.T * case.N * case.H < 600]
