"""The softmax head with its cross-entropy loss, and the way back from J to `a`; no recurrence, no update.

The course leaves this part out ("computed elsewhere"): the `da` found here is what `rnn_backward`, `lstm_backward` and
`gru_backward` start from. Equations, in this module's own numbers; k counts the scored columns (sequences x steps):

    (1) z = Wy a + by                                    logits (`Wya` in the RNN)
    (2) log y_pred = z - max z - log sum e^(z - max z)   softmax, in logarithms
    (3) J = -scale * sum of y * log y_pred               scale = 1 for the sum, 1/k for the mean

    (4) dz = scale * (y_pred - y)                        both derivatives at once
    (5) dWy = dz a^T        (6) dby = sum of dz          (7) da = Wy^T dz
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from unrolled.errors import ParameterError, ShapeError
from unrolled.shapes import Array, check_shape
from unrolled.steps._check import Parameters, check_arrays, check_cache, check_float, promote, running
from unrolled.steps.activations import log_softmax

__all__ = ["OutputCache", "output_backward", "output_forward"]

Labels = Array | NDArray[np.integer]
Reduction = Literal["sum", "mean"]
OutputCache = tuple[Array, Array, Array, NDArray[np.bool_], Parameters, np.floating]

CACHE = "a, y_pred, y, scored, parameters, scale"


def output_forward(
    a: Array,
    labels: Labels,
    parameters: Parameters,
    *,
    reduction: Reduction = "sum",
    lengths: Sequence[int] | NDArray[np.integer] | None = None,
) -> tuple[np.floating, Array, OutputCache]:
    """The loss J of hidden states, through the softmax head and the cross-entropy.

    Equations: (1) to (3) at the top of this module.

    Args:
        a: hidden states, `(n_a, m, T)`, or those of one step, `(n_a, m)`.
        labels: the true class of every column, integers `(m, T)` from 0 to n_y - 1; or its distribution, `(n_y, m, T)`,
            such as one-hot columns: not negative, each column summing to 1. Without the axis T for one step.
        parameters: the head's weights, `Wya` (RNN) or `Wy` (LSTM, GRU), `(n_y, n_a)`, and `by` `(n_y, 1)`.
        reduction: J summed over batch and time, or averaged over both (over none, J is 0).
        lengths: steps of each sequence, `(m,)`; padded steps are neither scored nor read, and `y_pred` there is 0.

    Returns:
        J, in nats, finite for finite logits even where the label's probability underflows to 0; `y_pred`, `(n_y, m, T)`
        or `(n_y, m)`; and the cache for `output_backward`. One float dtype in, the same out.

    Raises:
        ParameterError: a parameter is missing or ambiguous, a wrong dtype, a label that is no class, columns that are
            no distributions, a wrong `reduction`, or a length that is not from 0 to T.
        ShapeError: shapes disagree.

    Source: Bridle 1990; the logarithm is taken before rounding, as in `activations.log_softmax`.

    >>> head = {"Wy": np.eye(2), "by": np.zeros((2, 1))}
    >>> J, y_pred, cache = output_forward(np.array([[0.0], [1000.0]]), np.array([0]), head)
    >>> float(J), y_pred.tolist()
    (1000.0, [[0.0], [1.0]])
    """
    weight, scored = _check_forward(a, parameters, reduction, lengths)
    Wy, by = parameters[weight], parameters["by"]
    dtype = promote(a, Wy, by)
    y = _distributions(labels, a, Wy.shape[0], scored).astype(dtype)  # (n_y, k): the scored columns, side by side
    scale = dtype.type(1 if reduction == "sum" else 1 / max(y.shape[1], 1))

    z = Wy @ a[:, scored] + by  # (1)
    log_y_pred = log_softmax(z)  # (2)
    J = -scale * np.sum(y * log_y_pred)  # (3)

    y_pred = np.zeros((Wy.shape[0], *a.shape[1:]), dtype)
    y_pred[:, scored] = np.exp(log_y_pred)
    return J, y_pred, (a, y_pred, y, scored, parameters, scale)


def output_backward(cache: OutputCache) -> dict[str, Array]:
    """Carries J back through `output_forward` to the hidden states.

    Equations: (4) to (7) at the top of this module.

    Args:
        cache: of `output_forward`.

    Returns:
        `da`, in the shape of `a` and 0 at padded steps, the input of the networks' backward passes;
        `dWya` or `dWy` `(n_y, n_a)`, by the name of the weight that was given; and `dby` `(n_y, 1)`.

    Raises:
        ParameterError: the cache is of another function.

    Source: the chain rule: the derivative of -log softmax(z)_k is softmax(z) minus the one-hot column of k.

    >>> head = {"Wy": np.eye(2), "by": np.zeros((2, 1))}
    >>> J, y_pred, cache = output_forward(np.array([[0.0], [0.0]]), np.array([0]), head)
    >>> output_backward(cache)["da"].tolist()
    [[-0.5], [0.5]]
    """
    check_cache(cache, CACHE, "output_forward")
    a, y_pred, y, scored, parameters, scale = cache
    weight = _weight_name(parameters)
    Wy = parameters[weight]
    da = np.zeros(a.shape, y_pred.dtype)

    # forward (2), (3): log y_pred = log softmax(z), J = -scale * sum of y * log y_pred
    dz = scale * (y_pred[:, scored] - y)  # (4)
    # forward (1): z = Wy a + by
    dWy = dz @ a[:, scored].T  # (5)
    dby = dz.sum(axis=1, keepdims=True)  # (6)
    da[:, scored] = Wy.T @ dz  # (7)

    return {"da": da, "d" + weight: dWy, "dby": dby}


def _weight_name(parameters: Parameters) -> str:
    found = [name for name in ("Wya", "Wy") if name in parameters]
    if len(found) != 1:
        came = "both 'Wya' and 'Wy'" if found else "neither 'Wya' nor 'Wy'"
        raise ParameterError(f"`parameters` has {came}, expected one head; pass Wya for an RNN, Wy for an LSTM or GRU")
    return found[0]


def _check_forward(
    a: Array, parameters: Parameters, reduction: str, lengths: Sequence[int] | NDArray[np.integer] | None
) -> tuple[str, NDArray[np.bool_]]:
    """The name of the head's weight, and which columns `(m, T)` or `(m,)` are scored."""
    if reduction not in ("sum", "mean"):
        raise ParameterError(f"`reduction` is {reduction!r}, expected 'sum' or 'mean'; pass one of the two as a string")
    weight = _weight_name(parameters)
    if "by" not in parameters:
        raise ParameterError(f"`parameters` has no key 'by', expected the keys {weight}, by; add the missing one")
    check_float("a", a)
    sizes = check_arrays({weight: parameters[weight], "by": parameters["by"]})
    if a.ndim not in (2, 3) or a.shape[0] != sizes["n_a"]:
        axes, expected = ("n_a, m", (sizes["n_a"], None)) if a.ndim == 2 else ("n_a, m, T", (sizes["n_a"], None, None))
        check_shape("a", a.shape, axes, expected, f"`{weight}` acts on its first axis: did you pass a transpose?")
    if lengths is None:
        return weight, np.ones(a.shape[1:], dtype=bool)
    if a.ndim == 2:
        raise ShapeError(
            f"`a` has shape {a.shape}, expected (n_a, m, T) with `lengths`; leave `lengths` out for one step"
        )
    return weight, running(lengths, a.shape[1], a.shape[2]).T


