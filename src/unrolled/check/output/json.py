"""Reports as JSON of the committed schema, and back; nothing is judged or worded here.

The schema is `schema-1.json` beside this file. A field may be added within a version; one that is taken away, or whose
meaning changes, makes the next.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from importlib.resources import files
from typing import Any

from unrolled.check.results import FileReport, Finding, FunctionReport, Place, Problem
from unrolled.errors import DataError

__all__ = ["VERSION", "from_json", "report_from", "report_to", "schema", "to_json"]

VERSION = 1

Object = dict[str, Any]


def schema() -> Object:
    """The JSON schema (draft 2020-12) of what `to_json` writes.

    >>> schema()["properties"]["version"]
    {'const': 1}
    """
    return json.loads((files("unrolled.check.output") / f"schema-{VERSION}.json").read_text(encoding="utf-8"))


def to_json(reports: Iterable[FileReport]) -> str:
    """All reports as one JSON document.

    >>> print(to_json([FileReport("rnn.py")]))
    {
      "version": 1,
      "files": [
        {
          "file": "rnn.py",
          "correct": false,
          "sandboxed": true,
          "problems": [],
          "functions": []
        }
      ]
    }
    """
    return json.dumps({"version": VERSION, "files": [report_to(report) for report in reports]}, indent=2)


def from_json(text: str) -> list[FileReport]:
    """The reports of a document that `to_json` wrote.

    Raises:
        DataError: it is not JSON, or of another version.

    >>> from_json(to_json([FileReport("rnn.py")]))
    [FileReport(file='rnn.py', functions=(), problems=(), sandboxed=True)]
    """
    try:
        document = json.loads(text)
        version = document["version"]
    except (ValueError, TypeError, KeyError):
        raise DataError("the text is not a JSON report, expected what `unrolled check --format json` writes") from None
    if version != VERSION:
        raise DataError(f"the JSON report has version {version!r}, expected {VERSION}; check the files again")
    return [report_from(file) for file in document["files"]]


def report_to(report: FileReport) -> Object:
    """One report as a JSON object."""
    return {
        "file": report.file,
        "correct": report.correct,
        "sandboxed": report.sandboxed,
        "problems": [{"message": problem.message, **_place(problem.place)} for problem in report.problems],
        "functions": [_function(function) for function in report.functions],
    }


def report_from(value: Mapping[str, Any]) -> FileReport:
    """The report of such an object."""
    return FileReport(
        value["file"],
        tuple(_function_from(function) for function in value["functions"]),
        tuple(Problem(problem["message"], _place_from(problem)) for problem in value["problems"]),
        value["sandboxed"],
    )


def _function(function: FunctionReport) -> Object:
    return {
        "name": function.name,
        "found_as": function.found_as,
        **_place(function.place),
        "verdict": function.verdict,
        "reason": function.reason,
        "convention": function.convention,
        "outputs": {"right": list(function.right), "wrong": list(function.wrong)},
        "findings": [_finding(finding) for finding in function.findings],
    }


def _function_from(value: Mapping[str, Any]) -> FunctionReport:
    return FunctionReport(
        value["name"],
        value["verdict"],
        value["found_as"],
        _place_from(value),
        value["convention"],
        tuple(_finding_from(finding) for finding in value["findings"]),
        tuple(value["outputs"]["right"]),
        tuple(value["outputs"]["wrong"]),
        value["reason"],
    )


def _finding(finding: Finding) -> Object:
    return {
        "equation": finding.equation,
        "symbol": finding.symbol,
        **_place(finding.place),
        "message": finding.message,
        "certainty": finding.certainty,
        "is_now": finding.is_now,
        "should_be": finding.should_be,
    }


def _finding_from(value: Mapping[str, Any]) -> Finding:
    return Finding(
        value["equation"],
        value["symbol"],
        value["message"],
        value["certainty"],
        _place_from(value),
        value["is_now"],
        value["should_be"],
    )


def _place(place: Place | None) -> Object:
    """`cell`, `line` and `text`: null, null and "" where the place is not known."""
    if place is None:
        return {"cell": None, "line": None, "text": ""}
    return {"cell": place.cell, "line": place.line, "text": place.text}


def _place_from(value: Mapping[str, Any]) -> Place | None:
    return None if value["line"] is None else Place(value["line"], value["cell"], value["text"])
