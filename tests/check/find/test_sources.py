"""Files and notebooks to text that parses; what cannot be read is said with its place."""

import ast
import json
import time
from typing import Any

import pytest

from unrolled.check.find import Source, read_source


def notebook(*cells: Any, kind: str = "code", version: int = 4) -> str:
    listed = [{"cell_type": kind, "source": cell} if isinstance(cell, str | list) else cell for cell in cells]
    if version == 3:
        listed = [{"input" if key == "source" else key: value for key, value in cell.items()} for cell in listed]
        return json.dumps({"nbformat": 3, "worksheets": [{"cells": listed}]})
    return json.dumps({"nbformat": 4, "cells": listed})


def messages(source: Source) -> list[str]:
    return [problem.message for problem in source.problems]


def code(source: Source) -> list[str]:
    """The lines that are left, without the blank ones."""
    ast.parse(source.text)
    return [line for line in source.text.split("\n") if line.strip() not in ("", "pass")]


@pytest.mark.parametrize("version", [3, 4])
def test_the_cells_of_both_notebook_formats_are_joined_and_places_lead_back_to_them(version: int):
    text = notebook({"cell_type": "markdown", "source": "# RNN"}, ["a = 1\n", "b = 2"], "c = 3\n", version=version)
    source = read_source("a.ipynb", text)
    assert source.text == "a = 1\nb = 2\nc = 3\n"
    assert [(source.place(line).cell, source.place(line).line) for line in (1, 2, 3)] == [(2, 1), (2, 2), (3, 1)]
    assert source.place(3).text == "c = 3"
    assert source.problems == ()


def test_a_python_file_keeps_its_lines():
    source = read_source("a.py", "\ufeffa = 1\r\nb = 2\rc = 3\n")
    assert code(source) == ["a = 1", "b = 2", "c = 3"]
    assert (source.place(3).line, source.place(3).cell, source.place(3).text) == (3, None, "c = 3")
    assert source.place(99).text == ""


def test_a_notebook_is_known_by_its_content_whatever_its_name():
    for name in ("a.py", "-", "a.ipynb"):
        assert code(read_source(name, notebook("a = 1"))) == ["a = 1"]
    assert code(read_source("-", "a = {}\n")) == ["a = {}"]
    assert code(read_source("a.py", "{'cells': 1}\n")) == ["{'cells': 1}"]


def test_python_under_a_notebooks_name_is_read_and_said():
    source = read_source("a.ipynb", "a = 1\n")
    assert code(source) == ["a = 1"]
    assert messages(source) == ["not a notebook's JSON; it is read as Python code"]


def test_a_web_page_is_named_with_the_remedy():
    source = read_source("a.ipynb", "<!DOCTYPE html>\n<html></html>\n")
    assert "download the notebook's own .ipynb" in messages(source)[0]


@pytest.mark.parametrize(
    "line",
    [
        "%matplotlib inline",
        "!pip install numpy",
        "?np.dot",
        "np.dot?",
        "np.dot??  # help",
        "files = !ls -la *.csv",
        "t = %timeit -o 1 + 1",
        "%load_ext autoreload",
        "!wget \\\n  http://example.com \\\n  -O x",
        "    %time a = 2",
    ],
)
def test_magics_and_shell_lines_give_way_without_a_word(line: str):
    for name, text in (
        ("a.ipynb", notebook(f"if True:\n    a = 1\n{line}\nb = 2")),
        ("a.py", f"a = 1\n{line.lstrip()}\nb = 2"),
    ):
        source = read_source(name, text)
        assert code(source)[-1] == "b = 2"
        assert "a = 1" in source.text
        assert source.problems == ()


def test_a_percent_sign_that_goes_on_with_an_expression_is_no_magic():
    source = read_source("a.ipynb", notebook("%matplotlib inline\na = (7\n  % 4)"))
    scope: dict[str, Any] = {}
    exec(source.text, scope)
    assert scope["a"] == 3


@pytest.mark.parametrize("first", ["%%bash", "%%html", "\n%%sh -x", "%%writefile a.txt", "%%javascript"])
def test_cells_of_another_language_are_left_out(first: str):
    source = read_source("a.ipynb", notebook(f"{first}\nrm -rf / && echo $HOME", "a = 1"))
    assert code(source) == ["a = 1"]
    assert source.place(source.text.split("\n").index("a = 1") + 1).cell == 2
    assert source.problems == ()


