"""Intervals from past errors: how many they cover, that they follow a drift, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest

from helpers import rng
from unrolled.errors import ParameterError
from unrolled.models.forecast.intervals import KEPT, RATE, Calibration


@pytest.mark.parametrize("level", [0.5, 0.8, 0.9])
def test_exchangeable_errors_are_covered_between_the_level_and_one_more_part(level: float):
    draw = rng(1)
    n, repeats = 39, 4000
    hits = 0
    for _ in range(repeats):
        scores = np.abs(draw.standard_t(3, size=n + 1))
        hits += scores[-1] <= Calibration(scores[:-1, None]).width(level)[0]
    # the theorem's bounds, and 3 standard deviations of a share of 4000
    slack = 3 * np.sqrt(level * (1 - level) / repeats)
    assert level - slack <= hits / repeats <= level + 1 / (n + 1) + slack


def test_each_step_ahead_has_its_own_width():
    scores = np.arange(1.0, 20.0)[:, None] * [1, 10]
    assert Calibration(scores).width(0.9).tolist() == [18, 180]


def adaptive(scores: np.ndarray, first: int, level: float) -> tuple[float, np.ndarray]:
    """Equations (2) to (4) word for word, for one step ahead."""
    own, missed = level, list[float]()
    for n in range(first, len(scores) + 1):
        k = min(max(int(np.ceil((n + 1) * own - 1e-9)), 1), n)
        width = np.sort(scores[:n])[k - 1]
        if n < len(scores):
            missed.append(float(scores[n] > width))
            own += RATE * (missed[-1] - (1 - level))
    return float(width), np.array(missed)


def test_widths_are_those_of_the_equations():
    scores = np.abs(rng(2).normal(size=120)) * np.linspace(1, 3, 120)
    calibration = Calibration(scores[:, None], first=30)
    widths = calibration.widths(0.9, range(30, 121))
    for count, width in zip(range(30, 121), widths[:, 0], strict=True):
        assert width == adaptive(scores[:count], 30, 0.9)[0]


def test_errors_that_grow_are_covered_all_the_same_where_a_fixed_level_fails():
    scores = np.abs(rng(3).normal(size=800)) * np.linspace(1, 4, 800)
    widths = Calibration(scores[:, None], first=100).widths(0.9, range(100, 800))[:, 0]
    adapted = float(np.mean(scores[100:] <= widths))
    fixed = float(np.mean(scores[100:] <= [Calibration(scores[:n, None]).width(0.9)[0] for n in range(100, 800)]))
    assert abs(adapted - 0.9) < 0.02
    assert fixed < 0.84


def test_several_steps_ahead_judge_the_interval_that_was_made_then():
    scores = np.abs(rng(4).normal(size=(60, 2)))
    widths = Calibration(scores, first=20).widths(0.9, range(20, 61))
    levels = np.full(41, 0.9)
    for n in range(21, 61):  # the second step ahead: made one error earlier
        missed = scores[n - 1, 1] > widths[max(n - 21 - 1, 0), 1]
        levels[n - 20] = levels[n - 21] + RATE * (missed - 0.1)
        k = int(np.clip(np.ceil((n + 1) * levels[n - 20] - 1e-9), 1, n))
        assert widths[n - 20, 1] == np.sort(scores[:n, 1])[k - 1]


def test_only_the_newest_errors_are_kept():
    calibration = Calibration(np.arange(KEPT + 5.0)[:, None], first=100).newest()
    assert len(calibration) == KEPT
    assert calibration.scores[0, 0] == 5
    assert calibration.first == 95
    assert len(calibration.extended(np.ones((3, 1)))) == KEPT + 3  # the counts of `widths` are of all
    assert Calibration(np.ones((3, 1))).newest().first == 3


def test_too_few_errors_for_a_level_are_told_with_how_many_it_needs():
    calibration = Calibration(np.ones((8, 1)))
    with pytest.raises(ParameterError, match=r"is 0.9, but only 8 held-out values calibrate it, expected at least 9"):
        calibration.width(0.9)
    assert calibration.width(0.8).tolist() == [1]


@pytest.mark.parametrize("level", [0, 1, 90])
def test_a_level_that_is_no_share_is_refused(level: float):
    with pytest.raises(ParameterError, match=f"`interval` is {level}, expected a number between 0 and 1"):
        Calibration(np.ones((30, 1))).width(level)
