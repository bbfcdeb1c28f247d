"""Embedding: rows in, rows out, the gradient as a sum per token, and how it refuses."""

import numpy as np
import pytest

from unrolled.errors import ParameterError, ShapeError
from unrolled.layers.embedding import Embedding


@pytest.mark.parametrize("shape", [(), (6,), (4, 3), (0, 2)])
def test_each_token_gets_its_row(shape):
    embedding = Embedding(7, 2, seed=0)
    tokens = np.random.default_rng(0).integers(7, size=shape)
    y, state = embedding(tokens, "kept")
    assert y.shape == (*shape, 2)
    assert state == "kept"
    for index in np.ndindex(shape):
        assert (y[index] == embedding.parameters["weight"][tokens[index]]).all()


def test_each_row_of_the_gradient_sums_what_came_back_to_its_token():
    rng = np.random.default_rng(1)
    embedding = Embedding(9, 2, dtype="float64", seed=0)
    tokens, dy = rng.integers(1, 7, size=(20, 3)), rng.normal(size=(20, 3, 2))
    grads = embedding.backward(embedding.forward(tokens), dy)
    want = np.zeros((9, 2))
    for index in np.ndindex(tokens.shape):
        want[tokens[index]] += dy[index]
    assert grads.x is None
    np.testing.assert_allclose(grads.parameters["weight"], want, atol=1e-13)  # sums of about ten numbers of order 1
    assert (grads.parameters["weight"][[0, 7, 8]] == 0).all()


def test_no_tokens_give_a_gradient_of_zeros():
    embedding = Embedding(4, 2, seed=0)
    run = embedding.forward(np.zeros((0, 3), int))
    assert (embedding.backward(run, np.zeros((0, 3, 2), "float32")).parameters["weight"] == 0).all()


def test_a_step_is_a_call():
    embedding = Embedding(4, 2, seed=0)
    tokens = np.array([3, 1])
    assert (embedding.step(tokens)[0] == embedding(tokens)[0]).all()


@pytest.mark.parametrize("wrong", [-1, 4])
def test_a_token_outside_the_table_is_named(wrong):
    with pytest.raises(ParameterError, match=f"`tokens` holds {wrong}, expected integers from 0 to 3"):
        Embedding(4, 2).forward(np.array([0, wrong, 1]))


def test_one_hot_rows_are_refused():
    with pytest.raises(ParameterError, match="`tokens` has dtype float64, expected integers"):
        Embedding(4, 2).forward(np.eye(4))


def test_a_gradient_of_another_shape_is_named():
    embedding = Embedding(4, 2)
    run = embedding.forward(np.zeros((5, 3), int))
    with pytest.raises(ShapeError, match=r"`dy` has shape \(3, 5, 2\), expected \(T, N, E\) = \(5, 3, 2\); dy is"):
        embedding.backward(run, np.zeros((3, 5, 2)))


@pytest.mark.parametrize("name", ["vocabulary_size", "embedding_size"])
def test_a_size_that_is_not_positive_is_named(name):
    with pytest.raises(
        ParameterError, match=f"`{name}` is 0, expected a whole number of at least 1; how large is the table"
    ):
        Embedding(**{"vocabulary_size": 3, "embedding_size": 5, name: 0})
