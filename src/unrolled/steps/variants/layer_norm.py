"""The layer-normalised LSTM and GRU: one step and the loop over time, forward and backward; no loss, no update.

Equations, in this module's own numbers; norm(v) is that of `normalize.py`. `Wx` and `Wa` are the columns of the gates'
weights that act on x<t> and on the state before, stacked gate by gate; `*` is entry by entry.

    LSTM, its gates stacked as f, i, c, o, 4 n_a rows that are normalised together:
    (1) z = gx * norm(Wx x<t>) + ga * norm(Wa a<t-1>) + b                    gx = [gfx; gix; gcx; gox], and so ga, b
    (2) ft, it, cct, ot = sigmoid(zf), sigmoid(zi), tanh(zc), sigmoid(zo)
    (3) c<t> = ft * c<t-1> + it * cct
    (4) kt = tanh(gc * norm(c<t>) + sc)
    (5) a<t> = ot * kt                                                       y<t> = softmax(Wy a<t> + by)

    GRU, reset after the recurrent product, its gates r, u normalised together and the candidate by itself:
    (6) z = gx * norm(Wx x<t>) + ga * norm(Wa c<t-1>) + b                    gx = [grx; gux], and so ga, b
    (7) rt, ut = sigmoid(zr), sigmoid(zu)
    (8) qt = gca * norm(Wca c<t-1>) + bca
    (9) cct = tanh(gcx * norm(Wcx x<t>) + bc + rt * qt)
    (10) c<t> = ut * cct + (1 - ut) * c<t-1>                                 y<t> = softmax(Wy c<t> + by)

Backward; dz are the gates' gradients *before* each activation:

    LSTM:
    (11) dk = da * ot * (1 - kt^2), before its tanh;    dgc, dsc = sum over batch of dk * norm(c<t>), dk
    (12) dc = dc_next + what dk * gc gives through norm(c<t>)
    (13) dzf = dc * c<t-1> * ft * (1 - ft),    dzi = dc * cct * it * (1 - it)
    (14) dzc = dc * it * (1 - cct^2),          dzo = da * kt * ot * (1 - ot)
    (15) dc<t-1> = dc * ft

    GRU:
    (16) dk = dc * ut * (1 - cct^2), before the candidate's tanh
    (17) dzr = dk * qt * rt * (1 - rt),        dzu = dc * (cct - c<t-1>) * ut * (1 - ut)
    (18) dc<t-1> = dc * (1 - ut) + what comes back through (6) and (8)

    both:
    (19) db = sum over batch of dz, dk for bc, dk * rt for bca; gains, weights, x<t> and the state before as
         `normalize.py` leads back through g * norm(W s)

Source: Ba, Kiros & Hinton 2016, "Layer normalization": equations 20 to 22 for the LSTM, whose two shifts and bias add
up to one b here; the GRU of its supplement.
"""

import numpy as np

from unrolled.shapes import Array
from unrolled.steps._check import Parameters, check_arrays, check_cache, check_optional, pick
from unrolled.steps.activations import sigmoid, softmax
from unrolled.steps.variants.normalize import normalize, normalize_backward, normalized_product_backward
from unrolled.steps.variants.unroll import Cache, Caches, Lengths, unroll, unroll_backward

__all__ = [
    "gru_layer_norm_backward",
    "gru_layer_norm_cell_backward",
    "gru_layer_norm_cell_forward",
    "gru_layer_norm_forward",
    "lstm_layer_norm_backward",
    "lstm_layer_norm_cell_backward",
    "lstm_layer_norm_cell_forward",
    "lstm_layer_norm_forward",
]

LSTM_GATES = (
    *("Wf", "bf", "gfx", "gfa", "Wi", "bi", "gix", "gia", "Wc", "bc", "gcx", "gca", "Wo", "bo", "gox", "goa"),
    *("gc", "sc"),
)
LSTM_NAMES = (*LSTM_GATES, "Wy", "by")
LSTM_CACHE = "a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt, parameters"
GRU_GATES = ("Wu", "bu", "gux", "gua", "Wr", "br", "grx", "gra", "Wc", "bc", "gcx", "gca", "bca")
GRU_NAMES = (*GRU_GATES, "Wy", "by")
GRU_CACHE = "c_next, c_prev, ut, rt, cct, xt, parameters"


