"""ONNX Runtime: the LSTM, GRU and RNN operators on the CPU; inference only, as it is."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from unrolled.bench.cases import GATES, Case
from unrolled.shapes import Array

__all__ = ["Peer"]

# Which of our gates (i, f, g, o; r, z, n) stands at each place of the operator's, by the operator's specification.
ORDER = {"lstm": (0, 3, 1, 2), "gru": (1, 0, 2), "rnn": (0,)}
OPSET = 14


class Peer:
    """A model of one node, its weights constants that are packed at load."""

    run: Callable[[], Any]  # set by `prepare`

    def __init__(self) -> None:
        self.onnx: Any = importlib.import_module("onnx")
        self.runtime: Any = importlib.import_module("onnxruntime")
        self.versions: Mapping[str, str] = {"ONNX Runtime": self.runtime.__version__}

    def refuses(self, case: Case) -> str | None:
        """Training, and float64, which its kernels do not have."""
        if case.mode == "training":
            return "does inference only"
        return None if case.dtype == "float32" else "has no float64 kernels"

    def prepare(self, case: Case, problem: Mapping[str, Array]) -> None:
        """Builds the model and loads it."""
        make, numpy_helper = self.onnx.helper, self.onnx.numpy_helper
        G, H = GATES[case.cell], case.H

        def ordered(array: Array) -> Array:
            return np.concatenate([array[k * H : (k + 1) * H] for k in ORDER[case.cell]])

        bias_hh = np.zeros_like(problem["bias"])
        if case.cell == "gru":
            bias_hh[2 * H :] = problem["bias_hn"]
        weights = {
            "W": ordered(problem["weight_ih"])[np.newaxis],  # (1, G H, I)
            "R": ordered(problem["weight_hh"])[np.newaxis],  # (1, G H, H)
            "B": np.concatenate([ordered(problem["bias"]), ordered(bias_hh)])[np.newaxis],  # (1, 2 G H)
        }
        assert weights["W"].shape[1] == G * H
        options = {"linear_before_reset": 1} if case.cell == "gru" else {}
        node = make.make_node(case.cell.upper(), ["X", "W", "R", "B"], ["Y"], hidden_size=H, **options)
        kind = self.onnx.TensorProto.FLOAT
        graph = make.make_graph(
            [node],
            "cell",
            [make.make_tensor_value_info("X", kind, (case.T, case.N, case.I))],
            [make.make_tensor_value_info("Y", kind, (case.T, 1, case.N, H))],
            [numpy_helper.from_array(np.ascontiguousarray(array), name) for name, array in weights.items()],
        )
        model = make.make_model(graph, opset_imports=[make.make_opsetid("", OPSET)])
        model.ir_version = 8  # of that opset; a newer one may be unknown to an older runtime
        settings = self.runtime.SessionOptions()
        settings.intra_op_num_threads = int(os.environ["OMP_NUM_THREADS"])
        settings.inter_op_num_threads = 1
        session = self.runtime.InferenceSession(model.SerializeToString(), settings, providers=["CPUExecutionProvider"])
        x = problem["x"]
        self.run = lambda: session.run(None, {"X": x})

    def arrays(self, result: Any) -> dict[str, Array]:
        """Y without its axis of directions."""
        return {"y": result[0][:, 0]}
