"""Whole models, and the registry that loads a saved one."""

from pathlib import Path
from typing import Any

from unrolled.errors import CheckpointError
from unrolled.models.char_lm import CharLM
from unrolled.models.classifier import SequenceClassifier
from unrolled.models.encoder_decoder import EncoderDecoder
from unrolled.models.forecaster import Forecaster
from unrolled.models.regressor import SequenceRegressor
from unrolled.models.tagger import SequenceTagger
from unrolled.storage import read_unit

__all__ = [
    "MODELS",
    "CharLM",
    "EncoderDecoder",
    "Forecaster",
    "SequenceClassifier",
    "SequenceRegressor",
    "SequenceTagger",
    "load",
]

# By kind; each has `save(folder)`, and `from_unit(unit)` to come back.
MODELS: dict[str, Any] = {
    model.kind: model
    for model in (CharLM, EncoderDecoder, Forecaster, SequenceClassifier, SequenceRegressor, SequenceTagger)
}


def load(folder: str | Path) -> Any:
    """Loads the model that a run folder holds, whole or still in training.

    Args:
        folder: where `unrolled train` or a model's `save` wrote.

    Returns:
        The model, of the class that its kind names, with the weights of the last checkpoint.

    Raises:
        CheckpointError: it is no run folder, a file in it is truncated or altered, or it holds a kind of model that
            this version does not know.
        WeightFormatError: the weights are not this model's.

    >>> import tempfile
    >>> from unrolled.data.text import Vocabulary
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     CharLM(Vocabulary("ab"), hidden_size=8, seed=0).save(folder)
    ...     load(folder).vocabulary.characters
    'ab'
    """
    unit = read_unit(Path(folder), ("weights",))
    kind = unit.record.get("kind")
    if kind not in MODELS:
        raise CheckpointError(
            f"`{folder}` holds a model of kind {kind!r}, expected one of {', '.join(MODELS)}; "
            "was it saved by a newer version?"
        )
    return MODELS[kind].from_unit(unit)
