"""`unrolled train --task classify` and what `unrolled predict` says of sequences: real files, processes and signals."""

from __future__ import annotations

import json
import re
import shutil
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cli_helpers import arrays_of, called, in_terminal, interrupted, read_csv, refused, unrolled, write_csv
from helpers import rng
from unrolled.models import load
from unrolled.storage import read_unit

HEADER = ("id", "t", "height", "noise", "label")
QUICK = ("--hidden", 8, "--lr", 0.02)


def waves(count: int = 60, seed: int = 0) -> list[list[Any]]:
    """Rows of slow and fast waves of unequal length, beside a feature that says nothing."""
    draw, rows = rng(seed), list[list[Any]]()
    for i in range(count):
        label = ("slow", "fast")[i % 2]
        times = np.arange(draw.integers(8, 16))
        heights = 5 + np.sin((times + draw.uniform(0, 6)) * (1.5 if label == "fast" else 0.4))
        rows += [[f"w{i}", t, f"{h:.5f}", f"{draw.normal():.5f}", label] for t, h in zip(times, heights, strict=True)]
    return rows


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_csv(tmp_path_factory.mktemp("data") / "waves.csv", HEADER, waves())


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, table: Path) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "run"
    unrolled("train", table, "--task", "classify", *QUICK, "--epochs", 30, "--out", folder)
    return folder


def test_it_says_what_it_guessed_what_came_of_it_and_the_command_that_uses_it(tmp_path: Path, table: Path):
    done = unrolled("train", table, "--task", "classify", *QUICK, "--epochs", 30, "--out", "my run", cwd=tmp_path)
    for part in (
        "guessed: --target label --sequence id --time t --features height,noise",
        "60 sequences of 8 to 15 steps, 2 features, 12 sequences held out to test on",
        "classes: fast (30), slow (30)",
        "model: bidirectional gru, 1 x 8 units",
        f"unrolled predict 'my run' {table} --proba",
    ):
        assert part in done.stdout
    assert done.stderr == ""
    results = {row["part"]: row for row in read_csv((tmp_path / "my run" / "results.csv").read_text())}
    assert set(results) == {"validation", "test", "test, always fast"}
    assert float(results["test"]["accuracy"]) == 1.0
    assert (results["validation"]["sequences"], results["test"]["sequences"]) == ("10", "12")
    assert float(results["test, always fast"]["accuracy"]) == 0.5
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("test  ")]
    assert line.split() == ["test", "12", "1", "1", results["test"]["loss"]]
    files = {path.name.split("-")[0].split(".")[0] for path in (tmp_path / "my run").iterdir()}
    assert files == {"checkpoint", "config", "fit", "metrics", "results", "table", "training", "weights"}


def test_predict_labels_new_sequences_as_python_does(tmp_path: Path, run: Path, capsys: pytest.CaptureFixture[str]):
    rows = waves(seed=1)
    new = write_csv(tmp_path / "new.csv", HEADER[:4], [row[:4] for row in rows])  # without labels
    got = read_csv(called(capsys, "predict", run, new, "--proba"))
    X: dict[str, list[list[float]]] = {}
    truth: dict[str, str] = {}
    for name, _, height, noise, label in rows:
        X.setdefault(name, []).append([float(height), float(noise)])
        truth[name] = label
    p = load(run).predict_proba([np.array(x) for x in X.values()])
    assert [row["id"] for row in got] == list(X)
    for row, each in zip(got, p, strict=True):
        assert (float(row["p(fast)"]), float(row["p(slow)"])) == pytest.approx(tuple(each), abs=1e-5)
        assert float(row["probability"]) == pytest.approx(max(each), abs=1e-5)
    assert np.mean([row["label"] == truth[row["id"]] for row in got]) > 0.95
    called(capsys, "predict", run, new, "--out", tmp_path / "p.csv")
    written = read_csv((tmp_path / "p.csv").read_text())
    assert written == [{name: row[name] for name in ("id", "label", "probability")} for row in got]


def test_rows_are_sorted_by_their_time_which_may_be_a_date(tmp_path: Path, table: Path, run: Path):
    rows = waves()
    rng(1).shuffle(rows)
    names = {row[0]: None for row in waves()}
    rows.sort(key=lambda row: list(names).index(row[0]))  # mixed within each sequence only
    for row in rows:
        row[1] = f"{row[1] + 1:02}.03.2024"
    mixed = write_csv(tmp_path / "mixed.csv", HEADER, rows, ";")
    options = ("--task", "classify", *QUICK, "--epochs", 30, "--out", tmp_path / "r")
    unrolled("train", mixed, *options)
    assert arrays_of(tmp_path / "r") == arrays_of(run)


