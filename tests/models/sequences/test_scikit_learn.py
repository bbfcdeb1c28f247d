"""scikit-learn's own checks of an estimator, and its tools around ours: clones, pipelines, grids, processes."""

from __future__ import annotations

import pickle
import warnings
from typing import Any

import numpy as np
import pytest

from helpers import rng
from unrolled.models.sequences.classifier import SequenceClassifier
from unrolled.models.sequences.regressor import SequenceRegressor

pytestmark = [
    pytest.mark.extras,
    # ours has all that its base class brings, and is not built on it, so that it works without scikit-learn
    pytest.mark.filterwarnings("ignore:.*does not inherit from `sklearn.base.BaseEstimator`:UserWarning"),
]

# Which of scikit-learn's checks do not apply, and why. All others pass, on the two-dimensional tables that they are
# made of: samples by time, with one feature.
DO_NOT_APPLY = {
    "check_sample_weight_equivalence_on_dense_data": (
        "a sequence that is there twice makes other batches than one that counts twice, and other batches are another "
        "order of steps; where all sequences are in one batch the check passes, as is tested below"
    ),
}
SETTINGS: dict[str, Any] = {"hidden_size": 16, "epochs": 30, "learning_rate": 0.02}
ESTIMATORS = [SequenceClassifier, SequenceRegressor]


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_scikit_learns_checks_pass_but_for_those_that_do_not_apply(estimator: type[Any]):
    from sklearn.utils.estimator_checks import check_estimator

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the checks are full of provoked ones
        results = check_estimator(estimator(**SETTINGS), expected_failed_checks=DO_NOT_APPLY, on_skip=None)
    count = {status: sum(result["status"] == status for result in results) for status in ("passed", "xfail", "skipped")}
    assert count["passed"] > 50
    assert count["xfail"] == len(DO_NOT_APPLY)
    skipped = [result["check_name"] for result in results if result["status"] == "skipped"]
    assert skipped in ([], ["check_array_api_input"])  # scikit-learn leaves it out unless SCIPY_ARRAY_API is set


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_weights_are_as_repetition_where_all_are_in_one_batch(estimator: type[Any]):
    from sklearn.utils.estimator_checks import check_sample_weight_equivalence_on_dense_data

    model = estimator(**SETTINGS, batch_size=1000, dtype="float64")
    check_sample_weight_equivalence_on_dense_data(estimator.__name__, model)


def ragged(count: int = 48) -> tuple[list[np.ndarray], np.ndarray]:
    draw = rng(0)
    y = np.arange(count) % 2
    return [draw.normal(size=(int(n), 2)) + label for n, label in zip(draw.integers(3, 9, count), y, strict=True)], y


def test_a_grid_search_in_two_processes_over_sequences_of_unequal_length():
    from sklearn.model_selection import GridSearchCV

    X, y = ragged()
    grid = {"hidden_size": [2, 8], "cell": ["gru", "lstm"]}
    search = GridSearchCV(SequenceClassifier(epochs=10, learning_rate=0.03, random_state=0), grid, cv=2, n_jobs=2)
    search.fit(X, y)
    assert search.best_score_ > 0.8
    alone = GridSearchCV(SequenceClassifier(epochs=10, learning_rate=0.03, random_state=0), grid, cv=2).fit(X, y)
    np.testing.assert_array_equal(search.cv_results_["mean_test_score"], alone.cv_results_["mean_test_score"])


def test_lengths_of_padded_arrays_are_cut_with_their_sequences():
    from sklearn.model_selection import cross_val_score

    X, y = ragged()
    lengths = np.array([len(x) for x in X])
    padded = np.full((len(X), 9, 2), np.nan)
    for row, x in zip(padded, X, strict=True):
        row[: len(x)] = x

    class Padded(SequenceClassifier):
        """Scores with what padding there is: NaN is behind the end."""

        def score(self, X: Any, y: Any, sample_weight: Any = None, *, lengths: Any = None) -> float:
            return super().score(X, y, sample_weight, lengths=(~np.isnan(X[:, :, 0])).sum(axis=1))

    model = Padded(epochs=10, learning_rate=0.03, hidden_size=8, random_state=0)
    assert cross_val_score(model, padded, y, cv=3, params={"lengths": lengths}).mean() > 0.8


def test_a_pipeline_scales_samples_by_time_before_the_model():
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    X = rng(0).normal(size=(60, 5)) * [1, 10, 100, 1000, 10000]
    y = X[:, 4] / 10000 + X[:, 0]
    pipeline = make_pipeline(StandardScaler(), SequenceRegressor(**SETTINGS, random_state=0))
    assert pipeline.fit(X, y).score(X, y) > 0.8
    search = GridSearchCV(pipeline, {"sequenceregressor__hidden_size": [2, 16]}, cv=2).fit(X, y)
    assert set(search.best_params_) == {"sequenceregressor__hidden_size"}


def test_a_clone_has_the_parameters_and_nothing_learned():
    from sklearn.base import clone, is_classifier, is_regressor
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import check_is_fitted

    model = SequenceClassifier(**SETTINGS, class_weight={0: 2.0}).fit(*ragged())
    check_is_fitted(model)
    copy = clone(model)
    assert copy.get_params() == model.get_params()
    with pytest.raises(NotFittedError, match="This SequenceClassifier is not fitted yet"):
        copy.predict(ragged()[0])
    assert is_classifier(copy)
    assert is_regressor(SequenceRegressor())


def test_a_model_pickled_by_joblib_or_pickle_is_the_same():
    X, y = ragged()
    model = SequenceClassifier(**SETTINGS, random_state=0).fit(X, y)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict_proba(X), model.predict_proba(X))


def test_probabilities_serve_scikit_learns_metrics_and_votes():
    from sklearn.ensemble import VotingClassifier
    from sklearn.metrics import log_loss, roc_auc_score

    X, y = np.stack([x[:3, 0] for x in ragged()[0]]), ragged()[1]
    models = [(cell, SequenceClassifier(cell=cell, **SETTINGS, random_state=0)) for cell in ("gru", "lstm")]
    vote = VotingClassifier(models, voting="soft").fit(X, y)
    assert roc_auc_score(y, vote.predict_proba(X)[:, 1]) > 0.8
    assert log_loss(y, vote.predict_proba(X)) < 0.6


def test_scores_are_those_of_scikit_learn():
    from sklearn.metrics import accuracy_score, r2_score

    X, y = ragged()
    weights = rng(1).uniform(size=len(y))
    classifier = SequenceClassifier(epochs=1, random_state=0).fit(X, y)
    expected = accuracy_score(y, classifier.predict(X), sample_weight=weights)
    assert classifier.score(X, y, weights) == pytest.approx(expected)
    many = np.stack([y, y**2 + np.arange(len(y)), np.ones(len(y))], axis=1)
    regressor = SequenceRegressor(epochs=1, random_state=0).fit(X, many)
    assert regressor.score(X, many, weights) == pytest.approx(
        r2_score(many, regressor.predict(X), sample_weight=weights)
    )
