"""Compiles the C++ programs of the tests with the flags of each instruction set, here or for another processor."""

import json
import os
import platform
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
KERNELS = ROOT / "src" / "unrolled" / "engine" / "kernels"
PROGRAMS = Path(__file__).parent / "programs"
FLAGS = json.loads((ROOT / "build_support" / "instruction_sets.json").read_text(encoding="utf-8"))

HERE = {"AMD64": "x86_64", "arm64": "aarch64"}.get(platform.machine(), platform.machine())
COMPILER = os.environ.get("CXX") or next(filter(None, map(shutil.which, ["c++", "g++", "clang++"])), None)


def compile_object(
    target: Path, source: Path, compiler: str, flags: Sequence[str] = (), kernels: Path = KERNELS
) -> Path:
    """One source file to an object, with the build's own flags first."""
    includes = [f"-I{kernels}", f"-I{PROGRAMS}"]
    command = [*shlex.split(compiler), "-std=c++17", *FLAGS["common"], *includes, *flags, "-c", str(source), "-o"]
    subprocess.run([*command, str(target)], check=True, timeout=900)
    return target


def link(target: Path, objects: Sequence[Path], compiler: str, flags: Sequence[str] = ()) -> Path:
    subprocess.run(
        [*shlex.split(compiler), *flags, *map(str, objects), "-pthread", "-o", str(target)], check=True, timeout=300
    )
    return target


def activations_program(
    folder: Path, compiler: str, architecture: str = HERE, *, flags: Sequence[str] = (), plant: str | None = None
) -> Path:
    """programs/activations.cpp with every instruction set of an architecture; `plant` is a wrong y of x, in C++.

    `flags` are for the program's own loops, and for the linker.
    """
    planted = [f"-DPLANT(x, y)={plant}"] if plant else []
    objects = [
        compile_object(
            folder / f"{isa}.o", PROGRAMS / "activations_of_set.cpp", compiler, [*of_isa, f"-DSET={isa}", *planted]
        )
        for isa, of_isa in FLAGS[architecture].items()
    ]
    objects.append(compile_object(folder / "activations.o", PROGRAMS / "activations.cpp", compiler, flags))
    return link(folder / "activations", objects, compiler, flags)


def kernels_program(
    folder: Path, compiler: str, architecture: str = HERE, *, flags: Sequence[str] = (), kernels: Path = KERNELS
) -> Path:
    """programs/kernels.cpp with the whole engine of an architecture but its Python face.

    `kernels` is where the engine's sources lie, and `flags` come last.
    """
    sources = {kernels / f"isa_{isa}.cpp": list(of_isa) for isa, of_isa in FLAGS[architecture].items()}
    sources |= {kernels / f"{name}.cpp": [] for name in ("cores", "dispatch", "threads")} | {
        PROGRAMS / "kernels.cpp": []
    }
    objects = [
        compile_object(folder / f"{source.stem}.o", source, compiler, [*of_source, *flags], kernels)
        for source, of_source in sources.items()
    ]
    return link(folder / "kernels", objects, compiler, flags)
