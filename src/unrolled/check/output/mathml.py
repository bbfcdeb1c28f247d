"""Equations in plain text as MathML; they are set as they are written, and neither understood nor checked."""

from __future__ import annotations

import re
from html import escape

__all__ = ["to_mathml"]

# In this order: a name may be dotted (np.tanh); an index <t-1> belongs to the name or ^ before it.
_TOKENS = re.compile(
    r"""(?P<space>\s+)
    |(?P<sum>\b(?:sum|mean)\ (?:over|of\ all)\ (?:the\ )?\w+\ of\b)
    |(?P<index><[A-Za-z0-9_+\- ]{1,12}>)
    |(?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
    |(?P<transpose>\.T\b|\^T\b)
    |(?P<power>\*\*|\^)
    |(?P<name>[^\W\d]\w*~?(?:\.(?!T\b)[^\W\d]\w*)*)
    |(?P<prime>'+)
    |(?P<open>[(\[{])
    |(?P<close>[)\]}])
    |(?P<operator><=|>=|==|!=|\+=|-=|[-+*/@=,;:|·<>])
    |(?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
_FUNCTIONS = frozenset(
    ("tanh", "sigmoid", "softmax", "exp", "log", "mean", "concatenate", "zeros", "dot", "max", "len")
)
_OPERATORS = {"-": "\N{MINUS SIGN}", "<=": "≤", ">=": "≥", "!=": "≠"}
_WORDS = frozenset(
    (
        "over",
        "of",
        "the",
        "batch",
        "rows",
        "all",
        "entries",
        "whole",
        "matrix",
        "in",
        "reverse",
        "order",
        "without",
        "keepdims",
        "like",
    )
)
_SPACE = '<mspace width="0.2em"/>'
# What the course writes with an index: the name's letters, then the index.
_INDEXED = {
    **{f"{state}_{when}": (state, index) for state in "ac" for when, index in (("prev", "t-1"), ("next", "t"))},
    **{f"{gate}t": (gate, "t") for gate in "xfiour"},
    "yt_pred": ("ŷ", "t"),
    "cct": ("c̃", "t"),
}
_WORD = re.compile(r"(?P<letter>[Wb])(?P<sub>[a-z]{1,3})")


def to_mathml(text: str) -> str:
    """One `<math>` element for `text`, which may be anything: what is no mathematics is set as it stands.

    Names get the course's form: `c_prev` and `c<t-1>` an index above, `Wf` one below, `dft` a d before it.

    >>> to_mathml("dba = 1")
    '<math><mrow><mi>d</mi><msub><mi>b</mi><mi>a</mi></msub></mrow><mo>=</mo><mn>1</mn></math>'
    """
    tokens = [(match.lastgroup or "other", match.group()) for match in _TOKENS.finditer(text)]
    return f"<math>{''.join(_row(tokens, 0, closed=False)[0])}</math>"


def _row(tokens: list[tuple[str, str]], at: int, *, closed: bool) -> tuple[list[str], int]:
    """The elements from `at` on, to the bracket that closes this row where it is one inside brackets."""
    row: list[str] = []
    while at < len(tokens):
        kind, text = tokens[at]
        at += 1
        if kind == "close" and closed:
            return row, at - 1
        if kind == "power" and row and at < len(tokens):
            above, at = _script(tokens, at)
            base = row.pop()
            if base.endswith(("</msup>", "</msup></mrow>")):  # a square of a<t>, not one of its index
                base = f"<mrow><mo>(</mo>{base}<mo>)</mo></mrow>"
            row.append(f"<msup>{base}{above}</msup>")
        elif kind == "transpose" and row:
            row.append(f"<msup>{row.pop()}<mi>T</mi></msup>")
        elif kind == "prime" and row:
            row.append(f"<msup>{row.pop()}<mo>{'&#x2032;' * len(text)}</mo></msup>")
        elif kind == "name" and at < len(tokens) and tokens[at][0] == "index":
            row.append(_name(_bare(text), tokens[at][1][1:-1]))
            at += 1
        elif kind == "open":
            group, at = _group(tokens, at, text)
            row.append(group)
        elif kind == "name" and _bare(text) == "sqrt" and at < len(tokens) and tokens[at][0] == "open":
            inside, at = _row(tokens, at + 1, closed=True)
            at += at < len(tokens)  # its closing bracket
            row.append(f"<msqrt>{''.join(inside)}</msqrt>")
        elif kind == "space":
            # only words need it: MathML spaces operators by itself
            if (
                row
                and at < len(tokens)
                and tokens[at][0] in ("name", "number", "open", "sum")
                and not row[-1].endswith(("</mo>", "/>"))
            ):
                row.append(_SPACE)
        else:
            row.append(_atom(kind, text))
    return row, at


def _group(tokens: list[tuple[str, str]], at: int, opening: str) -> tuple[str, int]:
    """What stands in brackets, with them; a bracket that nobody closes ends with the text."""
    inside, at = _row(tokens, at, closed=True)
    closing = f"<mo>{tokens[at][1]}</mo>" if at < len(tokens) else ""
    return f"<mrow><mo>{opening}</mo>{''.join(inside)}{closing}</mrow>", at + 1


def _script(tokens: list[tuple[str, str]], at: int) -> tuple[str, int]:
    """The one thing that an exponent is: a number, a name, an index or brackets without their brackets."""
    kind, text = tokens[at]
    if kind == "open":
        inside, at = _row(tokens, at + 1, closed=True)
        return f"<mrow>{''.join(inside)}</mrow>", at + 1
    if kind == "index":
        return _angle(text[1:-1]), at + 1
    return _atom(kind, text), at + 1


def _atom(kind: str, text: str) -> str:
    if kind == "name":
        return _name(_bare(text))
    if kind == "sum":
        word, _, rest = text.removesuffix(" of").replace(" of all ", " over ").partition(" over ")
        sign = "<mo>∑</mo>" if word == "sum" else f"<mi>{word}</mi>"
        return f"<munder>{sign}<mtext>{escape(rest.removeprefix('the '))}</mtext></munder>"
    if text == "@":  # a product of matrices is written side by side
        return _SPACE
    if kind == "number":
        return f"<mn>{text}</mn>"
    if kind in ("operator", "open", "close"):
        return f"<mo>{escape(_OPERATORS.get(text, text))}</mo>"
    return f"<mtext>{escape(text)}</mtext>"


def _bare(name: str) -> str:
    """A name without the module that it is taken from: np.tanh is tanh."""
    module, dot, rest = name.partition(".")
    return rest if dot and module in ("np", "numpy", "math") else name


def _name(name: str, index: str = "") -> str:
    """A name, with the index that is written behind it, or the one that the course gives it."""
    if name[0] == "d" and (name[1:] in _INDEXED or _WORD.fullmatch(name[1:]) or name[1:] in tuple("acxzy")):
        return f"<mrow><mi>d</mi>{_name(name[1:], index)}</mrow>"  # d of a<t>, not da at t
    if not index and name in _INDEXED:
        name, index = _INDEXED[name]
    return f"<msup>{_letters(name)}{_angle(index)}</msup>" if index else _letters(name)


def _letters(name: str) -> str:
    if name in _WORDS:
        return f"<mtext>{name}</mtext>"
    if name in ("sum", "Σ", "∑"):
        return "<mo>∑</mo>"
    if name.startswith("sum_"):
        return f"<munder><mo>∑</mo><mi>{escape(name[4:])}</mi></munder>"
    if name in _FUNCTIONS:
        return f'<mi mathvariant="normal">{name}</mi>'
    if name == "c~":
        return "<mi>c̃</mi>"
    if word := _WORD.fullmatch(name):
        return f"<msub><mi>{word['letter']}</mi><mi>{word['sub']}</mi></msub>"
    first, low, rest = name.partition("_")
    if low and rest and 1 <= len(first) <= 3:
        return f"<msub><mi>{escape(first)}</mi><mtext>{escape(rest)}</mtext></msub>"
    return f"<mi>{escape(name)}</mi>"


def _angle(index: str) -> str:
    inside = "".join(_atom(match.lastgroup or "other", match.group()) for match in _TOKENS.finditer(index))
    return f"<mrow><mo>⟨</mo>{inside}<mo>⟩</mo></mrow>"
