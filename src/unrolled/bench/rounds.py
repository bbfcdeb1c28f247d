"""One run: makes peers ready for each case, checks that they agree, times them in turns; shows and keeps nothing."""

from __future__ import annotations

import math
import random
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from unrolled.bench.agreement import disagreement
from unrolled.bench.cases import Case
from unrolled.bench.workers import Worker, WorkerError
from unrolled.shapes import Array

__all__ = ["CaseResult", "Outcome", "run_cases", "start_worker"]

PEAK = "peak"  # the worker that measures the machine itself
PEAK_SECONDS = 0.03
# Before each measurement: the thread pools of the one before have gone to sleep. ONNX Runtime's workers were seen to
# spin for 50 ms after their last call (PyTorch's for 10, JAX's and ours not at all), on the cores of whoever is next.
PAUSE_SECONDS = 0.06
ORDER_SEED = 0  # of the orders within the rounds, so that a run can be repeated


class Asked(Protocol):
    """What is needed of a worker."""

    @property
    def alive(self) -> bool:
        """Whether it can be asked."""
        ...

    def ask(self, do: str, **arguments: Any) -> Any:
        """See `Worker.ask`."""
        ...

    def close(self) -> None:
        """Ends it."""
        ...


@dataclass
class Outcome:
    """What became of one peer on one case."""

    status: str = "timed"  # or "refused", "disagrees", "failed"
    reason: str = ""
    seconds: list[float] = field(default_factory=list[float])  # of one call, for each round; none unless timed


@dataclass
class CaseResult:
    """One case: the machine's peak of each round, in flops per second, and what became of each peer."""

    case: Case
    peaks: list[float]  # nan where it could not be measured
    outcomes: dict[str, Outcome]
    peak_reason: str = ""  # why it could not


def start_worker(name: str, threads: int) -> Worker:
    """Starts a peer's process, or the one that measures the peak."""
    return Worker(name, [sys.executable, "-m", "unrolled.bench.worker", name], threads=threads)


class _Crew:
    """The workers of one number of threads; one that has died is started anew when it is next needed."""

    def __init__(self, start: Callable[[str, int], Asked], threads: int) -> None:
        self.start, self.threads = start, threads
        self.workers: dict[str, Asked] = {}
        self.versions: dict[str, str] = {}

    def ask(self, name: str, do: str, **arguments: Any) -> Any:
        worker = self.workers.get(name)
        if worker is None or not worker.alive:
            if worker is not None:
                worker.close()
            worker = self.workers[name] = self.start(name, self.threads)
            if name != PEAK:
                self.versions |= worker.ask("versions")
        return worker.ask(do, **arguments)

    def close(self) -> None:
        for worker in self.workers.values():
            worker.close()


def run_cases(
    cases: Iterable[Case],
    peers: Sequence[str],
    *,
    rounds: int,
    seconds: float,
    versions: dict[str, str],
    start: Callable[[str, int], Asked] = start_worker,
    pause: float = PAUSE_SECONDS,
) -> Generator[CaseResult]:
    """Measures case by case.

    Args:
        cases: those of one number of threads together.
        peers: their names; the first is what the others must agree with.
        rounds: how many times each peer has its turn.
        seconds: how long a turn lasts at the least.
        versions: is filled with the libraries' versions as workers start.
        start: starts a worker by name and number of threads.
        pause: seconds between two turns.

    Returns:
        A result for each case, as it is done; a peer that dies, raises or disagrees is reported there, and so is a peak
        that cannot be measured; the rest goes on.
    """
    order = random.Random(ORDER_SEED)
    for threads, group in groupby(cases, key=lambda case: case.threads):
        crew = _Crew(start, threads)
        crew.versions = versions
        try:
            for case in group:
                result = CaseResult(case, [], _prepared(crew, case, peers))
                for _ in range(rounds):
                    _take_turns(crew, result, order, seconds, pause)
                yield result
        finally:
            crew.close()


def _prepared(crew: _Crew, case: Case, peers: Sequence[str]) -> dict[str, Outcome]:
    """Makes every peer ready, and lets only those be timed that agree with the first one that can do the case."""
    outcomes: dict[str, Outcome] = {}
    reference: dict[str, Array] | None = None
    for name in peers:
        outcomes[name] = outcome = Outcome()
        try:
            if reason := crew.ask(name, "prepare", case=case.to_record()):
                outcome.status, outcome.reason = "refused", reason
                continue
            arrays = _results(crew, name)
        except WorkerError as error:
            outcome.status, outcome.reason = "failed", str(error)
            continue
        if reference is None:
            reference = arrays
        elif different := disagreement(reference, arrays, case.dtype):
            outcome.status, outcome.reason = "disagrees", different
    return outcomes


def _results(crew: _Crew, name: str) -> dict[str, Array]:
    """All that one call of a peer returns; through a file, as a pipe of text would take its time."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "results.npz")
        crew.ask(name, "save", path=str(path))
        with np.load(path) as stored:
            return {key: stored[key] for key in stored.files}


def _take_turns(crew: _Crew, result: CaseResult, order: random.Random, seconds: float, pause: float) -> None:
    """One round: the peak, then every peer.

    The order is drawn anew: were it only rotated, each would nearly always follow the same one, and bear what that one
    leaves behind, in the caches and on the cores.
    """
    time.sleep(pause)
    try:
        result.peaks.append(crew.ask(PEAK, "rate", dtype=result.case.dtype, seconds=PEAK_SECONDS))
    except WorkerError as error:
        result.peaks.append(math.nan)
        result.peak_reason = str(error)
    ready = [name for name, outcome in result.outcomes.items() if outcome.status == "timed"]
    for name in order.sample(ready, len(ready)):
        time.sleep(pause)
        try:
            result.outcomes[name].seconds.append(crew.ask(name, "time", seconds=seconds)["seconds"])
        except WorkerError as error:
            result.outcomes[name] = Outcome("failed", str(error))
