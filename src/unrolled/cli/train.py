"""`unrolled train`: builds a run or takes one up again, shows it, and says how to go on."""

from __future__ import annotations

import dataclasses
import shlex
import signal
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unrolled.errors import DivergenceError, ParameterError
from unrolled.training.config import CELLS, RESETS, TrainConfig

if TYPE_CHECKING:
    from unrolled.models.char_lm_training import CharRun
    from unrolled.training.progress import Show


def _default(name: str) -> str:
    return f" (default {getattr(TrainConfig(), name)})"


Text = Annotated[str | None, typer.Argument(metavar="TEXT", help="A UTF-8 file; without one, a built-in corpus.")]
Corpus = Annotated[
    str | None,
    typer.Option(metavar="python|docs", help="Built-in text: Python's standard library (default), or its reference."),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object per report, one per line.")]


def train(
    text: Text = None,
    corpus: Corpus = None,
    cell: Annotated[
        str | None, typer.Option(metavar="|".join(CELLS), help=f"The recurrent cell{_default('cell')}.")
    ] = None,
    reset: Annotated[
        str | None,
        typer.Option(
            metavar="|".join(RESETS),
            help=f"The GRU's reset gate: after the recurrent product, or before it{_default('reset')}.",
        ),
    ] = None,
    hidden: Annotated[
        int | None, typer.Option(metavar="H", help=f"Hidden units per layer{_default('hidden')}.")
    ] = None,
    layers: Annotated[int | None, typer.Option(metavar="L", help=f"Recurrent layers{_default('layers')}.")] = None,
    batch: Annotated[
        int | None, typer.Option(metavar="N", help=f"Streams of text, side by side{_default('batch')}.")
    ] = None,
    window: Annotated[
        int | None, typer.Option(metavar="T", help=f"Steps of back-propagation through time{_default('window')}.")
    ] = None,
    minutes: Annotated[
        float | None,
        typer.Option(
            metavar="M",
            help=f"How long{_default('minutes')}: the first steps are measured, then their number is fixed.",
        ),
    ] = None,
    epochs: Annotated[float | None, typer.Option(metavar="E", help="How long, in passes over the text.")] = None,
    steps: Annotated[int | None, typer.Option(metavar="S", help="How long, in steps.")] = None,
    lr: Annotated[
        float | None, typer.Option("--lr", metavar="RATE", help=f"The peak learning rate{_default('learning_rate')}.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(metavar="SEED", help=f"Of weights, data order and samples{_default('seed')}.")
    ] = None,
    min_count: Annotated[
        int | None, typer.Option(metavar="COUNT", help="Characters seen fewer times become one unknown symbol.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="RUN", help="The run folder (default runs/NAME-DATE-TIME).")
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option(metavar="RUN", help="Go on with this run, as it was set up (TEXT only if it was moved)."),
    ] = None,
    json: Json = False,
) -> None:
    """Train a character model on a text.

    It learns to foretell each next character, shows what it writes as it learns, and saves to a run folder: weights,
    settings, vocabulary and metrics.csv. The last 10 % of the text are held out for validation. Ctrl-C saves; --resume
    goes on, and ends with the same bits as a run that was never interrupted.
    """
    settings: dict[str, Any] = {
        "cell": cell, "reset": reset, "hidden": hidden, "layers": layers, "batch": batch, "window": window,
        "minutes": minutes, "epochs": epochs, "steps": steps, "learning_rate": lr, "seed": seed,
        "minimum_count": min_count,
    }  # fmt: skip
    given = {name: value for name, value in settings.items() if value is not None}
    if resume is not None:
        run = _resumed(resume, text, [*given, *(["corpus"] if corpus else []), *(["out"] if out else [])])
    else:
        run = _started(text, corpus, out, given)
    _follow(run, _show(run, json))


OPTION_NAMES = {"learning_rate": "lr", "minimum_count": "min-count"}  # where a setting's name is not its option's


def _resumed(folder: Path, text: str | None, given: list[str]) -> CharRun:
    from unrolled.models.char_lm_training import resume

    if given:
        option = "--" + OPTION_NAMES.get(given[0], given[0])
        raise ParameterError(
            f"{option} cannot be given with --resume, which goes on with the settings of {folder}; leave it out"
        )
    return resume(folder, text)


def _started(text: str | None, corpus: str | None, out: Path | None, given: dict[str, Any]) -> CharRun:
    from unrolled.data.corpora import CORPORA, from_file
    from unrolled.models.char_lm_training import start

    lengths = [name for name in ("minutes", "epochs", "steps") if name in given]
    if len(lengths) > 1:
        raise ParameterError(f"--{lengths[0]} and --{lengths[1]} both say how long to train; give one of them")
    if lengths and lengths != ["minutes"]:
        given = given | {"minutes": None}
    try:
        config = TrainConfig(**given)
    except ParameterError as error:
        message = str(error)
        for name in given:
            message = message.replace(f"`{name}`", "--" + OPTION_NAMES.get(name, name))
        raise ParameterError(message) from error
    if text is not None and corpus is not None:
        raise ParameterError("TEXT and --corpus both name a text; give one of them")
    name = corpus or "python"
    if text is None and name not in CORPORA:
        raise ParameterError(
            f"--corpus is {name!r}, expected {' or '.join(CORPORA)}; for a file of yours leave --corpus out"
        )
    chosen = from_file(text) if text is not None else CORPORA[name]()
    folder = out or Path("runs") / f"{chosen.name}-{time.strftime('%Y%m%d-%H%M%S')}"
    return start(folder, chosen, config)


def _show(run: CharRun, json: bool) -> Show:
    from unrolled.training.progress import JsonLines, LiveDisplay, PlainLines

    if json:
        return JsonLines()
    if sys.stdout.isatty():
        return LiveDisplay(f"unrolled train: {run.folder}")
    return PlainLines()


def _follow(run: CharRun, show: Show) -> None:
    """Trains with a show, and says at the end, however it comes, what can be done next."""
    from unrolled.training.facts import bits, perplexity
    from unrolled.training.loop import train
    from unrolled.training.metrics import Metrics
    from unrolled.training.progress import Recorder

    session, folder = run.session, shlex.quote(str(run.folder))
    go_on = f"unrolled train --resume {folder}"
    _introduce(run, show)
    run.save()
    recorder = Recorder(Metrics(run.folder, session.step, run.columns), show)
    try:
        with _stoppable() as stop, show.held():
            last = train(session, run.task, recorder, run.save, stop)
    except DivergenceError as error:
        raise DivergenceError(f"{error} (--lr); the last good checkpoint is kept in {folder}") from error
    if last is None:
        show.say(
            "interrupted",
            f"saved at step {session.step:,} in {run.folder}; go on with: {go_on}",
            step=session.step,
            resume=go_on,
        )
        raise typer.Exit(130)
    assert last.val_loss is not None
    show.say(
        "end",
        f"{last.val_loss:.4f} nats/char on all {last.metrics['characters']:,} held-out characters "
        f"(perplexity {perplexity(last.val_loss):.2f}, {bits(last.val_loss):.3f} bits/char), "
        f"after {session.step:,} steps.\n"
        f"Saved in {run.folder}. Now try:\n"
        f"  unrolled sample {folder} --length 500\n"
        f"  unrolled eval {folder} SOME_TEXT",
        val_loss=last.val_loss,
        perplexity=perplexity(last.val_loss),
        bits_per_char=bits(last.val_loss),
        steps=session.step,
        run=str(run.folder),
    )


def _introduce(run: CharRun, show: Show) -> None:
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
    if run.streams < config.batch:
        show.say("note", f"the text is short: {run.streams} streams instead of {config.batch}", streams=run.streams)


@contextmanager
def _stoppable() -> Generator[Callable[[], bool]]:
    """Gives a function that says whether Ctrl-C (or SIGTERM) came; a second one ends the process at once."""
    asked = False

    def ask(number: int, frame: Any) -> None:
        nonlocal asked
        asked = True
        for each, handler in before.items():
            signal.signal(each, handler)

    before = {each: signal.signal(each, ask) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: asked
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
