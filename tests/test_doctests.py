"""Every example in a docstring runs and prints what it says; which examples there should be is not asked here."""

import doctest
import importlib
import pkgutil
from pathlib import Path
from types import ModuleType

import pytest

import unrolled

FOUND = [module.name for module in pkgutil.walk_packages(unrolled.__path__, "unrolled.")]
MODULES = ["unrolled", *(name for name in FOUND if not name.endswith(("._native", ".__main__")))]


def failures(module: ModuleType) -> str:
    """What doctest says about the examples of `module` that fail; empty when all hold."""
    report: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    for test in doctest.DocTestFinder(exclude_empty=True).find(module):
        runner.run(test, out=report.append)
    return "".join(report)


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_hold(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)  # an example may write files
    if report := failures(importlib.import_module(name)):
        pytest.fail(report, pytrace=False)


@pytest.mark.parametrize("example", [">>> 1 + 1\n3", ">>> import warnings; warnings.warn('old')", ">>> 1 / 0"])
def test_a_wrong_example_is_noticed(example: str):
    sham = ModuleType("sham", example)
    assert "Failed example" in failures(sham)


def test_a_right_example_passes():
    assert not failures(ModuleType("sham", ">>> 1 + 1\n2"))
