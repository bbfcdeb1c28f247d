"""Times written in a table: numbers or dates, the step between them, and how they go on; without pandas, no values."""

from __future__ import annotations

import calendar
import re
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, Literal, NamedTuple

from unrolled.errors import ParameterError

__all__ = [
    "EXAMPLES", "NUMBERS", "Steps", "Time", "check_format", "find_steps", "formats_of", "odd_row", "read_times",
    "uneven", "write_time",
]  # fmt: skip

Time = int | datetime
DAY = 86400  # seconds
NUMBERS = "number"  # the format of whole numbers: of steps, of years
QUARTER = "%q"  # in a format: 1 to 4, which `strptime` does not know
IN_YEAR = "mbBdjUWVcx"  # in a format: what else says where in the year a date is

# Tried in this order. Where a file fits several (03/04/2021), the first is taken by which its times rise evenly.
FORMATS = (
    "%Y-%m-%d", "%Y-%m", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%dT%H:%M%z", "%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%d %H:%M:%S%z",
    "%Y/%m/%d", "%Y/%m/%d %H:%M", "%Y/%m/%d %H:%M:%S", "%Y%m%d", "%b %Y", "%B %Y", "%YQ%q", "%Y-Q%q",
    "%d.%m.%Y", "%d.%m.%Y %H:%M", "%d.%m.%Y %H:%M:%S",
    "%d/%m/%Y", "%d/%m/%Y %H:%M", "%d/%m/%Y %H:%M:%S", "%m/%d/%Y", "%m/%d/%Y %H:%M", "%m/%d/%Y %H:%M:%S",
)  # fmt: skip
EXAMPLES = "whole numbers, or dates such as 2024-01-31, 2024-01, 1990Q1 or 2024-01-31 18:00"


class Steps(NamedTuple):
    """The even step between times: plain values for JSON.

    >>> Steps("months", 1, 31).after(datetime(2024, 1, 31), 2)
    [datetime.datetime(2024, 2, 29, 0, 0), datetime.datetime(2024, 3, 31, 0, 0)]
    """

    kind: Literal["numbers", "seconds", "weekdays", "months"]
    size: int  # so many of them
    day: int = 1  # of months: the day in each, or its last one where it has fewer

    def after(self, last: Time, count: int) -> list[Time]:
        """The next times."""
        return [self._moved(last, k) for k in range(1, count + 1)]

    def between(self, start: Time, stop: Time) -> int | None:
        """How many steps lead from one time to another; `None` where none do."""
        if isinstance(start, int) or isinstance(stop, int):
            assert isinstance(start, int)
            assert isinstance(stop, int)
            count, rest = divmod(stop - start, self.size)
            return None if rest else count
        if self.kind == "seconds":
            count, rest = divmod(stop - start, timedelta(seconds=self.size))
            return None if rest else count
        if self.kind == "weekdays":
            weeks, days = divmod((stop - start).days, 7)
            count = 5 * weeks + sum((start.weekday() + k) % 7 < 5 for k in range(1, days + 1))
        else:
            count, rest = divmod(12 * (stop.year - start.year) + stop.month - start.month, self.size)
            if rest:
                return None
        return count if self._moved(start, count) == stop else None

    def _moved(self, time: Time, count: int) -> Time:
        if isinstance(time, int):
            return time + count * self.size
        if self.kind == "seconds":
            return time + timedelta(seconds=count * self.size)
        if self.kind == "weekdays":
            weeks, days = divmod(time.weekday() + count, 5)
            return time + timedelta(days=7 * weeks + days - time.weekday())
        years, month = divmod(12 * time.year + time.month - 1 + count * self.size, 12)
        return time.replace(year=years, month=month + 1, day=min(self.day, calendar.monthrange(years, month + 1)[1]))

    @property
    def season(self) -> int | None:
        """After how many steps something like it usually comes again: a year of months, a week of days."""
        if self.kind == "months":
            return 12 // self.size if self.size in (1, 2, 3, 4, 6) else None
        if self.kind == "weekdays":
            return 5
        lengths = {7 * DAY: 52, DAY: 7}
        if self.kind == "seconds" and self.size < DAY and DAY % self.size == 0:
            return DAY // self.size
        return lengths.get(self.size) if self.kind == "seconds" else None

    def __str__(self) -> str:
        units = {"numbers": "", "weekdays": "working day", "months": "month"}
        size, unit = self.size, units.get(self.kind, "")
        if self.kind == "seconds":
            seconds, unit = next(
                (each, name)
                for each, name in ((7 * DAY, "week"), (DAY, "day"), (3600, "hour"), (60, "minute"), (1, "second"))
                if size % each == 0
            )
            size //= seconds
        elif self.kind == "months" and size % 12 == 0:
            size, unit = size // 12, "year"
        return f"{size} {unit}{'s' if size != 1 and unit else ''}".strip()


