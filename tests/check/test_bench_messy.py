"""Messy notebooks: each trouble is named as what it is, and does not touch the functions beside it."""

import pytest

from check.learners import bench, proof
from check.learners.conventions import conventions
from check.learners.corpus import HERE, MESSY, SOURCES, code, defined
from unrolled.check.results import FileReport, FunctionReport


def report_of(name: str, timeout: float = 60.0) -> FileReport:
    path = MESSY[name]
    return bench.checked(path.name, path.read_text(encoding="utf-8"), timeout=timeout)


def equations(said: FunctionReport) -> set[str]:
    return {finding.equation for finding in said.findings}


def words(said: FunctionReport) -> str:
    return " ".join([said.reason, *(finding.message for finding in said.findings)])


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_the_functions_of_the_five_source_documents_are_all_correct(path):
    known = conventions(path.stem, defined(code(path)))
    assert not bench.not_correct(path.name, path.read_text(encoding="utf-8"), known)


def test_unfinished_functions_are_missing_and_the_finished_one_beside_them_is_correct():
    report = report_of("unfinished")
    assert bench.of(report, "rnn_cell_forward").verdict == "correct"
    for name in ("rnn_forward", "rnn_cell_backward", "rnn_backward", "lstm_cell_forward"):
        assert bench.of(report, name).verdict == "missing", name


def test_a_crash_is_told_with_its_error_and_its_line():
    report = report_of("crashes")
    assert bench.of(report, "rnn_cell_forward").verdict == "correct"
    said = bench.of(report, "rnn_cell_backward")
    assert said.verdict == "crashed"
    assert "NameError" in said.reason
    assert "Wax" in said.reason
    said = bench.of(report, "lstm_cell_forward")
    assert said.verdict == "crashed"
    assert "ValueError" in said.reason


def test_a_loop_that_never_ends_is_a_timeout():
    report = report_of("never_ends", timeout=1.0)
    assert bench.of(report, "rnn_forward").verdict == "timeout"
    assert bench.of(report, "rnn_cell_forward").verdict == "correct"


def test_cells_that_do_not_parse_are_named_and_the_others_are_checked():
    report = report_of("does_not_parse")
    cells = {problem.place.cell for problem in report.problems if problem.place}
    assert {4, 6, 7} <= cells
    assert bench.of(report, "rnn_cell_forward").verdict == "correct"
    assert bench.of(report, "rnn_cell_backward").verdict == "correct"


def test_the_equations_as_they_were_printed_in_2018_are_named_each_with_its_number():
    said = bench.of(report_of("old_equations"), "lstm_cell_backward")
    assert said.verdict == "wrong"
    assert equations(said) == {"lstm.8", "lstm.9", "lstm.10"}


def test_who_matches_the_table_of_2018_is_told_that_the_table_is_wrong_and_why():
    report = report_of("table_of_2018")
    assert bench.of(report, "lstm_cell_backward").verdict == "correct"
    said = bench.of(report, "lstm_backward")
    assert said.verdict == "wrong"
    assert {"lstm.bptt.a", "lstm.bptt.c"} & equations(said)
    assert "2018" in words(said)
    assert "table" in words(said)


def test_sizes_written_into_the_code_are_found():
    said = bench.of(report_of("hard_coded_sizes"), "rnn_forward")
    assert said.verdict in ("wrong", "crashed")
    assert "size" in words(said)


def test_a_global_in_place_of_the_argument_is_found_and_named():
    said = bench.of(report_of("global_instead_of_argument"), "rnn_cell_forward")
    assert said.verdict in ("wrong", "crashed")
    assert "parameters" in words(said)
    assert "global" in words(said)


@pytest.mark.parametrize(
    ("function", "word"),
    [("rnn_cell_backward", "da_next"), ("lstm_cell_forward", "c_prev"), ("rnn_cell_forward", "random")],
)
def test_what_is_not_theirs_and_was_changed_is_named(function, word):
    said = bench.of(report_of("not_theirs"), function)
    assert said.verdict == "wrong"
    assert word in words(said)


@pytest.mark.parametrize(("function", "family"), [("lstm_forward", "lstm"), ("rnn_forward", "rnn")])
def test_two_names_for_one_array_are_found(function, family):
    said = bench.of(report_of("aliases"), function)
    assert said.verdict == "wrong"
    assert equations(said) & {f"{family}.alias", f"{family}.cache"}


@pytest.mark.parametrize(
    ("name", "functions", "noted"),
    [
        ("defined_twice", ("rnn_cell_forward", "rnn_cell_backward"), "defined 2 times"),
        ("magics", ("rnn_cell_forward", "rnn_cell_backward"), ""),
        ("exported", ("rnn_cell_forward", "rnn_forward"), ""),
    ],
)
def test_what_stands_around_right_functions_does_not_count(name, functions, noted):
    report = report_of(name)
    assert {bench.of(report, function).verdict for function in functions} == {"correct"}
    assert len(report.problems) == (len(functions) if noted else 0), report.problems
    assert all(noted in problem.message for problem in report.problems)


@pytest.mark.parametrize(
    "written",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: "\ufeff" + text,
        lambda text: text.replace("    ", "\t"),
        lambda text: text.rstrip("\n"),
        lambda text: "# -*- coding: utf-8 -*-\n" + text,
    ],
    ids=["carriage returns", "byte order mark", "tabs", "no last line end", "an encoding"],
)
def test_how_a_file_is_written_does_not_count(written):
    text = (HERE / "correct" / "my_own_way.py").read_text(encoding="utf-8")
    said = bench.of(bench.checked("mine.py", written(text), "rnn_cell_backward"), "rnn_cell_backward")
    assert said.verdict == "correct", said


def test_the_notebooks_of_2018_are_what_they_say():
    module = proof.load(code(MESSY["table_of_2018"]))
    known = conventions("table_of_2018", {"lstm_cell_backward", "lstm_backward"})
    assert max(proof.differences(module, "lstm_cell_backward", known).values()) < proof.RIGHT["float64"]
    assert min(proof.differences(module, "lstm_backward", known).values()) > proof.WRONG
