"""What `fit` is told of a run: how long, by which optimizer and schedule, when to stop; nothing that acts."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from unrolled.errors import ParameterError
from unrolled.optimizers import OPTIMIZERS, Optimizer, create_optimizer
from unrolled.schedules import SCHEDULES, ReduceOnPlateau
from unrolled.shapes import real_number, whole_number
from unrolled.training.early_stopping import sense_of

__all__ = ["PLATEAU", "SCHEDULE_NAMES", "Count", "FitSettings", "Measure", "keep_numbers"]

EPOCHS = 100  # where nothing says how long
PLATEAU = "reduce_on_plateau"  # the schedule that remembers: `ReduceOnPlateau`
SCHEDULE_NAMES = (*SCHEDULES, PLATEAU)

Count = tuple[int, str]  # the least that a whole number may be, and what to do about another
Measure = tuple[dict[str, float], str]  # the range of a number, as `real_number` takes it, and the same
COUNTS: Mapping[str, Count] = {
    "steps": (1, "they are those of the optimizer"),
    "warmup": (0, "0 leaves it out"),
    "seed": (0, "any of them will do"),
    "patience": (1, "leave it out for all epochs"),
}
MEASURES: Mapping[str, Measure] = {
    "epochs": ({"above": 0}, "half a pass over the data is 0.5"),
    "minutes": ({"above": 0}, "half a minute is 0.5"),
    "learning_rate": ({"above": 0}, "0.002 is usual"),
    "clip": ({"above": 0}, "1 is usual"),
    "clip_value": ({"above": 0}, "leave it out to cut nothing"),
    "weight_decay": ({"at_least": 0}, "0 leaves it out"),
    "final_rate": ({"at_least": 0, "at_most": 1}, "it is a part of the peak"),
    "ema": ({"above": 0, "below": 1}, "0.99 is usual"),
}
OPTIONAL = ("epochs", "steps", "minutes", "clip", "clip_value", "ema", "patience")  # `None` leaves them out


@dataclass(frozen=True)
class FitSettings:
    """How a model is trained; one of `epochs`, `steps` and `minutes` says how long.

    Args:
        epochs: passes over the data; 100 where neither `steps` nor `minutes` is given.
        steps: of the optimizer.
        minutes: a budget, for validation and saving too; it is counted ever anew how many steps the rest is enough for.
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
        keep_numbers(self, COUNTS, MEASURES, OPTIONAL)
        if not isinstance(self.monitor, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ParameterError(f"`monitor` is {self.monitor!r}, expected the name of a metric; 'loss' is usual")
        sense_of(self.monitor)
        for name, known in (("optimizer", tuple(OPTIMIZERS)), ("schedule", SCHEDULE_NAMES)):
            if getattr(self, name) not in known:
                raise ParameterError(
                    f"`{name}` is {getattr(self, name)!r}, expected one of {', '.join(known)}; check the spelling"
                )
            options: Any = getattr(self, f"{name}_options")
            if not isinstance(options, Mapping):
                raise ParameterError(
                    f"`{name}_options` is {options!r}, expected a dict of options by name; an empty one for none"
                )
        if "learning_rate" in self.optimizer_options:
            raise ParameterError(
                "`optimizer_options` holds `learning_rate`, which is an argument of its own; "
                f"give learning_rate={self.optimizer_options['learning_rate']!r}"
            )
        if self.weight_decay and "weight_decay" not in inspect.signature(OPTIMIZERS[self.optimizer]).parameters:
            raise ParameterError(
                f"`weight_decay` is {self.weight_decay} for {self.optimizer!r}, which has none; choose 'adamw'"
            )
        try:
            self.create_optimizer()
        except TypeError:
            raise _no_numbers("optimizer_options", self.optimizer_options) from None
        self._check_schedule()

    def _check_schedule(self) -> None:
        target: Any = ReduceOnPlateau if self.schedule == PLATEAU else SCHEDULES[self.schedule]
        common = {"step", "peak", "warmup", "total", "final", "mode"}
        known = [name for name in inspect.signature(target).parameters if name not in common]
        options = dict(self.schedule_options)
        for name in options:
            if name not in known:
                expected = f"one of {', '.join(known)}" if known else "none, as it has no options"
                raise ParameterError(
                    f"`{name}` is no option of the schedule {self.schedule!r}, expected {expected}; leave it out or "
                    "choose another schedule"
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


def keep_numbers(
    settings: object, counts: Mapping[str, Count], measures: Mapping[str, Measure], optional: Collection[str]
) -> None:
    """Checks the numbers of a frozen dataclass, and keeps them as Python's own, which can be written down.

    Args:
        settings: changed in place.
        counts: its whole numbers.
        measures: its other numbers.
        optional: those that may be `None`.

    Raises:
        ParameterError: one is out of its range, or no number.
    """
    for name, (at_least, remedy) in counts.items():
        value = getattr(settings, name)
        if value is not None or name not in optional:
            object.__setattr__(settings, name, whole_number(name, value, at_least=at_least, remedy=remedy))
    for name, (bounds, remedy) in measures.items():
        value = getattr(settings, name)
        if value is not None or name not in optional:
            number = real_number(name, value, **bounds, remedy=remedy)
            object.__setattr__(settings, name, value if type(value) is int else number)  # 2 is shown as 2


def _no_numbers(name: str, options: Mapping[str, Any]) -> ParameterError:
    """What is said of options that cannot be counted with."""
    return ParameterError(f"`{name}` is {dict(options)!r}, expected a number for each; is one of them text or None?")
