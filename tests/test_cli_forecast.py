"""`unrolled train --task forecast` and what `unrolled predict` says of series: real files, processes and signals."""

from __future__ import annotations

import json
import re
import shutil
import signal
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cli_helpers import arrays_of, called, interrupted, read_csv, refused, unrolled, write_csv
from helpers import rng
from unrolled.cli import main
from unrolled.models import Forecaster, load
from unrolled.storage import read_unit

QUICK = ("--hidden", 4, "--epochs", 10)


def wave(count: int, period: float, seed: int = 0, level: float = 50.0) -> list[str]:
    """A wave with noise, as a spreadsheet would round it."""
    noise = rng(seed).normal(size=count)
    return [f"{value:.3f}" for value in level + 10 * np.sin(np.arange(count) * 2 * np.pi / period) + noise]


def months(count: int) -> list[str]:
    return [f"{2008 + i // 12}-{i % 12 + 1:02}-01" for i in range(count)]


def sales(count: int = 120) -> list[list[Any]]:
    return [list(row) for row in zip(months(count), wave(count, 12), strict=True)]


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_csv(tmp_path_factory.mktemp("data") / "sales.csv", ("date", "sales"), sales())


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, table: Path) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "run"
    unrolled("train", table, "--task", "forecast", *QUICK, "--horizon", 6, "--out", folder)
    return folder


def test_it_says_what_it_guessed_how_it_compares_and_the_command_that_uses_it(tmp_path: Path, table: Path):
    done = unrolled("train", table, "--task", "forecast", *QUICK, "--out", "my run", cwd=tmp_path)
    for part in (
        "guessed: --date date --values sales --context 24",
        "1 series of 120 steps of 1 month, up to 2017-12-01; 24 values at the end held out to test on",
        "model: gru, 1 x 4 units",
        "reads 24 steps to predict 12",
        f"unrolled predict 'my run' {table}",
    ):
        assert part in done.stdout
    assert done.stderr == ""
    results = {row["test"]: row for row in read_csv((tmp_path / "my run" / "results.csv").read_text())}
    assert set(results) == {"forecast", "the last value", "12 steps before"}
    mae = {name: float(row["mae"]) for name, row in results.items()}
    assert mae["forecast"] < mae["the last value"] / 2
    assert results["forecast"]["forecasts"] == "13"  # from every moment that leaves 12 of the 24 steps
    assert 0.6 < float(results["forecast"]["in 90% interval"]) <= 1
    assert results["the last value"]["in 90% interval"] == ""
    files = {path.name.split("-")[0].split(".")[0] for path in (tmp_path / "my run").iterdir()}
    assert files == {"checkpoint", "config", "fit", "metrics", "results", "series", "table", "training", "weights"}


def test_the_errors_are_those_that_python_finds(table: Path, run: Path):
    values = np.array([float(row[1]) for row in sales()])
    results = {row["test"]: row for row in read_csv((run / "results.csv").read_text())}
    forecaster = load(run)
    learned = Forecaster(24, 6, hidden_size=4, epochs=10, random_state=0).fit({"sales": values[:96]})  # not the end
    np.testing.assert_array_equal(forecaster.predict().point["sales"], learned.predict().point["sales"])
    metrics = forecaster.backtest({"sales": values}, start=96, recalibrate=False).metrics
    for name, value in (("mae", "mae"), ("rmse", "rmse"), ("in 90% interval", "coverage")):
        assert float(results["forecast"][name]) == pytest.approx(metrics[value], rel=1e-3)
    origins = range(96, 120 - 6 + 1)
    last = [abs(values[o + k] - values[o - 1]) for o in origins for k in range(6)]
    season = [values[o + k] - values[o + k - 12] for o in origins for k in range(6)]
    assert float(results["the last value"]["mae"]) == pytest.approx(np.mean(last), rel=1e-3)
    assert float(results["12 steps before"]["rmse"]) == pytest.approx(np.sqrt(np.mean(np.square(season))), rel=1e-3)


