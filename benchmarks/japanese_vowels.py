"""Who of nine men spoke? JapaneseVowels with its official split: 270 utterances to learn from, 370 to be told.

Five bidirectional GRUs of different seeds vote; each has also learned from two noisy copies of every utterance. The
recipe was chosen among the candidates below with `--tune`, by cross-validation within the 270, and nothing was tried
on the 370. Published: DTW 94.9 %, and 94.1 % by those who made the set (Kudo et al. 1999).

    pip install 'unrolled[data,sklearn]'
    python benchmarks/japanese_vowels.py --json benchmarks/results/japanese_vowels.json
    python benchmarks/japanese_vowels.py --tune
"""

from __future__ import annotations

import numpy as np
from accuracy import baselines, cross_validated, data_hash, foretell, measure, options, publish

from unrolled.data.builtin import load_dataset

TARGET, MINUTES = 0.97, 1.0
PUBLISHED = {"DTW, nearest neighbour (published)": 0.949, "Kudo et al. 1999 (published)": 0.941}
NOISE = 0.4  # of the standard deviation of each coefficient over the utterance


def with_noise(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return (x + NOISE * x.std(axis=0) * rng.normal(size=x.shape)).astype(np.float32)


PLAIN = {
    "members": 1,
    "cell": "gru",
    "hidden_size": 64,
    "bidirectional": True,
    "pooling": "max",
    "dropout": 0.3,
    "epochs": 60,
    "learning_rate": 3e-3,
}
NOISY = PLAIN | {"copies": 2, "change": with_noise, "epochs": 25}
CANDIDATES = {
    "GRU": PLAIN,
    "LSTM": PLAIN | {"cell": "lstm"},
    "GRU, mean": PLAIN | {"pooling": "mean"},
    "GRU, last": PLAIN | {"pooling": "last"},
    "GRU, noise": NOISY,
    "GRU, noise, five": NOISY | {"members": 5},
}
RECIPE = CANDIDATES["GRU, noise, five"]


def main() -> None:
    given = options(__doc__)
    data = load_dataset("JapaneseVowels")
    X, y, X_test, y_test, about = data
    if given.tune:
        for name, recipe in CANDIDATES.items():
            print(f"{cross_validated(recipe, X, y, 5, shuffle=True):8.2%}  {name}")
        return
    runs = measure(lambda seed: float(np.mean(foretell(RECIPE, seed, X, y, X_test) == y_test)), given.seeds)
    publish(
        "JapaneseVowels",
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
