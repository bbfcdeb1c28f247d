"""Learning rates as functions of the step alone; nothing here remembers anything."""

import math

from unrolled.errors import ParameterError

__all__ = ["warmup_cosine"]


def warmup_cosine(step: int, *, peak: float, warmup: int, total: int | None, final: float = 0.0) -> float:
    """The learning rate of one step: a linear warm-up, then half a cosine down to `final`.

    Equations, with `s = step`, counted from 0, and `W = warmup`:
        (1) s < W:   peak * (s + 1) / W
        (2) s >= W:  final + (peak - final) * (1 + cos(pi * p)) / 2,   p = min(1, (s - W) / (total - W))

    The warm-up does not depend on `total`, so a run may begin while it is still measuring how many steps it can afford.

    Args:
        step: the step about to be taken, from 0.
        peak: the highest learning rate.
        warmup: the number of steps of (1); 0 begins at the peak.
        total: the number of steps of the run; `None` while it is not known, which only (1) allows.
        final: the learning rate at step `total`, and after it.

    Returns:
        The learning rate, a number of at most `peak`.

    Raises:
        ParameterError: a step after the warm-up, and no `total`.

    Source: Loshchilov & Hutter 2017 (SGDR), equation 5, one cycle, after a linear warm-up.

    >>> [round(warmup_cosine(s, peak=1.0, warmup=2, total=6), 3) for s in range(7)]
    [0.5, 1.0, 1.0, 0.854, 0.5, 0.146, 0.0]
    """
    if step < warmup:
        return peak * (step + 1) / warmup
    if total is None:
        raise ParameterError(
            f"`total` is None at step {step}, expected the number of steps once the warm-up of {warmup} steps is over; "
            "fix it before the warm-up ends"
        )
    progress = min(1.0, (step - warmup) / max(1, total - warmup))
    return final + (peak - final) * (1 + math.cos(math.pi * progress)) / 2
