"""What the sequence classifier and regressor share: from a caller's sequences to a trained, saved network; no targets.

What a target is, which loss it has and what an output says of it is a subclass's matter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unrolled.data.sequences import SequenceBatches, Sequences, digest_of
from unrolled.errors import ParameterError
from unrolled.models.scikit import params_from_record
from unrolled.models.sequences.inputs import Inputs, read_finite
from unrolled.models.sequences.network import Loss, Pooling, SequenceNetwork
from unrolled.models.sequences.parts import (
    Part,
    WeightedLoss,
    check_switches,
    checked_entries,
    checked_weights,
    held_out,
    kept_on_error,
)
from unrolled.models.sequences.scaling import Scaling
from unrolled.models.trainable import Trainable
from unrolled.shapes import Array, real_number, whole_number
from unrolled.storage import Unit
from unrolled.training.callbacks import checked_callbacks
from unrolled.training.fit import Callback

__all__ = ["SequenceEstimator"]

PREDICTED_AT_ONCE = 256  # sequences


class Fitted:
    """What `fit` learns; none of it is there before."""

    network_: SequenceNetwork
    inputs_: Inputs

    @property
    def n_features_in_(self) -> int:
        """I; of sequences given as a table `(N, T)` its columns, as scikit-learn counts."""
        return self.inputs_.features

    @property
    def feature_names_in_(self) -> NDArray[Any]:
        """The columns of the data frames that it was fitted to; there is no such attribute where they had no names."""
        if self.inputs_.names is None:
            raise AttributeError(f"this {type(self).__name__} was not fitted to data frames whose columns have names")
        return np.array(self.inputs_.names, dtype=object)


@dataclass(kw_only=True, repr=False, eq=False)
class SequenceEstimator(Fitted, Trainable):
    """A network over sequences behind scikit-learn's methods; a subclass says what the targets are.

    Args:
        cell: `"lstm"`, `"gru"` or `"rnn"`.
        hidden_size: H.
        num_layers: L.
        bidirectional: read each sequence from its end as well.
        dropout: the rate at which units are dropped in training, between the layers and before the output.
        recurrent_dropout: that at which the state is dropped on its way back into the cells, one mask a sequence.
        zoneout: that at which a unit keeps its old state for a step.
        layer_norm: normalise the sums in front of the gates; the LSTM and the GRU have it.
        layer_options: what else the recurrent layers take, such as `peepholes`, `proj_size`, `forget_bias`,
            `initial_state`, `merge`, `weight_init` or a GRU's `reset`.
        pooling: what of the steps is looked at: the `"last"`, their `"mean"` or their `"max"`.
        standardize: bring each feature to mean 0 and standard deviation 1, as they are in the part learned from.
        nan: `"refuse"` it, or `"mask"` it: a missing value counts as its feature's mean, and a second feature, which
            is 1 there, says so. What is infinite is always refused.

    How it is trained, from `epochs` to `verbose`, `unrolled.models.trainable.Trainable` says.
    """

    cell: str = "lstm"
    hidden_size: int = 64
    num_layers: int = 1
    bidirectional: bool = False
    dropout: float = 0.0
    recurrent_dropout: float = 0.0
    zoneout: float = 0.0
    layer_norm: bool = False
    layer_options: Mapping[str, Any] | None = None
    pooling: Any = "last"
    standardize: bool = True
    nan: str = "refuse"

    # What a subclass says of its targets.

    def _learn_targets(self, y: Any, N: int) -> NDArray[Any]:
        """Checks targets, learns what they are (which classes, say), and gives them in its own form, `(N, ...)`."""
        raise NotImplementedError

    def _known_targets(self, name: str, y: Any, N: int) -> NDArray[Any]:
        """Targets of other data, in that same form."""
        raise NotImplementedError

    def _learn_part(self, train: Part) -> Part:
        """Learns what depends on the part to learn from alone (a scaling, say), and may weigh it."""
        return train

    def _head(self) -> tuple[int, Loss]:
        """How many outputs the network needs, and which loss."""
        raise NotImplementedError

    def _for_loss(self, targets: NDArray[Any]) -> NDArray[Any]:
        """Targets as the loss takes them."""
        return targets

    def _strata(self, targets: NDArray[Any]) -> NDArray[Any]:
        """A group for each sequence; the part held out has as much of each."""
        return np.zeros(len(targets), np.int64)

    def _metrics(self, outputs: Array, targets: NDArray[Any]) -> dict[str, float]:
        """What a validation finds besides the loss."""
        raise NotImplementedError

    def _target_record(self) -> dict[str, Any]:
        """What was learned of the targets, as plain values for JSON."""
        raise NotImplementedError

    def _restore_targets(self, record: dict[str, Any]) -> None:
        """Takes back what `_target_record` gave."""
        raise NotImplementedError

    # What they share.

    def fit(
        self,
        X: Any,
        y: Any,
        *,
        lengths: ArrayLike | None = None,
        validation_data: tuple[Any, ...] | None = None,
        sample_weight: ArrayLike | None = None,
        callbacks: Sequence[Callback] = (),
        checkpoint: str | Path | None = None,
        documents: Mapping[str, Any] | None = None,
    ) -> Self:
        """Learns from sequences and their targets.

        Args:
            X: an array `(N, T, I)`; `(N, T)`, where I = 1; or a list of arrays `(T_i, I)` or `(T_i,)`.
            y: a target for each sequence.
            lengths: steps of each sequence where `X` is padded, `(N,)`.
            validation_data: `(X, y)` or `(X, y, lengths)`, in place of a `validation_fraction` of the sequences.
            sample_weight: how much each sequence counts, `(N,)`, at least 0.
            callbacks: see `unrolled.training.fit.Callback`.
            checkpoint: a folder to keep the run in. Where it already holds this run, that goes on, and ends with the
                bits of one that was never interrupted.
            documents: what else to keep there, as plain values by name.

        Returns:
            The estimator itself.

        Raises:
            ShapeError: shapes do not fit.
            DataError: there are no sequences, one is empty, a number is not finite, or too large for `dtype`.
            ParameterError: a parameter is out of its range, or a target is not what it should be.
            CheckpointError: the folder holds another run.
            DivergenceError: the loss is no longer finite; try a lower learning rate.
        """
        with kept_on_error(self):  # what cannot be learned from leaves what was learned before
            self._check_parameters()
            callbacks = checked_callbacks(callbacks)
            sequences = read_finite("X", X, lengths, self.nan)
            targets = self._learn_targets(y, len(sequences))
            weights = checked_weights(sample_weight, len(sequences))
            folder = None if checkpoint is None else Path(checkpoint)
            self.seed_ = self._first_seed(folder)
            seeds: list[int] = np.random.SeedSequence(self.seed_).generate_state(4).tolist()
            train, held = self._split(Part(sequences, targets, weights), validation_data is not None, seeds[0])
            scaling = self._learn_scaling(train) if self.standardize else Scaling.none(sequences.values.shape[1])
            self.inputs_ = Inputs.of(X, lengths, sequences, self.nan, scaling)
            train = self._learn_part(train)
            if validation_data is not None:
                held = self._validation_part(validation_data)
            network = self._create_network(seeds[1])
            settings = self._settings(seeds[2], held is not None)
            if held is not None:
                name = "X" if validation_data is None else "validation_data"
                held = held._replace(sequences=self.inputs_.scaled(name, held.sequences, self.dtype))
            weights = train.weights
            batches = SequenceBatches(
                self.inputs_.scaled("X", train.sequences, self.dtype),
                self._for_loss(train.targets),
                weights=None if weights is None else (weights / weights.mean()).astype(self.dtype),
                batch_size=int(self.batch_size),
                seed=seeds[3],
                validation=None if folder is None else digest_of(*(() if held is None else self._arrays(held))),
            )
        self._train(
            network,
            batches,
            settings,
            validate=None if held is None else partial(self._validate, held),
            folder=folder,
            documents={**(documents or {}), **self._documents()} if folder is not None else {},
            callbacks=callbacks,
            unit="sequences",
        )
        return self

    def _check_parameters(self) -> None:
        """What neither the settings of `fit` nor the layers check, or check only after the work has begun."""
        for name, remedy in (
            ("hidden_size", "64 is usual"),
            ("num_layers", "1 is usual"),
            ("batch_size", "32 is usual"),
        ):
            whole_number(name, getattr(self, name), remedy=remedy)
        real_number("validation_fraction", self.validation_fraction, at_least=0, below=1, remedy="0 holds nothing out")
        check_switches(self, "bidirectional", "layer_norm", "standardize")

    @staticmethod
    def _learn_scaling(train: Part) -> Scaling:
        steps = None if train.weights is None else np.repeat(train.weights, train.sequences.lengths)
        return Scaling.of(train.sequences.values, steps)

    def _split(self, part: Part, given: bool, seed: int) -> tuple[Part, Part | None]:
        """The part to learn from, and that to validate on, where it is not given; who weighs nothing is in neither."""
        fraction = self._checked_fraction()
        if part.weights is not None and not part.weights.all():
            part = part.take(np.flatnonzero(part.weights))
        if given or not fraction:
            return part, None
        held = held_out(self._strata(part.targets), fraction, seed)
        return part.take(np.flatnonzero(~held)), part.take(np.flatnonzero(held))

    def _validation_part(self, given: tuple[Any, ...]) -> Part:
        X, y, lengths = checked_entries(given, "(X, y) or (X, y, lengths)", 3)
        sequences = self.inputs_.read("validation_data", X, lengths, type(self).__name__)
        return Part(sequences, self._known_targets("validation_data", y, len(sequences)), None)

    def _arrays(self, part: Part) -> tuple[NDArray[Any], ...]:
        """The sequences and the targets of a part."""
        targets: Any = self._for_loss(part.targets)
        values = targets.values if isinstance(targets, Sequences) else targets
        return part.sequences.values, part.sequences.lengths, values

    def _create_network(self, seed: int) -> SequenceNetwork:
        if self.pooling is None:
            raise ParameterError("`pooling` is None, expected 'last', 'mean' or 'max'; a target is for all steps")
        outputs, loss = self._head()
        return self._network_of(outputs, WeightedLoss(loss), self.pooling, seed)

    def _network_of(self, outputs: int, loss: Loss, pooling: Pooling, seed: int) -> SequenceNetwork:
        """A network as the parameters say."""
        return SequenceNetwork(
            self.inputs_.width,
            outputs,
            loss,
            cell=self.cell,
            hidden_size=int(self.hidden_size),
            num_layers=int(self.num_layers),
            bidirectional=bool(self.bidirectional),
            dropout=self.dropout,
            recurrent_dropout=self.recurrent_dropout,
            zoneout=self.zoneout,
            layer_norm=bool(self.layer_norm),
            layer_options=self.layer_options,
            pooling=pooling,
            dtype=self.dtype,
            seed=seed,
        )

    def _validate(self, held: Part) -> dict[str, float]:
        outputs = self._run(held.sequences)
        loss, _ = self.network_.loss(outputs, self._for_loss(held.targets), None)
        return {"loss": loss} | self._metrics(outputs, held.targets)

    def _outputs(self, X: Any, lengths: ArrayLike | None) -> Array:
        """What the network says of each sequence, `(N, K)`."""
        self._check_fitted()
        sequences = self.inputs_.read("X", X, lengths, type(self).__name__)
        return self._run(self.inputs_.scaled("X", sequences, self.network_.dtype))

    def _run(self, sequences: Sequences) -> Array:
        outputs = np.empty((len(sequences), self.network_.dense.output_size), self.network_.dtype)
        for rows in sequences.by_length(PREDICTED_AT_ONCE):
            outputs[rows] = self.network_.predict(*sequences.padded(rows))
        return outputs

    def _documents(self) -> dict[str, Any]:
        return {"config": self._config(inputs=self.inputs_.to_record(), targets=self._target_record())}

    @classmethod
    def _rebuilt(cls, unit: Unit) -> tuple[Self, SequenceNetwork]:
        config = unit.documents["config"]
        model = cls(**params_from_record(config["params"]))
        model.seed_ = config["seed"]
        model.inputs_ = Inputs.from_record(config["inputs"])
        model._restore_targets(config["targets"])
        return model, model._create_network(seed=0)