def stacked(parameters: Parameters, names: str) -> Array:
    """The parameters `names`, divided by blanks, one below the other."""
    return np.concatenate([parameters[name] for name in names.split()])


def lstm_layer_norm_cell_forward(
    xt: Array, a_prev: Array, c_prev: Array, parameters: Parameters
) -> tuple[Array, Array, Array, Cache]:
    """One step of the layer-normalised LSTM.

    Equations: (1) to (5) at the top of this module.

    Args:
        xt: inputs of this step, `(n_x, m)`.
        a_prev: hidden state of the step before, `(n_a, m)`.
        c_prev: cell state of the step before, `(n_a, m)`.
        parameters: those of `lstm_cell_forward`; the gains `gfx gix gcx gox` of the inputs' part, `gfa gia gca goa` of
            the state's, `gc` of the cell state and its shift `sc`, all `(n_a, 1)`.

    Returns:
        `a_next` `(n_a, m)`, `c_next` `(n_a, m)`, `yt_pred` `(n_y, m)`, and the cache
        `(a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt, parameters)`.

    Raises:
        ParameterError: a parameter is missing, or an array is not of floats.
        ShapeError: shapes disagree.

    Source: Ba, Kiros & Hinton 2016, equations (20) to (22).

    >>> p = {"W" + gate: np.array([[1.0, 1.0, 1.0], [0.0, 0.0, -1.0]]) for gate in "fico"} | {"by": np.zeros((2, 1))}
    >>> p |= {name: np.ones((2, 1)) for name in "gfx gix gcx gox gfa gia gca goa gc sc".split()} | {"Wy": np.eye(2)}
    >>> p |= {"b" + gate: np.zeros((2, 1)) for gate in "fico"}
    >>> a_next, c_next, _, _ = lstm_layer_norm_cell_forward(np.ones((1, 1)), np.zeros((2, 1)), np.ones((2, 1)), p)
    >>> a_next.round(4).tolist(), c_next.round(4).tolist()
    ([[0.7048], [0.0]], [[1.2878], [0.0641]])
    """
    check_arrays({**pick(parameters, LSTM_NAMES), "xt": xt, "a_prev": a_prev, "c_prev": c_prev})
    W, b = stacked(parameters, "Wf Wi Wc Wo"), stacked(parameters, "bf bi bc bo")
    gx, ga = stacked(parameters, "gfx gix gcx gox"), stacked(parameters, "gfa gia gca goa")
    gc, sc, Wy, by = (parameters[name] for name in ("gc", "sc", "Wy", "by"))
    n_a = len(a_prev)

    of_x, _ = normalize(W[:, n_a:] @ xt)
    of_a, _ = normalize(W[:, :n_a] @ a_prev)
    zf, zi, zc, zo = np.split(gx * of_x + ga * of_a + b, 4)  # (1)
    ft = sigmoid(zf)  # (2)
    it = sigmoid(zi)  # (2)
    cct = np.tanh(zc)  # (2)
    ot = sigmoid(zo)  # (2)
    c_next = ft * c_prev + it * cct  # (3)
    kt = np.tanh(gc * normalize(c_next)[0] + sc)  # (4)
    a_next = ot * kt  # (5)
    yt_pred = softmax(Wy @ a_next + by)

    return a_next, c_next, yt_pred, (a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt, parameters)


def lstm_layer_norm_forward(
    x: Array, a0: Array, parameters: Parameters, *, c0: Array | None = None, lengths: Lengths = None
) -> tuple[Array, Array, Array, Caches]:
    """The layer-normalised LSTM unrolled over time.

    Equations: (1) of `unroll.py`.

    Args:
        x: inputs, `(n_x, m, T)`.
        a0: initial hidden state, `(n_a, m)`.
        parameters: as in `lstm_layer_norm_cell_forward`.
        c0: initial cell state, `(n_a, m)`; zero when left out.
        lengths: steps of each sequence, `(m,)`, as in `lstm_forward`.

    Returns:
        `a` `(n_a, m, T)`, `y` `(n_y, m, T)`, `c` `(n_a, m, T)`, and `(caches, x)` for `lstm_layer_norm_backward`.

    Raises:
        ParameterError: a parameter is missing, an array is not of floats, or a length is not from 0 to T.
        ShapeError: shapes disagree.

    Source: as `lstm_layer_norm_cell_forward`.
    """
    sizes = check_arrays({**pick(parameters, LSTM_NAMES), "x": x, "a0": a0})
    check_optional({"c0": c0}, sizes)
    states = [a0, np.zeros_like(a0) if c0 is None else c0]

    a, c, y, caches = unroll(lstm_layer_norm_cell_forward, x, states, parameters, LSTM_NAMES, {}, lengths)

    return a, y, c, caches


