"""What the scripts share that measure the accuracy of classifiers: votes, tuning, baselines; no recipe, no data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
from published import Task, measure, parser_of, summary, write
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from unrolled.bench.machine import describe_machine
from unrolled.data.builtin import load_dataset
from unrolled.engine.threads import threads
from unrolled.models import SequenceClassifier

Recipe = Mapping[str, Any]  # `members`, `copies`, `change`, and the settings of `SequenceClassifier`
Rows = np.ndarray
Folds = Sequence[tuple[Rows, Rows]]  # which to learn from, and which to be told


class Found(NamedTuple):
    """How good a candidate is on what it has not learned from."""

    accuracy: float
    log_likelihood: float  # mean over the sequences, in nats


def probabilities(recipe: Recipe, seed: int, X: Sequence[Any], y: Rows, X_test: Sequence[Any]) -> np.ndarray:
    """Of each class of `y` for each of `X_test`, `(N, K)`: the mean over networks that each have a seed of their own.

    Each network learns from the sequences and, where the recipe says so, from changed copies of them. They are trained
    side by side, one on each of the engine's threads.
    """
    settings = dict(recipe)
    members, copies, change = settings.pop("members", 1), settings.pop("copies", 0), settings.pop("change", None)

    def one(member: int) -> np.ndarray:
        own = 1000 * seed + member
        rng = np.random.default_rng(own)
        known = [*X, *(change(x, rng) for _ in range(copies) for x in X)]
        model = SequenceClassifier(**settings, random_state=own)
        return model.fit(known, np.tile(y, 1 + copies)).predict_proba(list(X_test))

    with ThreadPoolExecutor(threads.count()) as pool, threads(1):
        return np.mean(list(pool.map(one, range(members))), axis=0)


def right(recipe: Recipe, seed: int, X: Sequence[Any], y: Rows, X_test: Sequence[Any], y_test: Rows) -> float:
    """The part of `X_test` whose likeliest class is its own."""
    p = probabilities(recipe, seed, X, y, X_test)
    return float(np.mean(np.unique(y)[p.argmax(axis=1)] == y_test))


def held_out(recipe: Recipe, X: Sequence[Any], y: Rows, folds: Folds) -> Found:
    """How good a recipe is, over folds of the sequences that are to be learned from, each with another seed."""
    p, of = [], []  # of the right class, and whether it was the likeliest
    for seed, (train, held) in enumerate(folds):
        found = probabilities(recipe, seed, [X[row] for row in train], y[train], [X[row] for row in held])
        own = np.searchsorted(np.unique(y[train]), y[held])
        p.append(found[np.arange(len(held)), own])
        of.append(found.argmax(axis=1) == own)
    return Found(float(np.mean(np.concatenate(of))), float(np.mean(np.log(np.concatenate(p)))))


def shuffled_folds(y: Rows, folds: int, seeds: int) -> Folds:
    """So many folds, drawn anew for each seed."""
    splits = (StratifiedKFold(folds, shuffle=True, random_state=seed) for seed in range(seeds))
    return [fold for split in splits for fold in split.split(np.zeros(len(y)), y)]


def best(candidates: Mapping[str, Recipe], score: Callable[[Recipe], Found]) -> str:
    """The name of the candidate with the largest likelihood; what each reaches is printed.

    Among a few hundred sequences the accuracy of several is often the same, or differs by chance.
    """
    found: dict[str, Found] = {}
    for name, recipe in candidates.items():
        found[name] = score(recipe)
        print(f"{found[name].accuracy:8.2%} {found[name].log_likelihood:8.4f}  {name}", flush=True)
    name = max(found, key=lambda name: found[name].log_likelihood)
    print(f"best: {name}", flush=True)
    return name


def baselines(X: Sequence[Any], y: Rows, X_test: Sequence[Any], y_test: Rows) -> dict[str, float]:
    """The accuracy of simple models on the same split."""
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


def flattened(X: Sequence[np.ndarray], length: int) -> np.ndarray:
    """Each sequence as one row, with zeros behind its end, or cut where it is longer."""
    return np.stack([np.pad(x[:length], ((0, max(0, length - len(x))), (0, 0))).ravel() for x in X])


def shown(recipe: Recipe) -> dict[str, Any]:
    """A recipe for JSON: a function by its name."""
    return {name: getattr(value, "__name__", value) for name, value in recipe.items()}


def as_figures(accuracies: Mapping[str, float]) -> dict[str, dict[str, float]]:
    """Accuracies by name, as records have them."""
    return {name: {"accuracy": accuracy} for name, accuracy in accuracies.items()}


def bytes_of(*parts: Sequence[np.ndarray]) -> bytes:
    """All arrays, one after the other."""
    return b"".join(np.ascontiguousarray(array).tobytes() for part in parts for array in part)


class OfficialSplit(NamedTuple):
    """A set that comes in two parts, and how it is learned here.

    Args:
        name: of the set.
        target: the accuracy to be reached, on average over the seeds, a minute each.
        published: by name, the accuracy of others.
        candidates: by name.
        chosen: the candidate that `--tune` found best.
        draws: so often the training part is cut into five for that.
    """

    name: str
    target: float
    published: Mapping[str, float]
    candidates: Mapping[str, Recipe]
    chosen: str
    draws: int = 1

    def main(self, doc: str | None, given: list[str] | None = None) -> None:
        """Compares the candidates within the training part, or measures the chosen one on the test part."""
        options = tuning_parser(doc).parse_args(given)
        X, y, X_test, y_test, about = load_dataset(self.name)
        if options.tune:
            folds = shuffled_folds(y, 5, self.draws)
            best(self.candidates, lambda recipe: held_out(recipe, X, y, folds))
            return
        recipe, machine = self.candidates[self.chosen], describe_machine()
        task = Task(
            name=self.name,
            measure=f"accuracy; {about}",
            target={"accuracy": self.target},
            minutes=1,
            published=as_figures(self.published),
            larger=True,
        )
        runs = measure(options.seeds, lambda seed: {"accuracy": right(recipe, seed, X, y, X_test, y_test)})
        beside = as_figures(baselines(X, y, X_test, y_test))
        write(summary(task, shown(recipe), runs, beside, bytes_of(X, X_test), machine), options.json)


def tuning_parser(doc: str | None) -> Any:
    """The options that all have, and `--tune`."""
    parser = parser_of(doc)
    parser.add_argument("--tune", action="store_true", help="compare the candidates, within the training part alone")
    return parser
