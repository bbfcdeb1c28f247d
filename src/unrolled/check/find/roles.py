"""What each name of a recognised function stands for: arguments, parameters, cache, results; guesses, never certain."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from unrolled.check.find.names import is_cache, is_parameters, plain, size_role, state_role, weight_role
from unrolled.check.find.scopes import DEFS, FunctionNode
from unrolled.check.find.values import Values, name_of, read_values, string_key
from unrolled.check.functions import FUNCTIONS

__all__ = ["Argument", "Roles", "read_roles"]

Kind = Literal["positional", "keyword", "varargs"]
ADAM = {
    "grads": "grads gradients grad g derivatives dparams",
    "v": "v m momentum velocity firstmoment vt",
    "s": "s u secondmoment rms cache sq st",
    "t": "t step iteration iter counter time adamcounter",
    "learning_rate": "learningrate lr alpha eta a stepsize rate",
    "beta1": "beta1 b1 rho1",
    "beta2": "beta2 b2 rho2",
    "epsilon": "epsilon eps e",
}
ADAM_OF = {word: role for role, words in ADAM.items() for word in words.split()}


@dataclass(frozen=True)
class Argument:
    """One argument of a learner's function, without `self`."""

    name: str
    role: str | None  # None: cannot be guessed
    kind: Kind
    has_default: bool


@dataclass(frozen=True)
class Roles:
    """What the names of one function stand for; as in `Found`."""

    arguments: tuple[Argument, ...]
    weights: dict[str, str | None]
    attributes: dict[str, str | None]
    cache: tuple[str | None, ...] | dict[str, str] | None
    returns: tuple[str | None, ...] | dict[str, str | None]
    empty: bool


def read_roles(
    node: FunctionNode,
    function: str,
    *,
    drop_first: bool,
    others: Iterable[ast.AST],
    methods: frozenset[str],
    told: Callable[[str], str | None],
) -> Roles:
    """Guesses the roles in `node`, taken for `function`.

    Args:
        node: the learner's function.
        function: a key of FUNCTIONS.
        drop_first: whether its first argument is `self` or `cls`.
        others: the functions that it uses, itself included.
        methods: names of its class's methods, which are no attributes.
        told: what `--map` says about a name.
    """
    values = read_values(node)
    reader = _Reader(node, function, values, told)
    arguments = reader.arguments(drop_first)
    reader.known = {argument.name: argument.role for argument in arguments}
    inside = list(others)
    own = node.args.posonlyargs + node.args.args
    this = own[0].arg if drop_first and own else ""
    return Roles(
        arguments,
        reader.weights(inside),
        reader.attributes(inside, this, methods) if this else {},
        reader.cache(),
        reader.returns(),
        reader.empty(),
    )


