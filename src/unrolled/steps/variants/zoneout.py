"""Zoneout for the LSTM, the GRU and the plain network: units that keep their old value for a step; no cell of its own.

Equations, in this module's own numbers, around the cells of `lstm.py`, `gru.py` and `rnn.py`, whose new states are
written a~ and c~ here. A mask d holds 1 where a unit keeps its old value and 0 where it takes the new one, drawn afresh
at every step; at inference the *rate*, the mean of the masks, stands in their place. `*` is entry by entry:

        a~, c~ = lstm_cell(x<t>, a<t-1>, c<t-1>)             so a~ = ot * tanh(c~) of the c~ that is *not* zoned out
    (1) a<t> = d_a * a<t-1> + (1 - d_a) * a~                 y<t> = softmax(Wy a<t> + by)
    (2) c<t> = d_c * c<t-1> + (1 - d_c) * c~

Backward:

    (3) da~ = da * (1 - d_a),   dc~ = dc * (1 - d_c)         then the cell's own way back, da_cell<t-1> and dc_cell<t-1>
    (4) da<t-1> = da * d_a + da_cell<t-1>
    (5) dc<t-1> = dc * d_c + dc_cell<t-1>

The GRU has (2) and (5) alone, the plain network (1) and (4). With masks of zeros these are the plain cells.

Source: Krueger et al. 2017, "Zoneout: regularizing RNNs by randomly preserving hidden activations", section 3.2.
"""

from collections.abc import Mapping
from functools import partial

import numpy as np

from unrolled.errors import ParameterError
from unrolled.shapes import Array
from unrolled.steps._check import AXES, Parameters, check_arrays, check_cache, check_optional, pick
from unrolled.steps.activations import softmax
from unrolled.steps.gru import Reset, gru_cell_backward, gru_cell_forward, gru_names
from unrolled.steps.lstm import NAMES as LSTM_NAMES
from unrolled.steps.lstm import lstm_cell_backward, lstm_cell_forward
from unrolled.steps.rnn import NAMES as RNN_NAMES
from unrolled.steps.rnn import rnn_cell_backward, rnn_cell_forward
from unrolled.steps.variants.unroll import Cache, Caches, Lengths, unroll, unroll_backward

__all__ = [
    "gru_zoneout_backward",
    "gru_zoneout_cell_backward",
    "gru_zoneout_cell_forward",
    "gru_zoneout_forward",
    "lstm_zoneout_backward",
    "lstm_zoneout_cell_backward",
    "lstm_zoneout_cell_forward",
    "lstm_zoneout_forward",
    "rnn_zoneout_backward",
    "rnn_zoneout_cell_backward",
    "rnn_zoneout_cell_forward",
    "rnn_zoneout_forward",
]

LSTM_CACHE = "a_next, c_next, zoneout_a, zoneout_c, cell_cache"
GRU_CACHE = "c_next, zoneout_c, cell_cache"
RNN_CACHE = "a_next, zoneout_a, cell_cache"
OVER_TIME = AXES | {"zoneout_a": ("n_a", "m", "T"), "zoneout_c": ("n_a", "m", "T")}


def lstm_zoneout_cell_forward(
    xt: Array,
    a_prev: Array,
    c_prev: Array,
    parameters: Parameters,
    *,
    zoneout_a: Array | float,
    zoneout_c: Array | float,
) -> tuple[Array, Array, Array, Cache]:
    """One step of the LSTM with zoneout.

    Equations: (1) and (2) at the top of this module.

    Args:
        xt: inputs of this step, `(n_x, m)`.
        a_prev: hidden state of the step before, `(n_a, m)`.
        c_prev: cell state of the step before, `(n_a, m)`.
        parameters: as in `lstm_cell_forward`.
        zoneout_a: mask of the hidden state, `(n_a, m)`, of floats, 1 where it keeps its old value; or the rate.
        zoneout_c: the same of the cell state.

    Returns:
        `a_next` `(n_a, m)`, `c_next` `(n_a, m)`, `yt_pred` `(n_y, m)`, and the cache
        `(a_next, c_next, zoneout_a, zoneout_c, cell_cache)`, the last of `lstm_cell_forward`.

    Raises:
        ParameterError: a parameter is missing, an array is not of floats, or a rate is not from 0 to 1.
        ShapeError: shapes disagree.

    Source: Krueger et al. 2017, section 3.2, and section 4 for the rates at inference.

    >>> weights = {"W" + gate: np.ones((1, 2)) for gate in "fico"} | {"Wy": np.ones((2, 1)), "by": np.zeros((2, 1))}
    >>> p = weights | {"b" + gate: np.zeros((1, 1)) for gate in "fico"}
    >>> xt, old = np.ones((1, 1)), np.full((1, 1), 0.25)
    >>> a_next, c_next, _, _ = lstm_zoneout_cell_forward(xt, old, old, p, zoneout_a=np.ones((1, 1)), zoneout_c=0.5)
    >>> a_next.tolist(), c_next.round(4).tolist()
    ([[0.25]], [[0.5518]])
    """
    _, _, _, cell_cache = lstm_cell_forward(xt, a_prev, c_prev, parameters)
    a_new, c_new = cell_cache[:2]
    d_a, d_c = mask_of("zoneout_a", zoneout_a, a_new), mask_of("zoneout_c", zoneout_c, c_new)

    a_next = d_a * a_prev + (1 - d_a) * a_new  # (1)
    c_next = d_c * c_prev + (1 - d_c) * c_new  # (2)
    yt_pred = softmax(parameters["Wy"] @ a_next + parameters["by"])

    return a_next, c_next, yt_pred, (a_next, c_next, d_a, d_c, cell_cache)


