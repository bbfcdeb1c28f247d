"""The activations at the ends of every float's range; their values in the middle are in golden.py."""

import numpy as np
import pytest

from helpers import rng, tolerance
from unrolled.steps import log_softmax, sigmoid, sigmoid_derivative, softmax, tanh_derivative

FLOATS = [np.float16, np.float32, np.float64, np.longdouble]


@pytest.mark.parametrize("dtype", FLOATS)
def test_no_finite_input_overflows_and_the_dtype_stays(dtype):
    far = np.finfo(dtype).max
    x = np.array([[far, -far, 1], [-far, -far, far], [0, far, -far]], dtype)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        found = sigmoid(x), softmax(x), log_softmax(x)
    assert [values.dtype for values in found] == [dtype] * 3
    assert found[0].tolist() == [[1, 0, sigmoid(np.ones(1, dtype))[0]], [0, 0, 1], [0.5, 1, 0]]
    assert found[1].tolist() == [[1, 0, 0], [0, 0, 1], [0, 1, 0]]
    assert np.isfinite(found[2]).all()


@pytest.mark.parametrize("dtype", FLOATS)
def test_softmax_is_the_exponential_of_the_distance_to_the_maximum_bit_for_bit(dtype):
    x = rng(1).normal(scale=5, size=(6, 4, 3)).astype(dtype)
    e_x = np.exp(x - x.max(axis=0))
    np.testing.assert_array_equal(softmax(x), e_x / e_x.sum(axis=0))


def test_columns_far_apart_do_not_touch_each_other():
    """With one maximum for the whole matrix, the second column would be 0 / 0."""
    near, far = np.array([[1.0], [2.0]]), np.array([[1001.0], [1002.0]])
    np.testing.assert_array_equal(softmax(np.hstack([far, near])), np.hstack([softmax(near), softmax(near)]))


def test_sigmoid_keeps_its_relative_precision_in_the_lower_tail():
    x = np.array([-30.0, -300.0, -700.0])
    np.testing.assert_allclose(sigmoid(x), np.exp(x), rtol=1e-13, atol=0)  # 1 + e^-30 differs from 1 by less


def test_infinities_are_the_limits():
    assert sigmoid(np.array([-np.inf, np.inf])).tolist() == [0, 1]
    assert softmax(np.array([[-np.inf], [0.0]])).tolist() == [[0], [1]]


def test_a_nan_stays_where_it_is():
    assert np.isnan(sigmoid(np.array([np.nan, 0.0]))).tolist() == [True, False]
    for function in (softmax, log_softmax):
        assert np.isnan(function(np.array([[np.nan, 0.0], [1.0, 1.0]]))).tolist() == [[True, False]] * 2


@pytest.mark.parametrize("dtype", FLOATS)
def test_derivatives_keep_the_dtype(dtype):
    s = np.array([0.0, 0.25, 1.0], dtype)
    assert sigmoid_derivative(s).dtype == tanh_derivative(s).dtype == dtype
    assert sigmoid_derivative(s).tolist() == [0, 0.1875, 0]
    assert tanh_derivative(s).tolist() == [1, 0.9375, 0]


def test_log_softmax_is_the_logarithm_of_softmax():
    x = rng(2).normal(size=(5, 7))
    np.testing.assert_allclose(log_softmax(x), np.log(softmax(x)), **tolerance("reordered"))
