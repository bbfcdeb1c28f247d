"""The script that times layers' options beside PyTorch: both sides compute the same, and what it makes of the times."""

import importlib
import json
from pathlib import Path

import numpy as np
import pytest

from unrolled.bench.agreement import disagreement
from unrolled.bench.rounds import CaseResult, Outcome

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"
DRAWING = ["LSTM recurrent_dropout", "GRU recurrent_dropout", "RNN recurrent_dropout", "LSTM zoneout", "GRU zoneout"]


@pytest.fixture
def script(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    return importlib.import_module("layer_options")


def results(side, case, path):
    assert side.prepare(case.to_record()) is None
    side.save(path)
    with np.load(path) as file:
        return {name: file[name] for name in file.files}


def both(script, option, folder):
    pytest.importorskip("torch")
    case = script.Case(option, 5, 3, 4, 6, 1, str(folder / "masks.npz"))
    return case, results(script.Torch(compiled=False), case, folder / "theirs.npz")


@pytest.mark.torch
@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN:UserWarning")
def test_every_option_gives_in_pytorch_what_it_gives_here_in_outputs_and_all_gradients(script, tmp_path):
    for option in script.OPTIONS:
        case, theirs = both(script, option, tmp_path)
        assert disagreement(theirs, results(script.Ours(), case, tmp_path / "ours.npz"), "float32") is None, option
        assert theirs.keys() == {"y", "dx", *case.layer().parameters}


@pytest.mark.torch
@pytest.mark.parametrize("option", [*DRAWING, "LSTM dropout"])
def test_with_other_masks_than_were_handed_the_two_do_not_agree(script, tmp_path, option):
    case, theirs = both(script, option, tmp_path)
    with np.load(case.masks) as file:
        masks = [file[name] for name in file.files]
    assert {*np.unique(masks[0])} == {0, 1}
    np.savez(case.masks, *(1 - mask for mask in masks))
    assert "differs" in disagreement(theirs, results(script.Ours(), case, tmp_path / "ours.npz"), "float32")


@pytest.mark.torch
def test_the_script_checks_times_and_keeps_what_it_measured_with_the_machine(script, tmp_path, capsys):
    pytest.importorskip("torch")
    path = tmp_path / "new" / "result.json"
    short = ["--threads=1", "--rounds=2", "--seconds=0"]
    script.main([*short, "--size=3x2x4x6", "--option=LSTM proj_size", f"--json={path}"])
    assert "1 of 1 timed, ours slower than PyTorch's in" in capsys.readouterr().out
    record = json.loads(path.read_text(encoding="utf-8"))
    assert {"processor", "PyTorch", "unrolled"} <= record["machine"].keys()
    (case,) = record["cases"]
    assert {peer: side["status"] for peer, side in case["sides"].items()} == {
        "unrolled": "timed",
        "torch": "timed",
        "compiled": "refused",
    }
    assert case["times_as_fast"]["median"] > 0
    assert (case["T"], case["N"], case["I"], case["H"], case["threads"], case["dtype"]) == (3, 2, 4, 6, 1, "float32")


def measured(script, **outcomes):
    return CaseResult(script.Case("LSTM zoneout", 5, 3, 4, 6, 1, "masks.npz"), [1e9], outcomes)


def test_the_ratio_is_to_the_faster_of_pytorchs_two_between_neighbours_in_time(script):
    result = measured(
        script,
        unrolled=Outcome(seconds=[1.0, 3.0, 1.0]),
        torch=Outcome(seconds=[2.0, 9.0, 8.0]),
        compiled=Outcome(seconds=[4.0, 6.0, 4.0]),
    )
    assert script.times_as_fast(result) == (2, 2, 3)  # of 2, 2 and 4
    result.outcomes["compiled"] = Outcome("failed", "no compiler")
    assert script.times_as_fast(result).median == 3  # of 2, 3 and 8


def test_a_side_that_does_not_agree_is_named_and_counts_for_nothing(script):
    disagrees = Outcome("disagrees", "`y` differs")
    timed = Outcome(seconds=[0.001])
    record = script.record_of(measured(script, unrolled=disagrees, torch=timed, compiled=Outcome("refused", "none")))
    row, complaint = script.lines(record)
    assert record["times_as_fast"] is None
    assert row.endswith("not timed")
    assert complaint.strip() == "unrolled disagrees: `y` differs"
