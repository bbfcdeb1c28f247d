"""A run as TensorBoard's event files, through tensorboardX; a callback that decides nothing."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unrolled.extras import import_extra
from unrolled.training.callbacks import Callback

if TYPE_CHECKING:
    from unrolled.training.history import History
    from unrolled.training.report import Report
    from unrolled.training.session import Session

__all__ = ["TensorBoard"]

FLUSH_SECONDS = 2.0


class TensorBoard(Callback):
    """Writes losses, metrics, learning rate and speed by step; look at them with `tensorboard --logdir FOLDER`.

    A resumed run goes on in the same folder; what it had written after its checkpoint is taken back.

    Args:
        folder: for the event files.

    Raises:
        MissingExtraError: tensorboardX is not installed.
    """

    def __init__(self, folder: str | Path) -> None:
        self._module = import_extra("tensorboardX", "event files", "tensorboard")
        self.folder = Path(folder)
        self._writer: Any = None
        self._flushed = 0.0

    def start(self, session: Session) -> None:
        """Opens an event file."""
        purge = session.step + 1 if session.step else None
        # its files are named by the second: without a suffix a run resumed at once would overwrite what it goes on from
        suffix = f".{session.step}"
        self._writer = self._module.SummaryWriter(str(self.folder), purge_step=purge, filename_suffix=suffix)

    def reported(self, report: Report) -> None:
        """Writes one point of each curve."""
        values = {
            "loss/train": report.train_loss,
            **{f"{name}/validation": value for name, value in report.metrics.items()},
            "learning rate": report.learning_rate,
            f"{report.unit} per second": report.items_per_second,
        }
        for name, value in values.items():
            if value is not None and math.isfinite(value):
                self._writer.add_scalar(name.replace(" ", "_"), value, report.step)
        if time.perf_counter() >= self._flushed + FLUSH_SECONDS:
            self._writer.flush()
            self._flushed = time.perf_counter()

    def end(self, history: History) -> None:
        """Closes the file."""
        self._writer.close()
