"""Handwritten digits read row by row, 8 steps of 8 pixels, beside a support vector machine on the 64 pixels.

Both are measured on the same five folds, `StratifiedKFold(5, shuffle=False)`: the digits stand in the order of their
writers, so that those of a fold were mostly written by others. Bidirectional GRUs of different seeds vote; each has
also learned from copies that are turned, sheared, stretched and shifted a little. The SVM is that of scikit-learn's
own example, with its gamma of 0.001; beside it stands the same SVM with such copies. For these folds no figure is
published.

The recipe of each fold is what `--tune` chose for it within its own training part: each candidate learned from three
quarters of that and predicted the last quarter, and the one with the largest likelihood was taken. The list of
candidates is not as clean: the accuracy on all five test parts had been looked at twice before, with earlier recipes
(one of them with warped copies, five votes and twelve epochs), and these candidates are quicker forms of those, written
down after a comparison within the training part of the first fold.

    pip install 'unrolled[sklearn]'
    python benchmarks/digits.py --json benchmarks/results/digits.json
    python benchmarks/digits.py --tune
"""

from __future__ import annotations

import numpy as np
from accuracy import as_figures, baselines, best, bytes_of, held_out, right, shown, tuning_parser
from published import Task, measure, summary, write
from scipy.ndimage import affine_transform
from sklearn.model_selection import StratifiedKFold
from sklearn.svm import SVC

from unrolled.bench.machine import describe_machine
from unrolled.data.builtin import load_dataset

ABOVE, MINUTES = 0.005, 1.0  # points above the SVM, and for all five folds together
GAMMA = 1e-3
COPIES = 4


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
    "pooling": "max",
    "dropout": 0.3,
    "epochs": 30,
    "batch_size": 64,
    "learning_rate": 4e-3,
    "label_smoothing": 0.05,
}
WARPED = PLAIN | {"copies": COPIES, "change": warped, "epochs": 8}
CANDIDATES = {
    "GRU": PLAIN,
    "GRU, warped": WARPED,
    "GRU, warped, three": WARPED | {"members": 3},
    "GRU, mean, warped, three": WARPED | {"members": 3, "pooling": "mean"},
}
MAX, MEAN = "GRU, warped, three", "GRU, mean, warped, three"
CHOSEN = (MAX, MEAN, MAX, MEAN, MEAN)  # for each fold, by `--tune`


def folds(y: np.ndarray, count: int = 5) -> list[tuple[np.ndarray, np.ndarray]]:
    return list(StratifiedKFold(count, shuffle=False).split(np.zeros(len(y)), y))


def tune(X: np.ndarray, y: np.ndarray) -> None:
    """Within the training part of each fold by itself: three quarters of it to learn from, and the last to be told."""
    for train, _ in folds(y):
        known, classes = X[train], y[train]
        last = folds(classes, 4)[-1:]
        best(CANDIDATES, lambda recipe, X=known, y=classes, last=last: held_out(recipe, X, y, last))


def main(given: list[str] | None = None) -> None:
    options = tuning_parser(__doc__).parse_args(given)
    data = load_dataset("digits")
    X, y = np.concatenate([data.X_train, data.X_test]), np.concatenate([data.y_train, data.y_test])
    if options.tune:
        tune(X, y)
        return
    machine = describe_machine()
    parts = [(X[train], y[train], X[test], y[test]) for train, test in folds(y)]

    def ours(seed: int) -> dict[str, float]:
        each = [right(CANDIDATES[name], seed, *part) for name, part in zip(CHOSEN, parts, strict=True)]
        return {"accuracy": float(np.mean(each))}

    runs = measure(options.seeds, ours)
    simple = [baselines(*part) | {"SVM": svm(*part), "SVM, warped copies": svm(*part, copies=COPIES)} for part in parts]
    beside = {name: float(np.mean([each[name] for each in simple])) for name in simple[0]}
    task = Task(
        name="digits",
        measure=f"accuracy, mean over five folds, StratifiedKFold(5, shuffle=False); {data.about}; here all of them",
        target={"accuracy": beside["SVM"] + ABOVE},
        minutes=MINUTES,
        published={},
        larger=True,
    )
    recipe = {"each fold's": list(CHOSEN)} | {name: shown(CANDIDATES[name]) for name in sorted(set(CHOSEN))}
    write(summary(task, recipe, runs, as_figures(beside), bytes_of(X), machine), options.json)


def svm(X: np.ndarray, y: np.ndarray, X_test: np.ndarray, y_test: np.ndarray, copies: int = 0) -> float:
    """The accuracy of a support vector machine on the pixels."""
    rng = np.random.default_rng(0)
    more = [warped(x, rng) for _ in range(copies) for x in X]
    pixels = np.stack([*X, *more]).reshape(-1, 64)
    return SVC(gamma=GAMMA).fit(pixels, np.tile(y, 1 + copies)).score(X_test.reshape(-1, 64), y_test)


if __name__ == "__main__":
    main()
