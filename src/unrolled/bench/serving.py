"""A worker's side of the pipe: answers one JSON request a line, times a call, and is idle in between."""

from __future__ import annotations

import gc
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

__all__ = ["serve", "timed"]


def serve(target: object) -> None:
    """Answers requests on stdin until it ends: `{"do": NAME, ...}` calls the method NAME of `target` with the rest.

    The answer is `{"result": ...}`, or `{"error": ...}` where the call raised. What a library prints goes to stderr.
    """
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    for line in sys.stdin:
        request: dict[str, Any] = json.loads(line)
        try:
            answer = {"result": getattr(target, request.pop("do"))(**request)}
        except Exception as error:  # a peer may raise anything; the other side reports it and goes on
            first_line = str(error).partition("\n")[0]
            answer = {"error": f"{type(error).__name__}: {first_line}"}
        print(json.dumps(answer), file=answers, flush=True)


def timed(call: Callable[[], object], seconds: float) -> dict[str, float]:
    """Calls once to warm up, then again and again for so many seconds, at least once.

    Returns:
        `seconds`, the median of one call, and `calls`, how many were timed.

    >>> timed(lambda: None, 0.0)["calls"]
    1
    """
    call()
    durations: list[float] = []
    gc.collect()
    gc.disable()
    try:
        end = time.perf_counter() + seconds
        while True:
            began = time.perf_counter()
            call()
            now = time.perf_counter()
            durations.append(now - began)
            if now >= end:
                return {"seconds": statistics.median(durations), "calls": len(durations)}
    finally:
        gc.enable()
