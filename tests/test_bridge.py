"""The bridge: there and back is the identity, every name and axis lands where its table says."""

from functools import partial

import numpy as np
import pytest

from helpers import rng, tolerance
from unrolled import bridge, steps
from unrolled.layers import GRU, LSTM, RNN

n_a, n_x, m, T = 4, 3, 5, 6  # all different, so that a transpose cannot hide

# course letter of each gate, in the engine's order, and the sign with which it crosses
GRU_LETTERS = {"r": 1, "u": -1, "c": 1}
LETTERS = {"lstm": {"i": 1, "f": 1, "c": 1, "o": 1}, "gru after": GRU_LETTERS, "gru before": GRU_LETTERS}
WAYS = {
    "lstm": (bridge.lstm_to_engine, bridge.lstm_to_course),
    "gru after": (bridge.gru_to_engine, bridge.gru_to_course),
    "gru before": (bridge.gru_to_engine, bridge.gru_to_course),
    "rnn": (bridge.rnn_to_engine, bridge.rnn_to_course),
}
TO_ENGINE, TO_COURSE = ({cell: ways[k] for cell, ways in WAYS.items()} for k in range(2))
LAYERS = {
    "lstm": LSTM,
    "gru after": partial(GRU, reset="after"),
    "gru before": partial(GRU, reset="before"),
    "rnn": RNN,
}


# of each variant: course names with their columns, as far as they differ from the cell's own
LSTM_NORM = {f"g{gate}{part}": 1 for gate in "ifco" for part in "xa"} | {"gc": 1, "sc": 1}
GRU_NORM = {f"g{gate}{part}": 1 for gate in "ruc" for part in "xa"}
n_p = 2
VARIANTS = {
    "lstm, layer norm": LSTM_NORM,
    "lstm, peepholes": {"pi": 1, "pf": 1, "po": 1},
    "lstm, projection": {"Wp": n_a, **{f"W{gate}": n_p + n_x for gate in "ifco"}},
    "gru after, layer norm": GRU_NORM,
}


def variant_parameters(variant: str) -> dict[str, np.ndarray]:
    shapes = {name: (n_p if name == "Wp" else n_a, columns) for name, columns in VARIANTS[variant].items()}
    return course_parameters(variant.split(",")[0]) | {name: rng(9).normal(size=s) for name, s in shapes.items()}


def course_parameters(cell: str, seed: int = 0) -> dict[str, np.ndarray]:
    draw = rng(seed).normal
    if cell == "rnn":
        return {"Wax": draw(size=(n_a, n_x)), "Waa": draw(size=(n_a, n_a)), "ba": draw(size=(n_a, 1))}
    parameters = {f"W{letter}": draw(size=(n_a, n_a + n_x)) for letter in LETTERS[cell]}
    parameters |= {f"b{letter}": draw(size=(n_a, 1)) for letter in LETTERS[cell]}
    return parameters | ({"bca": draw(size=(n_a, 1))} if cell == "gru after" else {})


def test_arrays_cross_as_the_transpose_and_come_back():
    x = rng(0).normal(size=(n_x, m, T))
    engine = bridge.arrays_to_engine(x)
    assert engine.shape == (T, m, n_x)
    assert engine.flags.c_contiguous
    assert all(engine[t, j, i] == x[i, j, t] for i, j, t in np.ndindex(x.shape))
    back = bridge.arrays_to_course(engine)
    np.testing.assert_array_equal(back, x)
    assert back.flags.c_contiguous
    np.testing.assert_array_equal(bridge.arrays_to_engine(x[:, :, 0]), x[:, :, 0].T)


@pytest.mark.parametrize("cell", LETTERS)
@pytest.mark.parametrize("prefix", ["", "d"])
def test_each_gate_lands_in_its_rows_with_its_sign_and_its_columns_are_split(cell, prefix):
    course = course_parameters(cell)
    engine = TO_ENGINE[cell]({prefix + name: array for name, array in course.items()}, prefix)
    for k, (letter, sign) in enumerate(LETTERS[cell].items()):
        rows = slice(k * n_a, (k + 1) * n_a)
        np.testing.assert_array_equal(engine["weight_hh_l0"][rows], sign * course[f"W{letter}"][:, :n_a])
        np.testing.assert_array_equal(engine["weight_ih_l0"][rows], sign * course[f"W{letter}"][:, n_a:])
        np.testing.assert_array_equal(engine["bias_l0"][rows], sign * course[f"b{letter}"][:, 0])
    if cell == "gru after":
        np.testing.assert_array_equal(engine["bias_hn_l0"], course["bca"][:, 0])


@pytest.mark.parametrize("cell", TO_ENGINE)
@pytest.mark.parametrize("prefix", ["", "d"])
def test_there_and_back_is_the_identity(cell, prefix):
    course = {prefix + name: array for name, array in course_parameters(cell).items()}
    back = TO_COURSE[cell](TO_ENGINE[cell](course, prefix), prefix)
    assert back.keys() == course.keys()
    for name, array in course.items():
        np.testing.assert_array_equal(back[name], array, err_msg=name)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("prefix", ["", "d"])
