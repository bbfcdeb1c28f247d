"""Intervals from past errors: how many they cover, that they follow a drift, and what they refuse."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from helpers import rng
from unrolled.errors import ParameterError
from unrolled.models.forecast.intervals import DECAY, KEPT, RATE, Calibration


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
    scores = np.abs(rng(6).normal(size=(19, 1))) * [1, 1, 10]
    widths = Calibration(scores).width(0.9)
    assert widths[2] > 5 * widths[0]
    # two steps ahead the last error but one is the newest that was known when the last was predicted
    assert widths[0] != widths[1]


def adaptive(scores: np.ndarray, first: int, level: float) -> tuple[float, np.ndarray]:
    """Equations (2) to (6) word for word, for one step ahead of one series."""
    size, sized, own, missed = scores[:first].mean(), list[float](), level, list[float]()
    for n, score in enumerate(scores):
        if n >= first:
            k = min(max(int(np.ceil((n + 1) * own - 1e-9)), 1), n)
            missed.append(float(score > size * np.sort(sized)[k - 1]))
            own += RATE * (missed[-1] - (1 - level))
        sized.append(score / size)
        size = DECAY * size + (1 - DECAY) * score
    m = len(scores)
    k = min(max(int(np.ceil((m + 1) * own - 1e-9)), 1), m)
    return float(size * np.sort(sized)[k - 1]), np.array(missed)


def test_widths_are_those_of_the_equations():
    scores = np.abs(rng(2).normal(size=120)) * np.linspace(1, 3, 120)
    calibration = Calibration(scores[:, None], first=30)
    widths = calibration.widths(0.9, range(30, 121))
    expected = [adaptive(scores[:count], 30, 0.9)[0] for count in range(30, 121)]
    np.testing.assert_allclose(widths[:, 0], expected, rtol=1e-12)  # the same sums in another order


def test_errors_that_grow_are_covered_all_the_same_where_a_fixed_level_of_them_fails():
    scores = np.abs(rng(3).normal(size=800)) * np.linspace(1, 4, 800)
    widths = Calibration(scores[:, None], first=100).widths(0.9, range(100, 800))[:, 0]
    adapted = float(np.mean(scores[100:] <= widths))
    fixed = float(np.mean(scores[100:] <= [np.quantile(scores[:n], 0.9) for n in range(100, 800)]))
    assert abs(adapted - 0.9) < 0.02
    assert fixed < 0.84


def test_quiet_and_wild_times_are_covered_alike():
    wild = np.repeat(np.tile([1.0, 6.0], 10), 100)
    scores = np.abs(rng(7).normal(size=2000)) * wild
    inside = scores[100:] <= Calibration(scores[:, None], first=100).widths(0.9, range(100, 2000))[:, 0]
    plain = scores[100:] <= [np.quantile(scores[:n], 0.9) for n in range(100, 2000)]
    assert np.mean(plain[wild[100:] == 1]) - np.mean(plain[wild[100:] == 6]) > 0.15
    assert np.mean(inside[wild[100:] == 1]) - np.mean(inside[wild[100:] == 6]) < 0.07


def test_each_series_has_the_size_of_its_own_errors():
    draw = rng(8)
    of = np.tile([0, 1], 60)
    scores = (np.abs(draw.normal(size=120)) * np.where(of == 0, 1, 20))[:, None]
    calibration = Calibration(scores, of=of)
    quiet, wild, unknown = (calibration.width(0.9, number)[0] for number in (0, 1, None))
    assert quiet < 4
    assert 20 < wild < 80
    assert quiet < unknown
    later = calibration.extended(np.full((10, 1), 500.0), 0)
    assert later.width(0.9, 0)[0] > 10 * quiet
    assert later.of[-10:].tolist() == [0] * 10
    assert later.width(0.9, 1)[0] < 10 * wild  # the misses are another's


@pytest.mark.parametrize("first", [30, 120])
def test_the_widths_of_many_series_at_once_are_those_of_each(first: int):
    scores, of = np.abs(rng(9).normal(size=(120, 3))), rng(10).integers(0, 5, size=120)
    calibration = Calibration(scores * (1 + of[:, None]), first, of)
    series = [3, None, 0, 7, 3]  # 7 has no errors, None is none of them
    found = calibration.width_of_each(0.8, series)
    np.testing.assert_array_equal(found, [calibration.width(0.8, each) for each in series])
    assert len({width[0] for width in found}) == 3


def test_one_long_series_beside_many_short_ones_takes_no_more_memory_than_its_errors_do():
    of = np.concatenate([np.zeros(1000, np.int64), np.arange(1, 1001)])
    calibration = Calibration(np.abs(rng(11).normal(size=(2000, 4))), of=of)
    tracemalloc.start()
    calibration.width_of_each(0.9, range(1001))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 40 * calibration.scores.nbytes  # a table of all series by all steps has 500 times as many numbers


def test_errors_of_zero_make_no_interval_that_is_no_number():
    assert Calibration(np.zeros((20, 1))).width(0.9).tolist() == [0]
    assert np.isfinite(Calibration(np.concatenate([np.zeros((500, 1)), np.ones((3, 1))]), first=20).width(0.9)).all()


def test_errors_that_begin_with_zeros_make_intervals_of_the_size_of_those_that_come():
    later = rng(12).uniform(0.5, 1.5, size=(200, 1))
    with np.errstate(all="raise"):
        widths = Calibration(np.concatenate([np.zeros((30, 1)), later]), first=30).widths(0.9, range(30, 231))[:, 0]
    assert widths[0] == 0
    assert widths.max() < 20
    assert abs(np.mean(later[:, 0] <= widths[:-1]) - 0.9) < 0.05


def test_several_steps_ahead_judge_the_interval_that_was_made_then():
    scores = np.abs(rng(4).normal(size=(60, 2)))
    widths = Calibration(scores, first=20).widths(0.9, range(20, 61))
    sizes, level = [scores[:20, 1].mean()], 0.9
    for score in scores[:, 1]:
        sizes.append(DECAY * sizes[-1] + (1 - DECAY) * score)
    sized = [score / sizes[max(n - 1, 0)] for n, score in enumerate(scores[:, 1])]
    for n in range(21, 61):  # the second step ahead: made one error earlier
        missed = scores[n - 1, 1] > widths[max(n - 21 - 1, 0), 1]
        level += RATE * (missed - 0.1)
        k = int(np.clip(np.ceil((n + 1) * level - 1e-9), 1, n))
        np.testing.assert_allclose(widths[n - 20, 1], sizes[n] * np.sort(sized[:n])[k - 1], rtol=1e-12)


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
    with pytest.raises(ParameterError, match=r"; ask for 0.888 at most, or fit with a larger `validation_fraction`"):
        calibration.width(0.889)
    np.testing.assert_allclose(calibration.width(0.888), [1])


@pytest.mark.parametrize("level", [0, 1, 90])
def test_a_level_that_is_no_share_is_refused(level: float):
    with pytest.raises(ParameterError, match=f"`interval` is {level}, expected a number between 0 and 1"):
        Calibration(np.ones((30, 1))).width(level)
