"""The parameters of recurrent layers: names, axes and first values; not how they are used."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from unrolled.engine import recurrent as engine
from unrolled.initializers import INITIALIZERS
from unrolled.layers.options import Options
from unrolled.shapes import Array

__all__ = ["Parameter", "first_weights", "suffixes"]


class Parameter(NamedTuple):
    """One array of one layer and direction."""

    key: str  # the name that the engine has for it
    axes: str  # for error messages
    value: Array


def suffixes(num_layers: int, num_directions: int) -> list[str]:
    """What ends the names of each layer and direction's parameters, both directions of a layer together.

    >>> suffixes(2, 2)
    ['l0', 'l0_reverse', 'l1', 'l1_reverse']
    """
    return [f"l{layer}{ending}" for layer in range(num_layers) for ending in ("", "_reverse")[:num_directions]]


def first_weights(
    rng: np.random.Generator, cell: engine.Cell, inputs: int, hidden_size: int, first_bias: Array, options: Options
) -> Iterator[Parameter]:
    """The parameters of one layer and direction, drawn gate by gate, in the order that the engine has them in.

    Args:
        rng: what they are drawn from.
        cell: whose weights they are.
        inputs: of this layer.
        hidden_size: H.
        first_bias: `(G H,)`.
        options: which initialisers.
    """
    shape, H, P = engine.CELLS[cell], hidden_size, options.proj_size
    input_init, recurrent_init = INITIALIZERS[options.weight_init], INITIALIZERS[options.recurrent_init]
    rows = f"{shape.gates}H" if shape.gates > 1 else "H"
    weight_ih = [input_init(rng, H, inputs) for _ in range(shape.gates)]
    weight_hh = [recurrent_init(rng, H, P or H) for _ in range(shape.gates)]
    yield Parameter("weight_ih", f"{rows}, I", np.concatenate(weight_ih))
    yield Parameter("weight_hh", f"{rows}, {'P' if P else 'H'}", np.concatenate(weight_hh))
    yield Parameter("bias", rows, first_bias)
    if shape.has_bias_hn:
        yield Parameter("bias_hn", "H", np.zeros(H))
    if options.layer_norm:
        yield Parameter("gain_ih", rows, np.ones(shape.gates * H))
        yield Parameter("gain_hh", rows, np.ones(shape.gates * H))
        if shape.has_cell:
            yield Parameter("gain_c", "H", np.ones(H))
            yield Parameter("shift_c", "H", np.zeros(H))
    if options.peepholes:
        yield Parameter("peephole", "3, H", np.zeros((3, H)))
    if P:
        yield Parameter("weight_hr", "P, H", input_init(rng, P, H))
