"""The command line that builds the sandbox: what of this machine is seen in it, and nothing that runs in it."""

from __future__ import annotations

import functools
import glob
import os
import shutil
import site
import subprocess
import sys
import sysconfig
from contextlib import suppress
from pathlib import Path
from typing import Final

import numpy as np

from unrolled.check.sandbox.inside import seccomp
from unrolled.check.sandbox.types import Availability, SandboxError

__all__ = ["PROGRAM", "SCRATCH", "available", "command", "interpreter", "packages", "runtime"]

SCRATCH: Final = "/scratch"
PROGRAM: Final = "/check"  # the folder of `inside`, there
SCRATCH_BYTES: Final = 16 << 20
DEVICES: Final = ("/dev/null", "/dev/urandom", "/dev/zero")
ROOTS: Final = ("/lib", "/lib64", "/lib32")  # links into /usr on most systems
# Where the libraries lie that the interpreter and NumPy's and SciPy's wheels are linked with.
LIBRARIES: Final = ("libc.", "libc-", "libm.", "libpython", "libz.", "libffi", "libstdc++", "libgcc_s")
REMEDY: Final = "install bubblewrap (Debian, Ubuntu: apt-get install bubblewrap; Fedora: dnf install bubblewrap)"


def available() -> Availability:
    """Whether bubblewrap is here and works; it is tried on an empty command, and again where that failed."""
    found = shutil.which("bwrap")
    if found is None:
        return Availability(False, f"there is no program `bwrap`; {REMEDY}", seccomp.supported())
    if not seccomp.supported():
        return Availability(False, "the filter of system calls knows x86-64 and aarch64 Linux only; use such a machine")
    try:
        with suppress(SandboxError):  # the machine may have been too busy
            return _tried(found)
        return _tried(found)
    except SandboxError as error:
        return Availability(False, str(error), True)


@functools.cache  # what it raises is not kept
def _tried(program: str) -> Availability:
    trial = [program, *NAMESPACES, "--ro-bind", "/", "/", "true"]
    try:
        done = subprocess.run(trial, capture_output=True, timeout=10, check=False, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SandboxError(f"`bwrap` does not run: {error}; {REMEDY}") from None
    if done.returncode:
        told = done.stderr.decode("utf-8", "replace").strip()[:300]
        raise SandboxError(f"`bwrap` cannot build a sandbox here: {told}; allow it user namespaces")
    return Availability(True, filter=True)


NAMESPACES: Final = (
    "--unshare-all",  # user, pid, network, ipc, host name, cgroup
    "--unshare-user",  # for root too, who would otherwise stay root
    "--uid",
    "65534",
    "--gid",
    "65534",
    "--die-with-parent",
    "--new-session",
    "--hostname",
    "sandbox",
    "--cap-drop",
    "ALL",
)


def interpreter() -> str:
    """The Python program itself, not a virtual environment's link to it."""
    base: str = getattr(sys, "_base_executable", "") or sys.executable
    return os.path.realpath(base)


def packages() -> dict[str, str]:
    """Name -> the folder that it is imported from, of each package that the sandbox has beside the standard library."""
    numpy = Path(np.__file__).parent
    found = {"numpy": str(numpy.parent)}
    for folder in dict.fromkeys((str(numpy.parent), *sys.path)):
        if folder and Path(folder, "scipy", "__init__.py").is_file():
            found["scipy"] = folder
            break
    return found


def runtime() -> list[str]:
    """Folders of the standard library and of shared libraries, none within another."""
    paths = sysconfig.get_paths()
    base = sysconfig.get_path("stdlib", vars={"installed_base": sys.base_prefix, "base": sys.base_prefix})
    folders = {os.path.realpath(folder) for folder in (base, paths["stdlib"], sysconfig.get_config_var("DESTSHARED"))}
    own = [os.path.realpath(folder) for folder in (*_hidden(), Path(__file__).parents[2])]
    mapped = set[str]()
    with suppress(FileNotFoundError), open("/proc/self/maps") as maps:  # Linux has it
        mapped = {line.split(maxsplit=5)[-1].strip() for line in maps if ".so" in line}
    for path in mapped:
        if os.path.basename(path).startswith(LIBRARIES) and not any(_within(path, folder) for folder in own):
            folders.add(os.path.dirname(path))
    present = sorted(folder for folder in folders if os.path.isdir(folder))
    return [folder for folder in present if not any(_within(folder, other) for other in present if other != folder)]


def command(inside: str) -> list[str]:
    """The beginning of the command line, up to the program that is to be run.

    Args:
        inside: the folder of this package that goes into the sandbox.
    """
    line = [shutil.which("bwrap") or "bwrap", *NAMESPACES]
    folders = runtime()
    for root in ROOTS:
        if os.path.islink(root):
            line += ["--symlink", os.readlink(root), root]
    for folder in folders:
        line += ["--ro-bind", folder, folder]
    hidden = sorted({os.path.realpath(path) for path in _hidden() if os.path.isdir(path)})
    hidden = [path for path in hidden if any(_within(path, folder) for folder in folders)]
    for path in hidden:
        line += ["--tmpfs", path]
    for loader in glob.glob("/lib*/ld-*.so.*"):
        place = os.path.join(os.path.realpath(os.path.dirname(loader)), os.path.basename(loader))
        if not any(_within(place, folder) for folder in folders):
            line += ["--ro-bind", os.path.realpath(loader), place]
    for name, folder in packages().items():
        for part in (name, f"{name}.libs"):
            if os.path.isdir(os.path.join(folder, part)):
                line += ["--ro-bind", os.path.join(folder, part), os.path.join(folder, part)]
    program = interpreter()
    line += ["--ro-bind", program, program, "--ro-bind", inside, f"{PROGRAM}/inside"]
    line += ["--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache"]
    for device in DEVICES:
        line += ["--dev-bind", device, device]
    line += ["--size", str(SCRATCH_BYTES), "--perms", "0700", "--tmpfs", SCRATCH, "--chdir", SCRATCH]
    for path in ("/", *hidden):  # last: what is bound within them is in its place by now
        line += ["--remount-ro", path]
    return [*line, "--"]


def _hidden() -> list[str]:
    """Folders of installed packages, wherever this Python looks for them."""
    paths = sysconfig.get_paths()
    known = [*site.getsitepackages([sys.prefix, sys.base_prefix]), paths["purelib"], paths["platlib"], *sys.path]
    for folder in {os.path.dirname(os.path.dirname(path)) for path in known}:
        known += glob.glob(f"{folder}/python*/*-packages")
    return [path for path in known if os.path.basename(path) in ("site-packages", "dist-packages")]


def _within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")
