"""Learners' code for locating: right functions as people write them, and their arrays line by line; no test."""

import copy
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np

from check.explain.runs import Run
from unrolled import steps
from unrolled.check.functions import FUNCTIONS


@dataclass
class Record:
    line: int
    name: str
    array: Any


def traced(code: str, entry: str, *args: Any) -> tuple[Any, list[Record]]:
    """What `entry` of `code` returns, and every array that it assigns, in order, by the line that assigned it."""
    scope: dict[str, Any] = {"np": np, "sigmoid": steps.sigmoid, "softmax": steps.softmax, "steps": steps}
    exec(compile(code, "<submission>", "exec"), scope)
    records: list[Record] = []
    seen: dict[str, Any] = {}
    last = [0]

    def note(frame: Any) -> None:
        for name, value in frame.f_locals.items():
            if isinstance(value, np.ndarray) and not (name in seen and np.array_equal(seen[name], value)):
                seen[name] = value.copy()
                records.append(Record(last[0], name, seen[name]))

    def trace(frame: Any, event: str, _: Any) -> Any:
        if frame.f_code.co_filename != "<submission>" or frame.f_code.co_name != entry:
            return None
        if event == "call":
            seen.update({name: value.copy() for name, value in frame.f_locals.items() if isinstance(value, np.ndarray)})
        if event in ("line", "return"):
            note(frame)
        last[0] = frame.f_lineno
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        value = scope[entry](*copy.deepcopy(args))
    finally:
        sys.settrace(before)
    return value, records


def called(code: str, run: Run) -> tuple[dict[str, Any], list[Record]]:
    """The outputs of a learner's version of a function, by role, and its records."""
    function = FUNCTIONS[run.name]
    value, records = traced(code, run.name, *(run.inputs[role] for role in function.inputs))
    return (value if isinstance(value, dict) else dict(zip(function.outputs, value, strict=False))), records


LSTM_CELL_BACKWARD = """\
def lstm_cell_backward(da_next, dc_next, cache):
    (a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt, parameters) = cache
    n_x, m = xt.shape
    n_a, m = a_next.shape
    dot = da_next * np.tanh(c_next) * ot * (1 - ot)
    dcct = (dc_next * it + ot * (1 - np.square(np.tanh(c_next))) * it * da_next) * (1 - np.square(cct))
    dit = (dc_next * cct + ot * (1 - np.square(np.tanh(c_next))) * cct * da_next) * it * (1 - it)
    dft = (dc_next * c_prev + ot * (1 - np.square(np.tanh(c_next))) * c_prev * da_next) * ft * (1 - ft)
    concat = np.concatenate((a_prev, xt), axis=0)
    dWf = np.dot(dft, concat.T)
    dWi = np.dot(dit, concat.T)
    dWc = np.dot(dcct, concat.T)
    dWo = np.dot(dot, concat.T)
    dbf = np.sum(dft, axis=1, keepdims=True)
    dbi = np.sum(dit, axis=1, keepdims=True)
    dbc = np.sum(dcct, axis=1, keepdims=True)
    dbo = np.sum(dot, axis=1, keepdims=True)
    da_prev = np.dot(parameters['Wf'][:, :n_a].T, dft) + np.dot(parameters['Wi'][:, :n_a].T, dit)
    da_prev += np.dot(parameters['Wc'][:, :n_a].T, dcct) + np.dot(parameters['Wo'][:, :n_a].T, dot)
    dc_prev = dc_next * ft + ot * (1 - np.square(np.tanh(c_next))) * ft * da_next
    dxt = np.dot(parameters['Wf'][:, n_a:].T, dft) + np.dot(parameters['Wi'][:, n_a:].T, dit)
    dxt = dxt + np.dot(parameters['Wc'][:, n_a:].T, dcct) + np.dot(parameters['Wo'][:, n_a:].T, dot)
    return {"dxt": dxt, "da_prev": da_prev, "dc_prev": dc_prev, "dWf": dWf, "dbf": dbf, "dWi": dWi, "dbi": dbi,
            "dWc": dWc, "dbc": dbc, "dWo": dWo, "dbo": dbo}
"""

