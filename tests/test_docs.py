"""The pages in docs/: their Python blocks run, print what the pages show, and name every option that there is."""

import dataclasses
import inspect
import re
import runpy
from pathlib import Path

import pytest
from typer.main import get_command

from unrolled import models
from unrolled.cli.app import app
from unrolled.data.builtin import DATASETS
from unrolled.initializers import INITIALIZERS
from unrolled.layers import GRU, LSTM, RNN, Dropout
from unrolled.optimizers import OPTIMIZERS
from unrolled.training.fit import FitSettings
from unrolled.training.settings import SCHEDULE_NAMES

DOCS = Path(__file__).parents[1] / "docs"
EXAMPLES = runpy.run_path(str(DOCS / "python_examples.py"))
PAGES, renewed = EXAMPLES["PAGES"], EXAMPLES["renewed"]


def text_of(page):
    return (DOCS / page).read_text(encoding="utf-8")


def prose_of(page):
    return re.sub(r"^```.*?^```$", "", text_of(page), flags=re.MULTILINE | re.DOTALL)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """What the blocks write goes there; plots need no screen."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "Agg")


@pytest.mark.parametrize("page", PAGES)
def test_the_blocks_of_a_page_run_and_print_what_it_shows(page):
    assert renewed(text_of(page), str(DOCS / page)) == text_of(page)


@pytest.mark.extras
@pytest.mark.parametrize("page", [page for page in PAGES if "<!-- extras:" in text_of(page)])
def test_the_blocks_that_need_extras_run_too(page):
    assert renewed(text_of(page), str(DOCS / page), extras=True) == text_of(page)


def parameters(*callables):
    return {name for each in callables for name in inspect.signature(each).parameters}


@pytest.mark.parametrize(
    ("page", "names"),
    [
        ("layers.md", parameters(RNN, GRU, LSTM, Dropout) | parameters(LSTM.forward, LSTM.backward) - {"self"}),
        ("layers.md", set(INITIALIZERS)),
        ("models.md", set(models.HOMES)),
        ("models.md", parameters(*(getattr(models, name) for name in models.HOMES))),
        ("models.md", set(DATASETS)),
        ("training.md", {field.name for field in dataclasses.fields(FitSettings)}),
        ("training.md", {*OPTIMIZERS, *SCHEDULE_NAMES}),
        ("training.md", parameters(*OPTIMIZERS.values())),
    ],
)
def test_a_page_names_everything_that_can_be_chosen(page, names):
    in_code = re.findall(r"`([^`]+)`", prose_of(page))
    assert not sorted(names - set(re.findall(r"\w+", " ".join(in_code))))


@pytest.mark.parametrize("page", sorted(path.name for path in DOCS.glob("*.md")))
def test_links_lead_to_files_and_headings(page):
    for target in re.findall(r"\]\(([^)]+)\)", prose_of(page)):
        path, _, heading = target.partition("#")
        found = DOCS / path if path else DOCS / page
        assert found.exists(), target
        if heading:
            titles = re.findall(r"^#+ (.+)$", found.read_text(encoding="utf-8"), re.MULTILINE)
            assert heading in {re.sub(r"[^\w\- ]", "", title).lower().replace(" ", "-") for title in titles}, target


def test_the_index_names_every_page():
    assert {path.name for path in DOCS.glob("*.md")} - {"README.md"} <= set(
        re.findall(r"\]\((\w+\.md)\)", text_of("README.md"))
    )


SHELL = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^unrolled (\w+)(.*)$", re.MULTILINE)
SHOWN = [shown for page in PAGES for block in SHELL.findall(text_of(page)) for shown in COMMAND.findall(block)]


@pytest.mark.parametrize(("command", "rest"), SHOWN)
def test_a_command_that_a_page_shows_has_its_options(command, rest):
    known = {name for each in get_command(app).commands[command].params for name in each.opts}
    assert not sorted(set(re.findall(r"--[\w-]+", rest)) - known)


def test_what_a_block_prints_comes_below_it():
    page = "```python\nx = 2\n```\n\n```python\nprint(x + 1)\n```\n\n```text\n4\n```\n\nEnd.\n"
    assert renewed(page) == page.replace("4", "3")


def test_a_block_that_needs_extras_runs_only_where_they_are_asked_for():
    page = "<!-- extras: plot pandas -->\n```python\nprint(1)\n```\n"
    assert renewed(page) == page
    assert renewed(page, extras=True) == page + "\n```text\n1\n```\n"


def test_a_block_that_fails_names_its_line():
    with pytest.raises(ZeroDivisionError) as caught:
        renewed("# Title\n\n```python\n1 / 0\n```\n")
    assert caught.traceback[-1].lineno == 3  # from 0
