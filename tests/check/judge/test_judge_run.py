"""`unrolled.check.run` takes functions, modules, files and text, and says what it cannot take."""

import importlib.util

import pytest

from unrolled import check
from unrolled.errors import ParameterError

TEXT = """import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x):
    return sigmoid(x)
"""


@pytest.fixture
def module(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(TEXT, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("mine", path)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def said(report):
    return {each.name: each.verdict for each in report.functions}


def test_a_module_a_path_and_a_text_are_judged_whole(module):
    both = {"sigmoid": "correct", "softmax": "wrong"}
    assert said(check.run(module)) == both
    assert said(check.run(module.__file__)) == both
    assert said(check.run(TEXT)) == both


def test_of_functions_only_they_are_told_though_they_use_others(module):
    assert said(check.run(module.softmax)) == {"softmax": "wrong"}
    assert said(check.run([module.sigmoid])) == {"sigmoid": "correct"}


def test_only_and_mapping_reach_the_judge():
    text = TEXT.replace("softmax", "distribution").replace("sigmoid", "squash")
    report = check.run(text, only=["sigmoid"], mapping=["squash=sigmoid"])
    assert [(each.name, each.found_as) for each in report.functions] == [("sigmoid", "squash")]


def test_what_is_no_code_is_named():
    with pytest.raises(ParameterError, match="`code` is of type int, expected functions"):
        check.run(3)


def test_a_path_that_cannot_be_read_is_named():
    with pytest.raises(ParameterError, match=r"`code` is the path 'nowhere.py', which cannot be read"):
        check.run("nowhere.py")


def test_a_function_without_source_is_named_with_the_remedy():
    space = {}
    exec("def sigmoid(x):\n    return x", space)
    with pytest.raises(ParameterError, match=r"`sigmoid` has no source that can be read.*pass its source as text"):
        check.run(space["sigmoid"])
