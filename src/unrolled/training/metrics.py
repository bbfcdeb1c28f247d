"""`metrics.csv`, one row for each report; only this file's reading and writing."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from unrolled.errors import CheckpointError
from unrolled.storage import write_atomic
from unrolled.training.report import Report

__all__ = ["Metrics"]


class Metrics:
    """The table of one run folder. Columns that a later report is the first to have are added at the right.

    Args:
        folder: of the run.
        step: where the run goes on: rows after it, of a sitting that was not saved, are dropped.
        columns: that the table begins with, before anything is reported.
    """

    def __init__(self, folder: Path, step: int = 0, columns: Sequence[str] = ()) -> None:
        self.path = folder / "metrics.csv"
        header, rows = self._read()
        self.columns = list(dict.fromkeys([*header, *columns]))
        self._rewrite([row for row in rows if (row["step"] or "").isdigit() and 0 < int(row["step"]) <= step])

    def append(self, report: Report) -> None:
        """Adds a row; a value that is not known is left empty.

        Raises:
            CheckpointError: the file cannot be written.
        """
        row = {name: _cell(value) for name, value in report.row().items()}
        try:
            if not row.keys() <= set(self.columns):
                _, rows = self._read()
                self.columns = list(dict.fromkeys([*self.columns, *row]))
                self._rewrite(rows)
            with self.path.open("a", newline="", encoding="utf-8") as file:
                file.write(self._csv([row]).decode())
        except OSError as error:
            raise CheckpointError(
                f"`{self.path}` cannot be written ({error.strerror}); is the disk full, or was the folder removed?"
            ) from error

    def _read(self) -> tuple[list[str], list[dict[str, str]]]:
        if not self.path.exists():
            return [], []
        with self.path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file, restval="")
            rows = [{name: value for name, value in row.items() if name} for row in reader]
            return list(reader.fieldnames or ()), rows

    def _rewrite(self, rows: Sequence[Mapping[str, str]]) -> None:
        header = dict(zip(self.columns, self.columns, strict=True))
        write_atomic(self.path, self._csv([header, *rows]) if self.columns else b"")

    def _csv(self, rows: Sequence[Mapping[str, str]]) -> bytes:
        out = io.StringIO()
        csv.writer(out, lineterminator="\n").writerows([row.get(name, "") for name in self.columns] for row in rows)
        return out.getvalue().encode()


def _cell(value: Any) -> str:
    if value is None or not math.isfinite(value):
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)
