"""Thousands of files, several at a time, each result kept as it comes; one file is judged in `files`."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path

from unrolled.check.files import Options, check_content, read_bytes, unchecked
from unrolled.check.output.json import report_from, report_to
from unrolled.check.results import FileReport
from unrolled.check.store import Store, key_of, lasting
from unrolled.errors import DataError

__all__ = ["Checked", "check_many", "cores"]

# Seconds after which a file's process is ended from outside. The sandbox has its own, closer limits: this one is for
# what gets past them.
LIMIT = 600.0

Check = Callable[[str, bytes, Options], FileReport]


@dataclass(frozen=True)
class Checked:
    """One file's result, and which of the files it was."""

    index: int
    report: FileReport
    kept: bool = False  # found in the store


def cores() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def check_many(
    paths: Sequence[Path],
    options: Options,
    *,
    jobs: int,
    store: Store | None = None,
    fresh: bool = False,
    limit: float = LIMIT,
    check: Check = check_content,
) -> Iterator[Checked]:
    """Judges many files and gives each result as soon as it is there, in any order.

    A file that cannot be read, that ends its process or that takes longer than `limit` has that as its report, and the
    others are judged all the same. Where the caller stops early, as by Ctrl-C, the processes are ended at once; what
    was given before is in the store.

    Args:
        paths: the files.
        options: what the verdicts depend on.
        jobs: how many files at a time.
        store: where results are looked up first and kept.
        fresh: look nothing up.
        limit: seconds for one file, all in.
        check: what judges one file; a function of a module, so that another process finds it.
    """
    pool: list[_Worker] = []
    try:
        for item in _looked_up(paths, options, None if fresh else store):
            if isinstance(item, Checked):
                yield item
                continue
            if len(pool) < jobs:
                worker = _Worker(check, options)
                pool.append(worker)
            else:
                worker = _next_done(pool, limit)
                yield worker.result(limit, store)
            worker.begin(item)
        while busy := [worker for worker in pool if worker.task is not None]:
            yield _next_done(busy, limit).result(limit, store)
    finally:
        for worker in pool:
            worker.end()


@dataclass(frozen=True)
class _Task:
    index: int
    name: str
    content: bytes
    key: str


def _looked_up(paths: Sequence[Path], options: Options, store: Store | None) -> Iterator[_Task | Checked]:
    """Each file as a task, or as a result where it needs no judging."""
    settings = asdict(options)
    for index, path in enumerate(paths):
        try:
            content = read_bytes(path)
        except DataError as error:
            yield Checked(index, unchecked(str(path), str(error)))
            continue
        key = key_of(content, settings)
        known = None if store is None else store.get(key, str(path))
        yield _Task(index, str(path), content, key) if known is None else Checked(index, known, kept=True)


class _Worker:
    """A process that judges one file after another; where a file ends it, another takes its place."""

    def __init__(self, check: Check, options: Options) -> None:
        self.check, self.options = check, options
        self.task: _Task | None = None
        self.began = 0.0
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_work, args=(theirs, self.check, self.options), daemon=True)
        with _interrupts_held():
            self.process.start()
        theirs.close()

    def begin(self, task: _Task) -> None:
        """Gives the process a file."""
        self.task, self.began = task, time.monotonic()
        with suppress(OSError):  # the process has ended: `result` will see that
            self.connection.send((task.name, task.content))

    def result(self, limit: float, store: Store | None) -> Checked:
        """What became of the file; kept in the store where it was judged and another time would tell the same."""
        assert self.task is not None
        task, self.task = self.task, None
        try:
            if self.connection.poll():
                report = report_from(json.loads(self.connection.recv_bytes()))
                if store is not None and report.functions and lasting(report):
                    store.put(task.key, report)
                return Checked(task.index, report)
            message = f"was not done after {limit:g} s"
        except (EOFError, OSError):
            self.process.join()
            message = f"ended the process that checked it, with exit code {self.process.exitcode}"
        self.end()
        self._start()
        return Checked(task.index, unchecked(task.name, f"could not be checked: it {message}; check it alone"))

    def end(self) -> None:
        """Ends the process; its sandbox ends with it."""
        self.process.kill()
        self.process.join()
        self.connection.close()


def _next_done(workers: Sequence[_Worker], limit: float) -> _Worker:
    """Waits for a worker that has an answer, has ended, or is beyond its limit."""
    first = min(workers, key=lambda worker: worker.began)
    ready = wait([worker.connection for worker in workers], max(0.0, first.began + limit - time.monotonic()))
    return next((worker for worker in workers if worker.connection in ready), first)


@contextmanager
def _interrupts_held() -> Generator[None]:
    """A process that is started in here never sees Ctrl-C: it is for this one, which ends the others."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _work(connection: Connection, check: Check, options: Options) -> None:
    """The other process: files in, reports out, until there are no more."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with suppress(EOFError):
        while True:
            name, content = connection.recv()
            connection.send_bytes(json.dumps(report_to(check(name, content, options))).encode())


def _end_with_parent() -> None:
    """Ends this process once the one that started it is gone, however it went."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
