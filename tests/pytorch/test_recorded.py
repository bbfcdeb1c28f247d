"""Our layers give what PyTorch gave when its values were recorded; PyTorch itself is not needed."""

import json
from pathlib import Path

import numpy as np
import pytest

from engine.against_steps import Case, by_engine, difference
from pytorch.compare import RECORDED, numbers

VALUES = json.loads((Path(__file__).parent.parent / "golden" / "torch_values.json").read_text(encoding="utf-8"))[
    "values"
]


def test_every_recorded_case_is_compared():
    assert list(VALUES) == [str(case) for case in RECORDED]


@pytest.mark.parametrize("case", RECORDED, ids=str)
def test_outputs_states_and_gradients_equal_pytorchs(case: Case):
    found, recorded = by_engine(case, numbers(case)), VALUES[str(case)]
    computed = {name for name in found if not name.startswith(("trace_", "inference")) and name != "step"}
    assert recorded.keys() == computed
    wrong = {name: difference(found[name], np.array(values)) for name, values in recorded.items()}
    assert not {name: error for name, error in wrong.items() if not error <= case.tolerance}
