"""The questions put to arguments before the equations start: names, dtypes, shapes, lengths; no mathematics."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unrolled.errors import ParameterError, ShapeError
from unrolled.shapes import Array, check_shape

Parameters = Mapping[str, Array]

_NAMES_BY_AXES = {
    "n_x, m, T": "x",
    "n_x, m": "xt",
    "n_a, m, T_da": "da",
    "n_a, m, T_dc": "dc",
    "n_a, m": (
        "a0 c0 a_prev c_prev a_next c_next ft it cct ot ut rt da_next dc_next da_final dc_final "
        "mask zoneout_a zoneout_c"
    ),
    "n_a, n_x": "Wax",
    "n_a, n_a": "Waa",
    "n_a, n_a+n_x": "Wf Wi Wc Wo Wu Wr",
    "n_y, n_a": "Wya Wy",
    "n_a, 1": "ba bf bi bc bo bu br bca pf pi po gfx gix gcx gox gux grx gfa gia gca goa gua gra gc sc",
    "n_y, 1": "by",
}
AXES = {name: tuple(axes.split(", ")) for axes, names in _NAMES_BY_AXES.items() for name in names.split()}


def check_float(name: str, array: object) -> None:
    """Raises `ParameterError` unless `array` is a NumPy array of a float dtype."""
    if not isinstance(array, np.ndarray):
        raise ParameterError(
            f"`{name}` is of type {type(array).__name__}, expected a NumPy array of floats; "
            "convert it with np.asarray(..., dtype=float)"
        )
    dtype = cast("NDArray[Any]", array).dtype
    if dtype.kind != "f":
        raise ParameterError(f"`{name}` has dtype {dtype}, expected a float dtype; convert it with .astype(float)")


def check_arrays(
    arrays: Mapping[str, object],
    sizes: Mapping[str, int] | None = None,
    axes_of: Mapping[str, tuple[str, ...]] = AXES,
) -> dict[str, int]:
    """Checks that each array holds floats, and that all agree on the lengths of their axes.

    The first that has an axis decides its length. What fixes a length alone comes first: biases, square weights, other
    weights, then the other arrays as given; so a transposed weight is named itself, and not what it disagrees with.

    Args:
        arrays: arrays by the names that `axes_of` knows.
        sizes: lengths that are known beforehand.
        axes_of: the axes of every name.

    Returns:
        The length of every axis seen.

    Raises:
        ParameterError: not an array of floats.
        ShapeError: an axis disagrees.
    """
    known = {"1": 1, **(sizes or {})}
    for name in sorted(arrays, key=lambda name: (name[0] != "b", name != "Waa", name[0] != "W")):
        array, axes = arrays[name], axes_of[name]
        check_float(name, array)
        shape = cast("Array", array).shape
        before = known.copy()
        first, _, second = axes[-1].partition("+")
        if second and len(shape) == 2:
            known.setdefault(second, shape[1] - known.setdefault(first, shape[0]))
        for axis, length in zip(axes, shape, strict=False):
            known.setdefault(axis, length)
        if len(shape) != len(axes) or shape != tuple(known[axis] for axis in axes):
            _raise_shape(name, shape, axes, before)
    return known


def _raise_shape(name: str, shape: tuple[int, ...], axes: tuple[str, ...], known: Mapping[str, int]) -> None:
    expected = [known.get(axis) for axis in axes]
    if axes == ("n_a", "n_a") and shape:
        expected = [known.get("n_a", shape[0])] * 2
    check_shape(name, shape, ", ".join(axes), expected, _remedy(shape, expected, known))


def check_optional(arrays: Mapping[str, object], sizes: Mapping[str, int]) -> None:
    """`check_arrays` for arguments that may be left out, as `None`."""
    check_arrays({name: array for name, array in arrays.items() if array is not None}, sizes)


def _remedy(shape: Sequence[int], expected: Sequence[int | None], known: Mapping[str, int]) -> str:
    reverse = shape[::-1]
    if len(shape) == len(expected) and all(want in (None, got) for got, want in zip(reverse, expected, strict=True)):
        return "did you pass its transpose?"
    if len(shape) == len(expected) - 1:
        return "an axis is missing: did you forget that one column is still a matrix, `[:, np.newaxis]`?"
    agreed = ", ".join(f"{axis} = {length}" for axis, length in known.items() if axis != "1")
    return f"it must agree with the other arguments, which say {agreed}" if agreed else "check the number of its axes"


def pick(parameters: object, names: Iterable[str]) -> dict[str, Array]:
    """The parameters `names`, in that order.

    Raises:
        ParameterError: `parameters` is no dictionary, or a key is missing.
    """
    names = tuple(names)
    needed = ", ".join(names)
    if not isinstance(parameters, Mapping):
        raise ParameterError(
            f"`parameters` is of type {type(parameters).__name__}, expected a dictionary with the keys {needed}; "
            "did you swap two arguments?"
        )
    given = cast("Parameters", parameters)
    for name in names:
        if name not in given:
            raise ParameterError(f"`parameters` has no key '{name}', expected the keys {needed}; add the missing one")
    return {name: given[name] for name in names}


def check_cache(cache: object, entries: str, maker: str) -> None:
    """Raises `ParameterError` unless `cache` is a tuple of as many entries as `maker` puts into it."""
    kind = type(cache).__name__
    count = len(cast("Sequence[object]", cache)) if isinstance(cache, tuple | list) else None
    if count != len(entries.split(", ")):
        came = f"of type {kind}" if count is None else f"a tuple of {count} entries"
        raise ParameterError(f"`cache` is {came}, expected ({entries}); pass the cache that {maker} returned")


def running(lengths: ArrayLike | None, m: int, T: int) -> NDArray[np.bool_]:
    """Which of `m` sequences still run at each of `T` steps, `(T, m)`; all of them without `lengths`.

    Raises:
        ParameterError: `lengths` holds no integers, or one outside 0..T.
        ShapeError: not one length for each column.
    """
    if lengths is None:
        return np.ones((T, m), dtype=bool)
    ends = np.asarray(lengths)
    if ends.size and ends.dtype.kind not in "iu":
        raise ParameterError(f"`lengths` has dtype {ends.dtype}, expected integers; convert it with .astype(int)")
    check_shape("lengths", ends.shape, "m", (m,), "give one length for each sequence of the batch")
    for column in np.flatnonzero((ends < 0) | (ends > T)):
        raise ParameterError(
            f"`lengths` has {ends[column]} for column {column}, expected 0 to T = {T}; count the steps of that sequence"
        )
    return ends > np.arange(T)[:, np.newaxis]


def check_backward(
    name: str, upstream: Array, caches: object, lengths: ArrayLike | None, entries: str, maker: str
) -> tuple[dict[str, int], NDArray[np.bool_]]:
    """Checks what a backward pass through time was given.

    Args:
        name: what the caller calls `upstream`, the gradient of every step's state.
        upstream: `(n_a, m, steps covered)`.
        caches: what `maker` returned last: a list of tuples of `entries`, and `x`.
        lengths: those of the forward pass.
        entries: names of a cell cache's entries, the next state first.
        maker: the forward function's name.

    Returns:
        The axes' lengths, and which columns still run at each step that `upstream` covers, `(steps, m)`.

    Raises:
        ParameterError: `caches` is not what `maker` returned, a wrong dtype, or wrong lengths.
        ShapeError: shapes disagree, `upstream` covers more steps than the forward pass, or other `lengths` were used.
    """
    kind = type(caches).__name__
    if not isinstance(caches, tuple) or len(cast("Sequence[object]", caches)) != 2:
        raise ParameterError(
            f"`caches` is of type {kind}, expected (list of caches, x); pass the last value that {maker} returned"
        )
    cells, x = cast("tuple[list[tuple[Array, ...]], Array]", caches)
    sizes = check_arrays({"x": x, name: upstream})
    if len(cells) != sizes["T"]:
        raise ParameterError(
            f"`caches` holds {len(cells)} caches for an `x` of {sizes['T']} steps, expected one for each step; "
            f"pass the last value that {maker} returned"
        )
    covered = upstream.shape[2]
    if covered > sizes["T"]:
        raise ShapeError(
            f"`{name}` has shape {upstream.shape}, expected (n_a, m, T_{name}) with T_{name} of at most the "
            f"T = {sizes['T']} steps of the forward pass; did you pass the caches of a shorter sequence?"
        )
    columns = running(lengths, sizes["m"], sizes["T"])[:covered]
    for t, count in enumerate(columns.sum(axis=1)):
        check_cache(cells[t], entries, maker)
        cached = check_arrays({entries.split(", ")[0]: cells[t][0]})["m"]
        if cached != count:
            raise ShapeError(
                f"`lengths` leaves {count} running columns at step {t}, expected the {cached} of the forward pass; "
                "pass the same lengths to both"
            )
    return sizes, columns


def promote(*arrays: Array | None) -> np.dtype[np.floating]:
    """The dtype that NumPy gives to a result of these arrays; `None` stands for an argument that was left out."""
    return np.result_type(*(array for array in arrays if array is not None))
