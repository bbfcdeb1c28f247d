"""`pytest --unrolled-check FILE...`: each function of a learner's file is a test; judging is `unrolled.check`.

With the flag, .py and .ipynb files are read as learners' files: pytest neither imports them nor looks for tests of its
own in them. A function's test is called FILE::lstm_cell_backward, so that `-k`, `--junitxml` and the like work as ever.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from unrolled.check.files import Options
    from unrolled.check.results import FileReport, FunctionReport
    from unrolled.check.sandbox import Mode

FLAG, HINTS, MAP = "--unrolled-check", "--unrolled-hints", "--unrolled-map"


def pytest_addoption(parser: pytest.Parser) -> None:
    """The plugin's options."""
    group = parser.getgroup("unrolled", "learners' recurrent networks")
    group.addoption(
        FLAG, action="store_true", help="check the functions of .py and .ipynb files, importing none of them"
    )
    levels = ("none", "where", "why", "fix")
    group.addoption(HINTS, choices=levels, default="fix", help="how much a failure tells (default: fix)")
    group.addoption(MAP, action="append", default=[], metavar="YOURS=NAME", help="as for `unrolled check --map`")


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(
    file_path: Path, parent: pytest.Collector
) -> Generator[None, list[pytest.Collector], list[pytest.Collector]]:
    """With the flag, each .py and .ipynb file is a learner's, and nothing else is collected."""
    if not parent.config.getoption(FLAG):
        return (yield)
    yield
    from unrolled.check.files import SUFFIXES

    if file_path.suffix.lower() not in SUFFIXES:
        return []
    return [LearnersFile.from_parent(parent, path=file_path)]  # pyright: ignore[reportUnknownMemberType]


class LearnersFile(pytest.File):
    """One file; it is judged as a whole when the first of its functions is asked for."""

    _content: bytes
    _report: FileReport | None = None

    def collect(self) -> Iterator[pytest.Item]:
        """A test for each function that is found; none of them is run for that."""
        from unrolled.check.files import found_in, read_bytes

        self._content = read_bytes(self.path)
        for name, _ in found_in(str(self.path), self._content, self._options("none")):
            yield LearnersFunction.from_parent(self, name=name)  # pyright: ignore[reportUnknownMemberType]

    def judged(self, name: str) -> FunctionReport:
        """The verdict on one of its functions.

        Raises:
            SandboxError: several files are checked, and this machine has no sandbox.
            DataError: the file could not be judged.
        """
        from unrolled.check.files import check_content, class_run, guard
        from unrolled.check.output.words import problem_line
        from unrolled.errors import DataError

        if self._report is None:
            mode, _ = guard(insist=class_run(self.config.args))
            self._report = check_content(str(self.path), self._content, self._options(mode))
        for function in self._report.functions:
            if function.name == name:
                return function
        raise DataError("; ".join(map(problem_line, self._report.problems)) or f"`{name}` was not judged")

    def _options(self, mode: Mode) -> Options:
        from unrolled.check.files import Options

        mapping: list[str] = self.config.getoption(MAP) or []
        return Options(tuple(mapping), mode=mode)


class LearnersFunction(pytest.Item):
    """One function of a learner's file: it passes where it is correct."""

    parent: LearnersFile

    def runtest(self) -> None:
        """Asks for the verdict."""
        function = self.parent.judged(self.name)
        if function.verdict != "correct":
            raise NotCorrectError(function)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """What `unrolled check` prints about the function, at the chosen level of hints."""
        if not isinstance(excinfo.value, NotCorrectError):
            return super().repr_failure(excinfo, style)
        from unrolled.check.output.hints import Hints, turn_down
        from unrolled.check.output.terminal import function_text
        from unrolled.check.results import FileReport

        hints: Hints = self.config.getoption(HINTS) or "fix"
        report = turn_down(FileReport("", (excinfo.value.function,)), hints)
        return function_text(report.functions[0])

    def reportinfo(self) -> tuple[Path, None, str]:
        """Where pytest says that this test stands."""
        return self.path, None, self.name


class NotCorrectError(Exception):
    """A function is not correct; its report says how."""

    def __init__(self, function: FunctionReport) -> None:
        super().__init__(function.name)
        self.function = function
