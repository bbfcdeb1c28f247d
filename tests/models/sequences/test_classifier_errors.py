"""What a classifier is given that it cannot use is named, with its place and its remedy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.waves import small, waves
from unrolled.errors import DataError, ParameterError, ShapeError
from unrolled.models.sequences.classifier import SequenceClassifier

WHOLE = ("hidden_size", "num_layers", "batch_size")
SWITCHES = ("bidirectional", "layer_norm", "standardize")
NUMBERS = (
    *WHOLE, "dropout", "recurrent_dropout", "zoneout", "label_smoothing", "epochs", "learning_rate", "weight_decay",
    "warmup", "final_rate", "validation_fraction", "verbose",
)  # fmt: skip


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


def test_what_a_masked_array_hides_is_missing_and_never_used():
    X, hidden = np.zeros((3, 4)), [True, False, False]
    for y in ([7, 1, 0], [7.0, 1.0, 0.0]):
        with pytest.raises(DataError, match=r"Input y contains infinity .*, or NaN, expected class labels; leave"):
            small().fit(X, np.ma.masked_array(y, hidden))
    with pytest.raises(DataError, match=r"`y\[0\]` is nan, expected a class label; leave it out"):
        small().fit(X, np.ma.masked_array(["a", "b", "c"], hidden))
    with pytest.raises(DataError, match="Input validation_data contains infinity"):
        small().fit(X, [0, 1, 0], validation_data=(X, np.ma.masked_array([7, 1, 0], hidden)))
    with pytest.raises(ParameterError, match="`sample_weight` goes from nan to nan, expected finite numbers"):
        small().fit(X, [0, 1, 0], sample_weight=np.ma.masked_array([1e9, 1, 1], hidden))
    small(epochs=1).fit(X, np.ma.masked_array([0, 1, 0], [False] * 3))  # hides nothing


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


@pytest.mark.parametrize(
    ("y", "error", "told"),
    [
        (["a", None, "b"], DataError, r"`y\[1\]` is None, expected a class label; leave it out, or give it a class"),
        ([0, 1, None], DataError, r"`y\[2\]` is None, expected a class label"),
        (np.array(["a", np.nan, "b"], object), DataError, r"`y\[1\]` is nan, expected a class label"),
        (np.array(["2020", "NaT", "2021"], "M8[D]"), DataError, r"`y\[1\]` is .*NaT.*, expected a class label"),
        (["a", 1, "b"], ParameterError, "`y` holds 'a' and 1, expected labels of one kind, all .*; make text of them"),
        (np.array([1, "a", 2], object), ParameterError, "`y` holds 1 and 'a', expected labels of one kind"),
        (np.array([{}, 2, {}], object), ParameterError, "`y` holds labels like {}, expected text or numbers, .*; name"),
        ([[1], [1, 2], [2]], ShapeError, "`y` has entries of unequal length, expected one target for each sequence"),
    ],
)
def test_a_label_that_is_missing_or_of_another_kind_is_named(y: Any, error: type[Exception], told: str):
    with pytest.raises(error, match=told):
        small().fit(np.zeros((3, 4)), y)


def test_a_number_as_text_is_not_the_class_of_that_number():
    model = small(epochs=1).fit(np.zeros((4, 5)), [0, 1, 0, 1])
    with pytest.raises(ParameterError, match="`y` holds the label '1', expected one of those of `fit`: 0, 1"):
        model.score(np.zeros((2, 5)), ["1", "0"])


@pytest.mark.parametrize("nan", ["refuse", "mask"])
def test_a_number_beyond_float32_is_refused_and_never_becomes_infinity(nan: str):
    X, y = waves()
    model = small(epochs=1, nan=nan).fit(X, y)
    X[4][3, 1] = 1e300
    told = r"`{}` holds 1e\+300, which scaled is more than 3.4e\+38, the largest float32, .*, or dtype='float64'"
    with pytest.raises(DataError, match=told.format("X")):
        model.predict(X)
    with pytest.raises(DataError, match=told.format("X")):
        small(standardize=False, nan=nan).fit(X, y)
    with pytest.raises(DataError, match=told.format("validation_data")):
        small(nan=nan).fit(*waves(), validation_data=(X, y))
    assert np.isfinite(small(epochs=1, nan=nan, dtype="float64").fit(*waves()).predict_proba(X)).all()


def test_parameters_set_after_fit_do_not_change_what_it_predicts():
    X, y = waves()
    model = small(epochs=1).fit(X, y)
    before = model.predict_proba(X)
    model.set_params(dtype="float64", nan="mask", pooling="max", cell="gru", standardize=False)
    after = model.predict_proba(X)
    assert after.dtype == np.float32
    np.testing.assert_array_equal(after, before)
    X[0][0, 0] = np.nan
    with pytest.raises(DataError, match="`X` holds NaN"):
        model.predict(X)
    masked = small(epochs=1, nan="mask").fit(X, y).set_params(nan="refuse")
    assert np.isfinite(masked.predict_proba(X)).all()


def test_sizes_of_numpy_are_taken_as_pythons_own(tmp_path: Path):
    X, y = waves()
    one = small(epochs=1, hidden_size=np.int64(8), num_layers=np.int8(1), batch_size=np.int64(7)).fit(X, y)
    other = small(epochs=1, hidden_size=8, num_layers=1, batch_size=7).fit(X, y)
    np.testing.assert_array_equal(one.predict_proba(X), other.predict_proba(X))
    one.save(tmp_path)
    np.testing.assert_array_equal(SequenceClassifier.load(tmp_path).predict_proba(X), other.predict_proba(X))


def test_other_features_at_predict_are_told():
    model = small(epochs=1).fit(*waves())
    with pytest.raises(ShapeError, match=r"X has 3 features, but SequenceClassifier is expecting 2 .*\(N, T, I\)"):
        model.predict(np.zeros((4, 5, 3)))
    wide = small(epochs=1).fit(np.zeros((4, 5)), [0, 1, 0, 1])
    with pytest.raises(ShapeError, match=r"X has 6 features, but .* is expecting 5 .*\(N, T, 1\)"):
        wide.predict(np.zeros((4, 6)))
    with pytest.raises(ShapeError, match="validation_data has 3 features"):
        small().fit(*waves(), validation_data=(np.zeros((1, 4, 3)), ["fast"]))


def test_use_before_fit_is_told_and_a_fit_that_is_refused_changes_nothing(tmp_path: Path):
    for use in (lambda m: m.predict(np.zeros((2, 3))), lambda m: m.save(tmp_path), lambda m: m.score([[1.0]], [0])):
        with pytest.raises(ValueError, match=r"This SequenceClassifier is not fitted yet, .*call `fit`"):
            use(small())
    model = small(epochs=1).fit(*waves())
    X, y = waves()
    before, state = model.predict_proba(X), dict(vars(model))
    refused = [(np.zeros((3, 4)), [0, 0, 0]), ([x * np.nan for x in X], y), (np.zeros((2, 3)), [0, 1, 2])]
    for other, targets in refused:
        with pytest.raises(ValueError, match="expected"):
            model.fit(other, targets)
    with pytest.raises(ParameterError, match="`validation_data` has 1 entries"):
        model.fit(np.zeros((2, 3)), [0, 1], validation_data=(X,))
    assert vars(model) == state
    np.testing.assert_array_equal(model.predict_proba(X), before)


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
        ({"class_weight": {"slow": 0.0}}, r"`class_weight\['slow'\]` is 0.0, expected a finite number above 0"),
        ({"class_weight": {"slow": "2"}}, r"`class_weight\['slow'\]` is '2', expected a finite number above 0; seq"),
        ({"class_weight": [1]}, r"`class_weight` is \[1\], expected 'balanced', .*; check the spelling"),
        *(({name: "64"}, f"`{name}` is '64', expected a .*number.*; .") for name in NUMBERS),
        *(({name: None}, f"`{name}` is None, expected a .*number.*; .") for name in NUMBERS if name != "epochs"),
        *(({name: 2.5}, f"`{name}` is 2.5, expected a whole number of at least 1; .") for name in WHOLE),
        *(({name: np.nan}, f"`{name}` is nan, expected a .*number.*; .") for name in NUMBERS),
        *(({name: "no"}, f"`{name}` is 'no', expected True or False; .") for name in SWITCHES),
        ({"cell": ["lstm"]}, r"`cell` is \['lstm'\], expected one of lstm, gru, rnn; lstm is usual"),
        ({"layer_options": 3}, "`layer_options` is 3, expected a dict of options by name, or None for none"),
        ({"random_state": 2.5}, "`random_state` is 2.5, expected a whole number .*; None differs each time"),
        ({"random_state": np.array([1, 2])}, r"`random_state` is array\(\[1, 2\]\), expected a whole number"),
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
    for given in (0.2, np.zeros(3)):
        with pytest.raises(
            ParameterError, match=r"`validation_data` is a \w+, expected \(X, y\) .*; for a part of the data"
        ):
            small().fit(X, y, validation_data=given)
    with pytest.raises(ParameterError, match=r"`sample_weight` holds what is no number, expected one .*; is one text"):
        small().fit(X, y, sample_weight=["a"] * 60)
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
    with pytest.raises(ParameterError, match="`minutes` is 0, expected a finite number above 0"):
        small(minutes=0).fit(X, y)


def test_one_sequence_alone_is_told_from_many_of_one_feature():
    draw = np.random.default_rng(0)
    model = SequenceClassifier(hidden_size=2, epochs=1, random_state=0).fit(draw.normal(size=(4, 5, 3)), [0, 1, 0, 1])
    with pytest.raises(ShapeError, match=r"X has 1 features, .* expecting 3 features .*; one sequence alone is \[X\]"):
        model.predict(draw.normal(size=(5, 3)))
    assert model.predict([draw.normal(size=(5, 3))]).shape == (1,)
    with pytest.raises(ShapeError, match=r"X has 2 features, .* expecting 3 features .*; are the axes \(N, T, I\)\?"):
        model.predict([draw.normal(size=(5, 2)), draw.normal(size=(4, 2))])
