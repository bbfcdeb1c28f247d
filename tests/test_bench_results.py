"""What `unrolled bench` makes of what was measured: rows, files, targets, plot; and the command, with fake workers."""

import json
import math
import sys
from pathlib import Path

import pytest

from bench_fakes import CASE, FakePeers, FakeWorker
from unrolled.bench.cases import Case
from unrolled.bench.plot import plot
from unrolled.bench.records import Row, read_csv, rows_of, to_json, write_csv
from unrolled.bench.rounds import CaseResult, Outcome, run_cases
from unrolled.bench.targets import comparisons, findings, means
from unrolled.cli import main
from unrolled.errors import DataError, MissingExtraError

# Rows, files, targets.


def result_of(ours, theirs, peaks, case=CASE):
    return CaseResult(case, peaks, {"unrolled": Outcome(seconds=ours), "torch": Outcome(seconds=theirs)})


def test_ratios_and_fractions_of_the_peak_are_between_neighbours_in_time():
    # the machine slows down threefold in the second round and fivefold in the third: medians of each alone would lie
    result = result_of([1e-6, 3e-6, 5e-6], [2e-6, 6e-6, 20e-6], [4e9, 4e9 / 3, 4e9 / 5])
    ours, theirs = rows_of(result)
    assert (ours.times_ours, theirs.times_ours) == (1, 2)
    assert (ours.low, ours.microseconds, ours.high) == pytest.approx((2, 3, 4))
    assert ours.peak_fraction == pytest.approx(CASE.flops / 1e-6 / 4e9)
    assert ours.gflops == pytest.approx(CASE.flops / 3e-6 / 1e9)
    assert ours.peak_gflops == pytest.approx(4 / 3)


def test_the_spread_of_ratios_is_that_of_neighbours_in_time():
    ours, theirs = rows_of(result_of([1.0, 2.0, 4.0, 8.0, 16.0], [3.0, 2.0, 8.0, 40.0, 64.0], [1e9] * 5))
    assert (theirs.times_ours_low, theirs.times_ours, theirs.times_ours_high) == (2, 3, 4)  # of 3, 1, 2, 5, 4
    assert (ours.times_ours_low, ours.times_ours, ours.times_ours_high) == (1, 1, 1)


def test_a_round_without_a_peak_counts_for_all_but_the_peak_and_says_why():
    result = result_of([1e-6, 2e-6, 3e-6], [2e-6, 6e-6, 9e-6], [4e9, math.nan, 2e9])
    result.peak_reason = "peak was ended by SIGKILL"
    ours, theirs = rows_of(result)
    assert (ours.microseconds, ours.rounds, theirs.times_ours) == (pytest.approx(2), 3, 3)
    assert (ours.peak_gflops, ours.status, ours.reason) == (3, "timed", "peak was ended by SIGKILL")
    fractions = [CASE.flops / 1e-6 / 4e9, CASE.flops / 3e-6 / 2e9]
    assert ours.peak_fraction == pytest.approx(sum(fractions) / 2)
    record = to_json({}, [result])["cases"][0]
    assert record["peak_flops_per_second"] == [4e9, None, 2e9]
    assert record["peak_reason"] == "peak was ended by SIGKILL"
    result.peaks = [math.nan] * 3
    for row in rows_of(result):
        assert (row.peak_gflops, row.peak_fraction, row.status, row.rounds) == (None, None, "timed", 3)


def test_a_table_of_before_the_quartiles_of_ratios_were_kept_is_read_and_shown(tmp_path, capsys):
    write_csv(tmp_path / "b.csv", {"cores": "2"}, rows_of(result_of([1.0, 2.0, 4.0], [3.0, 2.0, 8.0], [1e9] * 3)))
    command("--show", tmp_path / "b.csv")
    assert "2.00 (1.50 to 2.50)" in capsys.readouterr().out
    machine, *table = (tmp_path / "b.csv").read_text(encoding="utf-8").splitlines()
    older = [",".join(line.split(",")[:18] + line.split(",")[20:]) for line in table]
    assert older[0].endswith(",peak_fraction,times_ours,reason")
    (tmp_path / "old.csv").write_text("\n".join([machine, *older]) + "\n", encoding="utf-8")
    command("--show", tmp_path / "old.csv")
    out = capsys.readouterr().out
    assert "2.00 " in out
    assert "1.50" not in out
    assert [row.times_ours for row in read_csv(tmp_path / "old.csv")[1]] == [1, 2]


