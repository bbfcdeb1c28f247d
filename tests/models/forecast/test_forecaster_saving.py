"""The forecaster's files: they come back with the same bits, runs go on, and files of before mean the same."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import unrolled.models
from helpers import rng
from models.noisy import VARIED, flat, forecaster, noisy, quick, same
from unrolled.errors import CheckpointError, ParameterError
from unrolled.models.forecast.forecaster import Forecaster
from unrolled.storage import Unit, read_unit, write_unit
from unrolled.training.fit import Callback


@pytest.mark.parametrize("form", ["one", "named"])
def test_a_saved_forecaster_goes_on_bit_for_bit(form: str, tmp_path: Path):
    series: Any = noisy() if form == "one" else {"a": noisy(), "b": noisy(100, seed=1)}
    more: Any = 21.5 if form == "one" else {"a": [21.5], "b": [20.0]}
    fitted = quick(series, members=2, nan="mask").update(np.nan if form == "one" else {"a": [np.nan], "b": [1.0]})
    for _ in range(3):  # values far outside their intervals, which adapt
        fitted.update(99.0 if form == "one" else {"a": 99.0, "b": 99.0})
    fitted.save(tmp_path / "model")
    for loaded in (Forecaster.load(tmp_path / "model"), unrolled.models.load(tmp_path / "model")):
        same(flat(fitted.predict()), flat(loaded.predict()))
    same(flat(fitted.update(more).predict()), flat(loaded.update(more).predict()))
    fitted.save(tmp_path / "model")  # an update may be saved in the same place


def test_a_saved_forecaster_has_the_options_of_its_layers(tmp_path: Path):
    fitted = quick(noisy(), **VARIED)
    fitted.save(tmp_path)
    loaded = Forecaster.load(tmp_path)
    own, other = (each.network_.members[0].recurrent.options for each in (fitted, loaded))
    assert own == other
    assert (own.recurrent_dropout, own.zoneout, own.layer_norm, own.proj_size) == (0.2, (0.1, 0.2), True, 3)
    same(fitted.predict(), loaded.predict())
    assert not np.array_equal(fitted.predict().point, quick(noisy(), cell="lstm").predict().point)


def test_a_forecaster_without_options_is_saved_as_before_there_were_any(tmp_path: Path):
    quick(noisy()).save(tmp_path)
    assert not read_unit(tmp_path).documents["config"]["params"].keys() & {"zoneout", "layer_norm", "layer_options"}
    assert Forecaster.load(tmp_path).get_params() == forecaster().get_params()


def _renamed(source: Path, target: Path, loss: str) -> Path:
    """The same files with another word for the loss."""
    record, documents, arrays = read_unit(
        source, ("weights", "training") if (source / "metrics.csv").exists() else ("weights",)
    )
    documents["config"]["params"]["loss"] = loss
    write_unit(target, Unit(record, documents, arrays))
    return target


@pytest.mark.parametrize(("loss", "once"), [("squared_error", "squared"), ("absolute_error", "absolute")])
def test_a_forecaster_saved_with_the_old_word_for_its_loss_is_loaded_and_saved_in_its_place(
    loss: Any, once: str, tmp_path: Path
):
    fitted = quick(noisy(), loss=loss)
    fitted.save(tmp_path / "new")
    loaded = Forecaster.load(_renamed(tmp_path / "new", tmp_path / "old", once))
    assert loaded.loss == loaded.network_.loss == loss
    same(fitted.predict(), loaded.predict())
    loaded.update(21.5).save(tmp_path / "old")
    same(loaded.predict(), unrolled.models.load(tmp_path / "old").predict())
    with pytest.raises(ParameterError, match=f"`loss` is '{once}', expected one of squared_error, absolute_error"):
        quick(noisy(), loss=once)


@pytest.mark.parametrize("count", [1, 2])
def test_errors_saved_before_they_had_their_series_count_for_the_one_or_else_for_none(count: int, tmp_path: Path):
    quiet, loud = noisy(), noisy(seed=1) + 9 * rng(2).normal(size=150)
    fitted = quick([quiet, loud][:count], scaling="global")
    fitted.save(tmp_path / "new")
    record, documents, arrays = read_unit(tmp_path / "new", ("weights",))
    del record["memory"]["of"]
    write_unit(tmp_path / "old", Unit(record, documents, arrays))
    (now, old) = (each.predict([quiet] * count) for each in (fitted, Forecaster.load(tmp_path / "old")))
    if count == 1:
        same(flat(now), flat(old))
    else:  # the size of the errors of all, for each alike
        np.testing.assert_array_equal(old.upper[0], old.upper[1])
        assert (now.upper[0] < old.upper[0]).all()


def test_a_run_begun_with_the_old_word_for_its_loss_goes_on(tmp_path: Path):
    class Interrupt(Callback):
        def validated(self, report: Any) -> None:
            raise RuntimeError("interrupted")

    settings: dict[str, Any] = {"loss": "squared_error", "epochs": 4}
    with pytest.raises(RuntimeError, match="interrupted"):
        forecaster(**settings).fit(noisy(), checkpoint=tmp_path / "new", callbacks=[Interrupt()])
    old = _renamed(tmp_path / "new", tmp_path / "old", "squared")
    same(forecaster(**settings).fit(noisy()).predict(), forecaster(**settings).fit(noisy(), checkpoint=old).predict())
    with pytest.raises(CheckpointError, match=r"params\.loss was 'squared', is 'absolute_error'"):
        forecaster(**settings | {"loss": "absolute_error"}).fit(noisy(), checkpoint=old)


@pytest.mark.parametrize("options", [{"recurrent_dropout": 0.2}, VARIED])
def test_a_run_is_gone_on_with_and_ends_with_the_bits_of_one_never_interrupted(options: dict[str, Any], tmp_path: Path):
    class Interrupt(Callback):
        def validated(self, report: Any) -> None:
            if report.epoch >= 2:
                raise RuntimeError("interrupted")

    series, settings = noisy(), {**options, "epochs": 4, "batch_size": 16}
    whole = forecaster(**settings).fit(series)
    broken = forecaster(**settings)
    with pytest.raises(RuntimeError, match="interrupted"):
        broken.fit(series, checkpoint=tmp_path, callbacks=[Interrupt()])
    assert broken.predict().point.shape == whole.predict().point.shape  # with what was learned until then
    resumed = forecaster(**settings).fit(series, checkpoint=tmp_path)
    same(whole.predict(), resumed.predict())
    same(whole.predict(), unrolled.models.load(tmp_path).predict())


def test_a_run_does_not_go_on_with_another_series(tmp_path: Path):
    forecaster(patience=9).fit(noisy(), checkpoint=tmp_path)
    other = noisy()
    other[-1] += 1  # in the part held out: the scales are those of the first
    with pytest.raises(CheckpointError, match="other data of the same size, expected the series and covariates"):
        forecaster(patience=9).fit(other, checkpoint=tmp_path)


def test_a_run_without_a_seed_goes_on_with_the_one_it_drew(tmp_path: Path):
    one, other = (forecaster(random_state=None).fit(noisy(), checkpoint=tmp_path) for _ in range(2))
    assert one.seed_ == other.seed_
    same(one.predict(), other.predict())


def test_documents_are_kept_with_a_finished_run(tmp_path: Path):
    forecaster().fit(noisy(), checkpoint=tmp_path, documents={"table": {"date": "day"}})
    unit = read_unit(tmp_path)
    assert unit.documents["table"] == {"date": "day"}
    assert "memory" in unit.record


def test_a_model_saved_by_another_version_is_told_so(tmp_path: Path):
    quick(noisy()).save(tmp_path)
    unit = unrolled.models.read_unit(tmp_path)
    with pytest.raises(CheckpointError, match="the saved model cannot be built"):
        Forecaster.from_unit(unit._replace(documents={"config": {}}))


def test_a_pickled_forecaster_predicts_the_same():
    fitted = quick(noisy())
    same(fitted.predict(), pickle.loads(pickle.dumps(fitted)).predict())
