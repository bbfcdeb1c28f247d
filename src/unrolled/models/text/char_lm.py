"""A character language model: a network with its characters, that learns and writes; text comes in by `material`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Self, Unpack

import numpy as np
from numpy.typing import NDArray

from unrolled.data.text import Streams, TextFile, Vocabulary
from unrolled.errors import CheckpointError, DataError, DivergenceError, ParameterError
from unrolled.losses import softmax_cross_entropy
from unrolled.models.text.material import Material, Text, named, validation
from unrolled.models.text.network import TextNetwork
from unrolled.models.text.sampling import Sampling
from unrolled.models.text.stream import CharStream, Scores, check_length, not_text
from unrolled.shapes import whole_number
from unrolled.storage import Unit
from unrolled.training.callbacks import checked_callbacks
from unrolled.training.fit import Callback, FitSettings, fit
from unrolled.training.history import Remembers
from unrolled.training.options import FitOptions
from unrolled.training.run_folder import history_of, save_model

__all__ = ["CharLM", "Evaluation"]

Tokens = NDArray[np.integer[Any]]

EVALUATED_AT_ONCE = 4096  # characters: keeps the logits of one pass in a few megabytes


class Evaluation(NamedTuple):
    """How well a model predicts a text."""

    loss: float  # mean, nats per character
    characters: int  # predicted: all but the first of each stream
    unknown: int  # of them outside the vocabulary


class CharLM(TextNetwork, Remembers):
    r"""Predicts the next character of a text from all before it.

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
        dropout: the part of the recurrent layers' outputs that training drops, of each layer.
        recurrent_dropout: the part of each layer's h_prev that training drops, the same over a window.
        zoneout: the probability that a unit keeps its value for a step of training; an LSTM's cell may have its own,
            `(zoneout of h, zoneout of c)`.
        layer_norm: of the LSTM's and the GRU's gates; slower.
        layer_options: what else the recurrent layers take, such as `peepholes`, `proj_size`, `forget_bias`,
            `initial_state` or `weight_init`.
        seed: of the initial weights and of what is dropped; `None` differs each time.

    Raises:
        ParameterError: the cell or its reset is another, a size is not positive, a rate is not in [0, 1), or the cell
            has no such option.

    Attributes:
        history_: how `fit` went: a table, `.to_csv(path)`, `.to_pandas()`, `.plot()`.

    Source: Graves 2013, section 2, with one-hot inputs in place of (1); dropout as in Zaremba, Sutskever & Vinyals
        2014, but not of (1).

    >>> model = CharLM(Vocabulary("ab\n"), hidden_size=8, seed=0)
    >>> text = "".join(model.sample("a", length=5, seed=1))
    >>> len(text), set(text) <= set("ab\n")
    (5, True)
    >>> model
    CharLM(<Vocabulary of 3 characters>, cell='lstm', hidden_size=8, num_layers=1, embedding_size=64)
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
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        zoneout: float | tuple[float, float] = 0.0,
        layer_norm: bool = False,
        layer_options: Mapping[str, Any] | None = None,
        seed: int | None = None,
    ) -> None:
        if not isinstance(vocabulary, Vocabulary):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ParameterError(
                f"`vocabulary` is a {type(vocabulary).__name__}, expected a Vocabulary; "
                "Vocabulary.of(text) is that of a text"
            )
        self.vocabulary = vocabulary
        super().__init__(
            len(vocabulary),
            cell=cell,
            reset=reset,
            hidden_size=hidden_size,
            num_layers=num_layers,
            embedding_size=embedding_size,
            dropout=dropout,
            recurrent_dropout=recurrent_dropout,
            zoneout=zoneout,
            layer_norm=layer_norm,
            layer_options=layer_options,
            seed=seed,
        )

    def __repr__(self) -> str:
        settings = ", ".join(f"{name}={value!r}" for name, value in self.settings.items())
        return f"CharLM(<Vocabulary of {len(self.vocabulary.characters)} characters>, {settings})"

    def fit(
        self,
        text: Text,
        *,
        batch_size: int = 32,
        window: int = 128,
        validation_fraction: float = 0.1,
        validation_data: Text | None = None,
        allow_unknown: bool = False,
        callbacks: Sequence[Callback] = (),
        checkpoint: str | Path | None = None,
        verbose: int = 0,
        **settings: Unpack[FitOptions],
    ) -> Self:
        """Learns from a text, going on from the weights that the model has.

        Args:
            text: a string; or the path of a UTF-8 file, or what `open_text` gives, which may be larger than memory.
            batch_size: streams that the text is cut into, at the most: so many windows make a step.
            window: steps of back-propagation through time; the state is carried on from one window to the next.
            validation_fraction: the part of the text that is held out, at its end.
            validation_data: a text to validate on, in place of a `validation_fraction` of `text`.
            allow_unknown: characters outside the vocabulary are learned as the unknown symbol, and not refused.
            callbacks: see `unrolled.training.fit.Callback`.
            checkpoint: a folder to keep the run in. Where it already holds this run, that goes on, and ends with the
                bits of one that was never interrupted.
            verbose: show how training goes, where positive.
            settings: all those of `unrolled.training.fit.FitSettings` by name, `epochs=20, patience=3` say. The `seed`
                draws where each epoch begins; with that of the model the same one gives the same model, bit for bit.

        Returns:
            The model itself.

        Raises:
            DataError: the text is too short or cannot be read, or it has characters outside the vocabulary: they are
                named.
            ParameterError: an argument or a setting is out of its range, or there is nothing to validate on where the
                settings need it.
            CheckpointError: the folder holds another run.
            DivergenceError: the loss is no longer finite; try a lower learning rate.

        >>> text = "the cat sat on the mat. " * 40
        >>> model = CharLM(Vocabulary.of(text), hidden_size=16, embedding_size=4, seed=0)
        >>> model = model.fit(text, window=16, batch_size=4, epochs=20, learning_rate=0.02)
        >>> "".join(model.sample("the cat ", length=6, temperature=0))
        'sat on'
        """
        self._keep_history(None)  # that of an earlier fit, whatever comes now
        batch_size = whole_number("batch_size", batch_size, remedy="32 is usual")
        window = whole_number("window", window, remedy="128 is usual")
        unknown = settings.keys() - FitOptions.__annotations__.keys()
        if unknown:
            raise ParameterError(
                f"`{min(unknown)}` is no setting of fit, expected one of {', '.join(FitOptions.__annotations__)}; "
                "check the spelling"
            )
        how = FitSettings(**settings)
        material = Material.of(self.vocabulary, text, validation_data, validation_fraction, allow_unknown)
        documents = None
        if checkpoint is not None:
            data = {"batch_size": batch_size, "window": window, **material.to_record()}
            documents = self.documents(data=data)
        callbacks = (self._keeper(), *checked_callbacks(callbacks))
        try:
            fit(
                self,
                Streams(material.training, batch_size, window, how.seed),
                how,
                validate=None if material.held_out is None else partial(validation, self, material.held_out),
                folder=checkpoint,
                documents=documents,
                resume=checkpoint is not None,
                callbacks=callbacks,
                progress=verbose > 0,
                unit="chars",
            )
        except DivergenceError:
            self._keep_history(None)
            raise
        return self

    def evaluate(
        self, text: str | TextFile | NDArray[np.integer[Any]], streams: int = 1, limit: int | None = None
    ) -> Evaluation:
        """Predicts every character of a text but the first, in one pass from a zero state.

        Args:
            text: at least two characters; those outside the vocabulary count as the unknown symbol. What is looked at
                again and again is given as its tokens, `vocabulary.encode(text)`.
            streams: cuts the text into as many equal parts, each from a zero state: faster, and slightly pessimistic.
            limit: predicts so many characters of each stream only: a sample of the whole text.

        Returns:
            The mean loss in nats per character, over how many characters, and how many of those were unknown.

        Raises:
            DataError: the text is too short for even one character to be predicted in each stream.
            ParameterError: `text` is no text, or a number is not positive.
        """
        if not isinstance(text, str | TextFile | np.ndarray):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise not_text("text", text)
        streams = whole_number("streams", streams, remedy="1 is exact")
        if limit is not None:
            limit = whole_number("limit", limit, remedy="None predicts all")
        length = (len(text) - 1) // streams
        if length < 1:
            raise DataError(
                f"the text has {len(text)} characters, expected at least {streams + 1}; "
                "the first has nothing before it to be predicted from"
            )
        tokens = text if isinstance(text, np.ndarray) else self.vocabulary.encode(text)
        inputs, targets = (  # (N, T): views, as a text on the disk is to stay there
            part.reshape(streams, length)[:, :limit]
            for part in (tokens[: length * streams], tokens[1 : length * streams + 1])
        )
        total, unknown, state = 0.0, 0, None
        columns = max(1, EVALUATED_AT_ONCE // streams)
        for start in range(0, inputs.shape[1], columns):
            part, window = (
                np.ascontiguousarray(tokens[:, start : start + columns].T, np.int32) for tokens in (inputs, targets)
            )
            logits, state = self.stack(part, state)
            total += softmax_cross_entropy(logits, window)[0] * window.size
            unknown += int((window == 0).sum())
        return Evaluation(total / targets.size, targets.size, unknown)

    def score(self, text: str) -> Scores:
        """How well each character of a text is predicted from all before it.

        Args:
            text: characters outside the vocabulary count as the unknown symbol.

        Returns:
            `nats`, `-log p` of every character but the first, and their `positions` in the text.

        >>> CharLM(Vocabulary("ab"), hidden_size=8, seed=0).score("abba").positions.tolist()
        [1, 2, 3]
        """
        return self.stream().read(text)

    def stream(self) -> CharStream:
        """An empty text that is read, scored and written piece by piece; its place can be forked and saved."""
        return CharStream(self)

    def sample(
        self,
        prompt: str | None = None,
        length: int = 200,
        *,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float = 1.0,
        seed: int | None = None,
    ) -> Iterator[str]:
        """Writes on from a prompt, one character at a time.

        Args:
            prompt: what goes before; `None` begins as after a line end.
            length: how many characters to write.
            temperature: divides the logits: below 1 plays safe, above 1 dares more; 0 always takes the likeliest.
            top_k: only the k likeliest characters may come; `None` allows all.
            top_p: only the likeliest characters that together have this probability may come; 1 allows all.
            seed: of the choices; `None` differs each time.

        Returns:
            An iterator of characters, without the prompt; the unknown symbol is never written.

        Raises:
            DataError: the prompt is empty, or has characters outside the vocabulary (they are named).
            ParameterError: the length or the temperature is negative or no number, `top_k` is less than 1, `top_p` is
                not in (0, 1], the prompt is no text, or the seed none.
        """
        check_length(length)
        return self._prompted(prompt).write(length, Sampling(temperature, top_k, top_p), seed)

    def continuations(
        self,
        prompt: str | None = None,
        count: int = 4,
        length: int = 200,
        *,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float = 1.0,
        seed: int | None = None,
    ) -> list[str]:
        """Writes on from a prompt in several ways, side by side in one batch; arguments and errors are `sample`'s.

        >>> texts = CharLM(Vocabulary("ab"), hidden_size=8, seed=0).continuations("a", 3, 5, seed=1)
        >>> [len(text) for text in texts]
        [5, 5, 5]
        """
        return self._prompted(prompt).continuations(count, length, Sampling(temperature, top_k, top_p), seed)

    def _prompted(self, prompt: str | None) -> CharStream:
        if prompt is None:
            prompt = "\n" if "\n" in self.vocabulary.characters else self.vocabulary.characters[0]
        if not isinstance(prompt, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise not_text("prompt", prompt)
        if not prompt:
            raise DataError(
                "the prompt is empty, expected at least one character; leave it out to begin as after a line end"
            )
        missing = self.vocabulary.missing(prompt)
        if missing:
            raise DataError(
                f"the prompt has {'a character' if len(missing) == 1 else f'{len(missing)} characters'} that the model "
                f"does not know: {named(missing)}; "
                f"write it with the {len(self.vocabulary.characters)} characters that it knows"
            )
        stream = self.stream()
        stream.read(prompt)
        return stream

    def save(self, folder: str | Path) -> None:
        """Writes the model alone, for `unrolled.load`; into the folder of its own run without an end to that.

        A model that was saved there is replaced: whoever reads or is killed meanwhile finds that one or this one,
        whole.

        Raises:
            CheckpointError: the folder holds the run of another model, or something else, or cannot be written.
        """
        save_model(Path(folder), Unit({"kind": self.kind}, self.documents(), {"weights": dict(self.parameters)}))

    def documents(self, **about: Any) -> dict[str, Any]:
        """What `from_unit` needs besides the weights: the vocabulary, and the configuration with what else is said."""
        config = {"kind": self.kind, "model": self.settings, **about}
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
        model._keep_history(history_of(unit))
        return model
