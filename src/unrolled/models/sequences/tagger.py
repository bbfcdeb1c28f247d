"""A label, or several, for every step of a sequence, behind scikit-learn's methods; shared parts are in `estimator`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unrolled.data.sequences import Sequences
from unrolled.errors import ParameterError
from unrolled.models.scikit import sklearn_tags
from unrolled.models.sequences.estimator import PREDICTED_AT_ONCE, SequenceEstimator
from unrolled.models.sequences.labels import SavedClasses, codes_of
from unrolled.models.sequences.network import Loss, SequenceNetwork
from unrolled.models.sequences.parts import Part, checked_entries
from unrolled.models.sequences.step_targets import (
    UNLABELLED,
    GivenSteps,
    StepLoss,
    check_labelled,
    check_steps,
    read_steps,
)
from unrolled.shapes import Array
from unrolled.training.fit import Callback

__all__ = ["TARGETS", "SequenceTagger"]

TARGETS = ("classes", "multilabel")


@dataclass(kw_only=True, repr=False, eq=False)
class SequenceTagger(SavedClasses, SequenceEstimator):
    """Says something of each step of a sequence: its class, or for each of K labels whether it holds.

    Equations, for each step t:
        (1) h_t = cell(x_1..t), or of all steps where `bidirectional`
        (2) y_t = W h_t + b
        (3) classes: p_t = softmax(y_t), J_t = -log p_t[label_t]; multilabel: p_t = sigmoid(y_t),
            J_t = -sum_k log(p_tk where label k holds, else 1 - p_tk)

    With the next frame for a target, `targets="multilabel"` learns music (`unrolled.data.music.next_frames`).

    Args:
        targets: `"classes"` or `"multilabel"`.
        cell, hidden_size, num_layers, bidirectional, dropout, recurrent_dropout, zoneout, layer_norm,
            layer_options, standardize, nan: see `unrolled.models.sequences.estimator.SequenceEstimator`.
        epochs, minutes, batch_size, optimizer, optimizer_options, learning_rate, weight_decay, schedule,
            schedule_options, warmup, final_rate, clip, clip_value, ema, validation_fraction, patience, dtype,
            random_state, verbose: see `unrolled.models.trainable.Trainable`.
        monitor: `"loss"` or `"accuracy"`, for `patience`.

    Attributes:
        classes_: the labels, sorted; those of the columns of `predict_proba`. Of multilabel targets their numbers.
        feature_names_in_: the columns of `X`, where it was a data frame or a list of them.
        history_: how training went: a table, `.to_csv(path)`, `.to_pandas()`, `.plot()`.
        network_: the trained `SequenceNetwork`.

    Source: Graves 2012, chapter 3; many labels at each step: Boulanger-Lewandowski, Bengio & Vincent 2012.

    >>> X = [np.array(x, float) for x in ([0, 1, 0, 0], [1, 1], [0, 0, 1], [1, 0, 1, 1, 0])]
    >>> y = [["odd" if n % 2 else "even" for n in x.cumsum()] for x in X]
    >>> model = SequenceTagger(hidden_size=8, epochs=150, learning_rate=0.03, random_state=0).fit(X, y)
    >>> [labels.tolist() for labels in model.predict([[1.0, 0.0, 1.0], [0.0, 1.0]])]
    [['odd', 'odd', 'even'], ['even', 'odd']]
    """

    kind: ClassVar[str] = "sequence_tagger"
    monitors: ClassVar[tuple[str, ...]] = ("loss", "accuracy")
    pooling: ClassVar[None] = None  # pyright: ignore[reportIncompatibleVariableOverride]  (each step has its output)

    targets: str = "classes"

    def fit(
        self,
        X: Any,
        y: Any,
        *,
        lengths: ArrayLike | None = None,
        mask: Any = None,
        validation_data: tuple[Any, ...] | None = None,
        sample_weight: ArrayLike | None = None,
        callbacks: Sequence[Callback] = (),
        checkpoint: str | Path | None = None,
        documents: Mapping[str, Any] | None = None,
    ) -> Self:
        """Learns from sequences and the labels of their steps.

        Args:
            X: an array `(N, T, I)`; `(N, T)`, where I = 1; or a list of arrays `(T_i, I)` or `(T_i,)`.
            y: labels in the same form: `(N, T)` or a list of `(T_i,)`; of multilabel targets 0 and 1, `(N, T, K)` or a
                list of `(T_i, K)`. A step whose label a masked array hides has none, as with `mask`.
            lengths: steps of each sequence where `X` and `y` are padded, `(N,)`.
            mask: `(N, T)` or a list of `(T_i,)`: `False` where a step has no label, or is not to be learned; what
                stands there in `y` is not looked at.
            validation_data: `(X, y)`, `(X, y, lengths)` or `(X, y, lengths, mask)`, in place of a
                `validation_fraction`.
            sample_weight: how much each sequence counts, `(N,)`, at least 0.
            callbacks: see `unrolled.training.fit.Callback`.
            checkpoint: a folder to keep the run in. Where it already holds this run, that goes on, and ends with the
                bits of one that was never interrupted.
            documents: what else to keep there, as plain values by name.

        Returns:
            The tagger itself.

        Raises:
            ShapeError: shapes do not fit; a sequence has not as many labels as steps.
            DataError: there are no sequences, one is empty, or a number is not finite.
            ParameterError: a parameter is out of its range, or a label is not what it should be.
            CheckpointError: the folder holds another run.
            DivergenceError: the loss is no longer finite; try a lower learning rate.
        """
        return super().fit(
            X,
            GivenSteps(y, lengths, mask),
            lengths=lengths,
            validation_data=validation_data,
            sample_weight=sample_weight,
            callbacks=callbacks,
            checkpoint=checkpoint,
            documents=documents,
        )

    def predict_proba(self, X: Any, *, lengths: ArrayLike | None = None) -> Any:
        """The probability of each class, or of each label, at every step.

        Args:
            X: as in `fit`.
            lengths: as in `fit`.

        Returns:
            `(N, T, K)` where `X` is an array without `lengths`, else a list of `(T_i, K)`.

        Raises:
            ShapeError: the features are not those of `fit`, or as in `fit`.
            DataError: as in `fit`.
            ParameterError: as in `fit`; or the model is not fitted: scikit-learn's `NotFittedError` where it is loaded.
        """
        return self._by_sequence(X, lengths, self._probabilities)

    def predict(self, X: Any, *, lengths: ArrayLike | None = None) -> Any:
        """The likeliest class of every step, `(N, T)` or a list of `(T_i,)`; of multilabel targets 1 where a label's
        probability is above one half, `(N, T, K)` or a list of `(T_i, K)`. Arguments and errors as for `predict_proba`.
        """
        return self._by_sequence(X, lengths, self._answers)

    def evaluate(self, X: Any, y: Any, *, lengths: ArrayLike | None = None, mask: Any = None) -> dict[str, float]:
        """How good the answers are, over all labelled steps of all sequences.

        Args:
            X: as in `fit`.
            y: the right labels.
            lengths: as in `fit`.
            mask: as in `fit`.

        Returns:
            `loss`, the mean of (3) in nats per step; `accuracy`, the part of the steps whose class is right, or of
            multilabel targets right ones over right, wrong and missing ones together.

        Raises:
            ShapeError: a sequence has not as many labels as steps; and what `predict` raises.
            ParameterError: a label was not there in `fit`, or no step has one; and what `predict` raises.

        Source: the accuracy of multilabel targets: Bay, Ehmann & Downie 2009, equation 2.
        """
        outputs, sequences = self._outputs(X, lengths), Sequences.of(X, lengths)
        targets = self._known_targets("y", GivenSteps(y, lengths, mask), len(sequences))
        check_steps("y", targets, sequences.lengths)
        check_labelled("`y`", targets)
        return self._compared(outputs, targets)

    def score(self, X: Any, y: Any, *, lengths: ArrayLike | None = None, mask: Any = None) -> float:
        """The accuracy that `evaluate` gives; its arguments and errors."""
        return self.evaluate(X, y, lengths=lengths, mask=mask)["accuracy"]

    def __sklearn_tags__(self) -> Any:
        # no classifier to scikit-learn, which would look for the classes in a list of lists, and refuse it
        return sklearn_tags(None, allow_nan=self.nan == "mask", multi_output=True)

    # What the estimator asks of it.

    def _learn_targets(self, y: Any, N: int) -> NDArray[Any]:
        if self.targets not in TARGETS:
            raise ParameterError(
                f"`targets` is {self.targets!r}, expected 'classes' or 'multilabel'; check the spelling"
            )
        self._many = self.targets == "multilabel"
        steps = read_steps("y", y, N, many=self._many)
        if self._many:
            self.classes_: NDArray[Any] = np.arange(steps[0][0].shape[1])
        else:
            self.classes_ = np.unique(np.concatenate([labels for labels, _ in steps]))
            if len(self.classes_) < 2:
                found = ", ".join(map(repr, self.classes_.tolist())) or "no label at all"
                raise ParameterError(f"`y` holds {found}, expected at least two classes; what is to be told apart?")
        return self._coded("y", steps)

    def _known_targets(self, name: str, y: Any, N: int) -> NDArray[Any]:
        return self._coded(name, read_steps(name, y, N, many=self._many))

    def _validation_part(self, given: tuple[Any, ...]) -> Part:
        X, y, lengths, mask = checked_entries(given, "(X, y), (X, y, lengths) or (X, y, lengths, mask)", 4)
        sequences = self.inputs_.read("validation_data", X, lengths, type(self).__name__)
        targets = self._known_targets("validation_data", GivenSteps(y, lengths, mask), len(sequences))
        check_steps("validation_data", targets, sequences.lengths)
        check_labelled("`validation_data`", targets)
        return Part(sequences, targets, None)

    def _split(self, part: Part, given: bool, seed: int) -> tuple[Part, Part | None]:
        check_steps("y", part.targets, part.sequences.lengths)
        train, held = super()._split(part, given, seed)
        check_labelled("the part of `y` to learn from", train.targets)
        if held is not None:
            check_labelled("the part of `y` that `validation_fraction` holds out", held.targets)
        return train, held

    def _head(self) -> tuple[int, Loss]:
        return len(self.classes_), StepLoss(many=self._many)

    def _create_network(self, seed: int) -> SequenceNetwork:
        outputs, loss = self._head()
        return self._network_of(outputs, loss, None, seed)

    def _for_loss(self, targets: NDArray[Any]) -> Any:
        steps = np.concatenate(list(targets))
        return Sequences(steps.astype(self.dtype) if self._many else steps, np.array([len(each) for each in targets]))

    def _validate(self, held: Part) -> dict[str, float]:
        return self._compared(self._run(held.sequences), held.targets)

    def _run(self, sequences: Sequences) -> Array:
        """The outputs of all steps of all sequences, `(S, K)`, as `sequences.values` has them."""
        outputs = np.empty((len(sequences.values), len(self.classes_)), self.network_.dtype)
        for rows in sequences.by_length(PREDICTED_AT_ONCE):
            y = self.network_.predict(*sequences.padded(rows))
            for n, row in enumerate(rows.tolist()):
                start, steps = int(sequences.starts[row]), int(sequences.lengths[row])
                outputs[start : start + steps] = y[:steps, n]
        return outputs

    # Its own.

    def _restore_targets(self, record: dict[str, Any]) -> None:
        super()._restore_targets(record)
        self._many = self.targets == "multilabel"

    def _coded(self, name: str, steps: list[tuple[NDArray[Any], NDArray[np.bool_]]]) -> NDArray[Any]:
        """Labels as an object array of one array for each sequence: codes `(T_i,)`, or 0, 1 and NaN `(T_i, K)`."""
        coded, K = np.empty(len(steps), object), len(self.classes_)
        for row, (labels, known) in enumerate(steps):
            if self._many:
                if labels.shape[1] != K:
                    raise ParameterError(
                        f"`{name}[{row}]` has {labels.shape[1]} labels a step, expected {K}, as the others have"
                    )
                codes = np.full((len(known), K), np.nan)
                codes[known] = labels
            else:
                found = codes_of(labels, self.classes_)
                unknown = labels[found < 0]
                if len(unknown):
                    raise ParameterError(
                        f"`{name}[{row}]` holds the label {unknown[0].item()!r}, expected one of those of `fit`: "
                        f"{', '.join(map(repr, self.classes_.tolist()))}; fit again with steps of that class"
                    )
                codes = np.full(len(known), UNLABELLED)
                codes[known] = found
            coded[row] = codes
        return coded

    def _probabilities(self, outputs: Array) -> Array:
        if self._many:
            return 1 / (1 + np.exp(-np.clip(outputs, -80, 80)))  # where exp overflows in float32
        p = np.exp(outputs - outputs.max(axis=1, keepdims=True))
        return p / p.sum(axis=1, keepdims=True)

    def _answers(self, outputs: Array) -> NDArray[Any]:
        return (outputs > 0).astype(np.int8) if self._many else self.classes_[outputs.argmax(axis=1)]

    def _by_sequence(self, X: Any, lengths: ArrayLike | None, answer: Any) -> Any:
        answers: NDArray[Any] = answer(self._outputs(X, lengths))
        own = Sequences.of(X, lengths).lengths
        if lengths is None and not isinstance(X, list | tuple):
            return answers.reshape(len(own), -1, *answers.shape[1:])
        return np.split(answers, np.cumsum(own)[:-1])

    def _compared(self, outputs: Array, targets: NDArray[Any]) -> dict[str, float]:
        steps = np.concatenate(list(targets))
        if self._many:
            steps = steps.astype(outputs.dtype)
        loss, _ = self.network_.loss(outputs, steps, None)
        if not self._many:
            known = steps != UNLABELLED
            return {"loss": loss, "accuracy": float((outputs.argmax(axis=1) == steps)[known].mean())}
        known = ~np.isnan(steps).any(axis=1)
        answered, right = outputs[known] > 0, steps[known] > 0
        either = (answered | right).sum()
        return {"loss": loss, "accuracy": float((answered & right).sum() / either) if either else 1.0}
