"""Windows over time series: what was known at a moment, and what came after it; scales nothing and knows no dates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from unrolled.data.sequences import check_same, digest_of, unmasked
from unrolled.errors import CheckpointError, DataError, MissingExtraError, ParameterError, ShapeError
from unrolled.shapes import Array, real_number, whole_number

__all__ = [
    "Relative",
    "Rows",
    "SeriesParts",
    "WindowBatch",
    "WindowBatches",
    "Windows",
    "checked_values",
    "last_part",
    "load_sunspots",
]

Rows = NDArray[np.int64]  # (N, 2): series and origin of each window
Relative = Literal["last", "window"] | None


class WindowBatch(NamedTuple):
    """Windows side by side, and what came after each."""

    x: Array  # (c, N, I): the value, whether it was missing (only where some may be), covariates
    future: Array | None  # (N, h * C): covariates known in advance, step after step
    targets: Array  # (N, h); 0 where missing
    weights: Array | None  # (N, h): 0 where a target is missing; None: none is
    level: Array  # (N, 1): what was taken off the values
    scale: Array  # (N, 1): and what they were then divided by
    first: bool = True  # no state is carried from batch to batch


class Windows:
    """Windows over one or many series: that with origin o reads steps o - c to o - 1 and predicts o to o + h - 1.

    Nothing of step o or later is ever an input, but for covariates that are known in advance.

    Args:
        values: one series each, `(T_i,)`; NaN, or masked, where a value is missing.
        context: c, how many steps are read.
        horizon: h, how many are predicted.
        past: covariates known up to the present only, `(T_i, P)` for each series.
        known: covariates known in advance, `(T_i, C)` or longer for each series; their steps run with the values'.
        nan: `"refuse"` missing values. `"mask"` reads one as the last value seen before it, with a further
            input that is 1 where it was missing; it is never a target.
        relative: `"last"` takes the last value seen off each window; `"window"` takes its mean off and divides by its
            standard deviation (by 1 where that is 0); `None` leaves the values as they are.
        dtype: of the batches.

    Raises:
        DataError: a value is missing or not finite (then the message says where).
        ShapeError: covariates have too few steps, or series differ in how many they have.
        ParameterError: `context` or `horizon` is not positive, or `nan` or `relative` is another.

    >>> windows = Windows([np.arange(6.0)], context=2, horizon=1)
    >>> batch = windows.batch(windows.rows())
    >>> batch.x[..., 0].T.tolist(), batch.targets[:, 0].tolist()
    ([[0.0, 1.0], [1.0, 2.0], [2.0, 3.0], [3.0, 4.0]], [2.0, 3.0, 4.0, 5.0])
    """

    def __init__(
        self,
        values: Sequence[Array],
        *,
        context: int,
        horizon: int = 1,
        past: Sequence[Array] | None = None,
        known: Sequence[Array] | None = None,
        nan: Literal["refuse", "mask"] = "refuse",
        relative: Relative = None,
        dtype: DTypeLike = "float32",
    ) -> None:
        for name, size in (("context", context), ("horizon", horizon)):
            if not isinstance(size, int) or size < 1:  # pyright: ignore[reportUnnecessaryIsInstance]
                raise ParameterError(f"`{name}` is {size!r}, expected a positive whole number of steps")
        if nan not in ("refuse", "mask"):
            raise ParameterError(f"`nan` is {nan!r}, expected 'refuse' or 'mask'; 'mask' leaves missing values out")
        if relative not in ("last", "window", None):
            raise ParameterError(f"`relative` is {relative!r}, expected 'last', 'window' or None")
        self.context, self.horizon, self.nan, self.relative = context, horizon, nan, relative
        self.dtype: Any = np.dtype(dtype)
        self.values = [checked_values(f"series[{i}]", series, nan) for i, series in enumerate(values)]
        self.missing = [np.isnan(series) for series in self.values]
        self.seen = [_last_seen(series) for series in self.values]
        lengths = [len(series) for series in self.values]
        self.past = _checked_covariates("past_covariates", past, lengths)
        self.known = _checked_covariates("covariates", known, lengths)
        self.future_size = horizon * self.known[0].shape[1] if self.known else 0
        parts = [part[0].shape[1] for part in (self.past, self.known) if part]
        self.input_size = 1 + (nan == "mask") + sum(parts)

    def rows(self, parts: Sequence[tuple[int, int]] | None = None) -> Rows:
        """All windows that predict nothing outside a part of each series, whatever they read before it.

        Args:
            parts: from which step to before which one, for each series; all steps where `None`.

        Returns:
            `(N, 2)`: series and origin, without the windows that have no target or nothing but missing values.
        """
        c, h = self.context, self.horizon
        found: list[Rows] = []
        for i, values in enumerate(self.values):
            start, stop = (0, len(values)) if parts is None else parts[i]
            origins = np.arange(max(c, start), min(stop, len(values)) - h + 1)
            there = np.concatenate([[0], np.cumsum(~self.missing[i])])  # (T + 1,): values before each step
            useful = (there[origins] > there[origins - c]) & (there[origins + h] > there[origins])
            origins = origins[useful]
            found.append(np.stack([np.full(len(origins), i), origins], axis=1))
        return np.concatenate(found).astype(np.int64) if found else np.zeros((0, 2), np.int64)

    def batch(self, rows: Rows) -> WindowBatch:
        """These windows side by side; a target that the series does not hold yet counts as missing."""
        c, h = self.context, self.horizon
        series: list[int] = rows[:, 0].tolist()
        origins: list[int] = rows[:, 1].tolist()
        read = _stacked(self.seen, series, [origin - c for origin in origins], c)  # (N, c)
        targets = np.full((len(rows), h), np.nan)
        for n, (i, origin) in enumerate(zip(series, origins, strict=True)):
            after = self.values[i][origin : origin + h]
            targets[n, : len(after)] = after
        level, scale = self._level(read)
        features = [((read - level) / scale)[..., None]]
        if self.nan == "mask":
            features.append(_stacked(self.missing, series, [origin - c for origin in origins], c)[..., None])
        for covariates in (self.past, self.known):
            if covariates:
                features.append(_stacked(covariates, series, [origin - c for origin in origins], c))
        x = np.concatenate(features, axis=2).transpose(1, 0, 2)
        future = None
        if self.known:
            future = _stacked(self.known, series, origins, h).reshape(len(rows), -1).astype(self.dtype)
        absent = np.isnan(targets)
        targets = np.where(absent, 0, (targets - level) / scale)
        return WindowBatch(
            np.ascontiguousarray(x, self.dtype),
            future,
            targets.astype(self.dtype),
            (~absent).astype(self.dtype) if absent.any() else None,
            level,
            scale,
        )

    def in_order(self, rows: Rows, batch_size: int = 1024) -> Iterator[WindowBatch]:
        """These windows in their order, some at a time."""
        for start in range(0, len(rows), batch_size):
            yield self.batch(rows[start : start + batch_size])

    def _level(self, read: Array) -> tuple[Array, Array]:
        if self.relative == "last":
            return read[:, -1:], np.ones((len(read), 1))
        if self.relative == "window":
            spread = read.std(axis=1, keepdims=True)
            return read.mean(axis=1, keepdims=True), np.where(spread > 0, spread, 1)
        return np.zeros((len(read), 1)), np.ones((len(read), 1))


class WindowBatches:
    """Endless batches of windows: each epoch holds every window once, in an order drawn anew.

    Args:
        windows: where they come from.
        rows: which ones, as `Windows.rows` gives them.
        batch_size: of windows, at the most; sizes differ by one at the most.
        seed: of the orders.

    Raises:
        ParameterError: `batch_size` is not positive.
        DataError: there are no windows.

    >>> windows = Windows([np.arange(9.0)], context=2)
    >>> batches = WindowBatches(windows, windows.rows(), batch_size=4, seed=0)
    >>> place = batches.position
    >>> coming = batches.next().targets.tolist()
    >>> batches.go_to(place)
    >>> batches.next().targets.tolist() == coming
    True
    """

    def __init__(self, windows: Windows, rows: Rows, *, batch_size: int = 64, seed: int = 0) -> None:
        if batch_size < 1:
            raise ParameterError(f"`batch_size` is {batch_size}, expected a whole number of at least 1; 64 is usual")
        if len(rows) == 0:
            raise DataError(
                f"there are 0 windows of {windows.context} + {windows.horizon} steps, expected at least one; "
                "give longer series, or a smaller context or horizon"
            )
        self.windows, self._rows = windows, rows
        self.steps_per_epoch = -(-len(rows) // batch_size)
        self.batch_items = len(rows) / self.steps_per_epoch  # windows in a step, on average
        self._rng = np.random.default_rng(seed)
        self._begin_epoch()

    def _begin_epoch(self) -> None:
        self._index = 0
        self._random = self._rng.bit_generator.state  # from which this epoch's order is drawn
        self._order = np.array_split(self._rng.permutation(len(self._rows)), self.steps_per_epoch)

    def next(self) -> WindowBatch:
        """The next batch; after an epoch's last one the next epoch begins."""
        if self._index == self.steps_per_epoch:
            self._begin_epoch()
        self._index += 1
        return self.windows.batch(self._rows[self._order[self._index - 1]])

    @property
    def position(self) -> dict[str, Any]:
        """Where `next` will go on: plain values for JSON, which `go_to` takes."""
        counts = {"windows": len(self._rows), "steps": self.steps_per_epoch}
        return counts | {"index": self._index, "random": self._random, "data": self._digest}

    @cached_property
    def _digest(self) -> str:
        windows = self.windows
        return digest_of(self._rows, *windows.values, *windows.past, *windows.known)

    def go_to(self, position: dict[str, Any]) -> None:
        """Goes on from what `position` was.

        Raises:
            CheckpointError: the position belongs to other windows, series or covariates, or to batches of another size.
        """
        saved, own = (position["windows"], position["steps"]), (len(self._rows), self.steps_per_epoch)
        if saved != own:
            raise CheckpointError(
                f"the saved position belongs to {saved[0]} windows in {saved[1]} batches, expected {own[0]} in "
                f"{own[1]}; was the data, the context, the horizon or the batch size changed?"
            )
        check_same(position.get("data"), self._digest, "series and covariates")
        self._rng.bit_generator.state = position["random"]
        self._begin_epoch()
        self._index = position["index"]


