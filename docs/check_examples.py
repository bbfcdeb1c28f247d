"""Writes what the commands in docs/check.md print below them: `python docs/check_examples.py`.

With --check it writes nothing, and its exit status is 1 where the page says something else than the commands do.
"""

import difflib
import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

PAGE = Path(__file__).with_name("check.md")
EXAMPLES = Path(__file__).with_name("check")
CONSOLE = re.compile(r"^```console\n\$ unrolled (.*)\n(?:[^`]|`(?!``))*?^```$", re.MULTILINE)


def run(arguments: str) -> str:
    """What the command prints, in the examples' folder and with nothing kept from earlier runs."""
    with tempfile.TemporaryDirectory() as cache:
        environment = {**os.environ, "XDG_CACHE_HOME": cache, "NO_COLOR": "1"}
        command = [sys.executable, "-c", "from unrolled.cli import main; main()", *shlex.split(arguments)]
        done = subprocess.run(command, cwd=EXAMPLES, env=environment, capture_output=True, text=True, timeout=300)
    if done.stderr:
        sys.exit(f"unrolled {arguments}: {done.stderr}")
    return "\n".join(line.rstrip() for line in done.stdout.splitlines()).strip()


def renewed(page: str) -> str:
    """The page with each command's output below it."""
    return CONSOLE.sub(lambda found: f"```console\n$ unrolled {found[1]}\n{run(found[1])}\n```", page)


def main() -> None:
    """Writes the page, or compares."""
    before = PAGE.read_text(encoding="utf-8")
    after = renewed(before)
    if "--check" in sys.argv[1:]:
        sys.stdout.writelines(difflib.unified_diff(before.splitlines(True), after.splitlines(True), "page", "commands"))
        sys.exit(int(before != after))
    PAGE.write_text(after, encoding="utf-8")


if __name__ == "__main__":
    main()
