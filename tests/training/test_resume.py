"""Runs of `fit` that are saved: interrupted anywhere they reach the same bits, and refuse what is not theirs."""

import csv
import json
import shutil
from functools import partial

import numpy as np
import pytest

from training.test_fit import Log, Validation, interrupt
from training.toy import Clock, ToyBatches, ToyModel
from unrolled.errors import CheckpointError, ParameterError, UnrolledError
from unrolled.models import load
from unrolled.schedules import warmup_cosine
from unrolled.storage import Unit, read_unit, write_unit
from unrolled.training.checkpoint import restore_session
from unrolled.training.fit import Callback, FitSettings, fit
from unrolled.training.loop import train
from unrolled.training.run_folder import RunFolder
from unrolled.training.session import Session

TIMES = ("seconds", "sequences_per_second")
RUNS = [
    {"optimizer": "sgd", "optimizer_options": {"momentum": 0.9}, "schedule": "constant"},
    {"optimizer": "rmsprop", "schedule": "step"},
    {"optimizer": "adam", "ema": 0.8},
    {"optimizer": "adamw", "weight_decay": 0.01, "patience": 9},
    {"optimizer": "adam", "ema": 0.8, "patience": 2},
    {"schedule": "reduce_on_plateau", "schedule_options": {"patience": 0, "factor": 0.5}, "learning_rate": 0.5},
]


class Wavy(Validation):
    """A loss that depends on the weights alone, and is not best at the end."""

    def __call__(self):
        w = float(self.model.w[0])
        return {"loss": float(np.sin(9 * w)), "accuracy": 0.5}


def run(folder, settings, stop=None, resume=False, model=None):
    """The model that a run leaves, and its history, where it was not interrupted at step `stop`."""
    model = model or ToyModel(noise=1.0)
    callbacks = [Log(stop, interrupt)]
    options = {"folder": folder, "kind": "toy", "documents": {"config": {"size": 1}}, "resume": resume}
    return model, fit(model, ToyBatches(), settings, validate=Wavy(model), callbacks=callbacks, **options)


def bits_of(folder):
    """Everything that a run folder holds but its times."""
    unit = read_unit(folder)
    arrays = {(g, n): a.tobytes() for g, arrays in unit.arrays.items() for n, a in arrays.items()}
    record = {k: v for k, v in unit.record.items() if k not in ("seconds", "history")}
    return arrays, record, [{k: v for k, v in row.items() if k not in TIMES} for row in unit.record["history"]]


@pytest.mark.parametrize("settings", RUNS)
@pytest.mark.parametrize("stops", [[1], [4], [7, 8], [5, 13, 19]])
def test_an_interrupted_run_reaches_the_bits_of_one_that_was_not(tmp_path, settings, stops):
    settings = FitSettings(**{"epochs": 6, "learning_rate": 0.3, "warmup": 2, **settings})
    whole, history = run(tmp_path / "whole", settings)
    for stop in stops:
        if stop < history.rows[-1]["step"]:
            with pytest.raises(KeyboardInterrupt):
                run(tmp_path / "parts", settings, stop, resume=True)
            assert read_unit(tmp_path / "parts").record["step"] == stop
    parts, again = run(tmp_path / "parts", settings, resume=True)
    assert parts.w.tobytes() == whole.w.tobytes()
    assert bits_of(tmp_path / "parts") == bits_of(tmp_path / "whole")
    assert again.best["step"] == history.best["step"]


class Failing(Wavy):
    """Fails at one step: told of it, in its validation, or told of what that found."""

    def __init__(self, model, where, at):
        super().__init__(model)
        self.where, self.at, self.step = where, at, 0

    def told(self, where, step):
        self.step = step
        if (where, step) == (self.where, self.at):
            raise ZeroDivisionError

    def __call__(self):
        self.told("validation", self.step)
        return super().__call__()


class Telling(Callback):
    def __init__(self, failing):
        self.failing = failing

    def step(self, report):
        self.failing.step = report.step
        self.failing.told("step", report.step)

    def validated(self, report):
        self.failing.told("found", report.step)


