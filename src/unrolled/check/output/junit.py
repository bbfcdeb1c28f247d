"""Reports as JUnit XML, for continuous integration: a suite for each file, a case for each function."""

from __future__ import annotations

from collections.abc import Iterable
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from unrolled.check.output.terminal import function_text
from unrolled.check.output.words import clean, problem_line, verdict_line
from unrolled.check.results import FileReport, FunctionReport

__all__ = ["to_junit"]


def to_junit(reports: Iterable[FileReport]) -> str:
    """All reports as one XML document.

    `wrong` and `missing` are failures; `crashed`, `timeout`, `refused` and a file without any function are errors.

    >>> print(to_junit([FileReport("rnn.py", (FunctionReport("rnn_forward", "correct"),))]))
    <?xml version='1.0' encoding='utf-8'?>
    <testsuites name="unrolled check" tests="1" failures="0" errors="0">
      <testsuite name="rnn.py" tests="1" failures="0" errors="0">
        <testcase classname="rnn.py" name="rnn_forward" />
      </testsuite>
    </testsuites>
    """
    root = Element("testsuites", name="unrolled check")
    for report in reports:
        _suite(root, report)
    _total(root)
    indent(root)
    return tostring(root, encoding="utf-8", xml_declaration=True).decode("utf-8")


def _suite(root: Element, report: FileReport) -> None:
    name = clean(report.file)
    suite = SubElement(root, "testsuite", name=name)
    for function in report.functions:
        _case(suite, name, function)
    problems = "\n".join(map(problem_line, report.problems))
    if not report.functions:
        case = SubElement(suite, "testcase", classname=name, name="check")
        _bad(case, "error", "unchecked", "nothing could be checked", problems)
    _total(suite)
    if problems:
        SubElement(suite, "system-err").text = problems


def _case(suite: Element, file: str, function: FunctionReport) -> None:
    case = SubElement(suite, "testcase", classname=file, name=function.name)
    if function.verdict == "correct":
        return
    kind = "failure" if function.verdict in ("wrong", "missing") else "error"
    message = function.findings[0].message if function.findings else verdict_line(function)
    _bad(case, kind, function.verdict, message, function_text(function))


def _bad(case: Element, kind: str, verdict: str, message: str, text: str) -> None:
    SubElement(case, kind, type=verdict, message=clean(message)).text = text


def _total(element: Element) -> None:
    for name, tag in (("tests", "testcase"), ("failures", "failure"), ("errors", "error")):
        element.set(name, str(len(element.findall(f".//{tag}"))))
