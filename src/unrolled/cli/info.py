"""`unrolled info`: what is installed, and what the engine uses on this machine."""

from __future__ import annotations

import platform
from importlib import metadata

import typer


def version() -> str:
    """The installed version of this package."""
    try:
        return metadata.version("unrolled")
    except metadata.PackageNotFoundError:  # run from a source tree
        return "not installed"


def info() -> None:
    """Print versions, and the engine's instruction set and threads."""
    import numpy as np

    from unrolled import engine

    used = engine.info()
    others = [name for name in used["usable_instruction_sets"] if name != used["instruction_set"]]
    typer.echo(f"unrolled         {version()}")
    typer.echo(f"Python           {platform.python_version()} ({platform.system()} {platform.machine()})")
    typer.echo(f"NumPy            {np.__version__}")
    typer.echo(
        f"instruction set  {used['instruction_set']}"
        + (f" (UNROLLED_ISA can force {', '.join(others)})" if others else "")
    )
    typer.echo(f"threads          {used['threads']} (UNROLLED_NUM_THREADS sets another number)")
