"""The training loop: when to step, report, validate, save and stop; knows no model, no file and no terminal."""

from __future__ import annotations

import math
import statistics
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Protocol

from unrolled.training.callbacks import StopTraining
from unrolled.training.report import Observer, Report
from unrolled.training.session import Session

__all__ = ["MEASURED_STEPS", "Task", "train"]

REPORT_SECONDS = 5.0
VALIDATE_SECONDS = 15.0
SAVE_SECONDS = 60.0
SHARE = 25  # validating and saving wait at least this many times as long as they last: 4 % of the time at most
MEASURED_SHARE = (
    0.06  # of a budget in minutes: how long the first steps are measured, if the warm-up is not over sooner
)
RECENT = 64  # steps whose speed is shown, and is measured
MEASURED_STEPS = 4  # at the least; their median does not see that the first is slower


class Task(Protocol):
    """What is looked at while training; nothing here may change model, data or their random state.

    With `by_epoch` there is a report at the end of each epoch. Whether it comes with a validation is the clock's matter
    (it takes 4 % of the time at most) unless `decides`: then every epoch is validated, at its end and only there, so
    that the run does not depend on the clock.
    """

    by_epoch: bool
    decides: bool
    partial: bool  # whether only `validate(full=True)` looks at everything
    unit: str  # what a batch has so many of: "chars", "sequences"
    loss_unit: str  # what losses are measured in, "" where it goes without saying
    metrics: tuple[str, ...]  # the names of what `validate` returns, as far as they are known beforehand

    def validate(self, full: bool) -> Mapping[str, float]:
        """Metrics on held-out data, all of it or a cheap part."""
        ...

    def sample(self, step: int) -> str | None:
        """A short sample, of a model that writes."""
        ...

    @property
    def full_share(self) -> float:
        """How many times as long `validate(full=True)` takes as the cheap part, roughly."""
        ...


class _Timer:
    """Something that is done again and again, but takes no more than its share of the time."""

    def __init__(self, interval: float, now: float) -> None:
        self.interval, self.due, self.cost = interval, now + interval, 0.0
        self.free = now  # from when on its share of the time allows it

    def done(self, began: float, now: float) -> None:
        self.cost = now - began
        self.free = now + SHARE * self.cost
        self.due = now + max(self.interval, SHARE * self.cost)

    @property
    def share(self) -> float:
        """Of the time, spent on this."""
        return self.cost / (self.cost + max(self.interval, SHARE * self.cost, 1e-9))


def train(
    session: Session,
    task: Task,
    observer: Observer,
    save: Callable[[], None],
    stop: Callable[[], bool] = lambda: False,
    clock: Callable[[], float] = time.perf_counter,
    *,
    each_step: bool = True,
) -> Report | None:
    """Takes all the steps that are left, gives the model its final weights, and validates them.

    The session is saved at the start, when the number of steps has been measured, now and then, and at the end;
    whatever is saved is whole, so a run that is killed goes on from its last save.

    Args:
        session: new, or restored from a checkpoint.
        task: validation and samples.
        observer: is told how it goes; it may raise `StopTraining`, which ends the run as if all steps were taken.
        save: writes a checkpoint of the session.
        stop: asked after every step; once it says yes the session is saved and left.
        clock: seconds.
        each_step: whether the observer wants to hear of every step.

    Returns:
        The last report, with the metrics on all held-out data; `None` if `stop` said yes first.

    Raises:
        DivergenceError: see `Session.take_step` and `Session.check`.
    """
    return _Loop(session, task, observer, save, clock, each_step).run(stop)