def lstm_zoneout_forward(
    x: Array,
    a0: Array,
    parameters: Parameters,
    *,
    zoneout_a: Array | float,
    zoneout_c: Array | float,
    c0: Array | None = None,
    lengths: Lengths = None,
) -> tuple[Array, Array, Array, Caches]:
    """The LSTM with zoneout unrolled over time: `lstm_zoneout_cell_forward` at every step.

    Equations: (1) of `unroll.py`.

    Args:
        x: inputs, `(n_x, m, T)`.
        a0: initial hidden state, `(n_a, m)`.
        parameters: as in `lstm_cell_forward`.
        zoneout_a: masks of the hidden state, `(n_a, m, T)`, of floats; or the rate, at inference.
        zoneout_c: the same of the cell state.
        c0: initial cell state, `(n_a, m)`; zero when left out.
        lengths: steps of each sequence, `(m,)`, as in `lstm_forward`.

    Returns:
        `a` `(n_a, m, T)`, `y` `(n_y, m, T)`, `c` `(n_a, m, T)`, and `(caches, x)` for `lstm_zoneout_backward`.

    Raises:
        ParameterError: a parameter is missing, an array is not of floats, or a rate or a length is out of range.
        ShapeError: shapes disagree.

    Source: as `lstm_zoneout_cell_forward`.
    """
    sizes = check_arrays({**pick(parameters, LSTM_NAMES), "x": x, "a0": a0})
    check_optional({"c0": c0}, sizes)
    states = [a0, np.zeros_like(a0) if c0 is None else c0]
    masks = masks_of({"zoneout_a": zoneout_a, "zoneout_c": zoneout_c}, sizes, a0)

    a, c, y, caches = unroll(lstm_zoneout_cell_forward, x, states, parameters, LSTM_NAMES, masks, lengths)

    return a, y, c, caches


def lstm_zoneout_cell_backward(da_next: Array, dc_next: Array, cache: Cache) -> dict[str, Array]:
    """Carries `da_next = dJ/da_next` and `dc_next = dJ/dc_next` back through `lstm_zoneout_cell_forward`.

    Equations: (3) to (5) at the top of this module.

    Args:
        da_next: gradient of J with respect to `a_next`, `(n_a, m)`.
        dc_next: gradient of J with respect to `c_next`, `(n_a, m)`.
        cache: of `lstm_zoneout_cell_forward`.

    Returns:
        The gradients that `lstm_cell_backward` returns.

    Raises:
        ParameterError: the cache is of another function, or an array is not of floats.
        ShapeError: a gradient does not fit the cache.

    Source: the chain rule.
    """
    check_cache(cache, LSTM_CACHE, "lstm_zoneout_cell_forward")
    a_next, c_next, d_a, d_c, cell_cache = cache
    check_arrays({"a_next": a_next, "c_next": c_next, "da_next": da_next, "dc_next": dc_next})

    # forward (1), (2): the new states reach the next ones where the masks are not
    gradients = lstm_cell_backward(da_next * (1 - d_a), dc_next * (1 - d_c), cell_cache)  # (3)

    # forward (1), (2): a_next = d_a * a_prev + (1 - d_a) * a_new, and so c_next
    da_prev = da_next * d_a + gradients["da_prev"]  # (4)
    dc_prev = dc_next * d_c + gradients["dc_prev"]  # (5)

    return {**gradients, "da_prev": da_prev, "dc_prev": dc_prev}


