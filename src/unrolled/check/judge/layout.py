"""How a learner lays arrays out: axes, sides of a product, biases, gates stacked or split; no names of theirs.

A layout turns any value of the course into the learner's and back. It is one for a whole call: who takes the batch
first must return it first.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from unrolled.shapes import Array

__all__ = ["COURSE_LAYOUT", "Layout", "Pack", "layouts", "pack_of"]


@dataclass(frozen=True)
class Layout:
    """The defaults are the course's.

    Args:
        step: axes of an array of one step: "nm", features first, or "mn", the batch first.
        sequence: axes over time: an order of the letters n, m, T; "[T]nm" is a list of arrays of one step.
        right: whether weights stand to the right of what they act on, `x @ W`, and so are transposed.
        bias: "n1", "n" or "1n".
        x_first: whether weights act on [xt; a_prev], and so have their columns in that order.
        single: whether numbers are float32.
    """

    step: str = "nm"
    sequence: str = "nmT"
    right: bool = False
    bias: str = "n1"
    x_first: bool = False
    single: bool = False

    @property
    def told(self) -> str:
        """What is unlike the course, in words."""
        axes = {"n": "features", "m": "batch", "T": "steps"}
        parts: list[str] = []
        if self.sequence.startswith("[T]"):
            parts.append("sequences are lists over time")
        elif self.sequence != "nmT":
            parts.append(f"arrays over time are ({', '.join(axes[axis] for axis in self.sequence)})")
        if self.step == "mn":
            parts.append("arrays of one step are (batch, features)")
        if self.right:
            parts.append("weights stand to the right, x @ W")
        if self.bias != "n1":
            parts.append({"n": "biases are vectors (n,)", "1n": "biases are rows (1, n)"}[self.bias])
        if self.x_first:
            parts.append("gates act on [xt; a_prev], the weights' columns in that order")
        return "; ".join(parts)

    # --- the course's value as the learner has it ------------------------------------------------------------------

    def data(self, value: Any) -> Any:
        """An array of one step or over time; also labels without the axis n."""
        array = self._typed(value)
        if array.ndim == 2:
            return _order(array, "nm", self.step)
        if array.ndim != 3:
            return array
        if self.sequence.startswith("[T]"):
            return [_order(array[:, :, t], "nm", self.sequence[3:]) for t in range(array.shape[2])]
        return _order(array, "nmT", self.sequence)

    def labels(self, value: Any) -> Any:
        """Class numbers, (m,) or (m, T)."""
        if value.ndim == 2 and self.sequence.startswith("[T]"):
            return [np.ascontiguousarray(value[:, t]) for t in range(value.shape[1])]
        return _order(value, "mT", self.sequence.replace("n", "")) if value.ndim == 2 else value

    def matrix(self, value: Array) -> Array:
        """A weight, on the side where it stands."""
        array = self._typed(value)
        return np.ascontiguousarray(array.T) if self.right else array

    def vector(self, value: Array) -> Array:
        """A bias."""
        array = self._typed(value)
        return {"n1": array.reshape(-1, 1), "n": array.reshape(-1), "1n": array.reshape(1, -1)}[self.bias].copy()

    def columns(self, value: Array) -> Array:
        """A weight on [a; x], with its columns in the order of this layout."""
        n_a = self._n_a(value)
        return np.concatenate([value[:, n_a:], value[:, :n_a]], axis=1) if self.x_first else value

    def _typed(self, value: Any) -> Array:
        array = np.array(value, copy=True)
        return array.astype(np.float32) if self.single and array.dtype == np.float64 else array

    @staticmethod
    def _n_a(value: Array) -> int:
        return value.shape[0]

    # --- and back ---------------------------------------------------------------------------------------------------

    def data_back(self, value: Any) -> Any:
        """An array of the course's axes from the learner's, as far as its number of axes allows."""
        if isinstance(value, list | tuple):
            return np.stack([_order(np.asarray(each), self.sequence[-2:], "nm") for each in value], axis=-1)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
        if value.ndim == 2:
            return _order(value, self.step, "nm")
        if value.ndim == 3 and not self.sequence.startswith("[T]"):
            return _order(value, self.sequence, "nmT")
        return value

    def matrix_back(self, value: Array) -> Array:
        """A weight of the course from the learner's."""
        return value.T if self.right and value.ndim == 2 else value

    def columns_back(self, value: Array) -> Array:
        """A weight on [a; x] from one in the order of this layout."""
        if not self.x_first:
            return value
        n_x = value.shape[1] - self._n_a(value)
        return np.concatenate([value[:, n_x:], value[:, :n_x]], axis=1)

    def vector_back(self, value: Array) -> Array:
        """A bias of the course from the learner's."""
        return value.reshape(-1, 1)


