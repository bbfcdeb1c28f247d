"""Learning rates as pure functions of the step, all called alike; only `ReduceOnPlateau` remembers something."""

import math
from collections.abc import Mapping
from numbers import Integral
from typing import Any, Literal, Protocol

from unrolled.errors import CheckpointError, ParameterError
from unrolled.shapes import real_number, whole_number

__all__ = [
    "SCHEDULES",
    "ReduceOnPlateau",
    "Schedule",
    "constant",
    "exponential",
    "one_cycle",
    "stepwise",
    "warmup_cosine",
]


class Schedule(Protocol):
    """How a learning rate is asked for; `total` and `final` are ignored by those that have no use for them.

    Each begins with a linear warm-up that does not depend on `total` (`one_cycle` with its own rise), so a run may
    begin while it is still measuring how many steps it can afford:

        s < W:  rate = peak * (s + 1) / W      with s = step, counted from 0, and W = warmup

    The equations below are for `s >= W`, and for s and `total` counted from the end of the warm-up: `u = s - W`,
    `U = total - W`, `p = min(1, u / U)`.
    """

    def __call__(
        self, step: int, *, peak: float, warmup: int = 0, total: float | None = None, final: float = 0
    ) -> float:
        """The learning rate of the step about to be taken.

        Args:
            step: the step about to be taken, from 0.
            peak: the highest learning rate, positive.
            warmup: the number of steps of the warm-up; 0 begins at the peak.
            total: the number of steps of the run; `None` while it is not known, which only the warm-up allows. A float
                is of a run whose end is counted ever anew: it only says where in it this step is, at p, so that the
                rate falls wherever p goes on.
            final: the learning rate at step `total`, and after it; never less than this, which is from 0 to `peak`.

        Returns:
            The learning rate, a number of at most `peak`.

        Raises:
            ParameterError: `total` is needed and not known, or a value is no number or out of its range.
        """
        ...


def constant(step: int, *, peak: float, warmup: int = 0, total: float | None = None, final: float = 0) -> float:
    """The peak, after the warm-up; `total` and `final` do not matter.

    Equations, with the names of `Schedule`:
        (1) rate = peak * min(1, (s + 1) / W)

    Args:
        step: as in `Schedule`.
        peak: as in `Schedule`.
        warmup: as in `Schedule`.
        total: as in `Schedule`.
        final: as in `Schedule`.

    Returns:
        The learning rate, a number of at most `peak`.

    Raises:
        ParameterError: a value is no number or out of its range.

    Source: the warm-up of all schedules here is that of Goyal et al. 2017, section 2.2.

    >>> [constant(s, peak=1.0, warmup=4) for s in range(6)]
    [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]
    """
    _check(step, peak, warmup, total, final)
    return _warmed(step, peak, warmup)


