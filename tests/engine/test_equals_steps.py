"""The engine's layers equal `steps`: all outputs, gates, cell states and gradients, at every kind of size."""
# ruff: noqa: E741 - an axis is I, as in the equations

from dataclasses import replace

import numpy as np
import pytest

from engine.against_steps import Case, both_cells, by_engine, by_steps, difference, differences, layer_of, numbers

# A vector holds 2 to 16 numbers and a panel of the packed weights up to 64: these are below, at and above multiples.
WIDTHS = (1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 129)

CASES = {
    "hidden sizes around vector widths": both_cells(*((3, 3, 5, H) for H in WIDTHS)),
    "input sizes around vector widths": both_cells(*((3, 3, I, 6) for I in WIDTHS)),
    "batch sizes around the tile's height": both_cells(
        *((4, N, 5, 17) for N in (*range(1, 9), 11, 12, 13, 18, 19, 64))
    ),
    "everything one": both_cells((1, 1, 1, 1), (2, 1, 1, 1), (1, 2, 1, 3), (1, 1, 4, 2)),
    "one step": both_cells((1, 5, 4, 9), (1, 13, 20, 33)),
    "many steps": both_cells((100, 8, 16, 64), (100, 13, 3, 33), (99, 1, 7, 40)),
    "threads share the rows": both_cells((6, 64, 20, 48), (20, 25, 33, 70)),
    "threads share the units": both_cells((40, 1, 24, 130), (30, 3, 33, 200)),
    "several chunks of steps": both_cells((90, 13, 6, 20), (300, 2, 9, 70), (530, 1, 3, 11), (4, 260, 5, 10)),
    "sums deeper than one slice": both_cells((3, 5, 10, 300), (3, 4, 257, 20), (4, 14, 300, 260)),
    "two layers": both_cells((7, 3, 5, 17), (5, 13, 20, 8), num_layers=2),
    "three layers": both_cells((7, 2, 9, 6), (1, 1, 1, 1), (45, 14, 4, 33), num_layers=3),
    "no steps": both_cells((0, 3, 4, 5)) + both_cells((0, 2, 3, 4), num_layers=2),
    "no batch": both_cells((4, 0, 3, 5)) + both_cells((3, 0, 4, 2), num_layers=2),
}


def wrong_results(case: Case) -> dict[str, float]:
    return {name: worst for name, worst in differences(case).items() if not worst <= case.tolerance}


@pytest.mark.parametrize("what", CASES)
def test_every_result_equals_steps(what):
    wrong = {str(case): results for case in CASES[what] if (results := wrong_results(case))}
    assert not wrong


@pytest.mark.parametrize("cell", ["lstm", "rnn"])
@pytest.mark.parametrize("seed", range(1, 9))
def test_every_result_equals_steps_at_random_sizes(cell, seed):
    rng = np.random.default_rng(seed)
    T, N, I, H = (int(size) for size in rng.integers(1, (40, 20, 80, 80)))
    case = Case(cell, T, N, I, H, num_layers=int(rng.integers(1, 4)), seed=seed)
    for one in (case, replace(case, dtype="float32")):
        assert not wrong_results(one), f"{one}, seed {seed}"


@pytest.mark.parametrize("cell", ["lstm", "rnn"])
def test_every_named_result_is_compared(cell):
    names = set(differences(Case(cell, 3, 2, 4, 5, num_layers=2)))
    states = ["h", "c"] if cell == "lstm" else ["h"]
    trace = [*"ifgo", *states] if cell == "lstm" else states
    assert names == {
        "output", "inference", "step", "dx",
        *(f"{key}_last" for key in states),
        *(f"inference_{key}_last" for key in states), *(f"d{key}0" for key in states),
        *(f"d{kind}_l{k}" for kind in ("weight_ih", "weight_hh", "bias") for k in range(2)),
        *(f"trace_{name}_l{k}" for name in trace for k in range(2)),
    }  # fmt: skip


@pytest.mark.parametrize("cell", ["lstm", "rnn"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_an_error_of_a_few_roundings_in_any_one_result_is_noticed(cell, dtype):
    case = Case(cell, 6, 3, 5, 7, dtype=dtype)
    given = numbers(case)
    found, reference = by_engine(case, given), by_steps(case, given)
    for name in found:
        worst = np.unravel_index(np.abs(reference[name]).argmax(), reference[name].shape)
        wrong = found[name].astype(float)
        wrong[worst] += 3 * case.tolerance * max(1.0, abs(reference[name][worst]))
        assert difference(wrong, reference[name]) > case.tolerance, name


def test_arrays_of_other_shapes_and_nan_never_count_as_equal():
    zeros = np.zeros((2, 3))
    assert difference(zeros.T, zeros) == np.inf
    assert difference(np.full((2, 3), np.nan), zeros) == np.inf


def test_no_input_of_a_comparison_is_zero_so_that_no_term_can_hide():
    given = numbers(Case("lstm", 3, 2, 4, 5))
    for array in (*given.parameters.values(), given.x, given.h0, given.c0, given.dy, given.dh, given.dc):
        assert np.abs(array).min() > 0


@pytest.mark.parametrize("cell", ["lstm", "rnn"])
def test_the_state_handed_on_makes_two_halves_equal_the_whole(cell):
    case = Case(cell, 12, 3, 5, 9, num_layers=2)
    given = numbers(case)
    layer = layer_of(case, given)
    whole, last = layer(given.x)
    first, state = layer(given.x[:5])
    second, end = layer(given.x[5:], state)
    np.testing.assert_array_equal(np.concatenate([first, second]), whole)
    np.testing.assert_array_equal(end, last)
    state, steps = None, []
    for x_t in given.x:
        y_t, state = layer.step(x_t, state)
        steps.append(y_t)
    np.testing.assert_array_equal(np.stack(steps), whole)
    np.testing.assert_array_equal(state, last)
