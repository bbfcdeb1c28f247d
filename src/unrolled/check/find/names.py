"""What learners call things: a name, in any case and several languages, to a symbol or a course role; no code is read.

A state's name is read as [d] + base + qualifier: `dnext_h` is the gradient of the hidden state, next; `prev_state` the
hidden state, previous. Which role that is depends on the function and on where the name stands.
"""

# ruff: noqa: RUF001  (letters of other alphabets are what this module is about)

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from unrolled.check.find.vocabulary import BASES, GATES, HEADS, QUALIFIERS, RNN_WEIGHTS, SIZES
from unrolled.check.functions import FUNCTIONS

__all__ = [
    "Symbol",
    "family_of",
    "is_cache",
    "is_parameters",
    "plain",
    "read",
    "size_role",
    "state_role",
    "weight_role",
]

GREEK = str.maketrans(
    {"α": "a", "δ": "d", "Δ": "d", "∂": "d", "∇": "d", "γ": "gamma", "Γ": "gamma", "θ": "theta", "ζ": "z"}
)


@lru_cache(maxsize=4096)
def plain(name: str) -> str:
    """A name without case, underscores, accents and Greek letters.

    >>> plain("Hidden_State"), plain("zustände"), plain("δα")
    ('hiddenstate', 'zustande', 'da')
    """
    name = unicodedata.normalize("NFKD", name.translate(GREEK))
    return "".join(c for c in name.lower() if c.isalnum() and not unicodedata.combining(c))


SYMBOLS: dict[str, list[str]] = {}
for _base, _words in BASES.items():
    for _word in _words.split():
        SYMBOLS.setdefault(plain(_word), []).append(_base)

LEADING = re.compile(
    "^(?:" + "|".join(f"(?P<{q or 'none'}>{'|'.join(w.split())})" for q, w in QUALIFIERS.items()) + ")"
)
TRAILING = re.compile(
    "(?:" + "|".join(f"(?P<{q or 'none'}>{'|'.join(w.split())})" for q, w in QUALIFIERS.items()) + ")$"
)
GRADIENT = re.compile(r"^(?:gradients?|grads?|deltas?|dloss|dj|dl|d)(?:of|by|wrt)?|(?:gradient|grad|loss)$")


@dataclass(frozen=True)
class Symbol:
    """What a name says: the gradient of it or itself, which one, and when."""

    bases: tuple[str, ...]  # of BASES, the likelier first
    qualifier: str = ""  # "prev", "next", "init" or ""
    gradient: bool = False


@lru_cache(maxsize=4096)
def read(name: str) -> Symbol | None:
    """A state's, gate's or array's name, or None where it says nothing.

    >>> read("dnext_h")
    Symbol(bases=('h',), qualifier='next', gradient=True)
    >>> read("prev_state").qualifier, read("Vergessen").bases, read("foo")
    ('prev', ('f',), None)
    """
    word = plain(name)
    if found := _state(word):
        return Symbol(*found)
    if (match := GRADIENT.search(word)) and len(match[0]) < len(word):
        rest = word[: match.start()] + word[match.end() :]
        if found := _state(rest):
            return Symbol(*found, gradient=True)
    return Symbol(("h",), "", gradient=True) if re.fullmatch("dout|upstream|grad|gradloss|delta|dnext", word) else None


def _state(word: str, qualifier: str = "", depth: int = 0) -> tuple[tuple[str, ...], str] | None:
    if bases := SYMBOLS.get(word):
        return tuple(bases), qualifier
    if depth == 3:
        return None
    for pattern in (TRAILING, LEADING):
        if (match := pattern.search(word)) and len(match[0]) < len(word):
            kind = match.lastgroup or "none"
            rest = word[: match.start()] + word[match.end() :]
            if found := _state(rest, qualifier or ("" if kind == "none" else kind), depth + 1):
                return found
    return None


PARAMETERS = re.compile(
    "(?:rnn|lstm|gru|model)?(?:p|prm|params?|parameters?|parametros?|parametres?|weights?|theta|gewichte|pesos|poids|wts|"
    "参数|dictparams)"
)
CACHES = re.compile(
    "(?:t|step|cell|fwd|forward|lstm|rnn|gru|this|all|list)?(?:caches?|cach|cached|tape|saved|stored|store|ctx|context|"
    "memorias?|zwischenspeicher|speicher|history|缓存|bundle|residuals?)(?:t|s|list|all|tuple)?"
)


@lru_cache(maxsize=4096)
def is_parameters(name: str) -> bool:
    """Whether a dictionary of weights is likely meant."""
    return bool(PARAMETERS.fullmatch(plain(name)))


@lru_cache(maxsize=4096)
def is_cache(name: str) -> bool:
    """Whether what the forward pass keeps for the backward pass is likely meant."""
    return bool(CACHES.fullmatch(plain(name)))


SIZE_OF = {word: size for size, words in SIZES.items() for word in words.split()}


def size_role(name: str) -> str | None:
    """`n_a`, `n_x`, `n_y` or `m`, where a name says a size."""
    return SIZE_OF.get(plain(name))


