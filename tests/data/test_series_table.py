"""Tables of dates as series: names, gaps, and what is guessed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from unrolled.data.dates import read_times, write_time
from unrolled.data.series_table import choose_series_columns, read_dated_series
from unrolled.data.tables import Table, read_table
from unrolled.errors import DataError, ParameterError


def table(tmp_path: Path, text: str) -> Table:
    path = tmp_path / "t.csv"
    path.write_text(text, encoding="utf-8")
    return read_table(path)


def test_rows_in_any_order_are_series_by_their_dates(tmp_path: Path):
    given = table(
        tmp_path, "day,shop,a,b\n2024-01-03,x,3,30\n2024-01-01,x,1,10\n2024-01-02,y,5,50\n2024-01-02,x,2,20\n"
    )
    columns, guessed = choose_series_columns(given, None, ["b", "a"], "shop")
    assert guessed == ["--date day"]
    found = read_dated_series(given, columns, "refuse")
    assert {name: values.tolist() for name, values in found.values.items()} == {
        "x b": [10, 20, 30], "x a": [1, 2, 3], "y b": [50], "y a": [5],
    }  # fmt: skip
    assert (found.column["x a"], found.group["y a"], found.named("y", "b")) == ("a", "y", "y b")
    assert (found.last["x"].day, found.last["y"].day) == (3, 2)  # pyright: ignore[reportAttributeAccessIssue]


def test_one_column_of_values_needs_no_name_beside_the_series_and_the_other_way_round(tmp_path: Path):
    given = table(tmp_path, "t,id,v,w\n1,x,1,4\n2,x,2,5\n3,x,3,6\n")
    columns, _ = choose_series_columns(given, "t", ["v"], "id")
    assert list(read_dated_series(given, columns, "refuse").values) == ["x"]
    columns, _ = choose_series_columns(given, "t", ["v", "w"], None)
    assert list(read_dated_series(given, columns, "refuse").values) == ["v", "w"]


def test_dates_left_out_are_nan_where_that_is_wanted(tmp_path: Path):
    given = table(tmp_path, "t,v\n2024-01-01,1\n2024-01-02,\n2024-01-05,5\n")
    columns, _ = choose_series_columns(given, "t", ["v"], None)
    np.testing.assert_array_equal(read_dated_series(given, columns, "mask").values["v"], [1, np.nan, np.nan, np.nan, 5])
    with pytest.raises(DataError, match=r"line 3, column 'v': holds ''"):
        read_dated_series(given, columns, "refuse")


@pytest.mark.parametrize(
    ("dates", "format_", "steps"),
    [
        ([f"{month}/1/2024" for month in range(1, 13)], "%m/%d/%Y", "1 month"),  # not twelve days of January
        (
            [f"{1 + k % 12}/1/{2020 + k // 12}" for k in range(15)],
            "%m/%d/%Y",
            "1 month",
        ),  # not days with a year between
        ([f"0{day}/04/2024" for day in (3, 4, 5, 6)], "%d/%m/%Y", "1 day"),  # not the fourth of each month
        ([f"0{k}/01/2024" for k in (1, 2, 4, 5)], "%m/%d/%Y", "1 month"),
        (["01/02/2024", "02/02/2024", "03/02/2024"], "%d/%m/%Y", "1 day"),
    ],
)
def test_whether_days_or_months_come_first_is_guessed_as_people_write_them(
    tmp_path: Path, dates: list[str], format_: str, steps: str
):
    given = table(tmp_path, "t,v\n" + "".join(f"{each},1\n" for each in dates))
    columns, guessed = choose_series_columns(given, "t", ["v"], None)
    assert (columns.format, guessed) == (format_, [f"dates are written as {format_}"])
    assert str(read_dated_series(given, columns, "mask").steps) == steps


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("when,v\n2024-01-01,1\n", {}, "has 1 date in its column 'when', expected three at least"),
        ("when,v\n2024-01-01,1\n2024-01-02,2\n", {}, "has 2 dates in its column 'when', expected three at least"),
        (
            "t,v\n1,1\n2,2\n2,3\n",
            {},
            r"line 4, column 't': holds '2' again, as in line 3, expected each date once",
        ),
        (
            "t,s,v\n1,x,1\n2,x,2\n2,x,3\n",
            {"series": "s"},
            r"holds '2' again in the series 'x', as in line 3",
        ),
        ("t,v\n2024-01-01,1\n2024-01-09,2\n2024-01-11,3\n2024-01-13,4\n2024-01-16,5\n", {}, "as most are of 2 days"),
        ("t,v\n1,1\n2,2\n4,3\n5,3\n", {}, "line 4, column 't': .* missing rows in, or train with --missing mask"),
        ("t,s,v\n1,x,1\n2,,2\n3,x,3\n", {"series": "s"}, "line 3, column 's': holds '', expected the name of a series"),
    ],
)
def test_what_is_no_series_is_refused_with_its_line(tmp_path: Path, text: str, options: dict[str, str], message: str):
    given = table(tmp_path, text)
    columns, _ = choose_series_columns(given, None, ["v"], options.get("series"))
    with pytest.raises(DataError, match=message):
        read_dated_series(given, columns, "refuse")


@pytest.mark.parametrize(
    ("format_", "dates"),
    [
        ("%d %b %Y", ["01 Jan 2020", "01 Feb 2020", "01 Mar 2020"]),
        ("%m/%d/%Y %I:%M %p", ["03/01/2020 12:00 AM", "03/02/2020 12:00 AM", "03/03/2020 12:00 AM"]),
        ("%d/%m/%y", ["01/03/20", "01/04/20", "01/05/20"]),
        ("%d.%m.%Y", ["01.03.2020", "02.03.2020", "03.03.2020"]),
    ],
)
def test_dates_are_read_and_go_on_as_the_format_says_that_is_named(tmp_path: Path, format_: str, dates: list[str]):
    given = table(tmp_path, "town,when,v\n" + "".join(f"Rome,{each},1\n" for each in dates[:2]))
    columns, guessed = choose_series_columns(given, None, None, None, format_)
    assert (columns.date, columns.format, guessed) == ("when", format_, ["--date when", "--values v"])
    given = table(tmp_path, "when,v\n" + "".join(f"{each},1\n" for each in dates))
    found = read_dated_series(given, columns, "refuse")
    assert [write_time(found.last[""], format_)] == dates[2:]
    first = read_times(dates[:1], format_)
    assert isinstance(first, list)
    assert [write_time(each, format_) for each in found.steps.after(first[0], 2)] == dates[1:]


def test_a_date_that_is_not_as_the_format_says_is_named(tmp_path: Path):
    given = table(tmp_path, "t,v\n01 Jan 2020,1\n2020-02-01,2\n")
    message = (
        r"line 3, column 't': holds '2020-02-01', expected a date written as %d %b %Y, as --date-format says; mend "
        "the cell or the format, or name another column with --date"
    )
    with pytest.raises(DataError, match=message):
        choose_series_columns(given, None, None, None, "%d %b %Y")
    with pytest.raises(DataError, match=r"say how they are written, with --date-format '%d %b %Y' for 31 Jan 2024"):
        choose_series_columns(given, None, None, None)
    with pytest.raises(ParameterError, match=r"name it, and with --date-format how its dates are written"):
        choose_series_columns(table(tmp_path, "a,v\n01 Jan 2020,1\n"), None, None, None)
    with pytest.raises(ParameterError, match=r"expected the column that holds dates written as %Y/%m: one of a, v"):
        choose_series_columns(table(tmp_path, "a,v\n01 Jan 2020,1\n"), None, None, None, "%Y/%m")


@pytest.mark.parametrize(
    ("format_", "message"),
    [
        ("%m/%d/%m", "--date-format is '%m/%d/%m', expected each part of a date once, .*; leave out what comes twice"),
        ("%Y-%Y", "--date-format is '%Y-%Y', expected each part of a date once"),
        ("%Y-%m-%d Q%q", "is '%Y-%m-%d Q%q', expected the quarter, %q, or %m and %d, not both; name a column"),
        ("%B %Y Q%q", "expected the quarter, %q, or %B, not both"),
    ],
)
def test_a_format_in_which_no_date_can_be_read_is_refused(tmp_path: Path, format_: str, message: str):
    for column in (None, "t"):
        with pytest.raises(ParameterError, match=message):
            choose_series_columns(table(tmp_path, "t,v\n1990-06-30 Q2,1\n"), column, None, None, format_)


def test_the_column_that_is_written_as_the_format_says_comes_before_one_named_as_a_date(tmp_path: Path):
    given = table(tmp_path, "year,quarter,v\n1980,1980Q1,1\n1980,1980Q2,2\n")
    columns, guessed = choose_series_columns(given, None, ["v"], None, "%YQ%q")
    assert (columns.date, guessed) == ("quarter", ["--date quarter"])
    given = table(tmp_path, "made,date,v\n2024/01,2024/03,1\n2024/02,2024/04,2\n")
    assert choose_series_columns(given, None, ["v"], None, "%Y/%m")[0].date == "date"


@pytest.mark.parametrize(
    ("dates", "line"),
    [
        (["1990Q1", "1990Q2", "1990-Q3"], 4),
        (["03/04/2024", "13/04/2024", "04/13/2024"], 4),
        (["2024", "2025", "Jan 2026"], 4),
        (["Rome", "2025-01-01", "2025-01-02"], 2),
    ],
)
def test_the_first_date_that_is_not_written_as_those_before_it_is_named(tmp_path: Path, dates: list[str], line: int):
    given = table(tmp_path, "t,v\n" + "".join(f"{each},1\n" for each in dates))
    with pytest.raises(DataError, match=rf"line {line}, column 't': holds '{dates[line - 2]}', expected .* 1990Q1 or "):
        choose_series_columns(given, None, None, None)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("t,v\n1,1\n2,-\n3,x\n", "'v' holds '-' in line 3; mend the one to predict"),
        ("t,v\n1,\n2,inf\n", "'v' holds 'inf' in line 3; mend the one to predict"),
        ('t,v,town\n1,"1,001",Rome\n', "'v' holds '1,001' in line 2; 'town' holds 'Rome' in line 2; mend the one"),
        ("t,v\n1,\n2,NA\n", "'v' has no value; mend the one to predict"),
        ("t\n1\n2\n", "it has t only; add one"),
    ],
)
def test_a_column_that_is_left_out_of_the_guess_is_named_with_the_cell_that_spoils_it(
    tmp_path: Path, text: str, why: str
):
    with pytest.raises(ParameterError, match="columns of numbers, but `.*t.csv` has none left: " + why):
        choose_series_columns(table(tmp_path, text), None, None, None)


def test_columns_that_a_later_file_lacks_are_named(tmp_path: Path):
    columns, _ = choose_series_columns(table(tmp_path, "t,v\n1,1\n2,2\n3,3\n"), "t", ["v"], None)
    with pytest.raises(ParameterError, match=r"the run names the column 'v', expected one that .* has: t, w"):
        read_dated_series(table(tmp_path, "t,w\n1,1\n"), columns, "refuse")
    with pytest.raises(
        DataError, match="line 2, column 't': holds 'May', expected a date as the others, written as num"
    ):
        read_dated_series(table(tmp_path, "t,v\nMay,1\n"), columns, "refuse")