def table():
    case = Case("lstm", 100, 64, 64, 128, "inference", 2)
    refused = {"onnx": Outcome("refused", "does inference only")}
    first = result_of([1.1e-3], [2.2e-3], [1e11])
    return [CaseResult(first.case, first.peaks, first.outcomes | refused), result_of([1e-3], [3e-3], [2e11], case)]


def test_a_table_reads_back_as_it_was_written_with_the_machine(tmp_path):
    rows = [row for result in table() for row in rows_of(result)]
    path = tmp_path / "new" / "rows.csv"
    machine = {"processor": "Some: thing", "cores": "2"}
    write_csv(path, machine, rows)
    read_machine, read_rows = read_csv(path)
    assert read_machine == machine
    assert [row.case for row in read_rows] == [row.case for row in rows]
    assert [(r.peer, r.status, r.reason) for r in read_rows] == [(r.peer, r.status, r.reason) for r in rows]
    for row, again in zip(rows, read_rows, strict=True):
        if row.microseconds is None:
            assert again.microseconds is None
        else:
            assert again.microseconds == pytest.approx(row.microseconds, rel=1e-4)
            assert again.times_ours == pytest.approx(row.times_ours, rel=1e-4)
    write_csv(tmp_path / "again.csv", read_machine, read_rows)
    assert (tmp_path / "again.csv").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "# cores: 2\n", "\x00\n"])
def test_a_file_that_is_no_table_is_refused_by_name(tmp_path, text):
    path = tmp_path / "other.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(
        DataError, match=r"other\.csv` is no table of unrolled bench .*, expected one written with --csv"
    ):
        read_csv(path)
    write_csv(path, {}, rows_of(table()[0]))
    path.write_text(path.read_text(encoding="utf-8").replace(",training,1,", ",training,one,"), encoding="utf-8")
    with pytest.raises(DataError, match=r"is no table .*one.*was it edited\?"):
        read_csv(path)
    with pytest.raises(DataError, match=r"nowhere` cannot be read .*check the path"):
        read_csv(tmp_path / "nowhere")


def test_json_keeps_every_round():
    record = json.loads(json.dumps(to_json({"cores": "2"}, table())))
    assert record["machine"] == {"cores": "2"}
    assert record["cases"][0]["peers"]["torch"]["seconds"] == [2.2e-3]
    assert record["cases"][0]["peers"]["onnx"]["reason"] == "does inference only"
    assert Case(**record["cases"][1]["case"]) == table()[1].case


def row(peer, times_ours, case=CASE, fraction=0.5, microseconds=10.0):
    box = (case.cell, case.dtype, *case.size, case.mode, case.threads)
    return Row(*box, peer, "timed", 1, microseconds, 9.0, 11.0, 1.0, 2.0, fraction, times_ours)


def rows_for(case, *ratios, **own):
    return [row("unrolled", 1.0, case, **own), *(row(f"peer {i}", ratio, case) for i, ratio in enumerate(ratios))]


def test_we_are_compared_with_the_best_peer_of_each_case_and_with_nobody_where_there_is_none():
    alone = Case("rnn", 3, 2, 5, 4, "training", 1)
    failed = Row(*("lstm", "float32", 3, 2, 5, 4, "training", 1), "jax", "failed", 0, *[None] * 7, reason="died")
    (found,) = comparisons([*rows_for(CASE, 4.0, 2.0, 3.0), failed, row("unrolled", 1.0, alone)])
    assert (found.case, found.best.peer, found.speedup) == (CASE, "peer 1", 2.0)


