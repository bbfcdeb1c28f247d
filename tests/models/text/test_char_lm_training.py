"""Runs of a tiny model: interrupted anywhere they reach the same bits, and they refuse what does not belong to them."""

import json
import math

import pytest

from unrolled.data.corpora import from_file
from unrolled.data.text import split_held_out
from unrolled.errors import CheckpointError, DataError
from unrolled.models import load
from unrolled.models.text import training as char_lm_training
from unrolled.models.text.training import resume, start
from unrolled.storage import Unit, read_unit, write_unit
from unrolled.training.config import TrainConfig
from unrolled.training.loop import train

SETTINGS = {
    "hidden": 16,
    "embedding": 4,
    "batch": 8,
    "window": 16,
    "minutes": None,
    "steps": 20,
    "warmup": 3,
    "seed": 7,
}


class Silent:
    """Shows nothing."""

    def step(self, report):
        pass

    def report(self, report):
        pass


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("".join(f"line {i * i % 97} of the text\n" for i in range(40)))
    return path


def weights(folder):
    return read_unit(folder).arrays


def same_bits(a, b):
    return all(a[group][name].tobytes() == array.tobytes() for group in b for name, array in b[group].items())


@pytest.mark.parametrize(("cell", "reset"), [("lstm", "after"), ("gru", "after"), ("gru", "before"), ("rnn", "after")])
@pytest.mark.parametrize("stops", [[0], [1], [7, 8], [3, 13, 19], list(range(20))])
def test_an_interrupted_run_reaches_the_bits_of_one_that_was_not(tmp_path, text, cell, reset, stops):
    config = TrainConfig(**SETTINGS, cell=cell, reset=reset)
    whole = start(tmp_path / "whole", from_file(text), config)
    report = train(whole.session, whole.task, Silent(), whole.save)
    run = start(tmp_path / "parts", from_file(text), config)
    for stop in stops:
        # looking at a run, and sampling from it, must not change it either
        run.task.validate(full=False)
        run.task.sample(stop)
        assert train(run.session, run.task, Silent(), run.save, lambda: run.session.step == stop) is None  # noqa: B023
        run = resume(tmp_path / "parts")
    assert train(run.session, run.task, Silent(), run.save).val_loss == report.val_loss
    unit, parts = read_unit(tmp_path / "whole"), read_unit(tmp_path / "parts")
    assert same_bits(unit.arrays, parts.arrays)
    assert {k: v for k, v in unit.record.items() if k != "seconds"} == {
        k: v for k, v in parts.record.items() if k != "seconds"
    }
    # more than one epoch, so that random starts were drawn on the way
    assert 2 * run.session.batches.windows < 20


@pytest.mark.parametrize(
    "settings",
    [
        {"dropout": 0.2, "layers": 2},
        {"optimizer": "adamw", "weight_decay": 0.1, "ema": 0.9},
        {"optimizer": "rmsprop", "patience": 1, "learning_rate": 0.3, "steps": 60, "ema": 0.9},
        {"optimizer": "sgd", "schedule": "reduce_on_plateau", "learning_rate": 1.0, "dropout": 0.5},
    ],
)
def test_every_setting_reaches_the_same_bits_when_interrupted(tmp_path, text, settings):
    config = TrainConfig(**SETTINGS | settings)
    whole = start(tmp_path / "whole", from_file(text), config)
    report = train(whole.session, whole.task, Silent(), whole.save)
    run = start(tmp_path / "parts", from_file(text), config)
    for stop in (2, 5, 12):
        assert train(run.session, run.task, Silent(), run.save, lambda: run.session.step == stop) is None  # noqa: B023
        run = resume(tmp_path / "parts")
        assert run.config == config
    assert train(run.session, run.task, Silent(), run.save).val_loss == report.val_loss
    assert same_bits(weights(tmp_path / "whole"), weights(tmp_path / "parts"))
    assert run.model.settings.get("dropout", 0) == config.dropout
    # what was validated is what is loaded
    held_out = split_held_out(text.read_text(), config.held_out)[1]
    assert load(tmp_path / "whole").evaluate(held_out).loss == report.val_loss


def test_patience_ends_a_run_and_the_best_weights_are_those_kept(tmp_path, text):
    config = TrainConfig(**SETTINGS | {"patience": 2, "steps": 1000, "learning_rate": 2.0, "optimizer": "sgd"})
    run = start(tmp_path / "run", from_file(text), config)
    losses = iter([2.0, 1.0, 1.5, 1.0])
    validate = run.task.validate
    run.task.validate = lambda full: validate(full) if full else {"loss": next(losses), "characters": 1}
    report = train(run.session, run.task, Silent(), run.save)
    epoch = run.session.batches.windows
    assert report.step == 4 * epoch
    assert run.session.stopping.best_step == 2 * epoch
    best = run.session.stopping.weights
    assert all(best[name].tobytes() == array.tobytes() for name, array in run.model.parameters.items())


