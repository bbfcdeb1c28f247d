"""From the bytes that a job's process wrote to a Reply; they may be a hostile submission's own, and nothing is run."""

from __future__ import annotations

import dataclasses
import signal
from typing import Any, Final, cast, get_args

import numpy as np
from numpy.typing import NDArray

from unrolled.check.sandbox.inside.wire import Decoder, Limits, WireError, as_list, pairs, printable
from unrolled.check.sandbox.process import WALL, Ending
from unrolled.check.sandbox.types import ENDED, KILLED, NOT_RUN, GlobalState, Path, Record, Reply, Status, Value

__all__ = ["read_reply"]

STATUSES: Final = get_args(Status)


def read_reply(ending: Ending, limits: Limits, calls: int, timeout: float) -> Reply:
    """The reply in what a job's process wrote before it ended; never raises, whatever that is.

    Args:
        ending: what was written, and how the process ended.
        limits: of the reply.
        calls: how many were to be made.
        timeout: the job's, in seconds of processor time.
    """
    pieces, rest = _pieces(ending)
    try:
        reply = _ended(ending, timeout) or _answer(pieces, rest, limits, calls) or _unanswered(ending, pieces)
    except WireError as error:
        reply = Reply("refused", f"its reply is not one that the sandbox writes: {error}")
    except Exception as error:  # a form that `wire` has not thought of must not end a class's run
        reply = Reply("refused", f"its reply is not one that the sandbox writes: {type(error).__name__}")
    tried = [printable(piece[:300].decode("utf-8", "replace")) for kind, piece in pieces if kind == b"A"][:8]
    if not tried:
        return reply
    more = f"; then: {reply.error}" if reply.error else ""
    told = f"it tried {' and '.join(tried)}, which the sandbox forbids{more}"
    return dataclasses.replace(reply, status="refused", error=told)


def _answer(pieces: list[tuple[bytes, bytes]], rest: bytes, limits: Limits, calls: int) -> Reply | None:
    replies = [piece for kind, piece in pieces if kind == b"R"]
    if rest or len(replies) > 1:
        return Reply("refused", "it wrote into the sandbox's own pipe; nothing that came from there is taken")
    return _parse(replies[0], limits, calls) if replies else None


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
    """The reply where it was not for the job's process to end."""
    if ending.lost:
        return Reply("died", f"{ENDED}; the next job has a new one")
    match ending.killed:
        case "timeout":
            return Reply("timeout", f"it ran longer than {timeout:g} s")
        case "wall":
            return Reply("timeout", f"it ran longer than {WALL * timeout:g} s, most of it waiting")
        case "files":
            return Reply("output", "it made too many files")
        case "output":
            return Reply("output", "it sent more than its results may hold")
        case _:
            return None


def _unanswered(ending: Ending, pieces: list[tuple[bytes, bytes]]) -> Reply:
    missing = [piece.decode("utf-8", "replace") for kind, piece in pieces if kind == b"N"]
    if missing:
        return Reply("died", f"{NOT_RUN}, since a limit could not be set: {printable(missing[0][:300])}")
    if ending.code is None or ending.code >= 0:
        return Reply("died", f"it ended its process (exit status {ending.code}) before it had returned")
    number = -ending.code
    if number == signal.SIGXCPU:
        return Reply("timeout", "it used more processor time than it was given")
    if number == signal.SIGKILL:
        return Reply("memory", f"{KILLED}, most likely for its memory")
    name = signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"
    return Reply("died", f"it crashed its process ({name}), as recursion without end or a broken library does")


def _parse(message: bytes, limits: Limits, calls: int) -> Reply:
    """The reply as the job's process tells it."""
    decoder = Decoder(message, Limits(limits.bytes, 2 * limits.nodes))
    header = decoder.header
    status: Any = header.get("status")
    error: Any = header.get("error", "")
    if status not in STATUSES or type(error) is not str:
        raise WireError("it has no known status")
    error = printable(error[:1000])
    if "values" not in header and status != "returned":
        return Reply(status, error)
    values = decoder.values(header.get("values"))
    later = decoder.values(header.get("later"))
    arguments = decoder.values(header.get("arguments"))
    if len(values) > calls or (len(values) < calls and status == "returned"):
        raise WireError("it does not hold one result for each call")
    if calls and len(values) == calls:
        later.append(values[-1])  # sent once: nothing ran after that call
    instances = {_name(label): decoder.value(node) for label, node in pairs(header.get("instances"))}
    if not all(isinstance(given, dict) for given in (*arguments, *instances.values())):
        raise WireError("it lacks a dictionary where one belongs")
    if status == "returned" and header.get("full"):
        status, error = "output", "it returned more than its results may hold"
    return Reply(
        status=status,
        error=error,
        error_line=_number(header.get("line")),
        error_call=_number(header.get("call")),
        values=values,
        later=later,
        arguments=arguments,
        instances=instances,
        shared=[(_path(a), _path(b)) for a, b in pairs(header.get("shared"))],
        global_state=_global_state(header.get("global_state")),
        records=[_record(decoder, record) for record in as_list(header.get("records"))],
        records_cut=header.get("records_cut") is True,
    )


def _name(value: Any) -> str:
    if type(value) is not str or len(value) > 1000:
        raise WireError("it lacks a name where one belongs")
    return printable(value)


def _number(value: Any) -> int | None:
    return value if type(value) is int and 0 <= value < 1 << 31 else None


def _path(value: Any) -> Path:
    return tuple(key if type(key) is int else _name(key) for key in as_list(value))


def _global_state(value: Any) -> GlobalState:
    if type(value) is not dict:  # the code did not get as far as a call
        return GlobalState()
    told = cast("dict[str, Any]", value)
    random, reassigned, read = (
        tuple(_name(name) for name in as_list(told.get(kind))) for kind in ("random", "reassigned", "read")
    )
    return GlobalState(random, reassigned, read)


def _record(decoder: Decoder, value: Any) -> Record:
    parts = as_list(value)
    if len(parts) != 5:
        raise WireError("it has a record of no known form")
    line, name, node, frame, function = parts
    content: Value = decoder.value(node)
    if type(line) is not int or type(frame) is not int or not isinstance(content, np.ndarray | float):
        raise WireError("it has a record of no known form")
    return Record(line, _name(name), cast("NDArray[Any] | float", content), frame, _name(function))
