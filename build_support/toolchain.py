"""What a build needs of the machine: Python's C headers and a C++ compiler, or one from PyPI; runs no build itself.

Standard library only: the backend imports it before anything is installed, and the tests import it without a build.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import sysconfig
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

COMPILERS = ("c++", "g++", "clang++", "icpx")
"""What CMake looks for, as far as it can build this package."""

ZIG = "ziglang"
"""The PyPI distribution that carries a whole C++ compiler."""


def check_headers(include: str | None = None) -> None:
    """Ends the build with one line that names the system package where `Python.h` is missing."""
    folder = Path(include or sysconfig.get_path("include"))
    if not (folder / "Python.h").exists():
        version = ".".join(map(str, sys.version_info[:2]))
        raise SystemExit(
            f"unrolled: the C headers of Python {version} are missing (no Python.h in {folder}); install them with "
            f"`apt install python3-dev` (Debian, Ubuntu; python{version}-dev if it is not the system's own Python), "
            "`dnf install python3-devel` (Fedora) or `apk add python3-dev` (Alpine), and try again"
        )


def needs_zig(config_settings: Mapping[str, object] | None = None) -> bool:
    """Whether neither the user nor the machine names a C++ compiler (on Windows, CMake finds Visual Studio itself)."""
    chosen = (
        os.environ.get("CXX")
        or os.environ.get("CMAKE_TOOLCHAIN_FILE")
        or "CMAKE_CXX_COMPILER" in os.environ.get("CMAKE_ARGS", "")
        or any("CMAKE_CXX_COMPILER" in key for key in config_settings or {})
    )
    return os.name != "nt" and not chosen and not any(map(shutil.which, COMPILERS))


def write_wrappers(zig: str, folder: Path) -> dict[str, Path]:
    """Writes one script for each tool that CMake asks for; returns them by name.

    Zig compiles for the processor that it runs on unless told otherwise, which would make the baseline kernels anything
    but that: hence `-mcpu=baseline`.
    """
    commands = {"c++": "c++ -mcpu=baseline", "ar": "ar", "ranlib": "ranlib"}
    wrappers = {name: folder / name for name in commands}
    for name, command in commands.items():
        wrappers[name].write_text(f'#!/bin/sh\nexec {shlex.quote(zig)} {command} "$@"\n')
        wrappers[name].chmod(0o755)
    return wrappers


@contextmanager
def compiler(config_settings: Mapping[str, object] | None = None) -> Iterator[None]:
    """Makes sure that CMake finds a compiler while the block runs; leaves nothing behind."""
    if not needs_zig(config_settings):
        yield
        return
    try:
        import ziglang  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise SystemExit(
            f"unrolled: no C++ compiler found; install g++ or clang++, or `pip install {ZIG}`, and try again"
        ) from None
    print("unrolled: no C++ compiler found, building with zig c++ (it takes some minutes)", file=sys.stderr)
    before = dict(os.environ)
    with tempfile.TemporaryDirectory(prefix="unrolled-zig-") as folder:
        tools = write_wrappers(str(Path(ziglang.__file__).parent / "zig"), Path(folder))
        os.environ["CXX"] = str(tools["c++"])
        os.environ["CMAKE_ARGS"] = " ".join(
            [before.get("CMAKE_ARGS", ""), f"-DCMAKE_AR={tools['ar']}", f"-DCMAKE_RANLIB={tools['ranlib']}"]
        ).strip()
        os.environ["ZIG_GLOBAL_CACHE_DIR"] = os.environ["ZIG_LOCAL_CACHE_DIR"] = str(Path(folder, "cache"))
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)