def check_format(format: str) -> None:  # noqa: A002
    """Raises `ParameterError` where no date can be read as `--date-format` says."""
    try:
        with suppress(ValueError):  # of an empty cell
            datetime.strptime("", format.replace(QUARTER, "1"))
    except re.error:
        raise ParameterError(
            f"--date-format is {format!r}, expected each part of a date once, as in '%m/%d/%Y'; "
            "leave out what comes twice"
        ) from None
    parts: list[str] = re.findall("%(.)", format)
    others = [f"%{part}" for part in parts if part in IN_YEAR]
    if "q" in parts and others:
        raise ParameterError(
            f"--date-format is {format!r}, expected the quarter, {QUARTER}, or {' and '.join(others)}, not both; name "
            "a column with --date that holds one of them"
        )


def read_times(cells: Sequence[str], format: str) -> list[Time] | int:  # noqa: A002  (as of strptime)
    """Cells as times, or the row of the first that is none in that format."""
    read = _reader(format)
    times: list[Time] = []
    for row, cell in enumerate(cells):
        try:
            times.append(read(cell))
        except ValueError:
            return row
    return times


def write_time(time: Time, format: str) -> str:  # noqa: A002
    """A time as `read_times` reads it."""
    if isinstance(time, int):
        return str(time)
    return time.strftime(format.replace(QUARTER, str((time.month + 2) // 3)))


def _reader(format: str) -> Callable[[str], Time]:  # noqa: A002
    if format == NUMBERS:
        return int

    def read(cell: str) -> datetime:
        time = datetime.strptime(cell, format)
        return time if time.tzinfo is None else time.astimezone(UTC)

    return _read_quarter(format) if QUARTER in format else read


def _read_quarter(format: str) -> Callable[[str], datetime]:  # noqa: A002
    def read(cell: str) -> datetime:
        """The first day of a quarter."""
        for quarter in (1, 2, 3):
            with suppress(ValueError):
                return datetime.strptime(cell, format.replace(QUARTER, str(quarter))).replace(month=3 * quarter - 2)
        return datetime.strptime(cell, format.replace(QUARTER, "4")).replace(month=10)

    return read


def formats_of(cells: Sequence[str]) -> list[str]:
    """The formats that all cells have; a whole number is one in the first place, unless it must be a date.

    >>> formats_of(["2024-01-31", "2024-02-29"]), formats_of(["1700", "1701"]), formats_of(["Rome"])
    (['%Y-%m-%d'], ['number'], [])
    """
    if all(cell.lstrip("-").isdecimal() for cell in cells):
        dates = all(len(cell) == 8 for cell in cells) and not isinstance(read_times(cells, "%Y%m%d"), int)
        return ["%Y%m%d"] if dates else [NUMBERS]
    return [each for each in FORMATS if not isinstance(read_times(cells[:1], each), int)
            and not isinstance(read_times(cells, each), int)]  # fmt: skip


def odd_row(cells: Sequence[str]) -> int:
    """Of cells that have no format in common: the row of the first that is not as those before it."""
    rows = [read_times(cells, each) for each in formats_of(cells[:1])]
    return max((row for row in rows if isinstance(row, int)), default=0)


def find_steps(times: Sequence[Time]) -> Steps | None:
    """The step by which times rise, gaps aside; `None` where they do not rise by one.

    Args:
        times: rising.

    >>> str(find_steps([1700, 1701, 1702])), str(find_steps([datetime(2024, k, 1) for k in (1, 2, 3)]))
    ('1', '1 month')
    """
    if len(times) < 2:
        return None
    return next((steps for steps in _candidates(times) if not _wrong(times, steps)), None)


def uneven(times: Sequence[Time]) -> tuple[int, Steps]:
    """Which time is the first that is not where the others lead to, and the step that most of them have."""
    wrong = {steps: _wrong(times, steps) for steps in _commonest(times)}
    steps = min(wrong, key=lambda each: len(wrong[each]))
    return next(iter(wrong[steps]), 1), steps


def _wrong(times: Sequence[Time], steps: Steps) -> list[int]:
    """Which times no whole number of steps leads to from the one before."""
    return [place + 1 for place, (a, b) in enumerate(pairwise(times)) if steps.between(a, b) is None]


def _candidates(times: Sequence[Time]) -> list[Steps]:
    """Steps that are as long as the shortest way from one time to the next."""
    if isinstance(times[0], int):
        return [Steps("numbers", min(b - a for a, b in pairwise(times)))]  # pyright: ignore
    dates: Any = times
    found: list[Steps] = []
    months = min(12 * (b.year - a.year) + b.month - a.month for a, b in pairwise(dates))
    if months:
        found.append(Steps("months", months, max(date.day for date in dates)))
    seconds = int(min((b - a).total_seconds() for a, b in pairwise(dates)))
    if seconds == DAY and all(date.weekday() < 5 for date in dates) and dates[-1] - dates[0] >= timedelta(days=7):
        found.append(Steps("weekdays", 1))
    if seconds:
        found.append(Steps("seconds", seconds))
    return found


def _commonest(times: Sequence[Time]) -> list[Steps]:
    """The steps that two neighbours suggest, of those pairs whose distance comes most often."""
    distances = [b - a for a, b in pairwise(times)]  # pyright: ignore
    usual = Counter(distances).most_common(1)[0][0]  # pyright: ignore
    place = distances.index(usual)  # pyright: ignore
    return _candidates(times[place : place + 2])
