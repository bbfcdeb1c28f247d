"""Runs the Python blocks of the pages here, and writes what they print: `python docs/python_examples.py [PAGE...]`.

The blocks of a page run in their order, as one program, in an empty folder; a block of text right behind one is what it
prints. `<!-- extras: NAME ... -->` above a block names the extras that it needs: --extras runs those too. With --check
nothing is written, and the exit status is 1 where a page says something else than its blocks do.
"""

import argparse
import contextlib
import difflib
import io
import os
import re
import sys
import tempfile
from pathlib import Path

DOCS = Path(__file__).parent
PAGES = ("layers.md", "models.md", "training.md")
BLOCK = re.compile(
    r"^(?:<!-- extras: (?P<extras>[a-z ]+) -->\n)?```python\n(?P<source>.*?)^```\n(?:\n```text\n.*?^```\n)?",
    re.MULTILINE | re.DOTALL,
)


def renewed(page: str, name: str = "page", *, extras: bool = False) -> str:
    """The page with what each block prints below it; the blocks run in the present folder.

    Args:
        page: its text.
        name: that tracebacks show.
        extras: run the blocks that need extras too; without it they stay as they are.
    """
    names: dict[str, object] = {"__name__": "__main__"}

    def run(block: re.Match[str]) -> str:
        if block["extras"] and not extras:
            return block[0]
        line = page.count("\n", 0, block.start("source"))
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile("\n" * line + block["source"], name, "exec"), names)
        output = "".join(f"{text.rstrip()}\n" for text in printed.getvalue().splitlines())
        above = block[0][: block.end("source") - block.start()]
        return f"{above}```\n" + (f"\n```text\n{output}```\n" if output else "")

    return BLOCK.sub(run, page)


def main() -> None:
    """Writes the pages, or compares."""
    parser = argparse.ArgumentParser(description="Runs the Python blocks of the pages, and writes what they print.")
    parser.add_argument("pages", nargs="*", default=[str(DOCS / page) for page in PAGES])
    parser.add_argument("--extras", action="store_true", help="run the blocks that need extras too")
    parser.add_argument("--check", action="store_true", help="write nothing, and show what differs")
    given = parser.parse_args()
    differs = False
    for path in [Path(page).resolve() for page in given.pages]:
        before = path.read_text(encoding="utf-8")
        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
            after = renewed(before, str(path), extras=given.extras)
        if given.check:
            sys.stdout.writelines(difflib.unified_diff(before.splitlines(True), after.splitlines(True), path.name))
            differs |= before != after
        else:
            path.write_text(after, encoding="utf-8")
    sys.exit(int(differs))


if __name__ == "__main__":
    os.environ.setdefault("MPLBACKEND", "Agg")  # plots need no screen
    main()
