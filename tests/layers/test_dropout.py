"""Dropout: what share it drops, that the mean stays, which mask lasts over time, and the way back."""

import copy
import json
import pickle

import numpy as np
import pytest

from helpers import rng
from unrolled.errors import ParameterError, ShapeError
from unrolled.layers import Dropout

T, N, I = 50, 20, 30  # noqa: E741


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_share_asked_for_is_dropped_and_the_rest_scaled_so_that_the_mean_stays(rate, dtype):
    y = Dropout(rate, seed=0).forward(np.ones((T, N, I), dtype)).output
    assert y.dtype == dtype
    values = np.unique(y)
    np.testing.assert_allclose(values, [0, 1 / (1 - rate)], rtol=1e-6)
    # a share of 30000 draws lies within 5 standard errors of its probability
    assert abs((y == 0).mean() - rate) < 5 * np.sqrt(rate * (1 - rate) / y.size)


def test_a_new_mask_is_drawn_at_each_step_and_at_each_call():
    dropout, x = Dropout(0.5, seed=0), np.ones((T, N, I))
    one, other = dropout.forward(x).output, dropout.forward(x).output
    assert (one != other).any()
    assert (one[0] != one[1:]).any(axis=(1, 2)).all()


def test_a_variational_mask_is_the_same_at_every_step_and_another_for_each_sequence_and_call():
    dropout, x = Dropout(0.5, variational=True, seed=0), rng(1).normal(size=(T, N, I))
    run = dropout.forward(x)
    dropped = run.output == 0
    assert (dropped == dropped[0]).all()
    assert (dropped[0, 0] != dropped[0, 1:]).any(axis=1).all()
    assert (dropout.forward(x).output != run.output).any()
    np.testing.assert_array_equal(run.output[~dropped], 2 * x[~dropped])


@pytest.mark.parametrize("variational", [False, True])
def test_the_gradient_passes_the_same_mask(variational):
    dropout, x, dy = Dropout(0.3, variational=variational, seed=0), *rng(0).normal(size=(2, T, N, I))
    run = dropout.forward(x)
    grads = dropout.backward(run, dy)
    np.testing.assert_allclose(grads.x, dy * run.output / x, rtol=1e-12)  # y = m x, so m = y / x
    assert grads.parameters == dropout.parameters == {}


@pytest.mark.parametrize("dropout", [Dropout(0.0), Dropout(0.0, variational=True)])
def test_a_rate_of_zero_changes_nothing_and_draws_nothing(dropout):
    x = rng(0).normal(size=(T, N, I))
    run = dropout.forward(x)
    np.testing.assert_array_equal(run.output, x)
    np.testing.assert_array_equal(dropout.backward(run, x).x, x)
    assert dropout.random_state is None


def test_inference_changes_nothing_draws_nothing_and_hands_the_state_through():
    dropout, x, state = Dropout(0.5, seed=0), rng(0).normal(size=(T, N, I)), object()
    before = dropout.random_state
    run = dropout.forward(x, state, training=False)
    for found in (run.output, dropout.backward(run, x).x, dropout(x)[0], dropout.step(x[0])[0][None]):
        np.testing.assert_array_equal(found, x[: len(found)])
    assert run.state is dropout(x, state)[1] is dropout.step(x, state)[1] is state
    assert dropout.random_state == before


def test_a_seed_repeats_the_masks_and_another_or_none_does_not():
    x = np.ones((T, N, I))
    one, same, other = (Dropout(0.5, seed=seed).forward(x).output for seed in (1, 1, 2))
    assert one.tobytes() == same.tobytes()
    assert (one != other).any()
    assert (Dropout(0.5).forward(x).output != Dropout(0.5).forward(x).output).any()


def test_a_random_state_kept_as_json_repeats_the_masks_that_come():
    dropout, x = Dropout(0.5, seed=0), np.ones((T, N, I))
    dropout.forward(x)
    kept = json.dumps(dropout.random_state)
    expected = [dropout.forward(x).output.tobytes() for _ in range(3)]
    resumed = Dropout(0.5, seed=9)
    resumed.random_state = json.loads(kept)
    assert [resumed.forward(x).output.tobytes() for _ in range(3)] == expected


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))])
def test_a_copy_goes_on_with_the_same_masks_by_itself(copied):
    dropout, x = Dropout(0.5, seed=0), np.ones((T, N, I))
    dropout.forward(x)
    other = copied(dropout)
    np.testing.assert_array_equal(other.forward(x).output, dropout.forward(x).output)


def test_a_random_state_that_is_none_of_a_layers_own_is_refused():
    dropout = Dropout(0.5, seed=0)
    for wrong in (None, {}, {"bit_generator": "MT19937"}, 3):
        with pytest.raises(ParameterError, match=r"`random_state` is .*, expected what this property gave before; was"):
            dropout.random_state = wrong
    with pytest.raises(ParameterError, match=r"`random_state` is a dict, expected None; this Dropout draws no masks"):
        Dropout(0.0).random_state = dropout.random_state
    still = Dropout(0.0)
    still.random_state = None
    assert still.random_state is None


@pytest.mark.parametrize("rate", [-0.1, 1, 1.0, 1.5, np.nan, "0.5", None, True, np.True_])
def test_a_rate_that_is_no_probability_is_refused(rate):
    with pytest.raises(ParameterError, match=r"`rate` is .*, expected a number from 0 to below 1; it is a probability"):
        Dropout(rate)


def test_what_is_no_flag_is_refused_and_numpys_flags_are_taken():
    assert repr(Dropout(0.5, variational=np.True_)) == "Dropout(0.5, variational=True)"
    for wrong in (1, "yes", None):
        with pytest.raises(ParameterError, match=r"`variational` is .*, expected True or False; is it another"):
            Dropout(0.5, variational=wrong)


def test_inputs_and_gradients_that_do_not_fit_are_named():
    dropout = Dropout(0.5, seed=0)
    with pytest.raises(ParameterError, match="`x` has dtype int64, expected float32 or float64; convert it"):
        dropout.forward(np.ones((2, 3), int))
    with pytest.raises(
        ShapeError, match=r"`x` has shape \(2, 3\), expected \(T, N, I\); a variational mask is the same at every"
    ):
        Dropout(0.5, variational=True).forward(np.ones((2, 3)))
    run = dropout.forward(np.ones((2, 3)))
    with pytest.raises(ShapeError, match=r"`dy` has shape \(3, 2\), expected \(N, I\) = \(2, 3\); dy is the gradient"):
        dropout.backward(run, np.ones((3, 2)))
    with pytest.raises(ParameterError, match="`dy` has dtype float32, expected float64"):
        dropout.backward(run, np.ones((2, 3), "float32"))
