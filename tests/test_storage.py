"""Saved folders: what comes back, that a save is whole or not at all, and that every alteration is noticed."""

import hashlib
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from unrolled.errors import CheckpointError
from unrolled.storage import INDEX, Unit, _checksum, holds_unit, read_unit, write_atomic, write_unit

NEVER_NAMED = hashlib.sha256(b"never named").hexdigest()[:12]


def unit(number: int) -> Unit:
    rng = np.random.default_rng(number)
    arrays = {
        "weights": {"a": rng.normal(size=(3, 2)).astype("float32"), "b": rng.normal(size=4)},
        "training": {"count": np.array([number])},
    }
    return Unit({"step": number, "random": 2**100 + number, "rate": 0.1}, {"config": {"name": "ü"}}, arrays)


def another(number: int) -> Unit:
    """With documents of its own."""
    documents = {"config": {"number": number}, f"of_{number % 2}": {"name": "ü"}}
    return unit(number)._replace(documents=documents)


def same(a: Unit, b: Unit) -> bool:
    def flat(u):
        return {
            (g, n): (v.dtype.str, v.shape, v.tobytes()) for g, arrays in u.arrays.items() for n, v in arrays.items()
        }

    return a.record == b.record and a.documents == b.documents and flat(a) == flat(b)


def test_what_was_written_comes_back(tmp_path):
    folder = tmp_path / "new" / "run"
    for number in (1, 2):
        write_unit(folder, unit(number))
        assert same(read_unit(folder), unit(number))


def test_only_the_groups_asked_for_are_read(tmp_path):
    write_unit(tmp_path, unit(1))
    assert list(read_unit(tmp_path, ("weights",)).arrays) == ["weights"]


def test_old_array_files_are_removed_and_nothing_else(tmp_path):
    foreign = ["notes.txt", "metrics.csv", "other-name.safetensors", ".hidden", "config.json", "my-0123456789ab.json"]
    for name in foreign:
        (tmp_path / name).write_text("mine")
    for number in range(4):
        write_unit(tmp_path, unit(number))
    assert {(tmp_path / name).read_text() for name in foreign} == {"mine"}
    files = sorted(path.name for path in tmp_path.iterdir())
    assert len([name for name in files if name.startswith("weights-")]) == 1
    assert len([name for name in files if name.startswith("training-")]) == 1
    assert len([name for name in files if name.startswith("config-")]) == 1
    assert set(files) >= {*foreign, INDEX}
    assert len(files) == len(foreign) + 4


def test_what_a_killed_save_left_is_swept_away(tmp_path):
    write_unit(tmp_path, unit(1))
    (tmp_path / ".checkpoint.json-123.part").write_text("half")
    (tmp_path / ".weights-0123456789ab.safetensors-123.part").write_text("half")
    never_named = [
        tmp_path / f"{name}-{NEVER_NAMED}.{end}" for name, end in (("weights", "safetensors"), ("a", "json"))
    ]
    for path in never_named:
        path.write_text("never named")
    write_unit(tmp_path, unit(2))
    assert not list(tmp_path.glob(".*.part"))
    assert not any(path.exists() for path in never_named)


# Saves unit 2 over unit 1, and dies by SIGKILL at the n-th moment where the disk changes: in the middle of each write,
# before and after each sync, rename and removal. Prints nothing; exit code 0 means that the save came to its end.
KILLED = """
import os, pathlib, signal, sys
import unrolled.storage as storage
from test_storage import another, unit

moments = int(sys.argv[2])

def moment():
    global moments
    if moments == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    moments -= 1

def around(function):
    def call(*arguments, **named):
        moment()
        result = function(*arguments, **named)
        moment()
        return result
    return call

class Halves:
    def __init__(self, file):
        self.file = file
    def __enter__(self):
        self.file.__enter__()
        return self
    def __exit__(self, *error):
        return self.file.__exit__(*error)
    def __getattr__(self, name):
        return getattr(self.file, name)
    def write(self, content):
        self.file.write(content[: len(content) // 2])
        self.file.flush()
        moment()
        self.file.write(content[len(content) // 2 :])

storage.open = lambda *a: Halves(open(*a))
os.replace, os.fsync, pathlib.Path.unlink = around(os.replace), around(os.fsync), around(pathlib.Path.unlink)
make, number = {"unit": unit, "another": another}[sys.argv[3]], int(sys.argv[4])
storage.write_unit(pathlib.Path(sys.argv[1]), make(number), replace=make is another)
"""


