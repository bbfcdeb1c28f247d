"""Handwritten digits read row by row, 8 steps of 8 pixels, beside a support vector machine on the 64 pixels.

Both are measured on the same five folds, `StratifiedKFold(5, shuffle=False)`: the digits stand in the order of their
writers, so that those of a fold were mostly written by others. Bidirectional GRUs of different seeds vote; each has
also learned from copies that are turned, sheared, stretched and shifted a little. The SVM is that of scikit-learn's own
example, with its gamma of 0.001; beside it stands the same SVM with such copies.

The recipe was chosen by cross-validation within the training part of the first fold; the other folds' test parts are in
it, so for them it is a choice that has seen them. `--tune` compares the candidates within the training part of each
fold by itself: where one wins in all, it is what each fold would have chosen without having seen its own test part.

    pip install 'unrolled[sklearn]'
    python benchmarks/digits.py --json benchmarks/results/digits.json
    python benchmarks/digits.py --tune
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from accuracy import baselines, cross_validated, data_hash, foretell, measure, options, publish
from scipy.ndimage import affine_transform
from sklearn.model_selection import StratifiedKFold
from sklearn.svm import SVC

from unrolled.data.builtin import load_dataset

ABOVE, MINUTES = 0.005, 1.0  # points above the SVM, and for all five folds together
GAMMA = 1e-3


def shifted(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    down, right = rng.integers(0, 3, 2)
    return np.pad(x, 1)[down : down + 8, right : right + 8]


def warped(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    angle, shear = np.deg2rad(rng.uniform(-10, 10)), rng.uniform(-0.2, 0.2)
    turn = np.array([[np.cos(angle), -np.sin(angle) + shear], [np.sin(angle), np.cos(angle)]])
    about, move = turn * rng.uniform(0.9, 1.1, 2), rng.uniform(-1, 1, 2)
    middle = np.array([3.5, 3.5])
    return affine_transform(x, about, middle - about @ middle + move, order=1)


PLAIN = {
    "members": 1,
    "cell": "gru",
    "hidden_size": 64,
    "bidirectional": True,
    "pooling": "last",
    "dropout": 0.3,
    "epochs": 30,
    "batch_size": 64,
    "learning_rate": 4e-3,
}
SHIFTED = PLAIN | {"copies": 4, "change": shifted, "epochs": 15}
WARPED = PLAIN | {"copies": 4, "change": warped, "pooling": "max", "epochs": 12, "label_smoothing": 0.05}
CANDIDATES = {
    "GRU": PLAIN,
    "LSTM": PLAIN | {"cell": "lstm"},
    "GRU, shifted": SHIFTED,
    "GRU, max, shifted": SHIFTED | {"pooling": "max"},
    "GRU, max, warped": WARPED,
    "GRU, max, shifted, three": SHIFTED | {"pooling": "max", "members": 3},
    "GRU, max, warped, five": WARPED | {"members": 5},
}
RECIPE = CANDIDATES["GRU, max, warped, five"]


def folds(y: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    return list(StratifiedKFold(5, shuffle=False).split(np.zeros(len(y)), y))


def over_folds(score: Callable[[np.ndarray, np.ndarray], float], y: np.ndarray) -> float:
    return float(np.mean([score(train, test) for train, test in folds(y)]))


def main() -> None:
    given = options(__doc__)
    data = load_dataset("digits")
    X, y = np.concatenate([data.X_train, data.X_test]), np.concatenate([data.y_train, data.y_test])
    if given.tune:
        for name, recipe in CANDIDATES.items():
            each = [cross_validated(recipe, X[train], y[train], 4, shuffle=False) for train, _ in folds(y)]
            print("  ".join(f"{accuracy:.2%}" for accuracy in each), f" {np.mean(each):8.2%}  {name}")
        return

    def svm(train: np.ndarray, test: np.ndarray, copies: int = 0) -> float:
        rng = np.random.default_rng(0)
        more = [warped(x, rng) for _ in range(copies) for x in X[train]]
        pixels = np.stack([*X[train], *more]).reshape(-1, 64)
        return SVC(gamma=GAMMA).fit(pixels, np.tile(y[train], 1 + copies)).score(X[test].reshape(-1, 64), y[test])

    def ours(seed: int) -> float:
        return over_folds(
            lambda train, test: float(np.mean(foretell(RECIPE, seed, X[train], y[train], X[test]) == y[test])), y
        )

    beside = {"SVM": over_folds(svm, y), "SVM, warped copies": over_folds(lambda a, b: svm(a, b, RECIPE["copies"]), y)}
    simple = [baselines(X[train], y[train], X[test], y[test]) for train, test in folds(y)]
    beside |= {name: float(np.mean([each[name] for each in simple])) for name in simple[0]}
    publish(
        "digits",
        measure(ours, given.seeds),
        about=f"{data.about}; here all of them, in five folds",
        data_sha256=data_hash(X),
        recipe=RECIPE,
        chosen_on="cross-validation within the training part of the first fold",
        target=beside["SVM"] + ABOVE,
        minutes=MINUTES,
        published={},
        beside=beside,
        path=given.json,
    )


if __name__ == "__main__":
    main()
