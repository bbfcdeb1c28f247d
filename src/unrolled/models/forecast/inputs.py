"""What a caller gives a forecaster, checked against what it was fitted to, as windows; it predicts nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Literal, NamedTuple

import numpy as np

from unrolled.data.sequences import unmasked
from unrolled.data.series import Relative, Windows, checked_values
from unrolled.data.series_input import Form, SeriesSet, read_covariates, read_series
from unrolled.data.time_index import is_pandas
from unrolled.errors import DataError, ParameterError, ShapeError
from unrolled.models.forecast.scaling import SeriesScaling
from unrolled.models.forecast.state import Memory
from unrolled.models.sequences.scaling import Scaling
from unrolled.shapes import Array, whole_number

__all__ = [
    "FORMS",
    "Given",
    "Reading",
    "as_rows",
    "own_series",
    "places_of",
    "scaling_for",
    "step_of",
    "together",
    "training_parts",
]


FORMS = {"one": "one series", "columns": "a table's columns", "list": "a list", "named": "a dictionary"}


class Given(NamedTuple):
    """Series with their covariates."""

    series: SeriesSet
    known: list[Array] | None = None  # (T_i + ahead, C)
    past: list[Array] | None = None  # (T_i, P)

    def of(self, i: int) -> tuple[Array, Array | None, Array | None]:
        """The values of series `i`, and its covariates of both kinds."""
        known, past = (None if tables is None else tables[i] for tables in (self.known, self.past))
        return self.series.values[i], known, past


class Reading(NamedTuple):
    """How a forecaster reads series."""

    context: int
    horizon: int
    relative: Relative
    nan: Literal["refuse", "mask"]
    dtype: str

    @property
    def kept(self) -> int:
        """How many of a series' last steps predicting and judging what comes may need."""
        return self.context + 2 * self.horizon

    def read(
        self,
        name: str,
        series: Any,
        covariates: Any,
        past_covariates: Any,
        memory: Memory | None = None,
        *,
        ahead: int = 0,
        follows: bool = False,
    ) -> Given:
        """Takes series as a caller has them, with covariates for so many steps after their end: those of `fit`.

        Raises:
            ParameterError: covariates are missing, too many, or have other columns.
            ShapeError: they have another number of columns.
            DataError: values are missing, or times are not due.
        """
        given = read_series(series, name, follows=follows)
        for label, values in zip(given.names, given.values, strict=True):
            checked_values(name if given.form == "one" else f"{name} {label}", values, self.nan)
        known, past = (
            _covariates(table, given, kind, steps, memory)
            for table, kind, steps in ((covariates, "covariates", ahead), (past_covariates, "past_covariates", 0))
        )
        return Given(given, known, past)

    def windows(self, memory: Memory, given: Given) -> Windows:
        """Scaled windows over series that are those it was fitted to, or any where the scaling allows.

        Raises:
            ParameterError: a series is unknown.
        """
        return Windows(
            scaling_for(memory, given.series).forward(given.series.values, given.series.names),
            context=self.context,
            horizon=self.horizon,
            known=_scaled(given.known, memory.known),
            past=_scaled(given.past, memory.past),
            nan=self.nan,
            relative=self.relative,
            dtype=self.dtype,
        )

    def check_end(self, name: str, values: Array) -> None:
        """Raises `DataError` unless a series' last steps say enough to go on from."""
        if len(values) < self.context:
            raise DataError(
                f"`{name}` has {len(values)} steps, expected at least context = {self.context}; give more of its past"
            )
        if np.isnan(values[-self.context :]).all():
            raise DataError(
                f"`{name}` has no value in its last {self.context} steps, expected one at least; "
                "nothing says where it stands"
            )


def training_parts(series: SeriesSet, splits: Sequence[int], context: int, horizon: int) -> list[Array]:
    """The values of each series that come before its split, from which something can be learned.

    Raises:
        DataError: they are fewer than one window needs, or are all missing or all the same.
    """
    train = [values[:split] for values, split in zip(series.values, splits, strict=True)]
    for name, values, part in zip(series.names, series.values, train, strict=True):
        if len(part) < context + horizon:
            behind = "" if len(part) == len(values) else f", of which the last {len(values) - len(part)} validate"
            raise DataError(
                f"`{name}` has {len(values)} steps{behind}, expected at least context + horizon = {context} + "
                f"{horizon} = {context + horizon} to train on; give a longer series, or a smaller context or horizon"
            )
    for name, part in zip(series.names, train, strict=True):
        if np.isnan(part).all():
            raise DataError(
                f"`{name}` has no value in the {len(part)} steps to train on, expected at least one; leave it out"
            )
        if np.nanmin(part) == np.nanmax(part):
            raise DataError(
                f"`{name}` is {np.nanmin(part)} at all {len(part)} steps to train on, expected values that differ; "
                "nothing can be learned from it: leave it out"
            )
    return train


