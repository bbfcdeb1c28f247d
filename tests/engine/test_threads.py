"""Threads: the same bits for any number of them, the right number, and calls crowded, forked or interrupted."""
# ruff: noqa: E741 - an axis is I, as in the equations

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from engine.against_steps import GATES, Case, by_engine, cases, numbers
from engine.processes import PACKAGE, python
from helpers import rng
from unrolled import engine
from unrolled.engine import _native, threads
from unrolled.errors import ParameterError
from unrolled.layers import LSTM, Dense, Embedding, Stack

# `unrolled.engine.threads` the attribute is the class; this is the module
module = sys.modules["unrolled.engine.threads"]

COUNTS = (2, 3, 7)  # more than this machine may have: they then take turns


@pytest.fixture(autouse=True)
def restored():
    before = threads.count()
    yield
    threads(before)


def assert_same_bits(one: dict[str, np.ndarray], many: dict[str, np.ndarray]) -> None:
    for name, array in one.items():
        assert array.tobytes() == many[name].tobytes(), name


# Rows shared (a tile's height for each thread), units shared (small batch), neither; one chunk of steps and several;
# sequences dealt out in turn where their lengths differ.
BITS = [
    *cases((24, 64, 20, 48), (200, 1, 24, 130), (60, 5, 33, 100), (250, 13, 3, 33), (3, 45, 300, 270)),
    *cases((60, 22, 20, 60), (80, 3, 33, 130), num_layers=2, bidirectional=True, padded=True),
]


def test_these_cases_are_long_enough_for_seven_threads():
    """The engine wakes a thread for a million flops or more; a test of fewer would compare one thread with one."""
    for case in BITS:
        assert 2 * case.T * case.N * GATES[case.cell] * case.H * (case.H + case.I) > 7e6, case


@pytest.mark.parametrize("case", BITS, ids=str)
def test_a_recurrent_layer_gives_the_same_bits_for_any_number_of_threads(case: Case):
    given = numbers(case)
    with threads(1):
        one = by_engine(case, given)
    for count in COUNTS:
        with threads(count):
            assert_same_bits(one, by_engine(case, given))


def dense_results(dtype: str) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    results = {}
    for M, I, K in ((700, 90, 65), (40, 300, 400), (3, 1000, 1200), (1100, 80, 47)):
        x, weight, bias, dy = (rng.normal(size=shape).astype(dtype) for shape in ((M, I), (K, I), (K,), (M, K)))
        dx, dweight, dbias = engine.dense_backward(x, weight, dy)
        named = {"y": engine.dense_forward(x, weight, bias), "dx": dx, "dweight": dweight, "dbias": dbias}
        results |= {f"{name} {M}x{I}x{K}": array for name, array in named.items()}
    logits, targets = rng.normal(size=(2100, 67)).astype(dtype), rng.integers(67, size=2100)
    results["losses"], results["dlogits"] = engine.softmax_cross_entropy(logits, targets)
    return results


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_products_and_the_softmax_head_give_the_same_bits_for_any_number_of_threads(dtype):
    with threads(1):
        one = dense_results(dtype)
    for count in COUNTS:
        with threads(count):
            assert_same_bits(one, dense_results(dtype))


