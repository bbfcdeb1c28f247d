"""Windows over series: they read the past only and miss nothing, their batches resume, what does not fit is named."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest

from helpers import rng
from unrolled.data.series import WindowBatches, Windows, last_part, load_sunspots
from unrolled.data.series_input import read_series
from unrolled.errors import CheckpointError, DataError, MissingExtraError, ParameterError, ShapeError

NAN = np.nan


def test_a_window_reads_the_steps_before_its_origin_and_predicts_those_from_it_on():
    windows = Windows([np.arange(10.0), 100 + np.arange(7.0)], context=3, horizon=2)
    rows = windows.rows()
    assert rows.tolist() == [[0, o] for o in range(3, 9)] + [[1, o] for o in range(3, 6)]
    batch = windows.batch(rows)
    for n, (i, origin) in enumerate(rows.tolist()):
        values = windows.values[i]
        assert batch.x[:, n, 0].tolist() == values[origin - 3 : origin].tolist()
        assert batch.targets[n].tolist() == values[origin : origin + 2].tolist()
    assert batch.weights is None


@pytest.mark.parametrize("nan", ["refuse", "mask"])
@pytest.mark.parametrize("relative", [None, "last", "window"])
def test_nothing_of_the_origin_or_later_is_ever_read(relative: Any, nan: Any):
    draw = rng(1)
    values, past, known = draw.normal(size=30), draw.normal(size=(30, 2)), draw.normal(size=(30, 3))
    settings: Any = {"context": 5, "horizon": 3, "relative": relative, "nan": nan}
    row = np.array([[0, 12]])
    before = Windows([values], past=[past], known=[known], **settings).batch(row)
    for array in (values, past):
        array[12:] = 1e6  # the future, but for what is known in advance
    known[15:] = 1e6  # behind the horizon
    after = Windows([values], past=[past], known=[known], **settings).batch(row)
    assert before.future is not None
    assert after.future is not None
    for one, other in ((before.x, after.x), (before.future, after.future), (before.level, after.level)):
        np.testing.assert_array_equal(one, other)
    assert not np.array_equal(before.targets, after.targets)


def test_parts_hold_the_windows_whose_targets_lie_in_them():
    windows = Windows([np.arange(20.0)], context=4, horizon=2)
    train, held = windows.rows([(0, 12)]), windows.rows([(12, 20)])
    assert windows.batch(train).targets.max() == 11
    assert windows.batch(held).targets.min() == 12
    assert windows.batch(held).x.min() == 8  # what came before the part is known by then
    assert train[:, 1].tolist() == list(range(4, 11))
    assert held[:, 1].tolist() == list(range(12, 19))


def test_covariates_stand_beside_their_steps():
    past, known = np.arange(20.0).reshape(10, 2), -np.arange(12.0)[:, None]
    batch = Windows([np.zeros(10)], context=3, horizon=2, past=[past], known=[known]).batch(np.array([[0, 4]]))
    np.testing.assert_array_equal(batch.x[:, 0, 1:3], past[1:4])
    np.testing.assert_array_equal(batch.x[:, 0, 3], known[1:4, 0])
    assert batch.future is not None
    np.testing.assert_array_equal(batch.future[0], known[4:6, 0])


def test_relative_to_the_last_value_or_to_the_window_is_undone_by_level_and_scale():
    values = 5 + 3 * rng(2).normal(size=40)
    plain = Windows([values], context=6, horizon=2, dtype="float64")
    for relative in ("last", "window"):
        windows = Windows([values], context=6, horizon=2, relative=relative, dtype="float64")
        batch, raw = windows.batch(windows.rows()), plain.batch(plain.rows())
        np.testing.assert_allclose(batch.targets * batch.scale + batch.level, raw.targets, rtol=1e-13)
        np.testing.assert_allclose(batch.x[:, :, 0] * batch.scale[:, 0] + batch.level[:, 0], raw.x[:, :, 0], rtol=1e-13)
        if relative == "last":
            assert not batch.x[-1].any()
        else:
            np.testing.assert_allclose(batch.x[:, :, 0].std(axis=0), 1, rtol=1e-13)


def test_a_constant_window_is_not_divided_by_zero():
    windows = Windows([np.full(8, 7.0)], context=3, relative="window")
    batch = windows.batch(windows.rows())
    assert not batch.x.any()
    assert (batch.scale == 1).all()


def test_masked_values_are_flagged_read_as_the_last_one_seen_and_never_a_target():
    values = np.array([NAN, 1.0, NAN, NAN, 4.0, 5.0, NAN, 7.0])
    windows = Windows([values], context=2, horizon=2, nan="mask")
    rows = windows.rows()
    assert rows[:, 1].tolist() == [3, 5, 6]  # 2 has no target, 4 has nothing to read
    batch = windows.batch(rows)
    assert batch.x[:, :, 0].T.tolist() == [[1, 1], [1, 4], [4, 5]]
    assert batch.x[:, :, 1].T.tolist() == [[0, 1], [1, 0], [0, 0]]
    assert batch.weights is not None
    assert batch.weights.tolist() == [[0, 1], [1, 0], [0, 1]]
    assert np.isfinite(batch.targets).all()


def test_an_epoch_holds_every_window_once_in_another_order_and_repeats_by_seed():
    windows = Windows([np.arange(30.0)], context=3)
    one, same, other = (WindowBatches(windows, windows.rows(), batch_size=8, seed=s) for s in (1, 1, 2))
    epochs: list[list[float]] = []
    for _ in range(2):
        parts = [one.next().targets[:, 0].tolist() for _ in range(one.steps_per_epoch)]
        assert {len(part) for part in parts} <= {6, 7}
        epochs.append([target for part in parts for target in part])
    assert sorted(epochs[0]) == sorted(epochs[1]) == list(np.arange(3.0, 30.0))
    assert epochs[0] != epochs[1]
    assert same.next().targets[:, 0].tolist() == epochs[0][:7]
    assert other.next().targets[:, 0].tolist() != epochs[0][:7]


@pytest.mark.parametrize("steps", [0, 2, 4, 7])
def test_a_place_in_the_batches_is_found_again(steps: int):
    windows = Windows([np.arange(30.0)], context=3)
    one, other = (WindowBatches(windows, windows.rows(), batch_size=8, seed=s) for s in (1, 2))
    for _ in range(steps):
        one.next()
    other.go_to(one.position)
    for _ in range(6):
        np.testing.assert_array_equal(one.next().targets, other.next().targets)


def test_a_place_in_other_batches_is_refused():
    windows = Windows([np.arange(30.0)], context=3)
    place = WindowBatches(windows, windows.rows(), batch_size=8).position
    with pytest.raises(CheckpointError, match=r"belongs to 27 windows in 4 batches, expected 27 in 9; was the data"):
        WindowBatches(windows, windows.rows(), batch_size=3).go_to(place)


def test_a_place_among_other_numbers_is_refused_and_one_without_a_digest_is_taken():
    table = np.arange(30.0)[:, None]

    def batches(values: Any, rows: Any = None, *, past: Any = table, known: Any = table) -> WindowBatches:
        windows = Windows([values], context=3, past=[past], known=[known])
        return WindowBatches(windows, windows.rows() if rows is None else rows, batch_size=8)

    values = np.arange(30.0)
    own = batches(values)
    own.next()
    place, rows = own.position, own.windows.rows()
    for other in (
        batches(values[::-1]),
        batches(values, past=table + 1),
        batches(values, known=table + 1),
        batches(values, rows[::-1]),
    ):
        with pytest.raises(CheckpointError, match="other data of the same size, expected the series and covariates"):
            other.go_to(place)
    earlier = {name: value for name, value in place.items() if name != "data"}
    same = batches(values.copy())
    same.go_to(earlier)
    np.testing.assert_array_equal(same.next().targets, own.next().targets)


def test_what_is_masked_is_missing_and_not_what_stands_behind_the_mask():
    masked = np.ma.masked_equal(np.arange(6), 2)
    values = Windows([masked], context=2, nan="mask").values[0]
    np.testing.assert_array_equal(values, [0, 1, NAN, 3, 4, 5])
    with pytest.raises(DataError, match=r"`series\[0\]` is NaN at step 2, expected a number at every step; fill it in"):
        Windows([masked], context=2)
    with pytest.raises(DataError, match=r"`covariates\[0\]` is not a finite number at step 2"):
        Windows([np.arange(6.0)], context=2, known=[masked[:, None]])
    with pytest.raises(ParameterError, match="`series` has dtype object, expected real numbers"):
        read_series(np.ma.array(["a", "b"], mask=[True, False]))


def test_a_number_of_steps_splits_series_that_end_together_at_the_same_time():
    assert last_part([100, 40], 0.25, steps=12) == [88, 28]
    assert last_part([100, 40], 0.25) == [75, 30]
    assert last_part([100, 40], 0) == [100, 40]


@pytest.mark.parametrize("fraction", [-0.1, 1, 30, np.nan])
def test_a_fraction_that_is_none_is_refused(fraction: float):
    with pytest.raises(ParameterError, match=r"`validation_fraction` is .*, expected a number from 0 to below 1; for"):
        last_part([100, 40], fraction)


@pytest.mark.parametrize("steps", [0, -1, 40, 1.5])
def test_steps_that_a_series_has_not_are_refused(steps: Any):
    with pytest.raises(ParameterError, match=r"`validation_steps` is .*, expected a whole number from 1 to below 40"):
        last_part([100, 40], 0.2, steps)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1.0, NAN, NAN], r"`series\[0\]` is NaN at step 1 and 1 more, expected a number at every step; fill them in"),
        ([1.0, np.inf], r"`series\[0\]` is inf at step 1, expected finite numbers"),
    ],
)
def test_values_that_are_missing_or_infinite_are_refused(values: Any, message: str):
    with pytest.raises(DataError, match=message):
        Windows([np.array(values)], context=1)


def test_a_series_of_missing_values_only_has_no_windows():
    assert len(Windows([np.full(9, NAN)], context=2, nan="mask").rows()) == 0


def test_a_table_is_no_series():
    with pytest.raises(ShapeError, match=r"`series\[0\]` has shape \(4, 2\), expected \(T,\)"):
        Windows([np.zeros((4, 2))], context=1)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"context": 0}, "`context` is 0, expected a positive whole number"),
        ({"context": 2, "horizon": 1.5}, "`horizon` is 1.5, expected a positive whole number"),
        ({"context": 2, "nan": "drop"}, "`nan` is 'drop', expected 'refuse' or 'mask'"),
        ({"context": 2, "relative": "first"}, "`relative` is 'first', expected 'last', 'window' or None"),
    ],
)
def test_settings_out_of_range_are_named(settings: Any, message: str):
    with pytest.raises(ParameterError, match=message):
        Windows([np.arange(5.0)], **settings)


@pytest.mark.parametrize(
    ("tables", "error", "message"),
    [
        ([np.zeros((5, 1))] * 2, ShapeError, "`covariates` has 2 entries, expected 1, one for each series"),
        ([np.zeros(5)], ShapeError, r"`covariates\[0\]` has shape \(5,\), expected \(T, C\)"),
        ([np.zeros((4, 1))], ShapeError, r"`covariates\[0\]` has 4 steps, expected at least 5"),
        ([np.full((5, 1), NAN)], DataError, r"`covariates\[0\]` is not a finite number at step 0"),
    ],
)
def test_covariates_that_do_not_fit_are_named(tables: Any, error: type[Exception], message: str):
    with pytest.raises(error, match=message):
        Windows([np.arange(5.0)], context=2, known=tables)


def test_no_windows_and_no_batch_size_are_refused():
    windows = Windows([np.arange(5.0)], context=5)
    with pytest.raises(DataError, match=r"there are 0 windows of 5 \+ 1 steps, expected at least one"):
        WindowBatches(windows, windows.rows())
    with pytest.raises(ParameterError, match="`batch_size` is 0, expected a whole number of at least 1"):
        WindowBatches(windows, windows.rows(), batch_size=0)


def test_sunspots_without_statsmodels_names_the_extra(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "statsmodels.datasets", None)
    with pytest.raises(MissingExtraError, match=r"statsmodels, which is not installed; pip install 'unrolled\[data\]'"):
        load_sunspots()


@pytest.mark.extras
def test_sunspots_are_split_by_their_years():
    sunspots = load_sunspots()
    assert (sunspots.times[0], sunspots.times[-1], len(sunspots.values)) == (1700, 1979, 280)
    for name, (first, last) in {
        "train": (1700, 1920), "test_1921_1955": (1921, 1955), "test_1956_1979": (1956, 1979)
    }.items():  # fmt: skip
        start, stop = sunspots.parts[name]
        assert sunspots.times[[start, stop - 1]].tolist() == [first, last]
    assert sunspots.part("test_1956_1979").max() == 190.2  # 1957, the largest of all
