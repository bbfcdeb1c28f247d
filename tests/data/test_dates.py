"""Times of tables: which format they have, which step, and how they go on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from unrolled.data.dates import Steps, Time, find_steps, formats_of, read_times, uneven, write_time


@pytest.mark.parametrize(
    ("cells", "format_"),
    [
        (["1", "-2", "+x"], None),
        (["1", "-2"], "number"),
        (["20240131", "20240201"], "%Y%m%d"),
        (["20249931", "20240201"], "number"),
        (["2024-01-31"], "%Y-%m-%d"),
        (["2024-01"], "%Y-%m"),
        (["2024-01-31 18:00"], "%Y-%m-%d %H:%M"),
        (["2024-01-31T18:00:05Z", "2024-01-31T18:00:05+02:00"], "%Y-%m-%dT%H:%M:%S%z"),
        (["31.12.2024 23:59"], "%d.%m.%Y %H:%M"),
        (["13/04/2024"], "%d/%m/%Y"),
        (["04/13/2024"], "%m/%d/%Y"),
        (["Jan 2024", "May 2024"], "%b %Y"),
        (["1990Q1", "1990Q2"], "%YQ%q"),
        (["1990-Q3", "1990-Q4"], "%Y-Q%q"),
        (["1990Q4", "1990Q5"], None),
        (["2024-01-31", "2024-02-30"], None),
    ],
)
def test_formats(cells: list[str], format_: str | None):
    found = formats_of(cells)
    assert found[:1] == ([] if format_ is None else [format_])
    if format_ is not None:
        times = read_times(cells, format_)
        assert not isinstance(times, int)
        again = read_times([write_time(time, format_) for time in times], format_)
        assert again == times


def test_days_and_months_that_could_be_either_are_both_found():
    assert formats_of(["03/04/2024", "04/04/2024"]) == ["%d/%m/%Y", "%m/%d/%Y"]


def test_quarters_are_read_as_their_first_days_and_go_on_as_quarters():
    times = read_times(["1990Q1", "1990Q2", "1990Q3", "1990Q4"], "%YQ%q")
    assert times == [datetime(1990, month, 1) for month in (1, 4, 7, 10)]
    steps = find_steps(times)
    assert steps == Steps("months", 3)
    assert [write_time(each, "Q%q %y") for each in steps.after(times[-1], 2)] == ["Q1 91", "Q2 91"]
    assert read_times(["Q2 91"], "Q%q %y") == [datetime(1991, 4, 1)]


def test_zones_are_one_time():
    times = read_times(["2024-01-31T18:00:00Z", "2024-01-31T20:30:00+02:00"], "%Y-%m-%dT%H:%M:%S%z")
    assert times == [datetime(2024, 1, 31, 18, tzinfo=UTC), datetime(2024, 1, 31, 18, 30, tzinfo=UTC)]


def test_the_first_cell_that_is_no_time_is_named():
    assert read_times(["2024-01-31", "x", "y"], "%Y-%m-%d") == 1


def day(text: str) -> datetime:
    return datetime.fromisoformat(text)


def working_days(start: str, count: int) -> list[datetime]:
    days = [day(start) + timedelta(days=k) for k in range(2 * count)]
    return [each for each in days if each.weekday() < 5][:count]


SERIES: list[tuple[list[Any], str, int | None, Time]] = [
    ([1700, 1701, 1702], "1", None, 1703),
    ([-6, -3, 0], "3", None, 3),
    ([day(f"2024-{m:02}-01") for m in (1, 2, 3)], "1 month", 12, day("2024-04-01")),
    ([day("2023-12-31"), day("2024-01-31"), day("2024-02-29")], "1 month", 12, day("2024-03-31")),
    ([day("2024-03-31"), day("2024-06-30"), day("2024-09-30")], "3 months", 4, day("2024-12-31")),
    ([day("2021-07-01"), day("2022-07-01"), day("2023-07-01")], "1 year", None, day("2024-07-01")),
    ([day("2024-02-27") + timedelta(days=k) for k in range(3)], "1 day", 7, day("2024-03-01")),
    ([day("2024-01-01") + timedelta(days=7 * k) for k in range(8)], "1 week", 52, day("2024-02-26")),
    ([day("2024-01-01") + timedelta(days=28 * k) for k in range(8)], "4 weeks", None, day("2024-08-12")),
    ([day("2024-01-01") + timedelta(minutes=15 * k) for k in range(3)], "15 minutes", 96, day("2024-01-01 00:45")),
    ([day("2024-01-01") + timedelta(hours=6 * k) for k in range(3)], "6 hours", 4, day("2024-01-01 18:00")),
    ([day("2024-01-01") + timedelta(seconds=2 * k) for k in range(3)], "2 seconds", 43200, day("2024-01-01 00:00:06")),
    (working_days("2024-01-01", 10), "1 working day", 5, day("2024-01-15")),
]


@pytest.mark.parametrize(("times", "words", "season", "due"), SERIES)
def test_steps_are_found_and_go_on(times: list[Any], words: str, season: int | None, due: Time):
    steps = find_steps(times)
    assert steps is not None
    assert (str(steps), steps.season) == (words, season)
    assert steps.after(times[-1], 2)[0] == due
    assert find_steps([*times, *steps.after(times[-1], 2)]) == steps
    for k in range(1, 30):
        assert steps.between(times[0], steps.after(times[0], k)[-1]) == k
    with_gap = [*times, *steps.after(times[-1], 4)[2:]]
    assert find_steps(with_gap) == steps


def test_a_time_between_two_steps_is_none():
    assert Steps("seconds", 3600).between(day("2024-01-01"), day("2024-01-01 01:30")) is None
    assert Steps("months", 1, 1).between(day("2024-01-01"), day("2024-02-02")) is None
    assert Steps("months", 3, 1).between(day("2024-01-01"), day("2024-02-01")) is None
    assert Steps("weekdays", 1).between(day("2024-01-05"), day("2024-01-06")) is None
    assert Steps("numbers", 2).between(1, 4) is None


def test_uneven_times_have_no_step_and_the_first_that_is_wrong_is_found():
    days = [day("2024-01-01") + timedelta(days=10 * k) for k in range(9)]
    days[5] += timedelta(days=3)
    assert find_steps(days) is None
    place, steps = uneven(days)
    assert (place, str(steps)) == (5, "10 days")
    assert find_steps(days[:1]) is None
