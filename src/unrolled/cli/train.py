"""`unrolled train`: its options; what they begin or take up again, `train_text` says, and `follow` runs it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from unrolled.optimizers import OPTIMIZERS
from unrolled.training.config import CELLS, RESETS, TrainConfig
from unrolled.training.settings import SCHEDULE_NAMES


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
    optimizer: Annotated[
        str | None, typer.Option(metavar="|".join(OPTIMIZERS), help=f"The optimizer{_default('optimizer')}.")
    ] = None,
    schedule: Annotated[
        str | None,
        typer.Option(metavar="NAME", help=f"How the rate goes: {', '.join(SCHEDULE_NAMES)}{_default('schedule')}."),
    ] = None,
    dropout: Annotated[
        float | None,
        typer.Option(metavar="P", help=f"The part of the recurrent layers' outputs dropped{_default('dropout')}."),
    ] = None,
    weight_decay: Annotated[
        float | None, typer.Option(metavar="D", help="The weight decay of --optimizer adamw (default 0.0).")
    ] = None,
    ema: Annotated[
        float | None,
        typer.Option(metavar="DECAY", help="Keep an average of the weights, 0.99 say: it is validated and saved."),
    ] = None,
    patience: Annotated[
        int | None,
        typer.Option(metavar="E", help="Stop after E epochs without a better validation; the best weights are kept."),
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
    from unrolled.cli.follow import follow
    from unrolled.cli.train_text import resumed, started

    settings: dict[str, Any] = {
        "cell": cell, "reset": reset, "hidden": hidden, "layers": layers, "batch": batch, "window": window,
        "minutes": minutes, "epochs": epochs, "steps": steps, "learning_rate": lr, "seed": seed,
        "minimum_count": min_count, "optimizer": optimizer, "schedule": schedule, "dropout": dropout,
        "weight_decay": weight_decay, "ema": ema, "patience": patience,
    }  # fmt: skip
    given = {name: value for name, value in settings.items() if value is not None}
    if resume is not None:
        run = resumed(resume, text, [*given, *(["corpus"] if corpus else []), *(["out"] if out else [])])
    else:
        run = started(text, corpus, out, given)
    follow(run, json)
