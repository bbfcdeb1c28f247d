"""`%%check` in a notebook: the cell runs as usual, then the functions that it defines are checked; no judging here."""

from __future__ import annotations

import argparse
import json
import shlex
from typing import Any, NoReturn

from unrolled.check.files import Options, check_content, found_in, guard, unchecked
from unrolled.check.output import render
from unrolled.check.output.hints import HINTS, turn_down
from unrolled.check.output.html import fragment
from unrolled.check.results import FileReport
from unrolled.errors import ParameterError

__all__ = ["Shown", "load"]

MAGIC = "%%check"


class Shown:
    """A report, as a notebook shows it and as a terminal does."""

    def __init__(self, report: FileReport) -> None:
        self.report = report

    def _repr_html_(self) -> str:
        return fragment(self.report)

    def __repr__(self) -> str:
        return render([self.report], "terminal").rstrip()


def load(shell: Any) -> None:
    """Gives an IPython shell the magic `%%check [--hints none|where|why|fix] [--map YOURS=NAME]`."""

    def check(line: str, cell: str) -> Shown:
        arguments = _parser().parse_args(shlex.split(line))
        earlier = _earlier(shell.history_manager.input_hist_raw, cell)
        shell.run_cell(cell, store_history=False)
        report = _judged(_notebook(earlier, cell), len(earlier) + 1, tuple(arguments.map))
        return Shown(turn_down(report, arguments.hints))

    check.__doc__ = _parser().format_help()
    shell.register_magic_function(check, "cell", "check")


def _earlier(history: list[str], cell: str) -> list[str]:
    """What was run before this cell; the history begins with an empty entry, and may end with this cell itself."""
    last = history[-1]
    return history[1:-1] if last.startswith(MAGIC) and cell.strip() in last else history[1:]


def _notebook(earlier: list[str], cell: str) -> bytes:
    """The cells that were run, this one last, numbered as the notebook numbers them: In [1] is cell 1."""
    sources = [_plain(text) for text in earlier] + [_plain(f"{MAGIC}\n{cell}")]
    cells: list[dict[str, Any]] = [
        {"cell_type": "code", "metadata": {}, "outputs": [], "source": source} for source in sources
    ]
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}).encode()


def _plain(text: str) -> str:
    """A cell without our magic, its lines where they were."""
    return text[text.find("\n") :] if text.startswith(MAGIC) and "\n" in text else text


def _judged(content: bytes, number: int, mapping: tuple[str, ...]) -> FileReport:
    name = f"cell {number}"
    found = found_in(name, content, Options(mapping))
    names = tuple(function for function, place in found if place.cell == number)
    if not names:
        return unchecked(name, "none of the functions is defined in this cell; name yours with --map")
    mode, warning = guard(insist=False)
    if warning:
        print(warning)
    return check_content(name, content, Options(mapping, names, mode=mode))


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ParameterError(f"{MAGIC}: {message}; see %%check?")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog=MAGIC, description="Run this cell, then check the functions that it defines.", add_help=False)
    parser.add_argument("--hints", choices=HINTS, default="fix", help="how much is told (default: fix)")
    parser.add_argument("--map", action="append", default=[], metavar="YOURS=NAME", help="what is not guessed")
    return parser