def failing(folder, settings, where, at):
    """The model of a run that fails at step `at`."""
    model = ToyModel(noise=1.0)
    fails = Failing(model, where, at)
    options = {"folder": folder, "kind": "toy", "documents": {"config": {"size": 1}}}
    with pytest.raises(ZeroDivisionError):
        fit(model, ToyBatches(), settings, validate=fails, callbacks=[Telling(fails)], **options)
    return model


@pytest.mark.parametrize("settings", RUNS)
@pytest.mark.parametrize(
    ("where", "at"), [("step", 3), ("step", 8), ("validation", 8), ("found", 4), ("validation", 12), ("found", 12)]
)
def test_a_run_that_failed_between_two_steps_is_kept_as_it_was_and_reaches_the_same_bits(tmp_path, settings, where, at):
    settings = FitSettings(**{"epochs": 3, "learning_rate": 0.3, "warmup": 2, **settings})
    whole, _ = run(tmp_path / "whole", settings)
    left = failing(tmp_path / "parts", settings, where, at)
    unit = read_unit(tmp_path / "parts")
    assert unit.record["step"] == at
    assert unit.arrays["weights"]["w"].tobytes() == left.w.tobytes()
    parts, _ = run(tmp_path / "parts", settings, resume=True)
    assert parts.w.tobytes() == whole.w.tobytes()
    *bits, rows = bits_of(tmp_path / "parts")
    *due, whole_rows = bits_of(tmp_path / "whole")
    assert bits == due
    rate = ["learning_rate"]  # a row that is made up for has that of the step to come
    assert [{**row, **dict.fromkeys(rate)} for row in rows] == [{**row, **dict.fromkeys(rate)} for row in whole_rows]


def test_an_error_is_told_though_the_save_after_it_fails_and_a_save_that_fails_is_not_tried_again(
    tmp_path, monkeypatch
):
    original, saves = RunFolder.save, []

    def full(self):
        saves.append(self.session.step)
        if self.session.step == 2:
            raise CheckpointError("the disk is full")
        original(self)

    monkeypatch.setattr(RunFolder, "save", full)
    failing(tmp_path / "told", FitSettings(epochs=3), "step", 2)
    assert saves == [0, 2]
    assert read_unit(tmp_path / "told").record["step"] == 0
    saves.clear()
    monkeypatch.setattr("unrolled.training.loop.SAVE_SECONDS", 0.0)
    monkeypatch.setattr("unrolled.training.loop.SHARE", 0)
    with pytest.raises(CheckpointError, match="the disk is full"):
        run(tmp_path / "save", FitSettings(epochs=3))
    assert saves == [0, 1, 2]


class Seen(Callback):
    """The rates of all steps; at step `stop` Ctrl-C comes."""

    def __init__(self, stop=None):
        self.rates, self.stop = [], stop

    def step(self, report):
        self.rates.append(report.learning_rate)
        if report.step == self.stop:
            interrupt()


def sitting(folder, clock, cost, stop=None):
    """A sitting of a run of five minutes, with steps of so many seconds: what it used of them, and its rates."""
    began, seen = clock.now, Seen(stop)
    options = {"folder": folder, "resume": True, "callbacks": [seen]}
    try:
        fit(ToyModel(clock, cost), ToyBatches(), FitSettings(minutes=5, learning_rate=0.5), **options)
    except KeyboardInterrupt:
        assert stop is not None
    return clock.now - began, seen.rates


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr("unrolled.training.fit.train", partial(train, clock=clock))
    return clock


def test_a_budget_is_kept_over_all_sittings_and_the_rate_goes_on_from_where_it_was(tmp_path, clock):
    first, before = sitting(tmp_path, clock, 0.25, stop=400)
    clock.now += 1e6  # between the sittings
    second, after = sitting(tmp_path, clock, 1.0)
    assert 0.98 * 300 <= first + second <= 1.01 * 300
    assert before[-1] >= after[0] >= 0.99 * before[-1]
    assert after == sorted(after, reverse=True)
    assert len(after) == pytest.approx(200, rel=0.03)
    assert after[-1] < 0.005