LSTM_CELL_BACKWARD_SPLIT = """\
def lstm_cell_backward(da_next, dc_next, cache):
    a_next, c_next, a_prev, c_prev, f, i, g, o, xt, p = cache
    n_a = a_next.shape[0]
    tc = np.tanh(c_next)
    do = da_next * tc
    dc = da_next * o
    dc = dc * (1 - tc * tc)
    dc += dc_next
    df = c_prev * dc
    di = g * dc
    dg = i * dc
    zf = df * f * (1 - f)
    zi = di * (i - i ** 2)
    zg = dg * (1 - g ** 2)
    zo = do * o * (1 - o)
    z = np.vstack([zf, zi, zg, zo])
    W = np.vstack([p["Wf"], p["Wi"], p["Wc"], p["Wo"]])
    dW = z @ np.vstack([a_prev, xt]).T
    db = z.sum(axis=1, keepdims=True)
    dcat = W.T @ z
    dWf, dWi, dWc, dWo = np.split(dW, 4)
    dbf, dbi, dbc, dbo = np.split(db, 4)
    da_prev = dcat[:n_a]
    dxt = dcat[n_a:]
    dc_prev = f * dc
    return {"dxt": dxt, "da_prev": da_prev, "dc_prev": dc_prev, "dWf": dWf, "dbf": dbf, "dWi": dWi, "dbi": dbi,
            "dWc": dWc, "dbc": dbc, "dWo": dWo, "dbo": dbo}
"""

LSTM_CELL_BACKWARD_ROWS = """\
def lstm_cell_backward(da_next, dc_next, cache):
    rows = [each.T for each in (da_next, dc_next, *cache[:9])]
    da_next, dc_next, a_next, c_next, a_prev, c_prev, f, i, g, o, xt = rows
    p = cache[9]
    n_a = a_next.shape[1]
    tc = np.tanh(c_next)
    through = da_next * o * (1 - tc ** 2)
    dc = dc_next + through
    dc_prev = dc * f
    z = np.hstack([dc * c_prev * f * (1 - f), dc * g * i * (1 - i), dc * i * (1 - g ** 2), da_next * tc * o * (1 - o)])
    before = z @ np.vstack([p["Wf"], p["Wi"], p["Wc"], p["Wo"]])
    W = z.T @ np.hstack([a_prev, xt])
    b = z.sum(axis=0)[:, None]
    gradients = {"dxt": before[:, n_a:].T, "da_prev": before[:, :n_a].T, "dc_prev": dc_prev.T}
    for at, gate in enumerate("fico"):
        gradients["dW" + gate] = W[at * n_a : (at + 1) * n_a]
        gradients["db" + gate] = b[at * n_a : (at + 1) * n_a]
    return gradients
"""

LSTM_CELL_FORWARD = """\
def lstm_cell_forward(xt, a_prev, c_prev, parameters):
    Wf, bf, Wi, bi = parameters["Wf"], parameters["bf"], parameters["Wi"], parameters["bi"]
    Wc, bc, Wo, bo = parameters["Wc"], parameters["bc"], parameters["Wo"], parameters["bo"]
    n_x, m = xt.shape
    n_y, n_a = parameters["Wy"].shape
    concat = np.zeros((n_a + n_x, m))
    concat[: n_a, :] = a_prev
    concat[n_a :, :] = xt
    ft = 1 / (1 + np.exp(-(np.dot(Wf, concat) + bf)))
    it = sigmoid(np.dot(Wi, concat) + bi)
    zc = Wc[:, :n_a] @ a_prev
    zc = zc + Wc[:, n_a:] @ xt
    cct = np.tanh(zc + bc)
    c_next = ft * c_prev + it * cct
    ot = sigmoid(np.dot(Wo, concat) + bo)
    a_next = ot * np.tanh(c_next)
    zy = np.dot(parameters["Wy"], a_next) + parameters["by"]
    e = np.exp(zy - np.max(zy))
    yt_pred = e / e.sum(axis=0)
    return a_next, c_next, yt_pred, (a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt, parameters)
"""

RNN_CELL_BACKWARD = """\
def rnn_cell_backward(da_next, cache):
    (a_next, a_prev, xt, parameters) = cache
    Wax, Waa = parameters["Wax"], parameters["Waa"]
    a2 = a_next ** 2
    dtanh = (1 - a2) * da_next
    dxt = np.dot(Wax.T, dtanh)
    dWax = np.dot(dtanh, xt.T)
    da_prev = np.dot(Waa.T, dtanh)
    dWaa = np.dot(dtanh, a_prev.T)
    dba = np.sum(dtanh, axis=1, keepdims=True)
    return {"dxt": dxt, "da_prev": da_prev, "dWax": dWax, "dWaa": dWaa, "dba": dba}
"""

