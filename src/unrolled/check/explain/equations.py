"""The course's functions as tables of equations, by the numbers of `unrolled.steps`; nothing is run here.

`*` is entry by entry, `@` of matrices; `first(W)` and `last(W)` are the columns of W that act on the state and on x,
`total` sums over the batch and keeps the axis, `concat(a, x)` stacks rows. Tests hold every table to `unrolled.steps`.
"""

from __future__ import annotations

from unrolled.check.explain.program import Equation, Program

__all__ = ["program"]


def _same(*targets: str) -> dict[str, str]:
    return {target: target for target in targets}


def _gate(activation: str, gate: str, state: str) -> tuple[str, str]:
    """A gate with [a; x] written out, and with its weights in two."""
    return (
        f"{activation}(W{gate} @ concat({state}, xt) + b{gate})",
        f"{activation}(first(W{gate}) @ {state} + last(W{gate}) @ xt + b{gate})",
    )


# --- sigmoid, softmax -----------------------------------------------------------------------------------------------

_SIGMOID = Program(
    "sigmoid",
    (Equation("sigmoid", "s", "1 / (1 + exp(-x))", ("sigmoid(x)", "exp(x) / (1 + exp(x))")),),
    _same("s"),
)
_SOFTMAX = Program(
    "softmax",
    (
        Equation(
            "softmax",
            "s",
            "exp(x - max(x)) / column_sum(exp(x - max(x)))",
            ("exp(x) / column_sum(exp(x))", "softmax(x)"),
        ),
    ),
    _same("s"),
)

# --- RNN ------------------------------------------------------------------------------------------------------------

_RNN_FORWARD = Program(
    "rnn_cell_forward",
    (
        Equation("rnn.a", "a_next", "tanh(Wax @ xt + Waa @ a_prev + ba)", ("tanh(Waa @ a_prev + Wax @ xt + ba)",)),
        Equation("rnn.y", "yt_pred", "softmax(Wya @ a_next + by)"),
    ),
    _same("a_next", "yt_pred"),
)
_RNN_BACKWARD = Program(
    "rnn_cell_backward",
    (
        Equation(
            "rnn.0", "dtanh", "da_next * (1 - a_next**2)", ("(1 - tanh(Wax @ xt + Waa @ a_prev + ba)**2) * da_next",)
        ),
        Equation("rnn.1", "dWax", "dtanh @ xt.T"),
        Equation("rnn.2", "dWaa", "dtanh @ a_prev.T"),
        Equation("rnn.3", "dba", "total(dtanh)"),
        Equation("rnn.4", "dxt", "Wax.T @ dtanh"),
        Equation("rnn.5", "da_prev", "Waa.T @ dtanh"),
    ),
    _same("dxt", "da_prev", "dWax", "dWaa", "dba"),
)

# --- LSTM -----------------------------------------------------------------------------------------------------------

_LSTM_FORWARD = Program(
    "lstm_cell_forward",
    (
        Equation("lstm.1", "concat", "concat(a_prev, xt)", shared="(1), (2), (3) and (5)"),
        Equation("lstm.1", "ft", "sigmoid(Wf @ concat + bf)", _gate("sigmoid", "f", "a_prev")),
        Equation("lstm.2", "it", "sigmoid(Wi @ concat + bi)", _gate("sigmoid", "i", "a_prev")),
        Equation("lstm.3", "cct", "tanh(Wc @ concat + bc)", _gate("tanh", "c", "a_prev")),
        Equation("lstm.4", "c_next", "ft * c_prev + it * cct"),
        Equation("lstm.5", "ot", "sigmoid(Wo @ concat + bo)", _gate("sigmoid", "o", "a_prev")),
        Equation("lstm.6", "a_next", "ot * tanh(c_next)"),
        Equation("lstm.y", "yt_pred", "softmax(Wy @ a_next + by)"),
    ),
    _same("a_next", "c_next", "yt_pred"),
)

_OF_C = "ot * (1 - tanh(c_next)**2)"


def _inlined(factor: str, derivative: str) -> tuple[str, str]:
    """A gradient of (8)-(10) with dc written out: as the course prints it, and with dc in parentheses."""
    return (
        f"(dc_next * {factor} + {_OF_C} * {factor} * da_next){derivative}",
        f"(dc_next + da_next * {_OF_C}) * {factor}{derivative}",
    )


def _rows(columns: str) -> str:
    """(19) and (21): the columns of every weight that act on the state, or on x."""
    return " + ".join(f"{columns}(W{gate}).T @ {dgate}" for gate, dgate in _GATES)


