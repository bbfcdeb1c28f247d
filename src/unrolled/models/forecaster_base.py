"""What a forecaster is made of, and how it is saved and loaded; it neither learns nor foretells."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np

from unrolled.data.series import Relative, Windows
from unrolled.errors import CheckpointError, ParameterError
from unrolled.models.forecast_inputs import Reading
from unrolled.models.forecast_network import ForecastLoss, ForecastNetwork
from unrolled.models.forecast_scaling import TRANSFORMS, Transform
from unrolled.models.forecast_state import Memory
from unrolled.models.intervals import Calibration
from unrolled.models.scikit import Parametrised, not_fitted, params_from_record, params_to_record, seed_of
from unrolled.storage import Unit, holds_unit, read_unit, write_unit
from unrolled.training.fit import FitSettings, History

__all__ = ["ForecasterBase"]

MONITORS = ("loss", "mae")


class Fitted:
    """What `fit` learns; none of it is there before."""

    network_: ForecastNetwork
    history_: History
    seed_: int  # from which all that was random came
    _reading: Reading
    _memory: Memory


@dataclass(repr=False, eq=False)
class ForecasterBase(Fitted, Parametrised):
    """Settings, network and memory of a `Forecaster`, whose docstring names the settings."""

    kind: ClassVar[str] = "forecaster"

    context: int
    horizon: int = 1
    _: KW_ONLY
    cell: str = "gru"
    hidden_size: int = 16
    num_layers: int = 1
    dropout: float = 0.0
    recurrent_dropout: float = 0.0
    linear: bool = True
    lag_decay: float = 0.0
    members: int = 1
    loss: ForecastLoss = "gaussian"
    scaling: Literal["series", "global"] = "series"
    relative: Relative = "last"
    transform: Transform = None
    nan: Literal["refuse", "mask"] = "refuse"
    epochs: float = 200
    minutes: float | None = None
    batch_size: int = 64
    optimizer: str = "adamw"
    learning_rate: float = 5e-3
    weight_decay: float = 0.05
    schedule: str = "cosine"
    warmup: int = 0
    clip: float | None = 1.0
    ema: float | None = None
    validation_fraction: float = 0.2
    patience: int | None = 30
    monitor: str = "loss"
    dtype: str = "float32"
    random_state: Any = None
    verbose: int = 0

    def _read_settings(self) -> Reading:
        """How series are read, once the settings that say so are known to be in range."""
        for name, value, known in (
            ("scaling", self.scaling, ("series", "global")),
            ("transform", self.transform, TRANSFORMS),
            ("monitor", self.monitor, MONITORS),
        ):
            if value not in known:
                raise ParameterError(f"`{name}` is {value!r}, expected one of {', '.join(map(repr, known))}")
        Windows([], context=self.context, horizon=self.horizon, nan=self.nan, relative=self.relative)  # checks them
        return Reading(self.context, self.horizon, self.relative, self.nan, self.dtype)

    def _settings(self, seed: int, validates: bool) -> FitSettings:
        return FitSettings(
            epochs=self.epochs if self.minutes is None else None,
            minutes=self.minutes,
            optimizer=self.optimizer,
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
            schedule=self.schedule,
            warmup=self.warmup,
            clip=self.clip,
            ema=self.ema,
            patience=self.patience if validates else None,
            monitor=self.monitor,
            seed=seed,
        )

    def _first_seed(self, folder: Path | None) -> int:
        """From which all that is random comes; a run that goes on has that of its beginning."""
        given = seed_of(self.random_state)
        if given is not None:
            return given
        if folder is not None and holds_unit(folder):
            return int(read_unit(folder, ()).documents["config"].get("seed", 0))
        return int(np.random.SeedSequence().generate_state(1)[0])

    def _create_network(self, input_size: int, future_size: int, seed: int) -> ForecastNetwork:
        return ForecastNetwork(
            input_size,
            future_size,
            self.context,
            self.horizon,
            loss=self.loss,
            cell=self.cell,
            hidden_size=self.hidden_size,
            num_layers=self.num_layers,
            dropout=self.dropout,
            recurrent_dropout=self.recurrent_dropout,
            linear=self.linear,
            lag_decay=self.lag_decay,
            members=self.members,
            dtype=self.dtype,
            seed=seed,
        )

    def _fitted(self) -> Memory:
        if not self.__sklearn_is_fitted__():
            raise not_fitted(self)
        return self._memory

    def _calibrated(self, memory: Memory) -> Calibration:
        if len(memory.calibration) == 0:
            raise ParameterError(
                "`interval` is asked for, but nothing calibrates it, expected a forecaster fitted with a "
                "`validation_fraction` above 0; fit with one, or pass interval=None"
            )
        return memory.calibration

    # Saving and loading.

    def save(self, folder: str | Path) -> None:
        """Writes the fitted forecaster with the ends of its series, for `load`: safetensors and JSON.

        Raises:
            CheckpointError: the folder holds another model, or cannot be written.
            ParameterError: it is not fitted.
        """
        memory = self._fitted()
        record = {"kind": self.kind} | ({} if memory.pasts is None else {"memory": memory.record()})
        write_unit(Path(folder), Unit(record, self._documents(memory), {"weights": dict(self.network_.parameters)}))

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """The forecaster that a folder holds, written by `save` or by `fit` with a checkpoint.

        Raises:
            CheckpointError: it is no such folder, a file in it is truncated or altered, or it holds another model.
            WeightFormatError: the weights are not this model's.
        """
        unit = read_unit(Path(folder), ("weights",))
        if unit.record.get("kind") != cls.kind:
            raise CheckpointError(
                f"`{folder}` holds a model of kind {unit.record.get('kind')!r}, expected {cls.kind!r}; "
                "unrolled.load(folder) loads a model of any kind"
            )
        return cls.from_unit(unit)

    @classmethod
    def from_unit(cls, unit: Unit) -> Self:
        """The forecaster that a unit holds.

        Raises:
            CheckpointError: the unit lacks a setting.
            WeightFormatError: the weights are not this model's.
        """
        try:
            config = unit.documents["config"]
            forecaster = cls(**params_from_record(config["params"]))
            forecaster.seed_, forecaster._reading = config["seed"], forecaster._read_settings()
            memory = Memory.restored(unit.documents["series"], unit.record.get("memory"), forecaster.horizon)
            known, past = (0 if scaling is None else len(scaling.mean) for scaling in (memory.known, memory.past))
            features = 1 + (forecaster.nan == "mask") + known + past
            network = forecaster._create_network(features, forecaster.horizon * known, seed=0)
        except (KeyError, TypeError, ParameterError) as error:
            raise CheckpointError(
                f"the saved forecaster cannot be built ({error}); was it saved by another version of unrolled?"
            ) from None
        network.set(unit.arrays["weights"])
        forecaster.network_, forecaster._memory = network, memory
        return forecaster

    def _documents(self, memory: Memory) -> dict[str, Any]:
        config = {"kind": self.kind, "params": params_to_record(self.get_params()), "seed": self.seed_}
        return {"config": config, "series": memory.document()}
