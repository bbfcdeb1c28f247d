"""`fit`: trains any model on any batches with the one loop, and gives the history; what a model is, others say."""

from __future__ import annotations

import signal
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from unrolled.errors import DivergenceError, ParameterError
from unrolled.training.callbacks import Callback, Callbacks, StopTraining
from unrolled.training.early_stopping import sense_of
from unrolled.training.history import History
from unrolled.training.interrupt import stoppable
from unrolled.training.loop import train
from unrolled.training.progress import Show
from unrolled.training.report import Report
from unrolled.training.run_folder import RunFolder
from unrolled.training.session import Batches, Loadable, Model, Session
from unrolled.training.settings import FitSettings
from unrolled.training.shows import Silent, choose_show

__all__ = ["BUDGET_WARMUP", "Callback", "FitSettings", "History", "StopTraining", "fit"]

BUDGET_WARMUP = 10  # steps at the least of a budget in minutes: what a step takes is measured meanwhile


def fit(
    model: Model,
    batches: Batches,
    settings: FitSettings,
    *,
    validate: Callable[[], Mapping[str, float]] | None = None,
    folder: str | Path | None = None,
    kind: str = "",
    documents: Mapping[str, Any] | None = None,
    resume: bool = False,
    callbacks: Sequence[Callback] = (),
    progress: bool = False,
    unit: str = "sequences",
    defaults: Mapping[str, Any] | None = None,
    learned: Collection[str] = (),
) -> History:
    """Trains a model.

    After each epoch `validate` is called, with the averaged weights in the model where `settings.ema` is set. What it
    finds decides when there is `settings.patience` or a plateau to be found, and may decide where there are callbacks;
    without any of them it is only looked at: then it takes 4 % of the time at most, which for short epochs means that
    not each is validated, and for long ones that they are in their middle as well. The last weights always are.

    Args:
        model: changed in place; see `Model`.
        batches: see `Batches`.
        settings: how.
        validate: gives metrics by name, `"loss"` usually among them; must not change model, data or random states.
        folder: for checkpoints and `metrics.csv`; nothing is written without one.
        kind: of the model, for `unrolled.load`; a `CharLM` says its own. A run without one can only be gone on with.
        documents: what else `unrolled.load` needs, as plain values by name; added to what a `CharLM` says.
        resume: go on with the run in `folder`, if there is one; it ends with the bits of one never interrupted, unless
            `settings.minutes` is set: then it has what is left of them.
        callbacks: are told how it goes, and may raise `StopTraining`.
        progress: whether to show it: a live display in a terminal, a line redrawn in a notebook, else plain lines.
        unit: what the batches count, for the speed that is shown.
        defaults: of what is in `documents`: a run that was begun before there was an entry is one with this in it.
        learned: what in `documents` comes from the data, `"config.scaling"` say: where that alone differs, they do.

    Returns:
        The history. The model has the weights to be used: the best, or the averaged ones, or the last.

    Raises:
        ParameterError: an argument is of another kind; the settings need a validation and there is none, or it gives
            no metrics, or not the monitored one.
        CheckpointError: the folder holds a run that is not to be gone on with, or of another model or other settings.
        DivergenceError: the loss is no longer finite; the last good checkpoint is kept.
        KeyboardInterrupt: Ctrl-C; the model has the best weights so far, or the averaged ones, or the last, and there
            is a checkpoint of now where there is a folder.
        Exception: any other error on the way, of a callback or of `validate` say; the model has the weights that it has
            after Ctrl-C, and there is a checkpoint of them if the error came between two steps.

    >>> import numpy as np
    >>> from unrolled.data.sequences import SequenceBatches, Sequences
    >>> from unrolled.losses import softmax_cross_entropy
    >>> from unrolled.models.sequences.network import SequenceNetwork
    >>> x = np.random.default_rng(0).normal(size=(40, 6, 1)).astype("float32")
    >>> rising = (x[:, -1, 0] > x[:, 0, 0]).astype("int32")
    >>> network = SequenceNetwork(1, 2, softmax_cross_entropy, hidden_size=8, seed=0)
    >>> batches = SequenceBatches(Sequences.of(x), rising, batch_size=20, seed=0)
    >>> history = fit(network, batches, FitSettings(epochs=30, learning_rate=0.05))
    >>> history.rows[-1]["train_loss"] < 0.1 < history.rows[0]["train_loss"]
    True
    """
    _check(model, batches, settings, validate)
    told = Callbacks(callbacks)
    if validate is None and settings.decides:
        name = "patience" if settings.patience is not None else "schedule"
        raise ParameterError(
            f"`{name}` is {getattr(settings, name)!r} without `validate`, expected a function that returns "
            f"{settings.monitor!r}; hold some of the data out for it"
        )
    if settings.minutes is not None:
        settings = replace(settings, warmup=max(settings.warmup, BUDGET_WARMUP))
    total = settings.steps
    if settings.epochs is not None:
        total = max(1, round(settings.epochs * batches.steps_per_epoch))
    if isinstance(model, Loadable):
        kind, documents = kind or model.kind, {**model.documents(), **(documents or {})}
    session = Session(model, batches, settings, total)
    history = History(sense_of(settings.monitor))
    kept = RunFolder(folder, session, history, kind, documents or {}, resume, defaults or {}, learned)
    show = choose_show("fit" if folder is None else str(folder)) if progress else Silent()
    observer = _All(history, kept, told, show)
    task = _Validation(validate, settings.decides or told.decide, unit)
    each_step = told.each_step or not isinstance(show, Silent)
    with stoppable((signal.SIGINT,)) as stop, show.held(), told.running(session, history):
        try:
            last = train(session, task, observer, kept.save, stop, each_step=each_step)
        except DivergenceError:
            raise
        except Exception:  # of a callback, say: what was learned is not lost with it
            session.conclude()
            raise
    show.say("end" if last is not None else "interrupted", _summary(session, history, last is None))
    if last is None:
        raise KeyboardInterrupt
    return history


