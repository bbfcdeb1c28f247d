"""What every variant promises beside its values: dtypes, NaN, lengths, empty batches, untouched arguments, errors."""

import re
from copy import deepcopy
from typing import Any

import numpy as np
import pytest

from helpers import Array, tolerance
from steps.gradients import LENGTHS, N_A, N_X, M, draws
from steps.variants.networks import BY_NAME, NETWORKS, Network
from unrolled.errors import ParameterError, ShapeError
from unrolled.steps import variants

FUNCTIONS = {name: getattr(variants, name) for name in variants.__all__}
T = 3
EACH = pytest.mark.parametrize("n", NETWORKS, ids=str)


def given(n: Network, T: int = T, m: int = M, dtype: Any = float) -> dict[str, Any]:
    """Arguments of one run."""
    upstream = {f"d{n.first}": (n.rows[n.first], m, T)} | {f"d{name}_final": (rows, m) for name, rows in n.rows.items()}
    drawn = draws(20, x=(N_X, m, T), **n.states(m), **upstream) | n.drawn_masks(T, m)
    parameters = {name: value.astype(dtype) for name, value in draws(21, **n.shapes, **n.head).items()}
    return {name: value.astype(dtype) for name, value in drawn.items()} | {"parameters": parameters}


def forward(n: Network, g: dict[str, Any], lengths: Any = None) -> Any:
    states = {name: g[f"{name}0"] for name in n.rows}
    masks = {name: g[name] for name in n.masks}
    return n.run(FUNCTIONS, g["x"], states, g["parameters"], **masks, lengths=lengths)


def run(n: Network, g: dict[str, Any], lengths: Any = None) -> dict[str, Array]:
    """Everything that the forward and the backward pass return."""
    found, y, caches = forward(n, g, lengths)
    finals = {f"d{name}_final": g[f"d{name}_final"] for name in n.rows}
    return {**found, "y": y, **FUNCTIONS[f"{n.name}_backward"](g[f"d{n.first}"], caches, **finals, lengths=lengths)}


@EACH
@pytest.mark.parametrize("dtype", [np.float32, np.longdouble])
def test_one_float_dtype_in_gives_the_same_out_and_the_same_values(n, dtype):
    exact = run(n, given(n))
    for name, value in run(n, given(n, dtype=dtype)).items():
        assert value.dtype == dtype, name
        allowed = tolerance("reordered", dtype if dtype == np.float32 else float)
        if n.module == "layer_norm":  # a small deviation divides what is rounded
            allowed = {key: 50 * bound for key, bound in allowed.items()}
        np.testing.assert_allclose(value, exact[name], **allowed, err_msg=name)


@EACH
def test_every_parameter_and_every_state_has_its_gradient_in_its_shape(n):
    g, found = given(n), run(n, given(n))
    for name in n.shapes:
        assert found["d" + name].shape == g["parameters"][name].shape
    for name in ("x", *(f"{state}0" for state in n.rows)):
        assert found["d" + name].shape == g[name].shape
    assert found.keys() == {*n.rows, "y", "dx", *(f"d{name}0" for name in n.rows), *(f"d{name}" for name in n.shapes)}


@EACH
def test_no_argument_is_changed(n):
    g = given(n)
    before = deepcopy(g)
    found = run(n, g, lengths=LENGTHS[T])
    parameters, old = g.pop("parameters"), before.pop("parameters")
    for name, value in [*g.items(), *parameters.items()]:
        np.testing.assert_array_equal(value, {**before, **old}[name], err_msg=name)
        assert not any(np.shares_memory(value, other) for other in found.values()), name


@EACH
def test_what_stands_in_padding_is_never_read(n):
    g = given(n)
    clean = run(n, g, LENGTHS[T])
    padding = np.arange(T) >= np.array(LENGTHS[T])[:, np.newaxis]
    for name in ("x", f"d{n.first}", *n.masks):
        if name != "mask":
            g[name][:, padding] = np.nan
    for name, value in run(n, g, LENGTHS[T]).items():
        np.testing.assert_array_equal(value, clean[name], err_msg=name)
        if name in ("dx", "y", *n.rows):
            assert not value[:, padding].any(), name


@EACH
def test_a_nan_stays_in_its_own_column(n):
    clean, g = run(n, given(n)), given(n)
    g["x"][1, 2, 1] = np.nan
    found = run(n, g)
    for name in (*n.rows, "y", "dx", *(f"d{state}0" for state in n.rows)):
        assert np.isnan(found[name][:, 2]).any(), name
        others = (np.delete(each[name], 2, axis=1) for each in (found, clean))
        np.testing.assert_array_equal(*others, err_msg=name)


@EACH
def test_an_empty_batch_gives_no_columns_and_zero_gradients_of_the_parameters(n):
    found = run(n, given(n, m=0))
    assert found[n.first].shape == (n.rows[n.first], 0, T)
    for name, shape in n.shapes.items():
        np.testing.assert_array_equal(found["d" + name], np.zeros(shape))


@EACH
def test_no_steps_are_no_outputs_and_have_no_way_back(n):
    g = given(n, T=0)
    found, y, caches = forward(n, g)
    assert {value.shape[2] for value in (*found.values(), y)} == {0}
    with pytest.raises(
        ParameterError, match=r"`caches` holds no step, expected at least one; a sequence without steps"
    ):
        FUNCTIONS[f"{n.name}_backward"](g[f"d{n.first}"], caches)


