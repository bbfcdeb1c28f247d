"""Every gradient of a recurrent layer against central differences, its masks held fixed; no test of its own."""

from collections.abc import Callable
from typing import Any

import numpy as np

from helpers import Array, rng, tolerance
from unrolled.layers import LSTM, LSTMState
from unrolled.layers.recurrent import Recurrent

__all__ = ["EPS", "assert_gradients", "randomised", "some_state"]

EPS = 1e-5


def randomised(layer: Recurrent[Any, Any], seed: int = 0) -> Recurrent[Any, Any]:
    """The layer with every parameter moved at random: no bias, gain or state that is 0 or 1 can hide a mistake."""
    generator = rng(seed)
    layer.set(**{name: array + 0.3 * generator.normal(size=array.shape) for name, array in layer.parameters.items()})
    return layer


def some_state(layer: Recurrent[Any, Any], N: int, seed: int) -> Any:
    generator, rows = rng(seed), layer.num_layers * layer.num_directions
    h = generator.normal(size=(rows, N, layer.state_size)).astype(layer.dtype)
    return (
        LSTMState(h, generator.normal(size=(rows, N, layer.hidden_size)).astype(layer.dtype))
        if isinstance(layer, LSTM)
        else h
    )


def as_arrays(state: Any) -> list[Array]:
    return list(state) if isinstance(state, tuple) else [state]


def numeric(objective: Callable[[], float], array: Array, *, curved: bool) -> Array:
    """dJ/darray by central differences, one entry after the other.

    Args:
        objective: J, of `array` as it stands.
        array: changed for each call, and put back.
        curved: take four points for two, and nearer ones, which leave an error of the step's fourth power: a norm of
            values near zero has a third derivative of 1e7.
    """
    slope = np.zeros_like(array)
    by, weights = (EPS / 4, {1: 8 / 12, 2: -1 / 12}) if curved else (EPS, {1: 1 / 2})
    for index in np.ndindex(array.shape):
        before = array[index]
        for steps, weight in weights.items():
            for sign in (1, -1):
                array[index] = before + sign * steps * by
                slope[index] += sign * weight * objective() / by
        array[index] = before
    return slope


def assert_gradients(
    layer: Recurrent[Any, Any],
    *,
    T: int,
    N: int = 2,
    lengths: list[int] | None = None,
    learned: bool = False,
    training: bool = True,
    memory: str = "full",
    seed: int = 0,
) -> None:
    """Raises unless `backward` agrees with central differences in every parameter, input and initial state.

    Args:
        layer: of float64; its parameters are moved at random.
        T: steps.
        N: sequences.
        lengths: of the sequences.
        learned: hand in no state.
        training: whether masks are drawn: the same for each forward pass.
        memory: what forward keeps.
        seed: of all that is random.
    """
    randomised(layer, seed)
    generator, masks = rng(seed + 1), layer.random_state
    x = generator.normal(size=(T, N, layer.input_size))
    state, dstate = None if learned else some_state(layer, N, seed + 2), some_state(layer, N, seed + 3)
    dy = generator.normal(size=(T, N, layer.output_size))

    def forward() -> Any:
        layer.random_state = masks
        return layer.forward(x, state, lengths=lengths, training=training, memory=memory)

    def objective() -> float:
        layer.set()  # the arrays were changed in place: a new version
        run = forward()
        last = sum((d * h).sum() for d, h in zip(as_arrays(dstate), as_arrays(run.state), strict=True))
        return float((dy * run.output).sum() + last)

    run = forward()
    grads = layer.backward(run, dy, dstate)
    expected = {"x": grads.x, **grads.parameters}
    assert list(grads.parameters) == list(layer.parameters)
    with layer.edit() as own:
        arrays = {"x": x, **own}
        if state is not None:
            expected |= {f"state {k}": array for k, array in enumerate(as_arrays(grads.state))}
            arrays |= {f"state {k}": array for k, array in enumerate(as_arrays(state))}
        for name, array in arrays.items():
            found = expected[name]
            assert found.shape == array.shape, name
            np.testing.assert_allclose(
                found,
                numeric(objective, array, curved=layer.options.layer_norm),
                **tolerance("central differences"),
                err_msg=name,
            )
    assert any(gradient.any() for gradient in expected.values())
