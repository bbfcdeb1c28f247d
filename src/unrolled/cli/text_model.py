"""The model of text in a run folder, for the commands that need one; any other kind is refused."""

from __future__ import annotations

from pathlib import Path

from unrolled.errors import CheckpointError
from unrolled.models.text.char_lm import CharLM
from unrolled.storage import read_unit

__all__ = ["load_text_model"]


def load_text_model(run: Path) -> CharLM:
    """The character model of a run, whole or still in training.

    Raises:
        CheckpointError: it is no run folder, a file in it is altered, or it holds a model of something else.
    """
    unit = read_unit(run, ("weights",))
    kind = unit.record.get("kind")
    if kind != CharLM.kind:
        raise CheckpointError(
            f"`{run}` holds a model of another kind ({kind}), expected one of text; unrolled predict uses one of a "
            "table"
        )
    return CharLM.from_unit(unit)
