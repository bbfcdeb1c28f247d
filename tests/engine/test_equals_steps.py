"""The engine's layers equal `steps`: all outputs, gates, cell states and gradients, at every kind of size."""
# ruff: noqa: E741 - an axis is I, as in the equations

from dataclasses import replace

import numpy as np
import pytest

from engine.against_steps import (
    CELLS,
    Case,
    by_engine,
    by_steps,
    cases,
    difference,
    differences,
    layer_of,
    numbers,
    states,
)
from helpers import rng

# A vector holds 2 to 16 numbers and a panel of the packed weights up to 64: these are below, at and above multiples.
WIDTHS = (1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 129)
BOTH_WAYS = {"bidirectional": True}

EQUAL = {
    "hidden sizes around vector widths": cases(*((3, 3, 5, H) for H in WIDTHS)),
    "input sizes around vector widths": cases(*((3, 3, I, 6) for I in WIDTHS)),
    "batch sizes around the tile's height": cases(*((4, N, 5, 17) for N in (*range(1, 9), 11, 12, 13, 18, 19, 64))),
    "everything one": cases((1, 1, 1, 1), (2, 1, 1, 1), (1, 2, 1, 3), (1, 1, 4, 2)),
    "weights as they lie: few rows, whole vectors": cases((1, 1, 16, 32), (4, 1, 64, 144), (2, 2, 32, 16)),
    "weights as they lie, two layers": cases((1, 3, 16, 32), num_layers=2, **BOTH_WAYS)
    + cases((2, 2, 48, 16), num_layers=2, padded=True),
    "one step": cases((1, 5, 4, 9), (1, 13, 20, 33)),
    "many steps": cases((100, 8, 16, 64), (100, 13, 3, 33), (99, 1, 7, 40)),
    "threads share the rows": cases((6, 64, 20, 48), (20, 25, 33, 70)),
    "threads share the units": cases((40, 1, 24, 130), (30, 3, 33, 200)),
    "several chunks of steps": cases((90, 13, 6, 20), (300, 2, 9, 30), (530, 1, 3, 11), (4, 260, 5, 10)),
    "sums deeper than one slice": cases((3, 5, 10, 300), (3, 4, 257, 20), (4, 14, 300, 260)),
    "two layers": cases((7, 3, 5, 17), (5, 13, 20, 8), num_layers=2),
    "three layers": cases((7, 2, 9, 6), (1, 1, 1, 1), (45, 14, 4, 33), num_layers=3),
    "no steps": cases((0, 3, 4, 5)) + cases((0, 2, 3, 4), num_layers=2, **BOTH_WAYS),
    "no batch": cases((4, 0, 3, 5)) + cases((3, 0, 4, 2), num_layers=2, **BOTH_WAYS),
    "both directions": cases((1, 1, 1, 1), (5, 3, 4, 7), (30, 14, 20, 33), **BOTH_WAYS),
    "both directions of two layers": cases((6, 3, 4, 7), (45, 13, 9, 20), num_layers=2, **BOTH_WAYS),
    "unequal lengths": cases(
        (1, 3, 2, 3), (7, 6, 4, 9), (40, 30, 9, 17), (90, 13, 6, 20), (30, 3, 33, 130), padded=True
    ),
    "unequal lengths, one sequence or two": cases((5, 1, 3, 4), (6, 2, 3, 4), padded=True),
    "unequal lengths in both directions of two layers": cases(
        (7, 6, 4, 9), (50, 20, 5, 18), num_layers=2, padded=True, **BOTH_WAYS
    ),
    "unequal lengths of no steps or no batch": cases((0, 3, 2, 3), (3, 0, 2, 3), padded=True),
}


def wrong_results(case: Case) -> dict[str, float]:
    return {name: worst for name, worst in differences(case).items() if not worst <= case.tolerance}


@pytest.mark.parametrize("what", EQUAL)
def test_every_result_equals_steps(what):
    wrong = {str(case): results for case in EQUAL[what] if (results := wrong_results(case))}
    assert not wrong


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("seed", range(1, 7))
def test_every_result_equals_steps_at_random_sizes(cell, seed):
    draw = rng(seed)
    sizes = [int(size) for size in draw.integers(1, (40, 20, 80, 80))]
    num_layers, bidirectional, padded = (int(choice) for choice in draw.integers((1, 0, 0), (4, 2, 2)))
    options = {"num_layers": num_layers, "bidirectional": bool(bidirectional), "padded": bool(padded), "seed": seed}
    for case in cases(tuple(sizes), cells=(cell,), **options):
        assert not wrong_results(case), f"{case}, seed {seed}"


