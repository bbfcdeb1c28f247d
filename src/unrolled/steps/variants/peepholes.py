"""The LSTM whose gates see the cell state: one step and the loop over time, forward and backward; no loss, no update.

Equations, in this module's own numbers, where those of `lstm.py` change. `concat = [a<t-1>; x<t>]`; `*` is entry by
entry, so a peephole is a vector `(n_a, 1)`, one weight for each cell. The output gate sees the *new* cell state:

    (1) ft = sigmoid(Wf concat + pf * c<t-1> + bf)           forget gate
    (2) it = sigmoid(Wi concat + pi * c<t-1> + bi)           update gate
    (3) cct = tanh(Wc concat + bc)                           candidate
    (4) c<t> = ft * c<t-1> + it * cct                        cell state
    (5) ot = sigmoid(Wo concat + po * c<t> + bo)             output gate
    (6) a<t> = ot * tanh(c<t>)                               hidden state;   y<t> = softmax(Wy a<t> + by)

Backward, with dc the whole gradient of c<t>: what the next step hands back, and what comes through (6) and (5):

    (7) dot = da * tanh(c<t>) * ot * (1 - ot)                gradients *before* each gate's activation
    (8) dc = dc_next + da * ot * (1 - tanh(c<t>)^2) + dot * po
    (9) dcct = dc * it * (1 - cct^2)
    (10) dit = dc * cct * it * (1 - it)
    (11) dft = dc * c<t-1> * ft * (1 - ft)
    (12) dc<t-1> = dc * ft + dft * pf + dit * pi
    (13) dpf, dpi, dpo = sum over batch of dft * c<t-1>, dit * c<t-1>, dot * c<t>
    (14) dWf, dWi, dWc, dWo = dft, dit, dcct, dot concat^T
    (15) dbf, dbi, dbc, dbo = sum over batch of dft, dit, dcct, dot
    (16) da<t-1> and (17) dx<t>: the first n_a rows and the others of Wf^T dft + Wi^T dit + Wc^T dcct + Wo^T dot

With pf = pi = po = 0 this is the LSTM of `lstm.py`.
"""

import numpy as np

from unrolled.shapes import Array
from unrolled.steps._check import Parameters, check_arrays, check_cache, check_optional, pick
from unrolled.steps.activations import sigmoid, softmax
from unrolled.steps.variants.unroll import Cache, Caches, Lengths, unroll, unroll_backward

__all__ = [
    "lstm_peephole_backward",
    "lstm_peephole_cell_backward",
    "lstm_peephole_cell_forward",
    "lstm_peephole_forward",
]

GATES = ("Wf", "bf", "Wi", "bi", "Wc", "bc", "Wo", "bo", "pf", "pi", "po")
NAMES = (*GATES, "Wy", "by")
CACHE = "a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt, parameters"


def lstm_peephole_cell_forward(
    xt: Array, a_prev: Array, c_prev: Array, parameters: Parameters
) -> tuple[Array, Array, Array, Cache]:
    """One step of the LSTM with peepholes.

    Equations: (1) to (6) at the top of this module.

    Args:
        xt: inputs of this step, `(n_x, m)`.
        a_prev: hidden state of the step before, `(n_a, m)`.
        c_prev: cell state of the step before, `(n_a, m)`.
        parameters: those of `lstm_cell_forward`, and the peepholes `pf pi po (n_a, 1)`.

    Returns:
        `a_next` `(n_a, m)`, `c_next` `(n_a, m)`, `yt_pred` `(n_y, m)`, and the cache
        `(a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt, parameters)`.

    Raises:
        ParameterError: a parameter is missing, or an array is not of floats.
        ShapeError: shapes disagree.

    Source: Gers & Schmidhuber 2000, "Recurrent nets that time and count"; in this form Graves 2013, equations (7) to
    (11), whose peephole matrices are diagonal.

    >>> p = {"W" + gate: np.ones((1, 2)) for gate in "fico"} | {"b" + gate: np.zeros((1, 1)) for gate in "fico"}
    >>> p |= {"p" + gate: np.ones((1, 1)) for gate in "fio"} | {"Wy": np.ones((2, 1)), "by": np.zeros((2, 1))}
    >>> one, zero = np.ones((1, 1)), np.zeros((1, 1))
    >>> a_next, c_next, yt_pred, cache = lstm_peephole_cell_forward(one, zero, one, p)
    >>> a_next.round(4).tolist(), c_next.round(4).tolist(), yt_pred.tolist()
    ([[0.8479]], [[1.5516]], [[0.5], [0.5]])
    """
    check_arrays({**pick(parameters, NAMES), "xt": xt, "a_prev": a_prev, "c_prev": c_prev})
    Wf, bf, Wi, bi, Wc, bc, Wo, bo, pf, pi, po, Wy, by = (parameters[name] for name in NAMES)

    concat = np.concatenate([a_prev, xt])
    ft = sigmoid(Wf @ concat + pf * c_prev + bf)  # (1)
    it = sigmoid(Wi @ concat + pi * c_prev + bi)  # (2)
    cct = np.tanh(Wc @ concat + bc)  # (3)
    c_next = ft * c_prev + it * cct  # (4)
    ot = sigmoid(Wo @ concat + po * c_next + bo)  # (5)
    a_next = ot * np.tanh(c_next)  # (6)
    yt_pred = softmax(Wy @ a_next + by)

    return a_next, c_next, yt_pred, (a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt, parameters)


