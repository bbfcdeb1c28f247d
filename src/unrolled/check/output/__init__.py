"""Reports in each format that `unrolled check` writes; each format is a module, loaded when it is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Literal, get_args

from unrolled.check.results import FileReport

__all__ = ["FORMATS", "Format", "render"]

Format = Literal["terminal", "json", "html", "junit", "gradescope", "csv"]
FORMATS: tuple[Format, ...] = get_args(Format)


def render(reports: Sequence[FileReport], format: Format) -> str:  # noqa: A002
    """All reports as one text in one of `FORMATS`.

    >>> report = FileReport("rnn.py")
    >>> [format for format in FORMATS if "rnn.py" not in render([report], format)]
    []
    """
    writer = "text" if format == "terminal" else format
    return getattr(import_module(f"unrolled.check.output.{format}"), f"to_{writer}")(reports)
