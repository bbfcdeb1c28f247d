"""Learners' code run in processes of its own, each job apart; what came back is checked here and judged elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import TracebackType
from typing import Any, Self, cast

from unrolled.check.sandbox import bubblewrap
from unrolled.check.sandbox.inside.encode import Encoder
from unrolled.check.sandbox.inside.wire import Limits
from unrolled.check.sandbox.process import Ending, Settings, Zygote
from unrolled.check.sandbox.reply import read_reply
from unrolled.check.sandbox.types import Availability, Job, Mode, Reply, SandboxError, Value
from unrolled.errors import ParameterError

__all__ = ["Sandbox"]


class Sandbox:
    """Runs jobs, each in a process of its own; one sandbox for each file, used by one thread.

    Args:
        mode: "bubblewrap": without network, files, other processes; "none": limits and the filter of system calls
            alone, for one's own code.
        timeout: seconds of processor time for a job; one that waits, or that a busy machine lets wait, is ended after
            four times as many in all.
        memory: bytes of address space for a job.
        output: bytes that a job may print, or write into one file.
        limits: of what a reply may hold.

    Raises:
        SandboxError: the mode is not to be had on this machine.
        ParameterError: a limit is not above 0.

    >>> from unrolled.check.sandbox import Call, Job, Sandbox
    >>> with Sandbox(mode="none") as sandbox:
    ...     reply = sandbox.run(Job("def double(x): return 2 * x", [Call("double", [21])]))
    >>> reply.status, reply.values
    ('returned', [42])
    """

    def __init__(
        self,
        mode: Mode = "bubblewrap",
        *,
        timeout: float = 10.0,
        memory: int = 1 << 30,
        output: int = 4 << 20,
        limits: Limits | None = None,
    ) -> None:
        for name, value in (("timeout", timeout), ("memory", memory), ("output", output)):
            if not value > 0:
                raise ParameterError(f"`{name}` is {value}, expected above 0; leave it out for the usual limit")
        if mode == "bubblewrap" and not self.available().bubblewrap:
            raise SandboxError(
                f"no sandbox for untrusted code: {self.available().reason}; or use mode='none' for your own code"
            )
        self.mode: Mode = mode
        self.timeout = timeout
        self._limits = limits or Limits()
        self._settings = Settings(mode, memory, output, self._limits)
        self._zygote: Zygote | None = None

    @staticmethod
    def available() -> Availability:
        """What this machine has, and if not, why not and what to do."""
        return bubblewrap.available()

    def __enter__(self) -> Self:
        self._start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the waiting process; `run` would start another."""
        if self._zygote is not None:
            self._zygote.close()
            self._zygote = None

    def run(self, job: Job) -> Reply:
        """Runs one job; whatever its code does, this comes back, at the latest a second or two after four times
        its time.

        Args:
            job: code and calls.

        Returns:
            What came of it. Values are read from bytes that untrusted code may have written: right in form, no more.

        Raises:
            ParameterError: the job holds what cannot be sent.
            SandboxError: the sandbox cannot be started again.
        """
        message = self._message(job)
        timeout = job.timeout or self.timeout
        ending = self._run(message, timeout)
        if ending.lost:  # it may have ended before this job, which then has no part in it
            ending = self._run(message, timeout)
        return read_reply(ending, self._limits, len(job.calls), timeout)

    def _run(self, message: bytes, timeout: float) -> Ending:
        zygote = self._start()
        try:
            ending = zygote.run(message, timeout)
        except BaseException:  # interrupted: the job may still run
            self.close()
            raise
        if not ending.clean:
            self.close()
        return ending

    def _start(self) -> Zygote:
        if self._zygote is None:
            self._zygote = Zygote(self._settings)
        return self._zygote

    def _message(self, job: Job) -> bytes:
        encoder = Encoder(Limits(self._limits.bytes, 10 * self._limits.nodes))
        if job.trace is not None and (not job.calls or job.calls[-1].entry != job.trace):
            raise ParameterError(f"`trace` is {job.trace!r}, expected the entry of the last call; put that call last")
        calls: list[dict[str, Any]] = []
        for index, call in enumerate(job.calls):
            values: dict[str, Value] = {
                "args": list(call.args),
                "kwargs": dict(call.kwargs),
                "attributes": None if call.attributes is None else dict(call.attributes),
                "init": None if call.init is None else list(call.init),
            }
            nodes = {name: encoder.value(value) for name, value in values.items()}
            if encoder.strange:
                for name, value in values.items():
                    _check_sendable(f"calls[{index}].{name}", value)
            calls.append({**nodes, "plain": {"entry": call.entry, "instance": call.instance}})
        if encoder.full:
            raise ParameterError(f"the job holds more than {self._limits.bytes} bytes of arrays; pass smaller ones")
        return encoder.message(
            {
                "code": job.code,
                "calls": calls,
                "replace": dict(job.replace),
                "trace": job.trace,
                "modules": dict(provided()),
                "without": list(job.without),
            }
        )


# by the modules' names; their submodules are the same
_PROVIDED = {
    "rnn_utils": "rnn_utils",
    "public_tests": "public_tests",
    "tqdm": "progress",
    **dict.fromkeys(("matplotlib", "seaborn", "IPython"), "shown"),
}


@cache
def provided() -> Mapping[str, str]:
    """Name -> text of the modules that are there for the learner's code to import."""
    folder = files("unrolled.check.sandbox") / "provided"
    return {name: (folder / f"{file}.py").read_text(encoding="utf-8") for name, file in _PROVIDED.items()}


def _check_sendable(name: str, value: Value) -> None:
    if isinstance(value, dict):
        for key, item in cast("dict[Any, Any]", value).items():
            _check_sendable(f"{name}[{key!r}]", item)
    elif isinstance(value, tuple | list):
        for index, item in enumerate(cast("list[Any]", value)):
            _check_sendable(f"{name}[{index}]", item)
    elif value is not None and not isinstance(value, bool) and Encoder(Limits()).value(value)[0] == "o":
        raise ParameterError(
            f"`{name}` is of type {type(value).__name__}, expected numbers, text, arrays of numbers, tuples, lists and "
            "dictionaries; convert it"
        )
