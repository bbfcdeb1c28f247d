"""Learners' code run in processes of its own, each job apart; what came back is checked here and judged elsewhere."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import TracebackType
from typing import Any, Final, Self

import numpy as np

from unrolled.check.sandbox import bubblewrap
from unrolled.check.sandbox.inside.wire import Decoder, Encoder, Limits, Opaque, WireError
from unrolled.check.sandbox.process import Ending, Settings, Zygote
from unrolled.check.sandbox.types import (
    Availability,
    GlobalState,
    Job,
    Mode,
    Record,
    Reply,
    SandboxError,
    Status,
    Value,
)
from unrolled.errors import ParameterError

__all__ = ["Sandbox"]

STATUSES: Final = ("returned", "raised", "timeout", "memory", "output", "died", "refused")
STARTS: Final = 3  # in a row that may fail before it is given up


class Sandbox:
    """Runs jobs, each in a process of its own; one sandbox for each file, used by one thread.

    Args:
        mode: "bubblewrap": without network, files, other processes; "none": limits and the filter of system calls alone,
            for one's own code.
        timeout: seconds of wall time for a job.
        memory: bytes of address space for a job.
        output: bytes that a job may print, or write into one file.

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
        self._settings = Settings(mode, memory, output, self._limits.bytes, self._limits.nodes)
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
        """Runs one job; whatever its code does, this comes back, at the latest a second or two after its time.

        Args:
            job: code and calls.

        Returns:
            What came of it. Values are read from bytes that untrusted code may have written: right in form, no more.

        Raises:
            ParameterError: the job holds what cannot be sent.
            SandboxError: the sandbox cannot be started again.
        """
        message = self._message(job)
        zygote = self._start()
        try:
            ending = zygote.run(message, job.timeout or self.timeout)
        except BaseException:  # interrupted: the job may still run
            self.close()
            raise
        if not ending.clean:
            self.close()
        return read_reply(ending, self._limits, len(job.calls), job.timeout or self.timeout)

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


@cache
def provided() -> Mapping[str, str]:
    """Name -> text of the modules that are there for the learner's code to import."""
    folder = files("unrolled.check.sandbox") / "provided"
    return {name: (folder / f"{name}.py").read_text(encoding="utf-8") for name in ("rnn_utils", "public_tests")}


def _check_sendable(name: str, value: Value) -> None:
    if isinstance(value, dict):
        for key, item in value.items():  # pyright: ignore[reportUnknownVariableType]
            _check_sendable(f"{name}[{key!r}]", item)
    elif isinstance(value, tuple | list):
        for index, item in enumerate(value):  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
            _check_sendable(f"{name}[{index}]", item)
    elif isinstance(Encoder(Limits()).value(value), list) and Encoder(Limits()).value(value)[0] == "o":
        raise ParameterError(
            f"`{name}` is of type {type(value).__name__}, expected numbers, text, arrays of numbers, tuples, lists and "
            "dictionaries; convert it"
        )


def read_reply(ending: Ending, limits: Limits, calls: int, timeout: float) -> Reply:
    """The reply in what a job's process wrote before it ended; never raises, whatever that is."""
    pieces, rest = _pieces(ending)
    tried = [piece.decode("utf-8", "replace")[:300] for kind, piece in pieces if kind == b"A"][:8]
    replies = [piece for kind, piece in pieces if kind == b"R"]
    reply = _ended(ending, timeout)
    if reply is None and (rest or len(replies) > 1):
        reply = Reply("refused", "it wrote into the sandbox's own pipe; nothing that came from there is taken")
    if reply is None:
        try:
            reply = _parse(replies[0], limits, calls) if replies else _unanswered(ending, pieces)
        except WireError as error:
            reply = Reply("refused", f"its reply is not one that the sandbox writes: {error}")
    if tried:
        more = f"; then: {reply.error}" if reply.error else ""
        forbidden = " and ".join(tried)
        return _with(reply, "refused", f"it tried {forbidden}, which the sandbox forbids{more}")
    return reply


def _with(reply: Reply, status: Status, error: str) -> Reply:
    return Reply(**{**vars(reply), "status": status, "error": error})


def _pieces(ending: Ending) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """What was sent with the token in front, and what is left over."""
    pieces: list[tuple[bytes, bytes]] = []
    written, at, head = bytes(ending.written), 0, len(ending.token) + 5
    while written.startswith(ending.token, at) and len(pieces) < 100:
        end = at + head + int.from_bytes(written[at + head - 4 : at + head], "little")
        if len(written) < end or len(written) < at + head:
            break
        pieces.append((written[at + head - 5 : at + head - 4], written[at + head : end]))
        at = end
    return pieces, written[at:]


