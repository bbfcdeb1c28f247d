"""The LSTM with a projection against PyTorch's `proj_size`: recorded, and live where PyTorch is installed."""

import json

import numpy as np
import pytest

from helpers import Array, tolerance
from steps.variants.torch_projection import SHAPES, TARGET, by_torch, numbers
from unrolled.steps import variants

RECORDED = json.loads(TARGET.read_text(encoding="utf-8"))["values"]


def by_steps() -> dict[str, Array]:
    p, g = numbers()
    p |= {"Wy": np.zeros((1, len(g["a0"]))), "by": np.zeros((1, 1))}
    a, _, c, caches = variants.lstm_projection_forward(g["x"], g["a0"], p, c0=g["c0"])
    finals = {"da_final": g["da_final"], "dc_final": g["dc_final"]}
    return {"a": a, "c_final": c[:, :, -1], **variants.lstm_projection_backward(g["da"], caches, **finals)}


def assert_equal(expected: dict[str, Array]) -> None:
    found = by_steps()
    assert found.keys() == expected.keys() == {"a", "c_final", "dx", "da0", "dc0", *(f"d{name}" for name in SHAPES)}
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, **tolerance("engine and steps"), err_msg=name)


def test_states_and_gradients_are_those_that_pytorch_gave():
    assert_equal(RECORDED)


@pytest.mark.torch
def test_states_and_gradients_are_those_that_pytorch_gives():
    assert_equal(by_torch())


@pytest.mark.parametrize("name", RECORDED)
def test_another_recorded_value_is_noticed(name):
    wrong = {**RECORDED, name: (np.array(RECORDED[name]) + 1e-9).tolist()}
    with pytest.raises(AssertionError, match=name):
        assert_equal(wrong)
