"""What every network promises beside its values: dtypes, NaN, empty batches, no steps, lengths, untouched arguments."""

from copy import deepcopy

import numpy as np
import pytest

from helpers import Array, tolerance
from steps.gradients import LENGTHS, N_A, N_X, N_Y, M
from steps.networks import NETWORKS, given, run
from unrolled import steps


def weights(found: dict[str, Array]) -> dict[str, Array]:
    return {name: value for name, value in found.items() if name.startswith(("dW", "db"))}


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble])
@pytest.mark.parametrize("network", NETWORKS)
def test_one_float_dtype_in_gives_the_same_out_and_the_same_values(network, dtype):
    exact = run(network, given(network))
    for name, value in run(network, given(network, dtype=dtype)).items():
        assert value.dtype == dtype, name
        allowed = tolerance("reordered", dtype if np.finfo(dtype).eps > np.finfo(float).eps else float)
        np.testing.assert_allclose(value, exact[name], **allowed, err_msg=name)


@pytest.mark.parametrize("network", NETWORKS)
def test_longdouble_is_computed_in_longdouble(network):
    exact = run(network, given(network))
    assert any(
        np.any(value != exact[name]) for name, value in run(network, given(network, dtype=np.longdouble)).items()
    )


@pytest.mark.parametrize("network", NETWORKS)
def test_mixed_floats_follow_numpys_promotion(network):
    g = given(network, dtype=np.float32)
    g["x"] = g["x"].astype(np.float64)
    assert {value.dtype for value in run(network, g).values()} == {np.dtype(np.float64)}


@pytest.mark.parametrize("network", NETWORKS)
def test_no_argument_is_changed(network):
    g = given(network)
    before = deepcopy(g)
    found = run(network, g, lengths=LENGTHS[3])
    for name in ("x", "a0", "c0", "da", "dc_final"):
        np.testing.assert_array_equal(g[name], before[name], err_msg=name)
        assert not any(np.shares_memory(g[name], value) for value in found.values()), name
    for name, value in g["parameters"].items():
        np.testing.assert_array_equal(value, before["parameters"][name], err_msg=name)


@pytest.mark.parametrize("network", NETWORKS)
def test_a_nan_reaches_what_depends_on_it_and_nothing_else(network):
    clean = run(network, given(network))
    g = given(network)
    g["x"][1, 2, 1] = np.nan  # column 2, step 1
    found = run(network, g)
    hit = np.zeros((M, 3), dtype=bool)
    hit[2, 1:] = True
    for name in {"a", "y", "c"} & found.keys():
        assert np.isnan(found[name][:, hit]).all(), name
        np.testing.assert_array_equal(found[name][:, ~hit], clean[name][:, ~hit], err_msg=name)
    for name in {"dx", "da0", "dc0"} & found.keys():
        assert np.isnan(found[name][:, 2]).all(), name
        np.testing.assert_array_equal(
            np.delete(found[name], 2, axis=1), np.delete(clean[name], 2, axis=1), err_msg=name
        )
    for name, value in weights(found).items():
        assert np.isnan(value).any(axis=1).all(), name


@pytest.mark.parametrize("network", NETWORKS)
def test_an_empty_batch_gives_no_columns_and_zero_gradients_of_the_weights(network):
    full, found = run(network, given(network)), run(network, given(network, m=0))
    assert found.keys() == full.keys()
    assert {found[name].shape for name in ("a", "da0", "dx")} == {(N_A, 0, 3), (N_A, 0), (N_X, 0, 3)}
    for name, value in weights(found).items():
        np.testing.assert_array_equal(value, np.zeros_like(full[name]), err_msg=name)


@pytest.mark.parametrize("network", NETWORKS)
def test_no_steps_give_no_outputs_and_zero_gradients(network):
    g = given(network, T=0)
    found = run(network, g)
    assert (found["a"].shape, found["y"].shape, found["dx"].shape) == ((N_A, M, 0), (N_Y, M, 0), (N_X, M, 0))
    assert not any(value.any() for value in weights(found).values())
    assert {name: value.shape for name, value in weights(found).items()} == {
        name: value.shape for name, value in weights(run(network, given(network))).items() if name != "dbca"
    }
    untouched = found["dc0"] if network == "lstm" else found["da0"]
    np.testing.assert_array_equal(untouched, g["dc_final"])


@pytest.mark.parametrize("network", NETWORKS)
def test_a_gradient_of_no_steps_after_a_forward_pass_of_some_is_zero(network):
    g = given(network)
    g["da"] = g["da"][:, :, :0]
    found = run(network, g)
    assert found["dx"].shape == (N_X, M, 0)
    assert not any(value.any() for value in weights(found).values())