def lstm_peephole_forward(
    x: Array, a0: Array, parameters: Parameters, *, c0: Array | None = None, lengths: Lengths = None
) -> tuple[Array, Array, Array, Caches]:
    """The LSTM with peepholes unrolled over time.

    Equations:
        a<t>, c<t>, y<t> = lstm_peephole_cell_forward(x<t>, a<t-1>, c<t-1>),   a<-1> = a0,   c<-1> = c0

    Args:
        x: inputs, `(n_x, m, T)`.
        a0: initial hidden state, `(n_a, m)`.
        parameters: as in `lstm_peephole_cell_forward`.
        c0: initial cell state, `(n_a, m)`; zero when left out.
        lengths: steps of each sequence, `(m,)`, as in `lstm_forward`.

    Returns:
        `a` `(n_a, m, T)`, `y` `(n_y, m, T)`, `c` `(n_a, m, T)`, and `(caches, x)` for `lstm_peephole_backward`.

    Raises:
        ParameterError: a parameter is missing, an array is not of floats, or a length is not from 0 to T.
        ShapeError: shapes disagree.

    Source: as `lstm_peephole_cell_forward`.

    >>> p = {"W" + gate: np.ones((1, 2)) for gate in "fico"} | {"b" + gate: np.zeros((1, 1)) for gate in "fico"}
    >>> p |= {"p" + gate: np.ones((1, 1)) for gate in "fio"} | {"Wy": np.ones((2, 1)), "by": np.zeros((2, 1))}
    >>> a, y, c, caches = lstm_peephole_forward(np.ones((1, 1, 3)), np.zeros((1, 1)), p)
    >>> c[0, 0].round(4).tolist()
    [0.5568, 1.2696, 2.1179]
    """
    sizes = check_arrays({**pick(parameters, NAMES), "x": x, "a0": a0})
    check_optional({"c0": c0}, sizes)
    states = [a0, np.zeros_like(a0) if c0 is None else c0]

    a, c, y, caches = unroll(lstm_peephole_cell_forward, x, states, parameters, NAMES, {}, lengths)

    return a, y, c, caches


