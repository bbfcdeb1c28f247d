"""Asks the checker about the corpus and counts what it says; what is right is known from the corpus alone."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from check.learners.conventions import Convention
from check.learners.mutants import Mutant
from unrolled.check.files import Options, check_content
from unrolled.check.results import FileReport, Finding, FunctionReport


def checked(name: str, text: str, *only: str, timeout: float = 60.0) -> FileReport:
    """The checker's report of a learner's file; of the named functions alone, if any are named.

    The time is wall time, and long: a busy machine must not turn a right function into one that takes too long.
    """
    return check_content(name, text.encode(), Options(only=only or None, mode="none", timeout=timeout))


def of(report: FileReport, function: str) -> FunctionReport:
    """What is said about one function; that it is missing, if nothing is."""
    said = [each for each in report.functions if each.name == function]
    assert len(said) <= 1, f"{function} is reported {len(said)} times"
    return said[0] if said else FunctionReport(function, "missing", reason="not in the report")


def not_correct(name: str, text: str, known: Mapping[str, Convention]) -> list[str]:
    """What the checker holds against a right file: every one of its functions that is not called correct."""
    report = checked(name, text)
    said = [of(report, function) for function in known]
    return [
        f"{name} {each.name}: {each.verdict} {each.reason or _first(each)}"
        for each in said
        if each.verdict != "correct"
    ]


def _first(said: FunctionReport) -> str:
    return said.findings[0].message if said.findings else f"wrong: {', '.join(said.wrong)}"


@dataclass(frozen=True)
class Outcome:
    """What the checker said of one mutant."""

    mutant: Mutant
    said: FunctionReport

    @property
    def found(self) -> bool:
        """It is called wrong; that it crashed, or ran too long, would miss the point."""
        return self.said.verdict == "wrong"

    @property
    def explained(self) -> bool:
        """The right equation is named, and no wrong one."""
        named = [finding.equation for finding in self.said.findings if finding.certainty == "explained"]
        return self.found and bool(named) and set(named) <= set(self.mutant.equations)

    @property
    def located(self) -> bool:
        """The right line is named, and no other one is accused."""
        accused = [line for line in map(_line, self.said.findings) if line is not None]
        return self.found and bool(accused) and set(accused) <= self.mutant.lines

    def __str__(self) -> str:
        said = [
            f"    {each.certainty} {each.equation} line {each.place.line if each.place else '-'}: {each.message}"
            for each in self.said.findings
        ]
        mutant = self.mutant
        head = f"{mutant.name}\n    expected {' '.join(mutant.equations)} at line {sorted(mutant.lines)}; "
        reason = f" ({self.said.reason})" if self.said.reason else ""
        return "\n".join([f"{head}the checker says {self.said.verdict}{reason}, wrong {self.said.wrong}", *said])


def _line(finding: Finding) -> int | None:
    return finding.place.line if finding.place and finding.certainty != "observed" else None


def outcome(mutant: Mutant) -> Outcome:
    """What the checker says of one mutant's function."""
    return Outcome(mutant, of(checked(f"{mutant.base}.py", mutant.text, mutant.function), mutant.function))


def share(outcomes: Iterable[bool]) -> float:
    """How many of them are true, from 0 to 1."""
    all_ = list(outcomes)
    return sum(all_) / len(all_)
