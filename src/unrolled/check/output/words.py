"""The words that every format uses: equations by name, places, verdicts, sums; layout is not known here."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence

from unrolled.check.results import Certainty, FileReport, Finding, FunctionReport, Place, Problem

__all__ = [
    "CERTAINTY",
    "clean",
    "count",
    "equation_name",
    "equation_place",
    "file_summary",
    "frequent",
    "message_of",
    "place_name",
    "problem_line",
    "run_summary",
    "verdict_line",
]

CERTAINTY: dict[Certainty, str] = {
    "explained": "this mistake gives exactly your numbers",
    "located": "the first line whose value is none of the right ones",
    "observed": "seen in the results; the line was not found",
}

LONGEST = 2000  # characters of one name, line or message

_NETWORKS = {"rnn": "RNN", "lstm": "LSTM", "gru": "GRU", "head": "output head"}
_PARTS = {
    "a": "hidden state",
    "y": "output",
    "bptt": "gradient on its way from step to step",
    "bptt.a": "da on its way from step to step",
    "bptt.c": "dc on its way from step to step",
    "sum": "sum over time",
    "init": "initial state",
    "cache": "cache",
    "alias": "side effects",
}
_WHOLE = {
    "sigmoid": "the sigmoid",
    "softmax": "the softmax",
    "adam.v": "Adam's first moment v",
    "adam.s": "Adam's second moment s",
    "adam.correct": "Adam's bias correction",
    "adam.update": "Adam's update",
}


def equation_name(equation: str) -> str:
    """What a learner calls the equation of this id.

    >>> equation_name("lstm.10"), equation_name("lstm.bptt.a"), equation_name("adam.v"), equation_name("head.J")
    ('equation (10)', "the LSTM's da on its way from step to step", "Adam's first moment v", "the output head's J")
    """
    if equation in _WHOLE:
        return _WHOLE[equation]
    family, _, part = equation.partition(".")
    if part.isdigit():
        return f"equation ({part})"
    if family in _NETWORKS:
        return f"the {_NETWORKS[family]}'s {_PARTS.get(part, part)}" if part else f"the {_NETWORKS[family]}"
    return equation


def equation_place(equation: str) -> str:
    """The same with its network, for where no function's name stands beside it.

    >>> equation_place("lstm.10"), equation_place("softmax")
    ("the LSTM's equation (10)", 'the softmax')
    """
    name = equation_name(equation)
    network = _NETWORKS.get(equation.partition(".")[0])
    return f"the {network}'s {name}" if network and name.startswith("equation ") else name


def place_name(place: Place | None) -> str:
    """Where something stands, in words; empty when that is not known.

    >>> place_name(Place(4, cell=7)), place_name(Place(41)), place_name(None)
    ('cell 7, line 4', 'line 41', '')
    """
    return "" if place is None else str(place)


def clean(text: str) -> str:
    r"""Makes a learner's text harmless to show: what steers a terminal or turns the writing's direction is spelled out.

    >>> clean("dft = 1  \x1b[2J\u202e")
    'dft = 1  \\x1b[2J\\u202e'
    """
    shown = text if len(text) <= LONGEST else f"{text[:LONGEST]} ..."
    return "".join(
        character.encode("unicode_escape").decode("ascii")
        if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")
        else character
        for character in shown.replace("\t", "    ")
    )


def count(number: int, one: str, many: str = "") -> str:
    """A number with its word.

    >>> count(1, "file"), count(2000, "file"), count(2, "mistake in one", "mistakes in one")
    ('1 file', '2,000 files', '2 mistakes in one')
    """
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def verdict_line(function: FunctionReport) -> str:
    """What became of a function, and why: what stands behind its name.

    >>> verdict_line(FunctionReport("rnn_forward", "correct", convention="returns (y_pred, a, caches)"))
    'correct: returns (y_pred, a, caches)'
    >>> verdict_line(FunctionReport("rnn_backward", "crashed", reason="NameError: name 'dz' is not defined"))
    "crashed: NameError: name 'dz' is not defined"
    """
    said = function.reason or (function.convention if function.verdict == "correct" else "")
    return clean(f"{function.verdict}: {said}" if said else function.verdict)


def message_of(finding: Finding) -> str:
    """A finding's sentence, with its equation in front where it does not begin with that itself.

    >>> message_of(Finding("rnn.cache", "a_prev", "your cache holds a_next twice", "observed"))
    "The RNN's cache: your cache holds a_next twice"
    >>> message_of(Finding("rnn.0", "dz", "equation (0): your dz lacks the factor 1 - a^2", "explained"))
    'Equation (0): your dz lacks the factor 1 - a^2'
    """
    said = clean(finding.message)
    if said.startswith("your "):
        said = f"{equation_name(finding.equation)}: {said}"
    return said[:1].upper() + said[1:]


def file_summary(report: FileReport) -> str:
    """One friendly sentence on a file.

    >>> file_summary(FileReport("rnn.py", (FunctionReport("rnn_forward", "correct"),)))
    'All right: the 1 function found is correct.'
    """
    judged = [function for function in report.functions if function.verdict != "missing"]
    right = sum(function.verdict == "correct" for function in judged)
    missing = len(report.functions) - len(judged)
    left = f" {count(missing, 'is', 'are')} still to be written." if missing else ""
    if not judged:
        return left.strip() or "Nothing to check was found."
    if right == len(judged):
        found = f"the {count(right, 'function')} found {'is' if right == 1 else 'are'} correct."
        return f"{'So far so good' if missing else 'All right'}: {found}{left}"
    return f"{right} of {count(len(judged), 'function')} correct.{left}"


def run_summary(reports: Sequence[FileReport]) -> str:
    """One sentence on many files.

    >>> run_summary([FileReport("a.py", (FunctionReport("softmax", "correct"),)), FileReport("b.py")])
    '2 files: 1 all correct, 0 with something wrong, 1 in which nothing could be checked.'
    """
    correct = sum(report.correct for report in reports)
    unchecked = sum(not report.functions for report in reports)
    wrong = len(reports) - correct - unchecked
    return (
        f"{count(len(reports), 'file')}: {correct:,} all correct, {wrong:,} with something wrong, "
        f"{unchecked:,} in which nothing could be checked."
    )


def frequent(reports: Iterable[FileReport], most: int = 5) -> list[tuple[str, int]]:
    """The equations that most files have wrong, with the number of those files, the most frequent first."""
    files = Counter(
        equation
        for report in reports
        for equation in sorted({finding.equation for function in report.functions for finding in function.findings})
    )
    return files.most_common(most)


def problem_line(problem: Problem) -> str:
    """A problem with its place in front.

    >>> problem_line(Problem("does not parse", Place(2, cell=3, text="def f(:")))
    'cell 3, line 2: does not parse'
    """
    where = place_name(problem.place)
    return clean(f"{where}: {problem.message}" if where else problem.message)
