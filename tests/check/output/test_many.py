"""Thousands of files: what is found, what is kept, and that no file and no interrupt harms the others' results."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import unrolled
from unrolled.check import store as store_module
from unrolled.check.files import Options, class_run, read_bytes, search
from unrolled.check.many import check_many, cores
from unrolled.check.results import FileReport, FunctionReport
from unrolled.check.sandbox.types import ENDED, KILLED, NOT_RUN
from unrolled.check.store import Store, default_path, key_of
from unrolled.errors import DataError

HOME = str(Path(unrolled.__file__).parent.parent)


def judge(name, content, options):
    """A stand-in for judging: the file says what is to happen, and leaves a line in the log that it was judged."""
    words = content.decode().split()
    if "LOG" in os.environ:
        with open(os.environ["LOG"], "a") as log:
            log.write(f"{Path(name).name}\n")
    match words:
        case ["die"]:
            os._exit(7)
        case ["hang"]:
            time.sleep(1000)
        case ["slow", *_]:
            time.sleep(0.05)
        case ["nothing"]:
            return FileReport(name)
        case ["timeout" | "refused" as verdict, *reason]:
            return FileReport(name, (FunctionReport("softmax", verdict, reason=" ".join(reason)),))
    return FileReport(name, (FunctionReport("softmax", "correct", reason=f"{content!r} {options.timeout}"),))


@pytest.fixture
def folder(tmp_path):
    """Makes files of given contents."""

    def make(**contents):
        for name, content in contents.items():
            (tmp_path / f"{name}.py").write_text(content)
        return [tmp_path / f"{name}.py" for name in contents]

    return make


@pytest.fixture
def log(tmp_path, monkeypatch):
    """Which files were judged since it was last asked."""
    path = tmp_path / "log.txt"
    monkeypatch.setenv("LOG", str(path))

    def read():
        names = sorted(path.read_text().split()) if path.exists() else []
        path.unlink(missing_ok=True)
        return names

    return read


@pytest.fixture(autouse=True)
def one_version(monkeypatch):
    """Results stay those of one version, also while somebody edits the checker."""
    monkeypatch.setattr(store_module, "_checker", lambda: "this version")


def run(paths, store=None, options=Options(), **more):  # noqa: B008
    done = sorted(check_many(paths, options, jobs=2, store=store, check=judge, **more), key=lambda item: item.index)
    assert [item.index for item in done] == list(range(len(paths)))
    return done


def test_every_file_has_its_own_result_whatever_the_others_do(folder):
    paths = folder(a="1", dies="die", b="2", c="3", dies_too="die", d="4")
    paths.insert(2, paths[0].parent / "gone.py")
    reports = [item.report for item in run(paths)]
    assert [report.file for report in reports] == [str(path) for path in paths]
    assert [report.correct for report in reports] == [True, False, False, True, True, False, True]
    assert "ended the process that checked it, with exit code 7; check it alone" in reports[1].problems[0].message
    assert "cannot be read (No such file or directory)" in reports[2].problems[0].message


def test_a_file_beyond_the_limit_is_ended_and_the_others_are_judged(folder):
    done = run(folder(a="1", hangs="hang", b="2", c="3"), limit=8.0)
    assert [item.report.correct for item in done] == [True, False, True, True]
    assert "was not done after 8 s" in done[1].report.problems[0].message


def test_what_is_kept_is_not_judged_again_and_a_changed_file_is(folder, tmp_path, log):
    paths = folder(a="1", b="2", empty="nothing")
    with Store(tmp_path / "results.sqlite") as store:
        first = run(paths, store)
        assert log() == ["a.py", "b.py", "empty.py"]
        assert not any(item.kept for item in first)
        again = run(paths, store)
        assert log() == ["empty.py"]  # there was no verdict to keep
        assert [item.kept for item in again] == [True, True, False]
        assert [item.report for item in again] == [item.report for item in first]
        paths[1].write_text("3")
        changed = run(paths, store)
        assert log() == ["b.py", "empty.py"]
        assert "b'3'" in changed[1].report.functions[0].reason


def test_a_verdict_of_a_moment_is_not_kept_and_one_of_the_file_is(folder, tmp_path, log):
    of_a_moment = {
        "late": "timeout it ran longer than 2 s",
        "lost": f"refused {ENDED}; the next job has a new one",
        "killed": f"refused it tried to start a thread, which the sandbox forbids; then: {KILLED}",
        "unlimited": f"refused {NOT_RUN}, since a limit could not be set",
    }
    paths = folder(**of_a_moment, module="refused it needs a module that the sandbox does not have")
    with Store(tmp_path / "results.sqlite") as store:
        run(paths, store)
        log()
        assert [item.kept for item in run(paths, store)] == [False, False, False, False, True]
        assert log() == ["killed.py", "late.py", "lost.py", "unlimited.py"]


def test_a_full_disk_is_said_once_and_ends_no_run(folder, tmp_path, capsys):
    paths = folder(a="1", b="2", c="3")
    with Store(tmp_path / "results.sqlite") as store:
        store._database.execute("PRAGMA max_page_count = 1")  # no more than it has
        paths[0].write_text("long " * 10_000)
        assert all(item.report.correct for item in run(paths, store))
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    assert re.search(
        r"^unrolled: `.*results\.sqlite` keeps no more results of this run \(.* full\); every file", said[0]
    )


def test_a_store_that_cannot_be_read_any_more_is_said_once_and_ends_no_run(folder, tmp_path, capsys):
    paths = folder(a="1", b="2")
    with Store(tmp_path / "results.sqlite") as store:
        store._database.execute("DROP TABLE results")
        done = run(paths, store)
    assert [(item.report.correct, item.kept) for item in done] == [(True, False)] * 2
    assert capsys.readouterr().err.count("keeps no more results of this run (no such table: results)") == 1


def test_other_options_or_another_version_judge_again_and_another_name_does_not(folder, tmp_path, log, monkeypatch):
    paths = folder(a="1")
    with Store(tmp_path / "results.sqlite") as store:
        run(paths, store)
        assert log() == ["a.py"]
        (report,) = run(paths, store, Options(timeout=3.0))
        assert log() == ["a.py"]
        assert "3.0" in report.report.functions[0].reason
        run(paths, store, fresh=True)
        assert log() == ["a.py"]
        (report,) = run([paths[0].rename(tmp_path / "other.py")], store)
        assert log() == []
        assert (report.kept, report.report.file) == (True, str(tmp_path / "other.py"))
        monkeypatch.setattr(store_module, "_checker", lambda: "next version")
        run([tmp_path / "other.py"], store)
        assert log() == ["other.py"]


LONG_RUN = """
import signal
import sys
from pathlib import Path
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs inherit it ignored
sys.path.insert(0, {tests!r})
from test_many import judge
from unrolled.check.files import Options
from unrolled.check.many import check_many
from unrolled.check import store
from unrolled.check.store import Store
store._checker = lambda: "this version"
if __name__ == "__main__":
    folder = Path({folder!r})
    with Store(folder / "results.sqlite") as store:
        for done in check_many(sorted(folder.glob("file*.py")), Options(), jobs=2, store=store, check=judge):
            print(done.index, flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_run_that_is_stopped_goes_on_where_it_stopped(folder, tmp_path, log, number):
    paths = folder(**{f"file{index:03}": f"slow {index}" for index in range(60)})
    script = tmp_path / "long_run"
    script.write_text(LONG_RUN.format(tests=str(Path(__file__).parent), folder=str(tmp_path)))
    process = subprocess.Popen(
        [sys.executable, str(script)],
        env={**os.environ, "PYTHONPATH": HOME},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    seen = [process.stdout.readline() for _ in range(10)]
    process.send_signal(number)
    rest, _ = process.communicate(timeout=60)
    finished = {int(line) for line in [*seen, *rest.split()]}
    assert 10 <= len(finished) < 60
    log()
    with Store(tmp_path / "results.sqlite") as store:
        done = run(paths, store)
    kept = {item.index for item in done if item.kept}
    assert finished <= kept
    assert len(kept) <= len(finished) + 1  # one may have been kept and not yet told of
    assert len(log()) == 60 - len(kept)


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="reads /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_process_outlives_a_run_that_is_stopped(folder, tmp_path, number):
    folder(file1="hang", file2="hang")
    script = tmp_path / "long_run"
    script.write_text(LONG_RUN.format(tests=str(Path(__file__).parent), folder=str(tmp_path)))
    process = subprocess.Popen(
        [sys.executable, str(script)], env={**os.environ, "PYTHONPATH": HOME}, stderr=subprocess.DEVNULL
    )
    children, deadline = [], time.monotonic() + 60
    while len(children) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        children = [child for child in children if "spawn_main" in Path(f"/proc/{child}/cmdline").read_text()]
    assert len(children) == 2
    time.sleep(2)  # until they are busy
    process.send_signal(number)
    process.wait(timeout=60)
    deadline = time.monotonic() + 30
    while any(Path(f"/proc/{child}").exists() for child in children) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not [child for child in children if Path(f"/proc/{child}").exists()]


def test_a_store_keeps_every_part_of_a_report(mixed, tmp_path):
    with Store(tmp_path / "deep" / "results.sqlite") as store:
        store.put("key", mixed)
    with Store(tmp_path / "deep" / "results.sqlite") as store:
        assert store.get("key", mixed.file) == mixed
        assert store.get("other key", mixed.file) is None


def test_a_file_that_is_no_store_is_named_with_a_remedy(tmp_path):
    (tmp_path / "notes.txt").write_text("no database at all" * 100)
    with pytest.raises(DataError, match=r"notes\.txt` cannot be used to keep results .* name another with --store"):
        Store(tmp_path / "notes.txt")
    with pytest.raises(DataError, match="cannot be used to keep results"):
        Store(tmp_path / "notes.txt" / "results.sqlite")


def test_the_store_is_in_the_users_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_path() == tmp_path / "unrolled" / "check.sqlite"


def test_an_edit_of_the_checker_or_the_equations_makes_another_version(tmp_path, monkeypatch):
    monkeypatch.undo()
    for name in ("check", "steps"):
        (tmp_path / name / "deep").mkdir(parents=True)
        (tmp_path / name / "deep" / "a.py").write_text("a = 1")
    monkeypatch.setattr(store_module, "__file__", str(tmp_path / "check" / "store.py"))
    versions = set()
    for text in ("a = 1", "a = 2"):
        for name in ("check", "steps"):
            (tmp_path / name / "deep" / "a.py").write_text(text)
            store_module._checker.cache_clear()
            versions.add(store_module._checker())
    store_module._checker.cache_clear()
    assert len(versions) == 3


def test_another_python_numpy_or_scipy_makes_another_version(monkeypatch):
    monkeypatch.undo()
    known = {"numpy": "2.0"}

    def version(name):
        if name not in known:
            raise store_module.metadata.PackageNotFoundError(name)
        return known[name]

    def now():
        store_module._checker.cache_clear()
        return store_module._checker()

    monkeypatch.setattr(store_module.metadata, "version", version)
    versions = [now()]
    for changed in ({"numpy": "2.1"}, {"scipy": "1.0"}, {"scipy": "1.1"}):
        known.update(changed)
        versions.append(now())
    monkeypatch.setattr(store_module.platform, "python_version", lambda: "3.99")
    versions.append(now())
    assert len(set(versions)) == 5
    monkeypatch.undo()
    store_module._checker.cache_clear()


def test_the_key_tells_contents_and_options_apart():
    keys = {key_of(content, {"only": only}) for content in (b"a", b"b") for only in (None, ["softmax"])}
    assert len(keys) == 4


def test_a_folder_stands_for_its_notebooks_and_python_files(tmp_path):
    for name in ("b/x.ipynb", "a.py", "b/c/y.PY", "notes.txt", ".hidden.py", "b/.ipynb_checkpoints/x.ipynb"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    for name in ("__MACOSX/a.py", "venv/lib/z.py", "__pycache__/a.py"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).touch()
    found = search([str(tmp_path)])
    assert [str(path.relative_to(tmp_path)) for path in found.files] == ["a.py", "b/x.ipynb", "b/c/y.PY"]
    assert found.refused == []


def test_names_and_patterns_stand_for_files_each_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a.py", "b.py", "odd[1].py", "sub/c.ipynb"):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).touch()
    assert [str(path) for path in search(["b.py", "*.py", "**/*.ipynb"]).files] == [
        *("b.py", "a.py", "odd[1].py", "sub/c.ipynb")
    ]
    assert [str(path) for path in search(["odd[1].py"]).files] == ["odd[1].py"]


def test_a_link_or_a_pipe_in_a_folder_is_not_opened(tmp_path):
    (tmp_path / "class").mkdir()
    (tmp_path / "secret.py").write_text("password")
    (tmp_path / "class" / "hw.py").symlink_to(tmp_path / "secret.py")
    (tmp_path / "class" / "linked").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "class" / "pipe.py")
    found = search([str(tmp_path / "class")])
    assert found.files == []
    assert [Path(report.file).name for report in found.refused] == ["hw.py", "pipe.py"]
    assert all("is a link or no regular file" in report.problems[0].message for report in found.refused)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["gone.py"], "`gone.py` does not exist, expected a .py or .ipynb file or a folder; check the path"),
        (["*.ipynb"], r"`\*.ipynb` matches nothing, expected .py or .ipynb files; check the pattern"),
        (["."], r"no .py or .ipynb file in `\.`; check the path"),
    ],
)
def test_what_is_not_there_is_named(tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=message):
        search(arguments)


def test_a_file_too_large_to_be_a_submission_is_not_read(tmp_path):
    with (tmp_path / "large.py").open("wb") as file:
        file.truncate(1 << 27)
    with pytest.raises(DataError, match="has 134,217,728 bytes, expected at most 67,108,864; clear the notebook's"):
        read_bytes(tmp_path / "large.py")


def test_one_file_is_ones_own_and_many_are_a_class(tmp_path):
    (tmp_path / "a[1].py").touch()
    assert not class_run([str(tmp_path / "a[1].py")])
    assert class_run([str(tmp_path)])
    assert class_run([str(tmp_path / "*.py")])


def test_a_process_for_each_core_that_may_be_used():
    assert 1 <= cores() <= os.cpu_count()


def test_nothing_of_a_stores_reports_is_code(mixed, tmp_path):
    with Store(tmp_path / "results.sqlite") as store:
        store.put("key", mixed)
        (text,) = store._database.execute("SELECT report FROM results").fetchone()
    assert json.loads(text)["file"] == mixed.file