COURSE_LAYOUT = Layout()


def _order(array: Array, axes: str, wanted: str) -> Array:
    if array.ndim != len(axes):
        return array
    return np.ascontiguousarray(array.transpose([axes.index(axis) for axis in wanted]))


def layouts(*, loop: bool, plain: bool = False) -> list[Layout]:
    """What is tried, the course's first and the likeliest next.

    Args:
        loop: whether the function takes sequences.
        plain: whether it takes neither weights nor biases.
    """
    features = ("nmT", "Tnm", "[T]nm", "nTm") if loop else ("nmT",)
    batch = ("mTn", "Tmn", "[T]mn", "mnT") if loop else ("mTn",)
    sides = ((False, "n1"),) if plain else ((False, "n1"), (False, "n"))
    found = [Layout("nm", sequence, right, bias) for right, bias in sides for sequence in features]
    sides = (
        ((False, "n1"),)
        if plain
        else ((False, "n1"), (True, "n"), (False, "n"), (True, "1n"), (False, "1n"), (True, "n1"))
    )
    found += [Layout("mn", sequence, right, bias) for right, bias in sides for sequence in batch]
    return sorted(found, key=lambda each: (each.step == "mn", each.bias == "1n", each.sequence[0] == "["))


# --- weights that are stacked or split ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Pack:
    """What one array of a learner's parameters holds of the course's weights.

    Args:
        gates: suffixes of the course's gates in the order in which they are stacked: "f", "fico"; "" for the RNN.
        kind: "W" for weights, "b" for biases, "y" and "by" for the head's, "ca" for the bias within the GRU's reset.
        part: "" for all columns, "a" for those on the state, "x" for those on the input.
    """

    kind: str
    gates: str = ""
    part: str = ""

    def value(self, weights: Mapping[str, Array], layout: Layout, prefix: str = "") -> Array | None:
        """The learner's array from the course's `weights`; None where one of them is not there.

        Args:
            weights: by the course's names.
            layout: the learner's.
            prefix: "d" for gradients.
        """
        if self.kind in ("y", "by", "ca"):
            names = {"y": ("Wy", "Wya"), "by": ("by",), "ca": ("bca",)}[self.kind]
            found = next((weights[prefix + name] for name in names if prefix + name in weights), None)
            if found is None:
                return None
            return layout.matrix(found) if self.kind == "y" else layout.vector(found)
        parts = [self._one(weights, prefix, gate, layout) for gate in self.gates or ("",)]
        arrays = [part for part in parts if part is not None]
        if len(arrays) < len(parts):
            return None
        whole = np.concatenate(arrays)
        return layout.vector(whole) if self.kind == "b" else layout.matrix(whole)

    def _one(self, weights: Mapping[str, Array], prefix: str, gate: str, layout: Layout) -> Array | None:
        if self.kind == "b":
            return weights.get(prefix + ("b" + gate if gate else "ba"))
        if not gate:
            a, x = weights.get(prefix + "Waa"), weights.get(prefix + "Wax")
            if self.part:
                return a if self.part == "a" else x
            if a is None or x is None:
                return None
            return np.concatenate([x, a] if layout.x_first else [a, x], axis=1)
        whole = weights.get(f"{prefix}W{gate}")
        if whole is None:
            return None
        n_a = whole.shape[0]
        if self.part:
            return whole[:, :n_a] if self.part == "a" else whole[:, n_a:]
        return layout.columns(whole)

    def course(self, value: Array, layout: Layout, prefix: str = "") -> dict[str, Array]:
        """What a learner's array says of the course's weights, halves under `Wf:a` and `Wf:x`."""
        if self.kind in ("by", "ca"):
            return {prefix + {"by": "by", "ca": "bca"}[self.kind]: layout.vector_back(value)}
        if self.kind == "y":
            return {prefix + "Wy": layout.matrix_back(value)}
        gates = self.gates or ("",)
        array = layout.vector_back(value) if self.kind == "b" else layout.matrix_back(value)
        if array.ndim != 2 or array.shape[0] % len(gates):
            return {}
        rows = array.shape[0] // len(gates)
        found: dict[str, Array] = {}
        for index, gate in enumerate(gates):
            own = array[index * rows : (index + 1) * rows]
            if self.kind == "b":
                found[prefix + ("b" + gate if gate else "ba")] = own
            elif not gate and self.part:
                found[prefix + {"a": "Waa", "x": "Wax"}[self.part]] = own
            elif self.part:
                found[f"{prefix}W{gate}:{self.part}"] = own
            elif gate:
                found[f"{prefix}W{gate}"] = layout.columns_back(own)
            else:
                columns = layout.columns_back(own)
                found |= {prefix + "Waa": columns[:, :rows], prefix + "Wax": columns[:, rows:]}
        return found

    @property
    def course_names(self) -> tuple[str, ...]:
        """The course's weights that it holds of."""
        match self.kind:
            case "y":
                return ("Wy",)
            case "by":
                return ("by",)
            case "ca":
                return ("bca",)
            case "b":
                return tuple("b" + gate for gate in self.gates) or ("ba",)
            case _:
                own = {"a": ("Waa",), "x": ("Wax",), "": ("Waa", "Wax")}[self.part]
                return tuple("W" + gate for gate in self.gates) or own

    @property
    def whole(self) -> bool:
        """Whether it is one weight of the course, as it stands there."""
        return (self.kind in ("y", "by", "ca") or (len(self.gates) == 1 and not self.part)) or (
            not self.gates and (self.kind == "b" or bool(self.part))
        )


