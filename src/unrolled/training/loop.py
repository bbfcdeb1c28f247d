"""The training loop: one step, and when to report, validate and save; knows no model, no file and no terminal."""

from __future__ import annotations

import math
import statistics
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from unrolled.errors import DivergenceError
from unrolled.optimizers import Adam, clip_by_global_norm
from unrolled.schedules import warmup_cosine
from unrolled.shapes import Array
from unrolled.training.config import TrainConfig

__all__ = ["Batches", "Model", "Observer", "Report", "Session", "Task", "train"]

REPORT_SECONDS = 5.0
VALIDATE_SECONDS = 15.0
SAVE_SECONDS = 60.0
SHARE = 25  # validating and saving wait at least this many times as long as they last: 4 % of the time at most
MEASURED_SHARE = (
    0.06  # of a budget in minutes: how long the first steps are measured, if the warm-up is not over sooner
)
RECENT = 64  # steps whose speed is shown, and is measured
MEASURED_STEPS = 4  # at the least; their median does not see that the first is slower


class Model(Protocol):
    """What the loop needs of a model."""

    @property
    def parameters(self) -> Mapping[str, Array]:
        """Read-only views by name."""
        ...

    def edit(self) -> AbstractContextManager[Mapping[str, Array]]:
        """The writable arrays, for the optimizer."""
        ...

    def loss_and_gradients(self, batch: Any, state: Any) -> tuple[float, dict[str, Array], Any]:
        """The mean loss of a batch in nats, its gradients by parameter name, and the state to carry on."""
        ...

    def state_to_arrays(self, state: Any) -> dict[str, Array]:
        """A carried state as named arrays; none for no state."""
        ...

    def state_from_arrays(self, arrays: Mapping[str, Array]) -> Any:
        """Takes back what `state_to_arrays` gave."""
        ...


class Batches(Protocol):
    """What the loop needs of data: an endless row of batches, and a place in it that can be kept."""

    @property
    def position(self) -> dict[str, Any]:
        """The place, as plain values for JSON."""
        ...

    def go_to(self, position: dict[str, Any]) -> None:
        """Goes on from what `position` was."""
        ...

    def next(self) -> Any:
        """The next batch; its `first` says whether the carried state must be dropped."""
        ...


class Task(Protocol):
    """What is looked at while training; nothing here may change model, data or their random state."""

    batch_characters: int

    def validate(self, full: bool) -> tuple[float, int]:
        """The loss in nats/char on held-out text, all of it or a cheap part, and on how many characters."""
        ...

    def sample(self, step: int) -> str:
        """A short sample."""
        ...

    @property
    def full_share(self) -> float:
        """How many times as long `validate(full=True)` takes as the cheap part, roughly."""
        ...


@dataclass(frozen=True)
class Report:
    """How a run stands; one row of `metrics.csv`. Losses are in nats per character."""

    step: int
    total_steps: int | None  # None while it is being measured
    seconds: float  # of training, validation and saving, over all sittings
    train_loss: float  # mean since the last report
    learning_rate: float
    chars_per_second: float
    seconds_left: float | None
    val_loss: float | None = None
    val_characters: int | None = None
    sample: str | None = None


class Observer(Protocol):
    """Who is told how training goes."""

    def step(self, report: Report) -> None:
        """After every step, with the running loss: for a live display."""
        ...

    def report(self, report: Report) -> None:
        """Every few seconds, and at every validation."""
        ...


@dataclass
class Session:
    """Everything that a step changes; a checkpoint of it is complete."""

    model: Model
    batches: Batches
    config: TrainConfig
    total_steps: int | None  # None: a budget in minutes that has not yet been measured
    step: int = 0
    seconds: float = 0.0
    carried: Any = None
    optimizer: Adam = field(init=False)

    def __post_init__(self) -> None:
        self.optimizer = Adam(self.config.learning_rate, self.config.beta1, self.config.beta2, self.config.epsilon)

    @property
    def learning_rate(self) -> float:
        """Of the step about to be taken: a function of `step` alone once `total_steps` is known."""
        peak = self.config.learning_rate
        return warmup_cosine(
            self.step, peak=peak, warmup=self.config.warmup, total=self.total_steps, final=peak * self.config.final_rate
        )

    @property
    def finished(self) -> bool:
        """Whether all steps have been taken."""
        return self.total_steps is not None and self.step >= self.total_steps

    def take_step(self) -> float:
        """One step of truncated back-propagation: loss, gradients, clipping, Adam. Returns the loss.

        Raises:
            DivergenceError: the loss or a gradient is not finite; the parameters are left as they were.
        """
        batch = self.batches.next()
        with np.errstate(over="ignore", invalid="ignore"):  # looked for just below, and before each save
            loss, gradients, carried = self.model.loss_and_gradients(batch, None if batch.first else self.carried)
            norm = clip_by_global_norm(gradients, self.config.clip)
            if not (math.isfinite(loss) and math.isfinite(norm)):
                raise self._diverged(f"the loss is {loss} and the norm of its gradients {norm}")
            self.optimizer.step(self.model, gradients, self.learning_rate)
        self.carried = carried
        self.step += 1
        return loss

    def check(self) -> None:
        """Raises `DivergenceError` where a parameter is not finite, so that no such model is ever saved."""
        for name, array in self.model.parameters.items():
            if not np.isfinite(array).all():
                raise self._diverged(f"`{name}` holds {array[~np.isfinite(array)][0]}")

    def _diverged(self, what: str) -> DivergenceError:
        return DivergenceError(
            f"training diverged at step {self.step}: {what}, expected finite numbers; "
            f"try a lower learning rate than {self.config.learning_rate:g}"
        )


