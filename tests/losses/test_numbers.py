"""Losses whose targets are numbers: each against its formula and central differences, at extremes, and with padding."""

import math

import numpy as np
import pytest

from unrolled.errors import ParameterError, ShapeError
from unrolled.losses import binary_cross_entropy_with_logits, gaussian_nll, mean_absolute_error, mean_squared_error

# a few dozen roundings of numbers of order 10, in each dtype
TOLERANCE = {"float32": 2e-5, "float64": 1e-12}


def plain_bce(z, t):
    p = 1 / (1 + np.exp(-z))
    return -t * np.log(p) - (1 - t) * np.log(1 - p)


def plain_nll(y, t):
    """The density itself, and its logarithm."""
    m, variance = y[..., : t.shape[-1]], np.exp(y[..., t.shape[-1] :])
    return -np.log(np.exp(-((t - m) ** 2) / (2 * variance)) / np.sqrt(2 * math.pi * variance))


PLAIN = {
    binary_cross_entropy_with_logits: plain_bce,
    mean_squared_error: lambda y, t: (y - t) ** 2,
    mean_absolute_error: lambda y, t: np.abs(y - t),
    gaussian_nll: plain_nll,
}
LOSSES = pytest.mark.parametrize("loss", PLAIN, ids=lambda f: f.__name__)


def outputs_for(loss):
    """What the loss calls its first argument."""
    return "logits" if loss is binary_cross_entropy_with_logits else "outputs"


def draw(loss, shape, dtype="float64", seed=5):
    """Outputs and targets that the loss takes, none of them near a corner of |y - t|."""
    rng = np.random.default_rng(seed)
    size = (*shape[:-1], 2 * shape[-1]) if loss is gaussian_nll else shape
    targets = rng.uniform(size=shape) if loss is binary_cross_entropy_with_logits else rng.normal(size=shape)
    return rng.normal(scale=1.5, size=size).astype(dtype), targets.astype(dtype)


@LOSSES
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(3,), (7, 1), (3, 4, 5)])
@pytest.mark.parametrize("weighted", ["nothing", "positions", "targets"])
def test_the_value_is_the_weighted_mean_of_the_formula(loss, dtype, shape, weighted):
    y, t = draw(loss, shape, dtype)
    weights = {
        "nothing": None,
        "positions": np.random.default_rng(6).uniform(0.1, 2, shape[:-1]),
        "targets": np.random.default_rng(6).uniform(0.1, 2, shape),
    }[weighted]
    value, gradient = loss(y, t, weights)
    each = np.broadcast_to(
        np.ones(shape) if weights is None else weights if weights.ndim == len(shape) else weights[..., None], shape
    )
    want = (each * PLAIN[loss](y.astype(float), t.astype(float))).sum() / each.sum()
    assert value == pytest.approx(want, abs=TOLERANCE[dtype])
    assert (gradient.shape, gradient.dtype) == (y.shape, dtype)
    exact = loss(y.astype(float), t.astype(float), weights)[1]
    np.testing.assert_allclose(gradient, exact, atol=TOLERANCE[dtype])


@LOSSES
@pytest.mark.parametrize("weighted", [False, True])
def test_the_gradient_is_that_of_the_returned_value(loss, weighted):
    y, t = draw(loss, (3, 2, 4))
    weights = np.random.default_rng(7).uniform(size=(3, 2)) if weighted else None
    _, gradient = loss(y, t, weights)
    for i in np.ndindex(y.shape):
        up, down = y.copy(), y.copy()
        up[i] += 1e-5
        down[i] -= 1e-5
        slope = (loss(up, t, weights)[0] - loss(down, t, weights)[0]) / 2e-5
        assert slope == pytest.approx(gradient[i], abs=1e-9)  # central differences: see steps' gradient check


@LOSSES
@pytest.mark.parametrize("anything", [np.nan, np.inf, -1e4])
@pytest.mark.parametrize("per_target", [False, True])
def test_what_has_weight_zero_may_hold_anything(loss, anything, per_target):
    y, t = draw(loss, (3, 2))
    value, gradient = loss(y[:2], t[:2])
    y[2], t[2] = anything, anything
    weights = np.array([1.0, 1.0, 0.0])
    value_, gradient_ = loss(y, t, np.repeat(weights[:, None], 2, 1) if per_target else weights)
    assert value_ == pytest.approx(value, rel=1e-14)
    np.testing.assert_allclose(gradient_[:2], gradient, rtol=1e-14)
    assert (gradient_[2] == 0).all()


