"""Recurrent networks you can read, check, see and run."""

from unrolled.engine.threads import threads
from unrolled.errors import UnrolledError
from unrolled.layers import GRU, LSTM, RNN, Dense, Embedding, LSTMState, Stack
from unrolled.models import CharLM, load

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "CharLM",
    "Dense",
    "Embedding",
    "LSTMState",
    "Stack",
    "UnrolledError",
    "load",
    "threads",
]
