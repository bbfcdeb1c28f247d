"""Values to bytes, as `wire` describes them; what is neither number, text, array nor container becomes `Opaque`."""

# pyright: basic
# A learner's values are of any type.

from __future__ import annotations

import json
from typing import Any

from numpy import array, asarray, dtype, generic, ndarray, uint8
from numpy.typing import NDArray

from .wire import DEPTH, DTYPES, NAME, TEXT, Limits, Opaque, Ref, WireError

__all__ = ["Encoder", "type_name"]


class Encoder:
    """Builds one message. An object that stands in several places is sent once and arrives as one object."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.full = False  # something was left out for its size
        self.strange = False  # something was left out for its type
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
        kind = type(value)
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
        if issubclass(kind, ndarray):
            return self._array(value)
        if issubclass(kind, generic):
            node = self._array(ndarray.view(asarray(value), ndarray))
            return [*node, 1] if node[0] == "a" else node
        if issubclass(kind, (tuple, list, dict)):
            return self._container(value, kind, depth)
        return self._leaf(self._opaque(type_name(kind)))

    def message(self, header: dict[str, Any]) -> bytes:
        """The message: `header` (JSON, with nodes of `value` in it) and the arrays that those nodes speak of.

        Raises:
            WireError: the header is longer than the limits allow.
        """
        table = [[one.dtype.str, list(one.shape)] for one in self._arrays]
        text = json.dumps({**header, "arrays": table}).encode()
        if len(text) > self.limits.header:
            raise WireError(f"a message would have a header of {len(text)} bytes")
        return b"".join([len(text).to_bytes(4, "little"), text, *(one.data.cast("B") for one in self._contents())])

    def _contents(self) -> list[NDArray[Any]]:
        return [one.reshape(-1).view(uint8) for one in self._arrays if one.size]

    def _leaf(self, node: Any) -> Any:
        self._nodes += 1
        return node

    def _opaque(self, kind: str) -> list[Any]:
        self.strange = True
        return ["o", kind[:NAME]]

    def _too_large(self, what: str) -> list[Any]:
        self.full = True
        return self._leaf(["o", f"{what}, too large to send"])

    def _again(self, value: Any) -> Any:
        _, node, size = self._known[id(value)]
        if node is None:
            return self._leaf(self._opaque(f"{type_name(type(value))} that contains itself"))
        if self._nodes + size > self.limits.nodes:
            return self._too_large(type_name(type(value)))
        self._nodes += size
        return node

    def _array(self, value: NDArray[Any]) -> list[Any]:
        plain = ndarray.view(value, ndarray)
        kind = plain.dtype.newbyteorder("=")
        if kind.kind == "f" and kind.itemsize > 8:
            kind = dtype("f8")  # long doubles, whose layout differs between machines
        if kind.kind == "c" and kind.itemsize > 16:
            kind = dtype("c16")
        if kind.str not in DTYPES:
            return self._leaf(self._opaque(f"array of dtype {plain.dtype}"))
        size = plain.size * kind.itemsize
        if self._bytes + size > self.limits.bytes:
            return self._too_large(f"array of {size} bytes")
        self._bytes += size
        self._arrays.append(array(plain, dtype=kind, order="C", copy=True))
        node = self._leaf(["a", len(self._arrays) - 1])
        self._known[id(value)] = (value, node, 1)
        return node

    def _container(self, value: Any, kind: type[Any], depth: int) -> Any:
        base: Any = tuple if issubclass(kind, tuple) else list if issubclass(kind, list) else dict
        if depth >= DEPTH or self._nodes + base.__len__(value) > self.limits.nodes:
            return self._too_large(f"{base.__name__} of {base.__len__(value)}")
        start = self._nodes
        self._nodes += 1
        self._known[id(value)] = (value, None, 0)
        if base is dict:
            items = [[self._key(key), self.value(item, depth + 1)] for key, item in list(dict.items(value))]
            node: list[Any] = ["d", items]
        else:
            node = [
                "t" if base is tuple else "l",
                [self.value(item, depth + 1) for item in base.__iter__(value)],
            ]
        self._sizes.append(self._nodes - start)
        self._known[id(value)] = (value, ["=", len(self._sizes) - 1], self._nodes - start)
        return node

    def _key(self, key: Any) -> Any:
        if type(key) is str and len(key) <= TEXT:
            return key.encode("utf-8", "replace").decode()
        if type(key) is int and -(2**63) <= key < 2**63:
            return key
        return self._opaque(type_name(type(key)))


def type_name(kind: type[Any]) -> str:
    """A class's name, whatever its metaclass makes of `__name__`."""
    name: Any = type.__dict__["__name__"].__get__(kind)
    return name if type(name) is str else "object"
