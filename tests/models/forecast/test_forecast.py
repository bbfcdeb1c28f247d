"""A forecast as a table to be read, a data frame and a drawing, whatever form the series came in."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from unrolled.errors import MissingExtraError
from unrolled.models.forecast.result import Forecast

POINT, LOWER, UPPER = np.array([10.25, 11.5]), np.array([9.0, 9.5]), np.array([11.0, 1234567.0])


def test_one_series_prints_as_a_line_for_each_step():
    assert str(Forecast(POINT, LOWER, UPPER)).splitlines() == [
        "step  point  lower    upper",
        "   1  10.25  9.000    11.00",
        "   2  11.50  9.500  1234567",
    ]
    assert str(Forecast(POINT, None, None)).splitlines()[0].split() == ["step", "point"]


@pytest.mark.parametrize(
    ("form", "names"),
    [(list, ["0", "1"]), (lambda two: dict(zip("ab", two, strict=True)), ["a", "b"]), (np.transpose, ["0", "1"])],
)
def test_many_series_print_by_name(form: Any, names: list[str]):
    lines = [
        line.split() for line in str(Forecast(*(form([each, each + 1]) for each in (POINT, LOWER, UPPER)))).splitlines()
    ]
    assert lines[0] == ["series", "step", "point", "lower", "upper"]
    assert [line[:2] for line in lines[1:]] == [[name, step] for name in names for step in "12"]
    assert [line[2] for line in lines[1:]] == ["10.25", "11.50", "11.25", "12.50"]


def test_a_long_forecast_is_cut_and_says_so():
    lines = str(Forecast(np.arange(100.0), None, None)).splitlines()
    assert len(lines) == 26
    assert lines[-1] == "... and 76 rows more; .to_pandas() has all of them"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.0, "0.000"),
        (-0.00012345, "-0.0001234"),
        (9999.9, "10000"),
        (1e15, "1e+15"),
        (12345.6, "12346"),
        (np.nan, "nan"),
    ],
)
def test_numbers_keep_four_digits_and_all_before_the_point(value: float, shown: str):
    assert str(Forecast(np.array([value]), None, None)).splitlines()[1].split() == ["1", shown]


@pytest.mark.parametrize(("module", "extra"), [("pandas", "pandas"), ("matplotlib.pyplot", "plot")])
def test_without_its_extra_each_way_out_names_it(monkeypatch: pytest.MonkeyPatch, module: str, extra: str):
    monkeypatch.setitem(__import__("sys").modules, module, None)
    forecast = Forecast(POINT, LOWER, UPPER)
    with pytest.raises(MissingExtraError, match=rf"pip install 'unrolled\[{extra}\]'"):
        forecast.to_pandas() if extra == "pandas" else forecast.plot()


@pytest.mark.extras
def test_a_dated_forecast_prints_and_comes_as_a_frame_by_its_times():
    pd = pytest.importorskip("pandas")
    index = pd.date_range("2024-01-31", periods=2, freq="ME", name="month")
    forecast = Forecast(*(pd.Series(each, index=index, name="sales") for each in (POINT, LOWER, UPPER)))
    assert str(forecast).splitlines()[:2] == ["      time  point  lower    upper", "2024-01-31  10.25  9.000    11.00"]
    frame = forecast.to_pandas()
    assert frame.columns.tolist() == ["point", "lower", "upper"]
    assert frame.index.equals(index)
    assert frame["upper"].tolist() == UPPER.tolist()


@pytest.mark.extras
def test_many_series_come_as_one_frame_under_the_other():
    pd = pytest.importorskip("pandas")
    index = pd.period_range("2024Q1", periods=2, freq="Q")
    columns = Forecast(*(pd.DataFrame({"a": each, "b": -each}, index=index) for each in (POINT, LOWER, UPPER)))
    frame = columns.to_pandas()
    assert frame["series"].tolist() == ["a", "a", "b", "b"]
    assert frame["point"].tolist() == [*POINT, *-POINT]
    assert frame.index.tolist() == [*index, *index]
    assert Forecast([POINT, LOWER], None, None).to_pandas().columns.tolist() == ["series", "point"]


@pytest.mark.extras
@pytest.mark.parametrize("times", ["steps", "dates", "periods"])
def test_a_plot_has_a_line_and_a_band_for_each_series(times: str):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("agg")
    pyplot: Any = pytest.importorskip("matplotlib.pyplot")
    pd = pytest.importorskip("pandas")
    given: list[Any] = [{"a": each, "b": each} for each in (POINT, LOWER, UPPER)]
    if times != "steps":
        index = (pd.date_range if times == "dates" else pd.period_range)("2024", periods=2, freq="D")
        given = [pd.DataFrame(each, index=index) for each in given]
    axes = Forecast(*given).plot()
    assert [line.get_ydata().tolist() for line in axes.lines] == [POINT.tolist()] * 2
    assert len(axes.collections) == 2
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["a", "b"]
    _, own = pyplot.subplots()
    assert Forecast(POINT, None, None).plot(own) is own
    assert not own.collections
    axes.figure.canvas.draw()
    pyplot.close("all")
