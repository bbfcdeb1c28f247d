"""A table with a row for each date, as series with even steps; which columns are what is given or guessed."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from unrolled.data.dates import (
    EXAMPLES,
    Steps,
    Time,
    check_format,
    find_steps,
    formats_of,
    odd_row,
    read_times,
    uneven,
    write_time,
)
from unrolled.data.tables import Missing, Table
from unrolled.errors import DataError, ParameterError
from unrolled.shapes import counted

__all__ = ["DatedSeries", "SeriesColumns", "choose_series_columns", "read_dated_series"]

# Names, in lower case, by which columns are guessed.
DATES = ("date", "datetime", "timestamp", "time", "ds", "day", "week", "month", "year", "period", "step", "t")
VALUES = ("value", "values", "y", "target")


class SeriesColumns(NamedTuple):
    """Which columns are what, and how dates are written: plain values for JSON."""

    date: str
    values: tuple[str, ...]
    series: str | None  # None: all rows are one
    format: str


class DatedSeries(NamedTuple):
    """Series whose times rise by the same step."""

    values: dict[str, NDArray[np.float64]]  # by name; NaN where missing
    column: dict[str, str]  # of each series: the column that its values come from
    group: dict[str, str]  # of each series: what the series column holds; "" where there is none
    last: dict[str, Time]  # of each group
    steps: Steps

    def named(self, group: str, column: str) -> str:
        """The series of a group that comes from a column."""
        return next(name for name in self.values if (self.group[name], self.column[name]) == (group, column))


def choose_series_columns(
    table: Table,
    date: str | None,
    values: Sequence[str] | None,
    series: str | None,
    format: str | None = None,  # noqa: A002
) -> tuple[SeriesColumns, list[str]]:
    """Takes the columns that were named, and guesses the others; so too how dates are written, as `strptime` has it.

    Returns:
        The columns, and what was guessed, in words.

    Raises:
        ParameterError: a column does not exist, is named for two things, or cannot be guessed; or `format` is none.
        DataError: dates are missing, or not in one format.
    """
    guessed: list[str] = []
    for option, name in (("--date", date), ("--series", series), *(("--values", name) for name in values or ())):
        if name is not None:
            table.check_column(name, option)
    taken = [name for name in (date, series, *(values or ())) if name is not None]
    if format is not None:
        check_format(format)
    if date is None:
        date = _guess_date(table, taken, format)
        guessed.append(f"--date {date}")
        taken.append(date)
    twice = next((name for place, name in enumerate(taken) if name in taken[:place]), None)
    if twice is not None:
        raise ParameterError(f"the column {twice!r} is named for two things, expected each for one; name another")
    if values is None:
        values = [_guess_values(table, taken)]
        guessed.append(f"--values {values[0]}")
    if format is not None:
        remedy = "mend the cell or the format, or name another column with --date"
        _times(table, date, format, f"a date written as {format}, as --date-format says; {remedy}")
        return SeriesColumns(date, tuple(values), series, format), guessed
    cells = table.text(date, f"a date: {EXAMPLES}")
    formats = formats_of(cells)
    if not formats:
        first = odd_row(cells)
        raise DataError(
            f"{table.at(first, date)}: holds {cells[first]!r}, expected dates in one format in all rows: {EXAMPLES}; "
            "mend them, say how they are written, with --date-format '%d %b %Y' for 31 Jan 2024, or name another "
            "column with --date"
        )
    if len(formats) > 1:
        formats = sorted(formats, key=lambda each: _oddness(_rising(_times(table, date, each))))
        guessed.append(f"dates are written as {formats[0]}")
    return SeriesColumns(date, tuple(values), series, formats[0]), guessed


def _guess_date(table: Table, taken: Sequence[str], format: str | None) -> str:  # noqa: A002
    free = [name for name in table.columns if name not in taken]
    named = {name.lower(): name for name in reversed(free)}
    likely = [named[name] for name in DATES if name in named]
    if format is None:
        fits = (name for name in free if not table.is_numeric(name) and formats_of(table.cells(name)))
        found = next(chain(likely, fits), None)
    else:
        fits = (name for name in (*likely, *free) if not isinstance(read_times(table.cells(name), format), int))
        found = next(chain(fits, likely), None)
    if found is not None:
        return found
    expected = EXAMPLES if format is None else f"dates written as {format}"
    raise ParameterError(
        f"--date is not given, expected the column that holds {expected}: one of {table.listed()}; name it, "
        "and with --date-format how its dates are written where they are others"
    )


def _guess_values(table: Table, taken: Sequence[str]) -> str:
    numeric = [name for name in table.columns if name not in taken and table.is_numeric(name)]
    named = {name.lower(): name for name in reversed(numeric)}
    for name in VALUES:
        if name in named:
            return named[name]
    if len(numeric) == 1:
        return numeric[0]
    expected = "--values is not given, expected the columns to predict"
    if numeric:
        raise ParameterError(f"{expected}: some of {','.join(numeric)}; it has {table.listed()}")
    left = [_no_number(table, name) for name in table.columns if name not in taken][:8]
    raise ParameterError(
        f"{expected}: columns of numbers, but `{table.path}` has none left: "
        + (f"{'; '.join(left)}; mend the one to predict" if left else f"it has {table.listed()} only; add one")
    )


def _no_number(table: Table, name: str) -> str:
    """Why a column does not hold numbers, in words."""
    row = table.no_number(name)
    if row is None:
        return f"{name!r} has no value"
    return f"{name!r} holds {table.cells(name)[row]!r} in line {table.lines[row]}"


def read_dated_series(
    table: Table, columns: SeriesColumns, missing: Missing, steps: Steps | None = None
) -> DatedSeries:
    """The series of a table, in the order of their dates.

    Args:
        table: with these columns.
        columns: which they are.
        missing: what is done about empty cells, and about dates that are left out.
        steps: that the dates are known to have; else they are found.

    Raises:
        ParameterError: a column does not exist.
        DataError: a date is none, comes twice, is left out, or the steps are not even; a value is no finite number.
    """
    for name in (columns.date, *columns.values, *([columns.series] if columns.series else [])):
        table.check_column(name, "the run")
    times = _times(table, columns.date, columns.format)
    remedy = "choose other columns with --values"
    numbers = {name: table.numbers(name, missing, remedy) for name in columns.values}
    groups: dict[str, list[int]] = {}
    names = [""] * len(times) if columns.series is None else table.text(columns.series, "the name of a series")
    for row, name in enumerate(names):
        groups.setdefault(name, []).append(row)
    for name, rows in groups.items():
        rows.sort(key=lambda row: times[row])  # pyright: ignore[reportArgumentType]  (all are numbers, or all dates)
        _check_twice(table, columns, name, rows, times)
    steps = steps or _found_steps(table, columns, times)
    found = DatedSeries({}, {}, {}, {}, steps)
    for group, rows in groups.items():
        places = _places(table, columns, rows, times, steps, missing)
        found.last[group] = times[rows[-1]]
        for column in columns.values:
            name = " ".join(each for each in (group, column if len(columns.values) > 1 or not group else "") if each)
            values = np.full(places[-1] + 1, np.nan)
            values[places] = numbers[column][rows]
            found.values[name], found.column[name], found.group[name] = values, column, group
    return found


def _times(
    table: Table,
    date: str,
    format: str,  # noqa: A002
    expected: str = "",
) -> list[Time]:
    cells = table.text(date, f"a date: {EXAMPLES}")
    times = read_times(cells, format)
    if isinstance(times, int):
        expected = expected or f"a date as the others, written as {format}; mend it"
        raise DataError(f"{table.at(times, date)}: holds {cells[times]!r}, expected {expected}")
    return times


def _rising(times: Sequence[Time]) -> list[Time]:
    """All times once, in order."""
    return sorted(set(times))  # pyright: ignore


def _oddness(times: list[Time]) -> tuple[float, bool]:
    """How unlikely it is that these dates were meant: how many are left out; months begin with their first day."""
    steps = find_steps(times)
    if steps is None:
        return np.inf, False
    count = steps.between(times[0], times[-1])
    left_out = np.inf if count is None else count + 1 - len(times)
    return left_out, steps.kind != "months" or any(not isinstance(each, int) and each.day != 1 for each in times)


def _found_steps(table: Table, columns: SeriesColumns, times: list[Time]) -> Steps:
    rising = _rising(times)
    if len(rising) < 3:
        raise DataError(
            f"`{table.path}` has {counted(len(rising), 'date')} in its column {columns.date!r}, expected three at "
            "least, from which their step can be told; give a longer series"
        )
    steps = find_steps(rising)
    if steps is None:
        wrong, expected = uneven(rising)
        before, here = (write_time(each, columns.format) for each in rising[wrong - 1 : wrong + 1])
        raise DataError(
            f"{table.at(times.index(rising[wrong]), columns.date)}: goes from {before} to {here}, expected even steps, "
            f"as most are of {expected}; bring the rows to even steps first, by sums or means of days, say"
        )
    return steps


def _check_twice(table: Table, columns: SeriesColumns, group: str, rows: list[int], times: list[Time]) -> None:
    for one, other in pairwise(rows):
        if times[one] == times[other]:
            others = [name for name in table.columns if name not in (columns.date, columns.series, *columns.values)]
            where = f" in the series {group!r}" if group else ""
            remedy = f"several series in one file have a column with their names: --series {' or '.join(others)}"
            raise DataError(
                f"{table.at(max(one, other), columns.date)}: holds {table.cells(columns.date)[other]!r} again{where}, "
                f"as in line {table.lines[min(one, other)]}, expected each date once; "
                + (remedy if others and not group else "leave one of them out")
            )


def _places(
    table: Table, columns: SeriesColumns, rows: list[int], times: list[Time], steps: Steps, missing: Missing
) -> list[int]:
    """How many steps after its first row each row of a series is."""
    places = [0]
    for one, other in pairwise(rows):
        count = steps.between(times[one], times[other])
        due = write_time(steps.after(times[one], 1)[0], columns.format)
        if count is None or (count > 1 and missing == "refuse"):
            before, here = (write_time(times[row], columns.format) for row in (one, other))
            raise DataError(
                f"{table.at(other, columns.date)}: goes from {before} to {here}, expected {due}, in steps of {steps}; "
                + ("mend the date" if count is None else "put the missing rows in, or train with --missing mask")
            )
        places.append(places[-1] + count)
    return places
