"""Everything that one step of training changes, and the step; when to look at it is the loop's matter."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np

from unrolled.errors import DivergenceError
from unrolled.optimizers import Optimizer, WeightAverage, clip_by_global_norm, clip_by_value
from unrolled.schedules import SCHEDULES, ReduceOnPlateau, Schedule
from unrolled.shapes import Array
from unrolled.training.early_stopping import EarlyStopping, sense_of, value_of
from unrolled.training.settings import FitSettings

__all__ = ["Batches", "Loadable", "Model", "Session"]


class Model(Protocol):
    """What training needs of a model."""

    random_state: Any  # of all that is drawn in a step, masks of dropout say: plain values for JSON, `None` for nothing

    @property
    def parameters(self) -> Mapping[str, Array]:
        """Read-only views by name."""
        ...

    def edit(self) -> AbstractContextManager[Mapping[str, Array]]:
        """The writable arrays, for the optimizer."""
        ...

    def loss_and_gradients(self, batch: Any, state: Any) -> tuple[float, dict[str, Array], Any]:
        """The mean loss of a batch, its gradients by parameter name, and the state to carry on, or `None`."""
        ...

    def state_to_arrays(self, state: Any) -> dict[str, Array]:
        """A carried state as named arrays; not asked for where the state is `None`."""
        ...

    def state_from_arrays(self, arrays: Mapping[str, Array]) -> Any:
        """Takes back what `state_to_arrays` gave."""
        ...


@runtime_checkable
class Loadable(Protocol):
    """A model that says by itself what `unrolled.load` needs, so that each run of it can be loaded."""

    kind: str

    def documents(self) -> Mapping[str, Any]:
        """What is needed besides the weights, as plain values by name."""
        ...


class Batches(Protocol):
    """What training needs of data: an endless row of batches, and a place in it that can be kept."""

    @property
    def steps_per_epoch(self) -> int:
        """How many batches are one pass over the data."""
        ...

    @property
    def batch_items(self) -> float:
        """How many items a batch has on average, for the speed that is shown."""
        ...

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


@dataclass
class Session:
    """Everything that a step changes; a checkpoint of it is complete."""

    model: Model
    batches: Batches
    settings: FitSettings
    total_steps: int | None  # None: a budget in minutes that has not yet been measured; then it is counted ever anew
    step: int = 0
    progress: float = 0.0  # of a budget in minutes: the part of the schedule after its warm-up that is over
    seconds: float = 0.0
    carried: Any = None
    losses: tuple[float, int] = (0.0, 0)  # the sum of those since the last report, and how many they are
    stopped: bool = False  # before all steps were taken, because it was enough
    optimizer: Optimizer = field(init=False)
    average: WeightAverage | None = field(init=False)
    plateau: ReduceOnPlateau | None = field(init=False)
    stopping: EarlyStopping | None = field(init=False)
    trained: dict[str, Array] | None = field(init=False, default=None)  # see `conclude`

    def __post_init__(self) -> None:
        settings = self.settings
        self.optimizer = settings.create_optimizer()
        self.plateau = settings.create_plateau()
        self.average = None if settings.ema is None else WeightAverage(settings.ema)
        self.stopping = (
            None if settings.patience is None else EarlyStopping(settings.patience, sense_of(settings.monitor))
        )
        self._schedule: Schedule = self.plateau or SCHEDULES[settings.schedule]

    @property
    def learning_rate(self) -> float:
        """Of the step about to be taken: a function of `step` (and of a plateau), or of `progress` in its place.

        A budget's progress never goes back, however its steps are counted: the schedule is told of so many steps as
        have this one where the progress is.
        """
        settings, total = self.settings, self.total_steps
        peak = settings.learning_rate
        if self.progress:
            total = settings.warmup + (self.step - settings.warmup) / self.progress
        return self._schedule(
            self.step,
            peak=peak,
            warmup=settings.warmup,
            total=total,
            final=peak * settings.final_rate,
            **({} if self.plateau else settings.schedule_options),
        )

    @property
    def epoch(self) -> float:
        """How many passes over the data have been made."""
        return self.step / self.batches.steps_per_epoch

    @property
    def finished(self) -> bool:
        """Whether all steps have been taken that will be."""
        return self.stopped or (self.total_steps is not None and self.step >= self.total_steps)

    def take_step(self) -> float:
        """One step: loss, gradients, clipping, the optimizer, the averages. Returns the loss.

        Raises:
            DivergenceError: the loss or a gradient is not finite; the parameters are left as they were.
        """
        settings, batch = self.settings, self.batches.next()
        with np.errstate(over="ignore", invalid="ignore"):  # looked for just below, and before each save
            loss, gradients, carried = self.model.loss_and_gradients(batch, None if batch.first else self.carried)
            if settings.clip_value is not None:
                clip_by_value(gradients, settings.clip_value)
            norm = clip_by_global_norm(gradients, math.inf if settings.clip is None else settings.clip)
            if not (math.isfinite(loss) and math.isfinite(norm)):
                raise self._diverged(f"the loss is {loss} and the norm of its gradients {norm}")
            self.optimizer.step(self.model, gradients, self.learning_rate)
        if self.average is not None:
            self.average.update(self.model)
        self.carried = carried
        if settings.minutes is not None and self.total_steps is not None and self.step >= settings.warmup:
            self.progress += (1 - self.progress) / max(1, self.total_steps - self.step)
        self.step += 1
        self.losses = (self.losses[0] + loss, self.losses[1] + 1)
        return loss

    def averaged(self) -> AbstractContextManager[None]:
        """Within it the model has its averaged weights, where there are any; that is what is validated."""
        if self.average is None or self.trained is not None:
            return nullcontext()
        return self.average.swapped(self.model)

    def judge(self, metrics: Mapping[str, float | None]) -> None:
        """Lets a validation of the model as it is now decide: on the rate, on the best weights, and on the end."""
        if self.plateau is not None:
            self.plateau.update(value_of(sense_of(self.settings.monitor), metrics))
        if self.stopping is not None:
            self.stopped = self.stopping.update(self.step, metrics, self.model.parameters)

    def weights(self) -> dict[str, Array]:
        """Copies of those that the run would leave now: the best so far, or the averaged ones, or the last."""
        if self.stopping is not None and self.stopping.weights is not None:
            return self.stopping.weights
        with self.averaged():
            return {name: np.array(array) for name, array in self.model.parameters.items()}

    def conclude(self) -> None:
        """Gives the model the weights to be used; those that steps would go on from are kept in `trained`."""
        if self.trained is None and (self.average is not None or self.stopping is not None):
            kept = self.weights()
            self.trained = {name: np.array(array) for name, array in self.model.parameters.items()}
            self._put(kept)

    def reopen(self) -> None:
        """Undoes `conclude`: the model has the weights that steps go on from."""
        if self.trained is not None:
            self._put(self.trained)
            self.trained = None

    def _put(self, weights: Mapping[str, Array]) -> None:
        with self.model.edit() as parameters:
            for name, array in weights.items():
                parameters[name][...] = array

    def check(self) -> None:
        """Raises `DivergenceError` where a parameter is not finite, so that no such model is ever saved."""
        for name, array in self.model.parameters.items():
            if not np.isfinite(array).all():
                raise self._diverged(f"`{name}` holds {array[~np.isfinite(array)][0]}")

    def _diverged(self, what: str) -> DivergenceError:
        return DivergenceError(
            f"training diverged at step {self.step}: {what}, expected finite numbers; "
            f"try a lower learning rate than {self.settings.learning_rate:g}"
        )