def test_a_terminal_gets_a_live_display_and_a_table(tmp_path: Path, table: Path):
    screen = in_terminal("train", table, "--task", "classify", *QUICK, "--epochs", 20, "--out", tmp_path / "r")
    for part in ("guessed: --target label", "unrolled train: ", "sequences/s", "balanced_accuracy", "\x1b[1A"):
        assert part in screen
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen)
    assert re.search(r"┃ part +┃ sequences ┃ accuracy ┃", plain)
    assert re.search(r"│ test, always fast +│ +12 │ +0.5 │", plain)
    assert plain.index("│ test, always fast") < plain.index("Now try:")


def test_json_writes_one_object_per_line(tmp_path: Path, table: Path, capsys: pytest.CaptureFixture[str]):
    options = ("--cell", "lstm", "--layers", 2, "--epochs", 2, "--test", 0, "--target", "label", "--sequence", "id")
    out = called(
        capsys,
        *("train", table, "--task", "classify", *QUICK, *options),
        *("--time", "t", "--features", "height", "--json", "--out", tmp_path / "r"),
    )
    lines = [json.loads(line) for line in out.splitlines()]
    assert [line["event"] for line in lines] == ["start", "report", "report", "end"]
    start, report, end = lines[0], lines[-2], lines[-1]
    assert (start["settings"]["cell"], start["settings"]["num_layers"]) == ("lstm", 2)
    assert start["columns"] == {"target": "label", "sequence": "id", "time": "t", "features": ["height"]}
    assert report["total_steps"] == report["step"] == end["steps"]
    (validation,) = end["results"]  # nothing was held out to test on
    assert validation["part"] == "validation"
    assert validation["loss"] == min(line["val_loss"] for line in lines[1:3])


def test_the_settings_are_kept_with_the_run(tmp_path: Path, table: Path, capsys: pytest.CaptureFixture[str]):
    called(
        capsys,
        *("train", table, "--task", "classify", *QUICK, "--minutes", 0.01, "--batch", 16, "--optimizer", "adamw"),
        *("--weight-decay", 0.01, "--ema", 0.9, "--dropout", 0.1, "--patience", 5, "--seed", 4, "--missing", "mask"),
        *("--validation", 0.3, "--test", 0.25, "--schedule", "constant", "--out", tmp_path),
    )
    params = load(tmp_path).get_params()
    wanted = {
        "minutes": 0.01, "batch_size": 16, "optimizer": "adamw", "weight_decay": 0.01, "ema": 0.9, "dropout": 0.1,
        "patience": 5, "random_state": 4, "nan": "mask", "validation_fraction": 0.3, "schedule": "constant",
        "hidden_size": 8, "learning_rate": 0.02,
    }  # fmt: skip
    assert {name: params[name] for name in wanted} == wanted
    assert read_unit(tmp_path).documents["table"]["test"] == 0.25


LONG = ("--task", "classify", *QUICK, "--epochs", 400, "--patience", 400)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory, table: Path) -> Path:
    folder = tmp_path_factory.mktemp("long") / "run"
    unrolled("train", table, *LONG, "--out", folder)
    return folder


def begun(folder: Path) -> bool:
    """Whether an epoch is over."""
    return (folder / "metrics.csv").exists() and len((folder / "metrics.csv").read_text().splitlines()) > 3


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_and_going_on_gives_the_same_bits(tmp_path: Path, table: Path, uninterrupted: Path, number: int):
    folder = tmp_path / "run"
    code, out, errors = interrupted(folder, number, "train", table, *LONG, wait=lambda: begun(folder))
    assert (code, errors) == (130, "")
    step = read_unit(folder).record["step"]
    assert 0 < step < 800
    assert f"saved at step {step:,} in {folder}; go on with: unrolled train --resume {folder}" in out
    moved = shutil.copy(table, tmp_path / "moved.csv")
    out = unrolled("train", moved, "--resume", folder).stdout
    assert f"step {step:,} of 800" in out
    assert arrays_of(folder) == arrays_of(uninterrupted)
    assert (folder / "results.csv").read_text() == (uninterrupted / "results.csv").read_text()


def test_a_finished_run_is_not_trained_further(run: Path):
    before = arrays_of(run), (run / "results.csv").read_text()
    assert "step 60 of 60" in unrolled("train", "--resume", run).stdout
    assert (arrays_of(run), (run / "results.csv").read_text()) == before


