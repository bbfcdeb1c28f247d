"""Keras: its LSTM, GRU and SimpleRNN layers on its JAX backend, called under `jit`; CPU only."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from unrolled.bench.cases import Case
from unrolled.shapes import Array

__all__ = ["Peer"]

LAYERS = {"lstm": "LSTM", "gru": "GRU", "rnn": "SimpleRNN"}
# Which of our gates (i, f, g, o; r, z, n) stands at each place of the layer's.
ORDER = {"lstm": (0, 1, 2, 3), "gru": (1, 0, 2), "rnn": (0,)}


class Peer:
    """Compiled, and its arrays in its own layout, batch first, before it is timed; its results are waited for."""

    run: Callable[[], Any]  # set by `prepare`

    def __init__(self) -> None:
        os.environ["KERAS_BACKEND"] = "jax"
        self.jax: Any = importlib.import_module("jax")
        self.jax.config.update("jax_platforms", "cpu")
        self.jax.config.update("jax_enable_x64", True)
        self.keras: Any = importlib.import_module("keras")
        self.versions: Mapping[str, str] = {"Keras": f"{self.keras.__version__} on JAX {self.jax.__version__}"}

    def refuses(self, case: Case) -> str | None:
        """Float64: called under `jit`, its layers compute a part of it in float32."""
        return None if case.dtype == "float32" else "computes in float32"

    def prepare(self, case: Case, problem: Mapping[str, Array]) -> None:
        """Builds the layer and compiles its call, by running it once."""
        jax, self.case = self.jax, case
        # the GRU's reset gate stands after the product by default
        layer = getattr(self.keras.layers, LAYERS[case.cell])(case.H, return_sequences=True, dtype=case.dtype)
        layer.build((case.N, case.T, case.I))
        bias = self._reordered(problem["bias"])
        if case.cell == "gru":  # a bias for each product: (2, 3 H)
            bias = np.stack([bias, np.concatenate([np.zeros(2 * case.H, case.dtype), problem["bias_hn"]])])
        layer.set_weights([self._reordered(problem[name]).T for name in ("weight_ih", "weight_hh")] + [bias])
        weights = [variable.value for variable in layer.trainable_variables]
        others = [variable.value for variable in layer.non_trainable_variables]
        x, dy = (jax.numpy.asarray(problem[name].swapaxes(0, 1)) for name in ("x", "dy"))

        def call(weights: Any, x: Any) -> Any:
            return layer.stateless_call(weights, others, x)[0]

        def training(weights: Any, x: Any, dy: Any) -> Any:
            y, pull = jax.vjp(call, weights, x)
            return y, pull(dy)

        if case.mode == "training":
            compiled, given = jax.jit(training), (weights, x, dy)
        else:
            compiled, given = jax.jit(call), (weights, x)
        self.run = lambda: jax.block_until_ready(compiled(*given))
        self.run()

    def arrays(self, result: Any) -> dict[str, Array]:
        """Time first, weights transposed, gates in our order."""
        if self.case.mode != "training":
            return {"y": np.asarray(result).swapaxes(0, 1)}
        y, (dweights, dx) = result
        dweight_ih, dweight_hh, dbias = (np.asarray(array) for array in dweights)
        arrays = {
            "y": np.asarray(y).swapaxes(0, 1),
            "dx": np.asarray(dx).swapaxes(0, 1),
            "dweight_ih": self._reordered(dweight_ih.T),
            "dweight_hh": self._reordered(dweight_hh.T),
        }
        if self.case.cell == "gru":
            return arrays | {"dbias": self._reordered(dbias[0]), "dbias_hn": dbias[1, 2 * self.case.H :]}
        return arrays | {"dbias": self._reordered(dbias)}

    def _reordered(self, array: Array) -> Array:
        """Gates along the first axis from our order to the layer's, or back: the orders are their own inverses."""
        H = self.case.H
        return np.concatenate([array[k * H : (k + 1) * H] for k in ORDER[self.case.cell]])
