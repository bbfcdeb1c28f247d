"""Dense products and the softmax head of the engine against NumPy, at every kind of size, and their errors."""
# ruff: noqa: E741 - an axis is I, as in the equations

import numpy as np
import pytest

from helpers import rng
from unrolled import engine
from unrolled.errors import ParameterError, ShapeError

DTYPES = ("float32", "float64")

# (M, I, K): below, at and above vector widths, panels, the tile's height, a slice of the depth (256), a chunk (512)
SIZES = [
    (1, 1, 1), (2, 3, 5), (3, 1, 4), (5, 7, 1), (6, 16, 64), (7, 17, 65), (4, 15, 63), (13, 8, 31), (64, 33, 32),
    (12, 256, 40), (5, 257, 70), (3, 600, 130), (511, 3, 9), (512, 4, 8), (513, 5, 17), (1100, 20, 33), (70, 128, 300),
]  # fmt: skip


def bound(dtype: str, terms: int, scale: np.ndarray) -> float:
    """Roundings of a sum of `terms` products grow like the root of their number; the factor 4 is for the tails."""
    return float(4 * np.finfo(dtype).eps * np.sqrt(terms + 1) * np.maximum(1, np.abs(scale).max(initial=0)))


def draw(seed: int, dtype: str, *shapes: tuple[int, ...]) -> list[np.ndarray]:
    generator = rng(seed)
    return [generator.normal(size=shape).astype(dtype) for shape in shapes]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("M", "I", "K"), SIZES)
def test_dense_forward_and_backward_are_the_products_that_they_say(M, I, K, dtype):
    x, weight, bias, dy = draw(M + I + K, dtype, (M, I), (K, I), (K,), (M, K))
    X, W, DY = (array.astype(float) for array in (x, weight, dy))
    dx, dweight, dbias = engine.dense_backward(x, weight, dy)
    results = {
        "y": (engine.dense_forward(x, weight, bias), X @ W.T + bias, I),
        "y without bias": (engine.dense_forward(x, weight), X @ W.T, I),
        "dx": (dx, DY @ W, K),
        "dweight": (dweight, DY.T @ X, M),
        "dbias": (dbias, DY.sum(0), M),
    }
    for name, (found, expected, terms) in results.items():
        assert found.dtype == dtype, name
        assert found.shape == expected.shape, name
        assert np.abs(found - expected).max() <= bound(dtype, terms, expected), name
    assert engine.dense_backward(x, weight, dy, need_dx=False)[0] is None


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("M", "I", "K"), [(0, 3, 4), (3, 0, 4), (3, 4, 0)])
def test_empty_products_are_empty_sums(M, I, K, dtype):
    x, weight, dy = (np.ones(shape, dtype) for shape in ((M, I), (K, I), (M, K)))
    bias = np.full(K, 2, dtype)
    np.testing.assert_array_equal(engine.dense_forward(x, weight, bias), x @ weight.T + bias)
    dx, dweight, dbias = engine.dense_backward(x, weight, dy)
    np.testing.assert_array_equal(dx, dy @ weight)
    np.testing.assert_array_equal(dweight, dy.T @ x)
    np.testing.assert_array_equal(dbias, dy.sum(0))


@pytest.mark.parametrize("dtype", DTYPES)
def test_inputs_may_lie_anywhere_and_are_not_changed(dtype):
    x, weight, bias, dy = draw(1, dtype, (9, 5), (7, 5), (7,), (9, 7))
    y, gradients = engine.dense_forward(x, weight, bias), engine.dense_backward(x, weight, dy)
    elsewhere = [np.asfortranarray(x), np.repeat(weight, 2, axis=1)[:, ::2], bias[::-1].copy()[::-1], dy.T.copy().T]
    kept = [array.copy() for array in elsewhere]
    np.testing.assert_array_equal(engine.dense_forward(*elsewhere[:3]), y)
    for found, expected in zip(engine.dense_backward(elsewhere[0], elsewhere[1], elsewhere[3]), gradients, strict=True):
        np.testing.assert_array_equal(found, expected)
    for array, before in zip(elsewhere, kept, strict=True):
        np.testing.assert_array_equal(array, before)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_nan_reaches_what_depends_on_it_and_nothing_else(dtype):
    x, weight, dy = draw(2, dtype, (9, 5), (70, 5), (9, 70))
    x[4, 2] = np.nan
    nan = np.isnan(engine.dense_forward(x, weight))
    assert nan[4].all()
    assert not np.delete(nan, 4, axis=0).any()
    _, dweight, dbias = engine.dense_backward(x, weight, dy)
    assert np.isnan(dweight[:, 2]).all()
    assert not np.isnan(np.delete(dweight, 2, axis=1)).any()
    assert not np.isnan(dbias).any()


