"""One job in its own process: a learner's code is defined, called, and what came of it is told in one message.

It judges nothing and knows no right answer. The learner's code shares this interpreter and can reach everything in it;
all that it can spoil is its own reply.
"""

# pyright: basic
# A learner's values are of any type.
from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Callable
from importlib.abc import Loader
from importlib.machinery import ModuleSpec
from sys import settrace
from types import ModuleType, TracebackType
from typing import Any, Final

from .encode import Encoder, type_name
from .facts import State, shared
from .records import SUBMISSION, Recorder
from .wire import Decoder, Limits, Ref

__all__ = ["Channel", "perform"]

TEXT: Final = 500  # characters of an error
NO_WRITING: Final = (errno.EPERM, errno.EACCES, errno.EROFS)
TOO_MUCH: Final = (errno.EFBIG, errno.ENOSPC, errno.EDQUOT)


class Channel:
    """The pipe to the parent: pieces with a kind, a length, and this job's token in front."""

    def __init__(self, descriptor: int, token: bytes) -> None:
        self._descriptor = descriptor
        self._token = token
        self._write = os.write

    def send(self, kind: bytes, payload: bytes) -> None:
        """Writes one piece: R, the reply; A, what was tried; N, the limit that could not be set."""
        rest = memoryview(self._token + kind + len(payload).to_bytes(4, "little") + payload)
        while rest:
            rest = rest[self._write(self._descriptor, rest) :]