def test_means_are_geometric_by_cell_and_over_all():
    other = Case("gru", 3, 2, 5, 4, "training", 1)
    third = Case("lstm", 4, 2, 5, 4, "training", 1)
    rows = [*rows_for(CASE, 2.0), *rows_for(third, 8.0), *rows_for(other, 4.0)]
    assert means(comparisons(rows)) == [
        ("gru", "float32", "training", 1, pytest.approx(4)),
        ("lstm", "float32", "training", 2, pytest.approx(4)),
        ("all", "float32", "training", 3, pytest.approx(4)),
    ]


def verdicts(rows):
    return {finding.target.partition(":")[0]: finding.met for finding in findings(rows)}


SLOWER = "nowhere slower than the best peer"
BIG = "every training case with H of 256 or more"
STEP = "one step of a stream, H = 64, N = 1"
TRAIN_PEAK, INFER_PEAK = (f"{mode}, H = 128 to 512, N of 32 or more" for mode in ("training", "inference"))
TRAIN_MEAN, INFER_MEAN = (f"{mode}, geometric mean" for mode in ("training", "inference"))
GRU_MEAN, RNN_MEAN = (f"{cell} training, geometric mean" for cell in ("GRU", "RNN"))


@pytest.mark.parametrize(
    ("target", "case", "ratio", "own", "met"),
    [
        (SLOWER, CASE, 0.951, {}, True),
        (SLOWER, CASE, 0.949, {}, False),
        (SLOWER, Case("rnn", 1, 1, 64, 64, "step", 1), 0.5, {}, None),
        (SLOWER, Case("rnn", 1, 1, 64, 64, "step-in-place", 1), 0.5, {}, None),
        (TRAIN_MEAN, CASE, 2.51, {}, True),
        (TRAIN_MEAN, CASE, 2.49, {}, False),
        (TRAIN_MEAN, Case("lstm", 3, 2, 5, 4, "training", 1, "float64"), 1.0, {}, None),
        (INFER_MEAN, Case("lstm", 3, 2, 5, 4, "inference", 1), 1.71, {}, True),
        (INFER_MEAN, Case("lstm", 3, 2, 5, 4, "inference", 1), 1.69, {}, False),
        (GRU_MEAN, Case("gru", 3, 2, 5, 4, "training", 1), 2.99, {}, False),
        (GRU_MEAN, Case("gru", 3, 2, 5, 4, "training", 1), 3.01, {}, True),
        (RNN_MEAN, Case("rnn", 3, 2, 5, 4, "training", 1), 2.99, {}, False),
        (RNN_MEAN, CASE, 1.0, {}, None),
        (BIG, Case("lstm", 3, 2, 5, 256, "training", 1), 1.61, {}, True),
        (BIG, Case("lstm", 3, 2, 5, 256, "training", 1), 1.59, {}, False),
        (BIG, Case("lstm", 3, 2, 5, 255, "training", 1), 1.0, {}, None),
        (TRAIN_PEAK, Case("lstm", 3, 32, 5, 128, "training", 1), 9.0, {"fraction": 0.71}, True),
        (TRAIN_PEAK, Case("lstm", 3, 32, 5, 512, "training", 1), 9.0, {"fraction": 0.69}, False),
        (TRAIN_PEAK, Case("lstm", 3, 31, 5, 512, "training", 1), 9.0, {"fraction": 0.1}, None),
        (TRAIN_PEAK, Case("lstm", 3, 32, 5, 512, "training", 1), 9.0, {"fraction": None}, None),
        (TRAIN_PEAK, Case("lstm", 3, 32, 5, 513, "training", 1), 9.0, {"fraction": 0.1}, None),
        (INFER_PEAK, Case("gru", 3, 32, 5, 128, "inference", 1), 9.0, {"fraction": 0.76}, True),
        (INFER_PEAK, Case("gru", 3, 32, 5, 128, "inference", 1), 9.0, {"fraction": 0.74}, False),
        (STEP, Case("lstm", 1, 1, 64, 64, "step", 1), 9.0, {"microseconds": 4.9}, True),
        (STEP, Case("lstm", 1, 1, 64, 64, "step", 1), 9.0, {"microseconds": 5.1}, False),
        (STEP, Case("lstm", 1, 1, 64, 64, "inference", 1), 9.0, {"microseconds": 5.1}, None),
    ],
)
def test_each_target_is_judged_on_its_own_cases(target, case, ratio, own, met):
    assert verdicts(rows_for(case, ratio, **own))[target] is met


