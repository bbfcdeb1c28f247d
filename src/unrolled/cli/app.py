"""The Typer application, and how errors look: one line on stderr and exit code 2, a traceback only with `--debug`."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from unrolled.errors import UnrolledError

__all__ = ["app", "main"]

app = typer.Typer(
    name="unrolled",
    help="Recurrent networks you can read, check, see and run.",
    epilog="Begin with: unrolled train",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def version() -> str:
    """The installed version of this package."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        return installed("unrolled")
    except PackageNotFoundError:
        return "0 (not installed)"


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"unrolled {version()}")
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
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
    from unrolled.cli import evaluate, info, sample, train  # noqa: F401  (each adds its command to `app`)

    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        code = app(arguments, standalone_mode=False)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read our output has gone, as `head` does; that is no error of anyone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except KeyboardInterrupt:
        sys.exit(130)
    except UnrolledError as error:
        if "--debug" in arguments:
            raise
        fail(str(error))
    except Exception as error:
        # Typer carries its own copy of click, or uses click, by its version: what both call a ClickException has this method
        if not hasattr(error, "format_message"):
            raise
        fail(_usage(error))
    sys.exit(code if isinstance(code, int) else 0)


def fail(message: str) -> None:
    """Says one line on stderr and leaves with exit code 2."""
    line = " ".join(message.split())
    sys.stderr.buffer.write(f"unrolled: {line}\n".encode(sys.stderr.encoding or "utf-8", "backslashreplace"))
    sys.stderr.flush()
    sys.exit(2)


def _usage(error: Exception) -> str:
    """A usage error of Typer's in one line that says where help is."""
    message: str = error.format_message()  # type: ignore[attr-defined]
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "unrolled"
    return f"{message.rstrip('.')}; see {path} --help"