def joined(found: dict[str, Array]) -> dict[str, Array]:
    """Halves of one weight put together, where both are there."""
    whole = {name: value for name, value in found.items() if ":" not in name}
    for name in found:
        base, _, part = name.partition(":")
        if part == "a" and f"{base}:x" in found:
            whole[base] = np.concatenate([found[name], found[f"{base}:x"]], axis=1)
    return whole


_COURSE = {
    **{"W" + gate: Pack("W", gate) for gate in "ficour"},
    **{"b" + gate: Pack("b", gate) for gate in "ficour"},
    "Wax": Pack("W", "", "x"),
    "Waa": Pack("W", "", "a"),
    "ba": Pack("b"),
    "Wy": Pack("y"),
    "Wya": Pack("y"),
    "by": Pack("by"),
    "bca": Pack("ca"),
}


def pack_of(course_name: str) -> Pack:
    """The pack of one weight of the course: "Wf", "Wax"; "Wf:a" for a half, "W[fico]:x" for stacked ones."""
    name, _, part = course_name.partition(":")
    stacked = re.fullmatch(r"([Wb])\[(\w*)\]", name)
    if stacked:
        return Pack(stacked[1], stacked[2], part)
    own = _COURSE[name]
    return Pack(own.kind, own.gates, part) if part else own


def is_pack(name: str) -> bool:
    """Whether `pack_of` knows it."""
    base = name.partition(":")[0]
    return base in _COURSE or re.fullmatch(r"[Wb]\[\w*\]", base) is not None


def orders(gates: str) -> Sequence[str]:
    """Orders in which gates are stacked, the customary ones first."""
    from itertools import permutations

    customary = {"fico": ("ifoc", "ifco", "fico", "fioc", "icfo", "ioFc".lower(), "iocf")}.get(gates, ("ruc", "urc"))
    every = ["".join(order) for order in permutations(gates)]
    return [*dict.fromkeys(order for order in (*customary, *every) if sorted(order) == sorted(gates))]
