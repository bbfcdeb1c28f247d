"""Winter or summer? ItalyPowerDemand with its official split: 67 days of 24 hours to learn from, 1029 to be told.

Bidirectional GRUs of different seeds vote; each has also learned from noisy copies of every day. The recipe was chosen
among the candidates below with `--tune`, by cross-validation within the 67, and nothing was tried on the 1029.
Published: nearest neighbour with DTW, 95 %.

    pip install 'unrolled[data,sklearn]'
    python benchmarks/italy_power_demand.py --json benchmarks/results/italy_power_demand.json
    python benchmarks/italy_power_demand.py --tune
"""

from __future__ import annotations

import numpy as np
from accuracy import baselines, cross_validated, data_hash, foretell, measure, options, publish

from unrolled.data.builtin import load_dataset

TARGET, MINUTES = 0.96, 1.0
PUBLISHED = {"DTW, nearest neighbour (published)": 0.95}
NOISE = 0.2  # every day has mean 0 and standard deviation 1


def with_noise(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return (x + NOISE * rng.normal(size=x.shape)).astype(np.float32)


PLAIN = {
    "members": 1,
    "cell": "gru",
    "hidden_size": 32,
    "bidirectional": True,
    "pooling": "last",
    "dropout": 0.2,
    "epochs": 60,
    "learning_rate": 5e-3,
    "batch_size": 16,
}
NOISY = PLAIN | {"copies": 4, "change": with_noise, "epochs": 25}
CANDIDATES = {
    "GRU": PLAIN,
    "LSTM": PLAIN | {"cell": "lstm"},
    "GRU, mean": PLAIN | {"pooling": "mean"},
    "GRU, max": PLAIN | {"pooling": "max"},
    "GRU, noise": NOISY,
    "GRU, max, noise": NOISY | {"pooling": "max"},
    "GRU, noise, five": NOISY | {"members": 5},
}
RECIPE = CANDIDATES["GRU, noise, five"]


def main() -> None:
    given = options(__doc__)
    X, y, X_test, y_test, about = load_dataset("ItalyPowerDemand")
    if given.tune:
        for name, recipe in CANDIDATES.items():
            print(f"{cross_validated(recipe, X, y, 5, shuffle=True, seeds=2):8.2%}  {name}")
        return
    runs = measure(lambda seed: float(np.mean(foretell(RECIPE, seed, X, y, X_test) == y_test)), given.seeds)
    publish(
        "ItalyPowerDemand",
        runs,
        about=about,
        data_sha256=data_hash(X, X_test),
        recipe=RECIPE,
        chosen_on="5-fold cross-validation within the training part",
        target=TARGET,
        minutes=MINUTES,
        published=PUBLISHED,
        beside=baselines(X, y, X_test, y_test),
        path=given.json,
    )


if __name__ == "__main__":
    main()
