"""What all models that train themselves do alike: files say what was fitted, and a history is that of its own fit."""

import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import unrolled
from models.noisy import noisy
from models.waves import same, small, waves
from unrolled.data.text import Vocabulary
from unrolled.errors import CheckpointError, DivergenceError, ParameterError
from unrolled.models.forecast.forecaster import Forecaster
from unrolled.models.pairs.encoder_decoder import EncoderDecoder
from unrolled.models.sequences.classifier import SequenceClassifier
from unrolled.models.sequences.regressor import SequenceRegressor
from unrolled.models.sequences.tagger import SequenceTagger
from unrolled.models.text.char_lm import CharLM
from unrolled.storage import read_unit, write_unit
from unrolled.training.callbacks import Callbacks
from unrolled.training.fit import Callback


def test_parameters_set_after_fit_are_for_the_next_fit_and_not_for_the_files_of_this_one(tmp_path: Path):
    X, y = waves()
    model = small(epochs=2, pooling="last").fit(X, y)
    model.set_params(pooling="max", hidden_size=7)
    for step in range(2):  # what was loaded is saved alike
        model.save(tmp_path / str(step))
        back = SequenceClassifier.load(tmp_path / str(step))
        assert (back.pooling, back.hidden_size) == ("last", small().hidden_size)
        np.testing.assert_array_equal(back.predict_proba(X), model.predict_proba(X))
        model = back.set_params(pooling="mean")
    model.fit(X, y).save(tmp_path / "fitted again")
    assert SequenceClassifier.load(tmp_path / "fitted again").pooling == "mean"


def test_an_encoder_decoder_is_saved_as_it_was_fitted_too(tmp_path: Path):
    model = EncoderDecoder(hidden_size=4, embedding_size=2, epochs=1, random_state=0).fit(["ab", "b"], ["x", "yx"])
    model.set_params(attention=False, num_layers=2).save(tmp_path)
    back = EncoderDecoder.load(tmp_path)
    assert (back.attention, back.num_layers) == (True, 1)
    assert back.outputs(["ba"]) == model.outputs(["ba"])


def test_a_fit_that_fails_leaves_no_history_and_none_of_the_one_before():
    class Early(Callback):
        def step(self, report: Any) -> None:
            raise ZeroDivisionError

    for changes, callbacks, error in (
        ({}, [Early()], ZeroDivisionError),
        ({"learning_rate": 1e38, "optimizer": "sgd", "clip": None}, [], DivergenceError),
    ):
        model = small(epochs=1).fit(*waves())
        assert len(model.history_) == 1
        with pytest.raises(error):
            model.set_params(epochs=9, **changes).fit(*waves(), callbacks=callbacks)
        assert not hasattr(model, "history_")
        assert not hasattr(model, "network_")


class Raising(Callback):
    """Raises an error after the second epoch, or at the end."""

    def __init__(self, at_end: bool) -> None:
        self.at_end = at_end

    def validated(self, report: Any) -> None:
        if report.epoch == 2 and not self.at_end:
            raise ZeroDivisionError

    def end(self, history: Any) -> None:
        if self.at_end:
            raise ZeroDivisionError


@pytest.mark.parametrize("at_end", [False, True])
def test_a_callback_that_raises_leaves_the_best_weights_and_the_history(at_end: bool):
    X, y = waves()
    how: dict[str, Any] = {"validation_fraction": 0.3, "patience": 9, "learning_rate": 1.0}
    model, whole = small(epochs=3, **how), small(epochs=3 if at_end else 2, schedule="constant", **how)
    with pytest.raises(ZeroDivisionError):
        model.set_params(schedule="constant").fit(X, y, callbacks=[Raising(at_end)])
    assert len(model.history_) == whole.fit(X, y).epochs
    assert same(model, whole)
    series = Forecaster(6, 2, hidden_size=4, epochs=3, random_state=0)
    with pytest.raises(ZeroDivisionError):
        series.fit(np.sin(np.arange(60.0)), callbacks=[Raising(at_end)])
    assert len(series.history_) == (3 if at_end else 2)
    assert series.predict().point.shape == (2,)
    text = "the cat sat on the mat. " * 40
    read = CharLM(Vocabulary.of(text), hidden_size=8, seed=0)
    with pytest.raises(ZeroDivisionError):
        read.fit(text, epochs=3, window=16, batch_size=4, callbacks=[Raising(at_end)])
    assert len(read.history_) == (3 if at_end else 2)


@pytest.mark.parametrize("watched", [False, True])
def test_after_ctrl_c_the_history_so_far_is_there(watched: bool):
    class CtrlC(Callback):
        decides = watched

        def reported(self, report: Any) -> None:
            if report.epoch == 2:
                signal.raise_signal(signal.SIGINT)

    model = small(epochs=9)
    with pytest.raises(KeyboardInterrupt):
        model.fit(*waves(), callbacks=[CtrlC()])
    assert [row["epoch"] for row in model.history_.rows] == [1, 2]
    assert model.predict(waves()[0]).shape == waves()[1].shape


