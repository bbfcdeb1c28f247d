"""Warm-up and cosine: the two formulas, and that nothing but the step matters."""

import itertools
import math

import pytest

from unrolled.errors import ParameterError
from unrolled.schedules import warmup_cosine


def test_it_rises_linearly_to_the_peak_and_falls_to_the_final_rate():
    rates = [warmup_cosine(s, peak=2.0, warmup=4, total=24, final=0.5) for s in range(30)]
    assert rates[:5] == [0.5, 1.0, 1.5, 2.0, 2.0]
    assert rates[14] == pytest.approx(1.25)  # half-way down: the mean of peak and final
    assert rates[9] == pytest.approx(0.5 + 1.5 * (1 + math.cos(math.pi / 4)) / 2)
    assert rates[24:] == [0.5] * 6
    assert all(a > b for a, b in itertools.pairwise(rates[4:25]))


def test_the_warm_up_does_not_depend_on_the_total():
    for step in range(5):
        rates = {warmup_cosine(step, peak=1.0, warmup=5, total=total) for total in (None, 1, 7, 1000)}
        assert len(rates) == 1


def test_a_total_within_the_warm_up_never_divides_by_zero():
    assert warmup_cosine(4, peak=1.0, warmup=4, total=4, final=0.1) == 1.0
    assert warmup_cosine(5, peak=1.0, warmup=4, total=4, final=0.1) == pytest.approx(0.1)


def test_after_the_warm_up_the_total_must_be_known():
    with pytest.raises(ParameterError, match="`total` is None at step 3, expected the number of steps"):
        warmup_cosine(3, peak=1.0, warmup=3, total=None)