def _ended(ending: Ending, timeout: float) -> Reply | None:
    """The reply where it was we who ended the process."""
    match ending.killed:
        case "timeout":
            return Reply("timeout", f"it ran longer than {timeout:g} s")
        case "files":
            return Reply("output", "it made too many files")
        case "output":
            return Reply("output", "it sent more than its results may hold")
        case _:
            return None


def _unanswered(ending: Ending, pieces: list[tuple[bytes, bytes]]) -> Reply:
    missing = [piece.decode("utf-8", "replace") for kind, piece in pieces if kind == b"N"]
    if missing:
        return Reply("died", f"it was not run, since a limit could not be set: {missing[0]}")
    if ending.code is None:
        return Reply("died", "the sandbox ended while it ran; the next job has a new one")
    if ending.code >= 0:
        return Reply("died", f"it ended its process (exit status {ending.code}) before it had returned")
    number = -ending.code
    if number == signal.SIGXCPU:
        return Reply("timeout", "it used more processor time than it was given")
    if number == signal.SIGKILL:
        return Reply("memory", "the system ended it, most likely for its memory")
    name = signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"
    return Reply("died", f"it crashed its process ({name}), as recursion without end or a broken library does")


def _parse(message: bytes, limits: Limits, calls: int) -> Reply:
    """The reply as the job's process tells it."""
    # later and records hold much of it a second time
    decoder = Decoder(message, Limits(limits.bytes, 4 * limits.nodes))
    header = decoder.header
    status, error = header.get("status"), header.get("error", "")
    if status not in STATUSES or not isinstance(error, str):
        raise WireError("it has no known status")
    if status == "memory" and "values" not in header:
        return Reply("memory", error[:1000])
    values = decoder.values(header.get("values"))
    later = decoder.values(header.get("later"))
    arguments = decoder.values(header.get("arguments"))
    if len(values) > calls or not all(isinstance(given, dict) for given in arguments):
        raise WireError("it holds results of calls that were not made")
    if len(values) == calls and calls:
        later.append(values[-1])  # sent once: nothing ran after that call
    instances = {
        str(label)[:200]: attributes
        for label, node in _pairs(header.get("instances"))
        if isinstance(attributes := decoder.value(node), dict)
    }
    if status == "returned" and (header.get("full") or len(values) != calls):
        status, error = "output", "it returned more than its results may hold"
    return Reply(
        status=status,
        error=error[:1000],
        error_line=_number(header.get("line")),
        error_call=_number(header.get("call")),
        values=values,
        later=later,
        arguments=arguments,
        instances=instances,
        shared=[(_path(a), _path(b)) for a, b in _pairs(header.get("shared"))],
        global_state=_global_state(header.get("global_state")),
        records=[_record(decoder, record) for record in _list(header.get("records"))],
        records_cut=header.get("records_cut") is True,
    )


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise WireError("it lacks a list")
    return value  # pyright: ignore[reportUnknownVariableType]


def _pairs(value: Any) -> list[tuple[Any, Any]]:
    if not all(isinstance(pair, list) and len(pair) == 2 for pair in _list(value)):  # pyright: ignore[reportUnknownArgumentType]
        raise WireError("it lacks a list of pairs")
    return [(pair[0], pair[1]) for pair in value]


def _number(value: Any) -> int | None:
    return value if type(value) is int and 0 <= value < 1 << 31 else None


def _path(value: Any) -> tuple[str | int, ...]:
    if not all(isinstance(key, str | int) for key in _list(value)):
        raise WireError("it names a place that is none")
    return tuple(value)


def _global_state(value: Any) -> GlobalState:
    if not isinstance(value, dict):
        return GlobalState()
    names = {
        name: tuple(str(item)[:200] for item in _list(value.get(name, [])))  # pyright: ignore[reportUnknownArgumentType, reportUnknownMemberType]
        for name in ("random", "reassigned", "read")
    }
    return GlobalState(**names)


def _record(decoder: Decoder, value: Any) -> Record:
    match value:
        case [int(line), str(name), node, int(frame), str(function)]:
            content = decoder.value(node)
            if isinstance(content, np.ndarray | float):
                return Record(line, name, content, frame, function)  # pyright: ignore[reportUnknownArgumentType]
            if isinstance(content, Opaque):  # too large to send
                return Record(line, name, float("nan"), frame, function)
            raise WireError("it has a record of no array")
        case _:
            raise WireError("it has a record of no known form")
