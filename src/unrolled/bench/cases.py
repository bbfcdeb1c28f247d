"""What is measured: cells, sizes, modes, threads, and the one problem that every peer is given; no timing."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from unrolled.errors import ParameterError
from unrolled.shapes import Array

__all__ = ["CELLS", "DTYPES", "MODES", "SIZES", "STEPS", "Case", "Size", "grid", "parse_size", "problem"]

Size = tuple[int, int, int, int]  # T, N, I, H

SIZES: tuple[Size, ...] = (
    (1, 1, 64, 64),
    (100, 1, 64, 64),
    (32, 32, 64, 64),
    (100, 64, 64, 128),
    (128, 64, 128, 256),
    (64, 64, 512, 512),
    (32, 32, 1024, 1024),
    (1000, 1, 128, 256),
    (50, 16, 32, 48),
    (200, 8, 40, 200),
    (500, 128, 16, 96),
)
DOUBLE_SIZES: tuple[Size, ...] = ((100, 1, 64, 64), (100, 64, 64, 128), (128, 64, 128, 256), (50, 16, 32, 48))
QUICK_SIZES: tuple[Size, ...] = ((1, 1, 64, 64), (32, 32, 64, 64), (100, 64, 64, 128))

CELLS = ("lstm", "gru", "rnn")
STEPS = ("step", "step-in-place")  # one step of a stream in a call; ours puts the state in a new place, or the old
MODES = ("inference", "training", *STEPS)
DTYPES = ("float32", "float64")
GATES = {"lstm": 4, "gru": 3, "rnn": 1}


@dataclass(frozen=True, order=True)
class Case:
    """One box of the grid: every peer is timed on it, side by side."""

    cell: str
    T: int
    N: int
    I: int  # noqa: E741
    H: int
    mode: str
    threads: int
    dtype: str = "float32"

    @property
    def size(self) -> Size:
        """T, N, I, H."""
        return self.T, self.N, self.I, self.H

    @property
    def flops(self) -> float:
        """Additions and multiplications of the products of weights; nothing elementwise.

        Forward: `2 T N G H (I + H)`; training the same three times, for y, for dx and dh, and for the weights.
        """
        forward = 2.0 * self.T * self.N * GATES[self.cell] * self.H * (self.I + self.H)
        return 3 * forward if self.mode == "training" else forward

    def to_record(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)

    def __str__(self) -> str:
        size = ", ".join(map(str, self.size))
        return f"{self.cell} {self.dtype} ({size}) {self.mode}, {self.threads} thread{'s' if self.threads > 1 else ''}"


def grid(
    cells: Iterable[str] = CELLS,
    sizes: Iterable[Size] | None = None,
    modes: Iterable[str] = MODES,
    threads: Iterable[int] = (1, 2),
    dtypes: Iterable[str] = DTYPES,
) -> list[Case]:
    """All combinations, those of one number of threads together: a worker has one number of threads all its life.

    Args:
        cells: of `CELLS`.
        sizes: each `(T, N, I, H)`. `None`: all of `SIZES`, but float64 for the LSTM on four of them only.
        modes: of `MODES`; those of `STEPS` are for sizes of one step in float32 only.
        threads: numbers of threads.
        dtypes: of `DTYPES`.

    >>> len(grid(modes=["inference", "training"]))  # 11 sizes x 3 cells x 2 x 2 threads, and 4 x 2 x 2 in float64
    148
    """
    cases: list[Case] = []
    for count, dtype, cell in itertools.product(threads, dtypes, cells):
        if sizes is not None:
            chosen = tuple(sizes)
        elif dtype == "float32":
            chosen = SIZES
        else:
            chosen = DOUBLE_SIZES if cell == "lstm" else ()
        streams = [size for size in chosen if size[0] == 1 and dtype == "float32"]
        for mode in modes:
            cases += [Case(cell, *size, mode, count, dtype) for size in (streams if mode in STEPS else chosen)]
    return cases


def parse_size(text: str) -> Size:
    """Reads a size as it is typed.

    Raises:
        ParameterError: it is not four positive numbers.

    >>> parse_size("100x64x64x128")
    (100, 64, 64, 128)
    """
    parts = text.lower().split("x")
    if len(parts) != 4 or not all(part.strip().isdecimal() and int(part) > 0 for part in parts):
        raise ParameterError(f"`sizes` has {text!r}, expected T x N x I x H; write it as 100x64x64x128")
    T, N, I, H = map(int, parts)  # noqa: E741
    return T, N, I, H


def problem(case: Case) -> dict[str, Array]:
    """The arrays of a case, the same in every process: inputs, upstream gradient, weights as `unrolled` lays them out.

    Returns:
        `x` `(T, N, I)`, `dy` `(T, N, H)`, `weight_ih` `(G H, I)`, `weight_hh` `(G H, H)`, `bias` `(G H,)`, and for
        a GRU `bias_hn` `(H,)`; weights uniform within the root of 1 / H, as PyTorch begins.
    """
    rng = np.random.default_rng(0)
    T, N, I, H = case.size  # noqa: E741
    G, bound = GATES[case.cell], H**-0.5
    arrays = {"x": rng.normal(size=(T, N, I)), "dy": rng.normal(size=(T, N, H))}
    shapes = {"weight_ih": (G * H, I), "weight_hh": (G * H, H), "bias": (G * H,)}
    if case.cell == "gru":
        shapes["bias_hn"] = (H,)
    arrays |= {name: rng.uniform(-bound, bound, shape) for name, shape in shapes.items()}
    return {name: array.astype(case.dtype) for name, array in arrays.items()}
