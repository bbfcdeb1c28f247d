"""The LSTM that hands on a projection of its output: one step and the loop over time, forward and backward; no loss.

Equations, in this module's own numbers, where those of `lstm.py` change. The cells are n_a, what they give is projected
to n_p (fewer) units, and only these reach the next step: `concat = [a<t-1>; x<t>]` has n_p + n_x rows, and every gate's
weight is `(n_a, n_p + n_x)`.

    (1) ft, it, ot = sigmoid(Wf concat + bf), sigmoid(Wi concat + bi), sigmoid(Wo concat + bo)
    (2) cct = tanh(Wc concat + bc)
    (3) c<t> = ft * c<t-1> + it * cct                        cell state, n_a rows
    (4) ht = ot * tanh(c<t>)                                 what the plain LSTM would give, n_a rows
    (5) a<t> = Wp ht                                         hidden state, n_p rows;   y<t> = softmax(Wy a<t> + by)

Backward, with dc the whole gradient of c<t>: what the next step hands back, and what comes through (4):

    (6) dWp = da ht^T
    (7) dh = Wp^T da
    (8) dot = dh * tanh(c<t>) * ot * (1 - ot)                gradients *before* each gate's activation
    (9) dc = dc_next + dh * ot * (1 - tanh(c<t>)^2)
    (10) dcct = dc * it * (1 - cct^2)
    (11) dit = dc * cct * it * (1 - it)
    (12) dft = dc * c<t-1> * ft * (1 - ft)
    (13) dc<t-1> = dc * ft
    (14) dWf, dWi, dWc, dWo = dft, dit, dcct, dot concat^T
    (15) dbf, dbi, dbc, dbo = sum over batch of dft, dit, dcct, dot
    (16) da<t-1> and (17) dx<t>: the first n_p rows and the others of Wf^T dft + Wi^T dit + Wc^T dcct + Wo^T dot

With n_p = n_a and Wp = 1 this is the LSTM of `lstm.py`.
"""

import numpy as np

from unrolled.shapes import Array
from unrolled.steps._check import AXES, Parameters, check_arrays, check_cache, pick
from unrolled.steps.activations import sigmoid, softmax
from unrolled.steps.variants.unroll import Cache, Caches, Lengths, unroll, unroll_backward

__all__ = [
    "lstm_projection_backward",
    "lstm_projection_cell_backward",
    "lstm_projection_cell_forward",
    "lstm_projection_forward",
]

GATES = ("Wp", "Wf", "bf", "Wi", "bi", "Wc", "bc", "Wo", "bo")
NAMES = (*GATES, "Wy", "by")
CACHE = "a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt, parameters"
PROJECTED = AXES | {
    "Wp": ("n_p", "n_a"),
    "Wy": ("n_y", "n_p"),
    **dict.fromkeys(("Wf", "Wi", "Wc", "Wo"), ("n_a", "n_p+n_x")),
    **dict.fromkeys(("a0", "a_prev", "a_next", "da_next"), ("n_p", "m")),
}


def lstm_projection_cell_forward(
    xt: Array, a_prev: Array, c_prev: Array, parameters: Parameters
) -> tuple[Array, Array, Array, Cache]:
    """One step of the LSTM with a projection.

    Equations: (1) to (5) at the top of this module.

    Args:
        xt: inputs of this step, `(n_x, m)`.
        a_prev: hidden state of the step before, `(n_p, m)`.
        c_prev: cell state of the step before, `(n_a, m)`.
        parameters: `Wp (n_p, n_a)`, `Wf Wi Wc Wo (n_a, n_p + n_x)`, acting on `[a_prev; xt]`, `bf bi bc bo (n_a, 1)`,
            `Wy (n_y, n_p)`, `by (n_y, 1)`.

    Returns:
        `a_next` `(n_p, m)`, `c_next` `(n_a, m)`, `yt_pred` `(n_y, m)`, and the cache
        `(a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt, parameters)`.

    Raises:
        ParameterError: a parameter is missing, or an array is not of floats.
        ShapeError: shapes disagree.

    Source: Sak, Senior & Beaufays 2014, "Long short-term memory recurrent neural network architectures for large scale
    acoustic modeling", its recurrent projection, without peepholes; PyTorch's `proj_size`.

    >>> p = {"W" + gate: np.ones((2, 2)) for gate in "fico"} | {"b" + gate: np.zeros((2, 1)) for gate in "fico"}
    >>> p |= {"Wp": np.ones((1, 2)), "Wy": np.ones((2, 1)), "by": np.zeros((2, 1))}
    >>> a_next, c_next, _, _ = lstm_projection_cell_forward(np.ones((1, 1)), np.zeros((1, 1)), np.zeros((2, 1)), p)
    >>> a_next.round(4).tolist(), c_next.round(4).tolist()
    ([[0.7392]], [[0.5568], [0.5568]])
    """
    check_arrays({**pick(parameters, NAMES), "xt": xt, "a_prev": a_prev, "c_prev": c_prev}, axes_of=PROJECTED)
    Wp, Wf, bf, Wi, bi, Wc, bc, Wo, bo, Wy, by = (parameters[name] for name in NAMES)

    concat = np.concatenate([a_prev, xt])
    ft = sigmoid(Wf @ concat + bf)  # (1)
    it = sigmoid(Wi @ concat + bi)  # (1)
    ot = sigmoid(Wo @ concat + bo)  # (1)
    cct = np.tanh(Wc @ concat + bc)  # (2)
    c_next = ft * c_prev + it * cct  # (3)
    ht = ot * np.tanh(c_next)  # (4)
    a_next = Wp @ ht  # (5)
    yt_pred = softmax(Wy @ a_next + by)

    return a_next, c_next, yt_pred, (a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt, parameters)


