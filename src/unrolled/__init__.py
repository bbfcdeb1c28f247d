"""Recurrent networks you can read, check, see and run."""

from typing import TYPE_CHECKING, Any

from unrolled.engine.threads import threads
from unrolled.errors import UnrolledError
from unrolled.layers import GRU, LSTM, RNN, Dense, Dropout, Embedding, LSTMState, Stack

if TYPE_CHECKING:
    from unrolled.models import (
        CharLM,
        EncoderDecoder,
        Forecaster,
        SequenceClassifier,
        SequenceRegressor,
        SequenceTagger,
        load,
    )
    from unrolled.training.fit import FitSettings, fit

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "CharLM",
    "Dense",
    "Dropout",
    "Embedding",
    "EncoderDecoder",
    "FitSettings",
    "Forecaster",
    "LSTMState",
    "SequenceClassifier",
    "SequenceRegressor",
    "SequenceTagger",
    "Stack",
    "UnrolledError",
    "fit",
    "load",
    "threads",
]


def __getattr__(name: str) -> Any:
    # models and training are imported when they are first asked for: layers alone load in a third of the time
    if name in ("FitSettings", "fit"):
        from unrolled.training import fit as home
    elif name in __all__:
        from unrolled import models as home
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(home, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
