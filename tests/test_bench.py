"""The benchmark harness with fake workers: agreement, statistics, records, deaths; no test asserts a time."""

import importlib.metadata
import importlib.util
import math
import os
import sys
import tomllib
from pathlib import Path

import pytest

import unrolled
from unrolled.bench.machine import describe_machine
from unrolled.bench.serving import timed
from unrolled.bench.statistics import geometric_mean, spread
from unrolled.bench.workers import Worker, WorkerError, allowed_cores, environment

ROOT = Path(__file__).parent.parent
HOME = str(Path(unrolled.__file__).parent.parent)
CORES = allowed_cores()  # before any worker is started

FAKE = """
import os, signal, sys, time
from unrolled.bench.serving import serve

class Fake:
    def add(self, a, b): return a + b
    def chatter(self): print("a library speaks"); os.write(1, b"and its native part\\n"); return "answered"
    def fail(self): raise ValueError("not today")
    def leave(self): print("last words", file=sys.stderr, flush=True); os._exit(3)
    def crash(self): os.kill(os.getpid(), signal.SIGKILL)
    def hang(self): time.sleep(60)
    def process(self): return os.getpid()
    def cores(self): return sorted(os.sched_getaffinity(0))
    def variable(self, name): return os.environ.get(name)

serve(Fake())
"""


def fake(**options):
    return Worker("fake", [sys.executable, "-c", FAKE], **options)


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    """Workers are processes of their own, and find the package where this one did."""
    monkeypatch.setenv("PYTHONPATH", HOME + os.pathsep + os.environ.get("PYTHONPATH", ""))


def test_a_worker_answers_by_method_and_argument_and_what_libraries_print_does_no_harm():
    with fake() as worker:
        assert worker.ask("add", a=2, b=3) == 5
        assert worker.ask("chatter") == "answered"
        assert worker.ask("add", a="x", b="y") == "xy"
    with pytest.raises(WorkerError, match=r"^fake was closed$"):
        worker.ask("add", a=2, b=3)


def test_an_exception_in_a_worker_is_told_and_the_worker_goes_on():
    with fake() as worker:
        with pytest.raises(WorkerError, match=r"^fake: ValueError: not today$"):
            worker.ask("fail")
        assert worker.ask("add", a=1, b=1) == 2


def test_a_worker_that_leaves_is_reported_with_its_exit_code_and_last_words():
    with fake() as worker, pytest.raises(WorkerError, match=r"^fake left with exit code 3: last words$"):
        worker.ask("leave")
    assert not worker.alive


def test_a_worker_that_is_killed_is_reported_with_its_signal_then_and_when_asked_again():
    with fake() as worker:
        for _ in range(2):
            with pytest.raises(WorkerError, match=r"^fake was ended by SIGKILL$"):
                worker.ask("crash")


def test_a_worker_that_does_not_answer_in_time_is_ended():
    with fake(timeout=5) as worker:
        process = worker.ask("process")
        worker.timeout = 0.2
        with pytest.raises(WorkerError, match=r"^fake did not answer `hang` within 0\.2 s$"):
            worker.ask("hang")
        assert not worker.alive
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system has no affinities")
def test_a_worker_is_held_to_as_many_cores_as_threads_and_the_harness_is_not():
    with fake(threads=1) as worker:
        assert worker.ask("cores") == CORES[:1]
    assert allowed_cores() == CORES


