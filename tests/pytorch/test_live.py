"""Our layers against PyTorch's in the same run, on random shapes; where PyTorch is installed."""
# ruff: noqa: E741 - an axis is I, as in the equations

from dataclasses import replace

import numpy as np
import pytest

from engine.against_steps import by_engine, cases, difference
from helpers import rng
from pytorch.compare import CELLS, RECORDED, by_torch, numbers

pytestmark = pytest.mark.torch


def worst(case, found, expected) -> dict[str, float]:
    return {
        name: error for name in expected if not (error := difference(found[name], expected[name])) <= case.tolerance
    }


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("seed", range(12))
def test_outputs_states_and_gradients_equal_pytorchs(cell, seed):
    draw = rng(seed)
    T, N, I, H = (int(size) for size in draw.integers((1, 1, 1, 1), (30, 20, 60, 60)))
    num_layers, both, padded = draw.integers((1, 0, 0), (4, 2, 2))
    options = {"num_layers": int(num_layers), "bidirectional": bool(both), "padded": bool(padded), "seed": seed}
    for case in cases((T, N, I, H), cells=(cell,), **options):
        given = numbers(case)
        # rounding is ours alone: PyTorch computes in float64 from the same numbers
        expected = by_torch(replace(case, dtype="float64"), given)
        assert not worst(case, by_engine(case, given), expected), f"{case}, seed {seed}"


@pytest.mark.parametrize("cell", CELLS)
def test_pytorchs_own_float32_is_no_nearer_to_its_float64_than_ours(cell):
    """Both round; ours may not be worse than twice as far off, over many numbers."""
    ours, theirs = [], []
    for seed in range(6):
        (case,) = [c for c in cases((7, 4, 9, 20), cells=(cell,), seed=seed) if c.dtype == "float32"]
        given = numbers(case)
        exact = by_torch(replace(case, dtype="float64"), given)
        found, other = by_engine(case, given), by_torch(case, given)
        ours += [difference(found[name], exact[name]) for name in exact]
        theirs += [difference(other[name], exact[name]) for name in exact]
    assert np.mean(ours) < 2 * np.mean(theirs)


@pytest.mark.parametrize("case", RECORDED, ids=str)
def test_the_recorded_cases_still_hold(case):
    given = numbers(case)
    assert not worst(case, by_engine(case, given), by_torch(case, given))
