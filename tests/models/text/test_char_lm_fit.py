"""`CharLM.fit`: from a text to a trained model, with the rights and duties of every other model's `fit`."""

import json
import signal
from dataclasses import fields
from pathlib import Path

import pytest

import unrolled.models.text.material as module
from unrolled.data.text import Streams, Vocabulary, open_text, split_held_out
from unrolled.errors import CheckpointError, DataError, ParameterError
from unrolled.models import CharLM, load
from unrolled.models.text.training import resume
from unrolled.storage import read_unit
from unrolled.training.fit import Callback, FitSettings, StopTraining, fit
from unrolled.training.options import FitOptions

TEXT = "".join(f"line {i * i % 97} of the text\n" for i in range(40))
HOW = {"window": 16, "batch_size": 8, "epochs": 5, "learning_rate": 0.02}
RUNS = [
    {},
    {"patience": 1, "learning_rate": 0.3, "optimizer": "sgd", "epochs": 30},
    {"optimizer": "adamw", "weight_decay": 0.1, "ema": 0.9},
    {"schedule": "reduce_on_plateau", "schedule_options": {"patience": 0}, "validation_fraction": 0.3},
]


def make(text=TEXT, **of_model):
    sizes = {"hidden_size": 12, "embedding_size": 4, "dropout": 0.2, "seed": 3}
    return CharLM(Vocabulary.of(text), **(sizes | of_model))


def bits(model):
    return {name: array.tobytes() for name, array in model.parameters.items()}


class Until(Callback):
    """Raises an error at one step."""

    def __init__(self, at, error=KeyboardInterrupt):
        self.at, self.error, self.steps = at, error, 0

    def step(self, report):
        self.steps += 1
        if report.step == self.at:
            raise self.error


def test_it_learns_and_says_how_it_went():
    model = make()
    before = model.evaluate(TEXT).loss
    assert model.fit(TEXT, **HOW | {"epochs": 60}) is model
    assert model.evaluate(TEXT).loss < before / 2
    assert {"epoch", "train_loss", "val_loss", "chars_per_second"} <= set(model.history_.columns)
    assert model.history_.rows[-1]["epoch"] == 60
    assert "of the text" in "".join(model.sample("line ", 40, temperature=0))


def test_it_is_the_fit_of_any_model_on_streams_of_the_text():
    training, held_out = split_held_out(TEXT, 0.1)
    own, other = make().fit(TEXT, **HOW, seed=5, patience=9), make()
    tokens = other.vocabulary.encode(training)
    settings = FitSettings(epochs=5, learning_rate=0.02, seed=5, patience=9)
    validate = lambda: {"loss": other.evaluate(held_out).loss}  # noqa: E731
    history = fit(other, Streams(tokens, 8, 16, seed=5), settings, validate=validate)
    assert bits(own) == bits(other)
    assert [row["val_loss"] for row in own.history_.rows] == [row["val_loss"] for row in history.rows]


def test_the_same_seeds_give_the_same_bits_and_another_seed_others():
    assert bits(make().fit(TEXT, **HOW)) == bits(make().fit(TEXT, **HOW))
    assert bits(make().fit(TEXT, **HOW)) != bits(make().fit(TEXT, **HOW, seed=1))
    assert bits(make().fit(TEXT, **HOW)) != bits(make(seed=4).fit(TEXT, **HOW))


def test_a_file_is_learned_as_its_text_is(tmp_path: Path):
    path = tmp_path / "text.txt"
    path.write_text(TEXT, encoding="utf-8")
    whole = bits(make().fit(TEXT, **HOW))
    assert bits(make().fit(path, **HOW)) == whole
    assert bits(make().fit(open_text(path), **HOW)) == whole
    # and a run that was begun on the one goes on on the other
    with pytest.raises(KeyboardInterrupt):
        make().fit(TEXT, **HOW, checkpoint=tmp_path / "run", callbacks=[Until(7)])
    assert bits(make().fit(path, **HOW, checkpoint=tmp_path / "run")) == whole


@pytest.mark.parametrize("settings", RUNS)
def test_an_interrupted_run_reaches_the_bits_of_one_that_was_not(tmp_path: Path, settings):
    settings = HOW | {"validation_fraction": 0.2} | settings
    whole = make().fit(TEXT, **settings, callbacks=[Callback()])  # with one, every epoch is validated
    last = whole.history_.rows[-1]["step"]
    assert last > 12
    for stop in (1, 6, 7, 12):
        with pytest.raises(KeyboardInterrupt):
            make().fit(TEXT, **settings, checkpoint=tmp_path, callbacks=[Until(stop)])
        load(tmp_path)
    parts = make().fit(TEXT, **settings, checkpoint=tmp_path, callbacks=[Callback()])
    assert bits(parts) == bits(whole) == bits(load(tmp_path))
    losses = [[row[name] for row in of.history_.rows] for of in (whole, parts) for name in ("train_loss", "val_loss")]
    assert losses[:2] == losses[2:]