RNN_WORDS = {word: role for role, words in RNN_WEIGHTS.items() for word in words.split()}
GATE_OF = {
    family: {word: gate for gate, words in gates.items() for word in words.split()} for family, gates in GATES.items()
}
HEAD = {word: role for role, words in HEADS.items() for word in words.split()}
WEIGHT = re.compile(r"^(weights?|bias(?:es)?|w|b|u|v|r)|(weights?|bias|w|b)$")


@lru_cache(maxsize=4096)
def weight_role(name: str, family: str) -> str | None:
    """The course's name of a parameter: `W_hh` is `Waa` in an RNN, `w_g` is `Wc` in an LSTM.

    A gate's weights for a alone and for x alone are `Wfa` and `Wfx`. Gradients: see `read` and strip the `d` first.

    >>> weight_role("W_hh", "rnn"), weight_role("w_g", "lstm"), weight_role("Wz", "gru"), weight_role("Wxf", "lstm")
    ('Waa', 'Wc', 'Wu', 'Wfx')
    >>> weight_role("concat", "lstm") is None
    True
    """
    if family == "output":
        family = "lstm"
    word = plain(name)
    if family == "rnn":
        return RNN_WORDS.get(word)
    if word in HEAD:
        return HEAD[word]
    if family == "gru" and word in ("bca", "bch", "bhn", "bca0"):
        return "bca"
    match = WEIGHT.search(word)
    if match is None or len(match[0]) == len(word):
        return None
    rest = word[: match.start()] + word[match.end() :]
    gates, mark = GATE_OF[family], match[0][0]
    if mark == "b":
        return f"b{gates[rest]}" if rest in gates else None
    if mark == "w" and rest in gates:
        return f"W{gates[rest]}"
    if mark in "ur" and rest in gates:  # U h + W x
        return f"W{gates[rest]}a"
    for side, marks in (("x", "x"), ("a", "ah")):
        if rest[-1] in marks and rest[:-1] in gates:
            return f"W{gates[rest[:-1]]}{side}"
        if rest[0] in marks and rest[1:] in gates:
            return f"W{gates[rest[1:]]}{side}"
    return None


ONLY = {
    "rnn": re.compile(r"^d?(?:w[ah][axhx]|wx[ah]|w[ya][ay]|wh[hyx]|wyh|b[ah])$"),
    "lstm": re.compile(r"^d?[wbu](?:[fo]|forget|output|[fio][xah]|[xah][fio])$"),
    "gru": re.compile(r"^d?[wbu](?:[zr]|reset|[zr][xah]|[xah][zr])$"),
}


def family_of(names: set[str]) -> dict[str, int]:
    """How many of these names only an RNN, an LSTM, a GRU has."""
    words = {plain(name) for name in names}
    return {family: sum(bool(pattern.match(word)) for word in words) for family, pattern in ONLY.items()}


# Where a name stands -> (gradient, base, qualifier or "*") -> role; `h` and `c` are one in a GRU, whose state is c.
Where = str  # "argument", "return", "cache"


def state_role(name: str, function: str, where: Where) -> str | None:
    """The role of a state's, gate's or gradient's name in a function of FUNCTIONS, or None.

    Args:
        name: the learner's.
        function: a key of FUNCTIONS.
        where: "argument", "return" or "cache".

    >>> state_role("h", "rnn_cell_forward", "argument"), state_role("h", "rnn_cell_forward", "return")
    ('a_prev', 'a_next')
    >>> state_role("da_init", "rnn_backward", "return"), state_role("dx", "lstm_cell_backward", "return")
    ('da0', 'dxt')
    """
    family, loop = function.partition("_")[0], FUNCTIONS[function].kind == "loop"
    symbol = read(name)
    if symbol is None:
        return None
    bases = symbol.bases
    if where == "cache" and len(bases) > 1:
        bases = bases[::-1]  # `output`: the gate rather than the prediction
    for base in bases:
        role = _role(base, symbol, family, loop, where, function.endswith("backward"))
        if role is not None:
            return role
    return None


def _role(base: str, symbol: Symbol, family: str, loop: bool, where: Where, backward: bool) -> str | None:
    if base == "h" and family == "gru":
        base = "c"
    when = symbol.qualifier
    state = {"h": "a", "c": "c"}.get(base)
    if symbol.gradient:
        if not backward or where == "cache":
            return None
        if base == "x":
            return None if where == "argument" else ("dx" if loop else "dxt")
        if state is None:
            return None
        if where == "argument":
            return f"d{state}" if loop else f"d{state}_next"
        if loop:
            return f"d{state}0" if when in ("init", "prev") else None
        return f"d{state}_prev" if when != "next" else None
    if backward and where == "return":
        return None
    if base == "x":
        return "x" if loop and where != "cache" else "xt"
    if state is not None:
        if loop and where == "argument":
            return f"{state}0"
        if loop and where == "return":
            return state if when != "init" else None
        late = when == "next" or (when == "" and where != "argument")
        return f"{state}_next" if late else f"{state}_prev"
    if base == "y":
        if where == "cache":
            return None
        return {"rnn": "y_pred", "lstm": "y", "gru": "y_pred"}.get(family) if loop else "yt_pred"
    gates = {
        "lstm": {"f": "ft", "i": "it", "u": "it", "g": "cct", "o": "ot"},
        "gru": {"u": "ut", "r": "rt", "g": "cct"},
    }
    return gates.get(family, {}).get(base) if where == "cache" or (backward and where == "argument") else None