def stepwise(
    step: int,
    *,
    peak: float,
    warmup: int = 0,
    total: float | None = None,
    final: float = 0,
    factor: float = 0.1,
    every: int | None = None,
) -> float:
    """A stair: after each stretch of steps the rate is multiplied by one factor.

    Equations, with the names of `Schedule`:
        (1) rate = max(final, peak * factor^floor(u / every))
        (2) rate = max(final, peak * factor^floor(3 p))         where `every` is `None` and `total` a float

    Args:
        step: as in `Schedule`.
        peak: as in `Schedule`.
        warmup: as in `Schedule`.
        total: as in `Schedule`; not needed where `every` is given.
        final: as in `Schedule`.
        factor: what each stair multiplies by, in (0, 1].
        every: steps of one stair; `None` for a third of those after the warm-up.

    Returns:
        The learning rate, a number of at most `peak`.

    Raises:
        ParameterError: neither `every` nor `total` is known after the warm-up, or a value is out of its range.

    Source: as PyTorch's StepLR; the habit of dividing by ten on a stair is that of He et al. 2016, section 3.4.

    >>> [round(stepwise(s, peak=1.0, total=6, factor=0.5), 3) for s in range(7)]
    [1.0, 1.0, 0.5, 0.5, 0.25, 0.25, 0.125]
    """
    _check(step, peak, warmup, total, final)
    _check_factor(factor)
    if every is not None:
        whole_number("every", every, remedy="after how many steps does the rate fall?")
    if step < warmup:
        return _warmed(step, peak, warmup)
    taken = step - warmup
    if every is None:
        steps = _known(total, step, warmup) - warmup
        if not isinstance(total, Integral):
            return max(final, peak * factor ** math.floor(3 * _progress(taken, steps) + 1e-9))  # a third is rounded
        every = max(1, math.ceil(steps / 3))
    return max(final, peak * factor ** (taken // every))


def exponential(
    step: int,
    *,
    peak: float,
    warmup: int = 0,
    total: float | None = None,
    final: float = 0,
    factor: float | None = None,
) -> float:
    """A geometric fall: each step multiplies the rate by the same factor.

    Equations, with the names of `Schedule`:
        (1) rate = peak * (final / peak)^p              which is `final` at step `total`
        (2) rate = max(final, peak * factor^u)          where `factor` is given

    Args:
        step: as in `Schedule`.
        peak: as in `Schedule`.
        warmup: as in `Schedule`.
        total: as in `Schedule`; not needed where `factor` is given.
        final: as in `Schedule`; must be positive where no `factor` is given.
        factor: what each step multiplies by, in (0, 1].

    Returns:
        The learning rate, a number of at most `peak`.

    Raises:
        ParameterError: no `factor`, and no positive `final` or no `total`; or a value is out of its range.

    Source: (2) is PyTorch's ExponentialLR; (1) is (2) with the factor that meets `final`.

    >>> [round(exponential(s, peak=1.0, total=4, final=0.0625), 4) for s in range(6)]
    [1.0, 0.5, 0.25, 0.125, 0.0625, 0.0625]
    """
    _check(step, peak, warmup, total, final)
    if factor is not None:
        _check_factor(factor)
    elif not final > 0:
        raise ParameterError(
            f"`final` is {final}, expected a positive rate to fall to where no `factor` is given; try peak / 100"
        )
    if step < warmup:
        return _warmed(step, peak, warmup)
    if factor is not None:
        return max(final, peak * factor ** (step - warmup))
    return peak * (final / peak) ** _progress(step - warmup, _known(total, step, warmup) - warmup)


def warmup_cosine(step: int, *, peak: float, warmup: int = 0, total: float | None = None, final: float = 0) -> float:
    """The learning rate of one step: a linear warm-up, then half a cosine down to `final`.

    Equations, with the names of `Schedule`:
        (1) rate = final + (peak - final) * (1 + cos(pi * p)) / 2

    Args:
        step: as in `Schedule`.
        peak: as in `Schedule`.
        warmup: as in `Schedule`.
        total: as in `Schedule`.
        final: as in `Schedule`.

    Returns:
        The learning rate, a number of at most `peak`.

    Raises:
        ParameterError: a step after the warm-up, and no `total`; or a value is out of its range.

    Source: Loshchilov & Hutter 2017 (SGDR), equation 5, one cycle, after a linear warm-up.

    >>> [round(warmup_cosine(s, peak=1.0, warmup=2, total=6), 3) for s in range(7)]
    [0.5, 1.0, 1.0, 0.854, 0.5, 0.146, 0.0]
    """
    _check(step, peak, warmup, total, final)
    if step < warmup:
        return _warmed(step, peak, warmup)
    return _half_cosine(peak, final, _progress(step - warmup, _known(total, step, warmup) - warmup))


def one_cycle(
    step: int, *, peak: float, warmup: int = 0, total: float | None = None, final: float = 0, divisor: float = 25.0
) -> float:
    """One cycle: half a cosine up to the peak, and half a cosine down to far below the start.

    Equations, with `s = step`, `W = warmup` and the half cosine `c(a, b, p) = b + (a - b) * (1 + cos(pi * p)) / 2`:
        (1) s < W:   rate = c(peak / divisor, peak, s / (W - 1))
        (2) s >= W:  rate = c(peak, final, min(1, (s + 1 - W) / (total - W)))
        (3) s >= W:  rate = c(peak, final, min(1, (s - W) / (total - W)))       where `total` is a float

    The peak is at step W - 1 and `final` at step `total` - 1, as in PyTorch, whose `final` is `peak / divisor / 1e4`.
    (3) is where such a `total` says that the step is; the next one is at no place that is known yet.

    Args:
        step: as in `Schedule`.
        peak: as in `Schedule`.
        warmup: the number of steps of the rise (1); 0 stands for 30 % of `total`.
        total: as in `Schedule`; a rise of so many steps does not need it.
        final: as in `Schedule`, but reached at the last step (2).
        divisor: how many times the first rate is less than the peak, at least 1.

    Returns:
        The learning rate, a number of at most `peak`.

    Raises:
        ParameterError: `total` is not known where it is needed, or a value is out of its range.

    Source: Smith & Topin 2018, section 3, with cosines for the lines, as PyTorch's OneCycleLR does by default.

    >>> [round(one_cycle(s, peak=1.0, warmup=3, total=7), 3) for s in range(8)]
    [0.04, 0.52, 1.0, 0.854, 0.5, 0.146, 0.0, 0.0]
    """
    _check(step, peak, warmup, total, final)
    real_number("divisor", divisor, at_least=1, remedy="25 is usual")
    rise = warmup or round(0.3 * _known(total, step, warmup))
    if step < rise:
        return _half_cosine(peak / divisor, peak, step / (rise - 1) if rise > 1 else 1.0)
    taken = step - rise + (1 if isinstance(total, Integral) else 0)
    return _half_cosine(peak, final, _progress(taken, _known(total, step, rise) - rise))


class ReduceOnPlateau:
    """A rate that is multiplied by one factor whenever a monitored value has stopped improving.

    It is called as a `Schedule` is, and is told each value through `update`. Equations, after each value:
        (1) better = value < best - threshold * |best|     for `mode="min"`; `value > best + ...` for `"max"`
        (2) bad = 0 where better or while cooling down, else bad + 1
        (3) scale = scale * factor, bad = 0, and `cooldown` values are waited, where bad > patience
        (4) rate = max(final, peak * scale)                after the warm-up, with the names of `Schedule`

    A value that is not finite is not better. PyTorch compares with `best * (1 - threshold)`, which is the same for
    positive values; of negative ones it would call a slightly worse value better.

    Args:
        factor: what the rate is multiplied by, in (0, 1).
        patience: how many values without improvement are borne.
        threshold: how much better a value must be, as a share of the best; at least 0.
        cooldown: how many values after a reduction are not counted as bad.
        mode: whether the value should become small, `"min"`, or large, `"max"`.

    Raises:
        ParameterError: one of them is out of its range.

    Source: the rule of PyTorch's ReduceLROnPlateau; as a habit it is older than any paper.

    >>> plateau = ReduceOnPlateau(factor=0.5, patience=1)
    >>> for value in (1.0, 0.9, 0.95, 0.93):
    ...     plateau.update(value)
    >>> plateau(step=40, peak=0.2)
    0.1
    """

    def __init__(
        self,
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        cooldown: int = 0,
        mode: Literal["min", "max"] = "min",
    ) -> None:
        self.factor = real_number("factor", factor, above=0, below=1, remedy="0.1 is usual")
        remedy = "how many bad values are borne before the rate falls? 10 is usual"
        self.patience = whole_number("patience", patience, at_least=0, remedy=remedy)
        self.threshold = real_number("threshold", threshold, at_least=0, remedy="1e-4 is usual")
        remedy = "how many values after a fall do not count? 0 is usual"
        self.cooldown = whole_number("cooldown", cooldown, at_least=0, remedy=remedy)
        if mode not in ("min", "max"):
            raise ParameterError(
                f"`mode` is {mode!r}, expected 'min' or 'max'; should the value become small or large?"
            )
        self.mode = mode
        self.scale = 1.0
        self._best: float | None = None
        self._bad = self._cooling = 0

    def __call__(
        self, step: int, *, peak: float, warmup: int = 0, total: float | None = None, final: float = 0
    ) -> float:
        """The learning rate of the step about to be taken; see `Schedule`."""
        _check(step, peak, warmup, total, final)
        rate = _warmed(step, peak, warmup)
        return rate if step < warmup else max(final, rate * self.scale)

    def update(self, value: float) -> None:
        """Takes in one more value of what is monitored: after each validation."""
        better = self._is_better(value)
        if better:
            self._best = float(value)
        if self._cooling:
            self._cooling -= 1
        else:
            self._bad = 0 if better else self._bad + 1
        if self._bad > self.patience:
            self.scale *= self.factor
            self._bad, self._cooling = 0, self.cooldown

    def _is_better(self, value: float) -> bool:
        if self._best is None or not math.isfinite(value):
            return math.isfinite(value)
        sign = 1 if self.mode == "min" else -1
        return sign * value < sign * self._best - self.threshold * abs(self._best)

    def state(self) -> dict[str, Any]:
        """All that is remembered, as plain values for JSON."""
        return {"scale": self.scale, "best": self._best, "bad": self._bad, "cooling": self._cooling}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Takes back what `state()` was.

        Raises:
            CheckpointError: something is missing, or unknown.
        """
        wrong = sorted(state.keys() ^ self.state().keys())
        if wrong:
            raise CheckpointError(
                f"`{wrong[0]}` is {'unknown' if wrong[0] in state else 'missing'} in the state of a plateau, "
                f"expected {', '.join(self.state())}; was it saved by another schedule?"
            )
        self.scale, self._best = state["scale"], state["best"]
        self._bad, self._cooling = state["bad"], state["cooling"]


SCHEDULES: Mapping[str, Schedule] = {
    "constant": constant,
    "step": stepwise,
    "exponential": exponential,
    "cosine": warmup_cosine,
    "one_cycle": one_cycle,
}


def _warmed(step: int, peak: float, warmup: int) -> float:
    return peak * (step + 1) / warmup if step < warmup else peak


def _half_cosine(start: float, end: float, p: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * p)) / 2


def _progress(taken: int, steps: float) -> float:
    return min(1.0, taken / max(1, steps))


def _known(total: float | None, step: int, warmup: int) -> float:
    if total is None:
        raise ParameterError(
            f"`total` is None at step {step}, expected the number of steps once the warm-up of {warmup} steps is over; "
            "fix it before the warm-up ends"
        )
    return total


def _check(step: int, peak: float, warmup: int, total: float | None, final: float) -> None:
    whole_number("step", step, at_least=0, remedy="steps count from 0")
    real_number("peak", peak, above=0, remedy="it is the highest learning rate")
    whole_number("warmup", warmup, at_least=0, remedy="0 begins at the peak")
    if total is not None:
        real_number("total", total, at_least=0, remedy="how many steps has the run? None while that is not known")
    real_number("final", final, at_least=0, at_most=peak, remedy="the rate falls from the peak to it")


def _check_factor(factor: float) -> None:
    real_number("factor", factor, above=0, at_most=1, remedy="0.1 is usual for each stair")
