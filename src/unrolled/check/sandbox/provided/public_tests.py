"""The course's tests by name, each doing nothing: a notebook that calls them has nothing to learn from them here."""

from typing import Any


def rnn_cell_forward_tests(*arguments: Any, **named: Any) -> None:
    """Does nothing."""


rnn_cell_forward_test = rnn_forward_test = rnn_cell_forward_tests
rnn_cell_backward_test = rnn_backward_test = rnn_cell_forward_tests
lstm_cell_forward_test = lstm_forward_test = rnn_cell_forward_tests
lstm_cell_backward_test = lstm_backward_test = rnn_cell_forward_tests


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    return rnn_cell_forward_tests
