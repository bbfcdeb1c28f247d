"""The engine's exp, sigmoid and tanh: samples within three units of the last digit, in range, and in order.

All float32 numbers there are, and the seams of float64, are test_activations_exhaustive.py's.
"""

import numpy as np
import pytest

from engine.accuracy import FUNCTIONS, float32_patterns, float64_samples, worst_error
from unrolled import engine
from unrolled.errors import ParameterError

# A polynomial of e^r and its scaling, one sum and one division round four times, each by at most half a digit, and the
# reduced argument brings its own half; the largest error of all float32 numbers is 2.5.
DIGITS = {"float32": 3, "float64": 2}

LONGER_THAN_FLOAT64 = np.finfo(np.longdouble).nmant > np.finfo(np.float64).nmant


@pytest.mark.parametrize("name", FUNCTIONS)
def test_float32_samples_of_every_size_are_within_three_digits(name):
    errors = [worst_error(name, x) for x in float32_patterns(stride=997, start=499)]
    assert max(errors) <= DIGITS["float32"]


@pytest.mark.skipif(not LONGER_THAN_FLOAT64, reason="longdouble is float64 on this system, no reference")
@pytest.mark.parametrize("name", FUNCTIONS)
def test_float64_samples_of_every_size_are_within_two_digits(name):
    assert worst_error(name, float64_samples(400_000)) <= DIGITS["float64"]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_result_one_part_in_a_million_off_is_noticed(name, monkeypatch):
    right = FUNCTIONS[name]
    monkeypatch.setitem(FUNCTIONS, name, lambda x: right(x) * x.dtype.type(1 - 1e-6))
    assert max(worst_error(name, x) for x in float32_patterns(stride=99991)) > DIGITS["float32"]
    monkeypatch.setitem(FUNCTIONS, name, lambda x: np.nan_to_num(right(x)))
    assert worst_error(name, np.array([np.nan, 1.0])) == np.inf


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_special_values_are_exact(dtype):
    x = np.array([-np.inf, -0.0, 0.0, np.inf, np.nan], dtype)
    np.testing.assert_array_equal(engine.exp(x), np.array([0, 1, 1, np.inf, np.nan], dtype))
    np.testing.assert_array_equal(engine.sigmoid(x), np.array([0, 0.5, 0.5, 1, np.nan], dtype))
    np.testing.assert_array_equal(engine.tanh(x), np.array([-1, -0.0, 0.0, 1, np.nan], dtype))
    assert list(np.signbit(engine.tanh(x)[:3])) == [True, True, False]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_results_lie_in_their_range_and_rise(name, dtype):
    lowest, highest = {"exp": (0, np.inf), "sigmoid": (0, 1), "tanh": (-1, 1)}[name]
    x = np.concatenate([np.linspace(-1000, 1000, 4001), np.linspace(-40, 40, 40001), np.linspace(-1e-3, 1e-3, 2001)])
    y = FUNCTIONS[name](np.sort(x).astype(dtype))
    assert y.min() == lowest
    assert y.max() == highest
    y = y[np.isfinite(y)]
    # neighbours here lie further apart than its last digits, except where it is flat
    digit = np.spacing(np.maximum(np.abs(y[:-1]), np.finfo(dtype).tiny))
    assert (np.diff(y) >= -DIGITS[dtype] * digit).all()
    coarse = FUNCTIONS[name](np.linspace(-4, 4, 1001, dtype=dtype))
    assert (np.diff(coarse) > 0).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_exp_leaves_the_dtype_where_its_largest_and_its_smallest_number_are_passed(dtype):
    info = np.finfo(dtype)
    last, first = np.log(np.longdouble(info.max)), np.log(np.longdouble(info.smallest_subnormal) / 2)
    for edge in (last, first):
        x = np.array([edge * (1 - 1e-6), edge * (1 + 1e-6)], dtype)
        gone = ~np.isfinite(engine.exp(x)) | (engine.exp(x) == 0)
        assert list(gone) == [False, True], edge


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_tanh_is_odd_and_the_sigmoids_of_both_signs_sum_to_one(dtype):
    x = np.linspace(0, 30, 5001, dtype=dtype)
    np.testing.assert_array_equal(engine.tanh(-x), -engine.tanh(x))
    total = engine.sigmoid(x) + engine.sigmoid(-x)
    np.testing.assert_allclose(total, 1, rtol=0, atol=2 * DIGITS[dtype] * np.finfo(dtype).eps)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", [0, 1, 3, 4, 7, 8, 9, 15, 16, 17, 33])
def test_every_entry_of_an_array_of_any_length_is_computed(size, dtype):
    x = np.linspace(-2, 2, size, dtype=dtype)
    for name, function in FUNCTIONS.items():
        y = function(x)
        assert y.shape == x.shape
        assert y.dtype == dtype
        assert all(y[k] == function(x[k : k + 1])[0] for k in range(size)), name


def test_the_shape_is_kept_and_the_input_may_lie_anywhere():
    x = np.arange(24.0).reshape(2, 3, 4) / 24
    before = x.copy()
    for function in FUNCTIONS.values():
        np.testing.assert_array_equal(function(x.transpose(2, 0, 1)), function(x).transpose(2, 0, 1))
        np.testing.assert_array_equal(function(x[:, ::-1, ::2]), function(x)[:, ::-1, ::2])
        assert function(x[0, 0, 0]).shape == ()
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize("x", [[1, 2], np.float16([1.0]), np.zeros(2, complex), np.longdouble([1.0]), np.array(["1"])])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_what_is_neither_float32_nor_float64_is_refused_with_the_remedy(name, x):
    with pytest.raises(
        ParameterError, match=r"`x` has dtype .*, expected float32 or float64; convert it with np\.asarray"
    ):
        FUNCTIONS[name](x)
