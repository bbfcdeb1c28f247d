"""Ctrl-C heard as a wish that is granted between two steps, so that no step is cut in half; saves nothing itself."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from typing import Any

__all__ = ["stoppable"]


@contextmanager
def stoppable(numbers: Iterable[int], *, also_ignored: bool = False) -> Generator[Callable[[], bool]]:
    """Gives a function that says whether one of the signals came; a second one acts as it would have without this.

    Only the main thread hears signals: elsewhere the function always says no, and nothing is changed.

    Args:
        numbers: of the signals.
        also_ignored: hear those as well that the process was told to ignore, as a shell's background jobs are.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    asked = False

    def ask(number: int, frame: Any) -> None:
        nonlocal asked
        asked = True
        for each, handler in before.items():
            signal.signal(each, handler)

    handlers = {each: signal.getsignal(each) for each in numbers}
    left = (None,) if also_ignored else (None, signal.SIG_IGN)  # None: a handler that Python could not put back
    before = {each: handler for each, handler in handlers.items() if handler not in left}
    for each in before:
        signal.signal(each, ask)
    try:
        yield lambda: asked
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
