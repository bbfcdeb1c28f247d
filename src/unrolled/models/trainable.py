"""What every model that trains itself shares: settings, seed, the call of `fit`, files; no data and no network."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from inspect import Parameter
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from unrolled.errors import CheckpointError, DivergenceError, ParameterError
from unrolled.models.named_network import NamedNetwork
from unrolled.models.scikit import Parametrised, not_fitted, params_to_record, seed_of
from unrolled.shapes import real_number
from unrolled.storage import Unit, holds_unit, read_unit
from unrolled.training.callbacks import checked_callbacks
from unrolled.training.fit import Callback, FitSettings, fit
from unrolled.training.history import Remembers
from unrolled.training.run_folder import history_of, save_model

__all__ = ["Trainable"]


class Fitted(Remembers):
    """What training leaves; none of it is there before."""

    network_: Any
    seed_: int  # from which all that was random came
    _made_by: dict[str, Any]  # the parameters of `network_`, as plain values


@dataclass(kw_only=True, repr=False, eq=False)
class Trainable(Fitted, Parametrised):
    """How a model is trained, saved and loaded; a subclass says what it is.

    Args:
        epochs: passes over the data.
        minutes: how long, in place of `epochs`; how many steps that is depends on the machine, and so does the model.
        batch_size: items in a step, at the most.
        optimizer: one of `unrolled.optimizers.OPTIMIZERS`.
        optimizer_options: what else it takes, `{"momentum": 0.9}` for `"sgd"`.
        learning_rate: the peak of the schedule.
        weight_decay: of an optimizer that has one (`"adamw"`).
        schedule: one of `unrolled.schedules.SCHEDULES`, or `"reduce_on_plateau"`.
        schedule_options: what else it takes, `{"every": 100}` for `"step"`.
        warmup: steps of a linear rise to the peak.
        final_rate: where the schedule ends, as a part of the peak.
        clip: the largest global norm of the gradients; `None` for any.
        clip_value: the largest size of each entry of a gradient; `None` for any. It comes before `clip`.
        ema: the decay of a moving average of the weights, which is then what is used; `None` for none.
        validation_fraction: the part of the data that is held out.
        patience: after so many epochs that were no better on it than the best, training ends, and the best weights
            are kept, also where it ends for another reason. `None`: all epochs, and the last weights.
        monitor: the metric that decides what is better.
        dtype: `"float32"` or `"float64"`.
        random_state: a seed: the same one gives the same model, bit for bit; `None` differs each time.
        verbose: show how training goes, where positive.
    """

    kind: ClassVar[str] = ""
    monitors: ClassVar[tuple[str, ...]] = ("loss",)  # the metrics of a validation

    epochs: float = 100
    minutes: float | None = None
    batch_size: int = 32
    optimizer: str = "adam"
    optimizer_options: Mapping[str, Any] | None = None
    learning_rate: float = 2e-3
    weight_decay: float = 0.0
    schedule: str = "cosine"
    schedule_options: Mapping[str, Any] | None = None
    warmup: int = 0
    final_rate: float = 0.0
    clip: float | None = 1.0
    clip_value: float | None = None
    ema: float | None = None
    validation_fraction: float = 0.0
    patience: int | None = None
    monitor: str = "loss"
    dtype: str = "float32"
    random_state: Any = None
    verbose: int = 0

    # What a subclass says of itself.

    def _documents(self) -> dict[str, Any]:
        """What `_rebuilt` needs besides the weights, as plain values by name; `config` among them."""
        raise NotImplementedError

    @classmethod
    def _rebuilt(cls, unit: Unit) -> tuple[Self, NamedNetwork]:
        """The fitted model of a unit, and its network, which has other weights still."""
        raise NotImplementedError

    # What they share.

    @classmethod
    def _defaults(cls) -> dict[str, Any]:
        """What a model is first, then how it is trained."""
        shared = {field.name for field in fields(Trainable)}
        return dict(sorted(super()._defaults().items(), key=lambda item: item[0] in shared))

    def _settings(self, seed: int, validates: bool) -> FitSettings:
        if not isinstance(self.verbose, bool):
            real_number("verbose", self.verbose, remedy="0 shows nothing")
        if self.monitor not in self.monitors:
            raise ParameterError(f"`monitor` is {self.monitor!r}, expected one of {', '.join(self.monitors)}")
        if self.patience is not None and not validates:
            raise ParameterError(
                f"`patience` is {self.patience} with nothing to validate on, expected a `validation_fraction` above 0 "
                "or `validation_data`; try validation_fraction=0.2"
            )
        return FitSettings(
            epochs=self.epochs if self.minutes is None else None,
            minutes=self.minutes,
            optimizer=self.optimizer,
            optimizer_options=self.optimizer_options or {},
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
            schedule=self.schedule,
            schedule_options=self.schedule_options or {},
            warmup=self.warmup,
            final_rate=self.final_rate,
            clip=self.clip,
            clip_value=self.clip_value,
            ema=self.ema,
            patience=self.patience,
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

    def _checked_fraction(self) -> float:
        return real_number("validation_fraction", self.validation_fraction, at_least=0, below=1, remedy="0.2 is usual")

    def _train(
        self,
        network: NamedNetwork,
        batches: Any,
        settings: FitSettings,
        *,
        validate: Callable[[], Mapping[str, float]] | None,
        folder: Path | None,
        documents: Mapping[str, Any],
        callbacks: Sequence[Callback],
        unit: str,
    ) -> None:
        """Calls `fit`; after Ctrl-C, or an error on the way, the model has weights and history so far.

        Where the error came before anything was reported, or training diverged, it is not fitted.
        """
        self._keep_history(None)  # that of an earlier fit, whatever comes now
        callbacks = (self._keeper(), *checked_callbacks(callbacks))
        params = {name: value for name, value in self._defaults().items() if value is not Parameter.empty}
        defaults: dict[str, Any] = {"params": params_to_record(params)}
        inputs = documents.get("config", {}).get("inputs", {})
        if "names" in inputs:  # a run begun before they were kept had columns that may well have been these
            defaults["inputs"] = {"names": inputs["names"]}
        self._keep(network)
        try:
            fit(
                network,
                batches,
                settings,
                validate=validate,
                folder=folder,
                kind=self.kind,
                documents=None if folder is None else documents,
                resume=folder is not None,
                callbacks=callbacks,
                progress=self.verbose > 0,
                unit=unit,
                defaults={"config": defaults},
                learned=() if folder is None else self._learned_documents(),
            )
        except Exception as error:
            if not self._history or isinstance(error, DivergenceError):
                del self.network_
                self._keep_history(None)
            raise

    def _keep(self, network: NamedNetwork) -> None:
        """Takes a network, and remembers the parameters it was made by: `set_params` may change them for the next."""
        self.network_, self._made_by = network, params_to_record(self.get_params())

    def _config(self, **learned: Any) -> dict[str, Any]:
        """The document `config`: the parameters, the seed, and what was learned besides the weights."""
        params = self._made_by if self.__sklearn_is_fitted__() else params_to_record(self.get_params())
        return {"kind": self.kind, "params": params, "seed": self.seed_, **learned}

    def _learned_documents(self) -> list[str]:
        """What in the documents was learned of the data: all but the parameters and the seed."""
        documents = self._documents()
        config = documents.pop("config")
        return [*documents, *(f"config.{name}" for name in config if name not in ("kind", "params", "seed"))]

    def _check_fitted(self) -> None:
        if not self.__sklearn_is_fitted__():
            raise not_fitted(self)

    def _record(self) -> dict[str, Any]:
        """What changes while a fitted model is used."""
        return {"kind": self.kind}

    def save(self, folder: str | Path) -> None:
        """Writes the fitted model, without its history, for `load`: safetensors and JSON.

        A model that was saved there is replaced: whoever reads or is killed meanwhile finds that one or this one,
        whole. Into the folder of its own run nothing is lost: that keeps its history, and can be gone on with.

        Raises:
            CheckpointError: the folder holds the run of another model, or something else, or cannot be written.
            ParameterError: the model is not fitted, or holds a label or a parameter of a kind that JSON has not.
        """
        self._check_fitted()
        save_model(Path(folder), Unit(self._record(), self._documents(), {"weights": dict(self.network_.parameters)}))

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """The model that a folder holds, written by `save`, or by `fit` as a checkpoint, then with its history.

        Raises:
            CheckpointError: it is no such folder, a file in it is truncated or altered, or it holds another model.
            WeightFormatError: the weights are not this model's.
        """
        unit = read_unit(Path(folder), ("weights",))
        kind = unit.record.get("kind")
        if kind != cls.kind:
            raise CheckpointError(
                f"`{folder}` holds a model of kind {kind!r}, expected {cls.kind!r}; unrolled.load takes any kind"
            )
        return cls.from_unit(unit)

    @classmethod
    def from_unit(cls, unit: Unit) -> Self:
        """The model that a unit holds.

        Raises:
            CheckpointError: the unit lacks a setting.
            WeightFormatError: the weights are not this model's.
        """
        try:
            model, network = cls._rebuilt(unit)
        except (KeyError, TypeError, ParameterError) as error:
            raise CheckpointError(
                f"the saved model cannot be built ({error}); was it saved by another version of unrolled?"
            ) from None
        network.set(unit.arrays["weights"])
        model._keep(network)
        model._keep_history(history_of(unit))
        return model
