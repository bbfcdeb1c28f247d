"""What the package costs before it does anything: the time of `import unrolled` beyond NumPy's, and its installed size.

Each import is in a process of its own, after NumPy's, whose files the system then has in memory. The size is that of
the files which the installer put there, bytecode not included.

    pip install .
    python benchmarks/startup.py --json benchmarks/results/startup.json
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import subprocess
import sys
from pathlib import Path

from unrolled.bench.machine import describe_machine
from unrolled.bench.statistics import spread

IMPORT = "import time, numpy; start = time.perf_counter(); import unrolled; print(time.perf_counter() - start)"


def import_milliseconds(times: int) -> list[float]:
    """Of so many processes; one before them leaves bytecode and warm files."""
    runs = [subprocess.run([sys.executable, "-c", IMPORT], capture_output=True, text=True, check=True)]
    runs += [subprocess.run(runs[0].args, capture_output=True, text=True, check=True) for _ in range(times)]
    return [float(run.stdout) * 1e3 for run in runs[1:]]


def installed_megabytes() -> float | None:
    """`None` where only a link to the sources is installed, or nothing."""
    try:
        files = importlib.metadata.files("unrolled") or []
    except importlib.metadata.PackageNotFoundError:
        return None
    files = [file for file in files if file.suffix != ".pyc"]
    names = {file.name.partition(".")[0] for file in files}
    if not {"__init__", "_native"} <= names:  # an editable installation has the kernels without the sources
        return None
    return sum(Path(str(file.locate())).stat().st_size for file in files) / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=20, help="how many imports (default 20)")
    parser.add_argument("--json", type=Path, help="write the results here")
    options = parser.parse_args()
    low, median, high = spread(import_milliseconds(options.times))
    print(f"import unrolled, beyond NumPy   {median:5.1f} ms ({low:.1f} to {high:.1f})")
    megabytes = installed_megabytes()
    size = "not installed, or as a link to its sources" if megabytes is None else f"{megabytes:5.2f} MB"
    print(f"installed                       {size}")
    if options.json:
        of_import = {"median": round(median, 1), "lower quartile": round(low, 1), "upper quartile": round(high, 1)}
        kept = {"benchmark": "startup", "times": options.times, "machine": describe_machine()}
        kept |= {"import milliseconds": of_import, "installed megabytes": megabytes and round(megabytes, 2)}
        options.json.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
