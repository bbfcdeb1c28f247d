"""Yearly sunspot numbers, one year ahead, on the split of Tong & Lim: 1700-1920 train, 1921-1955 and 1956-1979 test.

What is counted is the squared error over the variance of the whole series 1700-1979 (arv). Published: Weigend, Huberman
& Rumelhart 1990 0.086 and 0.35; Tong's threshold autoregression 0.097 and 0.28 (from the same paper).

Every setting was chosen with `--tune`, which sees the training years only: it trains on the years before 1761, 1801,
1841 and 1881 and predicts the forty years behind each. The tests were not unseen, though: they were run on three
recipes, one after the other, and the second and the third were sought because the one before had missed.
1. Without a linear path, the best on the forty years from 1801, 1841 and 1881: 0.109 and 0.390. Both tests hold cycles
   larger than all before, and among the training years only that of 1778 is such a one. So the forty years from 1761
   were added to those that choose, and the linear path, which follows a series beyond what it has seen.
2. With them, 0.175 on the years that choose: 0.107 and 0.317.
3. With `lag_decay`, 0.147 on the years that choose: 0.115 and 0.404. That is worse than the second on both tests, and
   is what the script trains all the same: to go back for the sake of the tests would be to choose on them.
Four stretches of forty years say little of what comes after them: better there was not better on the tests.
Tried on those years besides what `--tune` lists, and no better than `lag_decay`: the mean with autoregressions or with
networks of other cells, the mean over contexts of 9 to 12, two and three years predicted at once, enlarged copies of
the series. 2 (sqrt(1 + y) - 1) is the same as sqrt(1 + y), as the forecaster scales what it reads.

The baselines on the same split are persistence (next year as this year) and linear autoregressions of nine years,
fitted by least squares, on the numbers and on their square roots.

    python benchmarks/sunspots.py --json benchmarks/results/sunspots.json
    python benchmarks/sunspots.py --tune

The numbers come with statsmodels: pip install 'unrolled[data]'.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from unrolled import engine
from unrolled.bench.machine import describe_machine
from unrolled.data.series import SeriesParts, load_sunspots
from unrolled.models.forecast.forecaster import Forecaster

TARGETS = {"test_1921_1955": 0.09, "test_1956_1979": 0.30}
PUBLISHED = {"Weigend et al. 1990": (0.086, 0.35), "TAR": (0.097, 0.28)}
TESTED_BEFORE = {"recipe 1": (0.109, 0.390), "recipe 2": (0.107, 0.317)}  # of the docstring
SECONDS = 60  # for one run
ORDER = 9  # years of the linear autoregressions

RECIPE: dict[str, Any] = {
    "context": 9,
    "hidden_size": 8,
    "members": 10,
    "transform": "sqrt",
    "relative": None,
    "lag_decay": 3.0,
    "loss": "squared_error",
    "epochs": 100,
    "weight_decay": 1.0,
}
# What `--tune` changes in the recipe, one at a time.
TRIALS: list[dict[str, Any]] = [
    {},
    {"lag_decay": 0.0},
    {"lag_decay": 1.0},
    {"lag_decay": 2.0},
    {"lag_decay": 4.0},
    {"linear": False},
    {"context": 6},
    {"context": 12},
    {"hidden_size": 4},
    {"hidden_size": 16},
    {"hidden_size": 16, "weight_decay": 2.0},
    {"weight_decay": 0.5},
    {"weight_decay": 2.0},
    {"epochs": 50},
    {"epochs": 150},
    {"ema": 0.99},
    {"recurrent_dropout": 0.2},
    {"cell": "lstm"},
    {"cell": "rnn"},
    {"loss": "gaussian"},
    {"loss": "absolute_error"},
    {"relative": "last"},
    {"transform": None},
    {"members": 1},
]
TUNED_ON = ((61, 101), (101, 141), (141, 181), (181, 221))  # rows: 1761-1800, 1801-1840, 1841-1880, 1881-1920


def predicted(values: np.ndarray, stop: int, recipe: dict[str, Any], seed: int) -> np.ndarray:
    """The forecast of every value from row `stop` on, by a model that was fitted to those before it."""
    forecaster = Forecaster(**recipe, validation_fraction=0, batch_size=32, random_state=seed).fit(values[:stop])
    return forecaster.backtest(values, start=stop, interval=None).series[0].point[:, 0]


def autoregression(values: np.ndarray, stop: int, *, root: bool) -> np.ndarray:
    """The same by least squares on the last `ORDER` values."""
    z = np.sqrt(1 + values) if root else values
    rows = np.array([[1.0, *z[t - ORDER : t]] for t in range(ORDER, len(z))])
    known = stop - ORDER
    weights = np.linalg.lstsq(rows[:known], z[ORDER:stop], rcond=None)[0]
    ahead = rows[known:] @ weights
    return np.maximum(ahead, 1) ** 2 - 1 if root else ahead


def errors(sunspots: SeriesParts, ahead: np.ndarray) -> dict[str, float]:
    """The arv of each test part, of forecasts from the end of the training part on."""
    variance, start = sunspots.values.var(), sunspots.parts["train"][1]
    found: dict[str, float] = {}
    for name in TARGETS:
        first, last = (row - start for row in sunspots.parts[name])
        found[name] = float(np.mean((ahead[first:last] - sunspots.part(name)) ** 2) / variance)
    return found


def tune(sunspots: SeriesParts) -> None:
    """What each trial reaches on each forty years of the training part from 1761 on; no later year is seen."""
    values = sunspots.part("train")
    for trial in TRIALS:
        arv = [
            float(np.mean((predicted(values[:stop], start, RECIPE | trial, seed=0) - values[start:stop]) ** 2))
            / values.var()
            for start, stop in TUNED_ON
        ]
        print(f"{np.mean(arv):.4f}  {' '.join(f'{each:.4f}' for each in arv)}  {trial or 'the recipe'}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3, help="how many runs, seeds 0, 1, ... (default 3)")
    parser.add_argument("--tune", action="store_true", help="try settings on the training years, and stop")
    parser.add_argument("--json", type=Path, help="write the results here")
    options = parser.parse_args()

    sunspots = load_sunspots()
    if options.tune:
        tune(sunspots)
        return
    stop = sunspots.parts["train"][1]
    baselines = {
        "persistence": errors(sunspots, sunspots.values[stop - 1 : -1]),
        f"AR({ORDER})": errors(sunspots, autoregression(sunspots.values, stop, root=False)),
        f"AR({ORDER}) of square roots": errors(sunspots, autoregression(sunspots.values, stop, root=True)),
    }
    runs: list[dict[str, Any]] = []
    for seed in range(options.seeds):
        began = time.perf_counter()
        ahead = predicted(sunspots.values, stop, RECIPE, seed)
        runs.append({"seed": seed} | errors(sunspots, ahead) | {"seconds": round(time.perf_counter() - began, 1)})
        print(json.dumps(runs[-1]), flush=True)
    reached = {name: [float(run[name]) for run in runs] for name in TARGETS}
    record = {
        "benchmark": "sunspots",
        "measure": "squared error over the variance of 1700-1979, one year ahead",
        "data_sha256": hashlib.sha256(sunspots.values.tobytes()).hexdigest(),
        "machine": describe_machine() | {"threads": str(engine.info()["threads"])},
        "recipe": RECIPE,
        "target": TARGETS,
        "target_seconds": SECONDS,
        "published": PUBLISHED,
        "tested_before": TESTED_BEFORE,
        "mean": {name: float(np.mean(values)) for name, values in reached.items()},
        "spread": {name: [min(values), max(values)] for name, values in reached.items()},
        "reached": all(np.mean(values) <= TARGETS[name] for name, values in reached.items())
        and max(float(run["seconds"]) for run in runs) <= SECONDS,
        "baselines": baselines,
        "runs": runs,
    }
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    table = {f"unrolled, mean of {options.seeds}": tuple(record["mean"].values())} | TESTED_BEFORE | PUBLISHED
    table |= {name: tuple(found.values()) for name, found in baselines.items()}
    print(f"{'':28} 1921-1955  1956-1979")
    for name, (first, second) in table.items():
        print(f"{name:28} {first:9.3f}  {second:9.3f}")
    if not record["reached"]:
        print(f"missed: {TARGETS} within {SECONDS} s", file=sys.stderr)


if __name__ == "__main__":
    main()
