"""What `unrolled predict` says of sequences: their labels, and how probable they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from unrolled.data.sequence_table import SequenceColumns, read_sequences
from unrolled.data.tables import Table
from unrolled.models.sequences.classifier import SequenceClassifier

__all__ = ["predict_classes"]


def predict_classes(run: Path, record: dict[str, Any], table: Table, proba: bool) -> tuple[list[str], list[list[Any]]]:
    """A header, and a line for each sequence of a table: its name, its label, how probable that is.

    Args:
        run: the folder of a classifier.
        record: what the run has kept of its file.
        table: with the columns of that; its label need not be there.
        proba: the probability of each class as well.

    Raises:
        ParameterError: a column is not there.
        DataError: see `read_sequences`.
    """
    columns = SequenceColumns(**record["columns"])
    model = SequenceClassifier.load(run)
    sequences = read_sequences(table, columns, "mask" if model.nan == "mask" else "refuse")
    p = model.predict_proba(sequences.values)
    labels: list[Any] = model.classes_.tolist()
    header = [columns.sequence, columns.target, "probability", *(f"p({label})" for label in labels if proba)]
    rows: list[list[Any]] = []
    for name, each in zip(sequences.names, p.tolist(), strict=True):
        likeliest = max(range(len(labels)), key=each.__getitem__)
        rows.append([name, labels[likeliest], each[likeliest], *(each if proba else [])])
    return header, rows
