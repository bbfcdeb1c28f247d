"""The forecaster on arrays: it learns, never leaks, streams, repeats bit for bit, and says what is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from helpers import rng
from models.noisy import flat, forecaster, noisy, quick, same
from unrolled.errors import DataError, ParameterError, ShapeError, UnrolledError
from unrolled.models.forecast.forecaster import Forecaster
from unrolled.training.fit import Callback


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "gaussian"])
def test_a_wave_is_predicted_better_than_by_persistence(loss: Any):
    series = noisy(240)
    fitted = Forecaster(12, 3, hidden_size=8, loss=loss, random_state=0).fit(series[:200])
    found = fitted.backtest(series, start=200).metrics
    persistence = np.mean([np.abs(series[o - 1] - series[o : o + 3]).mean() for o in range(200, 238)])
    assert found["mae"] < 0.25 * persistence
    assert 0.8 <= found["coverage"] <= 1
    assert fitted.history_.best is not None


def test_several_series_come_back_in_the_form_they_came_in():
    a, b = noisy(80), 100 * noisy(90, seed=1)
    listed = quick([a, b]).predict()
    assert [part.shape for part in listed.point] == [(2,), (2,)]
    assert abs(listed.point[1] - b[-1]).max() < 1000  # in the unit of its own series
    named = quick({"a": a, "b": b}).predict()
    assert list(named.point) == ["a", "b"]
    np.testing.assert_array_equal(named.point["b"], listed.point[1])
    table = quick(np.stack([a, b[:80]], axis=1)).predict()
    assert table.lower.shape == (2, 2)
    assert (table.lower <= table.point).all()
    assert (table.point <= table.upper).all()


def test_given_the_series_it_was_fitted_to_predict_says_what_it_says_without():
    series = noisy()
    fitted = quick(series)
    same(fitted.predict(), fitted.predict(series))
    same(fitted.predict(), fitted.predict(series[-6:]))
    assert fitted.predict(horizon=1).point.tolist() == fitted.predict().point[:1].tolist()
    assert fitted.predict(interval=None).lower is None


def test_what_comes_after_the_training_part_changes_neither_scale_nor_weights():
    series = noisy()
    changed = series.copy()
    changed[120:] = 1000
    one, other = (forecaster().fit(values, validation_steps=30) for values in (series, changed))
    same(one.predict(series, interval=None)[:1], other.predict(series, interval=None)[:1])


def test_a_forecast_of_the_backtest_is_that_of_predict_at_that_moment():
    series = noisy()
    fitted = quick(series[:120])
    found = fitted.backtest(series, start=120, recalibrate=False).series[0]
    for n, origin in enumerate(found.origins.tolist()):
        own = fitted.predict(series[:origin])
        for given, expected in zip((found.point[n], found.lower[n], found.upper[n]), own, strict=True):  # type: ignore
            np.testing.assert_allclose(given, expected, rtol=1e-6)
        np.testing.assert_array_equal(found.actual[n], series[origin : origin + 2])


@pytest.mark.parametrize("known", [False, True])
def test_a_stream_of_updates_predicts_what_the_backtest_does(known: bool):
    series, table = noisy(), rng(5).normal(size=(160, 2))
    fitted = quick(series[:120], 3, covariates=table[:120] if known else None)
    found = fitted.backtest(series, start=120, covariates=table if known else None).series[0]
    for n, origin in enumerate(found.origins.tolist()):
        ahead = {"covariates": table[origin : origin + 3]} if known else {}
        own = fitted.predict(**ahead)
        for given, expected in zip((found.point[n], found.lower[n], found.upper[n]), own, strict=True):  # type: ignore
            np.testing.assert_allclose(given, expected, rtol=1e-6)
        fitted.update(series[origin], **({"covariates": table[origin : origin + 1]} if known else {}))


def test_several_values_at_once_update_like_one_after_the_other():
    series = noisy()
    one, other = quick(series[:120]), quick(series[:120])
    for value in series[120:130].tolist():
        one.update(value)
    other.update(series[120:130])
    for a, b in zip(one.predict(), other.predict(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)


def test_several_values_of_several_series_at_once_update_like_one_after_the_other():
    series = {"a": noisy(190), "b": noisy(190, seed=1)}
    at_once, singly = (quick({name: values[:150] for name, values in series.items()}) for _ in range(2))
    at_once.update({name: values[150:] for name, values in series.items()})
    for step in range(150, 190):
        singly.update({name: values[step] for name, values in series.items()})
    for one, other in zip(flat(at_once.predict()), flat(singly.predict()), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5)  # other batches, in single precision


def test_after_a_long_update_every_series_still_has_the_width_of_its_own_errors():
    loud = [noisy(1250, seed) + 12 * rng(seed + 3).normal(size=1250) for seed in (1, 2)]
    series = [noisy(1250), *loud]
    fitted = quick([values[:150] for values in series], scaling="global")
    fitted.update([values[150:] for values in series])
    once = fitted.predict()
    quiet, *others = (upper - lower for lower, upper in zip(once.lower, once.upper, strict=True))
    assert 3 * quiet.max() < min(other.min() for other in others)


def test_a_new_value_is_given_as_a_number_or_as_an_array():
    a, b = noisy(80), noisy(80, seed=1)
    for series, number, array in (
        ([a, b], [1.0, 2.0], [[1.0], [2.0]]),
        ({"a": a, "b": b}, {"a": 1.0, "b": 2.0}, {"a": [1.0], "b": np.array([2.0])}),
        (np.stack([a, b], axis=1), [1.0, 2.0], [[1.0, 2.0]]),
    ):
        fitted, other = quick(series), quick(series)
        same(flat(fitted.update(number).predict()), flat(other.update(array).predict()))
        assert len(fitted.predict().point) == 2


def test_new_values_and_series_go_to_their_names_in_whatever_order_they_come():
    a, b = noisy(80), 1000 * noisy(80, seed=1)
    due, turned, array = quick({"a": a, "b": b}), quick({"a": a, "b": b}), quick([a, b])
    due.update({"a": [10.0], "b": [10000.0]})
    turned.update({"b": [10000.0], "a": [10.0]})
    same(flat(due.predict()), flat(turned.predict()))
    same(flat(due.predict()), flat(array.update([10.0, 10000.0]).predict()))  # without names: by place
    np.testing.assert_array_equal(turned.predict({"b": b, "a": a}).point["a"], due.predict({"a": a}).point["a"])
    for other in ({"a": [1.0], "c": [1.0]}, {"a": [1.0], "b": [1.0], "c": [1.0]}):
        with pytest.raises(
            ParameterError, match=f"`values` holds {', '.join(other)}, expected a, b in the form they had"
        ):
            due.update(other)


def test_series_without_names_are_found_by_their_place_in_whatever_form_they_come():
    def rows(forecast: Any) -> list[Any]:
        """Each part's arrays, a row for each series."""
        parts = [[*part.values()] if isinstance(part, dict) else part for part in forecast]
        return [part.T if isinstance(part, np.ndarray) else np.array(part) for part in parts]

    a, b = noisy(80), 1000 * noisy(80, seed=1)
    for fitted in (quick({"value": a}), quick(a), quick([a]), quick(a[:, None])):
        due = np.ravel(rows(fitted.predict()))
        for given in (a, [a], a[:, None]):
            np.testing.assert_array_equal(np.ravel(rows(fitted.predict(given))), due)
            assert fitted.backtest(given, start=60).metrics["mae"] == fitted.backtest(a, start=60).metrics["mae"]
    for fitted in (quick({"a": a, "b": b}), quick([a, b]), quick(np.stack([a, b], axis=1))):
        for given in ([a, b], np.stack([a, b], axis=1)):
            same(rows(fitted.predict(given)), rows(fitted.predict()))
    with pytest.raises(ParameterError, match="`series` holds 'b', expected those it was fitted to: value"):
        quick({"value": a}).predict({"b": a})
    with pytest.raises(ParameterError, match="`series` holds 'series', expected those it was fitted to: a, b"):
        quick({"a": a, "b": b}).predict(a)


