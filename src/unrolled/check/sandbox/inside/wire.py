"""Values to bytes and back, for both sides of the sandbox's wall: a tree in JSON and the raw bytes of its arrays.

Not a general serialiser: what is neither number, text, array nor a plain container goes over as its type's name
(`Opaque`), and nothing that arrives is ever executed. The side that reads trusts no byte of it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["Decoder", "Encoder", "Limits", "Opaque", "Ref", "WireError"]

DTYPES: Final = frozenset(
    np.dtype(code).str for code in ("?", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8", "c8", "c16")
)
DEPTH: Final = 24  # containers within containers
TEXT: Final = 10_000  # characters of one string


class WireError(ValueError):
    """Bytes that the other side's `Encoder` cannot have written, or more of them than the limits allow."""


@dataclass(frozen=True)
class Opaque:
    """In place of a value that does not go over the wire."""

    kind: str  # what it was: "generator", "array of dtype object", "list that contains itself"


@dataclass(frozen=True)
class Ref:
    """In place of an argument: what an earlier call of the same job returned, or a part of it, by reference."""

    call: int  # index in Job.calls
    path: tuple[str | int, ...] = ()  # keys and indices, from the outside in


@dataclass(frozen=True)
class Limits:
    """How much one message may hold; a container that stands in several places counts in each."""

    bytes: int = 64 << 20  # of arrays
    nodes: int = 100_000


