"""Threads of one call that a system has put on one core move apart."""

import os
import subprocess
import sys

import pytest

from engine.compiled import COMPILER, KERNELS, PROGRAMS, compile_object, link
from engine.processes import python

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux") or len(os.sched_getaffinity(0)) < 2, reason="not Linux, or one core to use"
)


@pytest.mark.skipif(COMPILER is None, reason="no C++ compiler")
def test_a_thread_on_the_core_of_another_moves_to_a_free_one_and_keeps_its_affinity(tmp_path):
    sources = {"cores": KERNELS / "cores.cpp", "program": PROGRAMS / "cores.cpp"}
    objects = [compile_object(tmp_path / f"{name}.o", source, COMPILER) for name, source in sources.items()]
    program = link(tmp_path / "cores_program", objects, COMPILER)
    a, b = sorted(os.sched_getaffinity(0))[:2]
    done = subprocess.run([program, str(a), str(b)], capture_output=True, text=True, check=True, timeout=60)
    first, second, third, *of_next_call = done.stdout.splitlines()
    assert first == f"first: core {a}, affinity kept"
    assert second == f"second: core {b}, affinity kept"
    assert third.startswith("third, where none is left: ")
    assert third.endswith("affinity kept")
    assert of_next_call == [
        f"first of the next call: core {b}, affinity kept",
        f"second, bound to its core: core {b}, affinity kept",
        f"third, on a free core: core {a}, affinity kept",
    ]


# The pool's worker sleeps on the core where the calling thread stays, and may use another. A virtual machine wakes it
# where it slept when that other core has slept, too; other systems may wake it on the other core by themselves.
WOKEN = """
import os, sys, threading, time
here, other = map(int, sys.argv[1:])
os.sched_setaffinity(0, {here})
import numpy as np
from unrolled import LSTM, threads
from unrolled.engine import _native
_native.notice_crowds(False)
layer, x = LSTM(64, 64, seed=0), np.zeros((30, 16, 64), np.float32)
threads(2)
first = threading.Thread(target=lambda: None)  # a sanitizer's own thread comes with it
first.start(), first.join()
others = set(os.listdir("/proc/self/task"))
layer(x)
(worker,) = set(os.listdir("/proc/self/task")) - others

def core_of_worker():
    with open(f"/proc/self/task/{worker}/stat") as file:
        return int(file.read().rsplit(")", 1)[1].split()[36])

apart = 0
for _ in range(8):
    os.sched_setaffinity(int(worker), {here})
    layer(x)
    os.sched_setaffinity(int(worker), {here, other})
    time.sleep(0.25)
    layer(x)
    apart += core_of_worker() == other
print(apart, os.sched_getaffinity(int(worker)) == {here, other})
"""


def test_a_worker_that_wakes_up_on_the_core_of_its_caller_leaves_it():
    a, b = sorted(os.sched_getaffinity(0))[:2]
    done = python("-c", WOKEN, str(a), str(b))
    assert done.returncode == 0, done.stderr
    apart, kept = done.stdout.split()
    assert int(apart) >= 5  # not all: a busy system may bring it back
    assert kept == "True"
