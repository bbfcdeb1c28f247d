"""The waiting process inside the sandbox, seen from outside: started, given jobs, killed; replies are not read here."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

from unrolled.check.sandbox import bubblewrap
from unrolled.check.sandbox.inside.wire import Limits
from unrolled.check.sandbox.types import Mode, SandboxError

__all__ = ["WALL", "Ending", "Settings", "Zygote"]

INSIDE: Final = str(Path(__file__).parent / "inside")
START: Final = 20.0  # seconds that loading NumPy may take on a machine under load
WALL: Final = 4.0  # how often its processor time a job may take in all: it may sleep, or the machine be busy
GRACE: Final = 1.0  # seconds beyond that before the whole sandbox is killed

# What the waiting process is started with: a finder that knows the packages given, and then that process's own code.
BOOT: Final = """
import json, sys
from importlib.machinery import PathFinder
settings = json.loads(sys.argv[1])
class Packages:
    folders = settings["packages"]
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return PathFinder.find_spec(name, [cls.folders[name]]) if path is None and name in cls.folders else None
sys.argv = [""]
sys.meta_path.append(Packages)
from inside.zygote import main
main(settings.pop("control"), settings)
"""

ENVIRONMENT: Final = {
    "HOME": bubblewrap.SCRATCH,
    "TMPDIR": bubblewrap.SCRATCH,
    "LC_ALL": "C.UTF-8",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}


@dataclass(frozen=True)
class Settings:
    """The limits of every job."""

    mode: Mode
    memory: int  # bytes of address space
    output: int  # bytes of one file, standard output included
    reply: Limits


@dataclass
class Ending:
    """How a job's process ended, and what it had written by then."""

    token: bytes
    written: bytearray = field(default_factory=bytearray)
    code: int | None = None  # exit status; negative: the signal that ended it; None: the sandbox itself is gone
    killed: str = ""  # by us: "timeout", of its processor time; "wall"; "files"; "output"
    clean: bool = True  # whether the sandbox can be used again

    @property
    def lost(self) -> bool:
        """Whether the sandbox itself ended, and not by us."""
        return self.code is None and not self.killed


