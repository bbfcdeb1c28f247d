"""What the tests of the judge share: learners' files, and one call that judges a text."""

from pathlib import Path

from unrolled.check.find import read_source
from unrolled.check.judge import check_source
from unrolled.check.results import FunctionReport
from unrolled.check.sandbox import Sandbox

HERE = Path(__file__).parent
LEARNERS = sorted((HERE / "learners").glob("*.py"))
COURSE = (HERE.parent / "learners" / "correct" / "step_by_step.py").read_text(encoding="utf-8")


def learner(name: str) -> str:
    return (HERE / "learners" / f"{name}.py").read_text(encoding="utf-8")


def judged(text: str, *names: str, timeout: float = 20.0) -> dict[str, FunctionReport]:
    """The reports by the course's names."""
    with Sandbox("none", timeout=timeout) as sandbox:
        report = check_source(read_source("mine.py", text), sandbox=sandbox, names=names or None)
    return {function.name: function for function in report.functions}


def verdicts(text: str, *names: str) -> dict[str, str]:
    return {name: said.verdict for name, said in judged(text, *names).items()}


def changed(text: str, old: str, new: str) -> str:
    assert text.count(old) == 1, f"{old!r} occurs {text.count(old)} times"
    return text.replace(old, new)
