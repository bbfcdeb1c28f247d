"""A worker process seen from outside: starts it on chosen cores, asks it, notices its death; computes nothing."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import tempfile
import threading
from collections.abc import Generator, Sequence
from typing import Any

__all__ = ["Worker", "WorkerError", "allowed_cores", "environment"]

# Every library that a worker may load takes its number of threads from one of these.
THREAD_VARIABLES = (
    "UNROLLED_NUM_THREADS",
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)
# A choice of kernels made for an older library, or of ours for a test, must not slow a peer or us down.
LEFT_OUT = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "UNROLLED_ISA")


class WorkerError(Exception):
    """A worker died, took too long, or raised; the message says which and how."""


def allowed_cores() -> list[int]:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def environment(threads: int) -> dict[str, str]:
    """What a worker's environment is: this one with as many threads for every library, and no leaning towards any.

    >>> environment(2)["OMP_NUM_THREADS"]
    '2'
    """
    own = {name: value for name, value in os.environ.items() if name not in LEFT_OUT}
    return own | dict.fromkeys(THREAD_VARIABLES, str(threads))


@contextlib.contextmanager
def _only_on(cores: Sequence[int]) -> Generator[None]:
    """What is started within inherits these cores; a system without affinities starts it anywhere."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class Worker:
    """One process that answers one request at a time and is idle in between.

    Args:
        name: what messages call it.
        command: starts a program that calls `serve`.
        threads: how many threads its libraries may use, on as many cores.
        timeout: seconds that an answer may take before the process is ended.
    """

    def __init__(self, name: str, command: Sequence[str], *, threads: int = 1, timeout: float = 600.0) -> None:
        self.name, self.timeout = name, timeout
        self._fate = ""  # how it ended, once it has
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        with _only_on(allowed_cores()[:threads]):
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._complaints,
                env=environment(threads),
                encoding="utf-8",
                start_new_session=True,  # Ctrl-C is ours to handle
            )
        self._answers: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def ask(self, do: str, **arguments: Any) -> Any:
        """Calls a method of the worker's target and waits for its result.

        Raises:
            WorkerError: it died, did not answer in time (it is ended), or the method raised.
        """
        if self._fate:
            raise WorkerError(self._fate)
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):  # it has died: the reader notices
            self._process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
            self._process.stdin.flush()
        try:
            line = self._answers.get(timeout=self.timeout)
        except queue.Empty:
            raise self._ended(f"{self.name} did not answer `{do}` within {self.timeout:g} s") from None
        if not line:
            raise self._ended(self._death())
        answer = json.loads(line)
        if "error" in answer:
            raise WorkerError(f"{self.name}: {answer['error']}")
        return answer["result"]

    @property
    def alive(self) -> bool:
        """Whether it can be asked."""
        return not self._fate

    def close(self) -> None:
        """Ends the process."""
        self._fate = self._fate or f"{self.name} was closed"
        self._process.kill()
        self._process.wait()
        self._reader.join()
        for stream in (self._process.stdin, self._process.stdout, self._complaints):
            with contextlib.suppress(OSError):  # what was still unsent to a dead process
                if stream is not None:
                    stream.close()

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read(self) -> None:
        """Hands on every line of the worker's, then an empty one: a read that can be given up after a time."""
        assert self._process.stdout is not None
        with contextlib.suppress(ValueError):  # closed while reading
            for line in self._process.stdout:
                self._answers.put(line)
        self._answers.put("")

    def _death(self) -> str:
        code = self._process.wait()
        self._complaints.seek(0)
        said = self._complaints.read().decode("utf-8", "replace").strip().splitlines()
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"left with exit code {code}"
        return f"{self.name} {how}" + (f": {said[-1].strip()}" if said else "")

    def _ended(self, fate: str) -> WorkerError:
        self._fate = fate
        self.close()
        return WorkerError(fate)
