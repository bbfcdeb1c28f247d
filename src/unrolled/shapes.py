"""The axes, named once, and the one function that checks a shape and words the error; no mathematics.

| axis | here | in the course | meaning |
|------|------|---------------|---------|
| `T`  | time steps | `T_x` | |
| `N`  | batch | `m` | |
| `I`  | input size | `n_x` | |
| `H`  | hidden size | `n_a` | |
| `K`  | classes, outputs | `n_y` | |
| `V`  | vocabulary | | |
| `P`  | projection size | | |
| `L`, `D` | layers, directions | | |

Course arrays are `(n, m, T)`; engine arrays are `(T, N, n)`, C-contiguous: exactly the transpose.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from unrolled.errors import ShapeError

__all__ = ["Array", "check_shape"]

Array = NDArray[np.floating]


def check_shape(name: str, actual: Sequence[int], axes: str, expected: Sequence[int | None], remedy: str) -> None:
    """Raises `ShapeError` unless `actual` is `expected`; `None` in `expected` admits any length.

    Args:
        name: the argument's name, as its caller wrote it.
        actual: the shape that came.
        axes: the axes' names, separated by commas: `"N, H"`.
        expected: one length (or `None`) for each axis.
        remedy: what the caller most likely did, as a question or an advice, without the final full stop.

    Raises:
        ShapeError: naming the argument, what came, what was expected, and the remedy.

    >>> check_shape("h0", (32, 64), "N, H", (32, 128), "did you pass input_size as hidden_size?")
    Traceback (most recent call last):
        ...
    unrolled.errors.ShapeError: `h0` has shape (32, 64), expected (N, H) = (32, 128); did you pass input_size \
as hidden_size?
    """
    fits = len(actual) == len(expected) and all(
        want is None or got == want for got, want in zip(actual, expected, strict=True)
    )
    if fits:
        return
    names = axes.split(", ") if axes else []
    lengths = [axis if want is None else str(want) for axis, want in zip(names, expected, strict=True)]
    comma = "," if len(names) == 1 else ""
    wanted = f"({', '.join(names)}{comma})"
    if any(want is not None for want in expected):
        wanted += f" = ({', '.join(lengths)}{comma})"
    raise ShapeError(f"`{name}` has shape {tuple(actual)}, expected {wanted}; {remedy}")
