"""What is predicted for the next steps: to be read as a table, drawn, or taken on as numbers; it predicts nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from unrolled.data.time_index import is_pandas, pandas
from unrolled.extras import import_extra
from unrolled.shapes import Array

__all__ = ["Forecast"]

SHOWN = 24  # rows of the table that `print` shows, at the most


class Forecast(NamedTuple):
    """What is predicted, in the form that the series came in: arrays, or pandas objects whose index goes on.

    >>> Forecast(np.array([10.0, 11.5]), np.array([9.0, 9.5]), np.array([11.0, 13.5]))
    step  point  lower  upper
       1  10.00  9.000  11.00
       2  11.50  9.500  13.50
    """

    point: Any  # the mean; with a transform its image, near the median
    lower: Any  # None without an interval
    upper: Any

    def __repr__(self) -> str:
        parts = self._by_series()
        rows: list[list[str]] = []
        for name, times, bounds in parts:
            for step in range(len(times)):
                label = [] if len(parts) == 1 else [name]
                rows.append([*label, _time(times[step]), *(_number(bound[step]) for bound in bounds.values())])
        dated = any(is_pandas(times) for _, times, _ in parts)
        header = [*([] if len(parts) == 1 else ["series"]), "time" if dated else "step", *parts[0][2]]
        shown = [header, *rows[:SHOWN]]
        widths = [max(len(row[k]) for row in shown) for k in range(len(header))]
        lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in shown]
        if len(rows) > SHOWN:
            lines.append(f"... and {len(rows) - SHOWN} rows more; .to_pandas() has all of them")
        return "\n".join(lines)

    def to_pandas(self) -> Any:
        """A data frame with a row for each step and the columns `point`, `lower` and `upper`.

        Its index is the times, or 1, 2, ... where the series came without; of many series one is under the other, with
        a column `series` that names it.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        pd, parts = pandas(), self._by_series()
        frames = [pd.DataFrame(bounds, index=times) for _, times, bounds in parts]
        if len(parts) == 1:
            return frames[0]
        for (name, _, _), frame in zip(parts, frames, strict=True):
            frame.insert(0, "series", name)
        return pd.concat(frames)

    def plot(self, axes: Any = None) -> Any:
        """Draws each series' forecast, with its interval as a band.

        Args:
            axes: one of matplotlib's axes, where the past may be drawn already; a new figure by default.

        Returns:
            The axes; the figure is `axes.figure`.

        Raises:
            MissingExtraError: matplotlib is not installed.
        """
        pyplot = import_extra("matplotlib.pyplot", "a plot of the forecast", "plot")
        if axes is None:
            _, axes = pyplot.subplots(figsize=(6, 3), layout="constrained")
        parts = self._by_series()
        for name, times, bounds in parts:
            at: Any = times.to_timestamp() if hasattr(times, "to_timestamp") else times
            (line,) = axes.plot(at, bounds["point"], marker=".", label=name)
            if "lower" in bounds:
                axes.fill_between(at, bounds["lower"], bounds["upper"], color=line.get_color(), alpha=0.2, linewidth=0)
        if len(parts) > 1:
            axes.legend()
        return axes

    def _by_series(self) -> list[tuple[str, Any, dict[str, Array]]]:
        """The name, the times, and the point and bounds `(h,)` of each series."""
        given = {name: bound for name, bound in self._asdict().items() if bound is not None}
        split = {name: _separate(bound) for name, bound in given.items()}
        return [
            (label, times, {name: parts[i][2] for name, parts in split.items()})
            for i, (label, times, _) in enumerate(split["point"])
        ]


def _separate(given: Any) -> list[tuple[str, Any, Array]]:
    """The name, the times and the values of each series."""
    if isinstance(given, Mapping):
        named: dict[str, Any] = dict(given)  # pyright: ignore[reportUnknownArgumentType]
        return [(name, _times(each), np.asarray(each)) for name, each in named.items()]
    if isinstance(given, list):
        listed: list[Any] = given  # pyright: ignore[reportUnknownVariableType]
        return [
            (str(getattr(each, "name", None) or i), _times(each), np.asarray(each)) for i, each in enumerate(listed)
        ]
    values: NDArray[Any] = np.asarray(given)
    if values.ndim == 1:
        return [(str(getattr(given, "name", None) or "forecast"), _times(given), values)]
    names = [str(name) for name in given.columns] if is_pandas(given) else [str(k) for k in range(values.shape[1])]
    return [(name, _times(given), values[:, k]) for k, name in enumerate(names)]


def _times(given: Any) -> Any:
    return given.index if is_pandas(given) else np.arange(1, len(given) + 1)


def _time(time: Any) -> str:
    """Midnight is left out of a date."""
    return str(time).removesuffix(" 00:00:00")


def _number(value: float) -> str:
    """Four significant digits, and no fewer before the point than there are."""
    text = f"{value:#.4g}" if abs(value) < 9999.5 else f"{value:.0f}" if abs(value) < 1e12 else f"{value:.4g}"
    return text.removesuffix(".")
