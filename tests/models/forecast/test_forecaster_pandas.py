"""The forecaster on pandas and on real series: times go on, and nine of ten values lie in their intervals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import unrolled.models
from unrolled.errors import DataError, ParameterError
from unrolled.models.forecast.forecaster import Forecaster
from unrolled.storage import Unit, read_unit, write_unit

pytestmark = pytest.mark.extras


@pytest.fixture
def pd() -> Any:
    return pytest.importorskip("pandas")


def quick(series: Any, **tables: Any) -> Forecaster:
    return Forecaster(4, 3, hidden_size=3, nan="mask", epochs=2, random_state=0).fit(series, **tables)


@pytest.mark.parametrize(
    ("start", "freq", "following"),
    [
        ("2020-01-31", "ME", ["2025-01-31", "2025-02-28", "2025-03-31"]),
        ("2020-01-01", "D", ["2020-03-01", "2020-03-02", "2020-03-03"]),
        ("1970-01-01", "YS", ["2030-01-01", "2031-01-01", "2032-01-01"]),
        ("2020-01-04", "W-SAT", ["2021-02-27", "2021-03-06", "2021-03-13"]),
    ],
)
def test_dates_go_on_where_they_end(pd: Any, start: str, freq: str, following: list[str]):
    index = pd.date_range(start, periods=60, freq=freq, name="when")
    series = pd.Series(np.sin(np.arange(60.0)), index=pd.DatetimeIndex(index.to_numpy(), name="when"), name="wave")
    fitted = quick(series)
    found = fitted.predict()
    assert found.point.index.strftime("%Y-%m-%d").tolist() == following
    assert (found.point.index.name, found.point.name) == ("when", "wave")
    assert found.lower.index.equals(found.upper.index)
    fitted.update(pd.Series([0.5], index=found.point.index[:1]))
    assert fitted.predict().point.index[0] == found.point.index[1]


def test_periods_numbers_and_zones_go_on_as_well(pd: Any):
    values = np.sin(np.arange(60.0))
    quarters = quick(pd.Series(values, index=pd.period_range("2000Q1", periods=60, freq="Q"))).predict().point
    assert [str(period) for period in quarters.index] == ["2015Q1", "2015Q2", "2015Q3"]
    years = quick(pd.Series(values, index=np.arange(1700.0, 1760.0))).predict().point
    assert years.index.tolist() == [1760, 1761, 1762]
    hours = pd.date_range("2024-03-30", periods=60, freq="h", tz="Europe/Paris")
    zoned = quick(pd.Series(values, index=hours)).predict().point
    assert zoned.index[0] == hours[-1] + pd.Timedelta(hours=1)
    assert str(zoned.index.tz) == "Europe/Paris"


def test_pandas_objects_with_the_index_that_they_are_born_with_go_on_from_their_last_row(pd: Any):
    values = np.sin(np.arange(60.0))
    one, frame = pd.Series(values), pd.DataFrame({"a": values, "b": -values})
    for series, more in ((one, pd.Series([0.5], index=[60])), (frame, pd.DataFrame([[0.5, 0.6]], [60], ["a", "b"]))):
        fitted = quick(series)
        assert fitted.predict().point.index.tolist() == [60, 61, 62]
        assert fitted.update(more).predict(series).point.index.tolist() == [60, 61, 62]
        assert fitted.predict().point.index.tolist() == [61, 62, 63]
    listed = quick([one, one[:50]]).update([[0.5], pd.Series([0.5], index=[50])]).predict().point
    assert [part.index.tolist() for part in listed] == [[61, 62, 63], [51, 52, 53]]
    with pytest.raises(DataError, match="`0` has the time 0, expected 60, which comes after 59"):
        quick([one]).update([pd.Series([0.5])])


def test_a_pandas_object_without_rows_is_named(pd: Any):
    for index in (None, pd.DatetimeIndex([]), pd.PeriodIndex([], freq="M")):
        with pytest.raises(DataError, match="`series` is empty, expected at least one value"):
            quick(pd.Series([], index=index, dtype=float))


def test_a_frame_comes_back_as_a_frame_and_is_saved_with_its_times(pd: Any, tmp_path: Path):
    index = pd.date_range("2020-01-01", periods=60, freq="MS")
    frame = pd.DataFrame({"a": np.arange(60.0), "b": 5 - np.arange(60.0)}, index=index)
    fitted = quick(frame)
    found = fitted.predict()
    assert found.point.columns.tolist() == ["a", "b"]
    fitted.save(tmp_path)
    loaded = unrolled.models.load(tmp_path).predict()
    pd.testing.assert_frame_equal(loaded.point, found.point)
    assert loaded.upper.index[0] == pd.Timestamp("2025-01-01")


def test_columns_and_named_series_are_found_by_their_names_and_by_their_place_without(pd: Any):
    values = np.sin(np.arange(60.0))
    frame = pd.DataFrame({"a": values, "b": 1000 + 100 * values})
    parts = [frame["a"], frame["b"]]
    for series, turned, bare in (
        (frame, frame[["b", "a"]], frame.to_numpy()),
        (parts, parts[::-1], [part.rename(None) for part in parts]),
    ):
        fitted = quick(series)
        due, found, plain = (_by_name(fitted.predict(each).point) for each in (series, turned, bare))
        np.testing.assert_array_equal(found["a"], due["a"])
        np.testing.assert_array_equal(found["b"], due["b"])
        for point, each in zip(plain.values(), ("a", "b"), strict=True):
            np.testing.assert_array_equal(point, due[each])
        tested = {one.name: one.point for one in fitted.backtest(turned, start=50).series}
        for one in fitted.backtest(series, start=50).series:
            np.testing.assert_array_equal(tested[one.name], one.point)
    new = pd.DataFrame({"b": [10.0], "a": [0.1]}, index=[60])
    one, other, listed = quick(frame).update(new), quick(frame).update(new[["a", "b"]]), quick(parts)
    pd.testing.assert_frame_equal(one.predict().point, other.predict().point)
    listed.update([new["b"], new["a"]])
    for name, point in _by_name(listed.predict().point).items():
        np.testing.assert_array_equal(point, one.predict().point[name])
    with pytest.raises(ParameterError, match="`values` holds a, c, expected a, b in the form they had in fit"):
        one.update(pd.DataFrame({"a": [0.1], "c": [1.0]}, index=[61]))
    with pytest.raises(ParameterError, match="`series` holds 'c', expected those it was fitted to: a, b"):
        quick(parts).predict([frame["a"], frame["b"].rename("c")])


def test_columns_of_numbers_are_names_too(pd: Any):
    frame = pd.DataFrame(np.stack([np.sin(np.arange(60.0)), np.cos(np.arange(60.0)) * 100], axis=1))
    fitted = quick(frame)
    pd.testing.assert_frame_equal(fitted.predict(frame[[1, 0]]).point[["0", "1"]], fitted.predict(frame).point)


def _by_name(point: Any) -> dict[str, np.ndarray]:
    if isinstance(point, list):
        return {str(part.name): part.to_numpy() for part in point}
    return {str(k): np.asarray(point)[:, n] for n, k in enumerate(getattr(point, "columns", range(point.shape[1])))}


def test_covariates_are_found_by_their_times(pd: Any):
    index = pd.date_range("2020-01-01", periods=63, freq="D")
    series = pd.Series(np.sin(np.arange(60.0)), index=index[:60])
    table = pd.DataFrame({"x": np.cos(np.arange(63.0))}, index=index)
    fitted = quick(series, covariates=table)
    shuffled = fitted.predict(covariates=table.iloc[::-1])
    pd.testing.assert_series_equal(shuffled.point, fitted.predict(series, covariates=table).point)
    np.testing.assert_array_equal(shuffled.point, fitted.predict(covariates=table.to_numpy()[60:]).point)
    with pytest.raises(DataError, match=r"`covariates` has no row for 2020-03-03 .*they must be known in advance"):
        fitted.predict(covariates=table.iloc[:62])
    with pytest.raises(DataError, match="`covariates` has a time twice, expected each once"):
        fitted.predict(covariates=pd.concat([table, table.iloc[-1:]]))


def _two_columns(pd: Any) -> tuple[Any, Any]:
    """A series, and covariates for three steps more that tell apart which column is which."""
    index = pd.date_range("2020-01-01", periods=63, freq="D")
    table = pd.DataFrame({"x": np.cos(np.arange(63.0)), "y": np.arange(63.0)}, index=index)
    return pd.Series(np.sin(np.arange(60.0)), index=index[:60]), table


@pytest.mark.parametrize("kind", ["covariates", "past_covariates"])
def test_columns_of_covariates_are_found_by_their_names_wherever_they_stand(pd: Any, kind: str, tmp_path: Path):
    series, table = _two_columns(pd)
    turned = table[["y", "x"]]
    fitted = quick(series, **{kind: table})
    fitted.save(tmp_path)
    for model in (fitted, Forecaster.load(tmp_path)):
        due = model.predict(series, **{kind: table}).point
        pd.testing.assert_series_equal(model.predict(series, **{kind: turned}).point, due)
        points = [
            model.backtest(series, start=series.index[50], **{kind: each}).series[0].point for each in (table, turned)
        ]
        np.testing.assert_array_equal(*points)
    one, other = fitted, Forecaster.load(tmp_path)
    new = pd.Series([0.5], index=table.index[60:61])
    one.update(new, **{kind: table[60:61]})
    other.update(new, **{kind: turned[60:61]})
    ahead = {
        "covariates": table[61:].reindex(table.index[61:].append(table.index[-1:] + pd.Timedelta("1D")), method="ffill")
    }
    found = [model.predict(**(ahead if kind == "covariates" else {})).point for model in (one, other)]
    pd.testing.assert_series_equal(*found)


def test_tables_of_several_series_may_order_their_columns_differently(pd: Any):
    series, table = _two_columns(pd)
    pair = {"a": series, "b": -series}
    found = [
        quick(pair, past_covariates=tables).predict().point["b"]
        for tables in ({"a": table, "b": table}, {"a": table, "b": table[["y", "x"]]}, [table, table[["y", "x"]]])
    ]
    pd.testing.assert_series_equal(found[0], found[1])
    pd.testing.assert_series_equal(found[0], found[2])


def test_covariates_of_other_columns_are_named(pd: Any):
    series, table = _two_columns(pd)
    fitted = quick(series, covariates=table)
    for given, message in (
        (table.rename(columns={"x": "z"}), "`covariates` has no column 'x', expected x, y in whatever order"),
        (table[["y"]], "`covariates` has no column 'x', expected x, y"),
        (table.assign(z=1.0), "`covariates` has a column 'z', expected x, y in whatever order"),
        (table[["x", "y", "x"]], "`covariates` has the column 'x' twice, expected x, y"),
    ):
        for call in (lambda t: fitted.predict(series, covariates=t), lambda t: fitted.predict(covariates=t)):
            with pytest.raises(ParameterError, match=message):
                call(given)
    with pytest.raises(ParameterError, match="`covariates` has the column 'x' twice, expected x, x"):
        quick(series, covariates=table[["x", "x"]])


def test_covariates_that_had_no_names_in_fit_are_taken_by_their_place(pd: Any, tmp_path: Path):
    series, table = _two_columns(pd)
    fitted, plain = quick(series, covariates=table), quick(series, covariates=table.to_numpy())
    due = fitted.predict(covariates=table).point
    renamed = table.rename(columns={"x": "z"})
    pd.testing.assert_series_equal(plain.predict(covariates=renamed).point, due)
    fitted.save(tmp_path / "new")
    record, documents, arrays = read_unit(tmp_path / "new", ("weights",))
    assert documents["series"].pop("columns") == {"covariates": ["x", "y"]}
    write_unit(tmp_path / "old", Unit(record, documents, arrays))  # as it was saved before names were
    pd.testing.assert_series_equal(Forecaster.load(tmp_path / "old").predict(covariates=renamed).point, due)


def test_a_run_begun_before_columns_had_names_goes_on(pd: Any, tmp_path: Path):
    series, table = _two_columns(pd)
    settings: dict[str, Any] = {"hidden_size": 3, "epochs": 2, "random_state": 0}
    due = (
        Forecaster(4, 3, **settings)
        .fit(series, covariates=table, checkpoint=tmp_path / "new")
        .predict(series, covariates=table)
    )
    record, documents, arrays = read_unit(tmp_path / "new", ("weights", "training"))
    del documents["series"]["columns"]
    write_unit(tmp_path / "old", Unit(record, documents, arrays))
    again = Forecaster(4, 3, **settings).fit(series, covariates=table, checkpoint=tmp_path / "old")
    pd.testing.assert_series_equal(again.predict(series, covariates=table).point, due.point)


def test_a_backtest_begins_at_a_time_and_comes_as_a_frame(pd: Any):
    index = pd.date_range("2020-01-01", periods=80, freq="MS")
    series = pd.Series(np.sin(np.arange(80.0)), index=index, name="wave")
    fitted = quick(series.iloc[:60])
    found = fitted.backtest(series, start="2025", stride=6)
    assert found.series[0].origins.tolist() == [60, 66, 72]
    frame = found.to_pandas()
    assert frame.columns.tolist() == ["series", "time", "ahead", "point", "lower", "upper", "actual"]
    assert frame["ahead"].tolist() == [1, 2, 3] * 3
    np.testing.assert_array_equal(frame["actual"], series[frame["time"]])
    with pytest.raises(ParameterError, match="`start` is 'soon', expected a time from 2020-01-01"):
        fitted.backtest(series, start="soon")


def test_times_that_do_not_rise_by_the_same_step_are_named(pd: Any):
    def series(index: Any) -> Any:
        return pd.Series(np.arange(float(len(index))), index=index)

    days = pd.date_range("2020-01-01", periods=40, freq="D")
    months = pd.date_range("2020-01-01", periods=40, freq="MS")
    for index, message in (
        (days[::-1], "goes from 2020-02-09 .* to 2020-02-08 .* at row 1, expected times that rise; sort it"),
        (days.append(days[-1:]), "at row 40, expected times that rise; .* no time come twice"),
        (days.delete(20), r"from 2020-01-20 .* to 2020-01-22 .* at row 20, .* the same step .*\.asfreq"),
        (months.delete(7), "from 2020-07-01 .* to 2020-09-01 .* at row 7"),
        (pd.PeriodIndex(months.to_period("M").delete(5)), "from 2020-05 to 2020-07 at row 5"),
        (pd.Index([*range(20), *range(21, 40)]), "from 19 to 21 at row 20"),
        (days.insert(3, pd.NaT), "has an index with a missing time"),
        (pd.DatetimeIndex(["2020-01-01", "2020-01-03"]), r"has 2 times, expected three at least"),
    ):
        with pytest.raises(DataError, match=message):
            quick(series(index))
    with pytest.raises(ParameterError, match=r"has an index of dtype .*, expected dates, periods or numbers"):
        quick(series(pd.Index([f"day {i}" for i in range(40)])))
    fitted = quick(series(days))
    with pytest.raises(DataError, match=r"`values` has the time 2020-02-11 .*, expected 2020-02-10 .*"):
        fitted.update(pd.Series([1.0], index=[pd.Timestamp("2020-02-11")]))
    with pytest.raises(ParameterError, match="has an index of type PeriodIndex, expected DatetimeIndex"):
        fitted.update(pd.Series([1.0], index=pd.period_range("2020-02-10", periods=1, freq="D")))


def test_a_column_of_dates_among_the_series_is_named(pd: Any):
    table = pd.DataFrame(
        {"day": pd.date_range("2020-01-01", periods=40), "a": np.sin(np.arange(40.0)), "where": "here"}
    )
    with pytest.raises(ParameterError, match=r"dtype object, .*; of the columns \['day', 'where'\], .set_index makes"):
        quick(table)
    assert len(quick(table.set_index("day")[["a"]]).predict(interval=None).point) == 3


def test_a_table_for_one_series_is_told_what_form_is_expected(pd: Any):
    values = pd.Series(np.sin(np.arange(40.0)), name="a", index=pd.date_range("2020-01-01", periods=40))
    fitted = quick(values[:36])
    with pytest.raises(ParameterError, match="holds a, expected a in the form they had in fit, one series; give"):
        fitted.update(values[36:].to_frame())


def _real(name: str) -> tuple[Any, dict[str, Any]]:
    datasets = pytest.importorskip("statsmodels.datasets")
    source, _, column = name.partition(" ")
    data = getattr(datasets, source).load_pandas().data
    return {
        "sunspots": lambda: (data["SUNACTIVITY"].to_numpy(), {"context": 12, "horizon": 3, "transform": "sqrt"}),
        "co2": lambda: (data["co2"].resample("MS").mean(), {"context": 24, "horizon": 6, "nan": "mask"}),
        "nile": lambda: (data["volume"].to_numpy(), {"context": 8, "horizon": 2}),
        "elnino": lambda: (data.iloc[:, 1:].to_numpy().reshape(-1), {"context": 24, "horizon": 6}),
        "macrodata": lambda: (data[column].to_numpy(), {"context": 8, "horizon": 4}),
    }[source]()


MACRODATA = [f"macrodata {column}" for column in ("unemp", "infl", "tbilrate")]


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("one_step", [False, True])
@pytest.mark.parametrize("name", ["sunspots", "co2", "nile", "elnino", *MACRODATA])
def test_nine_of_ten_held_out_values_of_real_series_lie_in_their_intervals(name: str, one_step: bool, seed: int):
    series, settings = _real(name)
    settings |= {"horizon": 1} if one_step else {}
    first = round(0.75 * len(series))
    fitted = Forecaster(**settings, validation_fraction=0.3, random_state=seed).fit(series[:first])
    start = series.index[first] if hasattr(series, "index") else first
    found = fitted.backtest(series, start=start)
    assert 0.85 <= found.metrics["coverage"] <= 0.95
    values, h = np.asarray(series), settings["horizon"]
    if one_step:  # what moves slowly is hard to predict better than by its last value
        return
    persistence = [values[o - 1] - values[o : o + h] for o in range(first, len(values) - h + 1)]
    assert found.metrics["mae"] < 0.95 * np.nanmean(np.abs(persistence))  # wide enough is not all


@pytest.mark.parametrize("horizon", [1, 4])
def test_two_unlike_real_series_are_each_covered(horizon: int):
    data = pytest.importorskip("statsmodels.datasets").macrodata.load_pandas().data
    growth = 100 * np.diff(np.log(data["realgdp"].to_numpy()))
    table = np.stack([growth, data["infl"].to_numpy()[1:]], axis=1)
    fitted = Forecaster(8, horizon, random_state=0).fit(table[:151])
    found = fitted.backtest(table, start=151)
    assert 0.85 <= found.metrics["coverage"] <= 0.95
    for one in found.series:
        assert one.lower is not None
        assert one.upper is not None
        assert 0.84 <= np.mean((one.lower <= one.actual) & (one.actual <= one.upper)) <= 0.96
