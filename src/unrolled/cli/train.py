"""`unrolled train`: its options, and which task has which; what each task begins or takes up again, its module says."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from unrolled.data.tables import UTF8
from unrolled.errors import ParameterError
from unrolled.optimizers import OPTIMIZERS
from unrolled.training.config import CELLS, RESETS, TrainConfig
from unrolled.training.settings import SCHEDULE_NAMES

ANY, TEXT, TABLE = "Options of every task", "Options of --task text", "Options of --task classify and forecast"
CLASSIFY, FORECAST, RUN = "Options of --task classify", "Options of --task forecast", "The run"

TASKS = ("text", "classify", "forecast")
LENGTHS = ("minutes", "epochs", "steps")  # options that say how long to train
# Which task has which options; those that are not here, every task has.
OPTIONS_OF = {
    **dict.fromkeys(("corpus", "reset", "window", "steps", "min_count"), ("text",)),
    **dict.fromkeys(("recurrent_dropout", "zoneout", "layer_norm"), ("text",)),
    **dict.fromkeys(("validation", "test", "missing", "encoding"), ("classify", "forecast")),
    **dict.fromkeys(("target", "sequence", "time", "features"), ("classify",)),
    **dict.fromkeys(("date", "date_format", "values", "series", "horizon", "context"), ("forecast",)),
}


def _default(name: str, classify: Any = None, forecast: Any = None) -> str:
    """The default of a setting, and those of the other tasks where they differ."""
    text = getattr(TrainConfig(), name)
    others = {"classify": classify, "forecast": forecast}
    if classify is not None and classify == forecast:
        others = {"classify and forecast": classify}
    parts = [str(text), *(f"{value} for {task}" for task, value in others.items() if value is not None)]
    return f" (default {'; '.join(parts)})"


def _option(panel: str, metavar: str, help: str, *names: str) -> Any:  # noqa: A002  (as of Typer)
    return typer.Option(*names, metavar=metavar, help=help, rich_help_panel=panel)


File = Annotated[
    str | None,
    typer.Argument(metavar="FILE", help="A UTF-8 text, without one a built-in corpus; or for a table a CSV file."),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object per report, one per line.", rich_help_panel=RUN)]


def train(
    file: File = None,
    task: Annotated[str | None, _option(ANY, "|".join(TASKS), "What is learned from the file (default text).")] = None,
    cell: Annotated[
        str | None, _option(ANY, "|".join(CELLS), f"The recurrent cell{_default('cell', 'gru', 'gru')}.")
    ] = None,
    hidden: Annotated[int | None, _option(ANY, "H", f"Hidden units per layer{_default('hidden', 64, 16)}.")] = None,
    layers: Annotated[int | None, _option(ANY, "L", f"Recurrent layers{_default('layers')}.")] = None,
    batch: Annotated[
        int | None,
        _option(ANY, "N", f"Streams of text, sequences or windows, side by side{_default('batch', 32)}."),
    ] = None,
    minutes: Annotated[
        float | None,
        _option(ANY, "M", "How long, with validation and saving (text: 3.0 by default)."),
    ] = None,
    epochs: Annotated[
        float | None,
        _option(ANY, "E", "How long, in passes over the data (classify: 100, forecast: 200 by default)."),
    ] = None,
    lr: Annotated[
        float | None, _option(ANY, "RATE", f"The peak learning rate{_default('learning_rate', 0.003, 0.005)}.", "--lr")
    ] = None,
    optimizer: Annotated[
        str | None,
        _option(ANY, "|".join(OPTIMIZERS), f"The optimizer{_default('optimizer', forecast='adamw')}."),
    ] = None,
    schedule: Annotated[
        str | None,
        _option(ANY, "NAME", f"How the rate goes: {', '.join(SCHEDULE_NAMES)}{_default('schedule')}."),
    ] = None,
    dropout: Annotated[
        float | None,
        _option(ANY, "P", f"The part of the recurrent layers' outputs dropped{_default('dropout', 0.2)}."),
    ] = None,
    weight_decay: Annotated[
        float | None,
        _option(ANY, "D", f"The weight decay of --optimizer adamw{_default('weight_decay', forecast=0.05)}."),
    ] = None,
    ema: Annotated[
        float | None, _option(ANY, "DECAY", "Keep an average of the weights, 0.99 say: it is validated and saved.")
    ] = None,
    patience: Annotated[
        int | None,
        _option(
            ANY,
            "E",
            "Stop after E epochs without a better validation; the best weights are kept "
            "(classify: 20, forecast: 30 by default).",
        ),
    ] = None,
    seed: Annotated[
        int | None, _option(ANY, "SEED", f"Of all that is drawn: weights, order, parts{_default('seed')}.")
    ] = None,
    corpus: Annotated[
        str | None,
        _option(TEXT, "python|docs", "Built-in text: Python's standard library (default), or its reference."),
    ] = None,
    reset: Annotated[
        str | None,
        _option(
            TEXT,
            "|".join(RESETS),
            f"The GRU's reset gate: after the recurrent product, or before it{_default('reset')}.",
        ),
    ] = None,
    window: Annotated[
        int | None, _option(TEXT, "T", f"Steps of back-propagation through time{_default('window')}.")
    ] = None,
    steps: Annotated[int | None, _option(TEXT, "S", "How long, in steps.")] = None,
    recurrent_dropout: Annotated[
        float | None,
        _option(TEXT, "P", f"The part of the state dropped on its way back{_default('recurrent_dropout')}."),
    ] = None,
    zoneout: Annotated[
        float | None, _option(TEXT, "P", f"The part of the units that keep their state{_default('zoneout')}.")
    ] = None,
    layer_norm: Annotated[
        bool | None, typer.Option("--layer-norm", help="Normalise the gates' sums.", rich_help_panel=TEXT)
    ] = None,
    min_count: Annotated[
        int | None, _option(TEXT, "COUNT", "Characters seen fewer times become one unknown symbol.")
    ] = None,
    target: Annotated[
        str | None,
        _option(CLASSIFY, "COLUMN", "The label to predict, the same in all rows of a sequence (guessed by its name)."),
    ] = None,
    sequence: Annotated[
        str | None, _option(CLASSIFY, "COLUMN", "Rows that have the same here are one sequence (guessed by its name).")
    ] = None,
    time: Annotated[
        str | None,
        _option(CLASSIFY, "COLUMN", "Sorts each sequence's rows (guessed by its name, or as they are in the file)."),
    ] = None,
    features: Annotated[
        str | None, _option(CLASSIFY, "A,B,...", "The columns to learn from (default: all others).")
    ] = None,
    date: Annotated[
        str | None, _option(FORECAST, "COLUMN", "Dates, or whole numbers that count steps (guessed).")
    ] = None,
    date_format: Annotated[
        str | None,
        _option(FORECAST, "FORMAT", "How dates are written, as of strptime, and %q: '%d %b %Y', '%YQ%q' (guessed)."),
    ] = None,
    values: Annotated[
        str | None, _option(FORECAST, "A,B,...", "The columns to predict (guessed where there is one).")
    ] = None,
    series: Annotated[
        str | None, _option(FORECAST, "COLUMN", "Rows that have the same here are one series (default: all are one).")
    ] = None,
    horizon: Annotated[int | None, _option(FORECAST, "STEPS", "How many steps to predict (default 12).")] = None,
    context: Annotated[
        int | None, _option(FORECAST, "STEPS", "How many steps to read before them (default: by season and horizon).")
    ] = None,
    validation: Annotated[
        float | None,
        _option(TABLE, "SHARE", "Held out to stop early and to calibrate intervals; the last part of a series (0.2)."),
    ] = None,
    test: Annotated[
        float | None,
        _option(TABLE, "SHARE", "Held out to report errors on; the end of a series (default 0.2, 0 for none)."),
    ] = None,
    missing: Annotated[
        str | None, _option(TABLE, "refuse|mask", "What is done about empty cells among numbers (default refuse).")
    ] = None,
    encoding: Annotated[
        str | None, _option(TABLE, "NAME", f"Of the file: utf-16, cp1252, latin-1, ... (default {UTF8}).")
    ] = None,
    out: Annotated[Path | None, _option(RUN, "RUN", "The run folder (default runs/NAME-DATE-TIME).")] = None,
    resume: Annotated[
        Path | None, _option(RUN, "RUN", "Go on with this run, as it was set up (FILE only if it was moved).")
    ] = None,
    json: Json = False,
) -> None:
    """Train a model on a file, and keep it in a run folder.

    --task text: a character model that learns to predict each next character of a text, and writes as it learns. The
    last 10 % of the text are held out for validation. Then: unrolled sample, unrolled eval.

    --task classify: which class a sequence belongs to, from a CSV file with a row for each step, a column that says
    which sequence it is of, and one with the label. Then: unrolled predict.

    --task forecast: the next steps of one or many series, with intervals, from a CSV file with a row for each date.
    Then: unrolled predict.

    Ctrl-C saves; --resume goes on: with --epochs or --steps to the same bits as a run that was never interrupted, with
    --minutes for as long as is left of them.
    """
    options: dict[str, Any] = {
        "task": task, "cell": cell, "reset": reset, "hidden": hidden, "layers": layers, "batch": batch,
        "window": window, "minutes": minutes, "epochs": epochs, "steps": steps, "lr": lr, "seed": seed,
        "min_count": min_count, "optimizer": optimizer, "schedule": schedule, "dropout": dropout,
        "recurrent_dropout": recurrent_dropout, "zoneout": zoneout, "layer_norm": layer_norm,
        "weight_decay": weight_decay, "ema": ema, "patience": patience, "target": target, "sequence": sequence,
        "time": time, "features": features, "date": date, "date_format": date_format, "values": values,
        "series": series, "horizon": horizon, "context": context, "validation": validation, "test": test,
        "missing": missing, "encoding": encoding, "corpus": corpus, "out": out,
    }  # fmt: skip
    given = {name: value for name, value in options.items() if value is not None}
    if resume is not None:
        _resume(resume, file, given, json)
        return
    chosen = given.pop("task", "text")
    if chosen not in TASKS:
        raise ParameterError(f"--task is {chosen!r}, expected one of {', '.join(TASKS)}; check the spelling")
    for name in given:
        tasks = OPTIONS_OF.get(name, TASKS)
        if chosen not in tasks:
            raise ParameterError(
                f"{_spelled(name)} belongs to --task {' and '.join(tasks)}, not to {chosen}; "
                + ("leave it out" if task is not None else f"leave it out, or choose --task {tasks[0]}")
            )
    lengths = [name for name in LENGTHS if name in given]
    if len(lengths) > 1:
        raise ParameterError(f"--{lengths[0]} and --{lengths[1]} both say how long to train; give one of them")
    if chosen == "text":
        from unrolled.cli.follow import follow
        from unrolled.cli.train_text import started

        follow(started(file, given.pop("corpus", None), given.pop("out", None), given), json)
        return
    if file is None:
        raise ParameterError(f"FILE is not given, expected a CSV file for --task {chosen}; name one")
    if chosen == "classify":
        from unrolled.cli import train_classify

        train_classify.start(file, given, json)
    else:
        from unrolled.cli import train_forecast

        train_forecast.start(file, given, json)


def _resume(folder: Path, file: str | None, given: dict[str, Any], json: bool) -> None:
    """Takes up the run of a folder, whatever its task."""
    if given:
        name = next(iter(given))
        how = f" with {_spelled(name)}," if name not in OPTIONS_OF else ""  # only some tasks know the others
        longer = f"; to train longer, begin another run{how} without --resume"
        raise ParameterError(
            f"{_spelled(name)} cannot be given with --resume, which goes on with the settings of {folder}; leave it out"
            + (longer if name in LENGTHS else "")
        )
    from unrolled.storage import read_unit

    kind = read_unit(folder, ()).record.get("kind")
    if kind == "sequence_classifier":
        from unrolled.cli import train_classify

        train_classify.resume(folder, file, json)
    elif kind == "forecaster":
        from unrolled.cli import train_forecast

        train_forecast.resume(folder, file, json)
    else:
        from unrolled.cli.follow import follow
        from unrolled.cli.train_text import resumed

        follow(resumed(folder, file), json)


def _spelled(name: str) -> str:
    return "--" + name.replace("_", "-")
