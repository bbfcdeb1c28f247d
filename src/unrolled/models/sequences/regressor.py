"""Sequences to numbers, as a scikit-learn estimator; what it shares with the classifier is in `estimator`."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unrolled.errors import DataError, ParameterError, ShapeError
from unrolled.losses import mean_absolute_error, mean_squared_error
from unrolled.models.scikit import sklearn_tags
from unrolled.models.sequences.estimator import SequenceEstimator
from unrolled.models.sequences.inputs import check_fits
from unrolled.models.sequences.network import Loss
from unrolled.models.sequences.parts import Part, checked_targets, checked_weights
from unrolled.models.sequences.scaling import Scaling
from unrolled.shapes import Array

__all__ = ["SequenceRegressor"]

LOSSES: dict[str, Loss] = {"squared_error": mean_squared_error, "absolute_error": mean_absolute_error}


@dataclass(kw_only=True, repr=False, eq=False)
class SequenceRegressor(SequenceEstimator):
    """Predicts one number of each sequence, or several; its sequences may be of any lengths.

    Equations:
        (1) y = (W pool(cell(x_1..T)) + b) * deviation + mean, with those of the targets learned from

    Args:
        loss: `"squared_error"`, whose best answer is the mean, or `"absolute_error"`, whose best is the median; of
            targets brought to mean 0 and standard deviation 1.
        cell, hidden_size, num_layers, bidirectional, dropout, recurrent_dropout, zoneout, layer_norm,
            layer_options, pooling, standardize, nan: see `unrolled.models.sequences.estimator.SequenceEstimator`.
        epochs, minutes, batch_size, optimizer, optimizer_options, learning_rate, weight_decay, schedule,
            schedule_options, warmup, final_rate, clip, clip_value, ema, validation_fraction, patience, dtype,
            random_state, verbose: see `unrolled.models.trainable.Trainable`.
        monitor: `"loss"` or `"r2"`, for `patience`.

    Attributes:
        targets_: the scaling of the targets.
        history_: how training went: a table, `.to_csv(path)`, `.to_pandas()`, `.plot()`.
        network_: the trained `SequenceNetwork`.
        n_features_in_: I, or T where `X` was `(N, T)`.
        feature_names_in_: the columns of `X`, where it was a data frame or a list of them.

    Source: Graves 2012, section 3.1, with the identity for an output.

    >>> X = np.random.default_rng(0).normal(size=(60, 4))
    >>> model = SequenceRegressor(hidden_size=8, learning_rate=0.02, random_state=0).fit(X, 100 + X.sum(axis=1))
    >>> model.predict([[1.0, 1.0], [-1.0, 0.0, 0.0, 0.0]]).round().tolist()
    [102.0, 99.0]
    """

    kind: ClassVar[str] = "sequence_regressor"
    monitors: ClassVar[tuple[str, ...]] = ("loss", "r2")

    loss: str = "squared_error"

    def predict(self, X: Any, *, lengths: ArrayLike | None = None) -> Array:
        """The number predicted for each sequence, `(N,)`; or `(N, K)`, where `fit` had several.

        Args:
            X: as in `fit`.
            lengths: as in `fit`.

        Raises:
            ShapeError: the features are not those of `fit`, or as in `fit`.
            DataError: as in `fit`.
            ParameterError: as in `fit`; or the model is not fitted: scikit-learn's `NotFittedError` where it is loaded.
        """
        outputs = self._outputs(X, lengths)
        y = self.targets_.backward(outputs)
        return y[:, 0] if self._single else y

    def score(
        self, X: Any, y: Any, sample_weight: ArrayLike | None = None, *, lengths: ArrayLike | None = None
    ) -> float:
        """R^2: 1 less the squared error over that of the mean of `y`; the mean over several targets.

        Args:
            X: as in `fit`.
            y: the right numbers.
            sample_weight: how much each sequence counts, `(N,)`.
            lengths: as in `fit`.

        Raises:
            ShapeError: there are not as many targets as in `fit`; and what `predict` raises.
        """
        outputs = self._outputs(X, lengths)
        targets = self._known_targets("y", y, len(outputs))
        return r_squared(self.targets_.backward(outputs), targets, checked_weights(sample_weight, len(targets)))

    def __sklearn_tags__(self) -> Any:
        return sklearn_tags("regressor", allow_nan=self.nan == "mask", multi_output=True)

    def _learn_targets(self, y: Any, N: int) -> NDArray[Any]:
        if self.loss not in tuple(LOSSES):
            raise ParameterError(f"`loss` is {self.loss!r}, expected one of {', '.join(LOSSES)}; check the spelling")
        targets = _checked_numbers("y", y, N)
        self._single = targets.ndim == 1
        return targets.reshape(N, -1)

    def _known_targets(self, name: str, y: Any, N: int) -> NDArray[Any]:
        targets, own = _checked_numbers(name, y, N).reshape(N, -1), len(self.targets_.mean)
        if targets.shape[1] != own:
            raise ShapeError(f"`{name}` has {targets.shape[1]} targets a sequence, expected {own}, as in `fit`")
        return targets

    def _learn_part(self, train: Part) -> Part:
        self.targets_ = Scaling.of(train.targets, train.weights)
        return train

    def _head(self) -> tuple[int, Loss]:
        return len(self.targets_.mean), LOSSES[self.loss]

    def _for_loss(self, targets: NDArray[Any]) -> NDArray[Any]:
        with np.errstate(over="ignore"):
            scaled = self.targets_.forward(targets).astype(self.dtype)
        check_fits("y", targets, scaled)
        return scaled

    def _metrics(self, outputs: Array, targets: NDArray[Any]) -> dict[str, float]:
        return {"r2": r_squared(self.targets_.backward(outputs), targets, None)}

    def _target_record(self) -> dict[str, Any]:
        return {"scaling": self.targets_.to_record(), "single": self._single}

    def _restore_targets(self, record: dict[str, Any]) -> None:
        self.targets_, self._single = Scaling.from_record(record["scaling"]), record["single"]


def r_squared(predicted: Array, targets: Array, weights: Array | None) -> float:
    """1 less the squared error over that of the mean, `(N, K)`; the mean over K.

    Of targets that are all the same nothing can be explained: 1 where they are met, else 0.

    >>> r_squared(np.array([[1.0], [2.0]]), np.array([[1.0], [3.0]]), None)
    0.5
    """
    error = np.average((targets - predicted) ** 2, axis=0, weights=weights)
    spread = np.average((targets - np.average(targets, axis=0, weights=weights)) ** 2, axis=0, weights=weights)
    constant = spread == 0
    return float(np.mean(np.where(constant, error == 0, 1 - error / np.where(constant, 1, spread))))


def _checked_numbers(name: str, y: Any, N: int) -> NDArray[np.float64]:
    targets = checked_targets(name, y, N, many=True)
    if targets.dtype == object:
        targets = _as_numbers(name, targets)
    if targets.dtype.kind not in "fiub":
        raise ParameterError(f"`{name}` has dtype {targets.dtype}, expected real numbers; are they class labels?")
    targets = targets.astype(np.float64)
    if not np.isfinite(targets).all():
        raise DataError(
            f"Input {name} contains infinity or a value too large for {targets.dtype!r}., or NaN, "
            "expected finite numbers; leave those sequences out"
        )
    return targets


def _as_numbers(name: str, targets: NDArray[Any]) -> NDArray[np.float64]:
    """Numbers kept as objects; `None` is NaN."""
    for place, value in np.ndenumerate(targets):
        if value is not None and not isinstance(value, Real):
            raise ParameterError(f"`{name}{list(place)}` is {value!r}, expected a real number; are they class labels?")
    return targets.astype(np.float64)