def test_a_model_that_watches_its_own_history_is_trained_as_one_that_does_not(monkeypatch: pytest.MonkeyPatch):
    found: list[bool] = []
    build = Callbacks.__init__

    def kept(self: Callbacks, callbacks: Any) -> None:
        build(self, callbacks)
        found.append(self.decide)

    monkeypatch.setattr(Callbacks, "__init__", kept)
    small(epochs=1).fit(*waves())
    small(epochs=1).fit(*waves(), callbacks=[Callback()])
    assert found == [False, True]


def test_a_model_loaded_from_the_folder_of_its_run_has_the_history(tmp_path: Path):
    model = small(epochs=3, validation_fraction=0.3, patience=2, monitor="accuracy")
    model.fit(*waves(), checkpoint=tmp_path)
    back = SequenceClassifier.load(tmp_path)
    assert back.history_.rows == model.history_.rows
    assert back.history_.best == model.history_.best


def test_a_model_without_a_history_says_where_one_would_come_from(tmp_path: Path):
    model = small(epochs=1)
    message = "this SequenceClassifier has no `history_`, expected one that was trained here, or that was loaded from"
    with pytest.raises(AttributeError, match=message):
        _ = model.history_
    model.fit(*waves()).save(tmp_path)
    with pytest.raises(AttributeError, match=message):
        _ = SequenceClassifier.load(tmp_path).history_


def test_what_is_no_list_of_callbacks_is_named():
    with pytest.raises(ParameterError, match=r"`callbacks` is <built-in function print>, expected a list of objects"):
        small().fit(*waves(), callbacks=print)  # pyright: ignore[reportArgumentType]


def test_callbacks_that_are_none_leave_what_was_fitted_as_it_was():
    X, y = waves()
    steps = [[label] * len(x) for x, label in zip(X, y, strict=True)]
    pairs = EncoderDecoder(hidden_size=4, embedding_size=2, epochs=1, random_state=0).fit(["ab", "b"], ["x", "yx"])
    tagger = SequenceTagger(hidden_size=4, epochs=1, random_state=0).fit(X, steps)
    for model, data in ((small(epochs=1).fit(X, y), (X, y)), (tagger, (X, steps)), (pairs, (["ba"], ["y"]))):
        network, history = model.network_, model.history_
        with pytest.raises(ParameterError, match=r"`callbacks` holds <object object at .*>, expected objects"):
            model.fit(*data, callbacks=[object()])  # pyright: ignore
        assert model.network_ is network
        assert model.history_ is history


class AfterOneEpoch(Callback):
    """Ctrl-C after the first epoch."""

    def reported(self, report: Any) -> None:
        if report.epoch == 1:
            signal.raise_signal(signal.SIGINT)


def weights_of(folder: Path) -> dict[str, bytes]:
    return {name: array.tobytes() for name, array in read_unit(folder).arrays["weights"].items()}


def classifier(folder: Path, **options: Any) -> SequenceClassifier:
    """A fit of three epochs that is kept in a folder."""
    model = small(epochs=3, dropout=0.2, ema=0.5)
    try:
        return model.fit(*waves(), checkpoint=folder, **options)
    except KeyboardInterrupt:
        return model


def text_model(folder: Path, **options: Any) -> CharLM:
    text = "the cat sat on the mat. " * 40
    model = CharLM(Vocabulary.of(text), hidden_size=8, dropout=0.2, seed=0)
    try:
        return model.fit(text, window=16, batch_size=4, epochs=3, ema=0.5, checkpoint=folder, **options)
    except KeyboardInterrupt:
        return model


@pytest.mark.parametrize("fitted", [classifier, text_model])
def test_a_model_saved_into_the_folder_of_its_run_leaves_the_run_there(fitted: Any, tmp_path: Path):
    whole = fitted(tmp_path / "whole")
    before = read_unit(tmp_path / "whole")
    whole.save(tmp_path / "whole")
    after = read_unit(tmp_path / "whole")
    assert (after.record, after.documents) == (before.record, before.documents)
    assert after.arrays.keys() == {"weights", "training"}
    left = fitted(tmp_path / "parts", callbacks=[AfterOneEpoch()])
    left.save(tmp_path / "parts")
    assert weights_of(tmp_path / "parts") != weights_of(tmp_path / "whole")
    assert len(fitted(tmp_path / "parts").history_) == 3
    assert weights_of(tmp_path / "parts") == weights_of(tmp_path / "whole")