def test_covariates_known_in_advance_tell_what_the_past_cannot():
    draw = rng(3)
    promotion = draw.integers(0, 2, size=261).astype(float)
    series = 10 + 5 * promotion[:260] + 0.1 * draw.normal(size=260)
    blind, told = (
        Forecaster(4, 1, hidden_size=8, relative=None, random_state=0).fit(series[:200], covariates=table)
        for table in (None, promotion[:200])
    )
    without = blind.backtest(series, start=200).metrics["mae"]
    found = told.backtest(series, start=200, covariates=promotion).metrics["mae"]
    assert found < 0.2 * without
    high, low = (told.predict(series, covariates=[*promotion[:260], p]).point[0] for p in (1, 0))
    assert high - low > 4


def test_covariates_of_the_past_tell_what_the_series_alone_cannot():
    draw = rng(4)
    leading = draw.normal(size=260)
    series = 5 + np.concatenate([[0], leading[:-1]])
    fitted = Forecaster(4, 1, hidden_size=8, relative=None, random_state=0).fit(
        series[:200], past_covariates=leading[:200]
    )
    assert fitted.backtest(series, start=200, past_covariates=leading).metrics["mae"] < 0.2


def test_the_same_seed_repeats_bit_for_bit_and_another_does_not():
    series = noisy()
    one, again, other = (quick(series, members=2, recurrent_dropout=0.2, random_state=seed) for seed in (1, 1, 2))
    same(one.predict(), again.predict())
    assert not np.array_equal(one.predict().point, other.predict().point)


