"""The command as a person or a script runs it, for the tests of its tasks: real processes and files."""

from __future__ import annotations

import csv
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest

import unrolled as module
from unrolled.cli import main
from unrolled.storage import holds_unit, read_unit

COMMAND = [sys.executable, "-c", "from unrolled.cli import main; main()"]
KEPT = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
ENVIRONMENT = {
    **KEPT,
    "PYTHONPATH": str(Path(module.__file__).parent.parent),  # as the tests run in folders of their own
    "COLUMNS": "100",
    "NO_COLOR": "1",
    "UNROLLED_NUM_THREADS": "1",
}


def unrolled(*arguments: Any, cwd: Path | None = None, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Runs the command in a process of its own."""
    done = subprocess.run(
        [*COMMAND, *map(str, arguments)], cwd=cwd, env=ENVIRONMENT, capture_output=True, text=True, timeout=100
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done


def called(capsys: pytest.CaptureFixture[str], *arguments: Any, code: int = 0) -> str:
    """Runs the command in this process, which is faster; gives what it printed."""
    with pytest.raises(SystemExit) as leaving:
        main([*map(str, arguments)])
    out, error = capsys.readouterr()
    assert leaving.value.code == code, out + error
    return out


def refused(capsys: pytest.CaptureFixture[str], *arguments: Any) -> str:
    """The one line on stderr of a command that must fail, with nothing on stdout."""
    with pytest.raises(SystemExit) as leaving:
        main([*map(str, arguments)])
    out, error = capsys.readouterr()
    assert (leaving.value.code, out) == (2, "")
    assert re.fullmatch("unrolled: .+\n", error)
    return error


def in_terminal(*arguments: Any) -> str:
    """Runs the command in a terminal; gives what it wrote there."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, *map(str, arguments)],
        env={**ENVIRONMENT, "TERM": "xterm"},
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
    assert process.wait(timeout=60) == 0, seen.decode()
    return seen.decode()


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]], separator: str = ",") -> Path:
    """A file as a spreadsheet would write it."""
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=separator).writerows([header, *rows])
    return path


def read_csv(text: str) -> list[dict[str, str]]:
    """The rows of a table."""
    return list(csv.DictReader(text.splitlines()))


def arrays_of(folder: Path) -> dict[Any, bytes]:
    """Every array that a run has saved, and its step."""
    unit = read_unit(folder)
    arrays: dict[Any, bytes] = {(g, n): a.tobytes() for g, part in unit.arrays.items() for n, a in part.items()}
    return arrays | {"step": str(unit.record["step"]).encode()}


def interrupted(folder: Path, number: int, *arguments: Any, wait: Callable[[], bool]) -> tuple[int, str, str]:
    """Starts a run, sends it a signal once `wait` says so; gives its exit code and output."""
    process = subprocess.Popen(
        [*COMMAND, *map(str, arguments), "--out", str(folder)],
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),  # as a shell's background jobs are
    )
    deadline = time.monotonic() + 60
    while not (holds_unit(folder) and wait()) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(number)
    out, errors = process.communicate(timeout=60)
    return process.returncode, out, errors
