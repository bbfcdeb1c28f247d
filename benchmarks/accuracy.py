"""What the scripts share that measure the accuracy of classifiers: votes, baselines, a record; no recipe, no data."""

from __future__ import annotations

import argparse
import hashlib
import json
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from unrolled import engine
from unrolled.bench.machine import describe_machine
from unrolled.models import SequenceClassifier

Recipe = dict[str, Any]  # `members`, `copies`, `change`, and the settings of `SequenceClassifier`
Change = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def foretell(recipe: Recipe, seed: int, X: Sequence[Any], y: np.ndarray, X_test: Sequence[Any]) -> np.ndarray:
    """The classes of `X_test` by the mean probability of several networks, each from a seed of its own.

    Each learns from the sequences and, where the recipe says so, from changed copies of them.
    """
    settings = dict(recipe)
    members, copies, change = settings.pop("members", 1), settings.pop("copies", 0), settings.pop("change", None)
    total: Any = 0
    for member in range(members):
        own = 1000 * seed + member
        rng = np.random.default_rng(own)
        more = [change(x, rng) for _ in range(copies) for x in X]
        model = SequenceClassifier(**settings, random_state=own).fit([*X, *more], np.tile(y, 1 + copies))
        total = total + model.predict_proba(list(X_test))
    return model.classes_[total.argmax(axis=1)]


def cross_validated(
    recipe: Recipe, X: Sequence[Any], y: np.ndarray, folds: int, *, shuffle: bool, seeds: int = 1
) -> float:
    """The accuracy of a recipe on parts of the training part that it did not learn from."""
    right = []
    for seed in range(seeds):
        splits = StratifiedKFold(folds, shuffle=shuffle, random_state=seed if shuffle else None)
        for train, held in splits.split(np.zeros(len(y)), y):
            foretold = foretell(recipe, seed, [X[row] for row in train], y[train], [X[row] for row in held])
            right.append(np.mean(foretold == y[held]))
    return float(np.mean(right))


def flattened(X: Sequence[np.ndarray], length: int) -> np.ndarray:
    """Each sequence as one row, with zeros behind its end, or cut where it is longer."""
    return np.stack([np.pad(x[:length], ((0, max(0, length - len(x))), (0, 0))).ravel() for x in X])


def baselines(X: Sequence[Any], y: np.ndarray, X_test: Sequence[Any], y_test: np.ndarray) -> dict[str, float]:
    """What simple models get on the same split."""
    length = max(map(len, X))
    train, test = flattened(X, length), flattened(X_test, length)
    classes, counts = np.unique(y, return_counts=True)
    regression = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000)).fit(train, y)
    neighbour = KNeighborsClassifier(1).fit(train, y)
    return {
        "most frequent class": float(np.mean(y_test == classes[counts.argmax()])),
        "logistic regression, flattened": float(regression.score(test, y_test)),
        "nearest neighbour, flattened": float(neighbour.score(test, y_test)),
    }


def data_hash(*parts: Any) -> str:
    """SHA-256 of all arrays, one after the other."""
    digest = hashlib.sha256()
    for part in parts:
        for array in part if isinstance(part, list) else [part]:
            digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def options(doc: str | None) -> argparse.Namespace:
    """What every script is told on its command line."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3, help="how many runs, seeds 0, 1, ... (default 3)")
    parser.add_argument("--tune", action="store_true", help="compare the candidates, on the training part alone")
    parser.add_argument("--json", type=Path, help="write the results here")
    return parser.parse_args()


def measure(score: Callable[[int], float], seeds: int) -> list[dict[str, float | int]]:
    """One run from its data to its accuracy for each seed, and how long it took."""
    runs: list[dict[str, float | int]] = []
    for seed in range(seeds):
        began = time.perf_counter()
        accuracy = score(seed)
        runs.append({"seed": seed, "accuracy": accuracy, "seconds": round(time.perf_counter() - began, 1)})
        print(json.dumps(runs[-1]))
    return runs


def shown(recipe: Recipe) -> Recipe:
    """A recipe for JSON: a change by its name."""
    return {name: getattr(value, "__name__", value) for name, value in recipe.items()}


def publish(
    name: str,
    runs: list[dict[str, float | int]],
    *,
    about: str,
    data_sha256: str,
    recipe: Recipe,
    chosen_on: str,
    target: float,
    minutes: float,
    published: dict[str, float],
    beside: dict[str, float],
    path: Path | None,
) -> None:
    """Prints the result beside the baselines, and writes it down where that is wanted."""
    accuracies = [float(run["accuracy"]) for run in runs]
    mean, spread = statistics.fmean(accuracies), statistics.stdev(accuracies) if len(accuracies) > 1 else 0.0
    record = {
        "benchmark": name,
        "about": about,
        "data_sha256": data_sha256,
        "machine": describe_machine() | {"threads": str(engine.info()["threads"])},
        "recipe": shown(recipe),
        "chosen_on": chosen_on,
        "target": target,
        "minutes": minutes,
        "mean_accuracy": mean,
        "spread": spread,
        "slowest_seconds": max(run["seconds"] for run in runs),
        "published": published,
        "baselines": beside,
        "runs": runs,
    }
    for what, accuracy in (published | beside).items():
        print(f"{accuracy:8.2%}  {what}")
    print(f"{mean:8.2%}  ours, mean of {len(runs)} seeds (standard deviation {spread:.2%})")
    met = mean >= target and record["slowest_seconds"] <= 60 * minutes
    print(f"{'met' if met else 'MISSED'}: at least {target:.2%} in {minutes:g} minutes each")
    if path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
