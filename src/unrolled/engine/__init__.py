"""The equations, to be run: one typed Python face over the compiled kernels; no layers."""

import os
from typing import Any

import numpy as np

from unrolled.engine import _native
from unrolled.engine.arrays import release_memory
from unrolled.engine.products import dense_backward, dense_forward, exp, sigmoid, softmax_cross_entropy, tanh
from unrolled.engine.threads import default_threads, threads
from unrolled.errors import ParameterError

__all__ = [
    "dense_backward",
    "dense_forward",
    "exp",
    "fma_rate",
    "info",
    "release_memory",
    "sigmoid",
    "softmax_cross_entropy",
    "tanh",
    "threads",
]


def _choose_instruction_set() -> None:
    wanted = os.environ.get("UNROLLED_ISA")
    if wanted and not _native.choose_instruction_set(wanted):
        usable = ", ".join(_native.usable_instruction_sets())
        raise ParameterError(
            f"`UNROLLED_ISA` is {wanted!r}, expected one of {usable} on this processor; unset it to use the widest"
        )


def info() -> dict[str, Any]:
    """What the engine uses on this machine: instruction set, those that it could use, and threads.

    >>> sorted(info())
    ['instruction_set', 'threads', 'usable_instruction_sets']
    """
    return {
        "instruction_set": _native.instruction_set(),
        "usable_instruction_sets": _native.usable_instruction_sets(),
        "threads": threads.count(),
    }


def fma_rate(dtype: str = "float32", seconds: float = 0.05) -> float:
    """The fused multiply-adds that this machine does now, on as many threads as the engine may use: its peak, in
    flops per second.

    Args:
        dtype: `"float32"` or `"float64"`.
        seconds: how long to measure.
    """
    return _native.fma_rate(np.zeros(0, dtype), seconds)


_choose_instruction_set()
_native.set_thread_limit(default_threads())
