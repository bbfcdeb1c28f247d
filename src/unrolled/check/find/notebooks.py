"""A notebook's JSON to its cells, also when the JSON is broken; no code is read here."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, cast

from unrolled.check.results import Problem

__all__ = ["Cell", "is_notebook", "read_cells"]

# What a notebook holds at its top: nbformat 4 has "cells", nbformat 3 "worksheets" (and "input" for a cell's source).
MARKS = re.compile(r'"(?:cells|worksheets|nbformat)"\s*:')
KIND = re.compile(r'"cell_type"\s*:\s*"(\w+)"')
START = re.compile(r'"(?:source|input)"\s*:\s*(?=[\["])')
HEAD = 1 << 14  # characters in which one of these is expected


@dataclass(frozen=True)
class Cell:
    """One code cell."""

    number: int  # from 1, counting all cells
    text: str


def is_notebook(name: str, text: str) -> bool:
    """Whether this is a notebook's JSON, whatever the file is called: some are saved as .py, some .ipynb are code."""
    start = text.lstrip()
    if not start.startswith("{"):
        return False
    marked = MARKS.search(start, 0, HEAD) or MARKS.search(start, len(start) - HEAD)
    return name.lower().endswith(".ipynb") or marked is not None


def read_cells(text: str) -> tuple[list[Cell], list[Problem]]:
    """The code cells in order. Of broken JSON, those that can still be read, and what is wrong."""
    try:
        content = json.loads(text, strict=False)
    except json.JSONDecodeError as error:
        cells = _salvage(text)
        what = f"not valid JSON (line {error.lineno}: {error.msg})"
        if not cells:
            return [], [Problem(f"{what}, and no code cell could be read; save the notebook again in Jupyter")]
        return cells, [Problem(f"{what}; {len(cells)} code cells could be read; save the notebook again in Jupyter")]
    except RecursionError:
        return [], [Problem("JSON nested too deeply to be a notebook; save it again in Jupyter")]
    cells = [
        Cell(number, source)
        for number, cell in enumerate(_cells(content), start=1)
        if cell.get("cell_type") == "code" and (source := _source(cell)) is not None
    ]
    if cells:
        return cells, []
    return [], [Problem("a notebook without a code cell; was it saved before the code was written?")]


def _cells(content: Any) -> list[dict[str, Any]]:
    if not isinstance(content, dict):
        return []
    top = cast(dict[str, Any], content)
    groups: list[Any] = [top.get("cells")]
    worksheets = top.get("worksheets")
    if isinstance(worksheets, list):
        sheets = [cast(dict[str, Any], sheet) for sheet in cast(list[Any], worksheets) if isinstance(sheet, dict)]
        groups += [sheet.get("cells") for sheet in sheets]
    cells = [cell for group in groups if isinstance(group, list) for cell in cast(list[Any], group)]
    return [cell if isinstance(cell, dict) else {} for cell in cells]


def _source(cell: dict[str, Any]) -> str | None:
    source = cell.get("source", cell.get("input"))
    if isinstance(source, list):
        return "".join(line for line in cast(list[Any], source) if isinstance(line, str))
    return source if isinstance(source, str) else None


def _salvage(text: str) -> list[Cell]:
    """Each `"source": ...` that is whole by itself, with the cell type that stands last before it."""
    decoder = json.JSONDecoder(strict=False)
    kinds = [(match.start(), match[1]) for match in KIND.finditer(text)]
    cells, at, number = list[Cell](), 0, 0
    while match := START.search(text, at):
        at = match.end()
        while number < len(kinds) and kinds[number][0] < at:
            number += 1
        try:
            source, end = decoder.raw_decode(text, at)
        except (json.JSONDecodeError, RecursionError):
            source, end = None, at
        if source is None or any(not isinstance(line, str) for line in source):  # a lost `]` takes in what follows
            source, end = _lines(text, at), at
        at = end
        code = number > 0 and kinds[number - 1][1] == "code"
        if code and (joined := _source({"source": source})):
            cells.append(Cell(number, joined))
    return cells


def _lines(text: str, at: int) -> list[str]:
    """The strings of a list that is cut off or has lost a comma."""
    decoder, lines = json.JSONDecoder(strict=False), list[str]()
    while match := re.compile(r'[\[,\s]*(?=")').match(text, at):
        try:
            line, at = decoder.raw_decode(text, match.end())
        except json.JSONDecodeError:
            break
        lines.append(line)
    return lines
