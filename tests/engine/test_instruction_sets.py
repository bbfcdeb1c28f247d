"""Every instruction set that this processor runs gives right results, and an unknown one is refused."""

import numpy as np
import pytest

from engine import small_check
from engine.processes import python
from unrolled import engine

USABLE = engine.info()["usable_instruction_sets"]


@pytest.mark.parametrize("isa", USABLE)
def test_each_instruction_set_is_right(isa):
    done = python("-m", "engine.small_check", seconds=300, UNROLLED_ISA=isa)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout == f"{isa}: all results are right\n"


def test_the_small_check_names_what_is_wrong(monkeypatch):
    monkeypatch.setattr(small_check, "CHECKS", (small_check.softmax_errors, small_check.dense_errors))
    assert small_check.wrong_results() == []
    right = engine.dense_forward
    monkeypatch.setattr(engine, "dense_forward", lambda x, weight, bias: right(x, weight, bias) * (1 + 1e-9))
    assert [name.split(":")[0] for name in small_check.wrong_results()] == [
        "dense 3x5x7 y", "dense 1100x60x70 y", "dense 12x600x500 y",
    ]  # fmt: skip
    monkeypatch.setattr(engine, "dense_forward", lambda x, weight, bias: right(x, weight, bias) * np.nan)
    assert len(small_check.wrong_results(stop_at_first=True)) == 1


@pytest.mark.parametrize("isa", ["", USABLE[0]])
def test_the_environment_chooses_and_the_widest_is_the_default(isa):
    done = python("-c", "from unrolled import engine; print(engine.info()['instruction_set'])", UNROLLED_ISA=isa)
    assert done.stdout.strip() == (isa or USABLE[-1]), done.stderr


@pytest.mark.parametrize("wrong", ["avx3", "AVX2", "0"])
def test_an_instruction_set_that_is_not_there_is_refused_at_import(wrong):
    done = python("-c", "import unrolled.engine", UNROLLED_ISA=wrong)
    assert done.returncode == 1
    expected = (
        f"ParameterError: `UNROLLED_ISA` is {wrong!r}, expected one of {', '.join(USABLE)} on this processor; unset it"
    )
    assert expected in done.stderr


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_measured_peak_is_a_rate(dtype):
    rate = engine.fma_rate(dtype, seconds=0.002)
    assert 1e6 < rate < 1e15
