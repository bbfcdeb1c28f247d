"""The equations of the rarer recurrent networks, to be read as those of `unrolled.steps`; nothing here is fast.

Layer normalisation, zoneout, recurrent dropout, peepholes and a projected output, each in a file of its own with what
it changes of the plain cells. A learned initial state needs no equations: `unroll.py`, the loop over time, says why.
"""

from unrolled.steps.variants.layer_norm import (
    gru_layer_norm_backward,
    gru_layer_norm_cell_backward,
    gru_layer_norm_cell_forward,
    gru_layer_norm_forward,
    lstm_layer_norm_backward,
    lstm_layer_norm_cell_backward,
    lstm_layer_norm_cell_forward,
    lstm_layer_norm_forward,
)
from unrolled.steps.variants.peepholes import (
    lstm_peephole_backward,
    lstm_peephole_cell_backward,
    lstm_peephole_cell_forward,
    lstm_peephole_forward,
)
from unrolled.steps.variants.projection import (
    lstm_projection_backward,
    lstm_projection_cell_backward,
    lstm_projection_cell_forward,
    lstm_projection_forward,
)
from unrolled.steps.variants.recurrent_dropout import (
    gru_recurrent_dropout_backward,
    gru_recurrent_dropout_cell_backward,
    gru_recurrent_dropout_cell_forward,
    gru_recurrent_dropout_forward,
    lstm_recurrent_dropout_backward,
    lstm_recurrent_dropout_cell_backward,
    lstm_recurrent_dropout_cell_forward,
    lstm_recurrent_dropout_forward,
    rnn_recurrent_dropout_backward,
    rnn_recurrent_dropout_cell_backward,
    rnn_recurrent_dropout_cell_forward,
    rnn_recurrent_dropout_forward,
)
from unrolled.steps.variants.zoneout import (
    gru_zoneout_backward,
    gru_zoneout_cell_backward,
    gru_zoneout_cell_forward,
    gru_zoneout_forward,
    lstm_zoneout_backward,
    lstm_zoneout_cell_backward,
    lstm_zoneout_cell_forward,
    lstm_zoneout_forward,
    rnn_zoneout_backward,
    rnn_zoneout_cell_backward,
    rnn_zoneout_cell_forward,
    rnn_zoneout_forward,
)

__all__ = [
    "gru_layer_norm_backward",
    "gru_layer_norm_cell_backward",
    "gru_layer_norm_cell_forward",
    "gru_layer_norm_forward",
    "gru_recurrent_dropout_backward",
    "gru_recurrent_dropout_cell_backward",
    "gru_recurrent_dropout_cell_forward",
    "gru_recurrent_dropout_forward",
    "gru_zoneout_backward",
    "gru_zoneout_cell_backward",
    "gru_zoneout_cell_forward",
    "gru_zoneout_forward",
    "lstm_layer_norm_backward",
    "lstm_layer_norm_cell_backward",
    "lstm_layer_norm_cell_forward",
    "lstm_layer_norm_forward",
    "lstm_peephole_backward",
    "lstm_peephole_cell_backward",
    "lstm_peephole_cell_forward",
    "lstm_peephole_forward",
    "lstm_projection_backward",
    "lstm_projection_cell_backward",
    "lstm_projection_cell_forward",
    "lstm_projection_forward",
    "lstm_recurrent_dropout_backward",
    "lstm_recurrent_dropout_cell_backward",
    "lstm_recurrent_dropout_cell_forward",
    "lstm_recurrent_dropout_forward",
    "lstm_zoneout_backward",
    "lstm_zoneout_cell_backward",
    "lstm_zoneout_cell_forward",
    "lstm_zoneout_forward",
    "rnn_recurrent_dropout_backward",
    "rnn_recurrent_dropout_cell_backward",
    "rnn_recurrent_dropout_cell_forward",
    "rnn_recurrent_dropout_forward",
    "rnn_zoneout_backward",
    "rnn_zoneout_cell_backward",
    "rnn_zoneout_cell_forward",
    "rnn_zoneout_forward",
]
