"""How good is the checker? Right files, and wrong ones with their equation and line, and how many it gets right.

`python -m pytest tests/check/test_bench.py -m slow -s` asks about all of them (and about every third pair) and prints
the figures and every miss;
the ordinary suite asks about an even sample.
"""

import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from check.learners import bench, mutants
from check.learners.conventions import conventions
from check.learners.corpus import CORRECT, defined, readable

SINGLE, PAIRS, OUTSIDE = mutants.table("mistakes"), mutants.pairs(), mutants.table("outside")
EXPLAINED, LOCATED = 0.95, 0.85  # what is promised


def told(title: str, misses: list[str], of: int) -> str:
    """Prints a figure and every miss behind it."""
    report = "\n".join([f"{title}: {of - len(misses)} of {of}", *misses])
    print("\n" + report)
    return report


def accused(paths: list[Path]) -> list[str]:
    """What the checker holds against right files."""
    held: list[str] = []
    for path in paths:
        text = path.read_text(encoding="utf-8")
        held += bench.not_correct(path.name, text, conventions(path.stem, defined(text)))
    return held


def require(outcomes: list[bench.Outcome], right: str, least: float, title: str) -> None:
    misses = [str(each) for each in outcomes if not getattr(each, right)]
    report = told(title, misses, len(outcomes))
    assert len(misses) <= (1 - least) * len(outcomes), report


def asked(items: list[mutants.Mutant]) -> list[bench.Outcome]:
    """What the checker says of each; a process for each core, as each file waits for its sandbox."""
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        return list(pool.map(bench.outcome, items, chunksize=8))


def sample(items: list[Any], size: int) -> list[Any]:
    return items[:: max(1, len(items) // size)]


def test_a_sample_of_right_files_is_called_correct():
    assert not accused(sample([path for path in CORRECT if readable(path)], 6))


def test_a_sample_of_single_mistakes_is_found_and_explained():
    outcomes = [bench.outcome(mutant) for mutant in sample(SINGLE, 14)]
    require(outcomes, "found", 1.0, "found wrong")
    require(outcomes, "explained", 0.85, "explained")


def reported_elsewhere(mutant: mutants.Mutant) -> list[str]:
    """What the checker holds against the other functions of a file with one mistake."""
    report = bench.checked(f"{mutant.base}.py", mutant.text)
    others = [bench.of(report, name) for name in mutants.known(mutant.base) if name != mutant.function]
    return [f"{mutant.name}: {each.name} is called {each.verdict}" for each in others if each.verdict != "correct"]


def test_a_mistake_in_a_cell_is_not_held_against_the_loop_over_it():
    cell = next(each for each in SINGLE if each.base == "step_by_step" and each.function == "lstm_cell_backward")
    assert not reported_elsewhere(cell)


@pytest.mark.slow
def test_one_mistake_is_reported_once_where_it_is():
    whole = sample([each for each in SINGLE if each.base in ("step_by_step", "my_own_way", "gru_lecture")], 24)
    misses = [miss for mutant in whole for miss in reported_elsewhere(mutant)]
    assert not misses, told("mistakes reported nowhere else", misses, len(whole))


@pytest.mark.slow
def test_no_right_file_is_called_anything_but_correct():
    paths = [path for path in CORRECT if readable(path)]
    functions = sum(len(conventions(path.stem, defined(path.read_text(encoding="utf-8")))) for path in paths)
    misses = accused(paths)
    assert not misses, told("right functions called correct", misses, functions)
    told("right functions called correct", misses, functions)


@pytest.mark.slow
def test_single_mistakes_of_the_catalogue_are_found_wrong_and_nearly_all_explained_with_the_right_equation():
    outcomes = asked(SINGLE)
    print(f"\nwith the right line: {bench.share(each.located for each in outcomes):.1%}")
    require(outcomes, "explained", EXPLAINED, "single mistakes explained with the right equation")
    require(outcomes, "found", 1.0, "single mistakes found wrong")


@pytest.mark.slow
def test_pairs_of_mistakes_are_found_wrong():
    outcomes = asked(sample(PAIRS, 60))
    print(f"\npairs explained without a wrong equation: {bench.share(each.explained for each in outcomes):.1%}")
    require(outcomes, "found", 1.0, "pairs of mistakes found wrong")


@pytest.mark.slow
def test_mistakes_outside_the_catalogue_are_found_wrong_and_most_of_them_located_at_the_right_line():
    outcomes = asked(OUTSIDE)
    require(outcomes, "located", LOCATED, "mistakes outside the catalogue at the right line")
    require(outcomes, "found", 1.0, "mistakes outside the catalogue found wrong")
