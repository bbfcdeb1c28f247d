"""What a check ends in: a verdict for each function, and findings with their equation; nothing is decided here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Certainty", "FileReport", "Finding", "FunctionReport", "Place", "Problem", "Verdict"]

# correct; wrong; missing: not defined, or still None; crashed: their error, their line; timeout; refused: it tried what
# the sandbox forbids, or needs what was not given.
Verdict = Literal["correct", "wrong", "missing", "crashed", "timeout", "refused"]

# explained: a known wrong form gives exactly the learner's numbers; located: the first line whose value is none of the
# right ones, though all that it reads are; observed: which outputs are wrong, and no more.
Certainty = Literal["explained", "located", "observed"]


@dataclass(frozen=True)
class Place:
    """Where something stands in a learner's file."""

    line: int  # from 1, within the cell for a notebook, else within the file
    cell: int | None = None  # from 1, counting all cells of the notebook; None in a .py file
    text: str = ""  # the line itself, stripped

    def __str__(self) -> str:
        return f"line {self.line}" if self.cell is None else f"cell {self.cell}, line {self.line}"


@dataclass(frozen=True)
class Finding:
    """One mistake of one function."""

    equation: str  # an id: "lstm.10", "lstm.bptt.a", "rnn.cache", ...
    symbol: str  # what is wrong, by the learner's own name where it is known: "dft"
    message: str  # one sentence: "equation (10): your dft multiplies by c_next where c_prev belongs"
    certainty: Certainty
    place: Place | None = None
    is_now: str = ""  # the equation as the learner's code computes it, in plain text
    should_be: str = ""  # the equation as it is, in plain text


@dataclass(frozen=True)
class FunctionReport:
    """One function of a file, judged."""

    name: str  # of `functions.FUNCTIONS`
    verdict: Verdict
    found_as: str = ""  # the learner's own name: "CellForwardRNN", "LSTM.step"
    place: Place | None = None  # of its definition
    convention: str = ""  # how it differs from the course's, being right: "returns (y_pred, a, cache)"
    findings: tuple[Finding, ...] = ()
    right: tuple[str, ...] = ()  # outputs, by the course's names
    wrong: tuple[str, ...] = ()
    reason: str = ""  # of a verdict that is neither correct nor wrong: "NameError: name 'ft' is not defined"


@dataclass(frozen=True)
class Problem:
    """Something of a file that could not be read or guessed, without harm to the rest of it."""

    message: str  # with its remedy
    place: Place | None = None


@dataclass(frozen=True)
class FileReport:
    """One file, judged."""

    file: str
    functions: tuple[FunctionReport, ...] = ()
    problems: tuple[Problem, ...] = ()
    sandboxed: bool = True

    @property
    def correct(self) -> bool:
        """Whether something was found and all that was found is right."""
        return bool(self.functions) and all(function.verdict == "correct" for function in self.functions)
