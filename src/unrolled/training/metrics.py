"""`metrics.csv`, one row for each report; only this file's reading and writing."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path

from unrolled.errors import CheckpointError
from unrolled.storage import write_atomic
from unrolled.training.report import Report

__all__ = ["COLUMNS", "Metrics", "bits", "perplexity"]

# losses in nats per character; val_characters says on how much held-out text val_loss was measured
COLUMNS = ("step", "seconds", "train_loss", "val_loss", "val_characters", "learning_rate", "chars_per_second")


def perplexity(loss: float) -> float:
    """How many equally likely characters would be as hard to guess: `exp(loss)`, infinite where that overflows.

    >>> perplexity(0.0), perplexity(1e4)
    (1.0, inf)
    """
    return math.exp(loss) if loss < 700 else math.inf


def bits(loss: float) -> float:
    """A loss in nats, in bits.

    >>> bits(math.log(8))
    3.0
    """
    return loss / math.log(2)


class Metrics:
    """The table of one run folder.

    Args:
        folder: of the run.
        step: where the run goes on: rows after it, of a sitting that was not saved, are dropped.
    """

    def __init__(self, folder: Path, step: int = 0) -> None:
        self.path = folder / "metrics.csv"
        rows: list[list[str]] = []
        if self.path.exists():
            with self.path.open(newline="", encoding="utf-8") as file:
                rows = [row for row in csv.reader(file) if row and row[0].isdigit() and 0 < int(row[0]) <= step]
        write_atomic(self.path, _csv([list(COLUMNS), *rows]))

    def append(self, report: Report) -> None:
        """Adds a row; a value that is not known is left empty.

        Raises:
            CheckpointError: the file cannot be written.
        """
        row = report.row()
        values: list[float | None] = [row.get(column) for column in COLUMNS]
        cells = [
            ""
            if value is None or not math.isfinite(value)
            else f"{value:.6g}"
            if isinstance(value, float)
            else str(value)
            for value in values
        ]
        try:
            with self.path.open("a", newline="", encoding="utf-8") as file:
                file.write(_csv([cells]).decode())
        except OSError as error:
            raise CheckpointError(
                f"`{self.path}` cannot be written ({error.strerror}); is the disk full, or was the folder removed?"
            ) from error


def _csv(rows: list[list[str]]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue().encode()
