"""Built-in data sets: what is read is what the packages ship, and a missing package is named with its extra."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from unrolled.data import builtin
from unrolled.data.builtin import DATASETS, load_dataset, read_ts
from unrolled.errors import DataError, MissingExtraError, ParameterError

SERIES = "# about\n@problemName X\n@classLabel true a b\n@data\n1,2,3:4,5,6:a\n7,8,9:-1,-2,-3.5:b\n"


def write(folder: Path, content: str) -> Path:
    path = folder / "X_TRAIN.ts"
    path.write_text(content, encoding="utf-8")
    return path


def test_series_come_time_by_channel_with_their_class(tmp_path: Path):
    X, y = read_ts(write(tmp_path, SERIES))
    assert isinstance(X, np.ndarray)
    assert X.dtype == np.float32
    assert X.tolist() == [[[1, 4], [2, 5], [3, 6]], [[7, -1], [8, -2], [9, -3.5]]]
    assert y.tolist() == ["a", "b"]


def test_series_of_unequal_length_come_as_a_list(tmp_path: Path):
    X, _ = read_ts(write(tmp_path, SERIES + "1,2:3,4:a\n"))
    assert [part.shape for part in X] == [(3, 2), (3, 2), (2, 2)]


@pytest.mark.parametrize("line", ["1,2,x:4,5,6:a", "1,2:4,5,6:a"])
def test_a_line_that_is_no_series_is_named(tmp_path: Path, line: str):
    with pytest.raises(DataError, match=r"line 7 is no series .* expected channels of numbers, all of one length"):
        read_ts(write(tmp_path, SERIES + line + "\n"))


@pytest.mark.parametrize("content", ["", "1,2:a\n", SERIES + "truncated"])
def test_a_file_without_series_is_refused(tmp_path: Path, content: str):
    with pytest.raises(DataError, match="holds no labelled series behind @data"):
        read_ts(write(tmp_path, content))


@pytest.mark.parametrize("package", ["aeon", "sktime"])
def test_either_package_brings_the_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str):
    folder = tmp_path / "datasets" / "data" / "GunPoint"
    folder.mkdir(parents=True)
    for part in ("TRAIN", "TEST"):
        (folder / f"GunPoint_{part}.ts").write_text(SERIES if part == "TRAIN" else SERIES.replace("7,8", "7,0"))
    monkeypatch.setattr(builtin, "_folder", lambda name: tmp_path if name == package else None)
    data = load_dataset("GunPoint")
    assert (data.X_train[1][1, 0], data.X_test[1][1, 0]) == (8, 0)
    assert data.y_test.tolist() == ["a", "b"]
    assert data.about.endswith(package)


@pytest.mark.parametrize("name", DATASETS)
def test_a_missing_package_is_named_with_its_extra(name: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(builtin, "_folder", lambda name: None)
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    package = {"digits": "scikit-learn", "names": "names"}.get(name, "aeon")
    told = rf"`{name}` comes with {package}, .*pip install 'unrolled\[data\]'"
    with pytest.raises(MissingExtraError, match=told):
        load_dataset(name)


def test_an_unknown_name_is_told_the_known_ones():
    with pytest.raises(ParameterError, match=r"`name` is 'vowels', expected one of JapaneseVowels, "):
        load_dataset("vowels")


@pytest.mark.extras
@pytest.mark.parametrize(
    ("name", "train", "test", "classes", "shape"),
    [
        ("JapaneseVowels", 270, 370, 9, (20, 12)),
        ("ItalyPowerDemand", 67, 1029, 2, (24, 1)),
        ("GunPoint", 50, 150, 2, (150, 1)),
        ("BasicMotions", 40, 40, 4, (100, 6)),
        ("digits", 898, 899, 10, (8, 8)),
        ("names", 4130, 1033, 2, (8, 26)),
    ],
)
def test_the_official_split_has_its_size(name: str, train: int, test: int, classes: int, shape: tuple[int, int]):
    data = load_dataset(name)
    assert (len(data.X_train), len(data.y_train), len(data.X_test), len(data.y_test)) == (train, train, test, test)
    assert set(data.y_train.tolist()) == set(data.y_test.tolist())
    assert len(set(data.y_train.tolist())) == classes
    assert data.X_train[0].shape == shape
    assert all(part.dtype == np.float32 and np.isfinite(part).all() for part in [*data.X_train, *data.X_test])


@pytest.mark.extras
def test_the_archive_is_read_as_its_own_package_reads_it():
    from aeon.datasets import load_basic_motions, load_japanese_vowels

    for name, loader in (("JapaneseVowels", load_japanese_vowels), ("BasicMotions", load_basic_motions)):
        data, (X, y) = load_dataset(name), loader(split="test")
        assert [label.lower() for label in data.y_test] == y.tolist()
        for own, theirs in zip(data.X_test, X, strict=True):
            np.testing.assert_array_equal(own, theirs.T.astype(np.float32))


@pytest.mark.extras
def test_a_name_is_spelled_one_letter_a_step_and_belongs_to_those_who_bear_it_more_often():
    data = load_dataset("names")
    spelled = {
        "".join(builtin.LETTERS[i] for i in x.argmax(axis=1)): y
        for X, Y in ((data.X_train, data.y_train), (data.X_test, data.y_test))
        for x, y in zip(X, Y, strict=True)
    }
    assert all((x.sum(axis=1) == 1).all() for x in data.X_train)
    assert len(spelled) == 5163
    assert (spelled["MARY"], spelled["JOHN"], spelled["JAMES"]) == ("female", "male", "male")
