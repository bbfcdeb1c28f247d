"""How much of what was found is told: a report in, a report out; no format is known here."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, get_args

from unrolled.check.output.words import equation_name
from unrolled.check.results import FileReport, Finding, FunctionReport

__all__ = ["HINTS", "Hints", "turn_down"]

# none: the verdict and which outputs differ; where: also the equation and the line; why: also the mistake in a sentence
# and what the line computes; fix: also the equation as it should be.
Hints = Literal["none", "where", "why", "fix"]
HINTS: tuple[Hints, ...] = get_args(Hints)


def turn_down(report: FileReport, hints: Hints) -> FileReport:
    """Gives `report` with no more said than `hints` allows; verdicts and outputs always stay.

    >>> finding = Finding("lstm.10", "dft", "your dft multiplies by c_next", "explained", should_be="dft = dc * c<t-1>")
    >>> report = FileReport("rnn.py", (FunctionReport("lstm_cell_backward", "wrong", findings=(finding,)),))
    >>> [function.findings for function in turn_down(report, "none").functions]
    [()]
    >>> turn_down(report, "where").functions[0].findings[0].message
    'equation (10) is wrong: dft'
    >>> turn_down(report, "why").functions[0].findings[0].should_be
    ''
    >>> turn_down(report, "fix") == report
    True
    """
    if hints == "fix":
        return report
    return replace(report, functions=tuple(_function(function, hints) for function in report.functions))


def _function(function: FunctionReport, hints: Hints) -> FunctionReport:
    if hints == "none":
        return replace(function, findings=())
    return replace(function, findings=tuple(_finding(finding, hints) for finding in function.findings))


def _finding(finding: Finding, hints: Hints) -> Finding:
    if hints == "why":
        return replace(finding, should_be="")
    message = f"{equation_name(finding.equation)} is wrong" + (f": {finding.symbol}" if finding.symbol else "")
    return replace(finding, message=message, is_now="", should_be="")
