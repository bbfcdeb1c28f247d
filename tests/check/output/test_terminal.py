"""The terminal: what a learner reads, at any width, and without colour where nobody sees it."""

import io
import re

import pytest
from rich.console import Console

from unrolled.check.output.terminal import console_for, print_file, print_run
from unrolled.check.output.words import equation_name


def shown(report, width=100, **options):
    file = io.StringIO()
    print_file(Console(file=file, width=width, highlight=False, markup=False, **options), report)
    return file.getvalue()


def test_a_wrong_function_reads_from_the_mistake_to_its_remedy(mixed):
    block = re.search(r"  ✗ lstm_cell_backward.*?\n\n  !", shown(mixed), re.DOTALL).group()
    assert block == (
        "  ✗ lstm_cell_backward (your LSTM.step_back)  wrong  [cell 7, line 1]\n"
        "\n"
        "      Equation (10): your dft multiplies by c_next where c_prev belongs\n"
        "        cell 7, line 41   dft = dc * c_next * ft * (1 - ft)\n"
        "        it computes       dft = dc * c<t> * ft * (1 - ft)\n"
        "        it should be      dft = dc * c<t-1> * ft * (1 - ft)\n"
        "        how we know       this mistake gives exactly your numbers\n"
        "\n"
        "      The LSTM's cache: your cache is one step late\n"
        "        how we know       seen in the results; the line was not found\n"
        "\n"
        "      Wrong: dWf, dbf, dxt, da_prev; right: dWi, dbi\n"
        "\n"
        "  !"
    )


def test_every_other_verdict_is_one_line_with_its_reason(mixed):
    text = shown(mixed)
    for line in (
        "  ✓ lstm_cell_forward  correct\n",
        "  ! lstm_backward  crashed: NameError: name 'dz'  [cell 9, line 1]\n",
        "  ! rnn_forward  timeout: no answer within 5 s  [cell 10, line 1]\n",
        "  ! rnn_backward  refused: it opened a socket  [cell 11, line 1]\n",
        "  ○ gru_forward  missing: not defined\n",
        "  note: cell 3, line 2: this cell does not parse: expected ':'\n        def f(x)\n",
        "1 of 5 functions correct. 1 is still to be written.\n",
    ):
        assert line in text


def test_a_correct_file_is_praised_with_its_convention(right):
    text = shown(right)
    assert "✓ rnn_forward (your ForwardPassRNN)  correct: returns (y_pred, a, caches)" in text
    assert text.endswith("\nAll right: the 2 functions found are correct.\n")


@pytest.mark.parametrize("width", [24, 40, 63, 64, 80, 200])
def test_no_line_is_wider_than_the_terminal_and_nothing_is_lost(mixed, width):
    text = shown(mixed, width)
    assert max(map(len, text.splitlines())) <= width
    squeezed = "".join(text.split())
    for part in ("multipliesbyc_nextwherec_prevbelongs", "dft=dc*c<t-1>*ft*(1-ft)", "thelinewasnotfound"):
        assert part in squeezed


def test_a_pipe_gets_no_colour_and_a_terminal_does(mixed):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    for file, colored in ((io.StringIO(), False), (Terminal(), True)):
        console = console_for(file)
        if colored:
            console._color_system = Console(force_terminal=True, color_system="standard")._color_system
        print_file(console, mixed)
        assert ("\x1b[" in file.getvalue()) == colored


def test_where_the_terminal_knows_no_check_mark_plain_ones_are_used(mixed):
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding="ascii")
    print_file(Console(file=file, width=100, highlight=False, markup=False), mixed)
    file.flush()
    assert b"  + lstm_cell_forward  correct" in raw.getvalue()
    assert b"  x lstm_cell_backward" in raw.getvalue()


def test_markup_of_rich_in_a_learners_line_is_text(hostile):
    assert "[red]" in shown(hostile, 300)


def test_a_run_ends_with_what_most_files_have_wrong(right, mixed):
    file = io.StringIO()
    print_run(Console(file=file, width=100, highlight=False, markup=False), [right, mixed, mixed])
    assert "3 files: 1 all correct, 2 with something wrong, 0 in which nothing" in file.getvalue()
    assert "       2 files  the LSTM's equation (10) (lstm.10)\n" in file.getvalue()


@pytest.mark.parametrize(
    ("equation", "name"),
    [
        ("rnn.0", "equation (0)"),
        ("rnn.a", "the RNN's hidden state"),
        ("lstm.y", "the LSTM's output"),
        ("lstm.bptt.c", "the LSTM's dc on its way from step to step"),
        ("gru.sum", "the GRU's sum over time"),
        ("rnn.init", "the RNN's initial state"),
        ("lstm.alias", "the LSTM's side effects"),
        ("softmax", "the softmax"),
        ("adam.correct", "Adam's bias correction"),
        ("head.dWy", "the output head's dWy"),
        ("something.new", "something.new"),
    ],
)
def test_every_kind_of_equation_id_has_a_name(equation, name):
    assert equation_name(equation) == name