class Encoder:
    """Builds one message. An object that stands in several places is sent once and arrives as one object."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.full = False  # something was left out for its size
        self._bytes = 0
        self._nodes = 0
        self._sizes: list[int] = []  # nodes of each container, its contents included, in the order of their ends
        self._arrays: list[NDArray[Any]] = []
        self._known: dict[int, tuple[Any, Any, int]] = {}  # id -> object (kept alive), its node, its size

    def forget(self) -> None:
        """From here on an object is sent anew, since it may have changed."""
        self._known = {}

    def value(self, value: Any, depth: int = 0) -> Any:
        """The node of one value: None, True, ["i", 3], ["a", 0], ["t", [...]], ["=", 2], ..."""
        # By exact type, and containers through the base type's own methods: nothing that a class overrides is called.
        kind: type = type(value)
        if value is None or kind is bool:
            return self._leaf(value)
        if kind is int:
            return self._leaf(["i", value] if -(2**63) <= value < 2**64 else self._opaque("int beyond 64 bits"))
        if kind is float:
            return self._leaf(["f", value])
        if kind is complex:
            return self._leaf(["c", value.real, value.imag])
        if kind is str:
            if len(value) > TEXT:
                return self._leaf(self._opaque(f"str of {len(value)} characters"))
            return self._leaf(["s", value.encode("utf-8", "replace").decode()])
        if kind is Ref:
            return self._leaf(["r", value.call, list(value.path)])
        if kind is Opaque:
            return self._leaf(self._opaque(value.kind))
        if id(value) in self._known:
            return self._again(value)
        if issubclass(kind, np.ndarray):
            return self._array(value)
        if issubclass(kind, np.generic):
            node = self._array(np.ndarray.view(np.asarray(value), np.ndarray))
            return [*node, 1] if node[0] == "a" else node
        if issubclass(kind, (tuple, list, dict)):
            return self._container(value, kind, depth)
        return self._leaf(self._opaque(type_name(kind)))

    def message(self, header: dict[str, Any]) -> bytes:
        """The message: `header` (JSON, with nodes of `value` in it) and the arrays that those nodes speak of."""
        table = [[array.dtype.str, list(array.shape)] for array in self._arrays]
        text = json.dumps({**header, "arrays": table}).encode()
        return b"".join([len(text).to_bytes(4, "little"), text, *(array.data.cast("B") for array in self._contents())])

    def _contents(self) -> list[NDArray[Any]]:
        return [array.reshape(-1).view(np.uint8) for array in self._arrays if array.size]

    def _leaf(self, node: Any) -> Any:
        self._nodes += 1
        return node

    def _opaque(self, kind: str) -> list[Any]:
        return ["o", kind[:200]]

    def _too_large(self, what: str) -> list[Any]:
        self.full = True
        return self._leaf(self._opaque(f"{what}, too large to send"))

    def _again(self, value: Any) -> Any:
        _, node, size = self._known[id(value)]
        if node is None:
            return self._leaf(self._opaque(f"{type_name(type(value))} that contains itself"))
        if self._nodes + size > self.limits.nodes:
            return self._too_large(type_name(type(value)))
        self._nodes += size
        return node

    def _array(self, value: NDArray[Any]) -> list[Any]:
        plain = np.ndarray.view(value, np.ndarray)
        dtype = plain.dtype.newbyteorder("=")
        if dtype.kind == "f" and dtype.itemsize > 8:
            dtype = np.dtype("f8")  # long doubles, whose layout differs between machines
        if dtype.kind == "c" and dtype.itemsize > 16:
            dtype = np.dtype("c16")
        if dtype.str not in DTYPES:
            return self._leaf(self._opaque(f"array of dtype {plain.dtype}"))
        size = plain.size * dtype.itemsize
        if self._bytes + size > self.limits.bytes:
            return self._too_large(f"array of {size} bytes")
        self._bytes += size
        self._arrays.append(np.array(plain, dtype=dtype, order="C", copy=True))
        node = self._leaf(["a", len(self._arrays) - 1])
        self._known[id(value)] = (value, node, 1)
        return node

    def _container(self, value: Any, kind: type, depth: int) -> Any:
        base = tuple if issubclass(kind, tuple) else list if issubclass(kind, list) else dict
        if depth >= DEPTH or self._nodes + base.__len__(value) > self.limits.nodes:
            return self._too_large(f"{base.__name__} of {base.__len__(value)}")
        start = self._nodes
        self._nodes += 1
        self._known[id(value)] = (value, None, 0)
        if base is dict:
            items = [[self._key(key), self.value(item, depth + 1)] for key, item in list(dict.items(value))]
            node: list[Any] = ["d", items]
        else:
            node = ["t" if base is tuple else "l", [self.value(item, depth + 1) for item in base.__iter__(value)]]
        self._sizes.append(self._nodes - start)
        self._known[id(value)] = (value, ["=", len(self._sizes) - 1], self._nodes - start)
        return node

    def _key(self, key: Any) -> Any:
        if type(key) is str and len(key) <= TEXT:
            return key.encode("utf-8", "replace").decode()
        if type(key) is int and -(2**63) <= key < 2**63:
            return key
        return self._opaque(type_name(type(key)))


class Decoder:
    """Reads one message; everything in it is checked, since what wrote it may be hostile.

    Args:
        message: what `Encoder.message` made, or anything else.
        limits: of the message.

    Raises:
        WireError: it is not such a message, or exceeds the limits.
    """

    def __init__(self, message: bytes, limits: Limits) -> None:
        self._limits = limits
        self._nodes = 0
        self._done: list[tuple[Any, int]] = []  # containers in the order of their ends, with their sizes
        size = int.from_bytes(message[:4], "little")
        try:
            header = json.loads(message[4 : 4 + size])
        except (ValueError, RecursionError) as error:
            raise WireError(f"the header of a message is not JSON: {type(error).__name__}") from None
        if not isinstance(header, dict):
            raise WireError("the header of a message is not an object")
        self.header: dict[str, Any] = header  # pyright: ignore[reportUnknownMemberType]
        self._arrays = list(self._read_arrays(memoryview(message)[4 + size :]))

    def value(self, node: Any, depth: int = 0) -> Any:
        """The value of one node."""
        self._count(1)
        if node is None or isinstance(node, bool):
            return node
        match node:
            case ["i", int(value)] if -(2**63) <= value < 2**64 and not isinstance(value, bool):
                return value
            case ["f", float(value)]:
                return value
            case ["c", float(real), float(imaginary)]:
                return complex(real, imaginary)
            case ["s", str(text)] if len(text) <= TEXT:
                return text
            case ["o", str(kind)] if len(kind) <= 200:
                return Opaque(kind)
            case ["r", int(call), list(path)] if all(isinstance(key, str | int) for key in path):  # pyright: ignore[reportUnknownVariableType]
                return Ref(call, tuple(path))  # pyright: ignore[reportUnknownArgumentType]
            case ["a", int(index)] if 0 <= index < len(self._arrays):
                return self._arrays[index]
            case ["a", int(index), 1] if 0 <= index < len(self._arrays) and self._arrays[index].ndim == 0:
                return self._arrays[index][()]
            case ["=", int(index)] if 0 <= index < len(self._done):
                value, nodes = self._done[index]
                self._count(nodes - 1)
                return value
            case ["t" | "l" | "d" as kind, list(items)] if depth < DEPTH:
                return self._container(kind, items, depth)  # pyright: ignore[reportUnknownArgumentType]
            case _:
                raise WireError("a message holds a node of no known kind")

    def values(self, nodes: Any) -> list[Any]:
        """The values of a list of nodes."""
        if not isinstance(nodes, list):
            raise WireError("a message lacks a list of values")
        return [self.value(node) for node in nodes]  # pyright: ignore[reportUnknownVariableType]

    def _container(self, kind: str, items: list[Any], depth: int) -> Any:
        start = self._nodes
        if kind == "d":
            value: Any = {}
            for item in items:
                if not (isinstance(item, list) and len(item) == 2):  # pyright: ignore[reportUnknownArgumentType]
                    raise WireError("a dictionary of a message has an item that is no pair")
                value[self._key(item[0])] = self.value(item[1], depth + 1)
        else:
            value = [self.value(item, depth + 1) for item in items]
            value = tuple(value) if kind == "t" else value
        self._done.append((value, self._nodes - start + 1))
        return value

    def _key(self, key: Any) -> Any:
        if isinstance(key, str | int) and not isinstance(key, bool):
            return key
        match key:
            case ["o", str(kind)]:
                return Opaque(kind)
            case _:
                raise WireError("a dictionary of a message has a key of no known kind")

    def _count(self, nodes: int) -> None:
        self._nodes += nodes
        if self._nodes > self._limits.nodes:
            raise WireError(f"a message holds more than {self._limits.nodes} values")

    def _read_arrays(self, data: memoryview) -> Any:
        table = self.header.get("arrays")
        if not isinstance(table, list):
            raise WireError("a message lacks its table of arrays")
        start = 0
        for entry in table:  # pyright: ignore[reportUnknownVariableType]
            match entry:
                case [str(code), list(shape)] if code in DTYPES and len(shape) <= 16:  # pyright: ignore[reportUnknownArgumentType]
                    pass
                case _:
                    raise WireError("a message holds an array of no known kind")
            size = np.dtype(code).itemsize
            for length in shape:  # pyright: ignore[reportUnknownVariableType]
                if type(length) is not int or not 0 <= length <= self._limits.bytes:  # pyright: ignore[reportUnknownArgumentType]
                    raise WireError("an array of a message has an impossible shape")
                size *= length
            if start + size > len(data):
                raise WireError("a message ends before its arrays do")
            # a copy, aligned and writable
            yield np.frombuffer(data[start : start + size], dtype=np.dtype(code)).reshape(shape).copy()  # pyright: ignore[reportUnknownArgumentType]
            start += size
        if start != len(data):
            raise WireError("a message goes on after its arrays")


def type_name(kind: type) -> str:
    """A class's name, whatever its metaclass makes of `__name__`."""
    name: Any = type.__dict__["__name__"].__get__(kind)
    return name if type(name) is str else "object"
