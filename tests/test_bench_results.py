"""What `unrolled bench` makes of its workers' answers, with fake workers: rounds, rows, files, targets, the command."""

import importlib
import itertools
import json
import sys
from pathlib import Path

import numpy as np
import pytest

import unrolled
from unrolled import GRU, LSTM
from unrolled.bench.agreement import TOLERANCES, disagreement
from unrolled.bench.cases import MODES, SIZES, Case, grid, parse_size, problem
from unrolled.bench.peers import PEERS, missing_packages
from unrolled.bench.plot import plot
from unrolled.bench.records import Row, read_csv, rows_of, to_json, write_csv
from unrolled.bench.rounds import CaseResult, Outcome, run_cases, start_worker
from unrolled.bench.targets import comparisons, findings, means
from unrolled.bench.worker import PeerWorker
from unrolled.bench.workers import WorkerError
from unrolled.cli import main
from unrolled.errors import DataError, MissingExtraError, ParameterError

CASE = Case("lstm", 3, 2, 5, 4, "training", 1)
HOME = str(Path(unrolled.__file__).parent.parent)


class FakePeers:
    """Starts workers that answer from a table and write down, in one log, who was asked what."""

    def __init__(self, **behaviours):
        self.behaviours, self.log, self.started, self.open = behaviours, [], [], 0

    def start(self, name, threads):
        self.started.append((name, threads))
        self.open += 1
        return FakeWorker(self, name)


class FakeWorker:
    def __init__(self, peers, name):
        self.peers, self.name, self.alive, self.turn, self.closed = peers, name, True, 0, False
        self.behaviour = peers.behaviours.get(name, {})

    def ask(self, do, **given):
        self.peers.log.append((self.name, do))
        if self.behaviour.get("dies") == do:
            self.alive = False
            raise WorkerError(f"{self.name} was ended by SIGSEGV")
        return getattr(self, do)(**given)

    def versions(self):
        return {self.name: "1.0"}

    def prepare(self, case):
        return self.behaviour.get("refuses")

    def save(self, path):
        np.savez(path, y=np.full(3, self.behaviour.get("y", 1.0), "float32"))

    def rate(self, dtype, seconds):
        return 1e9

    def time(self, seconds):
        self.turn += 1
        return {"seconds": self.behaviour.get("seconds", 1.0) * self.turn, "calls": 1}

    def close(self):
        self.peers.open -= not self.closed
        self.closed = True


def measured(peers, cases=(CASE,), rounds=3):
    versions = {}
    names = ["unrolled", *(name for name in peers.behaviours if name != "unrolled")]
    results = list(run_cases(cases, names, rounds=rounds, seconds=0, versions=versions, start=peers.start, pause=0))
    assert peers.open == 0  # every worker was closed
    return results, versions


# Rounds.


def test_peers_take_turns_each_comes_first_and_every_round_measures_the_peak():
    peers = FakePeers(torch={"seconds": 3.0}, jax={"seconds": 2.0})
    (result,), versions = measured(peers)
    asked = [name for name, do in peers.log if do in ("rate", "time")]
    assert asked == [
        "peak",
        "unrolled",
        "torch",
        "jax",
        "peak",
        "torch",
        "jax",
        "unrolled",
        "peak",
        "jax",
        "unrolled",
        "torch",
    ]
    assert result.peaks == [1e9] * 3
    assert result.outcomes["torch"] == Outcome("timed", "", [3.0, 6.0, 9.0])
    assert versions == {"unrolled": "1.0", "torch": "1.0", "jax": "1.0"}


def test_a_peer_whose_numbers_differ_is_never_timed():
    peers = FakePeers(torch={"y": 1.001}, jax={})
    (result,), _ = measured(peers)
    assert result.outcomes["torch"].status == "disagrees"
    assert "`y` differs by 1.0e-03 of its largest entry, expected at most 1.0e-04" in result.outcomes["torch"].reason
    assert ("torch", "time") not in peers.log
    assert len(result.outcomes["jax"].seconds) == 3


