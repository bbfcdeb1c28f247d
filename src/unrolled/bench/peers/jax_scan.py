"""JAX: `lax.scan` over the steps under `jit`, in the faster of two forms for each case; CPU only.

The input product of all steps stands before the scan, or that of each step inside it. The first is faster in training
where the batch is small; the second up to three times as fast where it is large, as no large array is written and read.
Matrices are `(I, G H)` and `(H, G H)`: transposed inside, in each step, they took up to eight times as long at N = 1.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from unrolled.bench.cases import Case
from unrolled.bench.serving import timed
from unrolled.shapes import Array

__all__ = ["Peer", "sequence"]

CHOICE_SECONDS = 0.1  # for which each form is tried


def sequence(jax: Any, cell: str, *, inside: bool) -> Callable[[Any, Any], Any]:
    """The function `(weights, x) -> y` of a cell, for JAX to trace; the input product inside the scan or before."""
    jnp, sigmoid = jax.numpy, jax.nn.sigmoid

    def lstm(weights: Any, carry: Any, z: Any) -> Any:
        h, c = carry
        i, f, g, o = jnp.split(z + h @ weights["weight_hh"], 4, axis=-1)
        c = sigmoid(f) * c + sigmoid(i) * jnp.tanh(g)
        h = sigmoid(o) * jnp.tanh(c)
        return (h, c), h

    def gru(weights: Any, carry: Any, z: Any) -> Any:
        (h,) = carry
        r, u, n = jnp.split(z, 3, axis=-1)
        hr, hu, hn = jnp.split(h @ weights["weight_hh"], 3, axis=-1)
        r, u = sigmoid(r + hr), sigmoid(u + hu)
        n = jnp.tanh(n + r * (hn + weights["bias_hn"]))
        h = (1 - u) * n + u * h
        return (h,), h

    def rnn(weights: Any, carry: Any, z: Any) -> Any:
        (h,) = carry
        h = jnp.tanh(z + h @ weights["weight_hh"])
        return (h,), h

    cell_step = {"lstm": lstm, "gru": gru, "rnn": rnn}[cell]

    def run(weights: Any, x: Any) -> Any:
        def project(x: Any) -> Any:  # (..., I) -> (..., G H)
            return x @ weights["weight_ih"] + weights["bias"]

        def step(carry: Any, given: Any) -> Any:
            return cell_step(weights, carry, project(given) if inside else given)

        zeros = jnp.zeros((x.shape[1], weights["weight_hh"].shape[0]), x.dtype)
        start = (zeros, zeros) if cell == "lstm" else (zeros,)
        return jax.lax.scan(step, start, x if inside else project(x))[1]

    return run


def _transposed(name: str, array: Any) -> Any:
    return array.T if name.startswith("weight") else array


class Peer:
    """Compiled, and its arrays on its device, before it is timed; its results are waited for."""

    run: Callable[[], Any]  # set by `prepare`

    def __init__(self) -> None:
        self.jax: Any = importlib.import_module("jax")
        self.jax.config.update("jax_platforms", "cpu")
        self.jax.config.update("jax_enable_x64", True)  # float32 stays float32: nothing here is without a dtype
        self.versions: Mapping[str, str] = {"JAX": self.jax.__version__}

    def refuses(self, case: Case) -> str | None:
        """Nothing."""
        return None

    def prepare(self, case: Case, problem: Mapping[str, Array]) -> None:
        """Compiles both forms, by running them, and keeps the faster."""
        arrays = {name: self.jax.numpy.asarray(_transposed(name, array)) for name, array in problem.items()}
        x, dy = arrays.pop("x"), arrays.pop("dy")
        self.training = case.mode == "training"
        forms = [self._compiled(case.cell, inside, arrays, x, dy) for inside in (False, True)]
        self.run = min(forms, key=lambda form: timed(form, CHOICE_SECONDS)["seconds"])

    def _compiled(self, cell: str, inside: bool, weights: Any, x: Any, dy: Any) -> Callable[[], Any]:
        jax = self.jax
        run = sequence(jax, cell, inside=inside)

        def training(weights: Any, x: Any, dy: Any) -> Any:
            y, pull = jax.vjp(run, weights, x)
            return y, pull(dy)

        compiled, given = (jax.jit(training), (weights, x, dy)) if self.training else (jax.jit(run), (weights, x))
        return lambda: jax.block_until_ready(compiled(*given))

    def arrays(self, result: Any) -> dict[str, Array]:
        """Gradients by the weights' own names."""
        if not self.training:
            return {"y": np.asarray(result)}
        y, (dweights, dx) = result
        named: dict[str, Any] = {"y": y, "dx": dx} | {
            f"d{name}": _transposed(name, array) for name, array in dweights.items()
        }
        return {name: np.asarray(array) for name, array in named.items()}
