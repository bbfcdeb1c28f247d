"""What calls did besides returning: memory that arrays share, and state outside arguments and results."""

# pyright: basic
# A learner's values are of any type.
from __future__ import annotations

import dis
import random
from collections.abc import Callable, Iterator
from itertools import islice
from types import CodeType, FunctionType, ModuleType
from typing import Any, Final

from numpy import asarray, ndarray, shares_memory
from numpy.random import get_state
from numpy.typing import NDArray

__all__ = ["State", "shared"]

ARRAYS: Final = 600  # looked at for shared memory
STEPS: Final = 20_000  # into containers, to find them
PAIRS: Final = 2000
WORK: Final = 10_000  # for one pair; beyond, bounds decide


def shared(roots: list[tuple[list[str | int], Any]]) -> list[list[list[str | int]]]:
    """Pairs of paths of arrays that lie on the same memory.

    Args:
        roots: paths and values; each array object is compared once, by its first path, and each further path of the
            same object is paired with that.
    """
    first: dict[int, tuple[list[str | int], NDArray[Any]]] = {}
    pairs: list[list[list[str | int]]] = []
    for path, array in _leaves(roots):
        if id(array) in first:
            pairs.append([first[id(array)][0], path])
        elif array.size and len(first) < ARRAYS:
            first[id(array)] = (path, array)
    bounds = sorted((*_bounds(array), path, array) for path, array in first.values())
    for index, (_, end, path, array) in enumerate(bounds):
        for other_start, _, other_path, other in bounds[index + 1 :]:
            if other_start >= end or len(pairs) >= PAIRS:
                break
            if _share(array, other):
                pairs.append([path, other_path])
    return pairs[:PAIRS]


def _leaves(roots: list[tuple[list[str | int], Any]]) -> Iterator[tuple[list[str | int], NDArray[Any]]]:
    """Arrays with their paths; a container is gone into once."""
    gone: set[int] = set()
    waiting = list(reversed(roots))
    for _ in range(STEPS):
        if not waiting:
            return
        path, value = waiting.pop()
        kind: type[Any] = type(value)
        if issubclass(kind, ndarray):
            yield path, value
        if not issubclass(kind, (tuple, list, dict)) or id(value) in gone or len(waiting) > STEPS:
            continue
        gone.add(id(value))
        if issubclass(kind, dict):
            items = list(islice(dict.items(value), STEPS))
            inner = [([*path, key], item) for key, item in items if type(key) in (str, int)]
        else:
            base = tuple if issubclass(kind, tuple) else list
            inner = [([*path, index], item) for index, item in enumerate(islice(base.__iter__(value), STEPS))]
        waiting += reversed(inner)


def _bounds(array: NDArray[Any]) -> tuple[int, int]:
    start = end = int(array.__array_interface__["data"][0])
    for length, stride in zip(array.shape, array.strides, strict=True):
        reach = (length - 1) * stride
        start, end = start + min(reach, 0), end + max(reach, 0)
    return start, end + array.itemsize


def _share(a: NDArray[Any], b: NDArray[Any]) -> bool:
    try:
        return bool(shares_memory(a, b, max_work=WORK))  # pyright: ignore[reportArgumentType]
    except Exception:  # too hard to say exactly: their bounds overlap
        return True


class State:
    """The state outside a call's arguments and results, before it; `changes` compares it with that after."""

    def __init__(self, module: ModuleType) -> None:
        self._module = module
        self._random = _random()
        self._globals = dict(vars(module))
        self._arrays = {name: value.tobytes() for name, value in self._globals.items() if _is_array(value)}

    def changes(self, entries: list[Any]) -> dict[str, list[str]]:
        """As GlobalState has them; `entries` are the functions that were called."""
        after = dict(vars(self._module))
        names = [name for name in {**self._globals, **after} if name != "__builtins__"]
        bound = {name for name in names if self._globals.get(name, self) is not after.get(name, self)}
        written = {name for name, before in self._arrays.items() if self._globals[name].tobytes() != before}
        random = _random()
        return {
            "random": [name for name, state in self._random.items() if random.get(name) != state],
            "reassigned": sorted(name for name in bound | written if type(name) is str),
            "read": sorted(set().union(*(_read(entry, self._globals) for entry in entries)) & set(self._arrays)),
        }


def _random() -> dict[str, Any]:
    kind, keys, *rest = get_state(legacy=True)  # noqa: NPY002  what learners use
    return {"numpy.random": (kind, asarray(keys).tobytes(), *rest), "random": random.getstate()}


def _is_array(value: Any) -> bool:
    return type(value) is ndarray and value.dtype.kind in "biufc" and value.nbytes <= 1 << 20


def _read(entry: Any, variables: dict[str, Any]) -> set[str]:
    """Names of globals that the code of `entry`, and of the module's functions that it reads, loads."""
    read: set[str] = set()
    waiting = list(_codes(entry))
    while waiting:
        code = waiting.pop()
        waiting += [constant for constant in code.co_consts if isinstance(constant, CodeType)]
        names = {str(step.argval) for step in dis.get_instructions(code) if step.opname in ("LOAD_GLOBAL", "LOAD_NAME")}
        for name in names - read:
            waiting += _codes(variables.get(name))
        read |= names
    return read


def _codes(value: Any) -> list[CodeType]:
    if isinstance(value, FunctionType):
        return [value.__code__]
    if isinstance(value, type):
        return [member.__code__ for member in list(vars(value).values()) if isinstance(member, FunctionType)]
    method: Callable[..., Any] | None = getattr(value, "__func__", None)
    return [method.__code__] if isinstance(method, FunctionType) else []
