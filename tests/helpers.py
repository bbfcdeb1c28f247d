"""What tests share: seeded draws, and the one table of tolerances; no test and no mathematics of its own."""

import numpy as np
from numpy.typing import DTypeLike, NDArray

Array = NDArray[np.floating]

# One table for every comparison, by what is compared and in which dtype: (rtol, atol), each with its reason.
TOLERANCES: dict[str, dict[str, tuple[float, float]]] = {
    # the source notebooks print 8 significant digits or more; an entry that prints fewer says so itself
    "printed": {"float64": (1e-6, 1e-8)},
    # central differences with step 1e-5: truncation about 1e-10, rounding about |J| 1e-16 / 1e-5 = 1e-10 for |J| of 10
    "central differences": {"float64": (1e-8, 1e-8)},
    # the same sums in another order: a few dozen roundings, values near 1
    "reordered": {
        "float16": (2e-2, 2e-2),
        "float32": (2e-6, 2e-6),
        "float64": (1e-13, 1e-13),
        "longdouble": (1e-16, 1e-16),
    },
    # float64: the same sums in another order, through 100 steps; float32: 4 epsilon, for each root of a sum's length
    "engine and steps": {"float32": (4.8e-7, 4.8e-7), "float64": (1e-12, 1e-12)},
    # one rounding, or none
    "exact": {"float32": (1.2e-7, 0.0), "float64": (2.3e-16, 0.0)},
}


def tolerance(comparison: str, dtype: DTypeLike = "float64") -> dict[str, float]:
    """The keywords `rtol` and `atol` for `np.testing.assert_allclose` and its kin."""
    name = "longdouble" if np.dtype(dtype) == np.longdouble else np.dtype(dtype).name
    rtol, atol = TOLERANCES[comparison][name]
    return {"rtol": rtol, "atol": atol}


def rng(seed: int) -> np.random.Generator:
    """A generator of its own for one test, so that no test depends on the order of others."""
    return np.random.default_rng(seed)