def lstm_peephole_cell_backward(da_next: Array, dc_next: Array, cache: Cache) -> dict[str, Array]:
    """Carries `da_next = dJ/da_next` and `dc_next` back through `lstm_peephole_cell_forward`.

    Equations: (7) to (17) at the top of this module.

    Args:
        da_next: gradient of J with respect to `a_next`, `(n_a, m)`.
        dc_next: gradient of J with respect to `c_next`, not through `a_next`, `(n_a, m)`.
        cache: of `lstm_peephole_cell_forward`.

    Returns:
        `dxt` `(n_x, m)`, `da_prev` `(n_a, m)`, `dc_prev` `(n_a, m)`, and the gradients of every weight, bias and
        peephole in the shapes of their parameters, summed over the batch.

    Raises:
        ParameterError: the cache is of another function, or an array is not of floats.
        ShapeError: a gradient does not fit the cache.

    Source: the chain rule. Gers & Schmidhuber 2000 let no error flow through the peepholes; here the gradient is whole.

    >>> p = {"W" + gate: np.ones((1, 2)) for gate in "fico"} | {"b" + gate: np.zeros((1, 1)) for gate in "fico"}
    >>> p |= {"p" + gate: np.ones((1, 1)) for gate in "fio"} | {"Wy": np.ones((2, 1)), "by": np.zeros((2, 1))}
    >>> *_, cache = lstm_peephole_cell_forward(np.ones((1, 1)), np.zeros((1, 1)), np.ones((1, 1)), p)
    >>> lstm_peephole_cell_backward(np.ones((1, 1)), np.zeros((1, 1)), cache)["dc_prev"].round(4).tolist()
    [[0.228]]
    """
    check_cache(cache, CACHE, "lstm_peephole_cell_forward")
    a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt, parameters = cache
    check_arrays({**pick(parameters, GATES), "xt": xt, "a_prev": a_prev, "c_prev": c_prev})
    check_arrays({"c_next": c_next, "a_next": a_next, "da_next": da_next, "dc_next": dc_next})
    Wf, Wi, Wc, Wo, pf, pi, po = (parameters[name] for name in ("Wf", "Wi", "Wc", "Wo", "pf", "pi", "po"))
    n_a = len(a_prev)
    concat = np.concatenate([a_prev, xt])

    # forward (6): a_next = ot * tanh(c_next); forward (5): ot = sigmoid(Wo concat + po * c_next + bo)
    dot = da_next * np.tanh(c_next) * ot * (1 - ot)  # (7)
    dc = dc_next + da_next * ot * (1 - np.tanh(c_next) ** 2) + dot * po  # (8)

    # forward (4): c_next = ft * c_prev + it * cct
    dcct = dc * it * (1 - cct**2)  # (9)
    dit = dc * cct * it * (1 - it)  # (10)
    dft = dc * c_prev * ft * (1 - ft)  # (11)

    # forward (1), (2), (4): ft = sigmoid(Wf concat + pf * c_prev + bf), it = sigmoid(Wi concat + pi * c_prev + bi)
    dc_prev = dc * ft + dft * pf + dit * pi  # (12)
    dpf = (dft * c_prev).sum(axis=1, keepdims=True)  # (13)
    dpi = (dit * c_prev).sum(axis=1, keepdims=True)  # (13)
    dpo = (dot * c_next).sum(axis=1, keepdims=True)  # (13)

    # forward (1), (2), (3), (5): each gate's Wx concat + bx
    dWf = dft @ concat.T  # (14)
    dWi = dit @ concat.T  # (14)
    dWc = dcct @ concat.T  # (14)
    dWo = dot @ concat.T  # (14)
    dbf = dft.sum(axis=1, keepdims=True)  # (15)
    dbi = dit.sum(axis=1, keepdims=True)  # (15)
    dbc = dcct.sum(axis=1, keepdims=True)  # (15)
    dbo = dot.sum(axis=1, keepdims=True)  # (15)

    # forward: concat = [a_prev; xt]
    da_prev = Wf[:, :n_a].T @ dft + Wi[:, :n_a].T @ dit + Wc[:, :n_a].T @ dcct + Wo[:, :n_a].T @ dot  # (16)
    dxt = Wf[:, n_a:].T @ dft + Wi[:, n_a:].T @ dit + Wc[:, n_a:].T @ dcct + Wo[:, n_a:].T @ dot  # (17)

    gates = {"dWf": dWf, "dbf": dbf, "dWi": dWi, "dbi": dbi, "dWc": dWc, "dbc": dbc, "dWo": dWo, "dbo": dbo}
    peepholes = {"dpf": dpf, "dpi": dpi, "dpo": dpo}
    return {"dxt": dxt, "da_prev": da_prev, "dc_prev": dc_prev, **gates, **peepholes}


def lstm_peephole_backward(
    da: Array,
    caches: Caches,
    *,
    da_final: Array | None = None,
    dc_final: Array | None = None,
    lengths: Lengths = None,
) -> dict[str, Array]:
    """Carries `da = dJ/da` of every step back through `lstm_peephole_forward`.

    Equations: (2) and (3) of `unroll.py`.

    Args:
        da: gradients of J with respect to `a`, `(n_a, m, T_da)`; the way back starts at the last step covered.
        caches: `(caches, x)` of `lstm_peephole_forward`.
        da_final: a further gradient of each sequence's last covered `a`, `(n_a, m)`; zero when left out.
        dc_final: gradient of each sequence's last covered `c`, `(n_a, m)`; zero when left out.
        lengths: the same as in the forward pass.

    Returns:
        `dx` `(n_x, m, T_da)`, `da0` `(n_a, m)`, `dc0` `(n_a, m)`, and the parameters' gradients, summed over batch and
        time.

    Raises:
        ParameterError: the caches are of another function or of no step, or an array is not of floats.
        ShapeError: shapes disagree, `da` covers more steps than the forward pass, or `lengths` differ.

    Source: Werbos 1990, back-propagation through time.

    >>> p = {"W" + gate: np.ones((1, 2)) for gate in "fico"} | {"b" + gate: np.zeros((1, 1)) for gate in "fico"}
    >>> p |= {"p" + gate: np.ones((1, 1)) for gate in "fio"} | {"Wy": np.ones((2, 1)), "by": np.zeros((2, 1))}
    >>> a, y, c, caches = lstm_peephole_forward(np.ones((1, 1, 3)), np.zeros((1, 1)), p)
    >>> lstm_peephole_backward(np.ones((1, 1, 3)), caches)["dpo"].round(4).tolist()
    [[0.1541]]
    """
    finals = {"a": da_final, "c": dc_final}
    return unroll_backward(lstm_peephole_cell_backward, da, caches, finals, lengths, CACHE, "lstm_peephole_forward")
