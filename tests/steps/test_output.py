"""The softmax head: what it scores, its dtypes and the ends of its range; its gradients are in gradients.py."""

import numpy as np
import pytest

from helpers import rng, tolerance
from steps.gradients import HEAD, LENGTHS, LSTM_HEAD, N_A, N_Y, M, draws
from unrolled.steps import output_backward, output_forward, rnn_forward

T = 3
CLASSES = rng(1).integers(N_Y, size=(M, T))


def one_hot(classes):
    return np.moveaxis(np.eye(N_Y)[classes], -1, 0)


def run(a, labels, parameters, **more):
    J, y_pred, cache = output_forward(a, labels, parameters, **more)
    return {"J": J, "y_pred": y_pred, **output_backward(cache)}


@pytest.fixture
def a():
    return draws(2, a=(N_A, M, T))["a"]


def test_the_gradient_has_the_name_of_the_weight_that_was_given(a):
    assert run(a, CLASSES, draws(3, **HEAD)).keys() == {"J", "y_pred", "da", "dWya", "dby"}
    assert run(a, CLASSES, draws(3, **LSTM_HEAD)).keys() == {"J", "y_pred", "da", "dWy", "dby"}


def test_its_probabilities_are_those_of_the_network():
    p = draws(4, Wax=(N_A, 2), Waa=(N_A, N_A), ba=(N_A, 1), **HEAD)
    states, y_pred, _ = rnn_forward(**draws(5, x=(2, M, T), a0=(N_A, M)), parameters=p)
    np.testing.assert_allclose(run(states, CLASSES, p)["y_pred"], y_pred, **tolerance("reordered"))


@pytest.mark.parametrize("dtype", [float, int])
def test_one_hot_labels_are_the_same_as_classes(a, dtype):
    p = draws(6, **HEAD)
    want = run(a, CLASSES, p)
    for name, value in run(a, one_hot(CLASSES).astype(dtype), p).items():
        np.testing.assert_allclose(value, want[name], **tolerance("reordered"), err_msg=name)


def test_the_mean_is_the_sum_over_the_number_of_scored_columns(a):
    p, count = draws(7, **HEAD), sum(LENGTHS[T])
    total = run(a, CLASSES, p, lengths=LENGTHS[T])
    mean = run(a, CLASSES, p, lengths=LENGTHS[T], reduction="mean")
    for name in ("J", "da", "dWya", "dby"):
        np.testing.assert_allclose(mean[name], total[name] / count, **tolerance("reordered"), err_msg=name)


def test_padded_steps_are_neither_scored_nor_read(a):
    p, scored = draws(8, **HEAD), np.arange(T) < np.array(LENGTHS[T])[:, np.newaxis]
    want = run(a, CLASSES, p, lengths=LENGTHS[T])
    noisy, wrong = a.copy(), CLASSES.copy()
    noisy[:, ~scored], wrong[~scored] = np.nan, -1
    for name, value in run(noisy, wrong, p, lengths=LENGTHS[T]).items():
        np.testing.assert_array_equal(value, want[name], err_msg=name)
    assert not want["y_pred"][:, ~scored].any()
    assert not want["da"][:, ~scored].any()
    alone = sum(run(a[:, [j], :n], CLASSES[[j], :n], p)["J"] for j, n in enumerate(LENGTHS[T]))
    np.testing.assert_allclose(want["J"], alone, **tolerance("reordered"))


@pytest.mark.parametrize("reduction", ["sum", "mean"])
@pytest.mark.parametrize("shape", [(0, T), (M, 0)])
def test_nothing_to_score_costs_nothing(shape, reduction):
    found = run(np.zeros((N_A, *shape)), np.zeros(shape, int), draws(9, **HEAD), reduction=reduction)
    assert (found["J"], found["da"].shape, found["y_pred"].shape) == (0, (N_A, *shape), (N_Y, *shape))
    assert not found["dWya"].any()
    assert not found["dby"].any()


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble])
@pytest.mark.parametrize("reduction", ["sum", "mean"])
def test_one_float_dtype_in_gives_the_same_out(a, dtype, reduction):
    p = {name: value.astype(dtype) for name, value in draws(10, **HEAD).items()}
    found = run(a.astype(dtype), CLASSES, p, reduction=reduction)
    assert {name: value.dtype for name, value in found.items()} == dict.fromkeys(found, np.dtype(dtype))


def test_a_loss_is_finite_where_the_probability_of_the_label_underflows():
    head = {"Wy": np.eye(2), "by": np.zeros((2, 1))}
    far = np.finfo(float).max / 4
    found = run(np.array([[far], [-far]]), np.array([1]), head)
    assert found["J"] == 2 * far
    assert found["y_pred"].tolist() == [[1], [0]]
    assert found["da"].tolist() == [[1], [-1]]
    assert run(np.array([[far], [-far]]), np.array([0]), head)["J"] == 0


def test_a_nan_state_makes_the_loss_nan_and_no_gradient_of_another_column(a):
    p = draws(11, **HEAD)
    clean = run(a, CLASSES, p)["da"]
    a[0, 1, 2] = np.nan
    found = run(a, CLASSES, p)
    assert np.isnan(found["J"])
    assert np.isnan(found["da"]).all(axis=0).sum() == 1
    others = ~np.isnan(found["da"])
    np.testing.assert_allclose(found["da"][others], clean[others], **tolerance("reordered"))


def test_a_nan_in_a_distribution_is_not_dropped(a):
    labels = one_hot(CLASSES)
    labels[0, 0, 0] = np.nan
    assert np.isnan(run(a, labels, draws(12, **HEAD))["J"])


def test_no_argument_is_changed(a):
    p, labels = draws(13, **HEAD), CLASSES.copy()
    before = a.copy(), {name: value.copy() for name, value in p.items()}
    run(a, labels, p, lengths=LENGTHS[T])
    np.testing.assert_array_equal(a, before[0])
    np.testing.assert_array_equal(labels, CLASSES)
    assert all(np.array_equal(p[name], value) for name, value in before[1].items())
