"""The command, as a person or a script runs it: real processes, real signals, real files."""

import csv
import json
import math
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import unrolled as module
from unrolled.cli import main
from unrolled.data.text import split_held_out
from unrolled.models import load
from unrolled.storage import INDEX, holds_unit, read_unit

COMMAND = [sys.executable, "-c", "from unrolled.cli import main; main()"]
HOME = str(Path(module.__file__).parent.parent)  # as the tests run in folders of their own
# PYTHONUNBUFFERED would hide a missing flush
KEPT = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
ENVIRONMENT = {**KEPT, "PYTHONPATH": HOME, "COLUMNS": "100", "NO_COLOR": "1", "UNROLLED_NUM_THREADS": "1"}
TINY = ["--hidden", "16", "--batch", "8", "--window", "16", "--seed", "3"]


def unrolled(*arguments, cwd=None, code=0):
    done = subprocess.run(
        [*COMMAND, *map(str, arguments)], cwd=cwd, env=ENVIRONMENT, capture_output=True, text=True, timeout=100
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done


@pytest.fixture
def refused(capsys):
    """The one line on stderr of a command that must fail, with nothing on stdout.

    It runs in this process: a process for each would take most of the suite's time.
    """

    def call(*arguments):
        with pytest.raises(SystemExit) as leaving:
            main([*map(str, arguments)])
        out, error = capsys.readouterr()
        assert (leaving.value.code, out) == (2, "")
        assert re.fullmatch("unrolled: .+\n", error)
        return error

    return call


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    path = tmp_path_factory.mktemp("text") / "text.txt"
    path.write_text("".join(f"line {i * i % 97} of the text\n" for i in range(200)))
    return path


@pytest.fixture(scope="module")
def run(tmp_path_factory, text):
    """A finished run of 60 steps."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    unrolled("train", text, *TINY, "--steps", 60, "--lr", 0.02, "--out", folder)
    return folder


def test_help_names_every_command_and_each_reads_well():
    text = unrolled("--help").stdout
    for command in ("train", "sample", "predict", "eval", "info"):
        assert f" {command} " in text
        assert f"Usage: unrolled {command}" in unrolled(command, "--help").stdout
    assert unrolled().stdout == text
    options = unrolled("train", "--help").stdout
    for option in (
        *(
            "--corpus",
            "--cell",
            "--reset",
            "--hidden",
            "--layers",
            "--batch",
            "--window",
            "--epochs",
            "--minutes",
            "--lr",
            "--optimizer",
            "--schedule",
            "--dropout",
            "--recurrent-dropout",
            "--zoneout",
            "--layer-norm",
            "--weight-decay",
            "--ema",
            "--patience",
            "--seed",
        ),
        *("--target", "--sequence", "--time", "--features", "--date", "--values", "--series", "--horizon", "--context"),
        *("--task", "--validation", "--test", "--missing"),
        *("--out", "--resume", "--json"),
    ):
        assert option in options
    places = [
        options.index(f"{panel} ─")
        for panel in (
            "Options of every task",
            *(f"Options of --task {task}" for task in ("text", "classify", "forecast", "classify and forecast")),
            "The run",
        )
    ]
    assert places == sorted(places)
    assert places[1] < options.index("--corpus ") < places[2] < options.index("--target ") < places[3]
    assert places[3] < options.index("--horizon ") < places[4] < options.index("--missing ") < places[5]


def test_version_and_info_say_what_is_in_use():
    assert unrolled("--version").stdout.startswith("unrolled ")
    text = unrolled("info").stdout
    for name in ("unrolled", "Python", "NumPy", "instruction set", "threads          1 "):
        assert name in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["dance"], "No such command 'dance'; see unrolled --help"),
        (["train", "--speed", "9"], "No such option: --speed.*; see unrolled train --help"),
        (["train", "--hidden", "many"], "Invalid value for '--hidden': .*; see unrolled train --help"),
        (["sample"], "Missing argument 'RUN'; see unrolled sample --help"),
        (["train", "--hidden", "0"], "--hidden is 0, expected a whole number of at least 1"),
        (["train", "--lr", "-1"], "--lr is -1.0, expected a finite number above 0"),
        (["train", "--optimizer", "lion"], "--optimizer is 'lion', expected one of sgd, rmsprop, adam, adamw"),
        (["train", "--schedule", "linear"], "--schedule is 'linear', expected one of constant, step, .*_plateau"),
        (["train", "--weight-decay", "0.1"], "--weight-decay is 0.1 for 'adam', which has none; choose 'adamw'"),
        (["train", "--dropout", "1"], "--dropout is 1.0, expected a number from 0 to below 1"),
        (["train", "--ema", "1"], "--ema is 1.0, expected a number between 0 and 1"),
        (["train", "--patience", "0"], "--patience is 0, expected a whole number of at least 1"),
        (["train", "--min-count", "0"], "--min-count is 0, expected a whole number of at least 1"),
        (["train", "--cell", "gru2"], "--cell is 'gru2', expected one of lstm, gru, rnn"),
        (["train", "--cell", "gru", "--reset", "never"], "--reset is 'never', expected one of after, before"),
        (["train", "--reset", "before"], "--reset is 'before' for 'lstm', which has no reset gate; it is the GRU's"),
        (
            ["train", "--corpus", "perl"],
            "--corpus is 'perl', expected python or docs; for a file of yours leave --corpus",
        ),
        (["train", "a.txt", "--corpus", "docs"], "FILE and --corpus both name a text; give one of them"),
        (["train", "--minutes", "1", "--epochs", "2"], "--minutes and --epochs both say how long to train; give one"),
        (["train", "nowhere.txt"], "`nowhere.txt` does not exist, expected a text file; check the path"),
        (["train", "empty.txt"], "`empty.txt` is empty, expected text in UTF-8"),
        (["train", "latin.txt"], "`latin.txt` is not UTF-8: byte offset 5 holds 0xe9"),
        (["train", "short.txt"], "has 90 characters, expected at least 129: one window of 128 .* smaller window"),
        (["train", "."], r"`\.` is a folder, expected a text file"),
        (["train", "--resume", "nowhere"], "`nowhere` does not exist, expected a run folder; check the path"),
        (["train", "--resume", "."], r"`\.` is not a run folder: it has no checkpoint.json"),
        (["train", "--resume", ".", "--lr", "1"], r"--lr cannot be given with --resume, .* leave it out"),
        (
            ["train", "--resume", ".", "--epochs", "4"],
            r"leave it out; to train longer, begin another run with --epochs, without --resume",
        ),
        (["train", "--resume", ".", "--steps", "4"], r"to train longer, begin another run without --resume"),
        (["train", "--resume", ".", "--out", "x"], r"--out cannot be given with --resume"),
        (["train", "--resume", ".", "--corpus", "docs"], r"--corpus cannot be given with --resume"),
        (["sample", "."], r"`\.` is not a run folder"),
        (["eval", ".", "short.txt"], r"`\.` is not a run folder"),
    ],
)
def test_wrong_use_and_bad_input_are_said_in_one_line(tmp_path, monkeypatch, refused, arguments, message):
    (tmp_path / "empty.txt").write_bytes(b"")
    (tmp_path / "latin.txt").write_bytes(b"caf\xc3\xa9\xe9")
    (tmp_path / "short.txt").write_text("ab" * 50)
    monkeypatch.chdir(tmp_path)
    assert re.search(message, refused(*arguments))
    assert not (tmp_path / "runs").exists()


def test_an_error_leaves_the_process_with_one_line_and_code_2(tmp_path):
    done = unrolled("train", "nowhere.txt", cwd=tmp_path, code=2)
    assert done.stdout == ""
    assert done.stderr == "unrolled: `nowhere.txt` does not exist, expected a text file; check the path\n"


def test_debug_shows_the_traceback():
    done = unrolled("--debug", "train", "nowhere.txt", code=1)
    assert "Traceback" in done.stderr
    assert "DataError: `nowhere.txt` does not exist" in done.stderr


def test_training_says_what_it_does_and_what_can_be_done_next(tmp_path, text):
    done = unrolled("train", text, *TINY, "--steps", 20, "--out", "my run", cwd=tmp_path)
    assert "line" not in done.stderr
    for part in (
        "text.txt: 3,966 characters",
        "model: lstm, 1 x 16 units",
        "8 streams, windows of 16, step 0 of 20",
        "step 20/20  train",
        "nats/char on all",
        "unrolled sample 'my run' --length 500",
        "unrolled eval 'my run' SOME_TEXT",
    ):
        assert part in done.stdout
    files = {path.name.split("-")[0].split(".")[0] for path in (tmp_path / "my run").iterdir()}
    assert files == {"checkpoint", "config", "metrics", "training", "vocabulary", "weights"}
    assert not list((tmp_path / "my run").glob("*.pkl"))


def test_the_grus_reset_can_be_chosen_and_is_kept_with_the_run(tmp_path, text):
    done = unrolled("train", text, *TINY, "--steps", 2, "--cell", "gru", "--reset", "before", "--out", tmp_path / "r")
    assert "model: gru (reset before), 1 x 16 units" in done.stdout
    assert load(tmp_path / "r").settings["reset"] == "before"


def test_how_it_is_trained_can_be_chosen_and_is_kept_with_the_run(tmp_path, text):
    folder = tmp_path / "r"
    chosen = ["--optimizer", "adamw", "--schedule", "one_cycle", "--dropout", 0.1, "--weight-decay", 0.01]
    chosen += ["--recurrent-dropout", 0.2, "--zoneout", 0.05, "--layer-norm"]
    done = unrolled(
        *("train", text, *TINY, *chosen, "--ema", 0.9, "--patience", 1),
        *("--lr", 1.0, "--epochs", 30, "--out", folder),
    )
    recorded = read_unit(folder, ()).documents["config"]["training"]
    assert {
        name: recorded[name]
        for name in (
            *("optimizer", "schedule", "dropout", "weight_decay", "ema", "patience"),
            *("recurrent_dropout", "zoneout", "layer_norm"),
        )
    } == {
        "optimizer": "adamw",
        "schedule": "one_cycle",
        "dropout": 0.1,
        "weight_decay": 0.01,
        "ema": 0.9,
        "patience": 1,
        "recurrent_dropout": 0.2,
        "zoneout": 0.05,
        "layer_norm": True,
    }
    assert load(folder).settings["layer_norm"] is True
    record = read_unit(folder).record
    assert record["step"] < record["total_steps"]
    best = record["stopping"]["best_step"]
    assert f"Stopped early: no better validation in 1 epoch; the weights are those of step {best:,}." in done.stdout
    assert f"after {record['step']:,} steps" in done.stdout
    before = bits_of(folder)
    assert "Stopped early" in unrolled("train", "--resume", folder).stdout
    assert bits_of(folder) == before


def test_without_arguments_it_trains_on_the_standard_library(tmp_path):
    done = unrolled("train", "--steps", 1, "--hidden", 4, cwd=tmp_path)
    assert "the Python standard library: " in done.stdout
    assert "not in UTF-8" in done.stdout
    (folder,) = (tmp_path / "runs").iterdir()
    assert folder.name.startswith("python-2")
    assert load(folder).settings["hidden_size"] == 4


def test_json_writes_one_object_per_line(tmp_path, text):
    done = unrolled(
        "train", text, *TINY, "--epochs", 3, "--cell", "rnn", "--layers", 2, "--json", "--out", tmp_path / "r"
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["event"] for line in lines] == ["start", "report", "end"]
    start, report, end = lines
    assert (start["settings"]["cell"], start["settings"]["layers"]) == ("rnn", 2)
    assert report["total_steps"] == report["step"] == end["steps"]
    assert report["perplexity"] == pytest.approx(math.exp(report["val_loss"]))
    assert end["bits_per_char"] == pytest.approx(report["val_loss"] / math.log(2))


def test_a_budget_in_minutes_is_kept(tmp_path, text):
    began = time.perf_counter()
    done = unrolled("train", text, *TINY, "--minutes", 0.05, "--json", "--out", tmp_path / "r")
    took = time.perf_counter() - began
    end = json.loads(done.stdout.splitlines()[-1])
    assert end["steps"] == read_unit(tmp_path / "r").record["total_steps"] > 40
    assert took < 30  # three seconds, on a machine that may be busy


def test_the_metrics_are_a_table_in_nats(run, text):
    with (run / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert int(rows[-1]["step"]) == 60
    _, held_out = split_held_out(text.read_text(), 0.1)
    assert float(rows[-1]["val_loss"]) == pytest.approx(load(run).evaluate(held_out).loss, rel=1e-5)
    assert float(rows[-1]["val_loss"]) < 2.5


def test_eval_prints_what_python_computes(run, tmp_path):
    (tmp_path / "other.txt").write_text("line 9 of the text!\n" * 5)
    want = load(run).evaluate((tmp_path / "other.txt").read_text())
    values = json.loads(unrolled("eval", run, tmp_path / "other.txt", "--json").stdout)
    assert values["loss"] == want.loss
    assert values["perplexity"] == pytest.approx(math.exp(want.loss))
    assert values["bits_per_char"] == pytest.approx(want.loss / math.log(2))
    assert (values["characters"], values["unknown"]) == (99, 5)
    text = unrolled("eval", run, tmp_path / "other.txt").stdout
    assert f"loss        {want.loss:.4f} nats/char" in text
    assert f"perplexity  {math.exp(want.loss):.4f}" in text
    assert f"bits/char   {want.loss / math.log(2):.4f}" in text
    assert "characters  99, 5 of them unknown to the model" in text


def test_sample_writes_the_prompt_and_goes_on(run):
    arguments = ["sample", run, "--prompt", "line", "--length", 30, "--temperature", 0.5, "--top-k", 5, "--seed", 4]
    want = "line" + "".join(load(run).sample("line", 30, temperature=0.5, top_k=5, seed=4)) + "\n"
    assert unrolled(*arguments).stdout == want


def test_sample_streams(run):
    """Its characters can be read as they come, and whoever stops reading makes no noise."""
    with subprocess.Popen(
        [*COMMAND, "sample", run, "--length", "1000000000"],
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        # from behind a buffer they would come by the thousand
        assert min(len(os.read(process.stdout.fileno(), 1 << 16)) for _ in range(30)) < 1000
        process.stdout.close()
        assert process.wait(timeout=60) == 1
        assert process.stderr.read() == b""


def test_an_unknown_character_in_a_prompt_is_named(run, refused):
    assert "a character that the model does not know: '?' (U+003F)" in refused("sample", run, "--prompt", "line?")
    undecodable = os.fsdecode(b"li\xff")
    assert r"'\udcff' (U+DCFF)" in refused("sample", run, "--prompt", undecodable)


def bits_of(folder):
    """Everything that a run folder holds but its times."""
    unit = read_unit(folder)
    arrays = {(g, n): a.tobytes() for g, arrays in unit.arrays.items() for n, a in arrays.items()}
    return arrays, {k: v for k, v in unit.record.items() if k != "seconds"}


LONG = [*TINY, "--steps", "1000", "--lr", "0.01"]


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory, text):
    folder = tmp_path_factory.mktemp("long") / "run"
    unrolled("train", text, *LONG, "--out", folder)
    return folder


def stop_in_the_middle(folder, text, number):
    """Starts the long run, sends it a signal when it has begun to train, and gives its exit code and output."""
    process = subprocess.Popen(
        [*COMMAND, "train", str(text), *LONG, "--out", str(folder)],
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while not holds_unit(folder) and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.1)
    process.send_signal(number)
    out, errors = process.communicate(timeout=60)
    return process.returncode, out, errors


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_saves_says_how_to_go_on_and_going_on_gives_the_same_bits(tmp_path, text, uninterrupted, number):
    folder = tmp_path / "run"
    code, out, errors = stop_in_the_middle(folder, text, number)
    assert (code, errors) == (130, "")
    step = read_unit(folder).record["step"]
    assert 0 <= step < 1000  # 0 on a machine too busy to take a step in a tenth of a second
    assert f"saved at step {step:,} in {folder}; go on with: unrolled train --resume {folder}" in out
    out = unrolled("train", "--resume", folder).stdout
    assert f"step {step:,} of 1,000" in out
    assert bits_of(folder) == bits_of(uninterrupted)


def test_a_run_killed_in_the_middle_goes_on_to_the_same_bits(tmp_path, text, uninterrupted):
    folder = tmp_path / "run"
    code, _, _ = stop_in_the_middle(folder, text, signal.SIGKILL)
    assert code == -signal.SIGKILL
    assert read_unit(folder).record["step"] < 1000
    unrolled("train", "--resume", folder)
    assert bits_of(folder) == bits_of(uninterrupted)


def test_a_finished_run_is_not_trained_further(run):
    before = bits_of(run)
    assert "after 60 steps" in unrolled("train", "--resume", run).stdout
    assert bits_of(run) == before


@pytest.mark.parametrize("name", [INDEX, "weights-", "training-", "config-", "vocabulary-"])
def test_a_truncated_or_altered_checkpoint_is_named(tmp_path, run, text, name, refused):
    for change in (lambda raw: raw[: len(raw) // 2], lambda raw: raw[:-9] + bytes([raw[-9] ^ 1]) + raw[-8:]):
        folder = tmp_path / "copy"
        shutil.copytree(run, folder)
        (path,) = folder.glob(f"{name}*")
        path.write_bytes(change(path.read_bytes()))
        assert "altered" in refused("train", "--resume", folder)
        if name != "training-":
            assert "altered" in refused("eval", folder, text)
        shutil.rmtree(folder)


def test_a_folder_with_a_run_is_not_started_over(run, text, refused):
    assert "already holds a run; go on with it with --resume" in refused("train", text, *TINY, "--out", run)


def test_a_diverging_run_stops_keeps_its_last_checkpoint_and_says_what_to_try(tmp_path, text):
    folder = tmp_path / "run"
    done = unrolled("train", text, *TINY, "--steps", 50, "--lr", 3e38, "--out", folder, code=2)
    (line,) = done.stderr.splitlines()
    assert line.startswith("unrolled: training diverged at step ")
    assert f"try a lower learning rate than 3e+38 (--lr); the last good checkpoint is kept in {folder}" in line
    assert math.isfinite(load(folder).evaluate("line 9").loss)


def test_a_terminal_gets_a_live_display(tmp_path, text):
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, "train", str(text), *TINY, "--steps", "300", "--out", str(tmp_path / "run")],
        env={**ENVIRONMENT, "TERM": "xterm"},
        stdout=follower,
        stderr=follower,
        stdin=follower,
    )
    os.close(follower)
    seen = b""
    while True:
        if not select.select([leader], [], [], 60)[0]:
            break
        try:
            part = os.read(leader, 65536)
        except OSError:  # the other side has closed
            break
        if not part:
            break
        seen += part
    os.close(leader)
    assert process.wait(timeout=60) == 0
    screen = seen.decode()
    for part in (
        "unrolled train: ",
        "chars/s",
        "nats/char",
        "bits/char",
        "a sample at step 300",
        "\x1b[1A",
        "Now try:",
    ):
        assert part in screen
