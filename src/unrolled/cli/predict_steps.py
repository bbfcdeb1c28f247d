"""What `unrolled predict` says of series: the steps after their end, with intervals and the dates that come."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer
from numpy.typing import NDArray

from unrolled.cli.tabular import DOCUMENT, as_options
from unrolled.data.dates import Steps, write_time
from unrolled.data.series_table import SeriesColumns, read_dated_series
from unrolled.data.tables import Table
from unrolled.errors import CheckpointError, ParameterError
from unrolled.models.forecast.forecaster import Forecast, Forecaster
from unrolled.storage import Unit

__all__ = ["predict_steps"]

INTERVAL = 0.9  # where no other is asked for


def predict_steps(run: Path, unit: Unit, table: Table, interval: str | None) -> tuple[list[str], list[list[Any]]]:
    """A header, and a line for each step to come of each series.

    Args:
        run: the folder of a forecaster.
        unit: what it holds, without arrays.
        table: with the columns of the file that it was trained on; the steps after its end are predicted.
        interval: the share of values that the intervals are to cover, or `"none"`, as it was written; where `None`, it
            is 0.9, and none where too little calibrates that, which is said on stderr.

    Raises:
        ParameterError: a column is not there, a series is not known, or too little calibrates the interval.
        DataError: see `read_dated_series`; or a series is shorter than the context.
        CheckpointError: training is not over.
    """
    if "memory" not in unit.record:
        raise CheckpointError(
            f"`{run}` holds a run that is not over, expected one whose intervals are calibrated, as they are at its "
            f"end; go on with it: unrolled train --resume {run}"
        )
    record = unit.documents[DOCUMENT]
    columns = SeriesColumns(**record["columns"])
    forecaster = Forecaster.load(run)
    series = read_dated_series(table, columns, forecaster.nan, Steps(**record["steps"]))
    forecast = _forecast(forecaster, series.values, interval)
    parts = {"": forecast.point}
    if forecast.lower is not None:
        parts |= {"_lower": forecast.lower, "_upper": forecast.upper}
    header = [columns.date, *([columns.series] if columns.series else [])]
    header += [column + ending for column in columns.values for ending in parts]
    rows: list[list[Any]] = []
    for group, last in series.last.items():
        names = [series.named(group, column) for column in columns.values]
        for step, time in enumerate(series.steps.after(last, forecaster.horizon)):
            cells: list[Any] = [write_time(time, columns.format), *([group] if columns.series else [])]
            rows.append([*cells, *(float(part[name][step]) for name in names for part in parts.values())])
    return header, rows


def _forecast(forecaster: Forecaster, series: Mapping[str, NDArray[Any]], interval: str | None) -> Forecast:
    if interval == "none":
        return forecaster.predict(series, interval=None)
    level = INTERVAL if interval is None else _level(interval)
    try:
        with as_options({"interval": "interval", "validation_fraction": "validation"}):
            return forecaster.predict(series, interval=level)
    except ParameterError as error:
        if not str(error).startswith("--interval"):
            raise
        why = str(error).removesuffix(", or pass interval=None")  # as Python says it
        if interval is not None:
            raise ParameterError(f"{why}, or leave intervals out with --interval none") from error
        typer.echo(f"unrolled: the forecasts come without intervals: {why}", err=True)
        return forecaster.predict(series, interval=None)


def _level(interval: str) -> float:
    try:
        level = float(interval)
    except ValueError:
        level = 0.0
    if not 0 < level < 1:
        raise ParameterError(f"--interval is {interval}, expected a number between 0 and 1, or none; 0.9 is usual")
    return level
