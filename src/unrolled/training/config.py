"""Every setting of a training run in one place; nothing that acts."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from unrolled.errors import CheckpointError, ParameterError
from unrolled.training.settings import FitSettings

__all__ = ["CELLS", "RESETS", "TrainConfig"]

CELLS = ("lstm", "gru", "rnn")
RESETS = ("after", "before")


@dataclass(frozen=True)
class TrainConfig:
    """What a run is trained with; recorded in its `config.json`.

    Exactly one of `minutes`, `epochs` and `steps` says how long.

    Raises:
        ParameterError: a setting is out of its range.

    >>> TrainConfig(hidden=0)
    Traceback (most recent call last):
        ...
    unrolled.errors.ParameterError: `hidden` is 0, expected a whole number of at least 1
    """

    cell: str = "lstm"
    reset: str = "after"  # the GRU's reset gate: after the recurrent product, or before it
    hidden: int = 384
    layers: int = 1
    embedding: int = 64
    batch: int = 64  # streams, side by side
    window: int = 128  # steps of back-propagation through time
    minutes: float | None = 3.0
    epochs: float | None = None
    steps: int | None = None
    learning_rate: float = 4e-3  # the peak of warm-up and cosine
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
        for name in ("hidden", "layers", "embedding", "batch", "window", "warmup"):
            self._check(name, "a whole number of at least 1", getattr(self, name) >= 1)
        for name in ("learning_rate", "epsilon", "clip"):
            self._check(name, "a positive finite number", 0 < getattr(self, name) < math.inf)
        for name in ("minutes", "epochs", "steps"):
            value = getattr(self, name)
            self._check(name, "a positive finite number", value is None or 0 < value < math.inf)
        self._check("seed", "a whole number of at least 0", self.seed >= 0)
        for name in ("beta1", "beta2"):
            self._check(name, "a number in [0, 1)", 0 <= getattr(self, name) < 1)
        for name in ("dropout", "recurrent_dropout", "zoneout"):
            self._check(name, "a number in [0, 1)", 0 <= getattr(self, name) < 1)
        if self.layer_norm and (self.cell == "rnn" or self.reset == "before"):
            of = "'rnn'" if self.cell == "rnn" else "a GRU with reset 'before'"
            raise ParameterError(f"`layer_norm` is True for {of}, expected False; the LSTM and the other GRU have it")
        self._check("final_rate", "a number in [0, 1]", 0 <= self.final_rate <= 1)
        self._check("held_out", "a number between 0 and 1", 0 < self.held_out < 1)
        self._check(
            "minimum_count", "a whole number of at least 1", self.minimum_count is None or self.minimum_count >= 1
        )
        lengths = [name for name in ("minutes", "epochs", "steps") if getattr(self, name) is not None]
        if len(lengths) != 1:
            raise ParameterError(
                f"`{'` and `'.join(lengths) or 'minutes'}` {'are set' if lengths else 'is not set'}, "
                "expected exactly one of minutes, epochs and steps; set the others to None"
            )
        self.settings()

    def _check(self, name: str, expected: str, fits: bool) -> None:
        if not fits:
            raise ParameterError(f"`{name}` is {getattr(self, name)}, expected {expected}")

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
