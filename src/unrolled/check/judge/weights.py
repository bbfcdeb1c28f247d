"""What a learner's names of parameters stand for: renamed, halved or stacked; guesses, to be confirmed by values."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from unrolled.check.judge.layout import Pack, is_pack, orders, pack_of

__all__ = ["Slots", "guesses", "halved", "is_named_weight"]

Slots = dict[str, Pack]  # learner's name -> what it holds

_GATES = {
    "lstm": {
        "f": ("f", "forget", "fg", "ft"),
        "i": ("i", "u", "input", "update", "in", "ig", "it", "ut"),
        "c": ("c", "g", "cell", "candidate", "cand", "cc", "cct", "z", "ct", "ctilde", "gt", "a", "cbar", "chat"),
        "o": ("o", "output", "out", "og", "ot"),
    },
    "gru": {
        "u": ("u", "z", "update", "ut", "zt", "i"),
        "r": ("r", "reset", "rt", "relevance", "rel"),
        "c": ("c", "h", "n", "candidate", "cand", "g", "cct", "hh", "htilde", "new", "cc", "a"),
    },
}
_HEAD = (
    "y",
    "ya",
    "hy",
    "ay",
    "yh",
    "out",
    "output",
    "v",
    "hq",
    "hv",
    "cy",
    "pred",
    "logits",
    "softmax",
    "dense",
    "vh",
)
_RNN = {
    "x": ("ax", "xh", "hx", "x", "xa", "ih", "in", "i", "input", "u", "inp", "ux", "sx", "xs"),
    "a": ("aa", "hh", "h", "a", "rec", "recurrent", "hidden", "s", "ss", "state"),
}
_PARTS = {"x": "x", "h": "a", "a": "a", "s": "a"}


def guesses(names: Iterable[str], family: str, hints: Mapping[str, str | None] | None = None) -> list[Slots]:
    """Ways to read the names of a family's parameters, the likeliest first; a name that nothing fits is left out.

    Args:
        names: as the learner's code has them.
        family: "rnn", "lstm", "gru" or "head".
        hints: the course's name of each, where it is known already.

    >>> guesses(["w_f", "b_f"], "lstm")[0]
    {'w_f': Pack(kind='W', gates='f', part=''), 'b_f': Pack(kind='b', gates='f', part='')}
    """
    own = list(dict.fromkeys(names))
    told = {name: halved(hint) for name, hint in (hints or {}).items() if hint and is_pack(halved(hint))}
    if family in _GATES:  # of Wf beside Uf each is half of the course's Wf: values tell which
        told = {name: hint for name, hint in told.items() if not _paired(name, own)}
    once = [name for name in own if name in told and list(told.values()).count(told[name]) == 1]
    certain = {
        name: pack_of(told[name]) for name in once if name == told[name] or ":" in told[name] or "[" in told[name]
    }
    if len(certain) == len(own):
        return [certain]
    found: list[Slots] = []
    for read in _readings(own, family):
        slots = {**{name: pack_of(told[name]) for name in once}, **read, **certain}
        if slots not in found and not _clash(slots):
            found.append(slots)
    hinted = {name: pack_of(told[name]) for name in once}
    if len(hinted) == len(own):
        found.insert(0, hinted)
    return found or [hinted]


def halved(role: str) -> str:
    """The name that `pack_of` has for a role: half a weight that names tell as `Wfa` is `Wf:a`."""
    return re.sub(r"^(W[ficour])([ax])$", r"\1:\2", role)


def is_named_weight(name: str) -> bool:
    """Whether a name is of the kind that weights and biases have: Wx, U_f, bias."""
    return _rest(name)[0] != ""


def _paired(name: str, names: Iterable[str]) -> bool:
    """Whether its counterpart is there too: Uf for Wf, Wf for Uf."""
    lead, rest = _rest(name)
    return {"w": ("u", rest), "u": ("w", rest)}.get(lead) in [_rest(other) for other in names]


def _clash(slots: Slots) -> bool:
    """Whether two names hold the same thing."""
    return len(set(slots.values())) < len(slots)


def _readings(names: list[str], family: str) -> list[Slots]:
    if family == "rnn":
        swapped = {"u": "a", "w": "x"}
        readings = [_rnn(names, {"u": "x", "w": "a"}), _rnn(names, swapped)]
        return [reading for index, reading in enumerate(readings) if index == 0 or reading != readings[0]]
    if family == "head":
        return [{name: Pack("by" if _is_bias(name) else "y") for name in names}]
    if family not in _GATES:
        return []
    found: list[Slots] = []
    for halves in ({"w": "x", "u": "a"}, {"w": "a", "u": "x"}):
        reading = _gated(names, family, halves)
        if reading not in found:
            found.append(reading)
    stacked = [name for reading in found for name, pack in reading.items() if len(pack.gates) > 1]
    if not stacked:
        return found
    gates = "".join(_GATES[family])
    return [
        {name: Pack(pack.kind, order, pack.part) if len(pack.gates) > 1 else pack for name, pack in reading.items()}
        for reading in found
        for order in orders(gates)
    ]


def _is_bias(name: str) -> bool:
    return name.lower().startswith("b") or "bias" in name.lower()


def _rest(name: str) -> tuple[str, str]:
    """The leading letter and what follows: ("w", "xf") for "W_xf"; "w" for names like `forget_weight`."""
    text = re.sub(r"[_\W]|\d+$|l0$", "", name.removeprefix("self.")).lower()
    for word in ("weights", "weight", "biases", "bias", "kernel", "params", "param", "mat", "matrix"):
        if word in text:
            lead = "b" if word.startswith("bias") else "w"
            rest = text.replace(word, "")
            return lead, rest.removeprefix(lead) if len(rest) > 1 else rest
    return (text[:1], text[1:]) if text[:1] in "wbuvr" else ("", text)


def _rnn(names: list[str], bare: Mapping[str, str]) -> Slots:
    found: Slots = {}
    for name in names:
        lead, rest = _rest(name)
        if lead == "b":
            found[name] = Pack("by") if rest in (*_HEAD, "o", "q", "2") else Pack("b")
        elif lead == "v" or rest in (*_HEAD, "o", "ho", "ao"):
            found[name] = Pack("y")
        elif not rest and lead in bare and len(names) > 2:
            only = not any(_rest(other)[0] == "u" for other in names)
            found[name] = Pack("W") if only and lead == "w" else Pack("W", "", bare[lead])
        elif not rest:
            found[name] = Pack("W")
        else:
            part = next((part for part, known in _RNN.items() if rest in known), None)
            if part:
                found[name] = Pack("W", "", part)
    return found


def _gated(names: list[str], family: str, halves: Mapping[str, str]) -> Slots:
    with_u = any(_rest(name)[0] in ("u", "r") and len(_rest(name)[1]) in (0, 1) for name in names if name[:1] in "UuR")
    every = "".join(_GATES[family])
    found: Slots = {}
    for name in names:
        lead, rest = _rest(name)
        if lead == "b":
            found_gate = _gate(rest, family)
            if rest in ("y", "hy", "ya", "out_y", "v", "pred", "logits", "dense", "softmax"):
                found[name] = Pack("by")
            elif family == "gru" and rest in ("ca", "cc", "hh", "hn", "nh", "ch"):
                found[name] = Pack("ca")
            elif found_gate:
                found[name] = Pack("b", found_gate)
            elif rest in ("", "ih", "gates", "all"):
                found[name] = Pack("b", every)
            elif rest[:1] in _PARTS and _gate(rest[1:], family):
                found[name] = Pack("b", _gate(rest[1:], family) or "")
            continue
        if rest in ("y", "ya", "hy", "ay", "yh", "v", "pred", "logits", "dense", "softmax", "cy") or lead == "v":
            found[name] = Pack("y")
            continue
        split = _half(rest, family)
        gate = _gate(rest, family)
        if rest in ("", "gates", "all", "full"):
            found[name] = Pack("W", every, halves.get(lead, "") if with_u else "")
        elif rest in ("x", "ih", "input", "in") and (family != "lstm" or rest != "in") and not _others(names, "i"):
            found[name] = Pack("W", every, "x")
        elif rest in ("h", "hh", "a", "rec", "recurrent", "hidden") and not _others(names, "r"):
            found[name] = Pack("W", every, "a")
        elif rest == "hh" and family == "gru" and any(_rest(other)[1] in ("xh", "hx") for other in names):
            found[name] = Pack("W", "c", "a")
        elif gate and with_u and lead in halves:
            found[name] = Pack("W", gate, halves[lead])
        elif gate:
            found[name] = Pack("W", gate)
        elif split:
            found[name] = Pack("W", *split)
    return found


def _others(names: list[str], gate: str) -> bool:
    """Whether names stand for single gates, so that "h" is a gate rather than half of all."""
    return any(_rest(name)[1] in (gate, "f", "u", "z") for name in names)


def _gate(rest: str, family: str) -> str | None:
    rest = rest.removesuffix("gate")
    return next((gate for gate, known in _GATES[family].items() if rest in known), None)


def _half(rest: str, family: str) -> tuple[str, str] | None:
    """("f", "x") for "xf", "fx", "fxh"."""
    for text, letter in ((rest[1:], rest[:1]), (rest[:-1], rest[-1:])):
        gate = _gate(text, family)
        if gate and letter in _PARTS:
            return gate, _PARTS[letter]
    return None