def lstm_layer_norm_cell_backward(da_next: Array, dc_next: Array, cache: Cache) -> dict[str, Array]:
    """Carries `da_next = dJ/da_next` and `dc_next` back through `lstm_layer_norm_cell_forward`.

    Equations: (11) to (15) and (19) at the top of this module.

    Args:
        da_next: gradient of J with respect to `a_next`, `(n_a, m)`.
        dc_next: gradient of J with respect to `c_next`, not through `a_next`, `(n_a, m)`.
        cache: of `lstm_layer_norm_cell_forward`.

    Returns:
        `dxt` `(n_x, m)`, `da_prev` `(n_a, m)`, `dc_prev` `(n_a, m)`, and the gradients of every weight, bias, gain and
        the shift in the shapes of their parameters, summed over the batch.

    Raises:
        ParameterError: the cache is of another function, or an array is not of floats.
        ShapeError: a gradient does not fit the cache.

    Source: the chain rule.
    """
    check_cache(cache, LSTM_CACHE, "lstm_layer_norm_cell_forward")
    a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt, parameters = cache
    check_arrays({**pick(parameters, LSTM_GATES), "xt": xt, "a_prev": a_prev, "c_prev": c_prev})
    check_arrays({"c_next": c_next, "a_next": a_next, "da_next": da_next, "dc_next": dc_next})
    W, gx, ga = (stacked(parameters, names) for names in ("Wf Wi Wc Wo", "gfx gix gcx gox", "gfa gia gca goa"))
    gc, sc = parameters["gc"], parameters["sc"]
    n_a = len(a_prev)

    # forward (4), (5): a_next = ot * kt, kt = tanh(gc * norm(c_next) + sc)
    of_c, deviation = normalize(c_next)
    kt = np.tanh(gc * of_c + sc)
    dk = da_next * ot * (1 - kt**2)  # (11)
    dgc = (dk * of_c).sum(axis=1, keepdims=True)  # (11)
    dsc = dk.sum(axis=1, keepdims=True)  # (11)
    dc = dc_next + normalize_backward(dk * gc, of_c, deviation)  # (12)

    # forward (2), (3): c_next = ft * c_prev + it * cct, each gate of its rows of z
    dzf = dc * c_prev * ft * (1 - ft)  # (13)
    dzi = dc * cct * it * (1 - it)  # (13)
    dzc = dc * it * (1 - cct**2)  # (14)
    dzo = da_next * kt * ot * (1 - ot)  # (14)
    dc_prev = dc * ft  # (15)

    # forward (1): z = gx * norm(Wx xt) + ga * norm(Wa a_prev) + b
    dz = np.concatenate([dzf, dzi, dzc, dzo])
    dgx, dWx, dxt = normalized_product_backward(dz, gx, W[:, n_a:], xt)
    dga, dWa, da_prev = normalized_product_backward(dz, ga, W[:, :n_a], a_prev)
    dW = np.concatenate([dWa, dWx], axis=1)
    db = dz.sum(axis=1, keepdims=True)  # (19)

    gates = dict(zip(("dWf", "dWi", "dWc", "dWo"), np.split(dW, 4), strict=True))
    biases = dict(zip(("dbf", "dbi", "dbc", "dbo"), np.split(db, 4), strict=True))
    of_x = dict(zip(("dgfx", "dgix", "dgcx", "dgox"), np.split(dgx, 4), strict=True))
    of_a = dict(zip(("dgfa", "dgia", "dgca", "dgoa"), np.split(dga, 4), strict=True))
    cell = {"dgc": dgc, "dsc": dsc}
    return {"dxt": dxt, "da_prev": da_prev, "dc_prev": dc_prev, **gates, **biases, **of_x, **of_a, **cell}