def test_one_case_below_its_target_is_enough_to_miss_it_and_is_named():
    good, bad = (Case("lstm", 3, 32, 5, H, "training", 1) for H in (256, 300))
    rows = [*rows_for(good, 9.0, fraction=0.9), *rows_for(bad, 1.2, fraction=0.3)]
    named = {finding.target.partition(":")[0]: finding for finding in findings(rows)}
    assert named[BIG].met is named[TRAIN_PEAK].met is False
    assert named[BIG].measured == "1.20 (lstm float32 (3, 32, 5, 300) training, 1 thread); 1 of 2 below"
    assert named[TRAIN_PEAK].measured == "0.30 (lstm float32 (3, 32, 5, 300) training, 1 thread); 1 of 2 miss it"


# The command.


def command(*arguments, code=0):
    with pytest.raises(SystemExit) as leaving:
        main(["bench", *map(str, arguments)])
    assert leaving.value.code == code


@pytest.fixture
def fakes(monkeypatch):
    """`unrolled bench` with fake workers, on a machine where PyTorch alone is installed and there are two cores."""
    peers = FakePeers(torch={"seconds": 2.0})
    monkeypatch.setattr("unrolled.bench.rounds.start_worker", None)
    monkeypatch.setattr(run_cases, "__kwdefaults__", {"start": peers.start, "pause": 0.0})
    monkeypatch.setattr("unrolled.bench.peers.missing_packages", lambda name: [] if name == "torch" else [name])
    monkeypatch.setattr("unrolled.bench.workers.allowed_cores", lambda: [0, 1])
    monkeypatch.setenv("COLUMNS", "200")
    return peers


def test_the_command_shows_keeps_and_shows_again_what_it_measured(fakes, tmp_path, capsys):
    csv, record = tmp_path / "b.csv", tmp_path / "b.json"
    command("--quick", "--csv", csv, "--json", record)
    out, progress = capsys.readouterr()
    assert "ONNX Runtime is left out: not installed (pip install onnx)" in out
    assert "16/16 lstm float32 (1, 1, 64, 64) step-in-place, 2 threads" in progress
    machine, rows = read_csv(csv)
    assert machine["torch"] == "1.0"
    settings = {"threads": "1 and 2", "rounds": "3", "seconds of a turn": "0.1"}
    assert settings.items() <= machine.items()
    assert json.loads(record.read_text(encoding="utf-8"))["machine"] == machine
    assert len(rows) == 32  # of two peers
    assert {row.times_ours for row in rows if row.peer == "torch"} == {2.0}
    assert len(json.loads(record.read_text(encoding="utf-8"))["cases"]) == 16
    assert "2.00" in out
    assert "missed" in out
    command("--show", csv)
    again = capsys.readouterr().out
    assert again == out[out.index("processor") :]


def test_a_peak_that_fails_is_named_under_the_table_and_no_peer_is_blamed(fakes, capsys):
    fakes.behaviours["peak"] = {"dies": "rate"}
    command("--quick", "--modes", "step", "--threads", "1")
    out = capsys.readouterr().out
    words = "the peak failed on lstm float32 (1, 1, 64, 64) step, 1 thread: peak was ended by SIGSEGV (1 case)"
    assert out.count(words) == 1
    assert "PyTorch timed" not in out
    assert "x2.00" in out
    assert " 0% " not in out  # as if we used nothing of a peak that nobody knows


def test_a_reason_is_given_once_with_the_number_of_its_cases(fakes, capsys):
    fakes.behaviours["torch"] = {"refuses": "not today"}
    command("--quick", "--modes", "training", "--threads", "1")
    assert "PyTorch refused: not today (3 cases)" in capsys.readouterr().out


