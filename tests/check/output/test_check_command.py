"""`unrolled check` as a person or a script runs it: exit status, standard input, folders, refusal, going on."""

import csv
import io
import json
import os
import pty
import re
import select
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

import unrolled as package
from unrolled.check.sandbox import Sandbox
from unrolled.check.sandbox.types import Availability
from unrolled.cli import main

COMMAND = [sys.executable, "-c", "from unrolled.cli import main; main()", "check"]
HOME = str(Path(package.__file__).parent.parent)


@pytest.fixture
def environment(tmp_path):
    return {**os.environ, "PYTHONPATH": HOME, "XDG_CACHE_HOME": str(tmp_path / "cache"), "NO_COLOR": "1"}


@pytest.fixture
def check(tmp_path, monkeypatch, capsys):
    """Runs the command in this process, in an empty folder: its exit status, stdout and stderr."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def call(*arguments):
        with pytest.raises(SystemExit) as leaving:
            main(["check", *map(str, arguments)])
        out, error = capsys.readouterr()
        return leaving.value.code, out, error

    return call


def test_a_right_file_is_praised_and_leaves_0(check, code):
    Path("rnn.py").write_text(code)
    status, out, error = check("rnn.py")
    assert (status, error) == (0, "")
    assert "✓ rnn_cell_backward  correct" in out
    assert "✓ sigmoid  correct" in out
    assert "All right: the 2 functions found are correct." in out


def test_a_wrong_file_is_told_its_line_and_leaves_1(check, wrong_code):
    Path("rnn.py").write_text(wrong_code)
    status, out, error = check("rnn.py")
    assert (status, error) == (1, "")
    assert "✗ rnn_cell_backward  wrong" in out
    assert "Equation (0)" in out
    assert "line 1" in out
    assert "✓ sigmoid  correct" in out


@pytest.mark.parametrize(
    ("format_", "words"),
    [
        ("terminal", "! rnn_cell_backward  crashed: does not parse"),
        ("json", '"verdict": "crashed"'),
        ("html", "crashed: does not parse"),
        ("junit", 'errors="1"'),
        ("gradescope", '"score": 0'),
        ("csv", "rnn.py,1,0,0,1,0,0,"),
    ],
)
def test_a_function_that_does_not_parse_is_not_right_in_any_format(check, code, format_, words):
    Path("rnn.py").write_text(
        code.replace("def rnn_cell_backward(da_next, cache):", "def rnn_cell_backward(da_next, cache)")
    )
    status, out, _ = check("rnn.py", "--format", format_)
    assert status == 1
    assert words in out
    assert "All right" not in out


def test_a_file_in_which_nothing_is_found_leaves_2(check):
    Path("notes.py").write_text("x = 1\n")
    status, out, _ = check("notes.py")
    assert status == 2
    assert "Nothing to check was found." in out


def test_what_is_asked_for_and_not_there_is_missing_and_leaves_1(check, code):
    Path("rnn.py").write_text(code)
    status, out, _ = check("rnn.py", "--only", "sigmoid,rnn_forward")
    assert status == 1
    assert "✓ sigmoid  correct" in out
    assert "○ rnn_forward  missing: not defined in this file" in out
    assert "rnn_cell_backward" not in out


@pytest.mark.parametrize("level", ["none", "where", "why", "fix"])
def test_hints_are_turned_down_in_every_format(check, wrong_code, level):
    Path("rnn.py").write_text(wrong_code)
    (file,) = json.loads(check("rnn.py", "--format", "json", "--hints", level)[1])["files"]
    (function,) = (function for function in file["functions"] if function["verdict"] == "wrong")
    assert bool(function["findings"]) == (level != "none")
    assert any(finding["should_be"] for finding in function["findings"]) == (level == "fix")
    assert any(finding["line"] for finding in function["findings"]) == (level != "none")


ODD = """
import numpy as np

