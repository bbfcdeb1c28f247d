"""What a person hangs on a run: a class whose methods are called as it goes; none of them is needed."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, cast

from unrolled.errors import ParameterError

if TYPE_CHECKING:
    from unrolled.training.history import History
    from unrolled.training.report import Report
    from unrolled.training.session import Session

__all__ = ["Callback", "Callbacks", "StopTraining", "checked_callbacks"]


class StopTraining(Exception):  # noqa: N818  (it is no error)
    """Raised by a callback to end the run as if it were over: saved, and with its best weights put back."""


class Callback:
    """Hooks that do nothing; override those that you need.

    Raising `StopTraining` in `step`, `reported` or `validated` ends the run.

    With a callback every epoch is validated, however much time it takes, as the callback might decide something; one
    that never does says so by `decides = False`.

    >>> class Patient(Callback):
    ...     def validated(self, report):
    ...         if report.metrics["accuracy"] > 0.99:
    ...             raise StopTraining
    """

    decides: ClassVar[bool] = True

    def start(self, session: Session) -> None:
        """Before the first step of this sitting; `session.model` is the model."""

    def step(self, report: Report) -> None:
        """After every step; `report.train_loss` is the mean since the last report."""

    def reported(self, report: Report) -> None:
        """At the end of each epoch, and now and then in a long one."""

    def validated(self, report: Report) -> None:
        """After each validation; `report.metrics` is what it returned. Comes after `reported`."""

    def end(self, history: History) -> None:
        """When the run is over, however it ended; the model has its final weights unless that was an error."""


class Callbacks:
    """Several callbacks as one observer of the loop."""

    def __init__(self, callbacks: Sequence[Callback]) -> None:
        self.callbacks = checked_callbacks(callbacks)
        self.decide = any(each.decides for each in self.callbacks)
        # nobody builds a report for each step where nobody reads it
        self.each_step = any(type(each).step is not Callback.step for each in self.callbacks)

    @contextmanager
    def running(self, session: Session, history: History) -> Generator[None]:
        """Starts all of them, and ends in the end those that were started."""
        with ExitStack() as stack:
            for each in self.callbacks:
                each.start(session)
                stack.callback(each.end, history)
            yield

    def step(self, report: Report) -> None:
        """Hands it on."""
        for each in self.callbacks:
            each.step(report)

    def report(self, report: Report) -> None:
        """Hands it on, and once more where something was validated."""
        for each in self.callbacks:
            each.reported(report)
            if report.validated:
                each.validated(report)


def checked_callbacks(callbacks: Any) -> tuple[Callback, ...]:
    """All of them.

    Raises:
        ParameterError: it is no list of callbacks.

    >>> checked_callbacks([print])
    Traceback (most recent call last):
        ...
    unrolled.errors.ParameterError: `callbacks` holds <built-in function print>, expected objects of classes that are \
derived from unrolled.training.fit.Callback; write the function as one of its methods
    """
    expected = "objects of classes that are derived from unrolled.training.fit.Callback"
    if not isinstance(callbacks, list | tuple):
        raise ParameterError(f"`callbacks` is {callbacks!r}, expected a list of {expected}; write one as [callback]")
    given = cast("list[Any] | tuple[Any, ...]", callbacks)
    for each in given:
        if not isinstance(each, Callback):
            remedy = "make one of the class" if isinstance(each, type) else "write the function as one of its methods"
            raise ParameterError(f"`callbacks` holds {each!r}, expected {expected}; {remedy}")
    return tuple(given)