def test_every_library_is_told_the_same_number_of_threads_and_no_kernels_are_forced(monkeypatch):
    for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "UNROLLED_ISA"):
        monkeypatch.setenv(name, "7")
        assert name not in environment(1)
    with fake(threads=2) as worker:
        for name in ("OMP_NUM_THREADS", "UNROLLED_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
            assert worker.ask("variable", name=name) == "2"


def test_timing_warms_up_once_and_then_times_for_as_long_as_it_was_told():
    calls = []
    result = timed(lambda: calls.append(None), 0.0)
    assert (len(calls), result["calls"]) == (2, 1)
    assert timed(lambda: None, 0.02)["calls"] > 10
    durations = iter([1.0, 0.0, 0.0])
    slow_first = timed(lambda: __import__("time").sleep(next(durations, 0.0) * 0.2), 0.0)
    assert slow_first["seconds"] < 0.2  # the warm-up is not counted


def test_quartiles_are_linear_between_neighbours_and_do_not_depend_on_order():
    assert spread([5, 1, 3, 2, 4]) == spread([1, 2, 3, 4, 5]) == (2, 3, 4)
    assert spread([1.0, 2.0]) == (1.25, 1.5, 1.75)
    assert spread([1, 2, 3, 4, 5]).width == pytest.approx(2 / 3)
    assert spread([7.0]) == (7, 7, 7)


def test_the_geometric_mean_is_that_of_the_logarithms():
    assert geometric_mean([1.0, 10.0, 100.0]) == pytest.approx(10)
    assert geometric_mean(x for x in (2.0,)) == pytest.approx(2)


def test_the_machine_is_described_without_the_name_of_a_host_or_a_folder():
    described = describe_machine()
    assert {"processor", "cores", "instruction set", "system", "Python", "NumPy", "unrolled"} <= described.keys()
    words = " ".join(described.values())
    assert all(described.values())
    assert "/" not in words.replace("/s", "")
    assert os.uname().nodename.lower() not in words.lower().split()


def test_the_version_is_the_installed_one_or_that_of_the_source_tree(monkeypatch, tmp_path):
    monkeypatch.setattr("importlib.metadata.version", {"unrolled": "7.8.9"}.__getitem__)
    assert describe_machine()["unrolled"] == "7.8.9"

    def missing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr("importlib.metadata.version", missing)
    tree = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    monkeypatch.setattr("unrolled.bench.machine.__file__", str(ROOT / "src" / "unrolled" / "bench" / "machine.py"))
    assert describe_machine()["unrolled"] == f"{tree} from its source tree"
    monkeypatch.setattr("unrolled.bench.machine.__file__", str(tmp_path / "src" / "unrolled" / "bench" / "machine.py"))
    assert describe_machine()["unrolled"] == "not installed"


# The character model's benchmark.


def script(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / "benchmarks" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


class FakeSide:
    """Answers `time` with 1, 2, 3, ... times a duration, and writes down when it was asked."""

    def __init__(self, name, seconds, log):
        self.name, self.seconds, self.log, self.count = name, seconds, log, 0

    def ask(self, do, *, seconds):
        assert (do, seconds) == ("time", 0.25)
        self.log.append(self.name)
        self.count += 1
        return {"seconds": self.seconds * self.count, "calls": 1}


def test_losses_that_differ_are_refused_before_anything_is_timed():
    character_model = script("character_model")
    assert character_model.check_agreement({"unrolled": [4.0, 2.0], "torch": [4.0, 2.0 + 1e-6]}) == pytest.approx(5e-7)
    for wrong in ([4.0, 2.001], [4.0, math.nan]):
        with pytest.raises(SystemExit, match=r"losses differ by .*, expected at most 1e-05: .*nothing was timed"):
            character_model.check_agreement({"unrolled": [4.0, 2.0], "torch": wrong})


def test_sides_take_turns_and_every_other_round_begins_with_the_other(capsys):
    log = []
    sides = {"unrolled": FakeSide("u", 0.1, log), "torch": FakeSide("t", 0.3, log)}
    times = script("character_model").take_turns(sides, 3, 0.25)
    assert "".join(log) == "uttuut"
    assert times["torch"] == pytest.approx([0.3, 0.6, 0.9])
    assert "round 3 of 3: unrolled 300.0 ms, torch 900.0 ms" in capsys.readouterr().out


def test_rates_are_characters_a_second_and_the_ratio_is_between_neighbours_in_time():
    result = script("character_model").rates({"unrolled": [1.0, 2.0, 4.0], "torch": [3.0, 2.0, 20.0]}, 100)
    assert result["unrolled"] == (37.5, 50, 75)
    assert result["ratio"].median == 3  # of 3, 1 and 5; not of the medians, 3 / 2


def test_every_round_of_the_character_model_is_kept_with_the_machine(tmp_path):
    target = tmp_path / "new" / "result.csv"
    script("character_model").write_csv(target, {"cores": "2"}, {"unrolled": [0.5], "torch": [1.0, 2.0]}, 100)
    assert target.read_text(encoding="utf-8").splitlines() == [
        "# cores: 2",
        "side,round,seconds_per_step,characters_per_second",
        "unrolled,1,0.5,200",
        "torch,1,1,100",
        "torch,2,2,50",
    ]
