"""Clipping by the joint norm and by value: what is scaled, what is left, and what is returned."""

import math

import numpy as np
import pytest

from unrolled.errors import ParameterError
from unrolled.optimizers import clip_by_global_norm, clip_by_value
from unrolled.optimizers.base import BLOCK

BOTH = pytest.mark.parametrize("clip", [clip_by_global_norm, clip_by_value])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_clipping_scales_all_gradients_by_one_factor(dtype):
    rng = np.random.default_rng(2)
    gradients = {"a": rng.normal(size=(3, BLOCK)).astype(dtype), "b": rng.normal(size=5).astype(dtype)}
    before = {name: g.astype(np.float64) for name, g in gradients.items()}
    norm = math.sqrt(sum(float((g**2).sum()) for g in before.values()))
    # a sum of 50 000 squares, summed pairwise
    assert clip_by_global_norm(gradients, 2.0) == pytest.approx(norm, rel={"float32": 1e-5, "float64": 1e-13}[dtype])
    for name, g in gradients.items():
        np.testing.assert_allclose(g, before[name] * 2 / norm, rtol={"float32": 1e-5, "float64": 1e-12}[dtype])


@BOTH
def test_gradients_within_the_maximum_keep_their_bits(clip):
    gradients = {"a": np.array([0.1, 0.2])}
    clip(gradients, 1.0)
    assert gradients["a"].tolist() == [0.1, 0.2]


@BOTH
def test_a_gradient_that_is_no_contiguous_array_is_clipped_in_place(clip):
    whole = np.full((4, 4), 3.0)
    clip({"a": whole[:, ::2]}, 1.0)
    assert whole[0, 0] <= 1
    assert whole[0, 1] == 3


@BOTH
@pytest.mark.parametrize("bad", [[np.nan], [np.inf], [-np.inf], [np.nan, np.inf, -7.0]])
def test_a_size_that_is_not_finite_is_reported_and_nothing_is_changed(clip, bad):
    for order in (slice(None), slice(None, None, -1)):
        gradients = {"a": np.array([5.0, 0.0]), "b": np.array(bad)[order], "c": np.array([6.0])}
        assert not math.isfinite(clip(gradients, 1.0))
        assert gradients["a"].tolist() == [5.0, 0.0]
        assert gradients["c"].tolist() == [6.0]


@BOTH
def test_an_infinite_maximum_only_measures(clip):
    gradients = {"a": np.array([3.0, -4.0])}
    assert clip(gradients, math.inf) == {clip_by_global_norm: 5, clip_by_value: 4}[clip]
    assert gradients["a"].tolist() == [3.0, -4.0]


@BOTH
def test_without_entries_the_size_is_zero(clip):
    assert clip({}, 1.0) == 0
    assert clip({"a": np.zeros((0, 3))}, 1.0) == 0


@BOTH
@pytest.mark.parametrize("maximum", [0, -1.0, math.nan, -math.inf, "x", None])
def test_a_maximum_that_is_no_positive_number_is_an_error(clip, maximum):
    with pytest.raises(ParameterError, match=rf"`maximum` is {maximum!r}, expected a .* above 0; pass math.inf"):
        clip({}, maximum)


@BOTH
@pytest.mark.parametrize(
    ("gradient", "kind"), [(np.array([3, 4]), "dtype int64"), ([3.0, 4.0], "type list"), (np.array([2j]), "dtype comp")]
)
def test_a_gradient_that_is_no_array_of_floats_is_named_before_any_is_changed(clip, gradient, kind):
    first = np.array([7.0])
    with pytest.raises(
        ParameterError, match=rf"`gradients\['b'\]` has {kind}.*, expected an array of floats, which is"
    ):
        clip({"a": first, "b": gradient}, 1.0)
    assert first[0] == 7


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_clipping_by_value_brings_each_entry_into_the_range(dtype):
    gradients = {"a": np.array([[0.5, -2.0], [1.0, 0.0]], dtype), "b": np.array([-0.25, 7.0], dtype)}
    assert clip_by_value(gradients, 0.5) == 7
    assert gradients["a"].tolist() == [[0.5, -0.5], [0.5, 0.0]]
    assert gradients["b"].tolist() == [-0.25, 0.5]


def test_finite_gradients_whose_squares_are_beyond_float32_have_a_norm_and_are_clipped():
    gradients = {"a": np.full(BLOCK + 1, 1e20, "float32"), "b": np.array([-3e38, 2.0], "float32")}
    norm = math.sqrt((BLOCK + 1) * 1e40 + 9e76)
    assert clip_by_global_norm(gradients, 1.0) == pytest.approx(norm, rel=1e-6)
    assert gradients["b"][0] == pytest.approx(-1, rel=1e-5)
    assert clip_by_global_norm(gradients, math.inf) == pytest.approx(1, rel=1e-5)
    assert clip_by_global_norm({"a": np.array([1e30, np.nan], "float32")}, 1.0) != math.inf  # NaN stays NaN
    assert clip_by_global_norm({"a": np.array([1e30, np.inf], "float32")}, 1.0) == math.inf


@pytest.mark.parametrize("scale", [1e-300, 1e-200, 1e-170, 1e170, 1e200, 1e300])
def test_the_norm_is_right_wherever_a_float64_holds_it(scale):
    gradients = {"a": np.array([3.0 * scale, 0.0]), "b": np.array([[-4.0 * scale]])}
    assert clip_by_global_norm(gradients, scale) == pytest.approx(5 * scale, rel=1e-14, abs=0)
    np.testing.assert_allclose(gradients["a"], [0.6 * scale, 0], rtol=1e-14)
    np.testing.assert_allclose(gradients["b"], [[-0.8 * scale]], rtol=1e-14)


def test_a_norm_beyond_float64_is_infinite_and_nothing_is_changed():
    gradients = {"a": np.array([1.7e308, -1.7e308])}
    assert clip_by_global_norm(gradients, 1.0) == math.inf
    assert gradients["a"].tolist() == [1.7e308, -1.7e308]


def test_float32_gradients_whose_squares_vanish_have_a_norm():
    norm = clip_by_global_norm({"a": np.full(BLOCK + 1, 1e-25, "float32")}, 1.0)
    assert norm == pytest.approx(math.sqrt(BLOCK + 1) * 1e-25, rel=1e-6, abs=0)


def test_a_factor_too_small_for_float32_still_leaves_the_maximum():
    gradients = {"a": np.array([3e38, 0.0], "float32")}
    clip_by_global_norm(gradients, 1e-9)
    np.testing.assert_allclose(gradients["a"], [1e-9, 0], rtol=1e-6)
