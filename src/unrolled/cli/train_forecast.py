"""`unrolled train --task forecast`: from a table with a row for each date to a forecaster of its series."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.cli.baselines import a_season_before, persistence
from unrolled.cli.follow import show_for
from unrolled.cli.tabular import (
    DOCUMENT,
    SECONDS_PER_LINE,
    Watch,
    as_options,
    check_common,
    conclude,
    named_columns,
    new_folder,
    reopened,
    table_record,
    watched,
)
from unrolled.data.dates import Steps, write_time
from unrolled.data.series import last_part
from unrolled.data.series_table import DatedSeries, SeriesColumns, choose_series_columns, read_dated_series
from unrolled.data.tables import UTF8, Table, read_table
from unrolled.errors import DataError, ParameterError
from unrolled.models import load
from unrolled.models.forecast.backtest import Backtest
from unrolled.models.forecast.forecaster import Forecaster
from unrolled.shapes import counted
from unrolled.training.progress import Show
from unrolled.training.session import Session

__all__ = ["resume", "start"]

HORIZON = 12
INTERVAL = 0.9  # whose coverage is reported
LONGEST_SEASON = 128  # steps of it that are read as a matter of course
# Options by the forecaster's parameter; where one is not given, the forecaster's own default holds.
OPTIONS = {
    "cell": "cell", "hidden_size": "hidden", "num_layers": "layers", "batch_size": "batch", "minutes": "minutes",
    "epochs": "epochs", "learning_rate": "lr", "optimizer": "optimizer", "schedule": "schedule", "dropout": "dropout",
    "weight_decay": "weight_decay", "ema": "ema", "patience": "patience", "random_state": "seed", "nan": "missing",
    "validation_fraction": "validation", "context": "context", "horizon": "horizon",
}  # fmt: skip
COLUMNS = ("test", "column", "forecasts", "mae", "rmse", f"in {INTERVAL:.0%} interval")


def start(file: str, given: dict[str, Any], json: bool) -> None:
    """Begins a run on a file; `given` are the options that were given."""
    test = check_common(given)
    encoding = given.get("encoding", UTF8)
    table = read_table(file, encoding)
    columns, guessed = choose_series_columns(
        table,
        given.get("date"),
        named_columns(given["values"]) if "values" in given else None,
        given.get("series"),
        given.get("date_format"),
    )
    series = read_dated_series(table, columns, given.get("missing", "refuse"))
    params: dict[str, Any] = {"horizon": HORIZON, "random_state": 0}
    params |= {setting: given[option] for setting, option in OPTIONS.items() if option in given}
    if params.get("optimizer", "adamw") != "adamw":
        params.setdefault("weight_decay", 0.0)
    if "context" not in params:
        params["context"] = _context(series, _splits(table, series, test, params["horizon"]), params["horizon"])
        guessed.append(f"--context {params['context']}")
    record = table_record(
        table, "forecast", columns._asdict(), steps=series.steps._asdict(), test=test, encoding=encoding
    )
    _train(new_folder(given.get("out"), table), table, series, Forecaster(**params), record, guessed, json)


def resume(folder: Path, file: str | None, json: bool) -> None:
    """Takes up the run of a folder; `file` is where its table is now, if it was moved."""
    _, record, table = reopened(folder, file)
    forecaster: Forecaster = load(folder)
    steps = Steps(**record["steps"])
    series = read_dated_series(table, SeriesColumns(**record["columns"]), forecaster.nan, steps)
    _train(folder, table, series, forecaster, record, [], json)


def _splits(table: Table, series: DatedSeries, test: float, horizon: int) -> dict[str, int]:
    """Where the part of each series begins that it is tested on."""
    if horizon < 1:
        raise ParameterError(f"--horizon is {horizon}, expected a positive whole number of steps")
    lengths = {name: len(values) for name, values in series.values.items()}
    if not test:
        return lengths
    splits = dict(zip(lengths, last_part(list(lengths.values()), test), strict=True))
    for name, split in splits.items():
        if lengths[name] - split < horizon:
            raise DataError(
                f"`{table.path}` has {lengths[name]} steps of {name!r}, of which --test {test} holds out "
                f"{lengths[name] - split}, expected at least --horizon {horizon}; give a longer series, a smaller "
                "horizon, or --test 0"
            )
    return splits


def _context(series: DatedSeries, splits: dict[str, int], horizon: int) -> int:
    """How many steps to read: two seasons, and twice what is predicted, as far as the series are long enough."""
    season = series.steps.season or 0
    wanted = max(2 * horizon, 2 * season if season <= LONGEST_SEASON else 0)
    return max(1, min(wanted, min(splits.values()) // 3))


def _train(
    folder: Path,
    table: Table,
    series: DatedSeries,
    forecaster: Forecaster,
    record: dict[str, Any],
    guessed: list[str],
    json: bool,
) -> None:
    splits = _splits(table, series, record["test"], forecaster.horizon)
    show = show_for(folder, json, SECONDS_PER_LINE)

    def introduce(session: Session) -> None:
        _introduce(show, folder, table, series, splits, forecaster, record, guessed, session)

    watch = Watch(show, introduce)
    with as_options(OPTIONS), watched(watch, folder):
        forecaster.fit(
            {name: values[: splits[name]] for name, values in series.values.items()},
            callbacks=[watch],
            checkpoint=folder,
            documents={DOCUMENT: record},
        )
    use = f"unrolled predict {shlex.quote(str(folder))} {shlex.quote(table.path)}"
    conclude(watch, folder, COLUMNS, _tests(forecaster, series, splits) if record["test"] else [], [use])


def _introduce(
    show: Show,
    folder: Path,
    table: Table,
    series: DatedSeries,
    splits: dict[str, int],
    forecaster: Forecaster,
    record: dict[str, Any],
    guessed: list[str],
    session: Session,
) -> None:
    """Says what is trained on what."""
    lengths, columns = [len(values) for values in series.values.values()], SeriesColumns(**record["columns"])
    parameters = sum(array.size for array in session.model.parameters.values())
    gaps = sum(int(np.isnan(values).sum()) for values in series.values.values())
    held = sum(length - split for length, split in zip(lengths, splits.values(), strict=True))
    end = write_time(max(series.last.values()), columns.format)  # pyright: ignore  (all are numbers, or all dates)
    if guessed:
        show.say("guess", f"guessed: {' '.join(guessed)}", guessed=guessed)
    if table.unnamed:
        left_out = counted(table.unnamed, "column")
        show.say("note", f"left out: {left_out} without a name", unnamed=table.unnamed)
    extent = ("" if min(lengths) == max(lengths) else f"{min(lengths):,} to ") + counted(max(lengths), "step")
    size = "" if str(series.steps) == "1" else f" of {series.steps}"
    show.say(
        "start",
        f"data: {table.path}: {len(lengths):,} series of {extent}{size}, up to {end}; "
        f"{counted(held, 'value')} at the end held out to test on"
        + (f", {gaps:,} missing" if gaps else "")
        + f"\nmodel: {forecaster.cell}, {forecaster.num_layers} x {forecaster.hidden_size} units, {parameters:,} "
        f"parameters, reads {counted(forecaster.context, 'step')} to predict {forecaster.horizon}\n"
        f"run: {folder}"
        + ("" if session.total_steps is None else f", step {session.step:,} of {session.total_steps:,}"),
        run=str(folder),
        series=list(series.values),
        columns=columns._asdict(),
        steps=str(series.steps),
        parameters=parameters,
        step=session.step,
        settings=forecaster.get_params(),
    )


def _tests(forecaster: Forecaster, series: DatedSeries, splits: dict[str, int]) -> list[dict[str, Any]]:
    """How well it predicts what it has never seen, from every moment of it, beside what needs no learning."""
    horizon, season = forecaster.horizon, series.steps.season
    rows: list[dict[str, Any]] = []
    for column in dict.fromkeys(series.column.values()):
        names = [name for name in series.values if series.column[name] == column]
        found = [_backtest(forecaster, name, series.values[name], splits[name]) for name in names]
        together = Backtest([one for each in found for one in each.series])
        errors = {"forecast": together.errors}
        values = [(one, series.values[one.name]) for one in together.series]
        errors["the last value"] = np.concatenate(
            [persistence(all_values, one.origins, horizon) - one.actual for one, all_values in values]
        )
        if season is not None and all(len(all_values) >= season for _, all_values in values):
            errors[f"{season} steps before"] = np.concatenate(
                [a_season_before(all_values, one.origins, horizon, season) - one.actual for one, all_values in values]
            )
        for test, error in errors.items():
            rows.append(
                {
                    "test": test,
                    "column": column,
                    "forecasts": len(error),
                    "mae": _mean(np.abs(error)),
                    "rmse": _root(_mean(np.square(error))),
                    f"in {INTERVAL:.0%} interval": together.metrics.get("coverage") if test == "forecast" else None,
                }
            )
    return rows


def _backtest(forecaster: Forecaster, name: str, values: NDArray[np.float64], split: int) -> Backtest:
    """From every moment of the part held out; without intervals where too little calibrates them."""
    try:
        return forecaster.backtest({name: values}, start=split, interval=INTERVAL, recalibrate=False)
    except ParameterError:
        return forecaster.backtest({name: values}, start=split, interval=None)


def _mean(errors: NDArray[np.float64]) -> float | None:
    """Over all that are known."""
    return None if np.isnan(errors).all() else float(np.nanmean(errors))


def _root(value: float | None) -> float | None:
    return None if value is None else value**0.5
