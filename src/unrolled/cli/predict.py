"""`unrolled predict`: what a run that was trained on a table says of another file; each kind of run has its module."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from unrolled.errors import CheckpointError, DataError, ParameterError


def predict(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder of unrolled train --task ...")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A CSV file with the columns that it was trained on.")],
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where to write (default: the standard output), as CSV.")
    ] = None,
    proba: Annotated[bool, typer.Option("--proba", help="Classify: the probability of each class as well.")] = False,
    interval: Annotated[
        str | None,
        typer.Option(
            metavar="SHARE|none",
            help="Forecast: what share of values the interval is to cover (default 0.9, or none where too little "
            "was held out to say that).",
        ),
    ] = None,
    encoding: Annotated[
        str | None, typer.Option(metavar="NAME", help="Of FILE: utf-8, cp1252, ... (default: that of training's file).")
    ] = None,
) -> None:
    """Apply a run to a file: the classes of its sequences, or what comes after the end of its series.

    A classifier writes a line for each sequence: its label, and how probable that is. A forecaster writes a line for
    each step after the end of the file, with intervals; the dates go on as they do in the file.
    """
    from unrolled.cli.tabular import kept_record
    from unrolled.data.tables import UTF8, read_table

    if run.is_file() and file.is_dir():
        raise ParameterError(f"RUN is the file `{run}` and FILE the folder `{file}`, expected the run first; swap them")
    unit, record = kept_record(run)
    encoding = encoding or str(record.get("encoding", UTF8))
    kind, header, rows = unit.record.get("kind"), list[str](), list[list[Any]]()
    if kind == "sequence_classifier":
        from unrolled.cli.predict_classes import predict_classes

        if interval is not None:
            raise ParameterError("--interval belongs to forecasts, but this run classifies; leave it out")
        header, rows = predict_classes(run, record, read_table(file, encoding), proba)
    elif kind == "forecaster":
        from unrolled.cli.predict_steps import predict_steps

        if proba:
            raise ParameterError("--proba belongs to classes, but this run forecasts; leave it out")
        header, rows = predict_steps(run, unit, read_table(file, encoding), interval)
    else:
        raise CheckpointError(f"`{run}` holds a model of kind {kind!r}, expected one that classifies or forecasts")
    _write(out, header, rows)


def _write(out: Path | None, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    from unrolled.storage import write_atomic

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([f"{cell:.6g}" if isinstance(cell, float) else cell for cell in row] for row in rows)
    if out is None:
        sys.stdout.write(text.getvalue())
        return
    try:
        write_atomic(out, text.getvalue().encode())
    except OSError as error:
        raise DataError(f"`{out}` cannot be written ({error.strerror}); does its folder exist?") from error
