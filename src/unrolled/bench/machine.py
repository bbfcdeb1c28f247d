"""What a result was measured on, in words that may be published: no name of a host or of a folder."""

from __future__ import annotations

import datetime
import os
import platform
import re
import subprocess
import tomllib
from importlib import metadata
from pathlib import Path

import numpy as np

from unrolled import engine
from unrolled.bench.workers import allowed_cores

__all__ = ["describe_machine"]


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    if found := re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE):
        family = re.search(r"^cpu family\s*:\s*(\d+)$", text, re.MULTILINE)
        model = re.search(r"^model\s*:\s*(\d+)$", text, re.MULTILINE)
        numbers = f", family {family[1]} model {model[1]}" if family and model else ""
        return found[1].strip() + numbers
    if platform.system() == "Darwin":
        asked = subprocess.run(
            ["sysctl", "-n", "machdep.cpu.brand_string"], capture_output=True, text=True, check=False
        )
        if asked.stdout.strip():
            return asked.stdout.strip()
    return platform.processor() or platform.machine()


def _load() -> dict[str, str]:
    """How busy the machine was in the last minute, where the system says so."""
    return {"load average before": f"{os.getloadavg()[0]:.2f}"} if hasattr(os, "getloadavg") else {}


def _version() -> str:
    """This package's: of the installed one, else what the source tree that it is run from calls itself."""
    try:
        return metadata.version("unrolled")
    except metadata.PackageNotFoundError:
        project = Path(__file__).parents[3] / "pyproject.toml"
        if not project.is_file():
            return "not installed"
        return f"{tomllib.loads(project.read_text(encoding='utf-8'))['project']['version']} from its source tree"


def describe_machine() -> dict[str, str]:
    """Processor, cores, instruction set, load and versions, by name; peers' versions and settings are the caller's.

    >>> sorted(describe_machine())[:3]
    ['NumPy', 'Python', 'cores']
    """
    return {
        "processor": _processor(),
        "cores": str(len(allowed_cores())),
        "instruction set": str(engine.info()["instruction_set"]),
        "system": f"{platform.system()} {platform.machine()}",
        **_load(),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "Python": platform.python_version(),
        "NumPy": np.__version__,
        "unrolled": _version(),
    }