def _distributions(labels: Labels, a: Array, n_y: int, scored: NDArray[np.bool_]) -> Array:
    """The label of every scored column as a column of `(n_y, k)`."""
    axes = "m, T" if a.ndim == 3 else "m"
    if np.ndim(labels) == a.ndim:
        expected = (n_y, *a.shape[1:])
        check_shape("labels", labels.shape, "n_y, " + axes, expected, "give one row for each class")
        y = labels[:, scored].astype(float)
        if np.any(y < 0) or np.any(np.abs(y.sum(axis=0) - 1) > 1e-2):  # NaN passes, and comes out as NaN
            raise ParameterError(
                "`labels` has columns that are negative or do not sum to 1, expected a distribution over n_y = "
                f"{n_y} classes in each; pass classes as integers without the axis n_y"
            )
        return y
    classes = np.asarray(labels)
    check_shape("labels", classes.shape, axes, a.shape[1:], "give one class for each column of `a`")
    if classes.dtype.kind not in "iu":
        raise ParameterError(f"`labels` has dtype {classes.dtype}, expected integers; convert them with .astype(int)")
    classes = classes[scored]
    for k in np.flatnonzero((classes < 0) | (classes >= n_y)):
        raise ParameterError(f"`labels` has class {classes[k]}, expected 0 to n_y - 1 = {n_y - 1}; number them from 0")
    return np.equal.outer(np.arange(n_y), classes).astype(float)
