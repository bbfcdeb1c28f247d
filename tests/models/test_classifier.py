"""The sequence classifier: it learns, repeats, is saved and goes on; what its labels and weights mean."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import unrolled
from helpers import rng
from unrolled.errors import CheckpointError, DataError, ParameterError, ShapeError
from unrolled.models.classifier import SequenceClassifier
from unrolled.models.regressor import SequenceRegressor
from unrolled.storage import read_unit
from unrolled.training.fit import Callback


def waves(count: int = 60, seed: int = 0) -> tuple[list[np.ndarray], np.ndarray]:
    """Slow and fast waves of unequal length, beside a feature that says nothing."""
    draw = rng(seed)
    y = draw.choice(["fast", "slow"], count)
    X = []
    for label in y:
        t = np.arange(draw.integers(8, 20)) + draw.uniform(0, 6)
        X.append(np.stack([5 + np.sin(t * (1.5 if label == "fast" else 0.4)), draw.normal(size=len(t))], axis=1))
    return X, y


def small(**changes: Any) -> SequenceClassifier:
    settings: dict[str, Any] = {"hidden_size": 8, "epochs": 30, "learning_rate": 0.02, "random_state": 0}
    return SequenceClassifier(**(settings | changes))


def same(one: SequenceClassifier, other: SequenceClassifier) -> bool:
    a, b = one.network_.parameters, other.network_.parameters
    return a.keys() == b.keys() and all(np.array_equal(a[name], b[name]) for name in a)


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
        def reported(self, report: Any) -> None:
            raise ZeroDivisionError

    model = small()
    with pytest.raises(ZeroDivisionError):
        model.fit(*waves(), callbacks=[Broken()])
    with pytest.raises(ValueError, match="not fitted yet"):
        model.predict(waves()[0])


def test_metrics_of_validation_are_those_of_the_part_held_out():
    X, y = waves()
    held = (waves(40, seed=1)[0], np.array(["fast"] * 36 + ["slow"] * 4))
    model = small(epochs=1, label_smoothing=0.2).fit(X, y, validation_data=held)
    foretold, last = model.predict(held[0]), model.history_.rows[-1]
    right = foretold == held[1]
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
                raise unrolled.training.fit.StopTraining

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


def test_nan_and_infinity_are_refused_with_their_place():
    X, y = waves()
    X[4][3, 1] = np.nan
    with pytest.raises(DataError, match=r"`X` holds NaN in sequence 4, step 3, expected finite numbers; .*nan='mask'"):
        small().fit(X, y)
    X[4][3, 1] = -np.inf
    for nan in ("refuse", "mask"):
        with pytest.raises(DataError, match=r"`X` holds infinity \(inf\) in sequence 4, step 3"):
            small(nan=nan).fit(X, y)
    model = small(epochs=1).fit(*waves())
    with pytest.raises(DataError, match="`X` holds infinity"):
        model.predict(X)
    with pytest.raises(DataError, match="`validation_data` holds infinity"):
        small().fit(*waves(), validation_data=(X, y))


# Saving


@pytest.mark.parametrize("labels", [["no", "yes"], [0, 5], [False, True], [1.0, 2.0]])
def test_a_saved_model_says_the_same_bits(tmp_path: Path, labels: list[Any]):
    X, y = waves()
    y = np.array(labels)[(y == "fast").astype(int)]
    model = small(cell="gru", bidirectional=True, class_weight={labels[0]: 2.0}, nan="mask", epochs=2).fit(X, y)
    model.save(tmp_path)
    for back in (SequenceClassifier.load(tmp_path), unrolled.load(tmp_path)):
        assert isinstance(back, SequenceClassifier)
        np.testing.assert_array_equal(back.predict_proba(X), model.predict_proba(X))
        assert back.predict(X).dtype == model.predict(X).dtype
        assert back.get_params() == model.get_params()
        assert back.n_features_in_ == model.n_features_in_
    assert not list(tmp_path.glob("*.pkl"))


def test_labels_of_object_dtype_are_saved(tmp_path: Path):
    X, y = waves()
    model = small(epochs=1).fit(X, y.astype(object))
    model.save(tmp_path)
    assert SequenceClassifier.load(tmp_path).predict(X).tolist() == model.predict(X).tolist()


def test_pickling_keeps_a_model_as_it_is():
    X, y = waves()
    model = small(dropout=0.2, epochs=2, validation_fraction=0.2).fit(X, y)
    back = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(back.predict_proba(X), model.predict_proba(X))
    assert back.history_.rows == model.history_.rows
    assert same(back.fit(X, y), model)


def test_a_run_that_was_stopped_goes_on_to_the_same_bits(tmp_path: Path):
    class Crash(Callback):
        def reported(self, report: Any) -> None:
            if report.step >= 8:
                raise KeyboardInterrupt

    X, y = waves()
    settings: dict[str, Any] = {
        "dropout": 0.3,
        "recurrent_dropout": 0.2,
        "layer_norm": True,
        "epochs": 8,
        "patience": 4,
        "validation_fraction": 0.25,
        "ema": 0.9,
    }
    whole = small(**settings).fit(X, y)
    stopped = small(**settings)
    with pytest.raises(KeyboardInterrupt):
        stopped.fit(X, y, checkpoint=tmp_path / "run", callbacks=[Crash()])
    resumed = small(**settings).fit(X, y, checkpoint=tmp_path / "run")
    assert same(resumed, whole)
    assert same(SequenceClassifier.load(tmp_path / "run"), whole)


def test_a_run_without_a_seed_goes_on_with_the_one_it_began_with(tmp_path: Path):
    X, y = waves()
    first = small(random_state=None, epochs=2).fit(X, y, checkpoint=tmp_path)
    again = small(random_state=None, epochs=2).fit(X, y, checkpoint=tmp_path)
    assert first.seed_ == again.seed_
    assert same(first, again)


def test_a_checkpoint_of_another_run_is_refused(tmp_path: Path):
    X, y = waves()
    small(epochs=1).fit(X, y, checkpoint=tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(CheckpointError):
        small(epochs=1, hidden_size=9).fit(X, y, checkpoint=tmp_path)
    with pytest.raises(CheckpointError):
        small(epochs=1).fit([x * 2 for x in X], y, checkpoint=tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_folder_of_another_kind_or_altered_is_refused(tmp_path: Path):
    SequenceRegressor(epochs=1, hidden_size=2).fit(np.ones((3, 4)), np.arange(3)).save(tmp_path / "numbers")
    with pytest.raises(CheckpointError, match="holds a model of kind 'sequence_regressor', expected 'sequence_cl"):
        SequenceClassifier.load(tmp_path / "numbers")
    with pytest.raises(CheckpointError, match="does not exist"):
        SequenceClassifier.load(tmp_path / "nothing")
    small(epochs=1).fit(*waves()).save(tmp_path / "model")
    config = tmp_path / "model" / "config.json"
    config.write_text(config.read_text().replace('"hidden_size": 8', '"hidden_size": 9'))
    with pytest.raises(CheckpointError, match="altered"):
        SequenceClassifier.load(tmp_path / "model")


def test_a_model_saved_by_another_version_is_told_so():
    from unrolled.storage import Unit

    with pytest.raises(CheckpointError, match=r"the saved model cannot be built .*another version"):
        SequenceClassifier.from_unit(Unit({}, {"config": {"params": {"heads": 3}}}, {}))


def test_labels_that_json_has_not_are_told_at_saving(tmp_path: Path):
    X, y = waves()
    model = small(epochs=1).fit(X, y.astype(bytes))
    with pytest.raises(ParameterError, match="`y` holds the label b'fast', expected text or numbers"):
        model.save(tmp_path)


# Bad input


def test_one_class_alone_is_refused():
    with pytest.raises(ParameterError, match="`y` holds one class only, 'up', expected at least two"):
        small().fit(np.zeros((3, 4)), ["up"] * 3)


def test_a_label_that_fit_has_not_seen_is_named():
    X, y = waves()
    model = small(epochs=1).fit(X, y)
    with pytest.raises(ParameterError, match=r"`y` holds the label 'still', expected one of .*: 'fast', 'slow'"):
        model.score(X[:2], ["fast", "still"])
    with pytest.raises(ParameterError, match="`validation_data` holds the label 'still'"):
        small().fit(X, y, validation_data=(X[:1], ["still"]))


def test_numbers_that_are_no_labels_are_refused():
    X = np.zeros((3, 4))
    with pytest.raises(ParameterError, match=r"Unknown label type: `y` holds 0\.5, .*SequenceRegressor"):
        small().fit(X, [0.5, 1.0, 2.0])
    with pytest.raises(DataError, match="Input y contains infinity"):
        small().fit(X, [np.nan, 1.0, 2.0])


def test_targets_that_do_not_fit_are_refused():
    X = np.zeros((3, 4))
    with pytest.raises(ShapeError, match=r"`y` has shape \(2,\), expected \(N,\) with N = 3"):
        small().fit(X, [0, 1])
    with pytest.raises(ShapeError, match=r"`y` has shape \(3, 2\), expected \(N,\) with N = 3"):
        small().fit(X, np.zeros((3, 2)))
    with pytest.raises(ParameterError, match="requires y to be passed, but the target y is None"):
        small().fit(X, None)
    with pytest.warns(UserWarning, match=r"column-vector y was passed .*`y` has shape \(3, 1\)"):
        small(epochs=1).fit(X, [[0], [1], [0]])


def test_other_features_at_predict_are_told():
    model = small(epochs=1).fit(*waves())
    with pytest.raises(ShapeError, match=r"X has 3 features, but SequenceClassifier is expecting 2 .*\(N, T, I\)"):
        model.predict(np.zeros((4, 5, 3)))
    wide = small(epochs=1).fit(np.zeros((4, 5)), [0, 1, 0, 1])
    with pytest.raises(ShapeError, match=r"X has 6 features, but .* is expecting 5 .*\(N, T, 1\)"):
        wide.predict(np.zeros((4, 6)))
    with pytest.raises(ShapeError, match="validation_data has 3 features"):
        small().fit(*waves(), validation_data=(np.zeros((1, 4, 3)), ["fast"]))


def test_use_before_fit_is_told_and_so_is_use_after_a_fit_that_failed(tmp_path: Path):
    for use in (lambda m: m.predict(np.zeros((2, 3))), lambda m: m.save(tmp_path), lambda m: m.score([[1.0]], [0])):
        with pytest.raises(ValueError, match=r"This SequenceClassifier is not fitted yet, .*call `fit`"):
            use(small())
    model = small(epochs=1).fit(*waves())
    with pytest.raises(ParameterError, match="one class only"):
        model.fit(np.zeros((3, 4)), [0, 0, 0])
    with pytest.raises(ValueError, match="not fitted yet"):
        model.predict(waves()[0])


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"cell": "lstn"}, "`cell` is 'lstn'"),
        ({"pooling": "sum"}, "`pooling` is 'sum'"),
        ({"pooling": None}, "`pooling` is None, expected 'last', 'mean' or 'max'"),
        ({"hidden_size": 0}, "`hidden_size` is 0"),
        ({"epochs": 0}, "`epochs` is 0"),
        ({"batch_size": 0}, "`batch_size` is 0"),
        ({"optimizer": "adm"}, "`optimizer` is 'adm'"),
        ({"validation_fraction": 1.0}, "`validation_fraction` is 1.0, expected a number from 0 to below 1"),
        ({"validation_fraction": 0.001}, "`validation_fraction` is 0.001, which takes 0 of 60"),
        ({"patience": 3}, "`patience` is 3 with nothing to validate on"),
        ({"monitor": "r2"}, "`monitor` is 'r2', expected one of loss, accuracy, balanced_accuracy"),
        ({"nan": "drop"}, "`nan` is 'drop', expected 'refuse' or 'mask'"),
        ({"dtype": "float16"}, "`dtype` is 'float16'"),
        ({"random_state": -1}, "`random_state` is -1, expected a whole number"),
        ({"random_state": "x"}, "`random_state` is 'x', expected a whole number"),
        ({"class_weight": "even"}, "`class_weight` is 'even', expected 'balanced', a dict of classes, or None"),
        ({"class_weight": {"still": 1.0}}, "`class_weight` names the class 'still', expected some of 'fast', 'slow'"),
        ({"class_weight": {"slow": 0.0}}, r"`class_weight\['slow'\]` is 0.0, expected a positive finite number"),
        ({"label_smoothing": 1.0}, "`label_smoothing` is 1.0, expected a number from 0 to below 1"),
        ({"dropout": 1.0}, "`dropout` is 1.0"),
        ({"layer_norm": True, "cell": "rnn"}, "`layer_norm` is True for 'rnn'"),
    ],
)
def test_a_parameter_out_of_its_range_is_named(changes: dict[str, Any], told: str):
    with pytest.raises(ParameterError, match=told):
        small(**changes).fit(*waves())


def test_arguments_of_fit_that_do_not_fit_are_named():
    X, y = waves()
    with pytest.raises(ParameterError, match=r"`validation_data` has 1 entries, expected \(X, y\) or \(X, y, l"):
        small().fit(X, y, validation_data=(X,))
    with pytest.raises(ShapeError, match=r"`sample_weight` has shape \(2,\), expected \(N,\) = \(60,\)"):
        small().fit(X, y, sample_weight=[1, 2])
    with pytest.raises(ParameterError, match=r"`sample_weight` goes from -1.0 to 1.0, expected finite numbers"):
        small().fit(X, y, sample_weight=[-1.0] + [1.0] * 59)
    with pytest.raises(ParameterError, match="`sample_weight` is zero everywhere"):
        small().fit(X, y, sample_weight=np.zeros(60))


def test_parameters_are_read_and_set_by_name_and_shown_where_changed():
    model = SequenceClassifier(hidden_size=3)
    assert repr(model) == "SequenceClassifier(hidden_size=3)"
    assert model.set_params(epochs=2).get_params()["epochs"] == 2
    with pytest.raises(ParameterError, match="`hidden` is no parameter of SequenceClassifier, expected one of cell, "):
        model.set_params(hidden=3, epochs=5)
    assert model.epochs == 2


def test_a_budget_in_minutes_stands_in_place_of_the_epochs():
    X, y = waves()
    model = small(minutes=0.005).fit(X, y)
    assert model.history_.rows[-1]["epoch"] > 1  # so many as fit into 0.3 seconds
    assert small(minutes=0.005, epochs=1e9).fit(X, y).history_.rows[-1]["seconds"] < 30
    with pytest.raises(ParameterError, match="`minutes` is 0, expected a positive finite number"):
        small(minutes=0).fit(X, y)


def test_documents_are_kept_with_a_checkpoint_and_another_is_refused(tmp_path: Path):
    X, y = waves()
    small(epochs=1).fit(X, y, checkpoint=tmp_path, documents={"table": {"target": "a"}})
    assert read_unit(tmp_path).documents["table"] == {"target": "a"}
    with pytest.raises(CheckpointError, match="another table: target was 'a', is 'b'"):
        small(epochs=1).fit(X, y, checkpoint=tmp_path, documents={"table": {"target": "b"}})