def save_killed(folder, moments: int, number: int, make=unit) -> bool:
    """Whether the save was killed at that moment."""
    paths = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(folder), str(moments), make.__name__, str(number)],
        env=os.environ | {"PYTHONPATH": paths},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode in (0, -9), done.stderr
    return done.returncode == -9


def test_a_save_killed_at_any_moment_leaves_the_last_whole_unit_or_the_new_one(tmp_path):
    outcomes = []
    for moments in range(100):
        folder = tmp_path / str(moments)
        write_unit(folder, another(1))
        killed = save_killed(folder, moments, 2, another)
        found = read_unit(folder)
        assert same(found, another(1)) or same(found, another(2))
        outcomes.append(found.record["step"])
        # and the folder is as good as ever
        write_unit(folder, another(3), replace=True)
        assert same(read_unit(folder), another(3))
        assert len(list(folder.iterdir())) == 5
        if not killed:
            break
    assert not killed
    assert outcomes == sorted(outcomes)
    assert outcomes.count(1) >= 25  # five files, each written, synced, renamed, and its folder synced
    assert outcomes.count(2) >= 8  # the sync of the folder, and four removals


# Saves one model over the other, again and again, until it is told to stop.
SAVING = """
import itertools, pathlib, sys
from test_storage import another
from unrolled.storage import write_unit

for number in itertools.count():
    write_unit(pathlib.Path(sys.argv[1]), another(number % 2), replace=True)
    if number == 1:
        print("both", flush=True)
"""


def test_whoever_reads_while_models_replace_each_other_finds_one_of_them_whole(tmp_path):
    paths = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    command = [sys.executable, "-c", SAVING, str(tmp_path)]
    found = set()
    with subprocess.Popen(command, env=os.environ | {"PYTHONPATH": paths}, stdout=subprocess.PIPE, text=True) as saving:
        try:
            assert saving.stdout.readline() == "both\n"
            for _ in range(300):
                read = read_unit(tmp_path)
                assert same(read, another(0)) or same(read, another(1))
                found.add(read.record["step"])
            assert saving.poll() is None
        finally:
            saving.kill()
    assert found == {0, 1}


def test_whoever_saves_while_another_does_waits_and_takes_nothing_away(tmp_path, monkeypatch):
    import unrolled.storage as storage

    original, indexing, go_on = storage.write_atomic, threading.Event(), threading.Event()

    def paused(path, content):
        if path.name == INDEX and not indexing.is_set():  # the first save's: its other files are written
            indexing.set()
            assert go_on.wait(60)
        original(path, content)

    monkeypatch.setattr(storage, "write_atomic", paused)
    first, second = (threading.Thread(target=write_unit, args=(tmp_path, unit(number))) for number in (1, 2))
    first.start()
    assert indexing.wait(60)
    second.start()
    second.join(0.3)
    waited = second.is_alive()
    go_on.set()
    first.join(60)
    second.join(60)
    assert same(read_unit(tmp_path), unit(2))
    assert waited
    assert len(list(tmp_path.iterdir())) == 4


