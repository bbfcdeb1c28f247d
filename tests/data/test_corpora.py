"""The built-in corpora: which files they take, and what they say about those they leave."""

import sys

import pytest

from unrolled.data import corpora
from unrolled.errors import DataError, ParameterError


@pytest.fixture
def library(tmp_path):
    """A small standard library: two modules, a package, and what is to be left out."""
    for name, content in {
        "one.py": b"x = 1\n",
        "two.py": b"\n\ny = 2",
        "package/three.py": "z = 'ü'\n".encode(),
        "latin.py": b"# -*- coding: latin-1 -*-\nname = '\xe9'\n",
        "empty.py": b"\n",
        "notes.txt": b"no module",
        "test/test_one.py": b"left out",
        "package/tests/test_three.py": b"left out",
        "site-packages/foreign.py": b"left out",
        "_sysconfigdata_x.py": b"left out",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (tmp_path / "dangling.py").symlink_to(tmp_path / "nowhere.py")
    return tmp_path


def test_modules_are_joined_and_the_rest_is_left_out(library):
    corpus = corpora.python_corpus(library)
    assert sorted(part.strip("\n") for part in corpus.text.split("\n\n")) == ["x = 1", "y = 2", "z = 'ü'"]
    assert "left out" not in corpus.text


def test_files_that_are_not_utf8_are_skipped_and_counted(library):
    assert "3 of 5 modules (seed 0)" in corpora.python_corpus(library).about
    assert "skipped 1 not in UTF-8" in corpora.python_corpus(library).about


def test_the_selection_stops_at_enough_characters_and_depends_on_the_seed_alone(library):
    texts = {seed: corpora.python_corpus(library, characters=1, seed=seed).text for seed in range(20)}
    assert set(texts.values()) == {"x = 1\n", "y = 2\n", "z = 'ü'\n"}
    assert all(corpora.python_corpus(library, characters=1, seed=seed).text == text for seed, text in texts.items())


def test_a_library_without_sources_is_an_error(tmp_path):
    with pytest.raises(DataError, match="holds no Python sources, expected the standard library's; give a text file"):
        corpora.python_corpus(tmp_path)


def test_the_running_pythons_library_is_enough_for_the_default_budget():
    corpus = corpora.load_corpus("python")
    assert corpora.PYTHON_CHARACTERS <= len(corpus.text) < 2 * corpora.PYTHON_CHARACTERS
    assert "def " in corpus.text
    assert corpus.sha256 == corpora.load_corpus("python").sha256


def test_the_reference_is_all_topics():
    from pydoc_data.topics import topics

    corpus = corpora.load_corpus("docs")
    assert all(topic.strip("\n") in corpus.text for topic in topics.values())


def test_a_python_without_the_reference_is_an_error(monkeypatch):
    monkeypatch.setitem(sys.modules, "pydoc_data.topics", None)
    with pytest.raises(DataError, match=r"has no `pydoc_data.topics`, expected the language reference; use the corpus"):
        corpora.load_corpus("docs")


def test_a_files_source_finds_the_same_text_again(tmp_path, monkeypatch):
    (tmp_path / "play.txt").write_text("to be\n")
    monkeypatch.chdir(tmp_path)
    corpus = corpora.from_file("play.txt")
    assert corpus.name == "play"
    monkeypatch.chdir("/")
    assert corpora.load_corpus(corpus.source).sha256 == corpus.sha256


def test_another_name_is_an_error():
    with pytest.raises(ParameterError, match="`corpus` is 'perl', expected one of python, docs; for a file"):
        corpora.load_corpus("perl")
