"""Writes the recorded values in `tests/golden`: by hand, `python -m pytorch.record` in the folder `tests`."""

import json
from pathlib import Path
from typing import Any

import torch

from pytorch.compare import RECORDED, by_torch, numbers
from pytorch.training import RUNS, digest
from pytorch.training import by_torch as trained_by_torch

FOLDER = Path(__file__).parent.parent / "golden"


def write(name: str, about: str, values: dict[str, Any]) -> None:
    record = {"about": f"{about}; written by tests/pytorch/record.py", "torch": torch.__version__, "values": values}
    (FOLDER / name).write_text(json.dumps(record) + "\n", encoding="utf-8")
    print(f"{name}: {len(values)} cases")


if __name__ == "__main__":
    write(
        "torch_values.json",
        "torch.nn.LSTM, GRU and RNN on the numbers of tests/pytorch/compare.py",
        {str(case): {k: v.tolist() for k, v in by_torch(case, numbers(case)).items()} for case in RECORDED},
    )
    write(
        "torch_training.json",
        "every tenth of the training steps of tests/pytorch/training.py, by torch.nn and torch.optim",
        {name: digest(trained_by_torch(run)) for name, run in RUNS.items()},
    )