class Provided(Loader):
    """Finds the modules that are given as text: those that the course hands out, and names for what only shows."""

    def __init__(self, texts: dict[str, str], without: list[str]) -> None:
        self._texts = texts
        self._without = without

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        return ModuleSpec(name, self, is_package=True) if name.partition(".")[0] in self._texts else None

    def create_module(self, spec: ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        name = module.__name__
        exec(compile(self._texts[name.partition(".")[0]], f"<{name}>", "exec", dont_inherit=True), module.__dict__)
        for function in self._without:
            if hasattr(module, function):
                setattr(module, function, _missing(f"{name}.{function}"))


def _missing(name: str) -> Callable[..., Any]:
    def missing(*arguments: Any, **named: Any) -> Any:
        raise NotImplementedError(f"{name} is not given where this very function is checked; write it out")

    return missing


def own_surroundings() -> None:
    """Gives the learner's code its own `builtins` and `json`, so that what it patches there is not what runs here."""
    builtins = ModuleType("builtins")
    builtins.__dict__.update(vars(sys.modules["builtins"]))
    sys.modules["builtins"] = builtins
    for name in [name for name in sys.modules if name.partition(".")[0] in ("json", __name__.partition(".")[0])]:
        del sys.modules[name]


def perform(message: bytes, channel: Channel, limits: Limits) -> None:
    """Does the job and sends the reply.

    Args:
        message: the job, as the parent wrote it.
        channel: where the reply goes.
        limits: of the reply.
    """
    decoder = Decoder(message, Limits(bytes=len(message), nodes=10 * limits.nodes))
    job = _Job(decoder, Encoder(limits))
    header = decoder.header
    sys.meta_path.insert(0, Provided(header["modules"], header["without"]))
    own_surroundings()
    reply = job.run()
    sys.setprofile(None)
    signal.setitimer(signal.ITIMER_REAL, 0)
    try:
        whole = job.encoder.message(job.finish(reply))
    except BaseException as error:  # what it left behind does not let itself be read
        status = "memory" if isinstance(error, MemoryError) else "output"
        whole = Encoder(limits).message(
            {"status": status, "error": f"its results cannot be sent: {describe(error)['error']}"}
        )
    channel.send(b"R", whole)


class _Job:
    def __init__(self, decoder: Decoder, encoder: Encoder) -> None:
        self.encoder = encoder
        self._header = decoder.header
        self._calls = [
            {key: decoder.value(call[key]) for key in ("args", "kwargs", "attributes", "init")} | call["plain"]
            for call in self._header["calls"]
        ]
        self._results: list[Any] = []
        self._given: list[dict[str | int, Any]] = []
        self._instances: dict[str, Any] = {}
        self._entries: list[Any] = []
        self._values: list[Any] = []
        self._at: int | None = None
        self._module = ModuleType("submission")
        self._state: State | None = None
        self._recorder = Recorder()

    def run(self) -> dict[str, Any]:
        """Defines and calls; returns the reply's status."""
        try:
            self._define()
            self._state = State(self._module)
            for index in range(len(self._calls)):
                self._at = index
                self._call(index)
        except BaseException as error:  # SystemExit and KeyboardInterrupt as well
            settrace(None)
            return {**describe(error), "line": learner_line(error), "call": self._at}
        return {"status": "returned"}

    def finish(self, reply: dict[str, Any]) -> dict[str, Any]:
        """The whole reply, arrays as they are now."""
        encode = self.encoder.value
        done = len(self._results)
        reply["values"] = self._values
        if done < len(self._calls):  # it raised: nothing is as the last value left it
            self.encoder.forget()
        reply["later"] = [encode(value) for value in self._results[: done - (done == len(self._calls))]]
        reply["arguments"] = [encode(given) for given in self._given]
        reply["instances"] = [[label, encode(_attributes(it))] for label, it in self._instances.items()]
        if self._state is not None:
            reply["global_state"] = self._state.changes(self._entries)
        reply["shared"] = shared(self._roots())
        reply["full"] = self.encoder.full
        records = [
            [record.line, record.name[:200], encode(record.value), record.frame, record.function[:200]]
            for record in self._recorder.taken
        ]
        reply["records"] = [record for record in records if record[2][0] != "o"]
        reply["records_cut"] = self._recorder.cut or len(reply["records"]) < len(records)
        return reply

    def _roots(self) -> list[tuple[list[str | int], Any]]:
        given = [(["argument", i, key], value) for i, given in enumerate(self._given) for key, value in given.items()]
        return [*given, *((["value", i], value) for i, value in enumerate(self._results))]

    def _define(self) -> None:
        space = vars(self._module)
        space["__builtins__"] = sys.modules["builtins"]
        sys.modules["submission"] = self._module
        exec(compile(self._header["code"], SUBMISSION, "exec", dont_inherit=True), space)
        for name, source in self._header["replace"].items():
            own: dict[str, Any] = {"__name__": "reference"}
            exec(compile(source, "<reference>", "exec", dont_inherit=True), own)
            space[name] = own[name]

    def _call(self, index: int) -> None:
        call = self._calls[index]
        known: dict[int, Any] = {}
        args = [_resolve(value, self._results, known) for value in call["args"]]
        kwargs = {key: _resolve(value, self._results, known) for key, value in call["kwargs"].items()}
        self._given.append({**dict(enumerate(args)), **kwargs})
        function = self._find(call)
        self._entries.append(function)
        traced = self._header["trace"] and index == len(self._calls) - 1
        if traced:
            self._recorder.start()
        result = function(*args, **kwargs)
        settrace(None)  # the recorder's, or their own
        self._results.append(result)
        self.encoder.forget()
        self._values.append(self.encoder.value(result))

    def _find(self, call: dict[str, Any]) -> Any:
        owner, _, name = call["entry"].rpartition(".")
        found: Any = self._module
        for part in owner.split(".") if owner else []:
            found = getattr(found, part)
        if isinstance(found, type):
            label = call["instance"] or f"call {len(self._results)}"
            if label not in self._instances:
                self._instances[label] = _make(found, call["init"])
            found = self._instances[label]
            for key, value in (call["attributes"] or {}).items():
                setattr(found, key, _resolve(value, self._results, {}))
        if found is self._module and name not in vars(found):
            raise NameError(f"name {name!r} is not defined once the code has run")
        return getattr(found, name)


def _make(kind: Any, init: list[Any] | None) -> Any:
    return kind.__new__(kind) if init is None else kind(*init)


def _attributes(instance: Any) -> dict[str, Any]:
    attributes: Any = getattr(instance, "__dict__", None)
    return dict(attributes) if type(attributes) is dict else {}


def _resolve(value: Any, results: list[Any], known: dict[int, Any]) -> Any:
    """The value with every Ref in it replaced by what it stands for; what holds none stays the object that it was."""
    kind: type[Any] = type(value)
    if kind is Ref:
        return _part(value, results[value.call])
    if kind not in (tuple, list, dict):
        return value
    if id(value) not in known:
        items = list(value.values()) if kind is dict else list(value)
        inner = [_resolve(item, results, known) for item in items]
        if all(new is old for new, old in zip(inner, items, strict=True)):
            known[id(value)] = value
        else:
            known[id(value)] = dict(zip(value, inner, strict=True)) if kind is dict else kind(inner)
    return known[id(value)]


def _part(ref: Ref, found: Any) -> Any:
    for key in ref.path:
        try:
            found = found[key] if issubclass(type(found), (tuple, list, dict)) else getattr(found, str(key))
        except (LookupError, AttributeError):
            raise LookupError(f"what call {ref.call} returned has no part {list(ref.path)}") from None
    return found


def describe(error: BaseException) -> dict[str, str]:
    """Status and text of what was raised."""
    try:
        text = str(error)
        text = text[:TEXT] if type(text) is str else ""
    except BaseException:  # their own __str__
        text = ""
    text = text.encode("utf-8", "replace").decode()
    told = f"{type_name(type(error))}: {text}" if text else type_name(type(error))
    number = error.errno if isinstance(error, OSError) else None
    if isinstance(error, MemoryError):
        return {"status": "memory", "error": told}
    if number in TOO_MUCH:
        return {"status": "output", "error": f"it printed or wrote more than it may; {told}"}
    if isinstance(error, ModuleNotFoundError):
        has = "it has NumPy, and SciPy where SciPy is installed beside unrolled"
        return {"status": "refused", "error": f"it needs a module that the sandbox does not have; {told}; {has}"}
    if isinstance(error, FileNotFoundError):
        return {"status": "refused", "error": f"it needs a file that the sandbox does not have; {told}"}
    if number in NO_WRITING:
        return {"status": "refused", "error": f"it tried what the sandbox forbids; {told}"}
    if isinstance(error, RuntimeError) and text == "can't start new thread":
        return {"status": "refused", "error": f"it tried to start a thread, which the sandbox forbids; {told}"}
    return {"status": "raised", "error": told}


def learner_line(error: BaseException) -> int | None:
    """The last line of the learner's code on the stack."""
    if isinstance(error, SyntaxError) and error.filename == SUBMISSION:
        return error.lineno
    line: int | None = None
    step: TracebackType | None = error.__traceback__
    while step is not None:
        if step.tb_frame.f_code.co_filename == SUBMISSION:
            line = step.tb_lineno
        step = step.tb_next
    return line
