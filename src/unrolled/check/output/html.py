"""Reports as one page that needs nothing else, with equations as MathML; it runs no script."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from importlib.resources import files

from unrolled.check.output.mathml import to_mathml
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
from unrolled.check.results import FileReport, Finding, FunctionReport, Problem

__all__ = ["fragment", "to_html"]


def to_html(reports: Sequence[FileReport]) -> str:
    """All reports as one HTML page.

    Everything that a learner wrote is escaped, and the page forbids scripts and anything from elsewhere.
    """
    title = f"unrolled check: {clean(reports[0].file) if len(reports) == 1 else count(len(reports), 'file')}"
    body = "".join(_file(report) for report in reports)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>\n{_style('report')}{_style('page')}</style>\n</head>\n"
        '<body>\n<main class="unrolled-check">\n'
        f"<h1>unrolled check</h1>\n{_run(reports) if len(reports) != 1 else ''}{body}</main>\n</body>\n</html>\n"
    )


def fragment(report: FileReport) -> str:
    """One report as a piece of another page, such as a notebook, whose own styles it leaves alone."""
    return f'<style>{_style("report")}</style><div class="unrolled-check">{_file(report)}</div>'


def _style(name: str) -> str:
    return (files("unrolled.check.output") / f"{name}.css").read_text(encoding="utf-8")


def _run(reports: Sequence[FileReport]) -> str:
    rows = "".join(
        f"<tr><td>{escape(equation_place(equation))} ({_text(equation)})</td><td>{count(number, 'file')}</td></tr>"
        for equation, number in frequent(reports)
    )
    table = f"<table><tr><th>Most often wrong</th><th></th></tr>{rows}</table>\n" if rows else ""
    return f"<p>{escape(run_summary(reports))}</p>\n{table}"


def _file(report: FileReport) -> str:
    return (
        f"<section>\n<h2>{_text(report.file)}</h2>\n<p>{escape(file_summary(report))}</p>\n"
        + "".join(map(_function, report.functions))
        + "".join(map(_problem, report.problems))
        + "</section>\n"
    )


def _function(function: FunctionReport) -> str:
    known = function.found_as and function.found_as != function.name
    found = f' <span class="soft">your {_text(function.found_as)}</span>' if known else ""
    where = place_name(function.place)
    outputs = ""
    if function.wrong:
        right = f"; right: {', '.join(function.right)}" if function.right else ""
        outputs = f'<p class="soft">Wrong: {_text(", ".join(function.wrong) + right)}</p>'
    return (
        f'<div class="function {function.verdict}">\n<h3>{_text(function.name)}{found}</h3>\n'
        f'<span class="verdict">{_text(verdict_line(function))}</span>'
        + (f' <span class="soft">{where}</span>' if where else "")
        + "".join(map(_finding, function.findings))
        + f"{outputs}</div>\n"
    )


def _finding(finding: Finding) -> str:
    rows: list[tuple[str, str, str]] = []
    if finding.place is not None:
        rows.append(("line", place_name(finding.place), f"<pre>{_text(finding.place.text)}</pre>"))
    if finding.is_now:
        rows.append(("now", "it computes", to_mathml(clean(finding.is_now))))
    if finding.should_be:
        rows.append(("should", "it should be", to_mathml(clean(finding.should_be))))
    rows.append(("soft", "how we know", escape(CERTAINTY[finding.certainty])))
    listed = "".join(f'<dt>{label}</dt><dd class="{kind}">{content}</dd>' for kind, label, content in rows)
    return f'<div class="finding"><p class="message">{_text(message_of(finding))}</p><dl>{listed}</dl></div>\n'


def _problem(problem: Problem) -> str:
    line = problem.place.text if problem.place is not None else ""
    quoted = f"<pre>{_text(line)}</pre>" if line else ""
    return f'<div class="problem">{escape(problem_line(problem))}{quoted}</div>\n'


def _text(text: str) -> str:
    """A learner's text, harmless."""
    return escape(clean(text))
