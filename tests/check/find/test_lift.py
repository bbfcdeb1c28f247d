"""A function's code without the rest of its file: it runs alone, its lines keep their numbers."""

import json
from typing import Any

import numpy as np
import pytest

from unrolled.check.find import Found, find_functions, read_source

SOFTMAX = "def softmax(x):\n    e = np.exp(x)\n    return e / e.sum(0)\n"


def find(text: str, function: str = "softmax") -> Found:
    found, _ = find_functions(read_source("a.py", text))
    return next(one for one in found if one.name == function)


def problems(text: str) -> list[str]:
    return [problem.message for problem in find_functions(read_source("a.py", text))[1]]


def run(found: Found) -> Any:
    """The learner's function, as the sandbox would make it."""
    scope: dict[str, Any] = {"__name__": "submission"}
    exec(compile(found.code, "submission", "exec"), scope)
    owner, _, name = found.entry.rpartition(".")
    return getattr(scope[owner], name) if owner else scope[name]


def kept(found: Found) -> list[str]:
    return [line.strip() for line in found.code.split("\n") if line.strip()]


def test_nothing_that_is_not_used_comes_along_and_lines_keep_their_numbers():
    text = (
        "import os, sys\nimport numpy as np, torch\n"
        "from public_tests import rnn_test\nimport matplotlib.pyplot as plt\n"
        "data = open('names.txt').read()\nx = np.random.randn(3)\nprint(x)\nfor i in range(10**9):\n    pass\n"
        + SOFTMAX
    )
    found = find(text)
    lines = found.code.split("\n")
    assert found.line == 10
    assert [(at, line) for at, line in enumerate(lines, start=1) if line.strip()][1:] == [
        (2, "import numpy as np"),
        (10, "def softmax(x):"),
        (11, "    e = np.exp(x)"),
        (12, "    return e / e.sum(0)"),
    ]
    np.testing.assert_allclose(run(found)(np.zeros((2, 1))), 0.5)


def test_an_error_in_lifted_code_has_the_line_of_the_file():
    found = find(
        "import numpy as np\n\n" * 3 + "if True:\n    def softmax(x):\n        y = x\n        return y.no_such\n"
    )
    with pytest.raises(AttributeError) as caught:
        run(found)(1.0)
    assert caught.traceback[-1].lineno + 1 == 10


def test_helpers_constants_and_classes_come_along_as_far_as_they_are_used():
    text = """
import numpy as np
from collections import namedtuple
from dataclasses import dataclass
EPS = 1e-8; UNUSED = print("never")
SCALE = EPS * 1e8
AXES = {"rows": 0}
AXES["columns"] = 1
Pair = namedtuple("Pair", "top bottom")
@dataclass
class Box:
    top: np.ndarray
    def total(self):
        return shift(self.top).sum(0)
def shift(x):
    return x - np.max(x)
def unused():
    return torch.zeros(3)
def softmax(x):
    e = np.exp(shift(x)) * SCALE
    pair = Pair(e, Box(e).total() + 4 * AXES["columns"])
    return pair.top / pair.bottom
"""
    found = find(text)
    np.testing.assert_allclose(run(found)(np.ones((4, 2))), 0.25)
    assert "UNUSED" not in found.code
    assert "unused" not in found.code


def test_a_name_of_the_functions_own_brings_nothing_along():
    text = "import numpy as np\nx = 3\ne = open('f')\ns = np.ones(3)\n" + SOFTMAX
    assert kept(find(text))[1:] == ["def softmax(x):", "e = np.exp(x)", "return e / e.sum(0)"]
    assert problems(text) == []


@pytest.mark.parametrize(
    "value",
    [
        "3",
        "-1e-5",
        "np.zeros((3, 4))",
        "np.random.randn(3, 4).astype(np.float32) * 0.1",
        "{'a': [1, 2], **{'b': 3}}",
        "[k for k in 'fico']",
        "{k: np.ones(2) for k in 'fico'}",
        "np.float64",
        "lambda v: v",
        "math.sqrt(2)",
        "'fico'.split()",
        "logging.getLogger('x')",
        "functools.partial(np.sum, axis=0)",
        "B + 1",
    ],
)
def test_a_constant_is_run(value: str):
    text = f"import numpy as np\nimport math, logging, functools\nB = 4\nA = {value}\ndef softmax(x):\n    return A\n"
    assert run(find(text))(1) is not None
    assert problems(text) == []