def lstm_layer_norm_backward(
    da: Array,
    caches: Caches,
    *,
    da_final: Array | None = None,
    dc_final: Array | None = None,
    lengths: Lengths = None,
) -> dict[str, Array]:
    """Carries `da = dJ/da` of every step back through `lstm_layer_norm_forward`; arguments as of `lstm_backward`.

    Equations: (2) and (3) of `unroll.py`.

    Returns:
        `dx` `(n_x, m, T_da)`, `da0` `(n_a, m)`, `dc0` `(n_a, m)`, and the parameters' gradients, summed over batch and
        time.
    """
    finals = {"a": da_final, "c": dc_final}
    return unroll_backward(
        lstm_layer_norm_cell_backward, da, caches, finals, lengths, LSTM_CACHE, "lstm_layer_norm_forward"
    )


def gru_layer_norm_cell_forward(xt: Array, c_prev: Array, parameters: Parameters) -> tuple[Array, Array, Cache]:
    """One step of the layer-normalised GRU, its reset gate after the recurrent product.

    Equations: (6) to (10) at the top of this module.

    Args:
        xt: inputs of this step, `(n_x, m)`.
        c_prev: state of the step before, `(n_a, m)`.
        parameters: those of `gru_cell_forward` with `reset="after"`; the gains `gux grx gcx` of the inputs' part and
            `gua gra gca` of the state's, `(n_a, 1)`.

    Returns:
        `c_next` `(n_a, m)`, which is also the output `a`; `yt_pred` `(n_y, m)`; and the cache
        `(c_next, c_prev, ut, rt, cct, xt, parameters)`.

    Raises:
        ParameterError: a parameter is missing, or an array is not of floats.
        ShapeError: shapes disagree.

    Source: Ba, Kiros & Hinton 2016, supplementary material, with the update gate in the course's sense: ut weighs the
    new state.

    >>> p = {"W" + gate: np.array([[1.0, 1.0, 1.0], [0.0, 0.0, 1.0]]) for gate in "urc"} | {"by": np.zeros((2, 1))}
    >>> p |= {name: np.ones((2, 1)) for name in "gux grx gcx gua gra gca".split()} | {"Wy": np.eye(2)}
    >>> p |= {name: np.zeros((2, 1)) for name in "bu br bc bca".split()}
    >>> c_next, _, _ = gru_layer_norm_cell_forward(np.ones((1, 1)), np.ones((2, 1)), p)
    >>> c_next.round(4).tolist()
    [[0.7249], [0.6604]]
    """
    check_arrays({**pick(parameters, GRU_NAMES), "xt": xt, "c_prev": c_prev})
    W, b, gx, ga = (stacked(parameters, names) for names in ("Wr Wu", "br bu", "grx gux", "gra gua"))
    Wc, bc, bca, gcx, gca, Wy, by = (parameters[name] for name in ("Wc", "bc", "bca", "gcx", "gca", "Wy", "by"))
    n_a = len(c_prev)

    of_x, _ = normalize(W[:, n_a:] @ xt)
    of_c, _ = normalize(W[:, :n_a] @ c_prev)
    zr, zu = np.split(gx * of_x + ga * of_c + b, 2)  # (6)
    rt = sigmoid(zr)  # (7)
    ut = sigmoid(zu)  # (7)
    qt = gca * normalize(Wc[:, :n_a] @ c_prev)[0] + bca  # (8)
    cct = np.tanh(gcx * normalize(Wc[:, n_a:] @ xt)[0] + bc + rt * qt)  # (9)
    c_next = ut * cct + (1 - ut) * c_prev  # (10)
    yt_pred = softmax(Wy @ c_next + by)

    return c_next, yt_pred, (c_next, c_prev, ut, rt, cct, xt, parameters)


