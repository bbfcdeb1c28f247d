"""The shape check and the errors: what passes, the words of what does not, and how each error may be caught."""

import pytest

from unrolled import errors
from unrolled.errors import ShapeError, UnrolledError
from unrolled.shapes import check_shape


@pytest.mark.parametrize("expected", [(32, 128), (None, 128), (None, None)])
def test_a_shape_that_fits_passes(expected):
    check_shape("h0", (32, 128), "N, H", expected, "no remedy needed")


def test_the_error_names_the_argument_what_came_what_was_expected_and_the_remedy():
    with pytest.raises(ShapeError) as caught:
        check_shape("h0", (32, 64), "N, H", (32, 128), "did you pass input_size as hidden_size?")
    assert str(caught.value) == (
        "`h0` has shape (32, 64), expected (N, H) = (32, 128); did you pass input_size as hidden_size?"
    )


def test_a_free_axis_keeps_its_name_in_the_words():
    with pytest.raises(ShapeError, match=r"^`x` has shape \(5, 3\), expected \(N, I\) = \(N, 4\); check `input_size`$"):
        check_shape("x", (5, 3), "N, I", (None, 4), "check `input_size`")


@pytest.mark.parametrize("actual", [(), (3,), (3, 4, 5)])
def test_another_number_of_axes_is_an_error_even_when_all_are_free(actual):
    with pytest.raises(ShapeError, match=r"expected \(N, I\); give two axes$"):
        check_shape("x", actual, "N, I", (None, None), "give two axes")


def test_one_axis_is_written_as_python_writes_it():
    with pytest.raises(
        ShapeError, match=r"`lengths` has shape \(3,\), expected \(N,\) = \(5,\); give one for each sequence$"
    ):
        check_shape("lengths", (3,), "N", (5,), "give one for each sequence")


def test_an_axis_of_length_zero_is_a_length_like_any_other():
    check_shape("x", (0, 4), "N, I", (0, 4), "no remedy needed")
    with pytest.raises(ShapeError, match=r"expected \(N, I\) = \(0, 4\)"):
        check_shape("x", (1, 4), "N, I", (0, 4), "give no rows")


@pytest.mark.parametrize("name", errors.__all__)
def test_every_error_can_be_caught_as_ours(name):
    error = getattr(errors, name)
    assert issubclass(error, UnrolledError)
    with pytest.raises(UnrolledError, match="words"):
        raise error("words")


@pytest.mark.parametrize(
    ("name", "builtin"),
    [
        ("ShapeError", ValueError),
        ("ParameterError", ValueError),
        ("DataError", ValueError),
        ("WeightFormatError", ValueError),
        ("CheckpointError", ValueError),
        ("DivergenceError", ArithmeticError),
        ("MissingExtraError", ImportError),
    ],
)
def test_every_error_can_be_caught_as_pythons_own(name, builtin):
    assert issubclass(getattr(errors, name), builtin)