def lstm_projection_forward(
    x: Array, a0: Array, parameters: Parameters, *, c0: Array | None = None, lengths: Lengths = None
) -> tuple[Array, Array, Array, Caches]:
    """The LSTM with a projection unrolled over time.

    Equations:
        a<t>, c<t>, y<t> = lstm_projection_cell_forward(x<t>, a<t-1>, c<t-1>),   a<-1> = a0,   c<-1> = c0

    Args:
        x: inputs, `(n_x, m, T)`.
        a0: initial hidden state, `(n_p, m)`.
        parameters: as in `lstm_projection_cell_forward`.
        c0: initial cell state, `(n_a, m)`; zero when left out.
        lengths: steps of each sequence, `(m,)`, as in `lstm_forward`.

    Returns:
        `a` `(n_p, m, T)`, `y` `(n_y, m, T)`, `c` `(n_a, m, T)`, and `(caches, x)` for `lstm_projection_backward`.

    Raises:
        ParameterError: a parameter is missing, an array is not of floats, or a length is not from 0 to T.
        ShapeError: shapes disagree.

    Source: as `lstm_projection_cell_forward`.

    >>> p = {"W" + gate: np.ones((2, 2)) for gate in "fico"} | {"b" + gate: np.zeros((2, 1)) for gate in "fico"}
    >>> p |= {"Wp": np.ones((1, 2)), "Wy": np.ones((2, 1)), "by": np.zeros((2, 1))}
    >>> a, y, c, caches = lstm_projection_forward(np.ones((1, 1, 3)), np.zeros((1, 1)), p)
    >>> a[0, 0].round(4).tolist()
    [0.7392, 1.454, 1.7851]
    """
    sizes = check_arrays({**pick(parameters, NAMES), "x": x, "a0": a0}, axes_of=PROJECTED)
    if c0 is None:
        c0 = np.zeros((sizes["n_a"], sizes["m"]), a0.dtype)
    check_arrays({"c0": c0}, sizes)

    a, c, y, caches = unroll(lstm_projection_cell_forward, x, [a0, c0], parameters, NAMES, {}, lengths)

    return a, y, c, caches


