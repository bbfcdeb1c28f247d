"""Adam in the course's form: keys, epsilon's place, dtypes, errors; three whole updates are in golden.py."""

import numpy as np
import pytest

from helpers import rng
from unrolled.errors import ParameterError, ShapeError
from unrolled.steps import initialize_adam, update_parameters_with_adam

SHAPES = {"W1": (2, 3), "b1": (2, 1), "W2": (4, 2), "b2": (4, 1)}


def given(dtype=float):
    g = rng(1)
    parameters = {name: g.normal(size=shape).astype(dtype) for name, shape in SHAPES.items()}
    grads = {"d" + name: g.normal(size=shape).astype(dtype) for name, shape in SHAPES.items()}
    return parameters, grads, *initialize_adam(parameters)


def test_it_starts_from_zeros_with_the_courses_keys():
    parameters, _, v, s = given()
    assert list(v) == list(s) == ["dW1", "db1", "dW2", "db2"]
    assert {name: value.shape for name, value in v.items()} == {"d" + name: shape for name, shape in SHAPES.items()}
    assert not any(value.any() for moments in (v, s) for value in moments.values())
    assert not any(np.shares_memory(v["d" + name], s["d" + name]) for name in parameters)


def test_epsilon_stands_inside_the_root():
    """With g^2 = epsilon the first step is rate / sqrt(2) inside the root, and almost the whole rate outside it."""
    parameters, grads = (
        {"W1": np.zeros((1, 1)), "b1": np.zeros((1, 1))},
        {"dW1": np.full((1, 1), 1e-4), "db1": np.zeros((1, 1))},
    )
    moved, _, _ = update_parameters_with_adam(parameters, grads, *initialize_adam(parameters), 1)
    np.testing.assert_allclose(moved["W1"], -0.01 / np.sqrt(2), rtol=1e-12)
    assert moved["b1"] == 0


def test_a_first_step_moves_every_parameter_by_the_learning_rate_against_its_gradient():
    parameters, grads, v, s = given()
    moved, _, _ = update_parameters_with_adam(parameters, grads, v, s, 1)
    for name, value in parameters.items():
        np.testing.assert_allclose(moved[name] - value, -0.01 * np.sign(grads["d" + name]), rtol=1e-4)


def test_no_argument_is_changed():
    arguments = given()
    before = [{name: value.copy() for name, value in arrays.items()} for arrays in arguments]
    for found, given_ in zip(update_parameters_with_adam(*arguments, 1), (arguments[0], *arguments[2:]), strict=True):
        assert not any(np.shares_memory(found[name], given_[name]) for name in found)
    for arrays, copies in zip(arguments, before, strict=True):
        for name, value in arrays.items():
            np.testing.assert_array_equal(value, copies[name])


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble])
def test_the_dtype_stays(dtype):
    for arrays in update_parameters_with_adam(*given(dtype), 1, epsilon=1e-4):
        assert {value.dtype for value in arrays.values()} == {np.dtype(dtype)}


def test_a_nan_gradient_reaches_its_own_entry_only():
    parameters, grads, v, s = given()
    grads["dW1"][1, 2] = np.nan
    moved, _, _ = update_parameters_with_adam(parameters, grads, v, s, 1)
    assert np.argwhere(np.isnan(moved["W1"])).tolist() == [[1, 2]]
    assert not any(np.isnan(moved[name]).any() for name in ("b1", "W2", "b2"))


def test_no_parameters_need_no_update():
    assert update_parameters_with_adam({}, {}, {}, {}, 1) == ({}, {}, {})


@pytest.mark.parametrize("lost", SHAPES)
def test_a_missing_parameter_is_named(lost):
    parameters = given()[0]
    del parameters[lost]
    with pytest.raises(
        ParameterError, match=rf"`parameters` has no key '{lost}', expected the keys W1, b1, W2, b2; add"
    ):
        initialize_adam(parameters)


@pytest.mark.parametrize(("place", "argument"), [(1, "grads"), (2, "v"), (3, "s")])
class TestAnArgument:
    def test_that_lacks_a_key_is_named(self, place, argument):
        arguments = given()
        del arguments[place]["db2"]
        with pytest.raises(
            ParameterError, match=rf"`{argument}` has no key 'db2', expected one for each parameter; add"
        ):
            update_parameters_with_adam(*arguments, 1)

    def test_of_another_shape_is_named(self, place, argument):
        arguments = given()
        arguments[place]["dW1"] = np.zeros((3, 2))
        words = rf"`{argument}\['dW1'\]` has shape \(3, 2\), expected .* = \(2, 3\); give it the shape of `W1`"
        with pytest.raises(ShapeError, match=words):
            update_parameters_with_adam(*arguments, 1)

    def test_of_integers_is_named(self, place, argument):
        arguments = given()
        arguments[place]["dW1"] = np.zeros((2, 3), dtype=np.int64)
        with pytest.raises(
            ParameterError, match=rf"`{argument}\['dW1'\]` has dtype int64, expected a float dtype; conv"
        ):
            update_parameters_with_adam(*arguments, 1)


def test_parameters_of_integers_are_named():
    with pytest.raises(ParameterError, match=r"`b1` has dtype int64, expected a float dtype; convert it with"):
        initialize_adam({"W1": np.ones((1, 1)), "b1": np.ones((1, 1), dtype=np.int64)})


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ({"t": 0}, r"`t` is 0, expected at least 1; count updates from 1"),
        ({"t": 1, "beta1": 1.0}, r"`beta1` is 1.0, expected 0 <= beta1 < 1; the course uses"),
        ({"t": 1, "beta2": -0.1}, r"`beta2` is -0.1, expected 0 <= beta2 < 1; the course uses"),
        ({"t": 1, "epsilon": 0.0}, r"`epsilon` is 0.0, expected above 0 in float64, .*; pass a larger one"),
    ],
)
def test_a_number_out_of_range_is_named(numbers, words):
    with pytest.raises(ParameterError, match=words):
        update_parameters_with_adam(*given(), **numbers)


def test_an_epsilon_that_float16_rounds_to_zero_is_named():
    with pytest.raises(
        ParameterError, match=r"`epsilon` is 1e-08, expected above 0 in float16, where it rounds to 0; pass"
    ):
        update_parameters_with_adam(*given(np.float16), 1)