def token_results(dtype: str, N: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    layers = {"e": Embedding(19, 12, dtype=dtype, seed=1), "lstm": LSTM(12, 90, num_layers=2, dtype=dtype, seed=2)}
    model = Stack(**layers, dense=Dense(90, 19, dtype=dtype, seed=3))
    run = model.forward(rng.integers(19, size=(100, N)))
    grads = model.backward(run, rng.normal(size=run.output.shape).astype(dtype))
    return {"output": run.output, "h": run.state["lstm"].h, "c": run.state["lstm"].c, **grads.parameters}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("N", [2, 50])
def test_tokens_give_the_same_bits_for_any_number_of_threads(dtype, N):
    with threads(1):
        one = token_results(dtype, N)
    for count in COUNTS:
        with threads(count):
            assert_same_bits(one, token_results(dtype, N))


def test_a_block_sets_the_number_and_gives_the_old_one_back_even_after_an_error():
    before = threads.count()
    with threads(before + 3):
        assert threads.count() == before + 3 == engine.info()["threads"]
        with suppress(ZeroDivisionError), threads(1):
            assert threads.count() == 1
            _ = 1 / 0
        assert threads.count() == before + 3
    assert threads.count() == before


def test_without_a_block_the_number_stays():
    threads(5)
    assert threads.count() == 5
    threads(None)
    assert threads.count() == engine.default_threads()


@pytest.mark.parametrize("count", [0, -1, 1.0, "2", True])
def test_a_number_of_threads_that_is_none_is_refused_and_changes_nothing(count):
    before = threads.count()
    with pytest.raises(ParameterError, match=r"`count` is .*, expected a positive integer; pass None for the default"):
        threads(count)
    assert threads.count() == before


OWN, V1 = "proc/self/cgroup", "11:cpuset:/elsewhere\n4:cpu,cpuacct:/jobs/17\n1:name=systemd:/user\n"
SERVICE = "0::/system.slice/app.service\n"


@pytest.mark.parametrize(
    ("cores", "expected", "files"),
    [
        (6, 6, {}),
        (6, 6, {OWN: "0::/\n"}),
        (6, 6, {OWN: "0::/\n", "cpu.max": "max 100000\n"}),
        (6, 2, {OWN: "0::/\n", "cpu.max": "200000 100000\n"}),
        (6, 2, {OWN: "0::/\n", "cpu.max": "250000 100000\n"}),
        (6, 1, {OWN: "0::/\n", "cpu.max": "50000 100000\n"}),
        (2, 2, {OWN: "0::/\n", "cpu.max": "800000 100000\n"}),
        (6, 3, {OWN: SERVICE, "system.slice/app.service/cpu.max": "300000 100000\n"}),
        (6, 4, {OWN: SERVICE, "system.slice/cpu.max": "400000 100000\n", "other.slice/cpu.max": "100000 100000\n"}),
        (6, 2, {OWN: SERVICE, "system.slice/cpu.max": "2 1\n", "system.slice/app.service/cpu.max": "3 1\n"}),
        (6, 2, {OWN: SERVICE, "system.slice/cpu.max": "3 1\n", "system.slice/app.service/cpu.max": "2 1\n"}),
        (6, 5, {OWN: SERVICE, "cpu.max": "5 1\n", "system.slice/cpu.max": "max 100000\n"}),
        (6, 3, {OWN: "0::/a:b/\u00fc\n", "a:b/\u00fc/cpu.max": "3 1\n"}),
        (6, 6, {OWN: V1, "cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}),
        (6, 3, {OWN: V1, "cpu/cpu.cfs_quota_us": "300000\n", "cpu/cpu.cfs_period_us": "100000\n"}),
        (6, 4, {OWN: V1, "cpu/jobs/17/cpu.cfs_quota_us": "4\n", "cpu/jobs/17/cpu.cfs_period_us": "1\n"}),
        (6, 5, {OWN: V1, "cpu/jobs/cpu.cfs_quota_us": "5\n", "cpu/jobs/cpu.cfs_period_us": "1\n"}),
        (6, 6, {OWN: V1, "cpu/elsewhere/cpu.cfs_quota_us": "2\n", "cpu/elsewhere/cpu.cfs_period_us": "1\n"}),
        (6, 4, {OWN: V1 + SERVICE, "cpu/jobs/cpu.cfs_quota_us": "4\n", "cpu/jobs/cpu.cfs_period_us": "1\n"}),
    ],
)
def test_the_default_is_the_least_of_affinity_and_the_quotas_up_to_the_root(
    monkeypatch, tmp_path, cores, expected, files
):
    for name, text in files.items():
        file = tmp_path / (name if name == OWN else f"sys/fs/cgroup/{name}")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    monkeypatch.delenv("UNROLLED_NUM_THREADS", raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(cores)), raising=False)
    monkeypatch.setattr(module, "Path", lambda path: tmp_path / Path(path).relative_to("/"))
    assert engine.default_threads() == expected


def test_a_system_without_affinity_counts_its_cores(monkeypatch, tmp_path):
    monkeypatch.delenv("UNROLLED_NUM_THREADS", raising=False)
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 11)
    monkeypatch.setattr(module, "Path", lambda path: tmp_path / "nothing")
    assert engine.default_threads() == 11


# On one core two threads are in each other's way: each waits at every step until it gives the core away. From then on
# calls and steps of a stream run alone: the other thread takes no time.
CROWDED = """
import os, threading, time
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
import numpy as np
from unrolled import LSTM, threads
from unrolled.engine import _native
layer, x = LSTM(64, 64, seed=0), np.random.default_rng(0).normal(size=(300, 1, 64)).astype(np.float32)
large = LSTM(512, 512, seed=0)
x_t = np.ones((1, 512), np.float32)
first = threading.Thread(target=lambda: None)  # a sanitizer's own thread comes with it
first.start(), first.join()

def of_worker(name):
    with open(f"/proc/self/task/{worker}/{name}") as file:
        return file.read()

def nanoseconds_of_worker(call):
    def asleep():
        while of_worker("stat").rsplit(")", 1)[1].split()[0] != "S":  # it spins for a while after each call
            time.sleep(0.001)
        return int(of_worker("schedstat").split()[0])
    before = asleep()
    result = call()
    return asleep() - before, result

with threads(1):
    large.step(x_t)
    others = set(os.listdir("/proc/self/task"))
    alone = layer(x)[0]
    print(_native.cores_are_crowded())
with threads(2):
    together = layer(x)[0]
    (worker,) = set(os.listdir("/proc/self/task")) - others
    again_by_worker, (again, _) = nanoseconds_of_worker(lambda: layer(x))
    step_by_worker, _ = nanoseconds_of_worker(lambda: large.step(x_t))
    print(_native.cores_are_crowded(), again_by_worker, step_by_worker)
    _native.notice_crowds(False)
    together_by_worker, _ = nanoseconds_of_worker(lambda: layer(x))
    step_together_by_worker, _ = nanoseconds_of_worker(lambda: large.step(x_t))
    print(_native.cores_are_crowded(), together_by_worker > 0, step_together_by_worker > 0)
print(alone.tobytes() == together.tobytes() == again.tobytes())
"""


def time_of_threads_is_told():
    try:
        return int(Path("/proc/thread-self/schedstat").read_text(encoding="ascii").split()[0]) > 0
    except OSError:
        return False


@pytest.mark.skipif(not time_of_threads_is_told(), reason="the system does not tell what time a thread took")
def test_threads_in_each_others_way_are_noticed_and_run_alone_with_the_same_results():
    done = python("-c", CROWDED)
    assert done.stdout.splitlines() == ["False", "True 0 0", "False True True", "True"], done.stderr


def test_the_environment_decides_the_number():
    done = python("-c", "import unrolled.engine as e; print(e.threads.count())", UNROLLED_NUM_THREADS="3")
    assert done.stdout == "3\n", done.stderr


@pytest.mark.parametrize("wrong", ["0", "-2", "two", "1.5", "", "²"])
def test_a_wrong_number_in_the_environment_is_refused_at_import(wrong):
    done = python("-c", "import unrolled.engine", UNROLLED_NUM_THREADS=wrong)
    assert done.returncode == 1
    assert f"ParameterError: `UNROLLED_NUM_THREADS` is {wrong!r}, expected a positive integer; unset it" in done.stderr


def test_calls_from_many_python_threads_at_once_give_the_right_results():
    cases = [Case("lstm", 20, 14, 9, 40, seed=1), Case("gru", 30, 2, 50, 90, seed=2), Case("lstm", 9, 3, 8, 20, seed=3)]
    threads(2)
    given = [numbers(case) for case in cases]
    alone = [by_engine(*pair) for pair in zip(cases, given, strict=True)]
    wrong, start = [], threading.Barrier(6)

    def work(k: int) -> None:
        start.wait()
        for turn in range(12):
            which = (k + turn) % len(cases)
            try:
                assert_same_bits(alone[which], by_engine(cases[which], given[which]))
            except BaseException as error:  # a failure in a thread would be lost
                wrong.append(error)

    workers = [threading.Thread(target=work, args=(k,)) for k in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not wrong


def test_the_number_may_rise_between_the_sizing_of_scratch_and_the_call(monkeypatch):
    """As another Python thread may do at any time; it is done here at the worst moment."""
    case = Case("lstm", 20, 14, 9, 40)
    given, dense = numbers(case), rng(0).normal(size=(3, 700, 65))
    with threads(1):
        alone = by_engine(case, given), engine.dense_backward(dense[0], dense[1], dense[0] @ dense[1].T)
    for name in ("outer_scratch",):
        sized = getattr(_native, name)

        def then_more(*arguments, sized=sized):
            numbers_of_scratch = sized(*arguments)
            threads(9)
            return numbers_of_scratch

        monkeypatch.setattr(_native, name, then_more)
    threads(1)
    assert_same_bits(alone[0], by_engine(case, given))
    threads(1)
    for found, expected in zip(engine.dense_backward(dense[0], dense[1], dense[0] @ dense[1].T), alone[1], strict=True):
        np.testing.assert_array_equal(found, expected)


FORK = """
import os, sys, warnings
warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of any fork in a process with threads
import numpy as np
from unrolled.engine import _native, threads
from unrolled.layers import LSTM
threads(3)
layer = LSTM(20, 64, dtype="float64", seed=0)
x = np.random.default_rng(0).normal(size=(20, 40, 20))
def bits():
    run = layer.forward(x)
    grads = layer.backward(run, np.ones_like(run.output))
    return run.output.tobytes() + grads.parameters["weight_hh_l0"].tobytes()
before = bits()
child = os.fork()
if child == 0:
    os._exit(0 if bits() == before == bits() else 1)
_, status = os.waitpid(child, 0)
sys.exit(os.waitstatus_to_exitcode(status) or bits() != before)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_computes_the_same_bits_and_so_does_its_parent():
    done = python("-c", FORK)
    assert done.returncode == 0, done.stderr


# One native call of several seconds where nobody interrupts it. Results that nobody has reached take no memory, and the
# way back, which computes gates and cells again, takes three times as long as the forward pass before it.
LONG_CALL = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs inherit it ignored
import numpy as np
from unrolled.engine import _native, threads
from unrolled.layers import LSTM, Dense
_native.notice_crowds(False)
what = sys.argv[1]
threads(int(sys.argv[2]))
if what == "rows of a dense layer":
    layer, x = Dense(2048, 4000, dtype="float64", seed=0), np.zeros((30_000, 2048))
else:
    T, H = {"forward": (200_000, 256), "backward": (24_000, 256), "long steps": (500, 2048)}[what]
    layer, x = LSTM(1, H, recurrent_init="glorot_uniform", dtype="float64", seed=0), np.zeros((T, 1, 1))
small = layer(x[:5])[0].tobytes()
if what == "backward":
    run = layer.forward(x, memory="sqrt")
print("calling", flush=True)
try:
    if what == "backward":
        layer.backward(run, None)
    else:
        layer(x)
    print("finished", flush=True)
except KeyboardInterrupt:
    print("interrupted", flush=True)
print("and works" if layer(x[:5])[0].tobytes() == small else "and is broken")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="a Windows console has no SIGINT for one process")
@pytest.mark.parametrize("what", ["forward", "backward", "long steps", "rows of a dense layer"])
@pytest.mark.parametrize("count", [1, 2])
def test_ctrl_c_ends_a_long_call_within_a_second_and_the_engine_works_on(what, count):
    with subprocess.Popen(
        [sys.executable, "-c", LONG_CALL, what, str(count)],
        env=os.environ | {"PYTHONPATH": str(PACKAGE)},
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdout
        try:
            assert child.stdout.readline() == "calling\n"
            time.sleep(0.3)
            start = time.monotonic()
            child.send_signal(signal.SIGINT)
            assert child.stdout.readline() == "interrupted\n"
            assert time.monotonic() - start < 1
            assert child.stdout.readline() == "and works\n"
        finally:
            child.kill()