@pytest.mark.parametrize(("load", "said"), [("0.40", False), ("0.60", True)])
def test_a_busy_machine_is_remarked_on(fakes, monkeypatch, capsys, load, said):
    monkeypatch.setattr("unrolled.bench.machine.describe_machine", lambda: {"load average before": load})
    command("--quick", "--rounds", 1)
    assert ("Something else is running on this machine" in capsys.readouterr().out) is said


def test_what_is_done_is_kept_when_a_run_is_interrupted(fakes, tmp_path, monkeypatch, capsys):
    def interrupted(self, seconds):
        if fakes.log.count(("torch", "time")) > 1:  # in the second case
            raise KeyboardInterrupt
        return {"seconds": 1.0, "calls": 1}

    monkeypatch.setattr(FakeWorker, "time", interrupted)
    csv = tmp_path / "b.csv"
    command("--quick", "--rounds", 1, "--csv", csv, code=130)
    _, rows = read_csv(csv)
    assert [row.status for row in rows] == ["timed", "timed"]
    assert fakes.open == 0


def test_the_grid_can_be_chosen(fakes, tmp_path, capsys):
    csv = tmp_path / "b.csv"
    chosen = [
        "--cells",
        "gru,rnn",
        "--sizes",
        "2x3x4x5",
        "--modes",
        "training",
        "--threads",
        "2",
        "--dtypes",
        "float64",
    ]
    command(*chosen, "--peers", "torch", "--rounds", 2, "--seconds", 0.25, "--csv", csv)
    machine, rows = read_csv(csv)
    assert {row.case for row in rows} == {Case(cell, 2, 3, 4, 5, "training", 2, "float64") for cell in ("gru", "rnn")}
    assert {row.rounds for row in rows} == {2}
    assert (machine["threads"], machine["rounds"], machine["seconds of a turn"]) == ("2", "2", "0.25")
    assert "left out" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--cells", "lstm,GRU"], "--cells has 'GRU', expected some of lstm, gru, rnn, separated by commas"),
        (["--peers", "numpy"], "--peers has 'numpy', expected some of torch, onnx, jax, keras"),
        (["--threads", "3"], "--threads has '3', expected numbers from 1 to 2"),
        (["--threads", "two"], "--threads has 'two', expected numbers"),
        (["--sizes", "1x2x3"], "`sizes` has '1x2x3', expected T x N x I x H; write it as 100x64x64x128"),
        (["--sizes", "1x2x3x0"], "`sizes` has '1x2x3x0', expected"),
        (["--modes", "step", "--sizes", "2x1x3x4"], "no case of the grid is chosen, expected at least one"),
        (["--rounds", "0"], "--rounds"),
    ],
)
def test_a_wrong_choice_is_refused_in_one_line(fakes, arguments, words, capsys):
    command(*arguments, code=2)
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1
    assert fakes.started == []


def test_a_plot_without_matplotlib_is_refused_before_anything_is_measured(fakes, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    command("--quick", "--plot", "never.png", code=2)
    assert (
        "`plot` needs matplotlib, expected it to be installed; pip install 'unrolled[bench]'" in capsys.readouterr().err
    )
    assert fakes.started == []
    with pytest.raises(MissingExtraError, match=r"pip install 'unrolled\[bench\]'"):
        plot(Path("never.png"), {}, [])


def test_a_plot_shows_every_timed_peer_of_every_case(tmp_path):
    pytest.importorskip("matplotlib")
    rows = [row for result in table() for row in rows_of(result)]
    plot(tmp_path / "new" / "b.svg", {"processor": "Some thing"}, rows)
    drawn = (tmp_path / "new" / "b.svg").read_text(encoding="utf-8")
    for words in ("LSTM float32, training, 1 thread", "LSTM float32, inference, 2 threads", "PyTorch", "Some thing"):
        assert f"<!-- {words}" in drawn
    for words in ("ONNX Runtime", "GRU"):  # not timed
        assert f"<!-- {words}" not in drawn
