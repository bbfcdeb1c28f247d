"""The sequence classifier: it learns and repeats; what its labels, weights and missing values mean."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from helpers import rng
from models.waves import same, small, waves
from unrolled.training.fit import Callback, StopTraining


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
@pytest.mark.parametrize("pooling", ["last", "mean", "max"])
def test_it_learns_to_tell_waves_of_unequal_length_apart(cell: str, pooling: str):
    model = small(cell=cell, pooling=pooling, bidirectional=True).fit(*waves())
    X, y = waves(seed=1)
    assert model.score(X, y) > 0.9
    assert model.score(X, y[::-1]) < 0.8


def test_a_list_a_padded_array_and_lengths_teach_the_same():
    X, y = waves()
    lengths = [len(x) for x in X]
    padded = np.full((len(X), max(lengths), 2), np.nan)
    for row, x in zip(padded, X, strict=True):
        row[: len(x)] = x
    one, other = small().fit(X, y), small().fit(padded, y, lengths=lengths)
    assert same(one, other)
    np.testing.assert_array_equal(one.predict_proba(X), other.predict_proba(padded, lengths=lengths))
    assert one.score(X, y) == other.score(padded, y, lengths=lengths)


def test_two_axes_are_samples_by_time_with_one_feature():
    X = rng(0).normal(size=(40, 6))
    y = X.sum(axis=1) > 0
    wide, deep = small(epochs=5).fit(X, y), small(epochs=5).fit(X[:, :, None], y)
    assert same(wide, deep)
    assert (wide.n_features_in_, deep.n_features_in_) == (6, 1)
    np.testing.assert_array_equal(wide.predict_proba(X), deep.predict_proba(X[:, :, None]))
    np.testing.assert_array_equal(wide.predict(X), wide.predict(X[:, :, None]))


def test_probabilities_are_those_of_the_classes_in_their_order():
    X, y = waves()
    model = small().fit(X, y)
    p = model.predict_proba(X)
    assert model.classes_.tolist() == ["fast", "slow"]
    assert p.dtype == np.float32
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_array_equal(model.predict(X), model.classes_[p.argmax(axis=1)])


@pytest.mark.parametrize("labels", [np.array([3, -1, 7]), np.array([2.0, 1.0, 5.0]), np.array(["a", "c", "b"])])
def test_labels_come_back_as_they_were_given(labels: np.ndarray):
    X, y = rng(0).normal(size=(30, 4, 1)), labels[np.arange(30) % 3]
    X += (np.arange(30) % 3)[:, None, None] * 5
    model = small().fit(X, y)
    assert model.predict(X).dtype == labels.dtype
    assert model.score(X, y) == 1


def test_the_same_seed_gives_the_same_model_and_another_another():
    one, again, other = (small(dropout=0.3, random_state=seed).fit(*waves()) for seed in (3, 3, 4))
    assert same(one, again)
    assert not same(one, other)
    assert not same(*(small(random_state=None, epochs=1).fit(*waves()) for _ in range(2)))


def test_a_random_state_object_is_drawn_from():
    one, again = (small(random_state=np.random.RandomState(5), epochs=2).fit(*waves()) for _ in range(2))
    assert same(one, again)
    shared = np.random.RandomState(5)
    assert not same(*(small(random_state=shared, epochs=2).fit(*waves()) for _ in range(2)))


def test_scaling_is_learned_from_the_part_learned_from_alone():
    X, y = waves()
    model = small(epochs=2, validation_fraction=0.25).fit(X, y)
    strange = [x * 1000 for x in X]
    other = small(epochs=2).fit(X, y, validation_data=(strange, y))
    np.testing.assert_allclose(other.inputs_.scaling.mean, np.concatenate(X).mean(axis=0))
    assert not np.allclose(model.inputs_.scaling.mean, other.inputs_.scaling.mean, rtol=1e-3)


def test_units_and_offsets_of_the_features_do_not_matter():
    X, y = waves()
    moved = [x * [1e6, 1e-6] + [1e7, 3] for x in X]
    one, other = small(dtype="float64").fit(X, y), small(dtype="float64").fit(moved, y)
    np.testing.assert_allclose(one.predict_proba(X), other.predict_proba(moved), rtol=1e-3, atol=1e-3)
    plain = small(standardize=False, epochs=1).fit(X, y)
    assert plain.inputs_.scaling.deviation.tolist() == [1, 1]


def test_a_constant_feature_changes_nothing_and_divides_by_nothing():
    X, y = waves()
    X = [np.concatenate([x, np.full((len(x), 1), 0.1)], axis=1) for x in X]
    assert small().fit(X, y).score(X, y) > 0.9
    series = np.full((6, 5), 7.25)
    p = small(epochs=2).fit(series, [0, 1] * 3).predict_proba(series)
    assert np.isfinite(p).all()


# Validation, early stopping


def test_the_part_held_out_has_as_much_of_each_class():
    y = np.array([0] * 80 + [1] * 20)
    for seed in range(3):  # standardize=True: the mean of a feature that is the class says how many were learned from
        model = small(epochs=1, validation_fraction=0.25, random_state=seed).fit(
            y[:, None, None] * np.ones((1, 3, 1)), y
        )
        assert model.inputs_.scaling.mean[0] == pytest.approx(15 / 75)


def test_where_validation_data_are_given_everything_is_learned_from():
    X, y = waves()
    one = small(epochs=2, validation_fraction=0.25).fit(X, y, validation_data=waves(seed=1))
    assert same(one, small(epochs=2).fit(X, y))


def test_after_ctrl_c_the_model_can_be_used():
    class Interrupt(Callback):
        def reported(self, report: Any) -> None:
            raise KeyboardInterrupt

    model = small()
    with pytest.raises(KeyboardInterrupt):
        model.fit(*waves(), callbacks=[Interrupt()])
    assert model.predict(waves()[0]).shape == (60,)


def test_after_an_error_in_training_the_model_cannot_be_used():
    class Broken(Callback):
        def start(self, session: Any) -> None:
            def no_gradients(batch: Any, state: Any) -> Any:
                raise ZeroDivisionError

            session.model.loss_and_gradients = no_gradients

    model = small()
    with pytest.raises(ZeroDivisionError):
        model.fit(*waves(), callbacks=[Broken()])
    with pytest.raises(ValueError, match="not fitted yet"):
        model.predict(waves()[0])


def test_metrics_of_validation_are_those_of_the_part_held_out():
    X, y = waves()
    held = (waves(40, seed=1)[0], np.array(["fast"] * 36 + ["slow"] * 4))
    model = small(epochs=1, label_smoothing=0.2).fit(X, y, validation_data=held)
    predicted, last = model.predict(held[0]), model.history_.rows[-1]
    right = predicted == held[1]
    assert last["val_accuracy"] == pytest.approx(right.mean())
    assert last["val_balanced_accuracy"] == pytest.approx((right[:36].mean() + right[36:].mean()) / 2)
    p = np.log(model.predict_proba(held[0])).astype(float)
    of_own = p[np.arange(40), np.searchsorted(model.classes_, held[1])]
    assert last["val_loss"] == pytest.approx(-(0.8 * of_own + 0.1 * p.sum(axis=1)).mean(), rel=1e-5)


def test_it_stops_when_validation_no_longer_improves_and_keeps_the_best_weights():
    X, y = waves(40)
    y = rng(5).permutation(y)  # there is nothing to be learned
    model = small(epochs=200, patience=3, validation_fraction=0.5).fit(X, y)
    assert model.history_.best is not None
    assert len(model.history_.rows) < 100
    losses = [row["val_loss"] for row in model.history_.rows]
    assert min(losses) == losses[-4] == model.history_.best["val_loss"]


@pytest.mark.parametrize("monitor", ["loss", "accuracy", "balanced_accuracy"])
def test_the_best_weights_by_the_chosen_metric_are_put_back(monitor: str):
    X, y = waves(40)
    held = waves(40, seed=2)
    model = small(epochs=12, patience=12, monitor=monitor).fit(X, y, validation_data=held)
    values = [row[f"val_{monitor}"] for row in model.history_.rows]
    best = min(values) if monitor == "loss" else max(values)
    assert model.history_.best is not None
    assert model.history_.best[f"val_{monitor}"] == best
    if monitor == "accuracy":
        assert model.score(*held) == best


def test_a_callback_is_told_of_each_epoch_and_can_stop():
    class Count(Callback):
        epochs = 0

        def validated(self, report: Any) -> None:
            self.epochs += 1
            if self.epochs == 3:
                raise StopTraining

    count = Count()
    model = small().fit(*waves(), validation_data=waves(seed=1), callbacks=[count])
    assert (count.epochs, len(model.history_.rows)) == (3, 3)


def test_progress_is_shown_where_it_was_asked_for(capsys: pytest.CaptureFixture[str]):
    small(epochs=2).fit(*waves())
    assert capsys.readouterr() == ("", "")
    small(epochs=2, verbose=1).fit(*waves())
    assert "sequences/s" in "".join(capsys.readouterr())


# Weights


def test_balanced_weights_let_a_rare_class_count():
    draw = rng(0)
    y = np.array([0] * 190 + [1] * 10)
    X = draw.normal(size=(200, 4, 1)) + 0.5 * y[:, None, None]
    plain, balanced = (small(class_weight=weight, epochs=20).fit(X, y) for weight in (None, "balanced"))
    assert (plain.predict(X) == 1).sum() < 15
    assert 30 < (balanced.predict(X) == 1).sum() < 120


def test_class_weights_count_over_the_whole_data_and_not_within_a_batch():
    X, y = rng(0).normal(size=(40, 3, 1)), np.arange(40) % 2
    # batches of one sequence: were weights divided by their sum there, they would all be 1
    model = small(class_weight={0: 1e6, 1: 1e-6}, batch_size=1, epochs=5, learning_rate=0.01).fit(X, y)
    assert (model.predict(X) == 0).all()


def test_weights_of_classes_and_of_sequences_are_multiplied():
    X, y = waves()
    draw = rng(0).uniform(0.5, 2, 60)
    settings: dict[str, Any] = {"epochs": 2, "standardize": False}  # scaling heeds the sequences' own weights alone
    one = small(**settings, class_weight={"fast": 3.0}).fit(X, y, sample_weight=draw)
    assert same(one, small(**settings).fit(X, y, sample_weight=draw * np.where(y == "fast", 3.0, 1.0)))
    assert not same(one, small(**settings, class_weight={"fast": 3.0}).fit(X, y))


def test_sequences_of_no_weight_are_left_out():
    X, y = waves()
    weights = np.arange(60) % 3 > 0
    kept = [x for x, weight in zip(X, weights, strict=True) if weight]
    one, other = small(epochs=3).fit(X, y, sample_weight=weights), small(epochs=3).fit(kept, y[weights])
    for name, array in one.network_.parameters.items():
        np.testing.assert_allclose(array, other.network_.parameters[name], rtol=1e-4, atol=1e-5)


def test_weights_of_two_are_as_sequences_seen_twice():
    X, y = waves(20)
    weights = np.arange(20) % 2 + 1
    settings: dict[str, Any] = {"batch_size": 1000, "dtype": "float64", "epochs": 10}
    one = small(**settings).fit(X, y, sample_weight=weights)
    other = small(**settings).fit([x for x, n in zip(X, weights, strict=True) for _ in range(n)], np.repeat(y, weights))
    np.testing.assert_allclose(one.predict_proba(X), other.predict_proba(X), rtol=1e-8)


def test_a_score_can_be_weighted():
    X, y = waves()
    model = small(epochs=1).fit(X, y)
    right = model.predict(X) == y
    assert model.score(X, y, np.where(right, 3.0, 1.0)) == pytest.approx(
        3 * right.sum() / (3 * right.sum() + (~right).sum())
    )


# Missing values


def test_missing_values_are_masked_where_that_was_chosen():
    X, y = waves()
    holes = [np.where(rng(i).random(x.shape) < 0.2, np.nan, x) for i, x in enumerate(X)]
    model = small(nan="mask").fit(holes, y)
    assert model.score(holes, y) > 0.85
    assert (model.n_features_in_, model.network_.recurrent.input_size) == (2, 4)
    assert model.score(X, y) > 0.85
    np.testing.assert_allclose(model.inputs_.scaling.mean, np.nanmean(np.concatenate(holes), axis=0))


def test_where_a_value_is_missing_can_itself_say_the_class():
    X, y = rng(0).normal(size=(40, 5, 1)), np.arange(40) % 2
    X[y == 1, 2] = np.nan
    X[y == 0, 2] = 0  # near the mean, as what is missing is taken to be
    assert small(nan="mask").fit(X, y).score(X, y) == 1