def test_a_run_of_an_earlier_version_goes_on_to_the_same_bits(tmp_path, text):
    """Before there were other optimizers a run recorded less, and called Adam by its name."""
    config = TrainConfig(**SETTINGS)
    whole = start(tmp_path / "whole", from_file(text), config)
    train(whole.session, whole.task, Silent(), whole.save)
    run = start(tmp_path / "parts", from_file(text), config)
    train(run.session, run.task, Silent(), run.save, lambda: run.session.step == 7)
    unit = read_unit(tmp_path / "parts")
    for name in ("optimizer", "schedule", "dropout", "weight_decay", "ema", "patience", "reset"):
        del unit.documents["config"]["training"][name]
    names = ("kind", "step", "total_steps", "seconds", "position", "carried")
    record = {name: unit.record[name] for name in names} | {"adam_steps": unit.record["optimizer_steps"]}
    training = {name.replace("optimizer.", "adam."): array for name, array in unit.arrays["training"].items()}
    assert {name.split(".")[0] for name in training} == {"adam", "carried"}
    write_unit(tmp_path / "old", Unit(record, unit.documents, {**unit.arrays, "training": training}))
    run = resume(tmp_path / "old")
    train(run.session, run.task, Silent(), run.save)
    assert same_bits(weights(tmp_path / "whole"), weights(tmp_path / "old"))


@pytest.mark.parametrize("lost", ["carried", "position", "adam", "step"])
def test_each_part_of_a_checkpoint_matters(tmp_path, text, lost):
    """The proof that the test above can fail: a run that goes on without one of its parts reaches other bits."""
    config = TrainConfig(**SETTINGS)
    whole = start(tmp_path / "whole", from_file(text), config)
    train(whole.session, whole.task, Silent(), whole.save)
    run = start(tmp_path / "parts", from_file(text), config)
    train(run.session, run.task, Silent(), run.save, lambda: run.session.step == 7)
    run = resume(tmp_path / "parts")
    if lost == "carried":
        run.session.carried = None
    elif lost == "position":
        run.session.batches = start(tmp_path / "other", from_file(text), config).session.batches
    elif lost == "adam":
        run.session.optimizer.restore(7, {})
    else:
        run.session.step = 6
    train(run.session, run.task, Silent(), run.save)
    assert not same_bits(weights(tmp_path / "whole"), weights(tmp_path / "parts"))


def test_the_folder_says_in_json_what_was_trained_on_what(tmp_path, text):
    run = start(tmp_path / "run", from_file(text), TrainConfig(**SETTINGS))
    run.save()
    config, vocabulary = (
        json.loads(path.read_text())
        for name in ("config", "vocabulary")
        for path in (tmp_path / "run").glob(f"{name}-*.json")
    )
    assert config["kind"] == "char_lm"
    assert config["training"] == TrainConfig(**SETTINGS).to_record()
    assert config["data"]["source"] == str(text)
    assert len(config["data"]["sha256"]) == 64
    assert set(vocabulary["characters"]) <= set(text.read_text())


def test_the_vocabulary_is_that_of_the_training_part(tmp_path, text):
    text.write_text("c" * 5 + "abab" * 250 + "z" * 100)
    run = start(tmp_path / "run", from_file(text), TrainConfig(**SETTINGS))
    assert run.model.vocabulary.characters == "abc"
    run = start(tmp_path / "run", from_file(text), TrainConfig(**SETTINGS, minimum_count=6))
    assert run.model.vocabulary.characters == "ab"


def test_epochs_are_turned_into_steps(tmp_path, text):
    config = TrainConfig(**SETTINGS | {"steps": None, "epochs": 2.5})
    run = start(tmp_path / "run", from_file(text), config)
    assert run.session.total_steps == round(2.5 * run.session.batches.windows)


def test_the_model_of_a_run_can_be_loaded_while_it_trains(tmp_path, text):
    run = start(tmp_path / "run", from_file(text), TrainConfig(**SETTINGS))
    run.save()
    assert load(tmp_path / "run").evaluate("line 9") == run.model.evaluate("line 9")


def test_validation_in_training_is_a_part_and_at_the_end_all(tmp_path, text, monkeypatch):
    monkeypatch.setattr(char_lm_training, "VALIDATED", 2)
    run = start(tmp_path / "run", from_file(text), TrainConfig(**SETTINGS))
    held_out = len(text.read_text()) - len(text.read_text()) * 9 // 10
    assert run.task.validate(full=False)["characters"] == 32
    assert run.task.validate(full=True)["characters"] == pytest.approx(held_out - 1, abs=1)


