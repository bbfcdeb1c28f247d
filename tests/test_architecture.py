"""Who may import whom, and what `import unrolled` loads; not what any module computes.

The rules themselves are contracts of import-linter in pyproject.toml.
"""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
LAYERS = [name.strip("() ") for row in CONTRACTS[0]["layers"] for name in row.split("|")]

LINT = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", LINT], cwd=folder, capture_output=True, text=True, timeout=120)


def test_every_module_imports_only_what_lies_below_it():
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def sham(tmp_path: Path) -> Path:
    """A package with the same contracts and one empty module for each name in them."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text(text.replace("unrolled", "sham"), encoding="utf-8")
    (tmp_path / "sham").mkdir()
    for name in ["__init__", *LAYERS]:
        (tmp_path / "sham" / f"{name}.py").touch()
    return tmp_path


def test_the_contracts_hold_for_modules_that_import_nothing(sham: Path):
    done = lint(sham)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("module", "wrong"),
    [
        ("errors", "shapes"),
        ("steps", "engine"),
        ("engine", "steps"),
        ("layers", "bridge"),
        ("losses", "optimizers"),
        ("models", "bridge"),
        ("training", "models"),
        ("view", "check"),
    ],
)
def test_a_wrong_import_is_noticed(sham: Path, module: str, wrong: str):
    (sham / "sham" / f"{module}.py").write_text(f"def late():\n    from sham import {wrong}\n", encoding="utf-8")
    done = lint(sham)
    assert done.returncode == 1
    assert f"sham.{module} -> sham.{wrong}" in done.stdout


def test_a_module_without_a_place_in_the_order_is_noticed(sham: Path):
    (sham / "sham" / "misc.py").touch()
    done = lint(sham)
    assert done.returncode == 1
    assert "sham.misc" in done.stdout


def test_every_source_file_is_short_enough_for_one_job():
    files = [path for path in (ROOT / "src").rglob("*") if path.suffix in (".py", ".cpp", ".hpp")]
    lines = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in files}
    assert len(lines) > 50
    assert {name: count for name, count in lines.items() if count > 420} == {}


def loaded_by(statement: str) -> set[str]:
    """The top-level packages outside the standard library that a fresh interpreter holds after `statement`."""
    code = f"import sys; before = set(sys.modules); {statement}; print(*(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    names = {name.partition(".")[0] for name in done.stdout.split()}
    return {name for name in names if name not in sys.stdlib_module_names and not name.startswith("_")}


def test_importing_the_package_loads_numpy_and_nothing_else():
    assert loaded_by("import unrolled") <= {"numpy", "unrolled"}


def test_a_heavier_import_is_noticed():
    assert {"rich", "numpy"} <= loaded_by("import unrolled, numpy, rich")