def test_a_variants_parameters_come_back_as_they_went(variant, prefix):
    cell = variant.split(",")[0]
    course = {prefix + name: array for name, array in variant_parameters(variant).items()}
    back = TO_COURSE[cell](TO_ENGINE[cell](course, prefix), prefix)
    assert back.keys() == course.keys()
    for name, array in course.items():
        np.testing.assert_array_equal(back[name], array, err_msg=name)


def test_each_gain_and_peephole_lands_in_its_rows():
    course = variant_parameters("lstm, layer norm") | {
        gate: rng(8).normal(size=(n_a, 1)) for gate in ("pi", "pf", "po")
    }
    engine = bridge.lstm_to_engine(course)
    for k, letter in enumerate(LETTERS["lstm"]):
        rows = slice(k * n_a, (k + 1) * n_a)
        np.testing.assert_array_equal(engine["gain_ih_l0"][rows], course[f"g{letter}x"][:, 0])
        np.testing.assert_array_equal(engine["gain_hh_l0"][rows], course[f"g{letter}a"][:, 0])
    np.testing.assert_array_equal(engine["gain_c_l0"], course["gc"][:, 0])
    np.testing.assert_array_equal(engine["shift_c_l0"], course["sc"][:, 0])
    for k, gate in enumerate("ifo"):
        np.testing.assert_array_equal(engine["peephole_l0"][k], course[f"p{gate}"][:, 0])


def test_a_projected_states_columns_are_those_of_its_units():
    course = variant_parameters("lstm, projection")
    engine = bridge.lstm_to_engine(course)
    np.testing.assert_array_equal(engine["weight_hr_l0"], course["Wp"])
    np.testing.assert_array_equal(engine["weight_hh_l0"][:n_a], course["Wi"][:, :n_p])
    np.testing.assert_array_equal(engine["weight_ih_l0"][:n_a], course["Wi"][:, n_p:])


def test_with_layer_norm_the_update_gates_gains_change_their_signs_and_its_weights_do_not():
    course = variant_parameters("gru after, layer norm")
    engine = bridge.gru_to_engine(course)
    for k, (letter, sign) in enumerate(GRU_LETTERS.items()):
        rows = slice(k * n_a, (k + 1) * n_a)
        np.testing.assert_array_equal(engine["weight_hh_l0"][rows], course[f"W{letter}"][:, :n_a])
        np.testing.assert_array_equal(engine["gain_ih_l0"][rows], sign * course[f"g{letter}x"][:, 0])
        np.testing.assert_array_equal(engine["gain_hh_l0"][rows], sign * course[f"g{letter}a"][:, 0])
        np.testing.assert_array_equal(engine["bias_l0"][rows], sign * course[f"b{letter}"][:, 0])


@pytest.mark.parametrize("cell", TO_ENGINE)
def test_names_and_shapes_are_those_of_the_engines_first_layer(cell):
    engine = TO_ENGINE[cell](course_parameters(cell) | {"Wy": np.zeros((1, n_a)), "by": np.zeros((1, 1))})
    layer = LAYERS[cell](n_x, n_a, seed=0)
    assert {name: array.shape for name, array in engine.items()} == {
        name: array.shape for name, array in layer.parameters.items()
    }
    layer.set(**engine)


def test_the_gates_of_the_table_are_the_fields_of_the_trace_in_the_engines_order():
    for layer, table in ((LSTM(n_x, n_a), bridge.LSTM_GATES), (GRU(n_x, n_a), bridge.GRU_GATES)):
        run = layer.forward(np.zeros((T, m, n_x), "float32"), trace=True)
        assert run.trace is not None
        assert run.trace[0]._fields[: len(table)] == tuple(table)


@pytest.mark.parametrize("cell", TO_ENGINE)
def test_the_same_parameters_give_the_same_states_in_both_homes(cell):
    course, x, a0 = course_parameters(cell), rng(1).normal(size=(n_x, m, T)), np.zeros((n_a, m))
    head = {"Wya" if cell == "rnn" else "Wy": np.zeros((1, n_a)), "by": np.zeros((1, 1))}
    if cell.startswith("gru"):
        a, *_ = steps.gru_forward(x, a0, course | head, reset=cell.removeprefix("gru "))
    else:
        a, *_ = getattr(steps, f"{cell}_forward")(x, a0, course | head)
    layer = LAYERS[cell](n_x, n_a, dtype="float64")
    layer.set(**TO_ENGINE[cell](course))
    y, _ = layer(bridge.arrays_to_engine(x))
    np.testing.assert_allclose(bridge.arrays_to_course(y), a, **tolerance("engine and steps"))
