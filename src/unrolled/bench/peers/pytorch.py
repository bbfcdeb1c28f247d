"""PyTorch: `nn.LSTM`, `nn.GRU`, `nn.RNN` on the CPU."""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping
from typing import Any

from unrolled.bench.cases import Case
from unrolled.shapes import Array

__all__ = ["Peer"]


class Peer:
    """Inference under `inference_mode`, nothing kept for autograd; training with the gradients of x and all weights."""

    def __init__(self) -> None:
        self.torch: Any = importlib.import_module("torch")
        self.torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
        self.versions: Mapping[str, str] = {"PyTorch": self.torch.__version__}

    def refuses(self, case: Case) -> str | None:
        """Nothing."""
        return None

    def prepare(self, case: Case, problem: Mapping[str, Array]) -> None:
        """Builds the module; of its two biases the second is zero, but for a GRU's candidate."""
        torch, H = self.torch, case.H
        module = getattr(torch.nn, case.cell.upper())(case.I, H, dtype=getattr(torch, case.dtype))
        with torch.no_grad():
            module.weight_ih_l0.copy_(torch.from_numpy(problem["weight_ih"]))
            module.weight_hh_l0.copy_(torch.from_numpy(problem["weight_hh"]))
            module.bias_ih_l0.copy_(torch.from_numpy(problem["bias"]))
            module.bias_hh_l0.zero_()
            if case.cell == "gru":
                module.bias_hh_l0[2 * H :] = torch.from_numpy(problem["bias_hn"])
        self.module, self.H, self.gru = module, H, case.cell == "gru"
        self.x = torch.from_numpy(problem["x"]).requires_grad_(case.mode == "training")
        self.dy = torch.from_numpy(problem["dy"])
        self.run = self._training if case.mode == "training" else self._inference
        module.train(case.mode == "training")

    def _inference(self) -> Any:
        with self.torch.inference_mode():
            return self.module(self.x)[0], None

    def _training(self) -> Any:
        y, _ = self.module(self.x)
        return y, self.torch.autograd.grad(y, [self.x, *self.module.parameters()], self.dy)

    def arrays(self, result: Any) -> dict[str, Array]:
        """Gradients in the order of `parameters()`: weights, then the two biases."""
        y, gradients = result
        if gradients is None:
            return {"y": y.numpy()}
        dx, dweight_ih, dweight_hh, dbias, dbias_hh = (gradient.numpy() for gradient in gradients)
        arrays = {"y": y.detach().numpy(), "dx": dx, "dweight_ih": dweight_ih, "dweight_hh": dweight_hh, "dbias": dbias}
        return arrays | ({"dbias_hn": dbias_hh[2 * self.H :]} if self.gru else {})