def test_the_best_weights_are_kept_when_it_stops_early():
    settings: dict[str, Any] = {"epochs": 60, "learning_rate": 0.05, "weight_decay": 0, "patience": 4}
    fitted = Forecaster(6, hidden_size=8, loss="squared_error", **settings, random_state=0).fit(noisy(100))
    history = fitted.history_
    assert history.best is not None
    assert history.best["epoch"] <= history.rows[-1]["epoch"] - 4 < 56
    errors = fitted.backtest(noisy(100), start=80, interval=None).errors
    np.testing.assert_allclose(np.abs(errors).mean() / noisy(100)[:80].std(), history.best["val_mae"], rtol=1e-5)


def test_callbacks_are_told():
    seen: list[float] = []

    class Listener(Callback):
        def validated(self, report: Any) -> None:
            seen.append(report.metrics["mae"])

    forecaster().fit(noisy(), callbacks=[Listener()])
    assert len(seen) == 3


@pytest.mark.parametrize("scaling", ["series", "global"])
def test_a_series_that_is_constant_where_it_is_trained_on_is_named(scaling: Any):
    late, holes = np.full(60, 7.0), np.full(60, 7.0)
    late[50:], holes[:50:2] = noisy(10), np.nan
    for series, name, steps in (
        (np.full(60, 7.0), "series", 48),
        (late, "series", 48),
        (holes, "series", 48),
        ({"a": noisy(80), "b": np.full(50, 7)}, "b", 40),
        (np.stack([noisy(80), np.full(80, 7.0)], axis=1), "1", 64),
    ):
        with pytest.raises(DataError, match=f"`{name}` is 7.0 at all {steps} steps to train on, .*: leave it out"):
            forecaster(scaling=scaling, nan="mask").fit(series)
    assert quick(np.r_[7.0, 8.0, np.full(58, 7.0)], scaling=scaling).predict().point.shape == (2,)


def test_a_transform_keeps_forecasts_where_the_series_can_be():
    counts = rng(6).poisson(2, size=120).astype(float)
    found = quick(counts, transform="sqrt").predict()
    assert (found.lower >= 0).all()
    assert (quick(counts + 1, transform="log").predict().lower > 0).all()
    with pytest.raises(DataError, match=r"`series` holds 0.0, expected values above 0 for transform='log'"):
        quick(counts, transform="log")


def test_missing_values_are_masked_by_choice_and_change_nothing_else():
    series = noisy()
    series[[10, 50, 51, 148]] = np.nan
    with pytest.raises(DataError, match="`series` is NaN at step 10 and 3 more, expected a number at every step"):
        quick(series)
    fitted = quick(series, nan="mask")
    assert np.isfinite(fitted.predict().upper).all()
    found = fitted.backtest(series, start=130)
    assert np.isfinite(found.series[0].point).all()
    assert np.isnan(found.errors).sum() == 2  # of the two forecasts of step 148
    fitted.update(np.nan)
    assert np.isfinite(fitted.predict().point).all()
    with pytest.raises(DataError, match="`series` has no value in its last 6 steps, expected one at least"):
        fitted.predict([*series, *[np.nan] * 6])
    with pytest.raises(DataError, match="`series` has no value in the 120 steps to train on, expected at least one"):
        quick(np.where(np.arange(150) < 120, np.nan, 1.0), nan="mask")


