"""The kernels for aarch64, run under an emulator, equal plain loops; no other processor's are run here."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from engine.compiled import KERNELS, activations_program, kernels_program
from engine.mutated_build import MUTANTS, NUMBER, with_choices

COMPILER = "aarch64-linux-gnu-g++"
EMULATOR = next(filter(None, map(shutil.which, ["qemu-aarch64-static", "qemu-aarch64"])), None)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (EMULATOR and shutil.which(COMPILER)),
        reason="the NEON kernels are not run: on Debian, install g++-aarch64-linux-gnu and qemu-user-static",
    ),
]


def run(program: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    assert EMULATOR
    command = [EMULATOR, str(program), *arguments]
    return subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, timeout=900)


def test_every_neon_kernel_equals_plain_loops(tmp_path: Path):
    done = run(kernels_program(tmp_path, COMPILER, "aarch64", flags=["-static"]))
    lines = [line.split() for line in done.stdout.splitlines()]
    assert [(line[:2], line[-2:]) for line in lines] == [
        (["neon", "float32:"], ["0", "wrong"]), (["neon", "float64:"], ["0", "wrong"]),
    ], done.stdout + done.stderr  # fmt: skip
    assert all(int(line[2]) > 2000 for line in lines), done.stdout
    assert done.returncode == 0


def test_neon_activations_keep_their_bounds(tmp_path: Path):
    program = activations_program(tmp_path, COMPILER, "aarch64", flags=["-static"])
    for dtype, number in (("float32", "997"), ("float64", "20000")):
        done = run(program, dtype, number)
        assert done.returncode == 0, done.stdout + done.stderr
        names = [line.split(":")[0] for line in done.stdout.splitlines()]
        assert names == [f"neon {name} {dtype}" for name in ("exp", "sigmoid", "tanh")]


# The first mutant of each file; one build holds them all, as that of test_mutants.py does.
FIRST = {mutant.file: (number, mutant) for number, mutant in reversed(list(enumerate(MUTANTS, start=1)))}


def test_a_wrong_line_in_any_file_of_the_kernels_is_noticed(tmp_path: Path):
    kernels = tmp_path / "sources"
    shutil.copytree(KERNELS, kernels)
    for name, (number, mutant) in FIRST.items():
        path = kernels / name
        path.write_text(with_choices(path.read_text(encoding="utf-8"), {number: mutant}), encoding="utf-8")
    declared = f'#include <cstdlib>\nstatic const int unrolled_mutant = std::atoi(std::getenv("{NUMBER}"));\n'
    vec = kernels / "vec.hpp"
    vec.write_text(
        vec.read_text(encoding="utf-8").replace("#pragma once\n", f"#pragma once\n{declared}"), encoding="utf-8"
    )
    program = kernels_program(tmp_path, COMPILER, "aarch64", flags=["-static", "-O1"], kernels=kernels)
    assert run(program, "stop at the first", **{NUMBER: "0"}).returncode == 0
    missed = [
        mutant
        for number, mutant in FIRST.values()
        if not run(program, "stop at the first", **{NUMBER: str(number)}).returncode
    ]
    assert not missed
