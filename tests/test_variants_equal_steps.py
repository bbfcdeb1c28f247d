"""`engine.variants` against `steps.variants` in float64, through the bridge: every output, last state and gradient."""

from typing import Any

import numpy as np
import pytest

from helpers import Array, rng, tolerance
from steps.gradients import N_A, N_X, M, draws, last
from steps.variants import definitions
from steps.variants.networks import NETWORKS, Network
from unrolled import bridge
from unrolled.engine.recurrent import Padding
from unrolled.engine.variants import Options, Variant
from unrolled.steps import variants

FUNCTIONS = {name: getattr(variants, name) for name in variants.__all__}
TO_ENGINE = {"lstm": bridge.lstm_to_engine, "gru": bridge.gru_to_engine, "rnn": bridge.rnn_to_engine}
EXACT = tolerance("engine and steps")
# of both homes: the state that is the output, and the masks
MASKS = {"mask": "recurrent_mask", "zoneout_a": "zoneout_h", "zoneout_c": "zoneout_c"}
SIZES = [(1, 1, 1, 1, 1), (6, 5, 3, 4, 2), (9, 18, 7, 13, 5)]  # T, m, n_x, n_a, n_p


def sized(n: Network, n_x: int, n_a: int, n_p: int) -> dict[str, tuple[int, ...]]:
    """The parameters' shapes of `n` at other sizes than those of its own tests."""
    rows = n_p if n.module == "projection" else n_a

    def shape(name: str) -> tuple[int, int]:
        if name in ("Wax", "Waa"):
            return (n_a, n_x if name == "Wax" else n_a)
        if name == "Wp":
            return (n_p, n_a)
        return (n_a, rows + n_x if name[0] == "W" else 1)

    return {name: shape(name) for name in n.shapes}


def engine_of(n: Network, p: dict[str, Array], prefix: str = "") -> dict[str, Array]:
    return {name.removesuffix("_l0"): array for name, array in TO_ENGINE[n.cell](p, prefix).items()}


def variant_of(n: Network, p: dict[str, Array]) -> Variant:
    cell: Any = {"lstm": "lstm", "gru": f"gru_{n.options.get('reset', 'after')}", "rnn": "rnn_tanh"}[n.cell]
    kinds = {"layer_norm": n.module == "layer_norm", "peepholes": n.module == "peepholes"}
    return Variant(cell, Options(**kinds, projection=n.module == "projection"), engine_of(n, p))


def masks_of(n: Network, T: int, m: int, n_a: int) -> dict[str, Array]:
    """Masks as training draws them: zeros and ones, or zeros and what makes up for them."""
    shapes = {name: (n_a, m) if name == "mask" else (n_a, m, T) for name in n.masks}
    return {
        name: (rng(seed).random(shape) < 0.6) / (0.6 if name == "mask" else 1.0)
        for seed, (name, shape) in enumerate(shapes.items(), 40)
    }


def to_engine(array: Array | None) -> Array | None:
    return None if array is None else bridge.arrays_to_engine(array)


@pytest.mark.parametrize("way", ["forwards", "backwards", "unequal lengths"])
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("n", NETWORKS, ids=str)
def test_the_engine_computes_what_the_steps_say(n, size, way):
    T, m, n_x, n_a, n_p = size
    rows = {name: n_p if n.module == "projection" and name == "a" else n_a for name in n.rows}
    p = draws(41, **sized(n, n_x, n_a, n_p))
    head = draws(42, **{("Wya" if n.cell == "rnn" else "Wy"): (2, rows[n.first]), "by": (2, 1)})
    g = draws(43, x=(n_x, m, T), d=(rows[n.first], m, T), **{f"{k}0": (r, m) for k, r in rows.items()})
    finals = draws(44, **{f"d{name}_final": (r, m) for name, r in rows.items()})
    masks = masks_of(n, T, m, n_a)
    lengths = rng(45).integers(0, T + 1, size=m) if way == "unequal lengths" else None

    # in the steps' home a sequence read backwards is a reversed sequence
    turn = (
        (lambda array: array[:, :, ::-1] if array.ndim == 3 else array) if way == "backwards" else (lambda array: array)
    )
    starts = {name: g[f"{name}0"] for name in rows}
    turned = {name: turn(mask) for name, mask in masks.items()}
    states, _, caches = n.run(FUNCTIONS, turn(g["x"]), starts, p | head, **turned, lengths=lengths)
    gradients = FUNCTIONS[f"{n.name}_backward"](turn(g["d"]), caches, **finals, lengths=lengths)
    ends = [T] * m if lengths is None else lengths.tolist()
    expected = {"y": turn(states[n.first])} | {f"{name}_n": last(states[name], starts[name], ends) for name in rows}
    expected |= {"dx": turn(gradients["dx"])} | {f"d{name}0": gradients[f"d{name}0"] for name in rows}
    expected = {name: bridge.arrays_to_engine(array) for name, array in expected.items()}
    expected |= {f"d{name}": array for name, array in engine_of(n, gradients, "d").items()}

    variant, second = variant_of(n, p), "c" if n.cell == "lstm" else None
    options = {MASKS[name]: bridge.arrays_to_engine(mask) for name, mask in masks.items()}
    if n.name == "gru_zoneout":  # the engine's one state is h
        options = {"zoneout_h": options["zoneout_c"]}
    h0, c0 = to_engine(starts[n.first]), to_engine(starts.get("c")) if second else None
    padding = None if lengths is None else Padding(lengths, T)
    run = variant.forward(to_engine(g["x"]), h0, c0, padding=padding, reverse=way == "backwards", **options)
    dh_n, dc_n = to_engine(finals[f"d{n.first}_final"]), to_engine(finals["dc_final"]) if second else None
    back = variant.backward(run, to_engine(g["d"]), dh_n, dc_n)
    found = {"y": run.y, f"{n.first}_n": run.h_n, "dx": back.dx, f"d{n.first}0": back.dh0}
    found |= {"c_n": run.c_n, "dc0": back.dc0} if second else {}
    found |= {f"d{name}": array for name, array in back.parameters.items()}
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, **EXACT, err_msg=name)