def test_what_is_masked_is_missing_and_not_what_stands_behind_the_mask():
    series = noisy()
    series[[10, 50, 148]] = np.nan
    masked = np.ma.masked_invalid(series)
    masked.data[[10, 50, 148]] = 1e6
    with pytest.raises(DataError, match="`series` is NaN at step 10 and 2 more, expected a number at every step"):
        quick(masked)
    for one, other in (
        (series, masked),
        ([series, series[:90]], [masked, masked[:90]]),
        ({"a": series}, {"a": masked}),
        (np.stack([series, series], axis=1), np.ma.stack([masked, masked], axis=1)),
    ):
        fitted, found = quick(one, nan="mask"), quick(other, nan="mask")
        same(flat(fitted.predict()), flat(found.predict()))
        same(flat(fitted.predict(one)), flat(fitted.predict(other)))
    nothing, hidden = np.array([[np.nan, 20.0]]), np.ma.array([[9.0, 20.0]], mask=[[True, False]])
    for new, behind in ((nothing, hidden), (nothing[0], hidden[0])):
        same(flat(fitted.update(new).predict()), flat(found.update(behind).predict()))
    single = [quick(series, nan="mask").update(value).predict() for value in (np.nan, np.ma.masked)]
    same(*single)
    with pytest.raises(DataError, match="`past_covariates` is not a finite number at step 10, expected one everywhere"):
        quick(noisy(), past=masked)


def test_ctrl_c_leaves_a_forecaster_that_predicts():
    class CtrlC(Callback):
        def validated(self, report: Any) -> None:
            raise KeyboardInterrupt

    fitted = forecaster()
    with pytest.raises(KeyboardInterrupt):
        fitted.fit(noisy(), callbacks=[CtrlC()])
    assert fitted.predict().upper.shape == (2,)


def test_a_global_scale_predicts_a_series_it_never_saw_and_a_scale_of_its_own_does_not():
    a, b, c = noisy(), noisy(seed=1), noisy(seed=2)
    quick({"a": a, "b": b}, scaling="global").predict({"c": c})
    fitted = quick({"a": a, "b": b})
    np.testing.assert_array_equal(fitted.predict({"b": b}).point["b"], fitted.predict().point["b"])
    with pytest.raises(ParameterError, match=r"`series` holds 'c', expected those it was fitted to: a, b; .*'global'"):
        fitted.predict({"c": c})
    with pytest.raises(ParameterError, match="`values` holds a, expected a, b in the form they had in fit"):
        fitted.update({"a": [1.0]})