def test_a_run_is_not_gone_on_with_on_another_file_or_none(
    tmp_path: Path, run: Path, capsys: pytest.CaptureFixture[str]
):
    other = write_csv(tmp_path / "other.csv", HEADER, waves(seed=2))
    assert "is not the file that the run was begun with" in refused(capsys, "train", other, "--resume", run)
    assert "already holds a run; go on with it with --resume" in refused(
        capsys, "train", other, "--task", "classify", "--out", run
    )
    assert "--time cannot be given with --resume" in refused(capsys, "train", "--resume", run, "--time", "t")
    moved = write_csv(tmp_path / "gone.csv", HEADER, waves(20))
    folder = tmp_path / "r"
    called(capsys, "train", moved, "--task", "classify", *QUICK, "--epochs", 1, "--out", folder)
    moved.unlink()
    assert "does not exist, expected it there; if it was moved: unrolled train FILE --resume" in refused(
        capsys, "train", "--resume", folder
    )


def test_a_model_saved_by_python_is_no_run_to_go_on_with_or_to_predict(
    tmp_path: Path, run: Path, table: Path, capsys: pytest.CaptureFixture[str]
):
    load(run).save(tmp_path / "model")
    for arguments in (["train", "--resume", tmp_path / "model"], ["predict", tmp_path / "model", table]):
        assert "has no table.json, expected a run that unrolled train began on a table" in refused(capsys, *arguments)


def test_an_altered_run_is_named(tmp_path: Path, run: Path, table: Path, capsys: pytest.CaptureFixture[str]):
    shutil.copytree(run, tmp_path / "copy")
    (path,) = (tmp_path / "copy").glob("table-*.json")
    path.write_text(path.read_text().replace("height", "weight"))
    assert f"{path.name}` is altered: its SHA-256 is not" in refused(capsys, "predict", tmp_path / "copy", table)
    assert f"{path.name}` is altered: its SHA-256 is not" in refused(capsys, "train", "--resume", tmp_path / "copy")