def test_predict_goes_on_after_the_end_of_a_file_as_python_does(
    tmp_path: Path, run: Path, capsys: pytest.CaptureFixture[str]
):
    rows = sales(127)
    longer = write_csv(tmp_path / "longer.csv", ("date", "sales"), rows[40:])
    got = read_csv(called(capsys, "predict", run, longer, "--interval", 0.8))
    assert [row["date"] for row in got] == [
        "2018-08-01", "2018-09-01", "2018-10-01", "2018-11-01", "2018-12-01", "2019-01-01",
    ]  # fmt: skip
    forecast = load(run).predict({"sales": np.array([float(row[1]) for row in rows[40:]])}, interval=0.8)
    for name, part in zip(("sales", "sales_lower", "sales_upper"), forecast, strict=True):
        np.testing.assert_allclose([float(row[name]) for row in got], part["sales"], rtol=1e-5)
    called(capsys, "predict", run, longer, "--out", tmp_path / "p.csv")
    wider = read_csv((tmp_path / "p.csv").read_text())
    assert all(float(a["sales_lower"]) < float(b["sales_lower"]) for a, b in zip(wider, got, strict=True))


def test_intervals_that_too_little_calibrates_are_left_out_unless_they_are_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    short = write_csv(tmp_path / "short.csv", ("date", "sales"), sales(40))
    out = called(capsys, "train", short, "--task", "forecast", *QUICK, "--horizon", 2, "--out", tmp_path / "r")
    *_, use = out.splitlines()
    with pytest.raises(SystemExit) as leaving:
        main(use.split()[1:])  # the command that it printed
    out, error = capsys.readouterr()
    why = (
        "--interval is 0.9, but only 6 held-out values calibrate it, expected at least 9; ask for 0.857 at most, or "
        "fit with a larger --validation\n"
    )
    assert (leaving.value.code, error) == (0, f"unrolled: the forecasts come without intervals: {why}")
    assert [list(row) for row in read_csv(out)] == [["date", "sales"]] * 2
    assert called(capsys, "predict", tmp_path / "r", short, "--interval", "none") == out
    narrower = read_csv(called(capsys, "predict", tmp_path / "r", short, "--interval", 0.857))
    assert [row["sales"] for row in narrower] == [row["sales"] for row in read_csv(out)]
    assert list(narrower[0]) == ["date", "sales", "sales_lower", "sales_upper"]
    said = refused(capsys, "predict", tmp_path / "r", short, "--interval", 0.9)
    assert said == f"unrolled: {why.rstrip()}, or leave intervals out with --interval none\n"


def test_where_nothing_calibrates_an_interval_the_remedy_is_in_the_words_of_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    table = write_csv(tmp_path / "t.csv", ("date", "sales"), sales(40))
    called(capsys, "train", table, "--task", "forecast", *QUICK, "--horizon", 2, "--out", tmp_path / "r")
    documents = {"table": read_unit(tmp_path / "r", ()).documents["table"]}
    forecaster = Forecaster(context=4, horizon=2, hidden_size=4, epochs=1, validation_fraction=0, patience=99)
    values = np.array([float(value) for _, value in sales(40)])
    forecaster.fit({"sales": values}, checkpoint=tmp_path / "p", documents=documents)
    said = refused(capsys, "predict", tmp_path / "p", table, "--interval", 0.5)
    assert "nothing calibrates it, expected a forecaster fitted with a --validation above 0; fit with one, or" in said
    assert said.endswith(", or leave intervals out with --interval none\n")
    assert "interval=None" not in said


def test_an_encoding_and_a_format_of_dates_are_kept_with_the_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    rows = [[date.fromisoformat(day).strftime("%d %b %y"), value] for day, value in sales(60)]
    table = write_csv(tmp_path / "t.csv", ("Datum", "Größe"), rows)
    utf8 = table.read_bytes()
    table.write_bytes(utf8.decode().encode("utf-16"))
    options = ("train", table, "--task", "forecast", *QUICK, "--horizon", 3, "--context", 6)
    assert "perhaps with --encoding utf-16" in refused(capsys, *options)
    options += ("--encoding", "utf-16", "--out", tmp_path / "r")
    assert "--date-format '%d %b %Y'" in refused(capsys, *options, "--date", "Datum", "--values", "Größe")
    called(capsys, *options, "--date-format", "%d %b %y")
    out = called(capsys, "predict", tmp_path / "r", table)
    assert [row["Datum"] for row in read_csv(out)] == ["01 Jan 13", "01 Feb 13", "01 Mar 13"]
    called(capsys, "train", "--resume", tmp_path / "r")
    table.write_bytes(utf8)
    assert "is not in utf-16" in refused(capsys, "predict", tmp_path / "r", table)
    assert called(capsys, "predict", tmp_path / "r", table, "--encoding", "utf-8") == out