@pytest.mark.parametrize("step", [100, 400])
def test_a_budget_of_an_earlier_version_goes_on_from_where_its_fixed_plan_was(tmp_path, clock, step):
    _, before = sitting(tmp_path, clock, 0.25, stop=step)
    unit = read_unit(tmp_path)
    del unit.record["progress"]
    unit.record["total_steps"] = 1200
    write_unit(tmp_path, unit)
    _, after = sitting(tmp_path, clock, 0.25)
    assert after[0] == pytest.approx(warmup_cosine(step, peak=0.5, warmup=10, total=1200))
    assert after[0] == pytest.approx(before[-1], rel=0.01)
    assert after == sorted(after, reverse=True)


@pytest.mark.parametrize("lost", ["raw.w", "average.w", "optimizer.m.w", "carried.count", "random_state", "stopping"])
def test_each_part_of_a_checkpoint_matters(tmp_path, lost):
    """The proof that the test above can fail: a run that goes on with one of its parts changed reaches other bits."""
    settings = FitSettings(epochs=6, learning_rate=0.3, ema=0.8, patience=9, clip=None)
    run(tmp_path / "whole", settings)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "parts", settings, 7, resume=True)
    unit = read_unit(tmp_path / "parts")
    if lost == "random_state":
        unit.record["random_state"] = np.random.default_rng(6).bit_generator.state
    elif lost == "stopping":
        unit.record["stopping"]["waited"] = 8
    else:
        unit.arrays["training"][lost] += 1
    write_unit(tmp_path / "parts", unit)
    run(tmp_path / "parts", settings, resume=True)
    assert bits_of(tmp_path / "parts") != bits_of(tmp_path / "whole")


def test_a_finished_run_is_not_trained_further_and_leaves_the_same_weights(tmp_path):
    settings = FitSettings(epochs=50, learning_rate=0.3, ema=0.8, patience=2)
    first, history = run(tmp_path / "run", settings)
    before = bits_of(tmp_path / "run")
    again, same = run(tmp_path / "run", settings, resume=True)
    assert bits_of(tmp_path / "run") == before
    assert again.w.tobytes() == first.w.tobytes()
    assert same.rows == history.rows
    assert len(history) < 50


def test_the_weights_group_holds_the_weights_to_be_used(tmp_path):
    """So that a saved model can be loaded while it trains, and is the one that was validated."""
    settings = FitSettings(epochs=6, learning_rate=0.3, ema=0.8, patience=9)
    model, _ = run(tmp_path / "run", settings)
    unit = read_unit(tmp_path / "run")
    assert unit.arrays["weights"]["w"].tobytes() == model.w.tobytes()
    assert unit.arrays["training"]["raw.w"].tobytes() != model.w.tobytes()


