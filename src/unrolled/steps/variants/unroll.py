"""The loop over time that all variants share, forward and backward; what one step computes is each variant's own.

    (1) a<t>, c<t>, y<t> = cell(x<t>, a<t-1>, c<t-1>, masks of step t)       a<-1> = a0,   c<-1> = c0
    (2) da_next<t> = da<t> + da_prev<t+1>         what the loss gives this step, and what the next step hands back;
        dc_next<t> = dc_prev<t+1>                 the second state's upstream gradient is of the last step alone
    (3) dW = sum over t of dW<t>                  and so every other parameter

The states have the names `a` and `c` for an LSTM, `c` for a GRU and `a` for the plain network. What reaches the initial
ones stands in the gradients as `da0` and `dc0`, so that a *learned* initial state needs no variant of its own: it is a
parameter `(n_a, 1)`, repeated for every column, and its gradient is the sum of `da0` (or `dc0`) over the columns.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.errors import ParameterError
from unrolled.shapes import Array
from unrolled.steps._check import Parameters, check_backward, check_optional, pick, promote, running

__all__ = ["Cache", "Caches", "Lengths", "unroll", "unroll_backward"]

Cache = tuple[Any, ...]
Caches = tuple[list[Cache], Array]
Lengths = Sequence[int] | NDArray[np.integer] | None


def unroll(
    cell: Callable[..., tuple[Any, ...]],
    x: Array,
    states: Sequence[Array],
    parameters: Parameters,
    names: Sequence[str],
    masks: Mapping[str, Array],
    lengths: Lengths,
) -> tuple[Any, ...]:
    """Calls `cell` at t = 0, ..., T-1, each step handing its states to the next.

    Equations: (1) at the top of this module.

    Args:
        cell: called as `cell(xt, *states, parameters, **masks)`; returns the next states, `yt_pred`, and the cache.
        x: inputs, `(n_x, m, T)`.
        states: initial states, each `(n, m)`.
        parameters: of `cell`, `by (n_y, 1)` among them.
        names: the parameters that `cell` reads.
        masks: what `cell` takes by keyword, each `(n, m, T)`.
        lengths: steps of each sequence, as in `lstm_forward`.

    Returns:
        Every state over time `(n, m, T)`, `y` `(n_y, m, T)`, and `(caches, x)`.

    Raises:
        ParameterError, ShapeError: `lengths` do not fit `x`, and what `cell` raises.

    Source: as `lstm_forward`.

    >>> def add(xt, a_prev, parameters):
    ...     return a_prev + xt, a_prev, ()
    >>> a, y, caches = unroll(add, np.ones((1, 1, 3)), [np.zeros((1, 1))], {"by": np.zeros((1, 1))}, ["by"], {}, None)
    >>> a.tolist(), y.tolist()
    ([[[1.0, 2.0, 3.0]]], [[[0.0, 1.0, 2.0]]])
    """
    m, T = x.shape[1:]
    dtype = promote(x, *states, *masks.values(), *pick(parameters, names).values())

    over_time = [np.zeros((*state.shape, T), dtype) for state in states]
    y = np.zeros((len(parameters["by"]), m, T), dtype)
    caches: list[Cache] = []
    previous = list(states)
    for t, on in enumerate(running(lengths, m, T)):
        now = {name: mask[:, on, t] for name, mask in masks.items()}
        *after, y[:, on, t], cache = cell(x[:, on, t], *(state[:, on] for state in previous), parameters, **now)  # (1)
        for every, state in zip(over_time, after, strict=True):
            every[:, on, t] = state
        previous = [every[:, :, t] for every in over_time]
        caches.append(cache)

    return *over_time, y, (caches, x)


def unroll_backward(
    cell_backward: Callable[..., dict[str, Array]],
    upstream: Array,
    caches: Caches,
    finals: Mapping[str, Array | None],
    lengths: Lengths,
    entries: str,
    maker: str,
) -> dict[str, Array]:
    """Carries the gradient of every step's first state back through `unroll`.

    Equations: (2) and (3) at the top of this module.

    Args:
        cell_backward: called as `cell_backward(*gradients of the next states, cache)`; returns `dxt`, the gradient of
            every state before, `da_prev` or `dc_prev`, and those of the parameters.
        upstream: gradients of J with respect to the first state, `(n, m, steps covered)`.
        caches: what `unroll` returned last; a step's cache begins with its next states.
        finals: for each state's name a further gradient of each sequence's last covered one, or `None` for zero.
        lengths: the same as in the forward pass.
        entries: names of a step's cache, for the errors.
        maker: the forward function's name, for the errors.

    Returns:
        `dx`, the gradients of the initial states, and those of the parameters summed over batch and time. Where no
        step is covered nothing reaches the parameters, and they have no entry.

    Raises:
        ParameterError: the caches are of another function or of no step, or an array is not of floats.
        ShapeError: shapes disagree, `upstream` covers more steps than the forward pass, or `lengths` differ.

    Source: Werbos 1990, back-propagation through time.

    >>> def back(da_next, cache):
    ...     return {"dxt": da_next, "da_prev": da_next}
    >>> caches = ([(np.ones((1, 1)),)] * 3, np.ones((1, 1, 3)))
    >>> unroll_backward(back, np.ones((1, 1, 3)), caches, {"a": None}, None, "a_next", "unroll")["dx"].tolist()
    [[[3.0, 2.0, 1.0]]]
    """
    first = next(iter(finals))
    sizes, columns = check_backward(f"d{first}", upstream, caches, lengths, entries, maker)
    cells, x = caches
    if not cells:
        raise ParameterError("`caches` holds no step, expected at least one; a sequence without steps has no way back")
    n_x, m = sizes["n_x"], sizes["m"]
    dtype = promote(upstream, x, *finals.values(), cells[0][0])

    dx = np.zeros((n_x, m, len(columns)), dtype)
    sums: dict[str, Array] = {}
    handed: list[Array] = []  # what the step after hands back to each state
    for number, (name, final) in enumerate(finals.items()):
        n = len(cells[0][number])
        check_optional({f"d{name}_final": final}, {"n_a": n, "m": m})
        handed.append(np.zeros((n, m), dtype) if final is None else final.astype(dtype))
    for t, on in reversed(list(enumerate(columns))):
        da_next, *others = (state[:, on] for state in handed)
        step = cell_backward(upstream[:, on, t] + da_next, *others, cells[t])  # (2)
        dx[:, on, t] = step.pop("dxt")
        for name, state in zip(finals, handed, strict=True):
            state[:, on] = step.pop(f"d{name}_prev")
        for name, gradient in step.items():
            sums[name] = sums.get(name, 0) + gradient.astype(dtype)  # (3)

    return {"dx": dx, **{f"d{name}0": state for name, state in zip(finals, handed, strict=True)}, **sums}
