"""Peak memory of LSTM training, this package's three ways of keeping and PyTorch's, each in a process of its own.

What is counted is how much the process' resident size grows at most from just before the layer is made to after the
fifth training step: the layer, its forward and backward with all gradients, and everything that the library keeps; the
inputs and the upstream gradient are there before. So are the library, its code and what it does once: a small layer
has trained. Whatever the layer's making leaves free for the steps to fill has been counted; what importing left free
has not, less than 1 MB here. A megabyte is 10^6 bytes.

On Linux the kernel is told to forget the peak so far. Elsewhere, and where it does not listen, growth shows only above
the highest size since the process began, and the record says so.

    python benchmarks/memory.py            # the sizes and ways below; PyTorch too, where it is installed
    python benchmarks/memory.py --size 128,64,128,256 --size 64,64,512,512 --ways full,low
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

WAYS = ("torch", "full", "low", "sqrt")
SIZES = {"128,64,128,256": WAYS, "100000,1,64,64": ("sqrt",)}
CLEAR_REFS = Path("/proc/self/clear_refs")
FORGOTTEN = "VmHWM, with the peak before the layer was made forgotten"
NOT_FORGOTTEN = "ru_maxrss, with the peak before the layer was made remembered: growth below it is left out"


def resident_megabytes(name: str) -> float:
    """`VmRSS`, the resident size now, or `VmHWM`, the highest since it was last forgotten."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith(f"{name}:"))


def highest_megabytes() -> float:
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1024 if sys.platform != "darwin" else 1) / 1e6


def peak_growth(work: Callable[[], object]) -> tuple[float, str]:
    """In megabytes while `work` runs, and how it was counted."""
    try:
        CLEAR_REFS.write_text("5", encoding="ascii")
    except OSError:
        before = highest_megabytes()
        work()
        return highest_megabytes() - before, NOT_FORGOTTEN
    before = resident_megabytes("VmRSS")
    work()
    return resident_megabytes("VmHWM") - before, FORGOTTEN


def measure(way: str, T: int, N: int, I: int, H: int) -> tuple[float, str]:  # noqa: E741
    """Runs in a process of its own. The numbers are drawn as they stay: a float64 draw, freed, would leave room."""
    rng = np.random.default_rng(0)
    x, dy = (rng.standard_normal((T, N, n), dtype=np.float32) for n in (I, H))
    if way == "torch":
        import torch

        torch.nn.LSTM(4, 4)(torch.zeros(2, 1, 4))[0].sum().backward()
        inputs, upstream = torch.from_numpy(x).requires_grad_(), torch.from_numpy(dy)

        def train() -> None:
            layer = torch.nn.LSTM(I, H)
            for _ in range(5):
                layer.zero_grad()
                inputs.grad = None
                layer(inputs)[0].backward(upstream)
    else:
        from unrolled import LSTM

        small = LSTM(4, 4, seed=0)
        small.backward(small.forward(np.zeros((2, 1, 4), np.float32), memory=way), None)

        def train() -> None:
            layer = LSTM(I, H, seed=0)
            for _ in range(5):
                run = layer.forward(x, memory=way)
                gradients = layer.backward(run, dy)
                del run, gradients

    return peak_growth(train)


def in_own_process(way: str, size: str) -> tuple[float, str]:
    command = [sys.executable, __file__, "--size", size, "--worker", way]
    growth, counted = json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)
    return growth, counted


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", action="append", help=f"T,N,I,H, may be repeated (default {' and '.join(SIZES)})")
    parser.add_argument("--ways", help=f"which of {','.join(WAYS)} (default: all; for 100000,1,64,64: sqrt)")
    parser.add_argument("--json", type=Path, help="write the results here")
    parser.add_argument("--worker", choices=WAYS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        print(json.dumps(measure(options.worker, *map(int, options.size[0].split(",")))))
        return

    from unrolled.bench.machine import describe_machine

    machine, results, counted = describe_machine(), {}, ""
    has_torch = importlib.util.find_spec("torch") is not None
    for size in options.size or SIZES:
        T, N, I, H = map(int, size.split(","))  # noqa: E741
        of_results = T * N * (H + I) * 4 / 1e6
        print(f"(T, N, I, H) = ({T}, {N}, {I}, {H}): y and dx are {of_results:.1f} MB")
        growth: dict[str, float] = {}
        for way in options.ways.split(",") if options.ways else SIZES.get(size, WAYS):
            if way == "torch" and not has_torch:
                print("torch   not installed")
                continue
            growth[way], counted = in_own_process(way, size)
            ratio = f"  {growth[way] / growth['torch']:.2f} of PyTorch's" if "torch" in growth else ""
            print(f"{way:7s} {growth[way]:7.1f} MB, {growth[way] - of_results:.1f} beyond y and dx{ratio}")
        results[size] = {
            "y and dx": round(of_results, 1),
            "peak growth": {way: round(grown, 1) for way, grown in growth.items()},
            "beyond y and dx": {way: round(grown - of_results, 1) for way, grown in growth.items()},
        }
    if has_torch:
        machine["PyTorch"] = importlib.metadata.version("torch")
    print(f"counted by {counted}")
    record = {"benchmark": "memory", "machine": machine, "counted by": counted, "megabytes for T,N,I,H": results}
    if options.json:
        options.json.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
