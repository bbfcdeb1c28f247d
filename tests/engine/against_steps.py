"""The engine's layers and `steps` side by side on the same random numbers, every result by name; no judgement.

The reference is always float64. What the engine computes in float32 starts from the same numbers, rounded once.
"""
# ruff: noqa: E741 - an axis is I, as in the equations

from dataclasses import dataclass, replace

import numpy as np

from unrolled import bridge, steps
from unrolled.layers import LSTM, RNN, LSTMState

# In float64 the engine and `steps` add the same numbers in another order.
FLOAT64_TOLERANCE = 1e-12


@dataclass(frozen=True)
class Case:
    """The sizes of one comparison, and the seed of its numbers."""

    cell: str
    T: int
    N: int
    I: int
    H: int
    num_layers: int = 1
    dtype: str = "float64"
    seed: int = 0

    def __str__(self) -> str:
        return f"{self.cell}-T{self.T}-N{self.N}-I{self.I}-H{self.H}-L{self.num_layers}-{self.dtype}"

    @property
    def tolerance(self) -> float:
        """Largest difference allowed, as a part of the reference's largest entry (or of 1, where that is smaller).

        float32: the roundings of a sum grow like the root of its length. A gate sums I + H products; a gradient sums
        T N of them, and the state carries what it got through T steps, of which the weights here let none grow. So the
        two roots, times epsilon, and each layer adds its own; the factor 4 is for the tails. Seen: a third of it.
        """
        if self.dtype == "float64":
            return FLOAT64_TOLERANCE
        growth = np.sqrt(self.I + self.H) + np.sqrt(max(1, self.N) * max(1, self.T))
        return float(4 * np.finfo(np.float32).eps * np.sqrt(self.num_layers) * growth)


@dataclass(frozen=True)
class Numbers:
    """All that goes in, as float64 holding numbers of the case's dtype: nothing is zero, nothing is one."""

    parameters: dict[str, np.ndarray]
    x: np.ndarray  # (T, N, I)
    h0: np.ndarray  # (L, N, H)
    c0: np.ndarray  # (L, N, H)
    dy: np.ndarray  # (T, N, H)
    dh: np.ndarray  # (L, N, H): of the last h
    dc: np.ndarray  # (L, N, H): of the last c


def numbers(case: Case) -> Numbers:
    """Random numbers; the recurrent weights have norms near one, so that a difference neither dies out nor explodes."""
    rng = np.random.default_rng((case.seed, case.T, case.N, case.I, case.H))
    T, N, I, H, L = case.T, case.N, case.I, case.H, case.num_layers
    G = 4 if case.cell == "lstm" else 1

    def draw(*shape: int, scale: float = 1.0) -> np.ndarray:
        return (scale * rng.normal(size=shape)).astype(case.dtype).astype(float)

    parameters = {}
    for layer in range(L):
        inputs = H if layer else I
        parameters[f"weight_ih_l{layer}"] = draw(G * H, inputs, scale=inputs**-0.5)
        parameters[f"weight_hh_l{layer}"] = draw(G * H, H, scale=0.8 * H**-0.5)
        parameters[f"bias_l{layer}"] = draw(G * H)
    return Numbers(parameters, draw(T, N, I), draw(L, N, H), draw(L, N, H), draw(T, N, H), draw(L, N, H), draw(L, N, H))


def layer_of(case: Case, given: Numbers) -> LSTM | RNN:
    """The engine's layer with the case's parameters."""
    kind = LSTM if case.cell == "lstm" else RNN
    layer = kind(case.I, case.H, num_layers=case.num_layers, dtype=case.dtype, seed=0)
    layer.set(**given.parameters)
    return layer


def by_engine(case: Case, given: Numbers) -> dict[str, np.ndarray]:
    """Forward with a trace, backward, inference and the first step alone: every array by name."""
    layer, lstm = layer_of(case, given), case.cell == "lstm"
    x, h0, c0, dy, dh, dc = (
        np.asarray(a, case.dtype) for a in (given.x, given.h0, given.c0, given.dy, given.dh, given.dc)
    )
    state = LSTMState(h0, c0) if lstm else h0
    run = layer.forward(x, state, trace=True)
    grads = layer.backward(run, dy, LSTMState(dh, dc) if lstm else dh)
    assert run.trace is not None
    result = {"output": run.output, "dx": grads.x}
    result |= {f"d{name}": gradient for name, gradient in grads.parameters.items()}
    for key, of_last, of_first in _states(run.state, grads.state, lstm):
        result |= {f"{key}_last": of_last, f"d{key}0": of_first}
    for k, trace in enumerate(run.trace):
        result |= {f"trace_{name}_l{k}": array for name, array in trace._asdict().items()}
    y, last = layer(x, state)
    result["inference"] = y
    for key, of_last, _ in _states(last, last, lstm):
        result[f"inference_{key}_last"] = of_last
    if case.T:
        result["step"] = layer.step(x[0], state)[0]
    return result


