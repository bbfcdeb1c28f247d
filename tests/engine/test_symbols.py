"""The objects of two instruction sets share no symbol; what they compute is tested elsewhere.

Where two objects define the same inline function or template, the linker keeps one copy, perhaps the one for the newer
processor, and the older one then stops at an unknown instruction. So each object may define its table and no more.
"""

import json
import os
import platform
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
KERNELS = ROOT / "src" / "unrolled" / "engine" / "kernels"
FLAGS = json.loads((ROOT / "build_support" / "instruction_sets.json").read_text(encoding="utf-8"))
HERE = FLAGS.get({"AMD64": "x86_64", "arm64": "aarch64"}.get(platform.machine(), platform.machine()), {})

COMPILER = os.environ.get("CXX") or next(filter(None, map(shutil.which, ["c++", "g++", "clang++"])), None)
compiles = pytest.mark.skipif(not (COMPILER and shutil.which("nm")), reason="no C++ compiler or no nm on this machine")


def shared_symbols(source: Path, isa: str, folder: Path) -> set[str]:
    """What an object offers to the linker, compiled with the build's flags, but unoptimised.

    The optimiser swallows inline functions today that it may emit tomorrow; without it they all show.
    """
    assert COMPILER
    target = folder / "kernels.o"
    flags = ["-std=c++17", "-fPIC", f"-I{KERNELS}", *FLAGS["common"], *HERE[isa], "-O0"]
    subprocess.run([*shlex.split(COMPILER), *flags, "-c", str(source), "-o", str(target)], check=True, timeout=300)
    nm = subprocess.run(
        ["nm", "--demangle", "--defined-only", "--extern-only", "--format=posix", str(target)],
        check=True,
        capture_output=True,
        text=True,
    )
    names = {line.rsplit(maxsplit=3)[0] for line in nm.stdout.splitlines()}
    return {name for name in names if not name.startswith("DW.ref.")}  # a pointer for stack unwinding, not code


def test_every_instruction_set_has_flags_and_every_flag_its_reason():
    of_isa = {**FLAGS["x86_64"], **FLAGS["aarch64"]}
    assert {f"isa_{isa}.cpp" for isa in of_isa} == {path.name for path in KERNELS.glob("isa_*.cpp")}
    for flags in [FLAGS["common"], *of_isa.values()]:
        assert all(flag.startswith("-") and reason for flag, reason in flags.items())


@compiles
@pytest.mark.parametrize("isa", HERE)
def test_an_object_offers_its_table_and_nothing_else(isa: str, tmp_path: Path):
    assert shared_symbols(KERNELS / f"isa_{isa}.cpp", isa, tmp_path) == {f"unrolled::kernel_table_{isa}"}


@compiles
@pytest.mark.parametrize(
    "slip",
    [
        "#include <algorithm>\nfloat least(float a, float b) { return std::min(a, b); }",
        "inline float twice(float x) { return 2 * x; }\nfloat four_times(float x) { return twice(twice(x)); }",
    ],
    ids=["a template of the standard library", "an inline function"],
)
def test_a_shared_symbol_is_noticed(slip: str, tmp_path: Path):
    source = tmp_path / "isa_slip.cpp"
    source.write_text(slip, encoding="utf-8")
    names = shared_symbols(source, next(iter(HERE)), tmp_path)
    assert any(name.startswith(("twice(", "float const& std::min<")) for name in names), names
