"""A training session on disk and back, so that going on gives the same bits as never having stopped; no loop."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from unrolled.errors import CheckpointError
from unrolled.storage import Unit, write_unit
from unrolled.training.session import Session

__all__ = ["GROUPS", "restore_session", "save_session"]

GROUPS = ("weights", "training")  # "weights" is all that a model needs; "training" what going on needs besides


def save_session(folder: Path, session: Session, kind: str, documents: dict[str, Any]) -> None:
    """Writes weights, optimizer, carried state, place in the data, random state and step as one unit.

    Args:
        folder: of the run.
        session: as it stands between two steps.
        kind: which model it is, for `unrolled.load`.
        documents: configuration and vocabulary: what never changes during a run.

    Raises:
        CheckpointError: the folder cannot be written, or holds another model.
    """
    record = {
        "kind": kind,
        "step": session.step,
        "total_steps": session.total_steps,
        "seconds": session.seconds,
        "adam_steps": session.optimizer.count,
        "position": session.batches.position,
        "carried": session.carried is not None,
    }
    training = {f"adam.{name}": array for name, array in session.optimizer.state().items()}
    if session.carried is not None:
        training |= {f"carried.{name}": array for name, array in session.model.state_to_arrays(session.carried).items()}
    write_unit(folder, Unit(record, documents, {"weights": dict(session.model.parameters), "training": training}))


def restore_session(session: Session, unit: Unit) -> None:
    """Brings a fresh session, whose model already has the saved weights, to where it was when it was saved.

    Raises:
        CheckpointError: the unit was not saved by `save_session`, or belongs to another text.
    """
    record, training = unit.record, unit.arrays["training"]
    try:
        session.step, session.total_steps, session.seconds = record["step"], record["total_steps"], record["seconds"]
        session.batches.go_to(record["position"])
        session.optimizer.restore(record["adam_steps"], _under("adam.", training))
        session.carried = session.model.state_from_arrays(_under("carried.", training)) if record["carried"] else None
    except KeyError as error:
        raise CheckpointError(
            f"the saved run has no {error}, expected all of it; was it saved by another version of unrolled?"
        ) from None


def _under(prefix: str, arrays: dict[str, Any]) -> dict[str, Any]:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
