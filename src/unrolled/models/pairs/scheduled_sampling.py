"""How the teacher lets go of a decoder while it trains; what the decoder is then fed is the network's matter."""

from __future__ import annotations

from math import nextafter
from typing import TYPE_CHECKING

from unrolled.models.pairs.network import EncoderDecoderNetwork
from unrolled.training.fit import Callback

if TYPE_CHECKING:
    from unrolled.training.report import Report
    from unrolled.training.session import Session

__all__ = ["ScheduledSampling"]


class ScheduledSampling(Callback):
    """Brings the teacher's forcing down on a straight line, from 1 to what it is to be at the end.

    Args:
        network: whose `teacher_forcing` it sets before each step.
        final: the probability, at the end, that the decoder is fed the target's token.

    Source: Bengio, Vinyals, Jaitly & Shazeer 2015, section 2.4, the linear decay.
    """

    def __init__(self, network: EncoderDecoderNetwork, final: float) -> None:
        self.network, self.final = network, final

    def start(self, session: Session) -> None:
        """Where this sitting begins: a run that goes on has been let go of in part."""
        self.network.teacher_forcing = self._wanted(session.step, session.total_steps)

    def step(self, report: Report) -> None:
        """What the next step will be fed."""
        # a budget in minutes counts anew how many steps there will be: what was let go of stays so
        self.network.teacher_forcing = min(self.network.teacher_forcing, self._wanted(report.step, report.total_steps))

    def reported(self, report: Report) -> None:
        """The same, at the end of an epoch."""
        self.step(report)

    def _wanted(self, step: int, total: int | None) -> float:
        # the first steps of a budget in minutes are measured: they are to take as long as those to come, which are fed
        # token by token, and yet be fed the target's tokens
        return nextafter(1, 0) if total is None else 1 - (1 - self.final) * step / total
