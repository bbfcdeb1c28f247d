"""Real sequences to classify that installed packages ship, each with its official split; no downloads, no model."""

from __future__ import annotations

import importlib
import importlib.util
import string
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from unrolled.errors import DataError, MissingExtraError, ParameterError
from unrolled.shapes import Array

__all__ = [
    "DATASETS",
    "Dataset",
    "basic_motions",
    "digits",
    "gun_point",
    "italy_power_demand",
    "japanese_vowels",
    "load_dataset",
    "names",
]

LETTERS = string.ascii_uppercase
NAMES_HELD_OUT = 0.2


class Dataset(NamedTuple):
    """Sequences and their classes, in two parts."""

    X_train: Array | list[Array]  # (N, T, I), or a list of (T_i, I); float32
    y_train: NDArray[Any]  # (N,)
    X_test: Array | list[Array]
    y_test: NDArray[Any]
    about: str  # one line: what it is, whose split it is, and which package it came from


def japanese_vowels() -> Dataset:
    """Two vowels spoken by nine men, as 12 cepstral coefficients over 7 to 29 steps: who spoke? 270 train, 370 test.

    Returns:
        A data set with lists of `(T_i, 12)`, and the speakers "1" to "9".

    Raises:
        MissingExtraError: neither aeon nor sktime is installed.

    Source: Kudo, Toyama & Shimbo 1999.
    """
    return _archive("JapaneseVowels", "nine speakers' vowels, 12 cepstral coefficients")


def italy_power_demand() -> Dataset:
    """Electricity demand over the 24 hours of a day in Italy: October to March ("1"), or April to September ("2")?

    Returns:
        A data set with `(67, 24, 1)` to train and `(1029, 24, 1)` to test.

    Raises:
        MissingExtraError: neither aeon nor sktime is installed.

    Source: Keogh, Wei, Xi, Lonardi, Shieh & Sirowy 2006.
    """
    return _archive("ItalyPowerDemand", "a day's demand for electricity, 24 hours")


def gun_point() -> Dataset:
    """A hand's height over 150 frames: draws a gun ("1"), or points ("2")? 50 train, 150 test, `(N, 150, 1)`.

    Raises:
        MissingExtraError: neither aeon nor sktime is installed.

    Source: Ratanamahatana & Keogh 2005.
    """
    return _archive("GunPoint", "a hand's height over 150 frames")


def basic_motions() -> Dataset:
    """A watch's accelerometer and gyroscope over 10 s: walking, resting, running or badminton? 40 train, 40 test.

    Returns:
        A data set with `(40, 100, 6)` in either part.

    Raises:
        MissingExtraError: neither aeon nor sktime is installed.

    Source: Bagnall et al. 2018, the UEA archive.
    """
    return _archive("BasicMotions", "a smart watch's 6 sensors at 10 Hz for 10 s")


def digits() -> Dataset:
    """Handwritten digits of 8 by 8 pixels, read row by row: 8 steps of 8 features, with ink from 0 to 16.

    Returns:
        A data set with `(898, 8, 8)` to train and `(899, 8, 8)` to test: the first and the second half, as in
        scikit-learn's own example. Writers follow one another, so the second half is written by others.

    Raises:
        MissingExtraError: scikit-learn is not installed.

    Source: Alpaydin & Kaynak 1998.
    """
    try:
        datasets: Any = importlib.import_module("sklearn.datasets")
    except ImportError:
        raise _missing("digits", "scikit-learn") from None
    loaded = datasets.load_digits()
    X: Array = loaded.images.astype(np.float32)
    y: NDArray[Any] = loaded.target
    half = len(X) // 2
    return Dataset(X[:half], y[:half], X[half:], y[half:], "8 x 8 pixels row by row, split in halves; scikit-learn")


