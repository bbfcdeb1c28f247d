"""Central differences against any forward and backward pair, reported by name and index; no network of its own."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from unrolled.errors import ParameterError
from unrolled.shapes import Array, check_shape
from unrolled.steps._check import check_float

__all__ = ["GradientEntry", "GradientReport", "gradient_check"]


@dataclass(frozen=True)
class GradientEntry:
    """One entry of one gradient: what the backward pass says, and what central differences say."""

    name: str
    index: tuple[int, ...]
    backward: float
    numeric: float
    error: float

    def __str__(self) -> str:
        where = f"{self.name}[{', '.join(map(str, self.index))}]"
        return (
            f"{where}: backward {self.backward:.10g}, central differences {self.numeric:.10g}, error {self.error:.1e}"
        )


@dataclass(frozen=True)
class GradientReport:
    """The worst entry of every gradient, worst first; `str()` is a table, `ok` the verdict."""

    worst_of_each: tuple[GradientEntry, ...]
    tolerance: float

    @property
    def ok(self) -> bool:
        """Whether every gradient is within tolerance; a NaN is not."""
        return all(entry.error <= self.tolerance for entry in self.worst_of_each)

    @property
    def worst(self) -> GradientEntry:
        """The entry with the largest error."""
        return self.worst_of_each[0]

    def __str__(self) -> str:
        verdict = "agree" if self.ok else "DISAGREE"
        lines = [f"backward and central differences {verdict} (tolerance {self.tolerance:.1e}); worst entry of each:"]
        lines += [f"  {' ' if entry.error <= self.tolerance else '!'} {entry}" for entry in self.worst_of_each]
        return "\n".join(lines)

    def raise_if_wrong(self) -> None:
        """Raises `AssertionError` with the whole table unless `ok`."""
        if not self.ok:
            raise AssertionError(str(self))


def gradient_check(
    forward: Callable[..., tuple[Mapping[str, Any], Any]],
    backward: Callable[[dict[str, Array], Any], Mapping[str, Array]],
    inputs: Mapping[str, Array],
    *,
    upstream: Mapping[str, Any] | None = None,
    step: float = 1e-5,
    tolerance: float = 1e-7,
    seed: int = 0,
) -> GradientReport:
    """Compares every entry of every gradient with central differences of a scalar J that weighs all outputs.

    Equations:
        J = sum over outputs and entries of upstream * output
        dJ/dinput ~ (J(input + step) - J(input - step)) / (2 step), one entry at a time
        error = |backward - numeric| / max(1, |backward|, |numeric|)

    Args:
        forward: called as `forward(**inputs)`; returns a dictionary of outputs (arrays or numbers) and a cache.
        backward: called as `backward(upstream, cache)`; returns the gradient of `x` as `dx`, and so for every input.
        inputs: every input and parameter to be checked, by name, float64 or longdouble; they are not changed.
        upstream: gradients of J with respect to the outputs, by their names; normal draws when left out, because ones
            would let mistakes cancel.
        step: half the distance of the two points; truncation grows with its square, rounding with its inverse.
        tolerance: largest error that passes. The default leaves a factor of about 1000 above what the default step
            costs functions with values near 1.
        seed: of the upstream draws.

    Returns:
        A `GradientReport`: `.ok`, `.worst`, `.worst_of_each`, a table as `str()`, and `.raise_if_wrong()`. Inputs
        without entries are left out.

    Raises:
        ParameterError: no input has an entry, an input is not float64 or longer, `backward` returns no gradient for
            one, or `upstream` and the outputs differ in their names.
        ShapeError: a gradient has not its input's shape.

    Source: central differences, with J as in Baydin et al. 2018, section 2.1 (numerical differentiation).

    >>> def forward(x, w):
    ...     return {"y": w * x**2}, (x, w)
    >>> def backward(upstream, cache):
    ...     x, w = cache
    ...     return {"dx": upstream["y"] * 2 * w * x, "dw": upstream["y"] * x}  # wrong: x for x^2
    >>> report = gradient_check(forward, backward, {"x": np.array([1.0, 3.0]), "w": np.array([2.0, 2.0])})
    >>> report.ok, report.worst.name, report.worst.index
    (False, 'dw', (1,))
    """
    for name, value in inputs.items():
        check_float(name, value)
        if value.dtype.itemsize < 8:
            raise ParameterError(
                f"`{name}` has dtype {value.dtype}, expected float64: differences of shorter floats are rounding; "
                "convert it with .astype(float)"
            )
    if not any(value.size for value in inputs.values()):
        raise ParameterError("`inputs` has no entry to check, expected at least one; pass arrays that are not empty")
    outputs, cache = forward(**inputs)
    weights = _upstream(outputs, upstream, seed)
    gradients = backward(weights, cache)

    def loss(name: str, index: tuple[int, ...], shift: float) -> Any:
        moved = inputs[name].copy()
        moved[index] += shift
        outputs, _ = forward(**{**inputs, name: moved})
        return sum(np.sum(weights[key] * output) for key, output in outputs.items())

    worst: list[GradientEntry] = []
    for name, value in inputs.items():
        gradient = _gradient_of(name, value, gradients)
        entries: list[GradientEntry] = []
        for index in np.ndindex(value.shape):
            numeric = float((loss(name, index, step) - loss(name, index, -step)) / (2 * step))
            found = float(gradient[index])
            error = abs(found - numeric) / np.maximum(1, np.maximum(abs(found), abs(numeric)))
            entries.append(GradientEntry("d" + name, index, found, numeric, float(error)))
        worst += sorted(entries, key=_badness)[-1:]
    return GradientReport(tuple(sorted(worst, key=_badness, reverse=True)), tolerance)


def _badness(entry: GradientEntry) -> float:
    return np.inf if np.isnan(entry.error) else entry.error


def _upstream(outputs: Mapping[str, Any], given: Mapping[str, Any] | None, seed: int) -> dict[str, Array]:
    if given is None:
        rng = np.random.default_rng(seed)
        return {name: np.asarray(rng.normal(size=np.shape(output))) for name, output in outputs.items()}
    if set(given) != set(outputs):
        raise ParameterError(
            f"`upstream` has the names {sorted(given)}, expected those of the outputs, {sorted(outputs)}; "
            "give one gradient for each output"
        )
    return {name: np.asarray(value, dtype=float) for name, value in given.items()}


def _gradient_of(name: str, value: Array, gradients: Mapping[str, Array]) -> Array:
    if "d" + name not in gradients:
        raise ParameterError(
            f"`backward` returned no 'd{name}', expected a gradient for every input; "
            f"return it, or leave `{name}` out of `inputs`"
        )
    gradient = np.asarray(gradients["d" + name])
    axes = ", ".join(f"{name}.shape[{axis}]" for axis in range(value.ndim))
    check_shape("d" + name, gradient.shape, axes, value.shape, f"give it the shape of `{name}`")
    return gradient
