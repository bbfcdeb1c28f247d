"""Embedding, recurrent layers and a dense layer over symbols: a network for text; it knows no characters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from unrolled.data.text import Batch
from unrolled.errors import ParameterError
from unrolled.layers import Dense, Dropout, Embedding, LSTMState, Stack
from unrolled.layers.options import checked_rate
from unrolled.layers.recurrent import Recurrent
from unrolled.losses import softmax_cross_entropy
from unrolled.models.named_network import NamedNetwork
from unrolled.models.scikit import params_to_record
from unrolled.models.sequences.network import CELLS, checked_options
from unrolled.shapes import Array, whole_number

__all__ = ["TextNetwork"]

OWN = ("hidden_size", "num_layers", "dropout", "recurrent_dropout", "zoneout", "layer_norm", "seed")
REFUSED = ("bidirectional", "merge", "reset")  # what the layers take besides, and `layer_options` does not


class TextNetwork(NamedNetwork):
    """Predicts the next symbol of a text from all before it.

    Equations:
        (1) x_t = embedding[token_t]
        (2) h_t, state_t = cell(x_t, state_{t-1})
        (3) p(token_{t+1}) = softmax(W h_t + b)

    Args:
        symbols: how many there are.
        cell: this and all the others as in `unrolled.models.CharLM`.

    Raises:
        ParameterError: the cell or its reset is another, a size is not positive, a rate is not in [0, 1), or the cell
            has no such option.

    Attributes:
        settings: by which it was made, as plain values; those that came later only where they are set.

    Source: see `unrolled.models.CharLM`.

    >>> network = TextNetwork(5, cell="gru", hidden_size=4, layer_options={"initial_state": "learned"})
    >>> logits, _ = network.stack(np.zeros((7, 2), "int32"))
    >>> logits.shape
    (7, 2, 5)
    """

    def __init__(
        self,
        symbols: int,
        *,
        cell: str = "lstm",
        reset: str = "after",
        hidden_size: int = 256,
        num_layers: int = 1,
        embedding_size: int = 64,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        zoneout: float | tuple[float, float] = 0.0,
        layer_norm: bool = False,
        layer_options: Mapping[str, Any] | None = None,
        seed: int | None = None,
    ) -> None:
        if cell not in CELLS:
            raise ParameterError(f"`cell` is {cell!r}, expected one of {', '.join(CELLS)}")
        if reset != "after" and cell != "gru":
            raise ParameterError(f"`reset` is {reset!r} for {cell!r}, which has no reset gate; leave it out")
        why = "a text is read forwards, and `reset` is a parameter of the model itself"
        options = checked_options(cell, layer_norm, layer_options, REFUSED, why, OWN)
        sizes: dict[str, Any] = {
            "hidden_size": whole_number("hidden_size", hidden_size, remedy="256 is usual"),
            "num_layers": whole_number("num_layers", num_layers, remedy="1 or 2 are usual"),
        }
        embedding_size = whole_number("embedding_size", embedding_size, remedy="64 is usual")
        if seed is not None:
            seed = whole_number("seed", seed, at_least=0, remedy="None differs each time")
        form: dict[str, Any] = {"reset": reset} if cell == "gru" else {}
        # recorded only where they are set: a model without them is saved as it was before there were any
        zoneouts = list(zoneout) if isinstance(zoneout, tuple | list) else zoneout
        extra = {"recurrent_dropout": recurrent_dropout, "zoneout": zoneouts, "layer_norm": layer_norm}
        extra = {name: value for name, value in extra.items() if value}
        regular: dict[str, Any] = {"dropout": checked_rate("dropout", dropout)} if dropout else {}
        self.settings: dict[str, Any] = {
            "cell": cell,
            **form,
            **sizes,
            "embedding_size": embedding_size,
            **regular,
            **extra,
            **({"layer_options": params_to_record(layer_options)} if layer_options else {}),
        }
        options |= form | extra | ({"zoneout": tuple(zoneouts)} if isinstance(zoneouts, list) else {})
        seeds = (None,) * 4 if seed is None else np.random.SeedSequence(seed).generate_state(4).tolist()
        between = regular if sizes["num_layers"] > 1 else {}
        recurrent: Recurrent[Any, Any] = CELLS[cell](embedding_size, **sizes, **options, **between, seed=seeds[1])
        self.stack = Stack(
            embedding=Embedding(symbols, embedding_size, seed=seeds[0]),
            recurrent=recurrent,
            **({"dropout": Dropout(dropout, seed=seeds[3])} if regular else {}),
            dense=Dense(recurrent.output_size, symbols, seed=seeds[2]),
        )
        super().__init__(self.stack.layers)

    def loss_and_gradients(self, batch: Batch, state: Any) -> tuple[float, dict[str, Array], Any]:
        """Forward and backward over one window.

        Args:
            batch: inputs and targets, `(T, N)`.
            state: carried from the window before, or `None` to begin with; no gradient flows into it.

        Returns:
            The mean loss in nats per symbol, the gradients by parameter name, and the state to carry on.
        """
        run = self.stack.forward(batch.inputs, state)
        loss, dlogits = softmax_cross_entropy(run.output, batch.targets)
        return loss, self.stack.backward(run, dlogits).parameters, run.state

    def state_to_arrays(self, state: Any) -> dict[str, Array]:
        """A carried state as named arrays `(L, N, H)`; with `proj_size` P the h is `(L, N, P)`."""
        own: LSTMState | Array = state["recurrent"]
        return {"h": own.h, "c": own.c} if isinstance(own, LSTMState) else {"h": own}

    def state_from_arrays(self, arrays: Mapping[str, Array]) -> Any:
        """Takes back what `state_to_arrays` gave."""
        return {"recurrent": LSTMState(arrays["h"], arrays["c"]) if self.settings["cell"] == "lstm" else arrays["h"]}
