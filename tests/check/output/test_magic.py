"""`%%check` in a live IPython: the cell runs, its functions are checked with what earlier cells gave it."""

import pytest

from unrolled.check.magic import load
from unrolled.errors import ParameterError

pytestmark = pytest.mark.notebook


@pytest.fixture
def notebook(tmp_path, monkeypatch):
    """Runs cells one after another as a notebook does; gives what the last one showed, or its error."""
    from IPython.core.interactiveshell import InteractiveShell

    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    shell = InteractiveShell()

    def run(*cells):
        for cell in cells:
            result = shell.run_cell(cell, store_history=True)
        return result.error_in_exec or shell.user_ns["Out"][max(shell.user_ns["Out"])]

    yield run
    shell.history_manager.end_session()


def test_a_cell_runs_and_its_functions_are_checked_with_the_imports_of_earlier_cells(notebook, code):
    imports, _, rest = code.strip().partition("\n")
    shown = notebook("%load_ext unrolled.check", imports, f"%%check\n{rest}\nran = 1")
    report = shown.report
    assert [(function.name, function.verdict) for function in report.functions] == [
        ("sigmoid", "correct"),
        ("rnn_cell_backward", "correct"),
    ]
    assert notebook("ran") == 1


def test_only_the_functions_of_this_cell_are_checked_and_lines_are_those_of_the_cell(notebook, code, wrong_code):
    first, _, second = wrong_code.partition("def rnn_cell_backward")
    cell = f"%%check\ndef rnn_cell_backward{second}"
    report = notebook("%load_ext unrolled.check", first, cell).report
    (function,) = report.functions
    assert (function.name, function.verdict) == ("rnn_cell_backward", "wrong")
    place = function.findings[0].place
    assert place.cell == 3
    assert cell.splitlines()[place.line - 1].strip() == place.text


def test_a_function_that_is_written_anew_is_the_one_that_is_checked(notebook, code, wrong_code):
    cells = ("%load_ext unrolled.check", f"%%check\n{wrong_code}", f"%%check\n{code}")
    verdicts = {function.name: function.verdict for function in notebook(*cells).report.functions}
    assert verdicts["rnn_cell_backward"] == "correct"


def test_a_notebook_sees_a_page_and_a_terminal_sees_text(notebook, wrong_code):
    shown = notebook("%load_ext unrolled.check", f"%%check --hints where\n{wrong_code}")
    assert "<math>" not in shown._repr_html_()
    assert "rnn_cell_backward" in shown._repr_html_()
    assert "✗ rnn_cell_backward  wrong" in repr(shown)
    assert "it should be" not in repr(shown)


def test_a_cell_without_functions_says_so(notebook):
    shown = notebook("%load_ext unrolled.check", "%%check\nx = 1")
    assert "none of the functions is defined in this cell" in repr(shown)


def test_a_wrong_option_is_said_in_one_line(notebook):
    error = notebook("%load_ext unrolled.check", "%%check --hints all\nx = 1")
    assert isinstance(error, ParameterError)
    assert str(error).startswith("%%check: argument --hints: invalid choice: 'all'")


def test_loading_names_the_options_where_notebooks_show_help(notebook):
    class Shell:
        def register_magic_function(self, function, kind, name):
            self.known = function, kind, name

    shell = Shell()
    load(shell)
    function, kind, name = shell.known
    assert (kind, name) == ("cell", "check")
    assert "--hints {none,where,why,fix}" in function.__doc__
