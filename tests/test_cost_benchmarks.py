"""The scripts that measure unequal lengths, the import and the installed size: what they make of what they see."""

import importlib
from pathlib import Path

import numpy as np
import pytest

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
    startup, sizes = script("startup"), {"_native.so": 3_000_000, "layers.py": 500_000, "layers.pyc": 400_000}

    class Installed(type(tmp_path)):
        def locate(self):
            return tmp_path / self

    for name, size in sizes.items():
        (tmp_path / name).write_bytes(bytes(size))
    monkeypatch.setattr(startup.importlib.metadata, "files", lambda name: [Installed(name) for name in sizes])
    assert startup.installed_megabytes() == 3.5
