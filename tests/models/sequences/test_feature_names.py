"""Data frames: their columns are remembered, and others, or another order, do not go unnoticed."""

from __future__ import annotations

import pickle
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from helpers import rng
from unrolled.errors import CheckpointError, ParameterError
from unrolled.models.sequences.classifier import SequenceClassifier
from unrolled.models.sequences.regressor import SequenceRegressor
from unrolled.models.sequences.tagger import SequenceTagger
from unrolled.storage import read_unit, write_unit

pytestmark = pytest.mark.extras

COLUMNS = ["speed", "turn", "height"]
SETTINGS: dict[str, Any] = {"hidden_size": 4, "epochs": 2, "random_state": 0}


@pytest.fixture(scope="module")
def pd() -> Any:
    return pytest.importorskip("pandas")


@pytest.fixture(scope="module")
def frames(pd: Any) -> list[Any]:
    draw = rng(0)
    return [pd.DataFrame(draw.normal(size=(n, 3)), columns=COLUMNS) for n in (4, 6, 5, 4, 7, 6)]


@pytest.fixture(scope="module")
def fitted(frames: list[Any]) -> SequenceClassifier:
    return SequenceClassifier(**SETTINGS).fit(frames, [0, 1] * 3)


@pytest.mark.filterwarnings("ignore:.*does not inherit from `sklearn.base.BaseEstimator`:UserWarning")
@pytest.mark.parametrize("estimator", [SequenceClassifier, SequenceRegressor])
def test_scikit_learns_check_of_column_names_passes(estimator: type[Any]):
    checks = pytest.importorskip("sklearn.utils.estimator_checks")
    checks.check_dataframe_column_names_consistency(estimator.__name__, estimator(**SETTINGS))


def test_columns_are_kept_by_name_and_through_files_and_copies(
    fitted: SequenceClassifier, frames: list[Any], tmp_path: Path
):
    fitted.save(tmp_path)
    for model in (fitted, SequenceClassifier.load(tmp_path), pickle.loads(pickle.dumps(fitted))):
        assert model.feature_names_in_.tolist() == COLUMNS
        assert model.feature_names_in_.dtype == object
        np.testing.assert_array_equal(model.predict(frames), fitted.predict(frames))
        with pytest.raises(ParameterError, match="must be in the same order as they were in fit"):
            model.predict([frame[COLUMNS[::-1]] for frame in frames])
    ordered = [frame[COLUMNS[::-1]][fitted.feature_names_in_] for frame in frames]  # the remedy that the error names
    np.testing.assert_array_equal(fitted.predict(ordered), fitted.predict(frames))


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (["turn", "speed", "height"], r"same order .*\n`X` has the columns 'turn', 'speed', .*, expected 'speed', 'tu"),
        (["speed", "turn", "age"], r"unseen at fit time:\n- age\nFeature names seen at fit .* missing:\n- height\n"),
    ],
)
def test_other_columns_are_named(fitted: SequenceClassifier, frames: list[Any], columns: list[str], message: str):
    with pytest.raises(ParameterError, match=message):
        fitted.predict_proba([frame.set_axis(columns, axis=1) for frame in frames])


def test_columns_of_what_is_validated_on_and_of_a_tagger_are_compared(frames: list[Any]):
    turned = [frame[COLUMNS[::-1]] for frame in frames]
    with pytest.raises(ParameterError, match=r"same order .*\n`validation_data` has the columns 'height', "):
        SequenceClassifier(**SETTINGS).fit(frames, [0, 1] * 3, validation_data=(turned, [0, 1] * 3))
    tagger = SequenceTagger(**SETTINGS).fit(frames, [[0, 1] * 2 + [0] * (len(frame) - 4) for frame in frames])
    with pytest.raises(ParameterError, match="same order"):
        tagger.predict(turned)


def test_sequences_of_one_list_have_the_same_columns(frames: list[Any]):
    mixed = [*frames[:2], frames[2][COLUMNS[::-1]], *frames[3:]]
    with pytest.raises(ParameterError, match=r"`X\[2\]` has the columns 'height', .*, expected 'speed', .* `X\[0\]`"):
        SequenceClassifier(**SETTINGS).fit(mixed, [0, 1] * 3)


def test_a_run_begun_before_columns_were_remembered_goes_on(
    fitted: SequenceClassifier, frames: list[Any], tmp_path: Path
):
    SequenceClassifier(**SETTINGS).fit(frames, [0, 1] * 3, checkpoint=tmp_path / "new")
    unit = read_unit(tmp_path / "new")
    assert unit.documents["config"]["inputs"].pop("names") == COLUMNS
    write_unit(tmp_path / "old", unit)
    again = SequenceClassifier(**SETTINGS).fit(frames, [0, 1] * 3, checkpoint=tmp_path / "old")
    assert again.feature_names_in_.tolist() == COLUMNS
    np.testing.assert_array_equal(again.predict_proba(frames), fitted.predict_proba(frames))
    renamed = [frame.set_axis([*"abc"], axis=1) for frame in frames]
    with pytest.raises(CheckpointError, match=r"other data: .* \(inputs.names was .*, is \['a', 'b', 'c'\]"):
        SequenceClassifier(**SETTINGS).fit(renamed, [0, 1] * 3, checkpoint=tmp_path / "new")


def test_names_on_one_side_only_are_a_warning(fitted: SequenceClassifier, frames: list[Any], pd: Any):
    arrays = [frame.to_numpy() for frame in frames]
    with pytest.warns(UserWarning, match="X does not have valid feature names, but SequenceClassifier was fitted with"):
        fitted.predict(arrays)
    nameless = SequenceClassifier(**SETTINGS).fit(arrays, [0, 1] * 3)
    assert not hasattr(nameless, "feature_names_in_")
    assert not hasattr(SequenceClassifier(), "feature_names_in_")
    with pytest.warns(UserWarning, match="X has feature names, but SequenceClassifier was fitted without feature"):
        nameless.predict(frames)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nameless.predict([pd.DataFrame(array) for array in arrays])  # columns 0, 1, 2 are no names


def test_names_of_which_some_are_text_are_refused(frames: list[Any]):
    with pytest.raises(ParameterError, match=r"has the columns 'a', 1, 2, some of .*columns.astype\(str\)"):
        SequenceClassifier(**SETTINGS).fit([frame.set_axis(["a", 1, 2], axis=1) for frame in frames], [0, 1] * 3)
