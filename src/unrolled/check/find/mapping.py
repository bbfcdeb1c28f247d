"""`--map`: what a user says about names that cannot be guessed; parsed and held against what is known."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from unrolled.check.functions import FUNCTIONS
from unrolled.errors import ParameterError

__all__ = ["Mapping", "read_mapping"]

Key = TypeVar("Key", str, tuple[str, str])

ROLES = frozenset(
    role
    for function in FUNCTIONS.values()
    for group in (function.inputs, function.outputs, function.weights, function.cache)
    for role in group
) | {"c0", "bca", "dbca"}
FORM = "NAME=FUNCTION, FUNCTION.ARGUMENT=ROLE or FUNCTION.KEY=ROLE"
# A name is one of a function, or `Class.method`; a key may be any text without `=`.
LEFT = re.compile(r"[^\W\d]\w*(?:\.[^=]+)?")


@dataclass(frozen=True)
class Mapping:
    """What was said with `--map`.

    Args:
        functions: learner's name -> name of FUNCTIONS.
        roles: (learner's or course's function name, argument or key) -> role.
    """

    functions: dict[str, str] = field(default_factory=dict[str, str])
    roles: dict[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])

    def role(self, names: Iterable[str], key: str) -> str | None:
        """The role given to an argument or key of the function that goes by any of these names."""
        return next((role for name in names if (role := self.roles.get((name, key)))), None)


def read_mapping(entries: Iterable[str]) -> Mapping:
    """Reads what was given to `--map`, once or several times; commas separate entries, too.

    Args:
        entries: `rcf=rnn_cell_forward` (a function; `Class.method` for a method), `rcf.h=a_prev` (an argument),
            `rcf.W1=Wax` (a key of the parameters, the cache or the gradients, or an attribute of `self`).

    Raises:
        ParameterError: an entry has another form, or names a function or role that there is none of.

    >>> read_mapping(["rcf=rnn_cell_forward", "rcf.h=a_prev,rcf.W1=Wax"])
    Mapping(functions={'rcf': 'rnn_cell_forward'}, roles={('rcf', 'h'): 'a_prev', ('rcf', 'W1'): 'Wax'})
    """
    functions, roles = dict[str, str](), dict[tuple[str, str], str]()
    for entry in (part.strip() for text in entries for part in text.split(",")):
        if not entry:
            continue
        left, equals, right = (part.strip() for part in entry.rpartition("="))
        if not equals or not right or not LEFT.fullmatch(left):
            raise ParameterError(f"--map `{entry}` is not of the form {FORM}; for example rcf=rnn_cell_forward")
        if right in FUNCTIONS:
            _add(functions, left, right, entry)
        elif "." in left:
            if right not in ROLES:
                known = _nearest(right, ROLES) or "a role such as xt, a_prev, parameters or Wf"
                raise ParameterError(f"--map `{entry}`: `{right}` is no role, expected {known}")
            function, _, key = left.rpartition(".")
            _add(roles, (function, key), right, entry)
        else:
            known = _nearest(right, FUNCTIONS) or f"one of {', '.join(FUNCTIONS)}"
            raise ParameterError(f"--map `{entry}`: `{right}` is no function that is checked, expected {known}")
    return Mapping(functions, roles)


def _add(known: dict[Key, str], key: Key, value: str, entry: str) -> None:
    if known.setdefault(key, value) != value:
        raise ParameterError(f"--map `{entry}` contradicts an earlier `{known[key]}` for the same name; give only one")


def _nearest(word: str, words: Iterable[str]) -> str:
    found = difflib.get_close_matches(word, list(words), n=1)
    return f"`{found[0]}`, perhaps" if found else ""
