"""Layers: parameters, forward and backward, all by one contract; no loss and no optimizer."""

from unrolled.layers.dense import Dense
from unrolled.layers.embedding import Embedding
from unrolled.layers.recurrent import LSTM, RNN, LSTMState, LSTMTrace, RNNTrace
from unrolled.layers.stack import Stack

__all__ = ["LSTM", "RNN", "Dense", "Embedding", "LSTMState", "LSTMTrace", "RNNTrace", "Stack"]
