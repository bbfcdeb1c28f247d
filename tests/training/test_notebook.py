"""What a notebook shows: one output, redrawn in place; IPython is stood in for, as the suite does without it."""

import sys
from types import SimpleNamespace

import pytest

from training.test_progress import BARE, FULL
from unrolled.training.notebook import NotebookLine, in_notebook
from unrolled.training.progress import LiveDisplay, PlainLines
from unrolled.training.report import Report
from unrolled.training.shows import choose_show


class Output:
    """A cell's output: `display` adds a picture, a handle replaces it."""

    def __init__(self):
        self.pictures, self.drawn = [], 0

    def display(self, picture, raw, display_id):
        assert (raw, display_id) == (True, True)
        self.pictures.append(picture)
        return self

    def update(self, picture, raw):
        assert raw
        self.pictures[-1] = picture
        self.drawn += 1


@pytest.fixture
def output(monkeypatch):
    output = Output()
    shell = SimpleNamespace(kernel=object())
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    monkeypatch.setitem(sys.modules, "IPython.display", SimpleNamespace(display=output.display))
    return output


def test_one_output_is_redrawn_in_place_and_says_everything(output):
    show = NotebookLine("runs/<a>", refresh=0.0)
    with show.held():
        show.step(BARE)
        show.report(FULL)
        show.step(Report(**{**BARE.__dict__, "step": 13}))
    (picture,) = output.pictures
    for part in ("runs/&lt;a&gt;", "<progress max='50' value='13'>", "chars/s", "12,346", "1.386 nats/char"):
        assert part in picture["text/html"]
    assert picture["text/plain"].startswith("runs/<a>: step 13/50  ")


def test_it_is_not_redrawn_more_often_than_asked_but_once_at_the_end(output):
    show = NotebookLine("a", refresh=3600.0)
    with show.held():
        for step in range(100):
            show.report(Report(**{**BARE.__dict__, "step": step}))
    assert output.drawn <= 2
    assert "step 99/50" in output.pictures[0]["text/plain"]


def test_a_run_of_no_steps_draws_nothing(output):
    with NotebookLine("a").held():
        pass
    assert output.pictures == []


def test_what_suits_is_chosen(output, monkeypatch):
    assert in_notebook()
    assert isinstance(choose_show("a"), NotebookLine)
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: SimpleNamespace()))
    assert not in_notebook()  # IPython in a terminal
    assert isinstance(choose_show("a"), PlainLines)
    monkeypatch.delitem(sys.modules, "IPython")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    assert isinstance(choose_show("a"), LiveDisplay)


@pytest.mark.notebook
def test_a_live_ipython_is_sent_one_display_and_its_updates(tmp_path, monkeypatch):
    from IPython.core.displaypub import DisplayPublisher
    from IPython.core.interactiveshell import InteractiveShell

    sent = []

    class Publisher(DisplayPublisher):
        def publish(self, data, *, transient, update=False, **rest):
            sent.append((transient["display_id"], update, data))

    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    shell = InteractiveShell.instance()
    try:
        assert not in_notebook()
        shell.display_pub = Publisher(parent=shell)
        show = NotebookLine("a", refresh=0.0)
        with show.held():
            show.step(BARE)
            show.report(FULL)
    finally:
        shell.history_manager.end_session()
        InteractiveShell.clear_instance()
    assert len({display_id for display_id, _, _ in sent}) == 1
    assert [update for _, update, _ in sent] == [False, True, True]
    assert "1.386 nats/char" in sent[-1][2]["text/html"]
