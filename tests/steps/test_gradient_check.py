"""The gradient check itself: it passes what is right, and says of what is wrong which entry, with both values."""

import numpy as np
import pytest

from helpers import rng
from unrolled.errors import ParameterError, ShapeError
from unrolled.steps import gradient_check

X, W = rng(1).normal(size=(3, 4)), rng(2).normal(size=(2, 3))


def forward(x, w):
    return {"y": np.tanh(w @ x), "total": x.sum()}, (x, w, np.tanh(w @ x))


def backward(upstream, cache):
    x, w, y = cache
    dz = upstream["y"] * (1 - y**2)
    return {"dx": w.T @ dz + upstream["total"], "dw": dz @ x.T}


def test_a_right_backward_pass_is_ok():
    report = gradient_check(forward, backward, {"x": X, "w": W})
    assert report.ok
    assert {entry.name for entry in report.worst_of_each} == {"dx", "dw"}
    assert report.worst.error < 1e-9
    assert "agree" in str(report)
    report.raise_if_wrong()


def test_one_wrong_entry_is_named_with_both_values():
    right = gradient_check(forward, backward, {"x": X, "w": W}).worst_of_each

    def wrong(upstream, cache):
        gradients = backward(upstream, cache)
        gradients["dw"][1, 2] += 0.5
        return gradients

    report = gradient_check(forward, wrong, {"x": X, "w": W})
    assert not report.ok
    assert (report.worst.name, report.worst.index) == ("dw", (1, 2))
    assert report.worst.backward - report.worst.numeric == pytest.approx(0.5)
    assert [entry.name for entry in report.worst_of_each] == ["dw", "dx"]
    assert report.worst_of_each[1].error == next(entry for entry in right if entry.name == "dx").error
    with pytest.raises(
        AssertionError, match=r"DISAGREE .*\n  ! dw\[1, 2\]: backward .*, central differences .*, error"
    ):
        report.raise_if_wrong()


def test_an_output_whose_gradient_is_lost_is_noticed():
    def lost(upstream, cache):
        return backward({**upstream, "total": 0.0}, cache)

    assert gradient_check(forward, lost, {"x": X, "w": W}).worst.name == "dx"


def test_a_nan_is_never_ok_and_is_the_worst():
    def nan(upstream, cache):
        gradients = backward(upstream, cache)
        gradients["dx"][0, 1] = np.nan
        gradients["dx"][2, 3] += 1e6
        return gradients

    report = gradient_check(forward, nan, {"x": X, "w": W})
    assert not report.ok
    assert (report.worst.name, report.worst.index) == ("dx", (0, 1))


def test_upstream_may_be_given():
    report = gradient_check(forward, backward, {"x": X, "w": W}, upstream={"y": np.zeros((2, 4)), "total": 1.0})
    assert report.ok
    assert {entry.name: entry.backward for entry in report.worst_of_each} == {"dx": 1.0, "dw": 0.0}


def test_the_tolerance_decides():
    report = gradient_check(forward, backward, {"x": X, "w": W}, tolerance=0.0)
    assert not report.ok
    assert report.worst.error > 0


def test_a_number_and_an_empty_array_are_inputs_too():
    def square(scale, none):
        return {"y": scale**2}, scale

    def derivative(upstream, scale):
        return {"dscale": upstream["y"] * 2 * scale, "dnone": np.zeros((0, 2))}

    report = gradient_check(square, derivative, {"scale": np.array(3.0), "none": np.zeros((0, 2))})
    assert report.ok
    assert [(entry.name, entry.index) for entry in report.worst_of_each] == [("dscale", ())]


def test_inputs_are_not_changed():
    x, w = X.copy(), W.copy()
    gradient_check(forward, backward, {"x": x, "w": w})
    np.testing.assert_array_equal(x, X)
    np.testing.assert_array_equal(w, W)


def test_short_floats_are_named_with_their_remedy():
    with pytest.raises(ParameterError, match=r"`x` has dtype float32, expected float64: .*; convert it with .astype"):
        gradient_check(forward, backward, {"x": X.astype(np.float32), "w": W})
    with pytest.raises(ParameterError, match=r"`w` has dtype int64, expected a float dtype; convert it with .astype"):
        gradient_check(forward, backward, {"x": X, "w": W.astype(np.int64)})


def test_a_gradient_that_is_missing_is_named():
    with pytest.raises(ParameterError, match=r"`backward` returned no 'dw', expected .*; return it, or leave `w` out"):
        gradient_check(forward, lambda upstream, cache: {"dx": X}, {"x": X, "w": W})


def test_a_gradient_of_another_shape_is_named():
    def transposed(upstream, cache):
        return {"dx": X.T, "dw": W}

    with pytest.raises(ShapeError, match=r"`dx` has shape \(4, 3\), expected .* = \(3, 4\); give it the shape of `x`"):
        gradient_check(forward, transposed, {"x": X, "w": W})


def test_upstream_of_other_names_is_named():
    words = (
        r"`upstream` has the names \['z'\], expected those of the outputs, \['total', 'y'\]; give one gradient for each"
    )
    with pytest.raises(ParameterError, match=words):
        gradient_check(forward, backward, {"x": X, "w": W}, upstream={"z": X})


def test_nothing_to_check_is_an_error():
    with pytest.raises(
        ParameterError, match=r"`inputs` has no entry to check, expected at least one; pass arrays that"
    ):
        gradient_check(forward, backward, {"x": np.zeros((3, 0)), "w": np.zeros((0, 3))})
