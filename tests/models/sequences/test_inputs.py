"""What stands between a caller's sequences and a network: scaling, masks, weights, the part held out."""

from __future__ import annotations

import json

import numpy as np
import pytest

from helpers import rng, tolerance
from unrolled.errors import ParameterError
from unrolled.losses import softmax_cross_entropy
from unrolled.models.sequences.inputs import Inputs, is_wide, read_finite
from unrolled.models.sequences.parts import WeightedLoss, held_out
from unrolled.models.sequences.scaling import Scaling


def test_what_is_scaled_has_mean_0_and_deviation_1_and_comes_back():
    values = rng(0).normal(3, 7, (500, 3)) * [1, 1e-8, 1e12]
    scaling = Scaling.of(values)
    scaled = scaling.forward(values)
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(scaled.std(axis=0), 1, rtol=1e-12)
    np.testing.assert_allclose(scaling.backward(scaled), values, **tolerance("reordered"))


@pytest.mark.parametrize("constant", [0.0, 0.1, -7.25, 1e300, 1e-300])
def test_a_constant_feature_becomes_0_and_divides_by_nothing(constant: float):
    scaling = Scaling.of(np.full((7, 1), constant))
    assert scaling.deviation.tolist() == [1]
    assert abs(scaling.forward(np.array([[constant]]))[0, 0]) <= 1e-12 * abs(constant)


def test_what_differs_by_a_rounding_is_constant():
    assert Scaling.of(np.array([[0.3], [0.1 + 0.2]])).deviation.tolist() == [1]


def test_a_small_spread_about_a_large_mean_is_no_constant():
    scaled = Scaling.of(np.array([[1e6], [1e6 + 1e-3]]))
    assert scaled.deviation[0] == pytest.approx(5e-4, rel=1e-3)


def test_sizes_near_the_largest_number_do_not_overflow():
    assert np.isfinite(Scaling.of(np.array([[1e308], [-1e308]])).forward(np.array([[1e308]]))).all()


def test_missing_values_do_not_count_and_a_feature_of_nothing_else_stays():
    values = np.array([[1.0, np.nan, np.nan], [np.nan, 4.0, np.nan], [3.0, 6.0, np.nan]])
    scaling = Scaling.of(values)
    assert scaling.mean.tolist() == [2, 5, 0]
    assert scaling.deviation.tolist() == [1, 1, 1]


def test_weights_count_as_repetition():
    values, times = rng(0).normal(size=(6, 2)), np.array([1, 2, 0, 3, 1, 1])
    one, other = Scaling.of(values, times.astype(float)), Scaling.of(np.repeat(values, times, axis=0))
    np.testing.assert_allclose(one.mean, other.mean, rtol=1e-12)
    np.testing.assert_allclose(one.deviation, other.deviation, rtol=1e-12)


def test_inputs_come_back_from_json_with_every_bit():
    X = rng(0).normal(size=(5, 4, 3))
    sequences = read_finite("X", X, None, "mask")
    inputs = Inputs.of(X, None, sequences, "mask", Scaling.of(sequences.values))
    back = Inputs.from_record(json.loads(json.dumps(inputs.to_record())))
    np.testing.assert_array_equal(
        back.scaled("X", sequences, "float64").values, inputs.scaled("X", sequences, "float64").values
    )
    assert (back.size, back.features, back.wide, back.width) == (3, 3, False, 6)


def test_tables_are_told_from_series_that_may_have_any_length():
    assert is_wide(np.zeros((3, 4)), None)
    assert is_wide([[1, 2], [3, 4]], None)
    for series in ([[1, 2], [3]], [np.zeros(2), np.zeros(2)], [np.zeros((2, 1))], np.zeros((3, 4, 1))):
        assert not is_wide(series, None)
    assert not is_wide(np.zeros((3, 4)), [4, 4, 2])


def test_the_part_held_out_is_drawn_by_the_seed_and_fair_to_every_stratum():
    strata = np.repeat([0, 1, 2], [50, 30, 4])
    one, again, other = (held_out(strata, 0.25, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert (one != other).any()
    assert [int(one[strata == k].sum()) for k in range(3)] == [12, 7, 1]


def test_a_class_of_one_sequence_is_learned_from():
    assert not held_out(np.array([0] * 10 + [1]), 0.4, 0)[-1]


def test_a_fraction_that_leaves_a_part_empty_is_refused():
    with pytest.raises(ParameterError, match=r"`validation_fraction` is 0.1, which takes 0 of 3 sequences"):
        held_out(np.zeros(3), 0.1, 0)
    with pytest.raises(ParameterError, match="takes 3 of 3 sequences"):
        held_out(np.zeros(3), 0.9, 0)


def test_batches_weigh_together_what_the_whole_weighs():
    draw = rng(0)
    logits, targets = draw.normal(size=(8, 3)), draw.integers(0, 3, 8)
    weights = draw.uniform(0.1, 2, 8)
    weights /= weights.mean()
    loss = WeightedLoss(softmax_cross_entropy)
    whole, gradient = loss(logits, targets, weights)
    parts = [loss(logits[rows], targets[rows], weights[rows]) for rows in (slice(0, 4), slice(4, 8))]
    assert whole == pytest.approx(np.mean([part[0] for part in parts]), rel=1e-12)
    np.testing.assert_allclose(gradient, np.concatenate([part[1] for part in parts]) / 2, rtol=1e-12)
    assert loss(logits, targets, None)[0] == softmax_cross_entropy(logits, targets)[0]