def last_part(lengths: Sequence[int], fraction: float, steps: int | None = None) -> list[int]:
    """Where the last part of each series, that to validate on, begins: a split by time.

    Args:
        lengths: steps of each series.
        fraction: of each series; 0 for no such part.
        steps: so many of each series in place of a fraction.

    Raises:
        ParameterError: the fraction is not from 0 to below 1, or there are not that many steps.

    >>> last_part([100, 50], 0.2), last_part([100, 50], 0.2, steps=12), last_part([100, 50], 0)
    ([80, 40], [88, 38], [100, 50])
    """
    if steps is not None:
        shortest = min(lengths, default=1)
        remedy = f"the shortest series has {shortest} steps"
        steps = whole_number("validation_steps", steps, below=shortest, remedy=remedy)
        return [length - steps for length in lengths]
    remedy = "for a number of steps give `validation_steps` to fit"
    fraction = real_number("validation_fraction", fraction, at_least=0, below=1, remedy=remedy)
    return [length - (max(1, round(length * fraction)) if fraction else 0) for length in lengths]


class SeriesParts(NamedTuple):
    """One series, split by time where others have split it."""

    times: NDArray[np.int64]  # (T,)
    values: Array  # (T,)
    parts: dict[str, tuple[int, int]]  # name -> from which row to before which one

    def part(self, name: str) -> Array:
        """The values of one part."""
        start, stop = self.parts[name]
        return self.values[start:stop]