class _Loop:
    def __init__(
        self,
        session: Session,
        task: Task,
        observer: Observer,
        save: Callable[[], None],
        clock: Callable[[], float],
        each_step: bool,
    ) -> None:
        self.session, self.task, self.observer, self._save, self.clock = session, task, observer, save, clock
        self.each_step = each_step
        now = clock()
        self.began = now - session.seconds
        self.reported = now
        self.validation = _Timer(VALIDATE_SECONDS, now)
        self.saving = _Timer(SAVE_SECONDS, now)
        self.durations: deque[float] = deque(maxlen=RECENT)
        self.names = task.metrics
        self.last: Report | None = None

    def run(self, stop: Callable[[], bool]) -> Report | None:
        session = self.session
        session.reopen()
        self.save()
        try:
            while not session.finished:
                if stop():
                    self.save()
                    session.conclude()
                    return None
                rate, began = session.learning_rate, self.clock()
                session.take_step()
                self.durations.append(self.clock() - began)
                if session.total_steps is None and self.measured():
                    self.fix_total()
                if self.task.by_epoch or not session.finished:
                    self.look(rate)
        except StopTraining:
            session.stopped = True
        self.save()
        session.conclude()
        if self.last is None or self.last.step != session.step or self.task.partial:
            with suppress(StopTraining):  # that is what happens
                self.report(self.describe(session.learning_rate, validate=True, full=True))
        return self.last

    def look(self, rate: float) -> None:
        """Reports, validates and saves where it is time to."""
        session, task, now = self.session, self.task, self.clock()
        ended = task.by_epoch and (session.finished or session.step % session.batches.steps_per_epoch == 0)
        if ended:
            validate = task.decides or session.finished or now >= self.validation.free
        else:
            validate = not task.decides and now >= self.validation.due
        if self.each_step:
            self.observer.step(self.describe(rate))
        if ended or validate or now >= self.reported + REPORT_SECONDS:
            self.report(self.describe(rate, validate, decide=task.decides))
        if now >= self.saving.due:
            self.save()

    def report(self, report: Report) -> None:
        self.session.losses = (0.0, 0)
        self.last = report
        self.observer.report(report)
        self.reported = self.clock()

    def save(self) -> None:
        began = self.clock()
        self.session.seconds = began - self.began
        self.session.check()
        self._save()
        self.saving.done(began, self.clock())

    def measured(self) -> bool:
        """Whether the first steps say enough about those to come; never later than the end of the warm-up."""
        session = self.session
        if session.step >= session.settings.warmup:
            return True
        budget = 60 * (session.settings.minutes or 0)
        return len(self.durations) >= MEASURED_STEPS and self.clock() - self.began >= MEASURED_SHARE * budget

    def fix_total(self) -> None:
        """Turns the budget in minutes into a number of steps, from what steps, validation and saving have taken."""
        session = self.session
        began = self.clock()
        self.task.validate(full=False)
        self.validation.done(began, self.clock())
        each = statistics.median(self.durations)
        last = self.validation.cost * self.task.full_share + 2 * self.saving.cost
        left = 60 * (session.settings.minutes or 0) - (self.clock() - self.began) - last
        left *= 1 - self.overhead(each)
        session.total_steps = session.step + max(0, int(left / max(each, 1e-9)))
        self.save()

    def overhead(self, each: float) -> float:
        """The part of the time that goes into validating and saving, where a step takes `each` seconds."""
        validation = self.validation.share
        if self.task.decides:
            cost = self.validation.cost
            validation = cost / max(cost + each * self.session.batches.steps_per_epoch, 1e-9)
        return min(0.9, validation + self.saving.share)

    def describe(self, rate: float, validate: bool = False, full: bool = False, decide: bool = False) -> Report:
        session, task = self.session, self.task
        metrics: dict[str, float | None] = dict.fromkeys(self.names)
        sample = None
        if validate:
            began = self.clock()
            with session.averaged():
                # NumPy's numbers are not for JSON
                found = task.validate(full)
                metrics = {name: value if isinstance(value, int) else float(value) for name, value in found.items()}
                sample = task.sample(session.step)
                if decide:
                    session.judge(metrics)
            self.names = tuple(metrics)
            self.validation.done(began, self.clock())
        # no step of this sitting: no speed; a clock too coarse to see one: not infinitely fast
        each = max(sum(self.durations) / len(self.durations), 1e-9) if self.durations else math.inf
        seconds = self.clock() - self.began
        total, steps = session.losses
        loss = total / steps if steps else math.nan
        if session.total_steps is not None:
            steps = 0 if session.finished else session.total_steps - session.step
            left = steps * each / (1 - self.overhead(each)) if steps else 0.0
        else:
            left = max(0.0, 60 * (session.settings.minutes or 0) - seconds)
        return Report(
            step=session.step,
            total_steps=session.total_steps,
            seconds=seconds,
            train_loss=loss,
            learning_rate=rate,
            items_per_second=session.batches.batch_items / each,
            seconds_left=left,
            epoch=session.epoch,
            metrics=metrics,
            sample=sample,
            unit=task.unit,
            loss_unit=task.loss_unit,
        )
