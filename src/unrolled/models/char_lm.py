"""A character language model: embedding, recurrent layers, dense softmax; it does not train itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from unrolled.data.text import Batch, Vocabulary
from unrolled.errors import CheckpointError, DataError, ParameterError, ShapeError, WeightFormatError
from unrolled.layers import GRU, LSTM, RNN, Dense, Embedding, LSTMState, Stack
from unrolled.losses import softmax_cross_entropy
from unrolled.shapes import Array
from unrolled.storage import Unit, write_unit

__all__ = ["CharLM", "Evaluation"]

CELLS = {"lstm": LSTM, "gru": GRU, "rnn": RNN}
EVALUATED_AT_ONCE = 4096  # characters: keeps the logits of one pass in a few megabytes


class Evaluation(NamedTuple):
    """How well a model foretells a text."""

    loss: float  # mean, nats per character
    characters: int  # foretold: all but the first of each stream
    unknown: int  # of them outside the vocabulary


class CharLM:
    r"""Foretells the next character of a text from all before it.

    Equations:
        (1) x_t = embedding[token_t]
        (2) h_t, state_t = cell(x_t, state_{t-1})
        (3) p(token_{t+1}) = softmax(W h_t + b)

    Args:
        vocabulary: the characters; token 0 stands for every other.
        cell: `"lstm"`, `"gru"` or `"rnn"`.
        reset: the GRU's reset gate, `"after"` the recurrent product or `"before"` it; other cells have none.
        hidden_size: H.
        num_layers: L.
        embedding_size: E.
        seed: of the initial weights; `None` differs each time.

    Raises:
        ParameterError: the cell or its reset is another, or a size is not positive.

    Source: Graves 2013, section 2, with one-hot inputs in place of (1).

    >>> model = CharLM(Vocabulary("ab\n"), hidden_size=8, seed=0)
    >>> text = "".join(model.sample("a", length=5, seed=1))
    >>> len(text), set(text) <= set("ab\n")
    (5, True)
    """

    kind = "char_lm"

    def __init__(
        self,
        vocabulary: Vocabulary,
        *,
        cell: str = "lstm",
        reset: str = "after",
        hidden_size: int = 256,
        num_layers: int = 1,
        embedding_size: int = 64,
        seed: int | None = None,
    ) -> None:
        if cell not in CELLS:
            raise ParameterError(f"`cell` is {cell!r}, expected one of {', '.join(CELLS)}")
        if reset != "after" and cell != "gru":
            raise ParameterError(f"`reset` is {reset!r} for {cell!r}, which has no reset gate; leave it out")
        of_cell: dict[str, Any] = {"reset": reset} if cell == "gru" else {}
        self.vocabulary = vocabulary
        self.settings = {
            "cell": cell,
            **of_cell,
            "hidden_size": hidden_size,
            "num_layers": num_layers,
            "embedding_size": embedding_size,
        }
        seeds = (None,) * 3 if seed is None else np.random.SeedSequence(seed).generate_state(3).tolist()
        self.stack = Stack(
            embedding=Embedding(len(vocabulary), embedding_size, seed=seeds[0]),
            recurrent=CELLS[cell](embedding_size, hidden_size, num_layers=num_layers, **of_cell, seed=seeds[1]),
            dense=Dense(hidden_size, len(vocabulary), seed=seeds[2]),
        )

    @property
    def parameters(self) -> Mapping[str, Array]:
        """Read-only views by name: `embedding.weight`, `recurrent.weight_ih_l0`, ..., `dense.bias`."""
        return self.stack.parameters

    def edit(self) -> AbstractContextManager[Mapping[str, Array]]:
        """Hands an optimizer the writable arrays, and bumps the versions at the end."""
        return self.stack.edit()

    def set(self, arrays: Mapping[str, Array]) -> None:
        """Replaces all parameters.

        Raises:
            WeightFormatError: a name is missing or unknown, or a shape differs.
        """
        wrong = sorted(arrays.keys() ^ self.parameters.keys())
        if wrong:
            raise WeightFormatError(
                f"`{wrong[0]}` is {'unknown' if wrong[0] in arrays else 'missing'}, "
                f"expected the weights {', '.join(self.parameters)}; were they saved from a model of another kind?"
            )
        try:
            self.stack.set(arrays)
        except ShapeError as error:
            raise WeightFormatError(f"the weights belong to a model of another size: {error}") from None

    def loss_and_gradients(self, batch: Batch, state: Any) -> tuple[float, dict[str, Array], Any]:
        """Forward and backward over one window.

        Args:
            batch: inputs and targets, `(T, N)`.
            state: carried from the window before, or `None` for zeros; no gradient flows into it.

        Returns:
            The mean loss in nats per character, the gradients by parameter name, and the state to carry on.
        """
        run = self.stack.forward(batch.inputs, state)
        loss, dlogits = softmax_cross_entropy(run.output, batch.targets)
        return loss, self.stack.backward(run, dlogits).parameters, run.state

    def state_to_arrays(self, state: Any) -> dict[str, Array]:
        """A carried state as named arrays `(L, N, H)`."""
        own: LSTMState | Array = state["recurrent"]
        return {"h": own.h, "c": own.c} if isinstance(own, LSTMState) else {"h": own}

    def state_from_arrays(self, arrays: Mapping[str, Array]) -> Any:
        """Takes back what `state_to_arrays` gave."""
        return {"recurrent": LSTMState(arrays["h"], arrays["c"]) if self.settings["cell"] == "lstm" else arrays["h"]}

    def evaluate(self, text: str, streams: int = 1, limit: int | None = None) -> Evaluation:
        """Foretells every character of a text but the first, in one pass from a zero state.

        Args:
            text: at least two characters; those outside the vocabulary count as the unknown symbol.
            streams: cuts the text into as many equal parts, each from a zero state: faster, and slightly pessimistic.
            limit: foretells so many characters of each stream only: a sample of the whole text.

        Returns:
            The mean loss in nats per character, over how many characters, and how many of those were unknown.

        Raises:
            DataError: the text is too short for even one character to be foretold in each stream.
        """
        length = (len(text) - 1) // streams
        if length < 1:
            raise DataError(
                f"the text has {len(text)} characters, expected at least {streams + 1}; "
                "the first has nothing before it to be foretold from"
            )
        tokens = self.vocabulary.encode(text)
        inputs, targets = (
            np.ascontiguousarray(part.reshape(streams, length)[:, :limit].T)  # (T, N)
            for part in (tokens[: length * streams], tokens[1 : length * streams + 1])
        )
        total, state = 0.0, None
        rows = max(1, EVALUATED_AT_ONCE // streams)
        for start in range(0, len(inputs), rows):
            logits, state = self.stack(inputs[start : start + rows], state)
            window = targets[start : start + rows]
            total += softmax_cross_entropy(logits, window)[0] * window.size
        return Evaluation(total / targets.size, targets.size, int((targets == 0).sum()))

    def sample(
        self,
        prompt: str | None = None,
        length: int = 200,
        *,
        temperature: float = 1.0,
        top_k: int | None = None,
        seed: int | None = None,
    ) -> Iterator[str]:
        """Writes on from a prompt, one character at a time.

        Args:
            prompt: what goes before; `None` begins as after a line end.
            length: how many characters to write.
            temperature: divides the logits: below 1 plays safe, above 1 dares more; 0 always takes the likeliest.
            top_k: only the k likeliest characters may come; `None` allows all.
            seed: of the choices; `None` differs each time.

        Returns:
            An iterator of characters, without the prompt; the unknown symbol is never written.

        Raises:
            DataError: the prompt is empty, or has characters outside the vocabulary (they are named).
            ParameterError: the length or the temperature is negative or not finite, or `top_k` is less than 1.
        """
        if length < 0:
            raise ParameterError(f"`length` is {length}, expected a whole number of at least 0")
        if not 0 <= temperature < np.inf:
            raise ParameterError(
                f"`temperature` is {temperature}, expected a finite number of at least 0; 0.8 is usual"
            )
        if top_k is not None and top_k < 1:
            raise ParameterError(
                f"`top_k` is {top_k}, expected a whole number of at least 1; leave it out to allow all"
            )
        if prompt is None:
            prompt = "\n" if "\n" in self.vocabulary.characters else self.vocabulary.characters[0]
        if not prompt:
            raise DataError(
                "the prompt is empty, expected at least one character; leave it out to begin as after a line end"
            )
        missing = self.vocabulary.missing(prompt)
        if missing:
            names = ", ".join(f"{c!a} (U+{ord(c):04X})" for c in missing)
            raise DataError(
                f"the prompt has {'a character' if len(missing) == 1 else f'{len(missing)} characters'} that the model "
                f"does not know: {names}; write it with the {len(self.vocabulary.characters)} characters that it knows"
            )
        return self._write(prompt, length, temperature, top_k, np.random.default_rng(seed))

    def _write(
        self, prompt: str, length: int, temperature: float, top_k: int | None, rng: np.random.Generator
    ) -> Iterator[str]:
        tokens = self.vocabulary.encode(prompt)
        state = None
        if len(tokens) > 1:
            _, state = self.stack(np.ascontiguousarray(tokens[:-1, None]))
        token = tokens[-1:]
        for _ in range(length):
            logits, state = self.stack.step(token, state)
            token = np.array([choose(logits[0], temperature, top_k, rng)], np.int32)
            yield self.vocabulary.decode(token)

    def save(self, folder: str | Path) -> None:
        """Writes the model, without any state of training, for `unrolled.load`.

        Raises:
            CheckpointError: the folder holds another model or a training run, or cannot be written.
        """
        config = {"kind": self.kind, "model": self.settings}
        write_unit(Path(folder), Unit({"kind": self.kind}, self.documents(config), {"weights": dict(self.parameters)}))

    def documents(self, config: dict[str, Any]) -> dict[str, Any]:
        """What `from_unit` needs besides the weights: the configuration, and the vocabulary."""
        return {"config": config, "vocabulary": {"characters": self.vocabulary.characters, "unknown": 0}}

    @classmethod
    def from_unit(cls, unit: Unit) -> CharLM:
        """The model that a unit holds.

        Raises:
            CheckpointError: the unit lacks a setting.
            WeightFormatError: the weights are not this model's.
        """
        try:
            vocabulary = Vocabulary(unit.documents["vocabulary"]["characters"])
            model = cls(vocabulary, **unit.documents["config"]["model"], seed=0)
        except (KeyError, TypeError, ParameterError) as error:
            raise CheckpointError(
                f"the saved model cannot be built ({error}); was it saved by another version of unrolled?"
            ) from None
        model.set(unit.arrays["weights"])
        return model


def choose(logits: Array, temperature: float, top_k: int | None, rng: np.random.Generator) -> int:
    """Draws one token of the softmax of `logits / temperature`, `(K,)`; never token 0, the unknown one."""
    known = logits[1:].astype(np.float64)
    if temperature == 0:
        return int(known.argmax()) + 1
    with np.errstate(over="ignore"):  # a very low temperature: -inf is right
        known = (known - known.max()) / temperature
    if top_k is not None and top_k < len(known):
        known[np.argsort(-known, kind="stable")[top_k:]] = -np.inf
    cumulative: NDArray[np.float64] = np.exp(known).cumsum()
    # side="right" passes over characters of probability zero even where the random number is exactly 0
    return int(np.searchsorted(cumulative, rng.random() * float(cumulative[-1]), side="right")) + 1
