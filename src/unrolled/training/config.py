"""Every setting of a training run in one place; nothing that acts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from unrolled.errors import CheckpointError, ParameterError
from unrolled.training.settings import Count, FitSettings, Measure, keep_numbers

__all__ = ["CELLS", "RESETS", "TrainConfig"]

CELLS = ("lstm", "gru", "rnn")
RESETS = ("after", "before")
# The numbers that `FitSettings` checks, and those that it does not know, or of which it allows more.
OF_FIT = (
    "minutes", "epochs", "steps", "learning_rate", "final_rate", "seed", "weight_decay", "ema", "patience",
)  # fmt: skip
COUNTS: Mapping[str, Count] = {
    "hidden": (1, "384 is usual"),
    "layers": (1, "1 is usual"),
    "embedding": (1, "64 is usual"),
    "batch": (1, "32 is usual"),
    "window": (1, "128 is usual"),
    "warmup": (1, "1 leaves it out"),
    "minimum_count": (1, "1 keeps every character"),
}
RATE: dict[str, float] = {"at_least": 0, "below": 1}
MEASURES: Mapping[str, Measure] = {
    "beta1": (RATE, "0.9 is usual"),
    "beta2": (RATE, "0.99 is usual"),
    "epsilon": ({"above": 0}, "1e-08 is usual"),
    "clip": ({"above": 0}, "1 is usual"),
    "held_out": ({"above": 0, "below": 1}, "0.1 is usual"),
    "dropout": (RATE, "0 leaves it out"),
    "recurrent_dropout": (RATE, "0 leaves it out"),
    "zoneout": (RATE, "0 leaves it out"),
}


@dataclass(frozen=True)
class TrainConfig:
    """What a run is trained with; recorded in its document `config`.

    Exactly one of `minutes`, `epochs` and `steps` says how long.

    Raises:
        ParameterError: a setting is out of its range.

    >>> TrainConfig(hidden=0)
    Traceback (most recent call last):
        ...
    unrolled.errors.ParameterError: `hidden` is 0, expected a whole number of at least 1; 384 is usual
    """

    cell: str = "lstm"
    reset: str = "after"  # the GRU's reset gate: after the recurrent product, or before it
    hidden: int = 384
    layers: int = 1
    embedding: int = 64
    batch: int = 32  # streams, side by side
    window: int = 128  # steps of back-propagation through time
    minutes: float | None = 3.0
    epochs: float | None = None
    steps: int | None = None
    learning_rate: float = 3e-3  # the peak of warm-up and cosine
    final_rate: float = 0.02  # the last learning rate, as a part of the peak
    warmup: int = 40  # steps, 1 for none; does not depend on the length of the run, which may still be being measured
    beta1: float = 0.9
    beta2: float = 0.99
    epsilon: float = 1e-8
    clip: float = 1.0  # the largest global norm of the gradients
    held_out: float = 0.1  # the part of the text, at its end, for validation
    minimum_count: int | None = None  # rarer characters become one unknown symbol; None: as the corpus says
    seed: int = 0
    optimizer: str = "adam"
    schedule: str = "cosine"
    dropout: float = 0.0  # the part of each recurrent layer's outputs that a step drops
    recurrent_dropout: float = 0.0  # that of h_prev, the same over a window
    zoneout: float = 0.0  # the probability that a unit keeps its value for a step
    layer_norm: bool = False  # of the LSTM's and the GRU's gates
    weight_decay: float = 0.0  # of "adamw"
    ema: float | None = None  # the decay of an average of the weights, which is validated and kept
    patience: int | None = None  # epochs without a better validation loss that end the run

    def __post_init__(self) -> None:
        if self.cell not in CELLS:
            raise ParameterError(f"`cell` is {self.cell!r}, expected one of {', '.join(CELLS)}")
        if self.reset not in RESETS:
            raise ParameterError(f"`reset` is {self.reset!r}, expected one of {', '.join(RESETS)}")
        if self.reset != "after" and self.cell != "gru":
            raise ParameterError(
                f"`reset` is {self.reset!r} for {self.cell!r}, which has no reset gate; it is the GRU's"
            )
        keep_numbers(self, COUNTS, MEASURES, ("minimum_count",))
        if not isinstance(self.layer_norm, bool):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ParameterError(f"`layer_norm` is {self.layer_norm!r}, expected True or False; False leaves it out")
        if self.layer_norm and (self.cell == "rnn" or self.reset == "before"):
            of = "'rnn'" if self.cell == "rnn" else "a GRU with reset 'before'"
            raise ParameterError(f"`layer_norm` is True for {of}, expected False; the LSTM and the other GRU have it")
        lengths = [name for name in ("minutes", "epochs", "steps") if getattr(self, name) is not None]
        if len(lengths) != 1:
            raise ParameterError(
                f"`{'` and `'.join(lengths) or 'minutes'}` {'are set' if lengths else 'is not set'}, "
                "expected exactly one of minutes, epochs and steps; set the others to None"
            )
        settings = self.settings()
        for name in OF_FIT:
            object.__setattr__(self, name, getattr(settings, name))

    def settings(self) -> FitSettings:
        """What training itself needs of this.

        Raises:
            ParameterError: a setting is out of its range.
        """
        options = {}
        if self.optimizer in ("adam", "adamw"):
            options = {"beta1": self.beta1, "beta2": self.beta2, "epsilon": self.epsilon}
        return FitSettings(
            epochs=self.epochs,
            steps=self.steps,
            minutes=self.minutes,
            optimizer=self.optimizer,
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
            schedule=self.schedule,
            warmup=self.warmup,
            final_rate=self.final_rate,
            clip=self.clip,
            ema=self.ema,
            patience=self.patience,
            seed=self.seed,
            optimizer_options=options,
        )

    def to_record(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> TrainConfig:
        """Takes back what `to_record` gave.

        Raises:
            CheckpointError: a setting is unknown or out of its range.
        """
        try:
            return cls(**record)
        except (TypeError, ParameterError) as error:
            raise CheckpointError(
                f"the saved settings cannot be used ({error}); were they saved by another version of unrolled?"
            ) from None