_GATES = (("f", "dft"), ("i", "dit"), ("c", "dcct"), ("o", "dot"))

_LSTM_BACKWARD = Program(
    "lstm_cell_backward",
    (
        Equation("lstm.11", "concat", "concat(a_prev, xt)", shared="(11), (12), (13) and (14)"),
        Equation("lstm.7", "dot", "da_next * tanh(c_next) * ot * (1 - ot)", ("da_next * a_next * (1 - ot)",)),
        Equation(
            "lstm.8",
            "dc",
            f"dc_next + da_next * {_OF_C}",
            ("dc_next + ot * (1 - tanh(c_next)**2) * da_next",),
            shared="(8), (9), (10) and (20)",
        ),
        Equation("lstm.8", "dcct", "dc * it * (1 - cct**2)", _inlined("it", " * (1 - cct**2)")),
        Equation("lstm.9", "dit", "dc * cct * it * (1 - it)", _inlined("cct", " * it * (1 - it)")),
        Equation("lstm.10", "dft", "dc * c_prev * ft * (1 - ft)", _inlined("c_prev", " * ft * (1 - ft)")),
        *(
            Equation(
                f"lstm.{11 + at}",
                f"dW{gate}",
                f"{dgate} @ concat.T",
                (f"{dgate} @ concat(a_prev, xt).T", f"beside({dgate} @ a_prev.T, {dgate} @ xt.T)"),
            )
            for at, (gate, dgate) in enumerate(_GATES)
        ),
        *(Equation(f"lstm.{15 + at}", f"db{gate}", f"total({dgate})") for at, (gate, dgate) in enumerate(_GATES)),
        Equation("lstm.19", "da_prev", _rows("first")),
        Equation("lstm.20", "dc_prev", "dc * ft", _inlined("ft", "")),
        Equation("lstm.21", "dxt", _rows("last")),
    ),
    _same("dxt", "da_prev", "dc_prev", *(f"d{kind}{gate}" for gate, _ in _GATES for kind in "Wb")),
)

# --- GRU ------------------------------------------------------------------------------------------------------------

_GRU_BEFORE = (
    Equation(
        "gru.3",
        "cct",
        "tanh(Wc @ concat(rt * c_prev, xt) + bc)",
        ("tanh(first(Wc) @ (rt * c_prev) + last(Wc) @ xt + bc)",),
    ),
)
_GRU_AFTER = (
    Equation(
        "gru.4",
        "cct",
        "tanh(rt * (first(Wc) @ c_prev + bca) + last(Wc) @ xt + bc)",
    ),
)


def _gru_forward(candidate: tuple[Equation, ...], reset: str) -> Program:
    return Program(
        "gru_cell_forward",
        (
            Equation("gru.1", "concat", "concat(c_prev, xt)", shared="(1) and (2)"),
            Equation("gru.1", "ut", "sigmoid(Wu @ concat + bu)", _gate("sigmoid", "u", "c_prev")),
            Equation("gru.2", "rt", "sigmoid(Wr @ concat + br)", _gate("sigmoid", "r", "c_prev")),
            *candidate,
            Equation("gru.5", "c_next", "ut * cct + (1 - ut) * c_prev"),
            Equation("gru.y", "yt_pred", "softmax(Wy @ c_next + by)"),
        ),
        _same("c_next", "yt_pred"),
        reset,
    )


_GRU_BACKWARD_BEFORE = (
    Equation("gru.8", "ds", "first(Wc).T @ dcct"),
    Equation("gru.9", "drt", "ds * c_prev * rt * (1 - rt)", ("(first(Wc).T @ dcct) * c_prev * rt * (1 - rt)",)),
    Equation("gru.10", "dWc", "dcct @ concat(rt * c_prev, xt).T"),
    Equation("gru.11", "dc_candidate", "ds * rt", ("(first(Wc).T @ dcct) * rt",)),
)
_GRU_BACKWARD_AFTER = (
    Equation("gru.12", "dq", "dcct * rt"),
    Equation("gru.13", "drt", "dcct * (first(Wc) @ c_prev + bca) * rt * (1 - rt)"),
    Equation("gru.14", "dWc", "beside(dq @ c_prev.T, dcct @ xt.T)"),
    Equation("gru.15", "dc_candidate", "first(Wc).T @ dq", ("first(Wc).T @ (dcct * rt)",)),
    Equation("gru.16", "dbca", "total(dq)", ("total(dcct * rt)",)),
)


