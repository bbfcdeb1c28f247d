"""The scripts that measure the accuracy of classifiers: votes, tuning, baselines; what they reach is in the results."""

import importlib
from pathlib import Path

import numpy as np
import pytest

from unrolled.engine.threads import threads

pytestmark = pytest.mark.extras

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"
RECIPE = {"cell": "rnn", "hidden_size": 4, "epochs": 2, "learning_rate": 0.05}


@pytest.fixture
def script(monkeypatch):
    """Imports a script as Python runs it: with its neighbours."""
    pytest.importorskip("sklearn")
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module


def rising_or_falling(N, seed=0):
    rng = np.random.default_rng(seed)
    y = np.arange(N) % 2
    X = [np.cumsum(rng.normal(1 if label else -1, 0.3, (5 + row % 3, 1)), axis=0) for row, label in enumerate(y)]
    return X, np.array(["falling", "rising"])[y]


def test_votes_are_the_mean_of_networks_with_seeds_of_their_own_whatever_the_threads(script):
    accuracy, (X, y) = script("accuracy"), rising_or_falling(12)
    with threads(2):
        both = accuracy.probabilities(RECIPE | {"members": 2}, 3, X, y, X[:5])
        assert threads.count() == 2
    with threads(1):
        assert np.array_equal(both, accuracy.probabilities(RECIPE | {"members": 2}, 3, X, y, X[:5]))
        first = accuracy.probabilities(RECIPE, 3, X, y, X[:5])
        assert np.array_equal(first, accuracy.probabilities(RECIPE | {"members": 1}, 3, X, y, X[:5]))
    second = 2 * both - first
    assert second.sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert not np.allclose(first, second)


def test_copies_are_changed_and_learned_from_beside_the_sequences(script, monkeypatch):
    accuracy, (X, y), seen = script("accuracy"), rising_or_falling(6), []

    class Model(accuracy.SequenceClassifier):
        def fit(self, X, y):
            seen.append((X, y))
            return super().fit(X, y)

    monkeypatch.setattr(accuracy, "SequenceClassifier", Model)
    accuracy.probabilities(RECIPE | {"copies": 2, "change": lambda x, rng: x + 100}, 0, X, y, X)
    ((learned, labels),) = seen
    assert [x[0, 0] > 50 for x in learned] == [False] * 6 + [True] * 12
    assert labels.tolist() == [*y, *y, *y]


def test_a_candidate_is_measured_on_what_it_has_not_learned_from(script, monkeypatch):
    accuracy, (X, y) = script("accuracy"), rising_or_falling(12)
    halves, seeds = [(np.arange(6), np.arange(6, 12)), (np.arange(6, 12), np.arange(6))], []

    def told(recipe, seed, known, labels, held):
        seeds.append(seed)
        assert not {id(x) for x in known} & {id(x) for x in held}
        return np.tile([[0.75, 0.25]], (len(held), 1))  # always "falling"

    monkeypatch.setattr(accuracy, "probabilities", told)
    found = accuracy.held_out(RECIPE, X, y, halves)
    assert seeds == [0, 1]
    assert found.accuracy == 0.5
    assert found.log_likelihood == pytest.approx((np.log(0.75) + np.log(0.25)) / 2)


def test_the_candidate_with_the_largest_likelihood_is_best(script, capsys):
    accuracy = script("accuracy")
    found = {"a": accuracy.Found(0.9, -0.9), "b": accuracy.Found(0.8, -1.0), "c": accuracy.Found(0.8, -0.8)}
    assert accuracy.best({name: {"name": name} for name in found}, lambda recipe: found[recipe["name"]]) == "c"
    assert capsys.readouterr().out.splitlines()[-1] == "best: c"


@pytest.mark.parametrize("name", ["japanese_vowels", "italy_power_demand"])
def test_tuning_an_official_split_never_sees_its_test_part(script, name, monkeypatch):
    accuracy, (X, y) = script("accuracy"), rising_or_falling(20)
    split = script(name).SPLIT
    assert split.chosen in split.candidates
    seen = []
    monkeypatch.setattr(accuracy, "load_dataset", lambda name: (X, y, None, None, "none of it"))
    monkeypatch.setattr(accuracy, "held_out", lambda recipe, *parts: seen.append(parts) or accuracy.Found(0.5, -1.0))
    split.main("", ["--tune"])
    assert len(seen) == len(split.candidates)
    assert all(known is X and labels is y for known, labels, folds in seen)


def test_tuning_the_digits_sees_the_training_part_of_one_fold_at_a_time(script, monkeypatch):
    digits = script("digits")
    assert set(digits.CHOSEN) <= set(digits.CANDIDATES)
    y = np.arange(100) % 4
    X, seen = np.arange(100)[:, None], []
    monkeypatch.setattr(digits, "CANDIDATES", {"one": {}})
    monkeypatch.setattr(
        digits, "held_out", lambda recipe, *parts: seen.append(parts) or importlib.import_module("accuracy").Found(1, 0)
    )
    digits.tune(X, y)
    assert len(seen) == len(digits.CHOSEN) == 5
    for (known, classes, folds), (train, test) in zip(seen, digits.folds(y), strict=True):
        assert not set(known[:, 0]) & set(test)
        assert np.array_equal(known[:, 0], train)
        assert np.array_equal(classes, y[train])
        assert sum(len(held) for _, held in folds) == 20


def test_a_warped_digit_is_still_of_its_size_and_not_what_it_was(script):
    warped, x = script("digits").warped, np.eye(8, dtype="float32")
    first, second = (warped(x, np.random.default_rng(seed)) for seed in (0, 1))
    assert first.shape == x.shape
    assert first.dtype == x.dtype
    assert not np.array_equal(first, second)
    assert np.abs(first - x).max() > 0.1
    assert first.sum() > 4


def test_baselines_see_sequences_as_rows_with_zeros_behind_their_end(script):
    accuracy = script("accuracy")
    X = [np.array([[1.0], [2.0], [3.0]]), np.array([[4.0]])]
    assert accuracy.flattened(X, 2).tolist() == [[1, 2], [4, 0]]
    known, labels = rising_or_falling(20)
    found = accuracy.baselines(known, labels, *rising_or_falling(9, seed=1))
    assert found["most frequent class"] == pytest.approx(5 / 9)
    assert found["logistic regression, flattened"] == found["nearest neighbour, flattened"] == 1


def test_the_data_are_hashed_as_they_are_and_functions_are_recorded_by_name(script):
    accuracy = script("accuracy")
    assert accuracy.bytes_of([np.array([1, 2], "uint8")], [np.array([[3]], "uint8")]) == b"\1\2\3"
    assert accuracy.shown({"epochs": 2, "change": len}) == {"epochs": 2, "change": "len"}
