"""Each schedule against its formula, the one signature of all, and the memory of a plateau."""

import inspect
import itertools
import json
import math

import numpy as np
import pytest

from unrolled.errors import CheckpointError, ParameterError
from unrolled.schedules import SCHEDULES, ReduceOnPlateau, constant, exponential, one_cycle, stepwise, warmup_cosine

EACH = pytest.mark.parametrize("name", SCHEDULES)


@EACH
def test_one_call_asks_any_of_them(name):
    rates = [SCHEDULES[name](s, peak=2.0, warmup=4, total=24, final=0.5) for s in range(30)]
    assert max(rates) == 2.0
    assert rates[0] < rates[1] < rates[2] < rates[3] == 2.0
    assert all(a >= b for a, b in itertools.pairwise(rates[4:]))
    assert all(rate >= 0.5 for rate in rates[4:])


@EACH
def test_a_plateau_and_all_others_have_the_same_signature(name):
    common = list(inspect.signature(ReduceOnPlateau().__call__).parameters.values())
    own = list(inspect.signature(SCHEDULES[name]).parameters.values())
    assert [(p.name, p.kind, p.default) for p in own[: len(common)]] == [(p.name, p.kind, p.default) for p in common]
    assert all(p.default is not p.empty for p in own[len(common) :])


@EACH
def test_the_warm_up_does_not_depend_on_the_total(name):
    for step in range(5):
        rates = {SCHEDULES[name](step, peak=1.0, warmup=5, total=total, final=0.1) for total in (None, 1, 7, 1000)}
        assert len(rates) == 1


@pytest.mark.parametrize("schedule", [constant, stepwise, exponential, warmup_cosine, ReduceOnPlateau()])
def test_the_warm_up_is_linear(schedule):
    rates = [schedule(s, peak=2.0, warmup=4, total=24, final=0.5) for s in range(4)]
    assert rates == [0.5, 1.0, 1.5, 2.0]


@EACH
def test_a_total_within_the_warm_up_never_divides_by_zero(name):
    for warmup, total in itertools.product((0, 1, 4), (0, 1, 4)):
        for step in range(8):
            assert 0 < SCHEDULES[name](step, peak=1.0, warmup=warmup, total=total, final=0.1) <= 1


@pytest.mark.parametrize("name", ["step", "exponential", "cosine", "one_cycle"])
def test_after_the_warm_up_the_total_must_be_known(name):
    with pytest.raises(ParameterError, match="`total` is None at step 3, expected the number of steps"):
        SCHEDULES[name](3, peak=1.0, warmup=3, total=None, final=0.1)


def test_without_its_own_settings_each_knows_all_rates_of_a_run_without_warm_up():
    asked = {"peak": 1.0, "total": 10, "final": 0.01}
    assert [constant(s, **asked) for s in (0, 5, 10, 50)] == [1, 1, 1, 1]
    assert [stepwise(s, **asked) for s in (0, 3, 4, 7, 8, 50)] == pytest.approx([1, 1, 0.1, 0.1, 0.01, 0.01])
    assert [exponential(s, **asked) for s in (0, 5, 10, 50)] == pytest.approx([1, 0.1, 0.01, 0.01])
    assert [warmup_cosine(s, **asked) for s in (0, 5, 10, 50)] == pytest.approx([1, 0.505, 0.01, 0.01])
    assert [one_cycle(s, **asked) for s in (0, 1, 2, 9, 50)] == pytest.approx([0.04, 0.52, 1, 0.01, 0.01])


def test_cosine_rises_linearly_to_the_peak_and_falls_to_the_final_rate():
    rates = [warmup_cosine(s, peak=2.0, warmup=4, total=24, final=0.5) for s in range(30)]
    assert rates[:5] == [0.5, 1.0, 1.5, 2.0, 2.0]
    assert rates[14] == pytest.approx(1.25)  # half-way down: the mean of peak and final
    assert rates[9] == pytest.approx(0.5 + 1.5 * (1 + math.cos(math.pi / 4)) / 2)
    assert rates[24:] == [0.5] * 6


def test_a_stair_is_as_long_and_as_high_as_it_is_told_and_has_a_floor():
    rates = [stepwise(s, peak=8.0, warmup=2, factor=0.5, every=3, final=1.5) for s in range(14)]
    assert rates == [4, 8, 8, 8, 8, 4, 4, 4, 2, 2, 2, 1.5, 1.5, 1.5]


def test_a_stair_is_never_climbed_back_where_the_end_of_the_run_is_counted_ever_anew():
    """The progress goes on, though slower than steps do: the run is told to be longer at each of them."""
    progress = [0.6 + 0.0001 * u for u in range(1000)]
    rates = [stepwise(u, peak=1.0, total=u / p, factor=0.5) for u, p in enumerate(progress)]
    assert rates == sorted(rates, reverse=True)
    assert set(rates[1:]) == {0.5, 0.25}


