"""Reports for reading in a terminal, laid out with Rich; what is told is decided by the report, not here."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, TextIO

from unrolled.check.output.words import (
    CERTAINTY,
    clean,
    count,
    equation_place,
    file_summary,
    frequent,
    message_of,
    place_name,
    problem_line,
    run_summary,
    verdict_line,
)
from unrolled.check.results import FileReport, Finding, FunctionReport, Verdict

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

__all__ = ["console_for", "function_text", "print_all", "print_file", "print_run", "print_short", "to_text"]

PIPED_WIDTH = 120  # where there is no terminal to fit
NARROW = 64  # below this, labels stand above what they label
STYLES: dict[Verdict, str] = {"correct": "green", "missing": "yellow"}
WRONG = "red"
MARKS = {"correct": "✓", "missing": "○", "wrong": "✗"}
PLAIN_MARKS = {"correct": "+", "missing": "-", "wrong": "x"}


def console_for(file: TextIO) -> Console:
    """A console that fits the terminal, and in a pipe has no colour and lines long enough for an equation."""
    from rich.console import Console

    return Console(file=file, width=None if file.isatty() else PIPED_WIDTH, highlight=False, markup=False, emoji=False)


def to_text(reports: Sequence[FileReport]) -> str:
    """All reports as plain text without colour, as a pipe gets them.

    >>> print(to_text([FileReport("rnn.py", (FunctionReport("rnn_forward", "correct", "rnn"),))]))
    rnn.py
    <BLANKLINE>
      ✓ rnn_forward (your rnn)  correct
    <BLANKLINE>
    All right: the 1 function found is correct.
    <BLANKLINE>
    """
    file = io.StringIO()
    print_all(console_for(file), reports)
    return file.getvalue()


def print_all(console: Console, reports: Sequence[FileReport]) -> None:
    """One file in full; of several, a line for each function that is not right, and what they came to together."""
    if len(reports) == 1:
        print_file(console, reports[0])
        return
    for report in reports:
        print_short(console, report)
    print_run(console, reports)


def function_text(function: FunctionReport) -> str:
    """One function's verdict and findings as plain text."""
    file = io.StringIO()
    console = console_for(file)
    console.print(_headline(function))
    _print_findings(console, function)
    return file.getvalue().rstrip()


def print_file(console: Console, report: FileReport) -> None:
    """A file's name, each function with its findings, what could not be read, and a sentence in the end."""
    console.print(clean(report.file), style="bold")
    console.print()
    for function in report.functions:
        _print_hanging(console, _mark(console, function), _headline(function))
        if _print_findings(console, function):
            console.print()
    if report.functions and not _print_ends(report.functions[-1]):
        console.print()
    for problem in report.problems:
        _print_hanging(console, _styled("  note: ", "yellow"), _styled(problem_line(problem)))
        if problem.place is not None and problem.place.text:
            _print_hanging(console, _styled("        "), _styled(clean(problem.place.text), "dim"))
    if report.problems:
        console.print()
    console.print(file_summary(report))


def print_short(console: Console, report: FileReport) -> None:
    """A file's name and sum, and a line for each function that is not right."""
    _print_hanging(console, _styled(clean(report.file), "bold"), _styled(f"  {file_summary(report)}"))
    for function in report.functions:
        if function.verdict in ("correct", "missing"):
            continue
        _print_hanging(
            console, _mark(console, function), _styled(f"{function.name}: ", "bold") + _styled(_short(function))
        )
    for problem in report.problems:
        _print_hanging(console, _styled("  note: ", "yellow"), _styled(problem_line(problem)))


def _short(function: FunctionReport) -> str:
    """What is not right, in one line."""
    if not function.findings:
        return verdict_line(function)
    said = "; ".join(clean(finding.message) for finding in function.findings)
    where = place_name(function.findings[0].place)
    return f"{said}  [{where}]" if where else said


def print_run(console: Console, reports: Sequence[FileReport]) -> None:
    """What many files came to, and which equations most of them have wrong."""
    console.print()
    console.print(run_summary(reports), style="bold")
    if most := frequent(reports):
        console.print()
        console.print("Most often wrong:")
        for equation, files in most:
            console.print(f"  {count(files, 'file'):>12}  {equation_place(equation)} ({clean(equation)})")


def _mark(console: Console, function: FunctionReport) -> Text:
    marks = MARKS if console.encoding.lower().startswith("utf") else PLAIN_MARKS
    return _styled(f"  {marks.get(function.verdict, '!')} ", STYLES.get(function.verdict, WRONG))


def _headline(function: FunctionReport) -> Text:
    from rich.text import Text

    line = Text(function.name, style="bold")
    if function.found_as and function.found_as != function.name:
        line.append(f" (your {clean(function.found_as)})", style="not bold")
    line.append("  ")
    line.append(verdict_line(function), style=f"not bold {STYLES.get(function.verdict, WRONG)}")
    where = place_name(function.place)
    if where and function.verdict not in ("correct", "missing"):
        line.append(f"  [{where}]", style="not bold dim")
    return line


def _print_ends(function: FunctionReport) -> bool:
    """Whether a function's print ends with an empty line."""
    return bool(function.findings or function.wrong)


def _print_findings(console: Console, function: FunctionReport) -> bool:
    """Everything below a function's headline; whether there was anything."""
    for finding in function.findings:
        console.print()
        _print_hanging(console, _styled("      "), _styled(message_of(finding)))
        for label, text, style in _rows(finding):
            _print_row(console, label, text, style)
    if function.wrong:
        console.print()
        rest = f"; right: {', '.join(function.right)}" if function.right else ""
        _print_hanging(console, _styled("      "), _styled(clean(f"Wrong: {', '.join(function.wrong)}{rest}"), "dim"))
    return _print_ends(function)


def _rows(finding: Finding) -> list[tuple[str, str, str]]:
    """Label, text and style of what stands below a finding's sentence."""
    rows: list[tuple[str, str, str]] = []
    if finding.place is not None:
        rows.append((place_name(finding.place), finding.place.text or "(an empty line)", "bold"))
    if finding.is_now:
        rows.append(("it computes", finding.is_now, WRONG))
    if finding.should_be:
        rows.append(("it should be", finding.should_be, "green"))
    rows.append(("how we know", CERTAINTY[finding.certainty], "dim"))
    return [(label, clean(text), style) for label, text, style in rows]


def _print_row(console: Console, label: str, text: str, style: str) -> None:
    if console.width < NARROW:
        _print_hanging(console, _styled("    "), _styled(f"{label}:", "dim"))
        _print_hanging(console, _styled("      "), _styled(text, style))
    else:
        _print_hanging(console, _styled(f"        {label:<18}", "dim"), _styled(text, style))


def _styled(text: str, style: str = "") -> Text:
    from rich.text import Text

    return Text(text, style=style)


def _print_hanging(console: Console, first: Text, rest: Text) -> None:
    """`first`, and beside it `rest`, whose further lines begin below its own beginning."""
    indent = first.cell_len
    for number, line in enumerate(rest.wrap(console, max(console.width - indent, 10))):
        line.rstrip()
        console.print(first + line if number == 0 else _styled(" " * indent) + line, soft_wrap=True)