def test_many_series_and_many_values_each_get_their_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    rows: list[list[Any]] = []
    for place, shop in enumerate(("north", "south")):
        days = [date(2024, 1, 31) - timedelta(days=k) for k in range(90 - 10 * place)]
        parts = wave(len(days), 7, 2 * place, 100 * (place + 1)), wave(len(days), 7, 2 * place + 1, 1000)
        rows += [
            [day.strftime("%d.%m.%Y"), shop, a.replace(".", ","), b] for day, a, b in zip(days, *parts, strict=True)
        ]
    header = ("day", "shop", "sold", "guests")
    table = write_csv(tmp_path / "shops.csv", header, rows, ";")  # the newest first
    out = called(
        capsys,
        *("train", table, "--task", "forecast", *QUICK, "--values", "sold, guests", "--series", "shop"),
        *("--horizon", 3, "--context", 14, "--out", tmp_path / "r"),
    )
    assert "4 series of 80 to 90 steps of 1 day, up to 31.01.2024" in out
    results = read_csv((tmp_path / "r" / "results.csv").read_text())
    assert [(row["test"], row["column"]) for row in results] == [
        (test, column) for column in ("sold", "guests") for test in ("forecast", "the last value", "7 steps before")
    ]
    got = read_csv(called(capsys, "predict", tmp_path / "r", table))
    assert [(row["day"], row["shop"]) for row in got] == [
        (f"{day:02}.02.2024", shop) for shop in ("north", "south") for day in (1, 2, 3)
    ]
    for row in got:
        assert abs(float(row["sold"]) - (100 if row["shop"] == "north" else 200)) < 30
        assert abs(float(row["guests"]) - 1000) < 30
        assert float(row["guests_lower"]) < float(row["guests"]) < float(row["guests_upper"])
    one = write_csv(tmp_path / "one.csv", header, rows[:30], ";")
    assert {row["shop"] for row in read_csv(called(capsys, "predict", tmp_path / "r", one))} == {"north"}
    other = write_csv(
        tmp_path / "o.csv", ("day", "shop", "sold", "guests"), [[r[0], "x", *r[2:]] for r in rows[:30]], ";"
    )
    assert "'x sold', expected those it was fitted to: north sold, north guests" in refused(
        capsys, "predict", tmp_path / "r", other
    )


