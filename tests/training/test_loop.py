"""The loop on a toy model and a counted clock: what a step does, how long a run is, and what looking at it costs."""

import math
import random
from itertools import pairwise

import pytest

from training.toy import Clock, Log, ToyBatches, ToyModel, ToyTask
from unrolled.errors import DivergenceError
from unrolled.schedules import SCHEDULES
from unrolled.training.config import TrainConfig
from unrolled.training.loop import MEASURED_STEPS, train
from unrolled.training.session import Session


class Run:
    """A session with its clock, and everything that can be asked about it afterwards."""

    def __init__(self, step_cost=1.0, look_cost=0.0, save_cost=0.0, poison=None, epoch=4, **settings):
        self.clock, self.log, self.saved = Clock(), Log(), []
        settings = {"minutes": None, "clip": 1e9, "warmup": 5, **settings}
        self.config = TrainConfig(**settings)
        self.model = ToyModel(self.clock, step_cost)
        self.session = Session(self.model, ToyBatches(poison), self.config.settings(), self.config.steps)
        self.task = ToyTask(self.model, self.clock, look_cost)
        self.session.batches.steps_per_epoch = epoch
        self.save_cost = save_cost

    def save(self):
        self.saved.append((self.session.step, self.session.total_steps, self.session.seconds))
        self.clock.now += self.save_cost

    def train(self, stop=lambda: False):
        return train(self.session, self.task, self.log, self.save, stop, self.clock)


def test_the_state_is_carried_and_dropped_where_the_streams_begin_anew():
    run = Run(steps=10)
    run.train()
    assert run.model.carried == [None, 1, 2, 3, None, 1, 2, 3, None, 1]


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_the_learning_rate_of_so_many_steps_is_a_function_of_the_step_alone(schedule):
    run = Run(steps=20, learning_rate=0.5, final_rate=0.1, schedule=schedule)
    run.train()
    rates = [report.learning_rate for report in [*run.log.steps, *run.log.reports] if report.step < 20]
    want = {SCHEDULES[schedule](s, peak=0.5, warmup=5, total=20, final=0.05) for s in range(19)}
    assert set(rates) == want


def test_gradients_are_clipped_to_the_global_norm():
    free, clipped = Run(steps=3, epsilon=1.0), Run(steps=3, epsilon=1.0, clip=0.5)
    free.train()
    clipped.train()
    assert abs(4 - clipped.model.w[0]) < 0.5 * abs(4 - free.model.w[0])


def test_looking_saving_and_reporting_do_not_touch_what_is_trained():
    watched, alone = Run(steps=200, step_cost=3.0, look_cost=0.1, save_cost=0.1), Run(steps=200, step_cost=0.0)
    watched.train()
    alone.train()
    assert len(watched.task.looks) > 20
    assert len(alone.task.looks) == 1
    assert watched.model.w.tobytes() == alone.model.w.tobytes()


def test_the_run_ends_with_a_save_and_a_validation_on_everything_held_out():
    run = Run(steps=7)
    report = run.train()
    assert run.saved[-1][:2] == (7, 7)
    assert run.task.looks[-1][1] is True
    assert (report.step, report.metrics["characters"]) == (7, 1000)
    assert run.log.reports[-1] is report


def test_the_first_save_comes_before_the_first_step():
    run = Run(steps=3)
    run.train()
    assert run.saved[0][0] == 0


def test_saves_come_about_every_minute():
    run = Run(steps=400, step_cost=1.0)
    run.train()
    assert [step for step, *_ in run.saved] == [0, 60, 120, 180, 240, 300, 360, 400]


def test_the_mean_training_loss_is_that_of_the_steps_since_the_last_report():
    run = Run(steps=12, step_cost=1.0, learning_rate=1e-30)
    run.train()
    # w stays 4; the batches 0 1 2 0 1 2 ... give the losses 16 9 4
    assert [report.step for report in run.log.reports] == [5, 10, 12]
    means = [(16 + 9 + 4 + 16 + 9) / 5, (4 + 16 + 9 + 4 + 16) / 5, (9 + 4) / 2]
    assert [report.train_loss for report in run.log.reports] == pytest.approx(means)


def test_speed_counts_training_only_and_the_time_left_everything():
    run = Run(steps=1000, step_cost=0.5, look_cost=0.3)
    run.train()
    reports = run.log.reports[:-1]
    assert all(report.items_per_second == pytest.approx(200) for report in reports)
    end = run.log.reports[-1].seconds - 10 * 0.3
    late = [r for r in reports if r.step > 100]
    assert late
    assert all(r.seconds + r.seconds_left == pytest.approx(end, rel=0.02) for r in late)