SUNSPOT_YEARS = {"train": (1700, 1920), "test_1921_1955": (1921, 1955), "test_1956_1979": (1956, 1979)}


def load_sunspots() -> SeriesParts:
    """Yearly sunspot numbers 1700 to 1979, split as since Tong & Lim: 1700-1920, 1921-1955 and 1956-1979.

    Returns:
        Years, numbers, and the parts `train`, `test_1921_1955` and `test_1956_1979`.

    Raises:
        MissingExtraError: statsmodels, which ships the numbers, is not installed.

    Source: Weigend, Huberman & Rumelhart 1990, section 4; the numbers are those of the Solar Influences Data Center.
    """
    try:
        from statsmodels.datasets import sunspots  # pyright: ignore
    except ImportError:
        raise MissingExtraError(
            "the sunspot numbers come with statsmodels, which is not installed; pip install 'unrolled[data]'"
        ) from None
    table: Any = sunspots.load_pandas().data  # pyright: ignore
    years: NDArray[np.int64] = np.asarray(table["YEAR"], np.int64)
    values = np.asarray(table["SUNACTIVITY"], np.float64)
    first, last = SUNSPOT_YEARS["train"][0], SUNSPOT_YEARS["test_1956_1979"][1]
    kept = (years >= first) & (years <= last)
    parts = {name: (start - first, stop - first + 1) for name, (start, stop) in SUNSPOT_YEARS.items()}
    return SeriesParts(years[kept], values[kept], parts)


