"""Arrays for the kernels: aligned, contiguous, copied only where they must be, and refused in words that help."""

import gc
import os
from pathlib import Path

import numpy as np
import pytest

from unrolled.engine.arrays import aligned_empty, aligned_zeros, checked, checked_tokens, float_dtype, release_memory
from unrolled.errors import ParameterError, ShapeError

FLOAT64 = np.dtype(np.float64)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(), (0,), (1,), (7,), (3, 5), (2, 0, 4), (5, 3, 17)])
def test_new_arrays_begin_at_a_cache_line_and_are_contiguous(shape, dtype):
    for make in (aligned_empty, aligned_zeros):
        for _ in range(5):
            array = make(shape, np.dtype(dtype))
            assert array.shape == shape
            assert array.dtype == dtype
            assert array.flags.c_contiguous
            assert array.flags.writeable
            small = array.size < 16384  # any array does
            assert small or array.__array_interface__["data"][0] % 64 == 0
    assert not aligned_zeros(shape, np.dtype(dtype)).any()


@pytest.mark.parametrize("size", [7, 5_000, 700_000], ids=["small", "kept for reuse", "in huge pages"])
def test_memory_is_used_again_only_when_the_last_view_of_it_is_gone(size):
    array = aligned_empty((2, size), FLOAT64)
    array.fill(7)
    view = array[1, size // 2 :]
    del array
    others = [aligned_zeros((2, size), FLOAT64) for _ in range(5)]
    assert not any(np.shares_memory(view, other) for other in others)
    assert not any(np.shares_memory(one, other) for k, one in enumerate(others) for other in others[:k])
    assert (view == 7).all()


def resident_bytes():
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif("asan" in os.environ.get("LD_PRELOAD", ""), reason="there, no memory is kept for the next array")
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the system does not tell what is resident")
def test_idle_memory_goes_back_to_the_system_when_asked_and_what_is_used_stays():
    gc.collect()
    release_memory()
    idle = [aligned_zeros((1_250_000,), FLOAT64) for _ in range(8)]  # of 10 MB: some lie in the heap
    used = aligned_zeros((2_000_000,), FLOAT64)
    used.fill(7)
    del idle
    before = resident_bytes()
    released = release_memory()
    assert 80_000_000 <= released < 80_000_000 + 8 * 2**21  # whole huge pages
    assert before - resident_bytes() >= 60_000_000
    assert release_memory() == 0
    assert (used == 7).all()


def test_lists_of_unequal_lengths_are_told_by_the_arguments_name():
    for check in (
        lambda: checked("dy", [[1.0, 2.0], [3.0]], FLOAT64, "M, K", (2, 2), ""),
        lambda: checked_tokens("tokens", [[1, 2], [3]], "T, N", (2, 2), 5),
    ):
        with pytest.raises(ShapeError, match=r"^`(dy|tokens)` is ragged, expected \((M, K|T, N)\);"):
            check()


def test_what_fits_is_handed_on_and_what_does_not_is_copied():
    array = np.ones((3, 4))
    assert np.shares_memory(checked("x", array, FLOAT64, "M, K", (3, None), ""), array)
    for other in (np.asfortranarray(array), np.ones((3, 8))[:, ::2], array.tolist()):
        result = checked("x", other, FLOAT64, "M, K", (None, 4), "")
        assert result.flags.c_contiguous
        np.testing.assert_array_equal(result, array)
    single = checked("x", np.float64(3), FLOAT64, "", (), "")
    assert single.shape == ()


def test_another_byte_order_is_refused_too():
    with pytest.raises(
        ParameterError, match=r"`x` has dtype >f8, expected float64; convert it with np\.asarray\(x, np\.float64\)"
    ):
        checked("x", np.zeros(3, ">f8"), FLOAT64, "N", (3,), "")


def test_a_wrong_dtype_is_named_before_a_wrong_shape():
    with pytest.raises(ParameterError, match=r"`x` has dtype float32, expected float64"):
        checked("x", np.zeros(2, np.float32), FLOAT64, "N", (3,), "remedy")
    with pytest.raises(ShapeError, match=r"`x` has shape \(2,\), expected \(N,\) = \(3,\); remedy"):
        checked("x", np.zeros(2), FLOAT64, "N", (3,), "remedy")


def test_the_two_float_dtypes_are_told_and_others_refused():
    assert float_dtype("x", np.zeros(1, np.float32)) == np.float32
    assert float_dtype("x", [1.0]) == np.float64
    for other in ([1], [True], ["1.0"], [1j], np.zeros(1, np.float16), np.zeros(1, object)):
        with pytest.raises(
            ParameterError,
            match=r"`x` has dtype .*, expected float32 or float64; convert it with np\.asarray\(x, np\.float32",
        ):
            float_dtype("x", other)


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", ">i4"])
def test_tokens_of_any_integers_become_int32(dtype):
    tokens = np.array([[0, 4], [2, 1]], dtype)
    result = checked_tokens("x", tokens, "T, N", (2, None), 5)
    assert result.dtype == np.int32
    assert result.flags.c_contiguous
    np.testing.assert_array_equal(result, tokens)


def test_the_largest_and_the_smallest_token_are_taken_and_those_beside_refused():
    np.testing.assert_array_equal(checked_tokens("x", [0, 4], "N", (2,), 5), [0, 4])
    for wrong in (5, -1, 2**31, 2**32, -(2**40)):
        with pytest.raises(
            ParameterError, match=rf"`x` holds {wrong}, expected integers from 0 to 4; was another vocabulary"
        ):
            checked_tokens("x", [0, wrong], "N", (2,), 5)
    with pytest.raises(ParameterError, match=rf"`x` holds {2**64 - 1}, expected integers"):
        checked_tokens("x", np.array([2**64 - 1], np.uint64), "N", (1,), 5)


@pytest.mark.parametrize("wrong", [[0.0], [True], ["0"], [None]])
def test_what_are_no_integers_is_refused(wrong):
    with pytest.raises(
        ParameterError, match=r"`x` has dtype \S+, expected integers; convert it with np\.asarray\(x, np\.int32\)"
    ):
        checked_tokens("x", wrong, "N", (1,), 5)


def test_no_tokens_at_all_are_tokens():
    assert checked_tokens("x", np.zeros((0, 3), int), "T, N", (None, 3), 5).shape == (0, 3)


def test_tokens_of_another_shape_are_refused_with_the_remedy():
    with pytest.raises(
        ShapeError, match=r"`x` has shape \(2, 5\), expected \(N,\) = \(2,\); did you pass one-hot rows, or"
    ):
        checked_tokens("x", np.eye(5, dtype=int)[:2], "N", (2,), 5)
