"""Adam as the course writes it: two functions on dictionaries; no network, no gradients of its own.

Equations, in this module's own numbers, for every parameter with gradient g at update t = 1, 2, ...:

    (1) v = beta1 v + (1 - beta1) g             (2) v_corrected = v / (1 - beta1^t)
    (3) s = beta2 s + (1 - beta2) g^2           (4) s_corrected = s / (1 - beta2^t)
    (5) parameter = parameter - learning_rate * v_corrected / sqrt(s_corrected + epsilon)

Epsilon stands **inside** the root here, as in the course. Kingma & Ba's algorithm 1, which `unrolled.optimizers.Adam`
implements, divides by `sqrt(s_corrected) + epsilon`. With the default 1e-8 a parameter whose gradient g stays far below
1e-4 moves by about learning_rate * g / 1e-4 here, and by nearly the whole learning_rate there.
"""

from collections.abc import Mapping

import numpy as np

from unrolled.errors import ParameterError
from unrolled.shapes import Array, check_shape
from unrolled.steps._check import Parameters, check_float, pick, promote

__all__ = ["initialize_adam", "update_parameters_with_adam"]


def initialize_adam(parameters: Parameters) -> tuple[dict[str, Array], dict[str, Array]]:
    """Adam's two moving averages before the first update.

    Equations:
        v["dW1"] = s["dW1"] = 0 in the shape of W1, and so for b1, ..., WL, bL

    Args:
        parameters: `W1 b1 ... WL bL`, any shapes; L is half the number of keys.

    Returns:
        `v` and `s`, both with the keys `dW1 db1 ... dWL dbL`, in the shapes and dtypes of their parameters.

    Raises:
        ParameterError: a key is missing, or an array is not of floats.

    Source: Kingma & Ba 2015, algorithm 1, initialisation.

    >>> v, s = initialize_adam({"W1": np.ones((2, 3)), "b1": np.ones((2, 1))})
    >>> v["dW1"].shape, s["db1"].tolist()
    ((2, 3), [[0.0], [0.0]])
    """
    own = _layers(parameters)
    v = {"d" + name: np.zeros_like(value) for name, value in own.items()}
    s = {"d" + name: np.zeros_like(value) for name, value in own.items()}
    return v, s


def update_parameters_with_adam(
    parameters: Parameters,
    grads: Mapping[str, Array],
    v: Mapping[str, Array],
    s: Mapping[str, Array],
    t: int,
    learning_rate: float = 0.01,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
) -> tuple[dict[str, Array], dict[str, Array], dict[str, Array]]:
    """One update of every parameter.

    Equations: (1) to (5) at the top of this module; epsilon is inside the square root, unlike in Kingma & Ba's
    algorithm 1, which `unrolled.optimizers.Adam` implements.

    Args:
        parameters: `W1 b1 ... WL bL`, any shapes.
        grads: `dW1 db1 ... dWL dbL`, in the same shapes.
        v: moving average of the gradients, from `initialize_adam` or the update before.
        s: moving average of their squares, likewise.
        t: number of this update, counted from 1.
        learning_rate: largest step, in units of the parameters.
        beta1: decay of `v`, in [0, 1).
        beta2: decay of `s`, in [0, 1).
        epsilon: added to `s_corrected` inside the root; above 0, also in the dtype used.

    Returns:
        New dictionaries `parameters`, `v`, `s`; those given are not changed. Each parameter keeps its dtype when its
        gradient has the same.

    Raises:
        ParameterError: a key is missing, an array is not of floats, or a number is out of its range.
        ShapeError: a gradient or an average has not its parameter's shape.

    Source: Kingma & Ba 2015, algorithm 1, with epsilon inside the root as in the course.

    >>> parameters = {"W1": np.ones((1, 1)), "b1": np.ones((1, 1))}
    >>> grads = {"dW1": np.ones((1, 1)), "db1": np.zeros((1, 1))}
    >>> parameters, v, s = update_parameters_with_adam(parameters, grads, *initialize_adam(parameters), t=1)
    >>> parameters["W1"].round(4).tolist(), parameters["b1"].tolist()
    ([[0.99]], [[1.0]])
    """
    own = _layers(parameters)
    _check_update(own, {"grads": grads, "v": v, "s": s}, t, beta1, beta2, epsilon)

    updated: tuple[dict[str, Array], dict[str, Array], dict[str, Array]] = ({}, {}, {})
    new_parameters, new_v, new_s = updated
    for name, value in own.items():
        key = "d" + name
        new_v[key] = beta1 * v[key] + (1 - beta1) * grads[key]  # (1)
        v_corrected = new_v[key] / (1 - beta1**t)  # (2)
        new_s[key] = beta2 * s[key] + (1 - beta2) * grads[key] ** 2  # (3)
        s_corrected = new_s[key] / (1 - beta2**t)  # (4)
        new_parameters[name] = value - learning_rate * v_corrected / np.sqrt(s_corrected + epsilon)  # (5)
    return updated


def _layers(parameters: Parameters) -> dict[str, Array]:
    """`W1 b1 ... WL bL` in that order, each checked to be an array of floats."""
    own = pick(parameters, [kind + str(layer) for layer in range(1, (len(parameters) + 1) // 2 + 1) for kind in "Wb"])
    for name, value in own.items():
        check_float(name, value)
    return own


def _check_update(
    own: Parameters,
    given: Mapping[str, Mapping[str, Array]],
    t: int,
    beta1: float,
    beta2: float,
    epsilon: float,
) -> None:
    if t < 1:
        raise ParameterError(
            f"`t` is {t}, expected at least 1; count updates from 1: the bias correction divides by 0 at 0"
        )
    for name, beta in (("beta1", beta1), ("beta2", beta2)):
        if not 0 <= beta < 1:
            raise ParameterError(f"`{name}` is {beta}, expected 0 <= {name} < 1; the course uses 0.9 and 0.999")
    for name, value in own.items():
        key = "d" + name
        for argument, arrays in given.items():
            if key not in arrays:
                raise ParameterError(
                    f"`{argument}` has no key '{key}', expected one for each parameter; add the missing one"
                )
            check_float(f"{argument}['{key}']", arrays[key])
            axes = ", ".join(f"{name}.shape[{axis}]" for axis in range(value.ndim))
            check_shape(f"{argument}['{key}']", arrays[key].shape, axes, value.shape, f"give it the shape of `{name}`")
        dtype = promote(value, *(arrays[key] for arrays in given.values()))
        if not dtype.type(epsilon) > 0:
            raise ParameterError(
                f"`epsilon` is {epsilon}, expected above 0 in {dtype}, where it rounds to 0; pass a larger one"
            )
