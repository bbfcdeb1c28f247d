"""Dense: forward against the definition, every gradient against central differences, and how it refuses."""

import numpy as np
import pytest

from unrolled.errors import ParameterError, ShapeError
from unrolled.initializers import INITIALIZERS
from unrolled.layers.dense import Dense

# one sum of I (or of all rows) products of numbers of order 1
TOLERANCE = {"float32": 1e-5, "float64": 1e-12}


def make(dtype="float64", bias=True):
    rng = np.random.default_rng(0)
    dense = Dense(3, 5, bias=bias, dtype=dtype, seed=1)
    if bias:
        dense.set(bias=rng.normal(size=5))
    return dense, rng


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("leading", [(), (4,), (4, 2), (0, 2)])
@pytest.mark.parametrize("bias", [True, False])
def test_forward_is_the_definition(dtype, leading, bias):
    dense, rng = make(dtype, bias)
    x = rng.normal(size=(*leading, 3)).astype(dtype)
    want = x.astype(np.float64) @ dense.parameters["weight"].T + (dense.parameters["bias"] if bias else 0)
    run = dense.forward(x)
    assert run.output.shape == (*leading, 5)
    assert run.output.dtype == dtype
    np.testing.assert_allclose(run.output, want, atol=TOLERANCE[dtype])
    np.testing.assert_array_equal(dense(x)[0], run.output)


@pytest.mark.parametrize("bias", [True, False])
def test_every_gradient_matches_central_differences(bias):
    dense, rng = make(bias=bias)
    x, dy = rng.normal(size=(4, 2, 3)), rng.normal(size=(4, 2, 5))
    grads = dense.backward(dense.forward(x), dy)
    assert list(grads.parameters) == list(dense.parameters)

    def slope(change):
        values = []
        for sign in (1, -1):
            undo = change(sign * 1e-5)
            values.append(float((dense(x)[0] * dy).sum()))
            undo()
        return (values[0] - values[1]) / 2e-5

    def changing(array, index):
        def change(by):
            before = array[index]
            array[index] += by
            return lambda: array.__setitem__(index, before)

        return change

    with dense.edit() as own:
        for array, gradient in [(x, grads.x), *((own[name], grads.parameters[name]) for name in own)]:
            assert gradient.shape == array.shape
            for index in np.ndindex(array.shape):
                assert slope(changing(array, index)) == pytest.approx(gradient[index], abs=1e-8)


def test_the_gradient_of_x_can_be_left_out():
    dense, rng = make()
    run = dense.forward(rng.normal(size=(4, 3)))
    assert dense.backward(run, np.ones((4, 5)), need_dx=False).x is None


def test_a_state_is_handed_through():
    dense, rng = make()
    x, state = rng.normal(size=(2, 3)), object()
    assert dense.forward(x, state).state is state
    assert dense(x, state)[1] is state
    y, after = dense.step(x, state)
    assert after is state
    np.testing.assert_array_equal(y, dense(x)[0])


def test_the_seed_decides_the_weights():
    assert (Dense(3, 5, seed=1).parameters["weight"] == Dense(3, 5, seed=1).parameters["weight"]).all()
    assert (Dense(3, 5, seed=1).parameters["weight"] != Dense(3, 5, seed=2).parameters["weight"]).any()
    assert (Dense(3, 5).parameters["weight"] != Dense(3, 5).parameters["weight"]).any()


@pytest.mark.parametrize("name", INITIALIZERS)
def test_weights_begin_with_the_values_of_the_name(name):
    weight = Dense(3, 5, weight_init=name, dtype="float64", seed=1).parameters["weight"]
    np.testing.assert_array_equal(weight, INITIALIZERS[name](np.random.default_rng(1), 5, 3))


def test_an_unknown_initialiser_is_named():
    with pytest.raises(
        ParameterError, match=r"`weight_init` is 'ones', expected 'orthogonal', .* or 'zeros'; they are"
    ):
        Dense(3, 5, weight_init="ones")


def test_an_input_of_another_size_is_named():
    with pytest.raises(ShapeError, match=r"`x` has shape \(2, 4\), expected \(N, I\) = \(2, 3\); is it the output"):
        make()[0].forward(np.zeros((2, 4)))


def test_an_input_of_another_dtype_is_named():
    with pytest.raises(ParameterError, match="`x` has dtype float32, expected float64"):
        make()[0].forward(np.zeros((2, 3), "float32"))


def test_a_gradient_of_another_shape_is_named():
    dense, _ = make()
    run = dense.forward(np.zeros((2, 3)))
    with pytest.raises(ShapeError, match=r"`dy` has shape \(5, 2\), expected \(N, O\) = \(2, 5\); dy is the gradient"):
        dense.backward(run, np.zeros((5, 2)))


@pytest.mark.parametrize("name", ["input_size", "output_size"])
def test_a_size_that_is_not_positive_is_named(name):
    with pytest.raises(
        ParameterError, match=f"`{name}` is 0, expected a whole number of at least 1; what does this layer map"
    ):
        Dense(**{"input_size": 3, "output_size": 5, name: 0})