def lstm_zoneout_backward(
    da: Array,
    caches: Caches,
    *,
    da_final: Array | None = None,
    dc_final: Array | None = None,
    lengths: Lengths = None,
) -> dict[str, Array]:
    """Carries `da = dJ/da` of every step back through `lstm_zoneout_forward`; as `lstm_backward`, always with `dc0`.

    Equations: (2) and (3) of `unroll.py`.

    >>> weights = {"W" + gate: np.ones((1, 2)) for gate in "fico"} | {"Wy": np.ones((2, 1)), "by": np.zeros((2, 1))}
    >>> p = weights | {"b" + gate: np.zeros((1, 1)) for gate in "fico"}
    >>> *_, caches = lstm_zoneout_forward(np.ones((1, 1, 3)), np.zeros((1, 1)), p, zoneout_a=1.0, zoneout_c=1.0)
    >>> gradients = lstm_zoneout_backward(np.ones((1, 1, 3)), caches)
    >>> gradients["da0"].tolist(), gradients["dx"].tolist()  # nothing but the initial state is ever seen
    ([[3.0]], [[[0.0, 0.0, 0.0]]])
    """
    finals = {"a": da_final, "c": dc_final}
    return unroll_backward(lstm_zoneout_cell_backward, da, caches, finals, lengths, LSTM_CACHE, "lstm_zoneout_forward")


def gru_zoneout_cell_forward(
    xt: Array, c_prev: Array, parameters: Parameters, *, zoneout_c: Array | float, reset: Reset = "before"
) -> tuple[Array, Array, Cache]:
    """One step of the GRU with zoneout: as `gru_cell_forward`, and (2) at the top of this module.

    Args:
        xt: inputs of this step, `(n_x, m)`.
        c_prev: state of the step before, `(n_a, m)`.
        parameters: as in `gru_cell_forward`.
        zoneout_c: mask of the state, `(n_a, m)`, of floats, 1 where it keeps its old value; or the rate.
        reset: as in `gru_cell_forward`.

    Returns:
        `c_next` `(n_a, m)`, `yt_pred` `(n_y, m)`, and the cache `(c_next, zoneout_c, cell_cache)`.

    >>> weights = {"W" + gate: np.ones((1, 2)) for gate in "urc"} | {"Wy": np.ones((2, 1)), "by": np.zeros((2, 1))}
    >>> p = weights | {"b" + gate: np.zeros((1, 1)) for gate in "urc"}
    >>> c_next, _, _ = gru_zoneout_cell_forward(np.ones((1, 1)), np.full((1, 1), 0.25), p, zoneout_c=0.5)
    >>> c_next.round(4).tolist()
    [[0.4762]]
    """
    _, _, cell_cache = gru_cell_forward(xt, c_prev, parameters, reset=reset)
    c_new = cell_cache[0]
    d_c = mask_of("zoneout_c", zoneout_c, c_new)

    c_next = d_c * c_prev + (1 - d_c) * c_new  # (2)
    yt_pred = softmax(parameters["Wy"] @ c_next + parameters["by"])

    return c_next, yt_pred, (c_next, d_c, cell_cache)


def gru_zoneout_forward(
    x: Array,
    c0: Array,
    parameters: Parameters,
    *,
    zoneout_c: Array | float,
    reset: Reset = "before",
    lengths: Lengths = None,
) -> tuple[Array, Array, Caches]:
    """The GRU with zoneout unrolled over time: as `gru_forward`, with masks `zoneout_c (n_a, m, T)` or the rate."""
    names = (*gru_names(reset), "Wy", "by")
    sizes = check_arrays({**pick(parameters, names), "x": x, "c0": c0})
    masks = masks_of({"zoneout_c": zoneout_c}, sizes, c0)

    c, y, caches = unroll(partial(gru_zoneout_cell_forward, reset=reset), x, [c0], parameters, names, masks, lengths)

    return c, y, caches


def gru_zoneout_cell_backward(dc_next: Array, cache: Cache) -> dict[str, Array]:
    """Carries `dc_next = dJ/dc_next`, `(n_a, m)`, back through `gru_zoneout_cell_forward`; gradients as the GRU's own.

    Equations: (3) and (5) at the top of this module.
    """
    check_cache(cache, GRU_CACHE, "gru_zoneout_cell_forward")
    c_next, d_c, cell_cache = cache
    check_arrays({"c_next": c_next, "dc_next": dc_next})

    # forward (2): c_next = d_c * c_prev + (1 - d_c) * c_new
    gradients = gru_cell_backward(dc_next * (1 - d_c), cell_cache)  # (3)
    dc_prev = dc_next * d_c + gradients["dc_prev"]  # (5)

    return {**gradients, "dc_prev": dc_prev}


def gru_zoneout_backward(
    dc: Array, caches: Caches, *, dc_final: Array | None = None, lengths: Lengths = None
) -> dict[str, Array]:
    """Carries `dc = dJ/dc` back through `gru_zoneout_forward`; arguments and gradients of `gru_backward`."""
    finals = {"c": dc_final}
    return unroll_backward(gru_zoneout_cell_backward, dc, caches, finals, lengths, GRU_CACHE, "gru_zoneout_forward")