def test_a_peer_that_cannot_do_a_case_says_why_and_is_not_asked_for_it():
    peers = FakePeers(onnx={"refuses": "does inference only"})
    (result,), _ = measured(peers)
    assert result.outcomes["onnx"] == Outcome("refused", "does inference only")
    assert ("onnx", "save") not in peers.log


@pytest.mark.parametrize("dies", ["versions", "prepare", "save", "time"])
def test_a_worker_that_dies_is_reported_the_rest_goes_on_and_the_next_case_has_a_new_one(dies):
    peers = FakePeers(torch={"dies": dies}, jax={})
    results, _ = measured(peers, [CASE, Case("gru", 3, 2, 5, 4, "training", 1)])
    for result in results:
        assert result.outcomes["torch"] == Outcome("failed", "torch was ended by SIGSEGV")
        assert len(result.outcomes["jax"].seconds) == len(result.outcomes["unrolled"].seconds) == 3
    assert peers.started.count(("torch", 1)) == 2
    assert peers.started.count(("jax", 1)) == 1


def test_each_number_of_threads_has_workers_of_its_own_and_the_ones_before_are_gone():
    peers = FakePeers()
    two = Case("lstm", 3, 2, 5, 4, "training", 2)
    measured(peers, [CASE, two])
    assert peers.started == [("unrolled", 1), ("peak", 1), ("unrolled", 2), ("peak", 2)]


def test_workers_are_closed_when_a_run_is_given_up():
    peers = FakePeers(torch={})
    running = run_cases(
        [CASE, CASE], ["unrolled", "torch"], rounds=1, seconds=0, versions={}, start=peers.start, pause=0
    )
    next(running)
    assert peers.open == 3
    running.close()
    assert peers.open == 0


