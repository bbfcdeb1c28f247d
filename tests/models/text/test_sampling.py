"""Choosing tokens: each setting draws with the probabilities that its equations give."""

import numpy as np
import pytest

from unrolled.errors import ParameterError
from unrolled.models.text.sampling import Sampling, log_softmax

DRAWS = 4000
CLOSE = 0.03  # four standard deviations of 4000 draws


def drawn(logits, **how):
    rows = np.tile(np.array(logits, "float32"), (DRAWS, 1))
    chosen = Sampling(**how).choose(rows, np.random.default_rng(0))
    assert chosen.dtype == np.int32
    return np.bincount(chosen, minlength=len(logits)) / DRAWS


def test_tokens_are_drawn_with_their_probability_and_the_unknown_one_never():
    np.testing.assert_allclose(drawn(np.log([0.5, 0.1, 0.2, 0.7])), [0, 0.1, 0.2, 0.7], atol=CLOSE)


def test_the_temperature_divides_the_logits():
    want = np.array([0.1, 0.2, 0.7]) ** 2
    np.testing.assert_allclose(drawn(np.log([1, 0.1, 0.2, 0.7]), temperature=0.5)[1:], want / want.sum(), atol=CLOSE)
    assert drawn(np.log([1, 0.1, 0.2, 0.7]), temperature=1e-320).tolist() == [0, 0, 0, 1]
    assert drawn(np.log([1, 0.1, 0.2, 0.7]), temperature=0).tolist() == [0, 0, 0, 1]


def test_only_the_k_likeliest_are_drawn():
    p = drawn(np.log([1, 0.1, 0.2, 0.7]), top_k=2)
    assert p[1] == 0
    np.testing.assert_allclose(p[2:], np.array([0.2, 0.7]) / 0.9, atol=CLOSE)
    assert drawn(np.log([1, 0.1, 0.2, 0.7]), top_k=1).tolist() == [0, 0, 0, 1]
    assert (drawn([0.0, 1, 1, 1], top_k=99)[1:] > 0.3).all()
    assert drawn([0.0, 1, 1, 1], top_k=2)[3] == 0  # of equals the first k


def nucleus(top_p, **how):
    return Sampling(top_p=top_p, **how).probabilities(np.log([[9, 0.2, 0.1, 0.4, 0.3]]))[0]


def test_the_nucleus_is_the_smallest_set_that_reaches_its_probability():
    # likeliest first 0.4, 0.3, 0.2, 0.1: their sums are 0.4, 0.7, 0.9, 1
    np.testing.assert_allclose(nucleus(0.39), [0, 0, 0, 1, 0])
    np.testing.assert_allclose(nucleus(0.41), np.array([0, 0, 0, 0.4, 0.3]) / 0.7)
    np.testing.assert_allclose(nucleus(0.89), np.array([0, 0.2, 0, 0.4, 0.3]) / 0.9)
    np.testing.assert_allclose(nucleus(0.91), [0, 0.2, 0.1, 0.4, 0.3])
    np.testing.assert_allclose(nucleus(1), [0, 0.2, 0.1, 0.4, 0.3])
    np.testing.assert_allclose(nucleus(1e-12), [0, 0, 0, 1, 0])  # the likeliest always stays


def test_the_nucleus_is_taken_of_what_top_k_left_at_the_temperature():
    # two likeliest: 4/7 = 0.571 and 3/7
    np.testing.assert_allclose(nucleus(0.57, top_k=2), [0, 0, 0, 1, 0])
    np.testing.assert_allclose(nucleus(0.58, top_k=2), np.array([0, 0, 0, 4, 3]) / 7)
    # squared: 16, 9, 4, 1 of 30
    np.testing.assert_allclose(nucleus(0.8, temperature=0.5), np.array([0, 0, 0, 16, 9]) / 25)


def test_each_row_is_chosen_on_its_own_with_one_random_number():
    logits = np.log([[1, 1, 1e-30, 1e-30], [1, 1e-30, 1e-30, 1], [1, 1e-30, 1, 1e-30]])
    rng = np.random.default_rng(0)
    assert Sampling().choose(logits, rng).tolist() == [1, 3, 2]
    other = np.random.default_rng(0)
    other.random(3)
    assert rng.random() == other.random()


def test_a_random_number_of_zero_takes_no_impossible_token():
    class Zero:
        def random(self, count):
            return np.zeros(count)

    assert Sampling(top_k=1).choose(np.array([[0.0, 1.0, 2.0, 1.5]]), Zero()).tolist() == [2]


def test_huge_logits_overflow_nothing():
    np.testing.assert_array_equal(Sampling(temperature=1e-3).probabilities(np.array([[0, 1e30, -1e30]])), [[0, 1, 0]])


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"temperature": -0.5}, "`temperature` is -0.5, expected a finite number of at least 0; 0.8 is usual"),
        ({"temperature": np.inf}, "`temperature` is inf, expected a finite number"),
        ({"top_k": 0}, "`top_k` is 0, expected a whole number of at least 1; leave it out to allow all"),
        ({"top_p": 0.0}, "`top_p` is 0.0, expected a number above 0 and at most 1; leave it out to allow all"),
        ({"top_p": 1.1}, "`top_p` is 1.1, expected a number above 0"),
        ({"top_p": np.nan}, "`top_p` is nan, expected a number above 0"),
    ],
)
def test_a_setting_out_of_its_range_is_named(how, message):
    with pytest.raises(ParameterError, match=message):
        Sampling(**how)


def test_the_logarithm_of_the_softmax_is_finite_for_huge_logits():
    assert log_softmax(np.array([[1e30, 0.0]], "float32")).tolist()[0][0] == 0
    np.testing.assert_allclose(np.exp(log_softmax(np.log([[0.25, 0.75]]))), [[0.25, 0.75]])
