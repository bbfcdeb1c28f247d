"""`unrolled train --task classify`: from a table with a row for each step to a classifier of its sequences."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.cli.follow import show_for
from unrolled.cli.tabular import (
    DOCUMENT,
    SECONDS_PER_LINE,
    Watch,
    as_options,
    check_common,
    conclude,
    named_columns,
    new_folder,
    reopened,
    table_record,
    watched,
)
from unrolled.data.sequence_table import (
    LabelledSequences,
    SequenceColumns,
    choose_sequence_columns,
    read_labels,
    read_sequences,
)
from unrolled.data.tables import UTF8, Table, read_table
from unrolled.errors import DataError, ParameterError
from unrolled.models import load
from unrolled.models.sequences.classifier import SequenceClassifier
from unrolled.models.sequences.parts import held_out
from unrolled.shapes import counted
from unrolled.training.progress import Show
from unrolled.training.session import Session

__all__ = ["resume", "start"]

# Where an option is not given; the others have the classifier's own defaults.
DEFAULTS: dict[str, Any] = {
    "cell": "gru",
    "bidirectional": True,
    "pooling": "max",
    "dropout": 0.2,
    "learning_rate": 3e-3,
    "patience": 20,
    "validation_fraction": 0.2,
    "random_state": 0,
}
# Options by the classifier's parameter.
OPTIONS = {
    "cell": "cell", "hidden_size": "hidden", "num_layers": "layers", "batch_size": "batch", "minutes": "minutes",
    "epochs": "epochs", "learning_rate": "lr", "optimizer": "optimizer", "schedule": "schedule", "dropout": "dropout",
    "weight_decay": "weight_decay", "ema": "ema", "patience": "patience", "random_state": "seed", "nan": "missing",
    "validation_fraction": "validation",
}  # fmt: skip
LEAST = 1e-45  # a probability that float32 has rounded to zero
COLUMNS = ("part", "sequences", "accuracy", "balanced accuracy", "loss")


def start(file: str, given: dict[str, Any], json: bool) -> None:
    """Begins a run on a file; `given` are the options that were given."""
    test = check_common(given)
    encoding = given.get("encoding", UTF8)
    table = read_table(file, encoding)
    features = named_columns(given["features"]) if "features" in given else None
    columns, guessed = choose_sequence_columns(
        table, given.get("target"), given.get("sequence"), given.get("time"), features
    )
    model = SequenceClassifier(
        **DEFAULTS | {setting: given[option] for setting, option in OPTIONS.items() if option in given}
    )
    folder = new_folder(given.get("out"), table)
    record = table_record(table, "classify", columns._asdict(), test=test, encoding=encoding)
    _train(folder, table, model, record, guessed, json)


def resume(folder: Path, file: str | None, json: bool) -> None:
    """Takes up the run of a folder; `file` is where its table is now, if it was moved."""
    _, record, table = reopened(folder, file)
    _train(folder, table, load(folder), record, [], json)


def _train(
    folder: Path, table: Table, model: SequenceClassifier, record: dict[str, Any], guessed: list[str], json: bool
) -> None:
    columns = SequenceColumns(**record["columns"])
    sequences = read_sequences(table, columns, "mask" if model.nan == "mask" else "refuse")
    labels = read_labels(table, columns.target, sequences)
    _check_classes(table, columns.target, labels)
    tested = _held_out(labels, record["test"], model.random_state)
    show = show_for(folder, json, SECONDS_PER_LINE)

    def introduce(session: Session) -> None:
        _introduce(show, folder, table, columns, sequences, labels, guessed, tested, model, session)

    watch, X = Watch(show, introduce), sequences.values
    learned = np.flatnonzero(~tested)
    with as_options(OPTIONS), watched(watch, folder):
        model.fit(
            [X[row] for row in learned],
            labels[learned],
            callbacks=[watch],
            checkpoint=folder,
            documents={DOCUMENT: record},
        )
    assert watch.session is not None
    batches = watch.session.batches
    validated = len(learned) - round(batches.batch_items * batches.steps_per_epoch)
    rows = [*_validation(model, validated), *_tests(model, X, labels, tested)]
    use = f"unrolled predict {shlex.quote(str(folder))} {shlex.quote(table.path)} --proba"
    conclude(watch, folder, COLUMNS, rows, [use])


def _check_classes(table: Table, target: str, labels: NDArray[np.str_]) -> None:
    place, classes = f"`{table.path}`, column {target!r}", np.unique(labels)
    if len(classes) == 1:
        raise DataError(
            f"{place}: holds one label only, {str(classes[0])!r}, expected at least two; is --target the right column?"
        )
    if len(classes) == len(labels):
        raise DataError(
            f"{place}: holds another label in each of the {len(labels)} sequences, expected labels that several share; "
            "are --target and --sequence the right columns?"
        )


def _held_out(labels: NDArray[np.str_], fraction: float, seed: int) -> NDArray[np.bool_]:
    """Which sequences to test on: as much of each class."""
    if not fraction:
        return np.zeros(len(labels), np.bool_)
    try:
        return held_out(labels, fraction, seed)
    except ParameterError:
        raise DataError(
            f"--test {fraction} takes none of the {len(labels)} sequences, as no class has enough of them, expected "
            "some; give more sequences, or choose --test 0"
        ) from None


def _introduce(
    show: Show,
    folder: Path,
    table: Table,
    columns: SequenceColumns,
    sequences: LabelledSequences,
    labels: NDArray[np.str_],
    guessed: list[str],
    tested: NDArray[np.bool_],
    model: SequenceClassifier,
    session: Session,
) -> None:
    """Says what is trained on what."""
    steps = [len(each) for each in sequences.values]
    parameters = sum(array.size for array in session.model.parameters.values())
    if guessed:
        show.say("guess", f"guessed: {' '.join(guessed)}", guessed=guessed)
    if table.unnamed:
        left_out = counted(table.unnamed, "column")
        show.say("note", f"left out: {left_out} without a name", unnamed=table.unnamed)
    classes = ", ".join(f"{name} ({(labels == name).sum()})" for name in model.classes_[:8])
    show.say(
        "start",
        f"data: {table.path}: {len(table.rows):,} rows, {len(steps):,} sequences of {min(steps)} to {max(steps)} "
        f"steps, {counted(len(columns.features), 'feature')}, {counted(int(tested.sum()), 'sequence')} held out to "
        "test on\n"
        f"classes: {classes}{', ...' if len(model.classes_) > 8 else ''}\n"
        f"model: {'bidirectional ' if model.bidirectional else ''}{model.cell}, {model.num_layers} x "
        f"{model.hidden_size} units, {parameters:,} parameters\n"
        f"run: {folder}"
        + ("" if session.total_steps is None else f", step {session.step:,} of {session.total_steps:,}"),
        run=str(folder),
        rows=len(table.rows),
        sequences=len(steps),
        classes=model.classes_.tolist(),
        columns=columns._asdict(),
        parameters=parameters,
        step=session.step,
        settings=model.get_params(),
    )


def _validation(model: SequenceClassifier, count: int) -> list[dict[str, Any]]:
    """What the validation of the weights that are kept has found."""
    best = model.history_.best
    if best is None:
        return []
    names = {"accuracy": "val_accuracy", "balanced accuracy": "val_balanced_accuracy", "loss": "val_loss"}
    return [{"part": "validation", "sequences": count} | {name: best[column] for name, column in names.items()}]


def _tests(
    model: SequenceClassifier, X: list[NDArray[np.float64]], labels: NDArray[np.str_], tested: NDArray[np.bool_]
) -> list[dict[str, Any]]:
    """How well it does on what it has never seen, beside what always saying the commonest label does."""
    if not tested.any():
        return []
    rows = np.flatnonzero(tested)
    right = labels[rows]
    p = model.predict_proba([X[row] for row in rows]).astype(np.float64)
    of_right = p[np.arange(len(rows)), np.searchsorted(model.classes_, right)]
    known, counts = np.unique(labels[~tested], return_counts=True)
    commonest = known[counts.argmax()]
    found: list[dict[str, Any]] = []
    for part, answers, loss in (
        ("test", model.classes_[p.argmax(axis=1)], float(-np.log(np.maximum(of_right, LEAST)).mean())),
        (f"test, always {commonest}", np.full(len(rows), commonest), None),
    ):
        hit = answers == right
        balanced = float(np.mean([hit[right == each].mean() for each in np.unique(right)]))
        found.append(
            {
                "part": part,
                "sequences": len(rows),
                "accuracy": float(hit.mean()),
                "balanced accuracy": balanced,
                "loss": loss,
            }
        )
    return found
