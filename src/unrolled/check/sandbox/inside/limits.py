"""What a forked process gives up before it runs a learner's code: memory, time, files, signals from outside."""

from __future__ import annotations

import os
import resource
import signal
import sys
from collections.abc import Callable
from typing import Any, Final

from . import seccomp

__all__ = ["give_up", "watch"]

FILES: Final = 64  # open at once
PR_SET_PDEATHSIG: Final = 1

# What Python reports of itself -> in words. Those who only tried are named too, even where they hid the error.
ATTEMPTS: Final = {
    "os.fork": "to start a process",
    "os.forkpty": "to start a process",
    "os.posix_spawn": "to start a program",
    "os.spawn": "to start a program",
    "os.exec": "to start a program",
    "os.system": "to start a program",
    "subprocess.Popen": "to start a program",
    "pty.spawn": "to start a program",
    "_thread.start_new_thread": "to start a thread",
    "_thread.start_joinable_thread": "to start a thread",
    "socket.__new__": "to reach the network",
    "socket.getaddrinfo": "to reach the network",
    "socket.gethostbyname": "to reach the network",
    "os.kill": "to signal a process",
    "os.killpg": "to signal a process",
    "os.link": "to link a file",
    "os.symlink": "to link a file",
    "os.chmod": "to change a file's rights",
    "os.chown": "to change a file's rights",
    "resource.setrlimit": "to change its limits",
    "resource.prlimit": "to change its limits",
    "ctypes.dlopen": "to call into the C library",
}


def give_up(*, memory: int, seconds: float, output: int, sandboxed: bool) -> str:
    """Sets all limits on this process, for good.

    Args:
        memory: bytes of address space.
        seconds: of processor time.
        output: bytes of one file, standard output included.
        sandboxed: whether bubblewrap is around it; if not, files cannot be written, and a missing filter is no error.

    Returns:
        What is missing; "" if nothing is.
    """
    limits = {
        "RLIMIT_AS": memory,
        "RLIMIT_CPU": int(seconds) + 1,
        "RLIMIT_FSIZE": output,
        "RLIMIT_NOFILE": FILES,
        "RLIMIT_CORE": 0,
        "RLIMIT_MEMLOCK": 0,
        "RLIMIT_MSGQUEUE": 0,
        "RLIMIT_NPROC": 0,  # stops no fork of root's; the filter does
    }
    for name, value in limits.items():
        if hasattr(resource, name):
            kind = getattr(resource, name)
            hard = resource.getrlimit(kind)[1]
            # at the soft limit of time it is told that it was the time; where both are one, it is killed without a word
            most = value + 1 if name == "RLIMIT_CPU" else value
            value, most = (each if hard == resource.RLIM_INFINITY else min(each, hard) for each in (value, most))
            resource.setrlimit(kind, (value, most))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a file that is too large is an error to the one who writes
    if sys.platform == "linux":
        seccomp.libc().prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    try:
        seccomp.install(writing=sandboxed)
    except OSError as error:
        return str(error)
    return ""


def watch(allowed: tuple[str, ...], report: Callable[[str], None]) -> None:
    """Has every attempt at what is forbidden reported as it happens, once for each kind.

    Args:
        allowed: folders whose files are there to be opened.
        report: takes what was tried, in words.
    """
    known: set[str] = set()
    fspath, abspath, inside = os.fspath, os.path.abspath, tuple(folder.rstrip("/") + "/" for folder in allowed)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        words = ATTEMPTS.get(event)
        if event == "open" and isinstance(arguments[0], str | bytes):
            path = abspath(os.fsdecode(fspath(arguments[0])))
            words = None if path.startswith(inside) or path in allowed else f"to open {path[:200]!r}"
        if words and words not in known:
            known.add(words)
            if len(known) <= 8:
                report(words)

    sys.addaudithook(hook)
