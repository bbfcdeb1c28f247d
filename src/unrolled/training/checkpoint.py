"""A training session on disk and back, so that each further step has the bits of never having stopped; no loop."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from unrolled.errors import CheckpointError
from unrolled.shapes import Array
from unrolled.storage import Unit, write_unit
from unrolled.training.session import Session

__all__ = ["GROUPS", "restore_session", "save_session"]

GROUPS = ("weights", "training")  # "weights" is all that a model needs; "training" what going on needs besides


def save_session(
    folder: Path, session: Session, kind: str, documents: Mapping[str, Any], record: Mapping[str, Any] | None = None
) -> None:
    """Writes weights, optimizer, averages, carried state, place in the data, random states and step as one unit.

    The group "weights" holds those that the run would leave if it ended now: the best so far, or the averaged ones.

    Args:
        folder: of the run.
        session: as it stands between two steps.
        kind: which model it is, for `unrolled.load`.
        documents: configuration and vocabulary: what never changes during a run.
        record: what else changes, as plain values.

    Raises:
        CheckpointError: the folder cannot be written, or holds another model.
    """
    model, average, stopping = session.model, session.average, session.stopping
    values = {
        "kind": kind,
        "step": session.step,
        "total_steps": session.total_steps,
        "progress": session.progress,
        "seconds": session.seconds,
        "stopped": session.stopped,
        "optimizer_steps": session.optimizer.count,
        "average_steps": None if average is None else average.count,
        "stopping": None if stopping is None else stopping.state(),
        "plateau": None if session.plateau is None else session.plateau.state(),
        "random_state": model.random_state,
        "position": session.batches.position,
        "carried": session.carried is not None,
    }
    training = _named("optimizer.", session.optimizer.state())
    if average is not None:
        training |= _named("average.", average.state())
    if average is not None or stopping is not None:
        training |= _named("raw.", session.trained or model.parameters)
    if session.carried is not None:
        training |= _named("carried.", model.state_to_arrays(session.carried))
    arrays = {"weights": session.weights(), "training": training}
    write_unit(folder, Unit({**values, **(record or {})}, dict(documents), arrays))


def restore_session(session: Session, unit: Unit) -> None:
    """Brings a fresh session to where it was when it was saved.

    Raises:
        CheckpointError: the unit was not saved by `save_session`, or belongs to another model or other data; then the
            model is as it was.
    """
    record, weights, training = unit.record, unit.arrays["weights"], unit.arrays["training"]
    if "adam_steps" in record:  # as saved before there were other optimizers
        record = record | {"optimizer_steps": record["adam_steps"]}
        training = {name.replace("adam.", "optimizer.", 1): array for name, array in training.items()}
    try:
        session.step, session.total_steps, session.seconds = record["step"], record["total_steps"], record["seconds"]
        session.progress = record.get("progress", _planned(session))
        session.stopped = record.get("stopped", False)
        session.batches.go_to(record["position"])
        session.optimizer.restore(record["optimizer_steps"], _under("optimizer.", training))
        if session.average is not None:
            session.average.restore(record["average_steps"], _under("average.", training))
        if session.stopping is not None:
            session.stopping.restore(record["stopping"], weights if record["stopping"]["best"] is not None else None)
        if session.plateau is not None:
            session.plateau.restore(record["plateau"])
        session.carried = session.model.state_from_arrays(_under("carried.", training)) if record["carried"] else None
    except (KeyError, TypeError) as error:
        raise CheckpointError(
            f"the saved run has no {error}, expected all of it; was it saved by another version of unrolled?"
        ) from None
    raw, random_state = _under("raw.", training) or weights, record.get("random_state")
    _check_weights(session, raw)
    if (random_state is None) != (session.model.random_state is None):
        raise CheckpointError(
            f"the saved run draws {'no random numbers' if random_state is None else 'random numbers'}, as for dropout, "
            f"expected {'some' if random_state is None else 'none'}, as this model; "
            "resume with the model and settings that it was saved with"
        )
    with session.model.edit() as parameters:
        for name, array in raw.items():
            parameters[name][...] = array
    if random_state is not None:
        session.model.random_state = random_state


def _planned(session: Session) -> float:
    """The progress of a budget in minutes as it was before it was counted anew: its number of steps was fixed."""
    total, warmup = session.total_steps, session.settings.warmup
    if session.settings.minutes is None or total is None or session.step <= warmup:
        return 0.0
    return min(1.0, (session.step - warmup) / (total - warmup))


def _check_weights(session: Session, weights: Mapping[str, Array]) -> None:
    parameters = session.model.parameters
    for name in sorted(weights.keys() | parameters.keys()):
        saved, own = (of[name].shape if name in of else None for of in (weights, parameters))
        if saved != own:
            raise CheckpointError(
                f"the checkpoint belongs to another model: its `{name}` "
                + (f"has shape {saved}" if saved is not None else "is missing")
                + f", expected {own if own is not None else 'no such weight'}; "
                "resume with the model and settings that it was saved with"
            )


def _named(prefix: str, arrays: Mapping[str, Array]) -> dict[str, Array]:
    return {prefix + name: np.asarray(array, order="C") for name, array in arrays.items()}


def _under(prefix: str, arrays: Mapping[str, Array]) -> dict[str, Array]:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
