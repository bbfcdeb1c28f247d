"""Wrong equations that are written down somewhere, or made often, and that no single rewriting gives; data only."""

from __future__ import annotations

__all__ = ["CLASSICS"]

_OLD = "follows the equation that the course printed until 2018, which is wrong: "
_TANH = "(1 - tanh(c_next)**2)"

# function, what is computed, the wrong right-hand side, what to say after "your dft"
CLASSICS: tuple[tuple[str, str, str, str], ...] = (
    (
        "lstm_cell_backward",
        "dcct",
        f"dc_next * it + ot * {_TANH} * it * da_next * cct * (1 - tanh(cct)**2)",
        _OLD + "the derivative 1 - cct^2 belongs to both terms, and has neither another cct nor another tanh",
    ),
    (
        "lstm_cell_backward",
        "dcct",
        f"(dc_next * it + ot * {_TANH} * it * da_next) * cct * (1 - tanh(cct)**2)",
        _OLD + "the derivative is 1 - cct^2, without another cct and without another tanh",
    ),
    (
        "lstm_cell_backward",
        "dcct",
        f"dc_next * it + ot * {_TANH} * it * da_next * (1 - tanh(cct)**2)",
        _OLD + "the derivative 1 - cct^2 belongs to both terms, and tanh is in cct already",
    ),
    (
        "lstm_cell_backward",
        "dcct",
        f"dc_next * it + ot * {_TANH} * it * da_next * (1 - cct**2)",
        _OLD + "the derivative 1 - cct^2 belongs to both terms; parentheses are missing",
    ),
    (
        "lstm_cell_backward",
        "dit",
        f"dc_next * cct + ot * {_TANH} * cct * da_next * it * (1 - it)",
        _OLD + "the derivative it * (1 - it) belongs to both terms; parentheses are missing",
    ),
    (
        "lstm_cell_backward",
        "dft",
        f"dc_next * c_prev + ot * {_TANH} * c_prev * da_next * ft * (1 - ft)",
        _OLD + "the derivative ft * (1 - ft) belongs to both terms; parentheses are missing",
    ),
    (
        "lstm_cell_backward",
        "dc",
        "da_next * ot * (1 - a_next**2)",
        "has a_next where tanh(c_next) belongs, and no dc_next",
    ),
    ("lstm_cell_backward", "dc", "dc_next + da_next * ot * (1 - a_next**2)", "has a_next where tanh(c_next) belongs"),
    (
        "lstm_cell_backward",
        "dc",
        "dc_next + da_next * tanh(c_next)",
        "multiplies by tanh(c_next) where ot * (1 - tanh(c_next)^2) belongs",
    ),
    ("lstm_cell_backward", "dot", "dc * tanh(c_next) * ot * (1 - ot)", "multiplies by dc where da_next belongs"),
    ("lstm_cell_forward", "it", "1 - ft", "is 1 - ft: the update gate has weights of its own"),
    ("lstm_cell_forward", "c_next", "ft * c_prev + (1 - ft) * cct", "has 1 - ft where the update gate it belongs"),
    (
        "lstm_cell_forward",
        "a_next",
        "tanh(ot * c_next)",
        "applies tanh to ot * c_next, where it belongs to c_next alone",
    ),
    ("lstm_cell_forward", "a_next", "tanh(ot) * c_next", "applies tanh to ot where it belongs to c_next"),
    ("lstm_cell_forward", "a_next", "tanh(ot) * tanh(c_next)", "applies tanh to ot too"),
    (
        "gru_cell_forward",
        "c_next",
        "(1 - ut) * cct + ut * c_prev",
        "has ut and 1 - ut exchanged: ut weighs the candidate",
    ),
    (
        "gru_cell_forward before",
        "cct",
        "tanh(Wc @ concat(c_prev, xt) + bc)",
        "lacks the relevance gate rt",
    ),
    (
        "gru_cell_forward before",
        "cct",
        "tanh(rt * (first(Wc) @ c_prev) + last(Wc) @ xt + bc)",
        "applies the relevance gate after the product with Wc, where it belongs before it",
    ),
    (
        "gru_cell_forward before",
        "cct",
        "tanh(rt * (Wc @ concat(c_prev, xt)) + bc)",
        "applies the relevance gate to x too",
    ),
    ("gru_cell_forward before", "cct", "tanh(Wc @ concat(ut * c_prev, xt) + bc)", "multiplies by ut where rt belongs"),
    ("gru_cell_backward", "dut", "dc_next * (c_prev - cct) * ut * (1 - ut)", "has cct and c_prev exchanged"),
    *(
        (
            "gru_cell_backward before",
            f"dW{gate}",
            f"d{gate}t @ concat(rt * c_prev, xt).T",
            "has rt in [c_prev; xt], as only dWc has",
        )
        for gate in "ur"
    ),
    ("gru_cell_backward before", "dWc", "dcct @ concat.T", "lacks the relevance gate in [rt * c_prev; xt]"),
    (
        "gru_cell_backward before",
        "dc_prev",
        "first(Wu).T @ dut + first(Wr).T @ drt + first(Wc).T @ dcct + dc_next * (1 - ut)",
        "lacks rt in what comes through the candidate",
    ),
    (
        "rnn_cell_backward",
        "dtanh",
        "da_next * (1 - tanh(a_next)**2)",
        "applies tanh to a_next, which is a tanh already",
    ),
    ("rnn_cell_backward", "dtanh", "da_next * (1 - a_prev**2)", "has a_prev where a_next belongs"),
    (
        "rnn_cell_backward",
        "dtanh",
        "da_next * (1 - tanh(Wax @ xt + Waa @ a_prev)**2)",
        "lacks the bias ba in the tanh that it computes again",
    ),
    ("rnn_cell_forward", "a_next", "tanh(Wax @ xt) + Waa @ a_prev + ba", "closes the parenthesis of tanh too early"),
    (
        "softmax",
        "s",
        "exp(x - max(x)) / sum_all(exp(x - max(x)))",
        "is divided by the sum of the whole matrix, where each column has its own",
    ),
    (
        "softmax",
        "s",
        "exp(x) / sum_all(exp(x))",
        "is divided by the sum of the whole matrix, where each column has its own",
    ),
    ("softmax", "s", "softmax_all(x)", "is divided by the sum of the whole matrix, where each column has its own"),
    ("softmax", "s", "softmax_rows(x)", "goes over the batch, where it should go over the classes, axis 0"),
    ("softmax", "s", "sigmoid(x)", "is the sigmoid"),
    ("softmax", "s", "sigmoid(x - max(x))", "is the sigmoid"),
    (
        "softmax",
        "s",
        "exp(x - max(x)) / column_mean(exp(x - max(x)))",
        "is divided by the mean of its column, not by the sum",
    ),
    ("softmax", "s", "x / column_sum(x)", "lacks the exponential"),
    ("softmax", "s", "exp(x - max(x)) / column_sum(exp(x))", "subtracts the maximum above only"),
    ("softmax", "s", "exp(x) / column_sum(exp(x - max(x)))", "subtracts the maximum below only"),
    ("softmax", "s", "log(softmax(x))", "is the logarithm of softmax"),
    ("sigmoid", "s", "1 / (1 + exp(x))", "lacks the minus in e^-x"),
    ("sigmoid", "s", "tanh(x)", "is tanh"),
    ("sigmoid", "s", "softmax(x)", "is softmax"),
    ("sigmoid", "s", "sigmoid(x) * (1 - sigmoid(x))", "is the derivative of the sigmoid"),
    ("sigmoid", "s", "1 / 1 + exp(-x)", "lacks the parentheses around 1 + e^-x"),
    (
        "output_forward",
        "J",
        "-scale * sum_all(y * log_y_pred + (1 - y) * log(1 - exp(log_y_pred)))",
        "is the loss of independent yes-or-no answers, not of one class out of several",
    ),
    *(
        (function, target, text.format(mask), f"is assigned at every step, not added up: only the {which} step is left")
        for mask, which in (("in_last", "last"), ("in_first", "first"))
        for function, target, text in (
            ("output_forward", "J", "-scale * sum_all({} * y * log_y_pred)"),
            ("output_backward", "dWy", "({} * dz) @ a.T"),
            ("output_backward", "dby", "total({} * dz)"),
        )
    ),
    *(
        (function, target, text, "is the mean over the batch, where the sum over it belongs")
        for function, target, text in (
            ("output_forward", "J", "-scale * sum_all(y * log_y_pred) / batch"),
            ("output_backward", "dWy", "dz @ a.T / batch"),
            ("output_backward", "dby", "total(dz) / batch"),
        )
    ),
    ("output_backward", "dz", "scale * (y - y_pred)", "has the wrong sign: y and y_pred are exchanged"),
    (
        "output_backward",
        "dz",
        "scale * (y_pred - y) * y_pred * (1 - y_pred)",
        "has the derivative of softmax twice: y_pred - y contains it",
    ),
    (
        "update_parameters_with_adam",
        "parameter_next",
        "parameter - learning_rate * v_corrected / (sqrt(s_corrected) + epsilon)",
        "adds epsilon outside of the root, as Kingma & Ba do, where the course has it inside",
    ),
    (
        "update_parameters_with_adam",
        "parameter_next",
        "parameter - learning_rate * v_next / sqrt(s_next + epsilon)",
        "uses v and s without their corrections",
    ),
    ("update_parameters_with_adam", "parameter_next", "parameter - learning_rate * grad", "is plain gradient descent"),
    ("update_parameters_with_adam", "parameter_next", "parameter", "is the parameter as it was: no step is taken"),
    (
        "update_parameters_with_adam",
        "v_corrected",
        "v_next / (1 - beta1)**t",
        "raises 1 - beta1 to the power t, where only beta1 has it",
    ),
    (
        "update_parameters_with_adam",
        "s_corrected",
        "s_next / (1 - beta2)**t",
        "raises 1 - beta2 to the power t, where only beta2 has it",
    ),
    ("update_parameters_with_adam", "v_corrected", "v / (1 - beta1**t)", "corrects the v of the update before"),
    ("update_parameters_with_adam", "s_corrected", "s / (1 - beta2**t)", "corrects the s of the update before"),
    (
        "update_parameters_with_adam",
        "v_corrected",
        "v_next / (1 - beta1 * t)",
        "multiplies beta1 by t, where the power belongs",
    ),
    (
        "update_parameters_with_adam",
        "s_corrected",
        "s_next / (1 - beta2 * t)",
        "multiplies beta2 by t, where the power belongs",
    ),
    (
        "update_parameters_with_adam",
        "s_next",
        "beta2 * s + (1 - beta2) * v_next**2",
        "squares v where the gradient belongs",
    ),
    ("update_parameters_with_adam", "s_next", "beta2 * s + ((1 - beta2) * grad)**2", "squares 1 - beta2 too"),
)