def _check(model: Any, batches: Any, settings: Any, validate: Any) -> None:
    """Raises where an argument cannot be what it should be."""
    if not isinstance(settings, FitSettings):
        raise ParameterError(
            f"`settings` is {settings!r}, expected a FitSettings; FitSettings(**settings) makes one of a dict"
        )
    for name, given, needed in (
        ("model", model, ("parameters", "edit", "loss_and_gradients")),
        ("batches", batches, ("steps_per_epoch", "batch_items", "next")),
    ):
        for each in needed:
            if not hasattr(given, each):
                raise ParameterError(
                    f"`{name}` is of {type(given)} and has no `{each}`, expected one with {', '.join(needed)}; "
                    'see "Your own model" in docs/training.md, which makes one of layers'
                )
    if validate is not None and not callable(validate):
        raise ParameterError(f"`validate` is {validate!r}, expected a function that returns metrics by name, or None")


def _summary(session: Session, history: History, interrupted: bool) -> str:
    """How a run ended, in one line."""
    text = f"{'interrupted' if interrupted else 'stopped' if session.stopped else 'done'} at epoch {session.epoch:.4g}"
    best = history.best
    if best is None:
        return text
    name = history.sense.name
    return f"{text}; best {name} {best[f'val_{name}']:.4g} at epoch {best['epoch']:.4g}"


class _All:
    """Everyone who is told: the history and the folder first, as the others may stop the run."""

    def __init__(self, history: History, kept: RunFolder, callbacks: Callbacks, show: Show) -> None:
        self.history, self.kept, self.callbacks, self.show = history, kept, callbacks, show

    def step(self, report: Report) -> None:
        self.show.step(report)
        self.callbacks.step(report)

    def report(self, report: Report) -> None:
        self.history.append(report)
        self.kept.report(report)
        self.show.report(report)
        self.callbacks.report(report)


class _Validation:
    """A function that validates, as the loop's task."""

    by_epoch = True
    partial = False
    loss_unit = ""
    metrics: tuple[str, ...] = ()

    def __init__(self, validate: Callable[[], Mapping[str, float]] | None, decides: bool, unit: str) -> None:
        self._validate, self.decides, self.unit = validate, decides, unit

    def validate(self, full: bool) -> Mapping[str, float]:
        if self._validate is None:
            return {}
        found: Any = self._validate()
        try:
            if not isinstance(found, Mapping):
                raise TypeError
            metrics = cast("Mapping[str, Any]", found)
            return {name: value if isinstance(value, int) else float(value) for name, value in metrics.items()}
        except (TypeError, ValueError):
            raise ParameterError(
                f"`validate` returned {found!r}, expected numbers by name, as {{'loss': 0.5}}; "
                "is there a `return` in it?"
            ) from None

    def sample(self, step: int) -> None:
        return None

    def probe(self) -> float:
        return 0.0