@pytest.mark.parametrize("look_cost", [0.01, 1.0, 20.0])
def test_validation_takes_at_most_a_twentieth_of_the_time(look_cost):
    run = Run(steps=4000, step_cost=1.0, look_cost=look_cost)
    run.train()
    cheap = [at for at, full in run.task.looks if not full]
    assert len(cheap) >= 4
    assert len(cheap) * look_cost <= 0.05 * run.clock.now


def kept(run):
    """A budget is never overdrawn by more than a hundredth, and hardly less than all of it is used."""
    return 0.98 * run.session.settings.minutes * 60 <= run.clock.now <= 1.01 * run.session.settings.minutes * 60


def turns(run, step, times):
    """After so many steps everything takes so many times as long as before."""
    told = run.log.step

    def tell(report):
        told(report)
        if report.step == step:
            run.model.cost *= times
            run.task.cost *= times
            run.save_cost *= times

    run.log.step = tell
    return run


COSTS = [(0.1, 0.0, 0.0), (0.3, 0.2, 0.4), (1.0, 0.5, 1.0)]


@pytest.mark.parametrize(("step_cost", "look_cost", "save_cost"), COSTS)
def test_a_budget_in_minutes_is_turned_into_steps_that_fill_it(step_cost, look_cost, save_cost):
    run = Run(step_cost, look_cost, save_cost, minutes=3.0, warmup=40)
    report = run.train()
    assert report.total_steps == run.session.step
    assert report.seconds_left == 0
    assert kept(run)


@pytest.mark.parametrize("by_epoch", [False, True])
@pytest.mark.parametrize("times", [0.25, 1.3, 4.0])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.85])
@pytest.mark.parametrize(("step_cost", "look_cost", "save_cost"), [(0.3, 0.0, 0.0), (0.4, 0.2, 0.3)])
def test_a_budget_is_kept_by_a_machine_that_turns_slower_or_faster(
    step_cost, look_cost, save_cost, share, times, by_epoch
):
    run = Run(step_cost, look_cost, save_cost, minutes=5.0, warmup=10, epoch=100, learning_rate=0.5, final_rate=0.0)
    run.task.by_epoch = run.task.decides = by_epoch
    turns(run, int(share * 300 / step_cost), times).train()
    assert kept(run)
    rates = [report.learning_rate for report in run.log.steps if report.step > 10]
    assert rates == sorted(rates, reverse=True)
    falls = [before - after for before, after in pairwise(rates)]
    assert max(falls) < 0.5 * (5 * step_cost / 300) * max(1, times)  # no jump
    assert rates[-1] < 0.005  # a hundredth of the peak, at the most


@pytest.mark.parametrize("schedule", ["step", "exponential", "cosine", "one_cycle"])
@pytest.mark.parametrize("times", [0.7, 1.5])
def test_no_schedule_of_a_budget_goes_back_when_it_is_counted_anew(schedule, times):
    run = Run(0.1, minutes=3.0, warmup=10, schedule=schedule, final_rate=0.001)
    turns(run, 700, times).train()
    rates = [report.learning_rate for report in run.log.steps if report.step > 10]
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] < 0.011 * rates[0]


def rates_of(lefts, schedule, warmup=5):
    """The rate of each step after the warm-up of a budget that is each time counted to so many steps more."""
    run, rates = Run(minutes=3.0, warmup=warmup, schedule=schedule, final_rate=0.001), []
    run.session.total_steps = warmup + 20
    for _ in range(warmup):
        run.session.take_step()
    for left in lefts:
        run.session.total_steps = run.session.step + left
        rates.append(run.session.learning_rate)
        run.session.take_step()
    return rates


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("seed", range(12))
def test_no_rate_rises_after_its_peak_however_the_steps_of_a_budget_are_counted(schedule, seed):
    draw = random.Random(seed)
    lefts = [draw.choice((0, 1, 2, draw.randint(3, 9), draw.randint(10, 700))) for _ in range(draw.randint(5, 60))]
    rates = rates_of([*range(draw.randint(4, 40), 2, -1), *lefts], schedule)
    assert all(after <= before * (1 + 1e-12) for before, after in pairwise(rates))
    assert rates[-1] < rates[0] or schedule == "constant"


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("lefts", [[*range(6, 2, -1), *range(500, 480, -1)], [3, 2, 1, *range(60, 10, -1)]])
def test_no_rate_rises_when_a_budget_that_was_almost_over_has_many_steps_again(schedule, lefts):
    rates = rates_of(lefts, schedule)
    assert all(after <= before * (1 + 1e-12) for before, after in pairwise(rates))