class Zygote:
    """One waiting process. After `run` came back with `clean` false, close it and start another.

    Raises:
        SandboxError: it does not start, or its filter of system calls does not hold.
    """

    def __init__(self, settings: Settings) -> None:
        sandboxed = settings.mode == "bubblewrap"
        self._settings = settings
        self._empty = None if sandboxed else tempfile.TemporaryDirectory(prefix="check-")
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
        self._heard = b""
        self._control, theirs = socket.socketpair()
        with theirs:
            told: dict[str, Any] = {
                "control": theirs.fileno(),
                "packages": {
                    **bubblewrap.packages(),
                    "inside": bubblewrap.PROGRAM if sandboxed else str(Path(INSIDE).parent),
                },
                "memory": settings.memory,
                "output": settings.output,
                "bytes": settings.reply.bytes,
                "nodes": settings.reply.nodes,
                "sandboxed": sandboxed,
                "scratch": bubblewrap.SCRATCH if sandboxed else "",
                "empty": self._empty.name if self._empty else "",
                "allowed": _seen(self._empty.name if self._empty else bubblewrap.SCRATCH),
            }
            python = [bubblewrap.interpreter(), "-I", "-S", "-B", "-X", "utf8", "-c", BOOT, json.dumps(told)]
            self._process = subprocess.Popen(
                [*bubblewrap.command(INSIDE), *python] if sandboxed else python,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._errors,
                pass_fds=[theirs.fileno()],
                env=ENVIRONMENT,
                cwd=self._empty.name if self._empty else "/",
                start_new_session=True,
            )
        self._job: int | None = None  # its process, where that has a number of ours
        try:
            self._greet(sandboxed)
        except BaseException:  # interrupted, too
            self.close()
            raise

    def _greet(self, sandboxed: bool) -> None:
        hello = self._hear(time.monotonic() + START)
        if hello is None or not hello.get("ready"):
            self.kill()
            self._errors.seek(0)
            told = self._errors.read(2000).decode("utf-8", "replace").strip().rpartition("\n")[2]
            raise SandboxError(
                f"the process for learners' code did not start: {told or 'it said nothing'}; "
                "run `bwrap --unshare-all --ro-bind / / true` to see whether bubblewrap works here"
            )
        if sandboxed and not hello.get("filter"):
            raise SandboxError(
                "the filter of system calls does not hold in the sandbox, so that learners' code could start "
                "processes; use a kernel with seccomp filters (CONFIG_SECCOMP_FILTER)"
            )

    def run(self, job: bytes, timeout: float) -> Ending:
        """Has one job done; comes back when its process has ended.

        Args:
            job: the message.
            timeout: seconds of processor time; it also ends after `WALL` times as many in all, `GRACE` later at most.
        """
        ending = Ending(secrets.token_bytes(16))
        read, write = os.pipe()
        with open(read, "rb", buffering=0) as reply:
            try:
                with _holding(job) as given, _holding(b"") as output:
                    told = {"timeout": timeout, "wall": WALL * timeout, "token": ending.token.hex()}
                    spec = json.dumps(told).encode()
                    socket.send_fds(self._control, [spec], [given.fileno(), write, output.fileno()])
            except OSError:
                ending.clean = False
                return ending
            finally:
                os.close(write)
            self._collect(reply, ending, time.monotonic() + WALL * timeout + GRACE)
        return ending

    def _collect(self, reply: IO[bytes], ending: Ending, deadline: float) -> None:
        """Reads what the job writes, bounded in bytes and time, and how it ended."""
        limits = self._settings.reply
        most = limits.bytes + limits.header + 4096
        open_pipe, ended = True, False
        with selectors.DefaultSelector() as selector:
            selector.register(reply, selectors.EVENT_READ)
            selector.register(self._control, selectors.EVENT_READ)
            while open_pipe or not ended:
                ready = selector.select(max(0.0, deadline - time.monotonic()))
                if not ready:
                    ending.killed, ending.clean = ending.killed or "wall", False
                    break
                for key, _ in ready:
                    if key.fileobj is reply:
                        piece = os.read(reply.fileno(), 1 << 20)
                        ending.written += piece
                        if not piece:
                            open_pipe = False
                            selector.unregister(reply)
                    else:
                        heard = self._listen(ending, deadline)
                        if heard is None:
                            ending.clean = False
                            self.kill()
                            return
                        ended = heard
                if len(ending.written) > most:
                    ending.killed, ending.clean = "output", False
                    break
        if not ending.clean:
            self.kill()

    def _listen(self, ending: Ending, deadline: float) -> bool | None:
        """Takes in every line that has come, as two may at once; whether the job has ended, None if all is gone."""
        while (heard := self._hear(deadline)) is not None:
            ended = self._note(heard, ending)
            if ended or b"\n" not in self._heard:
                return ended
        return None

    def _note(self, heard: dict[str, Any], ending: Ending) -> bool:
        """One line of the waiting process; whether the job has ended."""
        if "pid" in heard:
            self._job = heard["pid"]
            return False
        self._job = None
        ending.code, ending.killed = heard["code"], heard["killed"]
        ending.clean = not heard["left"]
        return True

    def _hear(self, deadline: float) -> dict[str, Any] | None:
        """The next line of the waiting process; None if it is gone or says nothing."""
        while b"\n" not in self._heard:
            self._control.settimeout(max(0.001, deadline - time.monotonic()))
            try:
                piece = self._control.recv(4096)
            except OSError:  # a timeout too
                return None
            if not piece:
                return None
            self._heard += piece
        line, _, self._heard = self._heard.partition(b"\n")
        return json.loads(line)

    def kill(self) -> None:
        """Ends the sandbox and all that is in it."""
        if self._job is not None:
            with contextlib.suppress(OSError):
                os.kill(self._job, signal.SIGKILL)
            self._job = None
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        """Ends it and lets go of what it held."""
        self._control.close()
        self.kill()
        self._errors.close()
        if self._empty:
            self._empty.cleanup()


def _holding(content: bytes) -> IO[bytes]:
    """A file without a name, at its beginning."""
    if sys.platform == "linux":
        file: IO[bytes] = open(os.memfd_create("job"), "w+b", buffering=0)  # noqa: SIM115
    else:
        file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115
    file.write(content)
    file.seek(0)
    return file


def _seen(scratch: str) -> list[str]:
    """Folders and files whose opening is nothing to speak of."""
    folders = [os.path.join(folder, name) for name, folder in bubblewrap.packages().items()]
    return [*bubblewrap.runtime(), *folders, bubblewrap.interpreter(), bubblewrap.PROGRAM, *bubblewrap.DEVICES, scratch]