def _states(last: object, first: object, lstm: bool) -> list[tuple[str, np.ndarray, np.ndarray]]:
    return [("h", last.h, first.h), ("c", last.c, first.c)] if lstm else [("h", last, first)]  # type: ignore[attr-defined]


def by_steps(case: Case, given: Numbers) -> dict[str, np.ndarray]:
    """The same arrays by the same names, from the equations, through the bridge."""
    return _lstm_by_steps(case, given) if case.cell == "lstm" else _rnn_by_steps(case, given)


def _layer_parameters(given: Numbers, k: int) -> dict[str, np.ndarray]:
    return {f"{name}_l0": given.parameters[f"{name}_l{k}"] for name in ("weight_ih", "weight_hh", "bias")}


def _finish(case: Case, result: dict[str, np.ndarray], x: np.ndarray) -> dict[str, np.ndarray]:
    result |= {"output": x, "inference": x}
    result |= {f"inference_{key}_last": result[f"{key}_last"] for key in "hc" if f"{key}_last" in result}
    return result | ({"step": x[0]} if case.T else {})


def _lstm_by_steps(case: Case, given: Numbers) -> dict[str, np.ndarray]:
    H, L, to_engine, to_course = case.H, case.num_layers, bridge.arrays_to_engine, bridge.arrays_to_course
    result, caches, x = {}, [], given.x
    h_last, c_last, dh0, dc0 = (np.empty_like(given.h0) for _ in range(4))
    for k in range(L):
        head = {"Wy": np.zeros((1, H)), "by": np.zeros((1, 1))}  # the equations ask for one; no result depends on it
        parameters = bridge.lstm_to_course(_layer_parameters(given, k)) | head
        a, _, c, cache = steps.lstm_forward(to_course(x), to_course(given.h0[k]), parameters, c0=to_course(given.c0[k]))
        x = to_engine(a)
        h_last[k], c_last[k] = (x[-1], to_engine(c)[-1]) if case.T else (given.h0[k], given.c0[k])
        # the cache is a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt, parameters
        where = {"i": 5, "f": 4, "g": 6, "o": 7, "c": 1, "h": 0}
        for name, at in where.items():
            of_steps = [step[at].T for step in cache[0]]
            result[f"trace_{name}_l{k}"] = np.reshape(of_steps, (case.T, case.N, H))
        caches.append(cache)
    da = given.dy
    for k in reversed(range(L)):
        back = steps.lstm_backward(
            to_course(da),
            caches[k],
            da_final=to_course(given.dh[k]),
            dc_final=to_course(given.dc[k]),
            with_dc0=True,
        )
        result |= {f"d{name[:-1]}{k}": g for name, g in bridge.lstm_to_engine(back, prefix="d").items()}
        da, dh0[k], dc0[k] = to_engine(back["dx"]), to_engine(back["da0"]), to_engine(back["dc0"])
    result |= {"dx": da, "h_last": h_last, "c_last": c_last, "dh0": dh0, "dc0": dc0}
    return _finish(case, result, x)


def _rnn_by_steps(case: Case, given: Numbers) -> dict[str, np.ndarray]:
    H, L, to_engine, to_course = case.H, case.num_layers, bridge.arrays_to_engine, bridge.arrays_to_course
    result, caches, x = {}, [], given.x
    h_last, dh0 = np.empty_like(given.h0), np.empty_like(given.h0)
    for k in range(L):
        head = {"Wya": np.zeros((1, H)), "by": np.zeros((1, 1))}
        parameters = bridge.rnn_to_course(_layer_parameters(given, k)) | head
        a, _, cache = steps.rnn_forward(to_course(x), to_course(given.h0[k]), parameters)
        x = to_engine(a)
        h_last[k] = x[-1] if case.T else given.h0[k]
        result[f"trace_h_l{k}"] = x
        caches.append(cache)
    da = given.dy
    for k in reversed(range(L)):
        back = steps.rnn_backward(to_course(da), caches[k], da_final=to_course(given.dh[k]))
        result |= {f"d{name[:-1]}{k}": g for name, g in bridge.rnn_to_engine(back, prefix="d").items()}
        da, dh0[k] = to_engine(back["dx"]), to_engine(back["da0"])
    result |= {"dx": da, "h_last": h_last, "dh0": dh0}
    return _finish(case, result, x)


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


def both_cells(*sizes: tuple[int, int, int, int], num_layers: int = 1) -> list[Case]:
    """Cases of both cells and both dtypes for each `(T, N, I, H)`."""
    cases = [Case(cell, *size, num_layers=num_layers) for size in sizes for cell in ("lstm", "rnn")]
    return [replace(case, dtype=dtype) for case in cases for dtype in ("float64", "float32")]
