"""Reports as a table for a class: a row for each file, a column for each function."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from unrolled.check.functions import FUNCTIONS
from unrolled.check.output.words import clean, problem_line
from unrolled.check.results import FileReport, Verdict

__all__ = ["to_csv"]

VERDICTS: tuple[Verdict, ...] = ("correct", "wrong", "missing", "crashed", "timeout", "refused")


def to_csv(reports: Iterable[FileReport]) -> str:
    """All reports as CSV.

    Columns: the file; how many functions have each verdict; the ids of the equations that are wrong; problems; then a
    verdict for each function that any of the files has, in the course's order.

    >>> from unrolled.check.results import FunctionReport
    >>> print(to_csv([FileReport("rnn.py", (FunctionReport("rnn_forward", "correct"),))]))
    file,correct,wrong,missing,crashed,timeout,refused,equations,problems,rnn_forward
    rnn.py,1,0,0,0,0,0,,,correct
    <BLANKLINE>
    """
    reports = list(reports)
    seen = {function.name for report in reports for function in report.functions}
    columns = [name for name in FUNCTIONS if name in seen]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["file", *VERDICTS, "equations", "problems", *columns])
    for report in reports:
        verdicts = {function.name: function.verdict for function in report.functions}
        counts = [sum(verdict == wanted for verdict in verdicts.values()) for wanted in VERDICTS]
        equations = dict.fromkeys(finding.equation for function in report.functions for finding in function.findings)
        problems = "; ".join(map(problem_line, report.problems))
        row = [report.file, *counts, " ".join(equations), problems, *(verdicts.get(name, "") for name in columns)]
        writer.writerow([_plain(value) for value in row])
    return out.getvalue()


def _plain(value: str | int) -> str | int:
    """A text that no spreadsheet takes for a formula."""
    if isinstance(value, int):
        return value
    text = clean(value)
    return f"'{text}" if text[:1] in ("=", "+", "-", "@") else text