class _Reader:
    """Reads one function; `known` are the roles of its arguments."""

    def __init__(self, node: FunctionNode, function: str, values: Values, told: Callable[[str], str | None]) -> None:
        self.node, self.name, self.values, self.told = node, function, values, told
        self.function = FUNCTIONS[function]
        self.family = function.partition("_")[0]
        self.backward = function.endswith("backward")
        self.known = dict[str, str | None]()

    # arguments

    def arguments(self, drop_first: bool) -> tuple[Argument, ...]:
        spec = self.node.args
        positional = [*spec.posonlyargs, *spec.args]
        without = len(positional) - len(spec.defaults)
        listed: list[tuple[str, Kind, bool]] = [(a.arg, "positional", at >= without) for at, a in enumerate(positional)]
        listed = listed[1:] if drop_first else listed
        if spec.vararg:
            listed.append((spec.vararg.arg, "varargs", True))
        for argument, default in zip(spec.kwonlyargs, spec.kw_defaults, strict=True):
            listed.append((argument.arg, "keyword", default is not None))
        if spec.kwarg:
            listed.append((spec.kwarg.arg, "varargs", True))
        roles = self._argument_roles([name for name, kind, _ in listed if kind != "varargs"], {n: d for n, _, d in listed})
        return tuple(Argument(name, roles.get(name), kind, default) for name, kind, default in listed)

    def _argument_roles(self, names: list[str], defaults: dict[str, bool]) -> dict[str, str]:
        roles = dict[str, str]()
        guesses = (self.told, self._exact, self._by_name, self._by_use)
        for guess in guesses:
            for name in names:
                role = guess(name) if name not in roles else None
                if role is not None and role not in roles.values():
                    roles[name] = role
        missing = [role for role in self.function.inputs if role not in roles.values()]
        unknown = [name for name in names if name not in roles and not defaults[name]]
        if len(missing) == 1 and len(unknown) == 1:
            roles[unknown[0]] = missing[0]
        return roles

    def _exact(self, name: str) -> str | None:
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
        if role in inputs or role in more:
            return role
        return weight_role(name, self.family)

    def _forward_inputs(self) -> tuple[str, ...]:
        return FUNCTIONS[self.name.replace("backward", "forward")].inputs if self.backward else ()

    def _plain(self, name: str) -> str | None:
        inputs = self.function.inputs
        if inputs == ("x",):
            return "x" if self.node.args.args and name in [a.arg for a in self.node.args.args[:2]] and plain(name) not in ("self", "axis") else None  # fmt: skip
        if "parameters" in inputs and is_parameters(name):
            return "parameters"
        if "cache" in inputs and is_cache(name):
            return "cache"
        if self.family == "output":
            return {"a": "a", "h": "a", "y": "y", "labels": "y", "targets": "y", "Y": "y"}.get(name) or weight_role(name, "lstm")
        role = ADAM_OF.get(plain(name))
        return role if role in inputs else None

    def _by_use(self, name: str) -> str | None:
        """Roles that show in how an argument is used: indexed with names of weights, unpacked, multiplied by a weight."""
        inputs = self.function.inputs
        keys = {key for inner in ast.walk(self.node) if (key := string_key_of(inner, name)) is not None}
        if "parameters" in inputs and any(weight_role(key, self.family) for key in keys):
            return "parameters"
        held = next((role for role in ("cache", "caches") if role in inputs), None)
        for targets, value in self.values.unpacked:
            if held and name_of(value) == name and isinstance(value, ast.Name) and len(targets) >= 2:
                return held
        if self.name.endswith("cell_forward"):
            for left, right in self.values.products:
                for weight, other in ((left, right), (right, left)):
                    if name_of(other) == name and self.family == "rnn":
                        role = {"Wax": "xt", "Waa": "a_prev"}.get(self.weight_of(weight) or "")
                        if role:
                            return role
            for parts in self.values.concatenated:
                names = [name_of(part) for part in parts]
                if len(names) == 2 and name in names:
                    return ("c_prev" if self.family == "gru" else "a_prev", "xt")[names.index(name)]
        return None

    # parameters

    def weight_of(self, value: ast.expr) -> str | None:
        """The parameter that an expression is: `p["Waa"]`, `Waa`, `self.Waa`, each perhaps transposed."""
        if isinstance(value, ast.Attribute) and value.attr == "T":
            value = value.value
        key = string_key(value) or name_of(value)
        if not key:
            return None
        resolved = self.values.resolved(value)
        return self.told(key) or weight_role(string_key(resolved) or key, self.family)

    def weights(self, others: list[ast.AST]) -> dict[str, str | None]:
        """The keys of the dictionary of parameters that are read here or in a function that is used."""
        found = dict[str, str | None]()
        if not self.function.weights:
            return found
        named = {name for name, role in self.known.items() if role == "parameters"} | {"parameters", "params", "p"}
        named |= {name for name, value in self.values.last.items() if name_of(value) in named}
        for node in (self.node, *others):
            for inner in ast.walk(node):
                if not isinstance(inner, ast.Subscript | ast.Call) or not isinstance(getattr(inner, "ctx", None), ast.Load | None):
                    continue
                key = string_key(inner)
                if key is None or key in found:
                    continue
                role = self.told(key) or (key if key in self.function.weights else weight_role(key, self.family))
                root = inner.value if isinstance(inner, ast.Subscript) else getattr(inner.func, "value", inner)
                holds = name_of(root) in named
                if holds or (role is not None and not self._is_state(key)):
                    found[key] = role
        self._by_products(found)
        return _once(found)

    def _is_state(self, key: str) -> bool:
        return key in self.function.cache or state_role(key, self.name, "cache") is not None

    def _by_products(self, found: dict[str, str | None]) -> None:
        """Of an RNN: whether `U`, `W` and the like act on x, on the state before or on the new one."""
        if self.name != "rnn_cell_forward":
            return
        for left, right in self.values.products:
            for weight, other in ((left, right), (right, left)):
                key = string_key(self.values.resolved(weight.value if isinstance(weight, ast.Attribute) and weight.attr == "T" else weight))
                role = self.known.get(name_of(other)) or state_role(name_of(other), self.name, "cache")
                acts = {"xt": "Wax", "a_prev": "Waa", "a_next": "Wya"}.get(role or "")
                if key in found and acts and self.told(key) is None:
                    found[key] = acts

    def attributes(self, others: list[ast.AST], this: str, methods: frozenset[str]) -> dict[str, str | None]:
        """What is read of `self`, by this method and by those that it calls."""
        found = dict[str, str | None]()
        for node in (self.node, *others):
            for inner in ast.walk(node):
                if not (isinstance(inner, ast.Attribute) and name_of(inner.value) == this):
                    continue
                if isinstance(inner.ctx, ast.Load) and inner.attr not in methods:
                    found.setdefault(inner.attr, self._attribute(inner.attr))
        return found

    def _attribute(self, name: str) -> str | None:
        if role := self.told(name):
            return role
        if name in self.function.weights:
            return name
        if is_parameters(name) and len(plain(name)) > 1:
            return "parameters"
        if is_cache(name):
            return "caches" if self.function.kind == "loop" else "cache"
        weight = weight_role(name, self.family)
        if weight is not None and plain(name) not in ("h", "c", "r"):
            return weight
        return state_role(name, self.name, "argument") or size_role(name) or weight

    # cache and results

    def cache(self) -> tuple[str | None, ...] | dict[str, str] | None:
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
        return sorted(parts, key=lambda part: not is_cache(name_of(part))) + named

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
        role = state_role(name, self.name, "cache")
        if role in held:
            return role
        resolved = self.values.last.get(name)
        alias = name_of(resolved) if resolved is not None else ""
        if alias and alias != name and self.known.get(alias) in held:
            return self.known[alias]
        return weight_role(name, self.family)

    def _cache_keys(self, names: dict[str, str]) -> dict[str, str]:
        found = dict[str, str]()
        for key, name in names.items():
            role = self._cached_name(key) or self._cached_name(name)
            if role is not None and role not in found.values():
                found[key] = role
        return found

    def _unpacked(self) -> tuple[str | None, ...] | dict[str, str] | None:
        held = {name for name, role in self.known.items() if role in ("cache", "caches")}
        held |= {name for name in self.values.given if is_cache(name)}
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
        for inner in ast.walk(self.node):
            if isinstance(inner, ast.expr) and name_of(getattr(inner, "value", inner)) in held:
                key = string_key(inner)
                if key is not None:
                    by_key.setdefault(key, key)
        return self._cache_keys(by_key) or None

    def returns(self) -> tuple[str | None, ...] | dict[str, str | None]:
        value = self.values.returned
        if value is None:
            return ()
        if len(self.function.outputs) == 1:
            return self.function.outputs
        entries = self.values.entries(value)
        if entries is not None and self.backward:
            return _once({key: self._result(key) or self._result(name_of(item)) for key, item in entries.items()})
        parts = self.values.elements(value) or [value]
        return _distinct([self._part(part) for part in parts], self.function.outputs)

    def _part(self, value: ast.expr) -> str | None:
        """The role of one returned value: by its name, else by the names within it."""
        if name := name_of(value) or string_key(value):
            if role := self._result(name):
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
        if role := self.told(name) or (name if name in outputs else None):
            return role
        if not self.backward and is_cache(name):
            return next((role for role in outputs if role in ("cache", "caches")), None)
        if self.function.kind == "plain":
            if self.name == "output_backward" and (weight := weight_role(name[1:], "lstm")) and name[0] == "d":
                return f"d{weight}"
            role = "parameters" if is_parameters(name) else ADAM_OF.get(plain(name))
            return role if role in outputs else None
        role = state_role(name, self.name, "return")
        if role in outputs:
            return role
        if self.backward and (rest := re.match(r"(?:grads?_?|delta_?|d)(?:d?_)?(?=.)", name)):
            weight = weight_role(name[rest.end() :], self.family)
            return f"d{weight}" if weight else None
        return None

    # what was not written yet

    def empty(self) -> bool:
        """Whether nothing was written yet: no more than `pass`, or what is returned still stands at None."""
        body = [self.node.body] if isinstance(self.node, ast.Lambda) else self.node.body
        work = [one for one in body if not (isinstance(one, ast.Pass) or (isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant)))]  # fmt: skip
        if not work:
            return True
        if isinstance(work[0], ast.Raise):
            return True
        returned = self.values.returned
        if returned is None:
            return False
        if isinstance(returned, ast.Constant) and returned.value is None:
            return True
        names = self._work(returned)
        return bool(names) and all(self._is_none(name) for name in names)

    def _work(self, value: ast.expr) -> list[str]:
        """The names that are returned and are not arguments or caches, through dictionaries and tuples."""
        entries = self.values.entries(value)
        parts = list(entries.values()) if entries is not None else self.values.elements(value)
        if parts is None:
            return [value.id] if isinstance(value, ast.Name) and value.id not in self.known else []
        return [name for part in parts if not is_cache(name_of(part)) for name in self._work_of(part)]

    def _work_of(self, part: ast.expr) -> list[str]:
        if isinstance(part, ast.Constant) and part.value is None:
            return ["None"]
        return [part.id] if isinstance(part, ast.Name) and part.id not in self.known else []

    def _is_none(self, name: str) -> bool:
        if name == "None":
            return True
        given = self.values.given.get(name, [])
        return bool(given) and all(isinstance(value, ast.Constant) and value.value is None for value in given)


def string_key_of(node: ast.AST, name: str) -> str | None:
    """The key of `name["key"]`."""
    if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id == name:
        return string_key(node)
    return None


def _distinct(roles: list[str | None], outputs: tuple[str, ...] = ()) -> tuple[str | None, ...]:
    """Each role once, the first time; one that is left over goes to the only place that has none."""
    seen = [role if role is None or role not in roles[:at] else None for at, role in enumerate(roles)]
    missing = [role for role in outputs if role not in seen]
    if len(outputs) == len(seen) and len(missing) == 1:
        seen[seen.index(None)] = missing[0]
    return tuple(seen)


def _once(roles: dict[str, str | None]) -> dict[str, str | None]:
    """Each role once; a key that is called exactly so has the better claim."""
    found = dict[str, str | None]()
    for key, role in sorted(roles.items(), key=lambda item: item[0] != item[1]):
        found[key] = role if role not in found.values() else None
    return {key: found[key] for key in roles}


def is_method(node: ast.AST) -> bool:
    """Whether a function in a class takes `self` or `cls`."""
    return isinstance(node, DEFS) and not any(name_of(one) == "staticmethod" for one in node.decorator_list)
