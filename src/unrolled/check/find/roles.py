"""What each name of a recognised function stands for: all that its readers guess, together; guesses, never certain."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from unrolled.check.find.arguments import Argument, read_arguments
from unrolled.check.find.parameters import read_attributes, read_weights
from unrolled.check.find.reading import Reading
from unrolled.check.find.results import Results
from unrolled.check.find.scopes import DEFS, FunctionNode
from unrolled.check.find.unwritten import is_unwritten
from unrolled.check.find.values import name_of

__all__ = ["Roles", "is_method", "read_roles"]


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
    reading = Reading(node, function, told)
    arguments = read_arguments(reading, drop_first=drop_first)
    reading.known = {argument.name: argument.role for argument in arguments}
    inside = list(others)
    own = node.args.posonlyargs + node.args.args
    this = own[0].arg if drop_first and own else ""
    results = Results(reading)
    return Roles(
        arguments,
        read_weights(reading, inside),
        read_attributes(reading, inside, this, methods) if this else {},
        results.cache(),
        results.returns(),
        is_unwritten(reading),
    )


def is_method(node: ast.AST) -> bool:
    """Whether a function in a class takes `self` or `cls`."""
    return isinstance(node, DEFS) and not any(name_of(one) == "staticmethod" for one in node.decorator_list)