def checked_values(name: str, given: Array, nan: str) -> Array:
    """One series as float64.

    Raises:
        ShapeError: it has more axes than one.
        DataError: a value is infinite, or missing while `nan="refuse"`.
    """
    values = np.asarray(unmasked(given), np.float64)
    if values.ndim != 1:
        raise ShapeError(f"`{name}` has shape {values.shape}, expected (T,); give each series as an array of its own")
    if np.isinf(values).any():
        raise DataError(
            f"`{name}` is {values[np.isinf(values)][0]} at step {int(np.flatnonzero(np.isinf(values))[0])}, "
            "expected finite numbers; mend it, or put NaN and pass nan='mask'"
        )
    missing = np.isnan(values)
    if missing.any() and nan == "refuse":
        first, *others = np.flatnonzero(missing).tolist()
        more, them = (f" and {len(others)} more", "them") if others else ("", "it")
        raise DataError(
            f"`{name}` is NaN at step {first}{more}, expected a number at every step; fill {them} in, or pass "
            f"nan='mask' to leave {them} out"
        )
    return values


def _checked_covariates(name: str, given: Sequence[Array] | None, lengths: list[int]) -> list[Array]:
    if given is None:
        return []
    if len(given) != len(lengths):
        raise ShapeError(f"`{name}` has {len(given)} entries, expected {len(lengths)}, one for each series")
    checked: list[Array] = [np.asarray(unmasked(part), np.float64) for part in given]
    for i, (part, length) in enumerate(zip(checked, lengths, strict=True)):
        if part.ndim != 2 or part.shape[1] != checked[0].shape[-1] or part.shape[1] == 0:
            raise ShapeError(
                f"`{name}[{i}]` has shape {part.shape}, expected (T, C) = (T, {checked[0].shape[-1]}); "
                "every series needs the same covariates"
            )
        if len(part) < length:
            raise ShapeError(
                f"`{name}[{i}]` has {len(part)} steps, expected at least {length}, those of its series; "
                "give a row for each step"
            )
        if not np.isfinite(part).all():
            row = int(np.flatnonzero(~np.isfinite(part).all(axis=1))[0])
            raise DataError(
                f"`{name}[{i}]` is not a finite number at step {row}, expected one everywhere; fill it in: "
                "only the series itself may have missing values"
            )
    return checked


def _stacked(arrays: Sequence[NDArray[Any]], series: list[int], starts: list[int], steps: int) -> NDArray[Any]:
    """So many steps of each of these series, `(N, steps, ...)`."""
    return np.stack([arrays[i][start : start + steps] for i, start in zip(series, starts, strict=True)])


def _last_seen(values: Array) -> Array:
    """Each value, or where it is missing the one before it; the first of all where there is none before: no window
    reads that from its future, as it would have no value to read.
    """
    there = ~np.isnan(values)
    if not there.any():
        return np.zeros(len(values))  # no window reads these either
    index = np.maximum.accumulate(np.where(there, np.arange(len(values)), 0))
    return values[np.where(there[index], index, int(np.argmax(there)))]
