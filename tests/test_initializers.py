"""First values: the property that each initialiser's paper asks for."""

import numpy as np
import pytest

from helpers import rng
from unrolled.initializers import INITIALIZERS, glorot_uniform, orthogonal


@pytest.mark.parametrize("size", [1, 2, 7, 64])
def test_rows_and_columns_are_orthonormal(size):
    q = orthogonal(rng(size), size)
    assert q.shape == (size, size)
    np.testing.assert_allclose(q @ q.T, np.eye(size), rtol=0, atol=1e-14 * size)
    np.testing.assert_allclose(q.T @ q, np.eye(size), rtol=0, atol=1e-14 * size)


def test_no_orthogonal_matrix_is_preferred():
    """Householder's QR alone leaves the signs of R's diagonal skewed, and with them those of q."""
    generator = rng(0)
    draws = np.array([orthogonal(generator, 3) for _ in range(4000)])
    # each entry of a uniform one has mean 0 and variance 1/3: 4000 draws put the mean within 5 standard errors of 0
    assert np.abs(draws.mean(axis=0)).max() < 5 * np.sqrt(1 / 3 / 4000)
    assert np.abs((draws**2).mean(axis=0) - 1 / 3).max() < 0.03
    # as many reflections as rotations
    assert abs(np.sign(np.linalg.det(draws)).mean()) < 5 / np.sqrt(4000)


@pytest.mark.parametrize(("outputs", "inputs"), [(300, 200), (40, 1000)])
def test_glorots_values_fill_their_limits_evenly(outputs, inputs):
    weights, limit = glorot_uniform(rng(1), outputs, inputs), np.sqrt(6 / (inputs + outputs))
    assert weights.shape == (outputs, inputs)
    assert 0.999 * limit < weights.max() <= limit
    assert -limit <= weights.min() < -0.999 * limit
    # a uniform value has standard deviation limit / sqrt(3)
    assert abs(weights.mean()) < 5 * limit / np.sqrt(3 * weights.size)
    np.testing.assert_allclose(weights.std(), limit / np.sqrt(3), rtol=0.01)


@pytest.mark.parametrize(("outputs", "inputs"), [(7, 3), (3, 7), (1, 4), (4, 1)])
def test_the_fewer_of_rows_and_columns_are_orthonormal(outputs, inputs):
    q = orthogonal(rng(0), outputs, inputs)
    assert q.shape == (outputs, inputs)
    gram = q @ q.T if outputs < inputs else q.T @ q
    np.testing.assert_allclose(gram, np.eye(min(outputs, inputs)), rtol=0, atol=1e-14 * max(outputs, inputs))


def test_without_inputs_an_orthogonal_matrix_is_square():
    np.testing.assert_array_equal(orthogonal(rng(0), 5), orthogonal(rng(0), 5, 5))


# name: variance of a weight (300, 200), and the limit of a uniform one
VARIANCES = {
    "glorot_uniform": (2 / 500, True),
    "glorot_normal": (2 / 500, False),
    "he_uniform": (2 / 200, True),
    "he_normal": (2 / 200, False),
    "uniform": (1 / 300 / 3, True),
}


@pytest.mark.parametrize("name", VARIANCES)
def test_weights_have_the_variance_and_the_distribution_of_their_source(name):
    weights, (variance, even) = INITIALIZERS[name](rng(1), 300, 200), VARIANCES[name]
    assert weights.shape == (300, 200)
    # 60000 draws put the mean within 5 standard errors of 0, and the variance within 3 % of its own
    assert abs(weights.mean()) < 5 * np.sqrt(variance / weights.size)
    np.testing.assert_allclose(weights.var(), variance, rtol=0.03)
    # the fourth moment over the squared second is 9/5 for a uniform value and 3 for a normal one
    np.testing.assert_allclose((weights**4).mean() / weights.var() ** 2, 1.8 if even else 3, rtol=0.05)
    if even:
        assert 0.999 * np.sqrt(3 * variance) < np.abs(weights).max() <= np.sqrt(3 * variance)


def test_he_keeps_the_mean_square_of_what_passes_a_rectifier():
    """He et al. 2015, equations 7 to 10: E[max(0, W x)^2] is E[x^2]."""
    x = np.maximum(rng(0).normal(size=(2000, 400)) @ INITIALIZERS["he_normal"](rng(1), 300, 400).T, 0)
    deeper = np.maximum(x @ INITIALIZERS["he_normal"](rng(2), 500, 300).T, 0)
    np.testing.assert_allclose((deeper**2).mean(), (x**2).mean(), rtol=0.1)


def test_the_identity_has_ones_on_its_diagonal_whatever_its_shape_and_zeros_are_zeros():
    np.testing.assert_array_equal(INITIALIZERS["identity"](rng(0), 2, 3), [[1, 0, 0], [0, 1, 0]])
    np.testing.assert_array_equal(INITIALIZERS["zeros"](rng(0), 2, 3), np.zeros((2, 3)))


@pytest.mark.parametrize("name", sorted(set(INITIALIZERS) - {"identity", "zeros"}))
def test_the_generator_alone_decides(name):
    first_values = INITIALIZERS[name]
    np.testing.assert_array_equal(first_values(rng(3), 5, 4), first_values(rng(3), 5, 4))
    assert (first_values(rng(3), 5, 4) != first_values(rng(4), 5, 4)).any()
