"""The roles of a function's arguments: by what `--map` says, by their names, by how they are used, by what is left."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import Literal

from unrolled.check.find.names import is_cache, is_parameters, plain, state_role, weight_role
from unrolled.check.find.reading import ADAM_OF, Reading
from unrolled.check.find.scopes import within
from unrolled.check.find.values import name_of, string_key
from unrolled.check.functions import FUNCTIONS

__all__ = ["Argument", "read_arguments"]

Kind = Literal["positional", "keyword", "varargs"]
Listed = tuple[str, Kind, bool]  # name, kind, whether it has a default
OUTPUT_OF = {"a": "a", "h": "a", "hidden": "a"} | dict.fromkeys(("y", "labels", "targets", "target", "ytrue"), "y")


@dataclass(frozen=True)
class Argument:
    """One argument of a learner's function, without `self`."""

    name: str
    role: str | None  # None: cannot be guessed
    kind: Kind
    has_default: bool


def read_arguments(reading: Reading, *, drop_first: bool) -> tuple[Argument, ...]:
    """The arguments in order, without `self` where it is to be dropped."""
    return _Arguments(reading).read(drop_first)


class _Arguments:
    def __init__(self, reading: Reading) -> None:
        self.reading, self.node, self.values = reading, reading.node, reading.values
        self.name, self.function, self.family, self.backward = (
            reading.name,
            reading.function,
            reading.family,
            reading.backward,
        )
        self.keys = dict[str, set[str]]()  # name -> the strings that it is indexed with
        for inner in within(self.node):
            if isinstance(inner, ast.Subscript) and isinstance(inner.value, ast.Name) and (key := string_key(inner)):
                self.keys.setdefault(inner.value.id, set()).add(key)

    def read(self, drop_first: bool) -> tuple[Argument, ...]:
        spec = self.node.args
        positional = [*spec.posonlyargs, *spec.args]
        without = len(positional) - len(spec.defaults)
        listed: list[Listed] = [(a.arg, "positional", at >= without) for at, a in enumerate(positional)]
        listed = listed[1:] if drop_first else listed
        if spec.vararg:
            listed.append((spec.vararg.arg, "varargs", True))
        for argument, default in zip(spec.kwonlyargs, spec.kw_defaults, strict=True):
            listed.append((argument.arg, "keyword", default is not None))
        if spec.kwarg:
            listed.append((spec.kwarg.arg, "varargs", True))
        roles = self._roles([one for one in listed if one[1] != "varargs"])
        return tuple(Argument(name, roles.get(name), kind, default) for name, kind, default in listed)

    def _roles(self, listed: list[Listed]) -> dict[str, str]:
        roles = dict[str, str]()
        names = [name for name, _, _ in listed]
        guesses = (self.reading.told, self._exact, self._by_name, self._by_use, self._weight)
        for guess in guesses:
            for name in names:
                role = guess(name) if name not in roles else None
                if role is not None and role not in roles.values():
                    roles[name] = role
        missing = [role for role in self.function.inputs if role not in roles.values()]
        unknown = [name for name, _, has_default in listed if name not in roles and not has_default]
        if len(missing) == 1 and len(unknown) == 1:
            roles[unknown[0]] = missing[0]
        return roles

    def _exact(self, name: str) -> str | None:
        if self.name.endswith("adam") and plain(name) in ADAM_OF:  # beside m, which comes first, v is the second moment
            return self._plain(name)
        return name if name in (*self.function.inputs, *self.function.weights) else None

    def _by_name(self, name: str) -> str | None:
        inputs = self.function.inputs
        if self.function.kind == "plain":
            return self._plain(name)
        if "parameters" in inputs and is_parameters(name):
            return "parameters"
        if is_cache(name) and (held := next((role for role in ("cache", "caches") if role in inputs), None)):
            return held
        role = state_role(name, self.name, "argument")
        more = ("c0", "dc_final", *(self.function.cache if self.backward else ()), *self._forward_inputs())
        return role if role in inputs or role in more else None

    def _weight(self, name: str) -> str | None:
        return weight_role(name, self.family) if self.function.weights else None

    def _forward_inputs(self) -> tuple[str, ...]:
        return FUNCTIONS[self.name.replace("backward", "forward")].inputs if self.backward else ()

    def _plain(self, name: str) -> str | None:
        inputs = self.function.inputs
        if inputs == ("x",):
            return "x" if plain(name) not in ("self", "cls", "axis") else None
        if "parameters" in inputs and is_parameters(name):
            return "parameters"
        if "cache" in inputs and is_cache(name):
            return "cache"
        if self.family == "output":
            return OUTPUT_OF.get(plain(name))
        role = ADAM_OF.get(plain(name))
        return role if role in inputs else None

    def _by_use(self, name: str) -> str | None:
        """Roles that show in an argument's use: indexed with names of weights, unpacked, multiplied by a weight."""
        inputs = self.function.inputs
        keys = self.keys.get(name, set())
        weights = {self.reading.told(key) or weight_role(key, self.family) for key in keys}
        if "parameters" in inputs and weights.intersection(self.function.weights):
            return "parameters"
        held = next((role for role in ("cache", "caches") if role in inputs), None)
        for targets, value in self.values.unpacked:
            if held and name_of(value) == name and isinstance(value, ast.Name) and len(targets) >= 2:
                return held
        if self.name.endswith("cell_forward"):
            for left, right in self.values.products:
                for weight, other in ((left, right), (right, left)):
                    if name_of(other) == name and self.family == "rnn":
                        role = {"Wax": "xt", "Waa": "a_prev"}.get(self.reading.weight_of(weight) or "")
                        if role:
                            return role
            for parts in self.values.concatenated:
                names = [name_of(part) for part in parts]
                if len(names) == 2 and name in names:
                    return ("c_prev" if self.family == "gru" else "a_prev", "xt")[names.index(name)]
        return None
