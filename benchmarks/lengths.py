"""What unequal lengths cost: an LSTM on a padded batch without lengths, with every length full, and with random ones.

The time with lengths is a ratio to the padded run's, beside the share of the recurrent product's tiles that is left:
the sequences that each step has, rounded up to whole tiles of rows. PyTorch's packed sequences go the same way, where
it is installed. All take turns in every round, in one process on one thread: so no pool waits for work.

    python benchmarks/lengths.py
    python benchmarks/lengths.py --size 100,64,64,128 --json benchmarks/results/lengths.json
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

from unrolled import LSTM, engine
from unrolled.bench.machine import describe_machine
from unrolled.bench.statistics import spread

SIZES = ["32,32,64,64", "100,64,64,128", "128,64,128,256"]
TILE_ROWS = {"avx512": 6, "neon": 6}  # of the engine's widest tile; 3 elsewhere

Call = Callable[[], Any]


def of_engine(x: np.ndarray, dy: np.ndarray, H: int, lengths: np.ndarray | None) -> dict[str, Call]:
    layer = LSTM(x.shape[2], H, seed=0)

    def training() -> None:
        layer.backward(layer.forward(x, lengths=lengths), dy)

    return {"inference": lambda: layer(x, lengths=lengths)[0], "training": training}


def of_torch(x: np.ndarray, dy: np.ndarray, H: int, lengths: np.ndarray | None) -> dict[str, Call]:
    import torch
    from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

    torch.set_num_threads(1)
    layer, given, upstream = torch.nn.LSTM(x.shape[2], H), torch.tensor(x, requires_grad=True), torch.tensor(dy)
    steps = None if lengths is None else torch.tensor(lengths)

    def forward() -> Any:
        if steps is None:
            return layer(given)[0]
        packed = pack_padded_sequence(given, steps, enforce_sorted=False)
        return pad_packed_sequence(layer(packed)[0], total_length=len(given))[0]

    def inference() -> None:
        with torch.inference_mode():
            forward()

    def training() -> None:
        layer.zero_grad()
        given.grad = None
        forward().backward(upstream)

    return {"inference": inference, "training": training}


LIBRARIES = {"engine": of_engine, "torch": of_torch}


def share_of_work(lengths: np.ndarray, T: int) -> float:
    """The rows of all steps, in each step rounded up to whole tiles, beside those of the padded batch."""
    rows = TILE_ROWS.get(str(engine.info()["instruction_set"]), 3)
    running = (lengths[:, np.newaxis] > np.arange(T)).sum(axis=0)
    padded = T * -(-len(lengths) // rows)
    return float((-(-running // rows)).sum() / padded)


def seconds(call: Call, least: float) -> float:
    """Of one call, over as many as take `least` seconds."""
    calls, start = 0, time.perf_counter()
    while (spent := time.perf_counter() - start) < least or not calls:
        call()
        calls += 1
    return spent / calls


def measure(size: tuple[int, int, int, int], rounds: int, least: float, libraries: list[str]) -> list[dict[str, Any]]:
    """One record for each mode, library and kind of lengths: quartiles of the ratio to the padded run of the round."""
    T, N, inputs, H = size
    rng = np.random.default_rng(0)
    x, dy = (rng.normal(size=(T, N, n)).astype(np.float32) for n in (inputs, H))
    kinds = {"none": None, "full": np.full(N, T), "random": rng.integers(1, T + 1, size=N)}
    calls = {
        (library, kind): LIBRARIES[library](x, dy, H, lengths)
        for library in libraries
        for kind, lengths in kinds.items()
    }
    if not np.array_equal(calls["engine", "none"]["inference"](), calls["engine", "full"]["inference"]()):
        raise SystemExit("the engine's outputs with full lengths differ from those without: not timed")
    records: list[dict[str, Any]] = []
    for mode in ("inference", "training"):
        times = {which: np.empty(rounds) for which in calls}
        for which in calls:
            calls[which][mode]()
        for k in range(rounds):
            for which in calls if k % 2 else reversed(calls):
                times[which][k] = seconds(calls[which][mode], least)
        for library in libraries:
            padded = times[library, "none"]
            for kind in ("full", "random"):
                lengths = kinds[kind]
                assert lengths is not None
                low, median, high = spread((times[library, kind] / padded).tolist())
                records.append(
                    {"size": size, "mode": mode, "library": library, "lengths": kind}
                    | {"padded microseconds": round(float(np.median(padded)) * 1e6, 1)}
                    | {"of padded": round(median, 3), "lower quartile": round(low, 3), "upper quartile": round(high, 3)}
                    | {"share of work": round(share_of_work(lengths, T), 3)}
                )
    return records


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", action="append", help=f"T,N,I,H, as often as wanted (default {' and '.join(SIZES)})")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=0.1, help="length of a turn, at the least (default 0.1)")
    parser.add_argument("--json", type=Path, help="write the results here")
    options = parser.parse_args()
    libraries = [name for name in LIBRARIES if name != "torch" or importlib.util.find_spec("torch")]
    engine.threads(1)
    machine, records = describe_machine(), []
    print("(T, N, I, H), LSTM                of the padded run's time: median (quartiles), and the share of tiles left")
    for text in options.size or SIZES:
        T, N, inputs, H = (int(part) for part in text.split(","))
        for record in measure((T, N, inputs, H), options.rounds, options.seconds, libraries):
            records.append(record)
            print(
                f"{record['size']!s:20s} {record['mode']:9s} {record['library']:6s} {record['lengths']:6s} "
                f"{record['of padded']:.3f} ({record['lower quartile']:.3f} to {record['upper quartile']:.3f})  "
                f"{record['share of work']:.3f}"
            )
    if options.json:
        kept = {"benchmark": "lengths", "rounds": options.rounds, "machine": machine, "results": records}
        options.json.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