def gru_layer_norm_forward(
    x: Array, c0: Array, parameters: Parameters, *, lengths: Lengths = None
) -> tuple[Array, Array, Caches]:
    """The layer-normalised GRU over time: as `gru_forward`, with the parameters of `gru_layer_norm_cell_forward`."""
    check_arrays({**pick(parameters, GRU_NAMES), "x": x, "c0": c0})

    c, y, caches = unroll(gru_layer_norm_cell_forward, x, [c0], parameters, GRU_NAMES, {}, lengths)

    return c, y, caches


def gru_layer_norm_cell_backward(dc_next: Array, cache: Cache) -> dict[str, Array]:
    """Carries `dc_next = dJ/dc_next`, `(n_a, m)`, back through `gru_layer_norm_cell_forward`.

    Equations: (16) to (19) at the top of this module.

    Returns:
        `dxt` `(n_x, m)`, `dc_prev` `(n_a, m)`, and the gradients of every weight, bias and gain in the shapes of their
        parameters, summed over the batch.

    Raises:
        ParameterError: the cache is of another function, or an array is not of floats.
        ShapeError: `dc_next` does not fit the cache.

    Source: the chain rule.
    """
    check_cache(cache, GRU_CACHE, "gru_layer_norm_cell_forward")
    c_next, c_prev, ut, rt, cct, xt, parameters = cache
    check_arrays({"c_next": c_next, "dc_next": dc_next})
    W, gx, ga = (stacked(parameters, names) for names in ("Wr Wu", "grx gux", "gra gua"))
    Wc, bca, gcx, gca = (parameters[name] for name in ("Wc", "bca", "gcx", "gca"))
    n_a = len(c_prev)

    # forward (10): c_next = ut * cct + (1 - ut) * c_prev; forward (9): cct = tanh(gcx * norm(Wcx xt) + bc + rt * qt)
    qt = gca * normalize(Wc[:, :n_a] @ c_prev)[0] + bca
    dk = dc_next * ut * (1 - cct**2)  # (16)
    dzr = dk * qt * rt * (1 - rt)  # (17)
    dzu = dc_next * (cct - c_prev) * ut * (1 - ut)  # (17)

    # forward (8), (9): qt = gca * norm(Wca c_prev) + bca
    dgcx, dWcx, dxt_candidate = normalized_product_backward(dk, gcx, Wc[:, n_a:], xt)
    dgca, dWca, dc_candidate = normalized_product_backward(dk * rt, gca, Wc[:, :n_a], c_prev)
    dWc = np.concatenate([dWca, dWcx], axis=1)
    dbc = dk.sum(axis=1, keepdims=True)  # (19)
    dbca = (dk * rt).sum(axis=1, keepdims=True)  # (19)

    # forward (6): z = gx * norm(Wx xt) + ga * norm(Wa c_prev) + b
    dz = np.concatenate([dzr, dzu])
    dgx, dWx, dxt_gates = normalized_product_backward(dz, gx, W[:, n_a:], xt)
    dga, dWa, dc_gates = normalized_product_backward(dz, ga, W[:, :n_a], c_prev)
    dWr, dWu = np.split(np.concatenate([dWa, dWx], axis=1), 2)
    dbr, dbu = np.split(dz.sum(axis=1, keepdims=True), 2)  # (19)
    dgrx, dgux = np.split(dgx, 2)
    dgra, dgua = np.split(dga, 2)

    dxt = dxt_gates + dxt_candidate
    dc_prev = dc_next * (1 - ut) + dc_gates + dc_candidate  # (18)

    gates = {"dWu": dWu, "dbu": dbu, "dWr": dWr, "dbr": dbr, "dWc": dWc, "dbc": dbc, "dbca": dbca}
    gains = {"dgux": dgux, "dgrx": dgrx, "dgcx": dgcx, "dgua": dgua, "dgra": dgra, "dgca": dgca}
    return {"dxt": dxt, "dc_prev": dc_prev, **gates, **gains}


def gru_layer_norm_backward(
    dc: Array, caches: Caches, *, dc_final: Array | None = None, lengths: Lengths = None
) -> dict[str, Array]:
    """Carries `dc = dJ/dc` of every step back through `gru_layer_norm_forward`; arguments as of `gru_backward`."""
    finals = {"c": dc_final}
    return unroll_backward(
        gru_layer_norm_cell_backward, dc, caches, finals, lengths, GRU_CACHE, "gru_layer_norm_forward"
    )
