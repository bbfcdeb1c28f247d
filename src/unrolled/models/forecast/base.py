"""What a forecaster is made of, and how it is rebuilt from a folder; it neither learns nor predicts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np

from unrolled.data.series import Relative, Windows
from unrolled.errors import ParameterError
from unrolled.models.forecast.inputs import Reading
from unrolled.models.forecast.intervals import Calibration
from unrolled.models.forecast.network import ForecastLoss, ForecastNetwork
from unrolled.models.forecast.scaling import TRANSFORMS, Transform
from unrolled.models.forecast.state import Memory
from unrolled.models.scikit import params_from_record
from unrolled.models.trainable import Trainable
from unrolled.storage import Unit, holds_unit, read_unit
from unrolled.training.fit import FitSettings

__all__ = ["ForecasterBase"]

OPTIONS = ("zoneout", "layer_norm", "layer_options")  # recorded only where they are set
LOSSES_ONCE = {"squared": "squared_error", "absolute": "absolute_error"}  # what files may still call them


class Learned:
    """What `fit` learns besides what any `Trainable` does; none of it is there before."""

    network_: ForecastNetwork
    _reading: Reading
    _memory: Memory


@dataclass(repr=False, eq=False)
class ForecasterBase(Learned, Trainable):
    """Settings, network and memory of a `Forecaster`, whose docstring names the settings."""

    kind: ClassVar[str] = "forecaster"
    monitors: ClassVar[tuple[str, ...]] = ("loss", "mae")

    context: int
    horizon: int = 1
    _: KW_ONLY
    cell: str = "gru"
    hidden_size: int = 16
    num_layers: int = 1
    dropout: float = 0.0
    recurrent_dropout: float = 0.0
    zoneout: float | tuple[float, float] = 0.0
    layer_norm: bool = False
    layer_options: Mapping[str, Any] | None = None
    linear: bool = True
    lag_decay: float = 0.0
    members: int = 1
    loss: ForecastLoss = "gaussian"
    scaling: Literal["series", "global"] = "series"
    relative: Relative = "last"
    transform: Transform = None
    nan: Literal["refuse", "mask"] = "refuse"
    # of `Trainable`, with what suits series
    epochs: float = 200
    batch_size: int = 64
    optimizer: str = "adamw"
    learning_rate: float = 5e-3
    weight_decay: float = 0.05
    validation_fraction: float = 0.2
    patience: int | None = 30

    def _read_settings(self) -> Reading:
        """How series are read, once the settings that say so are known to be in range."""
        for name, value, known in (
            ("scaling", self.scaling, ("series", "global")),
            ("transform", self.transform, TRANSFORMS),
        ):
            if value not in known:
                raise ParameterError(f"`{name}` is {value!r}, expected one of {', '.join(map(repr, known))}")
        if not isinstance(self.linear, bool | np.bool_):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ParameterError(f"`linear` is {self.linear!r}, expected True or False; False leaves it out")
        Windows([], context=self.context, horizon=self.horizon, nan=self.nan, relative=self.relative)  # checks them
        return Reading(self.context, self.horizon, self.relative, self.nan, self.dtype)

    def _settings(self, seed: int, validates: bool) -> FitSettings:
        settings = super()._settings(seed, validates=True)
        return settings if validates else replace(settings, patience=None)

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
            zoneout=self.zoneout,
            layer_norm=self.layer_norm,
            layer_options=self.layer_options,
            linear=self.linear,
            lag_decay=self.lag_decay,
            members=self.members,
            dtype=self.dtype,
            seed=seed,
        )

    def _fitted(self) -> Memory:
        self._check_fitted()
        return self._memory

    def _calibrated(self, memory: Memory) -> Calibration:
        if len(memory.calibration) == 0:
            raise ParameterError(
                "`interval` is asked for, but nothing calibrates it, expected a forecaster fitted with a "
                "`validation_fraction` above 0; fit with one, or pass interval=None"
            )
        return memory.calibration

    # Saving and loading.

    def _record(self) -> dict[str, Any]:
        return super()._record() | ({} if self._memory.pasts is None else {"memory": self._memory.record()})

    def _documents(self) -> dict[str, Any]:
        config = self._config()
        # a run that was begun before there were these options is one without them, and can be gone on with
        config["params"] = {name: value for name, value in config["params"].items() if value or name not in OPTIONS}
        return {"config": config, "series": self._memory.document()}

    def _documents_in(self, folder: Path | None) -> dict[str, Any]:
        """Those of a run; one that goes on keeps the word for its loss, and covariates without names, as it began."""
        documents = self._documents()
        if folder is not None and holds_unit(folder):
            begun = read_unit(folder, ()).documents
            word = begun.get("config", {}).get("params", {}).get("loss")
            if LOSSES_ONCE.get(word) == self.loss:
                documents["config"]["params"]["loss"] = word
            if "columns" not in begun.get("series", {}):
                documents["series"].pop("columns", None)
        return documents

    @classmethod
    def from_unit(cls, unit: Unit) -> Self:
        """The forecaster that a unit holds, which is saved again in the words that it was saved in.

        Raises:
            CheckpointError: the unit lacks a setting.
            WeightFormatError: the weights are not this model's.
        """
        forecaster = super().from_unit(unit)
        forecaster._made_by = unit.documents["config"]["params"]
        return forecaster

    @classmethod
    def _rebuilt(cls, unit: Unit) -> tuple[Self, ForecastNetwork]:
        config = unit.documents["config"]
        params = params_from_record(config["params"])
        params["loss"] = LOSSES_ONCE.get(params["loss"], params["loss"])
        forecaster = cls(**params)
        forecaster.seed_, forecaster._reading = config["seed"], forecaster._read_settings()
        memory = Memory.restored(unit.documents["series"], unit.record.get("memory"), forecaster.horizon)
        known, past = (0 if scaling is None else len(scaling.mean) for scaling in (memory.known, memory.past))
        forecaster._memory = memory
        features = 1 + (forecaster.nan == "mask") + known + past
        return forecaster, forecaster._create_network(features, forecaster.horizon * known, seed=0)