@pytest.mark.parametrize("n", [n for n in NETWORKS if n.module == "zoneout"], ids=str)
def test_rates_of_zoneout_mean_the_same_in_both_homes(n):
    p, g = draws(41, **n.shapes, **n.head), draws(43, x=(N_X, M, 4), **n.states())
    rates = dict(zip(n.masks, (0.25, 0.625), strict=False))
    states, *_ = n.run(FUNCTIONS, g["x"], {name: g[f"{name}0"] for name in n.rows}, p, **rates)
    options = {MASKS[name] if n.cell == "lstm" else "zoneout_h": rate for name, rate in rates.items()}
    c0 = to_engine(g["c0"]) if n.cell == "lstm" else None
    run = variant_of(n, p).forward(to_engine(g["x"]), to_engine(g[f"{n.first}0"]), c0, **options)
    np.testing.assert_allclose(run.y, to_engine(states[n.first]), **EXACT)


def test_all_options_of_an_lstm_together_are_what_they_are_defined_to_be():
    T, m, n_x, n_a, n_p = SIZES[1]
    shapes: dict[str, tuple[int, int]] = {}
    for n in NETWORKS:
        if n.cell == "lstm":
            shapes |= sized(n, n_x, n_a, n_p)  # the projection, which is the last, decides the weights' columns
    p = draws(46, **shapes)
    g = draws(47, x=(n_x, m, T), a0=(n_p, m), c0=(n_a, m))
    drawn = {"mask": (n_p, m), "zoneout_a": (n_p, m, T), "zoneout_c": (n_a, m, T)}
    masks = {name: (rng(48).random(shape) < 0.6).astype(float) for name, shape in drawn.items()}
    engine = {name.removesuffix("_l0"): array for name, array in bridge.lstm_to_engine(p).items()}
    variant = Variant("lstm", Options(layer_norm=True, peepholes=True, projection=True), engine)
    options = {MASKS[name]: bridge.arrays_to_engine(mask) for name, mask in masks.items()}
    run = variant.forward(*(bridge.arrays_to_engine(array) for array in g.values()), **options)
    for column in range(m):
        state = {"a": g["a0"][:, column], "c": g["c0"][:, column]}
        for t in range(T):
            now = {name: mask[:, column, t] if mask.ndim == 3 else mask[:, column] for name, mask in masks.items()}
            state = definitions.lstm(g["x"][:, column, t], state, p, **now)
            np.testing.assert_allclose(run.y[t, column], state["a"], **EXACT)
        np.testing.assert_allclose(run.c_n[column], state["c"], **EXACT)


@pytest.mark.parametrize("reset", ["before", "after"])
def test_dropout_and_zoneout_of_a_gru_together_are_what_they_are_defined_to_be(reset):
    n = next(n for n in NETWORKS if n.name == "gru_zoneout" and n.options["reset"] == reset)
    T = 4
    p, g = draws(46, **n.shapes), draws(47, x=(N_X, M, T), c0=(N_A, M))
    mask, zoneout = ((rng(48).random(shape) < 0.6).astype(float) for shape in ((N_A, M), (N_A, M, T)))
    options = {"recurrent_mask": to_engine(mask), "zoneout_h": to_engine(zoneout)}
    run = variant_of(n, p).forward(to_engine(g["x"]), to_engine(g["c0"]), **options)
    for column in range(M):
        state = {"c": g["c0"][:, column]}
        for t in range(T):
            now = {"mask": mask[:, column], "zoneout_c": zoneout[:, column, t]}
            state = definitions.gru(g["x"][:, column, t], state, p, reset, **now)
            np.testing.assert_allclose(run.y[t, column], state["c"], **EXACT)