@LOSSES
def test_one_answer_of_a_position_may_be_left_out(loss):
    y, t = draw(loss, (1, 2))
    t[0, 1] = np.nan
    value, gradient = loss(y, t, np.array([[2.0, 0.0]]))
    of_first = y[:, ::2] if loss is gaussian_nll else y[:, :1]
    assert value == pytest.approx(loss(of_first, t[:, :1])[0])
    assert (gradient[:, 1::2] == 0).all()


@LOSSES
def test_an_output_that_counts_and_is_nan_is_not_dropped(loss):
    y, t = draw(loss, (3, 2))
    y[1] = np.nan
    for weights in (None, np.ones(3)):
        value, gradient = loss(y, t, weights)
        assert math.isnan(value)
        assert np.isnan(gradient[1]).any()


@LOSSES
def test_targets_may_be_integers_and_weights_a_mask(loss):
    y, t = draw(loss, (4, 2), "float32")
    t = (t > 0.3).astype("float32")
    mask = np.array([True, True, False, True])
    value, gradient = loss(y, t.astype(int), mask)
    assert value == loss(y, t, mask.astype(float))[0]
    assert gradient.dtype == np.float32


@LOSSES
def test_lists_are_taken_as_arrays(loss):
    y, t = draw(loss, (3, 2))
    weights = np.array([1.0, 0.5, 2.0])
    value, gradient = loss(y.tolist(), t.tolist(), weights.tolist())
    want, want_gradient = loss(y, t, weights)
    assert value == want
    np.testing.assert_array_equal(gradient, want_gradient)


@LOSSES
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_ragged_list_is_named(loss, place):
    given = [*draw(loss, (2, 2)), np.ones((2, 2))]
    given[place] = [[1.0, 0.0], [1.0]]
    name = (outputs_for(loss), "targets", "weights")[place]
    with pytest.raises(ShapeError, match=rf"`{name}` is ragged, expected .*; every row needs as many entries"):
        loss(*given)


@LOSSES
@pytest.mark.parametrize("name", ["targets", "weights"])
@pytest.mark.parametrize("wrong", ["x", 1.5j])
def test_what_is_no_number_is_named(loss, name, wrong):
    y, t = draw(loss, (1, 2))
    with pytest.raises(
        ParameterError, match=rf"`{name}` has dtype .*, expected real numbers; convert it with np.asarray"
    ):
        loss(y, **({"targets": t, "weights": np.ones((1, 2))} | {name: [[wrong, wrong]]}))


@LOSSES
def test_the_arguments_are_left_as_they_were(loss):
    y, t = draw(loss, (4, 2))
    weights = np.array([1.0, 0.0, 2.0, 1.0])
    before = [a.copy() for a in (y, t, weights)]
    loss(y, t, weights)
    assert all((a == b).all() for a, b in zip((y, t, weights), before, strict=True))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_logits_of_ten_thousand_have_the_losses_of_their_limits(dtype):
    z = np.array([[1e4, 1e4, -1e4, -1e4]], dtype)
    value, gradient = binary_cross_entropy_with_logits(z, np.array([[1, 0, 1, 0]]))
    assert value == 5e3  # 0, 1e4, 1e4 and 0
    assert gradient.tolist() == [[0, 0.25, -0.25, 0]]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_sure_and_right_answer_keeps_its_small_loss(dtype):
    z = np.array([[30.0], [-30.0]], dtype)
    value, gradient = binary_cross_entropy_with_logits(z, np.array([[1], [0]]))
    assert value == pytest.approx(math.exp(-30), rel=1e-5, abs=0)  # 1 - p would be 0 in float32
    assert gradient[1, 0] == pytest.approx(math.exp(-30) / 2, rel=1e-5, abs=0)


def test_the_square_of_a_large_float32_error_does_not_overflow():
    value, gradient = mean_squared_error(np.array([[1e30]], "float32"), np.array([[0.0]]))
    assert value == pytest.approx(1e60)
    assert gradient[0, 0] == pytest.approx(2e30)


def test_a_gradient_beyond_float32_is_infinite_and_nothing_is_printed():
    assert (
        mean_squared_error(np.array([[3e38]], "float32"), np.array([[0.0]]))[1][0, 0] == np.inf
    )  # warnings are errors