@pytest.mark.parametrize(
    "first", ["%%time", "%%capture out", "%%timeit -n 3", "%%writefile rnn_utils.py", "%%time\n%%capture"]
)
def test_python_under_a_cell_magic_is_read(first: str):
    assert code(read_source("a.ipynb", notebook(f"{first}\na = 1"))) == ["a = 1"]


def test_an_indented_cell_is_read_as_a_notebook_reads_it():
    assert code(read_source("a.ipynb", notebook("  # note\n  a = 1\n  if a:\n    b = 2"))) == [
        "# note",
        "a = 1",
        "if a:",
        "  b = 2",
    ]


def test_pasted_output_is_left_out_with_its_place_and_the_rest_stays():
    text = "a = 1\na_next[4] =  [ 0.59584544  0.18141802]\n(5, 10)\ndef f():\n    return 1\nExpected Output: 3\n"
    source = read_source("a.ipynb", notebook("z = 0", text))
    assert code(source) == ["z = 0", "a = 1", "(5, 10)", "def f():", "    return 1"]
    assert [(problem.place.cell, problem.place.line) for problem in source.problems if problem.place] == [
        (2, 2),
        (2, 6),
    ]
    assert source.problems[0].place.text.startswith("a_next[4]")


def test_a_function_that_does_not_parse_is_named_and_the_others_stay():
    good = "import numpy as np\n@np.vectorize\ndef good(x):\n    return x\n"
    text = good + "\ndef rnn_cell_forward(xt):\n    a = (1\n    return a\n\nc = 1\n"
    source = read_source("a.py", text)
    assert code(source) == ["import numpy as np", "@np.vectorize", "def good(x):", "    return x", "c = 1"]
    assert "`rnn_cell_forward` cannot be checked" in messages(source)[0]
    assert source.problems[0].place.line == 7


@pytest.mark.parametrize(
    "broken",
    [
        "def f(x):\n    # what is to be written\n",
        "def f(x):\nreturn x\n",
        'def f(x):\n    """A text that does not end.\n    return x\n',
        "def f(x)\n    return x\n",
    ],
)
def test_what_does_not_parse_takes_nothing_along_that_stands_after_it(broken):
    good = 'def g(x):\n    """A text."""\n    return x\n'
    source = read_source("a.py", f"{broken}\n{good}\n{good.replace('g', 'h')}")
    assert "\n".join(code(source)).endswith('def h(x):\n    """A text."""\n    return x')
    assert "def g(x):" in code(source)
    assert [each.name for each in source.unparsed] == ["f"]
    assert source.problems[0].place.line < len(broken.split("\n"))


def test_functions_that_do_not_parse_are_known_by_their_names_and_lines():
    method = "class LSTM:\n    def step(self, x)\n        def inner():\n            return x\n        return inner()\n"
    source = read_source("a.ipynb", notebook("a = 1", f"b = 1\n{method}\ndef rnn_forward(x):\n    return (x\n"))
    assert [(each.name, each.line, each.error_line) for each in source.unparsed] == [
        ("LSTM.step", 4, 4),
        ("rnn_forward", 9, 10),
    ]
    assert str(source.place(10)) == "cell 2, line 9"


def test_a_decorator_goes_with_the_function_that_does_not_parse():
    assert code(read_source("a.py", "@staticmethod\n@f\ndef g(x:\n    return\nb = 1\n")) == ["b = 1"]


def test_code_without_a_body_between_start_and_end_is_named():
    source = read_source(
        "a.ipynb", notebook("def rnn_forward(x):\n    ### START CODE HERE ###\n    ### END CODE HERE ###\n")
    )
    assert "`rnn_forward` cannot be checked" in messages(source)[0]


def test_python_2_is_read_where_that_is_safe():
    text = "def f(x):\n    print 'step', x\n    try:\n        return x\n    except ValueError, e:\n        print e\n"
    source = read_source("a.py", text)
    assert "def f(x):" in source.text
    assert "except ValueError as e:" in source.text
    assert [message.partition(" is ")[0] for message in messages(source)] == [
        "Python 2's `print`",
        "Python 2's `except`",
        "Python 2's `print`",
    ]


