"""The checks of shapes and numbers, and the errors: what passes, the words of what does not, how each is caught."""

import re
from fractions import Fraction

import numpy as np
import pytest

from unrolled import errors
from unrolled.errors import ParameterError, ShapeError, UnrolledError
from unrolled.shapes import check_shape, real_number, whole_number


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


@pytest.mark.parametrize("value", [2, np.int64(2), np.uint8(2)])
def test_a_whole_number_of_any_kind_becomes_pythons_own(value):
    found = whole_number("size", value, at_least=2)
    assert found == 2
    assert type(found) is int


NO_WHOLE_NUMBERS = [0, -1, np.int64(0), 3.0, 3.5, np.float32(3), "3", None, True, np.True_, np.nan, [3], np.array(3)]


@pytest.mark.parametrize("value", NO_WHOLE_NUMBERS, ids=repr)
def test_what_is_no_whole_number_or_too_small_is_named_with_its_remedy(value):
    expected = re.escape(f"`size` is {value!r}, expected a whole number of at least 1")
    with pytest.raises(ParameterError, match=rf"^{expected}$"):
        whole_number("size", value)
    with pytest.raises(ParameterError, match=rf"^{expected}; how many\?$"):
        whole_number("size", value, remedy="how many?")


def test_zero_is_a_whole_number_where_it_is_allowed():
    assert whole_number("seed", 0, at_least=0) == 0
    with pytest.raises(ParameterError, match=r"^`seed` is -1, expected a whole number of at least 0$"):
        whole_number("seed", -1, at_least=0)


@pytest.mark.parametrize("value", [0, 4, 5, 2.0])
def test_a_whole_number_that_reaches_what_it_must_stay_below_is_named_with_both_ends(value):
    assert [whole_number("size", inside, below=4) for inside in (1, 3)] == [1, 3]
    with pytest.raises(
        ParameterError, match=rf"^`size` is {value}, expected a whole number from 1 to below 4; cut it$"
    ):
        whole_number("size", value, below=4, remedy="cut it")


@pytest.mark.parametrize("value", [0.5, np.float64(0.5), np.float32(0.5), Fraction(1, 2)])
def test_a_number_of_any_kind_becomes_pythons_own(value):
    found = real_number("rate", value)
    assert found == 0.5
    assert type(found) is float


RANGES = [
    ({}, [-1e300, 0], [], "a finite number"),
    ({"at_least": 0}, [0, 9], [-1e-9], "a finite number of at least 0"),
    ({"above": 0}, [1e-9, 9], [0, -1], "a finite number above 0"),
    ({"at_most": 1}, [-9, 1], [1.01], "a finite number of at most 1"),
    ({"below": 1}, [-9, 0.99], [1, 2], "a finite number below 1"),
    ({"at_least": 0, "at_most": 1}, [0, 1], [-0.1, 1.1], "a number from 0 to 1"),
    ({"at_least": 0, "below": 1}, [0, 0.99], [-0.1, 1], "a number from 0 to below 1"),
    ({"above": 0, "at_most": 1}, [0.01, 1], [0, 1.1], "a number above 0 and at most 1"),
    ({"above": 0, "below": 1}, [0.01, 0.99], [0, 1], "a number between 0 and 1"),
]
NO_NUMBERS = [np.nan, np.inf, -np.inf, "0.5", None, True, np.True_, 1j, [0.5], np.array(0.5), 10**400]


@pytest.mark.parametrize(("bounds", "inside", "outside", "words"), RANGES, ids=[words for *_, words in RANGES])
def test_a_number_outside_its_range_is_named_with_the_range_and_the_remedy(bounds, inside, outside, words):
    for value in inside:
        assert real_number("rate", value, **bounds) == value
    for value in [*outside, *NO_NUMBERS]:
        expected = re.escape(f"`rate` is {value!r}, expected {words}")
        with pytest.raises(ParameterError, match=rf"^{expected}$"):
            real_number("rate", value, **bounds)
        with pytest.raises(ParameterError, match=rf"^{expected}; 0\.1 is usual$"):
            real_number("rate", value, **bounds, remedy="0.1 is usual")


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
