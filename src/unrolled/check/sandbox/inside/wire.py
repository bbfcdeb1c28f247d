"""Bytes to values, for both sides of the sandbox's wall; `encode` has the way there. No byte that arrives is trusted.

A message is the length of its header (4 bytes), the header (JSON) and the raw bytes of arrays, in the order of the
header's table. A value in a header is a node: null, true, ["i", 3], ["f", 0.5], ["c", 0.5, 1.0], ["s", "text"],
["a", 0] for array 0 and ["a", 0, 1] for a scalar of NumPy's, ["t" or "l", [nodes]], ["d", [[key, node]]], ["=", 2] for
the container that ended as number 2, ["r", call, path] for `Ref`, ["o", type] for `Opaque`. Nothing else, and no code.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "DEPTH",
    "DTYPES",
    "NAME",
    "TEXT",
    "Decoder",
    "Limits",
    "Opaque",
    "Ref",
    "WireError",
    "as_list",
    "pairs",
    "printable",
]

DTYPES: Final = frozenset(
    np.dtype(code).str for code in ("?", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8", "c8", "c16")
)
DEPTH: Final = 24  # containers within containers
TEXT: Final = 10_000  # characters of one string
NAME: Final = 200  # of a type's name


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

    bytes: int = 16 << 20  # of arrays
    nodes: int = 50_000

    @property
    def header(self) -> int:
        """Bytes of everything but the arrays."""
        return 4096 + 64 * self.nodes


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
        if size > limits.header:
            raise WireError(f"the header of a message has {size} bytes")
        try:
            header: Any = json.loads(message[4 : 4 + size])
        except (ValueError, RecursionError) as error:
            raise WireError(f"the header of a message is not JSON: {type(error).__name__}") from None
        if not isinstance(header, dict):
            raise WireError("the header of a message is not an object")
        self.header = cast("dict[str, Any]", header)
        self._arrays = list(self._read_arrays(memoryview(message)[4 + size :]))

    def value(self, node: Any, depth: int = 0) -> Any:
        """The value of one node."""
        self._count(1)
        if node is None or type(node) is bool:
            return node
        parts = as_list(node)
        if len(parts) == 2:
            kind, content = parts
            if kind == "i" and type(content) is int and -(2**63) <= content < 2**64:
                return content
            if kind == "f" and type(content) is float:
                return content
            if kind == "s" and type(content) is str and len(content) <= TEXT:
                return content.encode("utf-8", "replace").decode()
            if kind == "o":
                return self._opaque(content)
            if kind == "a":
                return self._array(content)
            if kind == "=":
                return self._again(content)
            if kind in ("t", "l", "d") and depth < DEPTH:
                return self._container(kind, as_list(content), depth)
        elif len(parts) == 3:
            kind, first, second = parts
            if kind == "c" and type(first) is float and type(second) is float:
                return complex(first, second)
            if kind == "a" and second == 1:
                return self._array(first)[()]
            if kind == "r" and type(first) is int and all(type(key) in (str, int) for key in as_list(second)):
                return Ref(first, tuple(as_list(second)))
        raise WireError("a message holds a node of no known kind")

    def values(self, nodes: Any) -> list[Any]:
        """The values of a list of nodes."""
        return [self.value(node) for node in as_list(nodes)]

    def _array(self, index: Any) -> NDArray[Any]:
        if type(index) is not int or not 0 <= index < len(self._arrays):
            raise WireError("a message speaks of an array that it does not hold")
        return self._arrays[index]

    def _again(self, index: Any) -> Any:
        if type(index) is not int or not 0 <= index < len(self._done):
            raise WireError("a message speaks of a container that it does not hold")
        value, nodes = self._done[index]
        self._count(nodes - 1)
        return value

    def _opaque(self, kind: Any) -> Opaque:
        if type(kind) is not str or len(kind) > NAME:
            raise WireError("a message names a type of no known form")
        return Opaque(printable(kind))

    def _container(self, kind: str, items: list[Any], depth: int) -> Any:
        start = self._nodes
        if kind == "d":
            value: Any = {}
            for pair in items:
                key, node = pairs([pair])[0]
                value[self._key(key)] = self.value(node, depth + 1)
        else:
            value = [self.value(item, depth + 1) for item in items]
            value = tuple(value) if kind == "t" else value
        self._done.append((value, self._nodes - start + 1))
        return value

    def _key(self, key: Any) -> Any:
        if type(key) is str:
            return key.encode("utf-8", "replace").decode()
        if type(key) is int:
            return key
        kind, name = pairs([key])[0]
        if kind != "o":
            raise WireError("a dictionary of a message has a key of no known kind")
        return self._opaque(name)

    def _count(self, nodes: int) -> None:
        self._nodes += nodes
        if self._nodes > self._limits.nodes:
            raise WireError(f"a message holds more than {self._limits.nodes} values")

    def _read_arrays(self, data: memoryview) -> Iterator[NDArray[Any]]:
        start = 0
        for code, lengths in pairs(self.header.get("arrays")):
            shape = as_list(lengths)
            if type(code) is not str or code not in DTYPES or len(shape) > 16:
                raise WireError("a message holds an array of no known kind")
            if not all(type(length) is int and 0 <= length <= self._limits.bytes for length in shape):
                raise WireError("an array of a message has an impossible shape")
            size = math.prod(shape, start=np.dtype(code).itemsize)
            if start + size > len(data):
                raise WireError("a message ends before its arrays do")
            # a copy: aligned, and to be written to
            flat = np.frombuffer(data[start : start + size], dtype=np.dtype(code))
            try:
                yield flat.reshape(shape).copy()
            except ValueError:  # an empty array whose other axes are too long together
                raise WireError("an array of a message has an impossible shape") from None
            start += size
        if start != len(data):
            raise WireError("a message goes on after its arrays")


def printable(text: str) -> str:
    """The text without what would steer a terminal or not encode."""
    return "".join(c if c.isprintable() or c in "\n\t" else "\N{REPLACEMENT CHARACTER}" for c in text)


def as_list(value: Any) -> list[Any]:
    """A list of a message's header; WireError if it is none."""
    if type(value) is not list:
        raise WireError("a message lacks a list where one belongs")
    return cast("list[Any]", value)


def pairs(value: Any) -> list[tuple[Any, Any]]:
    """A list of pairs of a message's header; WireError if it is none."""
    inner = [as_list(pair) for pair in as_list(value)]
    if not all(len(pair) == 2 for pair in inner):
        raise WireError("a message lacks a list of pairs where one belongs")
    return [(pair[0], pair[1]) for pair in inner]
