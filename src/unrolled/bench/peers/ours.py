"""This engine as one of the peers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from unrolled.bench.cases import Case
from unrolled.layers import GRU, LSTM, RNN, LSTMState
from unrolled.shapes import Array

__all__ = ["Peer"]

LAYERS: dict[str, Any] = {"lstm": LSTM, "gru": GRU, "rnn": RNN}


class Peer:
    """`unrolled`'s layers; training packs the weights anew in each call, as after each step of an optimizer."""

    versions: Mapping[str, str] = {}

    def refuses(self, case: Case) -> str | None:
        """Nothing."""
        return None

    def prepare(self, case: Case, problem: Mapping[str, Array]) -> None:
        """Builds the layer; the first call packs its weights."""
        self.layer = LAYERS[case.cell](case.I, case.H, dtype=case.dtype)
        weights = {name: array for name, array in problem.items() if name not in ("x", "dy")}
        self.layer.set(**{f"{name}_l0": array for name, array in weights.items()})
        self.x, self.dy = problem["x"], problem["dy"]
        self.x_t = problem["x"][0]
        h, c = np.zeros((2, 1, case.N, case.H), case.dtype)
        self.state: Any = LSTMState(h, c) if case.cell == "lstm" else h
        self.run = {
            "inference": self._inference,
            "training": self._training,
            "step": self._step,
            "step-in-place": self._step_in_place,
        }[case.mode]

    def _inference(self) -> Any:
        return self.layer(self.x)[0], None

    def _step(self) -> Any:
        return self.layer.step(self.x_t, self.state)[0][np.newaxis], None

    def _step_in_place(self) -> Any:
        return self.layer.step(self.x_t, self.state, out=self.state)[0][np.newaxis], None

    def _training(self) -> Any:
        with self.layer.edit():  # a new version: what was packed is stale
            pass
        run = self.layer.forward(self.x)
        return run.output, self.layer.backward(run, self.dy)

    def arrays(self, result: Any) -> dict[str, Array]:
        """As they are."""
        y, gradients = result
        if gradients is None:
            return {"y": y}
        named = {f"d{name.removesuffix('_l0')}": array for name, array in gradients.parameters.items()}
        return {"y": y, "dx": gradients.x, **named}
