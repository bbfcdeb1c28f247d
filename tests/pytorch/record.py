"""Writes `tests/golden/torch_values.json`: by hand, `python -m pytorch.record` in the folder `tests`."""

import json
from pathlib import Path

import torch

from pytorch.compare import RECORDED, by_torch, numbers

TARGET = Path(__file__).parent.parent / "golden" / "torch_values.json"

if __name__ == "__main__":
    values = {str(case): {k: v.tolist() for k, v in by_torch(case, numbers(case)).items()} for case in RECORDED}
    about = "torch.nn.LSTM, GRU and RNN on the numbers of tests/pytorch/compare.py; written by tests/pytorch/record.py"
    record = {"about": about, "torch": torch.__version__, "values": values}
    TARGET.write_text(json.dumps(record) + "\n", encoding="utf-8")
    print(f"{TARGET.name}: {sum(len(results) for results in values.values())} arrays of {len(values)} cases")
