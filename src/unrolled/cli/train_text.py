"""`unrolled train` on a text: how a run is begun and taken up again, and what is said of it."""

from __future__ import annotations

import dataclasses
import shlex
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unrolled.errors import ParameterError
from unrolled.shapes import counted
from unrolled.training.config import TrainConfig
from unrolled.training.facts import bits, perplexity

if TYPE_CHECKING:
    from unrolled.models.text.training import CharRun
    from unrolled.training.progress import Show
    from unrolled.training.report import Report

__all__ = ["TextRun", "resumed", "started"]

SETTING_NAMES = {"lr": "learning_rate", "min_count": "minimum_count"}  # where an option's name is not its setting's


def resumed(folder: Path, text: str | None) -> TextRun:
    """Takes up the run of a folder; `text` is where its text is now, if it was moved."""
    from unrolled.models.text.training import resume

    return TextRun(resume(folder, text))


def started(text: str | None, corpus: str | None, out: Path | None, given: dict[str, Any]) -> TextRun:
    """Begins a run on a file, or a built-in corpus; `given` are the options that say how to train."""
    from unrolled.data.corpora import CORPORA, from_file
    from unrolled.models.text.training import start

    settings = {SETTING_NAMES.get(name, name): value for name, value in given.items()}
    if "epochs" in given or "steps" in given:
        settings["minutes"] = None
    try:
        config = TrainConfig(**settings)
    except ParameterError as error:
        message = str(error)
        for name in given:
            message = message.replace(f"`{SETTING_NAMES.get(name, name)}`", "--" + name.replace("_", "-"))
        raise ParameterError(message) from error
    if text is not None and corpus is not None:
        raise ParameterError("FILE and --corpus both name a text; give one of them")
    name = corpus or "python"
    if text is None and name not in CORPORA:
        raise ParameterError(
            f"--corpus is {name!r}, expected {' or '.join(CORPORA)}; for a file of yours leave --corpus out"
        )
    chosen = from_file(text) if text is not None else CORPORA[name]()
    folder = out or Path("runs") / f"{chosen.name}-{time.strftime('%Y%m%d-%H%M%S')}"
    return TextRun(start(folder, chosen, config))


class TextRun:
    """A run on a text, as `follow` wants it."""

    def __init__(self, run: CharRun) -> None:
        self.run = run
        self.session, self.task, self.folder, self.columns = run.session, run.task, run.folder, run.columns

    def save(self) -> None:
        """Writes a checkpoint."""
        self.run.save()

    def introduce(self, show: Show) -> None:
        """Says what is trained on what."""
        run = self.run
        session, config = run.session, run.config
        parameters = sum(array.size for array in run.model.parameters.values())
        settings = run.model.settings
        cell = f"{settings['cell']} (reset {settings['reset']})" if "reset" in settings else settings["cell"]
        show.say(
            "start",
            f"text: {run.corpus.about}\n"
            f"model: {cell}, {settings['num_layers']} x {settings['hidden_size']} units, "
            f"{len(run.model.vocabulary)} symbols, {parameters:,} parameters\n"
            f"run: {run.folder}, {run.streams} streams, windows of {config.window}"
            + ("" if session.total_steps is None else f", step {session.step:,} of {session.total_steps:,}"),
            run=str(run.folder),
            parameters=parameters,
            vocabulary=len(run.model.vocabulary),
            streams=run.streams,
            step=session.step,
            settings=dataclasses.asdict(config),
        )
        if Path(run.corpus.source).suffix in (".csv", ".tsv"):
            show.say("note", "a table is read here as any text; for its columns choose --task classify or forecast")
        if run.streams < config.batch:
            show.say("note", f"the text is short: {run.streams} streams instead of {config.batch}", streams=run.streams)

    def conclude(self, show: Show, last: Report) -> None:
        """Says what came of it, and what can be done with it."""
        folder, loss, count = shlex.quote(str(self.folder)), last.metrics["loss"], last.metrics["characters"]
        assert loss is not None
        early = ""
        stopping = self.session.stopping
        if stopping is not None and self.session.stopped:
            early = (
                f"Stopped early: no better validation in {counted(stopping.patience, 'epoch')}; "
                f"the weights are those of step {stopping.best_step:,}.\n"
            )
        show.say(
            "end",
            f"{early}{loss:.4f} nats/char on all {count:,} held-out characters "
            f"(perplexity {perplexity(loss):.2f}, {bits(loss):.3f} bits/char), "
            f"after {counted(self.session.step, 'step')}.\n"
            f"Saved in {self.folder}. Now try:\n"
            f"  unrolled sample {folder} --length 500\n"
            f"  unrolled eval {folder} SOME_TEXT",
            val_loss=loss,
            perplexity=perplexity(loss),
            bits_per_char=bits(loss),
            steps=self.session.step,
            run=str(self.folder),
        )
