"""Proof that the engine's tests can fail: a wrong version of each line of the kernels that computes is noticed."""

import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from engine import small_check
from engine.mutants import Mutant
from engine.mutated_build import KERNELS, MUTANTS, NUMBER, ROOT, build, place_of, with_choices
from engine.processes import python

FILES = (
    "lstm.hpp", "gru.hpp", "rnn.hpp", "batch.hpp", "forward.hpp", "backward.hpp", "products.hpp", "tile.hpp",
    "variant.hpp", "variant_forward.hpp", "variant_backward.hpp", "variant_sums.hpp",
)  # fmt: skip
COMPILER = os.environ.get("CXX") or next(filter(None, map(shutil.which, ["c++", "g++", "clang++"])), None)


def source_of(name: str) -> str:
    return (ROOT / KERNELS / name).read_text(encoding="utf-8")


def test_every_mutant_changes_a_text_that_stands_once_in_its_file():
    for mutant in MUTANTS:
        start, end, wrong = place_of(mutant, source_of(mutant.file))
        assert source_of(mutant.file)[start:end] != wrong
        assert mutant.breaks


def test_every_file_that_computes_has_mutants_and_no_two_are_the_same():
    assert len({mutant.text for mutant in MUTANTS}) == len(MUTANTS) >= 40
    for name in (*FILES, "activations.hpp", "kernels.hpp"):
        assert sum(mutant.file == name for mutant in MUTANTS) >= 3, name


def test_all_mutants_of_a_file_stand_in_one_text_beside_the_right_version():
    for name in {mutant.file for mutant in MUTANTS}:
        own = {number: mutant for number, mutant in enumerate(MUTANTS, start=1) if mutant.file == name}
        text = with_choices(source_of(name), own)
        assert all(text.count(f"(unrolled_mutant == {number}{mark}") == 1 for number, mark in marks(own).items())


def marks(mutants: dict[int, Mutant]) -> dict[int, str]:
    """What follows the comparison: a statement's closing bracket, or an expression's question mark."""
    return {number: ")" if "; →" in mutant.text else " ?" for number, mutant in mutants.items()}


@pytest.mark.parametrize(
    ("text", "source", "words"),
    [
        ("a + b", "a + b", "no «right → wrong»"),
        ("a + «b → c»", "a - b", "stands there 0 times, not once"),
        ("a + «b → c»", "a + b; a + b", "stands there 2 times, not once"),
    ],
)
def test_a_text_that_is_not_there_once_is_refused(text, source, words):
    with pytest.raises(ValueError, match=words):
        place_of(Mutant("x.hpp", text, ""), source)


def test_two_mutants_of_one_place_are_refused():
    mutants = {1: Mutant("x.hpp", "«a + b → a»", ""), 2: Mutant("x.hpp", "a + «b → c»", "")}
    with pytest.raises(ValueError, match="two mutants change the same place"):
        with_choices("a + b", mutants)


def test_the_kernels_themselves_know_nothing_of_mutants():
    for path in (ROOT / KERNELS).iterdir():
        assert "mutant" not in path.read_text(encoding="utf-8").lower(), path.name


def first_checks(number: int) -> list[str]:
    """Where a mutant should be noticed soonest; all others follow."""
    return ["variant_errors"] if number and MUTANTS[number - 1].file.startswith("variant") else []


def outcome(package, number: int) -> str:
    """What the small check says of one mutant: "noticed", or what it should not have said."""
    try:
        done = python(
            "-m", "engine.small_check", *first_checks(number), package=package, UNROLLED_NUM_THREADS="2", seconds=120,
            **{NUMBER: str(number)},
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return "noticed"
    reported = "times its tolerance" in done.stdout
    # a signal ended it, as a wrong address may, or it said what is wrong
    return "noticed" if done.returncode < 0 or reported else done.stdout + done.stderr


def test_what_comes_first_is_a_part_of_the_small_check():
    named = {name for number in range(len(MUTANTS) + 1) for name in first_checks(number)}
    assert named == {"variant_errors"} <= {check.__name__ for check in small_check.CHECKS}


@pytest.mark.slow
@pytest.mark.skipif(not COMPILER, reason="no C++ compiler on this machine to build the mutated engine with")
def test_every_mutant_is_noticed_and_the_same_build_without_one_is_right(tmp_path):
    package = build(tmp_path)
    asked = "from unrolled.engine import _native; print(_native.mutant(), _native.__file__)"
    chosen = python("-c", asked, package=package, **{NUMBER: "7"}).stdout
    assert chosen.startswith("7 ")
    assert str(package) in chosen, f"another build of unrolled stands before the mutated one: {chosen}"
    assert "all results are right" in outcome(package, 0)
    numbers = range(1, len(MUTANTS) + 1)
    with ThreadPoolExecutor(max_workers=2) as pool:
        said = list(pool.map(lambda number: outcome(package, number), numbers))
    missed = [
        f"{mutant.file}: {mutant.text}" for mutant, words in zip(MUTANTS, said, strict=True) if words != "noticed"
    ]
    assert not missed, "\n".join(["not noticed:", *missed])