def test_a_stair_stays_down_where_all_of_a_run_that_is_counted_anew_is_over():
    for warmup, steps in itertools.product((0, 3), range(1, 200)):
        rate = stepwise(warmup + steps, peak=1.0, warmup=warmup, total=float(warmup + steps), factor=0.5)
        assert rate == 0.125


def test_one_cycle_is_where_the_total_of_a_run_that_is_counted_anew_says():
    """A whole number of steps has its last rate at the last of them; a float says where this step is."""
    for step, p in ((6, 0.25), (8, 0.5), (40, 0.5), (9, 1.0)):
        rate = one_cycle(step, peak=2.0, warmup=4, total=4 + (step - 4) / p, final=0.5)
        assert rate == pytest.approx(0.5 + 1.5 * (1 + math.cos(math.pi * p)) / 2)


@pytest.mark.parametrize("kind", [int, np.int64])
def test_with_fixed_steps_a_stair_and_one_cycle_count_them_to_the_last_bit(kind):
    for total, s in itertools.product((7, 20, 31), range(3, 35)):
        u, steps, asked = s - 3, total - 3, {"peak": 0.3, "warmup": 3, "total": kind(total)}
        assert stepwise(s, **asked) == 0.3 * 0.1 ** (u // math.ceil(steps / 3))
        assert one_cycle(s, **asked) == 0.3 * (1 + math.cos(math.pi * min(1.0, (u + 1) / steps))) / 2


def test_without_a_length_a_stair_is_a_third_of_the_steps_after_the_warm_up():
    rates = [stepwise(s, peak=8.0, warmup=3, total=9, factor=0.5) for s in range(3, 10)]
    assert rates == [8, 8, 4, 4, 2, 2, 1]


def test_a_factor_takes_the_place_of_the_total_and_has_a_floor():
    rates = [exponential(s, peak=8.0, warmup=2, factor=0.5, final=1.5) for s in range(7)]
    assert rates == [4, 8, 8, 4, 2, 1.5, 1.5]


def test_one_cycle_rises_and_falls_by_half_cosines():
    rates = [one_cycle(s, peak=2.0, warmup=5, total=25, final=0.5, divisor=4.0) for s in range(30)]
    assert rates[0] == 0.5
    assert rates[2] == pytest.approx(1.25)  # half-way up
    assert rates[4] == 2
    assert rates[14] == pytest.approx(1.25)  # half-way down
    assert rates[24:] == [0.5] * 6


@pytest.mark.parametrize(
    ("schedule", "settings", "message"),
    [
        (stepwise, {"factor": 0.0}, "`factor` is 0.0, expected a number above 0 and at most 1; 0.1 is usual"),
        (stepwise, {"factor": 1.5}, "`factor` is 1.5, expected a number above 0 and at most 1; 0.1 is usual"),
        (stepwise, {"factor": "x"}, "`factor` is 'x', expected a number above 0 and at most 1; 0.1 is usual"),
        (stepwise, {"every": 0}, "`every` is 0, expected a whole number of at least 1; after how many steps"),
        (
            stepwise,
            {"every": 2.5},
            r"`every` is 2\.5, expected a whole number of at least 1; after how many steps",
        ),
        (exponential, {"factor": -1.0}, "`factor` is -1.0, expected a number above 0 and at most 1; 0.1 is usual"),
        (
            exponential,
            {},
            "`final` is 0, expected a positive rate to fall to where no `factor` is given; try peak / 100",
        ),
        (one_cycle, {"divisor": 0.5}, "`divisor` is 0.5, expected a finite number of at least 1; 25 is usual"),
        (one_cycle, {"divisor": "x"}, "`divisor` is 'x', expected a finite number of at least 1; 25 is usual"),
    ],
)
@pytest.mark.parametrize("step", [0, 5])
def test_a_setting_out_of_its_range_is_named_from_the_first_step_on(schedule, settings, message, step):
    with pytest.raises(ParameterError, match=message):
        schedule(step, peak=1.0, warmup=2, total=10, **settings)


@pytest.mark.parametrize("schedule", [*SCHEDULES.values(), ReduceOnPlateau()])
@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"step": -1}, "`step` is -1, expected a whole number of at least 0; steps count from 0"),
        ({"step": 1.5}, "`step` is 1.5, expected a whole number of at least 0; steps count from 0"),
        ({"peak": "x"}, "`peak` is 'x', expected a finite number above 0; it is the highest learning rate"),
        ({"peak": 0.0}, "`peak` is 0.0, expected a finite number above 0; it is the highest learning rate"),
        ({"warmup": -1}, "`warmup` is -1, expected a whole number of at least 0; 0 begins at the peak"),
        ({"total": -3}, "`total` is -3, expected a finite number of at least 0; how many steps has the run"),
        ({"total": "x"}, "`total` is 'x', expected a finite number of at least 0; how many steps has the run"),
        ({"final": -0.1}, "`final` is -0.1, expected a number from 0 to 1.0; the rate falls from the peak to it"),
        ({"final": 2.0}, "`final` is 2.0, expected a number from 0 to 1.0; the rate falls from the peak to it"),
    ],
)
def test_a_mistake_in_what_all_are_asked_with_is_named(schedule, wrong, message):
    asked = {"step": 0, "peak": 1.0, "warmup": 2, "total": 10, "final": 0.1} | wrong
    with pytest.raises(ParameterError, match=message):
        schedule(asked.pop("step"), **asked)


