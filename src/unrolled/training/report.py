"""How a run stands at one moment, and who is told; nothing that acts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

__all__ = ["Observer", "Report"]


@dataclass(frozen=True)
class Report:
    """How a run stands; one row of its table."""

    step: int
    total_steps: int | None  # None while it is being measured
    seconds: float  # of training, validation and saving, over all sittings
    train_loss: float  # mean since the last report
    learning_rate: float
    items_per_second: float  # of training alone
    seconds_left: float | None
    epoch: float = 0.0  # passes over the data
    metrics: Mapping[str, float | None] = field(default_factory=dict[str, float | None])  # None: not measured now
    sample: str | None = None
    unit: str = "items"  # what is counted in `items_per_second`
    loss_unit: str = ""  # what the losses are measured in

    @property
    def validated(self) -> bool:
        """Whether this report comes with a validation."""
        return any(value is not None for value in self.metrics.values())

    @property
    def val_loss(self) -> float | None:
        """The validation loss, where it was measured."""
        return self.metrics.get("loss")

    def row(self) -> dict[str, Any]:
        """What a table keeps of it: names and values in a fixed order; metrics have `val_` before their names.

        >>> report = Report(5, 10, 1.5, 0.7, 0.01, 300.0, 1.5, 0.5, {"accuracy": 0.8}, unit="sequences")
        >>> list(report.row().items())[5:]
        [('sequences_per_second', 300.0), ('val_accuracy', 0.8)]
        """
        return {
            "step": self.step,
            "epoch": self.epoch,
            "seconds": self.seconds,
            "train_loss": self.train_loss,
            "learning_rate": self.learning_rate,
            f"{self.unit}_per_second": self.items_per_second,
            **{f"val_{name}": value for name, value in self.metrics.items()},
        }


class Observer(Protocol):
    """Who is told how training goes."""

    def step(self, report: Report) -> None:
        """After every step, with the running loss: for a live display."""
        ...

    def report(self, report: Report) -> None:
        """Every few seconds, and at every validation."""
        ...
