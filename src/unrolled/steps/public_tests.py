"""Drop-in tests for a learner's functions, by the course's names, and the backward ones it never had; no pytest needed.

Each takes one function, calls it with the course's arguments, asserts what it returns entry by entry against
`unrolled.steps`, and prints that all passed. A failing assertion says which value is wrong, where, and what to look at.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from unrolled.shapes import Array
from unrolled.steps.lstm import lstm_backward as _lstm_backward
from unrolled.steps.lstm import lstm_cell_backward, lstm_cell_forward, lstm_forward
from unrolled.steps.rnn import rnn_backward as _rnn_backward
from unrolled.steps.rnn import rnn_cell_backward, rnn_cell_forward, rnn_forward

__all__ = [
    "lstm_backward_test",
    "lstm_cell_backward_test",
    "lstm_cell_forward_test",
    "lstm_forward_test",
    "rnn_backward_test",
    "rnn_cell_backward_test",
    "rnn_cell_forward_tests",
    "rnn_forward_test",
]

N_X, N_A, N_Y, M, T = 3, 5, 2, 4, 6  # all different, so that a transpose cannot hide
RTOL, ATOL = 1e-6, 1e-8  # the course's own tolerance: a different order of summation stays far below it

HINTS = {
    "a_next": "compare with the equation of a<t>, and check that the bias is added",
    "a": "does each step start from the a_next of the step before, and the first from a0?",
    "c": "c starts at zero; does each step start from the c_next of the step before?",
    "yt_pred": "softmax is taken over the classes, the rows of each column",
    "y_pred": "softmax is taken over the classes, the rows of each column, at every step",
    "y": "softmax is taken over the classes, the rows of each column, at every step",
    "c_next": "equation (4): the forget gate acts on c_prev, the update gate on the candidate",
    "ft": "equation (1): sigmoid of Wf [a_prev; xt] + bf",
    "it": "equation (2): sigmoid of Wi [a_prev; xt] + bi",
    "cct": "equation (3): tanh, not sigmoid, of Wc [a_prev; xt] + bc",
    "ot": "equation (5): sigmoid of Wo [a_prev; xt] + bo",
    "dxt": "the columns of each weight that act on xt, transposed, times the gradient before the activation",
    "da_prev": "the columns of each weight that act on a_prev, transposed, times the gradient before the activation",
    "dc_prev": "equation (20): the whole gradient of c_next, also the part that comes through a_next, times ft",
    "dx": "one slice for each step: dx[:, :, t] = dxt",
    "da0": "the da_prev of the first step",
}


def rnn_cell_forward_tests(target: Callable[..., Any]) -> None:
    """Tests the learner's `rnn_cell_forward(xt, a_prev, parameters) -> a_next, yt_pred, cache`.

    Args:
        target: the learner's function.

    Raises:
        AssertionError: naming the first value that is wrong, its place, and what to look at.

    >>> rnn_cell_forward_tests(rnn_cell_forward)
    rnn_cell_forward: all tests passed
    """
    draw = _Draw(1)
    arguments = (draw(N_X, M), draw(N_A, M), draw.rnn_parameters())
    found = _call("rnn_cell_forward", target, arguments, ("a_next", "yt_pred", "cache"))
    _compare_each("rnn_cell_forward", ("a_next", "yt_pred"), found, rnn_cell_forward(*arguments))
    _compare_cache("rnn_cell_forward", "a_next a_prev xt parameters", found[2], rnn_cell_forward(*arguments)[2])
    _passed("rnn_cell_forward")


def rnn_forward_test(target: Callable[..., Any]) -> None:
    """Tests the learner's `rnn_forward(x, a0, parameters) -> a, y_pred, (caches, x)`.

    Args:
        target: the learner's function.

    Raises:
        AssertionError: naming the first value that is wrong, its place, and what to look at.

    >>> rnn_forward_test(rnn_forward)
    rnn_forward: all tests passed
    """
    draw = _Draw(2)
    arguments = (draw(N_X, M, T), draw(N_A, M), draw.rnn_parameters())
    found = _call("rnn_forward", target, arguments, ("a", "y_pred", "caches"))
    want = rnn_forward(*arguments)
    _compare_each("rnn_forward", ("a", "y_pred"), found, want)
    _compare_caches("rnn_forward", "a_next a_prev xt parameters", found[2], want[2])
    _passed("rnn_forward")


def lstm_cell_forward_test(target: Callable[..., Any]) -> None:
    """Tests the learner's `lstm_cell_forward(xt, a_prev, c_prev, parameters) -> a_next, c_next, yt_pred, cache`.

    Args:
        target: the learner's function.

    Raises:
        AssertionError: naming the first value that is wrong, its place, and what to look at.

    >>> lstm_cell_forward_test(lstm_cell_forward)
    lstm_cell_forward: all tests passed
    """
    draw = _Draw(3)
    arguments = (draw(N_X, M), draw(N_A, M), draw(N_A, M), draw.lstm_parameters())
    found = _call("lstm_cell_forward", target, arguments, ("a_next", "c_next", "yt_pred", "cache"))
    want = lstm_cell_forward(*arguments)
    # the gates first: they are the causes, the states only show them
    _compare_cache("lstm_cell_forward", LSTM_CACHE, found[3], want[3], first="ft it cct ot c_next")
    _compare_each(
        "lstm_cell_forward",
        ("c_next", "a_next", "yt_pred"),
        (found[1], found[0], found[2]),
        (want[1], want[0], want[2]),
    )
    _passed("lstm_cell_forward")


def lstm_forward_test(target: Callable[..., Any]) -> None:
    """Tests the learner's `lstm_forward(x, a0, parameters) -> a, y, c, (caches, x)`.

    Args:
        target: the learner's function.

    Raises:
        AssertionError: naming the first value that is wrong, its place, and what to look at.

    >>> lstm_forward_test(lstm_forward)
    lstm_forward: all tests passed
    """
    draw = _Draw(4)
    arguments = (draw(N_X, M, T), draw(N_A, M), draw.lstm_parameters())
    found = _call("lstm_forward", target, arguments, ("a", "y", "c", "caches"))
    want = lstm_forward(*arguments)
    _compare_each("lstm_forward", ("c", "a", "y"), (found[2], found[0], found[1]), (want[2], want[0], want[1]))
    _compare_caches("lstm_forward", LSTM_CACHE, found[3], want[3])
    _passed("lstm_forward")


def rnn_cell_backward_test(target: Callable[..., Any]) -> None:
    """Tests the learner's `rnn_cell_backward(da_next, cache) -> {dxt, da_prev, dWax, dWaa, dba}`.

    Args:
        target: the learner's function.

    Raises:
        AssertionError: naming the first gradient that is wrong, its place, and what to look at.

    >>> rnn_cell_backward_test(rnn_cell_backward)
    rnn_cell_backward: all tests passed
    """
    draw = _Draw(5)
    cache = rnn_cell_forward(draw(N_X, M), draw(N_A, M), draw.rnn_parameters())[2]
    arguments = (draw(N_A, M), cache)
    _compare_gradients(
        "rnn_cell_backward", _call("rnn_cell_backward", target, arguments), rnn_cell_backward(*arguments)
    )
    _passed("rnn_cell_backward")


def rnn_backward_test(target: Callable[..., Any]) -> None:
    """Tests the learner's `rnn_backward(da, caches) -> {dx, da0, dWax, dWaa, dba}`, also with `da` of fewer steps.

    Args:
        target: the learner's function.

    Raises:
        AssertionError: naming the first gradient that is wrong, its place, and what to look at.

    >>> rnn_backward_test(_rnn_backward)
    rnn_backward: all tests passed
    """
    draw = _Draw(6)
    caches = rnn_forward(draw(N_X, M, T), draw(N_A, M), draw.rnn_parameters())[2]
    for steps in (T, T - 2):
        da = draw(N_A, M, steps)
        found = _call("rnn_backward", target, (da, caches))
        no_carry = [rnn_cell_backward(da[:, :, t], caches[0][t]) for t in range(steps)]
        known = {"da_prev is not added to the da of the step before": no_carry[0]["da_prev"]}
        _compare_gradients("rnn_backward", found, _rnn_backward(da, caches), known, steps)
    _passed("rnn_backward")


def lstm_cell_backward_test(target: Callable[..., Any]) -> None:
    """Tests the learner's `lstm_cell_backward(da_next, dc_next, cache)`.

    It returns `{dxt, da_prev, dc_prev, dWf, dbf, dWi, dbi, dWc, dbc, dWo, dbo}`.

    Args:
        target: the learner's function.

    Raises:
        AssertionError: naming the first gradient that is wrong, its place, and what to look at.

    >>> lstm_cell_backward_test(lstm_cell_backward)
    lstm_cell_backward: all tests passed
    """
    draw = _Draw(7)
    cache = lstm_cell_forward(draw(N_X, M), draw(N_A, M), draw(N_A, M), draw.lstm_parameters())[3]
    arguments = (draw(N_A, M), draw(N_A, M), cache)
    found = _call("lstm_cell_backward", target, arguments)
    _compare_gradients("lstm_cell_backward", found, lstm_cell_backward(*arguments))
    _passed("lstm_cell_backward")


def lstm_backward_test(target: Callable[..., Any]) -> None:
    """Tests the learner's `lstm_backward(da, caches)`, also with `da` of fewer steps than the forward pass.

    It returns `{dx, da0, dWf, dbf, dWi, dbi, dWc, dbc, dWo, dbo}`.

    Args:
        target: the learner's function.

    Raises:
        AssertionError: naming the first gradient that is wrong, its place, and what to look at.

    >>> lstm_backward_test(_lstm_backward)
    lstm_backward: all tests passed
    """
    draw = _Draw(8)
    caches = lstm_forward(draw(N_X, M, T), draw(N_A, M), draw.lstm_parameters())[3]
    for steps in (T, T - 2):
        da = draw(N_A, M, steps)
        found = _call("lstm_backward", target, (da, caches))
        known = {
            "neither da_prev nor dc_prev is handed to the step before": _lstm_da0(da, caches[0], 0, 0),
            "da_prev is not added to the da of the step before": _lstm_da0(da, caches[0], 0, 1),
            "dc_prev is not handed to the step before": _lstm_da0(da, caches[0], 1, 0),
        }
        _compare_gradients("lstm_backward", found, _lstm_backward(da, caches), known, steps)
    _passed("lstm_backward")


LSTM_CACHE = "a_next c_next a_prev c_prev ft it cct ot xt parameters"


class _Draw:
    """Normal draws from a seed, and whole sets of parameters; biases are not zero, so that a lost one shows."""

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)

    def __call__(self, *shape: int) -> Array:
        return self._rng.normal(size=shape)

    def rnn_parameters(self) -> dict[str, Array]:
        shapes = {"Wax": (N_A, N_X), "Waa": (N_A, N_A), "Wya": (N_Y, N_A), "ba": (N_A, 1), "by": (N_Y, 1)}
        return {name: self(*shape) for name, shape in shapes.items()}

    def lstm_parameters(self) -> dict[str, Array]:
        gates = {kind + gate: self(N_A, N_A + N_X if kind == "W" else 1) for gate in "fico" for kind in "Wb"}
        return {**gates, "Wy": self(N_Y, N_A), "by": self(N_Y, 1)}


def _lstm_da0(da: Array, cells: list[Any], carry_a: int, carry_c: int) -> Array:
    """`da0` of a backward pass that may lose what one step hands to the step before."""
    da_prev, dc_prev = np.zeros_like(da[:, :, 0]), np.zeros_like(da[:, :, 0])
    for t in reversed(range(da.shape[2])):
        step = lstm_cell_backward(da[:, :, t] + carry_a * da_prev, carry_c * dc_prev, cells[t])
        da_prev, dc_prev = step["da_prev"], step["dc_prev"]
    return da_prev


def _passed(name: str) -> None:
    print(f"{name}: all tests passed")


def _call(name: str, target: Callable[..., Any], arguments: tuple[Any, ...], returns: tuple[str, ...] = ()) -> Any:
    """What `target` returns, after a look at the number of values and at the arguments, which it must leave alone."""
    before = _copy(arguments)
    found = target(*arguments)
    assert _equal(before, arguments), f"{name} changed one of its arguments; make a copy before you write into an array"
    if returns:
        assert _is(found, tuple), f"{name} returned {type(found).__name__}, expected {', '.join(returns)}"
        count = len(found)
        assert count == len(returns), f"{name} returned {count} values, expected {', '.join(returns)}"
    return found


def _is(value: Any, kind: Any) -> bool:
    """`isinstance`, after which a type checker still knows nothing of a learner's value."""
    return isinstance(value, kind)


