"""The scripts that measure lengths, the import, the installed size and memory: what they make of what they see."""

import importlib
import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from engine.processes import python

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


@pytest.fixture
def script(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.setenv(name, "1")
    return importlib.import_module


def test_the_share_of_work_counts_whole_tiles_of_the_rows_that_a_step_has(script, monkeypatch):
    lengths = script("lengths")
    monkeypatch.setattr(lengths.engine, "info", lambda: {"instruction_set": "avx512"})
    assert lengths.share_of_work(np.full(7, 5), 5) == 1
    assert lengths.share_of_work(np.array([4, 4, 4, 4, 4, 4, 2]), 4) == 6 / 8  # 2 tiles, 2 tiles, 1, 1
    monkeypatch.setattr(lengths.engine, "info", lambda: {"instruction_set": "avx2"})
    assert lengths.share_of_work(np.array([4, 4, 1, 1, 0]), 4) == 5 / 8  # tiles of 3 rows: 2, 1, 1, 1


def test_each_mode_is_told_with_full_and_with_random_lengths(script):
    records = script("lengths").measure((40, 24, 8, 32), rounds=5, least=0.01, libraries=["engine"])
    told = {(record["mode"], record["lengths"]): record for record in records}
    assert set(told) == {(mode, kind) for mode in ("inference", "training") for kind in ("full", "random")}
    for (_, kind), record in told.items():
        assert (record["share of work"] < 1) == (kind == "random")
        assert record["lower quartile"] <= record["of padded"] <= record["upper quartile"]


def test_lengths_that_change_the_outputs_are_not_timed(script, monkeypatch):
    lengths = script("lengths")
    different = iter(range(9))
    monkeypatch.setattr(lengths, "LIBRARIES", {"engine": lambda *_: {"inference": lambda: np.array(next(different))}})
    with pytest.raises(SystemExit, match="differ from those without: not timed"):
        lengths.measure((2, 1, 1, 1), rounds=1, least=0, libraries=["engine"])


def test_the_import_is_measured_in_new_processes_and_a_link_to_the_sources_has_no_size(script, monkeypatch):
    startup = script("startup")
    times = startup.import_milliseconds(2)
    assert len(times) == 2
    assert all(1 < time < 60_000 for time in times)
    monkeypatch.setattr(startup.importlib.metadata, "files", lambda name: [])
    assert startup.installed_megabytes() is None


def test_the_size_is_of_the_installed_files_without_bytecode(script, monkeypatch, tmp_path):
    startup, sizes = script("startup"), {"_native.so": 3_000_000, "__init__.py": 500_000, "layers.pyc": 400_000}

    class Installed(type(tmp_path)):
        def locate(self):
            return tmp_path / self

    for name, size in sizes.items():
        (tmp_path / name).write_bytes(bytes(size))
    monkeypatch.setattr(startup.importlib.metadata, "files", lambda name: [Installed(name) for name in sizes])
    assert startup.installed_megabytes() == 3.5
    del sizes["__init__.py"]
    assert startup.installed_megabytes() is None


linux = pytest.mark.skipif(not os.access("/proc/self/clear_refs", os.W_OK), reason="a peak cannot be forgotten here")


# In processes of their own, where nothing else has left room.
GROWTH = f"""
import sys
sys.path.insert(0, {str(BENCHMARKS)!r})
import memory, numpy as np
from pathlib import Path

def fill(megabytes):
    np.ones(megabytes * 10**6, np.uint8)

if sys.argv[1:]:
    memory.CLEAR_REFS = Path(sys.argv[1])
fill(96)
grown, counted = memory.peak_growth(lambda: fill(40))
highest = int(memory.highest_megabytes())
beyond, _ = memory.peak_growth(lambda: fill(highest + 40))
print(grown, highest, beyond, counted == memory.FORGOTTEN, counted == memory.NOT_FORGOTTEN)
"""


@linux
def test_growth_into_room_that_was_used_and_freed_before_is_counted():
    done = python("-c", GROWTH)
    grown, _, _, *counted = done.stdout.split()
    assert 39 < float(grown) < 50
    assert counted == ["True", "False"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no ru_maxrss")
def test_where_the_peak_cannot_be_forgotten_growth_below_it_is_missing_and_the_record_says_so(tmp_path):
    done = python("-c", GROWTH, str(tmp_path / "no folder" / "clear_refs"))
    grown, highest, beyond, *counted = done.stdout.split()
    assert float(grown) < 1
    assert 39 < float(beyond) < float(highest) + 41
    assert counted == ["False", "True"]


@linux
def test_the_growth_of_training_holds_at_least_what_it_must_keep(script):
    T, N, I, H = 64, 64, 64, 128  # noqa: E741
    growth = {way: script("memory").in_own_process(way, f"{T},{N},{I},{H}")[0] for way in ("full", "sqrt")}
    results, gates = T * N * (I + H) * 4 / 1e6, T * N * 4 * H * 4 / 1e6
    assert growth["full"] > results + gates
    assert results < growth["sqrt"] < results + gates


def test_one_record_of_memory_holds_every_size_with_its_ways(script, monkeypatch, tmp_path):
    memory = script("memory")
    grown = {"torch": 160.0, "full": 64.0, "low": 32.0, "sqrt": 56.3}

    def record(*arguments: str) -> dict:
        monkeypatch.setattr(sys, "argv", ["memory.py", *arguments, "--json", str(tmp_path / "memory.json")])
        memory.main()
        return json.loads((tmp_path / "memory.json").read_text(encoding="utf-8"))

    monkeypatch.setattr(memory, "in_own_process", lambda way, size: (grown[way], memory.FORGOTTEN))
    monkeypatch.setattr(memory.importlib.util, "find_spec", lambda name: name)
    monkeypatch.setattr(memory.importlib.metadata, "version", lambda name: "2.0")
    whole = record()
    assert whole["counted by"] == memory.FORGOTTEN
    assert whole["machine"]["PyTorch"] == "2.0"
    of_sizes = whole["megabytes for T,N,I,H"]
    assert list(of_sizes) == ["128,64,128,256", "100000,1,64,64"]
    assert of_sizes["128,64,128,256"]["peak growth"] == grown
    assert of_sizes["100000,1,64,64"] == {
        "y and dx": 51.2,
        "peak growth": {"sqrt": 56.3},
        "beyond y and dx": {"sqrt": 5.1},
    }
    chosen = record("--size", "2,1,3,4", "--size", "1,1,1,1", "--ways", "full,low")["megabytes for T,N,I,H"]
    assert {size: list(found["peak growth"]) for size, found in chosen.items()} == {
        "2,1,3,4": ["full", "low"],
        "1,1,1,1": ["full", "low"],
    }
    monkeypatch.setattr(memory.importlib.util, "find_spec", lambda name: None)
    without = record()
    assert list(without["megabytes for T,N,I,H"]["128,64,128,256"]["peak growth"]) == ["full", "low", "sqrt"]
    assert "PyTorch" not in without["machine"]
