"""Whether two peers computed the same numbers; how long they took is not asked here."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from unrolled.shapes import Array

__all__ = ["TOLERANCES", "disagreement"]

# Of the largest entry of an array. Sums of up to 64,000 products in another order, through up to 1,000 steps: float32's
# epsilon, 1.2e-7, times about a thousand; a wrong gate, bias or gradient is off by a tenth or more.
TOLERANCES = {"float32": 1e-4, "float64": 1e-12}


def disagreement(ours: Mapping[str, Array], theirs: Mapping[str, Array], dtype: str) -> str | None:
    """What differs most, in words, or `None` where all arrays agree to tolerance.

    >>> disagreement({"y": np.ones(2)}, {"y": np.ones(2)}, "float64") is None
    True
    >>> disagreement({"y": np.ones(2)}, {"y": np.array([1.0, 1.5])}, "float64")
    '`y` differs by 5.0e-01 of its largest entry, expected at most 1.0e-12'
    """
    if missing := ours.keys() ^ theirs.keys():
        return f"`{min(missing)}` is missing on one side"
    worst, name = 0.0, ""
    for key, array in ours.items():
        other = theirs[key]
        if other.shape != array.shape or other.dtype != array.dtype:
            return f"`{key}` is {other.dtype} {other.shape}, expected {array.dtype} {array.shape}"
        largest = float(np.max(np.abs(array), initial=np.finfo(array.dtype).tiny))
        difference = float(np.max(np.abs(array - other), initial=0.0)) / largest
        if not difference <= worst:  # so that a NaN is the worst of all, and stays it
            worst, name = difference, key
            if worst != worst:
                break
    if worst <= TOLERANCES[dtype]:
        return None
    return f"`{name}` differs by {worst:.1e} of its largest entry, expected at most {TOLERANCES[dtype]:.1e}"
