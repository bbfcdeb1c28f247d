"""`pytest --unrolled-check FILE`: each function is a test, and nothing of the file is imported."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import unrolled

HOME = str(Path(unrolled.__file__).parent.parent)
# As though pytest had found it by its entry point, wherever this suite runs.
ENVIRONMENT = {**os.environ, "PYTHONPATH": HOME, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": ""}


@pytest.fixture
def run(tmp_path):
    def call(*arguments, code=0):
        command = [sys.executable, "-m", "pytest", "-p", "unrolled.check.pytest_plugin", "-p", "no:cacheprovider"]
        done = subprocess.run(
            [*command, "-vv", *arguments], cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, timeout=100
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    return call


def test_each_function_is_a_test_and_a_failure_says_which_equation(run, tmp_path, wrong_code):
    (tmp_path / "hw.py").write_text(f"{wrong_code}\nraise SystemExit('imported')\n")
    out = run("--unrolled-check", "hw.py", code=1)
    assert "hw.py::sigmoid PASSED" in out
    assert "hw.py::rnn_cell_backward FAILED" in out
    assert "Equation (0)" in out
    assert "line 1" in out
    assert "it should be" in out
    assert "1 failed, 1 passed" in out


def test_a_failure_tells_as_much_as_is_allowed_and_tests_are_chosen_by_name(run, tmp_path, wrong_code):
    (tmp_path / "hw.py").write_text(wrong_code)
    out = run("--unrolled-check", "--unrolled-hints", "none", "hw.py", "-k", "backward", code=1)
    assert "rnn_cell_backward  wrong" in out
    assert "it should be" not in out
    assert "1 failed, 1 deselected" in out


def test_a_function_that_does_not_parse_is_a_test_that_fails(run, tmp_path, code):
    (tmp_path / "hw.py").write_text(code + "\n\ndef rnn_forward(x, a0, parameters):\n    return (x\n")
    out = run("--unrolled-check", "hw.py", code=1)
    assert "hw.py::rnn_forward FAILED" in out
    assert "does not parse: '(' was never closed" in out
    assert "1 failed, 2 passed" in out


def test_names_are_mapped(run, tmp_path):
    (tmp_path / "hw.py").write_text(
        "import numpy as np\n\ndef f(p, q, r):\n    z = np.tanh(r['u'] @ p + r['v'] @ q + r['w'])\n"
        "    e = np.exp(r['x'] @ z + r['y'])\n    return z, e / e.sum(axis=0), (z, q, p, r)\n"
    )
    names = "f=rnn_cell_forward,f.p=xt,f.q=a_prev,f.r=parameters,f.u=Wax,f.v=Waa,f.w=ba,f.x=Wya,f.y=by"
    assert "hw.py::rnn_cell_forward PASSED" in run("--unrolled-check", "--unrolled-map", names, "hw.py")
    assert "no tests ran" in run("--unrolled-check", "hw.py", code=5)


def test_a_folder_is_collected_without_its_other_files(run, tmp_path, code):
    for name in ("ada.py", "bob.py"):
        (tmp_path / name).write_text(code)
    (tmp_path / "notes.txt").write_text("no code")
    (tmp_path / "test_own.py").write_text("def test_never():\n    raise SystemExit\n")
    out = run("--unrolled-check", ".")
    assert "4 passed" in out
    assert "test_never" not in out


def test_a_file_that_cannot_be_judged_fails_with_the_reason(run, tmp_path, code):
    (tmp_path / "hw.py").write_text(code)
    (tmp_path / "conftest.py").write_text(
        "from unrolled.check.sandbox import Sandbox\nfrom unrolled.check.sandbox.types import Availability\n"
        "Sandbox.available = staticmethod(lambda: Availability(False, 'no bwrap'))\n"
    )
    assert "no sandbox on this machine (no bwrap)" in run("--unrolled-check", ".", code=1)
    assert "2 passed" in run("--unrolled-check", "hw.py")


def test_without_the_flag_pytest_is_as_it_was(run, tmp_path):
    (tmp_path / "test_own.py").write_text("def test_mine():\n    assert True\n")
    (tmp_path / "hw.ipynb").write_text("{}")
    assert "test_own.py::test_mine PASSED" in run(".")


def test_pytest_finds_the_plugin_by_its_entry_point(tmp_path, code, monkeypatch):
    import tomllib

    text = (Path(__file__).parents[3] / "pyproject.toml").read_text(encoding="utf-8")
    points = tomllib.loads(text)["project"]["entry-points"]["pytest11"]
    installed = tmp_path / "site" / "unrolled_sham-1.dist-info"
    installed.mkdir(parents=True)
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: unrolled-sham\nVersion: 1\n")
    lines = "\n".join(f"sham_{name} = {module}" for name, module in points.items())
    (installed / "entry_points.txt").write_text(f"[pytest11]\n{lines}\n")
    (tmp_path / "hw.py").write_text(code)
    environment = {**ENVIRONMENT, "PYTHONPATH": f"{HOME}{os.pathsep}{installed.parent}"}
    del environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"]
    command = [sys.executable, "-m", "pytest", "-p", "no:unrolled", "-p", "no:cacheprovider", "-W", "error"]
    done = subprocess.run(
        [*command, "--unrolled-check", "hw.py"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert "2 passed" in done.stdout, done.stdout + done.stderr