def test_the_probe_of_the_last_validation_is_a_part_of_it_of_a_length_that_is_told(tmp_path, text, monkeypatch):
    run, asked = start(tmp_path / "run", from_file(text), TrainConfig(**SETTINGS)), []
    evaluate = run.model.evaluate

    def counted(*args, **options):
        found = evaluate(*args, **options)
        asked.append(found.characters)
        return found

    monkeypatch.setattr(run.model, "evaluate", counted)
    monkeypatch.setattr(char_lm_training, "PROBED", 10)
    shares = [run.task.probe()]
    monkeypatch.setattr(char_lm_training, "PROBED", 10_000)  # more than there is
    shares.append(run.task.probe())
    run.task.validate(full=True)
    part, *whole = asked
    assert (part, whole) == (10, [len(run.task.held_out) - 1] * 2)
    assert shares == [whole[0] / 10, 1.0]


def test_it_learns(tmp_path, text):
    run = start(tmp_path / "run", from_file(text), TrainConfig(**SETTINGS | {"steps": 150, "learning_rate": 0.02}))
    before = run.task.validate(full=True)["loss"]
    report = train(run.session, run.task, Silent(), run.save)
    assert before > math.log(15)
    assert report.val_loss < 1.2
    assert "of the text" in "".join(run.model.sample("line ", 40, temperature=0))


def test_a_folder_that_holds_a_run_is_not_started_over(tmp_path, text):
    start(tmp_path / "run", from_file(text), TrainConfig(**SETTINGS)).save()
    with pytest.raises(
        CheckpointError, match="already holds a run; go on with it with --resume, or choose another folder"
    ):
        start(tmp_path / "run", from_file(text), TrainConfig(**SETTINGS))


def test_nothing_is_written_before_the_first_save(tmp_path, text):
    start(tmp_path / "run", from_file(text), TrainConfig(**SETTINGS))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("ab" * 10, r"has 18 characters, expected at least 21: one window of 20"),
        ("aabb", r"held-out part of the text has 0 characters, expected at least 2; give more text"),
    ],
)
def test_a_text_that_is_too_short_is_an_error(tmp_path, text, content, message):
    text.write_text(content)
    with pytest.raises(DataError, match=message):
        start(tmp_path / "run", from_file(text), TrainConfig(**SETTINGS | {"window": 20}))


def test_a_changed_text_is_noticed_and_a_moved_one_can_be_named(tmp_path, text):
    start(tmp_path / "run", from_file(text), TrainConfig(**SETTINGS)).save()
    moved = tmp_path / "moved.txt"
    text.rename(moved)
    with pytest.raises(DataError, match=r"text.txt` does not exist"):
        resume(tmp_path / "run")
    assert resume(tmp_path / "run", moved).session.step == 0
    text.write_text(moved.read_text() + "!")
    with pytest.raises(
        CheckpointError, match=r"the text of `.*text.txt` is not the one .* unrolled train TEXT --resume"
    ):
        resume(tmp_path / "run")


def test_another_pythons_library_is_noticed(tmp_path, monkeypatch):
    from unrolled.data import corpora

    monkeypatch.setattr(corpora, "PYTHON_CHARACTERS", 1)
    start(tmp_path / "run", corpora.python_corpus(characters=3000), TrainConfig(**SETTINGS)).save()
    with pytest.raises(CheckpointError, match=r"the text of `python` is not the one .*; resume with the same Python"):
        resume(tmp_path / "run")


def test_a_saved_model_without_a_run_cannot_be_resumed(tmp_path, text):
    start(tmp_path / "run", from_file(text), TrainConfig(**SETTINGS)).model.save(tmp_path / "model")
    with pytest.raises(CheckpointError, match="holds no training state, expected weights, training; it holds a model"):
        resume(tmp_path / "model")


def rewritten(folder, change):
    """Saves a folder's unit anew, changed: a folder that is whole, but of another kind."""
    unit = read_unit(folder)
    change(unit)
    write_unit(folder.with_name("changed"), unit)
    return folder.with_name("changed")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda unit: unit.record.update(kind="oracle"), "holds a model of kind 'oracle', expected 'char_lm'"),
        (lambda unit: unit.record.pop("position"), "the saved run has no 'position', expected all of it"),
        (
            lambda unit: unit.documents["config"].pop("data"),
            "has no 'data' in its configuration; was it saved by another",
        ),
        (lambda unit: unit.documents["config"]["training"].update(depth=1), "the saved settings cannot be used"),
    ],
)
def test_a_checkpoint_that_lacks_something_is_named(tmp_path, text, change, message):
    start(tmp_path / "run", from_file(text), TrainConfig(**SETTINGS)).save()
    with pytest.raises(CheckpointError, match=message):
        resume(rewritten(tmp_path / "run", change))
