"""The mean cross-entropy of classes and its gradient, against the plain formula and central differences."""

import numpy as np
import pytest

from unrolled.errors import ParameterError, ShapeError
from unrolled.losses import softmax_cross_entropy

# a few dozen roundings of numbers of order 1, in each dtype
TOLERANCE = {"float32": 5e-6, "float64": 1e-12}


def plain(logits, targets, weights, smoothing=0.0):
    """The definition, in float64."""
    logits = logits.astype(np.float64)
    p = np.exp(logits - logits.max(-1, keepdims=True))
    p /= p.sum(-1, keepdims=True)
    share = weights / weights.sum()
    onehot = np.arange(logits.shape[-1]) == targets[..., None]
    q = (1 - smoothing) * onehot + smoothing / logits.shape[-1]
    return float((share * -(q * np.log(p)).sum(-1)).sum()), share[..., None] * (p - q)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(1, 2), (7, 5), (3, 4, 11)])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_loss_and_gradient_are_those_of_the_definition(dtype, shape, weighted, smoothing):
    rng = np.random.default_rng(3)
    logits = rng.normal(scale=3, size=shape).astype(dtype)
    targets = rng.integers(shape[-1], size=shape[:-1])
    weights = rng.uniform(0.1, 2, shape[:-1]) if weighted else None
    loss, dlogits = softmax_cross_entropy(logits, targets, weights, label_smoothing=smoothing)
    want, dwant = plain(logits, targets, np.ones(shape[:-1]) if weights is None else weights, smoothing)
    assert dlogits.shape == shape
    assert dlogits.dtype == dtype
    assert loss == pytest.approx(want, abs=TOLERANCE[dtype])
    np.testing.assert_allclose(dlogits, dwant, atol=TOLERANCE[dtype])


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_gradient_is_that_of_the_returned_loss(smoothing):
    rng = np.random.default_rng(4)
    logits, targets = rng.normal(size=(3, 2, 4)), rng.integers(4, size=(3, 2))
    weights = rng.uniform(size=(3, 2))

    def loss(values):
        return softmax_cross_entropy(values, targets, weights, label_smoothing=smoothing)[0]

    _, dlogits = softmax_cross_entropy(logits, targets, weights, label_smoothing=smoothing)
    for i in np.ndindex(logits.shape):
        up, down = logits.copy(), logits.copy()
        up[i] += 1e-5
        down[i] -= 1e-5
        slope = (loss(up) - loss(down)) / 2e-5
        assert slope == pytest.approx(dlogits[i], abs=1e-9)  # central differences in float64: see steps' gradient check


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("target", [1, -1, 99])
@pytest.mark.parametrize("anything", [np.nan, np.inf])
def test_a_position_of_weight_zero_may_hold_anything(smoothing, target, anything):
    logits = np.array([[1.0, 2.0], [anything, anything]])
    loss, dlogits = softmax_cross_entropy(
        logits, np.array([0, target]), np.array([1.0, 0.0]), label_smoothing=smoothing
    )
    assert loss == pytest.approx(np.log(1 + np.e) + smoothing * (1 - 1.5))
    assert (dlogits[1] == 0).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("smoothing", [0.0, 0.25])
def test_logits_of_ten_thousand_neither_overflow_nor_lose_the_loss(dtype, smoothing):
    logits = np.array([[1e4, -1e4], [-1e4, 1e4]], dtype)
    loss, dlogits = softmax_cross_entropy(logits, np.array([0, 0]), label_smoothing=smoothing)
    half = smoothing / 2  # p is one-hot to the last bit; -log p is 0 or 2e4
    assert loss == pytest.approx(2e4 * (half + 1 - half) / 2, rel=1e-6)
    np.testing.assert_allclose(dlogits, [[half / 2, -half / 2], [-(1 - half) / 2, (1 - half) / 2]], atol=1e-7)


def test_a_nan_that_counts_is_not_dropped():
    loss, dlogits = softmax_cross_entropy(np.array([[1.0, 2.0], [np.nan, 1.0]]), np.array([0, 1]))
    assert np.isnan(loss)
    assert np.isnan(dlogits[1]).any()


def test_targets_of_another_shape_are_named():
    with pytest.raises(ShapeError, match=r"`targets` has shape \(3, 2\), expected \(T, N\) = \(2, 3\); give one class"):
        softmax_cross_entropy(np.zeros((2, 3, 4)), np.zeros((3, 2), int))