@pytest.mark.parametrize(
    ("series", "given", "error", "message"),
    [
        (noisy(8), {"validation_steps": 1}, DataError, r"`series` has 8 steps, of which the last 1 validate, expected"),
        (noisy(7), {"fraction": 0}, DataError, r"expected at least context \+ horizon = 6 \+ 2 = 8 to train on"),
        (noisy(30), {"validation_steps": 1}, DataError, "has 1 step and no window of 2 .*; give more `validation_s"),
        (noisy(30), {"fraction": 0.04}, DataError, "has 1 step and no .*; make `validation_fraction` larger$"),
        (noisy(30), {"validation_steps": "2"}, ParameterError, "`validation_steps` is '2', expected .* 1 to below 30"),
        (noisy(30), {"validation_steps": 2.5}, ParameterError, "`validation_steps` is 2.5, expected a whole number"),
        ({"a": noisy(30), "b": noisy(5)}, {"fraction": 0}, DataError, "`b` has 5 steps, expected at least"),
        ([], {}, DataError, "`series` is empty, expected at least one value; is the part empty"),
        ([[1.0], []], {}, DataError, r"`series\[1\]` is empty"),
        (np.zeros((2, 3, 4)), {}, ShapeError, r"`series` has shape \(2, 3, 4\), expected \(T,\), or \(T, K\)"),
        (["a", "b"], {}, ParameterError, "`series` has dtype .*, expected real numbers"),
        (noisy(30), {"covariates": np.zeros((29, 1))}, ShapeError, "`covariates` has 29 rows, expected 30, those of"),
        (noisy(30), {"past_covariates": np.full(30, np.nan)}, DataError, "`past_covariates` is not a finite number at"),
        ({"a": noisy(30)}, {"covariates": {"b": np.zeros(30)}}, ParameterError, "`covariates` has no entry 'a'"),
        ([noisy(30)], {"covariates": [np.zeros(30)] * 2}, ShapeError, "`covariates` has 2 entries, expected 1"),
    ],
)  # fmt: skip
def test_series_that_cannot_be_learned_from_are_named(series: Any, given: Any, error: type[Exception], message: str):
    fraction = {"validation_fraction": given.pop("fraction")} if "fraction" in given else {}
    with pytest.raises(error, match=message):
        forecaster(**fraction).fit(series, **given)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda f: f.predict(horizon=3), ParameterError, "`horizon` is 3, expected a whole number from 1 to below 3"),
        (lambda f: f.predict(horizon=1.5), ParameterError, "`horizon` is 1.5, expected a whole number"),
        (lambda f: f.predict(horizon="2"), ParameterError, "`horizon` is '2', expected .*; the forecaster's own is 2"),
        (lambda f: f.predict(noisy(5)), DataError, "`series` has 5 steps, expected at least context = 6"),
        (lambda f: f.predict(covariates=np.zeros(2)), ParameterError, "`covariates` is given, expected None, as the"),
        (lambda f: f.predict(past_covariates=np.zeros(2)), ParameterError, "`past_covariates` is given without"),
        (lambda f: f.predict(interval=90), ParameterError, "`interval` is 90, expected a number between 0 and 1"),
        (lambda f: f.predict(interval=".9"), ParameterError, "`interval` is '.9', expected a number between 0 and 1"),
        (lambda f: f.predict(interval=0.99), ParameterError, "expected at least 99; .* larger `validation_f"),
        (lambda f: f.backtest(noisy(), start=5), DataError, "5 of them before `start`, expected at least context = 6"),
        (lambda f: f.backtest(noisy(), start=149), DataError, "149 of them before `start`, .* horizon = 2 from it on"),
        (lambda f: f.backtest(noisy(), start="1990"), ParameterError, "`start` is '1990', .* number of a step, as `s"),
        (lambda f: f.backtest(noisy(), start=-1), ParameterError, "`start` is -1, expected a whole number"),
        (lambda f: f.backtest(noisy(), start=100, stride=0), ParameterError, "`stride` is 0, expected a whole number"),
        (lambda f: f.backtest(noisy(), start=100, stride=1.5), ParameterError, "`stride` is 1.5, expected a whole n"),
    ],
)  # fmt: skip
def test_what_cannot_be_predicted_is_named(call: Any, error: type[Exception], message: str):
    with pytest.raises(error, match=message):
        call(quick(noisy()))


def test_a_backtest_begins_at_a_whole_number_of_whatever_kind():
    fitted = quick(noisy())
    one, other = (fitted.backtest(noisy(), start=start).series[0] for start in (100, np.int64(100)))
    np.testing.assert_array_equal(one.point, other.point)


def test_covariates_that_are_missing_for_the_horizon_are_named():
    fitted = quick(noisy(), covariates=np.zeros((150, 2)))
    with pytest.raises(ParameterError, match="`covariates` is None, expected them, as the forecaster was fitted with"):
        fitted.predict()
    with pytest.raises(
        ShapeError, match=r"`covariates` has 1 rows, expected 0 \+ 2, those of the series and of the hor"
    ):
        fitted.predict(covariates=np.zeros((1, 2)))
    with pytest.raises(ShapeError, match=r"`covariates` has 151 rows, expected 150 \+ 2"):
        fitted.predict(noisy(), covariates=np.zeros((151, 2)))
    with pytest.raises(ShapeError, match="`covariates` has 3 columns, expected 2, as in fit"):
        fitted.predict(noisy(), covariates=np.zeros((152, 3)))


def test_covariates_of_another_number_or_that_fit_did_not_have_are_named_without_a_series_as_well():
    fitted = quick(noisy(), covariates=np.zeros(150))
    for call in (
        lambda: fitted.predict(covariates=np.ones((2, 2))),
        lambda: fitted.update(20.0, covariates=np.ones((1, 2))),
    ):
        with pytest.raises(ShapeError, match="`covariates` has 2 columns, expected 1, as in fit; is one missing"):
            call()
    with pytest.raises(ParameterError, match="`covariates` is None, expected them, as the forecaster was fitted with"):
        fitted.update(20.0)
    with pytest.raises(ParameterError, match="`past_covariates` is given, expected None, as the forecaster was fitted"):
        quick(noisy()).update(20.0, past_covariates=np.ones(1))


