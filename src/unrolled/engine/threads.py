"""How many threads the engine uses; no work is done here."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType

from unrolled.engine import _native
from unrolled.errors import ParameterError

__all__ = ["default_threads", "threads"]


def _quota(cgroup: Path, *files: str) -> float:
    """One cgroup's CPU quota in cores, or infinity where it has none."""
    try:
        quota, period = map(int, " ".join((cgroup / name).read_text(encoding="ascii") for name in files).split())
    except (OSError, ValueError):  # no such file, or "max" in it
        return float("inf")
    return quota / period if quota > 0 else float("inf")


def _cores_of_quota() -> float:
    """The smallest CPU quota in cores of this process's cgroup and of those above it, or infinity."""
    least = float("inf")
    try:
        cgroups = os.fsdecode(Path("/proc/self/cgroup").read_bytes())
    except OSError:
        return least
    for line in filter(None, cgroups.split("\n")):
        controllers, _, path = line.partition(":")[2].partition(":")
        if not controllers:  # version 2 has one hierarchy for all of them
            folder, files = Path("/sys/fs/cgroup"), ["cpu.max"]
        elif "cpu" in controllers.split(","):
            folder, files = Path("/sys/fs/cgroup/cpu"), ["cpu.cfs_quota_us", "cpu.cfs_period_us"]
        else:
            continue
        # The first name is empty: the hierarchy's root, in a container often the own one, whatever path says.
        for name in path.split("/"):
            folder /= name
            least = min(least, _quota(folder, *files))
    return least


def default_threads() -> int:
    """`UNROLLED_NUM_THREADS` where it is set, else the cores that this process may use: its affinity, or the
    smallest CPU quota of its cgroup and those above it.

    Raises:
        ParameterError: `UNROLLED_NUM_THREADS` is not a positive integer.
    """
    wanted = os.environ.get("UNROLLED_NUM_THREADS")
    if wanted is not None:
        if not wanted.strip().isdecimal() or int(wanted) < 1:
            raise ParameterError(
                f"`UNROLLED_NUM_THREADS` is {wanted!r}, expected a positive integer; unset it to use every core allowed"
            )
        return int(wanted)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, int(min(cores, _cores_of_quota())))


class threads:  # noqa: N801 - used as a function: unrolled.threads(2)
    """Sets how many threads the engine uses, from now on or for the length of a `with` block.

    Results have the same bits whatever the number. It is a most: short work takes fewer, and where other programs want
    the cores, sequences so few that the threads would wait for each other at every step run on one for a while. On
    Linux, a thread that the system has queued behind another of the same call moves to a core that none of them took.

    Args:
        count: a positive number of threads, or `None` for the default.

    Raises:
        ParameterError: `count` is not a positive integer.

    >>> with threads(1):
    ...     threads.count()
    1
    """

    def __init__(self, count: int | None = None) -> None:
        if count is not None and (type(count) is not int or count < 1):
            raise ParameterError(f"`count` is {count!r}, expected a positive integer; pass None for the default")
        self._before = _native.thread_limit()
        _native.set_thread_limit(default_threads() if count is None else count)

    @staticmethod
    def count() -> int:
        """How many threads the engine may use now."""
        return _native.thread_limit()

    def __enter__(self) -> threads:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _native.set_thread_limit(self._before)
