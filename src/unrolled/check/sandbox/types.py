"""What goes into the sandbox and what comes out, as data; nothing is run here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from numpy.typing import NDArray

from unrolled.check.sandbox.inside.wire import Opaque, Ref
from unrolled.errors import UnrolledError

__all__ = [
    "ENDED",
    "KILLED",
    "NOT_RUN",
    "Availability",
    "Call",
    "GlobalState",
    "Job",
    "Mode",
    "Opaque",
    "Path",
    "Record",
    "Ref",
    "Reply",
    "SandboxError",
    "Status",
    "Value",
]

Mode = Literal["bubblewrap", "none"]

# An array, bool, int, float, complex, str, None, or a tuple, list or dict of such. In a call also Ref; in a reply also
# Opaque. One object in several places of a job (or of a reply) arrives as one object.
Value = Any

# returned: every call did. raised: the learner's code raised, while it was defined or called. timeout, memory: beyond
# its limit. output: more was printed, written or returned than is allowed. died: the process ended before it answered.
# refused: it tried what the sandbox forbids, or needs a module or file that is not there.
Status = Literal["returned", "raised", "timeout", "memory", "output", "died", "refused"]

# How errors begin that are of a moment of this machine, not of the code: at another one there may be none.
ENDED = "the sandbox ended while it ran"
KILLED = "the system ended it"
NOT_RUN = "it was not run"

# ("value", call, key, ...) or ("argument", call, position or name, key, ...): where an array stands.
Path = tuple[str | int, ...]


class SandboxError(UnrolledError, RuntimeError):
    """The sandbox cannot be built here; the message says what is missing and what to do."""


@dataclass
class Call:
    """One call of the learner's code."""

    entry: str  # "f", or "Class.method"
    args: Sequence[Value] = ()
    kwargs: Mapping[str, Value] = field(default_factory=dict[str, Value])
    attributes: Mapping[str, Value] | None = None  # of a method's instance: set on it before the call
    instance: str | None = None  # a label: calls with the same one share their instance
    init: Sequence[Value] | None = None  # arguments for the class; None: the instance is made without __init__


@dataclass
class Job:
    """One process: the learner's code, then calls in order."""

    code: str  # executed first, as the module "<submission>"
    calls: Sequence[Call] = ()
    # Name in the module -> source of a function of that name, put in its place once `code` has run.
    replace: Mapping[str, str] = field(default_factory=dict[str, str])
    trace: str | None = None  # the entry whose local arrays are recorded line by line during the last call
    timeout: float | None = None  # seconds of processor time; None: the sandbox's
    without: Sequence[str] = ()  # functions that rnn_utils is not to hold, such as the one under judgement


@dataclass(frozen=True)
class Record:
    """A local array, as it was after a line of the learner's code had given or changed it."""

    line: int  # of "<submission>"; for a statement over several lines, the one that Python was at
    name: str  # "dft", "gradients['dWf']", "self.h"
    value: NDArray[Any] | float
    frame: int  # number of the call of a learner's function, in order of their beginnings; the entry's is 0
    function: str  # the name of that function


@dataclass(frozen=True)
class GlobalState:
    """What the calls did outside their arguments and results."""

    random: tuple[str, ...] = ()  # generators whose state they changed: "numpy.random", "random"
    reassigned: tuple[
        str, ...
    ] = ()  # globals of the module that they bound anew, or arrays in globals changed in place
    read: tuple[str, ...] = ()  # globals of the module that hold arrays and that the called functions read


@dataclass(frozen=True)
class Reply:
    """What one job came to."""

    status: Status
    error: str = ""  # of any status but "returned": what happened, in a sentence
    error_line: int | None = None  # the learner's own line: the last one of "<submission>" on the stack
    error_call: int | None = None  # index of the call in which it happened; None: while the code was being defined
    values: list[Value] = field(default_factory=list[Value])  # what each call returned, as it was right then
    later: list[Value] = field(default_factory=list[Value])  # the same objects after the last call
    arguments: list[dict[str | int, Value]] = field(default_factory=list[dict[str | int, Value]])  # after the last call
    instances: dict[str, dict[str, Value]] = field(default_factory=dict[str, dict[str, Value]])  # label -> attributes
    shared: list[tuple[Path, Path]] = field(default_factory=list[tuple[Path, Path]])  # arrays on the same memory
    global_state: GlobalState = GlobalState()
    records: list[Record] = field(default_factory=list[Record])
    records_cut: bool = False  # there was more to record than is kept


@dataclass(frozen=True)
class Availability:
    """What this machine has."""

    bubblewrap: bool
    reason: str = ""  # why not, and what to do
    filter: bool = False  # of system calls; without it, mode "none" has limits alone
