"""The corpus is what it says: every correct file is right, every mutant is wrong; all without the checker."""

import warnings
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

import pytest

from check.learners import bench, mutants, proof
from check.learners.conventions import CONVENTIONS, Convention, conventions
from check.learners.corpus import CORRECT, SOURCES, code, defined, readable
from unrolled.check.results import Finding, FunctionReport, Place


@pytest.mark.parametrize("path", [*CORRECT, *SOURCES], ids=lambda path: path.name)
def test_a_correct_file_is_right_by_its_written_convention(path: Path):
    if not readable(path):
        pytest.skip("the file computes with SciPy, which is not installed")
    text = code(path)
    module = proof.load(text)
    known = conventions(path.stem, defined(text))
    assert known, "no function of the course"
    for name, convention in known.items():
        for seed in (0, 1):
            far = proof.differences(module, name, known, seed)
            wrong = {role: size for role, size in far.items() if not size <= proof.RIGHT[convention.dtype]}
            assert not wrong, f"{name}: {wrong}"


def test_there_are_at_least_sixty_correct_files_and_no_convention_without_its_file():
    assert len(CORRECT) >= 60
    assert set(CONVENTIONS) <= {path.stem for path in (*CORRECT, *SOURCES)}


SINGLE, PAIRS, OUTSIDE = mutants.table("mistakes"), mutants.pairs(), mutants.table("outside")


@pytest.mark.parametrize("mutant", [*SINGLE, *PAIRS, *OUTSIDE], ids=lambda mutant: mutant.name)
def test_a_mutant_is_wrong_in_its_function_and_only_there(mutant: mutants.Mutant):
    source = mutants.base_text(mutant.base)
    start, end = mutants.extent(mutant.base, mutant.function)
    for old, _ in mutant.edits:
        assert source[start:end].count(old) == 1, f"{old!r} should stand in {mutant.function} exactly once"
    module, known = proof.load(mutant.text), mutants.known(mutant.base)
    assert max(farthest(module, mutant.function, known).values()) > proof.WRONG


def farthest(module: ModuleType, name: str, known: Mapping[str, Convention]) -> dict[str, float]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a wrong formula may overflow
        return proof.differences(module, name, known)


def test_a_comparison_that_sees_no_mistake_would_fail():
    mutant = SINGLE[0]
    assert (
        max(farthest(proof.load(mutants.base_text(mutant.base)), mutant.function, mutants.known(mutant.base)).values())
        < proof.WRONG
    )


def test_there_are_as_many_mutants_as_promised_and_none_twice():
    assert len(SINGLE) + len(PAIRS) >= 300
    assert len(PAIRS) >= 60
    assert len(OUTSIDE) >= 60
    names = [mutant.name for mutant in (*SINGLE, *PAIRS, *OUTSIDE)]
    assert len(set(names)) == len(names)


def said_of(*findings: Finding) -> bench.Outcome:
    report = FunctionReport("rnn_cell_forward", "wrong", findings=findings)
    return bench.Outcome(SINGLE_BY_EQUATION["rnn.y"], report)


SINGLE_BY_EQUATION = {mutant.equations[0]: mutant for mutant in SINGLE}


def test_an_explanation_counts_only_if_it_names_the_right_equation_and_no_other():
    right, other = (Finding(equation, "", "", "explained") for equation in ("rnn.y", "rnn.a"))
    assert said_of(right).explained
    assert not said_of(other).explained
    assert not said_of(right, other).explained
    assert not said_of(Finding("rnn.y", "", "", "located")).explained


def test_a_line_counts_only_if_it_is_the_right_one_and_no_other_is_accused():
    line = min(SINGLE_BY_EQUATION["rnn.y"].lines)
    right, other = (Finding("rnn.y", "", "", "located", Place(at)) for at in (line, line + 1))
    assert said_of(right).located
    assert not said_of(right, other).located
    assert not said_of(Finding("rnn.y", "", "", "observed", Place(line))).located
