"""JAX: `lax.scan` over the steps under `jit`, the input product before it, for all steps at once; CPU only."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from unrolled.bench.cases import Case
from unrolled.shapes import Array

__all__ = ["Peer", "sequence"]


def sequence(jax: Any, cell: str) -> Callable[[Any, Any], Any]:
    """The function `(weights, x) -> y` of a cell, for JAX to trace."""
    jnp, sigmoid = jax.numpy, jax.nn.sigmoid

    def lstm(weights: Any, carry: Any, z: Any) -> Any:
        h, c = carry
        i, f, g, o = jnp.split(z + h @ weights["weight_hh"].T, 4, axis=-1)
        c = sigmoid(f) * c + sigmoid(i) * jnp.tanh(g)
        h = sigmoid(o) * jnp.tanh(c)
        return (h, c), h

    def gru(weights: Any, carry: Any, z: Any) -> Any:
        (h,) = carry
        r, u, n = jnp.split(z, 3, axis=-1)
        hr, hu, hn = jnp.split(h @ weights["weight_hh"].T, 3, axis=-1)
        r, u = sigmoid(r + hr), sigmoid(u + hu)
        n = jnp.tanh(n + r * (hn + weights["bias_hn"]))
        h = (1 - u) * n + u * h
        return (h,), h

    def rnn(weights: Any, carry: Any, z: Any) -> Any:
        (h,) = carry
        h = jnp.tanh(z + h @ weights["weight_hh"].T)
        return (h,), h

    step = {"lstm": lstm, "gru": gru, "rnn": rnn}[cell]

    def run(weights: Any, x: Any) -> Any:
        H = weights["weight_hh"].shape[1]
        zeros = jnp.zeros((x.shape[1], H), x.dtype)
        start = (zeros, zeros) if cell == "lstm" else (zeros,)
        z = x @ weights["weight_ih"].T + weights["bias"]  # z: (T, N, G H)
        return jax.lax.scan(functools.partial(step, weights), start, z)[1]

    return run


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
        """Compiles the function, by running it once."""
        jax = self.jax
        run = sequence(jax, case.cell)
        arrays = {name: jax.numpy.asarray(array) for name, array in problem.items()}
        x, dy = arrays.pop("x"), arrays.pop("dy")

        def training(weights: Any, x: Any, dy: Any) -> Any:
            y, pull = jax.vjp(run, weights, x)
            return y, pull(dy)

        self.training = case.mode == "training"
        if self.training:
            compiled, given = jax.jit(training), (arrays, x, dy)
        else:
            compiled, given = jax.jit(run), (arrays, x)
        self.run = lambda: jax.block_until_ready(compiled(*given))
        self.run()

    def arrays(self, result: Any) -> dict[str, Array]:
        """Gradients by the weights' own names."""
        if not self.training:
            return {"y": np.asarray(result)}
        y, (dweights, dx) = result
        named: dict[str, Any] = {"y": y, "dx": dx} | {f"d{name}": array for name, array in dweights.items()}
        return {name: np.asarray(array) for name, array in named.items()}
