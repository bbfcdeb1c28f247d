"""What people and programs are shown of a run, and the table that is kept of it."""

import csv
import io
import json
import math
import re

import pytest
from rich.console import Console

from unrolled.errors import CheckpointError
from unrolled.training.metrics import Metrics
from unrolled.training.progress import JsonLines, LiveDisplay, PlainLines, Recorder
from unrolled.training.report import Report

BARE = Report(
    step=12,
    total_steps=50,
    seconds=3.25,
    train_loss=2.0,
    learning_rate=0.004,
    items_per_second=12345.6,
    seconds_left=75.0,
    epoch=0.5,
    metrics={"loss": None, "characters": None},
    unit="chars",
    loss_unit="nats/char",
)
FULL = Report(
    **{**BARE.__dict__, "metrics": {"loss": math.log(4), "characters": 999}, "sample": "def f(x):\n\treturn\x1b[2J x\n"}
)


def test_a_plain_line_says_everything_with_units():
    out = io.StringIO()
    PlainLines(out).report(BARE)
    assert out.getvalue() == (
        "step 12/50  train 2.000 nats/char  perplexity 7.39  bits/char 2.885  learning rate 4.00e-03  chars/s 12,346  "
        "left 1:15\n"
    )


def test_a_plain_validation_shows_its_loss_and_the_sample():
    out = io.StringIO()
    PlainLines(out).report(FULL)
    first, *sample = out.getvalue().splitlines()
    assert "validation 1.386 nats/char  perplexity 4.00  bits/char 2.000" in first
    assert sample == ["    | def f(x):", "    |     return\N{REPLACEMENT CHARACTER}[2J x"]


OTHER = Report(
    **{
        **BARE.__dict__,
        "metrics": {"loss": 0.51234, "accuracy": 0.875},
        "train_loss": 0.4,
        "unit": "sequences",
        "loss_unit": "",
    }
)


def test_another_model_shows_its_own_metrics_and_unit():
    out = io.StringIO()
    PlainLines(out).report(OTHER)
    assert out.getvalue() == (
        "step 12/50  epoch 0.5  train 0.4  validation 0.5123  accuracy 0.875  learning rate 4.00e-03  "
        "sequences/s 12,346  left 1:15\n"
    )
    show = LiveDisplay("a", terminal())
    show.report(OTHER)
    show.step(Report(**{**OTHER.__dict__, "metrics": {}}))
    text = drawn(show)
    for part in ("epoch 0.5", "sequences/s 12,346", "train 0.4", "validation 0.5123", "accuracy 0.875"):
        assert part in text
    assert "perplexity" not in text
    out = io.StringIO()
    JsonLines(out).report(OTHER)
    values = json.loads(out.getvalue())
    assert (values["val_accuracy"], values["sequences_per_second"]) == (0.875, 12345.6)
    assert "bits_per_char" not in values


def test_plain_lines_that_come_too_fast_are_left_out():
    out = io.StringIO()
    show = PlainLines(out, every=3600.0)
    for _ in range(5):
        show.report(BARE)
    assert len(out.getvalue().splitlines()) == 1


def test_plain_lines_are_not_written_for_every_step():
    out = io.StringIO()
    PlainLines(out).step(BARE)
    JsonLines(out).step(BARE)
    assert out.getvalue() == ""


def test_each_json_report_is_one_line_with_everything():
    out = io.StringIO()
    show = JsonLines(out)
    show.say("start", "two\nlines", run="runs/a")
    show.report(FULL)
    start, report = (json.loads(line) for line in out.getvalue().splitlines())
    assert start == {"event": "start", "message": "two\nlines", "run": "runs/a"}
    assert report == {
        "event": "report",
        "step": 12,
        "total_steps": 50,
        "epoch": 0.5,
        "seconds": 3.25,
        "train_loss": 2.0,
        "learning_rate": 0.004,
        "chars_per_second": 12345.6,
        "seconds_left": 75.0,
        "val_loss": math.log(4),
        "val_characters": 999,
        "sample": FULL.sample,
        "perplexity": pytest.approx(4.0),
        "bits_per_char": pytest.approx(2.0),
    }


def test_json_has_no_numbers_that_are_not_json():
    out = io.StringIO()
    JsonLines(out).report(Report(**{**BARE.__dict__, "train_loss": math.nan, "items_per_second": math.inf}))

    def refuse(constant):
        raise AssertionError(constant)

    report = json.loads(out.getvalue(), parse_constant=refuse)
    assert report["train_loss"] is None
    assert report["chars_per_second"] is None
    assert report["bits_per_char"] is None


def drawn(show: LiveDisplay) -> str:
    """The panel as it looks on a terminal with colours, without them."""
    show.console.print(show.panel())
    return re.sub("\x1b\\[[0-9;]*m", "", show.console.file.getvalue())


