"""The variants' equations in plain NumPy, one sequence and one step after the other, forward only; no judgement.

Names as in `unrolled.engine.variants`, whose gradients central differences check.
"""
# ruff: noqa: E741 - an axis is I, and a gate i, as in the equations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from unrolled.engine.recurrent import CELLS, Cell, Padding
from unrolled.engine.variants import Options, Variant, VariantGradients, VariantRun

Arrays = dict[str, np.ndarray]


def sigmoid(z: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-z))


def norm(v: np.ndarray) -> np.ndarray:
    return (v - v.mean()) / np.sqrt(v.var() + 1e-5)


def norms(v: np.ndarray, cell: str) -> np.ndarray:
    """All of an LSTM's gates together; of a GRU r and z, then n."""
    if cell == "lstm":
        return norm(v)
    return np.concatenate([norm(v[: len(v) // 3 * 2]), norm(v[len(v) // 3 * 2 :])])


def step(cell: str, w: Arrays, x: np.ndarray, h: np.ndarray, c: np.ndarray, mask: np.ndarray) -> tuple[Any, ...]:
    """h and c before zoneout, and the gates."""
    seen = mask * h
    if cell == "gru_before":
        r, z = (sigmoid(z) for z in np.split((w["weight_ih"] @ x + w["bias"])[: 2 * len(h)] + product(w, seen), 2))
        H = len(h)
        n = np.tanh(w["weight_ih"][2 * H :] @ x + w["bias"][2 * H :] + w["weight_hh"][2 * H :] @ (r * seen))
        return (1 - z) * n + z * h, c, {"r": r, "z": z, "n": n}
    of_x, of_h = w["weight_ih"] @ x, w["weight_hh"] @ seen
    if "gain_ih" in w:
        of_x, of_h = w["gain_ih"] * norms(of_x, cell), w["gain_hh"] * norms(of_h, cell)
    of_x = of_x + w["bias"]
    if cell == "gru_after":
        (x_r, x_z, x_n), (h_r, h_z, h_n) = np.split(of_x, 3), np.split(of_h, 3)
        r, z = sigmoid(x_r + h_r), sigmoid(x_z + h_z)
        n = np.tanh(x_n + r * (h_n + w["bias_hn"]))
        return (1 - z) * n + z * h, c, {"r": r, "z": z, "n": n}
    if cell == "lstm":
        z_i, z_f, z_g, z_o = np.split(of_x + of_h, 4)
        p_i, p_f, p_o = w.get("peephole", np.zeros((3, len(c))))
        i, f, g = sigmoid(z_i + p_i * c), sigmoid(z_f + p_f * c), np.tanh(z_g)
        c_new = f * c + i * g
        o = sigmoid(z_o + p_o * c_new)
        inner = w["gain_c"] * norm(c_new) + w["shift_c"] if "gain_c" in w else c_new
        out = o * np.tanh(inner)
        return w["weight_hr"] @ out if "weight_hr" in w else out, c_new, {"i": i, "f": f, "g": g, "o": o}
    z = of_x + of_h
    return np.tanh(z) if cell == "rnn_tanh" else np.maximum(z, 0), c, {}


def product(w: Arrays, seen: np.ndarray) -> np.ndarray:
    return w["weight_hh"][: 2 * len(seen)] @ seen


@dataclass(frozen=True)
class Case:
    """What one comparison runs, and the seed of its numbers."""

    cell: Cell
    T: int
    N: int
    I: int
    H: int
    P: int = 0
    layer_norm: bool = False
    peepholes: bool = False
    mask: bool = False
    zoneout_h: str = ""  # "masks", "rate" or none
    zoneout_c: str = ""
    reverse: bool = False
    padded: bool = False
    dtype: str = "float64"

    def __str__(self) -> str:
        flags = ("P", "layer_norm", "peepholes", "mask", "zoneout_h", "zoneout_c", "reverse", "padded")
        marks = "".join(f"-{name}" for name in flags if getattr(self, name))
        return f"{self.cell}-T{self.T}-N{self.N}-I{self.I}-H{self.H}{marks}-{self.dtype}"

    @property
    def options(self) -> Options:
        return Options(layer_norm=self.layer_norm, peepholes=self.peepholes, projection=bool(self.P))

    @property
    def R(self) -> int:  # noqa: N802 - an axis
        return self.P or self.H


@dataclass
class Numbers:
    """All that goes in, as float64 holding numbers of the case's dtype; padding is NaN."""

    weights: Arrays
    lengths: np.ndarray
    inputs: Arrays  # x, h0, c0
    upstream: Arrays  # y, h, c
    mask: np.ndarray | None
    zoneout_h: np.ndarray | float | None
    zoneout_c: np.ndarray | float | None
    padding: Padding | None = field(init=False, default=None)


def numbers(case: Case) -> Numbers:
    """Random numbers, none of them zero but in masks; the norms of the recurrent weights are near one."""
    rng = np.random.default_rng((case.T, case.N, case.I, case.H))
    T, N, I, H, R, G = case.T, case.N, case.I, case.H, case.R, CELLS[case.cell].gates

    def draw(*shape: int, scale: float = 1.0) -> np.ndarray:
        return (scale * rng.normal(size=shape)).astype(case.dtype).astype(float)

    shapes = {
        "weight_ih": (G * H, I), "weight_hh": (G * H, R), "bias": (G * H,), "bias_hn": (H,), "gain_ih": (G * H,),
        "gain_hh": (G * H,), "gain_c": (H,), "shift_c": (H,), "peephole": (3, H), "weight_hr": (R, H),
    }  # fmt: skip
    scales = {"weight_ih": I**-0.5, "weight_hh": 0.8 * R**-0.5, "weight_hr": H**-0.5}
    names = case.options.parameters(case.cell)
    weights = {name: draw(*shapes[name], scale=scales.get(name, 0.7)) for name in names}
    x, dy, lengths = draw(T, N, I), draw(T, N, R), np.full(N, T)
    if case.padded:
        lengths = rng.permutation(np.concatenate([[0, T], rng.integers(0, T + 1, max(0, N - 2))])[:N])
        x[np.arange(T)[:, np.newaxis] >= lengths] = dy[np.arange(T)[:, np.newaxis] >= lengths] = np.nan

    def zoneout(kind: str, units: int) -> np.ndarray | float | None:
        masks = (rng.random((T, N, units)) < 0.3).astype(float)
        return {"masks": masks, "rate": 0.25, "": None}[kind]

    mask = (rng.random((N, R)) < 0.7) / 0.7 if case.mask else None
    made = Numbers(
        weights, lengths, {"x": x, "h0": draw(N, R), "c0": draw(N, H)}, {"y": dy, "h": draw(N, R), "c": draw(N, H)},
        None if mask is None else mask.astype(case.dtype).astype(float), zoneout(case.zoneout_h, R),
        zoneout(case.zoneout_c, H),
    )  # fmt: skip
    if case.padded:
        made.padding = Padding(lengths, T)
    return made


def by_reference(case: Case, given: Numbers) -> Arrays:
    """y, h, c and every gate, by name."""
    T, N, R, H = case.T, case.N, case.R, case.H
    h, c = given.inputs["h0"].copy(), given.inputs["c0"].copy()
    result = {"y": np.zeros((T, N, R)), "c_trace": np.zeros((T, N, H))}
    for n, length in enumerate(given.lengths):
        for t in reversed(range(length)) if case.reverse else range(length):
            mask = np.ones(R) if given.mask is None else given.mask[n]
            h_new, c_new, gates = step(case.cell, given.weights, given.inputs["x"][t, n], h[n], c[n], mask)
            d_h, d_c = (
                zoneout[t, n] if isinstance(zoneout, np.ndarray) else zoneout or 0.0
                for zoneout in (given.zoneout_h, given.zoneout_c)
            )
            h[n], c[n] = d_h * h[n] + (1 - d_h) * h_new, d_c * c[n] + (1 - d_c) * c_new
            result["y"][t, n], result["c_trace"][t, n] = h[n], c[n]
            for name, gate in gates.items():
                result.setdefault(name, np.zeros((T, N, H)))[t, n] = gate
    return result | {"h_n": h, "c_n": c}


def cast(case: Case, value: Any) -> Any:
    return value.astype(case.dtype) if isinstance(value, np.ndarray) else value


def variant_of(case: Case, given: Numbers) -> Variant:
    return Variant(case.cell, case.options, {name: cast(case, w) for name, w in given.weights.items()})


def forward(case: Case, given: Numbers, variant: Variant, inputs: Arrays, *, keep: bool = True) -> VariantRun:
    return variant.forward(
        cast(case, inputs["x"]), cast(case, inputs["h0"]), cast(case, inputs["c0"]) if case.cell == "lstm" else None,
        padding=given.padding, reverse=case.reverse, recurrent_mask=cast(case, given.mask),
        zoneout_h=cast(case, given.zoneout_h), zoneout_c=cast(case, given.zoneout_c), keep=keep,
    )  # fmt: skip


def backward(case: Case, variant: Variant, run: VariantRun, upstream: Arrays) -> VariantGradients:
    dy, dh, dc = (cast(case, upstream[name]) for name in ("y", "h", "c"))
    return variant.backward(run, dy, dh, dc if case.cell == "lstm" else None)


def by_engine(case: Case, given: Numbers) -> tuple[Arrays, Arrays]:
    """The reference's arrays by the same names, of a run for training and of inference; and all gradients."""
    variant = variant_of(case, given)
    run, alone = (forward(case, given, variant, given.inputs, keep=keep) for keep in (True, False))
    trace = run.trace()
    result = {"y": run.y, "h_n": run.h_n, "inference y": alone.y, "inference h_n": alone.h_n}
    assert trace.pop("h") is run.y
    if run.c_n is not None and alone.c_n is not None:
        result |= {"c_n": run.c_n, "inference c_n": alone.c_n, "c_trace": trace.pop("c")}
    grads = backward(case, variant, run, given.upstream)
    gradients = {"dx": grads.dx, "dh0": grads.dh0, "dc0": grads.dc0, **grads.parameters}
    return result | trace, {name: array for name, array in gradients.items() if array is not None}


def slopes(case: Case, given: Numbers) -> dict[str, tuple[float, float]]:
    """Of J, the sum of all outputs weighed by their upstream gradients, along a random direction of each input alone.

    By name: what the engine's gradient says, and central differences of the reference.
    """
    variant = variant_of(case, given)
    grads = backward(case, variant, forward(case, given, variant, given.inputs), given.upstream)
    gradients = {"x": grads.dx, "h0": grads.dh0, "c0": grads.dc0, **grads.parameters}
    weigh = {name: np.nan_to_num(array) for name, array in given.upstream.items()}
    rng, result = np.random.default_rng(1), {}

    def loss(name: str, shift: np.ndarray) -> float:
        group = "inputs" if name in given.inputs else "weights"
        moved = replace(given, **{group: (whole := getattr(given, group)) | {name: whole[name] + shift}})
        found = by_reference(case, moved)
        return sum(np.sum(weigh[key] * found[of]) for key, of in {"y": "y", "h": "h_n", "c": "c_n"}.items())

    for name, gradient in gradients.items():
        if gradient is not None:
            way = rng.normal(size=gradient.shape) * min(1, 4 / gradient.size**0.5)
            numeric = (loss(name, 1e-5 * way) - loss(name, -1e-5 * way)) / 2e-5
            result[name] = float(np.sum(gradient * way)), float(numeric)
    return result


def every_option(*sizes: tuple[int, int, int, int], **options: Any) -> list[Case]:
    """For each `(T, N, I, H)` every cell with each of its options alone, and with all together."""
    zoneouts = [{"zoneout_h": kind} for kind in ("masks", "rate")]
    shared: list[dict[str, Any]] = [{}, {"mask": True}, *zoneouts, {"mask": True, "zoneout_h": "masks"}]
    norm: list[dict[str, Any]] = [{"layer_norm": True}, {"layer_norm": True, "mask": True, "zoneout_h": "masks"}]
    made: list[Case] = []
    for T, N, I, H in sizes:
        of_lstm: list[dict[str, Any]] = [
            {"peepholes": True}, {"P": (H + 1) // 2}, {"zoneout_c": "masks"}, {"zoneout_c": "rate"},
            {"peepholes": True, "P": H // 2 + 1, "zoneout_c": "masks"},
            *(
                norm[1] | {"peepholes": True, "P": H // 2 + 1, "zoneout_h": kind, "zoneout_c": kind}
                for kind in ("masks", "rate")
            ),
        ]  # fmt: skip
        kinds = {
            "lstm": shared + norm + of_lstm, "gru_after": shared + norm, "gru_before": shared, "rnn_tanh": shared,
            "rnn_relu": shared,
        }  # fmt: skip
        made += [Case(cell, T, N, I, H, **(kind | options)) for cell, of_cell in kinds.items() for kind in of_cell]
    return made


def everything(cell: Cell, T: int, N: int, I: int, H: int) -> Case:
    """All that a cell can have, in sequences of unequal lengths read backwards."""
    case = Case(cell, T, N, I, H, mask=True, zoneout_h="masks", reverse=True, padded=True)
    if cell == "lstm":
        case = replace(case, peepholes=True, P=H // 2 + 1, zoneout_c="rate")
    return replace(case, layer_norm=cell in ("lstm", "gru_after"))


def in_float32(cases: list[Case]) -> list[Case]:
    return [replace(case, dtype="float32") for case in cases]
