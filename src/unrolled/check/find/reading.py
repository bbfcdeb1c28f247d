"""One function while its names are given roles: what is known of it so far; each reader has a module of its own."""

from __future__ import annotations

import ast
from collections.abc import Callable

from unrolled.check.find.names import weight_role
from unrolled.check.find.scopes import FunctionNode
from unrolled.check.find.values import Values, name_of, read_values, string_key
from unrolled.check.functions import FUNCTIONS

__all__ = ["ADAM_OF", "Reading", "upright"]

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


class Reading:
    """A learner's function, taken for one of FUNCTIONS.

    Args:
        node: the function.
        function: a key of FUNCTIONS.
        told: what `--map` says about a name.
    """

    def __init__(self, node: FunctionNode, function: str, told: Callable[[str], str | None]) -> None:
        self.node, self.name, self.told = node, function, told
        self.values: Values = read_values(node)
        self.function = FUNCTIONS[function]
        self.family = function.partition("_")[0]
        self.backward = function.endswith("backward")
        self.known = dict[str, str | None]()  # roles of its arguments

    def weight_of(self, value: ast.expr) -> str | None:
        """The parameter that an expression is: `p["Waa"]`, `Waa`, `self.Waa`, each perhaps transposed."""
        value = upright(value)
        key = string_key(value) or name_of(value)
        if not key:
            return None
        resolved = self.values.resolved(value)
        return self.told(key) or weight_role(string_key(resolved) or key, self.family)


def upright(value: ast.expr) -> ast.expr:
    """A matrix without its `.T`."""
    return value.value if isinstance(value, ast.Attribute) and value.attr == "T" else value
