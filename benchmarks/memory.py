"""Peak memory of LSTM training, this package's three ways of keeping and PyTorch's, each in a process of its own.

What is counted is how much the process' peak resident size grows from just before the first training step to after the
fifth: forward and backward with all gradients, the inputs and the upstream gradient not included.

    python benchmarks/memory.py                             # PyTorch too, where it is installed
    python benchmarks/memory.py --size 100000,1,64,64 --ways sqrt
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np

WAYS = ("torch", "full", "low", "sqrt")


def peak_megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform != "darwin" else 1024**2)


def measure(way: str, T: int, N: int, I: int, H: int) -> float:  # noqa: E741
    """Runs in a process of its own; a small layer has run before the growth is counted, so that code is loaded."""
    rng = np.random.default_rng(0)
    x, dy = (rng.normal(size=(T, N, n)).astype(np.float32) for n in (I, H))
    if way == "torch":
        import torch

        small, layer = torch.nn.LSTM(4, 4), torch.nn.LSTM(I, H)
        small(torch.zeros(2, 1, 4))[0].sum().backward()
        inputs, upstream = torch.tensor(x, requires_grad=True), torch.tensor(dy)
        before = peak_megabytes()
        for _ in range(5):
            layer.zero_grad()
            inputs.grad = None
            layer(inputs)[0].backward(upstream)
    else:
        from unrolled import LSTM

        small, layer = LSTM(4, 4), LSTM(I, H, seed=0)
        small.backward(small.forward(np.zeros((2, 1, 4), np.float32)), None)
        before = peak_megabytes()
        for _ in range(5):
            run = layer.forward(x, memory=way)
            gradients = layer.backward(run, dy)
            del run, gradients
    return peak_megabytes() - before


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="128,64,128,256", help="T,N,I,H (default 128,64,128,256)")
    parser.add_argument("--ways", default=",".join(WAYS), help=f"which of {', '.join(WAYS)} (default: all)")
    parser.add_argument("--json", type=Path, help="write the results here")
    parser.add_argument("--worker", choices=WAYS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    size = [int(part) for part in options.size.split(",")]
    if options.worker:
        print(measure(options.worker, *size))
        return

    from unrolled.bench.machine import describe_machine

    megabytes: dict[str, float] = {}
    for way in options.ways.split(","):
        if way == "torch" and importlib.util.find_spec("torch") is None:
            print("torch   not installed")
            continue
        command = [sys.executable, __file__, "--size", options.size, "--worker", way]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        megabytes[way] = float(done.stdout)
        ratio = f"  {megabytes[way] / megabytes['torch']:.2f} of PyTorch's" if "torch" in megabytes else ""
        print(f"{way:7s} {megabytes[way]:7.1f} MB{ratio}")
    record = {"benchmark": "memory", "size": size, "machine": describe_machine(), "peak_growth_megabytes": megabytes}
    if options.json:
        options.json.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
