"""The history of a run: its table, in files and as a data frame, and its picture."""

import csv
import math
import sys

import pytest

from unrolled.errors import DataError, MissingExtraError
from unrolled.training.early_stopping import sense_of
from unrolled.training.history import History
from unrolled.training.report import Report


def report(step, **metrics):
    return Report(step, 30, step / 2, 1 / step, 0.01, 50.0, 1.0, step / 10, metrics, unit="sequences")


@pytest.fixture
def history():
    history = History(sense_of("accuracy"))
    history.append(report(10))
    history.append(report(20, loss=0.7, accuracy=0.9))
    history.append(report(30, loss=math.inf, accuracy=0.8))
    return history


def test_a_row_has_what_was_measured_and_nothing_else(history):
    first, second, _ = history.rows
    assert first == {
        "step": 10,
        "epoch": 1.0,
        "seconds": 5.0,
        "train_loss": 0.1,
        "learning_rate": 0.01,
        "sequences_per_second": 50.0,
    }
    assert second.keys() - first.keys() == {"val_loss", "val_accuracy"}
    assert history.columns == (*first, "val_loss", "val_accuracy")


def test_the_best_row_is_that_of_the_monitored_metric(history):
    assert history.best["step"] == 20
    history.sense = sense_of("min accuracy")
    assert history.best["step"] == 30
    assert History(sense_of("loss"), [{"epoch": 1.0}]).best is None


def test_it_prints_as_a_table_with_nothing_where_nothing_was_measured(history):
    assert len(history) == 3
    assert str(history) == repr(history)
    assert str(history).split("\n") == [
        "step  epoch  seconds  train_loss  learning_rate  sequences_per_second  val_loss  val_accuracy",
        "  10      1        5         0.1           0.01                    50",
        "  20      2       10        0.05           0.01                    50       0.7           0.9",
        "  30      3       15     0.03333           0.01                    50       inf           0.8",
    ]
    assert repr(History(sense_of("loss"))) == "<History of 0 rows>"


def test_of_a_long_table_the_first_and_the_last_rows_are_printed():
    rows = [{"step": step, "seconds": 12345.6 * step} for step in range(1, 101)]
    assert len(str(History(sense_of("loss"), rows[:24])).split("\n")) == 25
    lines = str(History(sense_of("loss"), rows)).split("\n")
    assert lines[:2] == ["step  seconds", "   1    12346"]
    assert lines[12:15] == ["  12   148147", "... 76 rows more; .rows has all of them", "  89  1098758"]
    assert lines[-1] == " 100  1234560"


def test_the_table_can_be_written_with_empty_cells_where_nothing_was_measured(history, tmp_path):
    history.to_csv(tmp_path / "history.csv")
    with (tmp_path / "history.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == history.columns
    assert [row["val_accuracy"] for row in rows] == ["", "0.9", "0.8"]
    assert [row["val_loss"] for row in rows] == ["", "0.7", ""]
    assert float(rows[2]["train_loss"]) == 1 / 30  # all digits


def test_a_table_that_cannot_be_written_is_named(history, tmp_path):
    with pytest.raises(DataError, match=r"none.history.csv` cannot be written \(.*\); does its folder exist\?"):
        history.to_csv(tmp_path / "none" / "history.csv")


@pytest.mark.parametrize(
    ("module", "call", "message"),
    [
        ("pandas", History.to_pandas, r"pandas is not installed, .* pip install 'unrolled\[pandas\]'"),
        ("matplotlib.pyplot", History.plot, r"matplotlib is not installed, .* pip install 'unrolled\[plot\]'"),
    ],
)
def test_what_is_not_installed_is_named_with_its_extra(history, monkeypatch, module, call, message):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=message):
        call(history)


@pytest.mark.extras
def test_the_table_is_a_data_frame_with_nan_where_nothing_was_measured(history):
    frame = history.to_pandas()
    assert tuple(frame.columns) == history.columns
    assert frame["step"].tolist() == [10, 20, 30]
    assert frame["val_accuracy"].isna().tolist() == [True, False, False]


@pytest.mark.extras
def test_the_picture_has_the_losses_and_a_panel_for_each_other_metric(history):
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    axes = history.plot()
    losses, best = axes.get_lines()[:2], axes.get_lines()[2]
    assert [line.get_label() for line in losses] == ["train_loss", "val_loss"]
    assert losses[0].get_xydata().tolist() == [[1, 0.1], [2, 0.05], [3, 1 / 30]]
    assert list(best.get_xdata()) == [2, 2]
    (_, accuracy) = axes.figure.axes
    assert accuracy.get_ylabel() == "accuracy"
    assert accuracy.get_lines()[0].get_xydata().tolist() == [[2, 0.9], [3, 0.8]]
    assert accuracy.get_xlabel() == "epoch"
    _, own = pyplot.subplots()
    assert history.plot(own) is own
    assert len(own.figure.axes) == 1
    pyplot.close("all")
