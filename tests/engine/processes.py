"""Another Python process with the same package and the tests' own modules in reach; it tests nothing."""

import os
import subprocess
import sys
from pathlib import Path

import unrolled

TESTS = Path(__file__).parent.parent
PACKAGE = Path(unrolled.__file__).parent.parent


def python(
    *arguments: str, package: Path = PACKAGE, seconds: float = 60, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Runs `python *arguments` to its end; `package` is the folder in which `unrolled` lies."""
    where = {"PYTHONPATH": os.pathsep.join([str(package), str(TESTS)])}
    environment = os.environ | where | environment
    return subprocess.run(
        [sys.executable, *arguments], env=environment, capture_output=True, text=True, timeout=seconds
    )
