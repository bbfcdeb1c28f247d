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
import sys, threading
import numpy as np
from unrolled.engine import _native, recurrent
draw = np.random.default_rng(0).normal
T, N, I, H = 200, 12, 20, 64
weights = recurrent.Weights("lstm", *(draw(size=size) for size in ((4 * H, I), (4 * H, H), 4 * H)))
state = np.zeros((N, H))
"""

A_TOKEN_BEYOND_THE_TABLE = """
tokens, embedding = np.zeros((T, N), np.int32), draw(size=(5, I))
recurrent.forward(weights, None, state, state, keep="gates", tokens=tokens, embedding=embedding)
print("right", flush=True)
tokens[-1, -1] = 5
recurrent.forward(weights, None, state, state, keep="gates", tokens=tokens, embedding=embedding)
print("not seen")
"""

AN_ARRAY_TOO_SHORT_BY_ONE = """
units = 64  # whole vectors: those of AVX-512 that write a part of one are not watched
x, packed = draw(size=(70, 33)), np.zeros(_native.packed_size(np.zeros(1), 1, units, 33))
_native.rows_product(x, 70, packed, units, 33, None, _native.empty(70 * units * 8).view(float))
print("right", flush=True)
too_short = _native.empty(70 * units * 8 - 8).view(float)
whole = np.lib.stride_tricks.as_strided(too_short, (70 * units,), (8,))
_native.rows_product(x, 70, packed, units, 33, None, whole)
print("not seen")
"""

A_SIZE_THAT_NO_INTEGER_HOLDS = """
print("right", flush=True)
_native.packed_size(np.zeros(1), 1, 1 << 62, 4)
print("not seen")
"""

ONE_CALL_RUN_BY_TWO_THREADS_AT_ONCE = """
call = recurrent.forward(weights, draw(size=(T, N, I)), state, state, keep="gates").call
print("right", flush=True)
threads = [threading.Thread(target=call.run) for _ in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


def reported(program: str, **environment: str) -> str:
    done = python("-c", SETUP + program, seconds=120, UNROLLED_NUM_THREADS="1", **environment)
    assert done.stdout == "right\n", done.stdout + done.stderr
    assert done.returncode
    return done.stderr


@memory
def test_a_read_beyond_an_array_is_seen():
    said = reported(A_TOKEN_BEYOND_THE_TABLE)
    assert "ERROR: AddressSanitizer: heap-buffer-overflow" in said, said
    assert "ForwardLoop" in said


@memory
@pytest.mark.parametrize("isa", engine.info()["usable_instruction_sets"])
def test_a_write_one_number_beyond_the_engines_own_memory_is_seen(isa):
    said = reported(AN_ARRAY_TOO_SHORT_BY_ONE, UNROLLED_ISA=isa)
    # a vector that is only partly beyond has no name there
    assert re.search("ERROR: AddressSanitizer: (heap-buffer-overflow|unknown-crash)", said), said


@memory
def test_undefined_arithmetic_is_seen():
    assert "runtime error: signed integer overflow" in reported(A_SIZE_THAT_NO_INTEGER_HOLDS)


@races
def test_two_threads_that_write_one_array_are_seen():
    said = reported(ONE_CALL_RUN_BY_TWO_THREADS_AT_ONCE)
    assert "WARNING: ThreadSanitizer: data race" in said, said
    assert "ForwardLoop" in said