@pytest.mark.parametrize(
    ("shapes", "words"),
    [
        (((3,), (2, 3), (2,)), r"`x` has shape \(3,\), expected \(M, I\); flatten time and batch into rows first"),
        (((2, 2, 3), (2, 3), (2,)), r"`x` has shape \(2, 2, 3\), expected \(M, I\); flatten time and batch"),
        (
            ((4, 3), (3, 2), (2,)),
            r"`weight` has shape \(3, 2\), expected \(K, I\) = \(K, 3\); did you pass its transpose\?",
        ),
        (((4, 3), (2, 3), (3,)), r"`bias` has shape \(3,\), expected \(K,\) = \(2,\); it needs one entry for each row"),
    ],
)
def test_a_wrong_shape_of_dense_forward_is_named_with_its_remedy(shapes, words):
    with pytest.raises(ShapeError, match=words):
        engine.dense_forward(*(np.zeros(shape) for shape in shapes))


@pytest.mark.parametrize(
    ("shapes", "words"),
    [
        (((3,), (2, 3), (4, 2)), r"`x` has shape \(3,\), expected \(M, I\)"),
        (
            ((4, 3), (3, 2), (4, 2)),
            r"`weight` has shape \(3, 2\), expected \(K, I\) = \(K, 3\); did you pass its transpose\?",
        ),
        (
            ((4, 3), (2, 3), (2, 4)),
            r"`dy` has shape \(2, 4\), expected \(M, K\) = \(4, 2\); it needs the shape of the forward",
        ),
    ],
)
def test_a_wrong_shape_of_dense_backward_is_named_with_its_remedy(shapes, words):
    with pytest.raises(ShapeError, match=words):
        engine.dense_backward(*(np.zeros(shape) for shape in shapes))


def test_mixed_dtypes_are_refused_with_the_remedy():
    x, weight, dy = np.zeros((4, 3)), np.zeros((2, 3)), np.zeros((4, 2))
    with pytest.raises(
        ParameterError,
        match=r"`weight` has dtype float32, expected float64; convert it with np\.asarray\(weight, np\.float64\)",
    ):
        engine.dense_forward(x, np.float32(weight))
    with pytest.raises(ParameterError, match=r"`bias` has dtype float64, expected float32"):
        engine.dense_forward(np.float32(x), np.float32(weight), np.zeros(2))
    with pytest.raises(ParameterError, match=r"`weight` has dtype float32, expected float64"):
        engine.dense_backward(x, np.float32(weight), dy)
    with pytest.raises(ParameterError, match=r"`dy` has dtype int64, expected float64"):
        engine.dense_backward(x, weight, dy.astype(np.int64))
    with pytest.raises(ParameterError, match=r"`x` has dtype int64, expected float32 or float64; convert it"):
        engine.dense_backward([[1, 2]], np.ones((1, 2)), np.ones((1, 1)))
    with pytest.raises(ParameterError, match=r"`x` has dtype float16, expected float32 or float64"):
        engine.dense_forward(np.float16(x), weight)


# The softmax head


def cross_entropy(logits: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """By the formula, in the longest float there is; infinite logits are kept, their difference is not made."""
    z = logits.astype(np.longdouble)
    z = z - z.max(axis=1, keepdims=True)
    log_sum = np.log(np.exp(z).sum(axis=1, keepdims=True))
    losses = (log_sum - z)[np.arange(len(z)), targets]
    return losses, np.exp(z - log_sum) - np.eye(z.shape[1])[targets]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("M", "K"), [(1, 1), (1, 2), (5, 3), (7, 8), (4, 15), (3, 16), (9, 17), (200, 67), (3, 1000)])
