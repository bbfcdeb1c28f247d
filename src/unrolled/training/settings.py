"""What `fit` is told of a run: how long, by which optimizer and schedule, when to stop; nothing that acts."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from unrolled.errors import ParameterError
from unrolled.optimizers import OPTIMIZERS, Optimizer, create_optimizer
from unrolled.schedules import SCHEDULES, ReduceOnPlateau
from unrolled.training.early_stopping import sense_of

__all__ = ["PLATEAU", "SCHEDULE_NAMES", "FitSettings"]

EPOCHS = 100  # where nothing says how long
PLATEAU = "reduce_on_plateau"  # the schedule that remembers: `ReduceOnPlateau`
SCHEDULE_NAMES = (*SCHEDULES, PLATEAU)


@dataclass(frozen=True)
class FitSettings:
    """How a model is trained; one of `epochs`, `steps` and `minutes` says how long.

    Args:
        epochs: passes over the data; 100 where neither `steps` nor `minutes` is given.
        steps: of the optimizer.
        minutes: a budget; the first steps are measured, and so many steps are taken as will fill it.
        optimizer: one of `unrolled.optimizers.OPTIMIZERS`.
        learning_rate: the peak of the schedule.
        weight_decay: of an optimizer that has one (`"adamw"`).
        schedule: one of `unrolled.schedules.SCHEDULES`, or `"reduce_on_plateau"`.
        warmup: steps of a linear rise to the peak; a budget in minutes takes at least `BUDGET_WARMUP`.
        final_rate: where the schedule ends, as a part of the peak.
        clip: the largest global norm of the gradients; `None` for any.
        clip_value: the largest size of each entry of a gradient; `None` for any. It comes before `clip`.
        ema: the decay of an exponential moving average of the weights, which is what is validated and kept.
        patience: after so many epochs that were no better than the best the run ends, with the best weights put back.
        monitor: what decides that: a key of what validation returns. Errors and losses are made small, scores large;
            `"max NAME"` and `"min NAME"` say it of a name that is not known.
        seed: of whoever draws at random for the run; kept here so that it is recorded with the rest.
        optimizer_options: what else the optimizer takes, `{"momentum": 0.9}` for `"sgd"`.
        schedule_options: what else the schedule takes, `{"every": 100}` for `"step"`.

    Raises:
        ParameterError: a setting is out of its range, or there is no optimizer or schedule of that name.

    >>> FitSettings(epochs=20, optimizer="adamw", weight_decay=0.01, patience=3, monitor="accuracy").clip
    1.0
    """

    epochs: float | None = None
    steps: int | None = None
    minutes: float | None = None
    optimizer: str = "adam"
    learning_rate: float = 2e-3
    weight_decay: float = 0.0
    schedule: str = "cosine"
    warmup: int = 0
    final_rate: float = 0.0
    clip: float | None = 1.0
    clip_value: float | None = None
    ema: float | None = None
    patience: int | None = None
    monitor: str = "loss"
    seed: int = 0
    optimizer_options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    schedule_options: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def __post_init__(self) -> None:
        lengths = [name for name in ("epochs", "steps", "minutes") if getattr(self, name) is not None]
        if not lengths:
            object.__setattr__(self, "epochs", EPOCHS)
        if len(lengths) > 1:
            raise ParameterError(
                f"`{'` and `'.join(lengths)}` are set, expected one of epochs, steps and minutes; leave the others out"
            )
        for name in ("epochs", "steps", "minutes", "learning_rate", "clip", "clip_value"):
            self._check(name, "a positive finite number", _is_positive)
        self._check("weight_decay", "a finite number of at least 0", _is_not_negative)
        for name in ("warmup", "seed"):
            self._check(name, "a whole number of at least 0", _is_whole)
        self._check("final_rate", "a number in [0, 1]", _is_part)
        self._check("ema", "a number between 0 and 1", _is_within)
        self._check("patience", "a whole number of at least 1", _is_count)
        sense_of(self.monitor)
        if self.optimizer not in OPTIMIZERS:
            raise ParameterError(
                f"`optimizer` is {self.optimizer!r}, expected one of {', '.join(OPTIMIZERS)}; check the spelling"
            )
        if self.weight_decay and "weight_decay" not in inspect.signature(OPTIMIZERS[self.optimizer]).parameters:
            raise ParameterError(
                f"`weight_decay` is {self.weight_decay} for {self.optimizer!r}, which has none; choose 'adamw'"
            )
        self.create_optimizer()
        self._check_schedule()

    def _check_schedule(self) -> None:
        if self.schedule not in SCHEDULE_NAMES:
            raise ParameterError(
                f"`schedule` is {self.schedule!r}, expected one of {', '.join(SCHEDULE_NAMES)}; check the spelling"
            )
        target: Any = ReduceOnPlateau if self.schedule == PLATEAU else SCHEDULES[self.schedule]
        common = {"step", "peak", "warmup", "total", "final", "mode"}
        known = [name for name in inspect.signature(target).parameters if name not in common]
        options = dict(self.schedule_options)
        for name in options:
            if name not in known:
                raise ParameterError(
                    f"`{name}` is no option of the schedule {self.schedule!r}, expected one of "
                    f"{', '.join(known) or 'none at all'}; leave it out or choose another schedule"
                )
        if self.schedule == "exponential" and not self.final_rate and "factor" not in self.schedule_options:
            raise ParameterError("`final_rate` is 0 for 'exponential', expected a positive part of the peak; try 0.01")
        if self.schedule == "one_cycle" and self.minutes is not None and not self.warmup:
            raise ParameterError(
                "`warmup` is 0 for 'one_cycle' with a budget in minutes, expected the number of steps of its rise; "
                "it cannot be a part of a number that is not yet known"
            )
        self.create_plateau()
        if self.schedule != PLATEAU:  # what an option's range is, the schedule itself knows
            rate, total = self.learning_rate, self.warmup + 1
            target(self.warmup, peak=rate, warmup=self.warmup, total=total, final=rate * self.final_rate, **options)

    def _check(self, name: str, expected: str, fits: Callable[[float], bool]) -> None:
        value = getattr(self, name)
        if value is not None and not fits(value):
            raise ParameterError(f"`{name}` is {value}, expected {expected}")

    def create_optimizer(self) -> Optimizer:
        """A fresh optimizer of these settings."""
        options = dict(self.optimizer_options)
        if "weight_decay" in inspect.signature(OPTIMIZERS[self.optimizer]).parameters:
            options.setdefault("weight_decay", self.weight_decay)
        return create_optimizer(self.optimizer, self.learning_rate, **options)

    def create_plateau(self) -> ReduceOnPlateau | None:
        """The schedule that remembers, where it is the one; else none."""
        if self.schedule != PLATEAU:
            return None
        return ReduceOnPlateau(mode="max" if sense_of(self.monitor).larger else "min", **self.schedule_options)

    @property
    def decides(self) -> bool:
        """Whether what validation finds changes the run: then it must not depend on the clock when it is looked at."""
        return self.patience is not None or self.schedule == PLATEAU


def _is_positive(value: float) -> bool:
    return 0 < value < math.inf


def _is_not_negative(value: float) -> bool:
    return 0 <= value < math.inf


def _is_part(value: float) -> bool:
    return 0 <= value <= 1


def _is_within(value: float) -> bool:
    return 0 < value < 1


def _is_whole(value: float) -> bool:
    return 0 <= value < math.inf and value == int(value)


def _is_count(value: float) -> bool:
    return _is_whole(value) and value >= 1
