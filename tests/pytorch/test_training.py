"""A hundred of our training steps give what PyTorch's gave when they were recorded; PyTorch itself is not needed."""

import json
from pathlib import Path

import numpy as np
import pytest

from pytorch.training import RUNS, STEPS, TOLERANCE, by_us, digest

VALUES = json.loads((Path(__file__).parent.parent / "golden" / "torch_training.json").read_text(encoding="utf-8"))[
    "values"
]


def test_every_run_is_recorded_to_its_end():
    assert list(VALUES) == list(RUNS)
    for recorded in VALUES.values():
        assert [row["step"] for row in recorded] == list(range(10, STEPS + 1, 10))


@pytest.mark.parametrize("name", RUNS)
def test_losses_rates_and_parameters_are_pytorchs_at_every_tenth_step(name):
    for found, recorded in zip(digest(by_us(RUNS[name])), VALUES[name], strict=True):
        assert found.keys() == recorded.keys()
        for key, value in recorded.items():
            np.testing.assert_allclose(found[key], value, **TOLERANCE, err_msg=f"{key} after step {recorded['step']}")
