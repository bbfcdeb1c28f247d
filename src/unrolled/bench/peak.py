"""The machine's own limit, measured in the same rounds as the peers: multiply-adds in registers, and nothing else."""

from __future__ import annotations

from unrolled import engine

__all__ = ["Peak"]


class Peak:
    """What the peak's worker answers; it uses as many threads as its process was given."""

    def rate(self, dtype: str, seconds: float) -> float:
        """Floating-point operations per second of every thread together; a multiply-add counts as two.

        >>> Peak().rate("float32", 0.001) > 1e6
        True
        """
        return engine.fma_rate(dtype, seconds)
