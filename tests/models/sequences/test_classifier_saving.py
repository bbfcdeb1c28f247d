"""A classifier on disk: saved and loaded to the same bits, and runs that are interrupted and go on."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import unrolled
from models.waves import same, small, waves
from unrolled.errors import CheckpointError, ParameterError
from unrolled.models.sequences.classifier import SequenceClassifier
from unrolled.models.sequences.regressor import SequenceRegressor
from unrolled.models.sequences.tagger import SequenceTagger
from unrolled.storage import Unit, read_unit
from unrolled.training.fit import Callback


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
        "zoneout": 0.1,
        "layer_norm": True,
        "layer_options": {"forget_bias": 2.0, "initial_state": "learned"},
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


@pytest.mark.parametrize("estimator", [SequenceClassifier, SequenceRegressor, SequenceTagger])
def test_a_run_goes_on_with_its_own_validation_part_only(tmp_path: Path, estimator: type[Any]):
    X, y = np.arange(24.0).reshape(6, 4) / 24, np.arange(6) % 2
    y = np.repeat(y[:, None], 4, axis=1) if estimator is SequenceTagger else y
    how = {"hidden_size": 2, "epochs": 1, "random_state": 0}

    def go_on(*held: Any) -> None:
        estimator(**how).fit(X, y, checkpoint=tmp_path, **({"validation_data": held} if held else {}))

    for _ in range(2):
        go_on(X[:2], y[:2])
    for other in ((X[:2] + 1, y[:2]), (X[:2], 1 - y[:2]), (X[:3], y[:3]), ()):
        with pytest.raises(CheckpointError, match="belongs to a run with other data to validate on, expected those"):
            go_on(*other)


def test_a_folder_of_another_kind_or_altered_is_refused(tmp_path: Path):
    SequenceRegressor(epochs=1, hidden_size=2).fit(np.ones((3, 4)), np.arange(3)).save(tmp_path / "numbers")
    with pytest.raises(CheckpointError, match="holds a model of kind 'sequence_regressor', expected 'sequence_cl"):
        SequenceClassifier.load(tmp_path / "numbers")
    with pytest.raises(CheckpointError, match="does not exist"):
        SequenceClassifier.load(tmp_path / "nothing")
    small(epochs=1).fit(*waves()).save(tmp_path / "model")
    (config,) = (tmp_path / "model").glob("config-*.json")
    config.write_text(config.read_text().replace('"hidden_size": 8', '"hidden_size": 9'))
    with pytest.raises(CheckpointError, match="altered"):
        SequenceClassifier.load(tmp_path / "model")


def test_a_model_saved_by_another_version_is_told_so():
    with pytest.raises(CheckpointError, match=r"the saved model cannot be built .*another version"):
        SequenceClassifier.from_unit(Unit({}, {"config": {"params": {"heads": 3}}}, {}))


def test_labels_that_json_has_not_are_told_at_saving(tmp_path: Path):
    X, y = waves()
    model = small(epochs=1).fit(X, y.astype(bytes))
    with pytest.raises(ParameterError, match="`y` holds the label b'fast', expected text or numbers"):
        model.save(tmp_path)


def test_documents_are_kept_with_a_checkpoint_and_another_is_refused(tmp_path: Path):
    X, y = waves()
    small(epochs=1).fit(X, y, checkpoint=tmp_path, documents={"table": {"target": "a"}})
    assert read_unit(tmp_path).documents["table"] == {"target": "a"}
    with pytest.raises(CheckpointError, match="another table: target was 'a', is 'b'"):
        small(epochs=1).fit(X, y, checkpoint=tmp_path, documents={"table": {"target": "b"}})
