"""Ctrl-C heard as a wish that is granted between two steps, so that no step is cut in half; saves nothing itself."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from typing import Any

__all__ = ["stoppable"]


@contextmanager
def stoppable(numbers: Iterable[int] = (signal.SIGINT,)) -> Generator[Callable[[], bool]]:
    """Gives a function that says whether one of the signals came; a second one acts as it would have without this.

    Only the main thread hears signals: elsewhere the function always says no, and nothing is changed.
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

    before = {each: signal.signal(each, ask) for each in numbers}
    try:
        yield lambda: asked
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
