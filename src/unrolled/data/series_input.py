"""Series as callers have them, arrays, lists, dictionaries or pandas, to plain arrays and back; makes no windows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from unrolled.data.sequences import unmasked
from unrolled.data.time_index import TimeIndex, is_pandas, pandas
from unrolled.errors import DataError, ParameterError, ShapeError
from unrolled.shapes import Array

__all__ = ["Form", "SeriesSet", "column_names", "read_covariates", "read_series"]

Form = Literal["one", "columns", "list", "named"]


class SeriesSet(NamedTuple):
    """One or many series, and how they came: what is predicted is given back in the same form."""

    form: Form
    names: list[str]  # of each series
    values: list[Array]  # (T_i,) each, NaN where missing
    times: list[TimeIndex | None]  # None: an array
    indexes: list[Any]  # pandas' own, or None

    def give_back(self, arrays: Sequence[Array], start: int = 0) -> Any:
        """Steps that follow the series, `(h,)` each, in the form that the series came in.

        Args:
            arrays: one for each series, of equal lengths.
            start: how many steps after the series' end they begin.
        """
        return give_back(self.form, self.names, [None if t is None else t.moved(start) for t in self.times], arrays)


def give_back(form: Form, names: Sequence[str], times: Sequence[TimeIndex | None], arrays: Sequence[Array]) -> Any:
    """Arrays of the steps after each of `times`, in that form: pandas objects where there are times."""
    if form == "columns":
        if times[0] is None:
            return np.stack(arrays, axis=1)
        return pandas().DataFrame(dict(zip(names, arrays, strict=True)), index=times[0].after(len(arrays[0])))
    single = [
        array if time is None else pandas().Series(array, index=time.after(len(array)), name=name)
        for name, time, array in zip(names, times, arrays, strict=True)
    ]
    if form == "one":
        return single[0]
    return dict(zip(names, single, strict=True)) if form == "named" else single


def read_series(given: Any, name: str = "series", *, follows: bool = False) -> SeriesSet:
    """Takes one or many series.

    Args:
        given: an array or pandas series `(T,)`; an array `(T, K)` or a data frame, each column a series; a list of
            arrays or pandas series, of whatever lengths; or a dictionary of them by name. What is masked is missing.
        name: the argument's name in messages.
        follows: they go on where others end, which a caller checks: then their times need not tell a step.

    Raises:
        ShapeError: the shape is another.
        ParameterError: not real numbers, or an index holds neither times nor numbers.
        DataError: there is no series, one is empty, or its times do not rise by the same step.

    >>> read_series({"a": [1.0, 2.0], "b": [3.0]}).names
    ['a', 'b']
    """
    if isinstance(given, Mapping):
        named: dict[Any, Any] = dict(given)  # pyright: ignore[reportUnknownArgumentType]
        return _joined("named", [str(key) for key in named], list(named.values()), name, follows)
    if isinstance(given, list | tuple) and any(np.ndim(part) > 0 for part in given):  # pyright: ignore
        parts: list[Any] = list(given)  # pyright: ignore[reportUnknownArgumentType]
        labels = [str(getattr(part, "name", None) or i) for i, part in enumerate(parts)]
        return _joined(
            "list", labels if len(set(labels)) == len(labels) else [*map(str, range(len(parts)))], parts, name, follows
        )
    table: Any = given  # pyright: ignore[reportUnknownVariableType]
    values = _numbers(table, name)
    if values.size == 0:
        raise DataError(f"`{name}` is empty, expected at least one value; is the part empty?")
    index: Any = table.index if is_pandas(table) else None
    time = None if index is None or follows else TimeIndex.of(index, name)
    if values.ndim == 1:
        label = str(getattr(table, "name", None) or name)
        return SeriesSet("one", [label], [values], [time], [index])
    if values.ndim != 2:
        raise ShapeError(
            f"`{name}` has shape {values.shape}, expected (T,), or (T, K) for K series side by side; "
            "series of unequal lengths go in as a list"
        )
    K = values.shape[1]
    labels = [str(label) for label in table.columns] if is_pandas(table) else [str(k) for k in range(K)]
    columns: list[Array] = [np.ascontiguousarray(values[:, k]) for k in range(K)]
    return SeriesSet("columns", labels, columns, [time] * K, [index] * K)


def column_names(given: Any) -> list[str] | None:
    """The columns of the first data frame among covariates as `read_covariates` takes them; `None`: there is none."""
    parts: Any = given.values() if isinstance(given, Mapping) else given if isinstance(given, list) else [given]  # pyright: ignore
    frames = [part for part in parts if is_pandas(part) and hasattr(part, "columns")]
    return [str(column) for column in frames[0].columns] if frames else None


def read_covariates(
    given: Any, series: SeriesSet, name: str, ahead: int, columns: Sequence[str] | None = None
) -> list[Array]:
    """Takes covariates: one table for all series, or one for each.

    Args:
        given: `(T, C)`, or `(T,)` where C = 1: an array, or of pandas; or a list, or a dictionary by name, of them.
            With pandas, rows are found by their times and columns by their names; an array's first row is the first
            step of the series.
        series: the series that they go with.
        name: the argument's name in messages.
        ahead: steps after the series' end that they must cover.
        columns: the names of the C columns, in their order; those of the first data frame where `None`.

    Returns:
        For each series, `(T_i + ahead, C)`.

    Raises:
        ShapeError: the shape is another, or there are too few rows.
        ParameterError: not real numbers, no entry for a series, or a data frame has other columns.
        DataError: the times of the series, or of the steps to come, are not among those of the covariates.
    """
    columns = column_names(given) if columns is None else columns
    if isinstance(given, Mapping):
        named: dict[str, Any] = {str(key): value for key, value in given.items()}  # pyright: ignore
        absent = [label for label in series.names if label not in named]
        if absent:
            raise ParameterError(
                f"`{name}` has no entry {absent[0]!r}, expected one for each series: {', '.join(series.names)}; "
                "one table for all of them will do as well"
            )
        parts: list[Any] = [named[label] for label in series.names]
    elif isinstance(given, list) and series.form != "one" and any(np.ndim(part) > 0 for part in given):  # pyright: ignore
        parts = list[Any](given)  # pyright: ignore[reportUnknownArgumentType]
        if len(parts) != len(series.names):
            raise ShapeError(f"`{name}` has {len(parts)} entries, expected {len(series.names)}, one for each series")
    else:
        parts = [given for _ in series.names]
    tables: list[Array] = []
    for i, part in enumerate(parts):
        label = name if len(series.names) == 1 else f"{name} of {series.names[i]}"
        tables.append(_aligned(_ordered(part, columns, label), series, i, label, ahead))
    if len({table.shape[1] for table in tables}) > 1:
        raise ShapeError(
            f"`{name}` has {[table.shape[1] for table in tables]} columns, expected as many for each series"
        )
    return tables


def _ordered(given: Any, columns: Sequence[str] | None, name: str) -> Any:
    """A data frame with its columns as they are due, found by their names; anything else as it is."""
    if columns is None or not is_pandas(given) or not hasattr(given, "columns"):
        return given
    own = [str(column) for column in given.columns]
    wrong = [f"has the column {column!r} twice" for column in own if own.count(column) > 1]
    wrong += [f"has no column {column!r}" for column in columns if column not in own]
    wrong += [f"has a column {column!r}" for column in own if column not in columns]
    if wrong:
        raise ParameterError(
            f"`{name}` {wrong[0]}, expected {', '.join(columns)} in whatever order; choose these, or rename it"
        )
    return given.iloc[:, [own.index(column) for column in columns]]


def _aligned(given: Any, series: SeriesSet, i: int, name: str, ahead: int) -> Array:
    table = _numbers(given, name)
    table = table[:, None] if table.ndim == 1 else table
    T, time = len(series.values[i]), series.times[i]
    index: Any = series.indexes[i]
    if table.ndim != 2 or table.shape[1] == 0:
        raise ShapeError(f"`{name}` has shape {table.shape}, expected (T, C), a row for each step; is one transposed?")
    coming: Any = time.after(ahead) if time is not None and ahead else None
    due: Any = index if coming is None else coming if index is None else index.append(coming)
    if is_pandas(given) and due is not None:
        if not given.index.is_unique:
            raise DataError(f"`{name}` has a time twice, expected each once; leave one of the rows out")
        rows = given.index.get_indexer(due)
        if (rows < 0).any():
            missing = due[int(np.flatnonzero(rows < 0)[0])]
            raise DataError(
                f"`{name}` has no row for {missing}, expected one for each time from {due[0]} to {due[-1]}"
                + (f", the last {ahead} being those to come; they must be known in advance" if ahead else "")
            )
        table = table[rows]
    if len(table) < T + ahead:
        those = f"{T} + {ahead}, those of the series and of the horizon" if ahead else f"{T}, those of the series"
        raise ShapeError(f"`{name}` has {len(table)} rows, expected {those}; give the rows that are missing")
    table = table[: T + ahead]
    if not np.isfinite(table).all():
        row = int(np.flatnonzero(~np.isfinite(table).all(axis=1))[0])
        raise DataError(
            f"`{name}` is not a finite number at step {row}, expected one everywhere; fill it in: "
            "only the series itself may have missing values"
        )
    return table


def _joined(form: Form, names: list[str], parts: list[Any], name: str, follows: bool) -> SeriesSet:
    read = [
        read_series(part, f"{name}[{label!r}]" if form == "named" else f"{name}[{label}]", follows=follows)
        for label, part in zip(names, parts, strict=True)
    ]
    for label, one in zip(names, read, strict=True):
        if one.form != "one":
            raise ShapeError(
                f"`{name}[{label}]` holds {len(one.values)} series, expected one of shape (T,); give each an entry"
            )
    if not read:
        raise DataError(f"`{name}` holds no series, expected at least one; is the part empty?")
    columns = (
        [part[0] for part in field] for field in zip(*((o.values, o.times, o.indexes) for o in read), strict=True)
    )
    values, times, indexes = columns
    return SeriesSet(form, names, values, times, indexes)


def _numbers(given: Any, name: str) -> NDArray[np.float64]:
    array = unmasked(given.to_numpy() if is_pandas(given) else given)
    if array.dtype == object and array.size:
        with suppress(TypeError, ValueError):  # numbers as objects; what is none is refused below
            array = array.astype(np.float64)
    if array.dtype.kind not in "fiub":
        kinds = given.dtypes.items() if is_pandas(given) and hasattr(given, "columns") else ()
        other = [column for column, kind in kinds if kind.kind not in "fiub"]
        remedy = f"of the columns {other[:5]}, .set_index makes times; leave others out" if other else "convert it"
        raise ParameterError(f"`{name}` has dtype {array.dtype}, expected real numbers; {remedy}")
    return array.astype(np.float64)