def test_what_the_end_of_a_budget_takes_is_measured_again_before_it():
    run = Run(0.1, look_cost=0.3, minutes=3.0, warmup=10)
    whole = turns(run, 700, 1.0).task  # only looking at everything turns slower
    told = run.log.step

    def tell(report):
        told(report)
        whole.full_share = 40.0 if report.step > 700 else 10.0

    run.log.step = tell
    run.train()
    assert kept(run)


def test_no_validation_is_begun_that_a_budget_has_no_time_for():
    run = Run(1.0, look_cost=6.0, minutes=5.0, warmup=10, epoch=42)
    run.task.by_epoch = run.task.decides = True
    run.task.partial = False
    run.train()
    assert kept(run)
    *before, last = [report for report in run.log.reports if report.validated]
    assert [report.step for report in before] == [42, 84, 126, 168, 210]
    assert last.step == run.session.step
    assert last.step == pytest.approx(252, abs=4)  # three seconds before its end there was an epoch's


def test_no_save_is_begun_that_a_budget_has_no_time_for():
    run = Run(1.0, save_cost=5.0, minutes=2.3, warmup=10)
    run.train()
    assert kept(run)
    assert [step for step, *_ in run.saved] == [0, run.session.step]  # another was due in the end's last seconds


@pytest.mark.parametrize("warmup", [1, 3, 40])
def test_a_budget_is_first_counted_when_a_few_steps_or_the_warm_up_are_over(warmup):
    run = Run(0.1, minutes=3.0, warmup=warmup)
    run.train()
    counted = [report.step for report in run.log.steps if report.total_steps is not None]
    assert counted[0] == min(warmup, MEASURED_STEPS)


def test_a_first_step_that_is_slow_does_not_count():
    run = Run(0.1, minutes=1.0, warmup=40)
    original, calls = run.model.loss_and_gradients, []

    def first_is_slow(batch, state):
        if not calls:
            run.clock.now += 3.0
        calls.append(1)
        return original(batch, state)

    run.model.loss_and_gradients = first_is_slow
    run.train()
    assert kept(run)
    first = next(report for report in run.log.steps if report.total_steps is not None)
    assert first.total_steps == pytest.approx(run.session.step, rel=0.02)


def test_a_budget_that_is_over_with_its_first_step_ends_the_run():
    run = Run(step_cost=100.0, minutes=0.5, warmup=40)
    assert run.train().step == 1


def test_an_end_that_is_longer_than_half_a_budget_leaves_the_other_half_to_the_steps():
    run = Run(step_cost=0.1, look_cost=1.5, minutes=0.5, warmup=40)
    assert run.train().step == pytest.approx((15 - 3) / 0.1, rel=0.02)  # 3 of them went into measuring


def test_stopping_saves_where_it_stands():
    run = Run(steps=100)
    assert run.train(stop=lambda: run.session.step == 7) is None
    assert run.saved[-1][0] == 7
    assert run.saved[-1][2] == pytest.approx(7.0)


def test_going_on_after_a_stop_counts_the_seconds_before():
    run = Run(steps=10)
    run.train(stop=lambda: run.session.step == 4)
    run.clock.now += 1000.0  # between the sittings
    assert run.train().seconds == pytest.approx(10.0)


def test_a_finished_session_is_only_validated():
    run = Run(steps=3)
    run.train()
    before = run.model.w.tobytes()
    report = run.train()
    assert run.model.w.tobytes() == before
    assert report.metrics["characters"] == 1000
    assert math.isnan(report.train_loss)


def test_a_loss_that_is_nan_stops_before_it_can_reach_the_weights():
    run = Run(steps=10, poison=6, learning_rate=0.25)
    with pytest.raises(DivergenceError, match=r"diverged at step 6: the loss is nan .* lower learning rate than 0.25"):
        run.train()
    assert run.session.step == 6
    assert math.isfinite(run.model.w[0])
    assert all(step <= 6 for step, *_ in run.saved)