def test_a_run_that_is_over_is_only_read(tmp_path: Path):
    first = make().fit(TEXT, **HOW, checkpoint=tmp_path)
    told = Until(None)
    again = make(seed=8).fit(TEXT, **HOW, checkpoint=tmp_path, callbacks=[told])
    assert bits(again) == bits(first)
    assert again.history_.rows == first.history_.rows
    assert told.steps == 0


def test_patience_ends_it_with_the_best_weights():
    held_out = TEXT[-100:]
    model = make().fit(
        TEXT[:-100], validation_data=held_out, **HOW | {"epochs": 500, "patience": 2, "learning_rate": 0.1}
    )
    rows = model.history_.rows
    assert rows[-1]["epoch"] < 500
    assert model.history_.best["epoch"] == rows[-1]["epoch"] - 2
    assert model.evaluate(held_out).loss == model.history_.best["val_loss"]


def test_without_a_part_held_out_all_is_learned_from_and_nothing_validated():
    model = make().fit(TEXT, **HOW, validation_fraction=0)
    assert "val_loss" not in model.history_.columns
    streams = Streams(model.vocabulary.encode(TEXT), 8, 16, 0)
    assert model.history_.rows[-1]["step"] == 5 * streams.windows
    with pytest.raises(ParameterError, match=r"`patience` is 3 without `validate`, expected .*; hold some of the data"):
        make().fit(TEXT, **HOW, validation_fraction=0, patience=3)


def test_a_callback_may_stop_it():
    model = make().fit(TEXT, **HOW, callbacks=[Until(3, StopTraining)])
    assert model.history_.rows[-1]["step"] == 3


def test_it_goes_on_from_the_weights_that_the_model_has():
    model = make(dropout=0).fit(TEXT, **HOW)
    once = model.history_.rows[-1]["train_loss"]
    model.fit(TEXT, **HOW)
    assert model.history_.rows[0]["train_loss"] < once + 0.2 < make(dropout=0).evaluate(TEXT).loss
    with pytest.raises(ZeroDivisionError):
        model.fit(TEXT, **HOW, callbacks=[Until(2, ZeroDivisionError)])
    assert model.history_.rows == []  # that of the fit before says nothing of these weights


def test_long_texts_are_validated_in_several_streams_whole(monkeypatch: pytest.MonkeyPatch):
    seen = []
    evaluate = CharLM.evaluate

    def watched(self, text, streams=1, limit=None):
        found = evaluate(self, text, streams, limit)
        seen.append((len(text), streams, found.characters))
        return found

    monkeypatch.setattr(CharLM, "evaluate", watched)
    monkeypatch.setattr(module, "VALIDATED", 20)
    for length in (15, 70, 700):
        make().fit(TEXT, validation_data=TEXT[:length], **HOW | {"epochs": 1})
    assert [(length, streams) for length, streams, _ in seen] == [(15, 1), (70, 3), (700, 16)]
    assert all(length - streams <= characters < length for length, streams, characters in seen)


def test_characters_that_the_model_does_not_know_are_named():
    model = make("abc\n")
    with pytest.raises(DataError, match=r"`text` has a character .* does not know: 'd' \(U\+0064\); make the model"):
        model.fit("abcd\n" * 40, **HOW)
    with pytest.raises(DataError, match=r"`text` has 2 characters that .*: 'd' \(U\+0064\), '\\xe9' \(U\+00E9\); make"):
        model.fit("abc\n" * 40 + "éd", **HOW)  # in the part held out
    with pytest.raises(DataError, match=r"`validation_data` has a character .*: 'x' \(U\+0078\)"):
        model.fit("abc\n" * 40, validation_data="abx", **HOW)
    with pytest.raises(DataError, match=r"has 26 characters .*: 'A' \(U\+0041\), .*'J' \(U\+004A\) and 16 more; make"):
        model.fit("ABCDEFGHIJKLMNOPQRSTUVWXYZ" * 9, **HOW)


def test_they_may_be_learned_as_the_unknown_symbol():
    model = make("abc\n", dropout=0).fit("abcd" * 100, **HOW | {"epochs": 40}, allow_unknown=True)
    stream = model.stream()
    stream.read("abc")
    assert stream.probabilities().argmax() == 0


