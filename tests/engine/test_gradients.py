"""The engine's gradients against central differences of its own forward pass; `steps` is not asked."""

from typing import Any

import numpy as np
import pytest

from engine.against_steps import CELLS, Case, layer_of, numbers, states
from helpers import rng, tolerance
from unrolled import engine
from unrolled.layers import LSTMState
from unrolled.steps import gradient_check

TOLERANCE = tolerance("central differences")["atol"]


def check_layer(case: Case, distort: Any = lambda gradients: gradients):
    """Every parameter, the inputs and the initial states; random upstream gradients on all outputs and final states."""
    given, lstm = numbers(case), case.cell == "lstm"
    layer = layer_of(case, given)
    lengths = given.lengths

    def forward(x, h0, c0=None, **parameters):
        layer.set(**parameters)
        run = layer.forward(x, LSTMState(h0, c0) if lstm else h0, lengths=lengths)
        return {"y": run.output, **states(run.state)}, (run, parameters)

    def backward(upstream, cache):
        run, parameters = cache
        layer.set(**parameters)
        run.version = layer.version  # the parameters are again those of the run
        grads = layer.backward(run, upstream["y"], LSTMState(upstream["h"], upstream["c"]) if lstm else upstream["h"])
        first = {f"d{key}0": array for key, array in states(grads.state).items()}
        return distort({"dx": grads.x, **first, **{f"d{name}": value for name, value in grads.parameters.items()}})

    inputs = {"x": np.nan_to_num(given.x), "h0": given.h0, **({"c0": given.c0} if lstm else {}), **given.parameters}
    return gradient_check(forward, backward, inputs, tolerance=TOLERANCE)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("T", [1, 3, 7])
def test_every_gradient_of_a_recurrent_layer_matches_central_differences(cell, T):
    check_layer(Case(cell, T, 2, 3, 5, seed=T)).raise_if_wrong()


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(
    "options",
    [{"num_layers": 2}, {"bidirectional": True}, {"padded": True}, {"bidirectional": True, "padded": True}],
    ids=str,
)
def test_every_gradient_of_layers_directions_and_lengths_matches_central_differences(cell, options):
    check_layer(Case(cell, 4, 3, 2, 3, **options)).raise_if_wrong()


@pytest.mark.parametrize("cell", CELLS)
def test_a_gradient_one_part_in_a_million_off_is_noticed_whichever_it_is(cell):
    case = Case(cell, 3, 2, 3, 4)
    names = [entry.name for entry in check_layer(case).worst_of_each]
    assert len(names) == 5 + (cell in ("lstm", "gru"))
    for name in names:
        report = check_layer(case, lambda gradients, name=name: gradients | {name: gradients[name] * (1 + 1e-6)})
        assert not report.ok
        assert report.worst.name == name


def test_every_gradient_of_a_dense_product_matches_central_differences():
    generator = rng(0)
    given = {
        name: generator.normal(size=shape) for name, shape in {"x": (4, 3), "weight": (5, 3), "bias": (5,)}.items()
    }

    def forward(x, weight, bias):
        return {"y": engine.dense_forward(x, weight, bias)}, (x, weight)

    def backward(upstream, cache):
        return dict(zip(("dx", "dweight", "dbias"), engine.dense_backward(*cache, upstream["y"]), strict=True))

    gradient_check(forward, backward, given, tolerance=TOLERANCE).raise_if_wrong()


def test_the_gradient_of_the_softmax_head_matches_central_differences():
    logits, targets = rng(1).normal(size=(6, 9)), rng(2).integers(9, size=6)

    def forward(logits):
        losses, dlogits = engine.softmax_cross_entropy(logits, targets)
        return {"losses": losses}, dlogits

    def backward(upstream, dlogits):
        return {"dlogits": upstream["losses"][:, np.newaxis] * dlogits}

    gradient_check(forward, backward, {"logits": logits}, tolerance=TOLERANCE).raise_if_wrong()
