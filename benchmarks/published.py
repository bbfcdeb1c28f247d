"""What the scripts beside published figures share: options, a run for each seed, the record, its table; no model."""

from __future__ import annotations

import argparse
import hashlib
import json
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unrolled import engine
from unrolled.bench.machine import describe_machine

__all__ = ["DATA", "Task", "measure", "parser_of", "summary", "table", "write"]

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"  # where the developers keep it, beside the checkout


@dataclass(frozen=True)
class Task:
    """What is measured, what others reached, and what is to be reached here.

    Args:
        name: of the result.
        measure: what its figures are, in words, with their unit and the split.
        target: what each figure is to be at the most, or at the least where `larger`.
        minutes: that a run may take, training and measuring, on two cores.
        published: by name, the same figures of others.
        larger: whether a larger figure is better.
    """

    name: str
    measure: str
    target: Mapping[str, float]
    minutes: float
    published: Mapping[str, Mapping[str, float]]
    larger: bool = False

    def meets(self, figures: Mapping[str, float]) -> bool:
        """Whether all figures are as good as they are to be."""
        sign = -1 if self.larger else 1
        return all(sign * figures[name] <= sign * target for name, target in self.target.items())


def parser_of(description: str | None, data: str | None = None) -> argparse.ArgumentParser:
    """The options that all have: `--seeds`, `--json`, and `--data` where a file of this name is read."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    if data is not None:
        parser.add_argument("--data", type=Path, default=DATA / data, help="the file (default: the developers' copy)")
    parser.add_argument("--seeds", type=_seeds, default=[0, 1, 2], help="separated by commas (default 0,1,2)")
    parser.add_argument("--json", type=Path, help="write the results here")
    return parser


def _seeds(text: str) -> list[int]:
    return [int(seed) for seed in text.split(",")]


def measure(seeds: list[int], run: Callable[[int], Mapping[str, float]]) -> list[dict[str, float]]:
    """One run for each seed: its figures, what else it says of itself, and the seconds that all of it took."""
    runs: list[dict[str, float]] = []
    for seed in seeds:
        began = time.perf_counter()
        found = dict(run(seed))
        runs.append({"seed": seed, **found, "seconds": round(time.perf_counter() - began, 1)})
        print(json.dumps(runs[-1]), file=sys.stderr, flush=True)
    return runs


def summary(
    task: Task,
    recipe: Mapping[str, Any],
    runs: list[dict[str, float]],
    baselines: Mapping[str, Mapping[str, float]],
    data: bytes | None = None,
    machine: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """The record of a task, as it is kept: the mean and the standard deviation over the seeds, and all they are of.

    Args:
        task: what was measured.
        recipe: the settings.
        runs: see `measure`.
        baselines: by name, the same figures of something simple, measured on the same split.
        data: the bytes of the data, where it is not made by the script.
        machine: what it was measured on, described before it was busy with this; described now where `None`.
    """
    mean = {name: statistics.fmean(run[name] for run in runs) for name in task.target}
    spread = {name: statistics.stdev(run[name] for run in runs) if len(runs) > 1 else None for name in task.target}
    slowest = max(run["seconds"] for run in runs)
    return {
        "benchmark": task.name,
        "measure": task.measure,
        **({} if data is None else {"data_sha256": hashlib.sha256(data).hexdigest()}),
        "machine": {**(machine or describe_machine()), "threads": str(engine.info()["threads"])},
        "recipe": dict(recipe),
        "published": {name: dict(figures) for name, figures in task.published.items()},
        "baselines": {name: dict(figures) for name, figures in baselines.items()},
        "target": dict(task.target),
        "target_seconds": 60 * task.minutes,
        "mean": mean,
        "standard_deviation": spread,
        "reached": task.meets(mean) and slowest <= 60 * task.minutes,
        "runs": runs,
    }


def table(record: Mapping[str, Any]) -> str:
    """A record as a table in Markdown: ours, those published, the baselines, and the target."""
    names: list[str] = list(record["target"])
    rows: list[tuple[str, list[str]]] = []
    runs, spread = record["runs"], record["standard_deviation"]
    ours = [
        f"**{record['mean'][name]:.4g}**" + ("" if spread[name] is None else f" ± {spread[name]:.2g}") for name in names
    ]
    each = statistics.fmean(run["seconds"] for run in runs)
    rows.append((f"unrolled, {len(runs)} seed{'s' * (len(runs) > 1)}, {each:.0f} s each", ours))
    rows.append((f"target{'' if record['reached'] else ' (missed)'}", _shown(record["target"], names)))
    rows += [(name, _shown(figures, names)) for name, figures in record["published"].items()]
    rows += [(f"{name} (measured)", _shown(figures, names)) for name, figures in record["baselines"].items()]
    head = [f"| {record['benchmark']} | " + " | ".join(names) + " |", "|---" * (1 + len(names)) + "|"]
    return "\n".join(head + [f"| {title} | " + " | ".join(cells) + " |" for title, cells in rows])


def _shown(figures: Mapping[str, float], names: list[str]) -> list[str]:
    return [f"{figures[name]:.4g}" if name in figures else "" for name in names]


def write(record: Mapping[str, Any], path: Path | None) -> None:
    """Prints the table, and keeps the record where a path is given."""
    print(table(record))
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
