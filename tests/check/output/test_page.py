"""The page on `unrolled check`: what it shows is what the commands print."""

import subprocess
import sys
from pathlib import Path

import unrolled

DOCS = Path(__file__).parents[3] / "docs"


def check(script):
    environment = {"PYTHONPATH": str(Path(unrolled.__file__).parent.parent), "PATH": "/usr/bin:/bin"}
    return subprocess.run(
        [sys.executable, str(script), "--check"], env=environment, capture_output=True, text=True, timeout=200
    )


def test_the_five_examples_print_what_the_page_shows():
    done = check(DOCS / "check_examples.py")
    assert done.returncode == 0, done.stdout + done.stderr
    page = (DOCS / "check.md").read_text(encoding="utf-8")
    assert page.count("\n## ") >= 5
    assert page.count("$ unrolled check ") >= 5
    assert "Equation (10)" in page


def test_a_page_that_shows_something_else_is_noticed(tmp_path):
    (tmp_path / "check").mkdir()
    (tmp_path / "check" / "a.py").write_text("x = 1\n")
    (tmp_path / "check.md").write_text("```console\n$ unrolled check a.py\nAll right!\n```\n")
    script = tmp_path / "check_examples.py"
    script.write_text((DOCS / "check_examples.py").read_text())
    done = check(script)
    assert done.returncode == 1
    assert "-All right!" in done.stdout
    assert "+Nothing to check was found." in done.stdout
