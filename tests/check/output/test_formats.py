"""The formats for other programs, and hints turned down: each by what its reader relies on."""

import csv
import io
import json
from xml.etree import ElementTree

import pytest

from unrolled.check.output import FORMATS, render
from unrolled.check.output.hints import HINTS, turn_down
from unrolled.check.output.words import frequent, run_summary
from unrolled.check.results import FileReport, Finding, FunctionReport, Place, Problem

# The schema that Jenkins holds such files to: an element's children, the attributes it must have, those it may have.
JUNIT = {
    "testsuites": ({"testsuite"}, set(), {"name", "time", "tests", "failures", "errors"}),
    "testsuite": (
        {"testsuite", "properties", "testcase", "system-out", "system-err"},
        {"name", "tests", "failures", "errors"},
        {"group", "time", "skipped", "timestamp", "hostname", "id", "package", "file", "log", "url"},
    ),
    "testcase": ({"skipped", "error", "failure", "system-out", "system-err"}, {"name"}, {"time", "classname", "group"}),
    "failure": (set(), set(), {"type", "message"}),
    "error": (set(), set(), {"type", "message"}),
    "system-err": (set(), set(), set()),
}


def test_junit_has_no_element_or_attribute_that_its_readers_do_not_know(right, mixed, empty, hostile):
    root = ElementTree.fromstring(render([right, mixed, empty, hostile], "junit"))
    assert root.tag == "testsuites"
    for element in root.iter():
        children, needed, allowed = JUNIT[element.tag]
        assert {child.tag for child in element} <= children
        assert needed <= set(element.keys()) <= needed | allowed


def test_junit_counts_agree_with_its_cases(right, mixed, empty):
    root = ElementTree.fromstring(render([right, mixed, empty], "junit"))
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("9", "2", "4")
    for suite in root:
        cases = suite.findall("testcase")
        assert suite.tag == "testsuite"
        assert int(suite.get("tests")) == len(cases)
        assert int(suite.get("failures")) == len(suite.findall("testcase/failure"))
        assert int(suite.get("errors")) == len(suite.findall("testcase/error"))
        assert all(case.get("name") and case.get("classname") == suite.get("name") for case in cases)


def test_junit_names_the_mistake_and_a_file_without_functions_is_an_error(mixed, empty):
    root = ElementTree.fromstring(render([mixed, empty], "junit"))
    failure = root.find(".//testcase[@name='lstm_cell_backward']/failure")
    assert failure.get("message") == "equation (10): your dft multiplies by c_next where c_prev belongs"
    assert failure.get("type") == "wrong"
    assert "dft = dc * c<t-1> * ft * (1 - ft)" in failure.text
    assert root.find(".//testcase[@name='lstm_backward']/error").get("type") == "crashed"
    assert root.find(".//testcase[@name='gru_forward']/failure").get("type") == "missing"
    unchecked = root.find("testsuite[@name='notes.py']/testcase/error")
    assert "none of the functions was found" in unchecked.text
    assert "does not parse" in root.find("testsuite/system-err").text


def test_gradescope_gives_a_point_for_each_correct_function(mixed):
    results = json.loads(render([mixed], "gradescope"))
    tests = {test["name"]: test for test in results["tests"]}
    assert len(tests) == len(mixed.functions)
    assert [name for name, test in tests.items() if test["score"] == test["max_score"]] == ["lstm_cell_forward"]
    assert all(test["visibility"] == "visible" and test["output_format"] == "text" for test in tests.values())
    assert tests["lstm_cell_forward"]["status"] == "passed"
    assert tests["lstm_cell_backward"]["status"] == "failed"
    assert "it should be      dft = dc * c<t-1>" in tests["lstm_cell_backward"]["output"]
    assert "does not parse" in results["output"]
    assert "score" not in results


def test_gradescope_names_tests_with_their_file_where_there_are_several(right, mixed):
    names = [test["name"] for test in json.loads(render([right, mixed], "gradescope"))["tests"]]
    assert "right.py: rnn_forward" in names
    assert "notebooks/hw 5.ipynb: rnn_forward" in names