def step(p, q, r):
    u, v, w = r["one"], r["two"], r["three"]
    z = np.tanh(u @ p + v @ q + r["four"])
    e = np.exp(w @ z + r["five"])
    return z, e / e.sum(axis=0), (z, q, p, r)
"""
MAP = "step=rnn_cell_forward,step.one=Wax,step.two=Waa,step.three=Wya,step.four=ba,step.five=by"


def test_names_that_are_not_guessed_are_mapped(check):
    Path("odd.py").write_text(ODD)
    assert "✓" not in check("odd.py")[1]
    status, out, _ = check("odd.py", "--map", MAP, "--map", "step.p=xt,step.q=a_prev,step.r=parameters")
    assert status == 0, out
    assert "✓ rnn_cell_forward (your step)  correct" in out


def test_standard_input_is_a_file_called_dash(environment, wrong_code):
    done = subprocess.run(
        [*COMMAND, "-", "--format", "json"],
        input=wrong_code,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1, done.stderr
    (file,) = json.loads(done.stdout)["files"]
    assert (file["file"], len(file["functions"])) == ("-", 2)


def test_a_class_is_one_table_and_the_next_run_checks_only_what_changed(check, code, wrong_code):
    for name, text in (("ada", code), ("bob", wrong_code), ("eve", "import os\nos._exit(0)\n" + code)):
        Path(f"class/{name}").mkdir(parents=True)
        Path(f"class/{name}/hw.py").write_text(text)
    status, out, error = check("class", "--format", "csv", "--jobs", 2)
    rows = {Path(row["file"]).parent.name: row for row in csv.DictReader(io.StringIO(out))}
    assert (status, error) == (1, "")
    assert [rows[name]["rnn_cell_backward"] for name in ("ada", "bob")] == ["correct", "wrong"]
    assert rows["bob"]["equations"]
    Path("class/bob/hw.py").write_text(f"{code}# mended\n")
    status, out, error = check("class", "--format", "csv")
    rows = {Path(row["file"]).parent.name: row for row in csv.DictReader(io.StringIO(out))}
    assert rows["bob"]["rnn_cell_backward"] == "correct"
    assert "unrolled: 2 of 3 files were checked before; --fresh checks them again\n" in error
    assert "checked before" not in check("class", "--format", "csv", "--fresh")[2]


def test_a_report_goes_into_a_file(check, code):
    Path("rnn.py").write_text(code)
    status, out, error = check("rnn.py", "--format", "html", "--output", "report.html")
    assert (status, out, error) == (0, "", "unrolled: wrote report.html\n")
    assert "All right: the 2 functions found are correct." in Path("report.html").read_text(encoding="utf-8")


@pytest.fixture
def bare(monkeypatch):
    """A machine without a sandbox."""
    monkeypatch.setattr(Sandbox, "available", staticmethod(lambda: Availability(False, "no bwrap; install bubblewrap")))


@pytest.mark.parametrize(
    "arguments", [["."], ["rnn.py", "--untrusted"], ["rnn.py", "b.py"], ["*.py"], ["-", "--untrusted"]]
)
def test_without_a_sandbox_other_peoples_code_is_refused(check, code, bare, arguments):
    for name in ("rnn.py", "b.py"):
        Path(name).write_text(code)
    status, out, error = check(*arguments)
    assert (status, out) == (2, "")
    assert error == (
        "unrolled: no sandbox on this machine (no bwrap; install bubblewrap): runs of several files, and --untrusted, "
        "need one, as their code may be anybody's; a single file of your own can be checked without\n"
    )


def test_without_a_sandbox_ones_own_file_is_checked_and_that_is_said_in_one_line(check, code, bare):
    Path("rnn.py").write_text(code)
    status, out, error = check("rnn.py", "--format", "json")
    assert status == 0
    assert error == (
        "unrolled: no sandbox on this machine (no bwrap; install bubblewrap): your code runs as any program of yours\n"
    )
    assert json.loads(out)["files"][0]["sandboxed"] is False


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Missing argument 'FILE...'; see unrolled check --help"),
        (["gone.py"], "`gone.py` cannot be read .* expected a .py or .ipynb file"),
        (["gone.py", "rnn.py"], "`gone.py` does not exist, expected a .py or .ipynb file or a folder"),
        (["-", "rnn.py"], "FILE is - beside others, expected - alone"),
        (
            ["rnn.py", "--format", "pdf"],
            "--format is 'pdf', expected one of terminal, json, html, junit, gradescope, csv",
        ),
        (["rnn.py", "--hints", "all"], "--hints is 'all', expected one of none, where, why, fix"),
        (["rnn.py", "--only", "lstm"], "--only is 'lstm', expected one of sigmoid, softmax, rnn_cell_forward"),
        (["rnn.py", "--timeout", "0"], "--timeout is 0.0, expected a positive finite number of seconds"),
        (["rnn.py", "--timeout", "inf"], "--timeout is inf, expected a positive finite number of seconds"),
        (["rnn.py", "--map", "nonsense"], "nonsense"),
        (["rnn.py", "--output", "no/report.html"], "`no` is no folder to write report.html into; make it, or change"),
        (["rnn.py", "--jobs", "0"], "Invalid value for '--jobs'"),
    ],
)
def test_wrong_use_is_said_in_one_line(check, code, arguments, message):
    Path("rnn.py").write_text(code)
    status, out, error = check(*arguments)
    assert (status, out) == (2, "")
    assert re.fullmatch(f"unrolled: .*{message}.*\n", error)


def kept(store):
    """How many results the store holds."""
    if not store.exists():
        return 0
    with closing(sqlite3.connect(store, timeout=30)) as database:
        try:
            return database.execute("SELECT count(*) FROM results").fetchone()[0]
        except sqlite3.OperationalError:  # it is just being made
            return 0


def test_ctrl_c_keeps_what_is_done_and_the_same_command_goes_on(tmp_path, environment, code):
    for index in range(16):
        (tmp_path / f"file{index:02}.py").write_text(f"{code}\n# {index}\n")
    command = [*COMMAND, str(tmp_path), "--format", "csv", "--jobs", "2"]
    listens = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # a shell's background jobs inherit it ignored
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=listens
    )
    deadline = time.monotonic() + 60
    while kept(tmp_path / "cache" / "unrolled" / "check.sqlite") < 3 and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, error = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    done = int(re.search(r"stopped: (\d+) of 16 files are checked and kept; the same command goes on", error)[1])
    assert 2 <= done < 16
    after = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert after.returncode == 0, after.stderr
    before = int(re.search(r"(\d+) of 16 files were checked before", after.stderr)[1])
    assert done <= before <= done + 1
    assert len(after.stdout.splitlines()) == 17


def test_a_terminal_sees_colours_and_a_bar(tmp_path, environment, code, wrong_code):
    for name, text in (("a.py", code), ("b.py", wrong_code)):
        (tmp_path / name).write_text(text)
    del environment["NO_COLOR"]
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, str(tmp_path)],
        env={**environment, "TERM": "xterm", "COLUMNS": "100"},
        stdout=follower,
        stderr=follower,
        stdin=follower,
    )
    os.close(follower)
    seen = b""
    while select.select([leader], [], [], 60)[0]:
        try:
            part = os.read(leader, 65536)
        except OSError:  # the other side has closed
            break
        if not part:
            break
        seen += part
    os.close(leader)
    assert process.wait(timeout=60) == 1
    screen = seen.decode()
    assert "checking" in screen
    assert "\x1b[31m" in screen
    assert "2 files: 1 all correct, 1 with something wrong" in screen


def test_checking_loads_no_notebook_and_no_test_runner(environment):
    statement = (
        "import unrolled.check, sys; print(*{'IPython', 'pytest', 'rich', 'typer', 'sqlite3'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", statement], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []
