"""The roles of what a function keeps in its cache and of what it returns, by the names that stand there."""

from __future__ import annotations

import ast
import re

from unrolled.check.find.names import is_cache, is_parameters, plain, state_role, weight_role
from unrolled.check.find.parameters import once
from unrolled.check.find.reading import ADAM_OF, Reading
from unrolled.check.find.scopes import within
from unrolled.check.find.values import name_of, string_key

__all__ = ["Results"]


class Results:
    """Reads the cache and the results of one function, whose arguments are known."""

    def __init__(self, reading: Reading) -> None:
        self.reading, self.node, self.values = reading, reading.node, reading.values
        self.name, self.function, self.family, self.backward = (
            reading.name,
            reading.function,
            reading.family,
            reading.backward,
        )
        self.known, self.told = reading.known, reading.told

    def cache(self) -> tuple[str | None, ...] | dict[str, str] | None:
        """Roles of what is packed into the cache, or unpacked from it; None where that is not seen."""
        if "cell" not in self.name and self.function.kind != "loop":
            return None
        return self._unpacked() if self.backward else self._packed()

    def _packed(self) -> tuple[str | None, ...] | dict[str, str] | None:
        for value in self._returned_parts():
            if (entries := self.values.entries(value)) is not None and len(entries) >= 2:
                return self._cache_keys({key: name_of(item) for key, item in entries.items()})
            parts = self.values.elements(value)
            if parts is not None and len(parts) >= 3:
                return _distinct([self._cached(part) for part in parts])
        return None

    def _returned_parts(self) -> list[ast.expr]:
        """Elements of what is returned that may be a cache, those that are called so first."""
        if self.values.returned is None:
            return []
        parts = self.values.elements(self.values.returned) or [self.values.returned]
        named = [ast.Name(name, ast.Load()) for name in self.values.last if is_cache(name)]
        kept = [value for name, value in self.values.kept.items() if is_cache(name)]
        return sorted(parts, key=lambda part: not is_cache(name_of(part))) + named + kept

    def _cached(self, value: ast.expr) -> str | None:
        key = string_key(value)
        return self._cached_name(key if key is not None else name_of(value))

    def _cached_name(self, name: str) -> str | None:
        if not name:
            return None
        held = self.function.cache
        if role := self.told(name) or (name if name in held else None):
            return role
        if self.known.get(name) in held:
            return self.known[name]
        if is_parameters(name):
            return "parameters"
        match self.values.given.get(name):
            case [ast.Name(id=alias)] if self.known.get(alias) in held:  # h = a_prev
                return self.known[alias]
            case _:
                role = state_role(name, self.name, "cache")
                return role if role in held else weight_role(name, self.family)

    def _cache_keys(self, names: dict[str, str]) -> dict[str, str]:
        found = dict[str, str]()
        for key, name in names.items():
            role = self._cached_name(key) or self._cached_name(name)
            if role is not None and role not in found.values():
                found[key] = role
        return found

    def _unpacked(self) -> tuple[str | None, ...] | dict[str, str] | None:
        held = {name for name, role in self.known.items() if role in ("cache", "caches")}
        named = {name_of(node) for node in within(self.node) if isinstance(node, ast.Name | ast.Attribute)}
        held |= {name for name in named if is_cache(name)}
        for targets, value in self.values.unpacked:
            root = value
            while isinstance(root, ast.Subscript):
                root = root.value
            if len(targets) >= 3 and name_of(root) in held:
                return _distinct([self._cached_name(name_of(one)) for one in targets])
        by_number, by_key = dict[int, str | None](), dict[str, str]()
        for name, value in self.values.last.items():
            if isinstance(value, ast.Subscript) and name_of(value.value) in held:
                match value.slice:
                    case ast.Constant(value=int(number)) if 0 <= number < 40:
                        by_number[number] = self._cached_name(name)
                    case ast.Constant(value=str(key)):
                        by_key[key] = name
                    case _:
                        pass
        if self.function.kind == "cell" and len(by_number) >= 2:
            return _distinct([by_number.get(number) for number in range(max(by_number) + 1)])
        for inner in within(self.node):
            if isinstance(inner, ast.expr) and name_of(getattr(inner, "value", inner)) in held:
                key = string_key(inner)
                if key is not None:
                    by_key.setdefault(key, key)
        return self._cache_keys(by_key) or None

    def returns(self) -> tuple[str | None, ...] | dict[str, str | None]:
        """Roles of what is returned."""
        value = self.values.returned
        if value is None:
            return ()
        if len(self.function.outputs) == 1:
            return self.function.outputs
        entries = self.values.entries(value)
        if entries is not None and self.backward:
            return once({key: self._result(key) or self._result(name_of(item)) for key, item in entries.items()})
        parts = self.values.elements(value) or [value]
        return _distinct([self._part(part) for part in parts], self.function.outputs)

    def _part(self, value: ast.expr) -> str | None:
        """The role of one returned value: by its name, else by the names within it."""
        if role := self._result(name_of(value) or string_key(value) or ""):
            return role
        whole = self.values.resolved(value)
        if isinstance(whole, ast.Tuple | ast.List | ast.Dict) and not self.backward and "_forward" in self.name:
            return "caches" if self.function.kind == "loop" else "cache"
        if isinstance(whole, ast.Call) and plain(name_of(whole.func)).endswith("softmax"):
            return "yt_pred" if "yt_pred" in self.function.outputs else None
        if isinstance(value, ast.Name):
            return None
        names = (inner.id for inner in ast.walk(value) if isinstance(inner, ast.Name))
        return next((role for name in names if (role := self._result(name))), None)

    def _result(self, name: str) -> str | None:
        outputs = self.function.outputs
        if not name:
            return None
        if role := self.told(name):
            return role
        if self.name.endswith("adam"):
            role = "parameters" if is_parameters(name) else ADAM_OF.get(plain(name))
            return role if role in outputs else None
        if name in outputs:
            return name
        if not self.backward and is_cache(name):
            return next((role for role in outputs if role in ("cache", "caches")), None)
        if self.function.kind == "plain":
            if self.name == "output_backward" and (weight := weight_role(name[1:], "lstm")) and name[0] == "d":
                return f"d{weight}"
            return None
        role = state_role(name, self.name, "return")
        if role in outputs:
            return role
        if self.backward and (rest := re.match(r"(?:grads?_?|delta_?|d)(?:d?_)?(?=.)", name)):
            weight = weight_role(name[rest.end() :], self.family)
            return f"d{weight}" if weight else None
        return None


def _distinct(roles: list[str | None], outputs: tuple[str, ...] = ()) -> tuple[str | None, ...]:
    """Each role once, the first time; one that is left over goes to the only place that has none."""
    seen = [role if role is None or role not in roles[:at] else None for at, role in enumerate(roles)]
    missing = [role for role in outputs if role not in seen]
    if len(outputs) == len(seen) and len(missing) == 1:
        seen[seen.index(None)] = missing[0]
    return tuple(seen)