def scaling_for(memory: Memory, given: SeriesSet) -> SeriesScaling:
    """The scales of the series given, found by name, or by their place where they came without.

    Raises:
        ParameterError: a series' scale is not known.
    """
    if memory.shared:
        return memory.scaling
    places = places_of(memory, given)
    for name, place in zip(given.names, places, strict=True):
        if place is None:
            raise ParameterError(
                f"`series` holds {name!r}, expected those it was fitted to: {', '.join(memory.names[:8])}"
                f"{', ...' if len(memory.names) > 8 else ''}; their scales are known, another's is not: fit with "
                "scaling='global' to predict others"
            )
    return memory.scaling.take([place for place in places if place is not None])


def places_of(memory: Memory, given: SeriesSet) -> list[int | None]:
    """Which of the series it was fitted to each one is, by name, or by its place where names are missing here or there.

    Series without names may come in another form than those of `fit`, if they are as many.

    Returns:
        Their places, `None` for a series that is none of them.
    """
    like = given.form == memory.form
    found = [memory.names.index(name) if name in memory.names else None for name in given.names]
    by_place = _nameless(given.form, given.names) or (like and _nameless(memory.form, memory.names))
    if len(given.names) == len(memory.names) and None in found and (by_place or (like and given.form == "one")):
        return list(range(len(found)))
    return found


def _nameless(form: Form, names: Sequence[str]) -> bool:
    """Whether they are what `read_series` calls series that came without names."""
    if form == "one":
        return names[0] in ("series", "values")
    return form != "named" and list(names) == [str(k) for k in range(len(names))]


def own_series(memory: Memory, covariates: Any, past_covariates: Any, horizon: int) -> Given:
    """The series it was fitted to, with the covariates of the steps to come behind those of the past.

    Raises:
        ParameterError: covariates are missing or too many, or training was not finished.
        ShapeError: they do not fit the horizon.
    """
    ends = memory.ends()
    series = memory.as_set(ends)
    if past_covariates is not None:
        raise ParameterError("`past_covariates` is given without `series`, expected None; `update` adds new ones")
    here = series._replace(values=[np.zeros(0)] * len(ends))  # an array's first row is the first step to come
    tables = _covariates(covariates, here, "covariates", horizon, memory)
    known = None
    if tables is not None:
        known = [np.concatenate([end.known, table]) for end, table in zip(ends, tables, strict=True)]  # pyright: ignore
    return Given(series, known, together([end.past for end in ends]))


def as_rows(values: Any, form: Form) -> Any:
    """New values of the form given to `fit`, where a number stands for one step of a series."""
    if isinstance(values, Mapping):
        named: dict[Any, Any] = dict(values)  # pyright: ignore[reportUnknownArgumentType]
        return {name: _as_steps(value) for name, value in named.items()}
    if form == "list" and isinstance(values, Sequence):
        return [_as_steps(value) for value in values]  # pyright: ignore[reportUnknownVariableType]
    if form == "columns" and not is_pandas(values):
        return np.atleast_2d(unmasked(values))
    return _as_steps(values)


def _as_steps(value: Any) -> Any:
    return unmasked(value)[None] if np.ndim(value) == 0 else value


def together(tables: Sequence[Array | None]) -> list[Array] | None:
    """The tables, where there are any: all series have them or none has."""
    return [table for table in tables if table is not None] or None


def step_of(start: Any, given: SeriesSet, i: int) -> int:
    """The number of the step that `start` names.

    Raises:
        ParameterError: it names none.
    """
    index, name = given.indexes[i], given.names[i]
    if index is None:
        return whole_number("start", start, at_least=0, remedy=f"the number of a step, as `{name}` has no index")
    with suppress(KeyError, TypeError, ValueError):
        place: Any = index.get_loc(start)
        return int(getattr(place, "start", place))  # a slice: a year of months
    raise ParameterError(
        f"`start` is {start!r}, expected a time from {index[0]} to {index[-1]}, as the index of `{name}` has them"
    )


def _covariates(given: Any, series: SeriesSet, name: str, ahead: int, memory: Memory | None) -> list[Array] | None:
    """The tables of one kind; with a memory, such as it was fitted to."""
    if memory is None:
        return None if given is None else read_covariates(given, series, name, ahead)
    scaling = memory.known if name == "covariates" else memory.past
    if given is None and scaling is None:
        return None
    if given is None or scaling is None:
        came, expected, remedy = ("None", "them", "give them") if given is None else ("given", "None", "leave them out")
        raise ParameterError(
            f"`{name}` is {came}, expected {expected}, as the forecaster was fitted "
            f"{'with' if given is None else 'without'} such; {remedy}, or fit it anew"
        )
    tables = read_covariates(given, series, name, ahead, memory.columns.get(name))
    if tables[0].shape[1] != len(scaling.mean):
        raise ShapeError(
            f"`{name}` has {tables[0].shape[1]} columns, expected {len(scaling.mean)}, as in fit; is one missing?"
        )
    return tables


def _scaled(tables: list[Array] | None, scaling: Scaling | None) -> list[Array] | None:
    return None if tables is None or scaling is None else [scaling.forward(table) for table in tables]
