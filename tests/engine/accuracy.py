"""How far the engine's exp, sigmoid and tanh are from the true values, in units of the last digit; no judgement."""

from collections.abc import Iterator

import numpy as np

from unrolled import engine

# What a result's last digit is worth: the distance to the next number, of denormal numbers too.
FUNCTIONS = {"exp": engine.exp, "sigmoid": engine.sigmoid, "tanh": engine.tanh}


def true_value(name: str, x: np.ndarray) -> np.ndarray:
    """In the next longer float: float64 for float32, and longdouble (64 bits of mantissa on x86-64) for float64."""
    with np.errstate(invalid="ignore"):  # signalling NaNs are among the bit patterns
        longer = x.astype(np.float64 if x.dtype == np.float32 else np.longdouble)
    if name == "tanh":
        return np.tanh(longer)
    if name == "exp":
        with np.errstate(over="ignore"):
            return np.exp(longer)
    # two forms, neither of which overflows, and neither of which subtracts
    e = np.exp(-np.abs(longer))
    return np.where(longer < 0, e, 1) / (1 + e)


def worst_error(name: str, x: np.ndarray) -> float:
    """The largest error over `x`, in units of the true value's last digit; infinite where a NaN is mistaken.

    An infinity, found or true, stands for the number that would follow the largest.
    """
    found, true = FUNCTIONS[name](x), true_value(name, x)
    if not np.array_equal(np.isnan(found), np.isnan(x)):
        return np.inf
    known = ~np.isnan(x)
    beyond = np.ldexp(true.dtype.type(1), np.finfo(x.dtype).maxexp)
    found, true = (np.clip(values[known].astype(true.dtype), -beyond, beyond) for values in (found, true))
    before_last = np.nextafter(np.finfo(x.dtype).max, x.dtype.type(0))  # whose digit is the last one's too
    digit = np.spacing(np.minimum(np.abs(true), before_last).astype(x.dtype)).astype(true.dtype)
    return float((np.abs(found - true) / digit).max(initial=0.0))


def float32_patterns(stride: int, start: int = 0) -> Iterator[np.ndarray]:
    """Every `stride`-th of all 2^32 bit patterns of float32: denormals, infinities and NaNs included, in pieces."""
    piece = 1 << 22
    for first in range(start, 1 << 32, stride * piece):
        patterns = np.arange(first, min(1 << 32, first + stride * piece), stride, dtype=np.int64)
        yield patterns.astype(np.uint32).view(np.float32)


def float64_samples(count: int, seed: int = 0) -> np.ndarray:
    """Half of them of every size, denormal to largest, half where the functions bend; and the edges."""
    rng = np.random.default_rng(seed)
    any_size = rng.integers(0, 0x7FF0000000000000, count // 2, dtype=np.int64).view(np.float64)
    bends = np.concatenate([rng.normal(scale=scale, size=count // 10) for scale in (1e-3, 0.3, 3, 30, 300)])
    edges = np.array(
        [0.0, 5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, np.inf, np.nan, 708.4, 745.2, 36.7, 18.4]
    )
    x = np.concatenate([any_size, bends, edges])
    return np.concatenate([x, -x])