def _copy(value: Any) -> Any:
    if _is(value, np.ndarray):
        return value.copy()
    return type(value)(map(_copy, value)) if _is(value, tuple | list) else dict(value)


def _equal(a: Any, b: Any) -> bool:
    if _is(a, np.ndarray):
        return np.array_equal(a, b)
    if _is(a, dict):
        return a.keys() == b.keys() and all(_equal(a[key], b[key]) for key in a)
    return len(a) == len(b) and all(map(_equal, a, b))


def _compare(where: str, name: str, found: Any, want: Array, hint: str = "") -> None:
    """Asserts one array: that it is one, its shape, and its entries."""
    remedy = f"; {hint or HINTS.get(name, 'compare with its equation')}"
    kind = type(found).__name__
    assert _is(found, np.ndarray), f"{where}: {name} is of type {kind}, expected a NumPy array of shape {want.shape}"
    shape = found.shape
    assert shape == want.shape, f"{where}: {name} has shape {shape}, expected {want.shape}{remedy}"
    wrong = ~np.isclose(found, want, RTOL, ATOL)
    at = tuple(int(i) for i in np.unravel_index(np.argmax(wrong), want.shape))
    count = f"{int(wrong.sum())} of {want.size} entries"
    message = f"{where}: {name} is wrong in {count}, first at {list(at)}: {found[at]!s}, expected {want[at]!s}{remedy}"
    assert not wrong.any(), message