def test_a_gradient_that_is_not_finite_stops_too():
    run = Run(steps=10)
    original = run.model.loss_and_gradients

    def infinite(batch, state):
        loss, gradients, after = original(batch, state)
        return loss, {"w": gradients["w"] * math.inf}, after

    run.model.loss_and_gradients = infinite
    with pytest.raises(DivergenceError, match="the norm of its gradients inf"):
        run.train()
    assert run.model.w[0] == 4.0


def test_weights_that_are_not_finite_are_never_saved():
    run = Run(steps=1, learning_rate=0.5)

    def overflow(model, gradients, rate):
        model.w[0] = math.inf

    run.session.optimizer.step = overflow
    with pytest.raises(DivergenceError, match=r"diverged at step 1: `w` holds inf, expected .* learning rate than 0.5"):
        run.train()
    assert [step for step, *_ in run.saved] == [0]


def by_epoch(decides, **options):
    """A run whose epochs are looked at; `decides` says whether that may change the run."""
    run = Run(**options)
    run.task.by_epoch, run.task.decides, run.task.partial = True, decides, False
    run.train()
    return run


def test_each_epoch_is_reported_at_its_end_and_the_last_weights_are_validated():
    run = by_epoch(False, steps=10, step_cost=0.001)
    assert [report.step for report in run.log.reports] == [4, 8, 10]
    assert [report.epoch for report in run.log.reports] == [1.0, 2.0, 2.5]
    assert run.log.reports[-1].validated


@pytest.mark.parametrize("look_cost", [0.0, 0.001, 1.0])
def test_where_validation_decides_each_epoch_is_validated_at_whatever_cost(look_cost):
    run = by_epoch(True, steps=400, step_cost=0.001, look_cost=look_cost)
    assert len(run.task.looks) == 100
    assert all(report.validated for report in run.log.reports)


def test_where_validation_decides_it_does_not_come_between_epochs():
    run = by_epoch(True, steps=200, step_cost=1.0, epoch=100)
    assert [report.step for report in run.log.reports if report.validated] == [100, 200]
    assert len(run.log.reports) > 30  # that it goes on is told all the same


@pytest.mark.parametrize("look_cost", [0.0005, 0.004, 0.1])
def test_where_it_is_only_looked_at_short_epochs_are_not_all_validated(look_cost):
    run = by_epoch(False, steps=8000, step_cost=0.001, look_cost=look_cost)
    validated = [report for report in run.log.reports if report.validated]
    assert len(run.log.reports) == 2000
    # a twentieth of the time, and the first and the last epoch
    assert len(validated) * look_cost <= 0.05 * run.clock.now + 2 * look_cost
    assert len(validated) * look_cost >= 0.02 * run.clock.now
    assert validated[0].step == 4


def test_where_it_is_only_looked_at_long_epochs_are_validated_in_their_middle():
    run = by_epoch(False, steps=200, step_cost=1.0, epoch=100)
    assert [report.step for report in run.log.reports if report.validated][:4] == [15, 30, 45, 60]


def test_a_budget_that_validation_shares_with_the_steps_is_kept():
    run = by_epoch(True, minutes=3.0, warmup=40, step_cost=0.1, look_cost=0.4)
    assert kept(run)
    assert len(run.task.looks) == pytest.approx(run.session.step / 4, abs=2)


def test_nobody_is_told_of_a_step_who_does_not_want_to_be():
    run = Run(steps=30, step_cost=1.0)
    train(run.session, run.task, run.log, run.save, clock=run.clock, each_step=False)
    assert run.log.steps == []
    assert len(run.log.reports) == 6


def test_a_session_that_was_left_goes_on_in_memory_as_if_it_had_not_been():
    """When it is left, its model has the weights to be used; its steps go on from their own."""
    whole, parts = (Run(steps=30, ema=0.9, patience=9) for _ in range(2))
    for run in (whole, parts):
        run.task.by_epoch = run.task.decides = True
        run.task.validate = lambda full, model=run.model: {"loss": float(model.w[0] ** 2 % 1)}
    whole.train()
    left = []
    for stop in (5, 8, 17):
        assert parts.train(stop=lambda: parts.session.step == stop) is None  # noqa: B023
        left.append(parts.model.w[0] != parts.session.trained["w"][0])
    parts.train()
    assert all(left)
    assert parts.model.w.tobytes() == whole.model.w.tobytes()
    assert parts.session.trained["w"].tobytes() == whole.session.trained["w"].tobytes()
