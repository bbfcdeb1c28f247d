"""The roles of a function's parameters: keys of their dictionary, or attributes of `self`."""

from __future__ import annotations

import ast

from unrolled.check.find.names import is_cache, is_parameters, plain, size_role, state_role, weight_role
from unrolled.check.find.reading import Reading, upright
from unrolled.check.find.scopes import within
from unrolled.check.find.values import name_of, string_key

__all__ = ["once", "read_attributes", "read_weights"]


def read_weights(reading: Reading, others: list[ast.AST]) -> dict[str, str | None]:
    """The keys of the dictionary of parameters that are read here or in a function that is used."""
    found = dict[str, str | None]()
    if not reading.function.weights:
        return found
    named = {name for name, role in reading.known.items() if role == "parameters"} | {"parameters", "params", "p"}
    named |= {name for name, value in reading.values.last.items() if name_of(value) in named}
    for node in (reading.node, *others):
        for inner in within(node):
            stored = isinstance(inner, ast.Subscript) and not isinstance(inner.ctx, ast.Load)
            if not isinstance(inner, ast.Subscript | ast.Call) or stored:
                continue
            key = string_key(inner)
            if key is None or key in found:
                continue
            role = reading.told(key) or (key if key in reading.function.weights else weight_role(key, reading.family))
            root = inner.value if isinstance(inner, ast.Subscript) else getattr(inner.func, "value", inner)
            holds = name_of(root) in named
            if holds or (role is not None and not _is_state(reading, key)):
                found[key] = role
    _by_products(reading, found)
    return once(found)


def _is_state(reading: Reading, key: str) -> bool:
    return key in reading.function.cache or state_role(key, reading.name, "cache") is not None


def _by_products(reading: Reading, found: dict[str, str | None]) -> None:
    """Of an RNN: whether `U`, `W` and the like act on x, on the state before or on the new one."""
    if reading.name != "rnn_cell_forward":
        return
    for left, right in reading.values.products:
        for weight, other in ((left, right), (right, left)):
            key = string_key(reading.values.resolved(upright(weight)))
            role = reading.known.get(name_of(other)) or state_role(name_of(other), reading.name, "cache")
            acts = {"xt": "Wax", "a_prev": "Waa", "a_next": "Wya"}.get(role or "")
            if key in found and acts and reading.told(key) is None:
                found[key] = acts


def read_attributes(
    reading: Reading, others: list[ast.AST], this: str, methods: frozenset[str]
) -> dict[str, str | None]:
    """What is read of `self`, by this method and by those that it calls."""
    found = dict[str, str | None]()
    for node in (reading.node, *others):
        for inner in within(node):
            if not (isinstance(inner, ast.Attribute) and name_of(inner.value) == this):
                continue
            if isinstance(inner.ctx, ast.Load) and inner.attr not in methods:
                found.setdefault(inner.attr, _attribute(reading, inner.attr))
    return found


def _attribute(reading: Reading, name: str) -> str | None:
    if role := reading.told(name):
        return role
    if name in reading.function.weights:
        return name
    if is_parameters(name) and len(plain(name)) > 1:
        return "parameters"
    if is_cache(name):
        return "caches" if reading.function.kind == "loop" else "cache"
    weight = weight_role(name, reading.family)
    if weight is not None and plain(name) not in ("h", "c", "r"):
        return weight
    return state_role(name, reading.name, "argument") or size_role(name) or weight


def once(roles: dict[str, str | None]) -> dict[str, str | None]:
    """Each role once; a key that is called exactly so has the better claim."""
    found = dict[str, str | None]()
    for key, role in sorted(roles.items(), key=lambda item: item[0] != item[1]):
        found[key] = role if role not in found.values() else None
    return {key: found[key] for key in roles}
