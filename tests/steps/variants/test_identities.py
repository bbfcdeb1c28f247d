"""What the variants are at the ends of their options: the plain cells, or no change at all."""

from typing import Any

import numpy as np
import pytest

from helpers import Array, tolerance
from steps import networks as plain
from steps.gradients import LENGTHS, LSTM_HEAD, N_A, N_X, M, draws
from steps.variants.networks import BY_NAME, Network
from unrolled import steps
from unrolled.steps import variants

FUNCTIONS = {name: getattr(variants, name) for name in variants.__all__}
T = 3
OFF = {
    "zoneout_a": np.zeros((N_A, M, T)),
    "zoneout_c": np.zeros((N_A, M, T)),
    "mask": np.ones((N_A, M)),
}


def everything(n: Network, p: dict[str, Array], lengths: Any = None, **masks: Any) -> dict[str, Array]:
    """What the forward and the backward pass of `n` return, on the draws of `steps.networks`."""
    g = plain.given("lstm")
    states = {name: g[f"{name}0"] if n.cell != "gru" else g["a0"] for name in n.rows}
    found, y, caches = n.run(FUNCTIONS, g["x"], states, p, lengths=lengths, **masks)
    finals = {
        "lstm": {"dc_final": g["dc_final"]},
        "gru": {"dc_final": g["dc_final"]},
        "rnn": {"da_final": g["dc_final"]},
    }
    gradients = FUNCTIONS[f"{n.name}_backward"](g["da"], caches, lengths=lengths, **finals[n.cell])
    return {**found, "y": y, **gradients}


def plain_cell(n: Network, p: dict[str, Array], lengths: Any = None) -> dict[str, Array]:
    name = " ".join([n.cell, *n.options.values()])
    found = plain.run(name, {**plain.given(name), "parameters": p}, lengths)
    return (
        {"c" if name == "a" else name.replace("da0", "dc0"): value for name, value in found.items()}
        if n.cell == "gru"
        else found
    )


def assert_the_same(found: dict[str, Array], expected: dict[str, Array]) -> None:
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value, err_msg=name)


@pytest.mark.parametrize("lengths", [None, LENGTHS[T]])
@pytest.mark.parametrize("name", [name for name, n in BY_NAME.items() if n.masks])
def test_masks_that_change_nothing_give_the_plain_cell(name, lengths):
    n = BY_NAME[name]
    p = draws(21, **n.shapes, **n.head)
    found = everything(n, p, lengths, **{mask: OFF[mask] for mask in n.masks})
    expected = plain_cell(n, p, lengths)
    assert found.keys() == expected.keys()
    if n.name == "gru_recurrent_dropout":  # the mask's bracket sums the ways back to the old state in another order
        for key in expected.keys() - {"c", "y"}:
            np.testing.assert_allclose(found.pop(key), expected.pop(key), rtol=0, atol=1e-15, err_msg=key)
    assert_the_same(found, expected)


@pytest.mark.parametrize("lengths", [None, LENGTHS[T]])
def test_peepholes_of_zero_give_the_plain_cell_bit_for_bit(lengths):
    n = BY_NAME["lstm_peephole"]
    p = draws(21, **n.shapes, **n.head)
    found = everything(n, p | {name: np.zeros((N_A, 1)) for name in ("pf", "pi", "po")}, lengths)
    assert_the_same(found, plain_cell(n, p, lengths))
    assert all(np.abs(found[name]).min() > 0 for name in ("dpf", "dpi", "dpo"))


@pytest.mark.parametrize("lengths", [None, LENGTHS[T]])
def test_a_projection_by_the_identity_gives_the_plain_cell_bit_for_bit(lengths):
    n = BY_NAME["lstm_projection"]
    p = draws(21, **plain.SHAPES["lstm"])
    assert_the_same(everything(n, p | {"Wp": np.eye(N_A)}, lengths), plain_cell(n, p, lengths))


