"""exp, sigmoid and tanh of the engine, of NumPy, and of PyTorch where it is installed: time for each number.

They take turns in every round, in one process on one thread: so no pool waits for work. Results go to arrays that are
there already. NumPy has no sigmoid; it gets `1 / (1 + exp(-x))` in place, which is what its users write.

    python benchmarks/activations.py
    python benchmarks/activations.py --size 1000000 --json benchmarks/results/activations.json
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

import numpy as np

from unrolled.bench.machine import describe_machine
from unrolled.engine import _native

NAMES = ("exp", "sigmoid", "tanh")
DIGITS = 4  # of the dtype; a library further off than this is not timed

Call = Callable[[], Any]


def of_engine(x: np.ndarray, y: np.ndarray) -> dict[str, Call]:
    return {name: lambda name=name: _native.activation(name, x, y) for name in NAMES}


def of_numpy(x: np.ndarray, y: np.ndarray) -> dict[str, Call]:
    def sigmoid() -> None:
        np.negative(x, out=y)
        np.exp(y, out=y)
        np.add(y, 1, out=y)
        np.divide(1, y, out=y)

    return {"exp": lambda: np.exp(x, out=y), "sigmoid": sigmoid, "tanh": lambda: np.tanh(x, out=y)}


def of_torch(x: np.ndarray, y: np.ndarray) -> dict[str, Call]:
    import torch

    torch.set_num_threads(1)
    given, out = torch.from_numpy(x), torch.from_numpy(y)
    return {name: lambda name=name: getattr(torch, name)(given, out=out) for name in NAMES}


LIBRARIES = {"engine": of_engine, "numpy": of_numpy, "torch": of_torch}


def true_value(name: str, x: np.ndarray) -> np.ndarray:
    x = x.astype(np.longdouble)
    return {"exp": np.exp, "tanh": np.tanh, "sigmoid": lambda x: 1 / (1 + np.exp(-x))}[name](x)


def digits_off(y: np.ndarray, true: np.ndarray) -> float:
    return float((np.abs(y - true) / np.spacing(np.abs(true).astype(y.dtype))).max())


def seconds(call: Call, repeats: int) -> float:
    start = time.perf_counter()
    for _ in range(repeats):
        call()
    return (time.perf_counter() - start) / repeats


def measure(dtype: str, size: int, rounds: int, libraries: list[str]) -> list[dict[str, Any]]:
    """One record for each function and library: quartiles of nanoseconds for each number, and how far off it is."""
    x = np.random.default_rng(0).normal(scale=3, size=size).astype(dtype)
    y = np.empty_like(x)
    calls = {library: LIBRARIES[library](x, y) for library in libraries}
    records = []
    for name in NAMES:
        true, off = true_value(name, x), {}
        for library in libraries:
            calls[library][name]()
            off[library] = digits_off(y, true)
            if off[library] > DIGITS:
                raise SystemExit(f"{library}'s {name} of {dtype} is {off[library]:.1f} digits off: not timed")
        once = min(seconds(calls["engine"][name], 3) for _ in range(3))
        repeats = max(1, round(2e-3 / once))
        times = {library: np.empty(rounds) for library in libraries}
        for k in range(rounds):
            for library in libraries if k % 2 else reversed(libraries):
                times[library][k] = seconds(calls[library][name], repeats) / size * 1e9
        for library in libraries:
            low, median, high = np.percentile(times[library], (25, 50, 75))
            quartiles = {"lower quartile": round(low, 4), "upper quartile": round(high, 4)}
            records.append(
                {"function": name, "dtype": dtype, "library": library, "nanoseconds": round(median, 4)}
                | quartiles
                | {"digits off": round(off[library], 2)}
            )
    return records


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=4096, help="numbers in a call (default 4096: they stay in cache)")
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--json", type=Path, help="write the results here")
    options = parser.parse_args()
    libraries = [name for name in LIBRARIES if name != "torch" or importlib.util.find_spec("torch")]
    machine = describe_machine()
    records = []
    print(f"nanoseconds for each of {options.size} numbers: median (quartiles), and units of the last digit off")
    for dtype in ("float32", "float64"):
        for record in measure(dtype, options.size, options.rounds, libraries):
            records.append(record)
            print(
                f"{dtype} {record['function']:8s} {record['library']:7s} {record['nanoseconds']:7.3f} "
                f"({record['lower quartile']:.3f} to {record['upper quartile']:.3f})  {record['digits off']:.2f} off"
            )
    if options.json:
        kept = {"benchmark": "activations", "size": options.size, "rounds": options.rounds, "machine": machine}
        options.json.write_text(json.dumps(kept | {"results": records}, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
