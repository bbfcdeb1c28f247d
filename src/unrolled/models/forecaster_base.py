"""What a forecaster is made of, and how it is saved and loaded; it neither learns nor foretells."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, Self

import numpy as np

from unrolled.data.series import Relative, Windows
from unrolled.errors import CheckpointError, ParameterError
from unrolled.models.forecast_inputs import Reading
from unrolled.models.forecast_network import ForecastLoss, ForecastNetwork
from unrolled.models.forecast_scaling import TRANSFORMS, Transform
from unrolled.models.forecast_state import Memory
from unrolled.models.intervals import Calibration
from unrolled.storage import Unit, holds_unit, read_unit, write_unit
from unrolled.training.fit import History

__all__ = ["ForecasterBase"]


class ForecasterBase:
    """Settings, network and memory of a `Forecaster`, whose docstring names the settings."""

    kind = "forecaster"

    _network: ForecastNetwork  # once it is fitted or loaded

    def __init__(
        self,
        context: int,
        horizon: int = 1,
        *,
        cell: str = "gru",
        hidden_size: int = 16,
        num_layers: int = 1,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        linear: bool = True,
        members: int = 1,
        loss: ForecastLoss = "gaussian",
        scaling: Literal["series", "global"] = "series",
        relative: Relative = "last",
        transform: Transform = None,
        nan: Literal["error", "mask"] = "error",
        dtype: str = "float32",
        seed: int | None = None,
    ) -> None:
        for name, value, known in (("scaling", scaling, ("series", "global")), ("transform", transform, TRANSFORMS)):
            if value not in known:
                raise ParameterError(f"`{name}` is {value!r}, expected one of {', '.join(map(repr, known))}")
        Windows([], context=context, horizon=horizon, nan=nan, relative=relative)  # checks them
        self.context, self.horizon, self.scaling, self.transform = context, horizon, scaling, transform
        self._reading = Reading(context, horizon, relative, nan, dtype)
        self.seed = int(np.random.SeedSequence().generate_state(1)[0]) if seed is None else seed
        self._network_settings: dict[str, Any] = {
            "cell": cell,
            "hidden_size": hidden_size,
            "num_layers": num_layers,
            "dropout": dropout,
            "recurrent_dropout": recurrent_dropout,
            "linear": linear,
            "members": members,
            "loss": loss,
        }
        ForecastNetwork(1, 0, context, horizon, **self._network_settings, dtype=dtype, seed=0)  # checks them
        self.history: History | None = None
        self._memory: Memory | None = None
        self._seed_was_drawn = seed is None

    @property
    def _kept(self) -> int:
        """How many of a series' last steps foretelling and judging what comes may need."""
        return self.context + 2 * self.horizon

    def _take_seed(self, folder: Path) -> None:
        """A run that goes on has the seed of its beginning, unless another was given."""
        if self._seed_was_drawn and holds_unit(folder):
            self.seed = int(read_unit(folder, ()).documents["config"].get("model", {}).get("seed", self.seed))

    def _seeds(self) -> list[int]:
        """Of the network and of the batches."""
        return np.random.SeedSequence(self.seed).generate_state(2).tolist()

    def _create(self, input_size: int, future_size: int) -> ForecastNetwork:
        return ForecastNetwork(
            input_size,
            future_size,
            self.context,
            self.horizon,
            **self._network_settings,
            dtype=self._reading.dtype,
            seed=self._seeds()[0],
        )

    def _fitted(self) -> Memory:
        if self._memory is None:
            raise ParameterError("this forecaster is not fitted, expected a call of fit before; or load a saved one")
        return self._memory

    def _calibrated(self, memory: Memory) -> Calibration:
        if len(memory.calibration) == 0:
            raise ParameterError(
                "`interval` is asked for, but nothing calibrates it, expected a forecaster fitted with a `validation`; "
                "fit with one, or pass interval=None"
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
        write_unit(Path(folder), Unit(record, self._documents(memory), {"weights": dict(self._network.parameters)}))

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
            forecaster = cls(**unit.documents["config"]["model"])
            memory = Memory.restored(unit.documents["series"], unit.record.get("memory"), forecaster.horizon)
            sizes = [0 if scaling is None else len(scaling.mean) for scaling in (memory.known, memory.past)]
        except (KeyError, TypeError, ParameterError) as error:
            raise CheckpointError(
                f"the saved forecaster cannot be built ({error}); was it saved by another version of unrolled?"
            ) from None
        features = 1 + (forecaster._reading.nan == "mask") + sum(sizes)
        forecaster._network = forecaster._create(features, forecaster.horizon * sizes[0])
        forecaster._network.set(unit.arrays["weights"])
        forecaster._memory = memory
        return forecaster

    def _documents(self, memory: Memory) -> dict[str, Any]:
        own = {"scaling": self.scaling, "transform": self.transform, "seed": self.seed}
        model = self._reading._asdict() | own | self._network_settings
        return {"config": {"kind": self.kind, "model": model}, "series": memory.document()}