@pytest.mark.parametrize(
    "value",
    [
        "open('f').read()",
        "np.load('f.npy')",
        "np.loadtxt('f')",
        "input()",
        "train(3)",
        "requests.get('u')",
        "exec('1')",
        "np.random.seed(1).x()",
        "[open(f) for f in 'ab']",
        "__import__('os').system('ls')",
        "os.listdir('.')",
        "A0 + 1",
        "A + 1",
    ],
)
def test_what_may_read_wait_or_take_long_is_not_run_and_that_is_said(value: str):
    text = (
        "import os\nimport numpy as np\nimport requests\nA0 = open('x')\ndef train(n):\n    return n\n"
        f"A = {value}\ndef softmax(x):\n    return A\n"
    )
    found = find(text)
    assert [line for line in kept(found) if line.startswith("A")] == []
    assert "`softmax` reads `A` from outside, which is set here by more than a constant" in problems(text)[0]


def test_the_last_value_and_later_changes_of_it_are_taken():
    text = "n = 1\nn = 2\nn += 1\np = {}\np['W'] = n\np['V'] = open('f')\ndef softmax(x):\n    return p['W'] + n\n"
    assert run(find(text))(0) == 6


def test_a_name_set_by_a_loop_is_not_lifted_and_named():
    assert (
        "`n` from outside, which is set here by a `for` loop or block"
        in problems("for n in range(3):\n    pass\ndef softmax(x):\n    return x * n\n")[0]
    )


def test_imports_are_taken_from_where_they_are():
    text = """
try:
    import torch
    from math import gamma
    import numpy as np
except ImportError:
    np = None
    gamma = None
if True:
    import math as m
def softmax(x):
    from itertools import chain
    return np.exp(gamma(x)) + m.pi
"""
    assert run(find(text))(2.0) == pytest.approx(np.e + np.pi)


def test_a_fallback_is_taken_where_the_first_choice_is_not_there():
    text = "try:\n    from torch import exp\nexcept ImportError:\n    from math import exp\n"
    text += "def softmax(x):\n    return exp(x)\n"
    assert run(find(text))(0) == 1


def test_numpy_that_was_forgotten_is_there_without_moving_a_line():
    for text in (SOFTMAX, "\n" + SOFTMAX, "# x\n" + SOFTMAX):
        found = find(text)
        np.testing.assert_allclose(run(found)(np.zeros((2, 1))), 0.5)
        assert found.code.split("\n")[found.line - 1].endswith("def softmax(x):")


@pytest.mark.parametrize(
    "line",
    ["from utils import sigmoid, softmax", "from utils import *", "from .rnn_utils import *", "import numpy as np"],
)
def test_the_courses_helpers_come_from_the_module_that_is_provided(line: str):
    found = find(f"{line}\ndef rnn_cell_forward(xt, a_prev, parameters):\n    return softmax(xt)\n", "rnn_cell_forward")
    assert "from rnn_utils import softmax" in found.code
    assert "utils" not in found.code.replace("rnn_utils", "")


def test_the_courses_own_import_stays():
    found = find(
        "from rnn_utils import *\ndef rnn_cell_forward(xt, a_prev, p):\n    return softmax(xt)\n", "rnn_cell_forward"
    )
    assert kept(found)[0].endswith("from rnn_utils import *")


def test_an_import_that_is_not_there_stays_where_it_is_used():
    found = find("import torch, numpy as np\ndef softmax(x):\n    return torch.softmax(x)\n")
    assert "import torch" in found.code
    assert "numpy" not in found.code


def test_what_a_base_class_needs_is_imported_though_a_method_that_is_not_reached_reads_it_too():
    text = """
import torch.nn as nn
class LSTM(nn.Module):
    def __init__(self):
        self.layer = nn.Linear(1, 1)
    def step_forward(self, xt, a_prev, c_prev):
        return self.layer(xt)
"""
    assert "import torch.nn as nn" in find(text, "lstm_cell_forward").code


def test_a_star_import_of_what_only_shows_hides_no_helper_of_the_course():
    found = find(
        "from matplotlib.pyplot import *\ndef rnn_cell_forward(xt, a_prev, p):\n    return softmax(xt)\n",
        "rnn_cell_forward",
    )
    assert "from rnn_utils import softmax" in found.code


def test_decorators_that_are_not_there_are_left_out_and_others_stay():
    text = """
import numpy as np, functools
from numba import njit
import numba
def twice(f):
    @functools.wraps(f)
    def g(x):
        return 2 * f(x)
    return g
@njit(
    cache=True)
@numba.jit
@twice
def softmax(x):
    return x
"""
    assert run(find(text))(2) == 4
    assert "numba" not in find(text).code


