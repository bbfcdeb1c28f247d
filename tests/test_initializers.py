"""First values: orthogonal matrices uniform over all of them, and Glorot's limits."""

import numpy as np
import pytest

from helpers import rng
from unrolled.initializers import glorot_uniform, orthogonal


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


@pytest.mark.parametrize("first_values", [lambda draw: orthogonal(draw, 5), lambda draw: glorot_uniform(draw, 5, 4)])
def test_the_generator_alone_decides(first_values):
    np.testing.assert_array_equal(first_values(rng(3)), first_values(rng(3)))
    assert (first_values(rng(3)) != first_values(rng(4))).any()