def test_no_error_has_no_slope():
    assert mean_absolute_error(np.array([[2.0]]), np.array([[2.0]]))[1].tolist() == [[0.0]]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("s", [1e4, -1e4])
def test_an_extreme_variance_stays_finite_and_is_led_back(dtype, s):
    value, gradient = gaussian_nll(np.array([[1.0, s]], dtype), np.array([[0.0]]))
    nearest = math.copysign(30, s)
    assert value == pytest.approx((nearest + math.exp(-nearest) + math.log(2 * math.pi)) / 2, rel=1e-6)
    assert gradient[0, 0] == pytest.approx(math.exp(-nearest), rel=1e-6)
    assert gradient[0, 1] == pytest.approx((1 - math.exp(-nearest)) / 2, rel=1e-6)
    assert np.sign(gradient[0, 1]) == np.sign(s)  # a step against it leads towards 0


def test_the_likelihood_is_greatest_at_the_mean_and_variance_of_the_targets():
    t = np.array([[1.0], [2.0], [6.0]])
    _, gradient = gaussian_nll(np.tile([[3.0, math.log(14 / 3)]], (3, 1)), t)
    np.testing.assert_allclose(gradient.sum(axis=0), 0, atol=1e-15)


@LOSSES
def test_targets_of_another_shape_are_named(loss):
    y, t = draw(loss, (2, 3, 4))
    match = rf"`targets` has shape \(3, 2, 4\), expected \(T, N, K\) = \(2, 3, 4\); .* that `{outputs_for(loss)}`"
    with pytest.raises(ShapeError, match=match):
        loss(y, t.reshape(3, 2, 4))


@LOSSES
def test_weights_of_another_shape_are_named(loss):
    y, t = draw(loss, (2, 3, 4))
    with pytest.raises(
        ShapeError, match=r"`weights` has shape \(3, 2\), expected \(T, N\) = \(2, 3\); give one weight"
    ):
        loss(y, t, np.ones((3, 2)))
    with pytest.raises(ShapeError, match=r"`weights` has shape \(2, 3, 1\), expected \(T, N, K\) = \(2, 3, 4\); give"):
        loss(y, t, np.ones((2, 3, 1)))


@LOSSES
def test_a_single_number_is_no_batch(loss):
    with pytest.raises(ShapeError, match=rf"`{outputs_for(loss)}` has shape \(\), expected .*K"):
        loss(np.array(1.0), np.array(1.0))


@LOSSES
def test_outputs_of_another_dtype_are_named(loss):
    y, t = draw(loss, (2, 4))
    with pytest.raises(ParameterError, match=f"`{outputs_for(loss)}` has dtype int64, expected float32 or float64"):
        loss(y.astype(np.int64), t)


@LOSSES
def test_no_targets_are_an_error(loss):
    y, t = draw(loss, (0, 4))
    with pytest.raises(ParameterError, match=r"`targets` is empty, of shape \(0, 4\); expected at least one position"):
        loss(y, t)


@LOSSES
@pytest.mark.parametrize("weights", [[0, 0], [2, -1], [np.inf, 1], [np.nan, 1]])
def test_weights_without_a_positive_finite_sum_are_an_error(loss, weights):
    y, t = draw(loss, (2, 4))
    with pytest.raises(ParameterError, match=r"`weights` sum to .* is every position masked"):
        loss(y, t, np.array(weights, float))


@LOSSES
@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_a_target_that_counts_and_is_no_number_is_named_with_its_place(loss, wrong):
    y, t = draw(loss, (2, 4))
    t[1, 2] = wrong
    with pytest.raises(ParameterError, match=rf"`targets` holds {wrong} at \(1, 2\), expected .*; give it weight 0"):
        loss(y, t)


@pytest.mark.parametrize("wrong", [-0.01, 2])
def test_a_target_that_is_no_probability_is_named(wrong):
    with pytest.raises(ParameterError, match=rf"`targets` holds {wrong}.* at \(0, 1\), expected numbers from 0 to 1"):
        binary_cross_entropy_with_logits(np.zeros((1, 2)), np.array([[1, wrong]]))


@pytest.mark.parametrize("shape", [(), (2, 3)])
def test_outputs_that_are_not_pairs_are_named(shape):
    with pytest.raises(ShapeError, match=r"`outputs` has shape .*, expected \(\.\.\., 2K\), .* two outputs for each"):
        gaussian_nll(np.zeros(shape), np.zeros(shape))