def test_types_that_are_not_there_do_no_harm_in_annotations():
    text = "\ndef softmax(x: 'np.ndarray', axis: int = 0) -> np.array.no_such:\n    y: float = 1\n    return x\n"
    assert run(find(text))(2) == 2


def test_a_function_is_lifted_out_of_any_block():
    text = """
import numpy as np
def main():
    k = 3
    def helper(x):
        return x * k
    def rnn_cell_forward(xt, a_prev, parameters):
        doc = '''text
at the margin'''
        return helper(xt), doc
    rnn_cell_forward(1, 2, 3)
if __name__ == "__main__":
    if True:
        def softmax(x):
            # note
            return x + 1
"""
    assert run(find(text))(1) == 2
    assert run(find(text, "rnn_cell_forward"))(2, 0, 0) == (6, "text\nat the margin")


def test_a_function_that_needs_the_one_around_it_is_left_alone():
    text = "def outer(k):\n    def softmax(x):\n        return x * k\n    return softmax\n"
    assert find_functions(read_source("a.py", text))[0] == []


def test_a_method_comes_with_its_class_without_the_other_methods():
    text = """
import numpy as np
import torch
import matplotlib.pyplot as plt
class Base:
    scale = 2
class LSTM(Base):
    '''A cell.'''
    rate = 0.5
    def __init__(self):
        self.W = torch.zeros(3)
    def plot(self):
        plt.show()
    @staticmethod
    def softmax(x):
        return np.exp(x)
    def _gate(self, x):
        return self._gain(x) * self.scale
    @property
    def gain(self):
        return self.rate
    def _gain(self, x):
        return x * self.gain
    def lstm_cell_forward(self, xt, a_prev, c_prev):
        return self._gate(xt) + self.softmax(0)
"""
    found = find(text, "lstm_cell_forward")
    assert (found.entry, found.method_of) == ("LSTM.lstm_cell_forward", "LSTM")
    assert "plt" not in found.code
    assert "import torch" not in found.code
    scope: dict[str, Any] = {}
    exec(found.code, scope)
    assert scope["LSTM"].__new__(scope["LSTM"]).lstm_cell_forward(3, 0, 0) == 4
    assert run(find(text, "softmax"))(0) == 1


def test_a_lambda_is_lifted():
    found = find("import numpy as np\nsigmoid = lambda x: 1 / (1 + np.exp(-x)); junk = print(1)\n", "sigmoid")
    assert run(found)(0) == 0.5
    assert "junk" not in found.code


def test_names_of_other_alphabets_are_cut_where_they_are():
    text = "import numpy as np\nß = 2; größe = 3; ü = print()\ndef softmax(x):\n    return x * größe\n"
    assert run(find(text))(1) == 3


def test_a_statement_is_cut_out_of_the_lines_that_it_shares():
    text = "a = print(); b = [1,\n  2]; c = 3; d = print()\ndef softmax(x):\n    return b + [c]\n"
    assert run(find(text))(0) == [1, 2, 3]
    assert "print" not in find(text).code


def test_statements_for_the_first_line_only_are_dropped():
    text = "'''doc'''\nfrom __future__ import print_function, division\nimport numpy as np\n" + SOFTMAX
    np.testing.assert_allclose(run(find(text))(np.zeros((2, 1))), 0.5)


def test_functions_that_call_each_other_are_lifted_once():
    text = "def f(x):\n    return softmax(x - 1)\ndef softmax(x):\n    return f(x) if x > 0 else 7\n"
    assert run(find(text))(3) == 7


def test_the_cells_of_a_notebook_are_one_text():
    cells = ["import numpy as np\n%matplotlib inline", "K = 2", "!ls", "def softmax(x):\n    return x * K"]
    source = read_source("a.ipynb", json.dumps({"cells": [{"cell_type": "code", "source": cell} for cell in cells]}))
    found = find_functions(source)[0][0]
    assert run(found)(2) == 4
    assert source.place(found.line).cell == 4


def test_values_that_stand_for_one_another_a_hundredfold_end_soon():
    rows = [f"v{n} = ({', '.join(f'v{n + 1 + k}' for k in range(30))},)" for n in range(60)]
    found = find("\n".join(rows) + "\ndef softmax(x):\n    return v0\n")
    assert found.name == "softmax"