def lstm_projection_cell_backward(da_next: Array, dc_next: Array, cache: Cache) -> dict[str, Array]:
    """Carries `da_next = dJ/da_next` and `dc_next` back through `lstm_projection_cell_forward`.

    Equations: (6) to (17) at the top of this module.

    Args:
        da_next: gradient of J with respect to `a_next`, `(n_p, m)`.
        dc_next: gradient of J with respect to `c_next`, not through `a_next`, `(n_a, m)`.
        cache: of `lstm_projection_cell_forward`.

    Returns:
        `dxt` `(n_x, m)`, `da_prev` `(n_p, m)`, `dc_prev` `(n_a, m)`, and the gradients of every weight and bias in the
        shapes of their parameters, summed over the batch.

    Raises:
        ParameterError: the cache is of another function, or an array is not of floats.
        ShapeError: a gradient does not fit the cache.

    Source: the chain rule.

    >>> p = {"W" + gate: np.ones((2, 2)) for gate in "fico"} | {"b" + gate: np.zeros((2, 1)) for gate in "fico"}
    >>> p |= {"Wp": np.ones((1, 2)), "Wy": np.ones((2, 1)), "by": np.zeros((2, 1))}
    >>> *_, cache = lstm_projection_cell_forward(np.ones((1, 1)), np.zeros((1, 1)), np.zeros((2, 1)), p)
    >>> lstm_projection_cell_backward(np.ones((1, 1)), np.zeros((2, 1)), cache)["dWp"].round(4).tolist()
    [[0.3696, 0.3696]]
    """
    check_cache(cache, CACHE, "lstm_projection_cell_forward")
    a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt, parameters = cache
    states = {"a_prev": a_prev, "c_prev": c_prev, "a_next": a_next, "c_next": c_next}
    upstream = {"da_next": da_next, "dc_next": dc_next}
    check_arrays({**pick(parameters, GATES), "xt": xt, **states, **upstream}, axes_of=PROJECTED)
    Wp, Wf, Wi, Wc, Wo = (parameters[name] for name in ("Wp", "Wf", "Wi", "Wc", "Wo"))
    n_p = len(a_prev)
    concat = np.concatenate([a_prev, xt])

    # forward (5): a_next = Wp ht
    ht = ot * np.tanh(c_next)
    dWp = da_next @ ht.T  # (6)
    dh = Wp.T @ da_next  # (7)

    # forward (4): ht = ot * tanh(c_next)
    dot = dh * np.tanh(c_next) * ot * (1 - ot)  # (8)
    dc = dc_next + dh * ot * (1 - np.tanh(c_next) ** 2)  # (9)

    # forward (3): c_next = ft * c_prev + it * cct
    dcct = dc * it * (1 - cct**2)  # (10)
    dit = dc * cct * it * (1 - it)  # (11)
    dft = dc * c_prev * ft * (1 - ft)  # (12)
    dc_prev = dc * ft  # (13)

    # forward (1), (2): ft = sigmoid(Wf concat + bf), and so it, ot, cct
    dWf = dft @ concat.T  # (14)
    dWi = dit @ concat.T  # (14)
    dWc = dcct @ concat.T  # (14)
    dWo = dot @ concat.T  # (14)
    dbf = dft.sum(axis=1, keepdims=True)  # (15)
    dbi = dit.sum(axis=1, keepdims=True)  # (15)
    dbc = dcct.sum(axis=1, keepdims=True)  # (15)
    dbo = dot.sum(axis=1, keepdims=True)  # (15)

    # forward: concat = [a_prev; xt], so the first n_p columns of each weight belong to a_prev and the others to xt
    da_prev = Wf[:, :n_p].T @ dft + Wi[:, :n_p].T @ dit + Wc[:, :n_p].T @ dcct + Wo[:, :n_p].T @ dot  # (16)
    dxt = Wf[:, n_p:].T @ dft + Wi[:, n_p:].T @ dit + Wc[:, n_p:].T @ dcct + Wo[:, n_p:].T @ dot  # (17)

    gates = {"dWf": dWf, "dbf": dbf, "dWi": dWi, "dbi": dbi, "dWc": dWc, "dbc": dbc, "dWo": dWo, "dbo": dbo}
    return {"dxt": dxt, "da_prev": da_prev, "dc_prev": dc_prev, **gates, "dWp": dWp}


def lstm_projection_backward(
    da: Array,
    caches: Caches,
    *,
    da_final: Array | None = None,
    dc_final: Array | None = None,
    lengths: Lengths = None,
) -> dict[str, Array]:
    """Carries `da = dJ/da` of every step back through `lstm_projection_forward`.

    Equations: (2) and (3) of `unroll.py`.

    Args:
        da: gradients of J with respect to `a`, `(n_p, m, T_da)`; the way back starts at the last step covered.
        caches: `(caches, x)` of `lstm_projection_forward`.
        da_final: a further gradient of each sequence's last covered `a`, `(n_p, m)`; zero when left out.
        dc_final: gradient of each sequence's last covered `c`, `(n_a, m)`; zero when left out.
        lengths: the same as in the forward pass.

    Returns:
        `dx` `(n_x, m, T_da)`, `da0` `(n_p, m)`, `dc0` `(n_a, m)`, and the parameters' gradients, summed over batch and
        time.

    Raises:
        ParameterError: the caches are of another function or of no step, or an array is not of floats.
        ShapeError: shapes disagree, `da` covers more steps than the forward pass, or `lengths` differ.

    Source: Werbos 1990, back-propagation through time.

    >>> p = {"W" + gate: np.ones((2, 2)) for gate in "fico"} | {"b" + gate: np.zeros((2, 1)) for gate in "fico"}
    >>> p |= {"Wp": np.ones((1, 2)), "Wy": np.ones((2, 1)), "by": np.zeros((2, 1))}
    >>> a, y, c, caches = lstm_projection_forward(np.ones((1, 1, 3)), np.zeros((1, 1)), p)
    >>> lstm_projection_backward(np.ones((1, 1, 3)), caches)["dWp"].round(4).tolist()
    [[2.2686, 2.2686]]
    """
    finals = {"a": da_final, "c": dc_final}
    return unroll_backward(lstm_projection_cell_backward, da, caches, finals, lengths, CACHE, "lstm_projection_forward")