def test_missing_numbers_may_be_masked(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    rows = waves(30)
    for row in rows[::7]:
        row[2] = ("", "NA", "nan")[int(row[1]) % 3]
    table = write_csv(tmp_path / "gaps.csv", HEADER, rows)
    called(
        capsys,
        *("train", table, "--task", "classify", *QUICK, "--epochs", 20, "--missing", "mask", "--out", tmp_path / "r"),
    )
    got = read_csv(called(capsys, "predict", tmp_path / "r", table))
    truth = {row[0]: row[4] for row in rows}
    assert np.mean([row["label"] == truth[row["id"]] for row in got]) > 0.8


def test_an_encoding_is_kept_with_the_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    table = write_csv(tmp_path / "t.csv", ("id", "t", "Höhe", "noise", "label"), waves(20))
    table.write_bytes(table.read_bytes().decode().encode("latin-1"))
    options = ("train", table, "--task", "classify", *QUICK, "--epochs", 1, "--out", tmp_path / "r")
    assert "(byte 0xf6 in line 1), expected a CSV file in that; name its encoding" in refused(capsys, *options)
    called(capsys, *options, "--encoding", "latin-1")
    assert read_unit(tmp_path / "r").documents["table"]["columns"]["features"] == ["Höhe", "noise"]
    assert len(read_csv(called(capsys, "predict", tmp_path / "r", table))) == 20
    called(capsys, "train", "--resume", tmp_path / "r")


def test_a_column_without_a_name_is_left_out_as_it_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    rows = [[place, *row] for place, row in enumerate(waves(20))]
    table = write_csv(tmp_path / "indexed.csv", ("", *HEADER), rows)
    out = called(capsys, "train", table, "--task", "classify", *QUICK, "--epochs", 1, "--out", tmp_path / "r")
    assert "left out: 1 column without a name" in out
    assert read_unit(tmp_path / "r").documents["table"]["columns"]["features"] == ["height", "noise"]


def test_options_that_belong_to_other_runs_are_refused_by_predict(
    run: Path, table: Path, capsys: pytest.CaptureFixture[str]
):
    assert "--interval belongs to forecasts, but this run classifies" in refused(
        capsys, "predict", run, table, "--interval", 0.8
    )


def test_predict_says_which_column_a_file_lacks(tmp_path: Path, run: Path, capsys: pytest.CaptureFixture[str]):
    table = write_csv(tmp_path / "new.csv", ("id", "t", "height"), [row[:3] for row in waves(4)])
    assert "the run names the column 'noise', expected one that" in refused(capsys, "predict", run, table)
    assert "`nowhere.csv` does not exist, expected a CSV file" in refused(capsys, "predict", run, "nowhere.csv")
    assert f"RUN is the file `{table}` and FILE the folder `{run}`, expected the run first; swap them" in refused(
        capsys, "predict", table, run
    )
    assert "cannot be written" in refused(
        capsys, "predict", run, write_csv(tmp_path / "all.csv", HEADER, waves(4)), "--out", tmp_path / "no" / "p.csv"
    )


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        (
            lambda rows: rows[20].__setitem__(4, "slow"),
            [],
            r"line 22, column 'label': holds 'slow', expected 'fast'",
        ),
        (
            lambda rows: rows[3].__setitem__(4, ""),
            [],
            r"line 5, column 'label': holds '', expected a label; fill",
        ),
        (lambda rows: rows[3].__setitem__(0, ""), [], r"line 5, column 'id': holds '', expected the name or number of"),
        (lambda rows: rows[4].__setitem__(2, "tall"), [], r"line 6, column 'height': holds 'tall', .* with --features"),
        (lambda rows: rows[4].__setitem__(2, ""), [], r"line 6, column 'height': .* or train with --missing mask"),
        (lambda rows: rows[4].__setitem__(2, "inf"), [], r"line 6, column 'height': holds 'inf', expected a finite"),
        (
            lambda rows: rows[4].__setitem__(1, 3),
            [],
            r"line 6, column 't': holds '3' again in the sequence 'w0'",
        ),
        (
            lambda rows: rows[4].__setitem__(1, "now"),
            [],
            r"line 6, column 't': holds 'now', expected times in one format in all",
        ),
        (lambda rows: [row.__setitem__(4, "a") for row in rows], [], r"column 'label': holds one label only, 'a', exp"),
        (
            None,
            ["--target", "id", "--sequence", "label"],
            r"column 't': holds '0' again .* is --sequence the right",
        ),
        (
            lambda rows: [row.__setitem__(4, row[0]) for row in rows],
            [],
            r"column 'label': holds another label in each of the 20 sequences, expected labels that several share",
        ),
        (
            lambda rows: rows.__delitem__(slice(36, None)),
            [],
            r"--test 0.2 takes none of the [34] sequences",
        ),
        (
            None,
            ["--target", "kind"],
            r"--target names the column 'kind', expected one that .*: id, t, height",
        ),
        (None, ["--features", "height,width"], r"--features names the column 'width', expected one that"),
        (None, ["--features", "noise, width"], r"--features names the column 'width', expected one that"),
        (None, ["--features", "height,height"], r"the column 'height' is named for two things"),
        (
            None,
            ["--time", "label"],
            r"--target is not given, expected the column that says what is to be predicted",
        ),
        (None, ["--time", "label", "--target", "label"], r"the column 'label' is named for two things"),
        (None, ["--test", "0.7"], r"--test is 0.7, expected a share from 0 to 0.5; 0.2 is usual"),
        (None, ["--validation", "0"], r"--validation is 0.0, expected a share from 0.01 to 0.5"),
        (None, ["--missing", "drop"], r"--missing is 'drop', expected refuse or mask"),
        (None, ["--hidden", "0"], r"--hidden is 0, expected"),
        (None, ["--cell", "gru2"], r"--cell is 'gru2', expected one of"),
        (None, ["--lr", "-1"], r"--lr is -1.0, expected a finite number above 0"),
        (None, ["--dropout", "1"], r"--dropout is 1.0, expected"),
        (None, ["--optimizer", "lion"], r"--optimizer is 'lion', expected one of"),
        (None, ["--patience", "0"], r"--patience is 0, expected a whole number of at least 1"),
        (None, ["--batch", "0"], r"--batch is 0, expected a whole number of at least 1"),
        (None, ["--seed", "-1"], r"--seed is -1, expected a whole number of at least 0"),
        (None, ["--epochs", "1", "--minutes", "1"], r"--minutes and --epochs both say how long to train; give one"),
        (None, ["--window", "9"], r"--window belongs to --task text, not to classify; leave it out"),
        (None, ["--horizon", "9"], r"--horizon belongs to --task forecast, not to classify; leave it out"),
    ],
)
def test_wrong_use_and_bad_input_are_said_in_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    change: Any,
    options: list[str],
    message: str,
):
    rows = waves(20)
    if change is not None:
        change(rows)
    write_csv(tmp_path / "waves.csv", HEADER, rows)
    monkeypatch.chdir(tmp_path)
    error = refused(capsys, "train", "waves.csv", "--task", "classify", *options)
    assert re.search(message, error), error
    assert not (tmp_path / "runs").exists()


def test_each_command_refuses_the_runs_of_the_others(
    tmp_path: Path, run: Path, table: Path, capsys: pytest.CaptureFixture[str]
):
    for arguments in (["sample", run], ["eval", run, table]):
        assert (
            "holds a model of another kind (sequence_classifier), expected one of text; unrolled predict uses"
            in refused(capsys, *arguments)
        )
    (tmp_path / "text.txt").write_text("some text\n" * 100)
    tiny = ("--steps", 1, "--hidden", 4, "--batch", 2, "--window", 8)
    called(capsys, "train", tmp_path / "text.txt", *tiny, "--out", tmp_path / "text")
    assert "holds a model of text, expected one of a table; unrolled sample and unrolled eval use it" in refused(
        capsys, "predict", tmp_path / "text", table
    )