def test_gradescope_gives_no_points_where_nothing_was_found(empty):
    assert json.loads(render([empty], "gradescope"))["score"] == 0


def test_csv_has_a_row_for_each_file_and_a_column_for_each_function(right, mixed, empty):
    rows = list(csv.DictReader(io.StringIO(render([right, mixed, empty], "csv"))))
    assert [row["file"] for row in rows] == ["right.py", "notebooks/hw 5.ipynb", "notes.py"]
    assert [row["rnn_forward"] for row in rows] == ["correct", "timeout", ""]
    assert [row["gru_forward"] for row in rows] == ["", "missing", ""]
    assert [[row[name] for name in ("correct", "wrong", "missing", "crashed")] for row in rows] == [
        ["2", "0", "0", "0"],
        ["1", "1", "1", "1"],
        ["0", "0", "0", "0"],
    ]
    assert rows[1]["equations"] == "lstm.10 lstm.cache"
    assert "cell 3, line 2: this cell does not parse" in rows[1]["problems"]
    assert list(rows[0])[9:] == [
        *("rnn_cell_forward", "rnn_forward", "rnn_backward"),
        *("lstm_cell_forward", "lstm_cell_backward", "lstm_backward", "gru_forward"),
    ]


@pytest.mark.parametrize("first", "=+-@")
def test_no_name_becomes_a_formula_of_a_spreadsheet(right, first):
    from dataclasses import replace

    (row,) = csv.DictReader(io.StringIO(render([replace(right, file=f"{first}SUM(A1).py")], "csv")))
    assert row["file"] == f"'{first}SUM(A1).py"


@pytest.mark.parametrize("kind", FORMATS)
def test_no_format_lets_a_learner_steer_the_reader(hostile, kind):
    text = render([hostile], kind)
    for character in "\x1b\x00\u202e":
        assert character not in text
    if kind == "junit":
        assert len(ElementTree.fromstring(text).findall(".//*")) == 4  # suite, case, failure, system-err


@pytest.mark.parametrize("kind", ["terminal", "html", "junit", "gradescope", "csv"])
def test_a_flood_of_text_is_cut(kind):
    flood = "x" * 1_000_000
    place = Place(1, None, flood)
    finding = Finding("rnn.0", flood, flood, "located", place, flood, flood)
    function = FunctionReport("rnn_forward", "wrong", flood, place, "", (finding,), (flood,), (flood,), flood)
    assert len(render([FileReport("a.py", (function,), (Problem(flood, place),))], kind)) < 60_000


def test_each_level_of_hints_says_more_than_the_one_before(mixed):
    secrets = {
        "where": ("equation (10) is wrong: dft", "cell 7, line 41", "dft = dc * c_next"),
        "why": ("multiplies by c_next where c_prev belongs", "dft = dc * c<t> *"),
        "fix": ("dft = dc * c<t-1> * ft * (1 - ft)",),
    }
    for level in HINTS:
        text = render([turn_down(mixed, level)], "terminal").replace("Equation", "equation")
        assert "lstm_cell_backward (your LSTM.step_back)  wrong" in text
        assert "Wrong: dWf, dbf, dxt, da_prev; right: dWi, dbi" in text
        assert "crashed: NameError: name 'dz'" in text
        for needed, parts in secrets.items():
            told = HINTS.index(level) >= HINTS.index(needed)
            if needed == "where" and level != "where":
                parts = parts[1:]  # a later level has the whole sentence in its place
            assert all((part in text) == told for part in parts), (level, needed, text)


def test_what_many_files_have_wrong_is_counted_by_file(right, mixed, empty):
    assert frequent([mixed, mixed, right, empty]) == [("lstm.10", 2), ("lstm.cache", 2)]
    assert run_summary([mixed, mixed, right, empty]) == (
        "4 files: 1 all correct, 2 with something wrong, 1 in which nothing could be checked."
    )
