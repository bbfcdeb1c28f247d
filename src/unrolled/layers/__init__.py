"""Layers: parameters, forward and backward, all by one contract; no loss and no optimizer."""

from unrolled.layers.dense import Dense
from unrolled.layers.dropout import Dropout
from unrolled.layers.embedding import Embedding
from unrolled.layers.gru import GRU, GRUTrace
from unrolled.layers.lstm import LSTM, LSTMState, LSTMTrace
from unrolled.layers.rnn import RNN, RNNTrace
from unrolled.layers.stack import Stack

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "Dense",
    "Dropout",
    "Embedding",
    "GRUTrace",
    "LSTMState",
    "LSTMTrace",
    "RNNTrace",
    "Stack",
]