@pytest.mark.parametrize(
    ("cell", "states", "gates"),
    [("lstm", "hc", "ifgo"), ("gru", "h", "rzn"), ("gru_before", "h", "rzn"), ("tanh", "h", ""), ("relu", "h", "")],
)
def test_every_result_there_is_is_compared(cell, states, gates):
    biases = ("bias", "bias_hn") if cell == "gru" else ("bias",)
    for case in (Case(cell, 3, 2, 4, 5, num_layers=2), Case(cell, 3, 2, 4, 5, bidirectional=True)):
        suffixes = ("l0", "l0_reverse") if case.bidirectional else ("l0", "l1")
        expected = {"output", "inference", "dx"} | (set() if case.bidirectional else {"step"})
        expected |= {name for s in states for name in (f"{s}_last", f"inference_{s}_last", f"d{s}0")}
        expected |= {f"d{kind}_{suffix}" for kind in ("weight_ih", "weight_hh", *biases) for suffix in suffixes}
        expected |= {f"trace_{name}_{suffix}" for name in (*gates, *states) for suffix in suffixes}
        assert set(differences(case)) == expected


@pytest.mark.parametrize("cell", CELLS)
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


def test_no_number_of_a_comparison_is_zero_so_that_no_term_can_hide():
    given = numbers(Case("gru", 3, 2, 4, 5))
    for array in (*given.parameters.values(), given.x, given.h0, given.c0, given.dy, given.dh, given.dc):
        assert np.abs(array).min() > 0


def test_padded_comparisons_have_an_empty_and_a_full_sequence_in_no_order_and_nan_in_the_padding():
    given = numbers(Case("gru", 7, 6, 4, 9, padded=True))
    assert given.lengths is not None
    assert {given.lengths.min(), given.lengths.max()} == {0, 7}
    assert list(given.lengths) not in (sorted(given.lengths), sorted(given.lengths, reverse=True))
    padding = np.arange(7)[:, np.newaxis] >= given.lengths
    assert (np.isnan(given.x).all(axis=2) == padding).all()
    assert (np.isnan(given.dy).all(axis=2) == padding).all()


# Padding


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("bidirectional", [False, True])
def test_outputs_and_gradients_in_padding_are_exactly_zero(cell, bidirectional):
    case = Case(cell, 9, 7, 4, 11, num_layers=2, bidirectional=bidirectional, padded=True)
    given = numbers(case)
    found = by_engine(case, given)
    padding = np.arange(case.T)[:, np.newaxis] >= given.lengths
    for name in ("output", "inference", "dx", *(name for name in found if name.startswith("trace_"))):
        assert not found[name][padding].any(), name


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("bidirectional", [False, True])
def test_a_padded_sequence_gives_the_same_bits_as_alone(cell, bidirectional):
    case = Case(cell, 9, 7, 4, 11, num_layers=2, bidirectional=bidirectional, padded=True)
    given = numbers(case)
    layer = layer_of(case, given)
    y, last = layer(given.x, lengths=given.lengths)
    for n, length in enumerate(given.lengths):
        alone, alone_last = layer(given.x[:length, n : n + 1])
        np.testing.assert_array_equal(alone[:, 0], y[:length, n])
        for key, array in states(last).items():
            np.testing.assert_array_equal(states(alone_last)[key][:, 0], array[:, n])


@pytest.mark.parametrize("cell", CELLS)
def test_lengths_that_are_all_full_change_no_bit(cell):
    case = Case(cell, 6, 5, 4, 11)
    given = numbers(case)
    without, full = by_engine(case, given), by_engine(case, replace(given, lengths=np.full(5, 6)))
    for name, array in without.items():
        np.testing.assert_array_equal(full[name], array, err_msg=name)


# What is kept for the way back


@pytest.mark.parametrize("memory", ["low", "sqrt"])
@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("options", [{}, {"padded": True}, {"num_layers": 2, "padded": True, **BOTH_WAYS}], ids=str)
def test_computing_gates_or_cells_again_changes_no_bit(memory, cell, options):
    sizes = [
        (1, 1, 1, 1),
        (7, 3, 5, 17),
        (90, 13, 6, 20),
        (530, 1, 3, 11),
        (30, 3, 33, 130),
        (0, 2, 3, 4),
        (3, 0, 2, 3),
    ]
    for case in cases(*sizes, cells=(cell,), **options):
        given = numbers(case)
        full, again = by_engine(case, given), by_engine(case, given, memory)
        assert full.keys() - again.keys() == {name for name in full if name.startswith("trace_")}
        for name, array in again.items():
            np.testing.assert_array_equal(array, full[name], err_msg=f"{name} of {case}")


# Streams


@pytest.mark.parametrize("cell", CELLS)
def test_the_state_handed_on_makes_two_halves_and_single_steps_equal_the_whole(cell):
    case = Case(cell, 12, 3, 5, 9, num_layers=2)
    given = numbers(case)
    layer = layer_of(case, given)
    whole, last = layer(given.x)
    first, state = layer(given.x[:5])
    second, end = layer(given.x[5:], state)
    np.testing.assert_array_equal(np.concatenate([first, second]), whole)
    np.testing.assert_array_equal(end, last)
    state, single = None, []
    for x_t in given.x:
        y_t, state = layer.step(x_t, state)
        single.append(y_t)
    np.testing.assert_array_equal(np.stack(single), whole)
    np.testing.assert_array_equal(state, last)