def terminal() -> Console:
    return Console(file=io.StringIO(), width=110, force_terminal=True, color_system="truecolor")


def test_the_panel_shows_facts_and_the_latest_validation_and_sample():
    show = LiveDisplay("unrolled train: runs/[a]", terminal())
    show.report(FULL)
    show.step(Report(**{**BARE.__dict__, "step": 13}))
    text = drawn(show)
    for part in (
        "unrolled train: runs/[a]",
        "step 13/50",
        "left 1:15",
        "chars/s 12,346",
        "train 2.000 nats/char",
        "validation 1.386 nats/char",
        "perplexity 4.00",
        "bits/char 2.000",
        "a sample at step 12",
        "def f(x):",
    ):
        assert part in text
    assert "\x1b[2J" not in text


def test_the_panel_can_be_drawn_while_the_number_of_steps_is_not_known():
    show = LiveDisplay("a", terminal())
    show.report(Report(**{**BARE.__dict__, "total_steps": None}))
    assert "step 12/?" in drawn(show)


def test_the_live_display_is_drawn_in_place_and_messages_stay_above():
    console = Console(file=io.StringIO(), width=110, force_terminal=True)
    show = LiveDisplay("a", console, refresh=0.0)
    with show.held():
        show.step(BARE)
        show.say("note", "a message [not markup]")
        show.step(FULL)
    text = console.file.getvalue()
    assert "a message [not markup]" in text
    assert "\x1b[1A" in text  # the cursor went up, so the panel was drawn over


def test_the_live_display_is_not_redrawn_more_often_than_asked():
    console = Console(file=io.StringIO(), width=110, force_terminal=True)
    show = LiveDisplay("a", console, refresh=3600.0)
    with show.held():
        show.step(BARE)
        before = console.file.getvalue()
        for _ in range(100):
            show.step(BARE)
        assert console.file.getvalue() == before


def test_the_live_display_ends_with_what_was_reported_last():
    console = Console(file=io.StringIO(), width=110, force_terminal=True)
    show = LiveDisplay("a", console, refresh=3600.0)
    with show.held():
        show.step(BARE)
        show.report(Report(**{**BARE.__dict__, "step": 50}))
    assert "50/50" in console.file.getvalue()


def rows(folder):
    with (folder / "metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_table_holds_every_report_in_nats(tmp_path):
    out = io.StringIO()
    columns = ("step", "seconds", "train_loss", "val_loss", "val_characters", "learning_rate", "chars_per_second")
    recorder = Recorder(Metrics(tmp_path, columns=columns), PlainLines(out))
    recorder.step(BARE)
    recorder.report(BARE)
    recorder.report(FULL)
    first, second = rows(tmp_path)
    assert tuple(first) == (*columns, "epoch")
    assert first == {
        "step": "12",
        "epoch": "0.5",
        "seconds": "3.25",
        "train_loss": "2",
        "val_loss": "",
        "val_characters": "",
        "learning_rate": "0.004",
        "chars_per_second": "12345.6",
    }
    assert float(second["val_loss"]) == pytest.approx(math.log(4), rel=1e-5)
    assert second["val_characters"] == "999"
    assert out.getvalue().count("step 12/50") == 2


def test_a_column_that_comes_later_is_added_and_rows_before_it_are_kept(tmp_path):
    metrics = Metrics(tmp_path)
    bare = Report(**{**BARE.__dict__, "metrics": {}, "unit": "sequences"})
    assert metrics.path.read_bytes() == b""
    metrics.append(bare)
    metrics.append(Report(**{**bare.__dict__, "step": 13, "metrics": {"accuracy": 0.5}}))
    metrics.append(Report(**{**bare.__dict__, "step": 14}))
    table = rows(tmp_path)
    assert [row["step"] for row in table] == ["12", "13", "14"]
    assert [row["val_accuracy"] for row in table] == ["", "0.5", ""]
    assert table[0]["sequences_per_second"] == "12345.6"


def test_a_resumed_table_drops_what_came_after_the_checkpoint(tmp_path):
    metrics = Metrics(tmp_path)
    for step in (5, 10, 15):
        metrics.append(Report(**{**BARE.__dict__, "step": step}))
    with metrics.path.open("a") as file:
        file.write("20,3.1,half a ro")
    metrics = Metrics(tmp_path, step=10)
    metrics.append(Report(**{**BARE.__dict__, "step": 11, "train_loss": math.nan}))
    assert [row["step"] for row in rows(tmp_path)] == ["5", "10", "11"]
    assert rows(tmp_path)[-1]["train_loss"] == ""


def test_a_table_that_cannot_be_written_is_named(tmp_path):
    metrics = Metrics(tmp_path)
    metrics.path.unlink()
    metrics.path.mkdir()
    with pytest.raises(CheckpointError, match=r"metrics.csv` cannot be written \(.*\); is the disk full"):
        metrics.append(BARE)
