"""How a run went, as a table and a plot, and where a model keeps it; it is filled by `fit`."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unrolled.errors import DataError
from unrolled.extras import import_extra
from unrolled.storage import write_atomic
from unrolled.training.callbacks import Callback
from unrolled.training.early_stopping import Sense

if TYPE_CHECKING:
    from unrolled.training.report import Report

__all__ = ["History", "Remembers"]

SHOWN = 24  # rows of the table that `print` shows, at the most


class History:
    """A table of a run: a row for the end of each epoch, and more in long ones.

    Columns are `step`, `epoch`, `seconds`, `train_loss` (the mean since the row before), `learning_rate`, the speed in
    items per second, and `val_NAME` for each metric of the validation.

    Args:
        sense: which metric, and which value of it, is best.
        rows: to begin with.

    >>> history = History(Sense("loss", larger=False), [{"epoch": 1.0, "val_loss": 3.0}, {"epoch": 2.0}])
    >>> history.columns, history.best
    (('epoch', 'val_loss'), {'epoch': 1.0, 'val_loss': 3.0})
    >>> history
    epoch  val_loss
        1         3
        2
    """

    def __init__(self, sense: Sense, rows: Iterable[Mapping[str, Any]] = ()) -> None:
        self.sense = sense
        self.rows: list[dict[str, Any]] = [dict(row) for row in rows]

    def append(self, report: Report) -> None:
        """Adds a row, unless its step has one; what was not measured has no entry in it."""
        if self.rows and self.rows[-1]["step"] == report.step:
            return
        self.rows.append({name: value for name, value in report.row().items() if value is not None})

    def state(self) -> list[dict[str, Any]]:
        """The rows as plain values for JSON, which has no NaN: numbers that are not finite as text."""
        return [
            {name: str(value) if isinstance(value, float) and not math.isfinite(value) else value
             for name, value in row.items()}
            for row in self.rows
        ]  # fmt: skip

    def restore(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Takes back what `state()` was."""
        self.rows = [
            {name: float(value) if isinstance(value, str) else value for name, value in row.items()} for row in rows
        ]

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of all values that any row has, in order of appearance."""
        return tuple(dict.fromkeys(name for row in self.rows for name in row))

    @property
    def best(self) -> dict[str, Any] | None:
        """The row with the best value of the monitored metric; the first of equals. `None` without a validation."""
        best: dict[str, Any] | None = None
        name = f"val_{self.sense.name}"
        for row in self.rows:
            if name in row and self.sense.better(row[name], None if best is None else best[name]):
                best = row
        return best

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        """The table; of a long one the first and the last rows."""
        if not self.rows:
            return "<History of 0 rows>"
        left_out = len(self.rows) - SHOWN
        rows = self.rows if left_out <= 0 else [*self.rows[: SHOWN // 2], *self.rows[-SHOWN // 2 :]]
        table = [self.columns, *([_number(row.get(name)) for name in self.columns] for row in rows)]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        lines = [
            "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table
        ]
        if left_out > 0:
            lines.insert(1 + SHOWN // 2, f"... {left_out} rows more; .rows has all of them")
        return "\n".join(lines)

    def to_csv(self, path: str | Path) -> None:
        """Writes the table; a value that was not measured, or is not finite, is left empty.

        Raises:
            DataError: the file cannot be written.
        """
        columns = self.columns
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([_cell(row.get(name)) for name in columns] for row in self.rows)
        try:
            write_atomic(Path(path), out.getvalue().encode())
        except OSError as error:
            raise DataError(f"`{path}` cannot be written ({error.strerror}); does its folder exist?") from error

    def to_pandas(self) -> Any:
        """The table as a pandas data frame, NaN where nothing was measured.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        pandas = import_extra("pandas", "a history as a data frame", "pandas")
        return pandas.DataFrame(self.rows, columns=list(self.columns))

    def plot(self, axes: Any = None) -> Any:
        """Draws the losses over the epochs, and each other metric in a panel of its own below.

        Args:
            axes: one of matplotlib's axes, for the losses alone; a new figure by default.

        Returns:
            The axes of the losses; the figure is `axes.figure`.

        Raises:
            MissingExtraError: matplotlib is not installed.
        """
        pyplot = import_extra("matplotlib.pyplot", "a plot of the history", "plot")
        panels = [["train_loss", "val_loss"]]
        if axes is None:
            panels += [[name] for name in self.columns if name.startswith("val_") and name != "val_loss"]
            _, grid = pyplot.subplots(
                len(panels), 1, sharex=True, squeeze=False, figsize=(6, 1.5 + 2 * len(panels)), layout="constrained"
            )
            drawn = list(grid[:, 0])
        else:
            drawn = [axes]
        for panel, names in zip(drawn, panels, strict=True):
            for name in names:
                points = [(row["epoch"], row[name]) for row in self.rows if name in row]
                if points:
                    panel.plot(*zip(*points, strict=True), marker="." if len(points) < 60 else None, label=name)
            panel.set_ylabel("loss" if panel is drawn[0] else names[0].removeprefix("val_"))
            panel.grid(alpha=0.3)
        best = self.best
        if best is not None:
            drawn[0].axvline(best["epoch"], color="gray", linestyle=":", label=f"best {self.sense.name}")
        if drawn[0].get_legend_handles_labels()[0]:
            drawn[0].legend()
        drawn[-1].set_xlabel("epoch")
        return drawn[0]


class Remembers:
    """A model that keeps how its `fit` went."""

    _history: History | None = None

    @property
    def history_(self) -> History:
        """The history of the fit that the weights come from.

        Raises:
            AttributeError: there is none.
        """
        if self._history is None:
            raise AttributeError(
                f"this {type(self).__name__} has no `history_`, expected one that was trained here, or that was loaded "
                "from the folder of a run; `save` leaves the history out, history_.to_csv(path) writes it"
            )
        return self._history

    def _keeper(self) -> Callback:
        """A callback that takes the history, also where the run does not return it."""
        return _Keeper(self)

    def _keep_history(self, history: History | None) -> None:
        """`None` forgets it."""
        self._history = history


class _Keeper(Callback):
    decides = False

    def __init__(self, model: Remembers) -> None:
        self.model = model

    def end(self, history: History) -> None:
        self.model._keep_history(history)  # pyright: ignore[reportPrivateUsage]


def _cell(value: Any) -> str:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    return repr(value)


def _number(value: Any) -> str:
    """Four significant digits, and no fewer before the point than there are."""
    if value is None:
        return ""
    if isinstance(value, int):
        return str(value)
    return f"{value:.0f}" if 9999.5 <= abs(value) < 1e12 else f"{value:.4g}"