def _compare_each(where: str, names: tuple[str, ...], found: tuple[Any, ...], want: tuple[Any, ...]) -> None:
    for name, got, right in zip(names, found, want, strict=False):
        _compare(where, name, got, right)


def _compare_cache(where: str, names: str, found: Any, want: tuple[Any, ...], first: str = "") -> None:
    """Asserts a cell's cache, entry by entry, those of `first` before the others."""
    order = names.split()
    assert _is(found, tuple), f"{where}: cache is of type {type(found).__name__}, expected ({', '.join(order)})"
    count = len(found)
    assert count == len(want), f"{where}: cache has {count} entries, expected ({', '.join(order)})"
    for name in [*first.split(), *order]:
        got, right = found[order.index(name)], want[order.index(name)]
        if name == "parameters":
            message = (
                f"{where}: the last entry of cache is not the parameters that were passed; append them as they came"
            )
            assert _is(got, Mapping), message
            assert got.keys() == right.keys(), message
        else:
            _compare(where + ", cache", name, got, right, HINTS.get(name, "check the order of the cache"))


def _compare_caches(where: str, names: str, found: Any, want: tuple[list[Any], Array]) -> None:
    """Asserts `(caches, x)`: one cache for each step, and the input."""
    assert _is(found, tuple), f"{where}: caches is of type {type(found).__name__}, expected (list of caches, x)"
    count = len(found)
    assert count == 2, f"{where}: caches has {count} entries, expected (list of caches, x)"
    cells, x = found
    steps = len(cells)
    assert steps == len(want[0]), f"{where}: there are {steps} caches, expected one for each of {len(want[0])} steps"
    for t, cell in enumerate(want[0]):
        _compare_cache(f"{where}, step {t}", names, cells[t], cell)
    _compare(where + ", caches", "x", x, want[1], "the second entry of caches is the input")


def _compare_gradients(
    where: str,
    found: Any,
    want: Mapping[str, Array],
    known_mistakes: Mapping[str, Array] | None = None,
    steps: int | None = None,
) -> None:
    """Asserts a dictionary of gradients; `known_mistakes` says which mistake leads to which `da0`."""
    where = where if steps in (None, T) else f"{where} with da of {steps} of {T} steps"
    assert _is(found, Mapping), f"{where} returned {type(found).__name__}, expected a dictionary of {', '.join(want)}"
    missing = [name for name in want if name not in found]
    assert not missing, f"{where}: no {', '.join(missing)} in the dictionary, expected {', '.join(want)}"
    for mistake, da0 in (known_mistakes or {}).items():
        got: Array = np.asarray(found["da0"], dtype=float)
        matches = got.shape == da0.shape and np.allclose(got, da0, RTOL, ATOL)
        assert not matches, f"{where}: da0 has the numbers of code in which {mistake}"
    for name, right in want.items():
        gate = name.removeprefix("d")
        hint = f"sum over the batch (and over the steps) what reaches {gate}" if gate[0] in "Wb" else ""
        _compare(where, name, found[name], right, hint)
