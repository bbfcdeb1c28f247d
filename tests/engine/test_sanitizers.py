"""A build with sanitizers finds nothing in any kernel, and it would: it sees what is planted by calls from outside.

Only where a sanitizer's runtime is preloaded, as .ci/run does.
"""

import os
import re

import pytest

from engine.processes import python
from unrolled import engine

PRELOADED = os.environ.get("LD_PRELOAD", "")
sanitized = pytest.mark.skipif("libasan" not in PRELOADED and "libtsan" not in PRELOADED, reason="no sanitizer")
memory = pytest.mark.skipif("libasan" not in PRELOADED, reason="not a build with AddressSanitizer")
races = pytest.mark.skipif("libtsan" not in PRELOADED, reason="not a build with ThreadSanitizer")


@sanitized
@pytest.mark.parametrize("isa", engine.info()["usable_instruction_sets"])
def test_nothing_is_found_in_the_kernels_of_any_instruction_set(isa):
    """All cells and kinds of size, unequal lengths, tokens, products, softmax, memory modes, threads."""
    done = python("-m", "engine.small_check", seconds=600, UNROLLED_ISA=isa, UNROLLED_NUM_THREADS="3")
    assert (done.returncode, done.stdout) == (0, f"{isa}: all results are right\n"), done.stdout + done.stderr
    assert "Sanitizer" not in done.stderr


SETUP = """
import threading
import numpy as np
from unrolled.engine import _native
draw = np.random.default_rng(0).normal
rows, depth, units = 700, 33, 64  # whole vectors: those of AVX-512 that write a part of one are not watched
x, packed = draw(size=(rows, depth)), np.zeros(_native.packed_size(np.zeros(1), units, depth))
def rows_product(y):
    _native.rows_product(x, rows, packed, units, depth, None, y)
"""

A_CLASS_BEYOND_THE_LAST = """
logits, targets = draw(size=(50, 100)), np.zeros(50, np.int32)
def softmax():
    _native.softmax_cross_entropy(logits, targets, 50, 100, np.empty(50), np.empty((50, 100)))
softmax()
print("right", flush=True)
targets[-1] = 100
softmax()
print("not seen")
"""

AN_ARRAY_TOO_SHORT_BY_ONE = """
rows_product(_native.empty(rows * units * 8).view(float))
print("right", flush=True)
too_short = _native.empty(rows * units * 8 - 8).view(float)
rows_product(np.lib.stride_tricks.as_strided(too_short, (rows * units,), (8,)))
print("not seen")
"""

A_SIZE_THAT_NO_INTEGER_HOLDS = """
print("right", flush=True)
_native.packed_size(np.zeros(1), 1 << 62, 4)
print("not seen")
"""

ONE_RESULT_FOR_TWO_THREADS = """
y = np.empty((rows, units))
rows_product(y)
print("right", flush=True)
def work():
    for _ in range(100):
        rows_product(y)
threads = [threading.Thread(target=work) for _ in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""

# One native call of seconds, interrupted by an alarm; a minute where nothing interrupts it.
INTERRUPTED = """
import signal, sys
import numpy as np
from unrolled import engine
from unrolled.engine import _native
_native.notice_crowds(False)
from unrolled.layers import LSTM
def interrupt(*_):
    raise KeyboardInterrupt
signal.signal(signal.SIGALRM, interrupt)
engine.threads(int(sys.argv[1]))
layer = LSTM(1, 256, dtype="float64", seed=0)
x = np.zeros((200_000, 1, 1))
small = layer(x[:50])[0].tobytes()
signal.setitimer(signal.ITIMER_REAL, 0.3)
try:
    layer(x)
    print("finished")
except KeyboardInterrupt:
    print("interrupted")
print("and works" if layer(x[:50])[0].tobytes() == small else "and is broken")
"""


@sanitized
@pytest.mark.parametrize("count", ["1", "2"])
def test_nothing_is_found_where_a_call_is_interrupted(count):
    """Not how soon: that is test_threads.py's, whose second is too short for a build with sanitizers."""
    done = python("-c", INTERRUPTED, count, seconds=300)
    assert (done.returncode, done.stdout, done.stderr) == (0, "interrupted\nand works\n", "")


def reported(program: str, **environment: str) -> str:
    done = python("-c", SETUP + program, seconds=120, UNROLLED_NUM_THREADS="1", **environment)
    assert done.stdout == "right\n", done.stdout + done.stderr
    assert done.returncode
    return done.stderr


@memory
def test_a_read_beyond_an_array_is_seen():
    said = reported(A_CLASS_BEYOND_THE_LAST)
    assert "ERROR: AddressSanitizer: heap-buffer-overflow" in said, said
    assert "softmax_cross_entropy" in said


@memory
@pytest.mark.parametrize("isa", engine.info()["usable_instruction_sets"])
def test_a_write_one_number_beyond_the_engines_own_memory_is_seen(isa):
    said = reported(AN_ARRAY_TOO_SHORT_BY_ONE, UNROLLED_ISA=isa)
    # a vector that is only partly beyond has no name there
    assert re.search("ERROR: AddressSanitizer: (heap-buffer-overflow|unknown-crash)", said), said
    assert "rows_product" in said


@memory
def test_undefined_arithmetic_is_seen():
    assert "runtime error: signed integer overflow" in reported(A_SIZE_THAT_NO_INTEGER_HOLDS)


@races
def test_two_threads_that_write_one_array_are_seen():
    said = reported(ONE_RESULT_FOR_TWO_THREADS)
    assert "WARNING: ThreadSanitizer: data race" in said, said
    assert "rows_product" in said
