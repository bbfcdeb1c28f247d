"""The engine and its peers over the whole grid, kept in `benchmarks/results/`; `unrolled bench` does the measuring.

pip install '.[bench]' torch onnx onnxruntime jax keras # those that are missing are left out
python benchmarks/peers.py                              # about an hour on a quiet machine
python benchmarks/peers.py --quick                      # any option of `unrolled bench`; see its --help
"""

import sys
from pathlib import Path

from unrolled.cli import main

RESULTS = Path(__file__).parent / "results"

if __name__ == "__main__":
    kept = [
        f"--{kind}={RESULTS / f'peers.{suffix}'}"
        for kind, suffix in (("csv", "csv"), ("json", "json"), ("plot", "png"))
    ]
    main(["bench", *kept, *sys.argv[1:]])