def test_the_table_in_the_folder_has_every_row_once_also_after_a_kill(tmp_path):
    settings = FitSettings(epochs=3, learning_rate=0.3)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "run", settings, 5)
    saved = tmp_path / "saved"
    shutil.copytree(tmp_path / "run", saved)
    _, history = run(tmp_path / "run", settings, resume=True)
    # as if the process had been killed after its last row, and its last save been the one at step 5
    shutil.copy(tmp_path / "run" / "metrics.csv", saved)
    run(saved, settings, resume=True)
    for folder in (tmp_path / "run", saved):
        with (folder / "metrics.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert [row["step"] for row in rows] == ["4", "8", "12"]
        assert [float(row["val_loss"]) for row in rows] == pytest.approx(
            [row["val_loss"] for row in history.rows], rel=1e-5
        )


def test_a_metric_that_is_not_finite_survives_a_save(tmp_path):
    settings = FitSettings(epochs=3)
    options = {"folder": tmp_path / "run", "callbacks": [Log()], "validate": lambda: {"loss": float("nan")}}
    fit(ToyModel(), ToyBatches(), settings, **options)
    history = fit(ToyModel(), ToyBatches(), settings, resume=True, **options)
    assert all(np.isnan(row["val_loss"]) for row in history.rows)
    assert history.best is None


@pytest.mark.parametrize("settings", [{"patience": 5}, {"schedule": "reduce_on_plateau"}])
def test_metrics_may_be_infinite_or_numbers_of_numpy(tmp_path, settings):
    losses = iter(np.array([np.inf, 1.5, np.inf, np.nan, 2.0], "float32"))
    options = {"folder": tmp_path / "run", "validate": lambda: {"loss": next(losses)}}
    fit(ToyModel(), ToyBatches(), FitSettings(epochs=4, **settings), **options)
    history = fit(ToyModel(), ToyBatches(), FitSettings(epochs=4, **settings), resume=True, **options)
    assert history.best["epoch"] == 2
    assert [row["val_loss"] for row in history.rows][:3] == [np.inf, 1.5, np.inf]


def test_the_settings_are_kept_in_json_beside_the_models_documents(tmp_path):
    run(tmp_path / "run", FitSettings(epochs=1, ema=0.5))
    (config,), (how,) = ((tmp_path / "run").glob(f"{name}-*.json") for name in ("config", "fit"))
    assert json.loads(config.read_text()) == {"size": 1}
    assert json.loads(how.read_text())["ema"] == 0.5


def test_a_folder_that_holds_a_run_is_not_started_over(tmp_path):
    run(tmp_path / "run", FitSettings(epochs=1))
    with pytest.raises(
        CheckpointError, match=r"already holds a run; go on with it with resume=True, or choose another"
    ):
        run(tmp_path / "run", FitSettings(epochs=1))


def test_a_run_without_a_folder_cannot_be_resumed():
    with pytest.raises(ParameterError, match="`resume` is True without a `folder`, expected the one"):
        fit(ToyModel(), ToyBatches(), FitSettings(epochs=1), resume=True)


def test_other_settings_are_named(tmp_path):
    run(tmp_path / "run", FitSettings(epochs=1))
    with pytest.raises(
        CheckpointError, match="holds a run with another fit: epochs was 1, is 2; go on with what it was"
    ):
        run(tmp_path / "run", FitSettings(epochs=2), resume=True)


def test_another_kind_and_another_document_are_named(tmp_path):
    run(tmp_path / "run", FitSettings(epochs=1))
    options = {"folder": tmp_path / "run", "resume": True}
    with pytest.raises(CheckpointError, match="holds a model of kind 'toy', expected 'other'"):
        fit(ToyModel(), ToyBatches(), FitSettings(epochs=1), kind="other", **options)
    with pytest.raises(CheckpointError, match="holds a run with another config: size was 1, is 2"):
        fit(ToyModel(), ToyBatches(), FitSettings(epochs=1), kind="toy", documents={"config": {"size": 2}}, **options)


def test_what_differs_deep_in_a_document_is_named_without_the_rest_of_it(tmp_path):
    def document(rate, layers):
        return {"config": {"model": {"rate": rate, "sizes": {"layers": layers}}, "seed": 0}}

    options = {"folder": tmp_path / "run", "kind": "toy"}
    fit(ToyModel(), ToyBatches(), FitSettings(epochs=1), documents=document(1, [3, 4]), **options)
    for other, message in (
        (document(2, [3, 4]), r"another config: model.rate was 1, is 2; go on"),
        (document(1, [3, 5]), r"another config: model.sizes.layers was \[3, 4\], is \[3, 5\]; go on"),
        ({"config": {"model": None, "seed": 0}}, r"another config: model was \{.*\}, is None; go on"),
    ):
        with pytest.raises(CheckpointError, match=message):
            fit(ToyModel(), ToyBatches(), FitSettings(epochs=1), documents=other, resume=True, **options)


def test_an_entry_that_an_older_run_does_not_have_is_compared_as_its_default(tmp_path):
    def goes_on(**entries):
        documents = {"config": {"params": {"size": 1} | entries}}
        options = {"folder": tmp_path, "resume": True, "documents": documents, "kind": "toy"}
        fit(ToyModel(), ToyBatches(), FitSettings(epochs=1), defaults={"config": {"params": {"depth": 2}}}, **options)

    goes_on()
    goes_on(depth=2)
    goes_on()
    with pytest.raises(CheckpointError, match=r"another config: params.depth was 2, is 3; go on"):
        goes_on(depth=3)
    with pytest.raises(CheckpointError, match=r"another config: params.width was None, is 2; go on"):
        goes_on(width=2)
    assert read_unit(tmp_path).documents["config"] == {"params": {"size": 1}}


def test_a_document_that_an_older_run_does_not_have_is_compared_as_its_default(tmp_path):
    def goes_on(**documents):
        options = {"folder": tmp_path, "resume": True, "documents": documents, "kind": "toy"}
        fit(ToyModel(), ToyBatches(), FitSettings(epochs=1), defaults={"form": {"sizes": (1, 2)}}, **options)

    goes_on()
    goes_on(form={"sizes": (1, 2)})
    with pytest.raises(CheckpointError, match=r"another form: sizes was \[1, 2\], is \[1, 3\]; go on"):
        goes_on(form={"sizes": (1, 3)})
    with pytest.raises(CheckpointError, match=r"another shape: it was None, is \{'sizes': \[1\]\}; go on"):
        goes_on(shape={"sizes": (1,)})


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (
            {"w": np.zeros(2)},
            r"belongs to another model: its `w` has shape \(2,\), expected \(1,\); resume with the model",
        ),
        ({"v": np.zeros(1)}, r"belongs to another model: its `v` has shape \(1,\), expected no such weight"),
        ({}, r"belongs to another model: its `w` is missing, expected \(1,\)"),
    ],
)
def test_a_checkpoint_of_another_architecture_is_refused_and_changes_nothing(tmp_path, weights, message):
    run(tmp_path / "run", FitSettings(epochs=1))
    unit = read_unit(tmp_path / "run")
    model = ToyModel()
    session = Session(model, ToyBatches(), FitSettings(epochs=1), 4)
    with pytest.raises(CheckpointError, match=message):
        restore_session(session, unit._replace(arrays={**unit.arrays, "weights": weights}))
    assert model.w.tolist() == [4.0]


