"""What learners' functions are called with: sizes that no axis can hide behind, and right answers in every variant."""

from dataclasses import astuple

import numpy as np
import pytest

from unrolled import steps
from unrolled.check.functions import FUNCTIONS
from unrolled.check.judge.compare import compare, unchanged
from unrolled.check.judge.inputs import SIZES, Drawing, variants_of
from unrolled.check.judge.layout import layouts, orders, pack_of
from unrolled.check.judge.weights import guesses


@pytest.fixture(scope="module")
def drawing():
    return Drawing(SIZES[0], np.random.default_rng(0))


def test_no_two_axes_are_of_one_length_and_none_is_the_courses():
    for sizes in SIZES:
        axes = astuple(sizes)[:5]
        assert len(set(axes)) == 5
        assert not set(axes) & {5, 3, 10}
        assert sizes.n_a + sizes.n_x not in axes
    assert {sizes.T for sizes in SIZES} >= {1, 4}
    assert any(sizes.covered < sizes.T for sizes in SIZES)


def test_nothing_that_is_drawn_is_zero(drawing):
    arrays = [drawing.a0, drawing.c0, drawing.da, drawing.dc_next, *drawing.parameters["lstm"].values(), drawing.bca]
    assert min(float(np.abs(array).min()) for array in arrays) > 0


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_role_of_every_function_has_a_value_in_every_variant(drawing, name):
    for variant in variants_of(name):
        names = drawing.names(name, variant)
        about = FUNCTIONS[name]
        assert set(about.inputs) <= set(names)
        new = {"new parameters", "new v", "new s"} if name.startswith("update") else set(about.outputs)
        assert new <= set(names)


def test_the_other_sense_of_the_update_gate_weighs_the_old_state(drawing):
    other = next(variant for variant in variants_of("gru_cell_forward") if variant.sense == "old")
    names = drawing.names("gru_cell_forward", other)
    p, concat = names["parameters"], np.concatenate([drawing.c_prev, drawing.xt])
    z = steps.sigmoid(p["Wu"] @ concat + p["bu"])
    r = steps.sigmoid(p["Wr"] @ concat + p["br"])
    candidate = np.tanh(p["Wc"] @ np.concatenate([r * drawing.c_prev, drawing.xt]) + p["bc"])
    assert compare(z * drawing.c_prev + (1 - z) * candidate, names["c_next"]) == "same"
    assert compare(z, names["cache"]["ut"]) == "same"


@pytest.mark.parametrize("layout", layouts(loop=True), ids=lambda layout: layout.told or "course")
def test_a_layout_goes_there_and_back(drawing, layout):
    assert unchanged(drawing.x, layout.data_back(layout.data(drawing.x)))
    assert unchanged(drawing.xt, layout.data_back(layout.data(drawing.xt)))
    for name in ("Wf", "bf", "W[ifoc]", "Wf:x"):
        packed = pack_of(name).value(drawing.parameters["lstm"], layout)
        for course, value in pack_of(name).course(packed, layout).items():
            whole = drawing.parameters["lstm"][course.partition(":")[0]]
            assert compare(value, whole[:, SIZES[0].n_a :] if ":" in course else whole) == "same"


@pytest.mark.parametrize(
    ("names", "family", "expected"),
    [
        (["w_f", "b_f"], "lstm", {"w_f": "Wf", "b_f": "bf"}),
        (["Wg", "Wi"], "lstm", {"Wg": "Wc", "Wi": "Wi"}),
        (["W_f", "U_f"], "lstm", {"W_f": "Wf:x", "U_f": "Wf:a"}),
        (["Wxi", "Whi", "bi"], "lstm", {"Wxi": "Wi:x", "Whi": "Wi:a", "bi": "bi"}),
        (["Wx", "Wh", "b"], "lstm", {"Wx": "W[ifoc]:x", "Wh": "W[ifoc]:a", "b": "b[ifoc]"}),
        (
            ["W_xh", "W_hh", "W_hy", "b_h", "b_y"],
            "rnn",
            {"W_xh": "Wax", "W_hh": "Waa", "W_hy": "Wya", "b_h": "ba", "b_y": "by"},
        ),
        (["Wz", "Wr", "Wh"], "gru", {"Wz": "Wu", "Wr": "Wr", "Wh": "Wc"}),
    ],
)
def test_names_of_parameters_are_read(names, family, expected):
    assert guesses(names, family)[0] == {name: pack_of(course) for name, course in expected.items()}


def test_gates_are_tried_in_every_order():
    assert len(set(orders("fico"))) == 24


@pytest.mark.parametrize(
    ("found", "likeness"),
    [
        (np.ones((2, 1)) * (1 + 1e-12), "same"),
        (np.ones((2, 1), np.float32) * (1 + 1e-5), "same"),
        (np.ones((2, 1)) * (1 + 1e-6), "single"),
        (np.ones((2, 1)) * (1 + 1e-4), "different"),
        (np.ones((2, 1), np.float16) * 0.999, "different"),
        (np.ones(2), "shape"),
        (np.array([[np.nan], [1.0]]), "different"),
        (None, "kind"),
        ("1", "kind"),
    ],
)
def test_likeness_is_by_dtype_and_shape(found, likeness):
    assert compare(found, np.ones((2, 1))) == likeness


def test_unchanged_is_bit_by_bit():
    before = {"a": [np.ones(2), np.array([np.nan])]}
    assert unchanged(before, {"a": [np.ones(2), np.array([np.nan])]})
    assert not unchanged(before, {"a": [np.ones(2) * (1 + 1e-15), np.array([np.nan])]})
    assert not unchanged(before, {"a": [np.ones(2)]})
