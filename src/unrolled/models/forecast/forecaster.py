"""`Forecaster`: predicts the next steps of one or many series, with intervals; the network is another module's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Self

import numpy as np

from unrolled.data.series import WindowBatches, Windows, last_part
from unrolled.data.series_input import column_names, give_back
from unrolled.errors import DataError, ParameterError
from unrolled.models.forecast.backtest import Backtest, SeriesBacktest
from unrolled.models.forecast.base import ForecasterBase
from unrolled.models.forecast.errors import judged, predicted, scores, validation_loss
from unrolled.models.forecast.inputs import (
    FORMS,
    Given,
    as_rows,
    own_series,
    places_of,
    scaling_for,
    step_of,
    together,
    training_parts,
)
from unrolled.models.forecast.intervals import Calibration, by_age
from unrolled.models.forecast.result import Forecast
from unrolled.models.forecast.scaling import SeriesScaling, covariate_scaling
from unrolled.models.forecast.state import Memory, Past, remember_in
from unrolled.models.sequences.parts import kept_on_error
from unrolled.shapes import Array, counted, whole_number
from unrolled.training.callbacks import checked_callbacks
from unrolled.training.fit import Callback

__all__ = ["Forecast", "Forecaster"]


class Forecaster(ForecasterBase):
    """Predicts the next h steps of one or many series from their last c, with intervals tried on held-out values.

    One network, shared by all series, reads a window of each.

    Equations, for a window of c values v, with covariates x beside them and z of the h steps to come:
        (1) w_t = (transform(v_t) - mean) / deviation, of the series' training part
        (2) u_t = (w_t - level) / scale: of `relative` `"last"` w_c and 1, `"window"` the mean and the deviation of
            w_1..c, `None` 0 and 1
        (3) s_t = cell([u_t; x_t], s_t-1)
        (4) [m; log r] = W [s_c; z] + b + A [u_1..c; z] for each of the h steps; log r, of the variance, with the
            Gaussian loss only
        (5) J = the mean over steps and windows of (u - m)^2, of |u - m|, or of ((u - m)^2 / r + log(2 pi r)) / 2
        (6) point = transform^-1 of (m scale + level) deviation + mean
        (7) interval = the same of m -+ q sqrt(r), r being 1 where it is not predicted

    `ForecastNetwork` says (4) with lags and several members, `Calibration` says what q is.

    Args:
        context: c, how many steps are read.
        horizon: h, how many are predicted, all at once.
        cell: `"gru"`, `"lstm"` or `"rnn"`.
        hidden_size: H.
        num_layers: L.
        dropout: between layers.
        recurrent_dropout: of the state, one mask for each window.
        zoneout, layer_norm: see `unrolled.models.sequences.estimator.SequenceEstimator`.
        layer_options: what else the recurrent layers take, such as `peepholes`, `proj_size`, `forget_bias`,
            `initial_state`, `weight_init` or a GRU's `reset`.
        linear: an autoregression beside the recurrent layers, which begins as that of least squares.
        lag_decay: of that autoregression: how much older values count for less unless the data insist, by the power
            of their age; 0, as suits a season, for all alike, 1 or 2 where the last few values say most.
        members: networks whose forecasts are averaged.
        loss: `"gaussian"` predicts a spread as well, so that intervals are wide where it is uncertain; or
            `"squared_error"` or `"absolute_error"`.
        scaling: `"series"` brings each series to mean 0 and deviation 1 by its own training part; `"global"` all by
            those of all, and can then predict series that it was not fitted to.
        relative: `"last"` reads each window relative to its last value, as suits a series with a trend; `"window"` in
            its own mean and deviation; `None` as it is, as suits one that returns to its level.
        transform: of the values before all else: `"sqrt"`, as suits counts, `"log"`, or `None`.
        nan: `"refuse"` missing values, or `"mask"` them: they are left out; see `Windows`.
        epochs: passes over the windows.
        minutes: how long to train, in place of `epochs`.
        batch_size: windows in a step, at the most.
        optimizer: one of `unrolled.optimizers.OPTIMIZERS`.
        learning_rate: the peak of the schedule.
        weight_decay: of an optimizer that has one (`"adamw"`).
        schedule: one of `unrolled.schedules.SCHEDULES`, or `"reduce_on_plateau"`.
        warmup: steps of a linear rise to the peak.
        clip: the largest global norm of the gradients; `None` for any.
        ema: the decay of a moving average of the weights, which is then what is used; `None` for none.
        validation_fraction: the last part of each series, which is not trained on: it stops the training early and
            calibrates the intervals. 0 trains on all, and there are no intervals; the other models begin with that,
            but a forecast is seldom wanted without.
        patience: after so many epochs that were no better on that part than the best, training ends, and the best
            weights are kept. `None`, or without such a part: all epochs, and the last weights.
        monitor: `"loss"` or `"mae"`, the mean absolute error, in units of the scaled series, for `patience`.
        dtype: `"float32"` or `"float64"`.
        random_state: a seed: the same one gives the same forecaster, bit for bit; `None` differs each time.
        verbose: show how training goes, where positive.

    Attributes:
        history_: how training went: a table, `.to_csv(path)`, `.to_pandas()`, `.plot()`.
        network_: the trained `ForecastNetwork`.

    Source: (4) Lai et al. 2018 (LSTNet), equation 9, for the autoregression beside the network; (5) its Gaussian loss
        Nix & Weigend 1994, equation 5; (7) Gibbs & Candes 2021, equation 2.

    >>> wave = 10 + np.sin(np.arange(120) * 2 * np.pi / 12)
    >>> forecaster = Forecaster(12, 3, hidden_size=4, random_state=0).fit(wave)
    >>> forecaster.predict().point.shape
    (3,)
    >>> forecaster.backtest(wave, start=100).metrics["mae"] < 0.2
    True
    """

    # Fitting.

    def fit(
        self,
        series: Any,
        *,
        covariates: Any = None,
        past_covariates: Any = None,
        validation_steps: int | None = None,
        callbacks: Sequence[Callback] = (),
        checkpoint: str | Path | None = None,
        documents: Mapping[str, Any] | None = None,
    ) -> Self:
        """Learns from series; may be called again, which begins anew once they and the settings are checked.

        Args:
            series: `(T,)`; `(T, K)`, each column a series; a list or a dictionary of series of whatever lengths; or
                pandas series or a data frame, whose index must rise by the same step.
            covariates: known in advance, `(T, C)` or longer: for all series, or a list or dictionary, one for each.
            past_covariates: known up to the present only, `(T, P)`.
            validation_steps: so many of the last steps of each series, in place of a `validation_fraction`: then series
                that end at the same time are split at the same time.
            callbacks: see `unrolled.training.fit.Callback`.
            checkpoint: a folder to keep the run in. Where it already holds this run, that goes on, and ends with the
                bits of one that was never interrupted.
            documents: what else to keep there, as plain values by name.

        Returns:
            The forecaster itself.

        Raises:
            ShapeError: shapes do not fit.
            DataError: a series is shorter than context + horizon besides the validation, is constant there, holds what
                it must not, or its times do not rise by the same step.
            ParameterError: a parameter or an argument is out of its range.
            CheckpointError: the folder holds another run.
            DivergenceError: the loss is no longer finite; try a lower learning rate.
        """
        with kept_on_error(self):  # what cannot be learned from leaves what was learned before
            reading, callbacks = self._read_settings(), checked_callbacks(callbacks)
            folder = None if checkpoint is None else Path(checkpoint)
            seed = self._first_seed(folder)
            seeds: list[int] = np.random.SeedSequence(seed).generate_state(3).tolist()
            given = reading.read("series", series, covariates, past_covariates)
            names, lengths = given.series.names, [len(each) for each in given.series.values]
            splits = last_part(lengths, self.validation_fraction, validation_steps)
            train = training_parts(given.series, splits, self.context, self.horizon)
            memory = Memory(
                form=given.series.form,
                names=names,
                shared=self.scaling == "global",
                scaling=SeriesScaling.of(train, self.transform, self.scaling, names),
                known=covariate_scaling(given.known, splits),
                past=covariate_scaling(given.past, splits),
                columns={
                    kind: columns
                    for kind, table in (("covariates", covariates), ("past_covariates", past_covariates))
                    if (columns := column_names(table)) is not None
                },
            )
            windows = reading.windows(memory, given)
            network = self._create_network(windows.input_size, windows.future_size, seeds[0])
            trained_on = windows.rows([(0, split) for split in splits])
            batches = WindowBatches(windows, trained_on, batch_size=self.batch_size, seed=seeds[1])
            network.begin_linear(windows.in_order(trained_on))
            validate = None
            if splits != lengths:
                rows = windows.rows(list(zip(splits, lengths, strict=True)))
                if len(rows) == 0:
                    remedy = (
                        "make `validation_fraction` larger"
                        if validation_steps is None
                        else "give more `validation_steps`, or None for the `validation_fraction`"
                    )
                    steps = max(length - split for length, split in zip(lengths, splits, strict=True))
                    raise DataError(
                        f"the validation part has {counted(steps, 'step')} and no window of {self.horizon} to predict, "
                        f"expected at least the horizon; {remedy}"
                    )
                validate = partial(validation_loss, network, windows, rows)
            settings = self._settings(seeds[2], validate is not None)
            self.seed_, self._reading, self._memory = seed, reading, memory
        try:
            self._train(
                network,
                batches,
                settings,
                validate=validate,
                folder=folder,
                documents={**(documents or {}), **self._documents_in(folder)},
                callbacks=callbacks,
                unit="windows",
            )
        except BaseException:  # after Ctrl-C, say, it can be used as it is
            if self.__sklearn_is_fitted__():
                self._remember(windows, given, splits)
            raise
        self._remember(windows, given, splits)
        if folder is not None:
            remember_in(folder, memory)
        return self

    def _remember(self, windows: Windows, given: Given, splits: Sequence[int]) -> None:
        """Keeps each series' end, and the errors on its validation part."""
        found = [
            scores(self.network_, windows, i, split, judged(windows, len(windows.values[i])))[1]
            for i, split in enumerate(splits)
        ]
        errors, of = by_age(found)
        memory = self._memory
        memory.calibration = Calibration(errors, of=of).newest()
        memory.pasts = [Past(time, *given.of(i)).last(self._reading.kept) for i, time in enumerate(given.series.times)]

    # Predicting.

    def predict(
        self,
        series: Any = None,
        horizon: int | None = None,
        *,
        covariates: Any = None,
        past_covariates: Any = None,
        interval: float | None = 0.9,
    ) -> Forecast:
        """Predicts the steps after a series' end.

        Args:
            series: of the form given to `fit`, `context` steps or more, found by name, or by their place where they
                come without; `None`: the series it was fitted to, with what `update` added.
            horizon: how many steps, at most the forecaster's own, which is the default.
            covariates: where it was fitted with such: with `series` a row for each of its steps and for each of the
                forecaster's horizon; without, for the steps of the horizon only.
            past_covariates: where it was fitted with such and `series` is given: a row for each of its steps.
            interval: the share of values to come that `lower` to `upper` is to cover; `None` for no interval.

        Returns:
            The forecast, in the form that the series came in.

        Raises:
            ParameterError: it is not fitted, a series is unknown, the horizon is too long, or nothing calibrates the
                interval.
            DataError: a series is shorter than the context, ends in nothing but missing values, or its times do not
                rise by the same step.
            ShapeError: covariates are missing or do not fit.
        """
        memory = self._fitted()
        own_h = self._reading.horizon
        remedy = f"the forecaster's own is {own_h}: fit one with a longer horizon"
        h = own_h if horizon is None else whole_number("horizon", horizon, below=own_h + 1, remedy=remedy)
        if series is None:
            given = own_series(memory, covariates, past_covariates, self._reading.horizon)
        else:
            given = self._reading.read(
                "series", series, covariates, past_covariates, memory, ahead=self._reading.horizon
            )
        windows = self._reading.windows(memory, given)
        scaling = scaling_for(memory, given.series)
        parts: list[list[Array]] = []
        whose = places_of(memory, given.series)
        reaches = None if interval is None else self._calibrated(memory).width_of_each(interval, whose)
        for i, (name, values) in enumerate(zip(given.series.names, given.series.values, strict=True)):
            self._reading.check_end(name, values)
            mean, spread = predicted(self.network_, windows, i, len(values), len(values) + 1)
            bounds = [mean]
            if reaches is not None:
                reach = reaches[i] * spread
                bounds += [mean - reach, mean + reach]
            parts.append([scaling.backward(i, bound)[0, :h] for bound in bounds])
        own = given.series
        point, *bounds = (give_back(own.form, own.names, own.times, part) for part in zip(*parts, strict=True))
        return Forecast(point, *(bounds or (None, None)))

    def backtest(
        self,
        series: Any,
        *,
        start: Any,
        stride: int = 1,
        covariates: Any = None,
        past_covariates: Any = None,
        interval: float | None = 0.9,
        recalibrate: bool = True,
    ) -> Backtest:
        """Predicts from every moment from `start` on, each time from what was known by then, without fitting again.

        Args:
            series: as for `predict`, with `context` steps or more before `start`.
            start: the first step to be predicted: its number in an array, its time where the series has a pandas index.
            stride: how many steps lie between one forecast and the next.
            covariates: a row for each step, where it was fitted with such.
            past_covariates: likewise.
            interval: as for `predict`.
            recalibrate: each forecast's interval also uses the errors that were known by then, as after `update`.

        Returns:
            Forecasts beside the actual values; `.metrics` sums them up.

        Raises:
            ParameterError: it is not fitted, `start` is no step of the series, or nothing calibrates the interval.
            DataError: a series is too short.
        """
        memory = self._fitted()
        given = self._reading.read("series", series, covariates, past_covariates, memory)
        windows = self._reading.windows(memory, given)
        scaling = scaling_for(memory, given.series)
        stride = whole_number("stride", stride, remedy="it is in steps")
        if interval is not None:
            self._calibrated(memory).width(interval)  # there are enough
        found, whose = list[SeriesBacktest](), places_of(memory, given.series)
        for i, (name, values) in enumerate(zip(given.series.names, given.series.values, strict=True)):
            first, h, index = step_of(start, given.series, i), self._reading.horizon, given.series.indexes[i]
            if not self._reading.context <= first <= len(values) - h:
                raise DataError(
                    f"`{name}` has {len(values)} steps, {first} of them before `start`, expected at least context = "
                    f"{self._reading.context} before it and horizon = {h} from it on; give a longer series, or another "
                    "start"
                )
            origins = np.arange(first, len(values) - h + 1, stride)
            mean, spread = (
                array[::stride] for array in predicted(self.network_, windows, i, first, len(values) - h + 1)
            )
            bounds: list[Array] = []
            if interval is not None:
                steps, errors = scores(self.network_, windows, i, judged(windows, first), judged(windows, len(values)))
                known_by_then = np.searchsorted(steps, [judged(windows, origin) for origin in origins.tolist()])
                counts = len(memory.calibration) + (known_by_then if recalibrate else 0 * known_by_then)
                width = memory.calibration.extended(errors, whose[i]).widths(interval, counts.tolist(), whose[i])
                bounds = [mean - width * spread, mean + width * spread]
            lower, upper = [scaling.backward(i, bound) for bound in bounds] or (None, None)
            times = np.arange(len(values)) if index is None else np.asarray(index)
            actual = np.stack([values[origin : origin + h] for origin in origins.tolist()])
            found.append(SeriesBacktest(name, times, origins, scaling.backward(i, mean), lower, upper, actual))
        return Backtest(found)

    def update(self, values: Any, *, covariates: Any = None, past_covariates: Any = None) -> Self:
        """Adds new values behind the series it was fitted to, without fitting again.

        The next `predict()` goes on from them, and the errors of the forecasts that they put to the test join those
        that calibrate the intervals.

        Args:
            values: of the form given to `fit`: one number or more for each series, found by name, or by their place
                where they come without. Of pandas, times must go on.
            covariates: a row for each new step, where it was fitted with such.
            past_covariates: likewise.

        Returns:
            The forecaster itself.

        Raises:
            ParameterError: it is not fitted, or the series are not those that it was fitted to.
            DataError: the times do not go on where the series ended.
        """
        memory = self._fitted()
        pasts = memory.ends()
        rows = as_rows(values, memory.form)
        new = self._reading.read("values", rows, covariates, past_covariates, memory, follows=True)
        places = places_of(memory, new.series)
        if new.series.form != memory.form or {*places} != {*range(len(pasts))} or len(places) != len(pasts):
            raise ParameterError(
                f"`values` holds {', '.join(new.series.names)}, expected {', '.join(memory.names)} in the form they "
                f"had in fit, {FORMS[memory.form]}; give each its new values"
            )
        for name, place, index in zip(new.series.names, places, new.series.indexes, strict=True):
            time = None if place is None else pasts[place].time
            if index is not None and time is not None:
                time.check_continued(index, name)
        whole = [past.extended(*new.of(places.index(i))) for i, past in enumerate(pasts)]
        longer = Given(memory.as_set(whole), together([p.known for p in whole]), together([p.past for p in whole]))
        windows = self._reading.windows(memory, longer)
        if len(memory.calibration):
            found = [
                scores(
                    self.network_, windows, i, judged(windows, len(past.values)), judged(windows, len(longer.values))
                )[1]
                for i, (past, longer) in enumerate(zip(pasts, whole, strict=True))
            ]
            memory.calibration = memory.calibration.extended(*by_age(found)).newest()
        memory.pasts = [each.last(self._reading.kept) for each in whole]
        return self
