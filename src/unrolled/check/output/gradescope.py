"""Reports as Gradescope's results.json: a test for each function, worth a point each."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from unrolled.check.output.terminal import function_text
from unrolled.check.output.words import clean, file_summary, problem_line
from unrolled.check.results import FileReport, FunctionReport

__all__ = ["to_gradescope"]


def to_gradescope(reports: Iterable[FileReport]) -> str:
    """All reports as one results.json; with several files, each test is named with its file.

    >>> import json
    >>> results = json.loads(to_gradescope([FileReport("rnn.py", (FunctionReport("rnn_forward", "correct"),))]))
    >>> results["tests"]
    [{'name': 'rnn_forward', 'score': 1, 'max_score': 1, 'status': 'passed', 'visibility': 'visible',
      'output_format': 'text', 'output': 'rnn_forward  correct'}]
    """
    reports = list(reports)
    tests = [
        _test(function, f"{clean(report.file)}: " if len(reports) > 1 else "")
        for report in reports
        for function in report.functions
    ]
    results: dict[str, Any] = {
        "output": "\n\n".join(map(_output, reports)),
        "output_format": "text",
        "visibility": "visible",
        "tests": tests,
    }
    if not tests:  # a results.json has a score, or tests that have
        results["score"] = 0
    return json.dumps(results, indent=2)


def _test(function: FunctionReport, file: str) -> dict[str, Any]:
    right = function.verdict == "correct"
    return {
        "name": file + function.name,
        "score": int(right),
        "max_score": 1,
        "status": "passed" if right else "failed",
        "visibility": "visible",
        "output_format": "text",
        "output": function_text(function),
    }


def _output(report: FileReport) -> str:
    return "\n".join([f"{clean(report.file)}: {file_summary(report)}", *map(problem_line, report.problems)])