def test_processes_that_save_to_one_folder_at_once_leave_a_whole_unit(tmp_path):
    paths = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    saving = """
import pathlib, sys
from test_storage import another
from unrolled.storage import write_unit

for number in range(40):
    write_unit(pathlib.Path(sys.argv[1]), another(number % 2), replace=True)
"""
    command = [sys.executable, "-c", saving, str(tmp_path)]
    both = [
        subprocess.Popen(command, env=os.environ | {"PYTHONPATH": paths}, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    assert [process.communicate(timeout=60)[1] for process in both] == ["", ""]
    assert same(read_unit(tmp_path), another(1))
    assert len(list(tmp_path.iterdir())) == 5


@pytest.mark.parametrize("lacking", ["system", "file system"])
def test_where_there_are_no_locks_it_is_saved_without(tmp_path, monkeypatch, lacking):
    import unrolled.storage as storage

    def none(descriptor, operation):
        raise OSError(95, "Operation not supported")

    if lacking == "system":
        monkeypatch.setattr(storage, "fcntl", None)
    else:
        monkeypatch.setattr("fcntl.flock", none)
    write_unit(tmp_path, unit(1))
    assert same(read_unit(tmp_path), unit(1))


def test_a_model_is_replaced_where_it_is_wished_for_and_nothing_of_it_is_left(tmp_path):
    for number in (1, 2, 3, 3):
        write_unit(tmp_path, another(number), replace=True)
        assert same(read_unit(tmp_path), another(number))
        assert len(list(tmp_path.iterdir())) == 5


def test_a_folder_whose_documents_have_plain_names_is_read_and_replaced(tmp_path):
    write_unit(tmp_path, another(1))
    index = json.loads((tmp_path / INDEX).read_text())  # as it was saved before documents were replaced
    for key, entry in index["files"].items():
        if key.endswith(".json"):
            (tmp_path / entry["name"]).rename(tmp_path / key)
            entry["name"] = key
    del index["checksum"]
    (tmp_path / INDEX).write_text(json.dumps(index | {"checksum": _checksum(index)}))
    assert same(read_unit(tmp_path), another(1))
    for number in (1, 2):
        write_unit(tmp_path, another(number), replace=number == 2)
        assert same(read_unit(tmp_path), another(number))
        assert len(list(tmp_path.iterdir())) == 5


def test_what_is_no_such_unit_is_not_replaced(tmp_path):
    write_unit(tmp_path / "run", unit(1))
    model = unit(2)._replace(arrays={"weights": {"a": np.ones(1)}})
    with pytest.raises(
        CheckpointError,
        match="holds something else: training and weights, where weights would be saved; save to a folder of its own",
    ):
        write_unit(tmp_path / "run", model, replace=True)
    assert same(read_unit(tmp_path / "run"), unit(1))
    for foreign in ('{"epoch": 3}', "no JSON"):
        (tmp_path / INDEX).write_text(foreign)
        with pytest.raises(CheckpointError, match=r"checkpoint.json` is not replaced, as it is altered or .* its own"):
            write_unit(tmp_path, model, replace=True)
        assert (tmp_path / INDEX).read_text() == foreign


def test_a_first_save_that_is_killed_leaves_no_unit_and_can_be_repeated(tmp_path):
    assert save_killed(tmp_path, 12, number=1)
    assert not holds_unit(tmp_path)
    write_unit(tmp_path, Unit({}, {"config": {"name": "another"}}, {}))
    assert read_unit(tmp_path).documents["config"]["name"] == "another"


def test_an_altered_byte_anywhere_is_noticed(tmp_path):
    write_unit(tmp_path, unit(1))
    for path in sorted(tmp_path.iterdir()):
        content = path.read_bytes()
        for place in {*range(0, len(content), 7), len(content) - 2}:
            if content[place : place + 1] == b" ":
                continue  # between the words of checkpoint.json a blank may become another blank
            path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
            with pytest.raises(CheckpointError, match=r"altered|has format"):
                read_unit(tmp_path)
        path.write_bytes(content)
    assert same(read_unit(tmp_path), unit(1))


@pytest.mark.parametrize("name", [INDEX, "config-", "weights-", "training-"])
def test_a_truncated_or_missing_file_is_noticed(tmp_path, name):
    write_unit(tmp_path, unit(1))
    (path,) = [path for path in tmp_path.iterdir() if path.name.startswith(name)]
    content = path.read_bytes()
    for length in (0, 1, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:length])
        if name == INDEX and length == len(content) - 1:
            assert same(read_unit(tmp_path), unit(1))  # the last line end says nothing
            continue
        with pytest.raises(CheckpointError, match=rf"`.*{name}.*` is truncated or altered.* train again"):
            read_unit(tmp_path)
    path.unlink()
    with pytest.raises(CheckpointError, match=r"cannot be read .*No such file|is not a run folder"):
        read_unit(tmp_path)


def test_a_changed_value_in_the_index_is_noticed(tmp_path):
    write_unit(tmp_path, unit(1))
    text = (tmp_path / INDEX).read_text()
    assert '"step": 1' in text
    (tmp_path / INDEX).write_text(text.replace('"step": 1', '"step": 2'))
    with pytest.raises(CheckpointError, match=r"checkpoint.json` is truncated or altered"):
        read_unit(tmp_path)


@pytest.mark.parametrize("content", ["[1, 2]", "3", "null", '"x"'])
def test_an_index_that_is_no_index_is_noticed(tmp_path, content):
    (tmp_path / INDEX).write_text(content)
    with pytest.raises(CheckpointError, match=r"checkpoint.json` is truncated or altered"):
        read_unit(tmp_path)


def test_another_format_is_named(tmp_path):
    (tmp_path / INDEX).write_text(json.dumps({"format": 7, "checksum": ""}))
    with pytest.raises(CheckpointError, match="has format 7, expected 1; was it saved by another version"):
        read_unit(tmp_path)


def test_a_unit_that_is_replaced_while_it_is_read_is_read_again(tmp_path, monkeypatch):
    import unrolled.storage as storage

    write_unit(tmp_path, unit(1))
    original, calls = storage._read_checked, []

    def slow(folder, entry):
        if not calls:
            write_unit(tmp_path, unit(2))  # training saves between our reading of the index and of the arrays
        calls.append(entry)
        return original(folder, entry)

    monkeypatch.setattr(storage, "_read_checked", slow)
    assert same(read_unit(tmp_path), unit(2))


def test_no_folder_a_file_and_no_run_folder_are_told_apart(tmp_path):
    (tmp_path / "t.csv").touch()
    with pytest.raises(CheckpointError, match=r"t.csv` is a file, expected a run folder; give the folder that train"):
        read_unit(tmp_path / "t.csv")
    write_unit(tmp_path / "run", unit(1))
    with pytest.raises(CheckpointError, match=r"checkpoint.json` is a file, .*; give its folder, `.*run`$"):
        read_unit(tmp_path / "run" / INDEX)
    with pytest.raises(CheckpointError, match=r"`.*nowhere` does not exist, expected a run folder; check the path"):
        read_unit(tmp_path / "nowhere")
    with pytest.raises(CheckpointError, match=r"is not a run folder: it has no checkpoint.json; give the folder"):
        read_unit(tmp_path)


def test_a_missing_group_is_named(tmp_path):
    write_unit(tmp_path, Unit({}, {}, {"weights": {"a": np.ones(1)}}))
    with pytest.raises(CheckpointError, match="holds no training state, expected weights, training; it holds a model"):
        read_unit(tmp_path, ("weights", "training"))


def test_a_folder_with_another_model_is_not_written_over(tmp_path):
    write_unit(tmp_path, unit(1))
    with pytest.raises(
        CheckpointError, match=r"holds another model: its config.json differs; save to a folder of its own"
    ):
        write_unit(tmp_path, unit(2)._replace(documents={"config": {"name": "other"}}))
    with pytest.raises(CheckpointError, match=r"holds another model: its vocabulary.json differs"):
        write_unit(tmp_path, unit(2)._replace(documents={"vocabulary": {}}))
    assert same(read_unit(tmp_path), unit(1))


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(CheckpointError, match=r"`.*file` cannot be written \(.*\); is the disk full, or not yours"):
        write_unit(tmp_path / "file", unit(1))


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    path = tmp_path / "a.json"
    write_atomic(path, b"old")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_atomic(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