def names() -> Dataset:
    """First names of the United States census of 1990, letter by letter: "female" or "male"?

    A name that both bear counts as theirs who bear it more often.

    Returns:
        A data set with lists of `(T_i, 26)`, one letter a step, A to Z. There is no official split: a fifth, drawn with
        seed 0, is for testing.

    Raises:
        MissingExtraError: the package names is not installed.

    Source: United States Census Bureau 1995.
    """
    folder = _folder("names")
    if folder is None:
        raise _missing("names", "names")
    shares: dict[str, dict[str, float]] = {}
    for kind in ("female", "male"):
        for line in (folder / f"dist.{kind}.first").read_text(encoding="ascii").splitlines():
            name, share = line.split()[:2]
            shares.setdefault(name, {})[kind] = float(share)
    order: list[int] = np.random.default_rng(0).permutation(len(shares)).tolist()
    spelled = sorted(shares)
    letters = np.eye(len(LETTERS), dtype=np.float32)
    X = [letters[[LETTERS.index(letter) for letter in spelled[row]]] for row in order]
    y = np.array([max(shares[spelled[row]], key=shares[spelled[row]].__getitem__) for row in order])
    cut = round(len(X) * (1 - NAMES_HELD_OUT))
    return Dataset(X[:cut], y[:cut], X[cut:], y[cut:], "first names letter by letter, a fifth held out; names")


DATASETS: dict[str, Callable[[], Dataset]] = {
    "JapaneseVowels": japanese_vowels,
    "ItalyPowerDemand": italy_power_demand,
    "GunPoint": gun_point,
    "BasicMotions": basic_motions,
    "digits": digits,
    "names": names,
}


def load_dataset(name: str) -> Dataset:
    """The data set of that name, one of `DATASETS`.

    Raises:
        ParameterError: there is none of that name.
        MissingExtraError: the package that ships it is not installed.
    """
    if name not in DATASETS:
        raise ParameterError(f"`name` is {name!r}, expected one of {', '.join(DATASETS)}; check the spelling")
    return DATASETS[name]()


def _archive(name: str, what: str) -> Dataset:
    """A data set of the time series archive as aeon and sktime ship it; neither is imported, which takes seconds."""
    for package in ("aeon", "sktime"):
        root = _folder(package)
        folder = None if root is None else root / "datasets" / "data" / name
        if folder is not None and folder.is_dir():
            parts = [read_ts(folder / f"{name}_{part}.ts") for part in ("TRAIN", "TEST")]
            return Dataset(*parts[0], *parts[1], f"{what}, the archive's split; {package}")
    raise _missing(name, "aeon")


def read_ts(path: Path) -> tuple[Array | list[Array], NDArray[Any]]:
    """Reads labelled series in the archive's `.ts` format: one a line, its channels and class separated by colons.

    Returns:
        `(N, T, I)` float32, or a list of `(T_i, I)` where lengths differ, and the classes `(N,)` as text.

    Raises:
        DataError: the file holds no series, or a line is not one.
    """
    series: list[Array] = []
    labels: list[str] = []
    inside = False
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        line = line.strip()
        if inside and line:
            *channels, label = line.split(":")
            try:
                series.append(np.array([channel.split(",") for channel in channels], np.float32).T.copy())
            except ValueError as error:
                raise DataError(
                    f"`{path}` line {number} is no series ({error}), expected channels of numbers, all of one length, "
                    "and a class; is the file whole?"
                ) from None
            labels.append(label)
        inside = inside or line.lower() == "@data"
    if not series or any(part.ndim != 2 for part in series):
        raise DataError(f"`{path}` holds no labelled series behind @data, expected one a line; is the file whole?")
    equal = len({part.shape for part in series}) == 1
    return np.stack(series) if equal else series, np.array(labels)


def _folder(package: str) -> Path | None:
    """Where an installed package lies; it is not imported."""
    spec = importlib.util.find_spec(package)
    return None if spec is None or spec.origin is None else Path(spec.origin).parent


def _missing(name: str, package: str) -> MissingExtraError:
    return MissingExtraError(
        f"`{name}` comes with {package}, expected it to be installed; pip install 'unrolled[data]'"
    )
