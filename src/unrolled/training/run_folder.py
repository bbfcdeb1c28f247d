"""The folder of a run of `fit`: checkpoints with the history, `metrics.csv`, a model saved beside; takes no step."""

from __future__ import annotations

import json
from collections.abc import Collection, Generator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import numpy as np

from unrolled.errors import CheckpointError, ParameterError
from unrolled.storage import Unit, former_index, holds_unit, read_unit, write_unit
from unrolled.training.checkpoint import GROUPS, restore_session, save_session
from unrolled.training.early_stopping import sense_of
from unrolled.training.history import History
from unrolled.training.metrics import Metrics
from unrolled.training.report import Report
from unrolled.training.session import Session
from unrolled.training.settings import FitSettings

__all__ = ["RunFolder", "history_of", "save_model"]


class RunFolder:
    """Where a run is kept; without a folder it is not.

    Args:
        folder: `None` for none.
        session: that is saved; it is brought to where a saved run was.
        history: is saved with it.
        kind: of the model.
        documents: what never changes in the run; its settings are added to them.
        resume: go on with the run that the folder holds, if it holds one.
        defaults: of what is in `documents`: a run that was begun before there was an entry is one with this in it.
        learned: what in `documents` comes from the data, `"config.scaling"` say: where that alone differs, they do.

    Raises:
        CheckpointError: the folder holds a run that is not to be gone on with, or of another model or other settings.
        ParameterError: there is no folder to resume from.
    """

    def __init__(
        self,
        folder: str | Path | None,
        session: Session,
        history: History,
        kind: str,
        documents: Mapping[str, Any],
        resume: bool,
        defaults: Mapping[str, Any],
        learned: Collection[str],
    ) -> None:
        self.folder = None if folder is None else Path(folder)
        self.session, self.history, self.kind = session, history, kind
        self.documents = {**documents, "fit": asdict(session.settings)}
        self.defaults = {**defaults, "fit": asdict(FitSettings())}
        self.learned = tuple(f"{name}." for name in learned)
        self.metrics: Metrics | None = None
        if self.folder is None:
            if resume:
                raise ParameterError("`resume` is True without a `folder`, expected the one that the run was saved in")
        elif holds_unit(self.folder):
            if not resume:
                raise CheckpointError(
                    f"`{folder}` already holds a run; go on with it with resume=True, or choose another folder"
                )
            self._restore(self.folder)

    def _restore(self, folder: Path) -> None:
        unit = read_unit(folder, GROUPS)
        if unit.record.get("kind") != self.kind:
            raise CheckpointError(
                f"`{folder}` holds a model of kind {unit.record.get('kind')!r}, expected {self.kind!r}; "
                "choose another folder"
            )
        self._compare(folder, unit.documents)
        restore_session(self.session, unit)
        self.documents = unit.documents  # as they are there, whatever entries there are by now
        self.history.restore(unit.record["history"])
        loss, steps = unit.record["losses"]
        self.session.losses = (loss, steps)

    def _compare(self, folder: Path, saved: Mapping[str, Any]) -> None:
        """Raises `CheckpointError` unless the run was begun with these documents; it names settings before data."""
        of_data = ""
        for name, wanted in self.documents.items():
            as_saved, default = (json.loads(json.dumps(of)) for of in (wanted, self.defaults.get(name)))  # no tuples
            was_saved = saved.get(name, default)
            for place, was, now in _differences(_filled(was_saved, default), _filled(as_saved, default)):
                difference = f"{place or 'it'} was {was!r}, is {now!r}"
                if not f"{name}.{place}.".startswith(self.learned):
                    raise CheckpointError(
                        f"`{folder}` holds a run with another {name}: {difference}; "
                        "go on with what it was begun with, or choose another folder"
                    )
                of_data = of_data or difference
        if of_data:
            raise CheckpointError(
                f"`{folder}` holds a run that was begun with other data: what was learned of them differs ({of_data}); "
                "go on with those, or choose another folder"
            )

    def save(self) -> None:
        """Writes a checkpoint, where there is a folder."""
        if self.folder is None:
            return
        record = {"history": self.history.state(), "losses": list(self.session.losses)}
        save_session(self.folder, self.session, self.kind, self.documents, record)
        if self.metrics is None:  # the folder is there now
            self.metrics = Metrics(self.folder, self.session.step)

    def report(self, report: Report) -> None:
        """Adds a row to `metrics.csv`, where there is one."""
        if self.metrics is not None:
            self.metrics.append(report)


def history_of(unit: Unit) -> History | None:
    """The history that a run of `fit` has saved with its model; `None` of a model that was saved alone."""
    if "history" not in unit.record or "fit" not in unit.documents:
        return None
    history = History(sense_of(unit.documents["fit"]["monitor"]))
    history.restore(unit.record["history"])
    return history


def save_model(folder: Path, unit: Unit) -> None:
    """Writes a model, in place of one that was saved there; into the folder of its own run without an end to that.

    Raises:
        CheckpointError: the folder holds the run of another model, or something else, or cannot be written.
    """
    former = former_index(folder)
    if former is not None and "position" in former["record"]:
        run = read_unit(folder)
        saved, weights = run.arrays["weights"], unit.arrays["weights"]
        same = saved.keys() == weights.keys() and all(
            np.array_equal(saved[name], array, equal_nan=True) for name, array in weights.items()
        )
        if not same or run.record["kind"] != unit.record["kind"]:
            raise CheckpointError(
                f"`{folder}` holds a training run, which has other weights than this model, and a history, and is not "
                "replaced; save to a folder of its own, or remove the run first"
            )
        unit = run._replace(record=run.record | unit.record)
    write_unit(folder, unit, replace=True)


def _filled(saved: Any, default: Any) -> Any:
    """Plain values, with those that they lack as they are by default."""
    filled: Any = saved
    if isinstance(saved, dict) and isinstance(default, dict):
        theirs, own = cast("dict[str, Any]", saved), cast("dict[str, Any]", default)
        filled = own | {name: _filled(value, own.get(name)) for name, value in theirs.items()}
    return filled


def _differences(saved: Any, wanted: Any, name: str = "") -> Generator[tuple[str, Any, Any]]:
    """Where two plain values differ, and what is there; `name` is that of the values, `model.hidden` say."""
    if isinstance(saved, dict) and isinstance(wanted, dict):
        theirs, own = cast("dict[str, Any]", saved), cast("dict[str, Any]", wanted)
        for key in sorted(own.keys() | theirs.keys()):
            yield from _differences(theirs.get(key), own.get(key), f"{name}.{key}" if name else key)
    elif saved != wanted:
        yield name, saved, wanted
