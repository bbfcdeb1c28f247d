"""What a fitted forecaster knows besides its weights: scales, the ends of its series, past errors; as JSON and back."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from unrolled.data.series_input import Form, SeriesSet
from unrolled.data.time_index import TimeIndex
from unrolled.errors import ParameterError
from unrolled.models.forecast.intervals import Calibration
from unrolled.models.forecast.scaling import SeriesScaling
from unrolled.models.sequences.scaling import Scaling
from unrolled.shapes import Array
from unrolled.storage import read_unit, write_unit

__all__ = ["Memory", "Past", "remember_in"]


class Past(NamedTuple):
    """The last steps of one series."""

    time: TimeIndex | None  # where they end
    values: Array  # (T,), NaN where missing
    known: Array | None  # (T, C)
    past: Array | None  # (T, P)

    def last(self, steps: int) -> Past:
        """The last of them only."""
        arrays = (self.values, self.known, self.past)
        return Past(self.time, *(None if array is None else np.array(array[-steps:]) for array in arrays))  # pyright: ignore

    def extended(self, values: Array, known: Array | None, past: Array | None) -> Past:
        """With new steps behind them."""
        time = None if self.time is None else self.time.moved(len(values))
        pairs = ((self.values, values), (self.known, known), (self.past, past))
        arrays = (None if old is None or new is None else np.concatenate([old, new]) for old, new in pairs)
        return Past(time, *arrays)  # pyright: ignore[reportArgumentType]  (the values are there)


@dataclass
class Memory:
    """What `Forecaster.fit` learned besides weights; the ends of the series and the errors change with `update`."""

    form: Form
    names: list[str]
    shared: bool  # one scale for all series, those not yet seen among them
    scaling: SeriesScaling
    known: Scaling | None  # of the covariates known in advance
    past: Scaling | None  # of the others
    columns: dict[str, list[str]] = field(default_factory=dict[str, list[str]])  # of covariates that named them
    pasts: list[Past] | None = None  # None: training was not finished
    calibration: Calibration = field(default_factory=lambda: Calibration(np.zeros((0, 1))))

    def ends(self) -> list[Past]:
        """The ends of the series.

        Raises:
            ParameterError: training was not finished.
        """
        if self.pasts is None:
            raise ParameterError(
                "`series` is None for a forecaster loaded from a run that has not ended, expected a series; "
                "give one, or call fit with the same checkpoint to go on"
            )
        return self.pasts

    def as_set(self, pasts: list[Past]) -> SeriesSet:
        """Steps of the series as if a caller had given them."""
        values, times = [past.values for past in pasts], [past.time for past in pasts]
        return SeriesSet(self.form, self.names, values, times, [None] * len(pasts))

    def document(self) -> dict[str, Any]:
        """What no update changes, as plain values."""
        return {
            "form": self.form,
            "names": self.names,
            "shared": self.shared,
            "transform": self.scaling.transform,
            "scaling": self.scaling.scaling.to_record(),
            "covariates": None if self.known is None else self.known.to_record(),
            "past_covariates": None if self.past is None else self.past.to_record(),
            **({"columns": self.columns} if self.columns else {}),
        }

    def record(self) -> dict[str, Any]:
        """What an update changes, as plain values."""
        ends = [
            {
                "time": None if end.time is None else list(end.time),
                "values": _plain(end.values),
                "covariates": None if end.known is None else end.known.tolist(),
                "past_covariates": None if end.past is None else end.past.tolist(),
            }
            for end in self.ends()
        ]
        errors = self.calibration
        return {"ends": ends, "errors": errors.scores.tolist(), "of": errors.of.tolist(), "first": errors.first}

    @classmethod
    def restored(cls, document: dict[str, Any], record: dict[str, Any] | None, horizon: int) -> Memory:
        """Takes back what `document` and `record` gave; without a record training was not finished."""
        known, past = (
            None if document[name] is None else Scaling.from_record(document[name])
            for name in ("covariates", "past_covariates")
        )
        scaling = SeriesScaling(document["transform"], Scaling.from_record(document["scaling"]))
        memory = cls(document["form"], document["names"], document["shared"], scaling, known, past)
        memory.columns = document.get("columns", {})  # those saved before there were names are taken by place
        if record is not None:
            memory.pasts = [
                Past(
                    None if end["time"] is None else TimeIndex(*end["time"]),
                    np.array([math.nan if value is None else value for value in end["values"]], np.float64),
                    None if end["covariates"] is None else np.array(end["covariates"], np.float64),
                    None if end["past_covariates"] is None else np.array(end["past_covariates"], np.float64),
                )
                for end in record["ends"]
            ]
            errors = np.array(record["errors"], np.float64).reshape(-1, horizon)
            unknown = 0 if len(memory.names) == 1 else -1  # earlier versions kept errors without their series
            of = record.get("of", [unknown] * len(errors))
            memory.calibration = Calibration(errors, record["first"], np.array(of, np.int64))
        return memory


def remember_in(folder: Path, memory: Memory) -> None:
    """Adds to a finished run's folder what `unrolled.load` needs to predict from where the series ended."""
    unit = read_unit(folder)
    write_unit(folder, unit._replace(record=unit.record | {"memory": memory.record()}))


def _plain(values: Array) -> list[float | None]:
    """JSON has no NaN."""
    return [None if math.isnan(value) else value for value in values.tolist()]
