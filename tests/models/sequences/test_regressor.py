"""The sequence regressor: it learns one number or several, in the units that it was given."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import unrolled
from helpers import rng
from unrolled.errors import DataError, ParameterError, ShapeError
from unrolled.models.sequences.regressor import SequenceRegressor, r_squared


def sums(count: int = 80, seed: int = 0) -> tuple[list[np.ndarray], np.ndarray]:
    """Sequences of 3 to 6 steps; wanted are the sum of the first feature and the mean of the second."""
    draw = rng(seed)
    X = [draw.normal(size=(n, 2)) for n in draw.integers(3, 7, count)]
    return X, np.array([[1000 + 100 * x[:, 0].sum(), 0.001 * x[:, 1].mean()] for x in X])


def small(**changes: Any) -> SequenceRegressor:
    settings: dict[str, Any] = {"hidden_size": 12, "epochs": 60, "learning_rate": 0.02, "random_state": 0}
    return SequenceRegressor(**(settings | changes))


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error"])
def test_one_number_is_predicted_in_its_own_unit(loss: str):
    X, y = sums()
    model = small(loss=loss).fit(X, y[:, 0])
    other, wanted = sums(seed=1)
    predicted = model.predict(other)
    assert predicted.shape == (80,)
    assert model.score(other, wanted[:, 0]) > 0.8
    assert abs(np.mean(predicted) - np.mean(wanted[:, 0])) < 50


def test_several_numbers_of_unlike_size_are_predicted_together():
    X, y = sums()
    model = small(pooling="mean", bidirectional=True).fit(X, y)
    other, wanted = sums(seed=1)
    predicted = model.predict(other)
    assert predicted.shape == (80, 2)
    each = [r_squared(predicted[:, k : k + 1], wanted[:, k : k + 1], None) for k in range(2)]
    assert min(each) > 0.7
    assert model.score(other, wanted) == pytest.approx(np.mean(each))


def test_the_absolute_error_is_not_moved_by_a_wild_target():
    X, y = np.zeros((30, 4)), np.array([1.0] * 20 + [1000.0] * 10)
    squared, absolute = (small(loss=loss, epochs=200).fit(X, y) for loss in ("squared_error", "absolute_error"))
    assert squared.predict(X)[0] == pytest.approx(334, abs=30)
    assert absolute.predict(X)[0] == pytest.approx(1, abs=30)


def test_a_target_that_a_masked_array_hides_is_missing_and_never_used():
    y = np.ma.masked_array([1e9, 0.0, 1.0], [True, False, False])
    with pytest.raises(DataError, match=r"Input y contains infinity .*, or NaN, expected finite numbers; leave those"):
        small().fit(np.zeros((3, 4)), y)


def test_a_constant_target_is_met_and_divides_by_nothing():
    X, _ = sums()
    model = small(epochs=30).fit(X, np.full(80, 123.0))
    np.testing.assert_allclose(model.predict(X), 123, atol=0.5)
    np.testing.assert_array_equal(model.targets_.deviation, 1)


def test_targets_are_scaled_as_the_part_learned_from_says():
    X, y = sums()
    held = (X[:2], y[:2, 0] * 1e6)
    model = small(epochs=2).fit(X, y[:, 0], validation_data=held)
    np.testing.assert_allclose(model.targets_.mean, y[:, 0].mean())
    assert model.history_.rows[-1]["val_r2"] < 0


def test_validation_is_scored_in_the_units_of_the_targets():
    X, y = sums()
    held = sums(seed=1)[0], sums(seed=1)[1][:, 0]
    model = small(epochs=10).fit(X, y[:, 0], validation_data=held)
    assert model.history_.rows[-1]["val_r2"] == pytest.approx(model.score(*held), rel=1e-5)


def test_weighted_targets_are_scaled_by_their_weights():
    X, y = sums()
    weights = rng(1).uniform(size=80)
    model = small(epochs=1).fit(X, y[:, 0], sample_weight=weights)
    np.testing.assert_allclose(model.targets_.mean, np.average(y[:, 0], weights=weights))


def test_a_saved_model_says_the_same_bits(tmp_path: Path):
    X, y = sums()
    for name, targets in (("one", y[:, 0]), ("several", y)):
        model = small(epochs=2, cell="gru").fit(X, targets)
        model.save(tmp_path / name)
        for back in (unrolled.load(tmp_path / name), pickle.loads(pickle.dumps(model))):
            np.testing.assert_array_equal(back.predict(X), model.predict(X))


def test_a_score_is_1_for_the_truth_0_for_the_mean_and_less_for_worse():
    y = rng(0).normal(size=(50, 1))
    assert r_squared(y, y, None) == 1
    assert r_squared(np.full_like(y, y.mean()), y, None) == pytest.approx(0)
    assert r_squared(-y, y, None) < 0
    weights = rng(1).uniform(size=50)
    assert r_squared(np.full_like(y, np.average(y[:, 0], weights=weights)), y, weights) == pytest.approx(0)


def test_a_score_of_constant_targets_is_1_where_they_are_met_and_else_0():
    same = np.ones((3, 1))
    assert (r_squared(same, same, None), r_squared(same + 1, same, None)) == (1, 0)


def test_an_unknown_loss_is_named():
    with pytest.raises(ParameterError, match="`loss` is 'squared', expected one of squared_error, absolute_error"):
        small(loss="squared").fit(*sums())


def test_targets_that_are_no_finite_numbers_are_refused():
    X, y = sums()
    with pytest.raises(DataError, match=r"Input y contains infinity or a value too large .*finite numbers"):
        small().fit(X, np.where(np.arange(80) == 3, np.nan, y[:, 0]))
    with pytest.raises(ParameterError, match="`y` has dtype <U1, expected real numbers; are they class labels"):
        small().fit(X, ["a"] * 80)
    with pytest.raises(DataError, match="Input validation_data contains infinity"):
        small().fit(X, y, validation_data=(X[:1], [[np.inf, 0]]))


def test_targets_that_are_missing_or_no_numbers_are_named():
    X, y = sums()
    y = y[:, 0].astype(object)
    y[3] = None
    with pytest.raises(DataError, match=r"Input y contains .*NaN, expected finite numbers; leave those sequences out"):
        small().fit(X, y)
    for wrong in ("1.5", {}, 1j):
        y[3] = wrong
        with pytest.raises(ParameterError, match=r"`y\[3\]` is .*, expected a real number; are they class labels"):
            small().fit(X, y)


def test_a_target_beyond_float32_is_refused_and_never_becomes_infinity():
    X, y = sums()
    told = r"`y` holds 1e\+300, which scaled is more than 3.4e\+38, the largest float32, expected smaller numbers"
    with pytest.raises(DataError, match=told):
        small(epochs=1).fit(X, y[:, 0], validation_data=(X[:1], [1e300]))


def test_a_loss_that_is_no_name_is_named():
    with pytest.raises(ParameterError, match=r"`loss` is \['squared_error'\], expected one of .*; check the spelling"):
        small(loss=["squared_error"]).fit(*sums())


def test_targets_that_do_not_fit_are_refused():
    X, y = sums()
    with pytest.raises(ShapeError, match=r"`y` has shape \(79,\), expected \(N,\) or \(N, K\) with N = 80"):
        small().fit(X, y[:79, 0])
    with pytest.raises(ShapeError, match=r"`y` has shape \(80, 2, 1\)"):
        small().fit(X, y[:, :, None])
    model = small(epochs=1).fit(X, y)
    with pytest.raises(ShapeError, match="`y` has 1 targets a sequence, expected 2, as in `fit`"):
        model.score(X, y[:, 0])


def test_use_before_fit_is_told():
    with pytest.raises(ValueError, match=r"This SequenceRegressor is not fitted yet, .*call `fit`"):
        small().predict(np.zeros((2, 3)))
