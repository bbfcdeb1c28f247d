"""The training loop: when to step, report, validate, save and stop; knows no model, no file and no terminal."""

from __future__ import annotations

import math
import statistics
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Protocol

from unrolled.errors import CheckpointError, DivergenceError
from unrolled.training.callbacks import StopTraining
from unrolled.training.report import Observer, Report
from unrolled.training.session import Session

__all__ = ["MEASURED_STEPS", "Task", "train"]

REPORT_SECONDS = 5.0
VALIDATE_SECONDS = 15.0
SAVE_SECONDS = 60.0
SHARE = 25  # validating and saving wait at least this many times as long as they last: 4 % of the time at most
RECENT = 64  # steps whose speed is shown, and is measured
MEASURED_STEPS = 4  # before a budget in minutes is first counted in steps,
MEASURED_SHARE = 0.06  # unless this part of it, or the warm-up, is over sooner
LAST_SHARE = 0.9  # of a budget, after which it is measured once more what the end will take
MARGIN = 0.01  # of a budget, for what cannot be foreseen


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

    def probe(self) -> float:
        """Does a part of what comes after the last step, `validate(full=True)`; says how many times as long all takes.

        0 where nothing comes then.
        """
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

    The session is saved at the start, now and then, at the end, and where a look at it fails; whatever is saved is
    whole, so a run that is killed goes on from its last save.

    Of a budget in minutes it is counted anew after every step how many more the rest of it is enough for, once
    validation and saving at the end have had their part. The run ends when that is none.

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
        Exception: `task` or `observer` raised it; the session has been saved, unless that fails as well.
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
        self.budget = 60 * (session.settings.minutes or math.inf)  # seconds
        self.measured = False  # whether it is known what validation takes
        self.probing = 0.0  # seconds of the run after which that of everything is measured
        self.last_cost = 0.0  # of it
        self.names = task.metrics
        self.last: Report | None = None

    def run(self, stop: Callable[[], bool]) -> Report | None:
        session = self.session
        session.reopen()
        self.save()
        try:
            if self.ended and session.losses[1] and not session.stopped:  # an error came before the epoch was reported
                self.after_step(session.learning_rate)
            while not session.finished:
                if stop():
                    self.save()
                    session.conclude()
                    return None
                rate, began = session.learning_rate, self.clock()
                session.take_step()
                self.durations.append(self.clock() - began)
                self.after_step(rate)
        except StopTraining:
            session.stopped = True
        self.save()
        session.conclude()
        if self.last is None or self.last.step != session.step or self.task.partial:
            with suppress(StopTraining):  # that is what happens
                self.report(self.describe(session.learning_rate, validate=True, full=True))
        return self.last

    @property
    def ended(self) -> bool:
        """Whether an epoch, or a part of one at the end of the run, is to be reported now."""
        session = self.session
        return self.task.by_epoch and (session.finished or session.step % session.batches.steps_per_epoch == 0)

    def after_step(self, rate: float) -> None:
        """Counts anew and looks; an error on the way, of a callback say, does not cost the steps since the save."""
        try:
            if self.session.settings.minutes is not None and self.durations:
                self.recount()
            if self.task.by_epoch or not self.session.finished:
                self.look(rate)
        except (StopTraining, CheckpointError, DivergenceError):
            raise
        except Exception:
            with suppress(Exception):  # it is the first error that is told
                self.save()
            raise

    def look(self, rate: float) -> None:
        """Reports, validates and saves where it is time to."""
        session, task, now, ended = self.session, self.task, self.clock(), self.ended
        if ended:
            validate = task.decides or session.finished or now >= self.validation.free
        else:
            validate = not task.decides and now >= self.validation.due
        validate = validate and (session.finished or self.left() >= self.validation.cost)
        if self.each_step:
            self.observer.step(self.describe(rate))
        if ended or validate or now >= self.reported + REPORT_SECONDS:
            self.report(self.describe(rate, validate, decide=task.decides))
        if now >= self.saving.due and self.left() >= self.saving.cost:
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

    def recount(self) -> None:
        """Counts anew how many steps the budget in minutes is enough for, once that can be said."""
        self.measure()
        if self.measured:
            session, each = self.session, max(self.each, 1e-9)
            session.total_steps = session.step + max(0, int(self.left() * (1 - self.overhead(each)) / each))

    def measure(self) -> None:
        """Finds what a validation takes, after the first steps, and what the end does: then, and near it once more."""
        session, task = self.session, self.task
        began = self.clock()
        seconds = began - self.began
        if not self.measured:
            early = session.step < session.settings.warmup and len(self.durations) < MEASURED_STEPS
            if early and seconds < MEASURED_SHARE * self.budget:
                return
            task.validate(full=False)
            self.validation.done(began, self.clock())
            self.measured = True
        if seconds >= self.probing:
            began = self.clock()
            self.last_cost = task.probe() * (self.clock() - began)
            self.probing = LAST_SHARE * self.budget if seconds < LAST_SHARE * self.budget else math.inf

    @property
    def each(self) -> float:
        """Seconds of a step: the mean of the last ones without the oldest, as the first of all is slower."""
        return statistics.fmean(list(self.durations)[1:] or self.durations)

    def left(self) -> float:
        """Seconds of the budget until what comes last must begin: saving and validating. Without one, without end."""
        if self.budget == math.inf:
            return math.inf
        last = self.last_cost + self.saving.cost + (self.validation.cost if self.task.by_epoch else 0.0)
        # the steps have their half of it, whatever the end takes
        return self.budget - (self.clock() - self.began) - min(last + MARGIN * self.budget, self.budget / 2)

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
        if session.finished:
            left = 0.0
        elif session.total_steps is None or session.settings.minutes is not None:
            left = max(0.0, self.budget - seconds)
        else:
            left = (session.total_steps - session.step) * each / (1 - self.overhead(each))
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