def _gru_backward(candidate: tuple[Equation, ...], reset: str) -> Program:
    gates = (("u", "dut"), ("r", "drt"))
    outputs = ("dxt", "dc_prev", "dWu", "dbu", "dWr", "dbr", "dWc", "dbc")
    return Program(
        "gru_cell_backward",
        (
            Equation("gru.17", "concat", "concat(c_prev, xt)", shared="(17), for both gates"),
            Equation("gru.6", "dcct", "dc_next * ut * (1 - cct**2)"),
            Equation("gru.7", "dut", "dc_next * (cct - c_prev) * ut * (1 - ut)"),
            *candidate,
            *(
                Equation(
                    "gru.17",
                    f"dW{gate}",
                    f"{d} @ concat.T",
                    (f"{d} @ concat(c_prev, xt).T", f"beside({d} @ c_prev.T, {d} @ xt.T)"),
                )
                for gate, d in gates
            ),
            *(Equation("gru.18", f"db{gate}", f"total({d})") for gate, d in (*gates, ("c", "dcct"))),
            Equation("gru.19", "dxt", "last(Wu).T @ dut + last(Wr).T @ drt + last(Wc).T @ dcct"),
            Equation(
                "gru.20",
                "dc_prev",
                "dc_next * (1 - ut) + first(Wu).T @ dut + first(Wr).T @ drt + dc_candidate",
            ),
        ),
        _same(*outputs, *(("dbca",) if reset == "after" else ())),
        reset,
    )


# --- head, Adam -----------------------------------------------------------------------------------------------------

_HEAD_FORWARD = Program(
    "output_forward",
    (
        Equation("head.1", "z", "Wy @ a + by"),
        Equation(
            "head.2",
            "log_y_pred",
            "z - max(z) - log(column_sum(exp(z - max(z))))",
            ("log(softmax(z))", "log(softmax(Wy @ a + by))"),
        ),
        Equation("head.2", "y_pred", "exp(log_y_pred)", ("softmax(z)", "softmax(Wy @ a + by)")),
        Equation("head.3", "J", "-scale * sum_all(y * log_y_pred)", ("-scale * sum_all(y * log(softmax(z)))",)),
    ),
    _same("J", "y_pred"),
)
_HEAD_BACKWARD = Program(
    "output_backward",
    (
        Equation("head.4", "dz", "scale * (y_pred - y)"),
        Equation("head.5", "dWy", "dz @ a.T"),
        Equation("head.6", "dby", "total(dz)"),
        Equation("head.7", "da", "Wy.T @ dz"),
    ),
    _same("da", "dWy", "dby"),
)
_ADAM_START = Program(
    "initialize_adam",
    (Equation("adam.init", "v", "zeros(parameter)"), Equation("adam.init", "s", "zeros(parameter)")),
    _same("v", "s"),
)
_ADAM = Program(
    "update_parameters_with_adam",
    (
        Equation("adam.v", "v_next", "beta1 * v + (1 - beta1) * grad"),
        Equation("adam.correct", "v_corrected", "v_next / (1 - beta1**t)"),
        Equation("adam.s", "s_next", "beta2 * s + (1 - beta2) * grad**2"),
        Equation("adam.correct", "s_corrected", "s_next / (1 - beta2**t)"),
        Equation(
            "adam.update", "parameter_next", "parameter - learning_rate * v_corrected / sqrt(s_corrected + epsilon)"
        ),
    ),
    {"parameters": "parameter_next", "v": "v_next", "s": "s_next"},
)

_PROGRAMS = {
    (each.name, "before"): each
    for each in (
        _SIGMOID,
        _SOFTMAX,
        _RNN_FORWARD,
        _RNN_BACKWARD,
        _LSTM_FORWARD,
        _LSTM_BACKWARD,
        _gru_forward(_GRU_BEFORE, "before"),
        _gru_backward(_GRU_BACKWARD_BEFORE, "before"),
        _HEAD_FORWARD,
        _HEAD_BACKWARD,
        _ADAM_START,
        _ADAM,
    )
}
_PROGRAMS["gru_cell_forward", "after"] = _gru_forward(_GRU_AFTER, "after")
_PROGRAMS["gru_cell_backward", "after"] = _gru_backward(_GRU_BACKWARD_AFTER, "after")


def program(function: str, reset: str = "before") -> Program:
    """The table of a function without a loop; a loop's is that of the cell beneath it, walked by `sequences.py`.

    Args:
        function: a key of `FUNCTIONS` whose kind is not "loop".
        reset: of a GRU: whether the relevance gate acts before or after the candidate's product.
    """
    return _PROGRAMS[function, reset if function.startswith("gru") else "before"]