def scales(plateau, values):
    """The scale after each value."""
    told = []
    for value in values:
        plateau.update(value)
        told.append(plateau.scale)
    return told


def test_a_plateau_is_left_after_more_bad_values_than_its_patience():
    assert scales(ReduceOnPlateau(0.5, patience=2), [3, 2, 2, 2, 2, 2, 2, 2]) == [1, 1, 1, 1, 0.5, 0.5, 0.5, 0.25]


def test_an_improvement_starts_the_count_anew():
    assert scales(ReduceOnPlateau(0.5, patience=1), [3, 3, 2, 2, 1, 1]) == [1] * 6


def test_cooling_down_bears_more():
    assert scales(ReduceOnPlateau(0.5, patience=0, cooldown=2), [3, 3, 3, 3, 3]) == [1, 0.5, 0.5, 0.5, 0.25]


@pytest.mark.parametrize(
    ("mode", "best", "too_little", "enough"),
    [("min", 2.0, 1.81, 1.79), ("max", 2.0, 2.19, 2.21), ("min", -2.0, -2.19, -2.21), ("max", -2.0, -1.81, -1.79)],
)
def test_an_improvement_counts_from_a_share_of_the_best_on(mode, best, too_little, enough):
    assert scales(ReduceOnPlateau(0.5, patience=0, threshold=0.1, mode=mode), [best, too_little]) == [1, 0.5]
    assert scales(ReduceOnPlateau(0.5, patience=0, threshold=0.1, mode=mode), [best, enough]) == [1, 1]


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_no_improvement(bad):
    assert scales(ReduceOnPlateau(0.5, patience=0), [bad, 3, bad, 2]) == [0.5, 0.5, 0.25, 0.25]


def test_the_scale_is_that_of_the_rate_after_the_warm_up_down_to_the_final_rate():
    plateau = ReduceOnPlateau(0.5, patience=0)
    scales(plateau, [1, 1, 1])
    assert [plateau(s, peak=4.0, warmup=2) for s in range(4)] == [2, 4, 1, 1]
    assert plateau(3, peak=4.0, final=1.5) == 1.5


def test_going_on_from_a_saved_plateau_is_the_same():
    values = [math.inf, 3, 2, math.nan, 2, 2, 1, 1, 1, 1, 1, 1]

    def run(pause):
        plateau, told = ReduceOnPlateau(0.5, patience=1, cooldown=1), []
        for index, value in enumerate(values):
            if index == pause:
                saved = json.loads(json.dumps(plateau.state(), allow_nan=False))
                plateau = ReduceOnPlateau(0.5, patience=1, cooldown=1)
                plateau.restore(saved)
            told += scales(plateau, [value])
        return told

    assert len(set(run(None))) > 2
    for pause in range(len(values)):
        assert run(pause) == run(None)


def test_a_plateaus_state_that_is_not_whole_is_an_error():
    with pytest.raises(CheckpointError, match="`best` is missing in the state of a plateau, expected scale, best, bad"):
        ReduceOnPlateau().restore({"scale": 1.0, "bad": 0, "cooling": 0})
    with pytest.raises(CheckpointError, match=r"`step` is unknown in the state of a plateau, .*by another schedule"):
        ReduceOnPlateau().restore({**ReduceOnPlateau().state(), "step": 1})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"factor": 1.0}, "`factor` is 1.0, expected a number between 0 and 1; 0.1 is usual"),
        ({"factor": "x"}, "`factor` is 'x', expected a number between 0 and 1; 0.1 is usual"),
        ({"patience": -1}, "`patience` is -1, expected a whole number of at least 0; how many bad values are borne"),
        ({"patience": 2.5}, "`patience` is 2.5, expected a whole number of at least 0; how many bad values are borne"),
        ({"threshold": math.nan}, "`threshold` is nan, expected a finite number of at least 0; 1e-4 is usual"),
        ({"cooldown": -2}, "`cooldown` is -2, expected a whole number of at least 0; how many values after a fall"),
        ({"mode": "least"}, "`mode` is 'least', expected 'min' or 'max'"),
    ],
)
def test_a_plateaus_setting_out_of_its_range_is_named(settings, message):
    with pytest.raises(ParameterError, match=message):
        ReduceOnPlateau(**settings)
