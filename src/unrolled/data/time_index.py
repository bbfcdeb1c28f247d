"""The times of a series: checked to be regular, and continued beyond its end; with pandas or without, never values."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from unrolled.errors import DataError, ParameterError
from unrolled.extras import import_extra
from unrolled.shapes import counted

__all__ = ["TimeIndex", "is_pandas", "pandas"]

EXPECTED = "expected times that rise by the same step"


def is_pandas(given: Any) -> bool:
    """Whether it is an object of pandas, which is not imported to find out."""
    return type(given).__module__.partition(".")[0] == "pandas"


def pandas() -> Any:
    """The module.

    Raises:
        MissingExtraError: it is not installed.
    """
    return import_extra("pandas", "times as an index", "pandas")


class TimeIndex(NamedTuple):
    """Where a series' times end, and how they go on: plain values for JSON."""

    kind: str  # "dates", "periods" or "numbers"
    last: str | int | float  # the last time: ISO 8601 for dates, the ordinal of a period
    step: str | int | float  # a frequency by pandas' name, or a number
    name: str | None = None
    zone: str | None = None  # of dates

    @classmethod
    def of(cls, index: Any, name: str) -> TimeIndex:
        """Takes a pandas index.

        Args:
            index: a `DatetimeIndex`, a `PeriodIndex`, or numbers.
            name: the series' name in messages.

        Raises:
            DataError: the times do not rise, or not by the same step; the message says where.
            ParameterError: the index holds neither times nor numbers.
        """
        pd = pandas()
        label = None if index.name is None else str(index.name)
        if isinstance(index, pd.DatetimeIndex):
            _check_rising(index, name)
            if len(index) < 3 and index.freq is None:
                raise DataError(
                    f"`{name}` has {counted(len(index), 'time')}, expected three at least, from which their step can "
                    "be told; give more, or set the index's freq"
                )
            frequency = index.freqstr or pd.infer_freq(index)
            if frequency is None:
                raise _irregular(index, name, _first_irregular_date(index))
            return cls("dates", index[-1].isoformat(), frequency, label, None if index.tz is None else str(index.tz))
        if isinstance(index, pd.PeriodIndex):
            _check_rising(index, name)
            ordinals = index.asi8
            if (np.diff(ordinals) != 1).any():
                raise _irregular(index, name, int(np.flatnonzero(np.diff(ordinals) != 1)[0]) + 1)
            return cls("periods", int(ordinals[-1]), index.freqstr, label)
        if index.dtype.kind not in "iuf":
            raise ParameterError(
                f"`{name}` has an index of dtype {index.dtype}, expected dates, periods or numbers; "
                "convert it with pandas.to_datetime, or pass the values alone with .to_numpy()"
            )
        _check_rising(index, name)
        numbers = np.asarray(index)
        steps = np.diff(numbers)
        first: Any = steps[0] if len(steps) else np.int64(1)
        wrong = ~np.isclose(steps, first, rtol=1e-6)
        if wrong.any():
            raise _irregular(index, name, int(np.flatnonzero(wrong)[0]) + 1)
        return cls("numbers", numbers[-1].item(), first.item(), label)

    def after(self, steps: int) -> Any:
        """The next times as a pandas index."""
        pd = pandas()
        if self.kind == "dates":
            last = pd.Timestamp(self.last)
            last = last if self.zone is None else last.tz_convert(self.zone)
            return pd.date_range(last, periods=steps + 1, freq=self.step, name=self.name)[1:]
        if self.kind == "periods":
            ordinals = np.arange(1, steps + 1) + int(self.last)
            return pd.PeriodIndex.from_ordinals(ordinals, freq=self.step, name=self.name)
        numbers = self.last + np.arange(1, steps + 1) * self.step  # pyright: ignore  (numbers, as `kind` says)
        return pd.Index(numbers, name=self.name)

    def moved(self, steps: int) -> TimeIndex:
        """The same times, so many later."""
        if steps == 0:
            return self
        last = self.after(steps)[-1]
        if self.kind == "dates":
            return self._replace(last=last.isoformat())
        return self._replace(last=int(last.ordinal) if self.kind == "periods" else last.item())

    def check_continued(self, index: Any, name: str) -> None:
        """Raises `DataError` unless an index goes on where this one ends."""
        expected = self.after(len(index))
        if type(index) is not type(expected) and self.kind != "numbers":
            raise ParameterError(
                f"`{name}` has an index of type {type(index).__name__}, expected {type(expected).__name__}, as the "
                "series has; convert it"
            )
        for given, due in zip(index, expected, strict=True):
            if given != due:
                raise DataError(
                    f"`{name}` has the time {given}, expected {due}, which comes after {self.last}; "
                    "give every step, NaN where a value is missing, and none twice"
                )


def _check_rising(index: Any, name: str) -> None:
    if index.hasnans:
        raise DataError(f"`{name}` has an index with a missing time, {EXPECTED}; mend it or leave that row out")
    if len(index) > 1:
        values = np.asarray(index.asi8 if hasattr(index, "asi8") else index)
        wrong = np.flatnonzero(np.diff(values) <= 0)
        if len(wrong):
            here = int(wrong[0])
            raise DataError(
                f"`{name}` goes from {index[here]} to {index[here + 1]} at row {here + 1}, expected times that rise; "
                "sort it with .sort_index(), and let no time come twice"
            )


def _irregular(index: Any, name: str, row: int) -> DataError:
    return DataError(
        f"`{name}` goes from {index[row - 1]} to {index[row]} at row {row}, {EXPECTED} as from {index[0]} to "
        f"{index[1]}; put the missing times in, with .asfreq(), and pass nan='mask'"
    )


def _first_irregular_date(index: Any) -> int:
    """The first row whose time is not where those before it lead to."""
    pd = pandas()
    low, high = 2, len(index)  # of so many rows, the first are regular and the others are not
    while high - low > 1:
        middle = (low + high) // 2
        if pd.infer_freq(index[:middle]) is None:
            high = middle
        else:
            low = middle
    return min(low, len(index) - 1)