def test_our_own_worker_answers_through_a_real_process_with_every_gradient(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", HOME)
    started = []

    def start(name, threads):
        started.append(start_worker(name, threads))
        return started[-1]

    versions = {}
    (result,) = run_cases([CASE], ["unrolled"], rounds=2, seconds=0, versions=versions, start=start, pause=0)
    assert result.outcomes["unrolled"].status == "timed"
    assert len(result.outcomes["unrolled"].seconds) == 2
    assert all(rate > 1e6 for rate in result.peaks)
    assert not any(worker.alive for worker in started)


# The problem, our own peer, agreement.


def test_the_grid_is_the_sizes_cells_modes_and_threads_asked_for():
    cases = grid()
    assert len(set(cases)) == len(cases)
    single = [case for case in cases if case.dtype == "float32" and case.mode != "step"]
    wanted = itertools.product(("lstm", "gru", "rnn"), SIZES, ("inference", "training"), (1, 2))
    assert {(c.cell, c.size, c.mode, c.threads) for c in single} == set(wanted)
    assert len(SIZES) == 11
    double = [case for case in cases if case.dtype == "float64"]
    assert {case.cell for case in double} == {"lstm"}
    assert len({case.size for case in double}) == 4
    assert {case.size for case in cases if case.mode == "step"} == {(1, 1, 64, 64)}
    assert [case.threads for case in cases] == sorted(case.threads for case in cases)
    chosen = grid(["gru"], [(2, 3, 4, 5)], ["training"], [1], ["float64"])
    assert chosen == [Case("gru", 2, 3, 4, 5, "training", 1, "float64")]


def test_flops_count_the_products_of_the_weights_three_times_in_training():
    assert Case("lstm", 2, 3, 5, 7, "inference", 1).flops == 2 * 2 * 3 * 4 * 7 * (5 + 7)
    assert Case("gru", 2, 3, 5, 7, "training", 1).flops == 3 * 2 * 2 * 3 * 3 * 7 * (5 + 7)
    assert Case("rnn", 1, 1, 5, 7, "step", 1).flops == 2 * 7 * (5 + 7)


def test_the_problem_is_the_same_each_time_and_has_no_zeros_to_hide_behind():
    first, again = problem(CASE), problem(CASE)
    assert {name: array.shape for name, array in first.items()} == {
        "x": (3, 2, 5), "dy": (3, 2, 4), "weight_ih": (16, 5), "weight_hh": (16, 4), "bias": (16,),
    }  # fmt: skip
    for name, array in first.items():
        assert array.dtype == "float32"
        assert np.array_equal(array, again[name])
        assert np.all(array != 0)


@pytest.mark.parametrize("mode", MODES)
def test_our_own_peer_computes_the_layer_with_the_weights_of_the_problem(mode, tmp_path):
    case = Case("gru", 1, 2, 5, 4, mode, 1, "float64")
    worker = PeerWorker("unrolled")
    assert worker.prepare(case.to_record()) is None
    worker.save(str(tmp_path / "own.npz"))
    own = dict(np.load(tmp_path / "own.npz"))
    given = problem(case)
    gru = GRU(5, 4, dtype="float64")
    gru.set(**{f"{name}_l0": given[name] for name in ("weight_ih", "weight_hh", "bias", "bias_hn")})
    run = gru.forward(given["x"])
    wanted = {"y": run.output}
    if mode == "training":
        gradients = gru.backward(run, given["dy"])
        wanted["dx"] = gradients.x
        wanted |= {f"d{name[:-3]}": array for name, array in gradients.parameters.items()}
    assert disagreement(wanted, own, "float64") is None
    assert len(wanted) == (6 if mode == "training" else 1)


def test_training_packs_the_weights_anew_in_every_call_and_inference_does_not():
    for mode, packs in (("training", 3), ("inference", 0)):
        worker = PeerWorker("unrolled")
        worker.prepare(Case("lstm", 2, 2, 3, 4, mode, 1).to_record())
        layer = worker.peer.layer
        assert isinstance(layer, LSTM)
        before = layer.version
        for _ in range(3):
            worker.peer.run()
        assert layer.version - before == packs


def test_agreement_is_of_every_array_its_shape_its_dtype_and_every_entry():
    y = np.array([100.0, -1.0])
    assert disagreement({"y": y}, {"y": y + 1e-11}, "float64") is None
    assert "`y` differs by 1.0e-10" in disagreement({"y": y}, {"y": y + np.array([0, 1e-8])}, "float64")
    assert "`dx` is missing" in disagreement({"y": y}, {"y": y, "dx": y}, "float64")
    assert "`y` is float32 (2,), expected float64 (2,)" in disagreement({"y": y}, {"y": y.astype("float32")}, "float64")
    assert "`y` is float64 (1, 2), expected" in disagreement({"y": y}, {"y": y[None]}, "float64")
    for first, second in ((y, y * np.nan), (y * np.nan, y)):
        assert "`z` differs by nan" in disagreement({"z": first, "y": y}, {"z": second, "y": y + 1}, "float64")
    assert TOLERANCES["float32"] > 100 * np.finfo("float32").eps


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
    failed = Row(*("lstm", "float32", 3, 2, 5, 4, "training", 1), "jax", "failed", 0, *[None] * 7, "died")
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
    assert "14/14 lstm float32 (1, 1, 64, 64) step, 2 threads" in progress
    machine, rows = read_csv(csv)
    assert machine["torch"] == "1.0"
    assert len(rows) == 28  # of two peers
    assert {row.times_ours for row in rows if row.peer == "torch"} == {2.0}
    assert len(json.loads(record.read_text(encoding="utf-8"))["cases"]) == 14
    assert "2.00" in out
    assert "missed" in out
    command("--show", csv)
    again = capsys.readouterr().out
    assert again == out[out.index("processor") :]


@pytest.mark.parametrize(("load", "said"), [("0.40", False), ("0.60", True)])
def test_a_busy_machine_is_remarked_on(fakes, monkeypatch, capsys, load, said):
    monkeypatch.setattr("unrolled.bench.machine.describe_machine", lambda: {"load average before": load})
    command("--quick", "--rounds", 1)
    assert ("Something else is running on this machine" in capsys.readouterr().out) is said


def test_what_is_done_is_kept_when_a_run_is_interrupted(fakes, tmp_path, monkeypatch, capsys):
    def interrupted(self, seconds):
        if ("torch", "time") in fakes.log[:-1]:
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
    command(*chosen, "--peers", "torch", "--rounds", 2, "--csv", csv)
    _, rows = read_csv(csv)
    assert {row.case for row in rows} == {Case(cell, 2, 3, 4, 5, "training", 2, "float64") for cell in ("gru", "rnn")}
    assert {row.rounds for row in rows} == {2}
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


def test_sizes_are_read_as_they_are_typed():
    assert parse_size("100x64X8x12") == (100, 64, 8, 12)
    with pytest.raises(ParameterError, match=r"`sizes` has 'ax1x1x1', expected T x N x I x H; write it as"):
        parse_size("ax1x1x1")


def test_a_plot_without_matplotlib_is_refused_before_anything_is_measured(fakes, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    command("--quick", "--plot", "never.png", code=2)
    assert (
        "`plot` needs matplotlib, expected it to be installed; pip install 'unrolled[bench]'" in capsys.readouterr().err
    )
    assert fakes.started == []
    with pytest.raises(MissingExtraError, match=r"pip install 'unrolled\[bench\]'"):
        plot(Path("never.png"), {}, [])


def test_a_peer_is_there_when_all_its_packages_are(monkeypatch):
    assert missing_packages("unrolled") == []
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "onnxruntime" else object())
    assert missing_packages("onnx") == ["onnxruntime"]
    assert missing_packages("torch") == []


def test_a_plot_shows_every_timed_peer_of_every_case(tmp_path):
    pytest.importorskip("matplotlib")
    rows = [row for result in table() for row in rows_of(result)]
    plot(tmp_path / "new" / "b.svg", {"processor": "Some thing"}, rows)
    drawn = (tmp_path / "new" / "b.svg").read_text(encoding="utf-8")
    for words in ("LSTM float32, training, 1 thread", "LSTM float32, inference, 2 threads", "PyTorch", "Some thing"):
        assert f"<!-- {words}" in drawn
    for words in ("ONNX Runtime", "GRU"):  # not timed
        assert f"<!-- {words}" not in drawn


# The peers themselves, where they are installed.


@pytest.mark.torch
@pytest.mark.parametrize("name", [name for name in PEERS if name != "unrolled"])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_peer_computes_what_we_do(name, mode, cell, dtype, tmp_path, monkeypatch):
    if missing := missing_packages(name):
        pytest.skip(f"{', '.join(missing)} not installed")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    case = Case(cell, 1 if mode == "step" else 5, 3, 4, 6, mode, 1, dtype)
    results = {}
    for peer in ("unrolled", name):
        worker = PeerWorker(peer)
        refused = worker.prepare(case.to_record())
        if refused is not None:
            assert name in ("onnx", "keras")
            pytest.skip(refused)
        worker.save(str(tmp_path / f"{peer}.npz"))
        results[peer] = dict(np.load(tmp_path / f"{peer}.npz"))
    assert disagreement(results["unrolled"], results[name], dtype) is None
    results[name]["y"][-1, -1, -1] += 1
    assert disagreement(results["unrolled"], results[name], dtype) is not None


@pytest.mark.torch
@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_both_forms_of_the_jax_scan_compute_what_we_do(cell, inside, monkeypatch):
    pytest.importorskip("jax")
    peer = importlib.import_module(PEERS["jax"].module)
    monkeypatch.setattr(peer, "timed", lambda form, seconds: {"seconds": next(order)})
    order = iter([2.0, 1.0] if inside else [1.0, 2.0])
    forms, compiled = [], peer.Peer._compiled
    monkeypatch.setattr(peer.Peer, "_compiled", lambda *given: forms.append(compiled(*given)) or forms[-1])
    case = Case(cell, 5, 3, 4, 6, "training", 1, "float64")
    jax, ours = peer.Peer(), PeerWorker("unrolled").peer
    for each in (jax, ours):
        each.prepare(case, problem(case))
    assert jax.run is forms[inside]
    assert disagreement(ours.arrays(ours.run()), jax.arrays(jax.run()), "float64") is None