@pytest.mark.parametrize("scale", [0.1, 3, 50])
def test_losses_and_gradients_are_those_of_the_log_softmax(M, K, scale, dtype):
    generator = rng(M * K)
    logits = generator.normal(scale=scale, size=(M, K)).astype(dtype)
    targets = generator.integers(K, size=M)
    losses, dlogits = engine.softmax_cross_entropy(logits, targets)
    expected, dexpected = cross_entropy(logits, targets)
    # K exponentials of three digits each, whose errors are independent; a loss of 100 has digits of its own
    tolerance = 4 * np.finfo(dtype).eps * np.sqrt(K)
    np.testing.assert_allclose(losses, expected.astype(dtype), rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(dlogits, dexpected.astype(dtype), rtol=0, atol=tolerance)


@pytest.mark.parametrize("dtype", DTYPES)
def test_far_apart_logits_neither_overflow_nor_lose_the_loss(dtype):
    logits = np.array([[1e4, -1e4, 0], [1e4, -1e4, 0], [-1e4, -1e4, -1e4]], dtype)
    losses, dlogits = engine.softmax_cross_entropy(logits, [0, 1, 2])
    np.testing.assert_allclose(losses, [0, 2e4, np.log(3)], rtol=4 * np.finfo(dtype).eps)
    np.testing.assert_allclose(dlogits, [[0, 0, 0], [1, -1, 0], [1 / 3, 1 / 3, -2 / 3]], atol=4 * np.finfo(dtype).eps)


@pytest.mark.parametrize("dtype", DTYPES)
def test_an_impossible_class_costs_infinitely_and_others_cost_what_they_would_without_it(dtype):
    logits = np.array([[0, -np.inf, 0], [0, -np.inf, 0]], dtype)
    losses, dlogits = engine.softmax_cross_entropy(logits, [1, 0])
    np.testing.assert_allclose(losses, [np.inf, np.log(2)], rtol=4 * np.finfo(dtype).eps)
    np.testing.assert_allclose(dlogits, [[0.5, -1, 0.5], [-0.5, 0, 0.5]], atol=4 * np.finfo(dtype).eps)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("where", [0, 1, 18])
def test_a_nan_makes_its_own_row_nan_and_no_other(where, dtype):
    logits = rng(0).normal(size=(5, 19)).astype(dtype)
    logits[2, where] = np.nan
    losses, dlogits = engine.softmax_cross_entropy(logits, [3] * 5)
    assert list(np.isnan(losses)) == [False, False, True, False, False]
    assert np.isnan(dlogits[2]).all()
    assert not np.isnan(np.delete(dlogits, 2, axis=0)).any()


@pytest.mark.parametrize("dtype", DTYPES)
def test_one_class_costs_nothing_and_no_rows_give_none(dtype):
    losses, dlogits = engine.softmax_cross_entropy(np.full((3, 1), 7, dtype), [0, 0, 0])
    assert not losses.any()
    assert not dlogits.any()
    losses, dlogits = engine.softmax_cross_entropy(np.zeros((0, 4), dtype), np.zeros(0, int))
    assert (losses.shape, dlogits.shape) == ((0,), (0, 4))


def test_logits_and_targets_may_lie_anywhere_and_are_not_changed():
    logits, targets = rng(3).normal(size=(6, 9)), rng(4).integers(9, size=6)
    expected = engine.softmax_cross_entropy(logits, targets)
    wide, pairs = np.asfortranarray(logits), np.repeat(targets.astype(np.uint8), 2)[::2]
    for found in (
        engine.softmax_cross_entropy(wide, pairs),
        engine.softmax_cross_entropy(logits.tolist(), list(targets)),
    ):
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(wide, logits)
    np.testing.assert_array_equal(pairs, targets)


@pytest.mark.parametrize(
    ("logits", "targets", "error", "words"),
    [
        (
            np.zeros(3),
            [0],
            ShapeError,
            r"`logits` has shape \(3,\), expected \(M, K\); flatten time and batch into rows",
        ),
        (
            np.zeros((2, 3)),
            [0],
            ShapeError,
            r"`targets` has shape \(1,\), expected \(M,\) = \(2,\); did you pass one-hot rows",
        ),
        (
            np.zeros((2, 3)),
            np.eye(3, dtype=int)[:2],
            ShapeError,
            r"`targets` has shape \(2, 3\), .* did you pass one-hot rows",
        ),
        (np.zeros((2, 3)), [0.0, 1.0], ParameterError, r"`targets` has dtype float64, expected integers; convert it"),
        (
            np.zeros((2, 3)),
            [0, 3],
            ParameterError,
            r"`targets` holds 3, expected integers from 0 to 2; was another vocabulary",
        ),
        (np.zeros((2, 3)), [-1, 2], ParameterError, r"`targets` holds -1, expected integers from 0 to 2"),
        (np.zeros((2, 3)), [0, 2**40], ParameterError, r"`targets` holds 1099511627776, expected integers from 0 to 2"),
        (np.zeros((2, 3), int), [0, 1], ParameterError, r"`logits` has dtype int64, expected float32 or float64"),
    ],
)
def test_wrong_logits_and_targets_are_named_with_the_remedy(logits, targets, error, words):
    with pytest.raises(error, match=words):
        engine.softmax_cross_entropy(logits, targets)