@pytest.mark.parametrize("network", NETWORKS)
def test_a_gradient_of_fewer_steps_is_that_of_a_shorter_sequence(network):
    short, long = given(network, T=3), given(network, T=7)
    long |= {name: short[name] for name in ("a0", "c0", "da", "dc_final")}
    long["x"][:, :, :3] = short["x"]
    want, found = run(network, short), run(network, long)
    for name in want.keys() - {"a", "y", "c"}:
        np.testing.assert_array_equal(found[name], want[name], err_msg=name)


@pytest.mark.parametrize("network", NETWORKS)
def test_each_padded_sequence_gives_what_it_gives_alone(network):
    """Padding is NaN in x and da: were it read, it would show."""
    g, lengths = given(network, T=7), LENGTHS[7]
    for column, length in enumerate(lengths):
        g["x"][:, column, length:] = np.nan
        g["da"][:, column, length:] = np.nan
    found = run(network, g, lengths=np.array(lengths))
    total = {name: np.zeros_like(value) for name, value in weights(found).items()}
    for column, length in enumerate(lengths):
        own = {name: g[name][:, [column], :length] for name in ("x", "da")}
        own |= {name: g[name][:, [column]] for name in ("a0", "c0", "dc_final")}
        alone = run(network, {**own, "parameters": g["parameters"]})
        for name in {"a", "y", "c", "dx"} & found.keys():
            np.testing.assert_allclose(found[name][:, column, :length], alone[name][:, 0], **tolerance("reordered"))
            assert not found[name][:, column, length:].any(), f"{name} is not 0 where sequence {column} is padded"
        for name in {"da0", "dc0"} & found.keys():
            np.testing.assert_allclose(
                found[name][:, column], alone[name][:, 0], **tolerance("reordered"), err_msg=name
            )
        for name in total.keys() & alone.keys():
            total[name] += alone[name]
    for name, value in total.items():
        np.testing.assert_allclose(found[name], value, **tolerance("reordered"), err_msg=name)


@pytest.mark.parametrize("network", NETWORKS)
def test_full_lengths_change_no_bit(network):
    g = given(network)
    plain, padded = run(network, g), run(network, g, lengths=[3] * M)
    for name, value in plain.items():
        np.testing.assert_array_equal(padded[name], value, err_msg=name)


def test_the_course_forms_have_the_courses_keys_caches_and_defaults():
    g = given("rnn")
    _, _, (caches, x) = steps.rnn_forward(g["x"], g["a0"], g["parameters"])
    assert x is g["x"]
    assert [type(cache) for cache in caches] == [tuple] * 3
    assert caches[0][3] is g["parameters"]
    assert list(steps.rnn_cell_backward(g["da"][:, :, 0], caches[0])) == ["dxt", "da_prev", "dWax", "dWaa", "dba"]
    assert list(steps.rnn_backward(g["da"], (caches, x))) == ["dx", "da0", "dWax", "dWaa", "dba"]

    g, gates = given("lstm"), ["dWf", "dbf", "dWi", "dbi", "dWc", "dbc", "dWo", "dbo"]
    a, _, c, (caches, x) = steps.lstm_forward(g["x"], g["a0"], g["parameters"])
    assert [type(cache) for cache in caches] == [tuple] * 3
    assert not caches[0][3].any(), "c starts at zero"
    for t, (a_next, c_next, a_prev, c_prev, *_gates, xt, parameters) in enumerate(caches):
        for found, want in ((a_next, a[:, :, t]), (c_next, c[:, :, t]), (xt, x[:, :, t])):
            np.testing.assert_array_equal(found, want)
        assert parameters is g["parameters"]
        if t:
            np.testing.assert_array_equal(a_prev, a[:, :, t - 1])
            np.testing.assert_array_equal(c_prev, c[:, :, t - 1])
    cell = steps.lstm_cell_backward(g["da"][:, :, 0], g["c0"], caches[0])
    assert list(cell) == ["dxt", "da_prev", "dc_prev", *gates]
    assert list(steps.lstm_backward(g["da"], (caches, x))) == ["dx", "da0", *gates]


def test_the_two_forms_of_the_gru_differ_and_meet_where_the_reset_gate_is_open():
    g = given("gru after")
    assert np.abs(run("gru before", g)["a"] - run("gru after", g)["a"]).max() > 1e-3
    g["parameters"] |= {"br": np.full((N_A, 1), 50.0), "bca": np.zeros((N_A, 1))}
    np.testing.assert_allclose(run("gru before", g)["a"], run("gru after", g)["a"], **tolerance("reordered"))