class _Timer:
    """Something that is done again and again, but takes no more than its share of the time."""

    def __init__(self, interval: float, now: float) -> None:
        self.interval, self.due, self.cost = interval, now + interval, 0.0

    def done(self, began: float, now: float) -> None:
        self.cost = now - began
        self.due = now + max(self.interval, SHARE * self.cost)

    @property
    def share(self) -> float:
        """Of the time, spent on this."""
        return self.cost / (self.cost + max(self.interval, SHARE * self.cost))


def train(
    session: Session,
    task: Task,
    observer: Observer,
    save: Callable[[], None],
    stop: Callable[[], bool] = lambda: False,
    clock: Callable[[], float] = time.perf_counter,
) -> Report | None:
    """Takes all the steps that are left, then validates on all held-out text.

    The session is saved at the start, when the number of steps has been measured, now and then, and at the end;
    whatever is saved is whole, so a run that is killed goes on from its last save.

    Args:
        session: new, or restored from a checkpoint.
        task: validation and samples.
        observer: is told how it goes.
        save: writes a checkpoint of the session.
        stop: asked after every step; once it says yes the session is saved and left.
        clock: seconds.

    Returns:
        The last report, with the loss on all held-out text; `None` if `stop` said yes first.

    Raises:
        DivergenceError: see `Session.take_step` and `Session.check`.
    """
    return _Loop(session, task, observer, save, clock).run(stop)


class _Loop:
    def __init__(
        self, session: Session, task: Task, observer: Observer, save: Callable[[], None], clock: Callable[[], float]
    ) -> None:
        self.session, self.task, self.observer, self._save, self.clock = session, task, observer, save, clock
        now = clock()
        self.began = now - session.seconds
        self.reported = now
        self.validation = _Timer(VALIDATE_SECONDS, now)
        self.saving = _Timer(SAVE_SECONDS, now)
        self.loss, self.steps = 0.0, 0  # summed since the last report
        self.durations: deque[float] = deque(maxlen=RECENT)

    def run(self, stop: Callable[[], bool]) -> Report | None:
        session = self.session
        self.save()
        while not session.finished:
            if stop():
                self.save()
                return None
            rate, began = session.learning_rate, self.clock()
            self.loss += session.take_step()
            self.steps += 1
            self.durations.append(self.clock() - began)
            if session.total_steps is None and self.measured():
                self.fix_total()
            if not session.finished:
                self.look(rate)
        self.save()
        report = self.describe(session.learning_rate, validate=True, full=True)
        self.observer.report(report)
        return report

    def look(self, rate: float) -> None:
        """Reports, validates and saves where it is time to."""
        now = self.clock()
        validate = now >= self.validation.due
        if validate or now >= self.reported + REPORT_SECONDS:
            self.observer.report(self.describe(rate, validate))
            self.loss, self.steps = 0.0, 0
            self.reported = self.clock()
        else:
            self.observer.step(self.describe(rate))
        if now >= self.saving.due:
            self.save()

    def save(self) -> None:
        began = self.clock()
        self.session.seconds = began - self.began
        self.session.check()
        self._save()
        self.saving.done(began, self.clock())

    def measured(self) -> bool:
        """Whether the first steps say enough about those to come; never later than the end of the warm-up."""
        session = self.session
        if session.step >= session.config.warmup:
            return True
        budget = 60 * (session.config.minutes or 0)
        return len(self.durations) >= MEASURED_STEPS and self.clock() - self.began >= MEASURED_SHARE * budget

    def fix_total(self) -> None:
        """Turns the budget in minutes into a number of steps, from what steps, validation and saving have taken."""
        session = self.session
        began = self.clock()
        self.task.validate(full=False)
        self.validation.done(began, self.clock())
        each = statistics.median(self.durations)
        last = self.validation.cost * self.task.full_share + 2 * self.saving.cost
        left = 60 * (session.config.minutes or 0) - (self.clock() - self.began) - last
        left *= 1 - self.validation.share - self.saving.share
        session.total_steps = session.step + max(0, int(left / max(each, 1e-9)))
        self.save()

    def describe(self, rate: float, validate: bool = False, full: bool = False) -> Report:
        session = self.session
        val_loss = val_characters = sample = None
        if validate:
            began = self.clock()
            val_loss, val_characters = self.task.validate(full)
            sample = self.task.sample(session.step)
            self.validation.done(began, self.clock())
        # no step of this sitting: no speed; a clock too coarse to see one: not infinitely fast
        each = max(sum(self.durations) / len(self.durations), 1e-9) if self.durations else math.inf
        seconds = self.clock() - self.began
        if session.total_steps is not None:
            steps = session.total_steps - session.step
            left = steps * each if steps else 0.0
            left /= 1 - self.validation.share - self.saving.share
        else:
            left = max(0.0, 60 * (session.config.minutes or 0) - seconds)
        return Report(
            step=session.step,
            total_steps=session.total_steps,
            seconds=seconds,
            train_loss=self.loss / self.steps if self.steps else math.nan,
            learning_rate=rate,
            chars_per_second=self.task.batch_characters / each,
            seconds_left=left,
            val_loss=val_loss,
            val_characters=val_characters,
            sample=sample,
        )
