"""One run of `unrolled bench`: turns, agreement and deaths with fake workers, the problem, and the peers themselves."""

import importlib
import itertools
import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import unrolled
from bench_fakes import CASE, FakePeers
from unrolled import GRU, LSTM
from unrolled.bench.agreement import TOLERANCES, disagreement
from unrolled.bench.cases import MODES, SIZES, STEPS, Case, grid, parse_size, problem
from unrolled.bench.peers import PEERS, missing_packages
from unrolled.bench.rounds import Outcome, run_cases, start_worker
from unrolled.bench.worker import PeerWorker
from unrolled.errors import ParameterError

HOME = str(Path(unrolled.__file__).parent.parent)


def measured(peers, cases=(CASE,), rounds=3):
    versions = {}
    names = ["unrolled", *(name for name in peers.behaviours if name not in ("unrolled", "peak"))]
    results = list(run_cases(cases, names, rounds=rounds, seconds=0, versions=versions, start=peers.start, pause=0))
    assert peers.open == 0  # every worker was closed
    return results, versions


# Rounds.


def orders(peers):
    """Who was asked in each round, after the peak."""
    asked = " ".join(name for name, do in peers.log if do in ("rate", "time"))
    assert asked.startswith("peak ")
    return [part.split() for part in asked.split("peak")[1:]]


def test_peers_take_turns_and_every_round_measures_the_peak():
    peers = FakePeers(torch={"seconds": 3.0}, jax={"seconds": 2.0})
    (result,), versions = measured(peers)
    assert [sorted(order) for order in orders(peers)] == [["jax", "torch", "unrolled"]] * 3
    assert result.peaks == [1e9] * 3
    assert result.outcomes["torch"] == Outcome("timed", "", [3.0, 6.0, 9.0])
    assert versions == {"unrolled": "1.0", "torch": "1.0", "jax": "1.0"}


def test_the_order_of_each_round_is_drawn_so_that_each_follows_every_other_and_a_second_run_draws_the_same():
    runs = [FakePeers(torch={}, onnx={}, jax={}) for _ in range(2)]
    for peers in runs:
        measured(peers, [CASE, CASE, CASE], rounds=20)
    first, again = map(orders, runs)
    assert first == again
    assert len({tuple(order) for order in first}) > 12  # of the 24 there are; rotation has 4
    neighbours = Counter(pair for order in first for pair in itertools.pairwise(order))
    assert len(neighbours) == 12
    assert max(neighbours.values()) < 3 * min(neighbours.values())


def test_no_turn_begins_before_the_pools_of_the_one_before_may_be_asleep(monkeypatch):
    peers = FakePeers(torch={})
    monkeypatch.setattr("unrolled.bench.rounds.time.sleep", lambda seconds: peers.log.append(("pause", seconds)))
    list(run_cases([CASE], ["unrolled", "torch"], rounds=2, seconds=0, versions={}, start=peers.start))
    timed = [index for index, (_, do) in enumerate(peers.log) if do in ("rate", "time")]
    assert len(timed) == 6
    assert all(peers.log[index - 1][0] == "pause" and peers.log[index - 1][1] > 0.05 for index in timed)


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


def test_a_peak_that_dies_loses_its_own_round_is_reported_and_has_a_new_worker_in_the_next():
    peers = FakePeers(torch={}, peak={"dies in turn": 2})
    results, _ = measured(peers, [CASE, CASE])
    for result in results:  # a worker's second turn: the second round, then, of the one after it, the first of a case
        assert result.peak_reason == "peak was ended by SIGSEGV"
        assert [len(outcome.seconds) for outcome in result.outcomes.values()] == [3, 3]
    assert [[math.isnan(peak) for peak in result.peaks] for result in results] == [
        [False, True, False],
        [True, False, True],
    ]
    assert peers.started.count(("peak", 1)) == 3


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


def test_our_own_worker_and_the_peak_answer_through_real_processes(monkeypatch):
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
    single = [case for case in cases if case.dtype == "float32" and case.mode not in STEPS]
    wanted = itertools.product(("lstm", "gru", "rnn"), SIZES, ("inference", "training"), (1, 2))
    assert {(c.cell, c.size, c.mode, c.threads) for c in single} == set(wanted)
    assert len(SIZES) == 11
    double = [case for case in cases if case.dtype == "float64"]
    assert {case.cell for case in double} == {"lstm"}
    assert len({case.size for case in double}) == 4
    for mode in STEPS:
        assert {case.size for case in cases if case.mode == mode} == {(1, 1, 64, 64)}
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


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_a_step_begins_at_the_same_state_in_every_call_and_one_in_place_where_the_last_has_ended(cell):
    for mode, goes_on in (("step", False), ("step-in-place", True)):
        case = Case(cell, 1, 2, 5, 4, mode, 1, "float64")
        worker = PeerWorker("unrolled")
        worker.prepare(case.to_record())
        first, second = (np.array(worker.peer.run()[0][0]) for _ in range(2))
        wanted, _ = worker.peer.layer(np.repeat(problem(case)["x"], 2, axis=0))
        np.testing.assert_array_almost_equal_nulp(first, wanted[0], 16)
        np.testing.assert_array_almost_equal_nulp(second, wanted[int(goes_on)], 16)
        h = worker.peer.state.h if cell == "lstm" else worker.peer.state
        assert np.array_equal(h[0], second if goes_on else np.zeros_like(second))


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


def test_sizes_are_read_as_they_are_typed():
    assert parse_size("100x64X8x12") == (100, 64, 8, 12)
    with pytest.raises(ParameterError, match=r"`sizes` has 'ax1x1x1', expected T x N x I x H; write it as"):
        parse_size("ax1x1x1")


def test_a_peer_is_there_when_all_its_packages_are(monkeypatch):
    assert missing_packages("unrolled") == []
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "onnxruntime" else object())
    assert missing_packages("onnx") == ["onnxruntime"]
    assert missing_packages("torch") == []


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
    case = Case(cell, 1 if mode in STEPS else 5, 3, 4, 6, mode, 1, dtype)
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