@pytest.mark.parametrize(
    ("text", "options", "error", "message"),
    [
        ("ab" * 5, {}, DataError, r"the held-out part of the text has 1 characters, expected at least 2; give more"),
        ("ab" * 8, {"validation_data": "a"}, DataError, "`validation_data` has 1 characters, expected at least 2"),
        ("ab" * 8, {"validation_fraction": 0}, DataError, "has 16 characters, expected at least 17: one window of 16"),
        (["ab", "b"], {}, ParameterError, "`text` is a list, expected a str, a pathlib.Path of a file, .*; join many"),
        ("ab", {"validation_data": 3}, ParameterError, "`validation_data` is a int, expected a str"),
        (Path("no such file"), {}, DataError, "`no such file` does not exist, expected a text file"),
        ("ab", {"validation_fraction": 1}, ParameterError, "`validation_fraction` is 1, expected .*; 0.1 is usual"),
        ("ab", {"batch_size": 0}, ParameterError, "`batch_size` is 0, expected a whole number of at least 1; 32 is"),
        ("ab", {"window": 1.5}, ParameterError, "`window` is 1.5, expected a whole number of at least 1; 128 is usual"),
        (
            "ab",
            {"foo": 1},
            ParameterError,
            "`foo` is no setting of fit, expected one of epochs, .*; check the spelling",
        ),
        ("ab", {"learning_rate": -1}, ParameterError, "`learning_rate` is -1, expected"),
        ("ab", {"steps": 3}, ParameterError, "`epochs` and `steps` are set, expected one of"),
    ],
)
def test_what_cannot_be_used_is_named(text, options, error, message):
    with pytest.raises(error, match=message):
        make("ab").fit(text, **HOW | options)


def test_every_setting_of_fit_may_be_given_by_name():
    assert list(FitOptions.__annotations__) == [field.name for field in fields(FitSettings)]


def test_a_folder_with_another_run_is_refused_with_what_differs(tmp_path: Path):
    make().fit(TEXT, **HOW, checkpoint=tmp_path)
    before = bits(load(tmp_path))
    for model, text, options, message in (
        (make(), TEXT[1:], {}, "another config: data.text was"),
        (make(), TEXT, {"window": 8}, "another config: data.window was 16, is 8"),
        (make(), TEXT, {"batch_size": 4}, "another config: data.batch_size was 8, is 4"),
        (make(), TEXT, {"validation_data": TEXT}, "another config: data.text was"),
        (make(), TEXT, {"seed": 1}, "another fit: seed was 0, is 1"),
        (make(hidden_size=13), TEXT, {}, "another config: model.hidden_size was 12, is 13"),
        (make(TEXT + "é"), TEXT, {}, "another vocabulary: characters was"),
    ):
        with pytest.raises(CheckpointError, match=message):
            model.fit(text, **HOW | options, checkpoint=tmp_path)
    assert bits(load(tmp_path)) == before


def test_the_command_says_what_goes_on_with_such_a_run(tmp_path: Path):
    make().fit(TEXT, **HOW, checkpoint=tmp_path)
    with pytest.raises(
        CheckpointError, match=r"holds a run of CharLM.fit, expected one of unrolled train; go on .* fit"
    ):
        resume(tmp_path)


def test_the_folder_says_in_json_what_was_trained_how(tmp_path: Path):
    make().fit(TEXT, **HOW, checkpoint=tmp_path, patience=9)
    config, how = (
        json.loads(path.read_text()) for name in ("config", "fit") for path in tmp_path.glob(f"{name}-*.json")
    )
    assert config["kind"] == "char_lm"
    assert config["data"]["window"] == 16
    assert how["patience"] == 9
    assert (tmp_path / "metrics.csv").read_text().count("\n") == 1 + 5


@pytest.mark.parametrize("options", [{}, {"documents": {"note": {"by": "me"}}}, {"kind": "char_lm"}])
def test_a_run_of_fit_itself_can_be_loaded_without_more_being_said(tmp_path: Path, options):
    model = make()
    streams = Streams(model.vocabulary.encode(TEXT), 8, 16, seed=0)
    fit(model, streams, FitSettings(epochs=2), folder=tmp_path, **options)
    assert bits(load(tmp_path)) == bits(model)
    assert load(tmp_path).vocabulary.characters == model.vocabulary.characters
    assert read_unit(tmp_path).documents.get("note", {"by": "me"}) == {"by": "me"}


def test_progress_is_shown_where_it_is_asked_for(capsys: pytest.CaptureFixture[str]):
    make().fit(TEXT, **HOW)
    assert capsys.readouterr().out == ""
    make().fit(TEXT, **HOW, verbose=1)
    assert "chars/s" in capsys.readouterr().out


def test_after_ctrl_c_the_history_so_far_is_there_and_it_comes_back_from_the_folder(tmp_path: Path):
    class CtrlC(Callback):
        def reported(self, report):
            if report.epoch == 2:
                signal.raise_signal(signal.SIGINT)

    model = make()
    with pytest.raises(KeyboardInterrupt):
        model.fit(TEXT, **HOW, checkpoint=tmp_path, callbacks=[CtrlC()])
    rows = model.history_.rows
    assert [row["epoch"] for row in rows] == [1, 2]
    finished = make().fit(TEXT, **HOW, checkpoint=tmp_path)
    assert finished.history_.rows[: len(rows)] == rows
    assert load(tmp_path).history_.rows == finished.history_.rows
    with pytest.raises(AttributeError, match="this CharLM has no `history_`, expected one that was trained here"):
        _ = make().history_
