"""What is known of one file while it is judged; nothing is tried or decided here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from unrolled.check.find import Found, Source
from unrolled.check.functions import FUNCTIONS
from unrolled.check.judge.attempt import Attempt
from unrolled.check.judge.inputs import Drawing, family_of
from unrolled.check.sandbox import Sandbox

__all__ = ["Known", "Tried"]


@dataclass
class Tried:
    """What a search came to.

    Args:
        base: the best attempt under the course's equations and order of columns.
        other: one that is right under another system of equations, where `base` is not right.
    """

    base: Attempt
    other: Attempt | None = None

    @property
    def best(self) -> Attempt:
        """What the verdict is about."""
        return self.other or self.base


@dataclass
class Known:
    """What is known of one file so far.

    Args:
        source: its text.
        sandbox: where its code runs.
        found: its functions, by the course's names.
        drawings: made before any of its code ran.
        tried: searches done, by function.
        correct: functions judged right.
    """

    source: Source
    sandbox: Sandbox
    found: dict[str, Found]
    drawings: Sequence[Drawing]
    timeout: float | None = None
    tried: dict[str, Tried] = field(default_factory=dict[str, Tried])
    correct: set[str] = field(default_factory=set[str])

    def settled(self, family: str) -> list[Attempt]:
        """Right attempts, the family's first; then the family's wrong ones that were called as they should be."""
        right = [tried.best for name, tried in self.tried.items() if name in self.correct]
        others = [tried.base for name, tried in self.tried.items() if name not in self.correct and tried.base.fits]
        return sorted(right, key=lambda each: family_of(each.function) != family) + [
            each for each in others if family_of(each.function) == family
        ]

    def drawings_for(self, function: str) -> list[Drawing]:
        """All three for what goes over time, the two that differ otherwise for the rest."""
        return list(self.drawings) if FUNCTIONS[function].kind == "loop" else list(self.drawings[:2])
