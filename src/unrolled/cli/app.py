"""The Typer application, and how errors look: one line on stderr and exit code 2, a traceback only with `--debug`."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from unrolled.cli.bench import bench
from unrolled.cli.check import check
from unrolled.cli.evaluate import evaluate
from unrolled.cli.info import info, version
from unrolled.cli.predict import predict
from unrolled.cli.sample import sample
from unrolled.cli.train import train
from unrolled.errors import UnrolledError

__all__ = ["app", "main"]

app = typer.Typer(
    name="unrolled",
    epilog="Begin with: unrolled train",
    rich_markup_mode="markdown",
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(train)
app.command()(sample)
app.command()(predict)
app.command("eval")(evaluate)
app.command()(check)
app.command()(bench)
app.command()(info)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"unrolled {version()}")
        raise typer.Exit


@app.callback()
def options(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    show_version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    """Recurrent networks you can read, check, see and run."""


def main(arguments: list[str] | None = None) -> None:
    """Runs the command and leaves the process with its exit code.

    0: done. 2: an error, or wrong use, said in one line on stderr. 130: interrupted.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    code: object = 0
    if (reconfigure := getattr(sys.stdout, "reconfigure", None)) is not None:
        reconfigure(errors="replace")  # a terminal may be unable to show what a model writes
    try:
        code = app(arguments or ["--help"], prog_name="unrolled", standalone_mode=False)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read our output has gone, as `head` does; that is no error of anyone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (KeyboardInterrupt, typer.Abort):  # Typer makes the second of the first
        code = 130
    except UnrolledError as error:
        if "--debug" in arguments:
            raise
        code = _fail(str(error))
    except Exception as error:
        # by its version Typer uses click or carries a copy: what both call a ClickException has this method
        if not hasattr(error, "format_message"):
            raise
        code = _fail(_usage(error))
    sys.exit(code if isinstance(code, int) else 0)


def _fail(message: str) -> int:
    """Says one line on stderr; returns the exit code."""
    print(f"unrolled: {' '.join(message.split())}", file=sys.stderr)
    return 2


def _usage(error: Exception) -> str:
    """A usage error of Typer's in one line that says where help is."""
    message: str = getattr(error, "format_message")()  # noqa: B009
    context = getattr(error, "ctx", None)
    path: str = context.command_path if context is not None else "unrolled"
    return f"{message.rstrip('.')}; see {path} --help"