def test_tabs_among_spaces_are_read_as_the_spaces_around_them():
    source = read_source("a.py", "def f(x):\n    a = 1\n\treturn a\n")
    assert code(source) == ["def f(x):", "    a = 1", "    return a"]
    source = read_source("a.py", "def f(x):\n    if x:\n\treturn 1\n    return 2\n")
    assert code(source)[2] == "        return 1"
    assert "tabs and spaces are mixed" in messages(source)[0]


def test_prompts_of_a_pasted_session_are_taken_off():
    assert code(read_source("a.py", ">>> def f():\n...     return 1\n...\n>>> b = 2\n")) == [
        "def f():",
        "    return 1",
        "b = 2",
    ]
    assert code(read_source("a.py", "In [3]: def f():\n   ...:     return 1\n   ...:\n")) == [
        "def f():",
        "    return 1",
    ]


def test_merge_markers_are_left_out():
    source = read_source("a.py", "<<<<<<< HEAD\na = 1\n=======\na = 2\n>>>>>>> other\n")
    assert code(source) == ["a = 1", "a = 2"]


@pytest.mark.parametrize("damage", ["cut", "comma", "tail", "bracket"])
def test_of_broken_json_the_cells_that_are_whole_are_read(damage: str):
    text = notebook({"cell_type": "markdown", "source": ["x = 'no code'"]}, ["a = 1\n", "b = 2"], ["c = 3\n", "d = 4"])
    at = text.index('"c = 3')
    broken = {
        "cut": text[: at + 12],
        "comma": text.replace('{"cell_type": "code"', '{,"cell_type": "code"', 1),
        "tail": text + "}} trailing",
        "bracket": text.replace('"d = 4"]', '"d = 4"'),
    }[damage]
    source = read_source("a.ipynb", broken)
    assert code(source)[:3] == ["a = 1", "b = 2", "c = 3"]
    assert source.place(1).cell == 2
    assert "not valid JSON" in messages(source)[0]
    assert "no code" not in source.text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"cells": [', "no code cell could be read"),
        ('{"cells": []}', "without a code cell"),
        (
            '{"cells": 3, "worksheets": [3, {"cells": [null, 7, {"cell_type": "code", "source": 5}]}]}',
            "without a code cell",
        ),
        ('{"cells": ' + "[" * 100_000, "nested too deeply"),
    ],
)
def test_a_notebook_without_code_is_a_problem_and_no_crash(text: str, message: str):
    source = read_source("a.ipynb", text)
    assert message in messages(source)[0]
    assert source.text.strip() == ""


@pytest.mark.parametrize(
    "bomb",
    [
        "x = " + "(" * 10_000,
        "x = " + "-" * 100_000 + "1",
        "x = 1" + " + 1" * 20_000,
        "x = a" + ".a" * 50_000,
        "x = " + "[" * 150 + "]" * 150,
        "\n".join("  " * depth + "if x:" for depth in range(120)),
        "x = " + "lambda: " * 5_000 + "1",
        "x = f'" + "{" * 500 + "}" * 500 + "'",
        "x = 9" + "9" * 6_000,
    ],
)
def test_hostile_nesting_spoils_only_its_own_statement(bomb: str):
    source = read_source("a.ipynb", notebook("a = 1", bomb, "b = 2"))
    assert code(source)[0] == "a = 1"
    assert code(source)[-1] == "b = 2"


def test_null_bytes_are_left_out_and_said():
    source = read_source("a.py", "a\0 = 1\nb = 2\0\n")
    assert code(source) == ["a = 1", "b = 2"]
    assert "null bytes" in messages(source)[0]


def test_a_giant_cell_is_left_out_and_the_others_are_read():
    source = read_source("a.ipynb", notebook("a = 1", "x = [" + "1, " * 400_000 + "]", "b = 2"))
    assert code(source) == ["a = 1", "b = 2"]
    assert "1,200,006 characters" in messages(source)[0]
    assert source.problems[0].place.cell == 2


def test_a_file_of_junk_ends_soon_and_in_few_problems():
    before = time.process_time()
    source = read_source("a.py", "this is no python\n" * 20_000)
    assert time.process_time() - before < 5  # without a bound on repairs it would be hours
    assert source.text.strip() == ""
    assert 0 < len(source.problems) <= 21


def test_many_problems_are_cut_short():
    source = read_source("a.ipynb", notebook(*["1 2 3"] * 50))
    assert len(source.problems) == 21
    assert "30 more" in messages(source)[-1]