def test_a_checkpoint_from_before_there_were_other_optimizers_goes_on_to_the_same_bits(tmp_path):
    settings = FitSettings(steps=20, learning_rate=0.3)
    whole, _ = run(tmp_path / "whole", settings)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "parts", settings, 7)
    unit = read_unit(tmp_path / "parts")
    names = ("kind", "step", "total_steps", "seconds", "position", "carried", "random_state")
    record = {name: unit.record[name] for name in names} | {"adam_steps": unit.record["optimizer_steps"]}
    training = {name.replace("optimizer.", "adam."): array for name, array in unit.arrays["training"].items()}
    assert "adam.m.w" in training
    model = ToyModel(noise=1.0)
    session = Session(model, ToyBatches(), settings, 20)
    restore_session(session, Unit(record, {}, {"weights": unit.arrays["weights"], "training": training}))
    while not session.finished:
        session.take_step()
    assert model.w.tobytes() == whole.w.tobytes()


def test_a_folder_that_cannot_be_made_is_an_error_of_ours(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UnrolledError, match="cannot be written"):
        run(tmp_path / "file" / "run", FitSettings(epochs=1))


class Loadable(ToyModel):
    """A model that says what it is."""

    kind = "toy"

    def documents(self):
        return {"config": {"size": 1}}


def test_a_model_that_says_what_it_is_is_saved_as_that_and_a_caller_may_say_more(tmp_path):
    fit(Loadable(), ToyBatches(), FitSettings(epochs=1), folder=tmp_path / "own")
    unit = read_unit(tmp_path / "own")
    assert (unit.record["kind"], unit.documents["config"]) == ("toy", {"size": 1})
    said = {"config": {"size": 1, "by": "me"}, "note": {}}
    fit(Loadable(), ToyBatches(), FitSettings(epochs=1), folder=tmp_path / "said", kind="other", documents=said)
    unit = read_unit(tmp_path / "said")
    assert unit.record["kind"] == "other"
    assert {name: unit.documents[name] for name in said} == said


def test_a_run_without_a_kind_is_gone_on_with_and_refused_by_load_for_what_it_is(tmp_path):
    model = ToyModel()
    fit(model, ToyBatches(), FitSettings(epochs=1), folder=tmp_path)
    again = ToyModel()
    fit(again, ToyBatches(), FitSettings(epochs=1), folder=tmp_path, resume=True)
    assert again.w.tobytes() == model.w.tobytes()
    with pytest.raises(
        CheckpointError, match=r"a model of kind '', expected one of char_lm, .* a fit of your own model"
    ):
        load(tmp_path)
