"""The command `unrolled`: arguments in, words out; every job is another module's, imported when asked for."""

from unrolled.cli.app import main

__all__ = ["main"]
