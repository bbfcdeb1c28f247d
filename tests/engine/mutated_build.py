"""One build of the engine that holds every mutant, each a run-time choice; the sources of the project stay as they are.

In a copy of the sources every right text becomes `chosen ? wrong : right`, where `chosen` compares a number that the
copy reads from the environment when it is loaded. It is built as the project is, with less optimisation and with the
kernels of the one instruction set that is run, for speed.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from engine.mutants import MUTANTS as OF_CELLS
from engine.mutants import Mutant
from engine.variant_mutants import VARIANT_MUTANTS
from unrolled.engine import info

ROOT = Path(__file__).parent.parent.parent
CHOSEN = info()["usable_instruction_sets"][-1]  # by an engine that is not told otherwise
KERNELS = Path("src", "unrolled", "engine", "kernels")
NEEDED = ("pyproject.toml", "CMakeLists.txt", "LICENSE", "README.md", "build_support", "src")

MUTANTS = [*OF_CELLS, *VARIANT_MUTANTS]
MARKED = re.compile("«(.*) → (.*)»", re.DOTALL)
NUMBER = "UNROLLED_MUTANT"

DECLARATION = 'extern "C" int unrolled_mutant;'
DEFINITION = f"""
#include <cstdlib>
{DECLARATION}
int unrolled_mutant = std::getenv("{NUMBER}") ? std::atoi(std::getenv("{NUMBER}")) : 0;
"""
FACE = "NB_MODULE(_native, m) {\n"
FILLED, EMPTY = "kernels<float>(), kernels<double>()", "{}, {}"
QUESTION = '  m.def("mutant", [] { return unrolled_mutant; });\n'


def place_of(mutant: Mutant, source: str) -> tuple[int, int, str]:
    """Where the right part lies in the file's text, and the wrong one."""
    marked = MARKED.search(mutant.text)
    if not marked:
        raise ValueError(f"{mutant.file}: no «right → wrong» in {mutant.text!r}")
    right, wrong = marked.groups()
    text = mutant.text.replace(marked.group(), right)
    if source.count(text) != 1:
        raise ValueError(f"{mutant.file}: {text!r} stands there {source.count(text)} times, not once")
    start = source.index(text) + marked.start()
    return start, start + len(right), wrong


def with_choices(source: str, mutants: dict[int, Mutant]) -> str:
    """The file's text with every mutant in it, by number; from the last to the first, so that places stay true."""
    places = sorted(((*place_of(mutant, source), number) for number, mutant in mutants.items()), reverse=True)
    for (_, end, *_), (start, *_) in zip(places[1:], places, strict=False):
        if end > start:
            raise ValueError(f"two mutants change the same place: {source[start:end]!r}")
    for start, end, wrong, number in places:
        right, chosen = source[start:end], f"unrolled_mutant == {number}"
        choice = f"({chosen} ? ({wrong}) : ({right}))"
        if right.endswith(";"):
            choice = f"{{ if ({chosen}) {{ {wrong} }} else {{ {right} }} }}"
        source = source[:start] + choice + source[end:]
    return source


def copy_with_choices(folder: Path) -> None:
    """Copies what a build needs, and changes the copy of the kernels."""
    for name in NEEDED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("*.so", "*.pyd", "__pycache__"))
        else:
            folder.mkdir(exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    kernels = folder / KERNELS
    for name in {mutant.file for mutant in MUTANTS}:
        own = {number: mutant for number, mutant in enumerate(MUTANTS, start=1) if mutant.file == name}
        changed = with_choices((kernels / name).read_text(encoding="utf-8"), own)
        (kernels / name).write_text(changed, encoding="utf-8")
    _replace(kernels / "vec.hpp", "#pragma once\n", f"#pragma once\n{DECLARATION}\n")
    _replace(kernels / "bindings.cpp", FACE, DEFINITION + FACE + QUESTION)
    for of_isa in set(kernels.glob("isa_*.cpp")) - {kernels / f"isa_{CHOSEN}.cpp"}:
        _replace(of_isa, FILLED, EMPTY)  # nobody calls it
    flags = folder / "build_support" / "instruction_sets.json"
    flags.write_text(flags.read_text(encoding="utf-8").replace('"-O3"', '"-O1"'), encoding="utf-8")


def _replace(path: Path, old: str, new: str) -> None:
    source = path.read_text(encoding="utf-8")
    if source.count(old) != 1:
        raise ValueError(f"{path.name}: {old!r} stands there {source.count(old)} times, not once")
    path.write_text(source.replace(old, new), encoding="utf-8")


def build(folder: Path) -> Path:
    """Builds and installs the copy as pip would the project; returns the folder in which `unrolled` then lies."""
    sources, installed = folder / "sources", folder / "installed"
    copy_with_choices(sources)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
    done = subprocess.run(
        [*pip, "--no-deps", "--target", str(installed), str(sources)],
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        capture_output=True,
        text=True,
        timeout=900,
    )
    if done.returncode:
        raise RuntimeError(f"the mutated engine could not be built:\n{done.stdout}{done.stderr}")
    return installed