def rnn_zoneout_cell_forward(
    xt: Array, a_prev: Array, parameters: Parameters, *, zoneout_a: Array | float
) -> tuple[Array, Array, Cache]:
    """One step of the plain network with zoneout: as `rnn_cell_forward`, and (1) at the top of this module.

    Args:
        xt: inputs of this step, `(n_x, m)`.
        a_prev: hidden state of the step before, `(n_a, m)`.
        parameters: as in `rnn_cell_forward`.
        zoneout_a: mask of the state, `(n_a, m)`, of floats, 1 where it keeps its old value; or the rate.

    Returns:
        `a_next` `(n_a, m)`, `yt_pred` `(n_y, m)`, and the cache `(a_next, zoneout_a, cell_cache)`.

    >>> p = {"Wax": np.eye(1), "Waa": np.eye(1), "Wya": np.eye(1), "ba": np.zeros((1, 1)), "by": np.zeros((1, 1))}
    >>> a_next, _, _ = rnn_zoneout_cell_forward(np.ones((1, 1)), np.zeros((1, 1)), p, zoneout_a=0.5)
    >>> a_next.round(4).tolist()
    [[0.3808]]
    """
    _, _, cell_cache = rnn_cell_forward(xt, a_prev, parameters)
    a_new = cell_cache[0]
    d_a = mask_of("zoneout_a", zoneout_a, a_new)

    a_next = d_a * a_prev + (1 - d_a) * a_new  # (1)
    yt_pred = softmax(parameters["Wya"] @ a_next + parameters["by"])

    return a_next, yt_pred, (a_next, d_a, cell_cache)


def rnn_zoneout_forward(
    x: Array, a0: Array, parameters: Parameters, *, zoneout_a: Array | float, lengths: Lengths = None
) -> tuple[Array, Array, Caches]:
    """The plain network with zoneout over time: as `rnn_forward`, with masks `zoneout_a (n_a, m, T)` or the rate."""
    sizes = check_arrays({**pick(parameters, RNN_NAMES), "x": x, "a0": a0})
    masks = masks_of({"zoneout_a": zoneout_a}, sizes, a0)

    a, y, caches = unroll(rnn_zoneout_cell_forward, x, [a0], parameters, RNN_NAMES, masks, lengths)

    return a, y, caches


def rnn_zoneout_cell_backward(da_next: Array, cache: Cache) -> dict[str, Array]:
    """Carries `da_next = dJ/da_next`, `(n_a, m)`, back through `rnn_zoneout_cell_forward`; gradients as the cell's own.

    Equations: (3) and (4) at the top of this module.
    """
    check_cache(cache, RNN_CACHE, "rnn_zoneout_cell_forward")
    a_next, d_a, cell_cache = cache
    check_arrays({"a_next": a_next, "da_next": da_next})

    # forward (1): a_next = d_a * a_prev + (1 - d_a) * a_new
    gradients = rnn_cell_backward(da_next * (1 - d_a), cell_cache)  # (3)
    da_prev = da_next * d_a + gradients["da_prev"]  # (4)

    return {**gradients, "da_prev": da_prev}


def rnn_zoneout_backward(
    da: Array, caches: Caches, *, da_final: Array | None = None, lengths: Lengths = None
) -> dict[str, Array]:
    """Carries `da = dJ/da` back through `rnn_zoneout_forward`; arguments and gradients of `rnn_backward`."""
    finals = {"a": da_final}
    return unroll_backward(rnn_zoneout_cell_backward, da, caches, finals, lengths, RNN_CACHE, "rnn_zoneout_forward")


def mask_of(name: str, mask: Array | float, like: Array) -> Array:
    """The mask itself, checked against the state `like`; a rate becomes a mask that holds it everywhere.

    Raises:
        ParameterError: a rate that is not from 0 to 1, or a mask that is not of floats.
        ShapeError: the mask has not the state's shape.
    """
    if isinstance(mask, int | float):
        check_rate(name, mask)
        return np.full_like(like, mask)
    check_arrays({"a_next": like, name: mask})
    return mask


def masks_of(masks: Mapping[str, Array | float], sizes: Mapping[str, int], like: Array) -> dict[str, Array]:
    """The masks of every step, `(n_a, m, T)`, checked; a rate becomes masks that hold it everywhere."""
    shape = tuple(sizes[axis] for axis in ("n_a", "m", "T"))
    found: dict[str, Array] = {}
    for name, mask in masks.items():
        if isinstance(mask, int | float):
            check_rate(name, mask)
            found[name] = np.full(shape, mask, like.dtype)
        else:
            check_arrays({name: mask}, sizes, OVER_TIME)
            found[name] = mask
    return found


def check_rate(name: str, rate: float) -> None:
    """Raises `ParameterError` unless `rate` is from 0 to 1."""
    if not 0 <= rate <= 1:
        raise ParameterError(f"`{name}` is {rate}, expected a rate from 0 to 1, or a mask; pass the part that is kept")
