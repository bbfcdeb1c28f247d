"""The runs of `unrolled train` on a text: joins corpus, model, session and folder; the loop itself is `training`."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.data.corpora import Corpus, from_file, load_corpus
from unrolled.data.text import Streams, Vocabulary, split_held_out
from unrolled.errors import CheckpointError
from unrolled.models.text.char_lm import CharLM
from unrolled.models.text.material import STREAMS, VALIDATED, parted
from unrolled.storage import holds_unit, read_unit
from unrolled.training.checkpoint import GROUPS, restore_session, save_session
from unrolled.training.config import TrainConfig
from unrolled.training.session import Session

__all__ = ["CharRun", "CharTask", "resume", "start"]

SAMPLE_LENGTH, SAMPLE_TEMPERATURE = 320, 0.7
PROBED = 4096  # characters: enough that the time they take can be told
# val_characters says on how much held-out text val_loss was measured
COLUMNS = ("step", "seconds", "train_loss", "val_loss", "val_characters", "learning_rate", "chars_per_second")


class CharTask:
    """Validation and samples, from random states of their own: training goes on as if nobody had looked."""

    partial = True
    unit = "chars"
    loss_unit = "nats/char"
    metrics: tuple[str, ...] = ("loss", "characters")

    def __init__(self, model: CharLM, held_out: NDArray[np.integer[Any]], config: TrainConfig) -> None:
        self.model, self.held_out, self.seed = model, held_out, config.seed
        self.by_epoch = self.decides = config.settings().decides

    def validate(self, full: bool) -> dict[str, float]:
        """All held-out text in one stream; or stretches from all over it, side by side, in a small part of the time."""
        if full:
            result = self.model.evaluate(self.held_out)
        else:
            result = self.model.evaluate(self.held_out, min(STREAMS, len(self.held_out) - 1), VALIDATED)
        return {"loss": result.loss, "characters": result.characters}

    def probe(self) -> float:
        """Predicts the beginning of the held-out text in one stream, as the last validation does all of it."""
        whole = len(self.held_out) - 1
        part = min(PROBED, whole)
        self.model.evaluate(self.held_out, limit=part)
        return whole / part

    def sample(self, step: int) -> str:
        """A few lines, which depend on the seed and the step alone."""
        seed = int(np.random.SeedSequence([self.seed, step]).generate_state(1)[0])
        return "".join(self.model.sample(length=SAMPLE_LENGTH, temperature=SAMPLE_TEMPERATURE, seed=seed))


class CharRun:
    """One training run: its session, its task, its folder, and how to save it."""

    columns: tuple[str, ...] = COLUMNS  # of metrics.csv

    def __init__(
        self, folder: Path, model: CharLM, corpus: Corpus, config: TrainConfig, documents: dict[str, Any] | None
    ) -> None:
        training, held_out = parted(corpus.text, config.held_out)
        self.folder, self.model, self.corpus, self.config = folder, model, corpus, config
        batches = Streams(model.vocabulary.encode(training), config.batch, config.window, config.seed)
        total = config.steps
        if config.epochs is not None:
            total = max(1, round(config.epochs * batches.windows))
        self.streams = batches.streams
        self.session = Session(model, batches, config.settings(), total)
        self.task = CharTask(model, model.vocabulary.encode(held_out), config)
        self.documents = documents or model.documents(
            training=config.to_record(),
            data={"source": corpus.source, "sha256": corpus.sha256, "about": corpus.about},
            versions={"python": platform.python_version(), "numpy": np.__version__},
        )

    def save(self) -> None:
        """Writes a checkpoint."""
        save_session(self.folder, self.session, self.model.kind, self.documents)


def start(folder: str | Path, corpus: Corpus, config: TrainConfig) -> CharRun:
    """A new run; nothing is written before its first `save`.

    Args:
        folder: for checkpoints and metrics; must not hold a run.
        corpus: the text.
        config: the settings.

    Raises:
        CheckpointError: the folder holds a run.
        DataError: the text is too short.
    """
    if holds_unit(Path(folder)):
        raise CheckpointError(
            f"`{folder}` already holds a run; go on with it with --resume, or choose another folder with --out"
        )
    training, _ = split_held_out(corpus.text, config.held_out)
    vocabulary = Vocabulary.of(training, config.minimum_count or corpus.minimum_count)
    model = CharLM(
        vocabulary,
        cell=config.cell,
        reset=config.reset,
        hidden_size=config.hidden,
        num_layers=config.layers,
        embedding_size=config.embedding,
        dropout=config.dropout,
        recurrent_dropout=config.recurrent_dropout,
        zoneout=config.zoneout,
        layer_norm=config.layer_norm,
        seed=config.seed,
    )
    return CharRun(Path(folder), model, corpus, config, None)


def resume(folder: str | Path, text: str | Path | None = None) -> CharRun:
    """A run as its last checkpoint left it.

    Args:
        folder: of the run.
        text: where its text is now, if it was moved.

    Raises:
        CheckpointError: it is no run folder, its checkpoint is truncated or altered, it holds a model without a run or
            a run of `fit`, or the text is not the one it was trained on.
        DataError: the text cannot be read.
    """
    unit = read_unit(Path(folder), GROUPS)
    kind = unit.record.get("kind")
    if kind != CharLM.kind:
        raise CheckpointError(
            f"`{folder}` holds a model of kind {kind!r}, expected {CharLM.kind!r}; it was trained by something else"
        )
    if "fit" in unit.documents:
        raise CheckpointError(
            f"`{folder}` holds a run of CharLM.fit, expected one of unrolled train; "
            "go on with it by fit(text, checkpoint=FOLDER), with what it was begun with"
        )
    model = CharLM.from_unit(unit)
    try:
        recorded = unit.documents["config"]
        config, data = TrainConfig.from_record(recorded["training"]), recorded["data"]
        source, sha256 = data["source"], data["sha256"]
    except KeyError as error:
        raise CheckpointError(
            f"`{folder}` has no {error} in its configuration; was it saved by another version of unrolled?"
        ) from None
    corpus = load_corpus(source) if text is None else from_file(text)
    if corpus.sha256 != sha256:
        raise CheckpointError(
            f"the text of `{text or source}` is not the one that the run was trained on (its SHA-256 differs); "
            + (
                "resume with the same Python"
                if corpus.source == source == corpus.name
                else "give the old text: unrolled train TEXT --resume RUN"
            )
        )
    run = CharRun(Path(folder), model, corpus, config, unit.documents)
    restore_session(run.session, unit)
    return run
