"""Sequences to classes, as a scikit-learn estimator; what it shares with the regressor is in `estimator`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unrolled.errors import DataError, ParameterError
from unrolled.losses import softmax_cross_entropy
from unrolled.models.scikit import sklearn_tags
from unrolled.models.sequences.estimator import SequenceEstimator
from unrolled.models.sequences.labels import SavedClasses, check_labels, check_whole, codes_of
from unrolled.models.sequences.network import Loss
from unrolled.models.sequences.parts import Part, checked_targets, checked_weights
from unrolled.shapes import Array, real_number

__all__ = ["SequenceClassifier"]


@dataclass(kw_only=True, repr=False, eq=False)
class SequenceClassifier(SavedClasses, SequenceEstimator):
    """Says of each sequence to which class it belongs; its sequences may be of any lengths.

    Equations:
        (1) y = W pool(cell(x_1..T)) + b
        (2) p = softmax(y)

    Args:
        class_weight: how much each class counts: `"balanced"` makes all count the same, however many sequences they
            have; a dict of classes and weights; `None` counts every sequence as one.
        label_smoothing: the share of each target that is spread over all classes, in [0, 1).
        cell, hidden_size, num_layers, bidirectional, dropout, recurrent_dropout, zoneout, layer_norm,
            layer_options, pooling, standardize, nan: see `unrolled.models.sequences.estimator.SequenceEstimator`.
        epochs, minutes, batch_size, optimizer, optimizer_options, learning_rate, weight_decay, schedule,
            schedule_options, warmup, final_rate, clip, clip_value, ema, validation_fraction, patience, dtype,
            random_state, verbose: see `unrolled.models.trainable.Trainable`.
        monitor: `"loss"`, `"accuracy"` or `"balanced_accuracy"`, for `patience`.

    Attributes:
        classes_: the labels, sorted; those of the columns of `predict_proba`.
        history_: how training went: a table, `.to_csv(path)`, `.to_pandas()`, `.plot()`.
        network_: the trained `SequenceNetwork`.
        n_features_in_: I, or T where `X` was `(N, T)`.
        feature_names_in_: the columns of `X`, where it was a data frame or a list of them.

    Source: Graves 2012, section 3.3, for a softmax over whole sequences.

    >>> rising = [np.arange(n) + 0.0 for n in (3, 4, 5, 6)]
    >>> X, y = rising + [x[::-1] for x in rising], ["up"] * 4 + ["down"] * 4
    >>> model = SequenceClassifier(hidden_size=8, epochs=60, learning_rate=0.02, random_state=0).fit(X, y)
    >>> model.predict([[1.0, 2.0, 3.0, 4.0], [5.0, 3.0, 2.0]]).tolist()
    ['up', 'down']
    """

    kind: ClassVar[str] = "sequence_classifier"
    monitors: ClassVar[tuple[str, ...]] = ("loss", "accuracy", "balanced_accuracy")

    class_weight: str | Mapping[Any, float] | None = None
    label_smoothing: float = 0.0

    def predict_proba(self, X: Any, *, lengths: ArrayLike | None = None) -> Array:
        """The probability of each class, `(N, K)`, in the order of `classes_`.

        Args:
            X: as in `fit`.
            lengths: as in `fit`.

        Raises:
            ShapeError: the features are not those of `fit`, or as in `fit`.
            DataError: as in `fit`.
            ParameterError: as in `fit`; or the model is not fitted: scikit-learn's `NotFittedError` where it is loaded.
        """
        logits = self._outputs(X, lengths)
        p = np.exp(logits - logits.max(axis=1, keepdims=True))
        return p / p.sum(axis=1, keepdims=True)

    def predict(self, X: Any, *, lengths: ArrayLike | None = None) -> NDArray[Any]:
        """The likeliest class of each sequence, `(N,)`; arguments and errors as for `predict_proba`."""
        codes = self._outputs(X, lengths).argmax(axis=1)
        return self.classes_[codes]

    def score(
        self, X: Any, y: Any, sample_weight: ArrayLike | None = None, *, lengths: ArrayLike | None = None
    ) -> float:
        """The accuracy: which part of the sequences is given its own class.

        Args:
            X: as in `fit`.
            y: the right classes.
            sample_weight: how much each sequence counts, `(N,)`.
            lengths: as in `fit`.

        Raises:
            ParameterError: a label was not there in `fit`; and what `predict_proba` raises.
        """
        outputs = self._outputs(X, lengths)
        right = outputs.argmax(axis=1) == self._known_targets("y", y, len(outputs))
        return float(np.average(right, weights=checked_weights(sample_weight, len(right))))

    def __sklearn_tags__(self) -> Any:
        return sklearn_tags("classifier", allow_nan=self.nan == "mask", multi_output=False)

    def _learn_targets(self, y: Any, N: int) -> NDArray[Any]:
        labels = _checked_labels("y", y, N)
        classes, codes = np.unique(labels, return_inverse=True)
        if len(classes) < 2:
            raise ParameterError(
                f"`y` holds one class only, {_shown(classes[0])}, expected at least two; did the others get lost?"
            )
        self.classes_: NDArray[Any] = classes
        return codes

    def _known_targets(self, name: str, y: Any, N: int) -> NDArray[Any]:
        labels = _checked_labels(name, y, N)
        codes = codes_of(labels, self.classes_)
        unknown = labels[codes < 0]
        if len(unknown):
            known = ", ".join(_shown(label) for label in self.classes_)
            raise ParameterError(
                f"`{name}` holds the label {_shown(unknown[0])}, expected one of those of `fit`: {known}; "
                "fit again with sequences of that class"
            )
        return codes

    def _learn_part(self, train: Part) -> Part:
        if self.class_weight is None:
            return train
        weights = self._class_weights(train.targets)[train.targets]
        return train._replace(weights=weights if train.weights is None else train.weights * weights)

    def _class_weights(self, codes: NDArray[Any]) -> NDArray[np.float64]:
        given, classes = self.class_weight, self.classes_.tolist()
        if isinstance(given, str) and given == "balanced":
            counts = np.bincount(codes, minlength=len(classes))
            return len(codes) / (len(classes) * np.maximum(counts, 1))
        if not isinstance(given, Mapping):
            raise ParameterError(
                f"`class_weight` is {given!r}, expected 'balanced', a dict of classes, or None; check the spelling"
            )
        for label, weight in given.items():
            if label not in classes:
                raise ParameterError(
                    f"`class_weight` names the class {label!r}, expected some of {', '.join(map(repr, classes))}"
                )
            real_number(f"class_weight[{label!r}]", weight, above=0, remedy="sequences of weight 0 are left out of `X`")
        return np.array([given.get(label, 1.0) for label in classes], np.float64)

    def _head(self) -> tuple[int, Loss]:
        smoothing = real_number("label_smoothing", self.label_smoothing, at_least=0, below=1, remedy="0 leaves it out")
        return len(self.classes_), partial(softmax_cross_entropy, label_smoothing=smoothing)

    def _strata(self, targets: NDArray[Any]) -> NDArray[Any]:
        return targets

    def _metrics(self, outputs: Array, targets: NDArray[Any]) -> dict[str, float]:
        right = outputs.argmax(axis=1) == targets
        of_class = [right[targets == code].mean() for code in np.unique(targets)]
        return {"accuracy": float(right.mean()), "balanced_accuracy": float(np.mean(of_class))}


def _checked_labels(name: str, y: Any, N: int) -> NDArray[Any]:
    labels = checked_targets(name, y, N)
    check_labels(name, y, labels)
    if labels.dtype.kind == "f":
        if not np.isfinite(labels).all():
            raise DataError(
                f"Input {name} contains infinity or a value too large for {labels.dtype!r}., or NaN, "
                "expected class labels; leave those sequences out"
            )
        check_whole(name, labels, "for numbers there is SequenceRegressor")
    return labels


def _shown(label: Any) -> str:
    """A label as Python's own value would be shown."""
    return repr(np.asarray(label).item())
