"""exp, sigmoid, tanh of every instruction set: every float32 number there is, and over samples and seams of float64.

The bounds are in programs/activations.cpp, which says of each set and function whether it keeps them.
"""

import subprocess
from pathlib import Path

import pytest

from engine.compiled import COMPILER, FLAGS, HERE, activations_program
from unrolled import engine

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not COMPILER, reason="no C++ compiler on this machine to build the program with"),
]

USABLE = engine.info()["usable_instruction_sets"]


def run(program: Path, *arguments: str) -> tuple[int, dict[str, str]]:
    """The exit status, and what is said of each set, function and dtype."""
    done = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=900)
    assert not done.stderr
    return done.returncode, dict(line.split(": ", 1) for line in done.stdout.splitlines())


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    assert COMPILER
    widest = FLAGS[HERE][USABLE[-1]]  # for the program's own loops, which take half of its time
    return activations_program(tmp_path_factory.mktemp("activations"), COMPILER, flags=list(widest))


@pytest.mark.parametrize(("dtype", "number"), [("float32", "1"), ("float64", "4000000")])
def test_all_float32_numbers_and_dense_samples_of_float64_keep_the_bounds(program: Path, dtype: str, number: str):
    status, said = run(program, dtype, number)
    assert [name for name, words in said.items() if not words.startswith("right")] == [], said
    assert status == 0
    assert set(said) == {f"{isa} {name} {dtype}" for isa in USABLE for name in ("exp", "sigmoid", "tanh")}
    if dtype == "float32":
        assert all(words.startswith("right, 4294967296 numbers, ") for words in said.values()), said


def test_one_number_that_is_off_or_falls_or_leaves_the_range_and_a_lost_nan_are_noticed(tmp_path: Path):
    assert COMPILER
    eps = "(sizeof(x) == 4 ? 1.2e-7f : 2.3e-16)"
    wrong = {"x == 1.5f": f"y * (1 - 10 * {eps})", "x == 40": f"y * (1 + 2 * {eps})"}
    wrong |= {"x == 0.125f": f"y * (1 - 2 * {eps})", "x != x": "0"}
    plant = " : ".join(f"{where} ? {y}" for where, y in wrong.items())
    program = activations_program(tmp_path, COMPILER, plant=f"({plant} : y)")
    for dtype, number in (("float32", str(1 << 16)), ("float64", "100000")):
        status, said = run(program, dtype, number)
        assert status == 1
        for name, words in said.items():
            assert words.startswith("WRONG"), name
            assert "; mistakes a NaN" in words, name
            assert ("; leaves its range" in words) == ("exp" not in name), name
            if dtype == "float32":
                assert "digit off, at 1.5" in words, name
            else:
                assert "first before 0.125" in words, name
