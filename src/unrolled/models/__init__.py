"""Whole models, and the registry that loads a saved one; each is imported when it is first asked for."""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unrolled.errors import CheckpointError
from unrolled.storage import read_unit

if TYPE_CHECKING:
    from unrolled.models.forecast.forecaster import Forecaster
    from unrolled.models.pairs.encoder_decoder import EncoderDecoder
    from unrolled.models.sequences.classifier import SequenceClassifier
    from unrolled.models.sequences.regressor import SequenceRegressor
    from unrolled.models.sequences.tagger import SequenceTagger
    from unrolled.models.text.char_lm import CharLM

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

# Where each is.
HOMES = {
    "CharLM": "unrolled.models.text.char_lm",
    "EncoderDecoder": "unrolled.models.pairs.encoder_decoder",
    "Forecaster": "unrolled.models.forecast.forecaster",
    "SequenceClassifier": "unrolled.models.sequences.classifier",
    "SequenceRegressor": "unrolled.models.sequences.regressor",
    "SequenceTagger": "unrolled.models.sequences.tagger",
}
# By kind, as it is saved; each has `save(folder)`, and `from_unit(unit)` to come back.
MODELS = {
    "char_lm": "CharLM",
    "encoder_decoder": "EncoderDecoder",
    "forecaster": "Forecaster",
    "sequence_classifier": "SequenceClassifier",
    "sequence_regressor": "SequenceRegressor",
    "sequence_tagger": "SequenceTagger",
}


def __getattr__(name: str) -> Any:
    if name not in HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(HOMES[name]), name)


def load(folder: str | Path) -> Any:
    """Loads the model that a run folder holds, whole or still in training.

    Args:
        folder: where `unrolled train`, a model's `save` or a `fit` with a checkpoint wrote.

    Returns:
        The model, of the class that its kind names, with the weights of the last checkpoint.

    Raises:
        CheckpointError: it is no run folder, a file in it is truncated or altered, or it holds a kind of model that
            this version does not know.
        WeightFormatError: the weights are not this model's.

    >>> import tempfile
    >>> from unrolled.data.text import Vocabulary
    >>> from unrolled.models import CharLM
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
            "was it saved by a newer version, or by a fit of your own model?"
        )
    return __getattr__(MODELS[kind]).from_unit(unit)