@pytest.mark.parametrize("n", [n for n in NETWORKS if n.cell == "lstm"], ids=str)
def test_a_cell_state_left_out_is_zero(n):
    g = given(n)
    masks = {name: g[name] for name in n.masks}
    a, _, c, _ = FUNCTIONS[f"{n.name}_forward"](g["x"], g["a0"], g["parameters"], **masks)
    zero, _, _ = forward(n, g | {"c0": np.zeros_like(g["c0"])})
    np.testing.assert_array_equal(a, zero["a"])
    np.testing.assert_array_equal(c, zero["c"])


@pytest.mark.parametrize(("n", "name"), [(n, name) for n in NETWORKS for name in n.shapes])
def test_a_missing_or_transposed_parameter_is_named_with_its_remedy(n, name):
    g = given(n)
    value = g["parameters"].pop(name)
    with pytest.raises(
        ParameterError, match=rf"`parameters` has no key '{name}', expected .*{name}.*; add the missing"
    ):
        forward(n, g)
    if name != "Waa":
        g["parameters"][name] = value.T
        shape = re.escape(str(value.T.shape))
        with pytest.raises(ShapeError, match=rf"`{name}` has shape {shape}, expected .*; did you pass its transpose\?"):
            forward(n, g)


@pytest.mark.parametrize(("n", "name"), [(n, name) for n in NETWORKS for name in (*n.rows, *n.masks)])
def test_a_state_or_mask_of_another_batch_is_named(n, name):
    g = given(n)
    name = f"{name}0" if name in n.rows else name
    g[name] = g[name][:, :-1]
    shape = re.escape(str(g[name].shape))
    with pytest.raises(ShapeError, match=rf"`{name}` has shape {shape}, expected .*; it must agree with the other"):
        forward(n, g)


@EACH
def test_the_cells_name_what_does_not_fit_their_caches(n):
    g = given(n)
    masks = n.drawn_masks(None)
    states = [g[f"{name}0"] for name in n.rows]
    *_, cache = FUNCTIONS[f"{n.name}_cell_forward"](g["x"][:, :, 0], *states, g["parameters"], **masks, **n.options)
    backward = FUNCTIONS[f"{n.name}_cell_backward"]
    upstream = {f"d{name}_next": np.ones((rows, M)) for name, rows in n.rows.items()}
    for name in upstream:
        wrong = upstream | {name: upstream[name][:, :1]}  # one column would stretch to all
        with pytest.raises(ShapeError, match=rf"`{name}` has shape \(\d, 1\), expected .* = \(\d, 5\); it must agree"):
            backward(*wrong.values(), cache)
    with pytest.raises(
        ParameterError, match=rf"`cache` is a tuple of \d+ entries, .*the cache that {n.name}_cell_forw"
    ):
        backward(*upstream.values(), cache[:-1])


@pytest.mark.parametrize(("n", "name"), [(n, name) for n in NETWORKS for name in n.masks])
def test_the_cells_name_a_mask_of_one_column_that_would_stretch_to_all(n, name):
    g = given(n)
    masks = n.drawn_masks(None)
    masks[name] = masks[name][:, :1]
    states = [g[f"{state}0"] for state in n.rows]
    with pytest.raises(
        ShapeError, match=rf"`{name}` has shape \(4, 1\), expected \(n_a, m\) = \(4, 5\); it must agree"
    ):
        FUNCTIONS[f"{n.name}_cell_forward"](g["x"][:, :, 0], *states, g["parameters"], **masks, **n.options)


@EACH
def test_the_way_back_names_a_last_gradient_of_another_batch(n):
    g = given(n)
    _, _, caches = forward(n, g)
    for name in n.rows:
        with pytest.raises(ShapeError, match=rf"`d{name}_final` has shape \(\d, 4\), expected .* = \(\d, 5\); it must"):
            FUNCTIONS[f"{n.name}_backward"](g[f"d{n.first}"], caches, **{f"d{name}_final": g[f"d{name}_final"][:, :-1]})


@pytest.mark.parametrize("rate", [-0.1, 1.5, float("nan"), 2])
@pytest.mark.parametrize("name", ["lstm_zoneout", "gru_zoneout before", "rnn_zoneout"])
def test_a_rate_outside_0_to_1_is_named(name, rate):
    n = BY_NAME[name]
    for mask in n.masks:
        g = given(n)
        g[mask] = rate
        with pytest.raises(
            ParameterError, match=rf"`{mask}` is {rate}, expected a rate from 0 to 1, or a mask; pass the"
        ):
            forward(n, g)
        states, masks = [g[f"{state}0"] for state in n.rows], dict.fromkeys(n.masks, 0.5) | {mask: rate}
        with pytest.raises(ParameterError, match=rf"`{mask}` is {rate}, expected a rate from 0 to 1"):
            FUNCTIONS[f"{n.name}_cell_forward"](g["x"][:, :, 0], *states, g["parameters"], **masks)


def test_a_mask_of_integers_is_named():
    n = BY_NAME["lstm_recurrent_dropout"]
    g = given(n) | {"mask": np.ones((N_A, M), int)}
    with pytest.raises(ParameterError, match=r"`mask` has dtype int64, expected a float dtype; convert it with"):
        forward(n, g)
