"""What is installed, and how the build finds what it needs; not what the package computes."""

import importlib.metadata
import importlib.util
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def load(name: str) -> ModuleType:
    """A module of build_support, which is not installed."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "build_support" / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


toolchain = load("toolchain")


@pytest.fixture
def no_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder as the whole PATH, and no variable that names a compiler."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    for name in ("CXX", "CMAKE_ARGS", "CMAKE_TOOLCHAIN_FILE"):
        monkeypatch.delenv(name, raising=False)
    return folder


def write_program(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


# What is installed


@pytest.fixture(scope="module")
def distribution() -> importlib.metadata.Distribution:
    try:
        return importlib.metadata.distribution("unrolled")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("the package is imported from its sources, not installed")


@pytest.fixture(scope="module")
def installed_files(distribution: importlib.metadata.Distribution) -> set[str]:
    if json.loads(distribution.read_text("direct_url.json") or "{}").get("dir_info", {}).get("editable"):
        pytest.skip("an editable installation uses the sources in place")
    return {str(path) for path in distribution.files or [] if path.parts[0] == "unrolled" and path.suffix != ".pyc"}


def test_every_source_file_is_installed_and_no_kernel_source(installed_files: set[str]):
    source = ROOT / "src"
    expected = {
        str(path.relative_to(source))
        for path in source.rglob("*")
        if path.is_file() and path.suffix not in (".cpp", ".hpp", ".pyc", ".so")
    }
    native = {name for name in installed_files if re.fullmatch(r"unrolled/engine/_native\.[\w.-]+", name)} - expected
    assert len(native) == 1
    assert installed_files - native == expected


def test_the_version_is_the_one_in_pyproject(distribution: importlib.metadata.Distribution):
    assert distribution.version == PROJECT["version"]


def test_the_command_leads_to_a_function(distribution: importlib.metadata.Distribution):
    (command,) = distribution.entry_points.select(group="console_scripts", name="unrolled")
    assert callable(command.load())


@pytest.mark.parametrize(("name", "end"), [("train", ".venv/bin/unrolled train"), ("test", ".venv/bin/pytest")])
def test_readme_has_each_command_as_one_line(name: str, end: str):
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.findall(rf"^<!-- command: {name} -->\n```sh\n(.*)\n```$", readme, flags=re.MULTILINE)
    assert len(found) == 1
    assert found[0].startswith("python3 -m venv .venv && .venv/bin/pip install ")
    assert found[0].endswith(end)


# How the build finds what it needs


def test_without_a_compiler_zig_is_needed(no_compiler: Path):
    assert toolchain.needs_zig()


@pytest.mark.parametrize("name", ["c++", "g++", "clang++"])
def test_a_compiler_on_the_path_is_used(no_compiler: Path, name: str):
    write_program(no_compiler / name, "exit 0")
    assert not toolchain.needs_zig()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("CXX", "some-c++"),
        ("CMAKE_TOOLCHAIN_FILE", "cross.cmake"),
        ("CMAKE_ARGS", "-DCMAKE_CXX_COMPILER=some-c++"),
    ],
)
def test_a_compiler_that_the_user_names_is_used(
    no_compiler: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
):
    monkeypatch.setenv(variable, value)
    assert not toolchain.needs_zig()


def test_a_compiler_named_in_pips_settings_is_used(no_compiler: Path):
    assert not toolchain.needs_zig({"cmake.define.CMAKE_CXX_COMPILER": "some-c++"})
    assert toolchain.needs_zig({"cmake.define.CMAKE_OTHER": "value"})


def test_missing_headers_are_one_line_with_the_system_package(tmp_path: Path):
    remedy = r"no Python\.h in .*apt install python3-dev.*dnf install python3-devel"
    with pytest.raises(SystemExit, match=remedy) as caught:
        toolchain.check_headers(str(tmp_path))
    assert "\n" not in str(caught.value)
    (tmp_path / "Python.h").touch()
    toolchain.check_headers(str(tmp_path))


def test_zig_is_told_not_to_compile_for_this_processor_alone(tmp_path: Path):
    folder = tmp_path / "a folder, it's odd"
    folder.mkdir()
    zig = write_program(folder / "zig", 'for word in "$@"; do echo "$word"; done')
    wrappers = toolchain.write_wrappers(str(zig), folder)
    words = {
        name: subprocess.run([path, "-O3", "a b.cpp"], capture_output=True, text=True, check=True).stdout.splitlines()
        for name, path in wrappers.items()
    }
    assert words == {
        "c++": ["c++", "-mcpu=baseline", "-O3", "a b.cpp"],
        "ar": ["ar", "-O3", "a b.cpp"],
        "ranlib": ["ranlib", "-O3", "a b.cpp"],
    }


def test_a_build_with_zig_names_its_tools_to_cmake_and_leaves_nothing_behind(
    no_compiler: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    zig = ModuleType("ziglang")
    zig.__file__ = str(no_compiler / "ziglang" / "__init__.py")
    monkeypatch.setitem(sys.modules, "ziglang", zig)
    monkeypatch.setenv("CMAKE_ARGS", "-DOTHER=1")
    before = dict(os.environ)
    with toolchain.compiler():
        tools = Path(os.environ["CXX"]).parent
        arguments = os.environ["CMAKE_ARGS"].split()
        assert Path(os.environ["CXX"]).exists()
    assert arguments == ["-DOTHER=1", f"-DCMAKE_AR={tools / 'ar'}", f"-DCMAKE_RANLIB={tools / 'ranlib'}"]
    assert dict(os.environ) == before
    assert not tools.exists()
    assert capsys.readouterr().err.count("no C++ compiler found") == 1


def test_a_build_with_a_compiler_changes_nothing(no_compiler: Path):
    write_program(no_compiler / "c++", "exit 0")
    before = dict(os.environ)
    with toolchain.compiler():
        assert dict(os.environ) == before


def test_neither_compiler_nor_zig_is_one_line_with_the_remedy(no_compiler: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "ziglang", None)
    remedy = r"no C\+\+ compiler found; install g\+\+ or clang\+\+, or `pip install ziglang`"
    with pytest.raises(SystemExit, match=remedy), toolchain.compiler():
        pass


@pytest.mark.parametrize("kind", ["wheel", "editable"])
def test_the_backend_asks_for_zig_only_without_a_compiler(
    no_compiler: Path, monkeypatch: pytest.MonkeyPatch, kind: str
):
    hooks = ("build_sdist", "get_requires_for_build_sdist", "prepare_metadata_for_build_wheel")
    hooks += ("prepare_metadata_for_build_editable", "build_wheel", "build_editable")
    requires = {f"get_requires_for_build_{kind}": lambda settings: ["ninja"] for kind in ("wheel", "editable")}
    base = SimpleNamespace(**dict.fromkeys(hooks), **requires)
    monkeypatch.setitem(sys.modules, "scikit_build_core", SimpleNamespace(build=base))
    monkeypatch.setitem(sys.modules, "toolchain", toolchain)
    monkeypatch.setattr(toolchain, "check_headers", lambda: None)
    ask = getattr(load("backend"), f"get_requires_for_build_{kind}")
    assert ask() == ["ninja", "ziglang"]
    write_program(no_compiler / "c++", "exit 0")
    assert ask() == ["ninja"]


REPORT = "import json; from unrolled import engine; print(json.dumps([engine.__file__, engine.info()]))"


@pytest.mark.slow
def test_a_machine_without_a_compiler_builds_the_same_instruction_sets(
    no_compiler: Path, tmp_path: Path, distribution: importlib.metadata.Distribution
):
    """From scratch, with a compiler from PyPI; minutes, and some hundred megabytes to download."""
    for tool in ("sh", "uname", "getconf", "ldd"):
        (no_compiler / tool).symlink_to(f"/usr/bin/{tool}")
    wheels, site = tmp_path / "wheels", tmp_path / "site"
    pip = [sys.executable, "-m", "pip"]
    subprocess.run([*pip, "wheel", "--quiet", "--no-deps", "--wheel-dir", wheels, ROOT], check=True, timeout=1200)
    (wheel,) = wheels.iterdir()
    subprocess.run([*pip, "install", "--quiet", "--no-deps", "--target", site, wheel], check=True, timeout=300)

    def report(**variables: str) -> tuple[str, object]:
        environment = {**os.environ, **variables}
        done = subprocess.run(
            [sys.executable, "-c", REPORT], env=environment, capture_output=True, text=True, check=True
        )
        return tuple(json.loads(done.stdout))

    (here, as_installed), (there, built_with_zig) = report(), report(PYTHONPATH=str(site))
    assert Path(there).is_relative_to(site)
    assert not Path(here).is_relative_to(site)
    assert built_with_zig == as_installed
