"""One direction of one layer by the equations in `steps`, in the engine's notation; nothing of the engine is used."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from unrolled import bridge, steps
from unrolled.steps.gru import Reset

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Direction:
    """What one direction computed, and its way back."""

    trace: Arrays  # (T, N, H) each, 0 in padding; `h` is the output
    h_last: np.ndarray  # (N, H)
    c_last: np.ndarray  # (N, H); h where there is no c
    backward: Callable[[np.ndarray, np.ndarray, np.ndarray], Arrays]  # dy, dh_last, dc_last -> dx, dh0, gradients


def _at_last(of_steps: np.ndarray, first: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Each sequence's own last step of `(T, N, H)`; `first` where it has none."""
    rows = [of_steps[length - 1, n] if length else first[n] for n, length in enumerate(lengths)]
    return np.reshape(rows, first.shape)


def _of_steps(caches: list, at: int, shape: tuple[int, ...], lengths: np.ndarray) -> np.ndarray:
    """One entry of every step's cache, which holds the running columns only, as `(T, N, H)`."""
    result = np.zeros(shape)
    for t, cache in enumerate(caches):
        result[t, lengths > t] = cache[at].T
    return result


def _head(H: int, weight: str) -> Arrays:
    """The output layer that the equations ask for; no result here depends on it."""
    return {weight: np.zeros((1, H)), "by": np.zeros((1, 1))}


def lstm(parameters: Arrays, x: np.ndarray, h0: np.ndarray, c0: np.ndarray, lengths: np.ndarray) -> Direction:
    course = bridge.lstm_to_course(parameters) | _head(h0.shape[1], "Wy")
    a, _, c, caches = steps.lstm_forward(x.T, h0.T, course, c0=c0.T, lengths=lengths)
    h, c, shape = bridge.arrays_to_engine(a), bridge.arrays_to_engine(c), (*x.shape[:2], h0.shape[1])
    # the cache is a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt, parameters
    gates = {"i": 5, "f": 4, "g": 6, "o": 7}
    trace = {name: _of_steps(caches[0], at, shape, lengths) for name, at in gates.items()}

    def backward(dy: np.ndarray, dh: np.ndarray, dc: np.ndarray) -> Arrays:
        finals = {"da_final": dh.T, "dc_final": dc.T}
        back = steps.lstm_backward(dy.T, caches, **finals, with_dc0=True, lengths=lengths)
        inputs = {"dx": back["dx"].T, "dh0": back["da0"].T, "dc0": back["dc0"].T}
        return inputs | bridge.lstm_to_engine(back, prefix="d")

    return Direction(trace | {"c": c, "h": h}, _at_last(h, h0, lengths), _at_last(c, c0, lengths), backward)


def gru(
    parameters: Arrays, x: np.ndarray, h0: np.ndarray, _: np.ndarray, lengths: np.ndarray, reset: Reset = "after"
) -> Direction:
    course = bridge.gru_to_course(parameters) | _head(h0.shape[1], "Wy")
    c, _, caches = steps.gru_forward(x.T, h0.T, course, reset=reset, lengths=lengths)
    h, shape = bridge.arrays_to_engine(c), (*x.shape[:2], h0.shape[1])
    # the cache is c_next, c_prev, ut, rt, cct, xt, parameters, reset
    trace = {name: _of_steps(caches[0], at, shape, lengths) for name, at in {"r": 3, "z": 2, "n": 4}.items()}
    on = np.arange(x.shape[0])[:, np.newaxis, np.newaxis] < lengths[:, np.newaxis]
    trace["z"] = np.where(on, 1 - trace["z"], 0)

    def backward(dy: np.ndarray, dh: np.ndarray, _: np.ndarray) -> Arrays:
        back = steps.gru_backward(dy.T, caches, dc_final=dh.T, lengths=lengths)
        if reset == "after":
            back.setdefault("dbca", np.zeros((h0.shape[1], 1)))  # no steps, no cache, no such gradient
        return {"dx": back["dx"].T, "dh0": back["dc0"].T, **bridge.gru_to_engine(back, prefix="d")}

    return Direction(trace | {"h": h}, _at_last(h, h0, lengths), _at_last(h, h0, lengths), backward)


def rnn(parameters: Arrays, x: np.ndarray, h0: np.ndarray, _: np.ndarray, lengths: np.ndarray) -> Direction:
    course = bridge.rnn_to_course(parameters) | _head(h0.shape[1], "Wya")
    a, _, caches = steps.rnn_forward(x.T, h0.T, course, lengths=lengths)
    h = bridge.arrays_to_engine(a)

    def backward(dy: np.ndarray, dh: np.ndarray, _: np.ndarray) -> Arrays:
        back = steps.rnn_backward(dy.T, caches, da_final=dh.T, lengths=lengths)
        return {"dx": back["dx"].T, "dh0": back["da0"].T, **bridge.rnn_to_engine(back, prefix="d")}

    return Direction({"h": h}, _at_last(h, h0, lengths), _at_last(h, h0, lengths), backward)


def relu(parameters: Arrays, x: np.ndarray, h0: np.ndarray, _: np.ndarray, lengths: np.ndarray) -> Direction:
    """`steps` has tanh only; this is its RNN, line by line, with h = max(0, z)."""
    W_ih, W_hh, b = (parameters[f"{name}_l0"] for name in ("weight_ih", "weight_hh", "bias"))
    h, before = np.zeros((*x.shape[:2], h0.shape[1])), [h0, *np.zeros((x.shape[0], *h0.shape))]
    for t in range(x.shape[0]):
        on = lengths > t
        before[t + 1][on] = h[t, on] = np.maximum(0, x[t, on] @ W_ih.T + before[t][on] @ W_hh.T + b)

    def backward(dy: np.ndarray, dh: np.ndarray, _: np.ndarray) -> Arrays:
        dx, dh = np.zeros_like(x), dh.copy()
        dW_ih, dW_hh, db = np.zeros_like(W_ih), np.zeros_like(W_hh), np.zeros_like(b)
        for t in reversed(range(x.shape[0])):
            on = lengths > t
            # forward: h = max(0, W_ih x + W_hh h_prev + b)
            dz = (dy[t, on] + dh[on]) * (h[t, on] > 0)
            dW_ih, dW_hh, db = dW_ih + dz.T @ x[t, on], dW_hh + dz.T @ before[t][on], db + dz.sum(0)
            dx[t, on], dh[on] = dz @ W_ih, dz @ W_hh
        return {"dx": dx, "dh0": dh, "weight_ih_l0": dW_ih, "weight_hh_l0": dW_hh, "bias_l0": db}

    return Direction({"h": h}, _at_last(h, h0, lengths), _at_last(h, h0, lengths), backward)


DIRECTION = {"lstm": lstm, "gru": gru, "gru_before": partial(gru, reset="before"), "tanh": rnn, "relu": relu}