def test_a_model_that_an_error_of_a_callback_left_is_saved_into_the_folder_of_its_run(tmp_path: Path):
    X, y = waves()
    model = small(epochs=3, ema=0.5, validation_fraction=0.3)
    with pytest.raises(ZeroDivisionError):
        model.fit(X, y, checkpoint=tmp_path, callbacks=[Raising(at_end=False)])
    model.save(tmp_path)
    assert same(SequenceClassifier.load(tmp_path), model)
    assert len(SequenceClassifier.load(tmp_path).history_) == 2


def test_a_model_takes_the_place_of_the_one_that_was_saved_there_before(tmp_path: Path):
    X, y = waves()
    (tmp_path / "notes.txt").write_text("mine")
    text = "the cat sat on the mat. " * 40
    for model in (
        small(epochs=1).fit(X, y),
        small(epochs=2, hidden_size=4).fit(X, y),
        small(epochs=2, hidden_size=4).fit([x * 2 for x in X], y),
        CharLM(Vocabulary.of(text), hidden_size=8, seed=0).fit(text, epochs=1),
        SequenceRegressor(hidden_size=4, epochs=1, random_state=0).fit(X, np.arange(len(X))),
    ):
        model.save(tmp_path)
        back = unrolled.load(tmp_path)
        assert type(back) is type(model)
        own = model.parameters if isinstance(model, CharLM) else model.network_.parameters
        assert weights_of(tmp_path) == {name: array.tobytes() for name, array in own.items()}
        names = {path.name.split("-")[0] for path in tmp_path.iterdir()}
        assert names - {"vocabulary"} == {"notes.txt", "checkpoint.json", "config", "weights"}
        assert ("vocabulary" in names) == isinstance(model, CharLM)


@pytest.mark.parametrize("fitted", [classifier, text_model])
def test_a_model_with_other_weights_is_not_saved_over_a_run(fitted: Any, tmp_path: Path):
    whole = fitted(tmp_path / "whole")
    left = fitted(tmp_path / "parts", callbacks=[AfterOneEpoch()])
    for model, folder in ((left, "whole"), (whole, "parts")):
        with pytest.raises(
            CheckpointError, match=r"holds a training run, which has other weights .* own, or remove the run first"
        ):
            model.save(tmp_path / folder)
    assert len(fitted(tmp_path / "parts").history_) == 3


def test_a_run_with_other_data_says_so_and_blames_no_setting(tmp_path: Path):
    X, y = waves()
    how: dict[str, Any] = {"epochs": 1, "validation_fraction": 0.2}
    small(**how).fit(X, y, checkpoint=tmp_path / "run")
    for others, labels in (
        ([x + 1 for x in X], y),
        ([x * 2 for x in X], y),  # which are scaled to the same
        (X[:-1], y[:-1]),
        (X, np.where(y == "slow", "slower", y)),
    ):
        with pytest.raises(
            CheckpointError, match=r"holds a run that was begun with other data: .* was .*, is .*; go on with those, or"
        ):
            small(**how).fit(others, labels, checkpoint=tmp_path / "run")
    small(epochs=1).fit(X, y, checkpoint=tmp_path / "whole")
    with pytest.raises(CheckpointError, match="belongs to other data of the same size"):
        small(epochs=1).fit(X, y[::-1], checkpoint=tmp_path / "whole")  # what is learned beforehand is the same
    for changed, message in (
        ({"random_state": 1}, "params.random_state was 0, is 1"),
        ({"validation_fraction": 0.3}, "params.validation_fraction was 0.2, is 0.3"),
    ):
        with pytest.raises(CheckpointError, match=rf"a run with another config: {message}; go on"):
            small(**how | changed).fit(X, y, checkpoint=tmp_path / "run")
    series = noisy()
    one = Forecaster(6, 2, hidden_size=4, epochs=1, random_state=0)
    one.fit(series, checkpoint=tmp_path / "series")
    with pytest.raises(CheckpointError, match=r"other data: what was learned of them differs \(scaling\."):
        one.fit(2 * series, checkpoint=tmp_path / "series")


def test_a_run_begun_before_there_was_a_parameter_is_one_with_its_default(tmp_path: Path):
    classifier(tmp_path / "whole")
    classifier(tmp_path / "parts", callbacks=[AfterOneEpoch()])
    unit = read_unit(tmp_path / "parts")
    del unit.documents["config"]["params"]["zoneout"], unit.documents["fit"]["clip_value"]
    write_unit(tmp_path / "old", unit)
    for changed, message in (
        ({"zoneout": 0.5}, r"another config: params.zoneout was 0.0, is 0.5; go on"),
        ({"clip_value": 1.0}, r"another config: params.clip_value was None, is 1.0; go on"),
    ):
        with pytest.raises(CheckpointError, match=message):
            small(epochs=3, dropout=0.2, ema=0.5, **changed).fit(*waves(), checkpoint=tmp_path / "old")
    classifier(tmp_path / "old")
    assert weights_of(tmp_path / "old") == weights_of(tmp_path / "whole")
    assert read_unit(tmp_path / "old").documents == unit.documents  # it stays as it was begun
