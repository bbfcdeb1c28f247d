"""The process that waits inside the sandbox with NumPy loaded, and forks one process for each job.

No learner's code runs in it, and it never sees what a job holds.
"""

from __future__ import annotations

import gc
import json
import os
import select
import shutil
import signal
import socket
import time
from typing import Any, Final

from . import limits, seccomp
from .job import Channel, perform
from .wire import Limits

__all__ = ["main"]

TICK: Final = 0.02  # seconds between two looks at the scratch folder
SCRATCH_FILES: Final = 256


def main(control: int, settings: dict[str, Any]) -> None:
    """Serves jobs until the parent closes the control socket, or has gone."""
    low = os.dup(control)  # the parent may have had many files open; `select` and `closerange` know the first 1024
    os.close(control)
    try:
        serve(low, settings)
    finally:
        if settings["empty"]:  # a parent that was killed cannot
            shutil.rmtree(settings["empty"], ignore_errors=True)


def serve(control: int, settings: dict[str, Any]) -> None:
    with socket.socket(fileno=control) as parent:
        read, write = os.pipe()
        os.set_blocking(write, False)
        os.set_blocking(read, False)
        signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        seccomp.prepare(writing=settings["sandboxed"])
        gc.collect()
        gc.freeze()
        tell(parent, {"ready": True, "filter": filtered()})
        while True:
            message, descriptors, _, _ = socket.recv_fds(parent, 4096, 3)
            if not message:
                return
            spec = json.loads(message)
            pid = os.fork()
            if pid == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                work(spec, descriptors, settings)
            for descriptor in descriptors:
                os.close(descriptor)
            if not settings["sandboxed"]:  # its number means something to the parent
                tell(parent, {"pid": pid})
            tell(parent, wait(pid, parent, read, spec, settings["scratch"]))


def tell(parent: socket.socket, message: dict[str, Any]) -> None:
    parent.sendall(json.dumps(message).encode() + b"\n")


def filtered() -> bool:
    """Whether a process under the filter truly cannot fork."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            seccomp.install(writing=False)
            if os.fork() == 0:
                os._exit(0)
        except PermissionError:
            status = 0
        except OSError:
            status = 1
        os._exit(status)
    return os.waitpid(pid, 0)[1] == 0


def wait(pid: int, parent: socket.socket, woken: int, spec: dict[str, Any], scratch: str) -> dict[str, Any]:
    """Waits for a job's process, kills it when its time is up, and says how it ended."""
    end = time.monotonic() + spec["wall"]
    killed = ""
    while True:
        ready, _, _ = select.select([parent, woken], [], [], TICK)
        if woken in ready:
            os.read(woken, 4096)
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:  # before any clock: this process may have had no turn since the job ended
            break
        if parent in ready:  # it says nothing while a job runs: it is gone
            killed = "parent"
        elif spent(pid) >= spec["timeout"]:
            killed = "timeout"
        elif time.monotonic() >= end:
            killed = "wall"
        elif scratch and files(scratch) > SCRATCH_FILES:
            killed = "files"
        if killed:
            os.kill(pid, signal.SIGKILL)
            _, status = os.waitpid(pid, 0)
            break
    left = bool(scratch) and bool(os.listdir(scratch))
    return {"code": os.waitstatus_to_exitcode(status), "killed": killed, "left": left}


def spent(pid: int) -> float:
    """Seconds of processor time that a process has had; 0 where the system does not tell: its own limit ends it."""
    try:
        return time.clock_gettime(~pid << 3 | 2)  # the number of Linux's clock of that process
    except OSError:
        return 0.0


def files(scratch: str) -> int:
    """Files and folders in the scratch folder, without looking into it: it may hold very many."""
    found = os.statvfs(scratch)
    return found.f_files - found.f_ffree


def work(spec: dict[str, Any], descriptors: list[int], settings: dict[str, Any]) -> None:
    """A job's process, from its fork to its end; does not return."""
    status = 1
    try:
        os.setsid()
        job, reply, output = descriptors
        os.dup2(output, 1)
        os.dup2(output, 2)
        with open(job, "rb", closefd=False) as file:
            message = file.read()
        os.dup2(reply, 3)
        os.closerange(4, 1024)
        channel = Channel(3, bytes.fromhex(spec["token"]))
        missing = limits.give_up(
            memory=settings["memory"],
            seconds=spec["timeout"],
            output=settings["output"],
            sandboxed=settings["sandboxed"],
        )
        if missing and settings["sandboxed"]:
            channel.send(b"N", missing.encode())
            os._exit(2)
        limits.watch(tuple(settings["allowed"]), lambda tried: channel.send(b"A", tried.encode()))
        perform(message, channel, Limits(settings["bytes"], settings["nodes"]))
        status = 0
    finally:
        os._exit(status)