def test_weights_of_another_shape_are_named():
    with pytest.raises(ShapeError, match=r"`weights` has shape \(3,\), expected \(N,\) = \(2,\); give one weight"):
        softmax_cross_entropy(np.zeros((2, 4)), np.zeros(2, int), np.ones(3))


@pytest.mark.parametrize("wrong", [-1, 4])
def test_a_target_that_is_no_class_is_named(wrong):
    with pytest.raises(ParameterError, match=f"`targets` holds {wrong}, expected integers from 0 to 3"):
        softmax_cross_entropy(np.zeros((2, 4)), np.array([0, wrong]))


def test_no_positions_are_an_error():
    with pytest.raises(ParameterError, match=r"`targets` is empty, of shape \(0, 3\); expected at least one position"):
        softmax_cross_entropy(np.zeros((0, 3, 4)), np.zeros((0, 3), int))


@pytest.mark.parametrize("weights", [[0, 0], [2, -1], [np.inf, 1], [np.nan, 1]])
def test_weights_without_a_positive_finite_sum_are_an_error(weights):
    with pytest.raises(ParameterError, match=r"`weights` sum to .* is every position masked"):
        softmax_cross_entropy(np.zeros((2, 4)), np.array([0, 1]), np.array(weights, float))


def test_logits_without_positions_are_named():
    with pytest.raises(
        ShapeError, match=r"`logits` has shape \(4,\), expected \(N, K\); it needs an axis of positions"
    ):
        softmax_cross_entropy(np.zeros(4), np.array(1))


def test_lists_are_taken_as_arrays():
    lists = [[[0.5, 2.0], [1.0, 0.0]]], [[1, 0]], [[1.0, 3.0]]
    loss, dlogits = softmax_cross_entropy(*lists)
    want, dwant = softmax_cross_entropy(*map(np.array, lists))
    assert loss == want
    np.testing.assert_array_equal(dlogits, dwant)


@pytest.mark.parametrize("name", ["logits", "targets", "weights"])
def test_a_ragged_list_is_named(name):
    given = {"logits": np.zeros((2, 2, 3)), "targets": np.zeros((2, 2), int), "weights": np.ones((2, 2))}
    with pytest.raises(ShapeError, match=rf"`{name}` is ragged, expected .*; every row needs as many entries"):
        softmax_cross_entropy(**(given | {name: [[1, 0], [1]]}))


def test_logits_of_no_class_are_named():
    with pytest.raises(ShapeError, match=r"`logits` has shape \(2, 0\), expected at least one class on the last axis"):
        softmax_cross_entropy(np.zeros((2, 0)), np.zeros(2, int))


def test_logits_of_another_dtype_are_named():
    with pytest.raises(ParameterError, match="`logits` has dtype int64, expected float32 or float64"):
        softmax_cross_entropy(np.zeros((2, 4), np.int64), np.zeros(2, int))


@pytest.mark.parametrize("wrong", ["x", 1.5j])
def test_weights_that_are_no_numbers_are_named(wrong):
    with pytest.raises(
        ParameterError, match=r"`weights` has dtype .*, expected real numbers; convert it with np.asarray"
    ):
        softmax_cross_entropy(np.zeros((2, 4)), [0, 1], [wrong, wrong])


@pytest.mark.parametrize("weights", [None, [1, 1], [1, 0]])
@pytest.mark.parametrize("targets", [["a", "b"], np.array(["2024-01-01"] * 2, "M8[D]"), [0.0, 1.0], [True, False]])
def test_targets_that_are_no_integers_are_named_with_weights_as_without(targets, weights):
    with pytest.raises(ParameterError, match=r"`targets` has dtype .*, expected integers"):
        softmax_cross_entropy(np.zeros((2, 4)), targets, weights)


@pytest.mark.parametrize("smoothing", [-0.1, 1.0, np.nan, "x", None])
def test_a_smoothing_out_of_its_range_is_named(smoothing):
    with pytest.raises(
        ParameterError, match=r"`label_smoothing` is .*, expected a number from 0 to below 1; 0.1 is usual"
    ):
        softmax_cross_entropy(np.zeros((2, 4)), np.zeros(2, int), label_smoothing=smoothing)
