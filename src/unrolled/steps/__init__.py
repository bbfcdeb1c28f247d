"""The equations, to be read: recurrent networks in plain NumPy and the course's notation; nothing here is fast.

Arrays are `(n, m)` at one step and `(n, m, T)` over time: features, batch, steps. Each function takes any float dtype,
gives the same back, leaves its arguments alone, and lets a NaN pass to exactly what depends on it. `unrolled.engine`
computes the same functions at speed, and is proven against these.
"""

from unrolled.steps.activations import log_softmax, sigmoid, sigmoid_derivative, softmax, tanh_derivative
from unrolled.steps.adam import initialize_adam, update_parameters_with_adam
from unrolled.steps.gradient_check import GradientReport, gradient_check
from unrolled.steps.gru import gru_backward, gru_cell_backward, gru_cell_forward, gru_forward
from unrolled.steps.lstm import lstm_backward, lstm_cell_backward, lstm_cell_forward, lstm_forward
from unrolled.steps.output import output_backward, output_forward
from unrolled.steps.rnn import rnn_backward, rnn_cell_backward, rnn_cell_forward, rnn_forward

__all__ = [
    "GradientReport",
    "gradient_check",
    "gru_backward",
    "gru_cell_backward",
    "gru_cell_forward",
    "gru_forward",
    "initialize_adam",
    "log_softmax",
    "lstm_backward",
    "lstm_cell_backward",
    "lstm_cell_forward",
    "lstm_forward",
    "output_backward",
    "output_forward",
    "rnn_backward",
    "rnn_cell_backward",
    "rnn_cell_forward",
    "rnn_forward",
    "sigmoid",
    "sigmoid_derivative",
    "softmax",
    "tanh_derivative",
    "update_parameters_with_adam",
]