RNN_BACKWARD_INLINE = """\
def rnn_backward(da, caches):
    (caches, x) = caches
    (a1, a0, x1, parameters) = caches[0]
    n_a, m, T_x = da.shape
    n_x, m = x1.shape
    dx = np.zeros((n_x, m, T_x))
    dWax = np.zeros((n_a, n_x))
    dWaa = np.zeros((n_a, n_a))
    dba = np.zeros((n_a, 1))
    da_prevt = np.zeros((n_a, m))
    for t in reversed(range(T_x)):
        a_next, a_prev, xt, parameters = caches[t]
        da_next = da[:, :, t] + da_prevt
        dz = da_next * (1 - a_next ** 2)
        dx[:, :, t] = parameters["Wax"].T @ dz
        dWax += dz @ xt.T
        dWaa += dz @ a_prev.T
        dba += dz.sum(axis=1, keepdims=True)
        da_prevt = parameters["Waa"].T @ dz
    return {"dx": dx, "da0": da_prevt, "dWax": dWax, "dWaa": dWaa, "dba": dba}
"""

LSTM_FORWARD_INLINE = """\
def lstm_forward(x, a0, parameters):
    n_x, m, T_x = x.shape
    n_y, n_a = parameters["Wy"].shape
    a = np.zeros((n_a, m, T_x))
    c = np.zeros((n_a, m, T_x))
    y = np.zeros((n_y, m, T_x))
    caches = []
    h = a0
    s = np.zeros((n_a, m))
    W = np.concatenate([parameters["Wf"], parameters["Wi"], parameters["Wc"], parameters["Wo"]])
    b = np.concatenate([parameters["bf"], parameters["bi"], parameters["bc"], parameters["bo"]])
    for t in range(T_x):
        xt = x[:, :, t]
        z = W @ np.concatenate([h, xt]) + b
        f = sigmoid(z[:n_a])
        i = sigmoid(z[n_a:2 * n_a])
        g = np.tanh(z[2 * n_a:3 * n_a])
        o = sigmoid(z[3 * n_a:])
        s_new = f * s + i * g
        h_new = o * np.tanh(s_new)
        y[:, :, t] = softmax(parameters["Wy"] @ h_new + parameters["by"])
        a[:, :, t] = h_new
        c[:, :, t] = s_new
        caches.append((h_new, s_new, h, s, f, i, g, o, xt, parameters))
        h, s = h_new, s_new
    return a, y, c, (caches, x)
"""

GRU_CELL_BACKWARD = """\
def gru_cell_backward(dc_next, cache):
    c_next, c_prev, ut, rt, cct, xt, p = cache[:7]
    n_a = c_prev.shape[0]
    concat = np.concatenate([c_prev, xt])
    dcct = dc_next * ut
    dcct = dcct * (1 - cct ** 2)
    du = dc_next * (cct - c_prev)
    dut = du * ut * (1 - ut)
    dcand = p["Wc"].T @ dcct
    ds = dcand[:n_a]
    drt = ds * c_prev * rt * (1 - rt)
    dWc = dcct @ np.concatenate([rt * c_prev, xt]).T
    dWu = dut @ concat.T
    dWr = drt @ concat.T
    dbu = dut.sum(1, keepdims=True)
    dbr = drt.sum(1, keepdims=True)
    dbc = dcct.sum(1, keepdims=True)
    dconcat = p["Wu"].T @ dut + p["Wr"].T @ drt
    dxt = dconcat[n_a:] + dcand[n_a:]
    dc_prev = dconcat[:n_a] + ds * rt + dc_next * (1 - ut)
    return {"dxt": dxt, "dc_prev": dc_prev, "dWu": dWu, "dbu": dbu, "dWr": dWr, "dbr": dbr, "dWc": dWc, "dbc": dbc}
"""

HEAD_FORWARD_LOOP = """\
def output_forward(a, y, parameters):
    n_a, m, T = a.shape
    y_pred = np.zeros((len(parameters["by"]), m, T))
    J = 0.0
    for t in range(T):
        z = parameters["Wy"] @ a[:, :, t] + parameters["by"]
        y_pred[:, :, t] = softmax(z)
        J += -np.sum(np.log(y_pred[y[:, t], np.arange(m), t]))
    return J, y_pred
"""

HEAD_BACKWARD_LOOP = """\
def output_backward(cache):
    a, y_pred, y, scored, parameters, scale = cache
    Wy = parameters["Wy"]
    y = y.reshape(y_pred.shape)
    da = np.zeros_like(a)
    dWy = np.zeros_like(Wy)
    dby = np.zeros((len(Wy), 1))
    for t in range(a.shape[2]):
        dz = y_pred[:, :, t] - y[:, :, t]
        dWy += dz @ a[:, :, t].T
        dby += np.sum(dz, axis=1, keepdims=True)
        da[:, :, t] = Wy.T @ dz
    return {"da": da, "dWy": dWy, "dby": dby}
"""