def test_without_a_validation_part_there_is_no_interval_and_it_says_so():
    fitted = forecaster(validation_fraction=0, patience=30).fit(noisy())
    assert fitted.predict(interval=None).point.shape == (2,)
    with pytest.raises(
        ParameterError, match="nothing calibrates it, expected a forecaster fitted with a `validation_f"
    ):
        fitted.predict()


def test_an_unfitted_forecaster_is_refused(tmp_path: Path):
    with pytest.raises(ParameterError, match="This Forecaster is not fitted yet, expected a fitted one; call `fit`"):
        forecaster().save(tmp_path)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"scaling": "window"}, "`scaling` is 'window', expected one of 'series', 'global'"),
        ({"transform": "cube"}, "`transform` is 'cube', expected one of None, 'sqrt', 'log'"),
        ({"monitor": "rmse"}, "`monitor` is 'rmse', expected one of loss, mae"),
        ({"context": 0}, "`context` is 0, expected a positive whole number"),
        ({"nan": "error"}, "`nan` is 'error', expected 'refuse' or 'mask'"),
        ({"validation_fraction": 12}, "`validation_fraction` is 12, expected a number from 0 to below 1"),
        ({"random_state": -1}, "`random_state` is -1, expected a whole number"),
        ({"verbose": "x"}, "`verbose` is 'x', expected a finite number; 0 shows nothing"),
        ({"linear": "x"}, "`linear` is 'x', expected True or False; False leaves it out"),
        ({"batch_size": 0}, "`batch_size` is 0, expected a whole number of at least 1"),
        ({"zoneout": 1.5}, "`zoneout` is 1.5, expected a number from 0 to below 1"),
        ({"cell": "rnn", "layer_norm": True}, "`layer_norm` is True for 'rnn', expected False"),
    ],
)
def test_settings_out_of_their_range_are_named_and_leave_what_was_fitted(settings: dict[str, Any], message: str):
    fitted = quick(noisy())
    before = fitted.predict()
    with pytest.raises(ParameterError, match=message):
        fitted.set_params(**settings).fit(noisy(seed=1))
    same(before, fitted.predict())


@pytest.mark.parametrize(
    "series",
    [[1.0, np.nan, 3.0], noisy(5), np.full(90, 7.0), np.where(np.arange(90) < 80, noisy(90), np.inf), ["a", "b"]],
)
def test_series_that_are_refused_leave_what_was_fitted_as_it_was(series: Any, tmp_path: Path):
    fitted = quick({"a": noisy(), "b": noisy(90)})
    before, history, seed = fitted.predict(), fitted.history_, fitted.seed_
    with pytest.raises(UnrolledError):
        fitted.set_params(context=4, horizon=3, random_state=5).fit(series)
    assert (fitted.history_, fitted.seed_) == (history, seed)
    fitted.save(tmp_path)
    for model in (fitted, Forecaster.load(tmp_path)):
        same(flat(before), flat(model.predict()))
        assert len(model.update({"a": 20.0, "b": 20.0}).predict().point["a"]) == 2


@pytest.mark.parametrize("callbacks", [[object()], print])
def test_callbacks_that_are_none_leave_what_was_fitted_as_it_was(callbacks: Any):
    fitted = quick(noisy())
    before, history = fitted.predict(), fitted.history_
    with pytest.raises(ParameterError, match=r"`callbacks` .*, expected .*objects of classes that are"):
        fitted.fit(noisy(seed=1), callbacks=callbacks)
    same(before, fitted.predict())
    assert fitted.history_ is history


def test_settings_are_read_and_set_by_name_and_count_from_the_next_fit_on():
    fitted = quick(noisy())
    assert repr(Forecaster(6, nan="mask", epochs=3)) == "Forecaster(context=6, nan='mask', epochs=3)"
    assert Forecaster(**fitted.get_params()).get_params() == fitted.get_params()
    before = fitted.predict()
    fitted.set_params(context=9, horizon=4)
    same(before, fitted.predict())
    assert fitted.fit(noisy()).predict().point.shape == (4,)