@pytest.mark.parametrize("name", [name for name, n in BY_NAME.items() if n.module == "zoneout"])
class TestZoneout:
    def test_a_rate_is_a_mask_that_holds_it_everywhere(self, name):
        n = BY_NAME[name]
        p = draws(21, **n.shapes, **n.head)
        rates = dict(zip(n.masks, (0.25, 0.625), strict=False))
        masks = {mask: np.full((N_A, M, T), rate) for mask, rate in rates.items()}
        assert_the_same(everything(n, p, **rates), everything(n, p, **masks))

    def test_masks_of_ones_keep_the_initial_state_for_ever(self, name):
        n = BY_NAME[name]
        p = draws(21, **n.shapes, **n.head)
        found = everything(n, p, **dict.fromkeys(n.masks, 1))
        for state in n.rows:
            initial = plain.given("lstm")["c0" if state == "c" and n.cell == "lstm" else "a0"]
            assert (found[state] == initial[:, :, np.newaxis]).all()
        assert not found["dx"].any()
        np.testing.assert_allclose(
            found[f"d{n.first}0"],
            plain.given("lstm")["da"].sum(axis=2) + (0 if n.cell == "lstm" else plain.given("lstm")["dc_final"]),
            **tolerance("reordered"),
        )


def test_zoneout_of_the_cell_state_leaves_the_hidden_state_of_that_step_alone():
    p = draws(21, **plain.SHAPES["lstm"])
    x, a0, c0 = draws(20, x=(N_X, M), a0=(N_A, M), c0=(N_A, M)).values()
    a_plain, *_ = steps.lstm_cell_forward(x, a0, c0, p)
    a_zoned, c_zoned, *_ = variants.lstm_zoneout_cell_forward(x, a0, c0, p, zoneout_a=0.0, zoneout_c=1.0)
    np.testing.assert_array_equal(a_zoned, a_plain)
    np.testing.assert_array_equal(c_zoned, c0)


def test_a_dropped_unit_of_a_gru_is_carried_on_unmasked():
    p = draws(21, **plain.SHAPES["gru"])
    p |= {"bu": np.full((N_A, 1), -1000.0)}  # the update gate is shut: nothing new enters
    x, c0 = draws(20, x=(N_X, M), c0=(N_A, M)).values()
    for reset in ("before", "after"):
        c, *_ = variants.gru_recurrent_dropout_cell_forward(x, c0, p, mask=np.zeros((N_A, M)), reset=reset)
        np.testing.assert_array_equal(c, c0)


@pytest.mark.parametrize(
    ("name", "gates"), [("lstm_layer_norm", "fico"), ("gru_layer_norm", "ru"), ("gru_layer_norm", "c")]
)
def test_what_all_rows_normalised_together_have_in_common_changes_nothing(name, gates):
    n = BY_NAME[name]
    p = draws(21, **n.shapes, **n.head)
    moved = p | {"W" + gate: p["W" + gate] + draws(24, row=(1, N_A + N_X))["row"] for gate in gates}
    found, expected = everything(n, moved), everything(n, p)
    for key, value in expected.items():
        if key not in ("dx", "da0", "dc0"):
            np.testing.assert_allclose(found[key], value, rtol=1e-11, atol=1e-11, err_msg=key)


def test_one_sequence_alone_is_what_it_is_in_a_batch():
    for n in BY_NAME.values():
        if n.module == "layer_norm":
            p = draws(21, **n.shapes, **LSTM_HEAD)
            g = plain.given("lstm")
            whole, _, _ = n.run(FUNCTIONS, g["x"], {"a": g["a0"], "c": g["c0"]}, p)
            one, _, _ = n.run(FUNCTIONS, g["x"][:, 1:2], {"a": g["a0"][:, 1:2], "c": g["c0"][:, 1:2]}, p)
            np.testing.assert_allclose(one["c"], whole["c"][:, 1:2], **tolerance("reordered"))