def test_what_is_missing_may_be_masked(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    rows = sales()
    rows[20][1], rows[70][1] = "", "NA"
    del rows[30:32]
    table = write_csv(tmp_path / "gaps.csv", ("date", "sales"), rows)
    options = ("train", table, "--task", "forecast", *QUICK, "--horizon", 3)
    assert "4 missing" in called(capsys, *options, "--missing", "mask", "--out", tmp_path / "r")
    assert len(read_csv(called(capsys, "predict", tmp_path / "r", table))) == 3


def test_whole_numbers_count_steps(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    rows = list(zip(range(1700, 1860, 2), wave(80, 11), strict=True))
    table = write_csv(tmp_path / "years.csv", ("year", "spots"), rows)
    out = called(capsys, "train", table, "--task", "forecast", *QUICK, "--horizon", 2, "--out", tmp_path / "r")
    assert "guessed: --date year --values spots --context 4" in out
    assert "80 steps of 2, up to 1858" in out
    assert [row["year"] for row in read_csv(called(capsys, "predict", tmp_path / "r", table))] == ["1860", "1862"]


def test_what_there_is_one_of_is_not_said_in_the_plural(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    table = write_csv(tmp_path / "t.csv", ("t", "v"), enumerate(wave(30, 7)))
    options = ("--task", "forecast", "--horizon", 1, "--context", 1, "--epochs", 1, "--test", 0.02)
    out = called(capsys, "train", table, *options, "--out", tmp_path / "r")
    assert "1 series of 30 steps, up to 29; 1 value at the end held out to test on" in out
    assert "reads 1 step to predict 1" in out
    assert "after 1 step. Now try" in out


def test_nothing_may_be_held_out_to_test_on(tmp_path: Path, table: Path, capsys: pytest.CaptureFixture[str]):
    called(capsys, "train", table, "--task", "forecast", *QUICK, "--test", 0, "--out", tmp_path / "r")
    assert read_csv((tmp_path / "r" / "results.csv").read_text()) == []


def test_json_writes_one_object_per_line(tmp_path: Path, table: Path, capsys: pytest.CaptureFixture[str]):
    options = ("--epochs", 2, "--context", 12, "--date", "date", "--values", "sales", "--cell", "rnn")
    out = called(capsys, "train", table, "--task", "forecast", *options, "--json", "--out", tmp_path / "r")
    lines = [json.loads(line) for line in out.splitlines()]
    assert [line["event"] for line in lines] == ["start", "report", "report", "end"]
    start, report, end = lines[0], lines[-2], lines[-1]
    assert (start["settings"]["cell"], start["settings"]["context"], start["steps"]) == ("rnn", 12, "1 month")
    assert start["columns"] == {"date": "date", "values": ["sales"], "series": None, "format": "%Y-%m-%d"}
    assert report["total_steps"] == report["step"] == end["steps"]
    assert [row["test"] for row in end["results"]] == ["forecast", "the last value", "12 steps before"]
    assert end["then"] == [f"unrolled predict {tmp_path / 'r'} {table}"]


def test_the_settings_are_kept_with_the_run(tmp_path: Path, table: Path, capsys: pytest.CaptureFixture[str]):
    called(
        capsys,
        *(
            "train",
            table,
            "--task",
            "forecast",
            "--minutes",
            0.005,
            "--batch",
            16,
            "--optimizer",
            "adam",
            "--layers",
            2,
        ),
        *("--ema", 0.9, "--dropout", 0.1, "--patience", 5, "--seed", 4, "--missing", "mask", "--hidden", 3),
        *("--validation", 0.3, "--test", 0.25, "--schedule", "constant", "--lr", 0.01, "--cell", "lstm"),
        *("--out", tmp_path),
    )
    params = load(tmp_path).get_params()
    wanted = {
        "minutes": 0.005, "batch_size": 16, "optimizer": "adam", "weight_decay": 0.0, "ema": 0.9, "dropout": 0.1,
        "patience": 5, "random_state": 4, "nan": "mask", "validation_fraction": 0.3, "schedule": "constant",
        "hidden_size": 3, "num_layers": 2, "learning_rate": 0.01, "cell": "lstm", "horizon": 12, "context": 24,
    }  # fmt: skip
    assert {name: params[name] for name in wanted} == wanted
    assert read_unit(tmp_path).documents["table"]["test"] == 0.25


LONG = ("--task", "forecast", "--hidden", 4, "--epochs", 600, "--patience", 600)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory, table: Path) -> Path:
    folder = tmp_path_factory.mktemp("long") / "run"
    unrolled("train", table, *LONG, "--out", folder)
    return folder


def begun(folder: Path) -> bool:
    """Whether some epochs are over."""
    return (folder / "metrics.csv").exists() and len((folder / "metrics.csv").read_text().splitlines()) > 3


def test_ctrl_c_saves_and_going_on_gives_the_same_bits(
    tmp_path: Path, table: Path, uninterrupted: Path, capsys: pytest.CaptureFixture[str]
):
    folder = tmp_path / "run"
    code, out, errors = interrupted(folder, signal.SIGINT, "train", table, *LONG, wait=lambda: begun(folder))
    assert (code, errors) == (130, "")
    step = read_unit(folder).record["step"]
    assert 0 < step < 600
    assert f"saved at step {step:,} in {folder}; go on with: unrolled train --resume {folder}" in out
    assert "holds a run that is not over" in refused(capsys, "predict", folder, table)
    moved = shutil.copy(table, tmp_path / "moved.csv")
    assert f"step {step:,} of 600" in unrolled("train", moved, "--resume", folder).stdout
    assert arrays_of(folder) == arrays_of(uninterrupted)
    assert read_unit(folder).record["memory"] == read_unit(uninterrupted).record["memory"]
    assert (folder / "results.csv").read_text() == (uninterrupted / "results.csv").read_text()


def test_a_finished_run_is_not_trained_further(run: Path, table: Path, capsys: pytest.CaptureFixture[str]):
    before = arrays_of(run), (run / "results.csv").read_text(), called(capsys, "predict", run, table)
    assert "step 10 of 10" in called(capsys, "train", "--resume", run)
    assert (arrays_of(run), (run / "results.csv").read_text(), called(capsys, "predict", run, table)) == before


def test_a_run_that_diverges_says_what_to_try(tmp_path: Path, table: Path):
    done = unrolled("train", table, "--task", "forecast", *QUICK, "--lr", 3e38, "--out", tmp_path / "r", code=2)
    (line,) = done.stderr.splitlines()
    assert re.search(r"training diverged at step .*try a lower learning rate .*\(--lr\); the last good check", line)
    assert read_unit(tmp_path / "r").record["step"] == 0


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        (lambda rows: rows[9].__setitem__(1, ""), [], r"line 11, column 'sales': .* or train with --missing mask"),
        (
            lambda rows: rows[9].__setitem__(1, "many"),
            ["--values", "sales"],
            r"holds 'many', expected a number",
        ),
        (lambda rows: rows[9].__setitem__(0, ""), [], r"line 11, column 'date': holds '', expected a date: whole num"),
        (lambda rows: rows[9].__setitem__(0, "May"), [], r"line 11, column 'date': holds 'May', expected dates in one"),
        (
            lambda rows: rows[9].__setitem__(0, rows[8][0]),
            [],
            r"line 11, .*'2008-09-01' again, as in line 10",
        ),
        (lambda rows: rows.__delitem__(9), [], r"line 11, .*from 2008-09-01 to 2008-11-01, expected 2008-10-01, in st"),
        (
            lambda rows: rows[9].__setitem__(0, "2008-10-09"),
            [],
            r"line 11, .*expected even steps, as most are of 1",
        ),
        (
            lambda rows: rows.__delitem__(slice(2, None)),
            [],
            r"has 2 dates in its column 'date', expected three",
        ),
        (
            lambda rows: rows.__delitem__(slice(40, None)),
            [],
            r"40 steps of 'sales', of which --test 0.2 holds out 8",
        ),
        (None, ["--context", "90"], r"expected at least context \+ horizon = 90 \+ 12 = 102"),
        (None, ["--context", "0"], r"--context is 0, expected"),
        (None, ["--horizon", "0"], r"--horizon is 0, expected a positive whole number of steps"),
        (None, ["--validation", "0.03"], r"make --validation larger"),
        (None, ["--date", "sales", "--values", "sales"], r"the column 'sales' is named for two things"),
        (None, ["--date", "day"], r"--date names the column 'day', expected one that `sales.csv` has: date, sales"),
        (None, ["--values", "a,sales"], r"--values names the column 'a', expected one that"),
        (None, ["--values", "date", "--date", "sales"], r"column 'sales': holds '.*', expected dates in one format"),
        (None, ["--series", "shop"], r"--series names the column 'shop', expected one that"),
        (None, ["--test", "0.7"], r"--test is 0.7, expected a share from 0 to 0.5"),
        (None, ["--validation", "0.7"], r"--validation is 0.7, expected a share from 0.01 to 0.5"),
        (None, ["--missing", "drop"], r"--missing is 'drop', expected refuse or mask"),
        (None, ["--hidden", "0"], r"--hidden is 0, expected"),
        (None, ["--layers", "0"], r"--layers is 0, expected"),
        (None, ["--cell", "gru2"], r"--cell is 'gru2', expected one of"),
        (None, ["--lr", "-1"], r"--lr is -1.0, expected a finite number above 0"),
        (None, ["--dropout", "1"], r"--dropout is 1.0, expected"),
        (None, ["--optimizer", "lion"], r"--optimizer is 'lion', expected one of"),
        (None, ["--optimizer", "adam", "--weight-decay", "1"], r"--weight-decay is 1.0 for 'adam', which has none"),
        (None, ["--patience", "0"], r"--patience is 0, expected a whole number of at least 1"),
        (None, ["--batch", "0"], r"--batch is 0, expected"),
        (None, ["--seed", "-1"], r"--seed is -1, expected a whole number of at least 0"),
        (None, ["--min-count", "2"], r"--min-count belongs to --task text, not to forecast; leave it out"),
        (None, ["--features", "x"], r"--features belongs to --task classify, not to forecast; leave it out"),
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
    rows = sales()
    if change is not None:
        change(rows)
    write_csv(tmp_path / "sales.csv", ("date", "sales"), rows)
    monkeypatch.chdir(tmp_path)
    error = refused(capsys, "train", "sales.csv", "--task", "forecast", *options)
    assert re.search(message, error), error
    assert not (tmp_path / "runs").exists()


def test_what_cannot_be_guessed_is_asked_for_with_the_columns_there_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    def error(header: tuple[str, ...], rows: list[list[Any]]) -> str:
        return refused(capsys, "train", write_csv(tmp_path / "t.csv", header, rows), "--task", "forecast")

    rows = [
        [day, *each, "Rome"] for day, each in zip(months(60), zip(wave(60, 12), wave(60, 7), strict=True), strict=True)
    ]
    assert "expected the columns to predict: some of a,b; it has date, a, b, town" in error(
        ("date", "a", "b", "town"), rows
    )
    assert "--date is not given, expected the column that holds whole numbers, or dates" in error(
        ("a", "b", "town"), [row[1:] for row in rows]
    )
    assert "columns of numbers, but" in error(("date", "town"), [[row[0], row[3]] for row in rows])
    twice = [[row[0], shop, row[1]] for shop in "ab" for row in rows]
    assert "several series in one file have a column with their names: --series shop" in error(
        ("date", "shop", "y"), twice
    )


def test_options_that_belong_to_other_runs_and_levels_that_nothing_calibrates_are_refused(
    run: Path, table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert "--proba belongs to classes, but this run forecasts" in refused(capsys, "predict", run, table, "--proba")
    assert "--interval is 0.999, but only" in refused(capsys, "predict", run, table, "--interval", 0.999)
    for wrong in (2, 0, "nan", "wide"):
        assert f"--interval is {wrong}, expected a number between 0 and 1, or none; 0.9 is usual" in refused(
            capsys, "predict", run, table, "--interval", wrong
        )
    short = write_csv(tmp_path / "short.csv", ("date", "sales"), sales(10))
    assert "has 10 steps, expected at least context = 24" in refused(capsys, "predict", run, short)
    daily = [[f"2024-01-{k + 1:02}", 1] for k in range(31)]
    days = write_csv(tmp_path / "days.csv", ("date", "sales"), daily)
    assert "goes from 2024-01-01 to 2024-01-02, expected 2024-02-01, in steps of 1 month" in refused(
        capsys, "predict", run, days
    )


def test_a_table_needs_its_task_and_a_file(tmp_path: Path, table: Path, capsys: pytest.CaptureFixture[str]):
    assert "--task is 'regress', expected one of text, classify, forecast" in refused(
        capsys, "train", table, "--task", "regress"
    )
    assert "FILE is not given, expected a CSV file for --task forecast" in refused(
        capsys, "train", "--task", "forecast"
    )
    assert "--horizon belongs to --task forecast, not to text; leave it out, or choose --task forecast" in refused(
        capsys, "train", table, "--horizon", 3
    )
    out = called(
        capsys, "train", table, "--steps", 1, "--hidden", 4, "--batch", 2, "--window", 8, "--out", tmp_path / "r"
    )
    assert "a table is read here as any text; for its columns choose --task classify or forecast" in out
