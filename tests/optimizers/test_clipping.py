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
@pytest.mark.parametrize("maximum", [0, -1.0, math.nan])
def test_a_maximum_that_is_not_positive_is_an_error(clip, maximum):
    with pytest.raises(ParameterError, match=rf"`maximum` is {maximum}, expected a positive number; pass math.inf"):
        clip({}, maximum)


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
